/* SPDX-License-Identifier: Apache-2.0 */
/* source.h: the consumer as its two files see it: source.c (reading) and group.c (assignment, offsets).
 *
 * place:    inside engine/kafka only.
 * queues:   two, on purpose. `events` is the consumer's own queue: rebalances, errors, statistics. `data`
 * gets the records: each partition's fetch queue is forwarded to it before the partition is assigned. So
 *           back-pressure is "do not read data", while the group is served all the same, and a rebalance
 * never happens in the middle of a batch. `replies` gets the answers to offset commits.
 */
#ifndef WEIR_KAFKA_SOURCE_H
#define WEIR_KAFKA_SOURCE_H

#include "base/arena.h"
#include "kafka/client.h"
#include "kafka/intake.h"
#include "kafka/transaction.h"

#define WEIR_KAFKA_BATCH_MAX 2048 /* records of one poll */

struct weir_kafka_source {
    rd_kafka_t *rk;
    rd_kafka_queue_t *events, *data, *replies;
    char *topic, *group;
    struct weir_kafka_source_watch watch;
    bool start_latest, skip_lost, alone, stopped, closing;
    bool was_assigned, left; /* at least once; the group: see weir_kafka_source_close */
    int wake_fd;
    struct weir_kafka_intake intake;
    struct weir_kafka_health health;
    uint32_t commits_open; /* sent and not answered */
    rd_kafka_message_t *batch[WEIR_KAFKA_BATCH_MAX];
    uint32_t batch_count;
    struct weir_arena headers; /* of the records of the batch */
};

/* librdkafka's rebalance callback; opaque is the source. */
void weir_kafka_group_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                                rd_kafka_topic_partition_list_t *list, void *opaque);
/* Where to begin is found out, the owner is asked and told. Troubles go to health.broken. */
void weir_kafka_group_assign(struct weir_kafka_source *source, rd_kafka_topic_partition_list_t *list);
/* The log no longer holds (or never held) the offset the cursor of this partition asks for. */
void weir_kafka_group_lost(struct weir_kafka_source *source, int32_t partition);
/* Asks for the offsets at one edge of all partitions of list, RD_KAFKA_OFFSET_BEGINNING or _END. */
rd_kafka_resp_err_t weir_kafka_group_edges(struct weir_kafka_source *source,
                                           rd_kafka_topic_partition_list_t *list, int64_t edge,
                                           int timeout_ms);
/* The metadata the group committed with an offset, cut to its size; "" = none. */
void weir_kafka_copy_metadata(char out[WEIR_KAFKA_METADATA_BYTES], const rd_kafka_topic_partition_t *found);

#endif
