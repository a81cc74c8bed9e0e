/* SPDX-License-Identifier: Apache-2.0 */
/* task_snapshot.h: the state of a task in small pieces, while it goes on working; its digest; and the way
 * back.
 *
 * place:    worker -> task snapshot -> pages to a topic or a file; exactly-once.md R9 (snapshots), R11
 * (digests). idea:     a saved state is one small piece (counters, model, detectors, classes, sizes of the
 * keyspaces) and pages: the slots of keys as they lie in memory, WEIR_PAGE_BYTES at most or one slot. `begin`
 * at a unit boundary copies the small piece and marks the boundary. Each `step` hands out some of the pages
 * that changed since the newest completed snapshot, as they were at the boundary: a page that is about to
 * change is copied first. The digests of all pages, also of those that did not change, are the manifest; the
 * root is the XXH3 of the small piece and the digests. The root is a function of the state alone, not of the
 * snapshots taken before it. groups:   windows by key, numbered in the order of their descriptions:
 * reordering the file changes no number. Page {group, index} of a manifest is the newest one handed out under
 * these two numbers, in that snapshot or before it; its digest says which one is meant. why:      images of
 * slots and not values as in weir_task_save: no work per key, neither here nor at the way back. The layout is
 * part of the small piece, so another layout is refused. weir_task_save remains the portable form; a task
 * loaded from it has its slots in another order, so another root. threads:  the task's owner; between
 * batches. limits:   one snapshot at a time. Copies held are as many bytes as the pages touched before their
 * turn: held_bytes; step with a larger budget when it grows. Copies are handed out first.
 */
#ifndef WEIR_CORE_TASK_SNAPSHOT_H
#define WEIR_CORE_TASK_SNAPSHOT_H

#include "core/task.h"

/* A budget whose step is no pause: bench/snapshot.c. */
#define WEIR_TASK_STEP_BYTES ((size_t)4 * 1024 * 1024)

struct weir_task_page {
    uint32_t group, index;
    const void *bytes; /* until the sink returns */
    size_t len;
    uint64_t digest; /* XXH3 (64 bits, seed 0) of the bytes */
};

/* WEIR_OK: taken. Anything else ends the step, which returns it; the page is offered again. */
typedef int weir_task_page_sink(void *owner, const struct weir_task_page *page);

/* What identifies a saved state. Restoring needs all of it, and the pages. */
struct weir_task_manifest {
    const void *small;
    size_t small_len;
    const uint64_t *digests; /* of all pages, group after group */
    size_t digest_count;
    uint64_t root;
};

struct weir_task_snapshot {
    struct weir_task_manifest manifest; /* small: from the beginning; the rest: once done */
    const uint32_t *page_counts;        /* by group */
    uint32_t group_count;
    bool done;
    uint64_t page_count; /* handed out so far */
    uint64_t page_bytes;
    size_t held_bytes; /* now, in copies */
};

/* full: hand out all pages, not only those changed since the newest completed snapshot. After a restore that
 * is the restored one; a task that is new or was loaded from the portable form has none. No other snapshot is
 * under way. WEIR_OK or WEIR_NOMEM: nothing has begun. */
int weir_task_snapshot_begin(struct weir_task *task, bool full);
/* Hands out pages until the budget is used up (at least one page). WEIR_OK: all are out, snapshot->done;
 * WEIR_AGAIN: more to come; WEIR_NOMEM: a copy could not be made, this snapshot is lost (end it, the task is
 * well); else what the sink returned. */
int weir_task_snapshot_step(struct weir_task *task, size_t budget_bytes, weir_task_page_sink *sink,
                            void *owner);
/* NULL: none under way. Valid until _end; what changes with time: at each step. */
const struct weir_task_snapshot *weir_task_snapshot(struct weir_task *task);
/* completed (only when done, and safe where it went): the next one hands out what changed since this
 * boundary. Not completed: it was as if never begun. */
void weir_task_snapshot_end(struct weir_task *task, bool completed);

uint64_t weir_task_manifest_root(const struct weir_task_manifest *manifest);

uint64_t weir_task_page_count(struct weir_task *task); /* of the state as it is now */

/* Digest of the state as it is now, equal to the root that a snapshot begun now would have. Costs a look at
 * each page's mark and the hash of the pages that changed since their last digest. WEIR_OK or WEIR_NOMEM. */
int weir_task_digest(struct weir_task *task, uint64_t *digest);
/* The same over the small piece and the pages whose index % parts == part: a bounded share of the cost for a
 * state in which every page changes all the time. */
int weir_task_digest_part(struct weir_task *task, uint32_t part, uint32_t parts, uint64_t *digest);

/* --- the way back ---------------------------------------------------------------------------------------
 * Checked here: the root before anything is allocated, sizes against the plan's limits, each page's digest
 * (a wrong one is named), that no page is missing or comes twice, and the layout. The task is then, bit for
 * bit, the saved one: slots, hand, order of forgetting. WEIR_DATA: damaged; WEIR_VERSION: another format;
 * WEIR_LIMIT: more keys than this plan's memory holds; WEIR_NOMEM. */

struct weir_task_restore;

/* The manifest's bytes are borrowed until _end. */
int weir_task_restore_begin(const struct weir_plan *plan, const struct weir_task_manifest *manifest,
                            struct weir_task_restore **restore, struct weir_error *error);
/* A state of another pipeline file: what fits is carried over, the rest starts cold (carry.h). Pages of
 * groups that stay as they are lie where they lay; those of others are kept aside until _end. NULL: as
 * _begin. */
int weir_task_restore_begin_carrying(const struct weir_plan *plan, const struct weir_task_manifest *manifest,
                                     struct weir_carry *carry, struct weir_task_restore **restore,
                                     struct weir_error *error);
/* Pages in any order. After a failure only _abandon is allowed. */
int weir_task_restore_page(struct weir_task_restore *restore, uint32_t group, uint32_t index,
                           const void *bytes, size_t len, struct weir_error *error);
/* The same for a page that was found by its digest: it is not hashed again. */
int weir_task_restore_checked(struct weir_task_restore *restore, uint32_t group, uint32_t index,
                              const void *bytes, size_t len, struct weir_error *error);
/* Frees restore in any case; *task stays NULL on failure. */
int weir_task_restore_end(struct weir_task_restore *restore, struct weir_task **task,
                          struct weir_error *error);
void weir_task_restore_abandon(struct weir_task_restore *restore);

/* Writes the page, exactly len bytes, to `into`; or fails, in words. */
typedef int weir_task_page_reader(void *owner, uint32_t group, uint32_t index, void *into, size_t len,
                                  struct weir_error *error);
/* All in one: asks for the pages in order, group after group, straight to where they stay. */
int weir_task_restore_pages(const struct weir_plan *plan, const struct weir_task_manifest *manifest,
                            weir_task_page_reader *read, void *owner, struct weir_task **task,
                            struct weir_error *error);

#endif
