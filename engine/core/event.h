/* SPDX-License-Identifier: Apache-2.0 */
/* event.h: a decoded row on its way through the task.
 *
 * place:    decode -> event -> features -> model.
 * lifetime: batch. cells holds the source's columns, then every feature column (plan order).
 */
#ifndef WEIR_CORE_EVENT_H
#define WEIR_CORE_EVENT_H

#include "weir/record.h"
#include "weir/value.h"

struct weir_event {
    const struct weir_record *record;
    int64_t time_ms;      /* event time */
    uint32_t input_index; /* row of the input batch */
    uint64_t row;         /* input records of the task so far, this one included */
    double label;         /* as in weir/learner.h */
    bool labelled;
    struct weir_value *cells;
};

#endif
