/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: source, time and features of a plan; the model, drift and streams have files of their own. */
#include "core/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/registry.h"

#define OPTION_MAX 16
#define FAMILY_NAME_MAX 64
/* Reads older than this behind the newest event are late when the file states no lateness. */
#define DEFAULT_LATENESS_MS (60 * INT64_C(1000))

struct weir_mark weir_name_mark(const struct weir_name *name) {
    return name->node ? name->node->mark : (struct weir_mark){0};
}

uint32_t weir_plan_cell(const struct weir_plan *plan, const char *name) {
    for (uint32_t i = 0; i < plan->columns.count; i++)
        if (!strcmp(plan->columns.fields[i].name, name)) return i;
    return WEIR_NO_CELL;
}

bool weir_plan_is_broken_feature(const struct weir_plan *plan, const char *name) {
    const struct weir_pipeline *pipeline = plan->pipeline;
    for (uint32_t g = 0; g < pipeline->feature_group_count; g++)
        for (uint32_t i = 0; i < pipeline->features[g].column_count; i++) {
            const char *feature = pipeline->features[g].columns[i].name.text;
            if (feature && !strcmp(feature, name)) return true;
        }
    return false;
}

uint32_t weir_plan_find_cell(const struct weir_plan *plan, const struct weir_name *name, const char *code,
                             struct weir_diags *diags) {
    uint32_t cell = weir_plan_cell(plan, name->text);
    if (cell != WEIR_NO_CELL || weir_plan_is_broken_feature(plan, name->text)) return cell;
    weir_diag_add(diags, code, weir_name_mark(name), "unknown column '%s'", name->text);
    const char **names = calloc(plan->columns.count + 1, sizeof *names);
    const char *near = NULL;
    if (names) {
        for (uint32_t i = 0; i < plan->columns.count; i++) names[i] = plan->columns.fields[i].name;
        near = weir_suggest(name->text, names, plan->columns.count);
    }
    if (near) weir_diag_help(diags, "did you mean '%s'?", near);
    free(names);
    return WEIR_NO_CELL;
}

static void unknown_operator(enum weir_family family, const struct weir_operator_use *use,
                             struct weir_diags *diags) {
    const char *names[FAMILY_NAME_MAX];
    size_t count = 0;
    char list[400];
    size_t len = 0;
    list[0] = '\0';
    for (const struct weir_operator *op = NULL;
         (op = weir_registry_next(family, op)) && count < FAMILY_NAME_MAX;) {
        names[count++] = op->name;
        size_t room = sizeof list - len;
        int wrote = snprintf(list + len, room, "%s%s", len ? ", " : "", op->name);
        if (wrote > 0 && (size_t)wrote < room) len += (size_t)wrote;
    }
    weir_diag_add(diags, "E301", weir_name_mark(&use->name), "unknown %s '%s'", weir_family_name(family),
                  use->name.text);
    const char *near = weir_suggest(use->name.text, names, count);
    if (near)
        weir_diag_help(diags, "did you mean '%s'?", near);
    else
        weir_diag_help(diags, "there are %s", list);
}

const struct weir_operator *weir_plan_bind_operator(enum weir_family family,
                                                    const struct weir_operator_use *use, uint32_t input_count,
                                                    struct weir_binding *binding, struct weir_diags *diags) {
    const struct weir_operator *op = weir_registry_find(family, use->name.text);
    if (!op) {
        unknown_operator(family, use, diags);
        return NULL;
    }
    union weir_option_value values[OPTION_MAX];
    size_t options = 0;
    while (op->options[options].name) options++;
    assert(options <= OPTION_MAX);
    memset(binding, 0, sizeof *binding);
    if (weir_options_read(use->options, op->options, weir_name_mark(&use->name), diags, values)) return NULL;
    binding->options = values;
    binding->input_count = input_count;
    binding->output_count = input_count;
    struct weir_error error = {0};
    int result = op->bind(binding, &error);
    binding->options = NULL;
    if (result) {
        weir_diag_add(diags, "E306", use->options ? use->options->mark : weir_name_mark(&use->name), "%s: %s",
                      op->name, error.text);
        return NULL;
    }
    return op;
}

static void bind_codec(struct weir_plan *plan, const struct weir_pipeline *pipeline, const char *format,
                       struct weir_diags *diags) {
    struct weir_operator_use use = {.name = pipeline->source.format};
    if (format) use.name.text = format;
    struct weir_binding binding;
    plan->codec =
        (const struct weir_codec *)weir_plan_bind_operator(WEIR_FAMILY_CODEC, &use, 1, &binding, diags);
}

static int copy_source_schema(struct weir_plan *plan, const struct weir_source_config *source) {
    struct weir_field *fields = weir_arena_alloc(&plan->arena, (source->column_count + 1) * sizeof *fields);
    if (!fields) return WEIR_NOMEM;
    for (uint32_t i = 0; i < source->column_count; i++)
        fields[i] = (struct weir_field){source->columns[i].name.text, source->columns[i].type,
                                        source->columns[i].optional};
    plan->source = (struct weir_schema){fields, source->column_count};
    plan->columns = plan->source;
    return WEIR_OK;
}

static void bind_time(struct weir_plan *plan, const struct weir_source_config *source,
                      struct weir_diags *diags) {
    plan->time_cell = WEIR_NO_CELL;
    plan->time_unit = source->event_time.unit;
    if (!source->event_time.field.text) return;
    uint32_t cell = weir_plan_find_cell(plan, &source->event_time.field, "E204", diags);
    if (cell == WEIR_NO_CELL) return;
    enum weir_type type = plan->source.fields[cell].type;
    if (type != WEIR_INT64 && type != WEIR_TIMESTAMP && type != WEIR_FLOAT64) {
        weir_diag_add(diags, "E205", weir_name_mark(&source->event_time.field),
                      "event time must be int64, float64 or timestamp, '%s' is %s",
                      source->event_time.field.text, weir_type_name(type));
        return;
    }
    plan->time_cell = cell;
}

static void bind_keep(struct weir_plan *plan, const struct weir_source_config *source,
                      struct weir_diags *diags) {
    if (!source->keep.text) return;
    struct weir_expr_scope scope = {
        .columns = plan->source.fields, .column_count = plan->source.count, .columns_from = "source.schema"};
    bool verbatim = source->keep.node && source->keep.node->verbatim;
    plan->keep = weir_expr_compile(source->keep.text, weir_name_mark(&source->keep), verbatim, &scope, diags);
    if (plan->keep && weir_expr_type(plan->keep) != WEIR_BOOL)
        weir_diag_add(diags, "E205", weir_name_mark(&source->keep), "keep must be true or false, this is %s",
                      weir_type_name(weir_expr_type(plan->keep)));
}

/* Lateness counts where something depends on time: a stated event time, or a window. */
static void bind_features(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                          struct weir_diags *diags) {
    int64_t stated = pipeline->source.event_time.lateness_ms;
    int64_t lateness = stated != WEIR_NOT_GIVEN ? stated : DEFAULT_LATENESS_MS;
    plan->lateness_ms = INT64_MAX;
    plan->features = weir_features_plan_create(pipeline, &plan->source, lateness, diags);
    if (!plan->features) return;
    if (plan->time_cell != WEIR_NO_CELL || stated != WEIR_NOT_GIVEN ||
        weir_features_plan_has_windows(plan->features))
        plan->lateness_ms = lateness;
    const struct weir_schema *columns = weir_features_plan_columns(plan->features);
    uint32_t count = plan->source.count + columns->count;
    struct weir_field *all = weir_arena_alloc(&plan->arena, (count + 1) * sizeof *all);
    if (!all) return;
    if (plan->source.count) memcpy(all, plan->source.fields, plan->source.count * sizeof *all);
    if (columns->count) memcpy(all + plan->source.count, columns->fields, columns->count * sizeof *all);
    plan->columns = (struct weir_schema){all, count};
}

static void check_source(const struct weir_plan *plan, const struct weir_pipeline *pipeline,
                         struct weir_diags *diags) {
    const struct weir_source_config *source = &pipeline->source;
    if (source->key.text) weir_plan_find_cell(plan, &source->key, "E204", diags);
    if (plan->codec && !strcmp(plan->codec->op.name, "raw") && source->column_count)
        weir_diag_add(diags, "E306", weir_name_mark(&source->format),
                      "format raw reads no columns, but there is a schema");
    if (pipeline->tasks == WEIR_TASKS_SINGLE && pipeline->state.dir && !weir_pipeline_is_exact(pipeline))
        weir_diag_add(
            diags, "E320", (struct weir_mark){0},
            "state.dir with `tasks: single` needs `delivery: exactly_once` on a sink: the order in which "
            "partitions were read has to be kept too");
    if (!pipeline->model.learner.name.text && !pipeline->drift_count && !plan->streams[WEIR_FEATURES].active)
        weir_diag_add(diags, "E315", (struct weir_mark){0},
                      "nothing to do: the file has no model, no drift and no sinks.features");
}

struct weir_plan *weir_plan_create(const struct weir_pipeline *pipeline,
                                   const struct weir_plan_options *options, struct weir_diags *diags) {
    uint32_t errors_before = diags->error_count;
    struct weir_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    weir_arena_init(&plan->arena);
    plan->name = pipeline->name;
    plan->pipeline = pipeline;
    plan->memory_bytes = (size_t)pipeline->memory_bytes;
    bind_codec(plan, pipeline, options ? options->source_format : NULL, diags);
    if (copy_source_schema(plan, &pipeline->source)) goto out;
    bind_time(plan, &pipeline->source, diags);
    bind_keep(plan, &pipeline->source, diags);
    bind_features(plan, pipeline, diags);
    weir_plan_bind_model(plan, pipeline, diags);
    weir_plan_bind_drift(plan, pipeline, diags);
    weir_plan_bind_streams(plan, pipeline, options, diags);
    check_source(plan, pipeline, diags);
    if (diags->error_count == errors_before && plan->codec && plan->features) return plan;
out:
    weir_plan_destroy(plan);
    return NULL;
}

void weir_plan_destroy(struct weir_plan *plan) {
    if (!plan) return;
    if (plan->keep) weir_expr_destroy(plan->keep);
    if (plan->features) weir_features_plan_destroy(plan->features);
    weir_arena_deinit(&plan->arena);
    free(plan);
}
