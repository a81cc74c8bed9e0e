/* SPDX-License-Identifier: Apache-2.0 */
/* admin.c: looking at, creating and trimming topics through a client that lives for one call.
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
    admin->deadline_ms = weir_clock_ms() + timeout_ms;
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

/* Bounded by what is left of the call's time. */
static rd_kafka_AdminOptions_t *admin_options(struct admin *admin, rd_kafka_admin_op_t operation) {
    char why[256];
    int left_ms = weir_kafka_left_ms(admin->deadline_ms);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, operation);
    rd_kafka_AdminOptions_set_request_timeout(options, left_ms > 0 ? left_ms : 1, why, sizeof why);
    if (operation != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
        rd_kafka_AdminOptions_set_operation_timeout(options, left_ms, why, sizeof why);
    return options;
}

/* The answer to the one request under way, or NULL; *code says what is wrong with it as a whole. */
static rd_kafka_event_t *admin_reply(struct admin *admin, rd_kafka_resp_err_t *code) {
    rd_kafka_event_t *event =
        rd_kafka_queue_poll(admin->replies, weir_kafka_left_ms(admin->deadline_ms) + 100);
    *code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    return event;
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
    if (!strcmp(name, "retention.bytes")) facts->retention_bytes = strtoll(value, NULL, 10);
    if (!strcmp(name, "min.insync.replicas")) facts->min_insync = strtoll(value, NULL, 10);
    if (!strcmp(name, "cleanup.policy")) facts->compacted = strstr(value, "compact") != NULL;
    if (!strcmp(name, "unclean.leader.election.enable")) facts->unclean_elections = !strcmp(value, "true");
}

/* Best effort: a mock cluster cannot say, and a client may lack the right to ask. */
static void read_configuration(struct admin *admin, const char *topic, struct weir_kafka_topic_facts *facts) {
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_resp_err_t code;
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, admin->replies);
    rd_kafka_event_t *event = admin_reply(admin, &code);
    const rd_kafka_DescribeConfigs_result_t *reply =
        event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
    if (reply && !code) {
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
    *facts = (struct weir_kafka_topic_facts){
        .retention_ms = INT64_MIN, .retention_bytes = INT64_MIN, .min_insync = INT64_MIN};
    struct admin admin;
    int result = admin_open(&admin, client, timeout_ms, error);
    if (result == WEIR_OK) result = read_partitions(&admin, client, topic, facts, error);
    if (result == WEIR_OK && facts->partition_count && !client->embedded)
        read_configuration(&admin, topic, facts);
    admin_close(&admin);
    return result;
}

/* ---- create ---- */

/* One attempt. WEIR_CONFIG: the cluster refuses one of the settings. */
static int create(struct admin *admin, const struct weir_kafka_client *client, const char *topic,
                  int32_t partitions, bool say_clean, struct weir_error *error) {
    char why[256];
    rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(topic, partitions, -1, why, sizeof why);
    if (!new_topic) return weir_error_set(error, WEIR_CONFIG, "topic '%s': %s", topic, why);
    rd_kafka_NewTopic_set_config(new_topic, "cleanup.policy", "delete");
    rd_kafka_NewTopic_set_config(new_topic, "retention.ms", "-1");
    rd_kafka_NewTopic_set_config(new_topic, "max.message.bytes", WEIR_KAFKA_RECORD_BYTES_MAX);
    if (say_clean) rd_kafka_NewTopic_set_config(new_topic, "unclean.leader.election.enable", "false");
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->rk, &new_topic, 1, options, admin->replies);
    rd_kafka_resp_err_t code;
    rd_kafka_event_t *event = admin_reply(admin, &code);
    const rd_kafka_CreateTopics_result_t *reply = event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    int result = WEIR_OK;
    if (!reply || code) {
        result = no_answer(admin, client, code, error);
    } else {
        size_t count;
        const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(reply, &count);
        code = count ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
        bool setting = code == RD_KAFKA_RESP_ERR_INVALID_CONFIG || code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            const char *text = count ? rd_kafka_topic_result_error_string(topics[0]) : NULL;
            result = weir_error_set(error, setting ? WEIR_CONFIG : WEIR_IO, "cannot create topic '%s': %s",
                                    topic, text ? text : rd_kafka_err2str(code));
        }
    }
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(new_topic);
    return result;
}

/* Some hosted clusters let nobody say how leaders are elected: there the broker's own setting counts, and
 * weir_kafka_topic_look shows it. */
int weir_kafka_topic_create(const struct weir_kafka_client *client, const char *topic, int32_t partitions,
                            int64_t timeout_ms, struct weir_error *error) {
    struct admin admin;
    int result = admin_open(&admin, client, timeout_ms, error);
    if (result == WEIR_OK) {
        result = create(&admin, client, topic, partitions, true, error);
        if (result == WEIR_CONFIG) result = create(&admin, client, topic, partitions, false, error);
    }
    admin_close(&admin);
    return result;
}

/* ---- trim ---- */

int weir_kafka_topic_trim(const struct weir_kafka_client *client, const char *topic, int32_t partition,
                          int64_t before_offset, int64_t timeout_ms, struct weir_error *error) {
    struct admin admin;
    int result = admin_open(&admin, client, timeout_ms, error);
    if (result) return result;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = before_offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_t *options = admin_options(&admin, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_DeleteRecords(admin.rk, &request, 1, options, admin.replies);
    rd_kafka_resp_err_t code;
    rd_kafka_event_t *event = admin_reply(&admin, &code);
    const rd_kafka_DeleteRecords_result_t *reply = event ? rd_kafka_event_DeleteRecords_result(event) : NULL;
    if (!reply || code) {
        result = no_answer(&admin, client, code, error);
    } else {
        const rd_kafka_topic_partition_list_t *trimmed = rd_kafka_DeleteRecords_result_offsets(reply);
        code = trimmed->cnt ? trimmed->elems[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
        if (code)
            result = weir_error_set(error, WEIR_IO, "cannot trim topic '%s' partition %d before %lld: %s",
                                    topic, (int)partition, (long long)before_offset, rd_kafka_err2str(code));
    }
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteRecords_destroy(request);
    admin_close(&admin);
    return result;
}
