/* SPDX-License-Identifier: Apache-2.0 */
/* saves.h: writes the snapshots of tasks in the background, and trims what they replace (R9, R16).
 *
 * place:    a lane begins a snapshot of a task -> pages, a few at each turn of the loop -> chunks -> libuv's
 *           pool -> generation; then back to the lane, which says from when on it counts.
 * threads:  the worker's loop; writing and trimming on the pool.
 * limits:   WEIR_TASK_STEP_BYTES of pages a turn; chunks that wait to be written are at most
 *           WAITING_BYTES_MAX.
 */
#ifndef WEIR_RUNTIME_SAVES_H
#define WEIR_RUNTIME_SAVES_H

#include <uv.h>

#include "runtime/generation.h"

struct weir_saves;

struct weir_saves_options {
    const struct weir_generation_place *place; /* borrowed */
    uv_loop_t *loop;
    void *owner;
    void (*wake)(void *owner); /* a step on the loop would move something on */
    /* The task whose snapshot this is, which is still under way; NULL: there is no such snapshot any more. */
    struct weir_task *(*task)(void *owner, const struct weir_copy *copy);
    /* May be NULL. False: all but its end is written; it must not be seen yet. */
    bool (*due)(void *owner, const struct weir_copy *copy);
    /* good: it is written and safe, and its manifest complete. Else it was as if never begun. */
    void (*ended)(void *owner, const struct weir_copy *copy, bool good);
};

struct weir_saves *weir_saves_create(const struct weir_saves_options *options); /* NULL: no memory */
/* Waits for what is being written. The owner and its tasks live longer. */
void weir_saves_stop(struct weir_saves *saves);
void weir_saves_destroy(struct weir_saves *saves);

/* The snapshot that the task has just begun. Its end may be told inside of this call. */
void weir_saves_begin(struct weir_saves *saves, struct weir_copy copy);
/* Brings all of a task to their end here and now, without the loop: written if they are due, else lost. */
void weir_saves_finish(struct weir_saves *saves, int32_t task);
/* Reads the newest back from the topic, then deletes what the oldest does not need. */
void weir_saves_trim(struct weir_saves *saves, int32_t task, const struct weir_manifest *newest,
                     const struct weir_manifest *oldest, int64_t journal_from);

/* Moves the snapshots that are under way on. True: there is more to do at once. */
bool weir_saves_turn(struct weir_saves *saves);
bool weir_saves_are_idle(const struct weir_saves *saves);

#endif
