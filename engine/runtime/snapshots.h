/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.h: keeps the tasks of the at-least-once lane on disk, and brings them back.
 *
 * place:   lane -> snapshots -> saves -> generation, in files that say what they are (label.h).
 * rule:    a snapshot at position P (the next offset the task would process) becomes visible only after
 *          offsets up to P are committed. So after a crash there is one at or below the committed offset C:
 *          the task is loaded from it, reads [P, C) again silently, and is then bit for bit the task that had
 *          reached C (exactly-once.md, R8 and R16). What was answered beyond C is answered again, with the
 *          same bytes and weir-id.
 * files:   what an older weir wrote, a whole state in one file (engine/file/snapshot.h), still loads.
 * threads: the worker's; pages are taken in steps between batches and written on libuv's pool.
 */
#ifndef WEIR_RUNTIME_SNAPSHOTS_H
#define WEIR_RUNTIME_SNAPSHOTS_H

#include <uv.h>

#include "runtime/unit.h"

struct weir_snapshots;

struct weir_snapshots_options {
    const struct weir_plan *plan;
    uint64_t engine_id; /* a state of another one is carried over (R12) */
    uv_loop_t *loop;
    void *owner;
    void (*wake)(void *owner); /* weir_snapshots_turn has something to do */
};

/* NULL and WEIR_OK when the pipeline names no state.dir: every verb accepts NULL and does nothing. */
int weir_snapshots_open(const struct weir_snapshots_options *options, struct weir_snapshots **snapshots,
                        struct weir_error *error);

/* Loads the newest usable snapshot at or below `committed` into *task (NULL on entry; created from plan).
 * Returns its position, or -1: there is none, *task stays NULL. Broken or foreign ones are named in the log
 * and passed over. */
int64_t weir_snapshots_restore(struct weir_snapshots *snapshots, int32_t partition, int64_t committed,
                               struct weir_task **task);

/* Position of the oldest file of the partition; -1: there is none. */
int64_t weir_snapshots_oldest(const struct weir_snapshots *snapshots, int32_t partition);

/* A task that is handed from one worker to another: the newest snapshot it stands on (unit 0: none). */
struct weir_manifest weir_snapshots_base(const struct weir_snapshots *snapshots, int32_t partition);
void weir_snapshots_set_base(struct weir_snapshots *snapshots, int32_t partition,
                             const struct weir_manifest *base);

/* Begins a snapshot of the task, which stands at `position`. Does nothing while an earlier one of the
 * partition is under way, or when it stands at the position saved last. */
void weir_snapshots_take(struct weir_snapshots *snapshots, struct weir_task *task, int32_t partition,
                         int64_t position);
/* The same here and now, for a task whose position is committed (its partition is given back, or the worker
 * stops): when this returns it is safe, or the log says why not. */
void weir_snapshots_save(struct weir_snapshots *snapshots, struct weir_task *task, int32_t partition,
                         int64_t position);
/* Takes pages of what is under way. True: there is more to do at once. */
bool weir_snapshots_turn(struct weir_snapshots *snapshots);
/* Some snapshot waits to become visible: worth knowing for certain what is committed. */
bool weir_snapshots_waiting(const struct weir_snapshots *snapshots);
/* Offsets of the partition up to here are committed. */
void weir_snapshots_committed(struct weir_snapshots *snapshots, int32_t partition, int64_t committed);
/* The task leaves: forgets what is under way, and what it stands on. Before the task is destroyed. */
void weir_snapshots_drop(struct weir_snapshots *snapshots, int32_t partition);

/* Gives up what is under way; while the loop's handles are open. */
void weir_snapshots_stop(struct weir_snapshots *snapshots);
void weir_snapshots_destroy(struct weir_snapshots *snapshots);

#endif
