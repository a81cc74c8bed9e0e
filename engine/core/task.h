/* SPDX-License-Identifier: Apache-2.0 */
/* task.h: the unit of ownership: all mutable state of one input partition (or of all, `tasks: single`), as a
 * pure state machine: records and ticks in, output records and alerts out.
 *
 * place:    worker or replay -> task -> door out. core/task.c is the middle of the guided tour.
 * threads:  one owner at a time. No I/O, clock, lock or random device anywhere below this header, so the same
 *           records and ticks always give the same bytes.
 * lifetime: task = as long as its partition is owned; outputs = until the next process call.
 * limits:   a batch has at most WEIR_BATCH_MAX records. Nothing is allocated per event once the first batches
 * and keys have been seen.
 */
#ifndef WEIR_CORE_TASK_H
#define WEIR_CORE_TASK_H

#include "core/plan.h"
#include "core/watch.h"

#define WEIR_BATCH_MAX 2048

struct weir_task;

/* Every record read ends as exactly one of the four; read is their sum. */
struct weir_task_counts {
    uint64_t read, applied, late, dead_lettered, dropped;
    uint64_t labelled;   /* applied rows with a label: learned from */
    uint64_t unlabelled; /* applied rows without, in a pipeline that has a model */
    uint64_t predictions, alerts;
};

struct weir_outputs {
    const struct weir_output_record *records;
    uint32_t record_count;
    const struct weir_alert *alerts; /* also among records when the stream is published */
    uint32_t alert_count;
    const struct weir_data_error *first_error; /* of the batch's dead letters; NULL = none */
    const struct weir_record *first_error_record;
};

int weir_task_create(const struct weir_plan *plan, uint64_t seed, struct weir_task **task,
                     struct weir_error *error);
void weir_task_destroy(struct weir_task *task);

/* Wall time as the owner read it; moves the bound on events from the future (R13). */
void weir_task_tick(struct weir_task *task, int64_t wall_ms);

/* Takes the records in order. WEIR_OK, or WEIR_NOMEM / WEIR_BUG: the task must not be used any more. */
int weir_task_process(struct weir_task *task, const struct weir_record *records, uint32_t count,
                      struct weir_outputs *outputs);

/* Sets one record aside unread, as a dead letter: it has ended the process more than once (R15). */
int weir_task_set_aside(struct weir_task *task, const struct weir_record *record,
                        struct weir_outputs *outputs);

/* The task's reader of records: a file door lets it see the file's header row (csv) before the first record.
 */
struct weir_coder *weir_task_coder(struct weir_task *task);

const struct weir_task_counts *weir_task_counts(const struct weir_task *task);
void weir_task_counts_add(struct weir_task_counts *sum, const struct weir_task_counts *counts);
/* sum may go below zero: what is added later brings it back (unsigned numbers wrap). */
void weir_task_counts_subtract(struct weir_task_counts *sum, const struct weir_task_counts *counts);
/* Prequential value of the plan's i-th metric, over all labelled rows or the last window_rows; NaN:
 * undefined. */
double weir_task_metric(const struct weir_task *task, uint32_t i);
double weir_task_metric_window(const struct weir_task *task, uint32_t i);
uint64_t weir_task_model_version(const struct weir_task *task);
int64_t weir_task_watermark(const struct weir_task *task);

/* Everything that a continued run needs, between batches. load into a fresh task of an equal plan: WEIR_OK,
 * or WEIR_DATA / WEIR_VERSION with the chunk named by weir_state_reader_why: the task is then useless. */
int weir_task_save(const struct weir_task *task, struct weir_state_writer *writer);
int weir_task_load(struct weir_task *task, struct weir_state_reader *reader);
/* A new task from saved bytes; *task stays NULL on failure, which error puts in words. */
int weir_task_restore(const struct weir_plan *plan, const void *bytes, size_t len, struct weir_task **task,
                      struct weir_error *error);
/* The same for bytes that were saved under another pipeline file: what fits is carried over, the rest starts
 * cold; the carry tells (carry.h). NULL: as _restore. */
int weir_task_carry(const struct weir_plan *plan, const void *bytes, size_t len, struct weir_carry *carry,
                    struct weir_task **task, struct weir_error *error);
/* False when an invariant is broken: counts do not add up, an operator's check fails. */
bool weir_task_check(const struct weir_task *task);

#endif
