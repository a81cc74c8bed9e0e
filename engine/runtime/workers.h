/* SPDX-License-Identifier: Apache-2.0 */
/* workers.h: several workers in one process: `workers: N` threads, each with its own loop, consumer and
 * producer, all members of one group. The first runs on the calling thread.
 *
 * ends:    when every worker is done. A worker that fails stops the others; a signal reaches all of them.
 * results: do not depend on how many there are: a task moves with its partition (shelf.h).
 */
#ifndef WEIR_RUNTIME_WORKERS_H
#define WEIR_RUNTIME_WORKERS_H

#include "runtime/worker.h"

#define WEIR_WORKERS_MAX 64

struct weir_workers;

/* options.watch is called on every worker's thread, one at a time. Errors as weir_worker_create. */
int weir_workers_create(const struct weir_worker_options *options, uint32_t count,
                        struct weir_workers **workers, struct weir_error *error);
int weir_workers_run(struct weir_workers *workers, struct weir_error *error);
/* From any thread, also before the run: each ends after the last commit. */
void weir_workers_stop(struct weir_workers *workers);
/* After the run: a signal asked for its end. */
bool weir_workers_were_signalled(const struct weir_workers *workers);
/* After the run: `tasks: single`, and it had the lead until its end. */
bool weir_workers_led(const struct weir_workers *workers);
void weir_workers_destroy(struct weir_workers *workers);

/* After the run: sums over all tasks there were and over all commits (count 0 without `exactly_once`); each
 * task that is left. */
void weir_workers_counts(const struct weir_workers *workers, struct weir_task_counts *counts);
void weir_workers_commits(const struct weir_workers *workers, struct weir_latency *commits);
void weir_workers_each_task(const struct weir_workers *workers, void *owner,
                            void (*visit)(void *owner, int32_t partition, const struct weir_task *task));

#endif
