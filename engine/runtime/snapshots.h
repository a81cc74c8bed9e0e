/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.h: keeps the tasks of a worker on disk, and brings them back.
 *
 * place:   worker -> snapshots -> engine/file/snapshot.h.
 * rule:    a snapshot at position P (the next offset the task would process) is written only after offsets up
 * to P are committed. So after a crash there is one at or below the committed offset C: the task is loaded
 * from it, reads [P, C) again silently, and is then bit for bit the task that had reached C (exactly-once.md,
 *          R8 and R16). What was answered beyond C is answered again, with the same bytes and weir-id.
 * threads: the worker's; files are written on libuv's thread pool, one at a time, from a copy of the state.
 * limits:  the copy is made on the loop: a pause of about 1 ms per MB of state.
 */
#ifndef WEIR_RUNTIME_SNAPSHOTS_H
#define WEIR_RUNTIME_SNAPSHOTS_H

#include <uv.h>

#include "core/task.h"

struct weir_snapshots;

/* NULL and WEIR_OK when the pipeline names no state.dir: every verb accepts NULL and does nothing. */
int weir_snapshots_open(const struct weir_pipeline *pipeline, uv_loop_t *loop,
                        struct weir_snapshots **snapshots, struct weir_error *error);

/* Loads the newest usable snapshot at or below `committed` into *task (NULL on entry; created from plan).
 * Returns its position, or -1: there is none, *task stays NULL. Broken or foreign ones are named in the log
 * and passed over. */
int64_t weir_snapshots_restore(struct weir_snapshots *snapshots, const struct weir_plan *plan,
                               int32_t partition, int64_t committed, struct weir_task **task);

/* Copies the task's state as of `position`; written once weir_snapshots_committed says that position is safe.
 * Does nothing while an earlier copy of the partition waits, or when it stands at the position saved last. */
void weir_snapshots_take(struct weir_snapshots *snapshots, const struct weir_task *task, int32_t partition,
                         int64_t position);
/* Some copy waits to become safe: worth knowing for certain what is committed. */
bool weir_snapshots_waiting(const struct weir_snapshots *snapshots);
/* Offsets of the partition up to here are committed. now: write on this thread, before returning (the
 * partition is given back, or the worker stops). */
void weir_snapshots_committed(struct weir_snapshots *snapshots, int32_t partition, int64_t committed,
                              bool now);
/* Forgets what waits for a partition that was lost. */
void weir_snapshots_drop(struct weir_snapshots *snapshots, int32_t partition);
/* Waits for a write under way. */
void weir_snapshots_close(struct weir_snapshots *snapshots);

#endif
