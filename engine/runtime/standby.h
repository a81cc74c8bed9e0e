/* SPDX-License-Identifier: Apache-2.0 */
/* standby.h: `tasks: single`, exactly once: one process leads, the others stand by with a warm task.
 *
 * place:    workers -> standby -> follower (engine/runtime/recover.h); then a worker leads with its task.
 * idea:     the lead is the transactional.id of the pipeline's group: whoever initialised it last can commit,
 *           all others are fenced by the broker. Nothing else is agreed upon. A standby does every committed
 *           unit again; the leader commits at least every WEIR_HEARTBEAT_MS; a standby that has seen nothing
 *           for WEIR_LEASE_MS takes over. Two that do so at once fence each other until one is left: safe at
 *           any time, and settled by a random wait.
 * files:    while the leader's pipeline file is another one, a standby waits without a task, says so, and
 *           takes over after WEIR_LEASE_COLD_MS, from the newest snapshot (R12, decision 0008).
 * threads:  the calling thread; SIGINT and SIGTERM end it.
 */
#ifndef WEIR_RUNTIME_STANDBY_H
#define WEIR_RUNTIME_STANDBY_H

#include <stdatomic.h>

#include "runtime/worker.h"

/* Stands by until it is time to lead: WEIR_OK, *follower is the caller's. At once where nobody has ever led,
 * unless another is known to have begun to (`contested`), and when the options say that it leads. WEIR_END: a
 * signal or another thread, by *stop, asked for the end. WEIR_DATA: the history does not hold
 * (exactly-once.md R11). A cluster that does not answer is asked again for ever. */
int weir_standby_run(const struct weir_worker_options *options, bool contested, const atomic_bool *stop,
                     struct weir_follower **follower, struct weir_error *error);
/* The last run was ended by SIGINT or SIGTERM. */
bool weir_standby_was_signalled(void);

#endif
