/* SPDX-License-Identifier: Apache-2.0 */
/* group.c: the group's members, its committed offsets, and everything that reads or appends outside of
 * transactions. See cluster.h.
 *
 * A member's handle knows the member id and generation it was last told: one that was thrown out and does not
 * know it yet (a zombie) gives out memberships that the coordinator refuses.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/inside.h"

#define NEWS_MAX 256

struct weir_kafka_source {
    struct weir_kafka_source *next;
    struct sim_cluster *cluster;
    int process;
    uint32_t life;
    int member, generation;
    bool in_group;
    uint32_t revoking; /* bit p: asked to give p up, and has not */
    int64_t positions[SIM_PARTITION_MAX];
    struct sim_news news[NEWS_MAX];
    uint32_t news_first, news_count;
};

/* ---- members ---- */

static void tell(struct weir_kafka_source *consumer, enum sim_news_kind kind, int32_t partition) {
    static const char *const kinds[] = {"assigned", "revoked", "lost"};
    assert(consumer->news_count < NEWS_MAX);
    consumer->news[(consumer->news_first + consumer->news_count++) % NEWS_MAX] =
        (struct sim_news){kind, partition};
    sim_note(consumer->cluster, (uint64_t)partition * 4 + kind, "group: member %d of process %d: %s %d",
             consumer->member, consumer->process, kinds[kind], (int)partition);
}

bool sim_consumer_news(struct weir_kafka_source *consumer, struct sim_news *news) {
    if (consumer->news_count == 0) return false;
    *news = consumer->news[consumer->news_first];
    consumer->news_first = (consumer->news_first + 1) % NEWS_MAX;
    consumer->news_count--;
    return true;
}

static struct weir_kafka_source *find_member(const struct sim_cluster *cluster, int member) {
    for (struct weir_kafka_source *c = cluster->members; c && member; c = c->next)
        if (c->in_group && c->member == member) return c;
    return NULL;
}

bool sim_is_member(const struct sim_cluster *cluster, const struct weir_kafka_membership *membership) {
    if (membership->generation >= 0)
        return membership->generation == cluster->generation && find_member(cluster, membership->member);
    for (struct weir_kafka_source *c = cluster->members; c; c = c->next)
        if (c->in_group) return false; /* no place for who is alone */
    return true;
}

void sim_consumer_join(struct weir_kafka_source *consumer) {
    assert(!consumer->in_group);
    consumer->in_group = true;
    consumer->member = ++consumer->cluster->member_number;
    consumer->generation = 0; /* until the next rebalance */
}

struct weir_kafka_source *sim_consumer_open_alone(struct sim_cluster *cluster, int process) {
    struct weir_kafka_source *consumer = sim_grow(NULL, sizeof *consumer);
    memset(consumer, 0, sizeof *consumer);
    consumer->cluster = cluster;
    consumer->process = process;
    consumer->life = cluster->lives[process];
    consumer->next = cluster->members;
    cluster->members = consumer;
    cluster->handles++;
    consumer->generation = -1;
    return consumer;
}

struct weir_kafka_source *sim_consumer_open(struct sim_cluster *cluster, int process) {
    struct weir_kafka_source *consumer = sim_consumer_open_alone(cluster, process);
    sim_consumer_join(consumer);
    return consumer;
}

static void leave(struct weir_kafka_source *consumer, bool told) {
    if (!consumer->in_group) return;
    for (int32_t p = 0; p < SIM_PARTITION_MAX; p++) {
        if (consumer->cluster->owner[p] != consumer->member) continue;
        consumer->cluster->owner[p] = 0;
        if (told) tell(consumer, SIM_LOST, p);
    }
    consumer->revoking = 0;
    consumer->in_group = false;
}

void sim_consumer_throw_out(struct weir_kafka_source *consumer) { leave(consumer, true); }

void sim_consumer_close(struct weir_kafka_source *consumer) {
    struct sim_cluster *cluster = consumer->cluster;
    leave(consumer, false);
    struct weir_kafka_source **link = &cluster->members;
    while (*link != consumer) link = &(*link)->next;
    *link = consumer->next;
    cluster->handles--;
    free(consumer);
}

bool sim_cluster_rebalance(struct sim_cluster *cluster, struct weir_kafka_source *const *targets,
                           int32_t count) {
    assert(count <= cluster->topics[0].partition_count);
    bool complete = true;
    cluster->generation++;
    sim_note(cluster, (uint64_t)cluster->generation, "group: generation %d", cluster->generation);
    for (struct weir_kafka_source *c = cluster->members; c; c = c->next)
        if (c->in_group) c->generation = cluster->generation;
    for (int32_t p = 0; p < count; p++) {
        struct weir_kafka_source *owner = find_member(cluster, cluster->owner[p]), *target = targets[p];
        if (target && !target->in_group) target = NULL;
        if (owner && (owner->revoking >> p & 1)) { /* on its way, even if he shall have it after all */
            complete = false;
        } else if (owner == target) {
            continue;
        } else if (owner) {
            owner->revoking |= 1u << p;
            tell(owner, SIM_REVOKED, p);
            complete = false;
        } else {
            cluster->owner[p] = target->member;
            tell(target, SIM_ASSIGNED, p);
        }
    }
    return complete;
}

void sim_consumer_give_up(struct weir_kafka_source *consumer, int32_t partition) {
    consumer->revoking &= ~(1u << partition);
    if (!sim_consumer_owns(consumer, partition)) return; /* thrown out meanwhile */
    consumer->cluster->owner[partition] = 0;
    sim_note(consumer->cluster, (uint64_t)partition, "group: member %d gave up %d", consumer->member,
             (int)partition);
}

bool sim_consumer_owns(const struct weir_kafka_source *consumer, int32_t partition) {
    return consumer->in_group && consumer->cluster->owner[partition] == consumer->member;
}

struct weir_kafka_membership *weir_kafka_membership_take(struct weir_kafka_source *source) {
    struct weir_kafka_membership *membership = sim_grow(NULL, sizeof *membership);
    *membership = (struct weir_kafka_membership){source->member, source->generation};
    return membership;
}

void weir_kafka_membership_free(struct weir_kafka_membership *membership) { free(membership); }

/* ---- committed offsets ---- */

static bool unstable(const struct sim_cluster *cluster, const struct weir_kafka_offset *offsets,
                     uint32_t count) {
    uint32_t asked = 0;
    for (uint32_t i = 0; i < count; i++) asked |= 1u << offsets[i].partition;
    for (int i = 0; i < cluster->producer_count; i++)
        if (cluster->producers[i].pending_bits & asked) return true;
    return false;
}

int weir_kafka_committed(struct weir_kafka_source *source, struct weir_kafka_offset *offsets, uint32_t count,
                         int64_t timeout_ms, struct weir_error *error) {
    struct sim_cluster *cluster = source->cluster;
    if (cluster->lives[source->process] != source->life)
        return weir_error_set(error, WEIR_IO, "simulated committed: dead process");
    sim_spend(cluster, cluster->faults.call_ms);
    int64_t deadline = cluster->now_ms + timeout_ms;
    bool silent = sim_group_away(cluster) || sim_strikes(cluster, SIM_COMMITTED_AGAIN);
    while (!silent && unstable(cluster, offsets, count) && sim_next_due(cluster) <= deadline)
        sim_wait(cluster);
    if (silent || unstable(cluster, offsets, count)) {
        if (deadline > cluster->now_ms) sim_advance(cluster, deadline - cluster->now_ms);
        sim_note(cluster, 1, "committed(process %d): AGAIN", source->process);
        return weir_error_set(error, WEIR_AGAIN, "simulated committed: %s",
                              silent ? "no answer" : "unstable");
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(offsets[i].partition >= 0 && offsets[i].partition < SIM_PARTITION_MAX);
        offsets[i] = cluster->offsets[offsets[i].partition];
        sim_note(cluster, (uint64_t)offsets[i].next, "committed(process %d): partition %d at %lld (%s)",
                 source->process, (int)offsets[i].partition, (long long)offsets[i].next, offsets[i].metadata);
    }
    return WEIR_OK;
}

int weir_kafka_committed_all(struct weir_kafka_source *source, struct weir_kafka_offset **offsets,
                             uint32_t *count, int64_t timeout_ms, struct weir_error *error) {
    *count = (uint32_t)source->cluster->topics[0].partition_count;
    *offsets = sim_grow(NULL, *count * sizeof **offsets);
    for (uint32_t p = 0; p < *count; p++) (*offsets)[p] = (struct weir_kafka_offset){.partition = (int32_t)p};
    return weir_kafka_committed(source, *offsets, *count, timeout_ms, error);
}

const struct weir_kafka_offset *sim_group_offset(struct sim_cluster *cluster, int32_t partition) {
    return &cluster->offsets[partition];
}

void sim_group_set_offset(struct sim_cluster *cluster, const struct weir_kafka_offset *offset) {
    cluster->offsets[offset->partition] = *offset;
}

/* ---- reading the input ---- */

int sim_consumer_seek(struct weir_kafka_source *consumer, int32_t partition, int64_t offset,
                      struct weir_error *error) {
    return sim_log_seek(consumer->cluster, 0, partition, offset, &consumer->positions[partition], error);
}

int sim_consumer_read(struct weir_kafka_source *consumer, int32_t partition, struct weir_record *records,
                      uint32_t max, struct weir_error *error) {
    return sim_log_read(consumer->cluster, 0, partition, &consumer->positions[partition], records, max,
                        error);
}

int64_t sim_consumer_position(const struct weir_kafka_source *consumer, int32_t partition) {
    return consumer->positions[partition];
}

/* ---- reader and writer ---- */

struct weir_kafka_reader {
    struct sim_cluster *cluster;
    int process, topic;
    uint32_t life;
    uint32_t sought; /* bit p */
    int64_t positions[SIM_PARTITION_MAX];
    char *lent; /* bytes of the records of the last read: freed by the next, which tells who kept them */
};

struct weir_kafka_writer {
    struct sim_cluster *cluster;
    int process, topic;
    uint32_t life;
};

static int reader_fault(struct sim_cluster *cluster, int process, uint32_t life, int64_t timeout_ms,
                        const char *call, struct weir_error *error) {
    if (cluster->lives[process] != life)
        return weir_error_set(error, WEIR_IO, "simulated %s: dead process", call);
    sim_spend(cluster, cluster->faults.call_ms);
    if (sim_strikes(cluster, SIM_READER_IO)) {
        sim_note(cluster, 3, "%s: broken", call);
        return weir_error_set(error, WEIR_IO, "simulated %s: broken", call);
    }
    if (!sim_down(cluster) && !sim_strikes(cluster, SIM_READER_AGAIN)) return WEIR_OK;
    sim_advance(cluster, timeout_ms);
    sim_note(cluster, 2, "%s: no answer", call);
    return weir_error_set(error, WEIR_AGAIN, "simulated %s: no answer", call);
}

int weir_kafka_reader_open(const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_reader **reader, struct weir_error *error) {
    struct sim_cluster *cluster = sim_current;
    *reader = NULL;
    int found = sim_topic_look(cluster, topic);
    if (found < 0) return weir_error_set(error, WEIR_IO, "simulated reader: no topic '%s'", topic);
    struct weir_kafka_reader *made = sim_grow(NULL, sizeof *made);
    memset(made, 0, sizeof *made);
    made->cluster = cluster;
    made->process = sim_process_of(client);
    made->life = cluster->lives[made->process];
    made->topic = found;
    cluster->handles++;
    *reader = made;
    return WEIR_OK;
}

void weir_kafka_reader_close(struct weir_kafka_reader *reader) {
    if (!reader) return;
    reader->cluster->handles--;
    free(reader->lent);
    free(reader);
}

int weir_kafka_reader_seek(struct weir_kafka_reader *reader, int32_t partition, int64_t offset,
                           struct weir_error *error) {
    int result = reader_fault(reader->cluster, reader->process, reader->life, 0, "seek", error);
    if (result) return result;
    result =
        sim_log_seek(reader->cluster, reader->topic, partition, offset, &reader->positions[partition], error);
    if (!result) reader->sought |= 1u << partition;
    return result;
}

static char *lend(char *to, struct weir_bytes *bytes) {
    if (!bytes->data) return to;
    memcpy(to, bytes->data, bytes->len);
    bytes->data = to;
    return to + bytes->len;
}

static void lend_all(struct weir_kafka_reader *reader, struct weir_record *records, uint32_t count) {
    size_t bytes = 1;
    for (uint32_t i = 0; i < count; i++) bytes += records[i].key.len + records[i].value.len;
    char *to = reader->lent = sim_grow(NULL, bytes);
    for (uint32_t i = 0; i < count; i++) {
        to = lend(to, &records[i].key);
        to = lend(to, &records[i].value); /* headers are not lent: the cluster's own */
    }
}

int weir_kafka_reader_read(struct weir_kafka_reader *reader, int32_t partition, struct weir_record *records,
                           uint32_t max, int64_t timeout_ms, struct weir_error *error) {
    struct sim_cluster *cluster = reader->cluster;
    assert(max > 0 && (reader->sought >> partition & 1));
    free(reader->lent);
    reader->lent = NULL;
    int result = reader_fault(cluster, reader->process, reader->life, timeout_ms, "read", error);
    if (result) return result;
    if (sim_strikes(cluster, SIM_READER_SHORT)) {
        sim_note(cluster, 4, "read: short");
        return 0;
    }
    if (cluster->faults.chance[SIM_READER_AGAIN]) max = 1 + sim_random(cluster, max); /* short reads */
    result =
        sim_log_read(cluster, reader->topic, partition, &reader->positions[partition], records, max, error);
    if (result > 0) lend_all(reader, records, (uint32_t)result);
    sim_note(cluster, (uint64_t)(int64_t)result, "read(%s-%d): %d", cluster->topics[reader->topic].name,
             (int)partition, result);
    return result;
}

int weir_kafka_writer_open(const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_writer **writer, struct weir_error *error) {
    struct sim_cluster *cluster = sim_current;
    *writer = NULL;
    int found = sim_topic_look(cluster, topic);
    if (found < 0) return weir_error_set(error, WEIR_IO, "simulated writer: no topic '%s'", topic);
    struct weir_kafka_writer *made = sim_grow(NULL, sizeof *made);
    int process = sim_process_of(client);
    *made = (struct weir_kafka_writer){cluster, process, found, cluster->lives[process]};
    cluster->handles++;
    *writer = made;
    return WEIR_OK;
}

int weir_kafka_writer_write(struct weir_kafka_writer *writer, int32_t partition,
                            const struct weir_bytes *keys, const struct weir_bytes *values, uint32_t count,
                            int64_t *first, int64_t *last, struct weir_error *error) {
    struct sim_cluster *cluster = writer->cluster;
    if (cluster->lives[writer->process] != writer->life)
        return weir_error_set(error, WEIR_IO, "simulated writer: dead process");
    sim_spend(cluster, cluster->faults.call_ms);
    bool fails = sim_leader_away(cluster, writer->topic, partition);
    uint32_t taken = fails ? 0 : count;
    if (!fails && sim_strikes(cluster, SIM_WRITER_FAILS)) {
        fails = true;
        taken = sim_random(cluster, count + 1);
    }
    for (uint32_t i = 0; i < taken; i++) {
        struct weir_record record = {.timestamp_ms = WEIR_NO_TIMESTAMP, .key = keys[i], .value = values[i]};
        struct weir_record copy = sim_copy(cluster, &record);
        *last = sim_log_append(cluster, writer->topic, partition, -1, &copy);
        if (i == 0) *first = *last;
    }
    if (fails)
        return weir_error_set(error, WEIR_IO, "simulated writer: no acknowledgement of %u records", count);
    return WEIR_OK;
}

void weir_kafka_writer_close(struct weir_kafka_writer *writer) {
    if (!writer) return;
    writer->cluster->handles--;
    free(writer);
}

int weir_kafka_topic_trim(const struct weir_kafka_client *client, const char *topic, int32_t partition,
                          int64_t before_offset, int64_t timeout_ms, struct weir_error *error) {
    struct sim_cluster *cluster = sim_current;
    (void)client;
    (void)timeout_ms;
    int found = sim_topic_look(cluster, topic);
    if (found < 0 || sim_leader_away(cluster, found, partition))
        return weir_error_set(error, WEIR_IO, "simulated trim: no answer");
    if (before_offset > sim_log_start(cluster, topic, partition))
        sim_trim(cluster, topic, partition, before_offset);
    return WEIR_OK;
}
