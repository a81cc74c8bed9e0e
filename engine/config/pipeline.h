/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.h: what a pipeline file says, typed and with defaults, not yet bound to operators.
 *
 * place:    tree -> load -> pipeline -> plan (engine/core/plan.h binds it).
 * lifetime: pipeline; all memory belongs to the document's arena, names point into its nodes.
 * why:      one field table (fields.c) generates the loader, help and reference; the structs here are its
 *           target. `node` members are kept wherever a later stage can still find something wrong.
 */
#ifndef WEIR_CONFIG_PIPELINE_H
#define WEIR_CONFIG_PIPELINE_H

#include <stdint.h>

#include "base/property.h"
#include "config/node.h"
#include "weir/operator.h"
#include "weir/record.h"

/* A name and where it stands. text NULL = absent. */
struct weir_name {
    const char *text;
    const struct weir_node *node;
};

struct weir_operator_use { /* "standard_scaler", or {standard_scaler: {…}}, or learner: + options: */
    struct weir_name name;
    const struct weir_node *options; /* a map, or NULL */
};

struct weir_kafka_config {
    const char *brokers;              /* "embedded" or host:port,...; default "localhost:9092" */
    struct weir_property *properties; /* kafka.properties, and kafka.security under librdkafka's names */
    uint32_t property_count;
};

struct weir_column {
    struct weir_name name;
    enum weir_type type;
    bool optional;
};

enum weir_start { WEIR_START_EARLIEST, WEIR_START_LATEST };
enum weir_time_unit { WEIR_TIME_MS, WEIR_TIME_S, WEIR_TIME_US, WEIR_TIME_NS };
#define WEIR_NOT_GIVEN INT64_MIN

struct weir_source_config {
    struct weir_name topic;
    const char *group; /* default "weir-<name>" */
    enum weir_start start;
    struct weir_name format; /* codec; default json */
    struct weir_name key;    /* column that names the record; default: the record's own key */
    struct {
        struct weir_name field;
        enum weir_time_unit unit;
        int64_t lateness_ms; /* WEIR_NOT_GIVEN */
    } event_time;
    struct weir_column *columns; /* schema, in file order */
    uint32_t column_count;
    struct weir_name keep; /* expression */
};

struct weir_labels_config {
    struct weir_name field;    /* text NULL = no labels */
    struct weir_name positive; /* binary classification */
};

struct weir_feature_config {
    struct weir_name name;
    struct weir_name expression;
};
struct weir_feature_group {
    struct weir_name *by; /* key columns; count 0 = global */
    uint32_t by_count;
    int64_t panes; /* per window; default 8, 1..256 */
    struct weir_feature_config *columns;
    uint32_t column_count;
};

struct weir_model_config {
    struct weir_operator_use learner; /* name.text NULL = no model */
    struct weir_operator_use *transforms;
    uint32_t transform_count;
    struct weir_name *inputs;
    uint32_t input_count;
    double decide_at;     /* 0.5 */
    int64_t warm_up_rows; /* 0 */
    int64_t window_rows;  /* evaluate.window; 0 = none */
    struct weir_name *metrics;
    uint32_t metric_count;
};

enum weir_action { WEIR_ACTION_ALERT = 1, WEIR_ACTION_RESET = 2 };

struct weir_drift_config {
    struct weir_name name;
    struct weir_name watch; /* "model.error" or a column */
    struct weir_operator_use detector;
    unsigned actions;             /* enum weir_action, or-ed; default alert */
    const struct weir_node *then; /* for findings */
};

enum weir_delivery { WEIR_AT_LEAST_ONCE, WEIR_EXACTLY_ONCE };
/* full: weir-* headers and the event time as the Kafka timestamp; none: key and value only, the broker
 * client's own timestamp, which lets whole batches go out in one call (performance.md 3). */
enum weir_envelope { WEIR_ENVELOPE_FULL, WEIR_ENVELOPE_NONE };

struct weir_sink_config {
    const struct weir_node *node; /* NULL = this sink is not in the file */
    struct weir_name topic;
    struct weir_name key;    /* column; default source.key, else the record's own key */
    struct weir_name format; /* codec; default json; features also "raw": the input's bytes unchanged */
    enum weir_envelope envelope;
    enum weir_delivery delivery;
    struct weir_name *fields; /* count 0 = default fields */
    uint32_t field_count;
    int64_t pause_above; /* dead letters: percent of the last records at which a task pauses */
};

enum weir_tasks { WEIR_TASKS_PER_PARTITION, WEIR_TASKS_SINGLE };

struct weir_pipeline {
    const char *name;
    struct weir_kafka_config kafka;
    struct weir_source_config source;
    struct weir_labels_config labels;
    struct weir_feature_group *features;
    uint32_t feature_group_count;
    struct weir_model_config model;
    struct weir_drift_config *drift;
    uint32_t drift_count;
    struct weir_sink_config predictions, feature_sink, alerts, dead_letter;
    enum weir_tasks tasks;
    int64_t workers; /* threads; default 1 */
    struct {
        const char *dir; /* state.dir; NULL = state lives in memory only */
        int64_t snapshot_ms, keep;
    } state;
    int64_t memory_bytes; /* state.memory: cap of keyed state per task; default 1 GiB */
    int64_t commit_ms;    /* commit interval; default 1000, exactly once 100 */
};

/* The sink of a stream of outputs; its node is NULL where the file has none. */
static inline const struct weir_sink_config *weir_pipeline_sink(const struct weir_pipeline *pipeline,
                                                                enum weir_stream stream) {
    const struct weir_sink_config *const sinks[WEIR_STREAM_COUNT] = {
        [WEIR_PREDICTIONS] = &pipeline->predictions,
        [WEIR_FEATURES] = &pipeline->feature_sink,
        [WEIR_ALERTS] = &pipeline->alerts,
        [WEIR_DEAD_LETTERS] = &pipeline->dead_letter};
    return sinks[stream];
}

/* One stream that is to be exact makes the whole pipeline so: its outputs are parts of the same transactions.
 */
static inline bool weir_pipeline_is_exact(const struct weir_pipeline *pipeline) {
    for (int i = 0; i < WEIR_STREAM_COUNT; i++)
        if (weir_pipeline_sink(pipeline, (enum weir_stream)i)->delivery == WEIR_EXACTLY_ONCE) return true;
    return false;
}

/* Fills *pipeline from the tree; every finding goes to diags. WEIR_OK, or WEIR_CONFIG when diags holds
 * errors, those of reading the file included (the pipeline is then filled as far as it could be, so that
 * later stages can find more). */
int weir_pipeline_load(struct weir_document *document, struct weir_diags *diags,
                       struct weir_pipeline *pipeline);

/* Reads an operator's options map (NULL = none given) against its table: unknown names, types, ranges,
 * missing ones become findings at their places; `fallback_place` marks missing ones. values: one per row. */
int weir_options_read(const struct weir_node *map, const struct weir_option *table,
                      struct weir_mark fallback_place, struct weir_diags *diags,
                      union weir_option_value *values);

/* "30s", "24h", "7d", "500ms" -> ms. WEIR_DATA when it is none. */
int weir_duration_parse(const char *text, size_t len, int64_t *ms);

#endif
