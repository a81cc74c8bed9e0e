/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/topics.h"

#include <inttypes.h>

#include "base/faults.h"
#include "base/log.h"
#include "runtime/exact_names.h"

#define LOOK_PATIENCE_MS 10000
#define KEPT_MIN_MS (60 * 60 * INT64_C(1000)) /* R10 */
#define KEPT_MIN_SNAPSHOTS 20

static int look(const struct weir_kafka_client *client, const char *topic,
                struct weir_kafka_topic_facts *facts, struct weir_retention_topic *retention,
                struct weir_error *error) {
    int result = weir_kafka_topic_look(client, topic, LOOK_PATIENCE_MS, facts, error);
    if (!result) *retention = (struct weir_retention_topic){.topic = topic, .keeps_ms = facts->retention_ms};
    return result;
}

static int look_or_create(const struct weir_kafka_client *client, const char *topic, int32_t partitions,
                          bool create, struct weir_retention_topic *retention, struct weir_error *error) {
    struct weir_kafka_topic_facts facts;
    int result = look(client, topic, &facts, retention, error);
    if (result || facts.partition_count || !create) return result;
    weir_log(WEIR_LOG_INFO, "creating topic %s: %d partitions, retention.ms=-1", topic, partitions);
    retention->keeps_ms = -1;
    return weir_kafka_topic_create(client, topic, partitions, LOOK_PATIENCE_MS, error);
}

/* ---- exactly once: what a replay rests on (R10) ---- */

/* A log that may lose or change what was read from it once makes recovery impossible. */
static int refuse_unfit(const char *topic, const struct weir_kafka_topic_facts *facts, int64_t kept_ms,
                        struct weir_error *error) {
    if (!WEIR_RULE(10)) return WEIR_OK;
    if (facts->compacted)
        return weir_error_set(
            error, WEIR_CONFIG,
            "topic '%s' is compacted: records that a replay needs vanish from it; exactly_once needs "
            "cleanup.policy=delete [E413]",
            topic);
    if (facts->unclean_elections)
        return weir_error_set(error, WEIR_CONFIG,
                              "topic '%s' allows unclean leader elections, which lose committed records; set "
                              "unclean.leader.election.enable=false on it [E413]",
                              topic);
    if (facts->retention_ms >= 0 && facts->retention_ms < kept_ms)
        return weir_error_set(
            error, WEIR_CONFIG,
            "topic '%s' keeps records for %" PRId64 " s; exactly_once needs %" PRId64
            " s (an hour, or 20 snapshot intervals) to read them again after a crash; raise "
            "retention.ms [E413]",
            topic, facts->retention_ms / 1000, kept_ms / 1000);
    return WEIR_OK;
}

static int look_at_own(const struct weir_kafka_client *client, const char *topic, int32_t partitions,
                       int64_t kept_ms, bool create, struct weir_error *error) {
    struct weir_kafka_topic_facts facts;
    int result = weir_kafka_topic_look(client, topic, LOOK_PATIENCE_MS, &facts, error);
    if (result) return result;
    if (!facts.partition_count)
        return create ? weir_kafka_topic_create(client, topic, partitions, LOOK_PATIENCE_MS, error) : WEIR_OK;
    if (facts.partition_count != partitions && WEIR_RULE(10))
        return weir_error_set(
            error, WEIR_CONFIG,
            "topic '%s' has %d partitions, the source has %d: a task is one partition of both; take a "
            "new source.group, or make them equal [E413]",
            topic, facts.partition_count, partitions);
    return refuse_unfit(topic, &facts, kept_ms, error);
}

static int look_exactly(const struct weir_kafka_client *client, const struct weir_pipeline *pipeline,
                        const struct weir_kafka_topic_facts *source, bool create, struct weir_error *error) {
    struct weir_exact_names names;
    int64_t kept_ms = KEPT_MIN_SNAPSHOTS * pipeline->state.snapshot_ms;
    if (kept_ms < KEPT_MIN_MS) kept_ms = KEPT_MIN_MS;
    int result = refuse_unfit(pipeline->source.topic.text, source, kept_ms, error);
    weir_exact_names_make(pipeline, NULL, &names);
    if (!result) result = look_at_own(client, names.journal, source->partition_count, kept_ms, create, error);
    if (!result)
        result = look_at_own(client, names.snapshots, source->partition_count, kept_ms, create, error);
    return result;
}

int weir_topics_look(const struct weir_kafka_client *client, const struct weir_plan *plan, bool create,
                     struct weir_retention *retention, struct weir_error *error) {
    const struct weir_pipeline *pipeline = plan->pipeline;
    const char *source = pipeline->source.topic.text;
    struct weir_kafka_topic_facts facts;
    if (client->embedded && weir_pipeline_is_exact(pipeline))
        return weir_error_set(
            error, WEIR_CONFIG,
            "the embedded cluster has no real transactions: exactly_once needs a Kafka broker [E413]");
    if (client->embedded) return WEIR_OK; /* makes topics on first use, keeps what fits */
    int result = look(client, source, &facts, &retention->source, error);
    if (!result && !facts.partition_count)
        return weir_error_set(error, WEIR_IO, "topic '%s' does not exist on %s [E405]", source,
                              client->brokers);
    if (!result && weir_pipeline_is_exact(pipeline))
        result = look_exactly(client, pipeline, &facts, create, error);
    for (int i = 0; i < WEIR_STREAM_COUNT && !result; i++) {
        const char *topic = weir_pipeline_sink(pipeline, (enum weir_stream)i)->topic.text;
        if (plan->streams[i].active && topic)
            result =
                look_or_create(client, topic, facts.partition_count, create, &retention->streams[i], error);
    }
    return result;
}

void weir_topics_of_streams(const struct weir_plan *plan, const char *topics[WEIR_STREAM_COUNT],
                            bool bare[WEIR_STREAM_COUNT]) {
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        if (!plan->streams[i].active) continue;
        topics[i] = weir_pipeline_sink(plan->pipeline, (enum weir_stream)i)->topic.text;
        bare[i] = !plan->streams[i].full_envelope && i != WEIR_DEAD_LETTERS;
    }
}
