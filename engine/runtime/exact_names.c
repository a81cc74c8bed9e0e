/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exact_names.h"

#include <stdio.h>

void weir_exact_names_make(const struct weir_pipeline *pipeline, const char *slot,
                           struct weir_exact_names *names) {
    const char *group = pipeline->source.group;
    snprintf(names->id, sizeof names->id, "weir-%s-%s", slot ? pipeline->name : group,
             slot ? slot : "leader");
    snprintf(names->journal, sizeof names->journal, "%s.journal", group);
    snprintf(names->snapshots, sizeof names->snapshots, "%s.snapshots", group);
}
