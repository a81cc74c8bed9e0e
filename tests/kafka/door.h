/* SPDX-License-Identifier: Apache-2.0 */
/* door.h: one end of the Kafka door for tests: a source or a sink whose callbacks write down what they were
 * told.
 *
 * All waiting is for a condition with a deadline; a test that misses it fails with what it waited for.
 */
#ifndef WEIR_TESTS_KAFKA_DOOR_H
#define WEIR_TESTS_KAFKA_DOOR_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kafka/kafka.h"

#define DOOR_PARTITIONS 16
#define DOOR_BATCH 512
#define DOOR_TIMEOUT_MS 30000

static inline int64_t door_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A name no other run of the tests has used. */
static inline void door_unique(char *out, size_t size, const char *stem) {
    static int number;
    snprintf(out, size, "%s-%ld-%ld-%d", stem, (long)time(NULL), (long)getpid(), ++number);
}

/* ---- source ---- */

struct door_source {
    struct weir_kafka_source *source;
    int64_t started[DOOR_PARTITIONS]; /* offset told with assigned, -1 = not ours */
    int64_t next[DOOR_PARTITIONS];    /* behind the last record seen */
    int64_t caught_up[DOOR_PARTITIONS];
    uint32_t owned, revocations, backward; /* backward: offsets that did not rise */
    uint64_t records;
    bool commit_on_revoke, holding;     /* holding: partitions wait for weir_kafka_source_begin */
    char metadata[DOOR_PARTITIONS][96]; /* told with hold */
    struct weir_error error;            /* result of the last poll that failed */
    /* called for each record */
    void (*see)(void *context, const struct weir_record *record);
    void *context;
};

static inline void door_assigned(void *owner, int32_t partition, int64_t offset) {
    struct door_source *door = owner;
    door->started[partition] = door->next[partition] = offset;
    door->owned++;
}
static inline void door_revoked(void *owner, const int32_t *partitions, uint32_t count, bool lost) {
    struct door_source *door = owner;
    door->revocations++;
    for (uint32_t i = 0; i < count; i++) {
        int32_t p = partitions[i];
        if (door->commit_on_revoke && !lost) weir_kafka_source_store(door->source, p, door->next[p]);
        door->started[p] = -1;
        door->owned--;
    }
    struct weir_error error;
    if (door->commit_on_revoke && !lost) weir_kafka_source_commit(door->source, true, &error);
}
static inline void door_caught_up(void *owner, int32_t partition, int64_t next_offset) {
    ((struct door_source *)owner)->caught_up[partition] = next_offset;
}

static inline bool door_hold(void *owner, int32_t partition, int64_t offset, const char *metadata) {
    struct door_source *door = owner;
    (void)offset; /* `assigned` tells it too */
    snprintf(door->metadata[partition], sizeof door->metadata[0], "%s", metadata);
    return door->holding;
}

static inline int door_source_open(struct door_source *door, const struct weir_kafka_client *client,
                                   const char *topic, const char *group, bool latest) {
    for (int p = 0; p < DOOR_PARTITIONS; p++) door->started[p] = door->next[p] = door->caught_up[p] = -1;
    struct weir_kafka_source_options options = {
        .client = *client,
        .topic = topic,
        .group = group,
        .start_latest = latest,
        .watch = {.owner = door,
                  .assigned = door_assigned,
                  .revoked = door_revoked,
                  .caught_up = door_caught_up,
                  .hold = door_hold},
    };
    return weir_kafka_source_open(&options, &door->source, &door->error);
}

/* Waits for the descriptor at most timeout_ms, then drains. Returns records seen, or the error of poll. */
static inline int door_source_turn(struct door_source *door, int timeout_ms) {
    struct weir_record records[DOOR_BATCH];
    struct pollfd wait = {.fd = weir_kafka_source_fd(door->source), .events = POLLIN};
    int seen = 0;
    poll(&wait, 1, timeout_ms);
    for (;;) {
        int count = weir_kafka_source_poll(door->source, records, DOOR_BATCH, &door->error);
        if (count <= 0) return count < 0 ? count : seen;
        for (int i = 0; i < count; i++) {
            int32_t p = records[i].partition;
            if (records[i].offset < door->next[p]) door->backward++;
            door->next[p] = records[i].offset + 1;
            if (door->see) door->see(door->context, &records[i]);
        }
        door->records += (uint64_t)count;
        seen += count;
    }
}

/* True once `count` records were seen in all. */
static inline bool door_source_until(struct door_source *door, uint64_t count) {
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while (door->records < count && door_now_ms() < deadline_ms)
        if (door_source_turn(door, 100) < 0) return false;
    return door->records >= count;
}

static inline bool door_source_owns(struct door_source *door, uint32_t partitions) {
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while (door->owned != partitions && door_now_ms() < deadline_ms)
        if (door_source_turn(door, 100) < 0) return false;
    return door->owned == partitions;
}

/* Stores and commits all that was seen. */
static inline int door_source_commit(struct door_source *door) {
    for (int p = 0; p < DOOR_PARTITIONS; p++)
        if (door->started[p] >= 0) weir_kafka_source_store(door->source, p, door->next[p]);
    return weir_kafka_source_commit(door->source, true, &door->error);
}

/* ---- sink ---- */

struct door_sink {
    struct weir_kafka_sink *sink;
    uint64_t delivered, calls, delivered_of[8]; /* by flight, while small */
    uint32_t failures;
    struct weir_error error;
};

static inline void door_delivered(void *owner, uint64_t flight, uint32_t count) {
    struct door_sink *door = owner;
    door->delivered += count;
    door->calls++;
    if (flight < 8) door->delivered_of[flight] += count;
}
static inline void door_failed(void *owner, uint64_t flight, const struct weir_error *error) {
    (void)flight;
    struct door_sink *door = owner;
    door->failures++;
    door->error = *error;
}

static inline int door_sink_open(struct door_sink *door, const struct weir_kafka_client *client,
                                 const char *topic, bool bare) {
    struct weir_kafka_sink_options options = {
        .client = *client,
        .topics[WEIR_PREDICTIONS] = topic,
        .bare[WEIR_PREDICTIONS] = bare,
        .watch = {.owner = door, .delivered = door_delivered, .failed = door_failed},
    };
    return weir_kafka_sink_open(&options, &door->sink, &door->error);
}

/* One record with a header weir-id=x-1, key k, value v and a time. 0 when it was delivered. */
#define DOOR_TIME_MS 1714557600042
static inline int door_write_envelope(const struct weir_kafka_client *client, const char *topic) {
    struct door_sink door = {0};
    const struct weir_header header = {"weir-id", {"x-1", 3}};
    const struct weir_output_record record = {.stream = WEIR_PREDICTIONS,
                                              .timestamp_ms = DOOR_TIME_MS,
                                              .key = {"k", 1},
                                              .value = {"v", 1},
                                              .headers = &header,
                                              .header_count = 1};
    if (door_sink_open(&door, client, topic, false)) return door.error.result;
    int taken = weir_kafka_sink_write(door.sink, &record, 1, 1, &door.error);
    int result = taken == 1 ? weir_kafka_sink_flush(door.sink, 10000) : WEIR_IO;
    weir_kafka_sink_close(door.sink);
    return result;
}

/* Writes `count` records "<number>" with key "<number % keys>"; waits while the queue is full. */
static inline int door_sink_fill(struct door_sink *door, uint64_t first, uint64_t count, uint64_t keys) {
    for (uint64_t i = first; i < first + count;) {
        char key[24], value[24];
        struct weir_output_record record = {.stream = WEIR_PREDICTIONS, .timestamp_ms = WEIR_NO_TIMESTAMP};
        record.key = (struct weir_bytes){
            key, (size_t)snprintf(key, sizeof key, "%llu", (unsigned long long)(i % keys))};
        record.value =
            (struct weir_bytes){value, (size_t)snprintf(value, sizeof value, "%llu", (unsigned long long)i)};
        int taken = weir_kafka_sink_write(door->sink, &record, 1, 1, &door->error);
        if (taken < 0) return taken;
        i += (uint64_t)taken;
        struct pollfd wait = {.fd = weir_kafka_sink_fd(door->sink), .events = POLLIN};
        if (!taken) poll(&wait, 1, 1000);
        if (!taken || i % 1000 == 0) weir_kafka_sink_poll(door->sink);
    }
    return weir_kafka_sink_flush(door->sink, DOOR_TIMEOUT_MS);
}

#endif
