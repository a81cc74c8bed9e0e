/* SPDX-License-Identifier: Apache-2.0 */
/* exact_names.h: what an exactly-once pipeline calls its own in the cluster.
 *
 * lifetime: the caller's; all texts are part of it.
 */
#ifndef WEIR_RUNTIME_EXACT_NAMES_H
#define WEIR_RUNTIME_EXACT_NAMES_H

#include "config/pipeline.h"

struct weir_exact_names {
    char id[300];                      /* transactional.id */
    char journal[300], snapshots[300]; /* topics, of the group: another group has another history */
};

/* slot: part of the id of a worker; NULL: the id of the one leader (`tasks: single`). */
void weir_exact_names_make(const struct weir_pipeline *pipeline, const char *slot,
                           struct weir_exact_names *names);

#endif
