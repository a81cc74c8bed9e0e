/* SPDX-License-Identifier: Apache-2.0 */
/* committer.c: a state machine; each phase is one call to the cluster.
 *
 *   OPEN -> BEGIN -> WRITE -> OFFSETS -> COMMIT -> (rest)            nothing was in doubt: all units are
 * committed any trouble -> [ABORT ->] CLOSE -> OPEN -> READ -> (rest)      the offsets say what became of
 * each unit
 */
#include "runtime/committer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"

#define DOUBT_AFTER_MS 1000 /* R5: an EndTxn that took longer may have been sent twice */
#define RETRY_FIRST_MS 50
#define RETRY_MAX_MS 1000
#define STUCK_MS 30000 /* 2.0.2 may look for a coordinator for ever: a new client finds it */
#define READ_TIMEOUT_MS 2000
#define FENCED_WITHIN_MS 30000

enum phase {
    PHASE_OPEN,
    PHASE_BEGIN,
    PHASE_WRITE,
    PHASE_OFFSETS,
    PHASE_COMMIT,
    PHASE_ABORT,
    PHASE_CLOSE,
    PHASE_READ
};

struct weir_committer {
    struct weir_committer_options options;
    struct weir_kafka_txn *txn;
    struct weir_bundle *bundle;
    enum phase phase;
    bool in_doubt;     /* the bundle's transaction, or the producer: read before anything else is sent */
    int64_t retry_ms;  /* next wait; 0 = this call has not been retried */
    int64_t began_ms;  /* this call, first try */
    int64_t fenced_ms; /* last time, INT64_MIN = never */
    int end;           /* no more steps */
    struct weir_error why;
};

int weir_committer_create(const struct weir_committer_options *options, struct weir_committer **out,
                          struct weir_error *error) {
    struct weir_committer *committer = calloc(1, sizeof *committer);
    if (!committer) return weir_error_set(error, WEIR_NOMEM, "no memory for a committer");
    committer->options = *options;
    committer->fenced_ms = INT64_MIN;
    committer->began_ms = -1;
    *out = committer;
    return WEIR_OK;
}

void weir_committer_destroy(struct weir_committer *committer) {
    if (!committer) return;
    if (committer->txn) weir_kafka_txn_close(committer->txn);
    free(committer);
}

const struct weir_error *weir_committer_why(const struct weir_committer *committer) {
    return &committer->why;
}

static int64_t now(const struct weir_committer *committer) {
    return committer->options.clock(committer->options.owner);
}

void weir_committer_submit(struct weir_committer *committer, struct weir_bundle *bundle) {
    assert(!committer->bundle && bundle->count && bundle->offset_count);
    committer->bundle = bundle;
    for (uint32_t i = 0; i < bundle->count; i++) bundle->journaled[i] = -1;
}

/* ---- moving on ---- */

static int64_t go(struct weir_committer *committer, enum phase phase) {
    committer->phase = phase;
    committer->retry_ms = 0;
    committer->began_ms = -1;
    return 0;
}

static int64_t wait_longer(struct weir_committer *committer) {
    int64_t wait = committer->retry_ms ? committer->retry_ms : RETRY_FIRST_MS;
    committer->retry_ms = wait * 2 < RETRY_MAX_MS ? wait * 2 : RETRY_MAX_MS;
    return wait;
}

/* R5: this producer never begins again. */
static int64_t doubt(struct weir_committer *committer) {
    committer->in_doubt = true;
    return go(committer, PHASE_CLOSE);
}

static int64_t rest(struct weir_committer *committer) {
    committer->bundle = NULL;
    go(committer, committer->txn ? PHASE_BEGIN : PHASE_OPEN);
    return WEIR_COMMITTER_REST;
}

/* Fenced once: the broker may have given our transaction up. Twice in a short time: somebody else has the
 * slot. */
static int64_t fenced(struct weir_committer *committer) {
    if (committer->options.lease && WEIR_RULE(301))
        return committer->end =
                   weir_error_set(&committer->why, WEIR_AGAIN, "another process has taken the lead");
    if (committer->fenced_ms != INT64_MIN && now(committer) - committer->fenced_ms < FENCED_WITHIN_MS)
        return committer->end =
                   weir_error_set(&committer->why, WEIR_AGAIN,
                                  "another process commits under '%s' too (transactional.id): give each "
                                  "process its own state.dir or group.instance.id",
                                  committer->options.txn.id);
    committer->fenced_ms = now(committer);
    return doubt(committer);
}

/* What every call but begin and write has in common. next: where OK leads. */
static int64_t follow(struct weir_committer *committer, enum weir_txn outcome, enum phase next) {
    switch (outcome) {
        case WEIR_TXN_OK:
            return go(committer, next);
        case WEIR_TXN_AGAIN:
            committer->in_doubt = committer->in_doubt || WEIR_RULE(5);
            if (now(committer) - committer->began_ms > STUCK_MS) return doubt(committer);
            return wait_longer(committer);
        case WEIR_TXN_ABORT:
        case WEIR_TXN_STALE:
            return committer->phase == PHASE_ABORT ? doubt(committer) : go(committer, PHASE_ABORT);
        case WEIR_TXN_FENCED:
            return fenced(committer);
        case WEIR_TXN_BROKEN:
            break;
    }
    return doubt(committer);
}

/* ---- phases ---- */

static int64_t open_producer(struct weir_committer *committer) {
    enum weir_txn outcome = weir_kafka_txn_open(&committer->options.txn, &committer->txn, &committer->why);
    WEIR_POINT("init.after");
    if (outcome == WEIR_TXN_OK) {
        go(committer, committer->bundle && committer->in_doubt ? PHASE_READ : PHASE_BEGIN);
        if (!committer->bundle) committer->in_doubt = false;
        return committer->bundle ? 0 : WEIR_COMMITTER_REST;
    }
    if (outcome == WEIR_TXN_FENCED) return fenced(committer);
    if (outcome == WEIR_TXN_BROKEN) return committer->end = WEIR_IO;
    return wait_longer(committer);
}

static int64_t write_bundle(struct weir_committer *committer) {
    const struct weir_bundle *bundle = committer->bundle;
    enum weir_txn outcome = WEIR_TXN_OK;
    for (uint32_t i = 0; i < bundle->count && outcome == WEIR_TXN_OK; i++) {
        const struct weir_unit *unit = bundle->units[i];
        char key[16];
        size_t len = (size_t)snprintf(key, sizeof key, "%d", unit->task);
        if (unit->output_count)
            outcome =
                weir_kafka_txn_write(committer->txn, unit->outputs, unit->output_count, &committer->why);
        if (outcome == WEIR_TXN_OK)
            outcome = weir_kafka_txn_journal(committer->txn, unit->task, (struct weir_bytes){key, len},
                                             (struct weir_bytes){unit->journal.data, unit->journal.len},
                                             &committer->why);
    }
    WEIR_POINT("produce.after");
    if (outcome != WEIR_TXN_OK && committer->why.result == WEIR_LIMIT)
        return committer->end = WEIR_LIMIT;                  /* larger than the producer may ever send */
    if (outcome == WEIR_TXN_AGAIN) outcome = WEIR_TXN_ABORT; /* part of it is queued: begin anew */
    return follow(committer, outcome, PHASE_OFFSETS);
}

static int64_t send_offsets(struct weir_committer *committer) {
    const struct weir_bundle *bundle = committer->bundle;
    WEIR_POINT("offsets.before");
    if (!WEIR_RULE(103)) return follow(committer, WEIR_TXN_OK, PHASE_COMMIT);
    struct weir_kafka_membership *fresh =
        WEIR_RULE(3) ? NULL : weir_kafka_membership_take(committer->options.source); /* the mutant's */
    enum weir_txn outcome =
        weir_kafka_txn_offsets(committer->txn, committer->options.topic, fresh ? fresh : bundle->membership,
                               bundle->offsets, bundle->offset_count, &committer->why);
    weir_kafka_membership_free(fresh);
    WEIR_POINT("offsets.after");
    if (outcome != WEIR_TXN_OK && committer->why.result == WEIR_LIMIT) return committer->end = WEIR_LIMIT;
    return follow(committer, outcome, PHASE_COMMIT);
}

static int64_t commit(struct weir_committer *committer) {
    struct weir_bundle *bundle = committer->bundle;
    WEIR_POINT("commit.before");
    enum weir_txn outcome = weir_kafka_txn_commit(committer->txn, &committer->why);
    WEIR_POINT("commit.after");
    if (outcome != WEIR_TXN_OK) return follow(committer, outcome, PHASE_BEGIN);
    for (uint32_t i = 0; i < bundle->count; i++)
        bundle->journaled[i] = weir_kafka_txn_journaled(committer->txn, bundle->units[i]->task);
    bool slow = now(committer) - committer->began_ms > DOUBT_AFTER_MS;
    bool shaken = weir_kafka_txn_is_shaken(committer->txn) && WEIR_RULE(205);
    if (committer->in_doubt || shaken || (slow && WEIR_RULE(105))) return doubt(committer);
    for (uint32_t i = 0; i < bundle->count; i++) bundle->verdicts[i] = WEIR_UNIT_COMMITTED;
    return rest(committer);
}

/* Where the group stands decides about a unit: at it, just before it, or elsewhere. A task of several inputs
 * commits them together, so any of its offsets will do. */
static enum weir_verdict judge(const struct weir_unit *unit, const struct weir_kafka_offset *found) {
    uint64_t number, chain;
    int64_t from;
    if (!weir_unit_parse_metadata(found->metadata, &number, &chain, &from)) return WEIR_UNIT_GONE;
    if (number == unit->number && chain == unit->chain) return WEIR_UNIT_COMMITTED;
    if (number == unit->number - 1 && chain == unit->previous) return WEIR_UNIT_AGAIN;
    return WEIR_UNIT_GONE;
}

static int64_t read_outcome(struct weir_committer *committer) {
    struct weir_bundle *bundle = committer->bundle;
    struct weir_kafka_offset *found = malloc(bundle->offset_count * sizeof *found);
    if (!found) return wait_longer(committer);
    for (uint32_t i = 0; i < bundle->offset_count; i++)
        found[i] = (struct weir_kafka_offset){.partition = bundle->offsets[i].partition};
    int result = weir_kafka_committed(committer->options.source, found, bundle->offset_count, READ_TIMEOUT_MS,
                                      &committer->why);
    for (uint32_t i = 0; i < bundle->offset_count && !result; i++)
        bundle->verdicts[bundle->offset_units[i]] = judge(bundle->units[bundle->offset_units[i]], &found[i]);
    free(found);
    if (result) return wait_longer(committer);
    committer->in_doubt = false;
    return rest(committer);
}

int64_t weir_committer_step(struct weir_committer *committer) {
    if (committer->end) return committer->end;
    if (committer->began_ms < 0) committer->began_ms = now(committer);
    switch (committer->phase) {
        case PHASE_OPEN:
            return open_producer(committer);
        case PHASE_BEGIN:
            if (!committer->bundle) return WEIR_COMMITTER_REST;
            return follow(committer, weir_kafka_txn_begin(committer->txn, &committer->why), PHASE_WRITE);
        case PHASE_WRITE:
            return write_bundle(committer);
        case PHASE_OFFSETS:
            return send_offsets(committer);
        case PHASE_COMMIT:
            return commit(committer);
        case PHASE_ABORT:
            return follow(committer, weir_kafka_txn_abort(committer->txn, &committer->why), PHASE_CLOSE);
        case PHASE_CLOSE:
            committer->in_doubt = true;
            weir_kafka_txn_close(committer->txn);
            committer->txn = NULL;
            return go(committer, PHASE_OPEN);
        case PHASE_READ:
            return read_outcome(committer);
    }
    return committer->end = WEIR_BUG;
}
