/* SPDX-License-Identifier: Apache-2.0 */
/* demo_feed.h: writes the demo's stream to Kafka, at a pace, on a thread of its own or on the caller's.
 *
 * place:    demo_stream -> feed -> Kafka sink -> topic card.transactions.
 * threads:  start makes one thread that owns stream and sink; made, seen, failed and stop may be called from
 *           any.
 * limits:   with a reader, at most LEAD_MAX rows ahead of it: the embedded cluster forgets what is older than
 *           5 MiB, read or not.
 */
#ifndef WEIR_CLI_DEMO_FEED_H
#define WEIR_CLI_DEMO_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "kafka/kafka.h"

struct weir_demo_feed;

struct weir_demo_feed_options {
    struct weir_kafka_client client;
    uint64_t seed, rows;
    double rows_per_s; /* 0 = as fast as it goes */
    bool has_reader;   /* somebody calls _seen */
};

/* NULL: no memory. Options are copied; the client's strings stay the caller's. */
struct weir_demo_feed *weir_demo_feed_create(const struct weir_demo_feed_options *options);
/* Writes all rows and waits until they are delivered. WEIR_OK, or why it ended early. */
int weir_demo_feed_run(struct weir_demo_feed *feed, struct weir_error *error);
int weir_demo_feed_start(struct weir_demo_feed *feed, struct weir_error *error); /* run on a thread */
uint64_t weir_demo_feed_made(const struct weir_demo_feed *feed);                 /* rows written so far */
void weir_demo_feed_seen(struct weir_demo_feed *feed, uint64_t rows);            /* rows read so far */
bool weir_demo_feed_failed(const struct weir_demo_feed *feed);
/* Stops the thread if there is one and waits for it. Returns what its run returned. */
int weir_demo_feed_stop(struct weir_demo_feed *feed, struct weir_error *error);
void weir_demo_feed_destroy(struct weir_demo_feed *feed);

#endif
