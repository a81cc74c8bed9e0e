/* SPDX-License-Identifier: Apache-2.0 */
/* features_plan.h: what the features of a pipeline compile to; shared by the files of features only.
 *
 * lifetime: pipeline, immutable.
 */
#ifndef WEIR_CORE_FEATURES_PLAN_H
#define WEIR_CORE_FEATURES_PLAN_H

#include "core/features.h"
#include "core/pane_ring.h"
#include "expr/expr.h"
#include "weir/window.h"

#define WEIR_NO_ARGUMENT UINT32_MAX

struct weir_features_argument {
    const struct weir_expr *expr; /* owned by the group's aggregates */
    bool text;                    /* only counted: 0 stands for any text */
    int32_t cell;                 /* expr is this bare cell, or -1 */
};

/* A ring and the window that it serves. */
struct weir_features_ring {
    struct weir_pane_ring panes;
    struct weir_binding window;
    int64_t length_ms, pane_ms;
    uint32_t out_offset; /* of its merged pane in the group's scratch */
};

/* Where an aggregate's value is read from. */
struct weir_features_read {
    const struct weir_aggregate *aggregate;
    uint32_t out_offset;
};

struct weir_features_copy {
    uint32_t column, aggregate;
};

struct weir_features_group {
    uint32_t *by; /* cells */
    uint32_t by_count;
    struct weir_expr_aggregates aggregates;
    struct weir_features_argument *arguments;
    uint32_t argument_count;
    struct weir_pane_part *parts; /* of all rings, ring after ring */
    uint32_t part_count;
    struct weir_features_ring *rings;
    uint32_t ring_count;
    struct weir_features_read *reads; /* one per aggregate */
    struct weir_expr **columns;
    struct weir_features_copy *copies; /* the columns that are an aggregate and nothing more */
    uint32_t copy_count;
    uint32_t *used; /* the aggregates that other columns compute with */
    uint32_t used_count;
    uint32_t *computed; /* the other columns, in order */
    uint32_t computed_count;
    uint32_t column_count, first_cell;
    size_t slot_bytes, front_bytes, out_bytes; /* front: heads and tails, what every event touches */
    char *description; /* of the state, independent of the order in the file: its identity in snapshots */
};

struct weir_features_plan {
    const struct weir_window *window;
    struct weir_features_group *groups;
    uint32_t group_count;
    struct weir_field *fields; /* the source's, then the features */
    uint32_t source_count;
    struct weir_schema columns;
};

/* Second half of compiling a group: from its aggregates to rings, parts and slot layout (features_layout.c).
 * `mark` is the place of findings about the group as a whole. WEIR_OK, WEIR_CONFIG (reported) or WEIR_NOMEM.
 */
int weir_features_lay_out(const struct weir_features_plan *plan, struct weir_features_group *group,
                          int64_t panes, int64_t lateness_ms, struct weir_diags *diags);

#endif
