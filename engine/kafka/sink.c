/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: the producer: takes output records in order, reports their delivery by flight.
 *
 * Two ways in, chosen for each stream: `bare` streams collect up to CHUNK records and go out in one
 * produce_batch call, which in librdkafka 2.0.2 carries neither headers nor timestamps and costs half as much
 * per record; the others go one by one with their full envelope. Order is kept within a stream (a topic),
 * which is all Kafka has.
 *
 * What fits is decided before anything is queued, from own counts of records and bytes in flight, so that a
 * chunk is taken as a prefix of the caller's records although its streams are queued one after the other.
 *
 * A delivery report is a callback per record: it only counts. Runs of equal flight numbers become one call of
 * watch.delivered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kafka/client.h"

#define CHUNK 512
#define WARM_TIMEOUT_MS 1000
#define CLOSE_TIMEOUT_MS 2000

struct weir_kafka_sink {
    rd_kafka_t *rk;
    rd_kafka_queue_t *reports;
    rd_kafka_topic_t *topics[WEIR_STREAM_COUNT];
    bool bare[WEIR_STREAM_COUNT];
    struct weir_kafka_sink_watch watch;
    int wake_fd;
    bool closing;
    struct weir_kafka_health health;
    /* in flight and the most librdkafka may hold */
    uint64_t in_flight, in_flight_bytes, max_in_flight, max_in_flight_bytes, max_record_bytes;
    /* the run of equal flight numbers being counted */
    uint64_t run_flight;
    uint32_t run_count;
    uint32_t served; /* reports since poll began */
    rd_kafka_message_t chunk[WEIR_STREAM_COUNT][CHUNK];
};

/* ---- reports: run inside poll, on its thread ---- */

static void end_run(struct weir_kafka_sink *sink) {
    uint32_t count = sink->run_count;
    sink->run_count = 0;
    if (count && !sink->closing) sink->watch.delivered(sink->watch.owner, sink->run_flight, count);
}

static void fail(struct weir_kafka_sink *sink, uint64_t flight, const char *topic, const char *why) {
    if (sink->health.broken.result) return; /* told once; what follows is the rest of the same end */
    weir_error_set(&sink->health.broken, WEIR_IO, "a record for topic '%s' was refused: %s", topic, why);
    if (!sink->closing) sink->watch.failed(sink->watch.owner, flight, &sink->health.broken);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    struct weir_kafka_sink *sink = opaque;
    uint64_t flight = (uint64_t)(uintptr_t)message->_private;
    sink->in_flight--;
    sink->in_flight_bytes -= message->len + message->key_len;
    sink->served++;
    if (message->err) {
        fail(sink, flight, rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err));
        return;
    }
    if (flight != sink->run_flight) {
        end_run(sink);
        sink->run_flight = flight;
    }
    sink->run_count++;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct weir_kafka_sink *sink = opaque;
    weir_kafka_health_trouble(&sink->health, rk, (rd_kafka_resp_err_t)code, reason);
}

/* ---- open and close ---- */

static uint64_t conf_number(const rd_kafka_conf_t *conf, const char *name) {
    char text[32];
    size_t size = sizeof text;
    return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? strtoull(text, NULL, 10) : 0;
}

static int create_client(struct weir_kafka_sink *sink, const struct weir_kafka_client *client,
                         struct weir_error *error) {
    rd_kafka_conf_t *conf =
        weir_kafka_conf_create(client, weir_kafka_producer_defaults, weir_kafka_producer_owned, error);
    if (!conf) return WEIR_CONFIG;
    sink->max_in_flight = conf_number(conf, "queue.buffering.max.messages");
    if (!sink->max_in_flight) sink->max_in_flight = UINT32_MAX; /* 0 = no limit */
    sink->max_in_flight_bytes = conf_number(conf, "queue.buffering.max.kbytes") * 1024;
    sink->max_record_bytes = conf_number(conf, "message.max.bytes");
    rd_kafka_conf_set_opaque(conf, sink);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    sink->rk = weir_kafka_client_create(RD_KAFKA_PRODUCER, conf, error);
    if (!sink->rk) return WEIR_CONFIG;
    sink->reports = rd_kafka_queue_get_main(sink->rk);
    weir_kafka_wake_enable(sink->wake_fd, sink->reports);
    return WEIR_OK;
}

/* Handles are made and their metadata is fetched now: on 2.0.2 the first record of an unknown topic waits up
 * to 1 s. A cluster that does not answer yet is no error: records wait for it. */
static int create_topics(struct weir_kafka_sink *sink, const struct weir_kafka_sink_options *options,
                         struct weir_error *error) {
    bool answers = true;
    for (int stream = 0; stream < WEIR_STREAM_COUNT; stream++) {
        if (!options->topics[stream]) continue;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(sink->rk, options->topics[stream], NULL);
        if (!topic)
            return weir_error_set(error, WEIR_CONFIG, "cannot write to topic '%s': %s",
                                  options->topics[stream], rd_kafka_err2str(rd_kafka_last_error()));
        sink->topics[stream] = topic;
        const struct rd_kafka_metadata *metadata;
        if (answers) answers = !rd_kafka_metadata(sink->rk, 0, topic, &metadata, WARM_TIMEOUT_MS);
        if (answers) rd_kafka_metadata_destroy(metadata);
    }
    return WEIR_OK;
}

int weir_kafka_sink_open(const struct weir_kafka_sink_options *options, struct weir_kafka_sink **out,
                         struct weir_error *error) {
    *out = NULL;
    struct weir_kafka_sink *sink = calloc(1, sizeof *sink);
    if (!sink) return weir_error_set(error, WEIR_NOMEM, "no memory for a Kafka sink");
    sink->watch = options->watch;
    memcpy(sink->bare, options->bare, sizeof sink->bare);
    int result = WEIR_OK;
    sink->wake_fd = weir_kafka_wake_open(error);
    if (sink->wake_fd < 0) result = WEIR_IO;
    if (result == WEIR_OK) result = create_client(sink, &options->client, error);
    if (result == WEIR_OK) result = create_topics(sink, options, error);
    if (result)
        weir_kafka_sink_close(sink);
    else
        *out = sink;
    return result;
}

/* Records still in flight are given up: whoever needs them delivered flushes first. */
void weir_kafka_sink_close(struct weir_kafka_sink *sink) {
    if (!sink) return;
    sink->closing = true;
    if (sink->rk) {
        rd_kafka_purge(sink->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        int64_t deadline_ms = weir_kafka_now_ms() + CLOSE_TIMEOUT_MS;
        do rd_kafka_poll(sink->rk, sink->in_flight ? 20 : 0);
        while (sink->in_flight && weir_kafka_left_ms(deadline_ms));
        rd_kafka_queue_io_event_enable(sink->reports, -1, NULL, 0);
        rd_kafka_queue_destroy(sink->reports);
        for (int stream = 0; stream < WEIR_STREAM_COUNT; stream++)
            if (sink->topics[stream]) rd_kafka_topic_destroy(sink->topics[stream]);
        rd_kafka_destroy(sink->rk);
    }
    if (sink->wake_fd >= 0) close(sink->wake_fd);
    free(sink);
}

/* ---- writing ---- */

static size_t record_bytes(const struct weir_output_record *record) {
    size_t bytes = record->key.len + record->value.len;
    for (uint32_t i = 0; i < record->header_count; i++)
        bytes += strlen(record->headers[i].name) + record->headers[i].value.len + 10; /* two varints */
    return bytes;
}

/* How many of the first count records may be queued now. Negative: the first one never. */
static int admit(struct weir_kafka_sink *sink, const struct weir_output_record *records, uint32_t count,
                 struct weir_error *error) {
    uint64_t room = sink->max_in_flight - sink->in_flight;
    uint64_t room_bytes = sink->max_in_flight_bytes > sink->in_flight_bytes
                              ? sink->max_in_flight_bytes - sink->in_flight_bytes
                              : 0;
    if (count > CHUNK) count = CHUNK;
    if (count > room) count = (uint32_t)room;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_output_record *record = &records[i];
        size_t bytes =
            sink->bare[record->stream] ? record->key.len + record->value.len : record_bytes(record);
        if (!sink->topics[record->stream])
            return i ? (int)i
                     : weir_error_set(error, WEIR_BUG, "a record for stream '%s', which has no topic",
                                      weir_stream_name(record->stream));
        if (bytes > sink->max_record_bytes)
            return i ? (int)i
                     : weir_error_set(error, WEIR_LIMIT,
                                      "a record of %zu bytes for topic '%s'; message.max.bytes is %llu",
                                      bytes, rd_kafka_topic_name(sink->topics[record->stream]),
                                      (unsigned long long)sink->max_record_bytes);
        if (bytes > room_bytes) return (int)i;
        room_bytes -= bytes;
    }
    return (int)count;
}

/* admit() leaves no room for a full queue, save that librdkafka counts a record until its report has been
 * served to the end; so serve and try again. False: refused for good. */
static bool wait_for_room(struct weir_kafka_sink *sink, rd_kafka_resp_err_t code) {
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || !sink->in_flight) return false;
    rd_kafka_poll(sink->rk, 10);
    return true;
}

static bool produce_bare(struct weir_kafka_sink *sink, rd_kafka_topic_t *topic, rd_kafka_message_t *messages,
                         int count) {
    for (;;) {
        int taken =
            rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, messages, count);
        if (taken == count) return true;
        int left = 0;
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
        for (int i = 0; i < count; i++) {
            if (!messages[i].err) continue;
            code = messages[i].err;
            messages[left++] = messages[i];
        }
        count = left;
        if (wait_for_room(sink, code)) continue;
        for (int i = 0; i < count; i++) {
            sink->in_flight--;
            sink->in_flight_bytes -= messages[i].len + messages[i].key_len;
        }
        fail(sink, (uint64_t)(uintptr_t)messages[0]._private, rd_kafka_topic_name(topic),
             rd_kafka_err2str(code));
        return false;
    }
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

static bool produce_full(struct weir_kafka_sink *sink, const struct weir_output_record *record,
                         uint64_t flight) {
    rd_kafka_topic_t *topic = sink->topics[record->stream];
    rd_kafka_headers_t *headers = record->header_count ? copy_headers(record) : NULL;
    rd_kafka_vu_t fields[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)flight},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)record->value.data, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key.data, record->key.len}},
    };
    size_t count = 5;
    if (record->timestamp_ms != WEIR_NO_TIMESTAMP)
        fields[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms};
    if (headers) fields[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    for (;;) {
        rd_kafka_error_t *refused =
            rd_kafka_produceva(sink->rk, fields, count); /* takes headers on success */
        if (!refused) return true;
        rd_kafka_resp_err_t code = rd_kafka_error_code(refused);
        bool again = wait_for_room(sink, code);
        if (!again) fail(sink, flight, rd_kafka_topic_name(topic), rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
        if (again) continue;
        if (headers) rd_kafka_headers_destroy(headers);
        sink->in_flight--;
        sink->in_flight_bytes -= record->value.len + record->key.len;
        return false;
    }
}

static void add_bare(rd_kafka_message_t *message, const struct weir_output_record *record, uint64_t flight) {
    message->payload = (void *)(uintptr_t)record->value.data;
    message->len = record->value.len;
    message->key = (void *)(uintptr_t)record->key.data;
    message->key_len = record->key.len;
    message->_private = (void *)(uintptr_t)flight;
}

/* Queues count admitted records; false: one was refused for good. */
static bool produce(struct weir_kafka_sink *sink, const struct weir_output_record *records, uint32_t count,
                    uint64_t flight) {
    int bare_count[WEIR_STREAM_COUNT] = {0};
    bool good = true;
    for (uint32_t i = 0; i < count && good; i++) {
        const struct weir_output_record *record = &records[i];
        enum weir_stream stream = record->stream;
        sink->in_flight++;
        sink->in_flight_bytes += record->key.len + record->value.len;
        if (sink->bare[stream])
            add_bare(&sink->chunk[stream][bare_count[stream]++], record, flight);
        else
            good = produce_full(sink, record, flight);
    }
    for (int stream = 0; stream < WEIR_STREAM_COUNT; stream++)
        if (bare_count[stream])
            good &= produce_bare(sink, sink->topics[stream], sink->chunk[stream], bare_count[stream]);
    return good;
}

int weir_kafka_sink_write(struct weir_kafka_sink *sink, const struct weir_output_record *records,
                          uint32_t count, uint64_t flight, struct weir_error *error) {
    uint32_t taken = 0;
    while (taken < count && !sink->health.broken.result) {
        int admitted = admit(sink, records + taken, count - taken, error);
        if (admitted < 0 && !taken) return admitted;
        if (admitted <= 0 || !produce(sink, records + taken, (uint32_t)admitted, flight)) break;
        taken += (uint32_t)admitted;
    }
    if (sink->health.broken.result) {
        if (error) *error = sink->health.broken;
        return sink->health.broken.result;
    }
    return (int)taken;
}

/* ---- waiting ---- */

int weir_kafka_sink_fd(const struct weir_kafka_sink *sink) { return sink->wake_fd; }

int weir_kafka_sink_poll(struct weir_kafka_sink *sink) {
    sink->served = 0;
    weir_kafka_wake_clear(sink->wake_fd); /* before looking, so that what arrives later raises it again */
    rd_kafka_poll(sink->rk, 0);
    end_run(sink);
    return (int)sink->served;
}

uint32_t weir_kafka_sink_in_flight(const struct weir_kafka_sink *sink) { return (uint32_t)sink->in_flight; }

int weir_kafka_sink_flush(struct weir_kafka_sink *sink, int64_t timeout_ms) {
    int64_t deadline_ms = weir_kafka_now_ms() + timeout_ms;
    rd_kafka_flush(sink->rk, weir_kafka_left_ms(deadline_ms)); /* ignores linger.ms, serves reports */
    end_run(sink);
    return sink->in_flight ? WEIR_AGAIN : WEIR_OK;
}
