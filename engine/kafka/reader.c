/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c: ranges of partitions, each read from a queue of its own.
 *
 * A consumer that belongs to no group: partitions are assigned by hand at an explicit offset, nothing is ever
 * committed (librdkafka wants a group.id all the same). The fetch queue of a partition is not forwarded, so
 * one partition can be read, left and sought without a look at the others.
 *
 * Seeking assigns the partition anew instead of calling rd_kafka_seek. On 2.0.2 a seek raises the version of
 * the partition before the new offset is in place; a fetch that starts in between carries the new version and
 * the old offset, and what it brings looks like a legal gap. An assignment starts only when the former fetch
 * has stopped, and raises the version too: what the queue still holds, the end included, is dropped by
 * librdkafka. What is left of repetitions the cursor drops (R6).
 *
 * The end. librdkafka reports an end once; asked again without news it is silent. So an end that was already
 * told is checked with the broker. fetch.wait.max.ms is short because an end is only seen by a fetch that
 * finds nothing, which the broker answers after that time.
 */
#include "kafka/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/message.h"

#define BATCH_MAX 2048
#define OPEN_TIMEOUT_MS 10000
#define LOOK_TIMEOUT_MS 5000
#define WAIT_MS 100 /* between looks at the client's troubles */

static const struct weir_kafka_setting reader_defaults[] = {
    /* See weir_kafka_consumer_defaults; here for each partition. */
    {"queued.min.messages", "300000"},
    {NULL, NULL},
};
static const struct weir_kafka_setting reader_owned[] = {
    {"group.id", "weir-reader"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_committed"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"allow.auto.create.topics", "false"},
    {"fetch.wait.max.ms", "10"},
    {NULL, NULL},
};

enum end {
    END_UNSEEN,
    END_SEEN, /* nothing lies behind what was read, and nobody was told */
    END_TOLD,
};

struct range {
    rd_kafka_queue_t *queue; /* NULL: never sought */
    int64_t next;            /* smallest offset that may still be taken */
    enum end end;
    struct weir_error broken; /* result != 0: until the next seek */
};

struct weir_kafka_reader {
    rd_kafka_t *rk;
    char *topic;
    struct range *ranges; /* by partition */
    int32_t count;
    struct weir_kafka_health health;
    rd_kafka_message_t *batch[BATCH_MAX];
    uint32_t batch_count;
    struct weir_arena headers; /* of the records of the batch */
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct weir_kafka_reader *reader = opaque;
    weir_kafka_health_trouble(&reader->health, rk, (rd_kafka_resp_err_t)code, reason);
}

/* ---- open and close ---- */

static int create_client(struct weir_kafka_reader *reader, const struct weir_kafka_client *client,
                         struct weir_error *error) {
    rd_kafka_conf_t *conf = weir_kafka_conf_create(client, reader_defaults, reader_owned, error);
    if (!conf) return WEIR_CONFIG;
    rd_kafka_conf_set_opaque(conf, reader);
    rd_kafka_conf_set_error_cb(conf, on_error);
    reader->rk = weir_kafka_client_create(RD_KAFKA_CONSUMER, conf, error);
    return reader->rk ? WEIR_OK : WEIR_CONFIG;
}

/* A topic that is not there would show only as silence for half a minute. */
static int count_partitions(struct weir_kafka_reader *reader, struct weir_error *error) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->rk, reader->topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(reader->rk, 0, handle, &metadata, OPEN_TIMEOUT_MS);
    if (!code && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        reader->count = metadata->topics[0].partition_cnt;
    }
    if (metadata) rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    rd_kafka_poll(reader->rk, 0); /* collects the troubles */
    if (code || !reader->count)
        return weir_error_set(
            error, WEIR_IO, "cannot read topic '%s': %s", reader->topic,
            reader->health.newest.result ? reader->health.newest.text : rd_kafka_err2str(code));
    reader->ranges = calloc((size_t)reader->count, sizeof *reader->ranges);
    return reader->ranges ? WEIR_OK : weir_error_set(error, WEIR_NOMEM, "no memory for a Kafka reader");
}

int weir_kafka_reader_open(const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_reader **out, struct weir_error *error) {
    *out = NULL;
    struct weir_kafka_reader *reader = calloc(1, sizeof *reader);
    if (reader) {
        weir_arena_init(&reader->headers);
        reader->topic = strdup(topic);
    }
    int result =
        reader && reader->topic ? WEIR_OK : weir_error_set(error, WEIR_NOMEM, "no memory for a Kafka reader");
    if (result == WEIR_OK) result = create_client(reader, client, error);
    if (result == WEIR_OK) result = count_partitions(reader, error);
    if (result)
        weir_kafka_reader_close(reader);
    else
        *out = reader;
    return result;
}

static void release(struct weir_kafka_reader *reader) {
    for (uint32_t i = 0; i < reader->batch_count; i++) rd_kafka_message_destroy(reader->batch[i]);
    reader->batch_count = 0;
    if (reader->headers.used_bytes) weir_arena_reset(&reader->headers);
}

void weir_kafka_reader_close(struct weir_kafka_reader *reader) {
    if (!reader) return;
    release(reader);
    for (int32_t p = 0; p < reader->count && reader->ranges; p++)
        if (reader->ranges[p].queue) rd_kafka_queue_destroy(reader->ranges[p].queue);
    if (reader->rk) rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    weir_arena_deinit(&reader->headers);
    free(reader->ranges);
    free(reader->topic);
    free(reader);
}

/* ---- seeking ---- */

int weir_kafka_reader_seek(struct weir_kafka_reader *reader, int32_t partition, int64_t offset,
                           struct weir_error *error) {
    release(reader);
    if (partition < 0 || partition >= reader->count)
        return weir_error_set(error, WEIR_IO, "topic '%s' has no partition %d", reader->topic,
                              (int)partition);
    struct range *range = &reader->ranges[partition];
    if (range->queue && offset == range->next && !range->broken.result) return WEIR_OK; /* reads on */
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, reader->topic, partition)->offset =
        offset < 0 ? RD_KAFKA_OFFSET_BEGINNING : offset;
    rd_kafka_error_t *refused = range->queue ? rd_kafka_incremental_unassign(reader->rk, list) : NULL;
    if (!range->queue) {
        range->queue = rd_kafka_queue_get_partition(reader->rk, reader->topic, partition);
        rd_kafka_queue_forward(range->queue, NULL);
    }
    if (!refused) refused = rd_kafka_incremental_assign(reader->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    range->next = offset < 0 ? 0 : offset;
    range->end = END_UNSEEN;
    range->broken.result = WEIR_OK;
    if (!refused) return WEIR_OK;
    weir_error_set(&range->broken, WEIR_IO, "topic '%s' partition %d: seek refused: %s", reader->topic,
                   (int)partition, rd_kafka_error_string(refused));
    rd_kafka_error_destroy(refused);
    if (error) *error = range->broken;
    return WEIR_IO;
}

/* ---- reading ---- */

/* True when the partition's committed records end at the cursor, as the broker says now. */
static bool is_at_end(struct weir_kafka_reader *reader, int32_t partition) {
    int64_t low, high; /* of a read_committed consumer: the last stable offset */
    return !rd_kafka_query_watermark_offsets(reader->rk, reader->topic, partition, &low, &high,
                                             LOOK_TIMEOUT_MS) &&
           high <= reader->ranges[partition].next;
}

static void lost(struct weir_kafka_reader *reader, int32_t partition) {
    struct range *range = &reader->ranges[partition];
    int64_t low = -1, high = -1;
    rd_kafka_query_watermark_offsets(reader->rk, reader->topic, partition, &low, &high, LOOK_TIMEOUT_MS);
    weir_error_set(&range->broken, WEIR_DATA,
                   "topic '%s' partition %d: offset %lld was asked for, but the log holds %lld to %lld",
                   reader->topic, (int)partition, (long long)range->next, (long long)low,
                   (long long)high - 1);
}

/* What a message without a record says. Errors that librdkafka itself goes on from are only remembered. */
static void take_error(struct weir_kafka_reader *reader, int32_t partition,
                       const rd_kafka_message_t *message) {
    struct range *range = &reader->ranges[partition];
    switch (message->err) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            if (message->offset < range->next) return;
            range->next = message->offset; /* behind markers and aborted records */
            range->end = END_SEEN;
            return;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            lost(reader, partition);
            return;
        default:
            if (weir_kafka_is_final(message->err))
                weir_error_set(&range->broken, WEIR_IO, "topic '%s' partition %d: %s", reader->topic,
                               (int)partition, rd_kafka_message_errstr(message));
            else
                weir_kafka_health_trouble(&reader->health, reader->rk, message->err,
                                          rd_kafka_message_errstr(message));
    }
}

/* librdkafka waits for a full batch; we wait for its first message only. */
static void fetch_batch(struct weir_kafka_reader *reader, struct range *range, uint32_t max, int wait_ms) {
    if (max > BATCH_MAX) max = BATCH_MAX;
    ssize_t count = rd_kafka_consume_batch_queue(range->queue, 0, reader->batch, max);
    if (count <= 0 && wait_ms) count = rd_kafka_consume_batch_queue(range->queue, wait_ms, reader->batch, 1);
    reader->batch_count = count > 0 ? (uint32_t)count : 0;
}

/* Returns how many of a batch became records. */
static int take_batch(struct weir_kafka_reader *reader, int32_t partition, struct weir_record *records) {
    struct range *range = &reader->ranges[partition];
    int kept = 0;
    for (uint32_t i = 0; i < reader->batch_count && !range->broken.result; i++) {
        rd_kafka_message_t *message = reader->batch[i];
        if (message->err) {
            take_error(reader, partition, message);
            continue;
        }
        if (message->offset < range->next) continue;
        if (!weir_kafka_message_record(message, reader->topic, &reader->headers, &records[kept])) {
            weir_error_set(&range->broken, WEIR_NOMEM, "no memory for record headers");
            break;
        }
        kept++;
        range->next = message->offset + 1;
        range->end = END_UNSEEN;
    }
    return kept;
}

static int no_answer(struct weir_kafka_reader *reader, int32_t partition, struct weir_error *error) {
    rd_kafka_poll(reader->rk, 0);
    if (is_at_end(reader, partition)) return 0; /* behind an open transaction no end is reported */
    return weir_error_set(error, WEIR_AGAIN, "topic '%s' partition %d: nothing at offset %lld in time%s%s",
                          reader->topic, (int)partition, (long long)reader->ranges[partition].next,
                          reader->health.newest.result ? ": " : "", reader->health.newest.text);
}

int weir_kafka_reader_read(struct weir_kafka_reader *reader, int32_t partition, struct weir_record *records,
                           uint32_t max, int64_t timeout_ms, struct weir_error *error) {
    assert(partition >= 0 && partition < reader->count && reader->ranges[partition].queue && max);
    struct range *range = &reader->ranges[partition];
    int64_t deadline_ms = weir_clock_ms() + timeout_ms;
    int wait_ms = 0; /* what is there already comes first */
    for (;;) {
        release(reader);
        if (!range->broken.result) fetch_batch(reader, range, max, wait_ms);
        int kept = take_batch(reader, partition, records);
        if (kept) return kept;
        if (range->broken.result) {
            if (error) *error = range->broken;
            return range->broken.result;
        }
        if (range->end == END_SEEN || (range->end == END_TOLD && is_at_end(reader, partition))) {
            range->end = END_TOLD;
            return 0;
        }
        range->end = END_UNSEEN; /* there is more by now */
        int left_ms = weir_kafka_left_ms(deadline_ms);
        if (!left_ms) return no_answer(reader, partition, error);
        wait_ms = left_ms < WAIT_MS ? left_ms : WAIT_MS;
        rd_kafka_poll(reader->rk, 0);
    }
}
