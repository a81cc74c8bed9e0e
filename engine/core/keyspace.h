/* SPDX-License-Identifier: Apache-2.0 */
/* keyspace.h: from a key to its flat slot of state, for millions of keys under a memory cap.
 *
 * place:    features -> keyspace -> slot.
 * lifetime: state of one task. A slot's address is stable until its key is forgotten.
 * threads:  one owner.
 * limits:   key_max slots; then each new key takes the slot of the key that the second-chance rule forgets.
 *           Keys are known by 127 bits of a seeded XXH3: two of a billion keys collide with probability
 * 1e-20. errors:   NULL from _add means no memory; nothing changed. use:      for a batch: hash all,
 * _prefetch all, _find all (and prefetch what of the slot is needed), then work row by row: each step finds
 * in cache what the step before asked for.
 */
#ifndef WEIR_CORE_KEYSPACE_H
#define WEIR_CORE_KEYSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_key {
    uint64_t low, high; /* the lowest bit of high is 0: the slot keeps its "used again" mark there */
};

struct weir_keyspace;

struct weir_keyspace *weir_keyspace_create(size_t slot_bytes, uint32_t key_max, uint64_t seed);
void weir_keyspace_destroy(struct weir_keyspace *keyspace);
/* Bytes per key at the worst load of the index, for planning a key_max. */
size_t weir_keyspace_key_bytes(size_t slot_bytes);

struct weir_key weir_keyspace_hash(const struct weir_keyspace *keyspace, const void *bytes, size_t len);
void weir_keyspace_prefetch(const struct weir_keyspace *keyspace, struct weir_key key);
/* Asks for the first bytes of the slot that is most likely the key's, and returns it; NULL: none looks like
 * it. */
void *weir_keyspace_guess(const struct weir_keyspace *keyspace, struct weir_key key, size_t bytes);
/* As _find, sooner when the guess was right. */
void *weir_keyspace_find_guessed(const struct weir_keyspace *keyspace, struct weir_key key, void *guess);
/* The key's slot, 8-byte aligned, or NULL. Does not count as a use. */
void *weir_keyspace_find(const struct weir_keyspace *keyspace, struct weir_key key);
/* The key's slot, made of zeros (*added) when it is new. Counts as a use. May forget another key. */
void *weir_keyspace_add(struct weir_keyspace *keyspace, struct weir_key key, bool *added);
/* Counts as a use of a slot that _find returned, when weir_keyspace_forgotten has not changed since. */
void weir_keyspace_touch(void *slot);

uint32_t weir_keyspace_count(const struct weir_keyspace *keyspace);
uint32_t weir_keyspace_key_max(const struct weir_keyspace *keyspace);
uint64_t weir_keyspace_forgotten(const struct weir_keyspace *keyspace);
size_t weir_keyspace_bytes(const struct weir_keyspace *keyspace);

/* The i-th key (i < count) in the order in which they come up for being forgotten; that is the order of
 * arrival as long as none was. For snapshots. */
void *weir_keyspace_at(const struct weir_keyspace *keyspace, uint32_t i, struct weir_key *key,
                       bool *used_again);
/* Appends a key as _at gave it, to an empty keyspace filled in the same order. NULL: no memory, key already
 * there, or full. */
void *weir_keyspace_restore(struct weir_keyspace *keyspace, struct weir_key key, bool used_again);
void weir_keyspace_clear(struct weir_keyspace *keyspace, uint64_t seed, uint64_t forgotten);
uint64_t weir_keyspace_seed(const struct weir_keyspace *keyspace);

#endif
