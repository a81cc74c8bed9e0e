/* SPDX-License-Identifier: Apache-2.0 */
/* features_carry.h: windows that were saved under another pipeline file, as far as this one has them.
 *
 * place:  features_state.c (portable form) and features_pages.c (pages) save what their slots are made of; on
 *         the way back a saved slot becomes a slot of this plan, part by part.
 * fits:   a part (an aggregate's partial over an argument) is kept when the group has the same key columns
 * and a ring of the same length, panes and reach with the same part. Others start empty in keys that are
 *         kept, so a window that was added to a group does not cost the others their past.
 * threads: one owner.
 */
#ifndef WEIR_CORE_FEATURES_CARRY_H
#define WEIR_CORE_FEATURES_CARRY_H

#include "core/carry.h"
#include "core/features_state.h"

/* What a saved slot is made of, and what of it goes where. */
struct weir_slot_carry;

/* packed: the portable form, else as slots lie in memory. */
void weir_slot_carry_save(const struct weir_features_group *group, bool packed,
                          struct weir_state_writer *writer);
/* Reads what _save wrote of slots of at most slot_bytes. NULL: no memory, or the reader has failed. */
struct weir_slot_carry *weir_slot_carry_load(size_t slot_bytes_max, struct weir_state_reader *reader);
void weir_slot_carry_destroy(struct weir_slot_carry *carry);
/* Bytes of a saved slot's state. */
size_t weir_slot_carry_bytes(const struct weir_slot_carry *carry);

/* Chooses the group that gets it: of this description, else of the same key columns with the most parts in
 * common, among those not taken. plan->group_count: none. Tells what is dropped and what starts cold. */
uint32_t weir_slot_carry_match(struct weir_slot_carry *carry, const struct weir_features_plan *plan,
                               const char *description, size_t len, const bool *taken,
                               struct weir_carry *report);
/* slot: zeros. */
void weir_slot_carry_move(const struct weir_slot_carry *carry, const struct weir_features_group *group,
                          const unsigned char *saved, unsigned char *slot);
/* Groups with windows that nothing was carried to; their hashes get the seed of those that were carried. */
void weir_features_carry_rest(struct weir_features *features, const bool *taken, struct weir_carry *report);

/* ---- pages ---- */

struct weir_carried_group {
    uint32_t number;                      /* of this plan's keyspaces; UINT32_MAX: dropped */
    bool whole;                           /* pages go where they lay */
    struct weir_keyspace_scalars scalars; /* of the saved keyspace */
    struct weir_slot_carry *slots;
    unsigned char *pages; /* neither whole nor dropped: all of them, until the end */
};
struct weir_features_carried {
    struct weir_carried_group *groups;
    uint32_t count;
};

void weir_features_carried_destroy(struct weir_features_carried *carried);
uint32_t weir_carried_page_count(const struct weir_carried_group *group);
size_t weir_carried_page_bytes(const struct weir_carried_group *group, uint32_t page);
/* All pages are there: those that were not whole become slots. WEIR_OK, WEIR_DATA, WEIR_NOMEM. */
int weir_features_carried_end(struct weir_features *features);

#endif
