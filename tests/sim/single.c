/* SPDX-License-Identifier: Apache-2.0 */
/* single.c: a process of a story of `tasks: single` (R1): it looks where the group stands, follows the
 * journal, takes the lead when nothing was committed for a lease, and leads until another takes it. What
 * engine/runtime/standby.c, exact_host.c and workers.c do with threads, one step at a time; what they decide
 * is engine/runtime/lead.c here and there. Anything may happen to a process between two steps.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/story.h"

#define LOOK_PATIENCE_MS 2000
#define OPEN_PATIENCE_MS 30000
#define RETRY_MS 1000
#define STEP_MS 100
#define SETTLED_MS 4000 /* without faults somebody leads by then, and nobody takes it from him any more */
#define QUIET_MS 1000   /* whoever raced for the lead with the one who has it has lost by then */
#define PEACE_MS 3500

static int64_t now(const struct process *process) { return sim_now(process->story->cluster); }

static void note(const struct process *process, const char *what, int64_t value) {
    if (process->story->verbose)
        story_note(process->story, "process %d: %s (%lld)", process->index, what, (long long)value);
}

static void enter(struct process *process, enum stage stage, int64_t in_ms) {
    process->stage = stage;
    process->stage_ms = now(process) + in_ms;
}

void single_start(struct process *process) {
    process->consumer = sim_consumer_open_alone(process->story->cluster, process->index);
    process->led_away = process->contested = false;
    enter(process, STAGE_LOOK, 0);
    note(process, "starts", 0);
}

static void stop_following(struct process *process) {
    weir_follower_close(process->follower);
    process->follower = NULL;
}

static void stand_down(struct process *process, const char *why) {
    note(process, why, process->stage);
    process_close_lane(process);
    stop_following(process);
    process->led_away = false;
    enter(process, STAGE_LOOK, 0);
}

void single_led_away(struct process *process) {
    uint64_t *lived = process->story->lived_through;
    lived[STORY_FENCED_LEADER]++;
    if (process->frozen_until > process->until_ms) lived[STORY_FENCED_ZOMBIE]++;
    process->led_away = true;
    process->busy = false;
}

/* For want of memory the process ends, and the supervisor starts it again. */
static bool ends(struct process *process, int result) {
    if (!machine_excuses(process, result)) return false;
    process->story->lived_through[STORY_NO_MEMORY_EXIT]++;
    process_end(process, 500);
    return true;
}

/* ---- standing by ---- */

static void open_producer(struct process *process) {
    process_open_lane(process);
    if (!process->alive) return;
    process->contested = true;
    process->until_ms = now(process) + OPEN_PATIENCE_MS;
    enter(process, STAGE_OPEN, 0);
    note(process, "wants the lead", 0);
}

/* Where each partition stands. False: no answer. */
static bool ask(struct process *process, struct weir_kafka_offset *offsets) {
    struct weir_kafka_offset *all = NULL;
    struct weir_error error;
    uint32_t count;
    int result = weir_kafka_committed_all(process->consumer, &all, &count, LOOK_PATIENCE_MS, &error);
    if (!result) memcpy(offsets, all, count * sizeof *all);
    free(all);
    return !result;
}

/* Between the look and what it reads much may happen: states are large. */
static void look(struct process *process) {
    struct story *story = process->story;
    bool slow = !story->healed && story_chance(story, 15);
    if (ask(process, process->looked))
        enter(process, STAGE_RECOVER, slow ? story_below(story, 10000) : 0);
    else
        enter(process, STAGE_LOOK, RETRY_MS);
}

static bool was_trimmed_since(const struct process *process) {
    uint64_t unit, chain;
    int64_t from;
    return weir_unit_parse_metadata(process->looked[0].metadata, &unit, &chain, &from) && unit &&
           (from < 0 ? 0 : from) < sim_log_start(process->story->cluster, STORY_JOURNAL, 0);
}

static void recover(struct process *process) {
    struct story *story = process->story;
    struct weir_error error = {0};
    struct weir_recover_options options = {.plan = story->plan,
                                           .engine_id = process->engine_id,
                                           .place = process->place,
                                           .topic = STORY_INPUT,
                                           .journal = STORY_JOURNAL,
                                           .committed = process->looked,
                                           .count = (uint32_t)story->partition_count,
                                           .seed = process->seed};
    bool led;
    int result =
        weir_lead_stand_by(&options, process->consumer, LOOK_PATIENCE_MS, &process->follower, &led, &error);
    enter(process, STAGE_LOOK, RETRY_MS);
    if (result == WEIR_AGAIN && was_trimmed_since(process)) story->lived_through[STORY_LOOKED_TOO_EARLY]++;
    if (result == WEIR_AGAIN || result == WEIR_IO || ends(process, result)) return;
    if (result) {
        story_fail(story, "process %d cannot stand by: %s", process->index, error.text);
        return;
    }
    story->lived_through[STORY_RECOVERED]++;
    note(process, "follows from unit", (int64_t)weir_follower_unit(process->follower));
    weir_lease_begin(&process->lease, now(process), story_below(story, 65536));
    if (led || process->contested)
        enter(process, STAGE_FOLLOW, 0);
    else
        open_producer(process);
}

static void follow(struct process *process) {
    struct story *story = process->story;
    struct weir_error error = {0};
    int units = weir_follower_step(process->follower, STEP_MS, &error);
    if (units == WEIR_END) {
        story->lived_through[STORY_BEGAN_ANEW]++;
        stand_down(process, error.text);
        return;
    }
    if (ends(process, units)) return;
    if (units < 0 && units != WEIR_AGAIN) {
        story_fail(story, "process %d, behind unit %llu, cannot follow any more: %s", process->index,
                   (unsigned long long)weir_follower_unit(process->follower), error.text);
        return;
    }
    if (units > 0) {
        note(process, "has followed to unit", (int64_t)weir_follower_unit(process->follower));
        story->lived_through[STORY_FOLLOWED] += (uint64_t)units;
    } else {
        enter(process, STAGE_FOLLOW, STEP_MS);
    }
    if (weir_lease_is_over(&process->lease, now(process), units, weir_follower_is_warm(process->follower)))
        open_producer(process);
}

/* ---- taking the lead ---- */

static void open_on(struct process *process) {
    process_step_committer(process);
    if (process->led_away || now(process) > process->until_ms)
        stand_down(process, "does not get the lead");
    else if (!process->busy)
        enter(process, STAGE_TAKE, 0);
}

static void take(struct process *process) {
    struct story *story = process->story;
    struct weir_error error = {0};
    int64_t wall_ms = STORY_EPOCH_MS + now(process) + process->jump_ms;
    int result = weir_lead_take(process->lane, process->consumer, process->follower, now(process), wall_ms,
                                LOOK_PATIENCE_MS, &error);
    if (result == WEIR_AGAIN || result == WEIR_IO) {
        stand_down(process, error.text);
        return;
    }
    if (ends(process, result)) return;
    if (result) {
        story_fail(story, "process %d cannot lead: %s", process->index, error.text);
        return;
    }
    note(process, "leads from unit", (int64_t)weir_follower_unit(process->follower));
    stop_following(process);
    if (story->led_by >= 0 && story->led_by != process->index) story->lived_through[STORY_TOOK_OVER]++;
    story->led_by = process->index;
    enter(process, STAGE_ASSIGN, 0);
}

static void assign(struct process *process) {
    struct story *story = process->story;
    struct weir_error error = {0};
    struct weir_kafka_offset offsets[STORY_PARTITION_MAX];
    if (!ask(process, offsets)) return;
    for (int32_t p = 0; p < story->partition_count; p++) {
        int64_t next = offsets[p].next < 0 ? 0 : offsets[p].next;
        int result = weir_exact_set_position(process->lane, 0, p, next);
        if (ends(process, result)) return;
        if (!result) result = sim_consumer_seek(process->consumer, p, next, &error);
        if (result)
            story_fail(story, "process %d cannot read partition %d from %lld on: %s", process->index, (int)p,
                       (long long)next, error.text);
        process->parts[p].state = PART_RUNNING;
    }
    process->until_ms = now(process);
    enter(process, STAGE_LEAD, 0);
}

bool single_act(struct process *process) {
    if (now(process) < process->stage_ms) return true;
    switch (process->stage) {
        case STAGE_LOOK:
            look(process);
            return true;
        case STAGE_RECOVER:
            recover(process);
            return true;
        case STAGE_FOLLOW:
            follow(process);
            return true;
        case STAGE_OPEN:
            open_on(process);
            return true;
        case STAGE_TAKE:
            take(process);
            return true;
        case STAGE_ASSIGN:
            assign(process);
            return true;
        case STAGE_LEAD:
            break;
    }
    if (process->led_away) stand_down(process, "does not lead any more");
    return process->stage != STAGE_LEAD;
}

/* ---- the end ---- */

struct process *single_leader(struct story *story) {
    struct process *leader = NULL;
    for (int i = 0; i < story->process_count; i++) {
        struct process *process = &story->processes[i];
        bool leads = process->alive && process->stage == STAGE_LEAD && !process->led_away &&
                     sim_now(story->cluster) >= process->frozen_until;
        if (leads && leader) return NULL; /* one of them will be fenced */
        if (leads) leader = process;
    }
    return leader;
}

static bool is_done(struct story *story) {
    struct process *leader = single_leader(story);
    if (!leader || leader->copy_count || !weir_exact_all_at_rest(leader->lane)) return false;
    for (int32_t p = 0; p < story->partition_count; p++)
        if (!oracle_at_end(story, p)) return false;
    return true;
}

static void everybody_works(struct story *story) {
    sim_advance(story->cluster, 25);
    for (int i = 0; i < story->process_count && !story->failure[0]; i++) {
        struct process *process = &story->processes[i];
        if (!process->alive && sim_now(story->cluster) >= process->restart_ms) process_start(process);
        if (process->alive && sim_now(story->cluster) >= process->frozen_until) process_work(process);
    }
    oracle_look(story);
}

/* A standby that goes on to where the group stands has come to the same state as the leader. */
static void compare_standby(struct story *story, struct process *process, struct weir_task *live) {
    struct weir_kafka_offset *offsets = NULL;
    struct weir_recovered done = {0};
    struct weir_error error = {0};
    uint64_t wanted = 0, digest = 1;
    uint32_t count;
    int result = weir_kafka_committed_all(process->consumer, &offsets, &count, LOOK_PATIENCE_MS, &error);
    if (!result) result = weir_follower_finish(process->follower, offsets, count, &done, &error);
    free(offsets);
    if (result)
        story_fail(story, "process %d does not come to where the group stands: %s", process->index,
                   error.text);
    else if (weir_task_digest(done.task, &digest) || weir_task_digest(live, &wanted) || wanted != digest)
        story_fail(story, "process %d stands by with a state that is not the leader's", process->index);
    weir_task_destroy(done.task);
    stop_following(process);
    enter(process, STAGE_LOOK, 0);
}

static int epoch(struct story *story) {
    int epoch;
    sim_txn_state(story->cluster, story->processes[0].id, &epoch);
    return epoch;
}

/* Half the time whoever leads stops for longer than the others take to replace him. (One whose producer is in
 * doubt is left alone: he would open it anew when he wakes, and take the lead by it.) */
static void stop_leader(struct story *story, int64_t until_ms) {
    struct process *leader = single_leader(story);
    if (leader && !leader->has_bundle && story_chance(story, 50)) leader->frozen_until = until_ms;
}

/* Nothing fails any more, and everybody lives or comes back. All input must be done in time; and then one
 * leader stays, undisturbed by whoever wakes. */
void single_heal(struct story *story) {
    int64_t began_ms = sim_now(story->cluster);
    for (int i = 0; i < story->process_count; i++) {
        struct process *process = &story->processes[i];
        process->frozen_until = 0;
        if (process->stage == STAGE_RECOVER) process->stage_ms = began_ms; /* what it looked at is old */
    }
    stop_leader(story, began_ms + SETTLED_MS + STEP_MS);
    int leader = epoch(story);
    int64_t quiet_ms = began_ms + SETTLED_MS;
    while (!story->failure[0] && (!is_done(story) || sim_now(story->cluster) < quiet_ms)) {
        everybody_works(story);
        int64_t now_ms = sim_now(story->cluster);
        if (epoch(story) != leader && quiet_ms < now_ms + QUIET_MS) quiet_ms = now_ms + QUIET_MS;
        leader = epoch(story);
        if (sim_now(story->cluster) > began_ms + STORY_HEALED_BOUND_MS)
            story_fail(story, "without faults not everything is processed within %d s",
                       STORY_HEALED_BOUND_MS / 1000);
    }
    int64_t settled_ms = sim_now(story->cluster);
    while (!story->failure[0] && (!is_done(story) || sim_now(story->cluster) < settled_ms + PEACE_MS)) {
        everybody_works(story);
        if (epoch(story) != leader || sim_now(story->cluster) > settled_ms + 2 * PEACE_MS)
            story_fail(story, "the leader lives and nothing is in its way, but it does not stay (R1)");
    }
    for (int i = 0; i < story->process_count && !story->failure[0]; i++) {
        struct process *process = &story->processes[i];
        if (process->alive && process->stage == STAGE_FOLLOW)
            compare_standby(story, process, weir_exact_task(single_leader(story)->lane, 0));
    }
}
