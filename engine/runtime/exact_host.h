/* SPDX-License-Identifier: Apache-2.0 */
/* exact_host.h: what surrounds the exactly-once lane in a worker: its commit thread, recoveries and snapshot
 * writes on libuv's pool, its slot.
 *
 * place:    worker -> host -> lane (pure) ; host -> recover, generation, commit thread.
 * threads:  the worker's loop; nothing here blocks it but the giving back of partitions, for at most 5 s.
 * stops:    a task whose past cannot be rebuilt stops alone, named in the log; the others run on (R11).
 */
#ifndef WEIR_RUNTIME_EXACT_HOST_H
#define WEIR_RUNTIME_EXACT_HOST_H

#include <uv.h>

#include "runtime/exact_names.h"
#include "runtime/latency.h"
#include "runtime/recover.h"

#define WEIR_LEASE_MS 1500 /* a leader this long silent is taken for dead */
/* ... by one who would take over with another pipeline file: the others go first, and a leader that changes
 * its file has more time */
#define WEIR_LEASE_COLD_MS 3000
#define WEIR_HEARTBEAT_MS 500 /* its longest silence while it lives */

/* How a task of this pipeline is recovered. names and committed are borrowed. */
struct weir_recover_options weir_exact_recovery(const struct weir_plan *plan,
                                                const struct weir_kafka_client *client,
                                                const struct weir_exact_names *names, uint64_t engine_id,
                                                uint64_t seed);

struct weir_exact_host_options {
    const struct weir_plan *plan;
    const struct weir_pipeline *pipeline;
    struct weir_kafka_client client;
    uint64_t engine_id, seed;
    bool skip_lost; /* an operator's word: go on behind input that is gone (R10) */
    uv_loop_t *loop;
    void *owner;
    /* May be called inside any verb and from the loop. */
    void (*wake)(void *owner); /* something has changed: take a turn */
    void (*answered)(void *owner, const struct weir_task *task, const struct weir_record *records,
                     uint32_t count, const struct weir_outputs *outputs);
    void (*adopted)(void *owner, const struct weir_task *task); /* it goes on here */
    void (*retired)(void *owner, struct weir_task *task);       /* taken */
    void (*rejoin)(void *owner); /* somebody else has moved a task on: leave the group and join again */
};

struct weir_exact_host;

/* Takes a slot; the client's properties are completed for the source that is opened next. */
int weir_exact_host_create(const struct weir_exact_host_options *options, struct weir_exact_host **host,
                           struct weir_error *error);
const struct weir_kafka_client *weir_exact_host_client(const struct weir_exact_host *host);
/* The producer is opened in the background. */
int weir_exact_host_start(struct weir_exact_host *host, struct weir_kafka_source *source,
                          struct weir_error *error);
/* Ends what is under way without committing more; tasks can still be looked at. Before the source is closed.
 * NULL is fine for both. */
void weir_exact_host_stop(struct weir_exact_host *host);
/* After the loop's handles were closed. */
void weir_exact_host_destroy(struct weir_exact_host *host);

/* `tasks: single`: takes the lead with the task of a standby: fences whoever had it, goes on to where the
 * group stands and begins to read all partitions. */
int weir_exact_host_lead(struct weir_exact_host *host, struct weir_follower *follower, int64_t wall_ms,
                         struct weir_error *error);

/* For the source's watch: true = the partition is held until its task has been recovered (R8). */
bool weir_exact_host_hold(struct weir_exact_host *host, int32_t partition, int64_t committed,
                          const char *metadata);
/* These offsets, behind what was committed, are gone and will be passed over. */
void weir_exact_host_pass_over(struct weir_exact_host *host, int32_t partition, int64_t first, int64_t last);
/* Input of this partition is gone: its task stops. False: the worker must. */
bool weir_exact_host_lost(struct weir_exact_host *host, int32_t partition, const struct weir_error *error);
void weir_exact_host_revoked(struct weir_exact_host *host, const int32_t *partitions, uint32_t count,
                             bool lost);

int weir_exact_host_process(struct weir_exact_host *host, const struct weir_record *records, uint32_t count);
bool weir_exact_host_is_full(const struct weir_exact_host *host);
/* Closes and submits what is due. Not OK: the worker must stop. */
int weir_exact_host_turn(struct weir_exact_host *host, int64_t wall_ms, bool flush, struct weir_error *error);
bool weir_exact_host_at_rest(const struct weir_exact_host *host);
bool weir_exact_host_is_recovering(const struct weir_exact_host *host); /* some task is not ready yet */
bool weir_exact_host_has_stopped(const struct weir_exact_host *host, int32_t partition);
/* Stopped, and not only paused until somebody has looked at its rejects (R15). */
bool weir_exact_host_has_failed(const struct weir_exact_host *host, int32_t partition);
/* The first task that stopped, in words; WEIR_OK: none did. */
int weir_exact_host_stopped(const struct weir_exact_host *host, struct weir_error *error);
/* Of bundles that were committed, from submit until it was known. */
const struct weir_latency *weir_exact_host_commits(const struct weir_exact_host *host);

/* Copies states on a timer. */
void weir_exact_host_snapshot(struct weir_exact_host *host);
/* After the last commit: saves every task and publishes it, so that the next start has nothing to do again.
 */
void weir_exact_host_save_at_rest(struct weir_exact_host *host);

void weir_exact_host_each_task(const struct weir_exact_host *host, void *owner,
                               void (*visit)(void *owner, int32_t task, const struct weir_task *task_state));

#endif
