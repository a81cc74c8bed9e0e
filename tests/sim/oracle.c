/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.c: what must hold of everything readers see, and the run that was never disturbed.
 *
 * 1. The committed outputs of each task are, byte for byte and in order, what the core says when it is fed
 * the input with the slices, ticks and skips of the journal, from birth on and never recovered. (`tasks:
 * single`: one task, whose slices are of all partitions in the journal's order.)
 * 2. The journal of each task is a chain 1, 2, 3, ... whose slices cover the input without gap or overlap.
 * 3. Committed offsets never go back, name the unit they belong to, and say where a reader must begin.
 * 4. The fates of all records add up. 5. (story.c) Without faults everything is processed in time, and the
 *    state is the state of the undisturbed run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/inside.h"
#include "sim/memory.h"
#include "sim/story.h"

/* ---- ledgers ---- */

void oracle_reset(struct story *story) {
    for (int32_t p = 0; p < STORY_PARTITION_MAX; p++) {
        struct ledger *ledger = &story->ledgers[p];
        struct ledger kept = *ledger;
        memset(ledger, 0, sizeof *ledger);
        ledger->units = kept.units;
        ledger->next = kept.next;
        ledger->capacity = kept.capacity;
        for (int32_t i = 0; i < STORY_PARTITION_MAX; i++) ledger->offsets[i].next = -1;
        ledger->offset_from = -1;
    }
}

void oracle_deinit(struct story *story) {
    for (int32_t p = 0; p < STORY_PARTITION_MAX; p++) {
        for (uint32_t i = 0; i < story->ledgers[p].capacity; i++)
            weir_unit_deinit(&story->ledgers[p].units[i]);
        free(story->ledgers[p].units);
        free(story->ledgers[p].next);
    }
}

static struct weir_unit *room_for_unit(struct ledger *ledger) {
    if (ledger->count == ledger->capacity) {
        uint32_t capacity = ledger->capacity ? ledger->capacity * 2 : 64;
        ledger->units = sim_grow(ledger->units, capacity * sizeof *ledger->units);
        ledger->next = sim_grow(ledger->next, capacity * sizeof *ledger->next);
        for (uint32_t i = ledger->capacity; i < capacity; i++) weir_unit_init(&ledger->units[i]);
        ledger->capacity = capacity;
    }
    return &ledger->units[ledger->count];
}

struct weir_manifest oracle_manifest(const struct story *story, int32_t task, uint64_t unit, int back) {
    const struct ledger *ledger = &story->ledgers[task];
    uint64_t i = unit < ledger->count ? unit : ledger->count;
    while (i-- > 0)
        if (ledger->units[i].manifest.unit && back-- == 0) return ledger->units[i].manifest;
    return (struct weir_manifest){0};
}

/* ---- 2: the chain and the slices ---- */

static bool is_input_of(const struct story *story, int32_t task, int32_t partition) {
    if (!story->single) return partition == task;
    return partition >= 0 && partition < story->partition_count;
}

static void check_slice(struct story *story, int32_t task, const struct weir_unit *unit,
                        const struct weir_slice *slice) {
    struct ledger *ledger = &story->ledgers[task];
    bool ours = is_input_of(story, task, slice->partition);
    for (uint32_t i = 0; i < slice->count; i++) {
        const struct weir_record *record =
            ours ? sim_committed_next(story->cluster, STORY_INPUT, slice->partition,
                                      &ledger->input_cursor[slice->partition])
                 : NULL;
        bool fits = record && (i > 0 || record->offset == slice->first) &&
                    (i + 1 < slice->count || record->offset == slice->last);
        if (fits) continue;
        story_fail(story,
                   "task %d, unit %" PRIu64 ": its slice of %u records of partition %d, from %" PRId64
                   " to %" PRId64 ", is not what follows in the input (R2, R6)",
                   (int)task, unit->number, slice->count, (int)slice->partition, slice->first, slice->last);
        return;
    }
    ledger->input_next[slice->partition] = slice->last + 1;
}

static void take_unit(struct story *story, int32_t task, const struct weir_record *record) {
    struct ledger *ledger = &story->ledgers[task];
    struct weir_unit *unit = room_for_unit(ledger);
    const struct weir_unit *before = ledger->count ? unit - 1 : NULL;
    struct weir_error error;
    if (weir_unit_read(unit, record->value.data, record->value.len, &error)) {
        story_fail(story, "task %d: journal offset %" PRId64 ": %s", (int)task, record->offset, error.text);
        return;
    }
    unit->journal_offset = record->offset;
    if (unit->task != task || unit->number != (before ? before->number : 0) + 1 ||
        unit->previous != (before ? before->chain : 0)) {
        story_fail(story, "task %d: after unit %u the journal goes on with unit %" PRIu64 " (R2)", (int)task,
                   ledger->count, unit->number);
        return;
    }
    for (uint32_t s = 0; s < unit->slice_count; s++) check_slice(story, task, unit, &unit->slices[s]);
    if (story->verbose)
        story_note(story, "committed: task %d unit %" PRIu64 " up to %" PRId64 ", snapshot %" PRIu64,
                   (int)task, unit->number, ledger->input_next[task], unit->manifest.unit);
    memcpy(ledger->next[ledger->count++], ledger->input_next, sizeof ledger->input_next);
    story->lived_through[STORY_UNITS]++;
}

/* ---- 3: the offsets ---- */

/* Where a reader is told to begin must not lie behind the record of the unit that the older one of the two
 * newest snapshots was taken after (R9). */
static void check_from(struct story *story, int32_t task) {
    const struct ledger *ledger = &story->ledgers[task];
    struct weir_manifest older = oracle_manifest(story, task, ledger->offset_unit, 1);
    int64_t latest =
        older.unit ? ledger->units[older.unit - 1].journal_offset : ledger->units[0].journal_offset;
    if (ledger->offset_from > latest)
        story_fail(story,
                   "task %d, unit %" PRIu64 ": a reader would begin at journal offset %" PRId64
                   ", but the older snapshot needs %" PRId64 " (R9)",
                   (int)task, ledger->offset_unit, ledger->offset_from, latest);
}

static void look_at_offset(struct story *story, int32_t partition) {
    struct ledger *ledger = &story->ledgers[story->single ? 0 : partition];
    const struct weir_kafka_offset *offset = sim_group_offset(story->cluster, partition);
    struct weir_kafka_offset *seen = &ledger->offsets[partition];
    uint64_t number, chain;
    int64_t from;
    if (offset->next == seen->next && !strcmp(offset->metadata, seen->metadata)) return;
    if (!weir_unit_parse_metadata(offset->metadata, &number, &chain, &from) || offset->next < seen->next ||
        number < ledger->offset_unit || (number == ledger->offset_unit && chain != ledger->offset_chain)) {
        story_fail(story, "partition %d: the group's offset went from %" PRId64 " (%s) to %" PRId64 " (%s)",
                   (int)partition, seen->next, seen->metadata, offset->next, offset->metadata);
        return;
    }
    *seen = *offset;
    ledger->offset_unit = number;
    ledger->offset_chain = chain;
    ledger->offset_from = from;
    ledger->offset_checked = false;
}

/* R3: a transaction has the offsets of all inputs of its tasks. */
static void check_inputs(struct story *story) {
    for (int32_t p = 1; p < story->partition_count && story->single && !story->failure[0]; p++) {
        const struct weir_kafka_offset *offsets = story->ledgers[0].offsets;
        if (strcmp(offsets[0].metadata, offsets[p].metadata) != 0)
            story_fail(story, "partition %d stands at unit (%s), partition 0 at (%s) (R3)", (int)p,
                       offsets[p].metadata, offsets[0].metadata);
    }
}

/* The journal may show a unit before the offsets do, and the other way round: markers travel on their own. */
static void check_offset(struct story *story, int32_t task, bool at_end) {
    struct ledger *ledger = &story->ledgers[task];
    uint64_t number = ledger->offset_unit;
    if (at_end && number != ledger->count)
        story_fail(story, "task %d: the offsets say unit %" PRIu64 ", the journal says %u (R3)", (int)task,
                   number, ledger->count);
    if (!number || number > ledger->count || ledger->offset_checked) return;
    ledger->offset_checked = true;
    bool behind = ledger->units[number - 1].chain != ledger->offset_chain;
    for (int32_t p = 0; p < story->partition_count; p++)
        behind =
            behind || (is_input_of(story, task, p) && ledger->next[number - 1][p] > ledger->offsets[p].next);
    if (behind)
        story_fail(story, "task %d: the offset %" PRId64 " (%s) is not that of unit %" PRIu64 " (R3)",
                   (int)task, ledger->offsets[task].next, ledger->offsets[task].metadata, number);
    check_from(story, task);
}

int32_t story_tasks(const struct story *story) { return story->single ? 1 : story->partition_count; }

void oracle_look(struct story *story) {
    sim_memory_hold();
    for (int32_t p = 0; p < story->partition_count && !story->failure[0]; p++) look_at_offset(story, p);
    check_inputs(story);
    for (int32_t task = 0; task < story_tasks(story) && !story->failure[0]; task++) {
        struct ledger *ledger = &story->ledgers[task];
        const struct weir_record *record;
        while (!story->failure[0] &&
               (record = sim_committed_next(story->cluster, STORY_JOURNAL, task, &ledger->journal_cursor)))
            take_unit(story, task, record);
        if (!story->failure[0]) check_offset(story, task, false);
    }
    sim_memory_release();
}

bool oracle_at_end(struct story *story, int32_t partition) {
    struct ledger *ledger = &story->ledgers[story->single ? 0 : partition];
    int64_t cursor = ledger->input_cursor[partition];
    return !sim_committed_next(story->cluster, STORY_INPUT, partition, &cursor) &&
           ledger->offset_unit == ledger->count && ledger->count;
}

/* ---- 1: the outputs ---- */

struct seen { /* the outputs of one task in one topic, in order */
    const struct weir_record **records;
    uint32_t count, capacity, at;
};
static struct seen all_seen[WEIR_STREAM_COUNT][STORY_PARTITION_MAX];
static const char *const topics[WEIR_STREAM_COUNT] = {
    [WEIR_PREDICTIONS] = "p", [WEIR_ALERTS] = "a", [WEIR_DEAD_LETTERS] = "d"};

/* Which task answered: "weir-id" ends in "-partition-offset"; dead letters have a header of their own. */
static int32_t task_of(const struct weir_record *record) {
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct weir_header *header = &record->headers[i];
        if (!strcmp(header->name, "weir.source.partition")) return header->value.data[0] - '0';
        if (!strcmp(header->name, "weir-id")) return header->value.data[sizeof STORY_INPUT] - '0';
    }
    return -1;
}

void oracle_collect(struct story *story) {
    for (int stream = 0; stream < WEIR_STREAM_COUNT; stream++) {
        for (int32_t p = 0; p < STORY_PARTITION_MAX; p++)
            all_seen[stream][p].count = all_seen[stream][p].at = 0;
        int64_t cursor = 0;
        const struct weir_record *record;
        while (topics[stream] && (record = sim_committed_next(story->cluster, topics[stream], 0, &cursor))) {
            int32_t task = task_of(record);
            if (story->single) task = 0;
            if (task < 0 || task >= story->partition_count) {
                story_fail(story, "topic %s: offset %" PRId64 " is of no task", topics[stream],
                           record->offset);
                return;
            }
            struct seen *seen = &all_seen[stream][task];
            if (seen->count == seen->capacity) {
                seen->capacity = seen->capacity ? seen->capacity * 2 : 64;
                seen->records = sim_grow(seen->records, seen->capacity * sizeof *seen->records);
            }
            seen->records[seen->count++] = record;
            if (stream == WEIR_ALERTS) story->lived_through[STORY_ALERTS]++;
        }
    }
}

static bool same(struct weir_bytes a, struct weir_bytes b) {
    return a.len == b.len && !a.data == !b.data && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool same_output(const struct weir_output_record *made, const struct weir_record *seen) {
    if (!same(made->key, seen->key) || !same(made->value, seen->value)) return false;
    if (made->timestamp_ms != WEIR_NO_TIMESTAMP && made->timestamp_ms != seen->timestamp_ms) return false;
    if (made->header_count != seen->header_count) return false;
    for (uint32_t h = 0; h < made->header_count; h++)
        if (strcmp(made->headers[h].name, seen->headers[h].name) != 0 ||
            !same(made->headers[h].value, seen->headers[h].value))
            return false;
    return true;
}

static void compare_outputs(struct story *story, int32_t task, const struct weir_unit *unit,
                            const struct weir_outputs *outputs) {
    for (uint32_t i = 0; i < outputs->record_count; i++) {
        const struct weir_output_record *made = &outputs->records[i];
        struct seen *seen = &all_seen[made->stream][task];
        if (seen->at < seen->count && same_output(made, seen->records[seen->at++])) continue;
        const struct weir_record *other = seen->at ? seen->records[seen->at - 1] : NULL;
        story_fail(story,
                   "task %d, unit %" PRIu64
                   ", topic %s, answer %u: an undisturbed run says '%.*s', readers "
                   "see '%.*s'",
                   (int)task, unit->number, topics[made->stream], seen->at, (int)made->value.len,
                   made->value.data ? made->value.data : "", other ? (int)other->value.len : 0,
                   other ? other->value.data : "");
        return;
    }
}

static void run_slice_again(struct story *story, struct weir_task *run, const struct weir_unit *unit,
                            const struct weir_slice *slice, int64_t *cursor) {
    struct weir_record records[WEIR_SKIP_MAX];
    struct weir_outputs outputs;
    uint32_t left = slice->count;
    while (left && !story->failure[0]) {
        uint32_t count = 0;
        bool skipped = false;
        int64_t before = *cursor;
        while (count < left && count < WEIR_SKIP_MAX && !skipped) {
            before = *cursor;
            records[count] = *sim_committed_next(story->cluster, STORY_INPUT, slice->partition, cursor);
            skipped = weir_skip_names(unit->skips, unit->skip_count, &records[count++]);
        }
        if (skipped && count > 1) { /* those before it first */
            skipped = false;
            count--;
            *cursor = before;
        }
        int result = skipped ? weir_task_set_aside(run, records, &outputs)
                             : weir_task_process(run, records, count, &outputs);
        if (result)
            story_fail(story, "task %d: the undisturbed run fails", (int)unit->task);
        else
            compare_outputs(story, unit->task, unit, &outputs);
        left -= count;
    }
}

static void run_again(struct story *story, struct weir_task *run, const struct weir_unit *unit,
                      int64_t *cursors) {
    weir_task_tick(run, unit->tick_ms);
    for (uint32_t s = 0; s < unit->slice_count; s++)
        run_slice_again(story, run, unit, &unit->slices[s], &cursors[unit->slices[s].partition]);
}

static void compare_state(struct story *story, int32_t task, struct weir_task *run, struct weir_task *live) {
    const struct weir_task_counts *counts = weir_task_counts(live);
    uint64_t records = 0;
    for (int32_t p = 0; p < story->partition_count; p++) {
        int64_t cursor = 0;
        if (!is_input_of(story, task, p)) continue;
        while (sim_committed_next(story->cluster, STORY_INPUT, p, &cursor)) records++;
    }
    if (counts->applied + counts->late + counts->dead_lettered + counts->dropped != counts->read ||
        counts->read != records)
        story_fail(story,
                   "task %d: %" PRIu64 " records are in the input, %" PRIu64 " were read, %" PRIu64
                   " applied, %" PRIu64 " late, %" PRIu64 " dead-lettered, %" PRIu64 " dropped",
                   (int)task, records, counts->read, counts->applied, counts->late, counts->dead_lettered,
                   counts->dropped);
    uint64_t wanted = 0, digest = 1;
    if (weir_task_digest(run, &wanted) || weir_task_digest(live, &digest) || wanted != digest)
        story_fail(story, "task %d: its state is not that of an undisturbed run", (int)task);
}

void oracle_compare(struct story *story, int32_t task, struct weir_task *live) {
    struct ledger *ledger = &story->ledgers[task];
    struct weir_task *run = NULL;
    struct weir_error error;
    int64_t cursors[STORY_PARTITION_MAX] = {0};
    if (!ledger->count || story->failure[0]) return;
    if (weir_task_create(story->plan, ledger->units[0].seed, &run, &error)) abort();
    for (uint32_t i = 0; i < ledger->count && !story->failure[0]; i++)
        run_again(story, run, &ledger->units[i], cursors);
    for (int stream = 0; stream < WEIR_STREAM_COUNT && !story->failure[0]; stream++) {
        const struct seen *seen = &all_seen[stream][task];
        if (seen->at != seen->count)
            story_fail(story, "task %d, topic %s: readers see %u answers, an undisturbed run gives %u",
                       (int)task, topics[stream], seen->count, seen->at);
    }
    if (live && !story->failure[0]) compare_state(story, task, run, live);
    if (!story->failure[0]) check_offset(story, task, true);
    weir_task_destroy(run);
}
