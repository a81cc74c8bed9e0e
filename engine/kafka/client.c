/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: layers of configuration, health of a client, wake-up file descriptors.
 *
 * Limits that differ from librdkafka's defaults, and why:
 * - cooperative-sticky: a rebalance moves only the partitions that must move.
 * - statistics.interval.ms=1000: the only way to learn that an idle client has a broker again; also a wake-up
 *   each second, should an edge of the wake-up descriptor ever be missed.
 * - message.timeout.ms=0: a producer never gives a record up by time; a long outage is routine.
 * - enable.idempotence=true: retries neither double nor reorder records.
 * - message.max.bytes=8388608: a dead letter is its input and more; the broker knows best what it takes.
 * - linger.ms=5: batches at load, no visible delay.
 * - queue.buffering.max.messages=1000000: back-pressure is the worker's own flights first, bytes (1 GiB)
 * second.
 *
 * Left alone on purpose: queued.min.messages (100,000). Longer queues grow cold: a million costs 0.4 us more
 * a record and 200 MB. Far shorter ones starve: below 2.2.0 a consumer whose local queue is full looks again
 * only after up to 1 s.
 */
#include "kafka/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SILENT_MAX 2 /* statistics, one a second: a connection that is made anew takes less */

const struct weir_kafka_owned weir_kafka_owned_names[] = {
    {"bootstrap.servers", "it comes from kafka.brokers"},
    {"metadata.broker.list", "it comes from kafka.brokers"},
    {"group.id", "it comes from source.group"},
    {"auto.offset.reset", "it comes from source.start"},
    {"enable.auto.commit", "weir commits offsets itself, after the outputs they belong to"},
    {"auto.commit.enable", "weir commits offsets itself, after the outputs they belong to"},
    {"auto.commit.interval.ms", "weir commits offsets itself, after the outputs they belong to"},
    {"enable.auto.offset.store", "weir commits offsets itself, after the outputs they belong to"},
    {"offset.store.method", "weir commits offsets itself, after the outputs they belong to"},
    {"offset.store.path", "weir commits offsets itself, after the outputs they belong to"},
    {"offset.store.sync.interval.ms", "weir commits offsets itself, after the outputs they belong to"},
    {"enable.partition.eof", "weir watches the ends of partitions itself"},
    {"isolation.level", "weir reads committed records only"},
    {"partition.assignment.strategy", "weir's group hands partitions over cooperatively"},
    {"group.protocol.type", "weir is a consumer group"},
    {"enable.idempotence", "weir's producer is always idempotent"},
    {"enable.gapless.guarantee", "weir's producer is always idempotent"},
    {"transactional.id", "it follows from sinks.predictions.delivery"},
    {"delivery.report.only.error", "weir counts delivery reports"},
    {"dr_cb", "weir counts delivery reports"},
    {"dr_msg_cb", "weir counts delivery reports"},
    {"queuing.strategy", "weir keeps the order of records"},
    {"allow.auto.create.topics", "weir does not create topics by reading them"},
    {"enabled_events", "it cannot be set in a file"},
    {"log_cb", "it cannot be set in a file"},
    {"log.queue", "weir takes librdkafka's log itself"},
    {"internal.termination.signal", "weir ends its threads itself"},
    {"enable_sasl_queue", "it cannot be set in a file"},
    {"plugin.library.paths", "weir loads no foreign code"},
    {"test.mock.num.brokers", "write kafka.brokers: embedded"},
    {"test.mock.broker.rtt", "write kafka.brokers: embedded"},
    {NULL, NULL},
};

const struct weir_kafka_setting weir_kafka_consumer_defaults[] = {
    {"statistics.interval.ms", "1000"},
    /* Compared with the length of our one queue of all partitions. When it is full, 2.0.2 looks again only a
     * second later (fetch.queue.backoff.ms came with 2.2.0), so the queue must last for that second. */
    {"queued.min.messages", "300000"},
    {NULL, NULL},
};
const struct weir_kafka_setting weir_kafka_consumer_owned[] = {
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_committed"}, {"partition.assignment.strategy", "cooperative-sticky"},
    {"auto.offset.reset", "error"}, /* start offsets are resolved by source.c; what is gone is an error */
    {"allow.auto.create.topics", "false"}, {NULL, NULL},
};
const struct weir_kafka_setting weir_kafka_producer_defaults[] = {
    {"linger.ms", "5"},
    {"message.timeout.ms", "0"},
    {"queue.buffering.max.messages", "1000000"},
    {"message.max.bytes", WEIR_KAFKA_RECORD_BYTES_MAX},
    {NULL, NULL},
};
const struct weir_kafka_setting weir_kafka_producer_owned[] = {
    {"enable.idempotence", "true"},
    {"delivery.report.only.error", "false"},
    {NULL, NULL},
};

bool weir_kafka_is_owned(const char *name) {
    for (const struct weir_kafka_owned *owned = weir_kafka_owned_names; owned->name; owned++)
        if (!strcmp(owned->name, name)) return true;
    return false;
}

/* ---- configuration ---- */

/* What the log says that matters comes again as an error event, in words and in order, on the polling thread.
 */
static void log_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk, (void)level, (void)facility, (void)text;
}

bool weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                         struct weir_error *error) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return true;
    weir_error_set(error, WEIR_CONFIG, "librdkafka refuses property '%s': %s", name, why);
    return false;
}

static bool set_all(rd_kafka_conf_t *conf, const struct weir_kafka_setting *settings,
                    struct weir_error *error) {
    for (; settings->name; settings++)
        if (!weir_kafka_conf_set(conf, settings->name, settings->value, error)) return false;
    return true;
}

static bool set_properties(rd_kafka_conf_t *conf, const struct weir_kafka_client *client,
                           struct weir_error *error) {
    for (uint32_t i = 0; i < client->property_count; i++) {
        const struct weir_property *property = &client->properties[i];
        if (weir_kafka_is_owned(property->name)) continue; /* reported by weir_kafka_check_properties */
        if (weir_kafka_conf_set(conf, property->name, property->value, error)) continue;
        if (property->secret) /* librdkafka quotes the value */
            weir_error_set(error, WEIR_CONFIG, "librdkafka refuses the value of property '%s'",
                           property->name);
        return false;
    }
    return true;
}

rd_kafka_conf_t *weir_kafka_conf_create(const struct weir_kafka_client *client,
                                        const struct weir_kafka_setting *defaults,
                                        const struct weir_kafka_setting *owned, struct weir_error *error) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_nothing);
    bool good = weir_kafka_conf_set(conf, "client.id", "weir", error) &&
                weir_kafka_conf_set(conf, "log.connection.close", "false", error) &&
                /* The mock cluster does not wake a waiting fetch when records arrive. */
                (!client->embedded || weir_kafka_conf_set(conf, "fetch.wait.max.ms", "5", error)) &&
                set_all(conf, defaults, error) && set_properties(conf, client, error) &&
                set_all(conf, owned, error) &&
                (!client->brokers || weir_kafka_conf_set(conf, "bootstrap.servers", client->brokers, error));
    if (good) return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *weir_kafka_client_create(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct weir_error *error) {
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk) return rk;
    rd_kafka_conf_destroy(conf);
    weir_error_set(error, WEIR_CONFIG, "librdkafka refuses the properties: %s", why);
    return NULL;
}

/* ---- health ---- */

void weir_kafka_health_alive(struct weir_kafka_health *health) {
    health->down = false;
    health->silent_count = 0;
}

void weir_kafka_health_trouble(struct weir_kafka_health *health, rd_kafka_t *rk, rd_kafka_resp_err_t code,
                               const char *reason) {
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char why[400];
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, why, sizeof why);
        weir_error_set(&health->broken, WEIR_IO, "%s: %s", rd_kafka_err2str(fatal), why);
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        health->down = true;
        /* The trouble before it says why; this one only counts brokers. */
        if (health->newest.result) return;
    }
    weir_error_set(&health->newest, WEIR_IO, "%s", reason ? reason : rd_kafka_err2str(code));
}

void weir_kafka_health_statistics(struct weir_kafka_health *health, const char *json) {
    if (strstr(json, "\"state\":\"UP\""))
        weir_kafka_health_alive(health);
    else if (++health->silent_count >= SILENT_MAX)
        health->down = true;
}

bool weir_kafka_is_final(rd_kafka_resp_err_t code) {
    switch (code) {
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        case RD_KAFKA_RESP_ERR__BAD_MSG:
            return true;
        default:
            return false;
    }
}

/* ---- wake-ups ---- */

int weir_kafka_wake_open(struct weir_error *error) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd >= 0 ? fd : weir_error_set(error, WEIR_IO, "eventfd: %s", strerror(errno));
}

void weir_kafka_wake_enable(int fd, rd_kafka_queue_t *queue) {
    const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof one);
}

void weir_kafka_wake_raise(int fd) {
    const uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one); /* full means raised already */
    (void)ignored;
}

void weir_kafka_wake_clear(int fd) {
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count); /* empty means cleared already */
    (void)ignored;
}

int weir_kafka_left_ms(int64_t deadline_ms) {
    int64_t left = deadline_ms - weir_clock_ms();
    return left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

const char *weir_kafka_library_version(void) { return rd_kafka_version_str(); }
