/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int weir_watch_init(struct weir_watch *watch, const struct weir_plan *plan) {
    watch->plan = plan;
    watch->states = calloc(plan->drift_count + 1, sizeof *watch->states);
    if (!watch->states) return WEIR_NOMEM;
    for (uint32_t i = 0; i < plan->drift_count; i++) {
        const struct weir_plan_drift *drift = &plan->drifts[i];
        watch->states[i] = calloc(1, drift->binding.state_bytes);
        if (!watch->states[i]) return WEIR_NOMEM;
        drift->detector->op.init(&drift->binding, watch->states[i]);
    }
    return WEIR_OK;
}

void weir_watch_deinit(struct weir_watch *watch) {
    for (uint32_t i = 0; watch->states && i < watch->plan->drift_count; i++) free(watch->states[i]);
    free(watch->states);
    memset(watch, 0, sizeof *watch);
}

bool weir_watch_event(struct weir_watch *watch, uint32_t i, const struct weir_event *event, double error,
                      struct weir_alert *alert) {
    const struct weir_plan_drift *drift = &watch->plan->drifts[i];
    double x =
        drift->watch_cell == WEIR_NO_CELL ? error : weir_value_number(&event->cells[drift->watch_cell]);
    if (!isfinite(x)) return false;
    if (drift->detector->update(&drift->binding, watch->states[i], x) != WEIR_DRIFT) return false;
    *alert = (struct weir_alert){.drift = drift,
                                 .record = event->record,
                                 .input_index = event->input_index,
                                 .row = event->row,
                                 .time_ms = event->time_ms};
    drift->detector->report(&drift->binding, watch->states[i], &alert->report);
    return true;
}

void weir_watch_model_replaced(struct weir_watch *watch) {
    for (uint32_t i = 0; i < watch->plan->drift_count; i++) {
        const struct weir_plan_drift *drift = &watch->plan->drifts[i];
        if (drift->watch_cell == WEIR_NO_CELL) drift->detector->op.init(&drift->binding, watch->states[i]);
    }
}

void weir_watch_save(const struct weir_watch *watch, struct weir_state_writer *writer) {
    weir_state_write_head(writer, "core/watch", 1);
    for (uint32_t i = 0; i < watch->plan->drift_count; i++)
        watch->plan->drifts[i].detector->op.save(&watch->plan->drifts[i].binding, watch->states[i], writer);
}

int weir_watch_load(struct weir_watch *watch, struct weir_state_reader *reader) {
    weir_state_read_head(reader, "core/watch", 1);
    int result = weir_state_reader_result(reader);
    for (uint32_t i = 0; i < watch->plan->drift_count && !result; i++)
        result = watch->plan->drifts[i].detector->op.load(&watch->plan->drifts[i].binding, watch->states[i],
                                                          reader);
    return result;
}
