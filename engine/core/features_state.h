/* SPDX-License-Identifier: Apache-2.0 */
/* features_state.h: the mutable state of a task's features; shared by the files of features only.
 *
 * lifetime: task. threads: one owner.
 */
#ifndef WEIR_CORE_FEATURES_STATE_H
#define WEIR_CORE_FEATURES_STATE_H

#include "base/buffer.h"
#include "core/features_plan.h"
#include "core/keyspace.h"

/* The pane of the last time asked for, and the times known to lie in it: spares most rows the division. */
struct weir_features_clock {
    int64_t first_ms, end_ms; /* [first, end); empty at first */
    int64_t pane;
};

struct weir_features_group_state {
    struct weir_keyspace *keys;         /* NULL: the group has no windows */
    struct weir_features_clock *clocks; /* one per ring */
    /* for a block of rows, row after row: */
    int64_t *panes;                /* of a row, in all rings */
    double *arguments;             /* of a row; NaN = absent; then a 0 for parts without one */
    unsigned char *out;            /* of a row, the merged panes of all rings */
    struct weir_value *aggregates; /* of a row, those that columns compute with */
};

struct weir_features {
    const struct weir_features_plan *plan;
    struct weir_features_group_state *groups;
    struct weir_buffer key; /* bytes of a key of several columns */
    uint32_t *numbered;     /* groups with windows, in the order of their descriptions */
    uint32_t numbered_count;
    unsigned char *packed;                 /* one key of a snapshot, weir_features_packing_bytes long */
    struct weir_features_carried *carried; /* while pages of another pipeline file come back; else NULL */
};

size_t weir_features_packing_bytes(const struct weir_features_plan *plan);
void weir_features_number(struct weir_features *features); /* fills `numbered` */

#endif
