/* SPDX-License-Identifier: Apache-2.0 */
#include "core/publish.h"

#include <stdlib.h>
#include <string.h>

#include "core/headers.h"
#include "weir/number.h"

#define NO_PLACE SIZE_MAX

int weir_publisher_init(struct weir_publisher *publisher, const struct weir_plan *plan,
                        struct weir_arena *arena, struct weir_error *error) {
    memset(publisher, 0, sizeof *publisher);
    publisher->plan = plan;
    publisher->arena = arena;
    weir_buffer_init(&publisher->bytes);
    uint32_t width = 0;
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        const struct weir_plan_stream *stream = &plan->streams[i];
        if (stream->schema.count > width) width = stream->schema.count;
        if (!stream->codec || stream->raw) continue;
        int result = stream->codec->open(&stream->schema, &publisher->coders[i], error);
        if (result) return result;
    }
    publisher->row = calloc(width + 1, sizeof *publisher->row);
    return publisher->row ? WEIR_OK : WEIR_NOMEM;
}

void weir_publisher_deinit(struct weir_publisher *publisher) {
    for (int i = 0; i < WEIR_STREAM_COUNT; i++)
        if (publisher->coders[i]) publisher->plan->streams[i].codec->close(publisher->coders[i]);
    free(publisher->row);
    free(publisher->records);
    free(publisher->places);
    weir_buffer_deinit(&publisher->bytes);
    memset(publisher, 0, sizeof *publisher);
}

void weir_publisher_begin(struct weir_publisher *publisher) {
    weir_buffer_clear(&publisher->bytes);
    publisher->count = 0;
    publisher->result = WEIR_OK;
}

static bool grow(struct weir_publisher *publisher) {
    uint32_t capacity = publisher->capacity ? publisher->capacity * 2 : 256;
    void *records = realloc(publisher->records, capacity * sizeof *publisher->records);
    if (records) publisher->records = records;
    void *places = realloc(publisher->places, capacity * sizeof *publisher->places);
    if (places) publisher->places = places;
    if (!records || !places) {
        publisher->result = WEIR_NOMEM;
        return false;
    }
    publisher->capacity = capacity;
    return true;
}

/* A new output record; NULL when there is no memory (result says so). */
static struct weir_output_record *append(struct weir_publisher *publisher, enum weir_stream stream,
                                         uint32_t input_index, int64_t time_ms) {
    if (publisher->count == publisher->capacity && !grow(publisher)) return NULL;
    publisher->places[publisher->count] = (struct weir_output_place){NO_PLACE, NO_PLACE};
    struct weir_output_record *out = &publisher->records[publisher->count++];
    *out = (struct weir_output_record){.stream = stream, .input_index = input_index, .timestamp_ms = time_ms};
    return out;
}

/* Key columns become their text: strings as they are, numbers in decimal; null stays absent. */
static void put_key(struct weir_publisher *publisher, struct weir_output_record *out,
                    const struct weir_value *value) {
    char number[32];
    if (value->null) return;
    if (weir_type_is_text(value->type)) {
        out->key = (struct weir_bytes){value->as.s, value->len};
        return;
    }
    size_t at = publisher->bytes.len;
    int result;
    if (value->type == WEIR_BOOL)
        result = weir_buffer_append_text(&publisher->bytes, value->as.b ? "true" : "false");
    else if (value->type == WEIR_FLOAT64)
        result = weir_buffer_append(&publisher->bytes, number, weir_number_format(value->as.f, number));
    else
        result = weir_buffer_format(&publisher->bytes, "%lld", (long long)value->as.i);
    if (result) publisher->result = result;
    publisher->places[publisher->count - 1].key = at;
    out->key.len = publisher->bytes.len - at;
}

static void put_value(struct weir_publisher *publisher, struct weir_output_record *out) {
    const struct weir_plan_stream *stream = &publisher->plan->streams[out->stream];
    size_t at = publisher->bytes.len;
    if (stream->codec->encode(publisher->coders[out->stream], publisher->row, &publisher->bytes))
        publisher->result = WEIR_NOMEM;
    publisher->places[publisher->count - 1].value = at;
    out->value.len = publisher->bytes.len - at;
}

static void put_event_key(struct weir_publisher *publisher, struct weir_output_record *out,
                          const struct weir_event *event) {
    uint32_t cell = publisher->plan->streams[out->stream].key_cell;
    if (cell == WEIR_NO_CELL)
        out->key = event->record->key;
    else
        put_key(publisher, out, &event->cells[cell]);
}

static void put_envelope(struct weir_publisher *publisher, struct weir_output_record *out,
                         const struct weir_event *event, uint64_t model_version) {
    if (!publisher->plan->streams[out->stream].full_envelope) return;
    out->header_count = weir_headers_answer(publisher->arena, publisher->plan->name, event->record,
                                            model_version, &out->headers);
    if (!out->header_count) publisher->result = WEIR_NOMEM;
}

void weir_publish_prediction(struct weir_publisher *publisher, const struct weir_event *event,
                             const struct weir_prediction *prediction, uint64_t model_version,
                             const struct weir_classes *classes) {
    const struct weir_plan_stream *stream = &publisher->plan->streams[WEIR_PREDICTIONS];
    struct weir_output_record *out = append(publisher, WEIR_PREDICTIONS, event->input_index, event->time_ms);
    if (!out) return;
    for (uint32_t i = 0; i < stream->schema.count; i++) {
        struct weir_value *value = &publisher->row[i];
        switch (stream->sources[i].origin) {
            case WEIR_FROM_CELL:
                *value = event->cells[stream->sources[i].cell];
                break;
            case WEIR_FROM_TIME:
                *value = (struct weir_value){.as.i = event->time_ms, .type = WEIR_TIMESTAMP};
                break;
            case WEIR_FROM_SCORE:
                *value = weir_value_float(prediction->score);
                break;
            case WEIR_FROM_DECISION:
                *value = weir_value_bool(prediction->score > publisher->plan->model.decide_at);
                break;
            case WEIR_FROM_LABEL: {
                struct weir_bytes name = weir_classes_name(classes, prediction->class_index);
                *value = weir_value_text(name.data, (uint32_t)name.len);
                break;
            }
            default:
                *value = weir_value_int((int64_t)model_version);
                break;
        }
    }
    put_event_key(publisher, out, event);
    put_value(publisher, out);
    put_envelope(publisher, out, event, model_version);
}

void weir_publish_features(struct weir_publisher *publisher, const struct weir_event *event) {
    const struct weir_plan_stream *stream = &publisher->plan->streams[WEIR_FEATURES];
    struct weir_output_record *out = append(publisher, WEIR_FEATURES, event->input_index, event->time_ms);
    if (!out) return;
    put_event_key(publisher, out, event);
    if (stream->raw) {
        out->value = event->record->value;
    } else {
        for (uint32_t i = 0; i < stream->schema.count; i++)
            publisher->row[i] = stream->sources[i].origin == WEIR_FROM_TIME
                                    ? (struct weir_value){.as.i = event->time_ms, .type = WEIR_TIMESTAMP}
                                    : event->cells[stream->sources[i].cell];
        put_value(publisher, out);
    }
    put_envelope(publisher, out, event, 0);
}

static struct weir_value word(const char *s) { return weir_value_text(s, (uint32_t)strlen(s)); }

static void fill_alert_row(struct weir_value *row, const char *pipeline, const struct weir_alert *alert) {
    const struct weir_drift_report *report = &alert->report;
    row[WEIR_ALERT_PIPELINE] = word(pipeline);
    row[WEIR_ALERT_NAME] = word(alert->drift->name);
    row[WEIR_ALERT_DETECTOR] = word(alert->drift->detector->op.name);
    row[WEIR_ALERT_WATCH] = word(alert->drift->watch);
    row[WEIR_ALERT_LEVEL] = word("drift");
    row[WEIR_ALERT_ROW] = weir_value_int((int64_t)alert->row);
    row[WEIR_ALERT_TOPIC] = word(alert->record->topic);
    row[WEIR_ALERT_PARTITION] = weir_value_int(alert->record->partition);
    row[WEIR_ALERT_OFFSET] = weir_value_int(alert->record->offset);
    row[WEIR_ALERT_TIME] = (struct weir_value){.as.i = alert->time_ms, .type = WEIR_TIMESTAMP};
    row[WEIR_ALERT_MEAN_BEFORE] = weir_value_float(report->mean_before);
    row[WEIR_ALERT_MEAN_AFTER] = weir_value_float(report->mean_after);
    row[WEIR_ALERT_COUNT_BEFORE] = weir_value_int((int64_t)report->count_before);
    row[WEIR_ALERT_COUNT_AFTER] = weir_value_int((int64_t)report->count_after);
    row[WEIR_ALERT_STATISTIC] = weir_value_float(report->statistic);
    row[WEIR_ALERT_THRESHOLD] = weir_value_float(report->threshold);
    row[WEIR_ALERT_ACTION] = word(alert->drift->actions & WEIR_ACTION_RESET ? "reset" : "alert");
    row[WEIR_ALERT_MODEL_VERSION] = weir_value_int((int64_t)alert->model_version);
    if (!alert->model_version) row[WEIR_ALERT_MODEL_VERSION].null = true;
}

void weir_publish_alert(struct weir_publisher *publisher, const struct weir_alert *alert) {
    const struct weir_plan *plan = publisher->plan;
    struct weir_output_record *out = append(publisher, WEIR_ALERTS, alert->input_index, alert->time_ms);
    if (!out) return;
    fill_alert_row(publisher->row, plan->name, alert);
    const char *key = weir_arena_format(publisher->arena, "%s/%s", plan->name, alert->drift->name);
    if (key)
        out->key = (struct weir_bytes){key, strlen(key)};
    else
        publisher->result = WEIR_NOMEM;
    put_value(publisher, out);
    if (!plan->streams[WEIR_ALERTS].full_envelope) return;
    out->header_count = weir_headers_alert(publisher->arena, plan->name, alert,
                                           plan->streams[WEIR_ALERTS].codec->content_type, &out->headers);
    if (!out->header_count) publisher->result = WEIR_NOMEM;
}

void weir_publish_dead_letter(struct weir_publisher *publisher, const struct weir_record *record,
                              uint32_t input_index, int64_t now_ms, const struct weir_data_error *error) {
    /* Brokers refuse records from the future, and a refused dead letter would stop the pipeline for good. Its
     * header keeps the date. */
    bool future = now_ms != INT64_MIN && record->timestamp_ms > now_ms;
    struct weir_output_record *out =
        append(publisher, WEIR_DEAD_LETTERS, input_index, future ? WEIR_NO_TIMESTAMP : record->timestamp_ms);
    if (!out) return;
    out->key = record->key;
    out->value = record->value;
    out->header_count = weir_headers_dead_letter(publisher->arena, record, error, &out->headers);
    if (!out->header_count) publisher->result = WEIR_NOMEM;
}

int weir_publisher_finish(struct weir_publisher *publisher) {
    const char *bytes = publisher->bytes.data;
    for (uint32_t i = 0; i < publisher->count; i++) {
        const struct weir_output_place *place = &publisher->places[i];
        if (place->key != NO_PLACE) publisher->records[i].key.data = bytes + place->key;
        if (place->value != NO_PLACE) publisher->records[i].value.data = bytes + place->value;
    }
    return publisher->result;
}
