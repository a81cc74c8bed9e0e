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
    uint32_t argument; /* which of a step's arguments is added; NaN adds nothing */
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
/* One event: adds its arguments to the pane, moving on to it when it is newer than all, and writes the window
 * that ends with it to `out` (pane_bytes). A pane older than the ring: nothing is added, the window is empty.
 */
void weir_pane_ring_step(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane,
                         const double *arguments, unsigned char *out);
/* Asks for what a step in this pane will touch: its own bytes, or the whole ring where it moves on. */
void weir_pane_ring_prefetch(const struct weir_pane_ring *ring, const unsigned char *slot, int64_t pane);

#endif
