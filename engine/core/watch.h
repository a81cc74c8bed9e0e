/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h: the drift detectors of a task: each is fed the model's error or a column, and says when it
 * changed.
 *
 * place: prediction error, event -> watch -> alert. What an alert leads to (reset) the task does.
 */
#ifndef WEIR_CORE_WATCH_H
#define WEIR_CORE_WATCH_H

#include "core/carry.h"
#include "core/event.h"
#include "core/plan.h"

/* A drift that was found. Batch lifetime; `drift` is the plan's. */
struct weir_alert {
    const struct weir_plan_drift *drift;
    const struct weir_record *record; /* at which it was found */
    uint32_t input_index;
    uint64_t row;
    int64_t time_ms;
    uint64_t model_version;
    struct weir_drift_report report;
};

struct weir_watch {
    const struct weir_plan *plan;
    void **states; /* one per drift of the plan */
};

int weir_watch_init(struct weir_watch *watch, const struct weir_plan *plan);
void weir_watch_deinit(struct weir_watch *watch);
/* Feeds detector i the event (error: the model's, NaN = none). True: drift, alert filled. A null, NaN or
 * infinite value is not fed. */
bool weir_watch_event(struct weir_watch *watch, uint32_t i, const struct weir_event *event, double error,
                      struct weir_alert *alert);
/* The model was replaced: its errors are another stream, so what watches model.error starts afresh too (as
 * the members of an adaptive random forest do: Gomes et al., Machine Learning 106, 2017). */
void weir_watch_model_replaced(struct weir_watch *watch);
void weir_watch_save(const struct weir_watch *watch, struct weir_state_writer *writer);
/* carry NULL: it must be of the very same detectors. */
int weir_watch_load(struct weir_watch *watch, struct weir_carry *carry, struct weir_state_reader *reader);

#endif
