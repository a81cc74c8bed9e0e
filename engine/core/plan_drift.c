/* SPDX-License-Identifier: Apache-2.0 */
/* plan_drift.c: binds detectors to what they watch. */
#include <string.h>

#include "core/plan.h"

/* has_model: the file has one; whether it could be bound is another finding's business. */
static void bind_watch(const struct weir_plan *plan, const struct weir_drift_config *config, bool has_model,
                       struct weir_plan_drift *drift, struct weir_diags *diags) {
    drift->watch_cell = WEIR_NO_CELL;
    if (!strcmp(config->watch.text, "model.error")) {
        if (has_model) return;
        weir_diag_add(diags, "E314", weir_name_mark(&config->watch),
                      "there is no model whose error could be watched");
        weir_diag_help(diags, "watch a column, or add a `model`");
        return;
    }
    uint32_t cell = weir_plan_find_cell(plan, &config->watch, "E314", diags);
    if (cell == WEIR_NO_CELL) return;
    enum weir_type type = plan->columns.fields[cell].type;
    if (weir_type_is_text((uint8_t)type))
        weir_diag_add(diags, "E314", weir_name_mark(&config->watch), "'%s' is %s; a detector watches numbers",
                      config->watch.text, weir_type_name(type));
    drift->watch_cell = cell;
}

void weir_plan_bind_drift(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                          struct weir_diags *diags) {
    if (!pipeline->drift_count) return;
    plan->drifts = weir_arena_alloc(&plan->arena, pipeline->drift_count * sizeof *plan->drifts);
    if (!plan->drifts) return;
    memset(plan->drifts, 0, pipeline->drift_count * sizeof *plan->drifts);
    plan->drift_count = pipeline->drift_count;
    bool has_model = pipeline->model.learner.name.text != NULL;
    for (uint32_t i = 0; i < pipeline->drift_count; i++) {
        const struct weir_drift_config *config = &pipeline->drift[i];
        struct weir_plan_drift *drift = &plan->drifts[i];
        if (!config->name.text || !config->watch.text || !config->detector.name.text)
            continue; /* found by load */
        drift->name = config->name.text;
        drift->watch = config->watch.text;
        drift->actions = config->actions;
        bind_watch(plan, config, has_model, drift, diags);
        drift->detector = (const struct weir_detector *)weir_plan_bind_operator(
            WEIR_FAMILY_DETECTOR, &config->detector, 1, &drift->binding, diags);
        weir_plan_describe_drift(plan, pipeline, i);
        if ((config->actions & WEIR_ACTION_RESET) && !has_model)
            weir_diag_add(diags, "E318", config->then ? config->then->mark : weir_name_mark(&config->name),
                          "there is no model that could be reset");
    }
}
