/* SPDX-License-Identifier: Apache-2.0 */
/* card_stream.h: a pipeline with windows, model, drift and resets over a stream with late and broken records,
 * and the answers to it compared byte by byte: for tests that disturb the engine and expect no trace of it.
 */
#ifndef WEIR_TESTS_CARD_STREAM_H
#define WEIR_TESTS_CARD_STREAM_H

#include <pthread.h>

#include "support/cards.h"

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
             "source:\n  topic: %s\n  group: %s-%ld\n  event_time: {field: ts, lateness: 2s}\n" CARDS_PIPELINE
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
    const struct cards cards = {load->topic, RECORDS, load->records_per_s, 1500, RECORDS / 2, NULL};
    cards_produce(&cards);
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
