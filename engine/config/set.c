/* SPDX-License-Identifier: Apache-2.0 */
/* set.c: `--set path=value`: one scalar put into the tree before it is loaded.
 *
 * A path is keys and indexes: model.options.rate, drift[0].options.delta. Keys may hold dots
 * (kafka.properties.fetch.wait.max.ms, source.schema.merchant.mcc), so at each map the longest key that is
 * there and ends at a dot, a bracket or the end wins; in those two maps a key that is not there takes the
 * whole rest. Anywhere else a key with dots is written in quotes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/node.h"
#include "weir/error.h"

#define INDEX_MAX 100000

struct setter {
    struct weir_document *document;
    struct weir_diags *diags;
    const char *path; /* as given, for messages */
    size_t path_len;
    const char *at; /* rest of the path */
    const char *end;
    const char *value;
};

static int refuse(struct setter *set, const char *why) {
    return weir_diag_add(set->diags, "E121", (struct weir_mark){0}, "--set %.*s: %s", (int)set->path_len,
                         set->path, why);
}

static struct weir_node *new_node(struct setter *set, enum weir_node_kind kind, const char *text,
                                  size_t len) {
    struct weir_node *node = weir_arena_alloc(&set->document->arena, sizeof *node);
    if (!node) return NULL;
    *node = (struct weir_node){.kind = kind};
    if (kind != WEIR_NODE_SCALAR) return node;
    node->text = weir_arena_copy(&set->document->arena, text, len);
    node->quoted = len == 0; /* `x=` is the empty text, not a null */
    return node->text ? node : NULL;
}

static bool ends_key(const char *at, const char *end) { return at == end || *at == '.' || *at == '['; }

/* Index of the longest key of the map that the rest of the path begins with; count when there is none. */
static uint32_t longest_key(const struct setter *set, const struct weir_node *map) {
    uint32_t found = map->count;
    size_t found_len = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        size_t len = strlen(map->keys[i]->text);
        if (len > (size_t)(set->end - set->at) || memcmp(map->keys[i]->text, set->at, len) != 0) continue;
        if (!ends_key(set->at + len, set->end) || len <= found_len) continue;
        found = i;
        found_len = len;
    }
    return found;
}

/* In these maps every key is a name with dots. */
static bool holds_dotted_names(const struct setter *set) {
    static const char *const maps[] = {"kafka.properties.", "source.schema."};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(maps[i]);
        if ((size_t)(set->at - set->path) == len && !memcmp(set->path, maps[i], len)) return true;
    }
    return false;
}

/* Reads one key off the path into *key, *len. WEIR_CONFIG after a finding. */
static int read_key(struct setter *set, const struct weir_node *map, const char **key, size_t *len) {
    uint32_t known = longest_key(set, map);
    if (set->at < set->end && *set->at == '"') {
        const char *close = memchr(set->at + 1, '"', (size_t)(set->end - set->at - 1));
        if (!close || !ends_key(close + 1, set->end)) return refuse(set, "the quoted key is not closed");
        *key = set->at + 1;
        *len = (size_t)(close - *key);
        set->at = close + 1;
    } else {
        *key = set->at;
        *len = 0;
        if (known < map->count)
            *len = strlen(map->keys[known]->text);
        else if (holds_dotted_names(set))
            *len = (size_t)(set->end - set->at);
        else
            while (!ends_key(set->at + *len, set->end)) ++*len;
        set->at += *len;
    }
    return *len ? WEIR_OK : refuse(set, "a key is empty");
}

/* Where the value of the key is kept; a new entry holds NULL. NULL: no memory. */
static struct weir_node **entry_of(struct setter *set, struct weir_node *map, const char *key, size_t len) {
    for (uint32_t i = 0; i < map->count; i++)
        if (strlen(map->keys[i]->text) == len && !memcmp(map->keys[i]->text, key, len))
            return &map->values[i];
    size_t bytes = (map->count + 1) * sizeof(struct weir_node *);
    struct weir_node **keys = weir_arena_alloc(&set->document->arena, bytes);
    struct weir_node **values = weir_arena_alloc(&set->document->arena, bytes);
    struct weir_node *key_node = new_node(set, WEIR_NODE_SCALAR, key, len);
    if (!keys || !values || !key_node) return NULL;
    for (uint32_t i = 0; i < map->count; i++) {
        keys[i] = map->keys[i];
        values[i] = map->values[i];
    }
    keys[map->count] = key_node;
    values[map->count] = NULL;
    map->keys = keys;
    map->values = values;
    return &values[map->count++];
}

/* "[3]" of a list. NULL after a finding. */
static struct weir_node **item_of(struct setter *set, struct weir_node *list) {
    char *after = NULL;
    unsigned long index = INDEX_MAX;
    if (isdigit((unsigned char)set->at[1])) index = strtoul(set->at + 1, &after, 10);
    if (!after || after >= set->end || *after != ']') {
        refuse(set, "an index is written [0]");
        return NULL;
    }
    set->at = after + 1;
    if (index < list->count) return &list->items[index];
    weir_diag_add(set->diags, "E121", (struct weir_mark){0},
                  "--set %.*s: there is no [%lu], the list has %u item%s", (int)set->path_len, set->path,
                  index, list->count, list->count == 1 ? "" : "s");
    return NULL;
}

static int set_at(struct setter *set) {
    struct weir_node **place = &set->document->root;
    bool first = true;
    while (set->at < set->end) {
        if (!*place || weir_node_is_null(*place)) *place = new_node(set, WEIR_NODE_MAP, NULL, 0);
        if (!*place) return WEIR_NOMEM;
        struct weir_node *node = *place;
        if (node->kind == WEIR_NODE_SCALAR) return refuse(set, "the path runs through a single value");
        if (*set->at == '[') {
            if (node->kind != WEIR_NODE_SEQUENCE) return refuse(set, "[...] needs a list, this is a map");
            if (!(place = item_of(set, node))) return WEIR_CONFIG;
        } else {
            const char *key = NULL;
            size_t len = 0;
            if (node->kind == WEIR_NODE_SEQUENCE)
                return refuse(set, "this is a list: name an item, as in drift[0]");
            if (!first && *set->at++ != '.') return refuse(set, "a '.' is missing");
            if (read_key(set, node, &key, &len)) return WEIR_CONFIG;
            if (!(place = entry_of(set, node, key, len))) return WEIR_NOMEM;
        }
        first = false;
    }
    if (*place && (*place)->kind != WEIR_NODE_SCALAR)
        return refuse(set, (*place)->kind == WEIR_NODE_MAP ? "this is a map; name one of its keys"
                                                           : "this is a list; name one of its items");
    *place = new_node(set, WEIR_NODE_SCALAR, set->value, strlen(set->value));
    return *place ? WEIR_OK : WEIR_NOMEM;
}

int weir_document_set(struct weir_document *document, const char *assignment, struct weir_diags *diags) {
    const char *equals = strchr(assignment, '=');
    struct setter set = {.document = document, .diags = diags, .path = assignment, .at = assignment};
    set.path_len = equals ? (size_t)(equals - assignment) : strlen(assignment);
    set.end = assignment + set.path_len;
    if (!equals || !set.path_len) {
        refuse(&set, "this is no path=value");
        weir_diag_help(diags, "for example --set model.options.rate=0.1");
        return WEIR_CONFIG;
    }
    set.value = equals + 1;
    if (!document->root) return WEIR_CONFIG; /* the file could not be read, which is a finding already */
    return set_at(&set);
}
