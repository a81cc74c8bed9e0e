/* SPDX-License-Identifier: Apache-2.0 */
/* plan_model.c: binds labels, transforms, learner and metrics; decides what is being predicted. */
#include <stdlib.h>
#include <string.h>

#include "core/plan.h"
#include "weir/number.h"
#include "weir/registry.h"

static const char *target_name(enum weir_target target) {
    return target == WEIR_BINARY ? "two classes" : target == WEIR_MULTICLASS ? "several classes" : "a number";
}

/* The target follows from the label: a named positive class or a bool is binary, other text is multiclass,
 * a number is what the learner can do: regression where it can, else binary with labels 0 and 1. */
static enum weir_target target_of(const struct weir_labels_config *labels, enum weir_type type,
                                  unsigned targets) {
    if (labels->positive.text || type == WEIR_BOOL) return WEIR_BINARY;
    if (weir_type_is_text((uint8_t)type)) return WEIR_MULTICLASS;
    return targets & WEIR_REGRESSION ? WEIR_REGRESSION : WEIR_BINARY;
}

static void bind_labels(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                        struct weir_diags *diags) {
    struct weir_plan_model *model = &plan->model;
    const struct weir_labels_config *labels = &pipeline->labels;
    model->label_cell = WEIR_NO_CELL;
    if (!labels->field.text) {
        weir_diag_add(diags, "E310", weir_name_mark(&pipeline->model.learner.name),
                      "a model needs labels to learn from");
        weir_diag_help(diags, "add `labels: {field: COLUMN}`, or remove `model` to only watch columns");
        return;
    }
    uint32_t cell = weir_plan_find_cell(plan, &labels->field, "E204", diags);
    if (cell == WEIR_NO_CELL || !model->learner) return;
    enum weir_type type = plan->columns.fields[cell].type;
    model->label_cell = cell;
    model->target = target_of(labels, type, model->learner->targets);
    model->positive = labels->positive.text;
    if (model->positive && !weir_type_is_text((uint8_t)type)) {
        bool is_bool = type == WEIR_BOOL;
        bool yes = !strcmp(model->positive, "true");
        if (is_bool ? !yes && strcmp(model->positive, "false") != 0
                    : weir_number_parse(model->positive, strlen(model->positive), &model->positive_number) !=
                          WEIR_OK)
            weir_diag_add(diags, "E205", weir_name_mark(&labels->positive),
                          "'%s' is not a value of '%s', which is %s", model->positive, labels->field.text,
                          weir_type_name(type));
        if (is_bool) model->positive_number = yes ? 1 : 0;
    } else {
        model->positive_number = 1;
    }
    if (model->learner->targets & model->target) return;
    weir_diag_add(diags, "E312", weir_name_mark(&pipeline->model.learner.name),
                  "%s cannot predict %s ('%s' is %s)", model->learner->op.name, target_name(model->target),
                  labels->field.text, weir_type_name(type));
    if (model->target == WEIR_MULTICLASS)
        weir_diag_help(diags, "for two classes name one: `labels: {field: %s, positive: CLASS}`",
                       labels->field.text);
}

static void bind_inputs(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                        struct weir_diags *diags) {
    const struct weir_model_config *config = &pipeline->model;
    struct weir_plan_model *model = &plan->model;
    model->input_cells = weir_arena_alloc(&plan->arena, (config->input_count + 1) * sizeof(uint32_t));
    if (!model->input_cells) return;
    model->input_count = config->input_count;
    for (uint32_t i = 0; i < config->input_count; i++) {
        const struct weir_name *name = &config->inputs[i];
        uint32_t cell = weir_plan_find_cell(plan, name, "E204", diags);
        model->input_cells[i] = cell;
        if (cell == WEIR_NO_CELL) continue;
        enum weir_type type = plan->columns.fields[cell].type;
        if (weir_type_is_text((uint8_t)type)) {
            weir_diag_add(diags, "E311", weir_name_mark(name),
                          "input '%s' is %s; inputs must be numbers or true/false", name->text,
                          weir_type_name(type));
            weir_diag_help(diags, "make a feature of it: `is_x: %s == \"x\"`", name->text);
        }
        if (pipeline->labels.field.text && !strcmp(name->text, pipeline->labels.field.text))
            weir_diag_add(diags, "W320", weir_name_mark(name),
                          "the label '%s' is also an input: the model sees the answer", name->text);
    }
}

static void bind_learner(struct weir_plan *plan, const struct weir_model_config *config,
                         struct weir_diags *diags) {
    struct weir_plan_model *model = &plan->model;
    uint32_t width = model->input_count;
    model->width_max = width;
    if (config->transform_count > WEIR_TRANSFORM_MAX) {
        weir_diag_add(diags, "E304", weir_name_mark(&config->transforms[WEIR_TRANSFORM_MAX].name),
                      "at most %d transforms", WEIR_TRANSFORM_MAX);
        return;
    }
    for (uint32_t i = 0; i < config->transform_count; i++) {
        struct weir_binding *binding = &model->transform_bindings[i];
        model->transforms[i] = (const struct weir_transform *)weir_plan_bind_operator(
            WEIR_FAMILY_TRANSFORM, &config->transforms[i], width, binding, diags);
        if (model->transforms[i]) width = binding->output_count;
        if (width > model->width_max) model->width_max = width;
    }
    model->transform_count = config->transform_count;
    model->learner = (const struct weir_learner *)weir_plan_bind_operator(
        WEIR_FAMILY_LEARNER, &config->learner, width, &model->learner_binding, diags);
}

static void bind_metrics(struct weir_plan *plan, const struct weir_model_config *config,
                         struct weir_diags *diags) {
    struct weir_plan_model *model = &plan->model;
    if (config->metric_count > WEIR_METRIC_MAX) {
        weir_diag_add(diags, "E304", weir_name_mark(&config->metrics[WEIR_METRIC_MAX]), "at most %d metrics",
                      WEIR_METRIC_MAX);
        return;
    }
    for (uint32_t i = 0; i < config->metric_count; i++) {
        struct weir_operator_use use = {.name = config->metrics[i]};
        const struct weir_metric *metric = (const struct weir_metric *)weir_plan_bind_operator(
            WEIR_FAMILY_METRIC, &use, 1, &model->metric_bindings[i], diags);
        if (!metric) continue;
        model->metrics[model->metric_count++] = metric;
        if (model->target && !(metric->targets & model->target))
            weir_diag_add(diags, "E313", weir_name_mark(&use.name), "%s does not measure predictions of %s",
                          metric->op.name, target_name(model->target));
    }
}

void weir_plan_bind_model(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                          struct weir_diags *diags) {
    const struct weir_model_config *config = &pipeline->model;
    plan->model.label_cell = WEIR_NO_CELL;
    if (!config->learner.name.text) return;
    plan->model.decide_at = config->decide_at;
    plan->model.warm_up_rows = (uint64_t)config->warm_up_rows;
    plan->model.window_rows = (uint32_t)config->window_rows;
    bind_inputs(plan, pipeline, diags);
    bind_learner(plan, config, diags);
    bind_labels(plan, pipeline, diags);
    bind_metrics(plan, config, diags);
    weir_plan_describe_model(plan, pipeline);
}
