/* SPDX-License-Identifier: Apache-2.0 */
/* demo_feed.c: rows in chunks: how many are due by the clock and by the reader's progress, then write, then
 * nap. */
#include "cli/demo_feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/demo_stream.h"

#define CHUNK 256
#define LEAD_MAX 8192 /* about 2 MB */
#define NAP_NS 2000000
#define FLUSH_MS 30000

struct weir_demo_feed {
    struct weir_demo_feed_options options;
    pthread_t thread;
    bool started;
    _Atomic uint64_t made, seen;
    atomic_bool stopping, failed;
    /* the running side's own */
    struct weir_demo_stream stream;
    struct weir_demo_row rows[CHUNK];
    struct weir_output_record records[CHUNK];
    struct weir_error error;
    int result;
};

static void nap(void) { nanosleep(&(struct timespec){0, NAP_NS}, NULL); }

/* Rows that may be written now: not faster than the pace, not too far ahead of the reader. */
static uint32_t due_count(const struct weir_demo_feed *feed, double started_s) {
    const struct weir_demo_feed_options *options = &feed->options;
    uint64_t made = atomic_load(&feed->made), until = options->rows;
    if (options->rows_per_s > 0) {
        double by_clock = options->rows_per_s * (weir_clock_s() - started_s);
        if (by_clock < (double)until) until = (uint64_t)by_clock;
    }
    if (options->has_reader && until > atomic_load(&feed->seen) + LEAD_MAX)
        until = atomic_load(&feed->seen) + LEAD_MAX;
    if (until <= made) return 0;
    return until - made < CHUNK ? (uint32_t)(until - made) : CHUNK;
}

static void make_rows(struct weir_demo_feed *feed, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct weir_demo_row *row = &feed->rows[i];
        weir_demo_stream_next(&feed->stream, row);
        feed->records[i] = (struct weir_output_record){.stream = WEIR_PREDICTIONS,
                                                       .timestamp_ms = WEIR_NO_TIMESTAMP,
                                                       .key = row->key_bytes,
                                                       .value = row->value_bytes};
    }
}

static int write_rows(struct weir_demo_feed *feed, struct weir_kafka_sink *sink, uint32_t count,
                      struct weir_error *error) {
    for (uint32_t done = 0; done < count;) {
        int taken = weir_kafka_sink_write(sink, feed->records + done, count - done, 0, error);
        if (taken < 0) return taken;
        done += (uint32_t)taken;
        weir_kafka_sink_poll(sink);
        if (done == count) break;
        if (atomic_load(&feed->stopping)) return WEIR_OK;
        nap(); /* its queue is full */
    }
    atomic_fetch_add(&feed->made, count);
    return WEIR_OK;
}

static void on_delivered(void *owner, uint64_t flight, uint32_t count) {
    (void)owner, (void)flight, (void)count;
}

static void on_refused(void *owner, uint64_t flight, const struct weir_error *error) {
    struct weir_demo_feed *feed = owner;
    (void)flight;
    feed->error = *error;
    feed->result = WEIR_IO;
}

int weir_demo_feed_run(struct weir_demo_feed *feed, struct weir_error *error) {
    struct weir_kafka_sink *sink = NULL;
    struct weir_kafka_sink_options options = {.client = feed->options.client,
                                              .topics = {[WEIR_PREDICTIONS] = WEIR_DEMO_TOPIC},
                                              .bare = {[WEIR_PREDICTIONS] = true},
                                              .watch = {feed, on_delivered, on_refused}};
    int result = weir_kafka_sink_open(&options, &sink, error);
    if (result) return result;
    weir_demo_stream_init(&feed->stream, feed->options.seed, feed->options.rows);
    double started_s = weir_clock_s();
    while (!result && !feed->result && !atomic_load(&feed->stopping) &&
           atomic_load(&feed->made) < feed->options.rows) {
        uint32_t count = due_count(feed, started_s);
        if (count) {
            make_rows(feed, count);
            result = write_rows(feed, sink, count, error);
        } else {
            weir_kafka_sink_poll(sink);
            nap();
        }
    }
    if (!result && !feed->result && !atomic_load(&feed->stopping) && weir_kafka_sink_flush(sink, FLUSH_MS))
        result =
            weir_error_set(error, WEIR_IO, "the last rows were not delivered within %d s", FLUSH_MS / 1000);
    weir_kafka_sink_close(sink);
    if (feed->result && !result) {
        *error = feed->error;
        result = feed->result;
    }
    return result;
}

static void *run_thread(void *owner) {
    struct weir_demo_feed *feed = owner;
    struct weir_error error = {0};
    int result = weir_demo_feed_run(feed, &error);
    feed->result = result; /* read by others after they joined this thread */
    feed->error = error;
    if (result) atomic_store(&feed->failed, true);
    return NULL;
}

struct weir_demo_feed *weir_demo_feed_create(const struct weir_demo_feed_options *options) {
    struct weir_demo_feed *feed = calloc(1, sizeof *feed);
    if (feed) feed->options = *options;
    return feed;
}

int weir_demo_feed_start(struct weir_demo_feed *feed, struct weir_error *error) {
    if (pthread_create(&feed->thread, NULL, run_thread, feed))
        return weir_error_set(error, WEIR_NOMEM, "no thread for the generator");
    feed->started = true;
    return WEIR_OK;
}

uint64_t weir_demo_feed_made(const struct weir_demo_feed *feed) { return atomic_load(&feed->made); }
void weir_demo_feed_seen(struct weir_demo_feed *feed, uint64_t rows) { atomic_store(&feed->seen, rows); }
bool weir_demo_feed_failed(const struct weir_demo_feed *feed) { return atomic_load(&feed->failed); }

int weir_demo_feed_stop(struct weir_demo_feed *feed, struct weir_error *error) {
    atomic_store(&feed->stopping, true);
    if (feed->started) pthread_join(feed->thread, NULL);
    feed->started = false;
    if (feed->result && error) *error = feed->error;
    return feed->result;
}

void weir_demo_feed_destroy(struct weir_demo_feed *feed) {
    if (!feed) return;
    weir_demo_feed_stop(feed, NULL);
    free(feed);
}
