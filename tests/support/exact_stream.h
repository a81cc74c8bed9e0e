/* SPDX-License-Identifier: Apache-2.0 */
/* exact_stream.h: an exactly-once pipeline (windows by card and over all cards, logistic regression, adwin
 * with reset) over a stream with late and broken records, and the comparison of what a read_committed
 * consumer sees with an uninterrupted run, byte by byte: for tests that disturb the engine and expect no
 * trace of it.
 *
 * compared: predictions, alerts and dead letters: key, value and headers of every record, in the order of
 * each partition, for each partition of the input apart (those of different inputs interleave as they may).
 */
#ifndef WEIR_TESTS_EXACT_STREAM_H
#define WEIR_TESTS_EXACT_STREAM_H

#include <pthread.h>
#include <signal.h>

#include "support/cards.h"

#define STREAMS 3 /* predictions, alerts, dead letters */

struct exact_stage {
    const char *name;
    char input[128], outputs[STREAMS][128], plain[STREAMS][128];
    char pipeline[600], plain_pipeline[600];
    long records, records_per_s;
    pthread_t producer;
    _Atomic bool enough; /* the producer ends early */
    bool all_sent;
};

static const int exact_widths[STREAMS] = {PARTITIONS, 1, 1};

/* properties: of librdkafka, for the disturbed pipeline; "" = the engine's own choice. */
static inline void exact_write_pipeline(const struct exact_stage *stage, const char *file, const char *group,
                                        const char outputs[STREAMS][128], const char *properties,
                                        char *path) {
    char yaml[3000];
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: exact\n"
             "kafka: {brokers: '%s', properties: {%s}}\n"
             "source:\n  topic: %s\n  group: %s-%ld\n  key: card\n  event_time: {field: ts, lateness: "
             "2s}\n" CARDS_PIPELINE
             "state: {dir: %s-%s, snapshot: {every: 400ms, keep: 3}}\n"
             "sinks:\n  predictions: {topic: %s, delivery: exactly_once, fields: [n, n10, all10, score, "
             "model.version]}\n"
             "  alerts: {topic: %s}\ndead_letter: {topic: %s}\n",
             broker_address(), properties, stage->input, group, (long)getpid(), process_path("state"), group,
             outputs[0], outputs[1], outputs[2]);
    snprintf(path, 600, "%s", process_write_text(file, yaml));
}

static inline void *exact_produce(void *owner) {
    const struct exact_stage *stage = owner;
    const struct cards cards = {stage->input, stage->records,     stage->records_per_s,
                                3500,         stage->records / 4, &stage->enough};
    cards_produce(&cards);
    return NULL;
}

/* Output topics and the pipeline file of a disturbed run; its name is also its group's. */
static inline void exact_name_run(struct exact_stage *stage, const char *name, const char *properties) {
    static const char *const kinds[STREAMS] = {"p", "a", "d"};
    char file[64], stem[64];
    stage->name = name;
    for (int i = 0; i < STREAMS; i++) {
        snprintf(stem, sizeof stem, "%s.%s", name, kinds[i]);
        snprintf(stage->outputs[i], sizeof stage->outputs[0], "%s", broker_topic(stem, exact_widths[i]));
    }
    snprintf(file, sizeof file, "%s.yaml", name);
    exact_write_pipeline(stage, file, name, stage->outputs, properties, stage->pipeline);
}

static inline void exact_open(struct exact_stage *stage, const char *name, long records, long records_per_s,
                              const char *properties) {
    char file[64], group[64], stem[64];
    memset(stage, 0, sizeof *stage);
    stage->records = records;
    stage->records_per_s = records_per_s;
    snprintf(stage->input, sizeof stage->input, "%s", broker_topic(name, PARTITIONS));
    exact_name_run(stage, name, properties);
    for (int i = 0; i < STREAMS; i++) {
        snprintf(stem, sizeof stem, "%s.plain.%d", name, i);
        snprintf(stage->plain[i], sizeof stage->plain[0], "%s", broker_topic(stem, exact_widths[i]));
    }
    snprintf(file, sizeof file, "%s.plain.yaml", name);
    snprintf(group, sizeof group, "%s-plain", name);
    exact_write_pipeline(stage, file, group, stage->plain, "", stage->plain_pipeline);
    assert_int_equal(pthread_create(&stage->producer, NULL, exact_produce, stage), 0);
}

/* ---- comparing ---- */

struct exact_lines { /* what one output partition holds of one input partition */
    char *text;
    size_t len, capacity;
    long count;
};

struct exact_seen {
    const char *input;
    struct exact_lines lines[PARTITIONS][PARTITIONS]; /* output, input */
};

static inline void exact_put(struct exact_lines *lines, const void *bytes, size_t len) {
    if (lines->capacity - lines->len < len + 1) {
        lines->capacity = (lines->capacity + len) * 2 + 4096;
        lines->text = realloc(lines->text, lines->capacity);
        assert_non_null(lines->text);
    }
    if (len) memcpy(lines->text + lines->len, bytes, len);
    lines->len += len;
    lines->text[lines->len] = 0;
}

/* The partition of the input a record answers: from weir-id (topic-partition-offset) or a dead letter's
 * source. */
static inline int exact_source(const rd_kafka_headers_t *headers, const char *input) {
    const void *value;
    size_t len;
    int partition = -1;
    if (!rd_kafka_header_get_last(headers, "weir.source.partition", &value, &len))
        return atoi(strndupa((const char *)value, len));
    if (!rd_kafka_header_get_last(headers, "weir-id", &value, &len)) {
        char *id = strndupa((const char *)value, len), *at = strstr(id, input);
        if (at) sscanf(at + strlen(input), "-%d", &partition);
    }
    return partition;
}

static inline void exact_see(void *owner, const rd_kafka_message_t *message) {
    struct exact_seen *seen = owner;
    rd_kafka_headers_t *headers;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    int source = exact_source(headers, seen->input);
    assert_in_range(source, 0, PARTITIONS - 1);
    struct exact_lines *lines = &seen->lines[message->partition][source];
    exact_put(lines, message->key, message->key_len);
    exact_put(lines, "|", 1);
    exact_put(lines, message->payload, message->len);
    for (size_t i = 0; i < rd_kafka_header_cnt(headers); i++) {
        const char *name;
        const void *value;
        size_t len;
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        exact_put(lines, "|", 1);
        exact_put(lines, name, strlen(name));
        exact_put(lines, "=", 1);
        exact_put(lines, value, len);
    }
    exact_put(lines, "\n", 1);
    lines->count++;
}

/* The first line in which they differ, for the message. */
static inline void exact_explain(const struct exact_lines *got, const struct exact_lines *wanted) {
    const char *a = got->text ? got->text : "", *b = wanted->text ? wanted->text : "";
    while (*a && *b) {
        size_t m = strcspn(a, "\n"), n = strcspn(b, "\n");
        if (m != n || memcmp(a, b, m) != 0) break;
        a += m + 1;
        b += n + 1;
    }
    print_message("got    %.*s\nwanted %.*s\n", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static inline void exact_wait_for_producer(struct exact_stage *stage) {
    if (!stage->all_sent) pthread_join(stage->producer, NULL);
    stage->all_sent = true;
}

static inline void exact_free(struct exact_seen *seen) {
    for (int k = 0; k < PARTITIONS * PARTITIONS; k++) free(seen->lines[k / PARTITIONS][k % PARTITIONS].text);
}

/* What readers see of a stream, beside what an uninterrupted run put out. differs: NULL, or judges two lists
 * that are not the same. Returns how many records that run put out. */
static inline long exact_compare(const struct exact_stage *stage, int stream,
                                 bool (*differs)(const struct exact_lines *got,
                                                 const struct exact_lines *wanted)) {
    struct exact_seen *got = calloc(2, sizeof *got), *wanted = got + 1;
    got->input = wanted->input = stage->input;
    long count = broker_read(stage->outputs[stream], exact_widths[stream], got, exact_see);
    long expected = broker_read(stage->plain[stream], exact_widths[stream], wanted, exact_see);
    if (count != expected)
        print_message("%s: %ld records, wanted %ld\n", stage->outputs[stream], count, expected);
    bool equal = count == expected;
    for (int k = 0; k < PARTITIONS * PARTITIONS && equal; k++) {
        struct exact_lines *a = &got->lines[k / PARTITIONS][k % PARTITIONS],
                           *b = &wanted->lines[k / PARTITIONS][k % PARTITIONS];
        if (a->len == b->len && (!a->len || memcmp(a->text, b->text, a->len) == 0)) continue;
        if (differs && !differs(a, b)) continue;
        exact_explain(a, b);
        equal = false;
    }
    exact_free(got);
    exact_free(wanted);
    free(got);
    assert_true(equal);
    assert_true(expected > 0 || stream == 1); /* a short stream may see no drift */
    return expected;
}

static inline void exact_compare_all(const struct exact_stage *stage) {
    long total = 0;
    for (int i = 0; i < STREAMS; i++) total += exact_compare(stage, i, NULL);
    print_message("%s: %ld records of output, byte for byte those of an uninterrupted run\n", stage->name,
                  total);
}

static inline void exact_run_to_end(const char *pipeline) {
    struct process_result result = process_weir_run("run", pipeline, "--until-end");
    if (result.code) print_message("%s", result.err);
    assert_int_equal(result.code, 0);
    process_free(&result);
}

/* Waits for the producer, lets the pipeline finish in peace, runs the uninterrupted one, and compares. */
static inline void exact_close(struct exact_stage *stage) {
    exact_wait_for_producer(stage);
    exact_run_to_end(stage->pipeline);
    exact_run_to_end(stage->plain_pipeline);
    exact_compare_all(stage);
}

#endif
