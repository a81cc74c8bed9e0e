/* SPDX-License-Identifier: Apache-2.0 */
/* producer.c: the client side of transactions: weir_kafka_txn_* over the simulated coordinator.
 *
 * States as librdkafka has them, calls out of order are asserts: begin when READY; write, journal, offsets in
 * a TRANSACTION; after a commit or abort that said AGAIN only the same call again, or close. ABORTABLE takes
 * abort (or close); DEAD takes close. Records wait in the handle's queue and may reach the log at any moment
 * from write on, at the latest in offsets or commit. write itself never says AGAIN.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/inside.h"

enum client_state { READY, TRANSACTION, COMMITTING, ABORTING, ABORTABLE, DEAD };

struct item {
    int topic;
    int32_t partition;
    struct weir_record record; /* the cluster's copy */
    struct weir_record theirs; /* the caller's bytes, which must not change; data NULL: not checked */
};

struct weir_kafka_txn {
    struct weir_kafka_txn *next;
    struct sim_cluster *cluster;
    int process;
    uint32_t life;
    int producer, epoch;
    enum client_state state;
    enum weir_txn why; /* when ABORTABLE or DEAD */
    int topics[WEIR_STREAM_COUNT], journal;
    bool registered; /* the coordinator was asked for something in this transaction */
    bool shaken;     /* the client library said that a connection was lost in it */
    uint32_t in[SIM_TOPIC_MAX];
    struct item *items;
    uint32_t count, delivered, capacity;
    int64_t journaled[SIM_PARTITION_MAX];
};

static const char *const answers[] = {"OK", "AGAIN", "ABORT", "STALE", "FENCED", "BROKEN"};

static enum weir_txn told(struct weir_kafka_txn *txn, const char *call, enum weir_txn result,
                          struct weir_error *error) {
    struct sim_cluster *cluster = txn->cluster;
    sim_note(cluster, (uint64_t)result + (uint64_t)txn->epoch * 8, "%s(%s, epoch %d, process %d): %s", call,
             cluster->producers[txn->producer].id, txn->epoch, txn->process, answers[result]);
    if (result != WEIR_TXN_OK)
        weir_error_set(error, WEIR_IO, "simulated %s: %s at %lld ms", call, answers[result],
                       (long long)cluster->now_ms);
    return result;
}

static enum weir_txn fail(struct weir_kafka_txn *txn, const char *call, enum weir_txn why,
                          struct weir_error *error) {
    txn->state = why == WEIR_TXN_ABORT || why == WEIR_TXN_STALE ? ABORTABLE : DEAD;
    txn->why = why;
    return told(txn, call, why, error);
}

static bool dead(struct weir_kafka_txn *txn) {
    if (txn->cluster->lives[txn->process] != txn->life) {
        txn->state = DEAD;
        txn->why = WEIR_TXN_BROKEN;
    }
    return txn->state == DEAD;
}

static enum weir_txn again(struct weir_kafka_txn *txn, const char *call, struct weir_error *error) {
    sim_spend(txn->cluster, txn->cluster->faults.again_ms);
    return told(txn, call, WEIR_TXN_AGAIN, error);
}

/* BUSY: waits until the markers of the producer's last transaction are out. true: ask again. */
static bool waited(struct sim_cluster *cluster, int index, enum sim_answer answer) {
    const struct sim_producer *producer = &cluster->producers[index];
    if (answer != SIM_BUSY) return false;
    while (producer->state == SIM_PREPARE_COMMIT || producer->state == SIM_PREPARE_ABORT) {
        bool came = sim_wait(cluster);
        assert(came);
    }
    return true;
}

static enum weir_txn meaning(enum sim_answer answer) {
    switch (answer) {
        case SIM_DONE:
            return WEIR_TXN_OK;
        case SIM_BUSY:
            return WEIR_TXN_AGAIN;
        case SIM_FENCE:
            return WEIR_TXN_FENCED;
        case SIM_OLD_MEMBER:
            return WEIR_TXN_STALE;
        case SIM_INVALID:
            break;
    }
    return WEIR_TXN_BROKEN;
}

/* ---- what happens to a request on its way ---- */

enum fate { GOES, NOT_SENT, ANSWER_LOST, UNDER_WAY };

static enum fate draw_fate(struct sim_cluster *cluster) {
    sim_spend(cluster, cluster->faults.call_ms);
    if (sim_coordinator_away(cluster) || sim_strikes(cluster, SIM_AGAIN_NOT_DONE)) return NOT_SENT;
    if (sim_strikes(cluster, SIM_AGAIN_DONE)) return ANSWER_LOST;
    if (sim_strikes(cluster, SIM_AGAIN_LATE)) return UNDER_WAY;
    if (sim_strikes(cluster, SIM_SLOW)) sim_advance(cluster, 1001 + sim_random(cluster, 4000));
    return GOES;
}

static uint32_t late(struct sim_cluster *cluster) {
    return 1 + sim_random(cluster, cluster->faults.late_ms + 1);
}

/* Somebody else opened a producer with our id. */
static void stranger(struct sim_cluster *cluster, int producer) {
    int epoch;
    while (waited(cluster, producer, sim_init(cluster, producer, &epoch))) continue;
}

/* ---- the queue ---- */

static bool same(struct weir_bytes ours, struct weir_bytes theirs) {
    return ours.len == theirs.len && !ours.data == !theirs.data &&
           (ours.len == 0 || memcmp(ours.data, theirs.data, ours.len) == 0);
}

/* Bytes must stay until the transaction has ended: look at them as late as the real client may. */
static void check_bytes(const struct weir_kafka_txn *txn) {
    for (uint32_t i = 0; i < txn->count; i++) {
        const struct weir_record *ours = &txn->items[i].record, *theirs = &txn->items[i].theirs;
        if (!theirs->value.data && !theirs->key.data) continue;
        assert(same(ours->key, theirs->key) && same(ours->value, theirs->value));
        for (uint32_t h = 0; h < ours->header_count; h++) {
            assert(strcmp(ours->headers[h].name, theirs->headers[h].name) == 0);
            assert(same(ours->headers[h].value, theirs->headers[h].value));
        }
    }
}

static void enqueue(struct weir_kafka_txn *txn, int topic, int32_t partition,
                    const struct weir_record *record, bool check) {
    if (txn->count == txn->capacity) {
        txn->capacity = txn->capacity ? txn->capacity * 2 : 64;
        txn->items = sim_grow(txn->items, txn->capacity * sizeof *txn->items);
    }
    txn->items[txn->count++] = (struct item){.topic = topic,
                                             .partition = partition,
                                             .record = sim_copy(txn->cluster, record),
                                             .theirs = check ? *record : (struct weir_record){0}};
}

/* Sends queued records until `until` of them are in the log. AGAIN: not all, nothing is lost. */
static enum weir_txn deliver(struct weir_kafka_txn *txn, uint32_t until) {
    struct sim_cluster *cluster = txn->cluster;
    while (txn->delivered < until) {
        const struct item *item = &txn->items[txn->delivered];
        if (sim_leader_away(cluster, item->topic, item->partition)) return WEIR_TXN_AGAIN;
        if (!(txn->in[item->topic] >> item->partition & 1)) {
            if (sim_coordinator_away(cluster)) return WEIR_TXN_AGAIN;
            enum sim_answer answer;
            do {
                answer = sim_add(cluster, txn->producer, txn->epoch, item->topic, item->partition);
            } while (waited(cluster, txn->producer, answer));
            if (answer != SIM_DONE) return meaning(answer);
            txn->in[item->topic] |= 1u << item->partition;
            txn->registered = true;
        }
        int64_t offset;
        enum sim_answer answer = sim_produce(cluster, txn->producer, txn->epoch, item->topic, item->partition,
                                             &item->record, &offset);
        if (answer == SIM_INVALID) return WEIR_TXN_ABORT; /* decided behind our back */
        if (answer != SIM_DONE) return meaning(answer);
        if (item->topic == txn->journal) txn->journaled[item->partition] = offset;
        txn->delivered++;
    }
    return WEIR_TXN_OK;
}

/* What is still queued leaves the client: lost, or in the network. */
static void let_go(struct weir_kafka_txn *txn, bool arrives) {
    struct sim_cluster *cluster = txn->cluster;
    uint32_t delay = late(cluster);
    for (uint32_t i = txn->delivered; i < txn->count && arrives; i++) {
        struct sim_event event = {.kind = SIM_EVENT_PRODUCE,
                                  .producer = txn->producer,
                                  .epoch = txn->epoch,
                                  .topic = txn->items[i].topic,
                                  .partition = txn->items[i].partition,
                                  .record = txn->items[i].record};
        sim_post(cluster, &event, delay);
    }
    txn->delivered = txn->count;
}

/* After records were queued: some of them go at once, some never. */
static enum weir_txn after_queueing(struct weir_kafka_txn *txn, const char *call, struct weir_error *error) {
    struct sim_cluster *cluster = txn->cluster;
    uint32_t waiting = txn->count - txn->delivered;
    uint32_t until = txn->delivered + (waiting ? sim_random(cluster, waiting + 1) : 0);
    enum weir_txn result = deliver(txn, until);
    if (result != WEIR_TXN_OK && result != WEIR_TXN_AGAIN) return fail(txn, call, result, error);
    bool is_late = sim_strikes(cluster, SIM_DELIVERY_LATE);
    if (is_late || sim_strikes(cluster, SIM_DELIVERY_LOST)) {
        let_go(txn, is_late);
        return fail(txn, call, WEIR_TXN_ABORT, error);
    }
    if (sim_strikes(cluster, SIM_ABORTABLE)) return fail(txn, call, WEIR_TXN_ABORT, error);
    if (sim_strikes(cluster, SIM_BROKEN)) return fail(txn, call, WEIR_TXN_BROKEN, error);
    return told(txn, call, WEIR_TXN_OK, error);
}

/* ---- the contract ---- */

enum weir_txn weir_kafka_txn_open(const struct weir_kafka_txn_options *options, struct weir_kafka_txn **txn,
                                  struct weir_error *error) {
    struct sim_cluster *cluster = sim_current;
    struct weir_kafka_txn *made = sim_grow(NULL, sizeof *made);
    memset(made, 0, sizeof *made);
    *txn = NULL;
    made->cluster = cluster;
    made->process = sim_process_of(&options->client);
    made->life = cluster->lives[made->process];
    made->producer = sim_producer_find(cluster, options->id);
    for (int s = 0; s < WEIR_STREAM_COUNT; s++)
        made->topics[s] = options->topics[s] ? sim_topic_find(cluster, options->topics[s]) : -1;
    made->journal = options->journal ? sim_topic_find(cluster, options->journal) : -1;
    for (int p = 0; p < SIM_PARTITION_MAX; p++) made->journaled[p] = -1;

    enum fate fate = draw_fate(cluster);
    enum sim_answer answer = SIM_DONE;
    if (fate == UNDER_WAY)
        sim_post(cluster, &(struct sim_event){.kind = SIM_EVENT_INIT, .producer = made->producer},
                 late(cluster));
    if (fate == GOES || fate == ANSWER_LOST) {
        do {
            answer = sim_init(cluster, made->producer, &made->epoch);
        } while (waited(cluster, made->producer, answer));
    }
    enum weir_txn result;
    if (fate != GOES)
        result = again(made, "open", error);
    else if (sim_strikes(cluster, SIM_STRANGER)) {
        stranger(cluster, made->producer);
        result = told(made, "open", WEIR_TXN_FENCED, error);
    } else
        result = told(made, "open", meaning(answer), error);
    if (result != WEIR_TXN_OK) {
        free(made);
        return result;
    }
    made->next = cluster->txns;
    cluster->txns = made;
    cluster->handles++;
    *txn = made;
    return WEIR_TXN_OK;
}

void sim_txn_abandon(struct weir_kafka_txn *txn) {
    if (txn->state == DEAD && txn->why == WEIR_TXN_BROKEN) return;
    if (txn->state == TRANSACTION || txn->state == COMMITTING)
        let_go(txn, sim_strikes(txn->cluster, SIM_DELIVERY_LATE));
    txn->state = DEAD;
    txn->why = WEIR_TXN_BROKEN;
    sim_note(txn->cluster, (uint64_t)txn->producer, "producer of process %d abandoned", txn->process);
}

void weir_kafka_txn_close(struct weir_kafka_txn *txn) {
    if (!txn) return;
    struct sim_cluster *cluster = txn->cluster;
    if (!dead(txn)) sim_txn_abandon(txn);
    struct weir_kafka_txn **link = &cluster->txns;
    while (*link != txn) link = &(*link)->next;
    *link = txn->next;
    cluster->handles--;
    free(txn->items);
    free(txn);
}

enum weir_txn weir_kafka_txn_begin(struct weir_kafka_txn *txn, struct weir_error *error) {
    if (dead(txn)) return told(txn, "begin", txn->why, error);
    assert(txn->state == READY);
    txn->state = TRANSACTION;
    txn->registered = txn->shaken = false;
    memset(txn->in, 0, sizeof txn->in);
    txn->count = txn->delivered = 0;
    return told(txn, "begin", WEIR_TXN_OK, error);
}

/* By key, as a partitioner does; records without a key go to partition 0, so that seeds repeat. */
static int32_t partition_of(const struct sim_cluster *cluster, int topic, struct weir_bytes key) {
    if (!key.data) return 0;
    return (int32_t)(sim_hash(7, key.data, key.len) % (uint64_t)cluster->topics[topic].partition_count);
}

enum weir_txn weir_kafka_txn_write(struct weir_kafka_txn *txn, const struct weir_output_record *records,
                                   uint32_t count, struct weir_error *error) {
    if (dead(txn) || txn->state == ABORTABLE) return told(txn, "write", txn->why, error);
    assert(txn->state == TRANSACTION);
    for (uint32_t i = 0; i < count; i++) {
        int topic = txn->topics[records[i].stream];
        assert(topic >= 0); /* a stream that is not published has no records */
        struct weir_record record = {.timestamp_ms = records[i].timestamp_ms,
                                     .key = records[i].key,
                                     .value = records[i].value,
                                     .headers = records[i].headers,
                                     .header_count = records[i].header_count};
        enqueue(txn, topic, partition_of(txn->cluster, topic, record.key), &record, true);
    }
    return after_queueing(txn, "write", error);
}

enum weir_txn weir_kafka_txn_journal(struct weir_kafka_txn *txn, int32_t partition, struct weir_bytes key,
                                     struct weir_bytes value, struct weir_error *error) {
    if (dead(txn) || txn->state == ABORTABLE) return told(txn, "journal", txn->why, error);
    assert(txn->state == TRANSACTION && txn->journal >= 0);
    assert(partition >= 0 && partition < txn->cluster->topics[txn->journal].partition_count);
    struct weir_record record = {.timestamp_ms = WEIR_NO_TIMESTAMP, .key = key, .value = value};
    enqueue(txn, txn->journal, partition, &record, false);
    txn->journaled[partition] = -1;
    return after_queueing(txn, "journal", error);
}

int64_t weir_kafka_txn_journaled(const struct weir_kafka_txn *txn, int32_t partition) {
    return txn->journaled[partition];
}

/* One TxnOffsetCommit, with AddOffsetsToTxn before it. */
static enum sim_answer send_offsets(struct weir_kafka_txn *txn,
                                    const struct weir_kafka_membership *membership,
                                    const struct weir_kafka_offset *offsets, uint32_t count, bool is_late) {
    struct sim_cluster *cluster = txn->cluster;
    enum sim_answer answer;
    do {
        answer = sim_add_group(cluster, txn->producer, txn->epoch);
    } while (waited(cluster, txn->producer, answer));
    if (answer != SIM_DONE) return answer;
    txn->registered = true;
    if (!is_late) return sim_offsets(cluster, txn->producer, txn->epoch, membership, offsets, count);
    struct sim_event event = {.kind = SIM_EVENT_OFFSETS,
                              .producer = txn->producer,
                              .epoch = txn->epoch,
                              .membership = *membership,
                              .offset_count = count};
    event.offsets = sim_arena_alloc(cluster, count * sizeof *offsets);
    memcpy(event.offsets, offsets, count * sizeof *offsets);
    sim_post(cluster, &event, late(cluster));
    return SIM_DONE;
}

enum weir_txn weir_kafka_txn_offsets(struct weir_kafka_txn *txn, const char *topic,
                                     const struct weir_kafka_membership *membership,
                                     const struct weir_kafka_offset *offsets, uint32_t count,
                                     struct weir_error *error) {
    if (dead(txn) || txn->state == ABORTABLE) return told(txn, "offsets", txn->why, error);
    struct sim_cluster *cluster = txn->cluster;
    assert(txn->state == TRANSACTION && count > 0 && membership);
    assert(strcmp(topic, cluster->topics[0].name) == 0); /* the group's topic */
    enum weir_txn result = deliver(txn, txn->count);
    if (result == WEIR_TXN_AGAIN) return again(txn, "offsets", error);
    if (result != WEIR_TXN_OK) return fail(txn, "offsets", result, error);
    if (sim_strikes(cluster, SIM_ABORTABLE)) return fail(txn, "offsets", WEIR_TXN_ABORT, error);
    if (sim_strikes(cluster, SIM_BROKEN)) return fail(txn, "offsets", WEIR_TXN_BROKEN, error);
    if (sim_strikes(cluster, SIM_STRANGER)) stranger(cluster, txn->producer);
    enum fate fate = sim_group_away(cluster) ? NOT_SENT : draw_fate(cluster);
    enum sim_answer answer = SIM_DONE;
    if (fate != NOT_SENT) answer = send_offsets(txn, membership, offsets, count, fate == UNDER_WAY);
    if (fate != GOES) return again(txn, "offsets", error);
    if (answer == SIM_INVALID) return fail(txn, "offsets", WEIR_TXN_ABORT, error);
    result = meaning(answer);
    return result == WEIR_TXN_OK ? told(txn, "offsets", result, error) : fail(txn, "offsets", result, error);
}

static enum weir_txn end(struct weir_kafka_txn *txn, bool commit, struct weir_error *error) {
    const char *call = commit ? "commit" : "abort";
    struct sim_cluster *cluster = txn->cluster;
    txn->state = commit ? COMMITTING : ABORTING;
    if (commit && sim_strikes(cluster, SIM_BROKEN)) return fail(txn, call, WEIR_TXN_BROKEN, error);
    if (commit && sim_strikes(cluster, SIM_STRANGER)) stranger(cluster, txn->producer);
    enum sim_answer answer = SIM_DONE;
    if (txn->registered) { /* else there is nothing to tell the coordinator */
        enum fate fate = draw_fate(cluster);
        struct sim_event event = {
            .kind = SIM_EVENT_END, .producer = txn->producer, .epoch = txn->epoch, .commit = commit};
        if (fate == UNDER_WAY) sim_post(cluster, &event, late(cluster));
        if (fate == GOES || fate == ANSWER_LOST) {
            do {
                answer = sim_end(cluster, txn->producer, txn->epoch, commit);
            } while (waited(cluster, txn->producer, answer));
        }
        if (fate != GOES) return again(txn, call, error);
        if (sim_strikes(cluster, SIM_END_TWICE)) {
            txn->shaken = sim_random(cluster, 2) == 0;
            sim_advance(cluster, (txn->shaken ? 0 : 1001) + sim_random(cluster, 1000));
            sim_post(cluster, &event, late(cluster));
        }
    }
    if (answer != SIM_DONE) return fail(txn, call, meaning(answer), error);
    txn->state = READY;
    txn->count = txn->delivered = 0;
    return told(txn, call, WEIR_TXN_OK, error);
}

enum weir_txn weir_kafka_txn_commit(struct weir_kafka_txn *txn, struct weir_error *error) {
    if (dead(txn) || txn->state == ABORTABLE) return told(txn, "commit", txn->why, error);
    assert(txn->state == TRANSACTION || txn->state == COMMITTING);
    check_bytes(txn);
    enum weir_txn result = deliver(txn, txn->count);
    if (result == WEIR_TXN_AGAIN) {
        txn->state = COMMITTING;
        return again(txn, "commit", error);
    }
    if (result != WEIR_TXN_OK) return fail(txn, "commit", result, error);
    return end(txn, true, error);
}

enum weir_txn weir_kafka_txn_abort(struct weir_kafka_txn *txn, struct weir_error *error) {
    if (dead(txn)) return told(txn, "abort", txn->why, error);
    assert(txn->state == TRANSACTION || txn->state == ABORTABLE || txn->state == ABORTING);
    check_bytes(txn);
    txn->delivered = txn->count; /* what is queued is purged */
    return end(txn, false, error);
}

bool weir_kafka_txn_is_shaken(const struct weir_kafka_txn *txn) { return txn->shaken; }

void sim_crash(struct sim_cluster *cluster, int process) {
    sim_note(cluster, (uint64_t)process, "process %d dies", process);
    for (struct weir_kafka_txn *txn = cluster->txns; txn; txn = txn->next)
        if (txn->process == process && !dead(txn)) sim_txn_abandon(txn);
    cluster->lives[process]++;
}
