/* SPDX-License-Identifier: Apache-2.0 */
/* record.h: bytes with a place in a log: what doors hand to the core and take from it.
 *
 * place:    door in -> record -> decode;  encode -> output record -> door out.
 * lifetime: batch; every pointer is borrowed from the door (in) or the task's batch arena (out).
 */
#ifndef WEIR_RECORD_H
#define WEIR_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct weir_bytes {
    const char *data; /* NULL = absent (Kafka null), which differs from empty */
    size_t len;
};

struct weir_header {
    const char *name; /* terminated */
    struct weir_bytes value;
};

#define WEIR_NO_TIMESTAMP INT64_MIN

struct weir_record {
    const char *topic; /* or the file's name */
    int32_t partition;
    int64_t offset;       /* Kafka offset; in a file the row number from 1 */
    int64_t timestamp_ms; /* the record's own timestamp, or WEIR_NO_TIMESTAMP */
    struct weir_bytes key, value;
    const struct weir_header *headers;
    uint32_t header_count;
};

enum weir_stream { WEIR_PREDICTIONS, WEIR_FEATURES, WEIR_ALERTS, WEIR_DEAD_LETTERS };
#define WEIR_STREAM_COUNT 4
const char *weir_stream_name(enum weir_stream stream); /* "predictions", "features", ... */

struct weir_output_record {
    enum weir_stream stream;
    uint32_t input_index; /* row of the input batch that it answers */
    int64_t timestamp_ms; /* event time; WEIR_NO_TIMESTAMP = let the broker say */
    struct weir_bytes key, value;
    const struct weir_header *headers;
    uint32_t header_count;
};

#endif
