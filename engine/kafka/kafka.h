/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.h: the Kafka door: a group consumer, a producer, an embedded cluster.
 *
 * place:    broker -> source -> task;  task -> sink -> broker. Nothing outside engine/kafka sees rdkafka.h.
 * threads:  all calls of one object from the thread that opened it; callbacks run inside *_poll on that
 * thread. limits:   see the properties set in client.c; any of them may be overridden by kafka.properties.
 * errors:   WEIR_IO with the broker's words; WEIR_AGAIN = queue full, stop intake and poll.
 */
#ifndef WEIR_KAFKA_KAFKA_H
#define WEIR_KAFKA_KAFKA_H

#include "base/diag.h"
#include "base/property.h"
#include "weir/error.h"
#include "weir/record.h"

/* ---- properties: every librdkafka name, checked before anything is opened ---- */

/* Unknown names, read-only and weir-owned names (group.id, enable.auto.commit...), and values librdkafka
 * refuses become findings at their place in the file, with a suggestion. */
void weir_kafka_check_properties(const struct weir_property *properties, uint32_t count,
                                 struct weir_diags *diags);

/* How to reach a cluster. Borrowed, pipeline lifetime. */
struct weir_kafka_client {
    const char *brokers; /* host:port,...: resolved, never "embedded" */
    const struct weir_property *properties;
    uint32_t property_count;
    bool embedded; /* brokers are a weir_kafka_embedded: fetch often, ask it nothing it cannot answer */
};

const char *weir_kafka_library_version(void); /* of the librdkafka at run time */

/* ---- embedded cluster: librdkafka's mock, in process ---- */

struct weir_kafka_embedded;
/* port 0 is not choosable in the mock: read the address it got. partitions: of topics made on first use. */
struct weir_kafka_embedded *weir_kafka_embedded_open(int32_t partitions, struct weir_error *error);
const char *weir_kafka_embedded_brokers(const struct weir_kafka_embedded *embedded);
int weir_kafka_embedded_create_topic(struct weir_kafka_embedded *embedded, const char *topic,
                                     int32_t partitions);
void weir_kafka_embedded_close(struct weir_kafka_embedded *embedded);

/* ---- source: one consumer of a group ---- */

struct weir_kafka_source;

struct weir_kafka_source_watch {
    void *owner;
    /* May be NULL. Asked before a partition is fetched: where to begin instead of `offset`, at most `offset`:
     * a task restored from a snapshot reads again what came after it. */
    int64_t (*resume)(void *owner, int32_t partition, int64_t offset);
    /* This partition is ours now; records start at `offset` (committed or by source.start). */
    void (*assigned)(void *owner, int32_t partition, int64_t offset);
    /* About to give these back: finish what is in flight, store and commit inside the call. lost = someone
     * else may own them already: drop, do not commit. Not called by weir_kafka_source_close. */
    void (*revoked)(void *owner, const int32_t *partitions, uint32_t count, bool lost);
    /* May be NULL. Nothing readable lies between the last record polled and `next_offset`, the partition's
     * end of committed records just now. The only way to know the end was reached: the last offsets of a
     * topic may be transaction markers, which no poll returns. */
    void (*caught_up)(void *owner, int32_t partition, int64_t next_offset);
    /* May be NULL. Asked for each partition before it is fetched, with what the group committed (`offset` as
     * `assigned` will tell it, metadata "" when there is none): true = it is fetched, but no record of it
     * comes out of a poll before weir_kafka_source_begin (R8). */
    bool (*hold)(void *owner, int32_t partition, int64_t offset, const char *metadata);
    /* May be NULL. Records that the group has not read are gone from this partition, or it was made anew:
     * error names the offsets (R10). Nothing more of it comes out of a poll. True: the others go on; else the
     * source cannot. */
    bool (*lost)(void *owner, int32_t partition, const struct weir_error *error);
    /* May be NULL. With skip_lost, after `hold` and before `assigned`: these offsets were deleted, records
     * start behind them. */
    void (*skipped)(void *owner, int32_t partition, int64_t first, int64_t last);
};

struct weir_kafka_source_options {
    struct weir_kafka_client client;
    const char *topic, *group;
    bool start_latest; /* only when the group has no offsets; else earliest */
    bool skip_lost;    /* begin behind records that were deleted before the group read them */
    /* Not a member of the group, only its name: reads nothing before weir_kafka_source_take_all. Who may
     * commit is then decided by the transactional.id alone. */
    bool alone;
    struct weir_kafka_source_watch watch;
};

int weir_kafka_source_open(const struct weir_kafka_source_options *options, struct weir_kafka_source **source,
                           struct weir_error *error);
/* Readable when records, errors or rebalances wait; drain with poll until it returns 0. */
int weir_kafka_source_fd(const struct weir_kafka_source *source);
/* At most max records, in order per partition, borrowed until the next poll or release. Also serves
 * rebalances and errors. Returns the count, or WEIR_IO (error filled): the source cannot go on. Offsets below
 * the intake cursor of their partition are dropped (R6); records of partitions not assigned too. */
int weir_kafka_source_poll(struct weir_kafka_source *source, struct weir_record *records, uint32_t max,
                           struct weir_error *error);
void weir_kafka_source_release(struct weir_kafka_source *source);
/* Back-pressure: while stopped, poll returns no records but still serves events. */
void weir_kafka_source_pause(struct weir_kafka_source *source, bool stopped);
/* Lets the records of a held partition out, all and in order, from the offset it was assigned at. Nothing
 * happens when the partition is not held, or not ours any more. */
void weir_kafka_source_begin(struct weir_kafka_source *source, int32_t partition);
/* A source that is alone: all partitions of the topic, as if a group had assigned them (watch.hold,
 * .assigned). */
int weir_kafka_source_take_all(struct weir_kafka_source *source, struct weir_error *error);
/* The number of the topic's partitions, or WEIR_IO. */
int weir_kafka_source_width(struct weir_kafka_source *source, struct weir_error *error);
/* Gives all partitions back (watch.revoked, inside a later poll) and asks for them anew. */
int weir_kafka_source_rejoin(struct weir_kafka_source *source, struct weir_error *error);
/* Next offset to read after a restart. store remembers, commit sends what was stored (wait: synchronously).
 */
void weir_kafka_source_store(struct weir_kafka_source *source, int32_t partition, int64_t next_offset);
int weir_kafka_source_commit(struct weir_kafka_source *source, bool wait, struct weir_error *error);
/* End offsets of all partitions of the topic as the broker reports them now. At most max; returns count or
 * WEIR_IO. */
int weir_kafka_source_ends(struct weir_kafka_source *source, int64_t *ends, uint32_t max,
                           struct weir_error *error);
/* Set when the broker has been unreachable since the last successful exchange; text of the newest error. */
bool weir_kafka_source_down(const struct weir_kafka_source *source, struct weir_error *error);
/* Leaves the group and frees everything; bounded time. */
void weir_kafka_source_close(struct weir_kafka_source *source);

/* ---- sink: one producer ---- */

struct weir_kafka_sink;

struct weir_kafka_sink_watch {
    void *owner;
    /* `count` records written with this flight number were acknowledged. */
    void (*delivered)(void *owner, uint64_t flight, uint32_t count);
    /* A record was refused for good (too large, topic gone, not authorised): the worker must stop. */
    void (*failed)(void *owner, uint64_t flight, const struct weir_error *error);
};

struct weir_kafka_sink_options {
    struct weir_kafka_client client;
    const char *topics[WEIR_STREAM_COUNT]; /* NULL = stream not published */
    bool bare[WEIR_STREAM_COUNT]; /* no headers, no timestamps: whole batches go out in one produce_batch call
                                   */
    struct weir_kafka_sink_watch watch;
};

int weir_kafka_sink_open(const struct weir_kafka_sink_options *options, struct weir_kafka_sink **sink,
                         struct weir_error *error);
int weir_kafka_sink_fd(const struct weir_kafka_sink *sink);
/* Copies and queues records in order. Returns how many were taken (fewer: queue full), or WEIR_IO. */
int weir_kafka_sink_write(struct weir_kafka_sink *sink, const struct weir_output_record *records,
                          uint32_t count, uint64_t flight, struct weir_error *error);
/* Serves delivery reports. Returns how many it served. */
int weir_kafka_sink_poll(struct weir_kafka_sink *sink);
uint32_t weir_kafka_sink_in_flight(const struct weir_kafka_sink *sink);
/* Waits until all is delivered or the time is over (WEIR_AGAIN). */
int weir_kafka_sink_flush(struct weir_kafka_sink *sink, int64_t timeout_ms);
void weir_kafka_sink_close(struct weir_kafka_sink *sink);

/* ---- looking at a cluster before running ---- */

struct weir_kafka_topic_facts {
    int32_t partition_count; /* 0: the topic does not exist */
    /* INT64_MIN = not known (mock cluster, no right to ask) */
    int64_t retention_ms, retention_bytes; /* -1 = for ever, without limit */
    int64_t min_insync;                    /* replicas */
    bool compacted, unclean_elections;
};
/* WEIR_IO when no broker answers within timeout_ms. */
int weir_kafka_topic_look(const struct weir_kafka_client *client, const char *topic, int64_t timeout_ms,
                          struct weir_kafka_topic_facts *facts, struct weir_error *error);
/* Creates a topic that keeps its records for ever (cleanup.policy=delete, retention.ms=-1): records that
 * carry event times of the past would be deleted at once under the broker's default. Its leaders are elected
 * among replicas that have all records, where the cluster lets us say so. Fine when it exists already. Not
 * for the embedded cluster. */
int weir_kafka_topic_create(const struct weir_kafka_client *client, const char *topic, int32_t partitions,
                            int64_t timeout_ms, struct weir_error *error);
/* Deletes the records of a partition before an offset, for good. WEIR_IO: refused, or no answer. */
int weir_kafka_topic_trim(const struct weir_kafka_client *client, const char *topic, int32_t partition,
                          int64_t before_offset, int64_t timeout_ms, struct weir_error *error);

#endif
