/* SPDX-License-Identifier: Apache-2.0 */
/* worker_state.h: what the files of a worker share: its state, and the verbs of the at-least-once lane.
 *
 * place:    worker.c (the loop, both lanes), at_least_once.c (R16). The exactly-once lane stands behind
 *           exact_host.h.
 * threads:  the worker's.
 */
#ifndef WEIR_RUNTIME_WORKER_STATE_H
#define WEIR_RUNTIME_WORKER_STATE_H

#include <uv.h>

#include "file/marker.h"
#include "file/slot.h"
#include "runtime/breaker.h"
#include "runtime/dead_letters.h"
#include "runtime/exact_host.h"
#include "runtime/flights.h"
#include "runtime/retention.h"
#include "runtime/shelf.h"
#include "runtime/snapshots.h"
#include "runtime/worker.h"

#define PARTITION_MAX 4096

struct slot { /* one input partition */
    bool owned;
    struct weir_task *task; /* NULL under `tasks: single`: the worker's one task */
    int64_t position;       /* next offset to process */
    int64_t caught_up;      /* nothing readable lies before this offset that was not polled */
    int64_t landed;         /* all outputs of input before this offset are delivered */
    int64_t silent_until; /* below it input was answered before the restart: read again for the state alone */
    int64_t end;          /* until_end: stop here; -1 = not known */
    struct weir_breaker breaker; /* of its task; under `tasks: single` the worker's one counts */
    bool stopped;                /* by the breaker: reads no more */
};

struct weir_worker {
    struct weir_worker_options options;
    struct weir_kafka_source *source;
    struct weir_kafka_sink *sink;
    struct weir_flights flights;
    struct weir_retention retention;
    struct weir_dead_letters dead_letters;
    struct weir_snapshots *snapshots; /* NULL: state lives in memory only */
    struct weir_exact_host *exact;    /* NULL: at least once */
    struct slot *slots;               /* by partition */
    uint32_t slot_count;
    struct weir_task *single;
    struct weir_breaker single_breaker;
    bool single_stopped;
    struct weir_error stopped;      /* why the newest task stopped that did */
    struct weir_slot_lock lock;     /* at least once, with state.dir: whose marker it is */
    struct weir_marker *marker;     /* NULL: nothing is known of records that ended the process (R15) */
    struct weir_task_counts counts; /* of tasks that are gone, less what tasks had when they came */
    uint64_t read;                  /* records processed by this worker */
    uint64_t seed;
    /* the batch in hand, and the outputs of its newest run that the sink has not taken yet */
    struct weir_record records[WEIR_BATCH_MAX];
    uint32_t record_count, record_next;
    struct weir_outputs outputs;
    uint32_t output_next;
    uint64_t output_flight;
    /* the loop */
    uv_loop_t loop;
    uv_poll_t source_wake, sink_wake;
    uv_timer_t commit_timer, second_timer, snapshot_timer;
    uv_idle_t again; /* active while there is more to do at once */
    uv_signal_t interrupt, terminate;
    uv_async_t stop_asked;
    bool woken;            /* since the turn began: do not stand still at its end */
    bool asked, signalled; /* to end: by weir_worker_stop, by a signal */
    bool ends_known, others_at_end, stopping, abandoned, was_down, all_lost;
    bool input_lost; /* of its only task, which cannot go on without it (R10) */
    int64_t now_ms;
    int64_t ends[PARTITION_MAX];
    int end_count;
    int result;
    struct weir_error error;
};

void weir_worker_fail(struct weir_worker *worker, int result);
void weir_worker_wake(void *owner); /* the worker takes another turn at once */
struct slot *weir_worker_slot(struct weir_worker *worker,
                              int32_t partition);                   /* NULL: no memory, or beyond the limit */
struct weir_task *weir_worker_new_task(struct weir_worker *worker); /* NULL: failed */
/* A task's numbers are those of its life; the worker's are of its own work: what a task that comes has done
 * elsewhere, or in an earlier run, is not counted, what a task that goes has done here still is. */
void weir_worker_came(struct weir_worker *worker, const struct weir_task *task);
void weir_worker_went(struct weir_worker *worker, const struct weir_task *task);
void weir_worker_retire(struct weir_worker *worker, struct weir_task **task); /* went, and destroys it */
/* What a task answered, before it goes out. */
void weir_worker_see(struct weir_worker *worker, const struct weir_task *task,
                     const struct weir_record *records, uint32_t count, const struct weir_outputs *outputs);

/* ---- the at-least-once lane ---- */

int weir_alo_open(struct weir_worker *worker, struct weir_error *error);
/* For the source's watch. */
int64_t weir_alo_resume(void *owner, int32_t partition, int64_t committed);
void weir_alo_assigned(struct weir_worker *worker, int32_t partition);
void weir_alo_revoked(struct weir_worker *worker, const int32_t *partitions, uint32_t count, bool lost);
/* How many of these records of one partition may go through their task at once. */
uint32_t weir_alo_run(const struct weir_worker *worker, const struct slot *slot,
                      const struct weir_record *first, uint32_t count);
/* They do; the outputs of a run must be written before the next. */
void weir_alo_process(struct weir_worker *worker, struct slot *slot, const struct weir_record *first,
                      uint32_t count);
/* Delivery reports, offsets that may be committed, outputs that wait. False: the sink has no room. */
bool weir_alo_move_outputs(struct weir_worker *worker);
void weir_alo_commit(struct weir_worker *worker);   /* on the timer */
void weir_alo_snapshot(struct weir_worker *worker); /* on the timer: begins snapshots */
/* The last commit, and what is at rest is saved and handed over. */
void weir_alo_finish(struct weir_worker *worker);
/* A task of the worker's has stopped, in worker->error: WEIR_DATA. */
int weir_alo_stopped(struct weir_worker *worker);
void weir_alo_close(struct weir_worker *worker);

#endif
