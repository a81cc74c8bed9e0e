/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *state_of(const struct weir_operator *op, const struct weir_binding *binding) {
    void *state = calloc(1, binding->state_bytes ? binding->state_bytes : 8);
    if (state && op->init) op->init(binding, state);
    return state;
}

int weir_model_init(struct weir_model *model, const struct weir_plan_model *plan) {
    memset(model, 0, sizeof *model);
    model->plan = plan;
    model->version = 1;
    if (!plan->learner) return WEIR_OK;
    size_t width = (size_t)plan->width_max + 1;
    model->x = calloc(3 * width, sizeof(double));
    model->learner_state = state_of(&plan->learner->op, &plan->learner_binding);
    bool complete = model->x && model->learner_state;
    for (uint32_t i = 0; i < plan->transform_count; i++) {
        model->transform_states[i] = state_of(&plan->transforms[i]->op, &plan->transform_bindings[i]);
        complete = complete && model->transform_states[i];
    }
    for (uint32_t i = 0; i < plan->metric_count; i++) {
        model->metric_states[i] = state_of(&plan->metrics[i]->op, &plan->metric_bindings[i]);
        complete = complete && model->metric_states[i];
    }
    if (plan->window_rows) {
        model->window = calloc(plan->window_rows, sizeof *model->window);
        complete = complete && model->window;
    }
    if (!complete) return WEIR_NOMEM;
    model->work[0] = model->x + width;
    model->work[1] = model->x + 2 * width;
    return WEIR_OK;
}

void weir_model_deinit(struct weir_model *model) {
    free(model->x);
    free(model->learner_state);
    for (uint32_t i = 0; i < WEIR_TRANSFORM_MAX; i++) free(model->transform_states[i]);
    for (uint32_t i = 0; i < WEIR_METRIC_MAX; i++) free(model->metric_states[i]);
    free(model->window);
    memset(model, 0, sizeof *model);
}

static void gather_inputs(struct weir_model *model, const struct weir_event *event) {
    const struct weir_plan_model *plan = model->plan;
    for (uint32_t i = 0; i < plan->input_count; i++) {
        double x = weir_value_number(&event->cells[plan->input_cells[i]]);
        model->x[i] = isfinite(x) ? x : (double)NAN;
    }
}

static const double *transformed(struct weir_model *model, bool observe) {
    const struct weir_plan_model *plan = model->plan;
    const double *x = model->x;
    for (uint32_t i = 0; i < plan->transform_count; i++) {
        double *out = model->work[i & 1];
        if (observe)
            plan->transforms[i]->observe(&plan->transform_bindings[i], model->transform_states[i], x);
        plan->transforms[i]->apply(&plan->transform_bindings[i], model->transform_states[i], x, out);
        x = out;
    }
    return x;
}

bool weir_model_apply_reset(struct weir_model *model) {
    if (!model->reset_pending) return false;
    model->plan->learner->op.init(&model->plan->learner_binding, model->learner_state);
    model->version++;
    model->reset_pending = false;
    return true;
}

void weir_model_predict(struct weir_model *model, const struct weir_event *event) {
    const struct weir_plan_model *plan = model->plan;
    gather_inputs(model, event);
    const double *x = transformed(model, false);
    plan->learner->predict(&plan->learner_binding, model->learner_state, plan->target, x, &model->prediction);
}

static struct weir_outcome outcome_of(const struct weir_model *model, double label) {
    const struct weir_prediction *prediction = &model->prediction;
    struct weir_outcome outcome = {.label = label, .score = prediction->score};
    if (model->plan->target == WEIR_BINARY) {
        outcome.decided = prediction->score > model->plan->decide_at;
        outcome.hit = outcome.decided == (label == 1);
    } else if (model->plan->target == WEIR_MULTICLASS) {
        uint32_t truth = (uint32_t)label;
        outcome.hit = prediction->class_index == truth;
        outcome.score = truth < prediction->class_count ? prediction->scores[truth] : 0;
    }
    return outcome;
}

double weir_model_score(struct weir_model *model, const struct weir_event *event) {
    const struct weir_plan_model *plan = model->plan;
    if (!model->prediction.valid) return (double)NAN;
    struct weir_outcome outcome = outcome_of(model, event->label);
    for (uint32_t i = 0; i < plan->metric_count; i++)
        plan->metrics[i]->add(&plan->metric_bindings[i], model->metric_states[i], &outcome);
    if (model->window) {
        model->window[model->window_next] = outcome;
        model->window_next = (model->window_next + 1) % plan->window_rows;
        if (model->window_count < plan->window_rows) model->window_count++;
    }
    return plan->target == WEIR_REGRESSION ? fabs(outcome.label - outcome.score) : outcome.hit ? 0 : 1;
}

void weir_model_learn(struct weir_model *model, const struct weir_event *event) {
    const struct weir_plan_model *plan = model->plan;
    const double *x = transformed(model, true);
    plan->learner->learn(&plan->learner_binding, model->learner_state, plan->target, x, event->label, 1);
    model->labelled_rows++;
}

void weir_model_ask_reset(struct weir_model *model) { model->reset_pending = true; }

double weir_model_metric(const struct weir_model *model, uint32_t metric) {
    const struct weir_plan_model *plan = model->plan;
    return plan->metrics[metric]->value(&plan->metric_bindings[metric], model->metric_states[metric]);
}

/* Folded at read: a metric over the last N outcomes is exact and costs nothing per event. */
double weir_model_metric_window(const struct weir_model *model, uint32_t metric) {
    const struct weir_plan_model *plan = model->plan;
    const struct weir_binding *binding = &plan->metric_bindings[metric];
    void *state = state_of(&plan->metrics[metric]->op, binding);
    if (!state) return (double)NAN;
    uint32_t first = model->window_count < plan->window_rows ? 0 : model->window_next;
    for (uint32_t i = 0; i < model->window_count; i++)
        plan->metrics[metric]->add(binding, state, &model->window[(first + i) % plan->window_rows]);
    double value = plan->metrics[metric]->value(binding, state);
    free(state);
    return value;
}

#define MODEL_VERSION 1

void weir_model_save(const struct weir_model *model, struct weir_state_writer *writer) {
    const struct weir_plan_model *plan = model->plan;
    weir_state_write_head(writer, "core/model", MODEL_VERSION);
    weir_state_write_u64(writer, model->version);
    weir_state_write_bool(writer, model->reset_pending);
    weir_state_write_u64(writer, model->labelled_rows);
    if (!plan->learner) return;
    plan->learner->op.save(&plan->learner_binding, model->learner_state, writer);
    for (uint32_t i = 0; i < plan->transform_count; i++)
        plan->transforms[i]->op.save(&plan->transform_bindings[i], model->transform_states[i], writer);
    for (uint32_t i = 0; i < plan->metric_count; i++)
        plan->metrics[i]->op.save(&plan->metric_bindings[i], model->metric_states[i], writer);
    weir_state_write_u64(writer, model->window_count);
    weir_state_write_u64(writer, model->window_next);
    for (uint32_t i = 0; i < model->window_count; i++) {
        const struct weir_outcome *outcome = &model->window[i];
        weir_state_write_f64(writer, outcome->label);
        weir_state_write_f64(writer, outcome->score);
        weir_state_write_u64(writer, (outcome->hit ? 1u : 0u) | (outcome->decided ? 2u : 0u));
    }
}

static void load_window(struct weir_model *model, struct weir_state_reader *reader) {
    uint32_t rows = model->plan->window_rows;
    model->window_count = (uint32_t)weir_state_read_u64(reader, rows);
    model->window_next = (uint32_t)weir_state_read_u64(reader, rows ? rows - 1 : 0);
    for (uint32_t i = 0; i < model->window_count; i++) {
        struct weir_outcome *outcome = &model->window[i];
        outcome->label = weir_state_read_f64(reader);
        outcome->score = weir_state_read_f64(reader);
        uint64_t bits = weir_state_read_u64(reader, 3);
        outcome->hit = bits & 1;
        outcome->decided = (bits & 2) != 0;
    }
}

int weir_model_load(struct weir_model *model, struct weir_state_reader *reader) {
    const struct weir_plan_model *plan = model->plan;
    weir_state_read_head(reader, "core/model", MODEL_VERSION);
    model->version = weir_state_read_u64(reader, UINT64_MAX);
    model->reset_pending = weir_state_read_bool(reader);
    model->labelled_rows = weir_state_read_u64(reader, UINT64_MAX);
    int result = weir_state_reader_result(reader);
    if (!plan->learner || result) return result;
    result = plan->learner->op.load(&plan->learner_binding, model->learner_state, reader);
    for (uint32_t i = 0; i < plan->transform_count && !result; i++)
        result =
            plan->transforms[i]->op.load(&plan->transform_bindings[i], model->transform_states[i], reader);
    for (uint32_t i = 0; i < plan->metric_count && !result; i++)
        result = plan->metrics[i]->op.load(&plan->metric_bindings[i], model->metric_states[i], reader);
    if (result) return result;
    load_window(model, reader);
    return weir_state_reader_result(reader);
}

bool weir_model_check(const struct weir_model *model) {
    const struct weir_plan_model *plan = model->plan;
    if (!plan->learner) return true;
    bool good = plan->learner->op.check(&plan->learner_binding, model->learner_state);
    for (uint32_t i = 0; i < plan->transform_count; i++)
        good =
            good && plan->transforms[i]->op.check(&plan->transform_bindings[i], model->transform_states[i]);
    return good && model->window_count <= plan->window_rows;
}
