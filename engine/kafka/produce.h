/* SPDX-License-Identifier: Apache-2.0 */
/* produce.h: records into the queue of a producer: what sink, transaction and writer do alike.
 *
 * place:    sink | transaction | writer -> outlet -> librdkafka's queue; inside engine/kafka only.
 * threads:  the owner's; delivery reports run inside its polls and must call weir_kafka_outlet_reported.
 * limits:   queue.buffering.max.messages, queue.buffering.max.kbytes, message.max.bytes of the configuration.
 * errors:   WEIR_IO: refused for good, with topic and reason; a full queue is waited for, never reported.
 */
#ifndef WEIR_KAFKA_PRODUCE_H
#define WEIR_KAFKA_PRODUCE_H

#include "kafka/client.h"

#define WEIR_KAFKA_CHUNK 512

struct weir_kafka_outlet {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topics[WEIR_STREAM_COUNT];
    bool bare[WEIR_STREAM_COUNT];
    int flags; /* RD_KAFKA_MSG_F_COPY, or 0: bytes stay until their report */
    /* queued and not reported, and the most librdkafka may hold */
    uint64_t in_flight, in_flight_bytes, max_in_flight, max_in_flight_bytes, max_record_bytes;
    rd_kafka_message_t chunk[WEIR_STREAM_COUNT][WEIR_KAFKA_CHUNK];
};

/* A number of a configuration; 0 when it has none of that name. */
uint64_t weir_kafka_conf_number(const rd_kafka_conf_t *conf, const char *name);
/* Takes conf (also on failure) and makes the producer, with the limits that conf states. */
int weir_kafka_outlet_open(struct weir_kafka_outlet *outlet, rd_kafka_conf_t *conf, struct weir_error *error);
/* Gives up what is queued, destroys the producer. Accepts an outlet that was not opened. Afterwards no
 * record's bytes are used. */
void weir_kafka_outlet_close(struct weir_kafka_outlet *outlet);

/* A handle whose metadata was asked for: on 2.0.2 the first record of an unknown topic waits up to 1 s.
 * *answers says whether the cluster has answered so far; when it has not, it is not asked again. NULL: error
 * filled. */
rd_kafka_topic_t *weir_kafka_outlet_topic(struct weir_kafka_outlet *outlet, const char *name, bool *answers,
                                          struct weir_error *error);
/* Handles of all streams that have a topic. */
int weir_kafka_outlet_streams(struct weir_kafka_outlet *outlet, const char *const topics[WEIR_STREAM_COUNT],
                              const bool bare[WEIR_STREAM_COUNT], bool *answers, struct weir_error *error);

/* How many of the first count records may be queued now, at most WEIR_KAFKA_CHUNK. Negative: the first one
 * never. */
int weir_kafka_outlet_admit(const struct weir_kafka_outlet *outlet, const struct weir_output_record *records,
                            uint32_t count, struct weir_error *error);
/* Queues count admitted records. Order is kept within a stream. */
int weir_kafka_outlet_put(struct weir_kafka_outlet *outlet, const struct weir_output_record *records,
                          uint32_t count, void *opaque, struct weir_error *error);
/* Queues records without headers and times to one partition (or RD_KAFKA_PARTITION_UA), in order. Messages
 * are overwritten. */
int weir_kafka_outlet_batch(struct weir_kafka_outlet *outlet, rd_kafka_topic_t *topic, int32_t partition,
                            rd_kafka_message_t *messages, int count, struct weir_error *error);
/* "a record for topic '...' was refused: why", WEIR_IO. */
int weir_kafka_outlet_refused(const rd_kafka_topic_t *topic, const char *why, struct weir_error *error);
rd_kafka_message_t weir_kafka_outlet_message(struct weir_bytes key, struct weir_bytes value, void *opaque);

static inline void weir_kafka_outlet_reported(struct weir_kafka_outlet *outlet,
                                              const rd_kafka_message_t *message) {
    outlet->in_flight--;
    outlet->in_flight_bytes -= message->len + message->key_len;
}

#endif
