/* SPDX-License-Identifier: Apache-2.0 */
/* process.c: a simulated worker process: consumer, lane, committer, recoveries and snapshot writes, as
 * engine/runtime/exact_host.c and worker.c put them together, one small step at a time.
 *
 * A process shares nothing with another. What it does next is drawn; what it may do is what the real one may:
 * verdicts are taken some time after the committer came to them, copies are written some time after they were
 * taken, news of the group are heard late.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/story.h"

#define BATCH_MAX 48
#define COMMIT_MS 100

static int64_t now(const struct process *process) { return sim_now(process->story->cluster); }

static void note(const struct process *process, const char *what, int32_t task, int64_t value) {
    if (process->story->verbose)
        story_note(process->story, "process %d: %s (task %d, %lld)", process->index, what, (int)task,
                   (long long)value);
}

/* ---- what the lane asks of its owner ---- */

static struct weir_kafka_membership *membership(void *owner) {
    struct process *process = owner;
    if (!process->story->healed && story_chance(process->story, 3)) return NULL; /* no memory */
    return weir_kafka_membership_take(process->consumer);
}

static void submit(void *owner, struct weir_bundle *bundle) {
    struct process *process = owner;
    for (uint32_t i = 0; i < bundle->count; i++) { /* R7 */
        const struct weir_unit *unit = bundle->units[i];
        if (process->parts[unit->task].state != PART_RUNNING)
            story_fail(process->story, "process %d submits unit %llu of task %d, which it does not have",
                       process->index, (unsigned long long)unit->number, (int)unit->task);
        note(process, "submits unit", unit->task, (int64_t)unit->number);
    }
    weir_committer_submit(process->committer, bundle);
    process->busy = process->has_bundle = true;
    process->step_ms = now(process);
}

static void gone(void *owner, int32_t task, struct weir_task *state) {
    struct process *process = owner;
    process->story->lived_through[process->story->single ? STORY_OVERTAKEN : STORY_GONE]++;
    note(process, "somebody else has moved it on", task, 0);
    process->parts[task].state = PART_NONE;
    weir_task_destroy(state);
    if (process->story->single)
        single_led_away(process);
    else
        process->rejoin = true;
}

static void copied(void *owner, struct weir_copy copy) {
    struct process *process = owner;
    note(process, "copies unit", copy.task, (int64_t)copy.manifest.unit);
    if (process->copy_count == STORY_COPY_MAX) {
        weir_exact_publish(process->lane, &copy, false);
        return;
    }
    struct story_copy *taken = &process->copies[process->copy_count++];
    taken->copy = copy;
    taken->written = taken->good = false;
    taken->writer = NULL;
    weir_buffer_init(&taken->pages);
    weir_buffer_init(&taken->tail);
}

static void published(void *owner, int32_t task, const struct weir_progress *progress) {
    struct process *process = owner;
    if (!progress->generations[1].unit) return;
    process->trims[task] = (struct story_trim){.wanted = true,
                                               .newest = progress->generations[0],
                                               .oldest = progress->generations[1],
                                               .journal_from = progress->journal_from[1]};
}

/* R9: the newer one is read back before the older ones go. */
static void trim(struct process *process, int32_t task) {
    struct story_trim *trim = &process->trims[task];
    struct weir_error error;
    if (!trim->wanted || !process->story->retention) return;
    trim->wanted = false;
    if (weir_generation_read(&process->place, task, &trim->newest, NULL, NULL, &error)) return;
    note(process, "trims what lies before the snapshot of unit", task, (int64_t)trim->oldest.unit);
    weir_generation_trim(&process->place, task, &trim->oldest, trim->journal_from);
}

static int take_page(void *owner, const struct weir_task_page *page) {
    return weir_segment_add(owner, page->group, page->index, page->bytes, page->len);
}

/* Some pages, while the task goes on; true when all are out, or none will come: then there is no tail. */
static bool take_pages(struct process *process, struct story_copy *taken) {
    struct weir_task *task = weir_exact_copied(process->lane, &taken->copy);
    uint32_t bytes = 1 + story_below(process->story, 20000);
    int result = task ? weir_task_snapshot_step(task, bytes, take_page, &taken->pages) : WEIR_END;
    const struct weir_task_snapshot *snapshot = task ? weir_task_snapshot(task) : NULL;
    if (result || !snapshot) return result != WEIR_AGAIN;
    taken->copy.manifest.root = snapshot->manifest.root;
    if (weir_segment_write_tail(&taken->tail, snapshot)) weir_buffer_clear(&taken->tail);
    return true;
}

static int64_t committer_clock(void *owner) { return now(owner); }

/* ---- life ---- */

static void fail_to_start(struct process *process, int result) {
    if (!machine_excuses(process, result))
        story_fail(process->story, "process %d cannot start", process->index);
    process->story->lived_through[STORY_NO_MEMORY_EXIT]++;
    process_end(process, 500);
}

void process_open_lane(struct process *process) {
    struct story *story = process->story;
    struct weir_error error;
    struct weir_committer_options committer = {
        .txn = {.client = sim_client(story->cluster, process->index),
                .id = process->id,
                .topics = {[WEIR_PREDICTIONS] = "p", [WEIR_ALERTS] = "a", [WEIR_DEAD_LETTERS] = "d"},
                .journal = STORY_JOURNAL},
        .topic = STORY_INPUT,
        .lease = story->single,
        .source = process->consumer,
        .owner = process,
        .clock = committer_clock};
    struct weir_exact_options lane = {.plan = story->plan,
                                      .engine_id = process->engine_id,
                                      .single = story->single,
                                      .heartbeat_ms = story->single ? WEIR_HEARTBEAT_MS : 0,
                                      .commit_ms = COMMIT_MS,
                                      .bytes_max = 20000,
                                      .pause_above = 100,
                                      .owner = process,
                                      .membership = membership,
                                      .submit = submit,
                                      .gone = gone,
                                      .copied = copied,
                                      .published = published};
    process->busy = true;
    process->has_bundle = process->verdicts = false;
    process->step_ms = 0;
    memset(process->parts, 0, sizeof process->parts);
    memset(process->trims, 0, sizeof process->trims);
    int result = weir_committer_create(&committer, &process->committer, &error);
    if (!result) result = weir_exact_create(&lane, &process->lane, &error);
    if (result) fail_to_start(process, result);
}

void process_start(struct process *process) {
    struct story *story = process->story;
    process->engine_id = STORY_ENGINE + (story_chance(story, 10) ? 1 : 0); /* R12 */
    process->alive = true;
    process->rejoin = process->thrown = false;
    process->frozen_until = 0;
    process->seed = story_below(story, 1000000) + 1;
    process->place = machine_place(process);
    if (story->single) {
        single_start(process);
        return;
    }
    process->consumer = sim_consumer_open(story->cluster, process->index);
    process_open_lane(process);
    if (!process->alive) return;
    weir_exact_turn(process->lane, now(process), STORY_EPOCH_MS + now(process) + process->jump_ms, false);
    note(process, "starts", -1, 0);
}

static void forget_copy(struct process *process, uint32_t i) {
    weir_generation_abandon(process->copies[i].writer);
    weir_buffer_deinit(&process->copies[i].pages);
    weir_buffer_deinit(&process->copies[i].tail);
    process->copies[i] = process->copies[--process->copy_count];
}

void process_close_lane(struct process *process) {
    weir_committer_destroy(process->committer);
    weir_exact_destroy(process->lane);
    process->committer = NULL;
    process->lane = NULL;
    while (process->copy_count) forget_copy(process, 0);
}

static void end(struct process *process, int64_t restart_in_ms) {
    process_close_lane(process);
    weir_follower_close(process->follower);
    process->follower = NULL;
    process->alive = false;
    process->restart_ms = now(process) + restart_in_ms;
}

void process_end(struct process *process, int64_t restart_in_ms) {
    struct story *story = process->story;
    note(process, "crashes", -1, restart_in_ms);
    sim_crash(story->cluster, process->index);
    sim_disk_die(true);
    end(process, restart_in_ms);
    sim_disk_die(false);
    machine_crash(process);
    assert(story->ghost_count < STORY_GHOST_MAX);
    story->ghosts[story->ghost_count++] =
        (struct ghost){process->consumer, now(process) + story_below(story, 3000)};
}

/* ---- committer ---- */

void process_step_committer(struct process *process) {
    if (!process->busy || now(process) < process->step_ms) return;
    int64_t wait = weir_committer_step(process->committer);
    if (wait == WEIR_COMMITTER_REST) {
        process->busy = false;
        process->verdicts = process->has_bundle;
    } else if (wait < 0 && process->story->single) {
        single_led_away(process);
    } else if (wait < 0) { /* exit 75: the supervisor starts it again */
        note(process, weir_committer_why(process->committer)->text, -1, wait);
        process->story->lived_through[STORY_EXIT]++;
        process_end(process, 500 + story_below(process->story, 5000));
    } else {
        process->step_ms = now(process) + wait;
    }
}

static void take_verdicts(struct process *process) {
    if (!process->verdicts) return;
    process->verdicts = process->has_bundle = false;
    if (weir_exact_decided(process->lane)) story_fail(process->story, "weir_exact_decided fails");
}

static int turn(struct process *process, bool flush) {
    take_verdicts(process);
    int64_t wall_ms = STORY_EPOCH_MS + now(process) + process->jump_ms;
    if (flush) wall_ms = weir_exact_wall(process->lane);
    int result = weir_exact_turn(process->lane, now(process), wall_ms, flush);
    if (result && !machine_excuses(process, result)) story_fail(process->story, "weir_exact_turn fails");
    return result;
}

/* As engine/runtime/worker.c does it: what is open is flushed if it can be, and the supervisor starts it
 * again. */
static void fail(struct process *process, int result, const char *what) {
    note(process, what, -1, result);
    if (!machine_excuses(process, result)) story_fail(process->story, "%s fails", what);
    process->story->lived_through[STORY_NO_MEMORY_EXIT]++;
    turn(process, true);
    for (uint32_t i = story_below(process->story, 16); i > 0 && process->alive; i--)
        process_step_committer(process);
    if (process->alive) process_end(process, 500 + story_below(process->story, 5000));
}

static void turn_or_fail(struct process *process) {
    int result = turn(process, false);
    if (result) fail(process, result, "weir_exact_turn");
}

/* ---- giving back (R7) ---- */

static void drop_part(struct process *process, int32_t task) {
    struct weir_progress progress;
    bool at_rest = weir_exact_at_rest(process->lane, task);
    struct weir_task *released = weir_exact_release(process->lane, task, &progress);
    if (released && at_rest != (progress.seed != 0))
        story_fail(process->story, "task %d: released with a wrong word on whether it was at rest", task);
    weir_task_destroy(released);
    process->parts[task].state = PART_NONE;
}

static void finish(struct process *process, int64_t patience_ms) {
    int64_t deadline_ms = now(process) + patience_ms;
    while (process->alive && !process->led_away && !weir_exact_all_at_rest(process->lane) &&
           now(process) < deadline_ms) {
        if (turn(process, true)) return;
        process_step_committer(process);
        sim_advance(process->story->cluster, 1);
    }
}

void process_stop(struct process *process, int64_t restart_in_ms) {
    note(process, "stops", -1, 0);
    if (process->lane) finish(process, 5000);
    if (!process->alive) return;
    end(process, restart_in_ms);
    sim_consumer_close(process->consumer);
}

static void revoke(struct process *process, int32_t partition) {
    struct story *story = process->story;
    if (story_chance(story, 70)) finish(process, story_chance(story, 70) ? 5000 : 20);
    if (!process->alive) return; /* the committer came to an end */
    drop_part(process, partition);
    sim_consumer_give_up(process->consumer, partition);
}

static void join_again(struct process *process) {
    struct sim_news news;
    for (int32_t p = 0; p < process->story->partition_count; p++) drop_part(process, p);
    sim_consumer_throw_out(process->consumer);
    while (sim_consumer_news(process->consumer, &news)) continue;
    sim_consumer_join(process->consumer);
    process->rejoin = process->thrown = false;
    process->story->unsettled = true;
}

static void hear_news(struct process *process) {
    struct sim_news news;
    if (process->rejoin) {
        join_again(process);
        return;
    }
    if (!sim_consumer_news(process->consumer, &news)) {
        if (process->thrown) join_again(process);
        return;
    }
    struct part *part = &process->parts[news.partition];
    if (news.kind == SIM_ASSIGNED)
        *part = (struct part){.state = PART_WAITING};
    else if (news.kind == SIM_REVOKED)
        revoke(process, news.partition);
    else
        drop_part(process, news.partition);
}

/* ---- recovery (R8) ---- */

int process_recover(struct process *process, int32_t task, const struct weir_plan *plan, uint64_t engine_id,
                    struct weir_recovered *done, struct weir_error *error) {
    struct part *part = &process->parts[task];
    struct weir_recover_options options = {.plan = plan,
                                           .engine_id = engine_id,
                                           .place = process->place,
                                           .topic = STORY_INPUT,
                                           .journal = STORY_JOURNAL,
                                           .task = task,
                                           .committed = &part->committed,
                                           .count = 1,
                                           .seed = process->seed};
    return weir_recover(&options, done, error);
}

/* Nothing that recovery needs is missing, so it must come out, and from the newest snapshot that is whole. */
static void judge_recovery(struct process *process, int32_t task, int result,
                           const struct weir_recovered *done, bool broken, const struct weir_error *error) {
    struct story *story = process->story;
    const struct part *part = &process->parts[task];
    if (!sim_consumer_owns(process->consumer, task)) return; /* the others may have gone on and trimmed */
    if (result) {
        story_fail(story, "task %d cannot be recovered by process %d: %s", (int)task, process->index,
                   error->text);
        return;
    }
    const struct ledger *ledger = &story->ledgers[task];
    struct weir_manifest newest = oracle_manifest(story, task, done->progress.unit, 0);
    if (newest.unit && newest.unit == ledger->damaged && !machine_holds(process, task, &newest))
        newest = oracle_manifest(story, task, done->progress.unit, 1);
    uint64_t number, chain;
    int64_t from;
    weir_unit_parse_metadata(part->committed.metadata, &number, &chain, &from);
    if (!broken && number <= ledger->count && done->snapshot_unit != newest.unit)
        story_fail(story, "task %d: the snapshot of unit %llu should have been used, not that of unit %llu",
                   (int)task, (unsigned long long)newest.unit, (unsigned long long)done->snapshot_unit);
    story->lived_through[STORY_RECOVERED]++;
    story->lived_through[STORY_REPLAYED] += done->units;
    if (done->snapshot_unit) story->lived_through[STORY_FROM_SNAPSHOT]++;
    machine_note_source(process, task, &newest);
    if (ledger->damaged && oracle_manifest(story, task, done->progress.unit, 0).unit == ledger->damaged)
        story->lived_through[STORY_PASSED_OVER]++;
}

/* For want of memory: until it is given back, or the process is started again. */
static void stop_part(struct process *process, int32_t task) {
    note(process, "stops for want of memory", task, 0);
    process->story->lived_through[STORY_NO_MEMORY_STOP]++;
    process->parts[task].state = PART_STOPPED;
}

static void recover(struct process *process, int32_t task) {
    struct story *story = process->story;
    struct part *part = &process->parts[task];
    struct weir_recovered done;
    struct weir_error error = {0};
    if (now(process) < part->retry_ms) return;
    part->retry_ms = now(process) + 1000;
    if (!part->read) {
        part->committed.partition = task;
        if (weir_kafka_committed(process->consumer, &part->committed, 1, 2000, &error)) return;
        part->read = true;
    }
    oracle_look(story);
    if (!story->healed && story_chance(story, 15) && probe_recovery(process, task)) return;
    uint64_t broken =
        sim_struck(story->cluster, SIM_READER_IO) + sim_struck(story->cluster, SIM_READER_SHORT);
    int result = process_recover(process, task, story->plan, process->engine_id, &done, &error);
    note(process, result ? error.text : "recovered at unit", task,
         result ? result : (int64_t)done.progress.unit);
    if (result == WEIR_AGAIN || result == WEIR_IO) {
        part->retry_ms = now(process) + 1000;
        return;
    }
    if (machine_excuses(process, result)) return stop_part(process, task);
    broken =
        sim_struck(story->cluster, SIM_READER_IO) + sim_struck(story->cluster, SIM_READER_SHORT) - broken;
    judge_recovery(process, task, result, &done, broken > 0 || sim_memory_has_failed(), &error);
    if (result) return;
    int64_t next = part->committed.next < 0 ? 0 : part->committed.next;
    result = weir_exact_adopt(process->lane, task, done.task, &done.progress);
    if (!result) result = weir_exact_set_position(process->lane, task, task, next);
    if (machine_excuses(process, result)) return stop_part(process, task);
    if (!result) result = sim_consumer_seek(process->consumer, task, next, &error);
    if (result && sim_consumer_owns(process->consumer, task))
        story_fail(story, "task %d cannot go on at %lld: %s", (int)task, (long long)next, error.text);
    part->state = PART_RUNNING;
}

/* ---- work ---- */

static void deliver(struct process *process, int32_t task) {
    struct story *story = process->story;
    struct weir_record records[BATCH_MAX];
    struct weir_error error;
    if (weir_exact_is_full(process->lane)) return;
    int64_t from = sim_consumer_position(process->consumer, task);
    int64_t start = sim_log_start(story->cluster, STORY_INPUT, task);
    if (!story->healed && story_chance(story, 20)) from -= story_below(story, 12); /* R6: once more */
    sim_consumer_seek(process->consumer, task, from < start ? start : from, &error);
    uint32_t max = 1 + story_below(story, story_chance(story, 50) ? 4 : BATCH_MAX);
    int count = sim_consumer_read(process->consumer, task, records, max, &error);
    if (count < 0 && sim_consumer_owns(process->consumer, task))
        story_fail(story, "task %d cannot read its input: %s", (int)task, error.text);
    if (count <= 0) return;
    note(process, "processes up to", task, records[count - 1].offset);
    int result = weir_exact_process(process->lane, records, (uint32_t)count);
    if (result) return fail(process, result, "weir_exact_process");
    if (story_chance(story, process->copy_count ? 50 : story->copy_percent))
        weir_exact_want_copy(process->lane, story->single ? 0 : task);
}

/* In two steps: it may die between them. */
static void write_copy(struct process *process, struct story_copy *taken) {
    struct weir_copy *copy = &taken->copy;
    struct weir_error error = {0}, disk;
    int result = WEIR_OK;
    if (!taken->writer) {
        result =
            weir_generation_open(&process->place, copy->task, copy->manifest.unit, &taken->writer, &error);
        if (!result && taken->pages.len) result = weir_generation_write(taken->writer, &taken->pages, &error);
        if (!result) return;
        weir_generation_abandon(taken->writer);
    } else {
        result = weir_generation_finish(taken->writer, &taken->tail, &copy->manifest, &disk, &error);
    }
    taken->writer = NULL;
    taken->written = true;
    taken->good = result == WEIR_OK;
    note(process, result ? "could not write the copy of unit" : "wrote the copy of unit", copy->task,
         (int64_t)copy->manifest.unit);
}

/* One step of one copy: pages, writing, telling the lane; the task may be given back between any two. */
static void save(struct process *process) {
    if (!process->copy_count) return;
    uint32_t i = story_below(process->story, process->copy_count);
    struct story_copy *taken = &process->copies[i];
    bool ends = false;
    if (!taken->tail.len) {
        ends = take_pages(process, taken) && !taken->tail.len; /* its task is gone */
    } else if (!taken->written) {
        write_copy(process, taken);
    } else {
        ends = true;
    }
    if (!ends) return;
    weir_exact_publish(process->lane, &taken->copy, taken->good);
    forget_copy(process, i);
}

static void skip(struct process *process, int32_t task) {
    struct story *story = process->story;
    int64_t offset = weir_exact_position(process->lane, task) + story_below(story, 8);
    if (!story->skips || offset < 0 || weir_exact_skip(process->lane, task, offset)) return;
    story->lived_through[STORY_SKIP]++;
    note(process, "will skip", task, offset);
}

static void act_on_part(struct process *process, int32_t task) {
    struct story *story = process->story;
    struct part *part = &process->parts[task];
    if (part->state == PART_WAITING)
        recover(process, task);
    else if (part->state == PART_RUNNING)
        deliver(process, task);
    else if (part->state == PART_STOPPED && (story->healed || story_chance(story, 5)))
        process_end(process, 0); /* an operator starts it again */
}

void process_act(struct process *process) {
    struct story *story = process->story;
    if (story->single && single_act(process)) return;
    int32_t task = (int32_t)story_below(story, (uint32_t)story->partition_count);
    switch (story_below(story, 16)) {
        case 0:
        case 1:
        case 2:
        case 3:
            act_on_part(process, task);
            break;
        case 4:
        case 5:
            turn_or_fail(process);
            break;
        case 6:
            hear_news(process);
            break;
        case 7:
            if (story_chance(story, 40)) weir_exact_want_copy(process->lane, task);
            break;
        case 8:
            if (story_chance(story, story->save_percent)) save(process);
            break;
        case 9:
            if (story_chance(story, 10)) skip(process, task);
            if (story_chance(story, 30)) trim(process, task);
            break;
        default:
            process_step_committer(process);
            break;
    }
}

void process_work(struct process *process) {
    if (process->story->single && single_act(process)) return;
    hear_news(process);
    if (!process->alive) return; /* its committer came to an end while it gave something back */
    for (int32_t p = 0; p < process->story->partition_count && process->alive; p++) act_on_part(process, p);
    if (!process->alive) return;
    save(process);
    turn_or_fail(process);
    for (int i = 0; i < 8 && process->alive; i++) process_step_committer(process);
}
