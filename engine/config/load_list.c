/* SPDX-License-Identifier: Apache-2.0 */
/* load_list.c: values that are collections: names, actions, operators, schema, expressions, properties. */
#include <string.h>
#include <strings.h>

#include "config/load.h"

static void set_list(const struct weir_slot *slot, void *items, uint32_t count) {
    memcpy(weir_slot_at(slot), &items, sizeof items);
    memcpy((char *)slot->target + slot->key->count_offset, &count, sizeof count);
}

/* The items of a sequence, or a single scalar as a list of one. NULL after a finding. */
static const struct weir_node *const *items_of(struct weir_loader *loader, const struct weir_slot *slot,
                                               uint32_t *count) {
    *count = 0;
    if (slot->node->kind == WEIR_NODE_SEQUENCE) {
        *count = slot->node->count;
        return (const struct weir_node *const *)slot->node->items;
    }
    if (slot->node->kind == WEIR_NODE_SCALAR) {
        if (slot->node->unknown || weir_node_is_null(slot->node)) return NULL;
        *count = 1;
        return &slot->node;
    }
    weir_loader_expect(loader, slot, WEIR_NODE_SEQUENCE);
    return NULL;
}

/* An item of a list that must be a non-empty text. */
static bool is_text_item(struct weir_loader *loader, const struct weir_slot *slot,
                         const struct weir_node *item) {
    if (item->unknown) return false;
    if (item->kind != WEIR_NODE_SCALAR) {
        weir_diag_add(loader->diags, "E111", item->mark, "an item of '%s' is a name, not a %s",
                      slot->key->name, item->kind == WEIR_NODE_MAP ? "map" : "list");
        return false;
    }
    if (weir_node_is_null(item) || !item->text[0]) {
        weir_diag_add(loader->diags, "E112", item->mark, "an item of '%s' is empty", slot->key->name);
        return false;
    }
    return true;
}

static void load_names(struct weir_loader *loader, const struct weir_slot *slot) {
    uint32_t count, kept = 0;
    const struct weir_node *const *items = items_of(loader, slot, &count);
    struct weir_name *names = weir_loader_alloc(loader, (count + 1) * sizeof *names);
    if (!names) return;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_text_item(loader, slot, items[i])) continue;
        uint32_t same = 0;
        while (same < kept && strcmp(names[same].text, items[i]->text) != 0) same++;
        if (same < kept)
            weir_diag_add(loader->diags, "E319", items[i]->mark, "'%s' stands twice in '%s'",
                          weir_node_shown(items[i]), slot->key->name);
        else
            names[kept++] = (struct weir_name){items[i]->text, items[i]};
    }
    set_list(slot, names, kept);
}

static void load_actions(struct weir_loader *loader, const struct weir_slot *slot) {
    uint32_t count;
    unsigned mask = 0;
    const struct weir_node *const *items = items_of(loader, slot, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_text_item(loader, slot, items[i])) continue;
        unsigned index = 0;
        while (slot->key->choices[index] && strcmp(slot->key->choices[index], items[i]->text) != 0) index++;
        if (slot->key->choices[index]) {
            mask |= 1u << index;
            continue;
        }
        weir_diag_add(loader->diags, "E114", items[i]->mark, "'%.80s' is no action",
                      weir_node_shown(items[i]));
        weir_diag_help_words(loader->diags, weir_node_shown(items[i]), slot->key->choices, "one of");
    }
    if (mask) memcpy(weir_slot_at(slot), &mask, sizeof mask);
    memcpy((char *)slot->target + slot->key->count_offset, &slot->node, sizeof slot->node);
}

/* "standard_scaler", or {standard_scaler: {with_mean: false}}. */
static void load_operators(struct weir_loader *loader, const struct weir_slot *slot) {
    uint32_t count, kept = 0;
    const struct weir_node *map_alone = slot->node->kind == WEIR_NODE_MAP ? slot->node : NULL;
    const struct weir_node *const *items = map_alone ? &map_alone : items_of(loader, slot, &count);
    if (map_alone) count = 1;
    struct weir_operator_use *uses = weir_loader_alloc(loader, (count + 1) * sizeof *uses);
    if (!uses) return;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_node *item = items[i];
        if (item->kind == WEIR_NODE_MAP && item->count == 1) {
            uses[kept++] = (struct weir_operator_use){{item->keys[0]->text, item->keys[0]}, item->values[0]};
        } else if (item->kind == WEIR_NODE_MAP) {
            weir_diag_add(loader->diags, "E111", item->mark, "one %s per item, this has %u", slot->key->name,
                          item->count);
            weir_diag_help(loader->diags, "write `- name: {option: value}` for each");
        } else if (is_text_item(loader, slot, item)) {
            uses[kept++] = (struct weir_operator_use){{item->text, item}, NULL};
        }
    }
    set_list(slot, uses, kept);
}

/* Names that other systems use for weir's types. */
static const char *const type_aliases[][2] = {
    {"int", "int64"},       {"integer", "int64"},   {"long", "int64"},         {"bigint", "int64"},
    {"int32", "int64"},     {"float", "float64"},   {"double", "float64"},     {"number", "float64"},
    {"real", "float64"},    {"decimal", "float64"}, {"float32", "float64"},    {"text", "string"},
    {"str", "string"},      {"varchar", "string"},  {"boolean", "bool"},       {"enum", "category"},
    {"factor", "category"}, {"date", "timestamp"},  {"datetime", "timestamp"}, {"time", "timestamp"},
};
static const char *const column_types[] = {"bool",     "int64",     "float64", "string",
                                           "category", "timestamp", NULL};

static void unknown_type(struct weir_loader *loader, const struct weir_node *node, const char *type,
                         size_t len) {
    struct weir_mark mark = node->mark;
    if (node->verbatim) mark.length = (uint32_t)len;
    weir_diag_add(loader->diags, "E114", mark, "unknown type '%s'", type);
    for (size_t i = 0; i < sizeof type_aliases / sizeof type_aliases[0]; i++) {
        if (strcasecmp(type, type_aliases[i][0]) != 0) continue;
        weir_diag_help(loader->diags, "weir calls it '%s'", type_aliases[i][1]);
        return;
    }
    weir_diag_help_words(loader->diags, type, column_types, "the types are");
}

/* "float64" or "float64?". */
static bool read_type(struct weir_loader *loader, const struct weir_node *node, struct weir_column *column) {
    if (node->unknown) return false;
    if (weir_node_is_null(node)) {
        weir_diag_add(loader->diags, "E112", node->mark, "column '%s' has no type", column->name.text);
        weir_diag_help_words(loader->diags, "", column_types, "the types are");
        return false;
    }
    size_t len = strlen(node->text);
    bool optional = len && node->text[len - 1] == '?';
    char *type = weir_arena_copy(loader->arena, node->text, len - optional);
    if (!type) {
        loader->out_of_memory = true;
        return false;
    }
    int parsed = weir_type_parse(type);
    if (parsed < 0 || parsed == WEIR_DURATION) {
        unknown_type(loader, node, type, len - optional);
        return false;
    }
    column->type = (enum weir_type)parsed;
    column->optional = column->optional || optional;
    return true;
}

/* {type: float64, optional: true} */
static bool read_long_column(struct weir_loader *loader, const struct weir_node *map,
                             struct weir_column *column) {
    static const char *const keys[] = {"type", "optional", NULL};
    for (uint32_t i = 0; i < map->count; i++) {
        const struct weir_node *key = map->keys[i], *value = map->values[i];
        if (!strcmp(key->text, "optional")) {
            bool yes = value->kind == WEIR_NODE_SCALAR && !strcmp(value->text, "true");
            if (!yes && !value->unknown && strcmp(weir_node_shown(value), "false") != 0)
                weir_diag_add(loader->diags, "E112", value->mark, "'optional' is true or false");
            column->optional = yes;
        } else if (strcmp(key->text, "type") != 0) {
            weir_diag_add(loader->diags, "E110", key->mark, "unknown key '%s' of a column", key->text);
            weir_diag_help_words(loader->diags, key->text, keys, "the keys are");
        }
    }
    const struct weir_node *type = weir_node_get(map, "type");
    if (type && type->kind == WEIR_NODE_SCALAR) return read_type(loader, type, column);
    weir_diag_add(loader->diags, "E115", column->name.node->mark, "column '%s' has no 'type'",
                  column->name.text);
    return false;
}

static void load_schema(struct weir_loader *loader, const struct weir_slot *slot) {
    if (!weir_loader_expect(loader, slot, WEIR_NODE_MAP)) return;
    const struct weir_node *map = slot->node;
    struct weir_column *columns = weir_loader_alloc(loader, (map->count + 1) * sizeof *columns);
    uint32_t count = 0;
    for (uint32_t i = 0; columns && i < map->count; i++) {
        const struct weir_node *key = map->keys[i], *value = map->values[i];
        struct weir_column *column = &columns[count];
        *column = (struct weir_column){.name = {key->text, key}, .type = WEIR_FLOAT64};
        if (!key->text[0]) {
            weir_diag_add(loader->diags, "E118", key->mark, "a column needs a name");
        } else if (value->kind == WEIR_NODE_SEQUENCE) {
            weir_diag_add(loader->diags, "E111", value->mark, "the type of '%s' is a word, not a list",
                          key->text);
        } else if (value->kind == WEIR_NODE_SCALAR) {
            read_type(loader, value, column);
        } else {
            read_long_column(loader, value, column);
        }
        /* A column with a wrong type is kept: that it exists is known, so its uses are no further findings.
         */
        count += key->text[0] != '\0';
    }
    if (columns) set_list(slot, columns, count);
}

static void load_expressions(struct weir_loader *loader, const struct weir_slot *slot) {
    if (!weir_loader_expect(loader, slot, WEIR_NODE_MAP)) return;
    const struct weir_node *map = slot->node;
    struct weir_feature_config *columns = weir_loader_alloc(loader, (map->count + 1) * sizeof *columns);
    uint32_t count = 0;
    for (uint32_t i = 0; columns && i < map->count; i++) {
        const struct weir_node *key = map->keys[i], *value = map->values[i];
        if (value->unknown) continue;
        if (!weir_is_column_name(key->text)) {
            weir_diag_add(loader->diags, "E118", key->mark, "'%s' cannot be the name of a feature",
                          key->text);
            weir_diag_help(loader->diags, "letters, digits, '_' and '.', a letter or '_' first");
        } else if (value->kind != WEIR_NODE_SCALAR) {
            weir_diag_add(loader->diags, "E111", value->mark, "'%s' is an expression, not a %s", key->text,
                          value->kind == WEIR_NODE_MAP ? "map" : "list");
        } else if (weir_node_is_null(value) || !value->text[0]) {
            weir_diag_add(loader->diags, "E112", value->mark, "feature '%s' has no expression", key->text);
        } else {
            columns[count++] = (struct weir_feature_config){{key->text, key}, {value->text, value}};
        }
    }
    if (columns) set_list(slot, columns, count);
}

/* Two sections add to one array, so it grows by copying; it is short. */
static void add_property(struct weir_loader *loader, struct weir_kafka_config *kafka,
                         struct weir_property property) {
    struct weir_property *all = weir_loader_alloc(loader, (kafka->property_count + 1) * sizeof *all);
    if (!all) return;
    if (kafka->property_count) memcpy(all, kafka->properties, kafka->property_count * sizeof *all);
    all[kafka->property_count++] = property;
    kafka->properties = all;
}

static void load_properties(struct weir_loader *loader, const struct weir_slot *slot) {
    if (!weir_loader_expect(loader, slot, WEIR_NODE_MAP)) return;
    struct weir_kafka_config *kafka = slot->target;
    for (uint32_t i = 0; i < slot->node->count; i++) {
        const struct weir_node *key = slot->node->keys[i], *value = slot->node->values[i];
        if (value->unknown) continue;
        if (value->kind != WEIR_NODE_SCALAR) {
            weir_diag_add(loader->diags, "E111", value->mark, "property '%s' is a single value", key->text);
            weir_diag_help(loader->diags, "write librdkafka's full name with dots: `fetch.wait.max.ms: 20`");
            continue;
        }
        bool secret = value->secret || strstr(key->text, "password") || strstr(key->text, "secret");
        add_property(loader, kafka,
                     (struct weir_property){key->text, value->text, key->mark, value->mark, secret});
    }
}

/* An empty value (a default of nothing) leaves the property out. */
static void load_property(struct weir_loader *loader, const struct weir_slot *slot) {
    if (!weir_loader_expect(loader, slot, WEIR_NODE_SCALAR)) return;
    const char *value = slot->node->text;
    if (!value[0] || weir_node_is_null(slot->node)) return;
    if (slot->key->choices) {
        size_t index = 0;
        while (slot->key->choices[index] && strcasecmp(slot->key->choices[index], value) != 0) index++;
        if (!slot->key->choices[index]) {
            weir_diag_add(loader->diags, "E114", slot->node->mark, "'%s' cannot be '%.80s'", slot->key->name,
                          weir_node_shown(slot->node));
            weir_diag_help_words(loader->diags, weir_node_shown(slot->node), slot->key->choices, "one of");
            return;
        }
        value = slot->key->choices[index];
    }
    bool secret = slot->key->secret || slot->node->secret;
    add_property(
        loader, slot->target,
        (struct weir_property){slot->key->property, value, slot->key_node->mark, slot->node->mark, secret});
}

void weir_load_list(struct weir_loader *loader, const struct weir_slot *slot) {
    switch (slot->key->kind) {
        case WEIR_KEY_NAMES:
            load_names(loader, slot);
            break;
        case WEIR_KEY_ACTIONS:
            load_actions(loader, slot);
            break;
        case WEIR_KEY_OPERATORS:
            load_operators(loader, slot);
            break;
        case WEIR_KEY_SCHEMA:
            load_schema(loader, slot);
            break;
        case WEIR_KEY_EXPRESSIONS:
            load_expressions(loader, slot);
            break;
        case WEIR_KEY_PROPERTIES:
            load_properties(loader, slot);
            break;
        case WEIR_KEY_PROPERTY:
            load_property(loader, slot);
            break;
        default:
            break;
    }
}
