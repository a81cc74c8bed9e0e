/* SPDX-License-Identifier: Apache-2.0 */
/* plan_texts.c: what the operators with a state are, in words: two states of equal text mean the same.
 *
 * "learner logistic_regression(l2=0, rate=0.01, ...) of x:float64, n10=count(10s) by card; after transform 0
 * standard_scaler(...) of ...; for two classes of label". All that gives a number in the state its meaning is
 * named; so a default that is written out changes nothing, and a feature of the same name but another
 * expression does. Where something could not be bound the plan is not used: the text does not matter then.
 */
#include <string.h>

#include "base/buffer.h"
#include "core/plan.h"

#define OPTION_MAX 32

static void put_option(struct weir_buffer *text, const struct weir_option *option,
                       const union weir_option_value *value) {
    weir_buffer_format(text, "%s=", option->name);
    switch (option->type) {
        case WEIR_OPTION_FLOAT:
            weir_buffer_format(text, "%.17g", value->f);
            break;
        case WEIR_OPTION_BOOL:
            weir_buffer_append_text(text, value->b ? "true" : "false");
            break;
        case WEIR_OPTION_CHOICE:
            weir_buffer_append_text(text, option->choices[value->i]);
            break;
        default:
            weir_buffer_format(text, "%lld", (long long)value->i);
    }
}

/* "adwin(delta=0.002, direction=both)" */
static void put_use(struct weir_buffer *text, const struct weir_operator *op,
                    const struct weir_operator_use *use) {
    union weir_option_value values[OPTION_MAX];
    struct weir_diags unheard = {0}; /* bound already: there is nothing to find */
    memset(values, 0, sizeof values);
    weir_options_read(use->options, op->options, weir_name_mark(&use->name), &unheard, values);
    weir_diags_deinit(&unheard);
    weir_buffer_format(text, "%s(", op->name);
    for (size_t i = 0; op->options[i].name; i++) {
        if (i) weir_buffer_append_text(text, ", ");
        put_option(text, &op->options[i], &values[i]);
    }
    weir_buffer_append_char(text, ')');
}

static const struct weir_feature_group *group_of(const struct weir_pipeline *pipeline, const char *name,
                                                 const char **expression) {
    for (uint32_t g = 0; g < pipeline->feature_group_count; g++)
        for (uint32_t i = 0; i < pipeline->features[g].column_count; i++) {
            const struct weir_feature_config *column = &pipeline->features[g].columns[i];
            if (!column->name.text || strcmp(column->name.text, name) != 0) continue;
            *expression = column->expression.text ? column->expression.text : "";
            return &pipeline->features[g];
        }
    return NULL;
}

/* "x:float64", or "n10=count(10s) by card". */
static void put_column(struct weir_buffer *text, const struct weir_plan *plan,
                       const struct weir_pipeline *pipeline, uint32_t cell) {
    const char *expression;
    if (cell == WEIR_NO_CELL) return;
    const struct weir_field *field = &plan->columns.fields[cell];
    const struct weir_feature_group *group = group_of(pipeline, field->name, &expression);
    if (!group) {
        weir_buffer_format(text, "%s:%s", field->name, weir_type_name(field->type));
        return;
    }
    weir_buffer_format(text, "%s=%s", field->name, expression);
    for (uint32_t i = 0; i < group->by_count; i++)
        weir_buffer_format(text, "%s%s", i ? ", " : " by ", group->by[i].text ? group->by[i].text : "");
}

static const char *keep(struct weir_plan *plan, struct weir_buffer *text) {
    const char *kept = weir_arena_copy(&plan->arena, text->data ? text->data : "", text->len);
    return kept ? kept : "";
}

static void describe_metrics(struct weir_plan *plan, const struct weir_pipeline *pipeline) {
    struct weir_plan_model *model = &plan->model;
    for (uint32_t i = 0; i < model->metric_count; i++)
        model->metric_texts[i] =
            weir_arena_format(&plan->arena, "metric %s of target %d, decided at %.17g",
                              model->metrics[i]->op.name, (int)model->target, pipeline->model.decide_at);
}

void weir_plan_describe_model(struct weir_plan *plan, const struct weir_pipeline *pipeline) {
    const struct weir_model_config *config = &pipeline->model;
    struct weir_plan_model *model = &plan->model;
    struct weir_buffer inputs, text;
    if (!model->learner || !model->input_cells) return;
    weir_buffer_init(&inputs);
    weir_buffer_init(&text);
    for (uint32_t i = 0; i < model->input_count; i++) {
        if (i) weir_buffer_append_text(&inputs, ", ");
        put_column(&inputs, plan, pipeline, model->input_cells[i]);
    }
    for (uint32_t i = 0; i < model->transform_count && model->transforms[i];
         i++) { /* each after those before */
        weir_buffer_clear(&text);
        weir_buffer_format(&text, "transform %u ", i);
        put_use(&text, &model->transforms[i]->op, &config->transforms[i]);
        weir_buffer_format(&text, " of %s", weir_buffer_text(&inputs));
        model->transform_texts[i] = keep(plan, &text);
        weir_buffer_clear(&inputs);
        weir_buffer_format(&inputs, "(%s)", model->transform_texts[i]);
    }
    weir_buffer_clear(&text);
    weir_buffer_append_text(&text, "learner ");
    put_use(&text, &model->learner->op, &config->learner);
    weir_buffer_format(&text, " of %s; target %d, label ", weir_buffer_text(&inputs), (int)model->target);
    put_column(&text, plan, pipeline, model->label_cell);
    if (model->positive) weir_buffer_format(&text, " == %s", model->positive);
    model->learner_text = keep(plan, &text);
    describe_metrics(plan, pipeline);
    weir_buffer_deinit(&inputs);
    weir_buffer_deinit(&text);
}

void weir_plan_describe_drift(struct weir_plan *plan, const struct weir_pipeline *pipeline, uint32_t i) {
    struct weir_plan_drift *drift = &plan->drifts[i];
    struct weir_buffer text;
    if (!drift->detector) return;
    weir_buffer_init(&text);
    weir_buffer_format(&text, "drift %s: ", drift->name);
    put_use(&text, &drift->detector->op, &pipeline->drift[i].detector);
    weir_buffer_append_text(&text, " on ");
    if (drift->watch_cell == WEIR_NO_CELL)
        weir_buffer_append_text(&text, drift->watch);
    else
        put_column(&text, plan, pipeline, drift->watch_cell);
    drift->text = keep(plan, &text);
    weir_buffer_deinit(&text);
}
