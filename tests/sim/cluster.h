/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h: a Kafka in memory for the simulator: logs, transactions, one group, faults; seeded and exact.
 *
 * place:    stands in for engine/kafka/{transaction,reader}: a program of tests/sim links these files before
 * the archives, so weir_kafka_txn_*, _membership_*, _committed, _reader_* and _writer_* are found here. time:
 * virtual. Calls may let time pass; a driver does it with sim_advance. Nothing runs by itself. threads:  one
 * thread, one cluster per program (the client calls name no cluster but through a string). errors:   of the
 * code under test come back as the contracts say; calls in an order that librdkafka forbids, bytes changed
 * while a transaction still uses them and limits of the simulator are asserts. model:    transaction protocol
 * before KIP-890: a request of the current epoch is believed, however late. Producing checks with the
 * coordinator that the partition is in the transaction (as brokers do since 3.6). Not modelled: sequence
 * numbers (a record is lost, late or there, never doubled by the producer itself), replicas, and members'
 * heartbeats: the driver says who is thrown out.
 */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include <stdbool.h>

#include "kafka/reader.h"
#include "kafka/transaction.h"

#define SIM_PARTITION_MAX 16 /* of one topic */
#define SIM_TOPIC_MAX 16
#define SIM_PRODUCER_MAX 32 /* transactional ids and upstreams together */
#define SIM_PROCESS_MAX 64

struct sim_cluster;

/* ---- faults: chances in 10,000, drawn from the cluster's own generator ---- */

enum sim_fault {
    SIM_AGAIN_NOT_DONE, /* open, offsets, commit, abort: AGAIN, the request never arrived */
    SIM_AGAIN_DONE,     /* AGAIN, but it took effect: the answer was lost */
    SIM_AGAIN_LATE,     /* AGAIN, and it takes effect up to late_ms from now, whatever follows */
    SIM_END_TWICE, /* commit, abort: OK, but the client library has asked twice; the other request arrives up
                      to late_ms later. One can know of it by weir_kafka_txn_is_shaken, or, when the library
                      says nothing, by the call having taken more than 1 s */
    SIM_SLOW,      /* open, offsets, commit, abort: an honest answer, but 1 to 5 s late */
    SIM_ABORTABLE, /* write, offsets: ABORT for no reason of the cluster's */
    SIM_STRANGER,  /* open, offsets, commit: somebody took our transactional.id: FENCED */
    SIM_BROKEN,    /* write, offsets, commit: the client is dead */
    SIM_DELIVERY_LOST,     /* write, journal: records are lost: ABORT */
    SIM_DELIVERY_LATE,     /* write, journal, crash: records arrive up to late_ms later; a write says ABORT */
    SIM_COORDINATOR_MOVES, /* transaction or group coordinator away for up to move_ms */
    SIM_LEADER_MOVES,      /* a partition's leader away for up to move_ms */
    SIM_CLUSTER_DOWN,      /* everything away for up to down_ms */
    SIM_COMMITTED_AGAIN,   /* weir_kafka_committed: no answer */
    SIM_READER_AGAIN,      /* reader open, seek, read: no answer */
    SIM_READER_IO,         /* reader open, seek, read: WEIR_IO, and well again the next time; not
                              in sim_storm, where readers are oracles too */
    SIM_READER_SHORT, /* reader read: 0, though there is more: a new leader that does not know yet how far its
                         log is committed; not in sim_storm either */
    SIM_WRITER_FAILS, /* writer: WEIR_IO after a prefix of the records was appended */
    SIM_FAULT_COUNT
};

struct sim_faults {
    uint32_t chance[SIM_FAULT_COUNT]; /* in 10,000 for each call it can strike */
    uint32_t marker_ms; /* > 0: control markers reach each partition and the group's offsets separately, up to
                           this late, so readers see half a commit. 0: with the decision */
    uint32_t call_ms;   /* every call takes up to this long */
    uint32_t again_ms;  /* a call that says AGAIN takes up to this long */
    uint32_t late_ms, move_ms, down_ms;
};
/* All off, no time passes in calls. */
extern const struct sim_faults sim_no_faults;
/* Everything happens, rarely: a sensible mixture for a storm of seeds. */
extern const struct sim_faults sim_storm;

/* ---- life ---- */

struct sim_cluster_options {
    uint64_t seed;
    uint32_t txn_timeout_ms; /* 0: 10,000 */
    struct sim_faults faults;
    bool verbose; /* print every call and every effect in order */
};
/* Never NULL (no memory: abort). There can be one at a time. */
struct sim_cluster *sim_cluster_create(const struct sim_cluster_options *options);
/* Back to an empty cluster at time 1,000,000 ms, memory kept. All handles must be closed before (asserted).
 */
void sim_cluster_reset(struct sim_cluster *cluster, const struct sim_cluster_options *options);
void sim_cluster_destroy(struct sim_cluster *cluster);

int64_t sim_now(const struct sim_cluster *cluster); /* ms */
/* Lets time pass: late requests, markers and transaction timeouts come due in order. */
void sim_advance(struct sim_cluster *cluster, int64_t ms);
/* When the next of them is due; INT64_MAX: never. */
int64_t sim_next_due(const struct sim_cluster *cluster);
/* Other faults from now on. What is in the network still arrives. */
void sim_set_faults(struct sim_cluster *cluster, const struct sim_faults *faults);
/* The liveness phase: no faults any more, all brokers are back, late requests arrive in their time. */
void sim_heal(struct sim_cluster *cluster);
/* A random number below `limit` (> 0) from the cluster's generator, for a driver without its own. */
uint32_t sim_random(struct sim_cluster *cluster, uint32_t limit);
/* How often a fault struck since reset: a test that never saw its fault proves nothing. */
uint64_t sim_struck(const struct sim_cluster *cluster, enum sim_fault fault);
/* Hash over all calls and effects since reset: equal for equal seeds. */
uint64_t sim_digest(const struct sim_cluster *cluster);

/* ---- processes: who owns a handle ---- */

/* What a process (0 to SIM_PROCESS_MAX - 1) passes to open calls. Strings live as long as the cluster. */
struct weir_kafka_client sim_client(struct sim_cluster *cluster, int process);
/* The process dies between two calls: its transactions stay as they are in the cluster, queued records arrive
 * late or never. Its handles answer BROKEN / WEIR_IO from now on and only want to be closed by the driver's
 * clean-up. Group members of it stay members until thrown out. The number may be used again at once. */
void sim_crash(struct sim_cluster *cluster, int process);
/* The same for one producer alone. */
void sim_txn_abandon(struct weir_kafka_txn *txn);

/* ---- logs ---- */

/* Must exist before anyone opens it. The topic named first is the group's (the input). */
void sim_topic_create(struct sim_cluster *cluster, const char *topic, int32_t partitions);
/* Appends an input record and returns its offset. upstream 0: without a transaction. 1 and up: in the open
 * transaction of that upstream producer, which its first record begins; sim_upstream_end decides it. */
int64_t sim_append(struct sim_cluster *cluster, int upstream, const char *topic, int32_t partition,
                   const struct weir_record *record);
void sim_upstream_end(struct sim_cluster *cluster, int upstream, bool commit);
/* Retention: the log of the partition now starts at `start`. Oracles still see what is gone. */
void sim_trim(struct sim_cluster *cluster, const char *topic, int32_t partition, int64_t start);
/* Flips one bit of the value of the record at that offset; false: there is no such byte. */
bool sim_damage(struct sim_cluster *cluster, const char *topic, int32_t partition, int64_t offset,
                size_t byte);

/* Oracles: the next committed record at or after *cursor (start with 0) whatever retention took, or NULL at
 * the end of committed records (an open transaction ends it). Borrowed until reset. */
const struct weir_record *sim_committed_next(struct sim_cluster *cluster, const char *topic,
                                             int32_t partition, int64_t *cursor);
int64_t sim_log_start(struct sim_cluster *cluster, const char *topic, int32_t partition);
int64_t sim_log_end(struct sim_cluster *cluster, const char *topic, int32_t partition);
int64_t sim_log_stable(struct sim_cluster *cluster, const char *topic, int32_t partition); /* the LSO */
/* Committed offset and metadata of the group; next is -1 when it has none. */
const struct weir_kafka_offset *sim_group_offset(struct sim_cluster *cluster, int32_t partition);
/* For scenarios that start with a group that has been here before. */
void sim_group_set_offset(struct sim_cluster *cluster, const struct weir_kafka_offset *offset);

enum sim_txn_state {
    SIM_EMPTY,
    SIM_ONGOING,
    SIM_PREPARE_COMMIT,
    SIM_PREPARE_ABORT,
    SIM_COMMITTED,
    SIM_ABORTED
};
/* What the coordinator knows of a transactional.id; SIM_EMPTY when it never heard of it. *epoch may be NULL.
 */
enum sim_txn_state sim_txn_state(struct sim_cluster *cluster, const char *id, int *epoch);
/* An EndTxn of the current epoch of `id` arrives after delay_ms: a fault placed by hand. */
void sim_inject_end(struct sim_cluster *cluster, const char *id, bool commit, int64_t delay_ms);

/* ---- the group and its members: struct weir_kafka_source is the simulator's consumer ---- */

/* Joins the group; has nothing until a rebalance. */
struct weir_kafka_source *sim_consumer_open(struct sim_cluster *cluster, int process);
/* Not a member, only of the group's name (`alone`): its offsets are taken while the group has no members. */
struct weir_kafka_source *sim_consumer_open_alone(struct sim_cluster *cluster, int process);
/* Leaves the group and frees. For one of a dead process that is the end of its session. */
void sim_consumer_close(struct weir_kafka_source *consumer);
/* One generation more. targets[p] is who shall have partition p of the input (NULL: nobody). Cooperative: a
 * partition moves only in the generation after its owner gave it up, so rebalance again (same targets) until
 * it returns true: everybody has what he shall have. Members that are thrown out do not count. */
bool sim_cluster_rebalance(struct sim_cluster *cluster, struct weir_kafka_source *const *targets,
                           int32_t count);
/* The owner has finished with a partition he was asked to revoke (or closes it on his own). */
void sim_consumer_give_up(struct weir_kafka_source *consumer, int32_t partition);
/* Session over: his partitions are free for the next generation, offsets of his membership are STALE. */
void sim_consumer_throw_out(struct weir_kafka_source *consumer);
/* Back in the group under a new member id, without partitions. */
void sim_consumer_join(struct weir_kafka_source *consumer);

enum sim_news_kind {
    SIM_ASSIGNED, /* yours now: read committed offsets, seek, work */
    SIM_REVOKED,  /* finish, commit, then sim_consumer_give_up */
    SIM_LOST,     /* drop, never commit */
};
struct sim_news {
    enum sim_news_kind kind;
    int32_t partition;
};
/* The next thing the group told this member, in order; false: none. A zombie is one that is not asked. */
bool sim_consumer_news(struct weir_kafka_source *consumer, struct sim_news *news);
/* Does the coordinator hold this member for the owner? (oracle) */
bool sim_consumer_owns(const struct weir_kafka_source *consumer, int32_t partition);
/* Reading of the input, read_committed: as weir_kafka_reader_seek and _read, without faults of its own. */
int sim_consumer_seek(struct weir_kafka_source *consumer, int32_t partition, int64_t offset,
                      struct weir_error *error);
int sim_consumer_read(struct weir_kafka_source *consumer, int32_t partition, struct weir_record *records,
                      uint32_t max, struct weir_error *error);
/* Where the next read begins: after a read of 0 the end of committed records (caught_up's next_offset). */
int64_t sim_consumer_position(const struct weir_kafka_source *consumer, int32_t partition);

#endif
