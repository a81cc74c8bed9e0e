/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c: recoveries that are thrown away: over input and journal with one bit changed (R11: it must be
 * noticed), and by an engine that comes to other numbers (R12: it must not matter). */
#include <stdio.h>

#include "sim/memory.h"
#include "sim/story.h"

static void note(const struct process *process, const char *what, int32_t task, int64_t offset) {
    if (process->story->verbose)
        story_note(process->story, "process %d: probe: %s (task %d, %lld)", process->index, what, (int)task,
                   (long long)offset);
}

static uint64_t unit_of(const struct ledger *ledger, int64_t offset) {
    for (uint32_t i = 0; i < ledger->count; i++)
        for (uint32_t s = 0; s < ledger->units[i].slice_count; s++)
            if (offset >= ledger->units[i].slices[s].first && offset <= ledger->units[i].slices[s].last)
                return ledger->units[i].number;
    return 0;
}

/* The unit to which the recovery would come, and the journal offset from which it reads. */
static uint64_t stands_at(const struct process *process, int32_t task, int64_t *from) {
    uint64_t unit, chain;
    weir_unit_parse_metadata(process->parts[task].committed.metadata, &unit, &chain, from);
    return unit;
}

static int recover(struct process *process, int32_t task, uint64_t *snapshot_unit) {
    struct weir_recovered done;
    struct weir_error error;
    int result = process_recover(process, task, process->story->plan, process->engine_id, &done, &error);
    *snapshot_unit = done.snapshot_unit;
    if (!result) weir_task_destroy(done.task);
    return result;
}

static bool tamper_with_input(struct process *process, int32_t task) {
    struct story *story = process->story;
    const struct ledger *ledger = &story->ledgers[task];
    if (!ledger->count || !ledger->next[ledger->count - 1][task]) return false;
    int64_t offset = story_below(story, (uint32_t)ledger->next[ledger->count - 1][task]), cursor = offset,
            from;
    const struct weir_record *record = sim_committed_next(story->cluster, STORY_INPUT, task, &cursor);
    size_t byte = story_below(story, 60);
    uint64_t hit = unit_of(ledger, offset), snapshot_unit;
    if (!hit || !record || record->offset != offset) return false;
    if (!sim_damage(story->cluster, STORY_INPUT, task, offset, byte)) return false;
    note(process, "changed input", task, offset);
    int result = recover(process, task, &snapshot_unit);
    sim_damage(story->cluster, STORY_INPUT, task, offset, byte); /* the same bit again */
    if (!result && hit > snapshot_unit && hit <= stands_at(process, task, &from))
        story_fail(story, "task %d: offset %lld was changed, but unit %llu is found to be as it was (R11)",
                   (int)task, (long long)offset, (unsigned long long)hit);
    if (result == WEIR_DATA) story->lived_through[STORY_TAMPERED]++;
    return true;
}

static bool tamper_with_journal(struct process *process, int32_t task) {
    struct story *story = process->story;
    const struct ledger *ledger = &story->ledgers[task];
    int64_t from;
    uint64_t end = stands_at(process, task, &from), snapshot_unit;
    if (!end || end > ledger->count) return false;
    int64_t offset = ledger->units[story_below(story, (uint32_t)end)].journal_offset;
    size_t byte = story_below(story, 64);
    if (offset < from || !sim_damage(story->cluster, STORY_JOURNAL, task, offset, byte)) return false;
    note(process, "changed journal", task, offset);
    int result = recover(process, task, &snapshot_unit);
    sim_damage(story->cluster, STORY_JOURNAL, task, offset, byte);
    if (!result)
        story_fail(story, "task %d: journal offset %lld was changed, and the recovery takes no notice (R11)",
                   (int)task, (long long)offset);
    if (result == WEIR_DATA) story->lived_through[STORY_TAMPERED_JOURNAL]++;
    return true;
}

static bool other_engine(struct process *process, int32_t task) {
    struct story *story = process->story;
    struct weir_recovered done;
    struct weir_error error;
    note(process, "another engine", task, 0);
    int result = process_recover(process, task, story->other_plan, STORY_ENGINE + 2, &done, &error);
    if (!result) weir_task_destroy(done.task);
    if (!result) story->lived_through[STORY_OTHER_ENGINE]++;
    if (result && result != WEIR_AGAIN && result != WEIR_IO && sim_consumer_owns(process->consumer, task))
        story_fail(story, "task %d: another engine cannot recover it: %s (R12)", (int)task, error.text);
    return true;
}

bool probe_recovery(struct process *process, int32_t task) {
    bool done;
    sim_memory_hold(); /* what must be noticed is not hidden by what need not be */
    switch (story_below(process->story, 3)) {
        case 0:
            done = tamper_with_input(process, task);
            break;
        case 1:
            done = tamper_with_journal(process, task);
            break;
        default:
            done = other_engine(process, task);
            break;
    }
    sim_memory_release();
    return done;
}
