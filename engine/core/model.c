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

/* format 2: version, reset pending, labelled rows, whether there is a learner; then the parts (carry.h):
 * learner, transforms, metrics; then the window: its size, target, and the outcomes. Format 1 has the states
 * of the same parts one after the other, without texts: it fits the very same pipeline only. */
#define MODEL_VERSION 2

#define PART_MAX (1 + WEIR_TRANSFORM_MAX + WEIR_METRIC_MAX)

static uint32_t list_parts(const struct weir_model *model, struct weir_part parts[PART_MAX]) {
    const struct weir_plan_model *plan = model->plan;
    uint32_t count = 0;
    parts[count++] = (struct weir_part){plan->learner_text, &plan->learner->op, &plan->learner_binding,
                                        model->learner_state, false};
    for (uint32_t i = 0; i < plan->transform_count; i++)
        parts[count++] = (struct weir_part){plan->transform_texts[i], &plan->transforms[i]->op,
                                            &plan->transform_bindings[i], model->transform_states[i], false};
    for (uint32_t i = 0; i < plan->metric_count; i++)
        parts[count++] = (struct weir_part){plan->metric_texts[i], &plan->metrics[i]->op,
                                            &plan->metric_bindings[i], model->metric_states[i], false};
    return count;
}

void weir_model_save(const struct weir_model *model, struct weir_state_writer *writer) {
    const struct weir_plan_model *plan = model->plan;
    struct weir_part parts[PART_MAX];
    weir_state_write_head(writer, "core/model", MODEL_VERSION);
    weir_state_write_u64(writer, model->version);
    weir_state_write_bool(writer, model->reset_pending);
    weir_state_write_u64(writer, model->labelled_rows);
    weir_parts_save(parts, plan->learner ? list_parts(model, parts) : 0, writer);
    weir_state_write_u64(writer, plan->window_rows);
    weir_state_write_u64(writer, (uint64_t)plan->target);
    weir_state_write_u64(writer, model->window_count);
    weir_state_write_u64(writer, model->window_next);
    for (uint32_t i = 0; i < model->window_count; i++) {
        const struct weir_outcome *outcome = &model->window[i];
        weir_state_write_f64(writer, outcome->label);
        weir_state_write_f64(writer, outcome->score);
        weir_state_write_u64(writer, (outcome->hit ? 1u : 0u) | (outcome->decided ? 2u : 0u));
    }
}

/* into NULL: read and thrown away. */
static void load_outcome(struct weir_outcome *into, struct weir_state_reader *reader) {
    struct weir_outcome outcome = {.label = weir_state_read_f64(reader), .score = 0};
    outcome.score = weir_state_read_f64(reader);
    uint64_t bits = weir_state_read_u64(reader, 3);
    outcome.hit = bits & 1;
    outcome.decided = (bits & 2) != 0;
    if (into) *into = outcome;
}

static void load_window(struct weir_model *model, uint64_t rows, struct weir_state_reader *reader) {
    bool same = model->window && rows == model->plan->window_rows;
    uint32_t count = (uint32_t)weir_state_read_u64(reader, rows);
    uint32_t next = (uint32_t)weir_state_read_u64(reader, rows ? rows - 1 : 0);
    for (uint32_t i = 0; i < count && !weir_state_reader_result(reader); i++)
        load_outcome(same ? &model->window[i] : NULL, reader);
    if (!same) return;
    model->window_count = count;
    model->window_next = next;
}

static int load_v1(struct weir_model *model, struct weir_state_reader *reader) {
    struct weir_part parts[PART_MAX];
    if (!model->plan->learner) return weir_state_reader_result(reader);
    uint32_t count = list_parts(model, parts);
    int result = WEIR_OK;
    for (uint32_t i = 0; i < count && !result; i++)
        result = parts[i].op->load(parts[i].binding, parts[i].state, reader);
    if (result) return result;
    load_window(model, model->plan->window_rows, reader);
    return weir_state_reader_result(reader);
}

/* Another window starts empty, as do outcomes of another target. */
static int load_any_window(struct weir_model *model, struct weir_carry *carry,
                           struct weir_state_reader *reader) {
    const struct weir_plan_model *plan = model->plan;
    uint64_t rows = weir_state_read_u64(reader, UINT32_MAX);
    uint64_t target = weir_state_read_u64(reader, UINT32_MAX);
    bool same = rows == plan->window_rows && target == (uint64_t)plan->target;
    if (!same && !carry)
        weir_state_reader_refuse(reader, "its window of outcomes has another size or target");
    if (weir_state_reader_result(reader)) return weir_state_reader_result(reader);
    load_window(model, rows, reader);
    if (same) return weir_state_reader_result(reader);
    model->window_count = model->window_next = 0;
    if (plan->window_rows) weir_carry_tell(carry, "starts cold", "evaluate.window");
    return weir_state_reader_result(reader);
}

int weir_model_load(struct weir_model *model, struct weir_carry *carry, bool *replaced,
                    struct weir_state_reader *reader) {
    const struct weir_plan_model *plan = model->plan;
    struct weir_part parts[PART_MAX];
    uint32_t format = weir_state_read_head(reader, "core/model", MODEL_VERSION);
    model->version = weir_state_read_u64(reader, UINT64_MAX);
    model->reset_pending = weir_state_read_bool(reader);
    model->labelled_rows = weir_state_read_u64(reader, UINT64_MAX);
    *replaced = false;
    int result = weir_state_reader_result(reader);
    if (result || format < 2) return result ? result : load_v1(model, reader);
    uint32_t count = plan->learner ? list_parts(model, parts) : 0;
    result = weir_parts_load(parts, count, carry, reader);
    if (!result) result = load_any_window(model, carry, reader);
    if (result || !count || parts[0].loaded) return result;
    *replaced = true; /* it is the next version, and warms up again */
    model->version++;
    model->labelled_rows = 0;
    model->reset_pending = false;
    return WEIR_OK;
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
