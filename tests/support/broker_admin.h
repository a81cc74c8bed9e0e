/* SPDX-License-Identifier: Apache-2.0 */
/* broker_admin.h: what an operator, or another program, may do to topics and groups behind the engine's back.
 */
#ifndef WEIR_TESTS_BROKER_ADMIN_H
#define WEIR_TESTS_BROKER_ADMIN_H

#include "support/broker.h"

static inline rd_kafka_t *admin_client(const char *group) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker_address(), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", group, why, sizeof why);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(client);
    return client;
}

/* Of the one topic in the answer. */
static inline rd_kafka_resp_err_t admin_topic_code(rd_kafka_event_t *event, bool created) {
    size_t count;
    const rd_kafka_topic_result_t **results =
        created ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
                : rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    assert_int_equal(count, 1);
    return rd_kafka_topic_result_error(results[0]);
}

/* A created topic is known to the controller first, and to those who ask a moment later. */
static inline void admin_wait_for_topic(rd_kafka_t *client, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    double deadline = process_now_s() + 30;
    bool there = false;
    while (!there && process_now_s() < deadline) {
        const struct rd_kafka_metadata *metadata;
        if (rd_kafka_metadata(client, 0, topic, &metadata, 10000)) continue;
        there = metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    assert_true(there);
}

/* A topic of exactly this name, with one setting; waits while a former one is being deleted. */
static inline void admin_create(const char *name, int partitions, const char *key, const char *value) {
    char why[256];
    rd_kafka_t *client = admin_client("admin");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    double deadline = process_now_s() + 30;
    rd_kafka_resp_err_t code;
    do {
        rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, why, sizeof why);
        if (key) rd_kafka_NewTopic_set_config(topic, key, value);
        rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
        assert_non_null(event);
        code = rd_kafka_event_error(event);
        if (!code) code = admin_topic_code(event, true);
        rd_kafka_event_destroy(event);
        rd_kafka_NewTopic_destroy(topic);
    } while (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS && process_now_s() < deadline);
    if (code) fail_msg("creating %s: %s", name, rd_kafka_err2str(code));
    admin_wait_for_topic(client, name);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

static inline void admin_delete(const char *name) {
    rd_kafka_t *client = admin_client("admin");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    assert_int_equal(admin_topic_code(event, false), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* One setting of a topic; its others become the broker's. */
static inline void admin_set(const char *topic, const char *key, const char *value) {
    rd_kafka_t *client = admin_client("admin");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_ConfigResource_set_config(resource, key, value);
    rd_kafka_AlterConfigs(client, &resource, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    size_t count;
    const rd_kafka_ConfigResource_t **results =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    assert_int_equal(count, 1);
    assert_int_equal(rd_kafka_ConfigResource_error(results[0]), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

static inline void admin_trim(const char *topic, int partition, int64_t before) {
    struct weir_kafka_client client = {.brokers = broker_address()};
    struct weir_error error = {0};
    if (weir_kafka_topic_trim(&client, topic, partition, before, 30000, &error)) fail_msg("%s", error.text);
}

static inline void admin_edges(const char *topic, int partition, int64_t *low, int64_t *high) {
    rd_kafka_t *client = admin_client("admin");
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(client, topic, partition, low, high, 30000);
    if (code) fail_msg("%s: %s", topic, rd_kafka_err2str(code));
    rd_kafka_destroy(client);
}

/* The offset after the last record. */
static inline int64_t admin_end(const char *topic, int partition) {
    int64_t low, high = -1;
    admin_edges(topic, partition, &low, &high);
    return high;
}

/* What a group has committed, with metadata; destroyed by the caller. */
static inline rd_kafka_topic_partition_list_t *admin_committed(const char *group, const char *topic,
                                                               int partitions) {
    rd_kafka_t *client = admin_client(group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++) rd_kafka_topic_partition_list_add(list, topic, p);
    rd_kafka_resp_err_t code = rd_kafka_committed(client, list, 30000);
    if (code) fail_msg("offsets of %s: %s", group, rd_kafka_err2str(code));
    rd_kafka_destroy(client);
    return list;
}

static inline void admin_set_metadata(rd_kafka_topic_partition_t *offset, const char *text) {
    rd_kafka_mem_free(NULL, offset->metadata);
    offset->metadata = strdup(text); /* freed by librdkafka */
    offset->metadata_size = strlen(text);
}

/* Commits as a program would that is not a member: refused while the group has members, so this waits until
 * their sessions are over. */
static inline void admin_commit(const char *group, const rd_kafka_topic_partition_list_t *offsets) {
    rd_kafka_t *client = admin_client(group);
    double deadline = process_now_s() + 60;
    rd_kafka_resp_err_t code;
    do {
        code = rd_kafka_commit(client, offsets, 0);
    } while (code && process_now_s() < deadline && !nanosleep(&(struct timespec){0, 200000000}, NULL));
    if (code) fail_msg("committing for %s: %s", group, rd_kafka_err2str(code));
    rd_kafka_destroy(client);
}

#endif
