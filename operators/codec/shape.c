/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include <stdlib.h>

/* FNV-1a over the name, begun with the parent (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint32_t hash_name(uint32_t parent, const char *name, uint32_t len) {
    uint32_t hash = 2166136261u ^ (parent * 0x9e3779b9u);
    for (uint32_t i = 0; i < len; i++) hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* The bucket that holds this name, or the free one where it belongs. */
static uint32_t probe(const struct weir_shape *shape, uint32_t parent, const char *name, uint32_t len) {
    uint32_t bucket = hash_name(parent, name, len) & shape->bucket_mask;
    for (;; bucket = (bucket + 1) & shape->bucket_mask) {
        if (shape->buckets[bucket] == WEIR_SHAPE_NONE) return bucket;
        const struct weir_shape_node *node = &shape->nodes[shape->buckets[bucket]];
        if (node->parent == parent && node->len == len && memcmp(node->name, name, len) == 0) return bucket;
    }
}

uint32_t weir_shape_search(struct weir_shape *shape, struct weir_shape_cursor *cursor, const char *key,
                           uint32_t len) {
    uint32_t found = shape->buckets[probe(shape, cursor->parent, key, len)];
    if (found == WEIR_SHAPE_NONE) return found;
    if (cursor->last == WEIR_SHAPE_NONE)
        shape->nodes[cursor->parent].opener = found;
    else
        shape->nodes[cursor->last].follower = found;
    cursor->last = found;
    cursor->expected = shape->nodes[found].follower;
    return found;
}

/* Appends a node to its parent's children. */
static uint32_t add_node(struct weir_shape *shape, uint32_t parent, const char *name, uint32_t len) {
    uint32_t id = shape->count++;
    shape->nodes[id] = (struct weir_shape_node){.name = name,
                                                .len = len,
                                                .parent = parent,
                                                .first_child = WEIR_SHAPE_NONE,
                                                .next_sibling = WEIR_SHAPE_NONE,
                                                .field = WEIR_SHAPE_NONE,
                                                .follower = WEIR_SHAPE_NONE,
                                                .opener = WEIR_SHAPE_NONE};
    if (parent == WEIR_SHAPE_NONE) return id;
    struct weir_shape_node *above = &shape->nodes[parent];
    above->child_count++;
    if (above->first_child == WEIR_SHAPE_NONE) {
        above->first_child = above->opener = id;
        return id;
    }
    uint32_t last = above->first_child;
    while (shape->nodes[last].next_sibling != WEIR_SHAPE_NONE) last = shape->nodes[last].next_sibling;
    shape->nodes[last].next_sibling = shape->nodes[last].follower = id;
    return id;
}

static int add_column(struct weir_shape *shape, const char *name, uint32_t field, struct weir_error *error) {
    uint32_t parent = WEIR_SHAPE_ROOT;
    for (const char *level = name;;) {
        size_t len = strcspn(level, ".");
        bool last = level[len] == '\0';
        if (len == 0) return weir_error_set(error, WEIR_CONFIG, "column '%s' has an empty level", name);
        uint32_t bucket = probe(shape, parent, level, (uint32_t)len);
        uint32_t id = shape->buckets[bucket];
        if (id == WEIR_SHAPE_NONE)
            id = shape->buckets[bucket] = add_node(shape, parent, level, (uint32_t)len);
        else if (last && shape->nodes[id].field != WEIR_SHAPE_NONE)
            return weir_error_set(error, WEIR_CONFIG, "column '%s' occurs twice", name);
        else if (last || shape->nodes[id].field != WEIR_SHAPE_NONE)
            return weir_error_set(error, WEIR_CONFIG, "column '%s' is inside another column or holds one",
                                  name);
        if (last) {
            shape->nodes[id].field = field;
            return WEIR_OK;
        }
        parent = id;
        level += len + 1;
    }
}

int weir_shape_init(struct weir_shape *shape, const struct weir_schema *schema, struct weir_error *error) {
    size_t levels = 1, buckets = 4;
    memset(shape, 0, sizeof *shape);
    for (uint32_t i = 0; i < schema->count; i++) {
        levels++;
        for (const char *c = schema->fields[i].name; *c; c++) levels += *c == '.';
    }
    while (buckets < 2 * levels) buckets *= 2;
    shape->nodes = calloc(levels, sizeof *shape->nodes);
    shape->buckets = malloc(buckets * sizeof *shape->buckets);
    if (!shape->nodes || !shape->buckets)
        return weir_error_set(error, WEIR_NOMEM, "no memory for the schema");
    memset(shape->buckets, 0xff, buckets * sizeof *shape->buckets);
    shape->bucket_mask = (uint32_t)buckets - 1;
    add_node(shape, WEIR_SHAPE_NONE, "", 0);
    for (uint32_t i = 0; i < schema->count; i++) {
        int result = add_column(shape, schema->fields[i].name, i, error);
        if (result) return result;
    }
    return WEIR_OK;
}

void weir_shape_deinit(struct weir_shape *shape) {
    free(shape->nodes);
    free(shape->buckets);
    memset(shape, 0, sizeof *shape);
}

void weir_shape_begin(struct weir_shape *shape) {
    if (++shape->stamp != 0) return;
    for (uint32_t i = 0; i < shape->count; i++) shape->nodes[i].stamp = 0; /* once in 2^32 records */
    shape->stamp = 1;
}
