/* SPDX-License-Identifier: Apache-2.0 */
/* plan_streams.c: what is published: fields, format, key and envelope of every output stream. */
#include <stdlib.h>
#include <string.h>

#include "core/plan.h"
#include "weir/registry.h"

#define FIELD_MAX 256

/* Fields gathered before they are copied to the plan. */
struct field_list {
    struct weir_field fields[FIELD_MAX];
    struct weir_field_source sources[FIELD_MAX];
    uint32_t count;
};

static void add(struct field_list *list, const char *name, enum weir_type type, enum weir_field_origin origin,
                uint32_t cell) {
    if (list->count == FIELD_MAX) return;
    list->fields[list->count] = (struct weir_field){name, type, true};
    list->sources[list->count++] = (struct weir_field_source){origin, cell};
}

static void add_cell(struct field_list *list, const struct weir_plan *plan, uint32_t cell) {
    add(list, plan->columns.fields[cell].name, plan->columns.fields[cell].type, WEIR_FROM_CELL, cell);
}

/* `features` stands for all inputs of the model (predictions) or all feature columns. */
static void add_features(struct field_list *list, struct weir_plan *plan, enum weir_stream stream) {
    if (stream == WEIR_PREDICTIONS) {
        for (uint32_t i = 0; i < plan->model.input_count; i++) {
            uint32_t cell = plan->model.input_cells[i];
            if (cell == WEIR_NO_CELL) continue;
            const char *name =
                weir_arena_format(&plan->arena, "features.%s", plan->columns.fields[cell].name);
            if (name) add(list, name, plan->columns.fields[cell].type, WEIR_FROM_CELL, cell);
        }
        return;
    }
    for (uint32_t cell = plan->source.count; cell < plan->columns.count; cell++) add_cell(list, plan, cell);
}

/* Names that are not columns. A column of the same name is hidden by them, except `time`. While the target is
 * unknown its learner or label is what is wrong, and said already: the fields of any target pass. */
static bool add_known(struct field_list *list, struct weir_plan *plan, enum weir_stream stream,
                      const char *name) {
    enum weir_target target = plan->model.target;
    if (!strcmp(name, "features")) {
        add_features(list, plan, stream);
    } else if (!strcmp(name, "time") && weir_plan_cell(plan, name) == WEIR_NO_CELL) {
        add(list, name, WEIR_TIMESTAMP, WEIR_FROM_TIME, 0);
    } else if (stream != WEIR_PREDICTIONS) {
        return false;
    } else if (!strcmp(name, "score")) {
        add(list, name, WEIR_FLOAT64, WEIR_FROM_SCORE, 0);
    } else if (!strcmp(name, "decision") && (!target || target == WEIR_BINARY)) {
        add(list, name, WEIR_BOOL, WEIR_FROM_DECISION, 0);
    } else if (!strcmp(name, "label") && (!target || target == WEIR_MULTICLASS)) {
        add(list, name, WEIR_CATEGORY, WEIR_FROM_LABEL, 0);
    } else if (!strcmp(name, "model.version")) {
        add(list, name, WEIR_INT64, WEIR_FROM_MODEL_VERSION, 0);
    } else {
        return false;
    }
    return true;
}

static void unknown_field(const struct weir_plan *plan, const struct weir_name *name,
                          struct weir_diags *diags) {
    const char *names[FIELD_MAX];
    uint32_t count = 0;
    static const char *const known[] = {"score", "decision", "label", "model.version", "features", "time"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) names[count++] = known[i];
    for (uint32_t i = 0; i < plan->columns.count && count < FIELD_MAX; i++)
        names[count++] = plan->columns.fields[i].name;
    weir_diag_add(diags, "E317", weir_name_mark(name), "unknown output field '%s'", name->text);
    const char *near = weir_suggest(name->text, names, count);
    if (near && strcmp(near, name->text) != 0)
        weir_diag_help(diags, "did you mean '%s'?", near);
    else
        weir_diag_help(
            diags,
            "fields are columns, time, features and, for predictions, score, decision (two classes), "
            "label (several classes), model.version");
}

/* Defaults: key, event time, then the score or the features, and the model's version. */
static void add_defaults(struct field_list *list, struct weir_plan *plan,
                         const struct weir_pipeline *pipeline, enum weir_stream stream) {
    uint32_t key = pipeline->source.key.text ? weir_plan_cell(plan, pipeline->source.key.text) : WEIR_NO_CELL;
    if (key != WEIR_NO_CELL) add_cell(list, plan, key);
    if (plan->time_cell != WEIR_NO_CELL) {
        if (plan->time_cell != key) add_cell(list, plan, plan->time_cell);
    } else {
        add(list, "time", WEIR_TIMESTAMP, WEIR_FROM_TIME, 0);
    }
    if (stream == WEIR_FEATURES) {
        add_features(list, plan, stream);
        return;
    }
    if (plan->model.target == WEIR_MULTICLASS) add(list, "label", WEIR_CATEGORY, WEIR_FROM_LABEL, 0);
    add(list, "score", WEIR_FLOAT64, WEIR_FROM_SCORE, 0);
    add(list, "model.version", WEIR_INT64, WEIR_FROM_MODEL_VERSION, 0);
}

static void add_alert_fields(struct field_list *list) {
    static const struct {
        const char *name;
        enum weir_type type;
    } alert[WEIR_ALERT_FIELD_COUNT] = {
        [WEIR_ALERT_PIPELINE] = {"pipeline", WEIR_STRING},
        [WEIR_ALERT_NAME] = {"name", WEIR_STRING},
        [WEIR_ALERT_DETECTOR] = {"detector", WEIR_STRING},
        [WEIR_ALERT_WATCH] = {"watch", WEIR_STRING},
        [WEIR_ALERT_LEVEL] = {"level", WEIR_STRING},
        [WEIR_ALERT_ROW] = {"row", WEIR_INT64},
        [WEIR_ALERT_TOPIC] = {"position.topic", WEIR_STRING},
        [WEIR_ALERT_PARTITION] = {"position.partition", WEIR_INT64},
        [WEIR_ALERT_OFFSET] = {"position.offset", WEIR_INT64},
        [WEIR_ALERT_TIME] = {"position.time", WEIR_TIMESTAMP},
        [WEIR_ALERT_MEAN_BEFORE] = {"change.mean_before", WEIR_FLOAT64},
        [WEIR_ALERT_MEAN_AFTER] = {"change.mean_after", WEIR_FLOAT64},
        [WEIR_ALERT_COUNT_BEFORE] = {"change.count_before", WEIR_INT64},
        [WEIR_ALERT_COUNT_AFTER] = {"change.count_after", WEIR_INT64},
        [WEIR_ALERT_STATISTIC] = {"evidence.statistic", WEIR_FLOAT64},
        [WEIR_ALERT_THRESHOLD] = {"evidence.threshold", WEIR_FLOAT64},
        [WEIR_ALERT_ACTION] = {"action", WEIR_STRING},
        [WEIR_ALERT_MODEL_VERSION] = {"model.version", WEIR_INT64},
    };
    for (uint32_t i = 0; i < WEIR_ALERT_FIELD_COUNT; i++)
        add(list, alert[i].name, alert[i].type, WEIR_FROM_ALERT, i);
}

static void gather(struct field_list *list, struct weir_plan *plan, const struct weir_pipeline *pipeline,
                   enum weir_stream stream, struct weir_diags *diags) {
    const struct weir_sink_config *sink = weir_pipeline_sink(pipeline, stream);
    list->count = 0;
    if (stream == WEIR_ALERTS) {
        add_alert_fields(list);
        return;
    }
    if (!sink->field_count) add_defaults(list, plan, pipeline, stream);
    for (uint32_t i = 0; i < sink->field_count; i++) {
        const struct weir_name *name = &sink->fields[i];
        if (add_known(list, plan, stream, name->text)) continue;
        uint32_t cell = weir_plan_cell(plan, name->text);
        if (cell != WEIR_NO_CELL)
            add_cell(list, plan, cell);
        else if (!weir_plan_is_broken_feature(plan, name->text))
            unknown_field(plan, name, diags);
    }
}

static void keep_fields(struct weir_plan *plan, struct weir_plan_stream *stream,
                        const struct field_list *list) {
    struct weir_field *fields = weir_arena_alloc(&plan->arena, (list->count + 1) * sizeof *fields);
    stream->sources = weir_arena_alloc(&plan->arena, (list->count + 1) * sizeof *stream->sources);
    if (!fields || !stream->sources) return;
    memcpy(fields, list->fields, list->count * sizeof *fields);
    memcpy(stream->sources, list->sources, list->count * sizeof *stream->sources);
    stream->schema = (struct weir_schema){fields, list->count};
}

static void bind_stream(struct weir_plan *plan, const struct weir_pipeline *pipeline, enum weir_stream which,
                        const char *format, struct weir_diags *diags) {
    const struct weir_sink_config *sink = weir_pipeline_sink(pipeline, which);
    struct weir_plan_stream *stream = &plan->streams[which];
    stream->active = true;
    stream->key_cell = WEIR_NO_CELL;
    stream->full_envelope = sink->envelope == WEIR_ENVELOPE_FULL;
    if (which == WEIR_DEAD_LETTERS) return; /* the original bytes */
    if (which == WEIR_PREDICTIONS && !pipeline->model.learner.name.text)
        weir_diag_add(diags, "E310", sink->node ? sink->node->mark : (struct weir_mark){0},
                      "there are no predictions without a model");
    const struct weir_name *key = sink->key.text ? &sink->key : &pipeline->source.key;
    if (key->text && which != WEIR_ALERTS)
        stream->key_cell = key == &sink->key ? weir_plan_find_cell(plan, key, "E204", diags)
                                             : weir_plan_cell(plan, key->text);
    struct weir_operator_use use = {.name = sink->format};
    if (format) use.name.text = format;
    if (!use.name.text || (which == WEIR_ALERTS && !strcmp(use.name.text, "cloudevents")))
        use.name.text = "json";
    stream->raw = which == WEIR_FEATURES && !strcmp(use.name.text, "raw");
    struct weir_binding binding;
    stream->codec =
        (const struct weir_codec *)weir_plan_bind_operator(WEIR_FAMILY_CODEC, &use, 1, &binding, diags);
    if (stream->raw) return;
    if (!strcmp(use.name.text, "raw"))
        weir_diag_add(diags, "E306", weir_name_mark(&sink->format),
                      "%s cannot be raw: they are not bytes of the input", weir_stream_name(which));
    struct field_list *list = malloc(sizeof *list);
    if (!list) return;
    gather(list, plan, pipeline, which, diags);
    keep_fields(plan, stream, list);
    free(list);
}

static void check_topics(const struct weir_pipeline *pipeline, struct weir_diags *diags) {
    const char *source = pipeline->source.topic.text;
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        const struct weir_name *topic = &weir_pipeline_sink(pipeline, (enum weir_stream)i)->topic;
        if (source && topic->text && !strcmp(topic->text, source))
            weir_diag_add(diags, "E316", weir_name_mark(topic),
                          "'%s' is the source's topic: the pipeline would read what it writes", source);
    }
}

void weir_plan_bind_streams(struct weir_plan *plan, const struct weir_pipeline *pipeline,
                            const struct weir_plan_options *options, struct weir_diags *diags) {
    bool override = options && options->override_streams;
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        enum weir_stream stream = (enum weir_stream)i;
        if (override ? options->publish[i] : weir_pipeline_sink(pipeline, stream)->node != NULL)
            bind_stream(plan, pipeline, stream, override ? options->formats[i] : NULL, diags);
    }
    check_topics(pipeline, diags);
}
