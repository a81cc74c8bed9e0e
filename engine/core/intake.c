/* SPDX-License-Identifier: Apache-2.0 */
#include "core/intake.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Years 1 to 9999: what every calendar library on the way can print. */
#define TIME_MIN_MS (INT64_C(-62135596800000))
#define TIME_MAX_MS INT64_C(253402300799999)

int weir_intake_init(struct weir_intake *intake, const struct weir_plan *plan, struct weir_error *error) {
    memset(intake, 0, sizeof *intake);
    intake->plan = plan;
    intake->watermark_ms = INT64_MIN;
    intake->now_ms = INT64_MIN;
    return plan->codec->open(&plan->source, &intake->coder, error);
}

void weir_intake_deinit(struct weir_intake *intake) {
    if (intake->coder) intake->plan->codec->close(intake->coder);
    memset(intake, 0, sizeof *intake);
}

static bool refuse(struct weir_data_error *error, const char *code, const char *field, const char *text) {
    error->code = code;
    error->field = field;
    snprintf(error->text, sizeof error->text, "%s", text);
    return false;
}

/* A stated time in its unit as ms; NaN and what cannot be milliseconds come out as out of range. */
static int64_t to_ms(const struct weir_value *value, enum weir_time_unit unit) {
    static const double per_ms[] = {
        [WEIR_TIME_MS] = 1, [WEIR_TIME_S] = 1e-3, [WEIR_TIME_US] = 1e3, [WEIR_TIME_NS] = 1e6};
    if (value->type == WEIR_TIMESTAMP) return value->as.i;
    if (value->type == WEIR_FLOAT64) {
        double ms = floor(value->as.f / per_ms[unit]);
        return ms >= (double)TIME_MIN_MS && ms <= (double)TIME_MAX_MS ? (int64_t)ms : INT64_MAX;
    }
    int64_t t = value->as.i;
    switch (unit) {
        case WEIR_TIME_S:
            return t > TIME_MAX_MS / 1000 || t < TIME_MIN_MS / 1000 ? INT64_MAX : t * 1000;
        case WEIR_TIME_US:
            return t / 1000 - (t % 1000 < 0);
        case WEIR_TIME_NS:
            return t / 1000000 - (t % 1000000 < 0);
        default:
            return t;
    }
}

static bool find_time(const struct weir_intake *intake, const struct weir_record *record,
                      struct weir_event *event, struct weir_data_error *error) {
    const struct weir_plan *plan = intake->plan;
    const char *field = NULL;
    if (plan->time_cell != WEIR_NO_CELL) {
        const struct weir_value *value = &event->cells[plan->time_cell];
        field = plan->source.fields[plan->time_cell].name;
        if (value->null) return refuse(error, "D120", field, "the event time is missing");
        event->time_ms = to_ms(value, plan->time_unit);
    } else {
        event->time_ms = record->timestamp_ms != WEIR_NO_TIMESTAMP ? record->timestamp_ms : record->offset;
    }
    if (event->time_ms < TIME_MIN_MS || event->time_ms > TIME_MAX_MS)
        return refuse(error, "D121", field,
                      "the event time is outside the years 1 to 9999; is its unit right?");
    if (intake->now_ms != INT64_MIN && event->time_ms > intake->now_ms &&
        event->time_ms - intake->now_ms > WEIR_FUTURE_MAX_MS)
        return refuse(error, "D121", field, "the event time lies more than 10 minutes in the future");
    return true;
}

static bool read_binary_label(const struct weir_plan_model *model, const struct weir_value *value,
                              struct weir_event *event, struct weir_data_error *error) {
    if (weir_type_is_text(value->type)) {
        size_t len = strlen(model->positive);
        event->label = value->len == len && !memcmp(value->as.s, model->positive, len) ? 1 : 0;
        return true;
    }
    double number = weir_value_number(value);
    if (!model->positive && number != 0 && number != 1)
        return refuse(error, "D123", NULL,
                      "a label of two classes must be 0 or 1; or name one: `labels.positive`");
    event->label = number == model->positive_number ? 1 : 0;
    return true;
}

static bool read_label(struct weir_intake *intake, struct weir_event *event, struct weir_data_error *error) {
    const struct weir_plan_model *model = &intake->plan->model;
    event->labelled = false;
    event->label = (double)NAN;
    if (model->label_cell == WEIR_NO_CELL) return true;
    const struct weir_value *value = &event->cells[model->label_cell];
    if (value->null) return true;
    event->labelled = true;
    if (model->target == WEIR_BINARY) return read_binary_label(model, value, event, error);
    if (model->target == WEIR_MULTICLASS) {
        int index = weir_classes_index(&intake->classes, value->as.s, value->len);
        if (index < 0)
            return refuse(error, "D124", NULL,
                          "more than 64 classes, or a class name that is empty or over 63 bytes");
        event->label = index;
        return true;
    }
    event->label = weir_value_number(value);
    return isfinite(event->label) ? true : refuse(error, "D123", NULL, "the label is not a finite number");
}

static bool kept(const struct weir_intake *intake, const struct weir_event *event, struct weir_arena *arena) {
    if (!intake->plan->keep) return true;
    struct weir_value verdict = weir_expr_eval(intake->plan->keep, event->cells, NULL, arena);
    return !verdict.null && verdict.as.b; /* like WHERE: unknown is not kept */
}

enum weir_fate weir_intake_record(struct weir_intake *intake, const struct weir_record *record,
                                  struct weir_event *event, struct weir_arena *arena,
                                  struct weir_data_error *error) {
    const struct weir_plan *plan = intake->plan;
    event->record = record;
    error->field = NULL;
    int result = plan->codec->decode(intake->coder, record->value, arena, event->cells, error);
    if (result) return result == WEIR_NOMEM ? WEIR_UNDECIDED : WEIR_DEAD_LETTERED;
    if (!find_time(intake, record, event, error)) return WEIR_DEAD_LETTERED;
    if (!kept(intake, event, arena)) return WEIR_DROPPED;
    if (plan->lateness_ms != INT64_MAX && intake->watermark_ms != INT64_MIN &&
        event->time_ms < intake->watermark_ms - plan->lateness_ms)
        return WEIR_LATE;
    if (!read_label(intake, event, error)) {
        error->field = plan->columns.fields[plan->model.label_cell].name;
        return WEIR_DEAD_LETTERED;
    }
    if (event->time_ms > intake->watermark_ms) intake->watermark_ms = event->time_ms;
    return WEIR_APPLIED;
}
