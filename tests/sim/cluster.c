/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c: life, virtual time, chance and the network of the simulated cluster. See cluster.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/inside.h"
#include "sim/memory.h"

#define START_MS 1000000

struct sim_cluster *sim_current;

const struct sim_faults sim_no_faults = {.chance = {0}};
const struct sim_faults sim_storm = {
    .chance = {[SIM_AGAIN_NOT_DONE] = 100,
               [SIM_AGAIN_DONE] = 100,
               [SIM_AGAIN_LATE] = 200,
               [SIM_END_TWICE] = 200,
               [SIM_SLOW] = 100,
               [SIM_ABORTABLE] = 60,
               [SIM_STRANGER] = 30,
               [SIM_BROKEN] = 30,
               [SIM_DELIVERY_LOST] = 60,
               [SIM_DELIVERY_LATE] = 100,
               [SIM_COORDINATOR_MOVES] = 50,
               [SIM_LEADER_MOVES] = 20,
               [SIM_CLUSTER_DOWN] = 10,
               [SIM_COMMITTED_AGAIN] = 300,
               [SIM_READER_AGAIN] = 200,
               [SIM_WRITER_FAILS] = 200},
    .marker_ms = 50,
    .call_ms = 5,
    .again_ms = 1000,
    .late_ms = 2000,
    .move_ms = 1000,
    .down_ms = 5000,
};

void *sim_arena_alloc(struct sim_cluster *cluster, size_t bytes) {
    sim_memory_hold();
    void *memory = weir_arena_alloc(&cluster->bytes, bytes);
    sim_memory_release();
    if (!memory) abort();
    return memory;
}

void *sim_grow(void *array, size_t bytes) {
    sim_memory_hold();
    void *grown = realloc(array, bytes);
    sim_memory_release();
    if (!grown) abort();
    return grown;
}

/* ---- chance ---- */

static uint64_t next_random(struct sim_cluster *cluster) { /* splitmix64 */
    uint64_t x = cluster->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint32_t sim_random(struct sim_cluster *cluster, uint32_t limit) {
    assert(limit > 0);
    return (uint32_t)((next_random(cluster) >> 32) * limit >> 32);
}

bool sim_strikes(struct sim_cluster *cluster, enum sim_fault fault) {
    uint32_t chance = cluster->faults.chance[fault];
    if (!chance || sim_random(cluster, 10000) >= chance) return false;
    cluster->struck[fault]++;
    return true;
}

uint64_t sim_struck(const struct sim_cluster *cluster, enum sim_fault fault) {
    return cluster->struck[fault];
}

uint64_t sim_hash(uint64_t hash, const void *bytes, size_t len) {
    const char *at = bytes;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 32;
    }
    uint64_t rest = len;
    for (size_t i = 0; i < len; i++) rest = rest << 8 | (unsigned char)at[i];
    hash = (hash ^ rest) * 0x9fb21c651e98df25u;
    return hash ^ hash >> 32;
}

void sim_note(struct sim_cluster *cluster, uint64_t word, const char *format, ...) {
    uint64_t words[2] = {word, (uint64_t)cluster->now_ms};
    cluster->digest = sim_hash(cluster->digest, words, sizeof words);
    if (!cluster->verbose) return;
    va_list arguments;
    va_start(arguments, format);
    printf("%10lld  ", (long long)cluster->now_ms);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

uint64_t sim_digest(const struct sim_cluster *cluster) { return cluster->digest; }

/* ---- the network and time ---- */

void sim_post(struct sim_cluster *cluster, const struct sim_event *event, uint32_t within_ms) {
    if (cluster->event_count == cluster->event_capacity) {
        cluster->event_capacity = cluster->event_capacity ? cluster->event_capacity * 2 : 64;
        cluster->events = sim_grow(cluster->events, cluster->event_capacity * sizeof *cluster->events);
    }
    struct sim_event posted = *event;
    posted.due_ms = cluster->now_ms + within_ms;
    posted.number = cluster->event_number++;
    uint32_t at = cluster->event_count++;
    for (; at > 0 && cluster->events[at - 1].due_ms > posted.due_ms; at--)
        cluster->events[at] = cluster->events[at - 1];
    cluster->events[at] = posted;
}

static void arrive(struct sim_cluster *cluster) {
    struct sim_event event = cluster->events[0];
    memmove(cluster->events, cluster->events + 1, --cluster->event_count * sizeof event);
    enum sim_answer answer;
    int epoch;
    const char *id = cluster->producers[event.producer].id;
    switch (event.kind) {
        case SIM_EVENT_END:
            answer = sim_end(cluster, event.producer, event.epoch, event.commit);
            sim_note(cluster, answer, "late EndTxn(%s, epoch %d, %s): answer %d", id, event.epoch,
                     event.commit ? "commit" : "abort", answer);
            break;
        case SIM_EVENT_INIT:
            answer = sim_init(cluster, event.producer, &epoch);
            sim_note(cluster, answer, "late InitProducerId(%s): answer %d", id, answer);
            break;
        case SIM_EVENT_PRODUCE:
            answer = sim_produce(cluster, event.producer, event.epoch, event.topic, event.partition,
                                 &event.record, NULL);
            sim_note(cluster, answer, "late Produce(%s, epoch %d): answer %d", id, event.epoch, answer);
            break;
        case SIM_EVENT_OFFSETS:
            answer = sim_offsets(cluster, event.producer, event.epoch, &event.membership, event.offsets,
                                 event.offset_count);
            sim_note(cluster, answer, "late TxnOffsetCommit(%s, epoch %d): answer %d", id, event.epoch,
                     answer);
            break;
        case SIM_EVENT_MARKER:
            sim_marker_arrives(cluster, &event);
            break;
    }
}

int64_t sim_next_due(const struct sim_cluster *cluster) {
    int64_t due = sim_timeout_due(cluster, NULL);
    if (cluster->event_count && cluster->events[0].due_ms < due) due = cluster->events[0].due_ms;
    return due;
}

void sim_advance(struct sim_cluster *cluster, int64_t ms) {
    assert(ms >= 0);
    int64_t target = cluster->now_ms + ms;
    for (;;) {
        int producer = -1;
        int64_t timeout = sim_timeout_due(cluster, &producer);
        int64_t due = sim_next_due(cluster);
        if (due > target) break;
        if (due > cluster->now_ms) cluster->now_ms = due;
        if (timeout == due)
            sim_timeout(cluster, producer);
        else
            arrive(cluster);
    }
    cluster->now_ms = target;
}

bool sim_wait(struct sim_cluster *cluster) {
    int64_t due = sim_next_due(cluster);
    if (due == INT64_MAX) return false;
    sim_advance(cluster, due > cluster->now_ms ? due - cluster->now_ms : 0);
    return true;
}

void sim_spend(struct sim_cluster *cluster, uint32_t up_to_ms) {
    if (up_to_ms) sim_advance(cluster, sim_random(cluster, up_to_ms + 1));
}

int64_t sim_now(const struct sim_cluster *cluster) { return cluster->now_ms; }

/* ---- what is away ---- */

/* Each begins to be away by chance, and then is for a while. */
static bool away(struct sim_cluster *cluster, enum sim_fault fault, int64_t *until, uint32_t up_to_ms,
                 const char *what) {
    if (cluster->now_ms < *until) return true;
    if (!sim_strikes(cluster, fault)) return false;
    *until = cluster->now_ms + 1 + sim_random(cluster, up_to_ms + 1);
    sim_note(cluster, (uint64_t)*until, "%s away until %lld", what, (long long)*until);
    return true;
}

bool sim_down(struct sim_cluster *cluster) {
    return away(cluster, SIM_CLUSTER_DOWN, &cluster->down_until, cluster->faults.down_ms, "cluster");
}

bool sim_coordinator_away(struct sim_cluster *cluster) {
    return sim_down(cluster) || away(cluster, SIM_COORDINATOR_MOVES, &cluster->coordinator_until,
                                     cluster->faults.move_ms, "transaction coordinator");
}

bool sim_group_away(struct sim_cluster *cluster) {
    return sim_down(cluster) || away(cluster, SIM_COORDINATOR_MOVES, &cluster->group_until,
                                     cluster->faults.move_ms, "group coordinator");
}

bool sim_leader_away(struct sim_cluster *cluster, int topic, int32_t partition) {
    return sim_down(cluster) ||
           away(cluster, SIM_LEADER_MOVES, &cluster->topics[topic].partitions[partition].away_until,
                cluster->faults.move_ms, "leader");
}

void sim_set_faults(struct sim_cluster *cluster, const struct sim_faults *faults) {
    cluster->faults = *faults;
    sim_note(cluster, 0, "other faults");
}

void sim_heal(struct sim_cluster *cluster) {
    sim_set_faults(cluster, &sim_no_faults);
    cluster->down_until = cluster->coordinator_until = cluster->group_until = 0;
    for (int t = 0; t < cluster->topic_count; t++)
        for (int32_t p = 0; p < cluster->topics[t].partition_count; p++)
            cluster->topics[t].partitions[p].away_until = 0;
}

/* ---- life ---- */

struct sim_cluster *sim_cluster_create(const struct sim_cluster_options *options) {
    assert(!sim_current);
    struct sim_cluster *cluster = sim_grow(NULL, sizeof *cluster);
    memset(cluster, 0, sizeof *cluster);
    weir_arena_init(&cluster->bytes);
    for (int i = 0; i < SIM_PROCESS_MAX; i++)
        snprintf(cluster->names[i], sizeof cluster->names[i], "sim:%d", i);
    sim_current = cluster;
    sim_cluster_reset(cluster, options);
    return cluster;
}

void sim_cluster_reset(struct sim_cluster *cluster, const struct sim_cluster_options *options) {
    assert(cluster->handles == 0); /* all closed: theirs is memory too */
    for (int t = 0; t < cluster->topic_count; t++)
        for (int32_t p = 0; p < cluster->topics[t].partition_count; p++) {
            struct sim_partition *partition = &cluster->topics[t].partitions[p];
            partition->count = partition->start = partition->away_until = 0;
            partition->open = 0;
        }
    memset(cluster->producers, 0, (size_t)cluster->producer_count * sizeof *cluster->producers);
    cluster->topic_count = cluster->producer_count = 0;
    cluster->event_count = 0;
    cluster->event_number = 0;
    weir_arena_reset(&cluster->bytes);
    cluster->faults = options->faults;
    cluster->random = options->seed * 0xd1342543de82ef95u + 1;
    cluster->digest = options->seed;
    cluster->verbose = options->verbose;
    cluster->txn_timeout_ms = options->txn_timeout_ms ? options->txn_timeout_ms : 10000;
    cluster->now_ms = START_MS;
    cluster->down_until = cluster->coordinator_until = cluster->group_until = 0;
    memset(cluster->struck, 0, sizeof cluster->struck);
    memset(cluster->lives, 0, sizeof cluster->lives);
    memset(cluster->owner, 0, sizeof cluster->owner);
    cluster->generation = cluster->member_number = 0;
    for (int32_t p = 0; p < SIM_PARTITION_MAX; p++)
        cluster->offsets[p] = (struct weir_kafka_offset){.partition = p, .next = -1};
}

void sim_cluster_destroy(struct sim_cluster *cluster) {
    assert(cluster->handles == 0);
    for (int t = 0; t < SIM_TOPIC_MAX; t++)
        for (int p = 0; p < SIM_PARTITION_MAX; p++) free(cluster->topics[t].partitions[p].entries);
    free(cluster->events);
    weir_arena_deinit(&cluster->bytes);
    free(cluster);
    sim_current = NULL;
}

struct weir_kafka_client sim_client(struct sim_cluster *cluster, int process) {
    assert(process >= 0 && process < SIM_PROCESS_MAX);
    return (struct weir_kafka_client){.brokers = cluster->names[process]};
}

int sim_process_of(const struct weir_kafka_client *client) {
    assert(sim_current && strncmp(client->brokers, "sim:", 4) == 0);
    int process = atoi(client->brokers + 4);
    assert(process >= 0 && process < SIM_PROCESS_MAX);
    return process;
}
