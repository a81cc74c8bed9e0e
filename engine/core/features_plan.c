/* SPDX-License-Identifier: Apache-2.0 */
/* features_plan.c: compiles the feature groups of a pipeline.
 *
 * order:  a column may use the source's columns and every feature above it; an aggregate's argument and `by`
 * may use those of groups above only, because panes are filled before the group's own columns are computed.
 * errors: all of them: a column in error keeps its name, of unknown type, so that its users stay silent.
 */
#include "core/features_plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/keyspace.h"
#include "weir/registry.h"

/* One run of weir_features_plan_create. */
struct compiler {
    struct weir_features_plan *plan;
    const struct weir_pipeline *pipeline;
    struct weir_diags *diags;
    int64_t lateness_ms;
    uint32_t known;     /* fields defined so far */
    const char **names; /* of all features, in order */
    uint32_t name_count;
    uint32_t at; /* the feature being compiled */
    bool no_memory;
};

static struct weir_mark mark_of(const struct weir_node *node) {
    struct weir_mark mark = {0};
    return node ? node->mark : mark;
}
static bool verbatim(const struct weir_node *node) { return node && node->verbatim; }

static const char *nearest(const struct compiler *compiler, const char *name) {
    const char **names = malloc((compiler->known + 1) * sizeof *names);
    if (!names) return NULL;
    for (uint32_t i = 0; i < compiler->known; i++) names[i] = compiler->plan->fields[i].name;
    const char *near = weir_suggest(name, names, compiler->known);
    free(names);
    return near;
}

static bool is_later(const struct compiler *compiler, const char *name) {
    for (uint32_t i = compiler->at; i < compiler->name_count; i++)
        if (!strcmp(compiler->names[i], name)) return true;
    return false;
}

static void compile_by(struct compiler *compiler, const struct weir_name *name, uint32_t *cell) {
    for (uint32_t i = 0; i < compiler->known; i++) {
        if (strcmp(compiler->plan->fields[i].name, name->text) != 0) continue;
        *cell = i;
        return;
    }
    if (is_later(compiler, name->text)) {
        weir_diag_add(compiler->diags, "E210", mark_of(name->node), "'%s' is used before its definition",
                      name->text);
        weir_diag_help(compiler->diags, "`by` may use source columns and features of groups above");
        return;
    }
    weir_diag_add(compiler->diags, "E204", mark_of(name->node), "unknown column '%s'", name->text);
    const char *near = nearest(compiler, name->text);
    if (near) weir_diag_help(compiler->diags, "did you mean '%s'?", near);
}

/* A name that is taken is reported; the column is compiled all the same, for its own findings. */
static void check_name(struct compiler *compiler, const struct weir_name *name) {
    for (uint32_t i = 0; i < compiler->known; i++) {
        if (strcmp(compiler->plan->fields[i].name, name->text) != 0) continue;
        weir_diag_add(compiler->diags, "E209", mark_of(name->node), "'%s' is already %s", name->text,
                      i < compiler->plan->source_count ? "a column of the source" : "a feature above");
        weir_diag_help(compiler->diags, "column names are unique in a pipeline");
        return;
    }
}

static void compile_column(struct compiler *compiler, struct weir_features_group *group,
                           const struct weir_feature_config *config, uint32_t argument_columns) {
    struct weir_features_plan *plan = compiler->plan;
    check_name(compiler, &config->name);
    struct weir_expr_scope scope = {
        .columns = plan->fields,
        .column_count = compiler->known,
        .argument_column_count = argument_columns,
        .aggregates = &group->aggregates,
        .columns_from = "source.schema and the features above",
        .later = compiler->names + compiler->at,
        .later_count = compiler->name_count - compiler->at,
    };
    struct weir_expr *expr = NULL;
    if (config->expression.text)
        expr = weir_expr_compile(config->expression.text, mark_of(config->expression.node),
                                 verbatim(config->expression.node), &scope, compiler->diags);
    int32_t aggregate = expr ? weir_expr_bare_aggregate(expr) : -1;
    if (aggregate >= 0)
        group->copies[group->copy_count++] =
            (struct weir_features_copy){group->column_count, (uint32_t)aggregate};
    else
        group->computed[group->computed_count++] = group->column_count;
    group->columns[group->column_count++] = expr;
    plan->fields[compiler->known++] = (struct weir_field){
        .name = config->name.text,
        .type = expr ? weir_expr_type(expr) : WEIR_EXPR_TYPE_UNKNOWN,
        .optional = true,
    };
    compiler->at++;
}

static bool find_used(struct weir_features_group *group) {
    group->used = calloc(group->aggregates.count + 1, sizeof *group->used);
    if (!group->used) return false;
    for (uint32_t i = 0; i < group->aggregates.count; i++) {
        bool used = false;
        for (uint32_t j = 0; j < group->computed_count && !used; j++)
            used = weir_expr_uses_aggregate(group->columns[group->computed[j]], i);
        if (used) group->used[group->used_count++] = i;
    }
    return true;
}

static void compile_group(struct compiler *compiler, struct weir_features_group *group,
                          const struct weir_feature_group *config) {
    uint32_t errors = compiler->diags->error_count;
    group->by = calloc(config->by_count + 1, sizeof *group->by);
    group->columns = calloc(config->column_count + 1, sizeof(struct weir_expr *));
    group->copies = calloc(config->column_count + 1, sizeof *group->copies);
    group->computed = calloc(config->column_count + 1, sizeof *group->computed);
    if (!group->by || !group->columns || !group->copies || !group->computed) {
        compiler->no_memory = true;
        return;
    }
    group->by_count = config->by_count;
    for (uint32_t i = 0; i < config->by_count; i++) compile_by(compiler, &config->by[i], &group->by[i]);
    group->first_cell = compiler->known;
    uint32_t argument_columns = compiler->known;
    for (uint32_t i = 0; i < config->column_count; i++)
        compile_column(compiler, group, &config->columns[i], argument_columns);
    if (compiler->diags->error_count > errors) return;
    if (!find_used(group)) {
        compiler->no_memory = true;
        return;
    }
    int result =
        weir_features_lay_out(compiler->plan, group, config->panes, compiler->lateness_ms, compiler->diags);
    if (result == WEIR_NOMEM) compiler->no_memory = true;
}

static bool prepare(struct compiler *compiler, const struct weir_schema *source) {
    const struct weir_pipeline *pipeline = compiler->pipeline;
    struct weir_features_plan *plan = compiler->plan;
    uint32_t features = 0;
    for (uint32_t i = 0; i < pipeline->feature_group_count; i++)
        features += pipeline->features[i].column_count;
    plan->window = (const struct weir_window *)weir_registry_find(WEIR_FAMILY_WINDOW, "sliding");
    plan->source_count = source->count;
    plan->group_count = pipeline->feature_group_count;
    plan->groups = calloc(plan->group_count + 1, sizeof *plan->groups);
    plan->fields = calloc(source->count + features + 1, sizeof *plan->fields);
    compiler->names = calloc(features + 1, sizeof *compiler->names);
    if (!plan->groups || !plan->fields || !compiler->names) return false;
    if (source->count) memcpy(plan->fields, source->fields, source->count * sizeof *plan->fields);
    compiler->known = source->count;
    plan->columns = (struct weir_schema){plan->fields + source->count, features};
    for (uint32_t i = 0; i < pipeline->feature_group_count; i++)
        for (uint32_t j = 0; j < pipeline->features[i].column_count; j++)
            compiler->names[compiler->name_count++] = pipeline->features[i].columns[j].name.text;
    return true;
}

struct weir_features_plan *weir_features_plan_create(const struct weir_pipeline *pipeline,
                                                     const struct weir_schema *source, int64_t lateness_ms,
                                                     struct weir_diags *diags) {
    struct compiler compiler = {.pipeline = pipeline, .diags = diags, .lateness_ms = lateness_ms};
    uint32_t errors = diags->error_count;
    compiler.plan = calloc(1, sizeof *compiler.plan);
    if (!compiler.plan) return NULL;
    compiler.no_memory = !prepare(&compiler, source);
    for (uint32_t i = 0; i < pipeline->feature_group_count && !compiler.no_memory; i++)
        compile_group(&compiler, &compiler.plan->groups[i], &pipeline->features[i]);
    free(compiler.names);
    if (!compiler.no_memory && diags->error_count == errors) return compiler.plan;
    weir_features_plan_destroy(compiler.plan);
    return NULL;
}

void weir_features_plan_destroy(struct weir_features_plan *plan) {
    if (!plan) return;
    for (uint32_t i = 0; plan->groups && i < plan->group_count; i++) {
        struct weir_features_group *group = &plan->groups[i];
        for (uint32_t j = 0; j < group->column_count; j++) weir_expr_destroy(group->columns[j]);
        weir_expr_aggregates_deinit(&group->aggregates);
        free(group->by);
        free(group->columns);
        free(group->copies);
        free(group->computed);
        free(group->used);
        free(group->arguments);
        free(group->parts);
        free(group->rings);
        free(group->reads);
        free(group->description);
    }
    free(plan->groups);
    free(plan->fields);
    free(plan);
}

const struct weir_schema *weir_features_plan_columns(const struct weir_features_plan *plan) {
    return &plan->columns;
}

bool weir_features_plan_has_windows(const struct weir_features_plan *plan) {
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (plan->groups[i].ring_count) return true;
    return false;
}

uint32_t weir_features_plan_group_count(const struct weir_features_plan *plan) { return plan->group_count; }

size_t weir_features_plan_key_bytes(const struct weir_features_plan *plan, uint32_t group) {
    size_t slot = plan->groups[group].slot_bytes;
    return slot ? weir_keyspace_key_bytes(slot) : 0;
}
