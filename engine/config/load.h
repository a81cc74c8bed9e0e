/* SPDX-License-Identifier: Apache-2.0 */
/* load.h: what the parts of the loader share: load.c (sections), load_value.c (single values), load_list.c
 * (collections). Everything that is wrong becomes a finding; reading goes on.
 */
#ifndef WEIR_CONFIG_LOAD_H
#define WEIR_CONFIG_LOAD_H

#include "config/fields.h"

struct weir_loader {
    struct weir_arena *arena;
    struct weir_diags *diags;
    bool out_of_memory;
};

/* A key that is being read: where its value goes and what the value is. */
struct weir_slot {
    const struct weir_key *key;
    const struct weir_node *key_node; /* where the key stands */
    const struct weir_node *node;     /* its value */
    void *target;                     /* the struct that the key's offsets count from */
};

static inline void *weir_slot_at(const struct weir_slot *slot) {
    return (char *)slot->target + slot->key->offset;
}

/* Zeroed; NULL sets out_of_memory. */
void *weir_loader_alloc(struct weir_loader *loader, size_t bytes);
/* The value of a node is a `kind` of node, or a finding. False also when the node is unknown. */
bool weir_loader_expect(struct weir_loader *loader, const struct weir_slot *slot, enum weir_node_kind kind);

/* Writes the key's default. */
void weir_load_fallback(const struct weir_key *key, void *target);
void weir_load_value(struct weir_loader *loader, const struct weir_slot *slot);
void weir_load_list(struct weir_loader *loader, const struct weir_slot *slot);
/* True when text is letters, digits, '_' and '.', not beginning with a digit: a name in expressions. */
bool weir_is_column_name(const char *text);

#endif
