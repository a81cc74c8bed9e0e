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

#include "core/pages.h"

struct weir_key {
    uint64_t low, high; /* the lowest bit of high is 0: the slot keeps its "used again" mark there */
};

#define WEIR_SLOT_HEAD_BYTES 16 /* the key, before the state */

struct weir_keyspace;

struct weir_keyspace *weir_keyspace_create(size_t slot_bytes, uint32_t key_max, uint64_t seed);
void weir_keyspace_destroy(struct weir_keyspace *keyspace);
/* Bytes per key at the worst load of the index, for planning a key_max. */
size_t weir_keyspace_key_bytes(size_t slot_bytes);

struct weir_key weir_keyspace_hash(const struct weir_keyspace *keyspace, const void *bytes, size_t len);
void weir_keyspace_prefetch(const struct weir_keyspace *keyspace, struct weir_key key);
/* Asks for the first bytes of the slot that is most likely the key's, and returns it with its number; NULL:
 * none looks like it. */
void *weir_keyspace_guess(const struct weir_keyspace *keyspace, struct weir_key key, size_t bytes,
                          uint32_t *number);
/* As _find, sooner when the guess was right. *number: of the guess, becomes that of the slot found. */
void *weir_keyspace_find_guessed(const struct weir_keyspace *keyspace, struct weir_key key, void *guess,
                                 uint32_t *number);
/* The key's slot, 8-byte aligned, or NULL. Does not count as a use. */
void *weir_keyspace_find(const struct weir_keyspace *keyspace, struct weir_key key);
/* The key's slot, made of zeros (*added) when it is new. Counts as a use: the slot may be changed until the
 * next snapshot or digest begins. May forget another key. */
void *weir_keyspace_add(struct weir_keyspace *keyspace, struct weir_key key, bool *added);
/* As _add of a slot that was found, when weir_keyspace_forgotten has not changed since. */
void weir_keyspace_touch(struct weir_keyspace *keyspace, void *slot, uint32_t number);

uint32_t weir_keyspace_count(const struct weir_keyspace *keyspace);
uint32_t weir_keyspace_key_max(const struct weir_keyspace *keyspace);
uint64_t weir_keyspace_forgotten(const struct weir_keyspace *keyspace);
size_t weir_keyspace_bytes(const struct weir_keyspace *keyspace);

/* --- all keys, one by one: the portable form of a snapshot --- */

/* The i-th key (i < count) in the order in which they come up for being forgotten; that is the order of
 * arrival as long as none was. For snapshots. */
void *weir_keyspace_at(const struct weir_keyspace *keyspace, uint32_t i, struct weir_key *key,
                       bool *used_again);
/* Appends a key as _at gave it, to an empty keyspace filled in the same order. NULL: no memory, key already
 * there, or full. */
void *weir_keyspace_restore(struct weir_keyspace *keyspace, struct weir_key key, bool used_again);
void weir_keyspace_clear(struct weir_keyspace *keyspace, uint64_t seed, uint64_t forgotten);
uint64_t weir_keyspace_seed(const struct weir_keyspace *keyspace);

/* --- all slots as they are, page by page: snapshots of what changed, and digests (pages.h) --- */

/* Beside the pages, all that makes a keyspace. */
struct weir_keyspace_scalars {
    uint64_t seed, forgotten;
    uint32_t count, hand;
    uint32_t stride, page_slots; /* of the layout: must be equal where it is restored */
};
void weir_keyspace_scalars(const struct weir_keyspace *keyspace, struct weir_keyspace_scalars *scalars);
struct weir_pages *weir_keyspace_pages(struct weir_keyspace *keyspace);
/* Where a page lies, in memory, until the next add. */
const void *weir_keyspace_page(const struct weir_keyspace *keyspace, uint32_t page);

/* Empties the keyspace and makes room for these keys: then every page, in order, is put where _page_room
 * says and taken with _page_take, and _pages_taken ends it. Until then the keyspace is good for nothing but
 * _destroy. WEIR_OK; WEIR_DATA: no keyspace of this layout has these scalars; WEIR_LIMIT: more keys than
 * key_max; WEIR_NOMEM. */
int weir_keyspace_make_room(struct weir_keyspace *keyspace, const struct weir_keyspace_scalars *scalars);
void *weir_keyspace_page_room(struct weir_keyspace *keyspace, uint32_t page, size_t *len);
/* Enters the page's keys into the index. False: one of them is there already. */
bool weir_keyspace_page_take(struct weir_keyspace *keyspace, uint32_t page, uint64_t digest);
bool weir_keyspace_pages_taken(struct weir_keyspace *keyspace);

#endif
