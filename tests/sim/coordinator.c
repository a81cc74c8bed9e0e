/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator.c: the transaction coordinator, and what leaders and the group do with its transactions.
 *
 * States as in Kafka's protocol before KIP-890 (KIP-98): the first partition or group added begins a
 * transaction; EndTxn prepares the decision, answers, and only then markers go out; while they do, everything
 * else is told to come again (BUSY). A decided transaction answers the same EndTxn with "done", which is
 * what makes a late one dangerous: nothing in it says which transaction it meant (KAFKA-17754).
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/inside.h"

static const char *const state_names[] = {"empty",         "ongoing",   "prepare-commit",
                                          "prepare-abort", "committed", "aborted"};

int sim_producer_find(struct sim_cluster *cluster, const char *id) {
    for (int i = 0; i < cluster->producer_count; i++)
        if (!cluster->producers[i].upstream && strcmp(cluster->producers[i].id, id) == 0) return i;
    assert(cluster->producer_count < SIM_PRODUCER_MAX);
    struct sim_producer *producer = &cluster->producers[cluster->producer_count];
    snprintf(producer->id, sizeof producer->id, "%s", id);
    producer->epoch = -1;
    return cluster->producer_count++;
}

static void change(struct sim_cluster *cluster, struct sim_producer *producer, enum sim_txn_state state) {
    producer->state = state;
    sim_note(cluster, (uint64_t)state + (uint64_t)producer->epoch * 8, "coordinator: %s epoch %d %s",
             producer->id, producer->epoch, state_names[state]);
}

/* ---- deciding ---- */

static void arrived(struct sim_cluster *cluster, struct sim_producer *producer) {
    assert(producer->pieces > 0);
    if (--producer->pieces) return;
    memset(producer->in, 0, sizeof producer->in);
    producer->group = false;
    change(cluster, producer, producer->state == SIM_PREPARE_COMMIT ? SIM_COMMITTED : SIM_ABORTED);
}

static void apply_offsets(struct sim_cluster *cluster, struct sim_producer *producer, bool commit) {
    for (int32_t p = 0; p < SIM_PARTITION_MAX; p++) {
        if (!(producer->pending_bits >> p & 1) || !commit) continue;
        cluster->offsets[p] = producer->pending[p];
        sim_note(cluster, (uint64_t)producer->pending[p].next, "group: partition %d at %lld (%s)", (int)p,
                 (long long)producer->pending[p].next, producer->pending[p].metadata);
    }
    producer->pending_bits = 0;
}

void sim_marker_arrives(struct sim_cluster *cluster, const struct sim_event *event) {
    struct sim_producer *producer = &cluster->producers[event->producer];
    if (event->topic < 0)
        apply_offsets(cluster, producer, event->commit);
    else
        sim_log_mark(cluster, event->topic, event->partition, event->producer, event->commit);
    arrived(cluster, producer);
}

static void send_marker(struct sim_cluster *cluster, int producer, bool commit, int topic,
                        int32_t partition) {
    struct sim_event event = {.kind = SIM_EVENT_MARKER,
                              .producer = producer,
                              .commit = commit,
                              .topic = topic,
                              .partition = partition};
    if (cluster->faults.marker_ms)
        sim_post(cluster, &event, sim_random(cluster, cluster->faults.marker_ms + 1));
    else
        sim_marker_arrives(cluster, &event);
}

static void decide(struct sim_cluster *cluster, int index, bool commit) {
    struct sim_producer *producer = &cluster->producers[index];
    assert(producer->state == SIM_ONGOING);
    change(cluster, producer, commit ? SIM_PREPARE_COMMIT : SIM_PREPARE_ABORT);
    uint32_t in[SIM_TOPIC_MAX];
    memcpy(in, producer->in, sizeof in);
    bool group = producer->group;
    producer->pieces = group;
    for (int t = 0; t < cluster->topic_count; t++) producer->pieces += (uint32_t)__builtin_popcount(in[t]);
    assert(producer->pieces > 0);
    for (int t = 0; t < cluster->topic_count; t++)
        for (uint32_t bits = in[t]; bits; bits &= bits - 1)
            send_marker(cluster, index, commit, t, __builtin_ctz(bits));
    if (group) send_marker(cluster, index, commit, -1, 0);
}

/* ---- requests ---- */

static bool preparing(const struct sim_producer *producer) {
    return producer->state == SIM_PREPARE_COMMIT || producer->state == SIM_PREPARE_ABORT;
}

enum sim_answer sim_init(struct sim_cluster *cluster, int index, int *epoch) {
    struct sim_producer *producer = &cluster->producers[index];
    if (producer->state == SIM_ONGOING) { /* fence its owner, then abort: the client comes again */
        producer->epoch++;
        decide(cluster, index, false);
        return SIM_BUSY;
    }
    if (preparing(producer)) return SIM_BUSY;
    *epoch = ++producer->epoch;
    change(cluster, producer, SIM_EMPTY);
    return SIM_DONE;
}

static enum sim_answer join(struct sim_cluster *cluster, struct sim_producer *producer, int epoch) {
    if (epoch != producer->epoch) return SIM_FENCE;
    if (preparing(producer)) return SIM_BUSY;
    if (producer->state != SIM_ONGOING) {
        producer->started_ms = cluster->now_ms;
        change(cluster, producer, SIM_ONGOING);
    }
    return SIM_DONE;
}

enum sim_answer sim_add(struct sim_cluster *cluster, int index, int epoch, int topic, int32_t partition) {
    struct sim_producer *producer = &cluster->producers[index];
    enum sim_answer answer = join(cluster, producer, epoch);
    if (answer == SIM_DONE) producer->in[topic] |= 1u << partition;
    return answer;
}

enum sim_answer sim_add_group(struct sim_cluster *cluster, int index, int epoch) {
    struct sim_producer *producer = &cluster->producers[index];
    enum sim_answer answer = join(cluster, producer, epoch);
    if (answer == SIM_DONE) producer->group = true;
    return answer;
}

enum sim_answer sim_produce(struct sim_cluster *cluster, int index, int epoch, int topic, int32_t partition,
                            const struct weir_record *record, int64_t *offset) {
    struct sim_producer *producer = &cluster->producers[index];
    if (epoch != producer->epoch) return SIM_FENCE;
    if (producer->state != SIM_ONGOING || !(producer->in[topic] >> partition & 1)) return SIM_INVALID;
    int64_t given = sim_log_append(cluster, topic, partition, index, record);
    if (offset) *offset = given;
    return SIM_DONE;
}

enum sim_answer sim_offsets(struct sim_cluster *cluster, int index, int epoch,
                            const struct weir_kafka_membership *membership,
                            const struct weir_kafka_offset *offsets, uint32_t count) {
    struct sim_producer *producer = &cluster->producers[index];
    if (epoch != producer->epoch) return SIM_FENCE;
    if (producer->state != SIM_ONGOING || !producer->group) return SIM_INVALID;
    if (!sim_is_member(cluster, membership)) return SIM_OLD_MEMBER;
    for (uint32_t i = 0; i < count; i++) {
        int32_t p = offsets[i].partition;
        assert(p >= 0 && p < cluster->topics[0].partition_count && offsets[i].next >= 0);
        assert(memchr(offsets[i].metadata, 0, sizeof offsets[i].metadata));
        producer->pending[p] = offsets[i];
        producer->pending_bits |= 1u << p;
    }
    return SIM_DONE;
}

enum sim_answer sim_end(struct sim_cluster *cluster, int index, int epoch, bool commit) {
    struct sim_producer *producer = &cluster->producers[index];
    if (epoch != producer->epoch) return SIM_FENCE;
    switch (producer->state) {
        case SIM_ONGOING:
            decide(cluster, index, commit);
            return SIM_DONE;
        case SIM_PREPARE_COMMIT:
            return commit ? SIM_BUSY : SIM_INVALID;
        case SIM_PREPARE_ABORT:
            return commit ? SIM_INVALID : SIM_BUSY;
        case SIM_COMMITTED:
            return commit ? SIM_DONE : SIM_INVALID;
        case SIM_ABORTED:
            return commit ? SIM_INVALID : SIM_DONE;
        case SIM_EMPTY:
            break;
    }
    return SIM_INVALID;
}

/* ---- transaction timeout: abort and fence ---- */

int64_t sim_timeout_due(const struct sim_cluster *cluster, int *producer) {
    int64_t due = INT64_MAX;
    for (int i = 0; i < cluster->producer_count; i++) {
        if (cluster->producers[i].state != SIM_ONGOING) continue;
        int64_t at = cluster->producers[i].started_ms + cluster->txn_timeout_ms;
        if (at >= due) continue;
        due = at;
        if (producer) *producer = i;
    }
    return due;
}

void sim_timeout(struct sim_cluster *cluster, int index) {
    struct sim_producer *producer = &cluster->producers[index];
    producer->epoch++;
    sim_note(cluster, (uint64_t)index, "coordinator: transaction of %s timed out", producer->id);
    decide(cluster, index, false);
}

/* ---- for drivers ---- */

enum sim_txn_state sim_txn_state(struct sim_cluster *cluster, const char *id, int *epoch) {
    struct sim_producer *producer = &cluster->producers[sim_producer_find(cluster, id)];
    if (epoch) *epoch = producer->epoch;
    return producer->state;
}

void sim_inject_end(struct sim_cluster *cluster, const char *id, bool commit, int64_t delay_ms) {
    int producer = sim_producer_find(cluster, id);
    struct sim_event event = {.kind = SIM_EVENT_END,
                              .producer = producer,
                              .epoch = cluster->producers[producer].epoch,
                              .commit = commit};
    sim_post(cluster, &event, (uint32_t)delay_ms);
}
