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

/* format 2: the detectors as parts (carry.h). Format 1: their states one after the other. */
#define WATCH_VERSION 2

/* NULL: no memory. */
static struct weir_part *list_parts(const struct weir_watch *watch) {
    const struct weir_plan *plan = watch->plan;
    struct weir_part *parts = calloc(plan->drift_count + 1, sizeof *parts);
    for (uint32_t i = 0; parts && i < plan->drift_count; i++)
        parts[i] = (struct weir_part){plan->drifts[i].text, &plan->drifts[i].detector->op,
                                      &plan->drifts[i].binding, watch->states[i], false};
    return parts;
}

void weir_watch_save(const struct weir_watch *watch, struct weir_state_writer *writer) {
    struct weir_part *parts = list_parts(watch);
    weir_state_write_head(writer, "core/watch", WATCH_VERSION);
    if (parts)
        weir_parts_save(parts, watch->plan->drift_count, writer);
    else
        weir_state_writer_fail(writer, WEIR_NOMEM);
    free(parts);
}

static int load_v1(struct weir_part *parts, uint32_t count, struct weir_state_reader *reader) {
    int result = WEIR_OK;
    for (uint32_t i = 0; i < count && !result; i++)
        result = parts[i].op->load(parts[i].binding, parts[i].state, reader);
    return result;
}

int weir_watch_load(struct weir_watch *watch, struct weir_carry *carry, struct weir_state_reader *reader) {
    uint32_t format = weir_state_read_head(reader, "core/watch", WATCH_VERSION);
    int result = weir_state_reader_result(reader);
    if (result) return result;
    struct weir_part *parts = list_parts(watch);
    if (!parts) return WEIR_NOMEM;
    uint32_t count = watch->plan->drift_count;
    result = format < 2 ? load_v1(parts, count, reader) : weir_parts_load(parts, count, carry, reader);
    free(parts);
    return result;
}
