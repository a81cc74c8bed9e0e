/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.h: a transactional producer, and what a group has committed.
 *
 * place:    committer (engine/runtime/committer.h) -> transaction -> broker. The simulator (tests/sim) puts a
 * fake cluster behind these same names. threads:  every call may block for long: the commit thread only. A
 * membership is taken on the loop's thread and then belongs to whoever holds it; weir_kafka_committed may be
 * called from any thread. errors:   what the caller must do next, not what went wrong: that is in the error's
 * text.
 */
#ifndef WEIR_KAFKA_TRANSACTION_H
#define WEIR_KAFKA_TRANSACTION_H

#include "kafka/kafka.h"

/* What a call led to (reliability.md 2.2). */
enum weir_txn {
    WEIR_TXN_OK,
    WEIR_TXN_AGAIN,  /* retriable: call again with the same arguments; nobody knows what took effect */
    WEIR_TXN_ABORT,  /* this transaction must be aborted; its records may be sent again, unless the error is
                        WEIR_LIMIT: one of them is too large for ever */
    WEIR_TXN_STALE,  /* to be aborted too: the group has moved on (generation, member), so may the partitions
                        have */
    WEIR_TXN_FENCED, /* a younger producer has this transactional.id: close this one */
    WEIR_TXN_BROKEN, /* the producer is dead for another reason: close it */
};

/* A consumer's membership of its group as of now: sent along with offsets, so that a member of another
 * generation cannot commit (R3). */
struct weir_kafka_membership;
struct weir_kafka_membership *weir_kafka_membership_take(
    struct weir_kafka_source *source); /* NULL: no memory */
void weir_kafka_membership_free(struct weir_kafka_membership *membership);

#define WEIR_KAFKA_METADATA_BYTES 96
struct weir_kafka_offset {
    int32_t partition;
    int64_t next;                             /* -1: the group has none */
    char metadata[WEIR_KAFKA_METADATA_BYTES]; /* "" = none; ASCII */
};

/* Stable committed offsets (those of transactions under way are waited for) of the source's topic: fills next
 * and metadata of each. WEIR_AGAIN: no answer within timeout_ms. */
int weir_kafka_committed(struct weir_kafka_source *source, struct weir_kafka_offset *offsets, uint32_t count,
                         int64_t timeout_ms, struct weir_error *error);

/* The same of all partitions of the topic. *offsets is the caller's to free, also on failure; NULL on entry.
 */
int weir_kafka_committed_all(struct weir_kafka_source *source, struct weir_kafka_offset **offsets,
                             uint32_t *count, int64_t timeout_ms, struct weir_error *error);

struct weir_kafka_txn_options {
    struct weir_kafka_client client;
    const char
        *id; /* transactional.id: stable for a slot, so that a restarted process fences its former self */
    const char *topics[WEIR_STREAM_COUNT];
    bool bare[WEIR_STREAM_COUNT]; /* as in weir_kafka_sink_options */
    const char *journal;          /* topic */
};

struct weir_kafka_txn;

/* Creates the producer, fences older ones of the same id, decides their open transaction and warms the
 * topics. Not OK: *txn is NULL. */
enum weir_txn weir_kafka_txn_open(const struct weir_kafka_txn_options *options, struct weir_kafka_txn **txn,
                                  struct weir_error *error);
/* Also frees: purges what is queued, never commits. After it no record's bytes are used any more. */
void weir_kafka_txn_close(struct weir_kafka_txn *txn);

enum weir_txn weir_kafka_txn_begin(struct weir_kafka_txn *txn, struct weir_error *error);
/* Queues records in order. Bytes and headers must stay until the transaction has ended or the producer is
 * closed: they are not copied. */
enum weir_txn weir_kafka_txn_write(struct weir_kafka_txn *txn, const struct weir_output_record *records,
                                   uint32_t count, struct weir_error *error);
/* One journal record to the given partition of the journal. */
enum weir_txn weir_kafka_txn_journal(struct weir_kafka_txn *txn, int32_t partition, struct weir_bytes key,
                                     struct weir_bytes value, struct weir_error *error);
/* The journal offset at which the last journal record of the partition was delivered; -1: not known. */
int64_t weir_kafka_txn_journaled(const struct weir_kafka_txn *txn, int32_t partition);
/* Waits until all records are delivered, then binds the offsets of the source topic to the transaction. count
 * > 0. */
enum weir_txn weir_kafka_txn_offsets(struct weir_kafka_txn *txn, const char *topic,
                                     const struct weir_kafka_membership *membership,
                                     const struct weir_kafka_offset *offsets, uint32_t count,
                                     struct weir_error *error);
enum weir_txn weir_kafka_txn_commit(struct weir_kafka_txn *txn, struct weir_error *error);
enum weir_txn weir_kafka_txn_abort(struct weir_kafka_txn *txn, struct weir_error *error);
/* A connection was lost or a request went unanswered since begin, whatever the calls said: the client may
 * have asked twice, and the second request may still be on its way (R5). */
bool weir_kafka_txn_is_shaken(const struct weir_kafka_txn *txn);

#endif
