/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h: the cluster as its own files see it: cluster.c (time, faults, network), log.c (partitions),
 * coordinator.c (transactions), group.c (members, reading), producer.c (the client side of transactions).
 *
 * place: inside tests/sim only; a driver includes cluster.h.
 */
#ifndef TESTS_SIM_INSIDE_H
#define TESTS_SIM_INSIDE_H

#include "base/arena.h"
#include "sim/cluster.h"

enum sim_entry_state { SIM_PLAIN, SIM_OPEN, SIM_VISIBLE, SIM_GONE, SIM_MARKER };

struct sim_entry {
    struct weir_record record; /* bytes in the cluster's arena */
    int16_t producer;
    uint8_t state; /* enum sim_entry_state */
};

struct sim_partition {
    struct sim_entry *entries; /* index = offset */
    int64_t count, capacity, start;
    uint32_t open;                       /* bit q: producer q has an open transaction here */
    int64_t open_from[SIM_PRODUCER_MAX]; /* its first offset */
    int64_t away_until;
};

struct sim_topic {
    char name[64];
    int32_t partition_count;
    struct sim_partition partitions[SIM_PARTITION_MAX];
};

/* A transactional.id as its coordinator knows it; an upstream producer has no name. */
struct sim_producer {
    char id[64];
    int upstream; /* > 0 */
    int epoch;
    enum sim_txn_state state;
    int64_t started_ms;
    uint32_t pieces;            /* markers of a decided transaction that have not arrived */
    uint32_t in[SIM_TOPIC_MAX]; /* bit p: partition p is in the transaction */
    bool group;                 /* so are offsets */
    uint32_t pending_bits;      /* partitions with pending offsets */
    struct weir_kafka_offset pending[SIM_PARTITION_MAX];
};

enum sim_event_kind { SIM_EVENT_END, SIM_EVENT_INIT, SIM_EVENT_PRODUCE, SIM_EVENT_MARKER, SIM_EVENT_OFFSETS };

struct weir_kafka_membership {
    int member, generation;
};

struct sim_event { /* something in the network */
    int64_t due_ms;
    uint64_t number; /* order among those due together */
    enum sim_event_kind kind;
    int producer, epoch;
    bool commit;
    int topic; /* SIM_EVENT_MARKER: -1 = the group's offsets */
    int32_t partition;
    struct weir_record record;
    struct weir_kafka_membership membership;
    struct weir_kafka_offset *offsets; /* in the cluster's arena */
    uint32_t offset_count;
};

struct sim_cluster {
    struct sim_faults faults;
    uint64_t random, digest, event_number;
    uint64_t struck[SIM_FAULT_COUNT];
    bool verbose;
    uint32_t txn_timeout_ms;
    int64_t now_ms, down_until, coordinator_until, group_until;
    struct sim_topic topics[SIM_TOPIC_MAX];
    int topic_count;
    struct sim_producer producers[SIM_PRODUCER_MAX];
    int producer_count;
    struct sim_event *events; /* sorted by due, number */
    uint32_t event_count, event_capacity;
    struct weir_arena bytes;
    uint32_t handles;                  /* open ones */
    struct weir_kafka_txn *txns;       /* list of all open producers */
    struct weir_kafka_source *members; /* list of all consumers */
    uint32_t lives[SIM_PROCESS_MAX];   /* counted up by a crash */
    char names[SIM_PROCESS_MAX][16];
    int generation, member_number;
    int owner[SIM_PARTITION_MAX]; /* member id; 0: nobody */
    struct weir_kafka_offset offsets[SIM_PARTITION_MAX];
};

extern struct sim_cluster *sim_current;

/* cluster.c */
void *sim_grow(void *array, size_t bytes);                        /* realloc or abort */
void *sim_arena_alloc(struct sim_cluster *cluster, size_t bytes); /* of the cluster's arena, or abort */
bool sim_strikes(struct sim_cluster *cluster, enum sim_fault fault);
/* Notes a call or an effect: into the digest, and printed when verbose. */
void sim_note(struct sim_cluster *cluster, uint64_t word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sim_post(struct sim_cluster *cluster, const struct sim_event *event, uint32_t within_ms);
/* Time passes in a call. */
void sim_spend(struct sim_cluster *cluster, uint32_t up_to_ms);
/* Waits until the next event; false: nothing will ever happen. */
bool sim_wait(struct sim_cluster *cluster);
bool sim_down(struct sim_cluster *cluster); /* may begin to be */
bool sim_coordinator_away(struct sim_cluster *cluster);
bool sim_group_away(struct sim_cluster *cluster);
int sim_process_of(const struct weir_kafka_client *client);
uint64_t sim_hash(uint64_t hash, const void *bytes, size_t len);

/* log.c */
int sim_topic_find(const struct sim_cluster *cluster, const char *topic); /* asserts that there is one */
int sim_topic_look(const struct sim_cluster *cluster, const char *topic); /* -1: none */
struct weir_record sim_copy(struct sim_cluster *cluster, const struct weir_record *record);
/* record: bytes already the cluster's. producer -1: none. */
int64_t sim_log_append(struct sim_cluster *cluster, int topic, int32_t partition, int producer,
                       const struct weir_record *record);
void sim_log_mark(struct sim_cluster *cluster, int topic, int32_t partition, int producer, bool commit);
int64_t sim_log_lso(const struct sim_partition *partition);
bool sim_leader_away(struct sim_cluster *cluster, int topic, int32_t partition);
/* Committed records from *position on; moves it past what readers skip. WEIR_DATA: outside the log. */
int sim_log_read(struct sim_cluster *cluster, int topic, int32_t partition, int64_t *position,
                 struct weir_record *records, uint32_t max, struct weir_error *error);
int sim_log_seek(struct sim_cluster *cluster, int topic, int32_t partition, int64_t offset, int64_t *position,
                 struct weir_error *error);

/* coordinator.c: what the coordinator answers to one request */
enum sim_answer { SIM_DONE, SIM_BUSY, SIM_FENCE, SIM_INVALID, SIM_OLD_MEMBER };
int sim_producer_find(struct sim_cluster *cluster, const char *id); /* made when new */
enum sim_answer sim_init(struct sim_cluster *cluster, int producer, int *epoch);
enum sim_answer sim_add(struct sim_cluster *cluster, int producer, int epoch, int topic, int32_t partition);
enum sim_answer sim_add_group(struct sim_cluster *cluster, int producer, int epoch);
enum sim_answer sim_produce(struct sim_cluster *cluster, int producer, int epoch, int topic,
                            int32_t partition, const struct weir_record *record, int64_t *offset);
enum sim_answer sim_offsets(struct sim_cluster *cluster, int producer, int epoch,
                            const struct weir_kafka_membership *membership,
                            const struct weir_kafka_offset *offsets, uint32_t count);
enum sim_answer sim_end(struct sim_cluster *cluster, int producer, int epoch, bool commit);
void sim_marker_arrives(struct sim_cluster *cluster, const struct sim_event *event);
int64_t sim_timeout_due(const struct sim_cluster *cluster, int *producer);
void sim_timeout(struct sim_cluster *cluster, int producer);

/* group.c */
bool sim_is_member(const struct sim_cluster *cluster, const struct weir_kafka_membership *membership);

#endif
