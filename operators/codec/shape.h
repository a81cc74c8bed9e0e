/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h: the tree of names that a schema's columns describe: "merchant.mcc" is mcc inside merchant.
 *
 * place:    schema -> shape; decode asks it which column a key of an object is, encode walks it.
 * lifetime: made by a codec's open, lives as long as the coder; names are borrowed from the schema.
 * threads:  one owner: lookups keep a hint.
 * cost:     a key in the order of the last record costs one comparison; any other a hash and a probe.
 * why:      producers repeat the order of their keys, so each node remembers which sibling came after it
 *           last time. The hint changes speed only, never a result. Only the schema's names are hashed
 *           into the table, so a stranger's keys cannot make probes long.
 */
#ifndef WEIR_CODEC_SHAPE_H
#define WEIR_CODEC_SHAPE_H

#include <string.h>

#include "weir/error.h"
#include "weir/value.h"

#define WEIR_SHAPE_NONE UINT32_MAX
#define WEIR_SHAPE_ROOT 0u

struct weir_shape_node {
    const char *name; /* of this level, not terminated */
    uint32_t len;
    uint32_t parent, first_child, next_sibling; /* in the order of the schema */
    uint32_t child_count;
    uint32_t field;    /* column of a leaf; NONE for an object */
    uint32_t follower; /* hint: the sibling that came after it */
    uint32_t opener;   /* hint: the child that came first */
    uint32_t stamp;    /* record in which it was met */
};

struct weir_shape {
    struct weir_shape_node *nodes;
    uint32_t count;
    uint32_t *buckets; /* node or NONE */
    uint32_t bucket_mask;
    uint32_t stamp; /* of this record */
};

/* Refuses (CONFIG) equal names, empty levels and a column inside another; NOMEM. */
int weir_shape_init(struct weir_shape *shape, const struct weir_schema *schema, struct weir_error *error);
void weir_shape_deinit(struct weir_shape *shape);

/* A new record begins: nothing has been met. */
void weir_shape_begin(struct weir_shape *shape);

/* Walks the keys of one object. */
struct weir_shape_cursor {
    uint32_t parent, last, expected;
};
static inline struct weir_shape_cursor weir_shape_enter(const struct weir_shape *shape, uint32_t node) {
    return (struct weir_shape_cursor){node, WEIR_SHAPE_NONE, shape->nodes[node].opener};
}

uint32_t weir_shape_search(struct weir_shape *shape, struct weir_shape_cursor *cursor, const char *key,
                           uint32_t len);

/* The node of this key, or NONE. */
static inline uint32_t weir_shape_child(struct weir_shape *shape, struct weir_shape_cursor *cursor,
                                        const char *key, uint32_t len) {
    uint32_t found = cursor->expected;
    const struct weir_shape_node *node = &shape->nodes[found == WEIR_SHAPE_NONE ? 0 : found];
    if (found == WEIR_SHAPE_NONE || node->len != len || memcmp(node->name, key, len) != 0)
        return weir_shape_search(shape, cursor, key, len);
    cursor->last = found;
    cursor->expected = node->follower;
    return found;
}

/* True the first time in this record. */
static inline bool weir_shape_meet(struct weir_shape *shape, uint32_t node) {
    bool first = shape->nodes[node].stamp != shape->stamp;
    shape->nodes[node].stamp = shape->stamp;
    return first;
}

#endif
