/* SPDX-License-Identifier: Apache-2.0 */
/* exact.h: the exactly-once lane of a worker: its tasks, the units they are working on, and the bundle under
 * way.
 *
 * place:    worker -> lane -> task -> unit -> bundle -> committer; and back: verdicts.
 * rules:    units (R2), one bundle for one transaction (R3), the same bytes again after an abort (R4),
 * nothing of a task that is not owned (R7), one tick a unit (R13). Which rule is where: see the comments of
 * exact.c. purity:   no clock, no thread, no Kafka: the owner tells the time and hands bundles to a
 * committer. So the simulator (tests/sim) runs this very file. threads:  one owner. limits:   one bundle
 * under way and one open unit a task; when their outputs exceed bytes_max, weir_exact_is_full says so and
 * intake must stop (R4).
 */
#ifndef WEIR_RUNTIME_EXACT_H
#define WEIR_RUNTIME_EXACT_H

#include "core/task_snapshot.h"
#include "runtime/committer.h"

/* Where a task stands in its history. */
struct weir_progress {
    uint64_t unit, chain, seed;
    /* The newest snapshot and the one before it (unit 0 = none), and where in the journal a reader must begin
     * for each; -1: at the beginning. */
    struct weir_manifest generations[2];
    int64_t journal_from[2];
};

/* A snapshot of a task's state after a closed unit that has begun: its pages are asked for by
 * weir_exact_copy_step. */
struct weir_exact_copy {
    int32_t task;
    uint64_t number; /* of all copies of the lane: the same unit may be copied twice */
    struct weir_manifest
        manifest; /* unit, chain, engine_id, and what of its base is known; base_unit 0: it is full */
};

#define WEIR_BREAKER_RECORDS 1000

/* A task that has come upon too many records that cannot be applied (R15). */
struct weir_exact_pause {
    int32_t task;
    struct weir_skip first, last; /* of the records that were counted: partition and offset */
    uint32_t rejects;
};

struct weir_exact_options {
    const struct weir_plan *plan;
    uint64_t engine_id;
    bool single; /* one task, 0, for all partitions; else the task is the partition */
    int64_t commit_ms;
    int64_t heartbeat_ms; /* an empty unit when there was none for so long: standbys wait for it; 0 = none */
    size_t bytes_max;
    uint32_t pause_above; /* percent of WEIR_BREAKER_RECORDS (R15); from 100 on never */
    void *owner;
    /* The group membership right now; NULL: no memory, tried again. */
    struct weir_kafka_membership *(*membership)(void *owner);
    /* To the committer; comes back through weir_exact_decided. */
    void (*submit)(void *owner, struct weir_bundle *bundle);
    /* Somebody else has moved this task on; its state is the owner's now, and good for nothing. */
    void (*gone)(void *owner, int32_t task_id, struct weir_task *task);
    /* More than pause_above of these records could not be applied: the task takes no more. Never called with
     * pause_above at 100; called inside weir_exact_process. */
    void (*paused)(void *owner, const struct weir_exact_pause *pause);
    /* May be NULL. */
    void (*copied)(void *owner, struct weir_exact_copy copy);
    /* A newer snapshot is committed: what only older ones than this progress names need is not needed any
     * more. */
    void (*published)(void *owner, int32_t task, const struct weir_progress *progress);
    void (*answered)(void *owner, const struct weir_task *task, const struct weir_record *records,
                     uint32_t count, const struct weir_outputs *outputs);
};

struct weir_exact;

int weir_exact_create(const struct weir_exact_options *options, struct weir_exact **lane,
                      struct weir_error *error);
/* Also destroys the tasks; a bundle under way must have been decided or its committer destroyed. */
void weir_exact_destroy(struct weir_exact *lane);

/* The task goes on from here (R8: it has been restored up to the committed unit); taken. With progress.unit 0
 * its first unit is empty and commits where it begins. WEIR_OK or WEIR_NOMEM (the task is destroyed). */
int weir_exact_adopt(struct weir_exact *lane, int32_t task_id, struct weir_task *task,
                     const struct weir_progress *progress);
/* Inputs of a task and the offset at which each goes on. */
int weir_exact_set_position(struct weir_exact *lane, int32_t task_id, int32_t partition, int64_t next);
/* -1: none of the lane's tasks has this partition. */
int64_t weir_exact_position(const struct weir_exact *lane, int32_t partition);
/* The record at this offset is to be set aside unread when it comes (R15). */
int weir_exact_skip(struct weir_exact *lane, int32_t partition, int64_t offset);

/* An operator's decision (R10): these records, which come next, are gone and passed over. Journaled with the
 * open unit. WEIR_OK or WEIR_NOMEM. */
int weir_exact_pass_over(struct weir_exact *lane, int32_t task_id, const struct weir_lost *lost);

/* Records of one partition, at most WEIR_BATCH_MAX, in order. Those below the position are dropped (R6),
 * those of a task that is not here too. WEIR_OK, WEIR_NOMEM, WEIR_BUG: the lane cannot go on. */
int weir_exact_process(struct weir_exact *lane, const struct weir_record *records, uint32_t count);
bool weir_exact_is_full(const struct weir_exact *lane);

/* Tells the time (wall_ms for ticks, now_ms monotonic), closes units and submits a bundle when it is due;
 * flush: as soon as the committer is free. WEIR_OK or WEIR_NOMEM. */
int weir_exact_turn(struct weir_exact *lane, int64_t now_ms, int64_t wall_ms, bool flush);
/* The committer is done with the bundle that was submitted. */
int weir_exact_decided(struct weir_exact *lane);
/* Nothing open and nothing under way, of one task / of all. */
bool weir_exact_at_rest(const struct weir_exact *lane, int32_t task_id);
bool weir_exact_all_at_rest(const struct weir_exact *lane);

/* The task's partitions are given back or lost (R7): what is open is dropped; what is under way was submitted
 * while it was owned and is left to the broker, which knows the generation. Returns the task (NULL: none),
 * and where it stands when it is at rest; progress->seed stays 0 when it is not: its state is then ahead of
 * what was committed. */
struct weir_task *weir_exact_release(struct weir_exact *lane, int32_t task_id,
                                     struct weir_progress *progress);

/* Begins a snapshot now when no unit is open, else at the end of the open one. Nothing happens while an
 * earlier one is under way, or when the task has not gone on since. */
void weir_exact_want_copy(struct weir_exact *lane, int32_t task_id);
/* The same for a task that was restored and is not what its snapshots lead to (R10, R12). */
void weir_exact_save_anew(struct weir_exact *lane, int32_t task_id);
/* Hands out the next pages. WEIR_OK: all are out; WEIR_AGAIN: more to come; WEIR_END: there is no such
 * snapshot any more, the task was given back; WEIR_NOMEM: it is lost; else what the sink returned. */
int weir_exact_copy_step(struct weir_exact *lane, const struct weir_exact_copy *copy, size_t budget_bytes,
                         weir_task_page_sink *sink, void *owner);
/* NULL: there is no such snapshot any more. */
const struct weir_task_snapshot *weir_exact_copy_state(struct weir_exact *lane,
                                                       const struct weir_exact_copy *copy);
/* The end of a copy. good: it was written, and is published with the next unit (R9); else it was as if never
 * begun. */
void weir_exact_publish(struct weir_exact *lane, const struct weir_exact_copy *copy, bool good);
int64_t weir_exact_wall(const struct weir_exact *lane); /* as told by the last turn */

void weir_exact_each_task(const struct weir_exact *lane, void *owner,
                          void (*visit)(void *owner, int32_t task_id, const struct weir_task *task));
struct weir_task *weir_exact_task(const struct weir_exact *lane, int32_t task_id);

#endif
