/* SPDX-License-Identifier: Apache-2.0 */
/* admin.c: looking at and creating topics through a client that lives for one call.
 *
 * why:      a short-lived client of consumer type: asking for a topic's metadata as a producer creates the
 * topic on brokers that allow it, and a look must change nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka/client.h"

static const struct weir_kafka_setting no_settings[] = {{NULL, NULL}};
static const struct weir_kafka_setting admin_owned[] = {{"allow.auto.create.topics", "false"}, {NULL, NULL}};

/* ---- one client, its last trouble, its reply queue ---- */

struct admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *replies;
    struct weir_kafka_health health;
    int64_t deadline_ms;
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct admin *admin = opaque;
    weir_kafka_health_trouble(&admin->health, rk, (rd_kafka_resp_err_t)code, reason);
}

static int admin_open(struct admin *admin, const struct weir_kafka_client *client, int64_t timeout_ms,
                      struct weir_error *error) {
    memset(admin, 0, sizeof *admin);
    admin->deadline_ms = weir_kafka_now_ms() + timeout_ms;
    rd_kafka_conf_t *conf = weir_kafka_conf_create(client, no_settings, admin_owned, error);
    if (!conf) return WEIR_CONFIG;
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, admin);
    admin->rk = weir_kafka_client_create(RD_KAFKA_CONSUMER, conf, error);
    if (!admin->rk) return WEIR_CONFIG;
    admin->replies = rd_kafka_queue_new(admin->rk);
    return WEIR_OK;
}

static void admin_close(struct admin *admin) {
    if (!admin->rk) return;
    rd_kafka_queue_destroy(admin->replies);
    rd_kafka_destroy_flags(admin->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* "broker host:port does not answer: <newest trouble>". */
static int no_answer(struct admin *admin, const struct weir_kafka_client *client, rd_kafka_resp_err_t code,
                     struct weir_error *error) {
    rd_kafka_poll(admin->rk, 0); /* collects the troubles */
    const char *why = admin->health.newest.result ? admin->health.newest.text : rd_kafka_err2str(code);
    return weir_error_set(error, WEIR_IO, "no answer from %s: %s", client->brokers, why);
}

/* ---- look ---- */

static int read_partitions(struct admin *admin, const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_topic_facts *facts, struct weir_error *error) {
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic, NULL);
    if (!handle) return weir_error_set(error, WEIR_CONFIG, "'%s' is no name for a topic", topic);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 0, handle, &metadata, weir_kafka_left_ms(admin->deadline_ms));
    int result = WEIR_OK;
    if (code) {
        result = no_answer(admin, client, code, error);
    } else if (metadata->topic_cnt == 1) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
        facts->partition_count = found->partition_cnt;
        if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            facts->partition_count = 0;
        else if (found->err && !found->partition_cnt)
            result = weir_error_set(error, WEIR_IO, "topic '%s': %s", topic, rd_kafka_err2str(found->err));
    }
    if (metadata) rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return result;
}

static void take_entry(const rd_kafka_ConfigEntry_t *entry, struct weir_kafka_topic_facts *facts) {
    const char *name = rd_kafka_ConfigEntry_name(entry), *value = rd_kafka_ConfigEntry_value(entry);
    if (!value) return;
    if (!strcmp(name, "retention.ms")) facts->retention_ms = strtoll(value, NULL, 10);
    if (!strcmp(name, "cleanup.policy")) facts->compacted = strstr(value, "compact") != NULL;
}

/* Best effort: a mock cluster cannot say, and a client may lack the right to ask. */
static void read_configuration(struct admin *admin, const char *topic, struct weir_kafka_topic_facts *facts) {
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(admin->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    int left_ms = weir_kafka_left_ms(admin->deadline_ms);
    char why[256];
    rd_kafka_AdminOptions_set_request_timeout(options, left_ms > 0 ? left_ms : 1, why, sizeof why);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, admin->replies);
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->replies, left_ms + 100);
    const rd_kafka_DescribeConfigs_result_t *reply =
        event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
    if (reply && !rd_kafka_event_error(event)) {
        size_t count, entry_count;
        const rd_kafka_ConfigResource_t **resources =
            rd_kafka_DescribeConfigs_result_resources(reply, &count);
        if (count == 1 && !rd_kafka_ConfigResource_error(resources[0])) {
            const rd_kafka_ConfigEntry_t **entries =
                rd_kafka_ConfigResource_configs(resources[0], &entry_count);
            for (size_t i = 0; i < entry_count; i++) take_entry(entries[i], facts);
        }
    }
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
}

int weir_kafka_topic_look(const struct weir_kafka_client *client, const char *topic, int64_t timeout_ms,
                          struct weir_kafka_topic_facts *facts, struct weir_error *error) {
    *facts = (struct weir_kafka_topic_facts){.retention_ms = INT64_MIN};
    struct admin admin;
    int result = admin_open(&admin, client, timeout_ms, error);
    if (result == WEIR_OK) result = read_partitions(&admin, client, topic, facts, error);
    if (result == WEIR_OK && facts->partition_count && !client->embedded)
        read_configuration(&admin, topic, facts);
    admin_close(&admin);
    return result;
}

/* ---- create ---- */

int weir_kafka_topic_create(const struct weir_kafka_client *client, const char *topic, int32_t partitions,
                            int64_t timeout_ms, struct weir_error *error) {
    char why[256];
    struct admin admin;
    int result = admin_open(&admin, client, timeout_ms, error);
    if (result) return result;
    rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(topic, partitions, -1, why, sizeof why);
    if (!new_topic) {
        admin_close(&admin);
        return weir_error_set(error, WEIR_CONFIG, "topic '%s': %s", topic, why);
    }
    rd_kafka_NewTopic_set_config(new_topic, "retention.ms", "-1");
    rd_kafka_NewTopic_set_config(new_topic, "max.message.bytes", WEIR_KAFKA_RECORD_BYTES_MAX);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin.rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    int left_ms = weir_kafka_left_ms(admin.deadline_ms);
    rd_kafka_AdminOptions_set_request_timeout(options, left_ms > 0 ? left_ms : 1, why, sizeof why);
    rd_kafka_AdminOptions_set_operation_timeout(options, left_ms, why, sizeof why);
    rd_kafka_CreateTopics(admin.rk, &new_topic, 1, options, admin.replies);
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin.replies, left_ms + 100);
    const rd_kafka_CreateTopics_result_t *reply = event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    if (!reply || rd_kafka_event_error(event)) {
        rd_kafka_resp_err_t code = reply ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        result = no_answer(&admin, client, code, error);
    } else {
        size_t count;
        const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(reply, &count);
        rd_kafka_resp_err_t code = count ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            const char *text = count ? rd_kafka_topic_result_error_string(topics[0]) : NULL;
            result = weir_error_set(error, WEIR_IO, "cannot create topic '%s': %s", topic,
                                    text ? text : rd_kafka_err2str(code));
        }
    }
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(new_topic);
    admin_close(&admin);
    return result;
}
