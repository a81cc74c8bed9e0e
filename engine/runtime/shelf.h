/* SPDX-License-Identifier: Apache-2.0 */
/* shelf.h: where workers of one process leave the tasks of partitions they give back, for the worker that
 * gets the partition next.
 *
 * place:   worker -> shelf -> worker. why: results must not depend on how many workers there are, and a
 * rebalance between two threads must not forget a task that is still in memory. threads: any; a mutex inside.
 * A task on the shelf belongs to nobody else.
 */
#ifndef WEIR_RUNTIME_SHELF_H
#define WEIR_RUNTIME_SHELF_H

#include "core/task.h"
#include "runtime/unit.h"

struct weir_shelf;

struct weir_shelf *weir_shelf_create(void); /* NULL: no memory */
void weir_shelf_destroy(struct weir_shelf *shelf);

/* Takes the task, which has processed everything before `position`, and the snapshot it stands on. False (no
 * memory): it stays the caller's. */
bool weir_shelf_put(struct weir_shelf *shelf, int32_t partition, int64_t position, struct weir_task *task,
                    const struct weir_manifest *base);
/* Gives back the task of the partition if it stands at `position`, else NULL; one that stands elsewhere is
 * destroyed: another process has gone on meanwhile. */
struct weir_task *weir_shelf_take(struct weir_shelf *shelf, int32_t partition, int64_t position,
                                  struct weir_manifest *base);

/* Calls visit for each task that is left. Only while no worker runs. */
void weir_shelf_each(const struct weir_shelf *shelf, void *owner,
                     void (*visit)(void *owner, int32_t partition, const struct weir_task *task));

#endif
