/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: the consumer: open, read in batches, watch the cluster, close.
 *
 * Reading costs most where it happens once per record, so a poll asks librdkafka for a whole batch, fills the
 * caller's records in one pass and destroys the batch at the next poll.
 */
#include "kafka/source.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "kafka/message.h"

#define CLOSE_TIMEOUT_MS 5000
#define ENDS_TIMEOUT_MS 5000
#define EVENTS_PER_POLL 256

/* ---- callbacks: run inside poll, on its thread ---- */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct weir_kafka_source *source = opaque;
    weir_kafka_health_trouble(&source->health, rk, (rd_kafka_resp_err_t)code, reason);
}

static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque) {
    (void)rk, (void)len;
    struct weir_kafka_source *source = opaque;
    weir_kafka_health_statistics(&source->health, json);
    return 0; /* librdkafka frees json */
}

/* ---- open and close ---- */

static rd_kafka_conf_t *configure(const struct weir_kafka_source_options *options,
                                  struct weir_kafka_source *source, struct weir_error *error) {
    rd_kafka_conf_t *conf = weir_kafka_conf_create(&options->client, weir_kafka_consumer_defaults,
                                                   weir_kafka_consumer_owned, error);
    if (!conf) return NULL;
    if (!weir_kafka_conf_set(conf, "group.id", options->group, error) ||
        !weir_kafka_conf_set(conf, "enable.partition.eof", options->watch.caught_up ? "true" : "false",
                             error)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, source);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    rd_kafka_conf_set_rebalance_cb(conf, weir_kafka_group_rebalance);
    return conf;
}

static int subscribe(struct weir_kafka_source *source, struct weir_error *error) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, source->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(source->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return code ? weir_error_set(error, WEIR_IO, "cannot subscribe to topic '%s': %s", source->topic,
                                 rd_kafka_err2str(code))
                : WEIR_OK;
}

int weir_kafka_source_open(const struct weir_kafka_source_options *options, struct weir_kafka_source **out,
                           struct weir_error *error) {
    *out = NULL;
    struct weir_kafka_source *source = calloc(1, sizeof *source);
    if (!source) return weir_error_set(error, WEIR_NOMEM, "no memory for a Kafka source");
    source->watch = options->watch;
    source->start_latest = options->start_latest;
    source->skip_lost = options->skip_lost;
    source->alone = options->alone;
    source->topic = strdup(options->topic);
    source->group = strdup(options->group);
    weir_arena_init(&source->headers);
    int result = WEIR_NOMEM;
    source->wake_fd = weir_kafka_wake_open(error);
    if (source->wake_fd < 0) {
        result = WEIR_IO;
    } else if (source->topic && source->group) {
        rd_kafka_conf_t *conf = configure(options, source, error);
        source->rk = conf ? weir_kafka_client_create(RD_KAFKA_CONSUMER, conf, error) : NULL;
        result = source->rk ? WEIR_OK : WEIR_CONFIG;
    }
    if (result == WEIR_OK) {
        rd_kafka_poll_set_consumer(source->rk); /* errors and statistics join the rebalances */
        source->events = rd_kafka_queue_get_consumer(source->rk);
        source->data = rd_kafka_queue_new(source->rk);
        source->replies = rd_kafka_queue_new(source->rk);
        weir_kafka_wake_enable(source->wake_fd, source->events);
        weir_kafka_wake_enable(source->wake_fd, source->data);
        if (!source->alone) result = subscribe(source, error);
    }
    if (result)
        weir_kafka_source_close(source);
    else
        *out = source;
    return result;
}

int weir_kafka_source_rejoin(struct weir_kafka_source *source, struct weir_error *error) {
    rd_kafka_unsubscribe(source->rk);
    return subscribe(source, error);
}

static void *leave_group(void *owner) {
    struct weir_kafka_source *source = owner;
    int64_t deadline_ms = weir_clock_ms() + CLOSE_TIMEOUT_MS;
    rd_kafka_error_t *refused = rd_kafka_consumer_close_queue(source->rk, source->events);
    source->left = !refused;
    if (refused) rd_kafka_error_destroy(refused);
    while (source->left && !rd_kafka_consumer_closed(source->rk)) {
        source->left = weir_kafka_left_ms(deadline_ms) > 0;
        rd_kafka_queue_poll_callback(source->events, 20);
    }
    return NULL;
}

/* Leaving may wait for a coordinator that is gone, or, in 2.0.2, for ever: giving a partition back that was
 * assigned while the member leaves asks a group that does not answer any more. So it has a thread of its own
 * and a deadline. False: it is still there, and the source its; both stay until the end of the process. */
static bool leave_in_time(struct weir_kafka_source *source) {
    pthread_t thread;
    int64_t until_ms = weir_clock_wall_ms() + CLOSE_TIMEOUT_MS + 1000;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    if (pthread_create(&thread, NULL, leave_group, source)) { /* better late than never */
        leave_group(source);
        return true;
    }
    if (!pthread_timedjoin_np(thread, NULL, &until)) return true;
    pthread_detach(thread);
    return false;
}

static void close_consumer(struct weir_kafka_source *source) {
    rd_kafka_queue_io_event_enable(source->events, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(source->data, -1, NULL, 0);
    rd_kafka_queue_destroy(source->replies);
    rd_kafka_queue_destroy(source->data);
    rd_kafka_queue_destroy(source->events);
    /* 2.0.2 aborts (sticky assignor: `assignor_state`) when a member that never got an assignment is
     * destroyed; mended in 2.3.0. And it may hang when a member is assigned while it closes; mended
     * in 2.4.0. Such members are left to the end of the process instead. Who is alone is no member. */
    if ((source->was_assigned || source->alone) && source->left)
        rd_kafka_destroy_flags(source->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void weir_kafka_source_close(struct weir_kafka_source *source) {
    if (!source) return;
    source->closing = true;
    if (source->rk) weir_kafka_source_release(source);
    if (source->rk && source->events) {
        if (!leave_in_time(source)) {
            weir_log(WEIR_LOG_WARNING, "group '%s': leaving takes too long and is given up", source->group);
            return;
        }
        close_consumer(source);
    }
    if (source->wake_fd >= 0) close(source->wake_fd);
    weir_kafka_intake_deinit(&source->intake);
    weir_arena_deinit(&source->headers);
    free(source->topic);
    free(source->group);
    free(source);
}

/* ---- reading ---- */

int weir_kafka_source_fd(const struct weir_kafka_source *source) { return source->wake_fd; }

void weir_kafka_source_pause(struct weir_kafka_source *source, bool stopped) {
    if (source->stopped && !stopped) weir_kafka_wake_raise(source->wake_fd); /* its edge may be past */
    source->stopped = stopped;
}

void weir_kafka_source_release(struct weir_kafka_source *source) {
    for (uint32_t i = 0; i < source->batch_count; i++) rd_kafka_message_destroy(source->batch[i]);
    source->batch_count = 0;
    if (source->headers.used_bytes) weir_arena_reset(&source->headers);
}

static void set_broken(struct weir_kafka_source *source, const rd_kafka_message_t *message) {
    weir_error_set(&source->health.broken, WEIR_IO, "topic '%s', group '%s': %s", source->topic,
                   source->group, rd_kafka_message_errstr(message));
}

/* What a message without a record says. Errors that librdkafka itself goes on from are only remembered. */
static void take_error(struct weir_kafka_source *source, const rd_kafka_message_t *message) {
    struct weir_kafka_cursor *cursor = weir_kafka_intake_find(&source->intake, message->partition);
    switch (message->err) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            if (cursor && message->offset >= cursor->next && source->watch.caught_up)
                source->watch.caught_up(source->watch.owner, message->partition, message->offset);
            return;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            if (cursor) weir_kafka_group_lost(source, message->partition);
            return;
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
        case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
        case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
        case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
        case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
            set_broken(source, message);
            return;
        default:
            if (weir_kafka_is_final(message->err))
                set_broken(source, message);
            else
                weir_kafka_health_trouble(&source->health, source->rk, message->err,
                                          rd_kafka_message_errstr(message));
    }
}

/* Rebalances, errors and statistics run as callbacks; errors of the group come as messages. */
static void serve_events(struct weir_kafka_source *source) {
    for (int i = 0; i < EVENTS_PER_POLL; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(source->rk, 0);
        if (!message) break;
        if (message->err)
            take_error(source, message);
        else
            weir_error_set(&source->health.broken, WEIR_BUG, "a record arrived beside the data queue");
        rd_kafka_message_destroy(message);
    }
    if (source->commits_open) rd_kafka_queue_poll_callback(source->replies, 0);
}

/* One batch of librdkafka's. Returns how many it held, 0 = the queue is empty; *kept says how many became
 * records. */
static uint32_t read_batch(struct weir_kafka_source *source, struct weir_record *records, uint32_t max,
                           uint32_t *kept) {
    ssize_t count = rd_kafka_consume_batch_queue(source->data, 0, source->batch, max);
    if (count <= 0) return 0;
    source->batch_count = (uint32_t)count;
    for (uint32_t i = 0; i < source->batch_count; i++) {
        rd_kafka_message_t *message = source->batch[i];
        if (message->err) {
            take_error(source, message);
        } else if (weir_kafka_intake_take(&source->intake, message->partition, message->offset)) {
            if (!weir_kafka_message_record(message, source->topic, &source->headers, &records[*kept])) {
                weir_error_set(&source->health.broken, WEIR_NOMEM, "no memory for record headers");
                break;
            }
            ++*kept;
        }
    }
    return source->batch_count;
}

int weir_kafka_source_poll(struct weir_kafka_source *source, struct weir_record *records, uint32_t max,
                           struct weir_error *error) {
    uint32_t kept = 0;
    weir_kafka_source_release(source);
    weir_kafka_wake_clear(source->wake_fd); /* before looking, so that what arrives later raises it again */
    serve_events(source);
    if (max > WEIR_KAFKA_BATCH_MAX) max = WEIR_KAFKA_BATCH_MAX;
    while (!kept && !source->stopped && !source->health.broken.result && max) {
        weir_kafka_source_release(source); /* a batch of which nothing was kept */
        if (!read_batch(source, records, max, &kept)) break;
    }
    if (!kept && source->health.broken.result) {
        if (error) *error = source->health.broken;
        return source->health.broken.result;
    }
    return (int)kept;
}

/* ---- looking ---- */

int weir_kafka_source_width(struct weir_kafka_source *source, struct weir_error *error) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(source->rk, source->topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(source->rk, 0, handle, &metadata, ENDS_TIMEOUT_MS);
    int count = 0;
    if (!code && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        count = metadata->topics[0].partition_cnt;
    }
    if (metadata) rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return code ? weir_error_set(error, WEIR_IO, "cannot look at topic '%s': %s", source->topic,
                                 rd_kafka_err2str(code))
                : count;
}

int weir_kafka_source_take_all(struct weir_kafka_source *source, struct weir_error *error) {
    int count = weir_kafka_source_width(source, error);
    if (count < 0) return count;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int p = 0; p < count; p++) rd_kafka_topic_partition_list_add(list, source->topic, p);
    weir_kafka_group_assign(source, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (source->health.broken.result && error) *error = source->health.broken;
    return source->health.broken.result;
}

int weir_kafka_source_ends(struct weir_kafka_source *source, int64_t *ends, uint32_t max,
                           struct weir_error *error) {
    int64_t deadline_ms = weir_clock_ms() + ENDS_TIMEOUT_MS;
    int count = weir_kafka_source_width(source, error);
    if (count < 0) return count;
    if ((uint32_t)count > max) count = (int)max;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int p = 0; p < count; p++) rd_kafka_topic_partition_list_add(list, source->topic, p);
    if (!code && count)
        code = weir_kafka_group_edges(source, list, RD_KAFKA_OFFSET_END, weir_kafka_left_ms(deadline_ms));
    for (int p = 0; p < count && !code; p++) ends[p] = list->elems[p].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return weir_error_set(error, WEIR_IO, "cannot read the ends of topic '%s': %s", source->topic,
                              rd_kafka_err2str(code));
    return count;
}

bool weir_kafka_source_down(const struct weir_kafka_source *source, struct weir_error *error) {
    if (error) *error = source->health.newest;
    return source->health.down;
}
