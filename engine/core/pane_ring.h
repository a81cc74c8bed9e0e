/* SPDX-License-Identifier: Apache-2.0 */
/* pane_ring.h: the panes of one window length in a key's slot.
 *
 * place:    features -> pane ring -> partials.
 * lifetime: layout = pipeline, immutable; the ring itself is bytes of a slot.
 * layout:   head and tail lie at the slot's front with those of the other rings, the panes behind them; pane
 * p lies at position p mod ring_count, so equal rings are equal bytes. tail:     the merge of all live panes
 * but the newest, kept while no event touches those: most events then cost one add and one merge, and touch
 * two or three cache lines whatever the number of panes. The result is defined as merge(tail, own pane)
 * always, kept or not, so keeping it cannot show. limits:   a pane older than the ring is neither read nor
 * written.
 */
#ifndef WEIR_CORE_PANE_RING_H
#define WEIR_CORE_PANE_RING_H

#include "weir/aggregate.h"

#define WEIR_PANE_RING_MAX 4096

struct weir_pane_part {
    const struct weir_partial *partial;
    uint32_t offset;   /* in a pane */
    uint32_t argument; /* whose values are added; features_plan.h */
};

struct weir_pane_head {
    int64_t newest;    /* pane index */
    uint32_t position; /* of the newest: floor mod of newest by ring_count */
    uint32_t tail_kept;
};

struct weir_pane_ring {
    uint32_t head_offset, tail_offset, panes_offset; /* in the slot */
    uint32_t pane_bytes, ring_count, live_count;
    const struct weir_pane_part *parts;
    uint32_t part_count;
};

/* Makes an all-zero ring begin at this pane. */
void weir_pane_ring_start(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane);
/* Moves on to the pane when it is newer than all, clearing those skipped. Returns its bytes, or NULL when it
 * is older than the ring. */
unsigned char *weir_pane_ring_seek(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane);
/* The window that ends with the pane, into `out` (pane_bytes); `own` is what seek returned for the pane. */
void weir_pane_ring_read(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane,
                         const unsigned char *own, unsigned char *out);
/* To be called after adding to a pane that seek returned. */
static inline void weir_pane_ring_touched(const struct weir_pane_ring *ring, unsigned char *slot,
                                          int64_t pane) {
    struct weir_pane_head *head = (struct weir_pane_head *)(slot + ring->head_offset);
    head->tail_kept &= (uint32_t)(pane == head->newest);
}
/* Asks for what seek and read of this pane will touch: its own bytes, or the whole ring where it moves on. */
void weir_pane_ring_prefetch(const struct weir_pane_ring *ring, const unsigned char *slot, int64_t pane);

#endif
