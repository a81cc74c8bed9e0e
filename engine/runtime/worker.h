/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h: one thread, one libuv loop, one consumer, one producer and the tasks of its partitions.
 *
 * place:    Kafka source -> worker -> task -> worker -> Kafka sink. The end of the guided tour.
 * threads:  weir_worker_run runs on the calling thread until the work is done or a signal asks it to stop;
 *           weir_worker_stop may be called from its callbacks and from other threads.
 * delivery: at least once: an input's offset is committed only after every output it led to was acknowledged;
 *           a crash repeats the tail, with the same weir-id headers. exactly once: see exact_host.h.
 * errors:   WEIR_IO: the door failed for good;
 * WEIR_NOMEM, WEIR_BUG: stopped after the last commit.
 */
#ifndef WEIR_RUNTIME_WORKER_H
#define WEIR_RUNTIME_WORKER_H

#include "core/task.h"
#include "kafka/kafka.h"
#include "runtime/latency.h"

struct weir_follower;
struct weir_shelf;

/* Something to look at after every batch: the demo's table, a progress line. Called on the worker's thread.
 */
struct weir_worker_watch {
    void *owner;
    void (*batch)(void *owner, const struct weir_task *task, const struct weir_outputs *outputs);
    void (*tick)(void *owner); /* about every second */
};

struct weir_worker_options {
    const struct weir_plan *plan;
    const struct weir_pipeline *pipeline;
    struct weir_kafka_client client;
    uint64_t engine_id; /* exactly once: what a replay must have been made with to be equal (R12) */
    bool until_end;     /* stop at the end offsets seen when a partition is first assigned */
    bool skip_lost;     /* go on behind input that was deleted before it was read (R10) */
    uint64_t limit;     /* stop after so many records; 0 = none */
    bool strict_data;   /* the first dead letter ends the run (WEIR_DATA) */
    struct weir_worker_watch watch;
    struct weir_follower
        *follower;            /* exactly once, `tasks: single`: this worker takes the lead with its task */
    bool leads;               /* ... and this process had it until now, under another file: no waiting */
    struct weir_shelf *shelf; /* shared by the workers of a process; NULL: this one is alone */
};

struct weir_worker;

int weir_worker_create(const struct weir_worker_options *options, struct weir_worker **worker,
                       struct weir_error *error);
/* Until the end, the limit, a signal, weir_worker_stop or an error; then drains, commits and leaves the
 * group. */
int weir_worker_run(struct weir_worker *worker, struct weir_error *error);
void weir_worker_stop(struct weir_worker *worker);
bool weir_worker_was_signalled(const struct weir_worker *worker); /* SIGINT or SIGTERM */
/* It ended because input of its only task is gone (R10): no other process can go on either. */
bool weir_worker_lost_input(const struct weir_worker *worker);
void weir_worker_destroy(struct weir_worker *worker);

/* Of what this worker did, over all tasks it has had. */
void weir_worker_counts(const struct weir_worker *worker, struct weir_task_counts *counts);
/* Exactly once: how long commits took; NULL: another delivery. */
const struct weir_latency *weir_worker_commits(const struct weir_worker *worker);
/* Calls visit for each live task. */
void weir_worker_each_task(const struct weir_worker *worker, void *owner,
                           void (*visit)(void *owner, int32_t partition, const struct weir_task *task));

#endif
