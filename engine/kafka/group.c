/* SPDX-License-Identifier: Apache-2.0 */
/* group.c: what a group member does: takes and gives back partitions, remembers and commits offsets.
 *
 * Where a partition starts is resolved here, before librdkafka is told to fetch: the committed offset;
 * without one the edge of the log that source.start names. librdkafka itself runs with
 * auto.offset.reset=error, so it never jumps by itself: when the log no longer holds the offset we ask for
 * (retention or truncation overtook the group, or the topic was made anew), the fetch fails,
 * weir_kafka_group_lost names the lost range, and the partition or the source stops.
 *
 * Commits go out with weir_kafka_source_commit and are answered on a queue of their own, so that waiting for
 * one is bounded by us and serves neither records nor rebalances.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kafka/source.h"

#define ASSIGN_TIMEOUT_MS 30000
#define COMMIT_TIMEOUT_MS 5000

/* ---- start offsets ---- */

rd_kafka_resp_err_t weir_kafka_group_edges(struct weir_kafka_source *source,
                                           rd_kafka_topic_partition_list_t *list, int64_t edge,
                                           int timeout_ms) {
    /* The protocol's two special "timestamps" are librdkafka's logical offsets: one request to each leader.
     */
    for (int i = 0; i < list->cnt; i++) list->elems[i].offset = edge;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(source->rk, list, timeout_ms);
    for (int i = 0; i < list->cnt && !code; i++) code = list->elems[i].err;
    return code;
}

/* Fills the offset of each partition of list. */
static rd_kafka_resp_err_t resolve_starts(struct weir_kafka_source *source,
                                          rd_kafka_topic_partition_list_t *list, int timeout_ms) {
    rd_kafka_resp_err_t code = rd_kafka_committed(source->rk, list, timeout_ms);
    for (int i = 0; i < list->cnt && !code; i++) code = list->elems[i].err;
    if (code) return code;
    rd_kafka_topic_partition_list_t *fresh = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            rd_kafka_topic_partition_list_add(fresh, list->elems[i].topic, list->elems[i].partition);
    if (fresh->cnt) {
        int64_t edge = source->start_latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
        code = weir_kafka_group_edges(source, fresh, edge, timeout_ms);
    }
    for (int i = 0; i < fresh->cnt && !code; i++) {
        const rd_kafka_topic_partition_t *start = &fresh->elems[i];
        rd_kafka_topic_partition_list_find(list, start->topic, start->partition)->offset = start->offset;
    }
    rd_kafka_topic_partition_list_destroy(fresh);
    return code;
}

void weir_kafka_group_lost(struct weir_kafka_source *source, int32_t partition) {
    const struct weir_kafka_cursor *cursor = weir_kafka_intake_find(&source->intake, partition);
    int64_t next = cursor ? cursor->next : -1, low = -1, high = -1;
    struct weir_error error = {0};
    rd_kafka_query_watermark_offsets(source->rk, source->topic, partition, &low, &high, COMMIT_TIMEOUT_MS);
    if (next >= 0 && next < low)
        weir_error_set(
            &error, WEIR_IO,
            "topic '%s' partition %d: offsets %lld to %lld were deleted before group '%s' read them; "
            "its log now starts at %lld (raise its retention; --skip-lost goes on behind them)",
            source->topic, (int)partition, (long long)next, (long long)low - 1, source->group,
            (long long)low);
    else
        weir_error_set(
            &error, WEIR_IO,
            "topic '%s' partition %d: group '%s' asks for offset %lld, but the log holds %lld to %lld: "
            "it was truncated or the topic made anew",
            source->topic, (int)partition, source->group, (long long)next, (long long)low,
            (long long)high - 1);
    if (!source->watch.lost || !source->watch.lost(source->watch.owner, partition, &error))
        source->health.broken = error;
}

/* ---- rebalances ---- */

/* A named member (group.instance.id) whose file names another topic than before is handed what it had then,
 * and the broker sees no reason to think again. Those offsets mean nothing in this topic: read and committed
 * under its name they would skip records. */
static bool is_of_other_topic(struct weir_kafka_source *source, const rd_kafka_topic_partition_list_t *list) {
    for (int i = 0; i < list->cnt; i++) {
        if (!strcmp(list->elems[i].topic, source->topic)) continue;
        weir_error_set(
            &source->health.broken, WEIR_IO,
            "group '%s' still holds topic '%s' for this member (group.instance.id): choose another "
            "source.group, or start again when its session (session.timeout.ms) is over",
            source->group, list->elems[i].topic);
        return true;
    }
    return false;
}

/* Set by the application, a forward outlives the start of the fetch that follows; so does none at all. */
static void forward(struct weir_kafka_source *source, int32_t partition, rd_kafka_queue_t *to) {
    rd_kafka_queue_t *fetched = rd_kafka_queue_get_partition(source->rk, source->topic, partition);
    rd_kafka_queue_forward(fetched, to);
    rd_kafka_queue_destroy(fetched);
}

static bool asked_to_hold(struct weir_kafka_source *source, const rd_kafka_topic_partition_t *start) {
    char metadata[WEIR_KAFKA_METADATA_BYTES];
    weir_kafka_copy_metadata(metadata, start);
    return source->watch.hold &&
           source->watch.hold(source->watch.owner, start->partition, start->offset, metadata);
}

/* What waited in the partition's queue goes to the data queue in order, ahead of what is fetched later. */
void weir_kafka_source_begin(struct weir_kafka_source *source, int32_t partition) {
    struct weir_kafka_cursor *cursor = weir_kafka_intake_find(&source->intake, partition);
    if (!cursor || !cursor->held) return;
    cursor->held = false;
    forward(source, partition, source->data);
    weir_kafka_wake_raise(source->wake_fd); /* moving a queue is no edge of the descriptor */
}

/* Where the log of a partition begins that would be read from before that; else the offset as it is. */
static int64_t skip_lost(struct weir_kafka_source *source, const rd_kafka_topic_partition_t *start,
                         int64_t low) {
    if (!source->skip_lost || start->offset >= low) return start->offset;
    weir_log(WEIR_LOG_WARNING, "topic '%s' partition %d: offsets %lld to %lld are gone: going on behind them",
             source->topic, (int)start->partition, (long long)start->offset, (long long)low - 1);
    if (source->watch.skipped)
        source->watch.skipped(source->watch.owner, start->partition, start->offset, low - 1);
    return low;
}

void weir_kafka_group_assign(struct weir_kafka_source *source, rd_kafka_topic_partition_list_t *list) {
    source->was_assigned = true;
    int64_t deadline_ms = weir_clock_ms() + ASSIGN_TIMEOUT_MS;
    rd_kafka_resp_err_t code;
    rd_kafka_topic_partition_list_t *lows = rd_kafka_topic_partition_list_copy(list);
    do {
        code = resolve_starts(source, list, weir_kafka_left_ms(deadline_ms) / 3 + 1);
        if (!code && source->skip_lost)
            code = weir_kafka_group_edges(source, lows, RD_KAFKA_OFFSET_BEGINNING,
                                          weir_kafka_left_ms(deadline_ms) / 3 + 1);
    } while (code && weir_kafka_left_ms(deadline_ms));
    if (code)
        weir_error_set(&source->health.broken, WEIR_IO,
                       "cannot read the offsets of group '%s' in topic '%s': %s", source->group,
                       source->topic, rd_kafka_err2str(code));
    for (int i = 0; i < list->cnt && !code; i++) {
        rd_kafka_topic_partition_t *start = &list->elems[i];
        if (source->watch.resume)
            start->offset = source->watch.resume(source->watch.owner, start->partition, start->offset);
        bool held = asked_to_hold(source, start);
        start->offset = skip_lost(source, start, lows->elems[i].offset);
        if (weir_kafka_intake_assign(&source->intake, start->partition, start->offset)) {
            weir_error_set(&source->health.broken, WEIR_NOMEM, "no memory for partition %d",
                           (int)start->partition);
            break;
        }
        weir_kafka_intake_find(&source->intake, start->partition)->held = held;
        forward(source, start->partition, held ? NULL : source->data);
    }
    rd_kafka_topic_partition_list_destroy(lows);
    rd_kafka_error_t *refused = rd_kafka_incremental_assign(source->rk, list);
    if (refused) {
        weir_error_set(&source->health.broken, WEIR_IO, "assignment refused: %s",
                       rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
    }
    if (source->health.broken.result) return;
    weir_kafka_health_alive(&source->health);
    for (int i = 0; i < list->cnt; i++)
        source->watch.assigned(source->watch.owner, list->elems[i].partition, list->elems[i].offset);
}

static void revoke(struct weir_kafka_source *source, rd_kafka_topic_partition_list_t *list) {
    bool lost = rd_kafka_assignment_lost(source->rk); /* must be asked before unassigning */
    int32_t *partitions = malloc((size_t)(list->cnt ? list->cnt : 1) * sizeof *partitions);
    uint32_t count = 0;
    for (int i = 0; i < list->cnt && partitions; i++) /* those the owner knows of */
        if (weir_kafka_intake_find(&source->intake, list->elems[i].partition))
            partitions[count++] = list->elems[i].partition;
    if (!partitions) weir_error_set(&source->health.broken, WEIR_NOMEM, "no memory to give partitions back");
    if (count && !source->closing) source->watch.revoked(source->watch.owner, partitions, count, lost);
    free(partitions);
    for (int i = 0; i < list->cnt; i++) weir_kafka_intake_revoke(&source->intake, list->elems[i].partition);
    rd_kafka_error_t *refused = rd_kafka_incremental_unassign(source->rk, list);
    if (refused) {
        weir_error_set(&source->health.broken, WEIR_IO, "unassignment refused: %s",
                       rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
    }
}

void weir_kafka_group_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                                rd_kafka_topic_partition_list_t *list, void *opaque) {
    struct weir_kafka_source *source = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && is_of_other_topic(source, list))
        rd_kafka_assign(rk, NULL);
    else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !source->closing)
        weir_kafka_group_assign(source, list);
    else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS || code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        revoke(source, list);
    else {
        weir_kafka_health_trouble(&source->health, rk, code, NULL);
        rd_kafka_assign(rk, NULL);
    }
}

/* ---- offsets ---- */

void weir_kafka_source_store(struct weir_kafka_source *source, int32_t partition, int64_t next_offset) {
    struct weir_kafka_cursor *cursor = weir_kafka_intake_find(&source->intake, partition);
    if (cursor) cursor->stored = next_offset; /* else it was given back meanwhile: its new owner counts */
}

/* What was refused is due again with the next commit. */
static void on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *offsets,
                         void *opaque) {
    struct weir_kafka_source *source = opaque;
    source->commits_open--;
    for (int i = 0; offsets && i < offsets->cnt; i++) {
        rd_kafka_resp_err_t refused = code ? code : offsets->elems[i].err;
        if (!refused) continue;
        struct weir_kafka_cursor *cursor =
            weir_kafka_intake_find(&source->intake, offsets->elems[i].partition);
        if (cursor) cursor->sent = WEIR_KAFKA_UNSET;
        weir_kafka_health_trouble(&source->health, rk, refused, NULL);
    }
}

static rd_kafka_topic_partition_list_t *due_offsets(struct weir_kafka_source *source) {
    rd_kafka_topic_partition_list_t *due = NULL;
    for (int32_t p = 0; p < source->intake.count; p++) {
        struct weir_kafka_cursor *cursor = weir_kafka_intake_find(&source->intake, p);
        if (!cursor || cursor->stored == WEIR_KAFKA_UNSET || cursor->stored == cursor->sent) continue;
        if (!due) due = rd_kafka_topic_partition_list_new(source->intake.count);
        rd_kafka_topic_partition_list_add(due, source->topic, p)->offset = cursor->stored;
        cursor->sent = cursor->stored;
    }
    return due;
}

static bool all_sent(struct weir_kafka_source *source) {
    for (int32_t p = 0; p < source->intake.count; p++) {
        const struct weir_kafka_cursor *cursor = weir_kafka_intake_find(&source->intake, p);
        if (cursor && cursor->stored != WEIR_KAFKA_UNSET && cursor->stored != cursor->sent) return false;
    }
    return true;
}

int weir_kafka_source_commit(struct weir_kafka_source *source, bool wait, struct weir_error *error) {
    rd_kafka_topic_partition_list_t *due = due_offsets(source);
    if (due) {
        rd_kafka_resp_err_t code =
            rd_kafka_commit_queue(source->rk, due, source->replies, on_committed, source);
        if (code) {
            source->commits_open++; /* which on_committed takes back */
            on_committed(source->rk, code, due, source);
        } else {
            source->commits_open++;
        }
        rd_kafka_topic_partition_list_destroy(due);
    }
    if (!wait) return WEIR_OK;
    int64_t deadline_ms = weir_clock_ms() + COMMIT_TIMEOUT_MS;
    while (source->commits_open && weir_kafka_left_ms(deadline_ms))
        rd_kafka_queue_poll_callback(source->replies, weir_kafka_left_ms(deadline_ms));
    if (source->commits_open)
        return weir_error_set(error, WEIR_IO, "group '%s': no answer to a commit within %d ms", source->group,
                              COMMIT_TIMEOUT_MS);
    if (!all_sent(source))
        return weir_error_set(error, WEIR_IO, "group '%s': commit refused: %s", source->group,
                              source->health.newest.text);
    return WEIR_OK;
}
