/* SPDX-License-Identifier: Apache-2.0 */
/* cards.h: the stream of cards that tests disturb the engine over: windows by card and over all cards,
 * logistic regression, adwin with reset; late and broken records among the input, and a concept that flips.
 */
#ifndef WEIR_TESTS_CARDS_H
#define WEIR_TESTS_CARDS_H

#include "support/broker.h"

#define PARTITIONS 4

/* What a pipeline file says about it, after its source's topic, group and time. */
#define CARDS_PIPELINE                                                                             \
    "  schema: {n: int64, card: string, ts: int64, x: float64, label: int64}\n"                    \
    "labels: {field: label}\n"                                                                     \
    "features:\n"                                                                                  \
    "  - by: card\n    columns: {n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 1m)'}\n" \
    "  - columns: {all10: 'sum(x, 10s)'}\n"                                                        \
    "model:\n  transform: [standard_scaler]\n  learner: logistic_regression\n"                     \
    "  inputs: [x, n10, mean60, sd, all10]\n"                                                      \
    "drift:\n  - {name: e, watch: model.error, detector: adwin, options: {direction: up}, then: "  \
    "[alert, reset]}\n"

struct cards {
    const char *topic; /* of PARTITIONS partitions */
    long records, records_per_s;
    long late_ms;               /* records are up to so much late */
    long flip_every;            /* records: the concept turns to its opposite, and back */
    const _Atomic bool *enough; /* may be NULL; true: end early */
};

/* Sends the stream at its pace and waits until the broker has it. */
static inline void cards_produce(const struct cards *cards) {
    rd_kafka_t *producer = broker_producer();
    double start = process_now_s();
    uint64_t random = 9;
    for (long i = 0; i < cards->records && !(cards->enough && *cards->enough); i++) {
        char value[200];
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        long x = (long)(random >> 40) % 1000, late = (long)(random >> 20) % cards->late_ms;
        bool label = (x > 500) != (i / cards->flip_every % 2 == 1);
        int len = snprintf(value, sizeof value,
                           "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
                           (long)(random >> 50) % 200, 1700000000000 + i * 2 - late, x, label);
        if (i % 997 == 0) len = snprintf(value, sizeof value, "{broken %ld", i);
        broker_produce(producer, cards->topic, (int)(i % PARTITIONS), NULL, 0, value, (size_t)len, 0);
        while (i % 100 == 0 && process_now_s() - start < (double)i / (double)cards->records_per_s)
            rd_kafka_poll(producer, 2);
    }
    rd_kafka_flush(producer, 120000); /* a broker that was killed needs its time */
    broker_flush(producer);
}

#endif
