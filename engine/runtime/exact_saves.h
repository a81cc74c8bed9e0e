/* SPDX-License-Identifier: Apache-2.0 */
/* exact_saves.h: writes the snapshots of the exactly-once lane in the background, and trims what they replace
 * (R9).
 *
 * place:    lane's copy -> pages, a few at each turn of the loop -> chunks -> libuv's pool -> generation;
 * then back to the lane, which publishes the manifest with its next unit. threads:  the worker's loop;
 * writing and trimming on the pool. limits:   WEIR_TASK_STEP_BYTES of pages a turn; chunks that wait to be
 * written are at most WAITING_BYTES_MAX.
 */
#ifndef WEIR_RUNTIME_EXACT_SAVES_H
#define WEIR_RUNTIME_EXACT_SAVES_H

#include <uv.h>

#include "runtime/exact.h"
#include "runtime/generation.h"

struct weir_exact_saves;

/* place is borrowed. wake: called when a step on the loop would move something on. */
struct weir_exact_saves *weir_exact_saves_create(const struct weir_generation_place *place, uv_loop_t *loop,
                                                 void *owner,
                                                 void (*wake)(void *owner)); /* NULL: no memory */
/* Waits for what is being written. The lane lives longer. */
void weir_exact_saves_stop(struct weir_exact_saves *saves);
void weir_exact_saves_destroy(struct weir_exact_saves *saves);

/* The lane's callbacks. */
void weir_exact_saves_begin(struct weir_exact_saves *saves, struct weir_exact *lane,
                            struct weir_exact_copy copy);
void weir_exact_saves_published(struct weir_exact_saves *saves, int32_t task,
                                const struct weir_progress *progress);

/* Moves the snapshots that are under way on. True: there is more to do at once. */
bool weir_exact_saves_turn(struct weir_exact_saves *saves);
bool weir_exact_saves_are_idle(const struct weir_exact_saves *saves);

#endif
