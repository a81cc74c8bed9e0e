/* SPDX-License-Identifier: Apache-2.0 */
/* breaker.h: stops the task that has come upon too many records that cannot be applied (R15).
 *
 * place:    a lane, after each run of its task; at the lane's end its exit code.
 * rule:     runs are cut at every thousandth record of the task, so what is decided is a function of its
 *           records: not of batches, commits or clocks. What was counted commits as ever; the next start goes
 *           on behind it, and counts the rest of its thousand anew.
 * purity:   no clock, no thread.
 */
#ifndef WEIR_RUNTIME_BREAKER_H
#define WEIR_RUNTIME_BREAKER_H

#include "runtime/unit.h"

#define WEIR_BREAKER_RECORDS 1000

struct weir_breaker {
    uint64_t rejects_before;       /* dead letters before the thousand under way */
    struct weir_skip counted_from; /* its first record; offset -1 = none yet */
};

struct weir_pause {
    struct weir_skip first, last; /* of the records that were counted: partition and offset */
    uint32_t rejects;
};

/* From here on the task's records are counted. */
void weir_breaker_start(struct weir_breaker *breaker, const struct weir_task *task);
/* At most so many records may go through the task at once. */
uint32_t weir_breaker_left(const struct weir_task *task);
/* The task has taken these. True: more than so many percent (100: never) of a thousand could not be applied.
 */
bool weir_breaker_trips(struct weir_breaker *breaker, const struct weir_task *task,
                        const struct weir_record *records, uint32_t count, uint32_t pause_above,
                        struct weir_pause *pause);
/* In words [E417]; returns WEIR_DATA. */
int weir_pause_error(const struct weir_pause *pause, const struct weir_pipeline *pipeline,
                     struct weir_error *error);

#endif
