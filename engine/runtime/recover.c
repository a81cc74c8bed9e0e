/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/recover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "base/log.h"

#define READ_TIMEOUT_MS 10000
#define JOURNAL_BATCH 256

struct history { /* the journal up to the committed unit, oldest first, without gaps */
    struct weir_unit *units;
    uint32_t count, capacity;
};

struct recovery {
    const struct weir_recover_options *options;
    struct history history;
    struct weir_progress end; /* where the group stands */
    struct weir_kafka_reader *input;
    struct weir_record *records; /* WEIR_BATCH_MAX */
    struct weir_recovered *out;
    struct weir_error *error;
};

/* ---- the journal ---- */

static struct weir_unit *append(struct history *history) {
    if (history->count == history->capacity) {
        uint32_t capacity = history->capacity ? history->capacity * 2 : 64;
        struct weir_unit *units = realloc(history->units, capacity * sizeof *units);
        if (!units) return NULL;
        history->units = units;
        history->capacity = capacity;
    }
    weir_unit_init(&history->units[history->count]);
    return &history->units[history->count++];
}

static void history_deinit(struct history *history) {
    for (uint32_t i = 0; i < history->count; i++) weir_unit_deinit(&history->units[i]);
    free(history->units);
}

static int lost(struct recovery *recovery, const char *what) {
    const struct weir_recover_options *options = recovery->options;
    return weir_error_set(recovery->error, WEIR_DATA,
                          "task %d stands at unit %" PRIu64
                          ", but topic '%s' partition %d %s: its state cannot be "
                          "rebuilt [E411]",
                          options->task, recovery->end.unit, options->journal, options->task, what);
}

/* Takes one record; the chain must hold from the first one read to the committed one. */
static int take_journal(struct recovery *recovery, const struct weir_record *record) {
    struct history *history = &recovery->history;
    struct weir_unit *unit = append(history);
    if (!unit) return WEIR_NOMEM;
    struct weir_error why;
    int result = weir_unit_read(unit, record->value.data, record->value.len, &why);
    if (result) return lost(recovery, why.text);
    unit->journal_offset = record->offset;
    const struct weir_unit *before = history->count > 1 ? unit - 1 : NULL;
    if (before && WEIR_RULE(111) &&
        (unit->number != before->number + 1 || unit->previous != before->chain || unit->task != before->task))
        return lost(recovery, "holds a record that does not follow the one before it");
    return WEIR_OK;
}

static int read_journal(struct recovery *recovery, int64_t from) {
    const struct weir_recover_options *options = recovery->options;
    struct weir_kafka_reader *reader = NULL;
    int result = weir_kafka_reader_open(&options->place.client, options->journal, &reader, recovery->error);
    if (!result) result = weir_kafka_reader_seek(reader, options->task, from, recovery->error);
    bool found = false;
    while (!result && !found) {
        struct weir_record records[JOURNAL_BATCH];
        int count = weir_kafka_reader_read(reader, options->task, records, JOURNAL_BATCH, READ_TIMEOUT_MS,
                                           recovery->error);
        if (count < 0) result = count;
        if (count == 0) /* the offsets' commit may be seen before the journal's: only time tells */
            result = weir_error_set(recovery->error, WEIR_AGAIN,
                                    "topic '%s' partition %d ends before unit %" PRIu64, options->journal,
                                    options->task, recovery->end.unit);
        for (int i = 0; i < count && !result && !found; i++) {
            result = take_journal(recovery, &records[i]);
            if (result) break;
            const struct weir_unit *unit = &recovery->history.units[recovery->history.count - 1];
            found = unit->number == recovery->end.unit;
            if (found && unit->chain != recovery->end.chain && WEIR_RULE(111))
                result = lost(recovery, "holds another unit of that number than was committed");
        }
    }
    if (reader) weir_kafka_reader_close(reader);
    return result;
}

static const struct weir_unit *unit_numbered(const struct history *history, uint64_t number) {
    uint64_t first = history->count ? history->units[0].number : 0;
    return number >= first && number - first < history->count ? &history->units[number - first] : NULL;
}

/* ---- doing it again ---- */

static int diverged(struct recovery *recovery, const struct weir_unit *unit, const char *what) {
    return weir_error_set(
        recovery->error, WEIR_DATA,
        "DIVERGED: task %d, unit %" PRIu64 " (%s partition %d offsets %" PRId64 " to %" PRId64 "): %s [E412]",
        recovery->options->task, unit->number, recovery->options->topic,
        unit->slice_count ? unit->slices[0].partition : -1, unit->slice_count ? unit->slices[0].first : -1,
        unit->slice_count ? unit->slices[unit->slice_count - 1].last : -1, what);
}

static bool is_skipped(const struct weir_unit *unit, const struct weir_record *record) {
    for (uint32_t i = 0; i < unit->skip_count; i++)
        if (unit->skips[i].partition == record->partition && unit->skips[i].offset == record->offset)
            return true;
    return false;
}

static int process_again(struct recovery *recovery, const struct weir_unit *unit,
                         const struct weir_record *records, uint32_t count, struct weir_answers *answers) {
    struct weir_task *task = recovery->out->task;
    while (count) {
        struct weir_outputs outputs;
        uint32_t run = 0;
        while (run < count && !is_skipped(unit, &records[run])) run++;
        int result = run ? weir_task_process(task, records, run, &outputs)
                         : weir_task_set_aside(task, records, &outputs);
        if (result) return result;
        weir_answers_add(answers, outputs.records, outputs.record_count);
        if (!run) run = 1;
        records += run;
        count -= run;
    }
    return WEIR_OK;
}

static int read_slice_again(struct recovery *recovery, const struct weir_unit *unit,
                            const struct weir_slice *slice, struct weir_answers *answers) {
    uint64_t checksum = 0;
    uint32_t left = slice->count;
    int64_t last = slice->first - 1;
    while (left) {
        int count = weir_kafka_reader_read(recovery->input, slice->partition, recovery->records,
                                           left < WEIR_BATCH_MAX ? left : WEIR_BATCH_MAX, READ_TIMEOUT_MS,
                                           recovery->error);
        if (count < 0) return count;
        if (count == 0) return diverged(recovery, unit, "the input ends before them");
        for (int i = 0; i < count; i++) checksum = weir_unit_digest_record(checksum, &recovery->records[i]);
        last = recovery->records[count - 1].offset;
        int result = process_again(recovery, unit, recovery->records, (uint32_t)count, answers);
        if (result) return result;
        left -= (uint32_t)count;
        recovery->out->records += (uint32_t)count;
    }
    if (WEIR_RULE(11) && (checksum != slice->checksum || last != slice->last))
        return diverged(recovery, unit, "the input is not what it was");
    return WEIR_OK;
}

static int do_unit_again(struct recovery *recovery, const struct weir_unit *unit) {
    struct weir_answers answers = {0};
    int result = WEIR_OK;
    if (WEIR_RULE(13)) weir_task_tick(recovery->out->task, unit->tick_ms);
    for (uint32_t i = 0; i < unit->slice_count && !result; i++)
        result = read_slice_again(recovery, unit, &unit->slices[i], &answers);
    recovery->out->units++;
    WEIR_POINT("recover.unit");
    bool other_engine = unit->engine_id != recovery->options->engine_id && WEIR_RULE(12);
    if (result || other_engine || !WEIR_RULE(11)) return result;
    if (memcmp(&answers, &unit->answers, sizeof answers) != 0)
        return diverged(recovery, unit, "its outputs are not those that were published");
    if (unit->state_digest && unit->state_digest != weir_unit_digest_state(recovery->out->task, unit->number))
        return diverged(recovery, unit, "its state is not what it was");
    return WEIR_OK;
}

/* Seeks every input to the first record of the units after `number`. */
static int seek_inputs(struct recovery *recovery, uint64_t number) {
    const struct history *history = &recovery->history;
    for (uint32_t k = 0; k < recovery->options->count; k++) {
        int32_t partition = recovery->options->committed[k].partition;
        const struct weir_slice *first = NULL;
        for (uint32_t i = 0; i < history->count && !first; i++)
            for (uint32_t s = 0; s < history->units[i].slice_count && !first; s++)
                if (history->units[i].number > number && history->units[i].slices[s].partition == partition)
                    first = &history->units[i].slices[s];
        int result = first ? weir_kafka_reader_seek(recovery->input, partition, first->first, recovery->error)
                           : WEIR_OK;
        if (result) return result;
    }
    return WEIR_OK;
}

static int replay_after(struct recovery *recovery, uint64_t number) {
    int result = seek_inputs(recovery, number);
    for (uint32_t i = 0; i < recovery->history.count && !result; i++)
        if (recovery->history.units[i].number > number)
            result = do_unit_again(recovery, &recovery->history.units[i]);
    return result;
}

/* ---- where to begin ---- */

static int load_generation(struct recovery *recovery, const struct weir_manifest *manifest) {
    const struct weir_recover_options *options = recovery->options;
    const struct weir_unit *at = unit_numbered(&recovery->history, manifest->unit);
    if (!at || (at->chain != manifest->chain && WEIR_RULE(9)))
        return weir_error_set(recovery->error, WEIR_DATA, "the journal does not reach back to it");
    return weir_generation_read(&options->place, options->task, manifest, options->plan, &recovery->out->task,
                                recovery->error);
}

/* Units 1, 2, ... are all there: nothing but the input is needed. */
static int begin_at_birth(struct recovery *recovery) {
    const struct weir_unit *first = &recovery->history.units[0];
    if (first->number != 1)
        return weir_error_set(recovery->error, WEIR_DATA,
                              "task %d: no usable snapshot at or before unit %" PRIu64
                              ", and the journal begins with unit %" PRIu64
                              ": its state cannot be rebuilt [E411]",
                              recovery->options->task, recovery->end.unit, first->number);
    uint64_t seed = WEIR_RULE(14) ? first->seed : recovery->options->seed;
    return weir_task_create(recovery->options->plan, seed, &recovery->out->task, recovery->error);
}

/* From one beginning to the committed unit. manifest NULL: from birth. */
static int rebuild(struct recovery *recovery, const struct weir_manifest *manifest) {
    int result = manifest ? load_generation(recovery, manifest) : begin_at_birth(recovery);
    recovery->out->snapshot_unit = manifest ? manifest->unit : 0;
    recovery->out->units = recovery->out->records = 0;
    if (!result && WEIR_RULE(8)) result = replay_after(recovery, recovery->out->snapshot_unit);
    if (result) {
        weir_task_destroy(recovery->out->task);
        recovery->out->task = NULL;
    }
    return result;
}

/* The newest first; one that is broken or leads elsewhere is passed over, aloud (R11). */
static int rebuild_from_newest(struct recovery *recovery) {
    const struct history *history = &recovery->history;
    struct weir_error worst = {0};
    for (uint32_t i = history->count; i-- > 0;) {
        const struct weir_manifest *manifest = &history->units[i].manifest;
        if (!manifest->unit) continue;
        int result = rebuild(recovery, manifest);
        if (result != WEIR_DATA && result != WEIR_VERSION && result != WEIR_IO) return result;
        weir_log(WEIR_LOG_WARNING, "task %d: the snapshot of unit %" PRIu64 " is passed over: %s",
                 recovery->options->task, manifest->unit, recovery->error->text);
        if (!strncmp(recovery->error->text, "DIVERGED", 8)) worst = *recovery->error;
    }
    int result = rebuild(recovery, NULL);
    if (result == WEIR_DATA && worst.result) *recovery->error = worst;
    return result;
}

/* The snapshot it came from and the one before that: their readers begin at the record of the unit they were
 * taken after. From birth: at the beginning. */
static void remember_generations(struct recovery *recovery) {
    struct weir_progress *progress = &recovery->out->progress;
    int found = 0;
    progress->journal_from[0] = progress->journal_from[1] = -1;
    for (uint32_t i = recovery->history.count; i-- > 0 && found < 2 && recovery->out->snapshot_unit;) {
        const struct weir_manifest *manifest = &recovery->history.units[i].manifest;
        const struct weir_unit *at =
            manifest->unit ? unit_numbered(&recovery->history, manifest->unit) : NULL;
        if (!at || at->chain != manifest->chain || manifest->unit > recovery->out->snapshot_unit) continue;
        progress->generations[found] = *manifest;
        progress->journal_from[found++] = at->journal_offset;
    }
    /* The one before is not in what was read: it began where that one needs it. */
    if (found == 1 && recovery->history.units[0].number > 1)
        progress->journal_from[1] = recovery->history.units[0].journal_offset;
}

static int find_end(struct recovery *recovery, int64_t *from) {
    const struct weir_recover_options *options = recovery->options;
    *from = -1;
    for (uint32_t i = 0; i < options->count; i++) {
        uint64_t number, chain;
        int64_t begin;
        if (!weir_unit_parse_metadata(options->committed[i].metadata, &number, &chain, &begin))
            return weir_error_set(
                recovery->error, WEIR_DATA,
                "topic '%s' partition %d: the group's offset carries metadata '%s' that is not "
                "weir's: another program commits in this group [E410]",
                options->topic, options->committed[i].partition, options->committed[i].metadata);
        if (number < recovery->end.unit) continue;
        recovery->end.unit = number;
        recovery->end.chain = chain;
        *from = begin;
    }
    return WEIR_OK;
}

int weir_recover(const struct weir_recover_options *options, struct weir_recovered *recovered,
                 struct weir_error *error) {
    struct recovery recovery = {.options = options, .out = recovered, .error = error};
    int64_t from;
    memset(recovered, 0, sizeof *recovered);
    int result = find_end(&recovery, &from);
    if (result) return result;
    if (!recovery.end.unit) { /* no past */
        recovered->progress = (struct weir_progress){.seed = options->seed, .journal_from = {-1, -1}};
        return weir_task_create(options->plan, options->seed, &recovered->task, error);
    }
    recovery.records = malloc(WEIR_BATCH_MAX * sizeof *recovery.records);
    result = recovery.records ? read_journal(&recovery, from) : WEIR_NOMEM;
    if (!result)
        result = weir_kafka_reader_open(&options->place.client, options->topic, &recovery.input, error);
    if (!result) result = rebuild_from_newest(&recovery);
    if (!result) {
        recovered->progress = recovery.end;
        recovered->progress.seed = recovery.history.units[0].seed;
        remember_generations(&recovery);
    }
    if (recovery.input) weir_kafka_reader_close(recovery.input);
    history_deinit(&recovery.history);
    free(recovery.records);
    return result;
}
