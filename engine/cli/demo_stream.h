/* SPDX-License-Identifier: Apache-2.0 */
/* demo_stream.h: an endless supply of card payments, some of them fraud, for `weir demo`.
 *
 * place:   generator -> Kafka topic card.transactions -> the demo's pipeline (configs/demo.yaml).
 * why:     a stream whose drifts are known, so that what the engine finds can be compared with the truth.
 * threads: one owner at a time; no I/O, clock or allocation: the same seed and row count give the same bytes.
 * units:   event time in ms since 1970, amounts in EUR with two decimals.
 */
#ifndef WEIR_CLI_DEMO_STREAM_H
#define WEIR_CLI_DEMO_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "weir/record.h"

#define WEIR_DEMO_TOPIC "card.transactions"
#define WEIR_DEMO_DRIFT_COUNT 2
#define WEIR_DEMO_BURST_COUNT 8
#define WEIR_DEMO_DISORDER_MS 2000 /* how far a row's event time may lie behind an earlier row's */

struct weir_demo_burst { /* a card that is used again and again */
    uint32_t card, used, length;
};

struct weir_demo_stream {
    uint64_t random;         /* state of the generator */
    uint64_t row, row_count; /* rows made so far, rows planned */
    struct weir_demo_burst bursts[WEIR_DEMO_BURST_COUNT];
};

struct weir_demo_row {
    int64_t ts_ms;
    bool is_fraud;
    char key[16], value[320];
    struct weir_bytes key_bytes, value_bytes; /* point into key and value */
};

void weir_demo_stream_init(struct weir_demo_stream *stream, uint64_t seed, uint64_t row_count);
/* The next row. Rows beyond row_count keep the last pattern. */
void weir_demo_stream_next(struct weir_demo_stream *stream, struct weir_demo_row *row);
/* Row number (from 1) of the first row that follows the new pattern; drift is 0 or 1. */
uint64_t weir_demo_stream_drift_row(uint64_t row_count, int drift);

#endif
