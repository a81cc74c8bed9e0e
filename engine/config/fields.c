/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c: the table. Order is the order of the reference. */
#include "config/fields.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(type, member) .offset = offsetof(struct type, member)
#define COUNT(type, member) .count_offset = offsetof(struct type, member)
#define END \
    { .name = NULL }
#define DAY_MS 86400000.0

static const char *const starts[] = {"earliest", "latest", NULL};
static const char *const units[] = {"ms", "s", "us", "ns", NULL};
static const char *const deliveries[] = {"at_least_once", "exactly_once", NULL};
static const char *const envelopes[] = {"full", "none", NULL};
static const char *const task_layouts[] = {"per_partition", "single", NULL};
static const char *const actions[] = {"alert", "reset", NULL};
static const char *const protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl", NULL};
static const char *const mechanisms[] = {"PLAIN",  "SCRAM-SHA-256", "SCRAM-SHA-512",
                                         "GSSAPI", "OAUTHBEARER",   NULL};

static const struct weir_key security_keys[] = {
    {.name = "protocol",
     .kind = WEIR_KEY_PROPERTY,
     .property = "security.protocol",
     .choices = protocols,
     .help = "how to talk to the brokers"},
    {.name = "mechanism",
     .kind = WEIR_KEY_PROPERTY,
     .property = "sasl.mechanism",
     .choices = mechanisms,
     .help = "SASL mechanism"},
    {.name = "username", .kind = WEIR_KEY_PROPERTY, .property = "sasl.username", .help = "SASL user"},
    {.name = "password",
     .kind = WEIR_KEY_PROPERTY,
     .property = "sasl.password",
     .secret = true,
     .help = "SASL password; ${file:PATH} keeps it out of the file"},
    {.name = "ca",
     .kind = WEIR_KEY_PROPERTY,
     .property = "ssl.ca.location",
     .help = "path of the certificates of the authorities to trust (PEM)"},
    {.name = "certificate",
     .kind = WEIR_KEY_PROPERTY,
     .property = "ssl.certificate.location",
     .help = "path of the client's certificate (PEM)"},
    {.name = "key",
     .kind = WEIR_KEY_PROPERTY,
     .property = "ssl.key.location",
     .help = "path of the client's private key (PEM)"},
    END};

static const struct weir_key kafka_keys[] = {
    {.name = "brokers",
     .kind = WEIR_KEY_TEXT,
     AT(weir_kafka_config, brokers),
     .fallback = "localhost:9092",
     .help = "host:port, several with commas, or `embedded` for an in-process cluster"},
    {.name = "security",
     .kind = WEIR_KEY_SECTION,
     .keys = security_keys,
     .help = "encryption and authentication"},
    {.name = "properties", .kind = WEIR_KEY_PROPERTIES, .help = "any property of librdkafka by its name"},
    END};

#define EVENT_TIME(member) AT(weir_source_config, event_time.member)
static const struct weir_key event_time_keys[] = {
    {.name = "field",
     .kind = WEIR_KEY_NAME,
     EVENT_TIME(field),
     .required = true,
     .help = "the column that holds the time of the event"},
    {.name = "unit",
     .kind = WEIR_KEY_CHOICE,
     EVENT_TIME(unit),
     .choices = units,
     .fallback = "ms",
     .help = "what the column counts, since 1970"},
    {.name = "lateness",
     .kind = WEIR_KEY_DURATION,
     EVENT_TIME(lateness_ms),
     .max = 365 * DAY_MS,
     .help = "how far behind the newest event a record may be; later ones count as late (60s where time "
             "matters)"},
    {.name = "idle", .kind = WEIR_KEY_LATER, .help = "advance time when a partition is silent"},
    END};

static const struct weir_key source_keys[] = {
    {.name = "topic",
     .kind = WEIR_KEY_TOPIC,
     AT(weir_source_config, topic),
     .required = true,
     .help = "the Kafka topic to read"},
    {.name = "group",
     .kind = WEIR_KEY_TEXT,
     AT(weir_source_config, group),
     .help = "the consumer group; default `weir-` and the pipeline's name"},
    {.name = "start",
     .kind = WEIR_KEY_CHOICE,
     AT(weir_source_config, start),
     .choices = starts,
     .fallback = "earliest",
     .help = "where to begin when the group has no offsets yet"},
    {.name = "format",
     .kind = WEIR_KEY_NAME,
     AT(weir_source_config, format),
     .fallback = "json",
     .later = "avro",
     .help = "the codec of the records"},
    {.name = "key",
     .kind = WEIR_KEY_NAME,
     AT(weir_source_config, key),
     .help = "the column that names a record; default the record's own key"},
    {.name = "event_time",
     .kind = WEIR_KEY_SECTION,
     .keys = event_time_keys,
     .help = "when the event happened; default the record's Kafka timestamp"},
    {.name = "schema",
     .kind = WEIR_KEY_SCHEMA,
     AT(weir_source_config, columns),
     COUNT(weir_source_config, column_count),
     .help = "columns and their types: bool, int64, float64, string, category, timestamp; `?` behind = may "
             "be null"},
    {.name = "keep",
     .kind = WEIR_KEY_NAME,
     AT(weir_source_config, keep),
     .help = "an expression; rows for which it is not true are counted as dropped"},
    END};

static const struct weir_key labels_keys[] = {
    {.name = "field",
     .kind = WEIR_KEY_NAME,
     AT(weir_labels_config, field),
     .required = true,
     .help = "the column that holds the truth"},
    {.name = "positive",
     .kind = WEIR_KEY_NAME,
     AT(weir_labels_config, positive),
     .help = "of two classes the one whose probability is the score"},
    {.name = "topic", .kind = WEIR_KEY_LATER, .help = "labels that arrive later, on a topic of their own"},
    {.name = "join", .kind = WEIR_KEY_LATER, .help = "how late labels find their row"},
    {.name = "value", .kind = WEIR_KEY_LATER, .help = "the column of a late label"},
    {.name = "if_missing", .kind = WEIR_KEY_LATER, .help = "what an unlabelled row counts as"},
    {.name = "max_pending", .kind = WEIR_KEY_LATER, .help = "rows that may wait for their label"},
    END};

static const struct weir_key feature_keys[] = {
    {.name = "by",
     .kind = WEIR_KEY_NAMES,
     AT(weir_feature_group, by),
     COUNT(weir_feature_group, by_count),
     .help = "the key columns: one state per value; without it one for the whole stream"},
    {.name = "panes",
     .kind = WEIR_KEY_INT,
     AT(weir_feature_group, panes),
     .fallback = "8",
     .min = 1,
     .max = 256,
     .help = "parts a window is kept in: more are finer and cost memory per key"},
    {.name = "columns",
     .kind = WEIR_KEY_EXPRESSIONS,
     AT(weir_feature_group, columns),
     COUNT(weir_feature_group, column_count),
     .required = true,
     .help = "name: expression"},
    END};

#define MODEL(member) AT(weir_model_config, member)
static const struct weir_key evaluate_keys[] = {
    {.name = "metrics",
     .kind = WEIR_KEY_NAMES,
     MODEL(metrics),
     COUNT(weir_model_config, metric_count),
     .help = "metrics over all labelled rows, each predicted before it is learned from"},
    {.name = "window",
     .kind = WEIR_KEY_INT,
     MODEL(window_rows),
     .fallback = "0",
     .min = 0,
     .max = 1e7,
     .help = "also over this many last rows; 0 = not"},
    END};
static const struct weir_key model_keys[] = {
    {.name = "learner",
     .kind = WEIR_KEY_NAME,
     MODEL(learner.name),
     .required = true,
     .help = "the online learner"},
    {.name = "options", .kind = WEIR_KEY_OPTIONS, MODEL(learner.options), .help = "options of the learner"},
    {.name = "transform",
     .kind = WEIR_KEY_OPERATORS,
     MODEL(transforms),
     COUNT(weir_model_config, transform_count),
     .help = "transforms before the learner, in order: a name, or {name: {option: value}}"},
    {.name = "inputs",
     .kind = WEIR_KEY_NAMES,
     MODEL(inputs),
     COUNT(weir_model_config, input_count),
     .required = true,
     .help = "columns and features the learner sees"},
    {.name = "decide_at",
     .kind = WEIR_KEY_FLOAT,
     MODEL(decide_at),
     .fallback = "0.5",
     .min = 0,
     .max = 1,
     .help = "score above which the decision is true"},
    {.name = "warm_up",
     .kind = WEIR_KEY_INT,
     MODEL(warm_up_rows),
     .fallback = "0",
     .min = 0,
     .max = 1e15,
     .help = "labelled rows before scores are published"},
    {.name = "evaluate",
     .kind = WEIR_KEY_SECTION,
     .keys = evaluate_keys,
     .help = "how good the predictions are"},
    {.name = "class_weight", .kind = WEIR_KEY_LATER, .help = "weights of classes"},
    END};

#define DRIFT(member) AT(weir_drift_config, member)
static const struct weir_key drift_keys[] = {
    {.name = "name",
     .kind = WEIR_KEY_NAME,
     DRIFT(name),
     .required = true,
     .help = "names the alert and its state"},
    {.name = "watch",
     .kind = WEIR_KEY_NAME,
     DRIFT(watch),
     .required = true,
     .help = "model.error or a column"},
    {.name = "detector",
     .kind = WEIR_KEY_NAME,
     DRIFT(detector.name),
     .required = true,
     .help = "the drift detector"},
    {.name = "options", .kind = WEIR_KEY_OPTIONS, DRIFT(detector.options), .help = "options of the detector"},
    {.name = "then",
     .kind = WEIR_KEY_ACTIONS,
     DRIFT(actions),
     COUNT(weir_drift_config, then),
     .choices = actions,
     .fallback = "alert",
     .help = "what to do on drift"},
    END};

#define SINK(member) AT(weir_sink_config, member)
static const struct weir_key sink_keys[] = {
    {.name = "topic",
     .kind = WEIR_KEY_TOPIC,
     SINK(topic),
     .required = true,
     .help = "the Kafka topic to write"},
    {.name = "key",
     .kind = WEIR_KEY_NAME,
     SINK(key),
     .help = "the column that becomes the key; default source.key"},
    {.name = "format",
     .kind = WEIR_KEY_NAME,
     SINK(format),
     .fallback = "json",
     .help =
         "the codec; features also raw: the input's bytes unchanged; alerts also cloudevents, which they are "
         "in any format (headers of the Kafka binding's binary mode)"},
    {.name = "envelope",
     .kind = WEIR_KEY_CHOICE,
     SINK(envelope),
     .choices = envelopes,
     .fallback = "full",
     .help = "full: weir's headers and the event's time; none: key and value only, which is faster"},
    {.name = "delivery",
     .kind = WEIR_KEY_CHOICE,
     SINK(delivery),
     .choices = deliveries,
     .fallback = "at_least_once",
     .help =
         "what a crash may do to the output: at_least_once may repeat it, exactly_once leaves no trace (for "
         "all sinks of the file, as soon as one asks for it)"},
    {.name = "fields",
     .kind = WEIR_KEY_NAMES,
     SINK(fields),
     COUNT(weir_sink_config, field_count),
     .help = "columns and fields of an output record, in order"},
    END};
static const struct weir_key dead_letter_keys[] = {{.name = "topic",
                                                    .kind = WEIR_KEY_TOPIC,
                                                    SINK(topic),
                                                    .required = true,
                                                    .help = "where records go that could not be applied"},
                                                   {.name = "pause_above",
                                                    .kind = WEIR_KEY_INT,
                                                    SINK(pause_above),
                                                    .fallback = "5",
                                                    .min = 0,
                                                    .max = 100,
                                                    .help = "a task stops reading when more than so many "
                                                            "percent of 1000 records could not be applied; "
                                                            "100 = never"},
                                                   END};
static const struct weir_key sinks_keys[] = {
    {.name = "predictions",
     .kind = WEIR_KEY_SINK,
     AT(weir_pipeline, predictions),
     .keys = sink_keys,
     .help = "one record per prediction"},
    {.name = "features",
     .kind = WEIR_KEY_SINK,
     AT(weir_pipeline, feature_sink),
     .keys = sink_keys,
     .help = "one record per row with its features"},
    {.name = "alerts",
     .kind = WEIR_KEY_SINK,
     AT(weir_pipeline, alerts),
     .keys = sink_keys,
     .help = "one record per drift"},
    {.name = "windows", .kind = WEIR_KEY_LATER, .help = "one record per closed window"},
    END};

static const struct weir_key snapshot_keys[] = {{.name = "every",
                                                 .kind = WEIR_KEY_DURATION,
                                                 AT(weir_pipeline, state.snapshot_ms),
                                                 .fallback = "30s",
                                                 .min = 100,
                                                 .max = 86400000,
                                                 .help = "how often the state is saved"},
                                                {.name = "keep",
                                                 .kind = WEIR_KEY_INT,
                                                 AT(weir_pipeline, state.keep),
                                                 .fallback = "3",
                                                 .min = 2,
                                                 .max = 100,
                                                 .help = "how many generations are kept per partition"},
                                                END};
static const struct weir_key state_keys[] = {
    {.name = "memory",
     .kind = WEIR_KEY_SIZE,
     AT(weir_pipeline, memory_bytes),
     .fallback = "1GiB",
     .min = 65536,
     .max = 1099511627776.0,
     .help = "at most this much keyed state per task; the oldest keys give way"},
    {.name = "dir",
     .kind = WEIR_KEY_TEXT,
     AT(weir_pipeline, state.dir),
     .help = "where snapshots are kept; without it a restart forgets windows and model"},
    {.name = "snapshot",
     .kind = WEIR_KEY_SECTION,
     .keys = snapshot_keys,
     .help = "when the state is saved to state.dir"},
    {.name = "forget_keys_after", .kind = WEIR_KEY_LATER, .help = "how long a silent key is kept"},
    END};
static const struct weir_key commit_keys[] = {
    {.name = "interval",
     .kind = WEIR_KEY_DURATION,
     AT(weir_pipeline, commit_ms),
     .min = 1,
     .max = 3600000,
     .help = "how often offsets are committed (1s; 100ms where a sink is "
             "exactly_once: outputs become visible with them)"},
    END};

const struct weir_key weir_pipeline_keys[] = {
    {.name = "weir", .kind = WEIR_KEY_VERSION, .required = true, .help = "the version of the file format: 1"},
    {.name = "name",
     .kind = WEIR_KEY_IDENTIFIER,
     AT(weir_pipeline, name),
     .required = true,
     .help = "names the pipeline in topics' headers, groups and metrics"},
    {.name = "kafka",
     .kind = WEIR_KEY_SECTION,
     AT(weir_pipeline, kafka),
     .keys = kafka_keys,
     .help = "the cluster"},
    {.name = "source",
     .kind = WEIR_KEY_SECTION,
     AT(weir_pipeline, source),
     .keys = source_keys,
     .required = true,
     .help = "where records come from"},
    {.name = "labels",
     .kind = WEIR_KEY_SECTION,
     AT(weir_pipeline, labels),
     .keys = labels_keys,
     .help = "the truth the model learns from"},
    {.name = "features",
     .kind = WEIR_KEY_LIST,
     AT(weir_pipeline, features),
     COUNT(weir_pipeline, feature_group_count),
     .item_bytes = sizeof(struct weir_feature_group),
     .keys = feature_keys,
     .help = "groups of columns computed from the stream"},
    {.name = "model",
     .kind = WEIR_KEY_SECTION,
     AT(weir_pipeline, model),
     .keys = model_keys,
     .help = "what is learned"},
    {.name = "drift",
     .kind = WEIR_KEY_LIST,
     AT(weir_pipeline, drift),
     COUNT(weir_pipeline, drift_count),
     .item_bytes = sizeof(struct weir_drift_config),
     .keys = drift_keys,
     .help = "what is watched for change"},
    {.name = "sinks", .kind = WEIR_KEY_SECTION, .keys = sinks_keys, .help = "what is published"},
    {.name = "dead_letter",
     .kind = WEIR_KEY_SINK,
     AT(weir_pipeline, dead_letter),
     .keys = dead_letter_keys,
     .help = "records that could not be applied"},
    {.name = "state", .kind = WEIR_KEY_SECTION, .keys = state_keys, .help = "what the pipeline remembers"},
    {.name = "commit", .kind = WEIR_KEY_SECTION, .keys = commit_keys, .help = "progress in the source topic"},
    {.name = "tasks",
     .kind = WEIR_KEY_CHOICE,
     AT(weir_pipeline, tasks),
     .choices = task_layouts,
     .fallback = "per_partition",
     .help = "one model and state per partition, or one for all"},
    {.name = "workers",
     .kind = WEIR_KEY_INT,
     AT(weir_pipeline, workers),
     .fallback = "1",
     .min = 1,
     .max = 64,
     .help = "threads that share the partitions; the results do not depend on how many"},
    {.name = "http", .kind = WEIR_KEY_LATER, .help = "the admin server"},
    {.name = "tests", .kind = WEIR_KEY_LATER, .help = "cases for `weir test`"},
    END};

static bool locate(const struct weir_key *keys, const char *name, const char *prefix, char *path,
                   size_t bytes) {
    for (const struct weir_key *key = keys; key->name; key++)
        if (!strcmp(key->name, name)) return snprintf(path, bytes, "%s", prefix) < (int)bytes;
    for (const struct weir_key *key = keys; key->name; key++) {
        char deeper[96];
        if (!key->keys) continue;
        int len = snprintf(deeper, sizeof deeper, "%s%s%s", prefix, prefix[0] ? "." : "", key->name);
        if (len < (int)sizeof deeper && locate(key->keys, name, deeper, path, bytes)) return true;
    }
    return false;
}

bool weir_key_locate(const char *name, char *path, size_t path_bytes) {
    return locate(weir_pipeline_keys, name, "", path, path_bytes);
}

const char *weir_key_kind_text(const struct weir_key *key) {
    switch (key->kind) {
        case WEIR_KEY_SECTION:
        case WEIR_KEY_SINK:
            return "a map";
        case WEIR_KEY_LIST:
            return "a list of maps";
        case WEIR_KEY_VERSION:
            return "the number 1";
        case WEIR_KEY_NAMES:
            return "a name or a list of names";
        case WEIR_KEY_INT:
            return "a whole number";
        case WEIR_KEY_FLOAT:
            return "a number";
        case WEIR_KEY_DURATION:
            return "a duration such as 30s or 10m";
        case WEIR_KEY_SIZE:
            return "a size such as 512MiB";
        case WEIR_KEY_CHOICE:
            return "one of its words";
        case WEIR_KEY_ACTIONS:
            return "an action or a list of actions";
        case WEIR_KEY_OPERATORS:
            return "a list of transforms";
        case WEIR_KEY_OPTIONS:
            return "a map of options";
        case WEIR_KEY_SCHEMA:
            return "a map of columns and types";
        case WEIR_KEY_EXPRESSIONS:
            return "a map of names and expressions";
        case WEIR_KEY_PROPERTIES:
            return "a map of names and values";
        case WEIR_KEY_IDENTIFIER:
        case WEIR_KEY_TEXT:
        case WEIR_KEY_NAME:
        case WEIR_KEY_TOPIC:
        case WEIR_KEY_PROPERTY:
        case WEIR_KEY_LATER:
            return "a single value";
    }
    return "a value";
}
