/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/topics.h"

#include "base/log.h"

#define LOOK_PATIENCE_MS 10000

static int look(const struct weir_kafka_client *client, const char *topic,
                struct weir_kafka_topic_facts *facts, struct weir_retention_topic *retention,
                struct weir_error *error) {
    int result = weir_kafka_topic_look(client, topic, LOOK_PATIENCE_MS, facts, error);
    if (!result) *retention = (struct weir_retention_topic){.topic = topic, .keeps_ms = facts->retention_ms};
    return result;
}

static int look_or_create(const struct weir_kafka_client *client, const char *topic, int32_t partitions,
                          struct weir_retention_topic *retention, struct weir_error *error) {
    struct weir_kafka_topic_facts facts;
    int result = look(client, topic, &facts, retention, error);
    if (result || facts.partition_count) return result;
    weir_log(WEIR_LOG_INFO, "creating topic %s: %d partitions, retention.ms=-1", topic, partitions);
    retention->keeps_ms = -1;
    return weir_kafka_topic_create(client, topic, partitions, LOOK_PATIENCE_MS, error);
}

int weir_topics_look(const struct weir_kafka_client *client, const struct weir_plan *plan,
                     struct weir_retention *retention, struct weir_error *error) {
    const struct weir_pipeline *pipeline = plan->pipeline;
    const char *source = pipeline->source.topic.text;
    struct weir_kafka_topic_facts facts;
    if (client->embedded) return WEIR_OK; /* makes topics on first use, keeps what fits */
    int result = look(client, source, &facts, &retention->source, error);
    if (!result && !facts.partition_count)
        return weir_error_set(error, WEIR_IO, "topic '%s' does not exist on %s [E405]", source,
                              client->brokers);
    for (int i = 0; i < WEIR_STREAM_COUNT && !result; i++) {
        const char *topic = weir_pipeline_sink(pipeline, (enum weir_stream)i)->topic.text;
        if (plan->streams[i].active && topic)
            result = look_or_create(client, topic, facts.partition_count, &retention->streams[i], error);
    }
    return result;
}
