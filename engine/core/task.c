/* SPDX-License-Identifier: Apache-2.0 */
/* task.c: how a record travels. Read it top to bottom.
 *
 *   record --intake--> event --features--> event --model--> prediction --watch--> alert
 *     |                                                                              |
 *     +--> late, dropped, dead letter              reset takes effect before the next event
 *
 * A batch goes through decode as a whole, then through the windows (keys hashed and prefetched together),
 * then row by row through predict, score, drift, learn: predict first, then learn. Row order is kept
 * everywhere.
 */
#include "core/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "core/task_state.h"

int weir_task_create(const struct weir_plan *plan, uint64_t seed, struct weir_task **out,
                     struct weir_error *error) {
    struct weir_task *task = calloc(1, sizeof *task);
    if (!task) return weir_error_set(error, WEIR_NOMEM, "no memory for a task");
    task->plan = plan;
    weir_arena_init(&task->arena);
    task->events = calloc(WEIR_BATCH_MAX, sizeof *task->events);
    task->applied = calloc(WEIR_BATCH_MAX, sizeof *task->applied);
    task->alert_capacity = 64;
    task->alerts = calloc(task->alert_capacity, sizeof *task->alerts);
    task->features = weir_features_create(plan->features, seed, plan->memory_bytes);
    int result = task->events && task->applied && task->alerts && task->features ? WEIR_OK : WEIR_NOMEM;
    if (!result) result = weir_intake_init(&task->intake, plan, error);
    if (!result) result = weir_model_init(&task->model, &plan->model);
    if (!result) result = weir_watch_init(&task->watch, plan);
    if (!result) result = weir_publisher_init(&task->publisher, plan, &task->arena, error);
    if (result) {
        weir_task_destroy(task);
        return result == WEIR_NOMEM ? weir_error_set(error, result, "no memory for a task") : result;
    }
    *out = task;
    return WEIR_OK;
}

void weir_task_destroy(struct weir_task *task) {
    if (!task) return;
    if (task->small) weir_task_snapshot_end(task, false);
    weir_publisher_deinit(&task->publisher);
    if (task->watch.plan) weir_watch_deinit(&task->watch);
    weir_model_deinit(&task->model);
    if (task->features) weir_features_destroy(task->features);
    if (task->intake.plan) weir_intake_deinit(&task->intake);
    weir_arena_deinit(&task->arena);
    free(task->alerts);
    free(task->applied);
    free(task->events);
    free(task);
}

void weir_task_tick(struct weir_task *task, int64_t wall_ms) { task->intake.now_ms = wall_ms; }

static void set_aside(struct weir_task *task, enum weir_fate fate, const struct weir_record *record,
                      uint32_t input_index, const struct weir_data_error *error) {
    if (fate == WEIR_LATE) {
        task->counts.late++;
    } else if (fate == WEIR_DROPPED) {
        task->counts.dropped++;
    } else {
        task->counts.dead_lettered++;
        if (!task->first_error_record) {
            task->first_error = *error;
            task->first_error_record = record;
        }
        if (task->plan->streams[WEIR_DEAD_LETTERS].active)
            weir_publish_dead_letter(&task->publisher, record, input_index, task->intake.now_ms, error);
    }
}

/* Records become events; what is late, dropped or wrong ends here. Returns how many go on. */
static uint32_t take_in(struct weir_task *task, const struct weir_record *records, uint32_t count) {
    uint32_t cells = task->plan->columns.count;
    struct weir_value *row = weir_arena_alloc(&task->arena, ((size_t)cells * count + 1) * sizeof *row);
    if (!row) {
        task->publisher.result = WEIR_NOMEM;
        return 0;
    }
    uint32_t applied = 0;
    for (uint32_t i = 0; i < count; i++, row += cells) {
        struct weir_event *event = &task->events[i];
        struct weir_data_error error;
        event->cells = row;
        event->input_index = i;
        event->row = ++task->counts.read;
        WEIR_POISON(records[i].value);
        enum weir_fate fate = weir_intake_record(&task->intake, &records[i], event, &task->arena, &error);
        if (fate == WEIR_UNDECIDED) { /* the record is not to blame */
            task->publisher.result = WEIR_NOMEM;
            break;
        }
        if (fate == WEIR_APPLIED)
            task->applied[applied++] = event;
        else
            set_aside(task, fate, &records[i], i, &error);
    }
    task->counts.applied += applied;
    return applied;
}

static void found_drift(struct weir_task *task, struct weir_alert *alert) {
    if (task->alert_count == task->alert_capacity) {
        uint32_t capacity = task->alert_capacity * 2;
        void *alerts = realloc(task->alerts, capacity * sizeof *task->alerts);
        if (!alerts) {
            task->publisher.result = WEIR_NOMEM;
            return;
        }
        task->alerts = alerts;
        task->alert_capacity = capacity;
    }
    alert->model_version = task->plan->model.learner ? task->model.version : 0;
    task->alerts[task->alert_count++] = *alert;
    task->counts.alerts++;
    if (task->plan->streams[WEIR_ALERTS].active) weir_publish_alert(&task->publisher, alert);
    if (alert->drift->actions & WEIR_ACTION_RESET) weir_model_ask_reset(&task->model);
}

static void watch_for_drift(struct weir_task *task, const struct weir_event *event, double error) {
    struct weir_alert alert;
    for (uint32_t i = 0; i < task->plan->drift_count; i++)
        if (weir_watch_event(&task->watch, i, event, error, &alert)) found_drift(task, &alert);
}

static void predict(struct weir_task *task, const struct weir_event *event) {
    struct weir_model *model = &task->model;
    weir_model_predict(model, event);
    bool warm = model->labelled_rows >= task->plan->model.warm_up_rows;
    if (!model->prediction.valid || !warm || !task->plan->streams[WEIR_PREDICTIONS].active) return;
    weir_publish_prediction(&task->publisher, event, &model->prediction, model->version,
                            &task->intake.classes);
    task->counts.predictions++;
}

/* One event through model and detectors: a reset that is due, then predict, score, watch, learn. */
static void advance(struct weir_task *task, const struct weir_event *event) {
    bool has_model = task->plan->model.learner != NULL;
    double error = (double)NAN;
    if (has_model && weir_model_apply_reset(&task->model)) weir_watch_model_replaced(&task->watch);
    if (has_model) predict(task, event);
    if (task->plan->streams[WEIR_FEATURES].active) weir_publish_features(&task->publisher, event);
    if (has_model && event->labelled) error = weir_model_score(&task->model, event);
    watch_for_drift(task, event, error);
    if (!has_model) return;
    if (event->labelled) {
        weir_model_learn(&task->model, event);
        task->counts.labelled++;
    } else {
        task->counts.unlabelled++;
    }
}

static void begin(struct weir_task *task) {
    weir_arena_reset(&task->arena);
    weir_publisher_begin(&task->publisher);
    task->alert_count = 0;
    task->first_error_record = NULL;
}

static int finish(struct weir_task *task, int result, struct weir_outputs *outputs) {
    if (!result) result = weir_publisher_finish(&task->publisher);
    *outputs = (struct weir_outputs){
        .records = task->publisher.records,
        .record_count = task->publisher.count,
        .alerts = task->alerts,
        .alert_count = task->alert_count,
        .first_error = task->first_error_record ? &task->first_error : NULL,
        .first_error_record = task->first_error_record,
    };
    return result;
}

int weir_task_process(struct weir_task *task, const struct weir_record *records, uint32_t count,
                      struct weir_outputs *outputs) {
    assert(count <= WEIR_BATCH_MAX);
    begin(task);
    uint32_t applied = take_in(task, records, count);
    int result = weir_features_compute(task->features, task->applied, applied, &task->arena);
    for (uint32_t i = 0; i < applied && !result; i++) advance(task, task->applied[i]);
    return finish(task, result, outputs);
}

int weir_task_set_aside(struct weir_task *task, const struct weir_record *record,
                        struct weir_outputs *outputs) {
    struct weir_data_error error = {.code = "D130", .text = "it ended the process twice: set aside unread"};
    begin(task);
    task->counts.read++;
    set_aside(task, WEIR_DEAD_LETTERED, record, 0, &error);
    return finish(task, WEIR_OK, outputs);
}

struct weir_coder *weir_task_coder(struct weir_task *task) {
    return task->intake.coder;
}
const struct weir_task_counts *weir_task_counts(const struct weir_task *task) { return &task->counts; }

static void counts_add(struct weir_task_counts *sum, const struct weir_task_counts *counts, uint64_t times) {
    sum->read += times * counts->read;
    sum->applied += times * counts->applied;
    sum->late += times * counts->late;
    sum->dead_lettered += times * counts->dead_lettered;
    sum->dropped += times * counts->dropped;
    sum->labelled += times * counts->labelled;
    sum->unlabelled += times * counts->unlabelled;
    sum->predictions += times * counts->predictions;
    sum->alerts += times * counts->alerts;
}

void weir_task_counts_add(struct weir_task_counts *sum, const struct weir_task_counts *counts) {
    counts_add(sum, counts, 1);
}
void weir_task_counts_subtract(struct weir_task_counts *sum, const struct weir_task_counts *counts) {
    counts_add(sum, counts, UINT64_MAX); /* -1 */
}
double weir_task_metric(const struct weir_task *task, uint32_t i) {
    return weir_model_metric(&task->model, i);
}
double weir_task_metric_window(const struct weir_task *task, uint32_t i) {
    return weir_model_metric_window(&task->model, i);
}
uint64_t weir_task_model_version(const struct weir_task *task) { return task->model.version; }
int64_t weir_task_watermark(const struct weir_task *task) { return task->intake.watermark_ms; }

bool weir_task_check(const struct weir_task *task) {
    const struct weir_task_counts *counts = &task->counts;
    return counts->read == counts->applied + counts->late + counts->dead_lettered + counts->dropped &&
           weir_model_check(&task->model);
}
