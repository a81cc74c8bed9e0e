/* SPDX-License-Identifier: Apache-2.0 */
/* message.c: headers are looked at for each record (a pointer check), but copied only when there are any. */
#include "kafka/message.h"

static bool copy_headers(const rd_kafka_headers_t *headers, struct weir_arena *arena,
                         struct weir_record *record) {
    size_t count = rd_kafka_header_cnt(headers);
    struct weir_header *out = weir_arena_alloc(arena, count * sizeof *out);
    if (!out) return false;
    for (size_t i = 0; i < count; i++) {
        const void *value;
        rd_kafka_header_get_all(headers, i, &out[i].name, &value, &out[i].value.len);
        out[i].value.data = value;
    }
    record->headers = out;
    record->header_count = (uint32_t)count;
    return true;
}

bool weir_kafka_message_record(rd_kafka_message_t *message, const char *topic, struct weir_arena *headers,
                               struct weir_record *record) {
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    *record = (struct weir_record){
        .topic = topic,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? WEIR_NO_TIMESTAMP : timestamp_ms,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    rd_kafka_headers_t *found;
    if (rd_kafka_message_headers(message, &found)) return true; /* none */
    return copy_headers(found, headers, record);
}
