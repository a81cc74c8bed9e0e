/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h: which input records were answered, by the weir-id of what is in the output topic. */
#ifndef WEIR_TESTS_ANSWERS_H
#define WEIR_TESTS_ANSWERS_H

#include "support/broker.h"

#define ANSWERS_PARTITION_MAX 4

struct answers {
    const char *input; /* the input topic */
    int partitions;
    long per_partition;                   /* input records */
    uint8_t *seen[ANSWERS_PARTITION_MAX]; /* answers per offset, at most 255 */
    long total, distinct;
};

static inline void answers_see(void *owner, const rd_kafka_message_t *message) {
    struct answers *answers = owner;
    rd_kafka_headers_t *headers;
    const void *id;
    size_t len, stem = strlen(answers->input);
    char text[200];
    int partition;
    long offset;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, "weir-id", &id, &len), 0);
    assert_true(len < sizeof text && len > stem && memcmp(id, answers->input, stem) == 0);
    memcpy(text, id, len);
    text[len] = '\0';
    assert_int_equal(sscanf(text + stem, "-%d-%ld", &partition, &offset), 2);
    assert_in_range(partition, 0, answers->partitions - 1);
    assert_in_range(offset, 0, answers->per_partition - 1);
    answers->total++;
    if (!answers->seen[partition][offset]) answers->distinct++;
    if (answers->seen[partition][offset] < 255) answers->seen[partition][offset]++;
}

/* Reads all of output. Free with answers_free. */
static inline struct answers answers_read(const char *input, const char *output, int partitions,
                                          long per_partition) {
    struct answers answers = {.input = input, .partitions = partitions, .per_partition = per_partition};
    for (int i = 0; i < partitions; i++) answers.seen[i] = calloc((size_t)per_partition, 1);
    broker_read(output, partitions, &answers, answers_see);
    return answers;
}

static inline void answers_free(struct answers *answers) {
    for (int i = 0; i < answers->partitions; i++) free(answers->seen[i]);
}

#endif
