/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_echo.c: weir's Kafka door alone: source -> sink with the loop of a worker but no core between them.
 *
 *   bench_kafka_echo bare|full|consume BROKERS IN OUT N [property=value...]
 *
 * bare: key and value; full: also timestamp and the three headers of a prediction; consume: nothing is
 * written. Offsets are committed every 100 ms for what was delivered. Compare with bench_floor in the same
 * session.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "kafka/kafka.h"

#define BATCH 512 /* fits the first cache levels: larger ones cost 5 to 10 % more a record */
#define PARTITIONS 256
#define PROPERTIES_MAX 16
#define COMMIT_MS 100
/* More records in flight buy no CPU: an idempotent producer of 2.0.2 with 5 requests open and more records
 * ready polls its socket without pause (0.3 us a record and more). */
#define IN_FLIGHT_MAX 20000

struct echo {
    struct weir_kafka_source *source;
    struct weir_kafka_sink *sink;
    int64_t next[PARTITIONS];
    uint64_t read, delivered, batches;
    bool failed;
    struct weir_record in[BATCH];
    struct weir_output_record out[BATCH];
    struct weir_header headers[BATCH][3];
    char ids[BATCH][64];
};

static void on_assigned(void *owner, int32_t partition, int64_t offset) {
    (void)owner, (void)partition, (void)offset;
}
static void on_revoked(void *owner, const int32_t *partitions, uint32_t count, bool lost) {
    (void)owner, (void)partitions, (void)count, (void)lost;
}
static void on_delivered(void *owner, uint64_t flight, uint32_t count) {
    (void)flight;
    ((struct echo *)owner)->delivered += count;
}
static void on_failed(void *owner, uint64_t flight, const struct weir_error *error) {
    (void)flight;
    fprintf(stderr, "bench_kafka_echo: %s\n", error->text);
    ((struct echo *)owner)->failed = true;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void die(const struct weir_error *error) {
    fprintf(stderr, "bench_kafka_echo: %s\n", error->text);
    exit(1);
}

/* What a prediction's envelope holds: pipeline, model version, id of the record it answers. */
static void add_envelope(struct echo *echo, int i) {
    const struct weir_record *in = &echo->in[i];
    int len = snprintf(echo->ids[i], sizeof echo->ids[i], "%s-%d-%lld", in->topic, (int)in->partition,
                       (long long)in->offset);
    echo->headers[i][0] = (struct weir_header){"weir-pipeline", {"echo", 4}};
    echo->headers[i][1] = (struct weir_header){"weir-model-version", {"1", 1}};
    echo->headers[i][2] = (struct weir_header){"weir-id", {echo->ids[i], (size_t)len}};
    echo->out[i].headers = echo->headers[i];
    echo->out[i].header_count = 3;
    echo->out[i].timestamp_ms = in->timestamp_ms;
}

static void write_batch(struct echo *echo, int count, bool full, uint64_t flight) {
    struct weir_error error;
    for (int i = 0; i < count; i++) {
        echo->out[i] = (struct weir_output_record){.stream = WEIR_PREDICTIONS,
                                                   .timestamp_ms = WEIR_NO_TIMESTAMP,
                                                   .key = echo->in[i].key,
                                                   .value = echo->in[i].value};
        if (full) add_envelope(echo, i);
    }
    for (int taken = 0; taken < count;) {
        int n =
            weir_kafka_sink_write(echo->sink, echo->out + taken, (uint32_t)(count - taken), flight, &error);
        if (n < 0) die(&error);
        taken += n;
        struct pollfd wait = {.fd = weir_kafka_sink_fd(echo->sink), .events = POLLIN};
        if (taken < count && poll(&wait, 1, 1000) >= 0) weir_kafka_sink_poll(echo->sink);
    }
}

/* Reads and writes until the source is drained or N is reached. */
static void drain(struct echo *echo, uint64_t limit, bool full) {
    struct weir_error error;
    while (echo->read < limit && (!echo->sink || weir_kafka_sink_in_flight(echo->sink) < IN_FLIGHT_MAX)) {
        int count = weir_kafka_source_poll(echo->source, echo->in, BATCH, &error);
        if (count < 0) die(&error);
        if (!count) return;
        echo->read += (uint64_t)count;
        echo->batches++;
        if (echo->sink) write_batch(echo, count, full, echo->read);
        for (int i = 0; i < count; i++) echo->next[echo->in[i].partition] = echo->in[i].offset + 1;
        weir_kafka_source_release(echo->source);
        if (echo->sink) weir_kafka_sink_poll(echo->sink);
    }
}

static void commit(struct echo *echo) {
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (echo->next[p] > 0) weir_kafka_source_store(echo->source, p, echo->next[p]);
    struct weir_error error;
    if (weir_kafka_source_commit(echo->source, false, &error)) die(&error);
}

static uint32_t parse_properties(char **words, int count, struct weir_property *properties) {
    uint32_t parsed = 0;
    for (int i = 0; i < count && parsed < PROPERTIES_MAX; i++) {
        char *equal = strchr(words[i], '=');
        if (!equal) continue;
        *equal = '\0';
        properties[parsed++] = (struct weir_property){.name = words[i], .value = equal + 1};
    }
    return parsed;
}

static void run(struct echo *echo, uint64_t limit, bool full) {
    int64_t committed_ms = now_ms();
    while (echo->read < limit && !echo->failed) {
        struct pollfd fds[2] = {{.fd = weir_kafka_source_fd(echo->source), .events = POLLIN},
                                {.fd = echo->sink ? weir_kafka_sink_fd(echo->sink) : -1, .events = POLLIN}};
        poll(fds, 2, COMMIT_MS);
        if (echo->sink && fds[1].revents) weir_kafka_sink_poll(echo->sink);
        drain(echo, limit, full);
        if (now_ms() - committed_ms < COMMIT_MS) continue;
        committed_ms = now_ms();
        if (!echo->sink || echo->delivered == echo->read) commit(echo);
    }
    if (echo->sink && weir_kafka_sink_flush(echo->sink, 60000)) echo->failed = true;
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "bench_kafka_echo bare|full|consume BROKERS IN OUT N [property=value...]\n");
        return 64;
    }
    static struct echo echo;
    bool full = !strcmp(argv[1], "full"), writes = strcmp(argv[1], "consume") != 0;
    char group[64];
    snprintf(group, sizeof group, "echo-%ld-%ld", (long)time(NULL), (long)getpid());
    struct weir_error error;
    struct weir_property properties[PROPERTIES_MAX];
    uint32_t property_count = parse_properties(argv + 6, argc - 6, properties);
    struct weir_kafka_client client = {
        .brokers = argv[2], .properties = properties, .property_count = property_count};
    struct weir_kafka_source_options in = {
        .client = client,
        .topic = argv[3],
        .group = group,
        .watch = {.owner = &echo, .assigned = on_assigned, .revoked = on_revoked}};
    struct weir_kafka_sink_options out = {
        .client = client,
        .topics[WEIR_PREDICTIONS] = argv[4],
        .bare[WEIR_PREDICTIONS] = !full,
        .watch = {.owner = &echo, .delivered = on_delivered, .failed = on_failed}};
    if (weir_kafka_source_open(&in, &echo.source, &error)) die(&error);
    if (writes && weir_kafka_sink_open(&out, &echo.sink, &error)) die(&error);
    int64_t start_ms = now_ms();
    run(&echo, strtoull(argv[5], NULL, 10), full);
    int64_t wall_ms = now_ms() - start_ms;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    printf(
        "{\"bench\":\"kafka_echo\",\"mode\":\"%s\",\"events\":%llu,\"delivered\":%llu,\"batches\":%llu,\"cpu_"
        "s\":%.3f,"
        "\"cpu_us_per_event\":%.4f,\"wall_s\":%.3f,\"peak_rss_mb\":%ld}\n",
        argv[1], (unsigned long long)echo.read, (unsigned long long)echo.delivered,
        (unsigned long long)echo.batches, cpu, cpu / (double)echo.read * 1e6, (double)wall_ms * 1e-3,
        usage.ru_maxrss / 1024);
    weir_kafka_source_close(echo.source);
    weir_kafka_sink_close(echo.sink);
    return echo.failed;
}
