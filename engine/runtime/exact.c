/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exact.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"

struct cursor {
    int32_t partition;
    int64_t next;
};

struct member { /* a task of the lane */
    int32_t id;
    struct weir_task *task;
    struct weir_progress progress; /* as of the last closed unit */
    uint64_t committed;            /* number of the last unit known to be committed */
    int64_t journaled;             /* a journal offset at or before its record; -1 = not known */
    struct cursor *cursors;
    uint32_t cursor_count;
    struct weir_breaker breaker; /* R15 */
    bool paused;
    struct weir_unit *open; /* NULL: nothing since the last closed one */
    bool under_way;
    /* snapshots: wanted at the next close; taken after `copy_unit`, whose reader begins at copy_from; written
     */
    bool copy_wanted, changed;       /* changed: records were processed since the last copy */
    uint64_t copy_unit, copy_number; /* of the snapshot under way; 0 = none */
    int64_t copy_from;
    struct weir_manifest manifest; /* waits for the next unit; its reader begins at manifest_from */
    int64_t manifest_from;
};

struct weir_exact {
    struct weir_exact_options options;
    struct member *members;
    uint32_t member_count;
    struct weir_bundle bundle;
    bool under_way;
    int64_t submitted_ms;
    int64_t wall_ms;
    uint64_t copies;          /* begun so far */
    int broken;               /* a task has gone further than its unit says: nothing is submitted any more */
    struct weir_unit **spare; /* cleared, for reuse */
    uint32_t spare_count, spare_capacity;
    struct weir_skip skips[WEIR_SKIP_MAX];
    uint32_t skip_count;
};

int weir_exact_create(const struct weir_exact_options *options, struct weir_exact **out,
                      struct weir_error *error) {
    struct weir_exact *lane = calloc(1, sizeof *lane);
    if (!lane) return weir_error_set(error, WEIR_NOMEM, "no memory for the exactly-once lane");
    lane->options = *options;
    lane->submitted_ms = INT64_MIN / 2;
    *out = lane;
    return WEIR_OK;
}

/* ---- units and members ---- */

static struct weir_unit *unit_get(struct weir_exact *lane) {
    if (lane->spare_count) return lane->spare[--lane->spare_count];
    struct weir_unit *unit = malloc(sizeof *unit);
    if (unit) weir_unit_init(unit);
    return unit;
}

static void unit_free(struct weir_unit *unit) {
    weir_unit_deinit(unit);
    free(unit);
}

static void unit_put(struct weir_exact *lane, struct weir_unit *unit) {
    if (!unit) return;
    if (lane->spare_count == lane->spare_capacity) {
        uint32_t capacity = lane->spare_capacity ? lane->spare_capacity * 2 : 8;
        struct weir_unit **spare = realloc(lane->spare, capacity * sizeof *spare);
        if (!spare) return unit_free(unit);
        lane->spare = spare;
        lane->spare_capacity = capacity;
    }
    weir_unit_clear(unit);
    lane->spare[lane->spare_count++] = unit;
}

static struct member *member_of(const struct weir_exact *lane, int32_t id) {
    for (uint32_t i = 0; i < lane->member_count; i++)
        if (lane->members[i].id == id) return &lane->members[i];
    return NULL;
}

static struct cursor *cursor_of(const struct member *member, int32_t partition) {
    for (uint32_t i = 0; i < member->cursor_count; i++)
        if (member->cursors[i].partition == partition) return &member->cursors[i];
    return NULL;
}

static struct member *reader_of(const struct weir_exact *lane, int32_t partition) {
    return member_of(lane, lane->options.single ? 0 : partition);
}

/* What does not change any more once the task is told apart: forgets it, its open unit included. */
static void remove_member(struct weir_exact *lane, struct member *member) {
    unit_put(lane, member->open);
    weir_task_destroy(member->task);
    free(member->cursors);
    *member = lane->members[--lane->member_count];
}

void weir_exact_destroy(struct weir_exact *lane) {
    if (!lane) return;
    while (lane->member_count) remove_member(lane, &lane->members[0]);
    for (uint32_t i = 0; i < lane->bundle.count; i++) unit_free(lane->bundle.units[i]);
    for (uint32_t i = 0; i < lane->spare_count; i++) unit_free(lane->spare[i]);
    weir_kafka_membership_free(lane->bundle.membership);
    free(lane->bundle.units);
    free(lane->bundle.verdicts);
    free(lane->bundle.journaled);
    free(lane->bundle.offsets);
    free(lane->bundle.offset_units);
    free(lane->members);
    free(lane->spare);
    free(lane);
}

/* R2: numbers without gaps. R13: one tick, before the first record, and it is journaled. */
static struct weir_unit *open_unit(struct weir_exact *lane, struct member *member) {
    if (member->open) return member->open;
    struct weir_unit *unit = unit_get(lane);
    if (!unit) return NULL;
    unit->task = member->id;
    unit->number = member->progress.unit + 1;
    unit->previous = member->progress.chain;
    unit->seed = member->progress.seed;
    unit->engine_id = lane->options.engine_id;
    unit->tick_ms = lane->wall_ms;
    weir_task_tick(member->task, unit->tick_ms);
    return member->open = unit;
}

int weir_exact_adopt(struct weir_exact *lane, int32_t id, struct weir_task *task,
                     const struct weir_progress *progress) {
    if (!WEIR_RULE(7) && member_of(lane, id)) remove_member(lane, member_of(lane, id));
    assert(!member_of(lane, id));
    struct member *members = realloc(lane->members, (lane->member_count + 1) * sizeof *members);
    if (!members) {
        weir_task_destroy(task);
        return WEIR_NOMEM;
    }
    lane->members = members;
    struct member *member = &members[lane->member_count++];
    *member = (struct member){.id = id,
                              .task = task,
                              .progress = *progress,
                              .committed = progress->unit,
                              .journaled = progress->journal_from[0]};
    weir_breaker_start(&member->breaker, task);
    if (!WEIR_RULE(2)) member->progress.unit = member->progress.chain = 0; /* numbers begin anew */
    if (!progress->unit && !open_unit(lane, member)) {
        remove_member(lane, member);
        return WEIR_NOMEM;
    }
    const struct weir_manifest *base = &progress->generations[0];
    if (base->unit && base->engine_id != lane->options.engine_id) weir_exact_save_anew(lane, id); /* R12 */
    return WEIR_OK;
}

int weir_exact_set_position(struct weir_exact *lane, int32_t id, int32_t partition, int64_t next) {
    struct member *member = member_of(lane, id);
    assert(member);
    struct cursor *cursor = cursor_of(member, partition);
    if (!cursor) {
        struct cursor *cursors =
            realloc(member->cursors, (member->cursor_count + 1) * sizeof *member->cursors);
        if (!cursors) return WEIR_NOMEM;
        member->cursors = cursors;
        cursor = &cursors[member->cursor_count++];
        cursor->partition = partition;
    }
    cursor->next = next;
    return WEIR_OK;
}

int64_t weir_exact_position(const struct weir_exact *lane, int32_t partition) {
    const struct member *member = reader_of(lane, partition);
    const struct cursor *cursor = member ? cursor_of(member, partition) : NULL;
    return cursor ? cursor->next : -1;
}

int weir_exact_pass_over(struct weir_exact *lane, int32_t id, const struct weir_lost *lost) {
    struct member *member = member_of(lane, id);
    struct weir_unit *unit = open_unit(lane, member);
    if (!unit || !weir_unit_add_lost(unit, *lost)) return WEIR_NOMEM;
    return weir_exact_set_position(lane, id, lost->partition, lost->last + 1);
}

/* ---- processing ---- */

int weir_exact_skip(struct weir_exact *lane, int32_t partition, int64_t offset) {
    if (lane->skip_count == WEIR_SKIP_MAX) return WEIR_LIMIT;
    lane->skips[lane->skip_count++] = (struct weir_skip){partition, offset};
    return WEIR_OK;
}

/* The first record that is to be skipped, or count. */
static uint32_t find_skip(const struct weir_exact *lane, const struct weir_record *records, uint32_t count) {
    for (uint32_t i = 0; i < count && lane->skip_count; i++)
        if (weir_skip_names(lane->skips, lane->skip_count, &records[i])) return i;
    return count;
}

static int process_run(struct weir_exact *lane, struct member *member, struct weir_unit *unit,
                       const struct weir_record *records, uint32_t count, bool skipped) {
    struct weir_outputs outputs;
    int result = skipped ? weir_task_set_aside(member->task, records, &outputs)
                         : weir_task_process(member->task, records, count, &outputs);
    if (result) return result;
    if (!weir_unit_add_records(unit, records, count) ||
        !weir_unit_add_outputs(unit, outputs.records, outputs.record_count))
        return WEIR_NOMEM;
    if (skipped && unit->skip_count < WEIR_SKIP_MAX && WEIR_RULE(15))
        unit->skips[unit->skip_count++] = (struct weir_skip){records->partition, records->offset};
    member->changed = true;
    cursor_of(member, records->partition)->next = records[count - 1].offset + 1;
    if (lane->options.answered)
        lane->options.answered(lane->options.owner, member->task, records, count, &outputs);
    return WEIR_OK;
}

/* Nothing of a pause is journaled: it only stops intake, and a replay reads what units name, nothing else. */
static void watch_rejects(struct weir_exact *lane, struct member *member, const struct weir_record *records,
                          uint32_t count) {
    struct weir_pause pause;
    if (!weir_breaker_trips(&member->breaker, member->task, records, count, lane->options.pause_above,
                            &pause))
        return;
    member->paused = true;
    lane->options.paused(lane->options.owner, member->id, &pause);
}

int weir_exact_process(struct weir_exact *lane, const struct weir_record *records, uint32_t count) {
    struct member *member = count ? reader_of(lane, records->partition) : NULL;
    struct cursor *cursor = member ? cursor_of(member, records->partition) : NULL;
    if (!cursor) return WEIR_OK; /* given back meanwhile: its new owner reads it (R7) */
    while (count && records->offset < cursor->next && WEIR_RULE(6)) { /* R6 */
        records++;
        count--;
    }
    while (count && !member->paused) {
        struct weir_unit *unit = open_unit(lane, member);
        if (!unit) return WEIR_NOMEM;
        uint32_t left = weir_breaker_left(member->task);
        uint32_t run = find_skip(lane, records, count < left ? count : left);
        bool skipped = run == 0;
        if (skipped) run = 1;
        int result = process_run(lane, member, unit, records, run, skipped);
        if (result) return lane->broken = result;
        watch_rejects(lane, member, records, run);
        records += run;
        count -= run;
    }
    return WEIR_OK;
}

/* R4: at most the bundle under way and the open units, and not more bytes than that. */
bool weir_exact_is_full(const struct weir_exact *lane) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < lane->member_count; i++) {
        const struct weir_unit *unit = lane->members[i].open;
        if (!unit) continue;
        bytes += unit->bytes.used_bytes + unit->output_count * sizeof *unit->outputs;
        if (unit->slice_count >= WEIR_SLICE_MAX - 1 || unit->skip_count == WEIR_SKIP_MAX) return true;
    }
    return bytes > lane->options.bytes_max;
}

/* ---- closing and submitting ---- */

static int64_t oldest_needed(const struct member *member) {
    return member->progress.journal_from[WEIR_RULE(209) ? 1 : 0];
}

/* Of the state after the last closed unit. */
static void begin_copy(struct weir_exact *lane, struct member *member) {
    const struct weir_progress *progress = &member->progress;
    const struct weir_manifest *base = &progress->generations[0];
    bool full = weir_manifest_is_no_base(base, lane->options.engine_id);
    member->copy_wanted = false;
    if (weir_task_snapshot_begin(member->task, full)) return; /* no memory: the older snapshot serves on */
    struct weir_copy copy = {.task = member->id};
    if (!full) copy.manifest = *base;
    copy.manifest.unit = progress->unit;
    copy.manifest.chain = progress->chain;
    copy.manifest.engine_id = lane->options.engine_id;
    member->changed = false;
    member->copy_unit = progress->unit;
    member->copy_number = copy.number = ++lane->copies;
    member->copy_from = member->committed == progress->unit ? member->journaled : -1;
    lane->options.copied(lane->options.owner, copy);
}

static int close_unit(struct weir_exact *lane, struct member *member) {
    struct weir_unit *unit = member->open;
    if (unit->number % WEIR_STATE_DIGEST_EVERY == 0)
        unit->state_digest = weir_unit_digest_state(member->task, unit->number);
    unit->manifest = member->manifest;
    if (weir_unit_close(unit)) return WEIR_NOMEM; /* nothing has moved: it may be closed again */
    if (member->manifest.unit) { /* generations move up: the one before stays loadable (R9) */
        member->progress.generations[1] = member->progress.generations[0];
        member->progress.generations[0] = member->manifest;
        member->progress.journal_from[1] = member->progress.journal_from[0];
        member->progress.journal_from[0] = member->manifest_from;
        member->manifest.unit = 0;
    }
    member->progress.unit = unit->number;
    member->progress.chain = unit->chain;
    if (member->copy_wanted) begin_copy(lane, member);
    return WEIR_OK;
}

static bool reserve(struct weir_exact *lane, uint32_t units, uint32_t offsets) {
    struct weir_bundle *bundle = &lane->bundle;
    if (units > bundle->capacity) {
        void *a = realloc(bundle->units, units * sizeof *bundle->units);
        if (a) bundle->units = a;
        void *b = realloc(bundle->verdicts, units * sizeof *bundle->verdicts);
        if (b) bundle->verdicts = b;
        void *c = realloc(bundle->journaled, units * sizeof *bundle->journaled);
        if (c) bundle->journaled = c;
        if (!a || !b || !c) return false;
        bundle->capacity = units;
    }
    if (offsets > bundle->offset_capacity) {
        void *a = realloc(bundle->offsets, offsets * sizeof *bundle->offsets);
        if (a) bundle->offsets = a;
        void *b = realloc(bundle->offset_units, offsets * sizeof *bundle->offset_units);
        if (b) bundle->offset_units = b;
        if (!a || !b) return false;
        bundle->offset_capacity = offsets;
    }
    return true;
}

/* R3: the offsets of all inputs of the task, each saying which unit they belong to. */
static void add_to_bundle(struct weir_bundle *bundle, struct member *member) {
    for (uint32_t i = 0; i < member->cursor_count; i++) {
        struct weir_kafka_offset *offset = &bundle->offsets[bundle->offset_count];
        offset->partition = member->cursors[i].partition;
        offset->next = member->cursors[i].next;
        weir_unit_metadata(offset->metadata, sizeof offset->metadata, member->open->number,
                           member->open->chain, oldest_needed(member));
        bundle->offset_units[bundle->offset_count++] = bundle->count;
    }
    bundle->units[bundle->count++] = member->open;
    member->open = NULL;
    member->under_way = true;
}

static bool submit(struct weir_exact *lane) {
    weir_kafka_membership_free(lane->bundle.membership);
    lane->bundle.membership = lane->options.membership(lane->options.owner);
    if (!lane->bundle.membership) return false;
    lane->under_way = true;
    lane->options.submit(lane->options.owner, &lane->bundle);
    return true;
}

static bool wants_unit(const struct member *member) { return member->open || member->manifest.unit; }

static int make_bundle(struct weir_exact *lane) {
    uint32_t units = 0, offsets = 0;
    for (uint32_t i = 0; i < lane->member_count; i++) {
        struct member *member = &lane->members[i];
        if (!wants_unit(member) || !member->cursor_count) continue;
        if (!open_unit(lane, member)) return WEIR_NOMEM;
        units++;
        offsets += member->cursor_count;
    }
    if (!units) return WEIR_OK;
    if (!reserve(lane, units, offsets)) return WEIR_NOMEM;
    lane->bundle.count = lane->bundle.offset_count = 0;
    for (uint32_t i = 0; i < lane->member_count; i++) {
        struct member *member = &lane->members[i];
        if (!member->open || !member->cursor_count) continue;
        if (close_unit(lane, member)) return WEIR_NOMEM;
        add_to_bundle(&lane->bundle, member);
    }
    return WEIR_OK;
}

int weir_exact_turn(struct weir_exact *lane, int64_t now_ms, int64_t wall_ms, bool flush) {
    lane->wall_ms = wall_ms;
    if (lane->broken && WEIR_RULE(104)) return lane->broken;
    if (lane->under_way) return WEIR_OK;
    if (!flush && now_ms - lane->submitted_ms < lane->options.commit_ms) return WEIR_OK;
    bool silent = lane->options.heartbeat_ms && WEIR_RULE(201) &&
                  now_ms - lane->submitted_ms >= lane->options.heartbeat_ms;
    for (uint32_t i = 0; i < lane->member_count && silent; i++)
        if (!open_unit(lane, &lane->members[i])) return WEIR_NOMEM;
    if (!lane->bundle.count) { /* else one is left that found no membership */
        int result = make_bundle(lane);
        if (result) return result;
    }
    if (!lane->bundle.count) return WEIR_OK;
    lane->submitted_ms = now_ms;
    submit(lane);
    return WEIR_OK;
}

/* ---- verdicts ---- */

static void committed(struct weir_exact *lane, struct member *member, const struct weir_unit *unit,
                      int64_t journaled) {
    member->committed = unit->number;
    if (journaled >= 0) member->journaled = journaled;
    /* A reader that starts here finds the record of the unit the copy was taken after, and all that follow.
     */
    if (unit->number == member->copy_unit) member->copy_from = member->journaled;
    if (unit->number == member->manifest.unit) member->manifest_from = member->journaled;
    if (unit->manifest.unit && lane->options.published)
        lane->options.published(lane->options.owner, member->id, &member->progress);
}

/* Keeps only the unit at index, at place `kept`. */
static void keep_unit(struct weir_bundle *bundle, uint32_t index, uint32_t kept) {
    bundle->units[kept] = bundle->units[index];
    for (uint32_t i = 0; i < bundle->offset_count; i++)
        if (bundle->offset_units[i] == index) bundle->offset_units[i] = kept;
}

static void drop_offsets(struct weir_bundle *bundle, uint32_t index) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < bundle->offset_count; i++) {
        if (bundle->offset_units[i] == index) continue;
        bundle->offsets[left] = bundle->offsets[i];
        bundle->offset_units[left++] = bundle->offset_units[i];
    }
    bundle->offset_count = left;
}

int weir_exact_decided(struct weir_exact *lane) {
    struct weir_bundle *bundle = &lane->bundle;
    uint32_t kept = 0, count = bundle->count;
    lane->under_way = false;
    for (uint32_t i = 0; i < count; i++) {
        struct weir_unit *unit = bundle->units[i];
        struct member *member = member_of(lane, unit->task);
        /* R7: a task that was given back, or given back and taken again, has no part in this any more. */
        bool ours = member && member->under_way;
        if (ours && bundle->verdicts[i] == WEIR_UNIT_AGAIN && WEIR_RULE(4)) { /* R4: the same bytes */
            keep_unit(bundle, i, kept++);
            continue;
        }
        if (ours && bundle->verdicts[i] == WEIR_UNIT_GONE) {
            struct weir_task *task = member->task;
            member->task = NULL;
            remove_member(lane, member);
            lane->options.gone(lane->options.owner, unit->task, task);
        } else if (ours) {
            committed(lane, member, unit, bundle->journaled[i]);
            member->under_way = false;
        }
        drop_offsets(bundle, i);
        unit_put(lane, unit);
    }
    bundle->count = kept;
    if (kept) submit(lane); /* without a membership: the next turn */
    return WEIR_OK;
}

bool weir_exact_at_rest(const struct weir_exact *lane, int32_t id) {
    const struct member *member = member_of(lane, id);
    return !member || (!wants_unit(member) && !member->under_way);
}

bool weir_exact_all_at_rest(const struct weir_exact *lane) {
    for (uint32_t i = 0; i < lane->member_count; i++)
        if (!weir_exact_at_rest(lane, lane->members[i].id)) return false;
    return true;
}

/* R7: a bundle that is not on its way, for want of a membership, goes without the unit of a task that left.
 */
static void withdraw(struct weir_exact *lane, int32_t id) {
    struct weir_bundle *bundle = &lane->bundle;
    uint32_t kept = 0, count = bundle->count;
    if (lane->under_way || !WEIR_RULE(107)) return;
    for (uint32_t i = 0; i < count; i++) {
        if (bundle->units[i]->task != id) {
            keep_unit(bundle, i, kept++);
            continue;
        }
        drop_offsets(bundle, i);
        unit_put(lane, bundle->units[i]);
    }
    bundle->count = kept;
}

struct weir_task *weir_exact_release(struct weir_exact *lane, int32_t id, struct weir_progress *progress) {
    struct member *member = member_of(lane, id);
    progress->seed = 0;
    if (!member || !WEIR_RULE(7)) return NULL; /* the mutant keeps it and its unit */
    struct weir_task *task = member->task;
    if (weir_exact_at_rest(lane, id)) *progress = member->progress;
    member->task = NULL;
    remove_member(lane, member);
    withdraw(lane, id);
    return task;
}

/* ---- snapshots ---- */

void weir_exact_want_copy(struct weir_exact *lane, int32_t id) {
    struct member *member = member_of(lane, id);
    if (!member || member->copy_unit || member->manifest.unit || !member->changed) return;
    if (member->open)
        member->copy_wanted = true;
    else
        begin_copy(lane, member);
}

void weir_exact_save_anew(struct weir_exact *lane, int32_t id) {
    member_of(lane, id)->changed = true;
    weir_exact_want_copy(lane, id);
}

/* The member whose snapshot this is. A task that was given back, taken again, and has come to a unit of the
 * same number, is another one, whatever that unit is: the copy's own number tells. */
static struct member *member_copied(const struct weir_exact *lane, const struct weir_copy *copy) {
    struct member *member = member_of(lane, copy->task);
    bool same = member && member->copy_unit == copy->manifest.unit &&
                (member->copy_number == copy->number || !WEIR_RULE(9));
    return same && weir_task_snapshot(member->task) ? member : NULL;
}

struct weir_task *weir_exact_copied(const struct weir_exact *lane, const struct weir_copy *copy) {
    const struct member *member = member_copied(lane, copy);
    return member ? member->task : NULL;
}

void weir_exact_publish(struct weir_exact *lane, const struct weir_copy *copy, bool good) {
    struct member *member = member_copied(lane, copy);
    if (!member) return; /* given back meanwhile */
    weir_task_snapshot_end(member->task, good);
    member->copy_unit = 0;
    if (!good) {
        member->changed = true; /* the next one is tried */
        return;
    }
    member->manifest = copy->manifest;
    member->manifest_from = member->copy_from;
}

int64_t weir_exact_wall(const struct weir_exact *lane) { return lane->wall_ms; }

/* ---- looking ---- */

void weir_exact_each_task(const struct weir_exact *lane, void *owner,
                          void (*visit)(void *owner, int32_t id, const struct weir_task *task)) {
    for (uint32_t i = 0; i < lane->member_count; i++)
        visit(owner, lane->members[i].id, lane->members[i].task);
}

struct weir_task *weir_exact_task(const struct weir_exact *lane, int32_t id) {
    const struct member *member = member_of(lane, id);
    return member ? member->task : NULL;
}
