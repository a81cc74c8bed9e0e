/* SPDX-License-Identifier: Apache-2.0 */
/* load.c: reads the sections of a file by the table of fields.c, then checks what needs more than one key. */
#include "config/load.h"

#include <stdio.h>
#include <string.h>

#define PATH_MAX_CHARS 96

static void load_section(struct weir_loader *loader, const struct weir_key *keys, const struct weir_node *map,
                         struct weir_mark place, const char *path, void *target);

void *weir_loader_alloc(struct weir_loader *loader, size_t bytes) {
    void *memory = weir_arena_alloc(loader->arena, bytes);
    if (!memory)
        loader->out_of_memory = true;
    else
        memset(memory, 0, bytes);
    return memory;
}

static const char *kind_name(enum weir_node_kind kind) {
    return kind == WEIR_NODE_MAP ? "map" : kind == WEIR_NODE_SEQUENCE ? "list" : "single value";
}

bool weir_loader_expect(struct weir_loader *loader, const struct weir_slot *slot, enum weir_node_kind kind) {
    if (slot->node->unknown) return false;
    if (slot->node->kind == kind) return true;
    if (kind != WEIR_NODE_SCALAR && weir_node_is_null(slot->node))
        return false; /* all its entries commented out */
    const char *name = slot->key->name;
    weir_diag_add(loader->diags, "E111", slot->node->mark, "'%s' is %s, not a %s", name,
                  weir_key_kind_text(slot->key), kind_name(slot->node->kind));
    if (kind == WEIR_NODE_MAP && slot->key->keys)
        weir_diag_help(loader->diags, "write `%s: {%s: ...}`, or its keys indented on lines below", name,
                       slot->key->keys[0].name);
    else if (kind == WEIR_NODE_MAP)
        weir_diag_help(loader->diags, "write `%s: {name: value}`, or its keys indented on lines below", name);
    else if (kind == WEIR_NODE_SEQUENCE)
        weir_diag_help(loader->diags, "begin each item with `- `");
    return false;
}

static void unknown_key(struct weir_loader *loader, const struct weir_key *keys, const struct weir_node *key,
                        const char *path) {
    const char *names[32];
    size_t count = 0;
    for (; keys[count].name && count < 31; count++) names[count] = keys[count].name;
    names[count] = NULL;
    char elsewhere[PATH_MAX_CHARS];
    weir_diag_add(loader->diags, "E110", key->mark, "unknown key '%s'%s%s", key->text, path[0] ? " in " : "",
                  path);
    if (!weir_suggest(key->text, names, count) && weir_key_locate(key->text, elsewhere, sizeof elsewhere))
        weir_diag_help(loader->diags, "'%s' belongs %s%s", key->text,
                       elsewhere[0] ? "into " : "to the top level", elsewhere);
    else
        weir_diag_help_words(loader->diags, key->text, names, "the keys here are");
}

/* One map per item; names of items must differ. */
static void load_items(struct weir_loader *loader, const struct weir_slot *slot, const char *path) {
    if (!weir_loader_expect(loader, slot, WEIR_NODE_SEQUENCE)) return;
    const struct weir_node *list = slot->node;
    size_t bytes = slot->key->item_bytes;
    char *items = weir_loader_alloc(loader, (list->count + 1) * bytes);
    uint32_t count = 0;
    for (uint32_t i = 0; items && i < list->count; i++) {
        const struct weir_node *item = list->items[i];
        char item_path[PATH_MAX_CHARS];
        snprintf(item_path, sizeof item_path, "%.60s[%u]", path, i);
        if (item->unknown) continue;
        if (item->kind != WEIR_NODE_MAP) {
            weir_diag_add(loader->diags, "E111", item->mark, "%s is a map, not a %s", item_path,
                          kind_name(item->kind));
            weir_diag_help(loader->diags, "write `- {%s: ...}`", slot->key->keys[0].name);
            continue;
        }
        load_section(loader, slot->key->keys, item, item->mark, item_path, items + count * bytes);
        const struct weir_node *name = weir_node_get(item, "name");
        for (uint32_t j = 0; name && name->kind == WEIR_NODE_SCALAR && j < i; j++) {
            const struct weir_node *other = weir_node_get(list->items[j], "name");
            if (!other || other->kind != WEIR_NODE_SCALAR || strcmp(other->text, name->text) != 0) continue;
            weir_diag_add(loader->diags, "E319", name->mark, "the name '%s' stands twice in '%s'",
                          weir_node_shown(name), path);
            break;
        }
        count++;
    }
    if (!items) return;
    memcpy(weir_slot_at(slot), &items, sizeof items);
    memcpy((char *)slot->target + slot->key->count_offset, &count, sizeof count);
}

static void load_options(struct weir_loader *loader, const struct weir_slot *slot) {
    if (!weir_loader_expect(loader, slot, WEIR_NODE_MAP)) return;
    *(const struct weir_node **)weir_slot_at(slot) = slot->node;
}

static void load_key(struct weir_loader *loader, const struct weir_slot *slot, const char *path) {
    switch (slot->key->kind) {
        case WEIR_KEY_LATER:
            weir_diag_add(loader->diags, "E320", slot->key_node->mark, "'%s' is not in this version of weir",
                          path);
            weir_diag_help(loader->diags, "remove it; it is meant for a later version: %s", slot->key->help);
            break;
        case WEIR_KEY_SINK:
            if (!weir_loader_expect(loader, slot, WEIR_NODE_MAP)) break;
            *(const struct weir_node **)weir_slot_at(slot) = slot->node;
            load_section(loader, slot->key->keys, slot->node, slot->key_node->mark, path, weir_slot_at(slot));
            break;
        case WEIR_KEY_SECTION:
            if (!weir_loader_expect(loader, slot, WEIR_NODE_MAP)) break;
            load_section(loader, slot->key->keys, slot->node, slot->key_node->mark, path, weir_slot_at(slot));
            break;
        case WEIR_KEY_LIST:
            load_items(loader, slot, path);
            break;
        case WEIR_KEY_OPTIONS:
            load_options(loader, slot);
            break;
        case WEIR_KEY_NAMES:
        case WEIR_KEY_ACTIONS:
        case WEIR_KEY_OPERATORS:
        case WEIR_KEY_SCHEMA:
        case WEIR_KEY_EXPRESSIONS:
        case WEIR_KEY_PROPERTIES:
        case WEIR_KEY_PROPERTY:
            weir_load_list(loader, slot);
            break;
        default:
            weir_load_value(loader, slot);
            break;
    }
}

/* Defaults of a section and of the sections in it; `items` of lists get theirs when they are read. */
static void set_fallbacks(const struct weir_key *keys, void *target) {
    for (const struct weir_key *key = keys; key->name; key++) {
        if (key->kind == WEIR_KEY_SECTION || key->kind == WEIR_KEY_SINK)
            set_fallbacks(key->keys, (char *)target + key->offset);
        else
            weir_load_fallback(key, target);
    }
}

static const struct weir_node *find(const struct weir_node *map, const char *name,
                                    const struct weir_node **key) {
    for (uint32_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i]->text, name) != 0) continue;
        *key = map->keys[i];
        return map->values[i];
    }
    return NULL;
}

static void load_section(struct weir_loader *loader, const struct weir_key *keys, const struct weir_node *map,
                         struct weir_mark place, const char *path, void *target) {
    set_fallbacks(keys, target);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct weir_key *key = keys;
        while (key->name && strcmp(key->name, map->keys[i]->text) != 0) key++;
        if (!key->name) unknown_key(loader, keys, map->keys[i], path);
    }
    for (const struct weir_key *key = keys; key->name; key++) {
        const struct weir_node *key_node = NULL;
        const struct weir_node *node = find(map, key->name, &key_node);
        char below[PATH_MAX_CHARS];
        snprintf(below, sizeof below, "%.60s%s%.30s", path, path[0] ? "." : "", key->name);
        bool empty = node && key->required && weir_node_is_null(node) && !node->unknown;
        if (node && !empty) {
            load_key(loader, &(struct weir_slot){key, key_node, node, target}, below);
        } else if (key->required) {
            weir_diag_add(loader->diags, "E115", empty ? key_node->mark : place, "'%s' %s", below,
                          empty ? "has no value" : "is missing");
            weir_diag_help(loader->diags, "%s: %s", key->name, key->help);
        }
    }
}

/* Rules that need more than one key. */
static void check_whole(struct weir_loader *loader, const struct weir_node *root,
                        struct weir_pipeline *pipeline) {
    struct weir_source_config *source = &pipeline->source;
    const struct weir_node *key = NULL;
    const struct weir_node *map = find(root, "source", &key);
    if (!source->group && pipeline->name) {
        source->group = weir_arena_format(loader->arena, "weir-%s", pipeline->name);
        if (!source->group) loader->out_of_memory = true;
    }
    if (!map || map->kind != WEIR_NODE_MAP) return;
    const struct weir_node *schema = find(map, "schema", &key);
    bool raw = source->format.text && !strcmp(source->format.text, "raw");
    bool empty = !schema || weir_node_is_null(schema) || (schema->kind == WEIR_NODE_MAP && !schema->count);
    if (raw || !empty) return;
    weir_diag_add(loader->diags, "E115", key->mark, "'source.schema' %s",
                  schema ? "has no columns" : "is missing");
    weir_diag_help(loader->diags, "list the columns: `schema: {amount: float64, channel: category?}`");
}

int weir_pipeline_load(struct weir_document *document, struct weir_diags *diags,
                       struct weir_pipeline *pipeline) {
    struct weir_loader loader = {.arena = &document->arena, .diags = diags};
    const struct weir_node *root = document->root;
    memset(pipeline, 0, sizeof *pipeline);
    if (!root || root->kind != WEIR_NODE_MAP) {
        set_fallbacks(weir_pipeline_keys, pipeline);
        if (!root || root->unknown) return WEIR_CONFIG;
        weir_diag_add(diags, "E116", root->mark,
                      weir_node_is_null(root) ? "the file is empty" : "the file is a %s, not a map",
                      kind_name(root->kind));
        weir_diag_help(diags, "it begins with `weir: 1`");
        return WEIR_CONFIG;
    }
    struct weir_mark start = root->count ? root->keys[0]->mark : root->mark;
    load_section(&loader, weir_pipeline_keys, root, start, "", pipeline);
    if (pipeline->commit_ms == WEIR_NOT_GIVEN)
        pipeline->commit_ms = weir_pipeline_is_exact(pipeline) ? 100 : 1000;
    check_whole(&loader, root, pipeline);
    if (loader.out_of_memory) return WEIR_NOMEM;
    return diags->error_count ? WEIR_CONFIG : WEIR_OK;
}
