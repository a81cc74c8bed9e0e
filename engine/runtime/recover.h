/* SPDX-License-Identifier: Apache-2.0 */
/* recover.h: makes the task again that had reached the committed unit, and proves it (R8, R11).
 *
 * place:    group's offsets and their metadata -> journal -> newest good snapshot -> input after it, silently
 * -> task. proof:    journal records form a chain of digests that ends in the metadata; every slice of the
 * input, every unit's outputs and the state digests must be what the journal says. Under another engine id
 * (R12) outputs and states may differ in the last bits and are not compared; nothing is published twice
 * either way. threads:  any; blocks until done. One call for one task, several may run at once. errors:
 * WEIR_AGAIN: the cluster does not answer; call again. WEIR_DATA: what is needed is lost or DIVERGED, in
 *           words; the task must stop until an operator decides. WEIR_NOMEM.
 */
#ifndef WEIR_RUNTIME_RECOVER_H
#define WEIR_RUNTIME_RECOVER_H

#include "runtime/exact.h"
#include "runtime/generation.h"

struct weir_recover_options {
    const struct weir_plan *plan;
    uint64_t engine_id;
    struct weir_generation_place place; /* also says how to reach the cluster */
    const char *topic, *journal;
    int32_t task;
    const struct weir_kafka_offset *committed; /* of all inputs of the task */
    uint32_t count;
    uint64_t seed; /* for a task without a past */
};

struct weir_recovered {
    struct weir_task *task;
    struct weir_progress progress;
    uint64_t snapshot_unit;  /* 0 = none was needed or there was none */
    uint64_t units, records; /* done again */
};

int weir_recover(const struct weir_recover_options *options, struct weir_recovered *recovered,
                 struct weir_error *error);

#endif
