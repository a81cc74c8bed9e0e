/* SPDX-License-Identifier: Apache-2.0 */
/* task_state.h: all mutable state of a task; shared by the files of task only.
 *
 * lifetime: task. threads: one owner.
 */
#ifndef WEIR_CORE_TASK_STATE_H
#define WEIR_CORE_TASK_STATE_H

#include "core/features.h"
#include "core/intake.h"
#include "core/model.h"
#include "core/publish.h"
#include "core/task_snapshot.h"

struct weir_task {
    const struct weir_plan *plan;
    struct weir_intake intake;
    struct weir_features *features;
    struct weir_model model;
    struct weir_watch watch;
    struct weir_publisher publisher;
    struct weir_task_counts counts;
    struct weir_arena arena;     /* the batch's: reset when the next one begins */
    struct weir_event *events;   /* WEIR_BATCH_MAX */
    struct weir_event **applied; /* those of the batch that go on */
    struct weir_alert *alerts;   /* found in this batch */
    uint32_t alert_count, alert_capacity;
    struct weir_data_error first_error;
    const struct weir_record *first_error_record;
    /* the snapshot under way (task_snapshot.c) */
    struct weir_state_writer *small; /* NULL = none */
    struct weir_task_snapshot snapshot;
    uint32_t *page_counts;
    uint64_t *digests;
};

/* The state beside the keyspaces' pages, and back into a fresh task: then their sizes are known and room is
 * made (features_pages.c). */
int weir_task_save_small(const struct weir_task *task, struct weir_state_writer *writer);
int weir_task_load_small(struct weir_task *task, struct weir_carry *carry, struct weir_state_reader *reader);

#endif
