/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "base/log.h"

#define READ_TIMEOUT_MS 10000
#define JOURNAL_BATCH 256
#define FOLLOWED_NAME_BYTES 300

struct history { /* the journal up to the committed unit, oldest first, without gaps */
    struct weir_unit *units;
    uint32_t count, capacity;
};

struct recovery {
    const struct weir_recover_options *options;
    struct history history;
    struct weir_progress end; /* where the group stands */
    struct weir_kafka_reader *journal, *input;
    struct sought { /* inputs that are read in order from where a unit began */
        int32_t partition;
    } * sought;
    uint32_t sought_count;
    struct weir_record *records; /* WEIR_BATCH_MAX */
    struct weir_recovered *out;  /* task NULL: a follower that waits (R12) */
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
    if (result == WEIR_NOMEM) return result; /* the record is not to blame */
    if (result) return lost(recovery, why.text);
    unit->journal_offset = record->offset;
    const struct weir_unit *before = history->count > 1 ? unit - 1 : NULL;
    if (before && WEIR_RULE(111) &&
        (unit->number != before->number + 1 || unit->previous != before->chain || unit->task != before->task))
        return lost(recovery, "holds a record that does not follow the one before it");
    return WEIR_OK;
}

static int open_journal(struct recovery *recovery, int64_t from) {
    const struct weir_recover_options *options = recovery->options;
    int result =
        weir_kafka_reader_open(&options->place.client, options->journal, &recovery->journal, recovery->error);
    return result ? result : weir_kafka_reader_seek(recovery->journal, options->task, from, recovery->error);
}

static const struct weir_unit *newest_unit(const struct history *history) {
    return history->count ? &history->units[history->count - 1] : NULL;
}

/* Appends records to the history, at most up to a unit. Returns how many units came, 0 at the journal's end.
 */
static int read_some(struct recovery *recovery, uint64_t up_to, int64_t timeout_ms) {
    struct weir_record records[JOURNAL_BATCH];
    const struct weir_unit *newest = newest_unit(&recovery->history);
    /* Never beyond it: what is read and not taken would be lost to a follower. The first record says where we
     * are. */
    uint64_t room = !up_to ? JOURNAL_BATCH : newest && up_to > newest->number ? up_to - newest->number : 1;
    int count = weir_kafka_reader_read(recovery->journal, recovery->options->task, records,
                                       room < JOURNAL_BATCH ? (uint32_t)room : JOURNAL_BATCH, timeout_ms,
                                       recovery->error);
    for (int i = 0; i < count; i++) {
        int result = take_journal(recovery, &records[i]);
        if (result) return result;
    }
    return count;
}

/* Up to the committed unit, which must be the one whose digest the offsets name. */
static int read_journal(struct recovery *recovery) {
    const struct weir_recover_options *options = recovery->options;
    const struct weir_unit *newest = newest_unit(&recovery->history);
    while (!newest || newest->number < recovery->end.unit) {
        int count = read_some(recovery, recovery->end.unit, READ_TIMEOUT_MS);
        if (count < 0) return count;
        if (count == 0) /* the offsets' commit may be seen before the journal's: only time tells */
            return weir_error_set(recovery->error, WEIR_AGAIN,
                                  "topic '%s' partition %d ends before unit %" PRIu64, options->journal,
                                  options->task, recovery->end.unit);
        newest = newest_unit(&recovery->history);
    }
    if ((newest->number != recovery->end.unit || newest->chain != recovery->end.chain) && WEIR_RULE(111))
        return lost(recovery, "holds another unit of that number than was committed");
    return WEIR_OK;
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

bool weir_recover_diverged(const struct weir_error *error) { return !strncmp(error->text, "DIVERGED", 8); }

static int process_again(struct recovery *recovery, const struct weir_unit *unit,
                         const struct weir_record *records, uint32_t count, struct weir_answers *answers) {
    struct weir_task *task = recovery->out->task;
    while (count) {
        struct weir_outputs outputs;
        uint32_t run = 0;
        while (run < count && !weir_skip_names(unit->skips, unit->skip_count, &records[run])) run++;
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

/* Slices of a partition follow each other: only the first one is sought. */
static int seek_input(struct recovery *recovery, const struct weir_slice *slice) {
    for (uint32_t i = 0; i < recovery->sought_count; i++)
        if (recovery->sought[i].partition == slice->partition) return WEIR_OK;
    struct sought *sought = realloc(recovery->sought, (recovery->sought_count + 1) * sizeof *sought);
    if (!sought) return WEIR_NOMEM;
    recovery->sought = sought;
    sought[recovery->sought_count++].partition = slice->partition;
    return weir_kafka_reader_seek(recovery->input, slice->partition, slice->first, recovery->error);
}

/* The reader has said what its log still holds. WEIR_END: pass over the unit. */
static int input_is_lost(struct recovery *recovery, const struct weir_unit *unit) {
    struct weir_error why = *recovery->error;
    if (recovery->options->skip_lost) {
        weir_log(WEIR_LOG_WARNING,
                 "task %d: input of unit %" PRIu64 " is gone, its state goes on without it: %s",
                 recovery->options->task, unit->number, why.text);
        return WEIR_END;
    }
    return weir_error_set(recovery->error, WEIR_DATA,
                          "task %d: input of unit %" PRIu64
                          " is gone, its state cannot be rebuilt: %.300s [E411]",
                          recovery->options->task, unit->number, why.text);
}

static int read_slice_again(struct recovery *recovery, const struct weir_unit *unit,
                            const struct weir_slice *slice, struct weir_answers *answers) {
    uint64_t checksum = 0;
    uint32_t left = slice->count;
    int64_t last = slice->first - 1;
    int result = seek_input(recovery, slice);
    if (result) return result;
    while (left) {
        int count = weir_kafka_reader_read(recovery->input, slice->partition, recovery->records,
                                           left < WEIR_BATCH_MAX ? left : WEIR_BATCH_MAX, READ_TIMEOUT_MS,
                                           recovery->error);
        if (count == WEIR_DATA) return input_is_lost(recovery, unit);
        if (count < 0) return count;
        if (count == 0 && WEIR_RULE(308)) { /* a new leader may not know yet how far it is */
            diverged(recovery, unit, "the input ends before them");
            return recovery->error->result = WEIR_AGAIN;
        }
        if (count == 0) return diverged(recovery, unit, "the input ends before them");
        for (int i = 0; i < count; i++) checksum = weir_unit_digest_record(checksum, &recovery->records[i]);
        last = recovery->records[count - 1].offset;
        result = process_again(recovery, unit, recovery->records, (uint32_t)count, answers);
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
    if (result == WEIR_END) {
        recovery->out->lossy = true;
        recovery->sought_count = 0; /* readers stand before what is gone */
        return WEIR_OK;
    }
    bool other_engine = unit->engine_id != recovery->options->engine_id && WEIR_RULE(12);
    if (result || other_engine || recovery->out->lossy || !WEIR_RULE(11)) return result;
    if (memcmp(&answers, &unit->answers, sizeof answers) != 0)
        return diverged(recovery, unit, "its outputs are not those that were published");
    if (!unit->state_digest) return WEIR_OK;
    uint64_t digest = weir_unit_digest_state(recovery->out->task, unit->number);
    if (!digest) return WEIR_NOMEM;
    return digest == unit->state_digest ? WEIR_OK : diverged(recovery, unit, "its state is not what it was");
}

static int replay_after(struct recovery *recovery, uint64_t number) {
    int result = WEIR_OK;
    recovery->sought_count = 0;
    for (uint32_t i = 0; i < recovery->history.count && !result; i++)
        if (recovery->history.units[i].number > number)
            result = do_unit_again(recovery, &recovery->history.units[i]);
    return result;
}

/* ---- where to begin ---- */

/* R12: a snapshot of another engine id, most often of another pipeline file. */
static int carry_generation(struct recovery *recovery, const struct weir_manifest *manifest) {
    const struct weir_recover_options *options = recovery->options;
    struct weir_carry carry;
    weir_carry_init(&carry, recovery->history.units[0].seed);
    int result = weir_generation_carry(&options->place, options->task, manifest, options->plan, &carry,
                                       &recovery->out->task, recovery->error);
    if (!result)
        weir_log(WEIR_LOG_INFO,
                 "task %d: the snapshot of unit %" PRIu64 " was made by another pipeline file or program%s",
                 options->task, manifest->unit,
                 carry.report.len ? "; what is not carried over:" : ": all fits");
    const char *line = result || !carry.report.len ? "" : weir_buffer_text(&carry.report);
    for (size_t len; line && *line; line += len + 1) {
        len = strcspn(line, "\n");
        weir_log(WEIR_LOG_INFO, "task %d: %.*s", options->task, (int)len, line);
    }
    weir_carry_deinit(&carry);
    return result;
}

static int load_generation(struct recovery *recovery, const struct weir_manifest *manifest) {
    const struct weir_recover_options *options = recovery->options;
    const struct weir_unit *at = unit_numbered(&recovery->history, manifest->unit);
    if (!at || (at->chain != manifest->chain && WEIR_RULE(9)))
        return weir_error_set(recovery->error, WEIR_DATA, "the journal does not reach back to it");
    if (manifest->engine_id == options->engine_id)
        return weir_generation_read(&options->place, options->task, manifest, options->plan,
                                    &recovery->out->task, recovery->error);
    return carry_generation(recovery, manifest);
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
    recovery->out->lossy = false;
    WEIR_POINT("recover.loaded");
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
    struct weir_error worst = {0}, unreachable = {0};
    for (uint32_t i = history->count; i-- > 0;) {
        const struct weir_manifest *manifest = &history->units[i].manifest;
        if (!manifest->unit) continue;
        int result = rebuild(recovery, manifest);
        if (result != WEIR_DATA && result != WEIR_VERSION && result != WEIR_IO) return result;
        weir_log(WEIR_LOG_WARNING, "task %d: the snapshot of unit %" PRIu64 " is passed over: %s",
                 recovery->options->task, manifest->unit, recovery->error->text);
        if (weir_recover_diverged(recovery->error)) worst = *recovery->error;
        if (result == WEIR_IO) unreachable = *recovery->error;
    }
    int result = rebuild(recovery, NULL);
    if (result != WEIR_DATA) return result;
    if (unreachable.result && WEIR_RULE(208)) { /* what was not reached is not lost */
        *recovery->error = unreachable;
        return WEIR_IO;
    }
    if (worst.result) *recovery->error = worst;
    return result;
}

/* The snapshot of this unit (0: none, from birth) and the one before that: their readers begin at the record
 * of the unit they were taken after. From birth: at the beginning. */
static void remember_generations(struct recovery *recovery, uint64_t newest) {
    struct weir_progress *progress = &recovery->out->progress;
    int found = 0;
    memset(progress->generations, 0, sizeof progress->generations);
    progress->journal_from[0] = progress->journal_from[1] = -1;
    for (uint32_t i = recovery->history.count; i-- > 0 && found < 2 && newest;) {
        const struct weir_manifest *manifest = &recovery->history.units[i].manifest;
        const struct weir_unit *at =
            manifest->unit ? unit_numbered(&recovery->history, manifest->unit) : NULL;
        if (!at || at->chain != manifest->chain || manifest->unit > newest) continue;
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

/* A task that others have moved on: made again from what the journal holds, as any restart would. */
static int rebuild_all(struct recovery *recovery) {
    int result = rebuild_from_newest(recovery);
    if (!result) remember_generations(recovery, recovery->out->snapshot_unit);
    return result;
}

static bool is_own(const struct recovery *recovery, const struct weir_unit *unit) {
    return unit->engine_id == recovery->options->engine_id;
}

/* Up to where the group stands: everything in one go. follows: a task of another engine's units is not made.
 */
static int recover(struct recovery *recovery, bool follows) {
    const struct weir_recover_options *options = recovery->options;
    int64_t from;
    int result = find_end(recovery, &from);
    recovery->records = malloc(WEIR_BATCH_MAX * sizeof *recovery->records);
    if (!result && !recovery->records) result = WEIR_NOMEM;
    if (!result) result = open_journal(recovery, from);
    if (!result)
        result =
            weir_kafka_reader_open(&options->place.client, options->topic, &recovery->input, recovery->error);
    if (result) return result;
    if (!recovery->end.unit) { /* no past */
        recovery->end = (struct weir_progress){.seed = options->seed, .journal_from = {-1, -1}};
        recovery->out->progress = recovery->end;
        return weir_task_create(options->plan, options->seed, &recovery->out->task, recovery->error);
    }
    result = read_journal(recovery);
    WEIR_POINT("recover.journal");
    if (result) return result;
    recovery->out->progress = recovery->end;
    recovery->out->progress.seed = recovery->history.units[0].seed;
    if (!follows || is_own(recovery, newest_unit(&recovery->history))) return rebuild_all(recovery);
    remember_generations(recovery, recovery->end.unit);
    return WEIR_OK;
}

static void recovery_deinit(struct recovery *recovery) {
    if (recovery->input) weir_kafka_reader_close(recovery->input);
    if (recovery->journal) weir_kafka_reader_close(recovery->journal);
    history_deinit(&recovery->history);
    free(recovery->records);
    free(recovery->sought);
}

int weir_recover(const struct weir_recover_options *options, struct weir_recovered *recovered,
                 struct weir_error *error) {
    struct recovery recovery = {.options = options, .out = recovered, .error = error};
    memset(recovered, 0, sizeof *recovered);
    int result = recover(&recovery, false);
    recovery_deinit(&recovery);
    if (result == WEIR_NOMEM)
        weir_error_set(error, result, "no memory to rebuild the state of task %d", options->task);
    return result;
}

/* ---- following ---- */

struct weir_follower {
    struct weir_recover_options options;
    char journal[FOLLOWED_NAME_BYTES], snapshots[FOLLOWED_NAME_BYTES];
    struct weir_kafka_offset *committed;
    struct weir_recovered done;
    struct recovery recovery;
};

static bool copy_committed(struct weir_follower *follower, const struct weir_kafka_offset *committed,
                           uint32_t count) {
    struct weir_kafka_offset *copy = malloc((count + 1) * sizeof *copy);
    if (!copy) return false;
    memcpy(copy, committed, count * sizeof *copy);
    free(follower->committed);
    follower->committed = copy;
    follower->options.committed = copy;
    follower->options.count = count;
    return true;
}

int weir_follower_open(const struct weir_recover_options *options, struct weir_follower **out,
                       struct weir_error *error) {
    struct weir_follower *follower = calloc(1, sizeof *follower);
    if (!follower) return weir_error_set(error, WEIR_NOMEM, "no memory for a standby");
    follower->options = *options;
    snprintf(follower->journal, sizeof follower->journal, "%s", options->journal);
    snprintf(follower->snapshots, sizeof follower->snapshots, "%s", options->place.topic);
    follower->options.journal = follower->journal;
    follower->options.place.topic = follower->snapshots;
    follower->options.place.journal = follower->journal;
    follower->recovery =
        (struct recovery){.options = &follower->options, .out = &follower->done, .error = error};
    int result = copy_committed(follower, options->committed, options->count) ? WEIR_OK : WEIR_NOMEM;
    if (!result) result = recover(&follower->recovery, true);
    if (result)
        weir_follower_close(follower);
    else
        *out = follower;
    return result;
}

void weir_follower_close(struct weir_follower *follower) {
    if (!follower) return;
    recovery_deinit(&follower->recovery);
    weir_task_destroy(follower->done.task);
    free(follower->committed);
    free(follower);
}

uint64_t weir_follower_unit(const struct weir_follower *follower) { return follower->done.progress.unit; }

/* What no snapshot that may still be asked for needs is forgotten. */
static void prune(struct recovery *recovery) {
    struct history *history = &recovery->history;
    uint64_t oldest = recovery->out->progress.generations[1].unit;
    uint32_t gone = 0;
    while (gone < history->count && history->units[gone].number < oldest)
        weir_unit_deinit(&history->units[gone++]);
    memmove(history->units, history->units + gone, (history->count - gone) * sizeof *history->units);
    history->count -= gone;
}

static void drop_task(struct recovery *recovery) {
    weir_task_destroy(recovery->out->task);
    recovery->out->task = NULL;
}

/* A unit that came since is done too, and the task stands behind it. One of another engine's ends the task
 * (R12): a state that is carried over begins at the newest snapshot, and the task's would have begun at an
 * older one. Another process that recovers could not prove what such a task publishes. */
static int follow_unit(struct recovery *recovery, const struct weir_unit *unit) {
    struct weir_progress *progress = &recovery->out->progress;
    bool follows = unit->number == progress->unit + 1 && unit->previous == progress->chain;
    bool first = !progress->unit; /* it says with which seed the task was born */
    int result = WEIR_OK;
    if (!follows && WEIR_RULE(401)) return lost(recovery, "does not go on where the standby stands");
    if (first) progress->seed = unit->seed;
    if (first || !is_own(recovery, unit)) drop_task(recovery);
    if (first && is_own(recovery, unit))
        result = weir_task_create(recovery->options->plan, unit->seed, &recovery->out->task, recovery->error);
    if (!result && recovery->out->task) result = do_unit_again(recovery, unit);
    if (result) return result;
    progress->unit = unit->number;
    progress->chain = unit->chain;
    if (unit->manifest.unit) {
        const struct weir_unit *at = unit_numbered(&recovery->history, unit->manifest.unit);
        progress->generations[1] = progress->generations[0];
        progress->journal_from[1] = progress->journal_from[0];
        progress->generations[0] = unit->manifest;
        progress->journal_from[0] = at ? at->journal_offset : -1;
    }
    return WEIR_OK;
}

/* What is half done can neither go on nor be begun again, and what the log no longer holds another snapshot
 * may make up for: a new follower finds its way or says why there is none. A divergence stays one (R11). */
static int break_off(struct recovery *recovery, int result) {
    bool diverged = result == WEIR_DATA && weir_recover_diverged(recovery->error);
    bool anew = (result == WEIR_AGAIN || result == WEIR_IO || result == WEIR_DATA) && !diverged;
    return anew ? (recovery->error->result = WEIR_RULE(401) ? WEIR_END : WEIR_AGAIN) : result;
}

static int follow_some(struct weir_follower *follower, uint64_t up_to, int64_t timeout_ms,
                       struct weir_error *error) {
    struct recovery *recovery = &follower->recovery;
    recovery->error = error;
    uint32_t known = recovery->history.count;
    int count = read_some(recovery, up_to, timeout_ms);
    if (count < 0 && count != WEIR_AGAIN) return break_off(recovery, count);
    for (uint32_t i = known; i < recovery->history.count && count >= 0; i++) {
        int result = follow_unit(recovery, &recovery->history.units[i]);
        if (result) return break_off(recovery, result);
    }
    if (count > 0) prune(recovery);
    return count;
}

bool weir_follower_is_warm(const struct weir_follower *follower) { return follower->done.task; }

int weir_follower_warm(struct weir_follower *follower, struct weir_error *error) {
    follower->recovery.error = error;
    return follower->done.task ? WEIR_OK : rebuild_all(&follower->recovery);
}

int weir_follower_step(struct weir_follower *follower, int64_t timeout_ms, struct weir_error *error) {
    int units = follow_some(follower, 0, timeout_ms, error);
    const struct weir_unit *newest = newest_unit(&follower->recovery.history);
    if (units < 0 || follower->done.task || !newest || !is_own(&follower->recovery, newest)) return units;
    int result = rebuild_all(&follower->recovery); /* the leader is of its engine id now */
    return result ? break_off(&follower->recovery, result) : units;
}

int weir_follower_finish(struct weir_follower *follower, const struct weir_kafka_offset *committed,
                         uint32_t count, struct weir_recovered *recovered, struct weir_error *error) {
    struct recovery *recovery = &follower->recovery;
    int64_t from;
    if (!copy_committed(follower, committed, count)) return WEIR_NOMEM;
    recovery->error = error;
    recovery->end = (struct weir_progress){0};
    int result = find_end(recovery, &from);
    if (!WEIR_RULE(1)) recovery->end = follower->done.progress; /* the mutant asks nobody */
    while (!result && follower->done.progress.unit < recovery->end.unit) {
        int units = follow_some(follower, recovery->end.unit, READ_TIMEOUT_MS, error);
        if (units < 0) result = units;
        if (units == 0)
            result = weir_error_set(error, WEIR_AGAIN, "the journal ends before the committed unit");
    }
    if (!result && (follower->done.progress.unit != recovery->end.unit ||
                    follower->done.progress.chain != recovery->end.chain))
        result = lost(recovery, "holds another unit of that number than was committed");
    if (!result) result = weir_follower_warm(follower, error);
    if (result) return result;
    /* The journal may have been cut off there, however far back our own snapshots reach (R9). */
    for (int i = 0; i < 2 && WEIR_RULE(309); i++)
        if (follower->done.progress.journal_from[i] < from) follower->done.progress.journal_from[i] = from;
    *recovered = follower->done;
    follower->done.task = NULL;
    return WEIR_OK;
}
