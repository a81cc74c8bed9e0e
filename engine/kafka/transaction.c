/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.c: a transactional producer that sends bytes in place and counts what arrived.
 *
 * A transaction's records lie in its owner's memory until the commit is confirmed (R4), so librdkafka gets
 * them uncopied. Its end is safe by construction: librdkafka flushes or purges inside commit and abort, and
 * both are only answered with OK once no record is in flight.
 *
 * Timeouts. The broker gives a transaction transaction.timeout.ms (here 10 s), then fences its producer: a
 * dead process must not hold up readers for long. A record that cannot be delivered must fail before that,
 * as a reason to abort: message.timeout.ms is at most transaction.timeout.ms. librdkafka asks for the same
 * (2.0.2 refuses a larger one, and a socket.timeout.ms above it); the user's value, which may suit the other
 * delivery modes, is cut instead of refused. 0 would mean "for ever" and is cut too.
 *
 * Commit and abort are bounded by the same time. With -1, which librdkafka recommends, 2.0.2 blocks in them
 * for as long as the broker is away (seen: an abort of 47 s), and the process could not end meanwhile. A
 * smaller value may leave librdkafka's own state behind the broker's, which does no harm here: after AGAIN
 * the producer is in doubt and never begins again (R5).
 *
 * linger.ms=0: what a transaction writes is queued in one burst, so batches fill anyway: 0, 1 and 5 cost the
 * same from 100 to 10,000 records (loopback). A transaction that begins right behind another's commit costs
 * 20 ms more: the broker still writes the markers and librdkafka asks again only then.
 */
#include "kafka/transaction.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/produce.h"
#include "kafka/source.h"

#define INIT_TIMEOUT_MS 30000
#define FIRST_REPORT_TIMEOUT_MS 5000
#define POLL_MS 100

static const struct weir_kafka_setting transaction_defaults[] = {
    {"linger.ms", "0"},
    {"transaction.timeout.ms", "10000"},
    {"queue.buffering.max.messages", "1000000"},
    {"message.max.bytes", WEIR_KAFKA_RECORD_BYTES_MAX},
    {NULL, NULL},
};

struct weir_kafka_txn {
    struct weir_kafka_outlet outlet;
    rd_kafka_topic_t *journal;
    char *id;
    int end_timeout_ms;
    bool open;                /* between begin and the end */
    bool purging;             /* reports of failure are our own doing */
    bool shaken;              /* since begin: see is_drop */
    uint64_t reported;        /* records of this transaction */
    struct weir_error failed; /* result != 0: the first record of this transaction that was refused */
    struct weir_kafka_health health;
    int64_t *journaled; /* by partition */
    int32_t journaled_count;
};

/* ---- membership ---- */

struct weir_kafka_membership {
    rd_kafka_consumer_group_metadata_t *metadata;
    bool none; /* of no generation: the broker would take such offsets from anybody (R3) */
};

static bool is_member(rd_kafka_t *rk) {
    char *id = rd_kafka_memberid(rk);
    bool member = id && *id;
    if (id) rd_kafka_mem_free(rk, id);
    return member;
}

struct weir_kafka_membership *weir_kafka_membership_take(struct weir_kafka_source *source) {
    struct weir_kafka_membership *membership = calloc(1, sizeof *membership);
    if (!membership) return NULL;
    bool member = is_member(source->rk);
    membership->metadata = rd_kafka_consumer_group_metadata(source->rk);
    membership->none = !membership->metadata || (!source->alone && (!member || !is_member(source->rk)));
    return membership;
}

void weir_kafka_membership_free(struct weir_kafka_membership *membership) {
    if (!membership) return;
    if (membership->metadata) rd_kafka_consumer_group_metadata_destroy(membership->metadata);
    free(membership);
}

/* ---- what a group has committed ---- */

static bool is_passing(rd_kafka_resp_err_t code) {
    switch (code) {
        case RD_KAFKA_RESP_ERR__TIMED_OUT:
        case RD_KAFKA_RESP_ERR__TRANSPORT:
        case RD_KAFKA_RESP_ERR__WAIT_COORD:
        case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        case RD_KAFKA_RESP_ERR__IN_PROGRESS:
        case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
        case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
        case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
            return true;
        default:
            return false;
    }
}

void weir_kafka_copy_metadata(char out[WEIR_KAFKA_METADATA_BYTES], const rd_kafka_topic_partition_t *found) {
    size_t len = found->metadata ? found->metadata_size : 0;
    if (len > WEIR_KAFKA_METADATA_BYTES - 1) len = WEIR_KAFKA_METADATA_BYTES - 1;
    if (len) memcpy(out, found->metadata, len);
    out[len] = 0;
}

/* isolation.level=read_committed makes librdkafka ask for stable offsets. */
int weir_kafka_committed(struct weir_kafka_source *source, struct weir_kafka_offset *offsets, uint32_t count,
                         int64_t timeout_ms, struct weir_error *error) {
    int64_t deadline_ms = weir_clock_ms() + timeout_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, source->topic, offsets[i].partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(source->rk, list, weir_kafka_left_ms(deadline_ms));
    for (int i = 0; i < list->cnt && !code; i++) code = list->elems[i].err;
    for (uint32_t i = 0; i < count && !code; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, source->topic, offsets[i].partition);
        offsets[i].next = found->offset >= 0 ? found->offset : -1;
        weir_kafka_copy_metadata(offsets[i].metadata, found);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (!code) return WEIR_OK;
    return weir_error_set(error, is_passing(code) ? WEIR_AGAIN : WEIR_IO,
                          "cannot read the offsets of group '%s' in topic '%s': %s", source->group,
                          source->topic, rd_kafka_err2str(code));
}

int weir_kafka_committed_all(struct weir_kafka_source *source, struct weir_kafka_offset **offsets,
                             uint32_t *count, int64_t timeout_ms, struct weir_error *error) {
    int width = weir_kafka_source_width(source, error);
    if (width < 0) return width;
    *offsets = calloc((size_t)width + 1, sizeof **offsets);
    if (!*offsets) return weir_error_set(error, WEIR_NOMEM, "no memory for offsets");
    *count = (uint32_t)width;
    for (int p = 0; p < width; p++) (*offsets)[p].partition = p;
    return weir_kafka_committed(source, *offsets, *count, timeout_ms, error);
}

/* ---- outcomes ---- */

static enum weir_txn judge_code(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                   code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
               ? WEIR_TXN_FENCED
               : WEIR_TXN_BROKEN;
}

static bool is_stale(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

/* WEIR_TXN_OK: the producer lives. */
static enum weir_txn judge_life(struct weir_kafka_txn *txn, struct weir_error *error) {
    char why[400];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(txn->outlet.rk, why, sizeof why);
    if (!fatal) return WEIR_TXN_OK;
    weir_error_set(error, WEIR_IO, "transactional.id '%s': %s", txn->id, why);
    return judge_code(fatal);
}

/* Takes refused, which may be NULL (reliability.md 2.2). */
static enum weir_txn judge(struct weir_kafka_txn *txn, const char *what, rd_kafka_error_t *refused,
                           struct weir_error *error) {
    if (!refused) return WEIR_TXN_OK;
    rd_kafka_resp_err_t code = rd_kafka_error_code(refused);
    enum weir_txn outcome = rd_kafka_error_is_retriable(refused)          ? WEIR_TXN_AGAIN
                            : !rd_kafka_error_txn_requires_abort(refused) ? judge_code(code)
                            : is_stale(code)                              ? WEIR_TXN_STALE
                                                                          : WEIR_TXN_ABORT;
    weir_error_set(error, WEIR_IO, "transactional.id '%s': %s: %s", txn->id, what,
                   rd_kafka_error_string(refused));
    rd_kafka_error_destroy(refused);
    if (outcome == WEIR_TXN_ABORT && txn->failed.result && error) *error = txn->failed; /* it says why */
    if (outcome != WEIR_TXN_BROKEN) return outcome;
    enum weir_txn life = judge_life(txn, error); /* the first trouble says more than what followed it */
    return life ? life : outcome;
}

/* This transaction has lost a record. */
static enum weir_txn judge_failure(struct weir_kafka_txn *txn, struct weir_error *error) {
    enum weir_txn life = judge_life(txn, error);
    if (life) return life;
    if (error) *error = txn->failed;
    return WEIR_TXN_ABORT;
}

/* ---- callbacks: run inside polls, on the caller's thread ---- */

/* Journal records carry the transaction as their opaque, others nothing. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    struct weir_kafka_txn *txn = opaque;
    weir_kafka_outlet_reported(&txn->outlet, message);
    txn->reported++;
    if (message->err) {
        if (!txn->purging && !txn->failed.result) {
            weir_kafka_outlet_refused(message->rkt, rd_kafka_err2str(message->err), &txn->failed);
            if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) txn->failed.result = WEIR_LIMIT;
        }
    } else if (message->_private) {
        txn->journaled[message->partition] = message->offset;
    }
}

/* What may have made librdkafka send a request once more (R5). It tells of a lost connection only with
 * log.connection.close=true, and of two in the same words within 30 s once. A connection that never stood
 * carried none: a broker that is down for long is tried again and again, and must not make every transaction
 * doubtful. Only the text tells the two apart; a text that does not say so counts as a drop. */
static bool is_drop(rd_kafka_resp_err_t code, const char *reason) {
    bool passing = is_passing(code) || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
                   code == RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION || code == RD_KAFKA_RESP_ERR__SSL;
    return passing && !(reason && strstr(reason, "in state CONNECT"));
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct weir_kafka_txn *txn = opaque;
    if (is_drop((rd_kafka_resp_err_t)code, reason)) txn->shaken = true;
    weir_kafka_health_trouble(&txn->health, rk, (rd_kafka_resp_err_t)code, reason);
}

/* ---- open and close ---- */

static bool cut(rd_kafka_conf_t *conf, const char *name, uint64_t most, struct weir_error *error) {
    uint64_t now = weir_kafka_conf_number(conf, name);
    if (now && now <= most) return true;
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)most);
    return weir_kafka_conf_set(conf, name, text, error);
}

static int create_client(struct weir_kafka_txn *txn, const struct weir_kafka_client *client,
                         struct weir_error *error) {
    rd_kafka_conf_t *conf =
        weir_kafka_conf_create(client, transaction_defaults, weir_kafka_producer_owned, error);
    if (!conf) return WEIR_CONFIG;
    uint64_t timeout_ms = weir_kafka_conf_number(conf, "transaction.timeout.ms");
    txn->end_timeout_ms = (int)timeout_ms;
    if (!weir_kafka_conf_set(conf, "transactional.id", txn->id, error) ||
        !weir_kafka_conf_set(conf, "log.connection.close", "true", error) ||
        !cut(conf, "message.timeout.ms", timeout_ms, error) ||
        !cut(conf, "socket.timeout.ms", timeout_ms, error)) {
        rd_kafka_conf_destroy(conf);
        return WEIR_CONFIG;
    }
    rd_kafka_conf_set_opaque(conf, txn);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return weir_kafka_outlet_open(&txn->outlet, conf, error);
}

static enum weir_txn init(struct weir_kafka_txn *txn, struct weir_error *error) {
    int64_t deadline_ms = weir_clock_ms() + INIT_TIMEOUT_MS;
    enum weir_txn outcome;
    do {
        int left_ms = weir_kafka_left_ms(deadline_ms);
        outcome =
            judge(txn, "init", rd_kafka_init_transactions(txn->outlet.rk, left_ms ? left_ms : 1), error);
    } while (outcome == WEIR_TXN_AGAIN && weir_kafka_left_ms(deadline_ms));
    return outcome;
}

enum weir_txn weir_kafka_txn_open(const struct weir_kafka_txn_options *options, struct weir_kafka_txn **out,
                                  struct weir_error *error) {
    *out = NULL;
    struct weir_kafka_txn *txn = calloc(1, sizeof *txn);
    if (txn) txn->id = strdup(options->id);
    if (!txn || !txn->id) {
        free(txn);
        weir_error_set(error, WEIR_NOMEM, "no memory for a transactional producer");
        return WEIR_TXN_BROKEN;
    }
    bool answers = true;
    enum weir_txn outcome = create_client(txn, &options->client, error) ? WEIR_TXN_BROKEN : init(txn, error);
    if (!outcome && weir_kafka_outlet_streams(&txn->outlet, options->topics, options->bare, &answers, error))
        outcome = WEIR_TXN_BROKEN;
    if (!outcome && options->journal) {
        txn->journal = weir_kafka_outlet_topic(&txn->outlet, options->journal, &answers, error);
        if (!txn->journal) outcome = WEIR_TXN_BROKEN;
    }
    if (outcome)
        weir_kafka_txn_close(txn);
    else
        *out = txn;
    return outcome;
}

void weir_kafka_txn_close(struct weir_kafka_txn *txn) {
    if (!txn) return;
    txn->purging = true;
    if (txn->journal) rd_kafka_topic_destroy(txn->journal);
    weir_kafka_outlet_close(&txn->outlet);
    free(txn->journaled);
    free(txn->id);
    free(txn);
}

/* ---- writing ---- */

enum weir_txn weir_kafka_txn_begin(struct weir_kafka_txn *txn, struct weir_error *error) {
    assert(!txn->open && !txn->outlet.in_flight);
    rd_kafka_poll(txn->outlet.rk, 0); /* what happened before is of no account */
    txn->shaken = false;
    txn->failed.result = WEIR_OK;
    txn->reported = 0;
    enum weir_txn outcome = judge(txn, "begin", rd_kafka_begin_transaction(txn->outlet.rk), error);
    txn->open = outcome == WEIR_TXN_OK;
    return outcome;
}

static enum weir_txn refuse(struct weir_kafka_txn *txn, const struct weir_error *why,
                            struct weir_error *error) {
    if (!txn->failed.result) txn->failed = *why;
    return judge_failure(txn, error);
}

enum weir_txn weir_kafka_txn_write(struct weir_kafka_txn *txn, const struct weir_output_record *records,
                                   uint32_t count, struct weir_error *error) {
    assert(txn->open);
    for (uint32_t taken = 0; taken < count;) {
        struct weir_error why;
        if (txn->failed.result) return judge_failure(txn, error);
        int admitted = weir_kafka_outlet_admit(&txn->outlet, records + taken, count - taken, &why);
        if (!admitted && !txn->outlet.in_flight)
            admitted = weir_error_set(&why, WEIR_LIMIT, "a record exceeds queue.buffering.max.kbytes");
        if (admitted < 0) return refuse(txn, &why, error);
        if (!admitted) rd_kafka_poll(txn->outlet.rk, POLL_MS);
        if (admitted && weir_kafka_outlet_put(&txn->outlet, records + taken, (uint32_t)admitted, NULL, &why))
            return refuse(txn, &why, error);
        taken += (uint32_t)admitted;
    }
    return WEIR_TXN_OK;
}

/* Makes room for the offset of a partition, which is not known from now on. */
static bool forget_journaled(struct weir_kafka_txn *txn, int32_t partition) {
    if (partition >= txn->journaled_count) {
        int64_t *grown = realloc(txn->journaled, ((size_t)partition + 1) * sizeof *grown);
        if (!grown) return false;
        while (txn->journaled_count <= partition) grown[txn->journaled_count++] = -1;
        txn->journaled = grown;
    }
    txn->journaled[partition] = -1;
    return true;
}

enum weir_txn weir_kafka_txn_journal(struct weir_kafka_txn *txn, int32_t partition, struct weir_bytes key,
                                     struct weir_bytes value, struct weir_error *error) {
    assert(txn->open && txn->journal && partition >= 0);
    struct weir_error why;
    if (txn->failed.result) return judge_failure(txn, error);
    rd_kafka_message_t message = weir_kafka_outlet_message(key, value, txn);
    if (key.len + value.len > txn->outlet.max_record_bytes)
        weir_error_set(&why, WEIR_LIMIT, "a journal record of %zu bytes; message.max.bytes is %llu",
                       key.len + value.len, (unsigned long long)txn->outlet.max_record_bytes);
    else if (!forget_journaled(txn, partition))
        weir_error_set(&why, WEIR_NOMEM, "no memory for journal partition %d", (int)partition);
    else if (!weir_kafka_outlet_batch(&txn->outlet, txn->journal, partition, &message, 1, &why))
        return WEIR_TXN_OK;
    return refuse(txn, &why, error);
}

int64_t weir_kafka_txn_journaled(const struct weir_kafka_txn *txn, int32_t partition) {
    return partition >= 0 && partition < txn->journaled_count ? txn->journaled[partition] : -1;
}

/* ---- the end ---- */

/* Counting reports costs a tenth of rd_kafka_flush. message.timeout.ms ends it at the latest. */
static enum weir_txn await_delivery(struct weir_kafka_txn *txn, struct weir_error *error) {
    while (txn->outlet.in_flight && !txn->failed.result && !txn->health.broken.result)
        rd_kafka_poll(txn->outlet.rk, POLL_MS);
    if (txn->failed.result) return judge_failure(txn, error);
    return judge_life(txn, error);
}

enum weir_txn weir_kafka_txn_offsets(struct weir_kafka_txn *txn, const char *topic,
                                     const struct weir_kafka_membership *membership,
                                     const struct weir_kafka_offset *offsets, uint32_t count,
                                     struct weir_error *error) {
    assert(txn->open && count > 0); /* librdkafka takes none silently, and then nothing fences (R3) */
    enum weir_txn outcome = await_delivery(txn, error);
    if (outcome) return outcome;
    if (membership->none) {
        weir_error_set(error, WEIR_IO, "transactional.id '%s': not a member of the group now", txn->id);
        return WEIR_TXN_STALE;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t i = 0; i < count; i++) {
        assert(offsets[i].next >= 0);
        rd_kafka_topic_partition_t *next =
            rd_kafka_topic_partition_list_add(list, topic, offsets[i].partition);
        next->offset = offsets[i].next;
        next->metadata = strdup(offsets[i].metadata); /* freed by the list */
        next->metadata_size = next->metadata ? strlen(offsets[i].metadata) : 0;
        if (next->metadata) continue;
        rd_kafka_topic_partition_list_destroy(list);
        weir_error_set(error, WEIR_NOMEM, "no memory for offsets");
        return WEIR_TXN_ABORT;
    }
    rd_kafka_error_t *refused =
        rd_kafka_send_offsets_to_transaction(txn->outlet.rk, list, membership->metadata, -1);
    rd_kafka_topic_partition_list_destroy(list);
    return judge(txn, "offsets", refused, error);
}

enum weir_txn weir_kafka_txn_commit(struct weir_kafka_txn *txn, struct weir_error *error) {
    assert(txn->open);
    enum weir_txn outcome = await_delivery(txn, error);
    if (!outcome)
        outcome =
            judge(txn, "commit", rd_kafka_commit_transaction(txn->outlet.rk, txn->end_timeout_ms), error);
    rd_kafka_poll(txn->outlet.rk, 0); /* commit itself serves no errors; what made it ask twice came before */
    if (outcome == WEIR_TXN_OK) txn->open = false;
    return outcome;
}

bool weir_kafka_txn_is_shaken(const struct weir_kafka_txn *txn) { return txn->shaken; }

/* J3: aborted while its first partition is being registered, 2.0.2 forgets that the broker knows of the
 * transaction, and the next one is refused for good (librdkafka #4849). A report says it is registered. */
static void await_first_report(struct weir_kafka_txn *txn) {
    int64_t deadline_ms = weir_clock_ms() + FIRST_REPORT_TIMEOUT_MS;
    while (txn->outlet.in_flight && !txn->reported && !txn->health.broken.result &&
           weir_kafka_left_ms(deadline_ms))
        rd_kafka_poll(txn->outlet.rk, POLL_MS);
}

enum weir_txn weir_kafka_txn_abort(struct weir_kafka_txn *txn, struct weir_error *error) {
    assert(txn->open);
    if (!txn->purging) await_first_report(txn);
    txn->purging = true;
    enum weir_txn outcome =
        judge(txn, "abort", rd_kafka_abort_transaction(txn->outlet.rk, txn->end_timeout_ms), error);
    if (outcome) return outcome;
    while (txn->outlet.in_flight) rd_kafka_poll(txn->outlet.rk, POLL_MS); /* reports of what was purged */
    txn->purging = txn->open = false;
    return WEIR_TXN_OK;
}
