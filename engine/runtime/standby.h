/* SPDX-License-Identifier: Apache-2.0 */
/* standby.h: `tasks: single`, exactly once: one process leads, the others stand by with a warm task.
 *
 * place:    workers -> standby -> follower (engine/runtime/recover.h); then a worker leads with its task.
 * idea:     the lead is the transactional.id of the pipeline's group: whoever initialised it last can commit,
 * all others are fenced by the broker. Nothing else is agreed upon. A standby does every committed unit
 * again; the leader commits at least every WEIR_HEARTBEAT_MS; a standby that has seen nothing for
 * WEIR_LEASE_MS takes over. Two that do so at once fence each other until one is left: safe at any time, and
 * settled by a random wait. threads:  the calling thread; SIGINT and SIGTERM end it.
 */
#ifndef WEIR_RUNTIME_STANDBY_H
#define WEIR_RUNTIME_STANDBY_H

#include "runtime/worker.h"

/* Stands by until it is time to lead: WEIR_OK, *follower is the caller's. At once where nobody has ever led,
 * unless another is known to have begun to (`contested`). WEIR_END: asked to stop. WEIR_DATA: the history
 * does not hold (exactly-once.md R11). A cluster that does not answer is asked again for ever. */
int weir_standby_run(const struct weir_worker_options *options, bool contested,
                     struct weir_follower **follower, struct weir_error *error);

#endif
