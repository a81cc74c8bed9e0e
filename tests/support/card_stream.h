/* SPDX-License-Identifier: Apache-2.0 */
/* card_stream.h: a pipeline with windows, model, drift and resets over a stream with late and broken records,
 * and the answers to it compared byte by byte: for tests that disturb the engine and expect no trace of it.
 */
#ifndef WEIR_TESTS_CARD_STREAM_H
#define WEIR_TESTS_CARD_STREAM_H

#include <pthread.h>

#include "support/broker.h"

#define PARTITIONS 4
#define RECORDS 200000
#define ANSWER_BYTES 128

/* member: librdkafka properties. A killed process comes back to its partitions at once with
 * group.instance.id; one that leaves in good order is replaced at once without. */
static inline const char *write_pipeline(const char *file, const char *group, const char *input,
                                         const char *output, const char *alerts, const char *member,
                                         bool keep) {
    static char paths[8][600];
    static int next;
    char yaml[2400], dir[700];
    snprintf(dir, sizeof dir, "state: {dir: %s, snapshot: {every: 300ms, keep: 3}}\n", process_path("state"));
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: restart\n"
             "kafka: {brokers: '%s', properties: {%s}}\n"
             "source:\n  topic: %s\n  group: %s-%ld\n  event_time: {field: ts, lateness: 2s}\n"
             "  schema: {n: int64, card: string, ts: int64, x: float64, label: int64}\n"
             "labels: {field: label}\n"
             "features:\n"
             "  - by: card\n    columns: {n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 1m)'}\n"
             "  - columns: {all10: 'sum(x, 10s)'}\n"
             "model:\n  transform: [standard_scaler]\n  learner: logistic_regression\n"
             "  inputs: [x, n10, mean60, sd, all10]\n"
             "drift:\n  - {name: e, watch: model.error, detector: adwin, options: {direction: up}, then: "
             "[alert, reset]}\n"
             "commit: {interval: 100ms}\n%s"
             "sinks:\n  predictions: {topic: %s, fields: [n, n10, all10, score, model.version]}\n"
             "  alerts: {topic: %s}\n",
             broker_address(), member, input, group, (long)getpid(), keep ? dir : "", output, alerts);
    char *path = paths[next++ & 7];
    snprintf(path, sizeof paths[0], "%s", process_write_text(file, yaml));
    return path;
}

struct load {
    const char *topic;
    long records_per_s;
};

static inline void *produce_load(void *owner) {
    const struct load *load = owner;
    rd_kafka_t *producer = broker_producer();
    double start = process_now_s();
    uint64_t random = 9;
    for (long i = 0; i < RECORDS; i++) {
        char value[200];
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        long x = (long)(random >> 40) % 1000, late = (long)(random >> 20) % 1500;
        bool label = (x > 500) != (i > RECORDS / 2);
        int len = snprintf(value, sizeof value,
                           "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
                           (long)(random >> 50) % 200, 1700000000000 + i * 2 - late, x, label);
        if (i % 997 == 0) len = snprintf(value, sizeof value, "{broken");
        broker_produce(producer, load->topic, (int)(i % PARTITIONS), NULL, 0, value, (size_t)len, 0);
        while (i % 100 == 0 && process_now_s() - start < (double)i / (double)load->records_per_s)
            rd_kafka_poll(producer, 2);
    }
    broker_flush(producer);
    return NULL;
}

struct answers {
    const char *input;
    char (*first[PARTITIONS])[ANSWER_BYTES]; /* by input offset */
    long distinct, total, different;
};

static inline void see_answer(void *owner, const rd_kafka_message_t *message) {
    struct answers *answers = owner;
    rd_kafka_headers_t *headers;
    const void *id;
    size_t id_len;
    char text[200];
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, "weir-id", &id, &id_len), 0);
    snprintf(text, sizeof text, "%.*s", (int)id_len, (const char *)id);
    int partition;
    long offset;
    assert_int_equal(sscanf(text + strlen(answers->input), "-%d-%ld", &partition, &offset), 2);
    char *first = answers->first[partition][offset];
    assert_true(message->len < ANSWER_BYTES);
    if (!first[0]) {
        memcpy(first, message->payload, message->len);
        answers->distinct++;
    } else if (strlen(first) != message->len || memcmp(first, message->payload, message->len)) {
        if (answers->different++ == 0)
            print_message("%s: %s, then %.*s\n", text, first, (int)message->len,
                          (const char *)message->payload);
    }
    answers->total++;
}

static inline void answers_init(struct answers *answers, const char *input) {
    memset(answers, 0, sizeof *answers);
    answers->input = input;
    for (int i = 0; i < PARTITIONS; i++) answers->first[i] = calloc(RECORDS / PARTITIONS, ANSWER_BYTES);
}

static inline void answers_free(struct answers *answers) {
    for (int i = 0; i < PARTITIONS; i++) free(answers->first[i]);
}

#endif
