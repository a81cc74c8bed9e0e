/* SPDX-License-Identifier: Apache-2.0 */
/* broker.h: a test's view of the real broker that script/test started: topics of its own, rows in, records
 * out.
 *
 * Uses librdkafka directly, not weir's door, so that a mistake in the door cannot hide itself.
 */
#ifndef WEIR_TESTS_BROKER_H
#define WEIR_TESTS_BROKER_H

#include <librdkafka/rdkafka.h>

#include "kafka/kafka.h"
#include "support/process.h"

/* Skips the test when there is no broker. */
static inline const char *broker_address(void) {
    const char *address = getenv("WEIR_TEST_BROKER");
    if (!address || !*address) {
        print_message("no WEIR_TEST_BROKER: skipped (script/test kafka starts one)\n");
        skip();
    }
    return address;
}

/* A topic name no other run uses; the result lives until the 8th next call. */
static inline const char *broker_topic(const char *stem, int partitions) {
    static char names[8][128];
    static int next;
    char *name = names[next++ & 7];
    snprintf(name, sizeof names[0], "%s-%ld-%d", stem, (long)getpid(), next);
    struct weir_kafka_client client = {.brokers = broker_address()};
    struct weir_error error;
    if (partitions && weir_kafka_topic_create(&client, name, partitions, 30000, &error))
        fail_msg("%s", error.text);
    return name;
}

static inline rd_kafka_t *broker_producer(void) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker_address(), why, sizeof why);
    rd_kafka_conf_set(conf, "linger.ms", "5", why, sizeof why);
    /* Tests expect record i at its offset: a retried batch must not land behind the next one. */
    rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why);
    rd_kafka_conf_set(conf, "queue.buffering.max.messages", "2000000", why, sizeof why);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(producer);
    return producer;
}

static inline void broker_produce(rd_kafka_t *producer, const char *topic, int partition, const void *key,
                                  size_t key_len, const void *value, size_t len, int64_t timestamp_ms) {
    rd_kafka_resp_err_t code;
    do {
        code = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key_len),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_END);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) rd_kafka_poll(producer, 50);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static inline void broker_flush(rd_kafka_t *producer) {
    assert_int_equal(rd_kafka_flush(producer, 60000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

/* Reads everything that is in a topic now, partition by partition; returns how many records there were. */
static inline long broker_read(const char *topic, int partitions, void *owner,
                               void (*see)(void *owner, const rd_kafka_message_t *message)) {
    char why[256];
    long count = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker_address(), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "test-reader", why, sizeof why);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof why);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", why,
                      sizeof why); /* the end comes with an empty fetch */
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    double deadline = process_now_s() + 60;
    for (int ends = 0; ends < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 1000);
        if (process_now_s() > deadline) fail_msg("reading %s took over a minute", topic);
        if (!message) continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ends++;
        if (!message->err) {
            count++;
            see(owner, message);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return count;
}

#endif
