/* SPDX-License-Identifier: Apache-2.0 */
/* produce.c: two ways into a producer's queue, chosen for each stream.
 *
 * `bare` streams collect up to CHUNK records and go out in one produce_batch call, which in librdkafka 2.0.2
 * carries neither headers nor timestamps and costs half as much per record; the others go one by one with
 * their full envelope. Order is kept within a stream (a topic), which is all Kafka has.
 *
 * What fits is decided before anything is queued, from own counts of records and bytes in flight, so that a
 * chunk is taken as a prefix of the caller's records although its streams are queued one after the other.
 */
#include "kafka/produce.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WARM_TIMEOUT_MS 1000
#define CLOSE_TIMEOUT_MS 2000

/* ---- open and close ---- */

uint64_t weir_kafka_conf_number(const rd_kafka_conf_t *conf, const char *name) {
    char text[32];
    size_t size = sizeof text;
    return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? strtoull(text, NULL, 10) : 0;
}

int weir_kafka_outlet_open(struct weir_kafka_outlet *outlet, rd_kafka_conf_t *conf,
                           struct weir_error *error) {
    outlet->max_in_flight = weir_kafka_conf_number(conf, "queue.buffering.max.messages");
    if (!outlet->max_in_flight) outlet->max_in_flight = UINT32_MAX; /* 0 = no limit */
    outlet->max_in_flight_bytes = weir_kafka_conf_number(conf, "queue.buffering.max.kbytes") * 1024;
    outlet->max_record_bytes = weir_kafka_conf_number(conf, "message.max.bytes");
    outlet->rk = weir_kafka_client_create(RD_KAFKA_PRODUCER, conf, error);
    return outlet->rk ? WEIR_OK : WEIR_CONFIG;
}

/* Purged, a record is reported as failed: its owner must know that it is closing. What a broker's thread is
 * just sending is reported only when that thread looks up; rd_kafka_destroy joins the threads, so afterwards
 * nothing is used, reported or not. */
void weir_kafka_outlet_close(struct weir_kafka_outlet *outlet) {
    if (!outlet->rk) return;
    rd_kafka_purge(outlet->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    int64_t deadline_ms = weir_clock_ms() + CLOSE_TIMEOUT_MS;
    do rd_kafka_poll(outlet->rk, outlet->in_flight ? 20 : 0);
    while (outlet->in_flight && weir_kafka_left_ms(deadline_ms));
    for (int stream = 0; stream < WEIR_STREAM_COUNT; stream++)
        if (outlet->topics[stream]) rd_kafka_topic_destroy(outlet->topics[stream]);
    rd_kafka_destroy(outlet->rk);
    outlet->rk = NULL;
}

rd_kafka_topic_t *weir_kafka_outlet_topic(struct weir_kafka_outlet *outlet, const char *name, bool *answers,
                                          struct weir_error *error) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(outlet->rk, name, NULL);
    if (!topic) {
        weir_error_set(error, WEIR_CONFIG, "cannot write to topic '%s': %s", name,
                       rd_kafka_err2str(rd_kafka_last_error()));
        return NULL;
    }
    const struct rd_kafka_metadata *metadata;
    if (*answers) *answers = !rd_kafka_metadata(outlet->rk, 0, topic, &metadata, WARM_TIMEOUT_MS);
    if (*answers) rd_kafka_metadata_destroy(metadata);
    return topic;
}

int weir_kafka_outlet_streams(struct weir_kafka_outlet *outlet, const char *const topics[WEIR_STREAM_COUNT],
                              const bool bare[WEIR_STREAM_COUNT], bool *answers, struct weir_error *error) {
    for (int stream = 0; stream < WEIR_STREAM_COUNT; stream++) {
        outlet->bare[stream] = bare[stream];
        if (!topics[stream]) continue;
        outlet->topics[stream] = weir_kafka_outlet_topic(outlet, topics[stream], answers, error);
        if (!outlet->topics[stream]) return WEIR_CONFIG;
    }
    return WEIR_OK;
}

/* ---- what fits ---- */

static size_t record_bytes(const struct weir_output_record *record) {
    size_t bytes = record->key.len + record->value.len;
    for (uint32_t i = 0; i < record->header_count; i++)
        bytes += strlen(record->headers[i].name) + record->headers[i].value.len + 10; /* two varints */
    return bytes;
}

int weir_kafka_outlet_admit(const struct weir_kafka_outlet *outlet, const struct weir_output_record *records,
                            uint32_t count, struct weir_error *error) {
    uint64_t room = outlet->max_in_flight > outlet->in_flight ? outlet->max_in_flight - outlet->in_flight : 0;
    uint64_t room_bytes = outlet->max_in_flight_bytes > outlet->in_flight_bytes
                              ? outlet->max_in_flight_bytes - outlet->in_flight_bytes
                              : 0;
    if (count > WEIR_KAFKA_CHUNK) count = WEIR_KAFKA_CHUNK;
    if (count > room) count = (uint32_t)room;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_output_record *record = &records[i];
        size_t bytes =
            outlet->bare[record->stream] ? record->key.len + record->value.len : record_bytes(record);
        if (!outlet->topics[record->stream])
            return i ? (int)i
                     : weir_error_set(error, WEIR_BUG, "a record for stream '%s', which has no topic",
                                      weir_stream_name(record->stream));
        if (bytes > outlet->max_record_bytes)
            return i ? (int)i
                     : weir_error_set(error, WEIR_LIMIT,
                                      "a record of %zu bytes for topic '%s'; message.max.bytes is %llu",
                                      bytes, rd_kafka_topic_name(outlet->topics[record->stream]),
                                      (unsigned long long)outlet->max_record_bytes);
        if (bytes > room_bytes) return (int)i;
        room_bytes -= bytes;
    }
    return (int)count;
}

/* ---- queueing ---- */

static void count_in(struct weir_kafka_outlet *outlet, size_t bytes) {
    outlet->in_flight++;
    outlet->in_flight_bytes += bytes;
}

/* librdkafka counts a record until its report has been served to the end, and a caller need not have asked
 * what fits: so serve and try again. False: refused for good. */
static bool wait_for_room(struct weir_kafka_outlet *outlet, rd_kafka_resp_err_t code) {
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || !outlet->in_flight) return false;
    rd_kafka_poll(outlet->rk, 10);
    return true;
}

int weir_kafka_outlet_refused(const rd_kafka_topic_t *topic, const char *why, struct weir_error *error) {
    return weir_error_set(error, WEIR_IO, "a record for topic '%s' was refused: %s",
                          rd_kafka_topic_name(topic), why);
}

rd_kafka_message_t weir_kafka_outlet_message(struct weir_bytes key, struct weir_bytes value, void *opaque) {
    return (rd_kafka_message_t){
        .payload = (void *)(uintptr_t)value.data,
        .len = value.len,
        .key = (void *)(uintptr_t)key.data,
        .key_len = key.len,
        ._private = opaque,
    };
}

int weir_kafka_outlet_batch(struct weir_kafka_outlet *outlet, rd_kafka_topic_t *topic, int32_t partition,
                            rd_kafka_message_t *messages, int count, struct weir_error *error) {
    while (count) {
        rd_kafka_produce_batch(topic, partition, outlet->flags, messages, count);
        int left = 0;
        for (int i = 0; i < count; i++) {
            if (messages[i].err)
                messages[left++] = messages[i];
            else
                count_in(outlet, messages[i].len + messages[i].key_len);
        }
        if (left && !wait_for_room(outlet, messages[0].err))
            return weir_kafka_outlet_refused(topic, rd_kafka_err2str(messages[0].err), error);
        count = left;
    }
    return WEIR_OK;
}

static rd_kafka_headers_t *copy_headers(const struct weir_output_record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct weir_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value.data,
                            header->value.data ? (ssize_t)header->value.len : -1);
    }
    return headers;
}

static int put_full(struct weir_kafka_outlet *outlet, const struct weir_output_record *record, void *opaque,
                    struct weir_error *error) {
    rd_kafka_topic_t *topic = outlet->topics[record->stream];
    rd_kafka_headers_t *headers = record->header_count ? copy_headers(record) : NULL;
    rd_kafka_vu_t fields[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = outlet->flags},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)record->value.data, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key.data, record->key.len}},
    };
    size_t count = 5;
    if (record->timestamp_ms != WEIR_NO_TIMESTAMP)
        fields[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms};
    if (headers) fields[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    for (;;) {
        rd_kafka_error_t *failure =
            rd_kafka_produceva(outlet->rk, fields, count); /* takes headers on success */
        if (!failure) break;
        bool again = wait_for_room(outlet, rd_kafka_error_code(failure));
        if (!again) weir_kafka_outlet_refused(topic, rd_kafka_error_string(failure), error);
        rd_kafka_error_destroy(failure);
        if (again) continue;
        if (headers) rd_kafka_headers_destroy(headers);
        return WEIR_IO;
    }
    count_in(outlet, record->value.len + record->key.len);
    return WEIR_OK;
}

int weir_kafka_outlet_put(struct weir_kafka_outlet *outlet, const struct weir_output_record *records,
                          uint32_t count, void *opaque, struct weir_error *error) {
    int bare_count[WEIR_STREAM_COUNT] = {0};
    int result = WEIR_OK;
    assert(count <= WEIR_KAFKA_CHUNK);
    for (uint32_t i = 0; i < count && result == WEIR_OK; i++) {
        enum weir_stream stream = records[i].stream;
        if (outlet->bare[stream])
            outlet->chunk[stream][bare_count[stream]++] =
                weir_kafka_outlet_message(records[i].key, records[i].value, opaque);
        else
            result = put_full(outlet, &records[i], opaque, error);
    }
    for (int stream = 0; stream < WEIR_STREAM_COUNT && result == WEIR_OK; stream++)
        result = weir_kafka_outlet_batch(outlet, outlet->topics[stream], RD_KAFKA_PARTITION_UA,
                                         outlet->chunk[stream], bare_count[stream], error);
    return result;
}
