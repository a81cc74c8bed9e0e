/* SPDX-License-Identifier: Apache-2.0 */
/* kept_units.h: the states of an exactly-once task that lie in files, looked at without a cluster.
 *
 * place:   state.dir/<pipeline>.units -> kept units -> task, for `weir state`. Recovery does not use this: it
 * knows the root of a state from the journal (generation.h).
 * threads: any; calls block. errors: WEIR_IO, WEIR_DATA with the page that is broken or missing.
 */
#ifndef WEIR_RUNTIME_KEPT_UNITS_H
#define WEIR_RUNTIME_KEPT_UNITS_H

#include "runtime/segment.h"

/* The state after this unit: its own file has the tail, older ones what it did not write anew. See
 * weir_assembly_begin_unproven for what is not checked. *task stays NULL on failure. */
int weir_kept_unit_read(const char *dir, const char *pipeline, int32_t task_id, uint64_t unit,
                        const struct weir_plan *plan, struct weir_task **task, struct weir_error *error);

#endif
