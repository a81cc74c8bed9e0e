/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: topics and partitions: records, control markers, the last stable offset, retention. See cluster.h.
 *
 * An entry of a transaction is OPEN until a marker makes it VISIBLE or GONE. The marker takes an offset, so
 * readers see gaps. The last stable offset is the first offset of the oldest open transaction.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/inside.h"

static struct sim_partition *at(struct sim_cluster *cluster, int topic, int32_t partition) {
    assert(partition >= 0 && partition < cluster->topics[topic].partition_count);
    return &cluster->topics[topic].partitions[partition];
}

int sim_topic_look(const struct sim_cluster *cluster, const char *topic) {
    for (int t = 0; t < cluster->topic_count; t++)
        if (strcmp(cluster->topics[t].name, topic) == 0) return t;
    return -1;
}

int sim_topic_find(const struct sim_cluster *cluster, const char *topic) {
    int found = sim_topic_look(cluster, topic);
    assert(found >= 0);
    return found;
}

void sim_topic_create(struct sim_cluster *cluster, const char *topic, int32_t partitions) {
    assert(cluster->topic_count < SIM_TOPIC_MAX && partitions > 0 && partitions <= SIM_PARTITION_MAX);
    assert(sim_topic_look(cluster, topic) < 0);
    struct sim_topic *made = &cluster->topics[cluster->topic_count++];
    snprintf(made->name, sizeof made->name, "%s", topic);
    made->partition_count = partitions;
}

/* ---- bytes ---- */

static struct weir_bytes copy_bytes(struct sim_cluster *cluster, struct weir_bytes bytes) {
    if (!bytes.data) return bytes;
    char *copy = sim_arena_alloc(cluster, bytes.len + 1);
    if (bytes.len) memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    return (struct weir_bytes){copy, bytes.len};
}

struct weir_record sim_copy(struct sim_cluster *cluster, const struct weir_record *record) {
    struct weir_record copy = *record;
    copy.key = copy_bytes(cluster, record->key);
    copy.value = copy_bytes(cluster, record->value);
    copy.headers = NULL;
    if (record->header_count == 0) return copy;
    struct weir_header *headers = sim_arena_alloc(cluster, record->header_count * sizeof *headers);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const char *name = record->headers[i].name;
        headers[i].name = copy_bytes(cluster, (struct weir_bytes){name, strlen(name)}).data;
        headers[i].value = copy_bytes(cluster, record->headers[i].value);
    }
    copy.headers = headers;
    return copy;
}

/* ---- appending ---- */

static struct sim_entry *append(struct sim_partition *log) {
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : 256;
        log->entries = sim_grow(log->entries, (size_t)log->capacity * sizeof *log->entries);
    }
    return &log->entries[log->count++];
}

int64_t sim_log_append(struct sim_cluster *cluster, int topic, int32_t partition, int producer,
                       const struct weir_record *record) {
    struct sim_partition *log = at(cluster, topic, partition);
    struct sim_entry *entry = append(log);
    int64_t offset = log->count - 1;
    entry->record = *record;
    entry->record.topic = cluster->topics[topic].name;
    entry->record.partition = partition;
    entry->record.offset = offset;
    if (record->timestamp_ms == WEIR_NO_TIMESTAMP) entry->record.timestamp_ms = cluster->now_ms;
    entry->producer = (int16_t)producer;
    entry->state = producer < 0 ? SIM_PLAIN : SIM_OPEN;
    if (producer >= 0 && !(log->open >> producer & 1)) {
        log->open |= 1u << producer;
        log->open_from[producer] = offset;
    }
    sim_note(cluster, sim_hash((uint64_t)offset, record->value.data, record->value.len),
             "log %s-%d: offset %lld, %zu bytes, producer %d", cluster->topics[topic].name, (int)partition,
             (long long)offset, record->value.len, producer);
    return offset;
}

void sim_log_mark(struct sim_cluster *cluster, int topic, int32_t partition, int producer, bool commit) {
    struct sim_partition *log = at(cluster, topic, partition);
    if (log->open >> producer & 1)
        for (int64_t i = log->open_from[producer]; i < log->count; i++) {
            struct sim_entry *entry = &log->entries[i];
            if (entry->producer == producer && entry->state == SIM_OPEN)
                entry->state = commit ? SIM_VISIBLE : SIM_GONE;
        }
    log->open &= ~(1u << producer);
    *append(log) = (struct sim_entry){.producer = (int16_t)producer, .state = SIM_MARKER};
    sim_note(cluster, (uint64_t)log->count, "log %s-%d: offset %lld, %s marker, producer %d",
             cluster->topics[topic].name, (int)partition, (long long)log->count - 1,
             commit ? "commit" : "abort", producer);
}

int64_t sim_append(struct sim_cluster *cluster, int upstream, const char *topic, int32_t partition,
                   const struct weir_record *record) {
    int found = -1;
    for (int i = 0; i < cluster->producer_count && upstream; i++)
        if (cluster->producers[i].upstream == upstream) found = i;
    if (upstream && found < 0) {
        assert(cluster->producer_count < SIM_PRODUCER_MAX);
        found = cluster->producer_count++;
        cluster->producers[found].upstream = upstream;
    }
    int index = sim_topic_find(cluster, topic);
    struct weir_record copy = sim_copy(cluster, record);
    if (found >= 0) cluster->producers[found].in[index] |= 1u << partition;
    return sim_log_append(cluster, index, partition, found, &copy);
}

void sim_upstream_end(struct sim_cluster *cluster, int upstream, bool commit) {
    for (int i = 0; i < cluster->producer_count; i++) {
        struct sim_producer *producer = &cluster->producers[i];
        if (producer->upstream != upstream) continue;
        for (int t = 0; t < cluster->topic_count; t++)
            for (int32_t p = 0; p < cluster->topics[t].partition_count; p++)
                if (producer->in[t] >> p & 1) sim_log_mark(cluster, t, p, i, commit);
        memset(producer->in, 0, sizeof producer->in);
    }
}

void sim_trim(struct sim_cluster *cluster, const char *topic, int32_t partition, int64_t start) {
    struct sim_partition *log = at(cluster, sim_topic_find(cluster, topic), partition);
    assert(start >= log->start && start <= log->count);
    log->start = start;
    sim_note(cluster, (uint64_t)start, "log %s-%d: starts at %lld now", topic, (int)partition,
             (long long)start);
}

bool sim_damage(struct sim_cluster *cluster, const char *topic, int32_t partition, int64_t offset,
                size_t byte) {
    struct sim_partition *log = at(cluster, sim_topic_find(cluster, topic), partition);
    if (offset < 0 || offset >= log->count || log->entries[offset].state == SIM_MARKER) return false;
    struct sim_entry *entry = &log->entries[offset];
    if (byte >= entry->record.value.len) return false;
    struct weir_bytes value = copy_bytes(cluster, entry->record.value);
    ((char *)(uintptr_t)value.data)[byte] ^= 4; /* the arena's own copy */
    entry->record.value = value;
    return true;
}

/* ---- reading ---- */

int64_t sim_log_lso(const struct sim_partition *log) {
    int64_t lso = log->count;
    for (uint32_t open = log->open; open; open &= open - 1) {
        int64_t from = log->open_from[__builtin_ctz(open)];
        if (from < lso) lso = from;
    }
    return lso;
}

static bool visible(const struct sim_entry *entry) {
    return entry->state == SIM_PLAIN || entry->state == SIM_VISIBLE;
}

const struct weir_record *sim_committed_next(struct sim_cluster *cluster, const char *topic,
                                             int32_t partition, int64_t *cursor) {
    struct sim_partition *log = at(cluster, sim_topic_find(cluster, topic), partition);
    int64_t lso = sim_log_lso(log);
    while (*cursor < lso) {
        const struct sim_entry *entry = &log->entries[(*cursor)++];
        if (visible(entry)) return &entry->record;
    }
    return NULL;
}

static int lost(struct sim_cluster *cluster, int topic, int32_t partition, int64_t offset,
                struct weir_error *error) {
    const struct sim_partition *log = at(cluster, topic, partition);
    return weir_error_set(error, WEIR_DATA, "%s-%d: offset %lld is not in the log, which holds %lld to %lld",
                          cluster->topics[topic].name, (int)partition, (long long)offset,
                          (long long)log->start, (long long)log->count - 1);
}

int sim_log_seek(struct sim_cluster *cluster, int topic, int32_t partition, int64_t offset, int64_t *position,
                 struct weir_error *error) {
    const struct sim_partition *log = at(cluster, topic, partition);
    if (offset == -1) offset = log->start;
    if (offset < log->start || offset > log->count) return lost(cluster, topic, partition, offset, error);
    *position = offset;
    return WEIR_OK;
}

int sim_log_read(struct sim_cluster *cluster, int topic, int32_t partition, int64_t *position,
                 struct weir_record *records, uint32_t max, struct weir_error *error) {
    const struct sim_partition *log = at(cluster, topic, partition);
    if (*position < log->start) return lost(cluster, topic, partition, *position, error);
    int64_t lso = sim_log_lso(log);
    uint32_t count = 0;
    while (*position < lso && count < max) {
        const struct sim_entry *entry = &log->entries[(*position)++];
        if (visible(entry)) records[count++] = entry->record;
    }
    return (int)count;
}

int64_t sim_log_start(struct sim_cluster *cluster, const char *topic, int32_t partition) {
    return at(cluster, sim_topic_find(cluster, topic), partition)->start;
}

int64_t sim_log_end(struct sim_cluster *cluster, const char *topic, int32_t partition) {
    return at(cluster, sim_topic_find(cluster, topic), partition)->count;
}

int64_t sim_log_stable(struct sim_cluster *cluster, const char *topic, int32_t partition) {
    return sim_log_lso(at(cluster, sim_topic_find(cluster, topic), partition));
}
