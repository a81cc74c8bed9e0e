/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: a pipeline bound to its operators: everything a task needs to know and may never change.
 *
 * place:    pipeline file -> plan -> tasks. Columns are resolved to cell numbers, expressions compiled,
 *           operators bound with checked options; a task never looks at a name again.
 * lifetime: pipeline; immutable once created, so tasks on any thread may share it.
 * errors:   every finding goes to the diags, all at once, at its place in the file.
 */
#ifndef WEIR_CORE_PLAN_H
#define WEIR_CORE_PLAN_H

#include "base/arena.h"
#include "config/pipeline.h"
#include "core/features.h"
#include "expr/expr.h"
#include "weir/codec.h"
#include "weir/detector.h"
#include "weir/learner.h"
#include "weir/metric.h"
#include "weir/record.h"
#include "weir/transform.h"

#define WEIR_NO_CELL UINT32_MAX
#define WEIR_METRIC_MAX 8
#define WEIR_TRANSFORM_MAX 8

/* What an output field is filled from. */
enum weir_field_origin {
    WEIR_FROM_CELL,
    WEIR_FROM_TIME,
    WEIR_FROM_SCORE,
    WEIR_FROM_DECISION,
    WEIR_FROM_LABEL, /* the predicted class */
    WEIR_FROM_MODEL_VERSION,
    WEIR_FROM_ALERT, /* `cell` is an enum weir_alert_field */
};
struct weir_field_source {
    enum weir_field_origin origin;
    uint32_t cell;
};

enum weir_alert_field {
    WEIR_ALERT_PIPELINE,
    WEIR_ALERT_NAME,
    WEIR_ALERT_DETECTOR,
    WEIR_ALERT_WATCH,
    WEIR_ALERT_LEVEL,
    WEIR_ALERT_ROW,
    WEIR_ALERT_TOPIC,
    WEIR_ALERT_PARTITION,
    WEIR_ALERT_OFFSET,
    WEIR_ALERT_TIME,
    WEIR_ALERT_MEAN_BEFORE,
    WEIR_ALERT_MEAN_AFTER,
    WEIR_ALERT_COUNT_BEFORE,
    WEIR_ALERT_COUNT_AFTER,
    WEIR_ALERT_STATISTIC,
    WEIR_ALERT_THRESHOLD,
    WEIR_ALERT_ACTION,
    WEIR_ALERT_MODEL_VERSION,
};
#define WEIR_ALERT_FIELD_COUNT 18

struct weir_plan_stream {
    bool active;
    bool raw;           /* the input's value bytes unchanged */
    bool full_envelope; /* weir-* headers and the event time as timestamp */
    const struct weir_codec *codec;
    struct weir_schema schema;
    struct weir_field_source *sources; /* one per field of the schema */
    uint32_t key_cell;                 /* WEIR_NO_CELL: the input record's own key */
};

struct weir_plan_model {
    const struct weir_learner *learner; /* NULL = no model */
    struct weir_binding learner_binding;
    enum weir_target target;
    uint32_t transform_count;
    const struct weir_transform *transforms[WEIR_TRANSFORM_MAX];
    struct weir_binding transform_bindings[WEIR_TRANSFORM_MAX];
    uint32_t input_count; /* width before the transforms */
    uint32_t width_max;   /* widest vector on the way */
    uint32_t *input_cells;
    uint32_t label_cell;    /* WEIR_NO_CELL: no labels */
    const char *positive;   /* binary: text of the positive class; NULL = label is 0/1 or true/false */
    double positive_number; /* positive as a number, for numeric labels */
    double decide_at;
    uint64_t warm_up_rows;
    uint32_t metric_count;
    const struct weir_metric *metrics[WEIR_METRIC_MAX];
    struct weir_binding metric_bindings[WEIR_METRIC_MAX];
    uint32_t window_rows; /* 0 = none */
    /* What each of them is, independent of the order in the file: their identity in snapshots. */
    const char *learner_text;
    const char *transform_texts[WEIR_TRANSFORM_MAX], *metric_texts[WEIR_METRIC_MAX];
};

struct weir_plan_drift {
    const char *name, *watch;
    uint32_t watch_cell; /* WEIR_NO_CELL: model.error */
    const struct weir_detector *detector;
    struct weir_binding binding;
    unsigned actions;
    const char *text; /* what it is: its identity in snapshots */
};

struct weir_plan {
    const char *name;
    const struct weir_pipeline *pipeline; /* what it was made of */
    /* record -> event */
    const struct weir_codec *codec;
    struct weir_schema source;  /* cells 0.. */
    struct weir_schema columns; /* all cells: source, then features */
    uint32_t time_cell;         /* WEIR_NO_CELL: the record's timestamp, else its offset in ms */
    enum weir_time_unit time_unit;
    int64_t lateness_ms; /* INT64_MAX: nothing in this pipeline depends on time, nothing is late */
    struct weir_expr *keep;
    /* event -> features -> model -> drift */
    struct weir_features_plan *features;
    size_t memory_bytes;
    struct weir_plan_model model;
    struct weir_plan_drift *drifts;
    uint32_t drift_count;
    struct weir_plan_stream streams[WEIR_STREAM_COUNT];
    struct weir_arena arena; /* owns the arrays above */
};

/* What a door changes about the file: `replay` takes formats from file names and publishes what it was
 * asked for. NULL members: as the file says. */
struct weir_plan_options {
    const char *source_format;
    bool override_streams; /* use the two below */
    bool publish[WEIR_STREAM_COUNT];
    const char *formats[WEIR_STREAM_COUNT]; /* codec of a published stream; NULL = as the file says */
};

/* Binds everything. NULL when there were errors; findings are in diags either way. */
struct weir_plan *weir_plan_create(const struct weir_pipeline *pipeline,
                                   const struct weir_plan_options *options, struct weir_diags *diags);
void weir_plan_destroy(struct weir_plan *plan);

/* Parts of weir_plan_create, one file each. */
void weir_plan_bind_model(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                          struct weir_diags *diags);
void weir_plan_bind_drift(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                          struct weir_diags *diags);
void weir_plan_bind_streams(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                            const struct weir_plan_options *options, struct weir_diags *diags);
/* Fill the texts that name states in snapshots, once all is bound (plan_texts.c). */
void weir_plan_describe_model(struct weir_plan *plan, const struct weir_pipeline *pipeline);
void weir_plan_describe_drift(struct weir_plan *plan, const struct weir_pipeline *pipeline, uint32_t i);
/* Cell of a column by name, or WEIR_NO_CELL. */
uint32_t weir_plan_cell(const struct weir_plan *plan, const char *name);
/* Like _cell; an unknown name becomes a finding with a suggestion. */
uint32_t weir_plan_find_cell(const struct weir_plan *plan, const struct weir_name *name, const char *code,
                             struct weir_diags *diags);
/* For a name that is no column: a feature of the file whose expression could not be compiled. That is a
 * finding already; the name is right. */
bool weir_plan_is_broken_feature(const struct weir_plan *plan, const char *name);
/* Finds and binds an operator: unknown names, options, ranges and refused combinations become findings.
 * NULL when it could not be bound. */
const struct weir_operator *weir_plan_bind_operator(enum weir_family family,
                                                    const struct weir_operator_use *use, uint32_t input_count,
                                                    struct weir_binding *binding, struct weir_diags *diags);
struct weir_mark weir_name_mark(const struct weir_name *name);

#endif
