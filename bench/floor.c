/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c: what a bare librdkafka client costs on the workload: the limit that weir's Kafka door is measured
 * against.
 *
 *   bench_floor consume BROKERS IN N         read N records
 *   bench_floor echo BROKERS IN OUT N        read N records, write key and value of each to OUT
 *   bench_floor safe_echo BROKERS IN OUT N   the same with an idempotent producer, as weir's is
 *   bench_floor eos BROKERS IN OUT N         the same in transactions of 100 ms, each waited for: the usual
 * loop
 *
 * Batches both ways (consume_batch_queue, produce_batch), delivery reports counted, librdkafka's defaults
 * else. One JSON line says what it cost: CPU seconds are of this process alone, user and system.
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runtime/latency.h"

#define BATCH 2000
#define PARTITION_MAX 64
#define COMMIT_S 0.1

struct floor {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *out;
    long delivered, failed;
    unsigned checksum; /* so that no compiler leaves the reading out */
    rd_kafka_message_t *in[BATCH], echo[BATCH];
    /* eos: */
    const char *topic;
    bool transactional, open;
    double began;
    int64_t next[PARTITION_MAX];
    struct weir_latency commits; /* offsets and commit, delivery waited for */
};

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_seconds(const struct rusage *usage) {
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1e-6;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    struct floor *state = opaque;
    if (message->err)
        state->failed++;
    else
        state->delivered++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return;
    fprintf(stderr, "bench_floor: %s\n", why);
    exit(1);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk) return rk;
    fprintf(stderr, "bench_floor: %s\n", why);
    exit(1);
}

static void open_consumer(struct floor *state, const char *brokers, const char *topic) {
    char group[64];
    snprintf(group, sizeof group, "floor-%ld-%ld", (long)time(NULL), (long)getpid());
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "group.id", group);
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    state->consumer = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(state->consumer);
    state->queue = rd_kafka_queue_get_consumer(state->consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(state->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
}

static void must(rd_kafka_error_t *error, const char *what) {
    if (!error) return;
    fprintf(stderr, "bench_floor: %s: %s\n", what, rd_kafka_error_string(error));
    exit(1);
}

static void open_producer(struct floor *state, const char *brokers, const char *topic, bool safe) {
    char id[64];
    snprintf(id, sizeof id, "floor-%ld-%ld", (long)time(NULL), (long)getpid());
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "linger.ms", "5");
    set(conf, "enable.idempotence", safe || state->transactional ? "true" : "false");
    set(conf, "queue.buffering.max.messages", "1000000");
    if (state->transactional) set(conf, "transactional.id", id);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, state);
    state->producer = client(RD_KAFKA_PRODUCER, conf);
    if (state->transactional) must(rd_kafka_init_transactions(state->producer, 30000), "init");
    state->out = rd_kafka_topic_new(state->producer, topic, NULL);
}

static void commit(struct floor *state) {
    double start = seconds_now();
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(PARTITION_MAX);
    for (int32_t p = 0; p < PARTITION_MAX; p++)
        if (state->next[p])
            rd_kafka_topic_partition_list_add(offsets, state->topic, p)->offset = state->next[p];
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(state->consumer);
    must(rd_kafka_send_offsets_to_transaction(state->producer, offsets, group, -1), "offsets");
    must(rd_kafka_commit_transaction(state->producer, -1), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    state->open = false;
    weir_latency_add(&state->commits, (uint64_t)((seconds_now() - start) * 1e6));
}

static void echo(struct floor *state, int count) {
    if (state->transactional && !state->open && count) {
        must(rd_kafka_begin_transaction(state->producer), "begin");
        state->open = true;
        state->began = seconds_now();
    }
    while (count) {
        int taken = rd_kafka_produce_batch(state->out, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                           state->echo, count);
        if (taken == count) break;
        int left = 0; /* the queue is full: keep those that were not taken, in order */
        for (int i = 0; i < count; i++)
            if (state->echo[i].err) state->echo[left++] = state->echo[i];
        count = left;
        rd_kafka_poll(state->producer, 5);
    }
    rd_kafka_poll(state->producer, 0);
}

/* One batch; returns its records. */
static long step(struct floor *state) {
    ssize_t count = rd_kafka_consume_batch_queue(state->queue, 100, state->in, BATCH);
    int records = 0;
    for (ssize_t i = 0; i < count; i++) {
        const rd_kafka_message_t *in = state->in[i];
        if (in->err) continue;
        if (in->partition < PARTITION_MAX) state->next[in->partition] = in->offset + 1;
        if (in->len) state->checksum += ((const unsigned char *)in->payload)[in->len / 2];
        rd_kafka_message_t *out = &state->echo[records++];
        memset(out, 0, sizeof *out);
        out->payload = in->payload, out->len = in->len;
        out->key = in->key, out->key_len = in->key_len;
    }
    if (state->producer) echo(state, records);
    if (state->open && seconds_now() - state->began > COMMIT_S) commit(state);
    for (ssize_t i = 0; i < count; i++) rd_kafka_message_destroy(state->in[i]);
    return records;
}

int main(int argc, char **argv) {
    bool safe = argc == 6 && !strcmp(argv[1], "safe_echo");
    bool eos = argc == 6 && !strcmp(argv[1], "eos");
    bool echoes = safe || eos || (argc == 6 && !strcmp(argv[1], "echo"));
    if (!echoes && !(argc == 5 && !strcmp(argv[1], "consume"))) {
        fprintf(stderr, "bench_floor consume BROKERS IN N | echo|safe_echo|eos BROKERS IN OUT N\n");
        return 64;
    }
    static struct floor state;
    state.topic = argv[3];
    state.transactional = eos;
    long limit = atol(argv[argc - 1]), seen = 0;
    open_consumer(&state, argv[2], argv[3]);
    if (echoes) open_producer(&state, argv[2], argv[4], safe);
    double start = 0;
    while (seen < limit) {
        long records = step(&state);
        if (!seen && records) start = seconds_now();
        seen += records;
    }
    if (state.open) commit(&state);
    if (echoes) rd_kafka_flush(state.producer, 60000);
    double wall = seconds_now() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "{\"bench\":\"floor\",\"mode\":\"%s\",\"events\":%ld,\"delivered\":%ld,\"failed\":%ld,\"cpu_s\":%.3f,"
        "\"cpu_us_per_event\":%.4f,\"wall_s\":%.3f,\"peak_rss_mb\":%ld,\"checksum\":%u,"
        "\"commits\":{\"count\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}}\n",
        argv[1], seen, state.delivered, state.failed, cpu_seconds(&usage),
        cpu_seconds(&usage) / (double)seen * 1e6, wall, usage.ru_maxrss / 1024, state.checksum,
        (unsigned long long)state.commits.count, (double)weir_latency_quantile_us(&state.commits, 0.5) / 1e3,
        (double)weir_latency_quantile_us(&state.commits, 0.99) / 1e3, (double)state.commits.max_us / 1e3);
    return state.failed != 0; /* the kernel closes the rest; a clean close would be measured too */
}
