/* SPDX-License-Identifier: Apache-2.0 */
/* story.c: what happens when: faults, crashes, zombies, rebalances, retention; then a time without faults in
 * which everything must come to its end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/inside.h"
#include "sim/story.h"
#include "support/pipeline.h"

#define STEPS_MAX 6000

const char *const story_event_names[STORY_EVENT_COUNT] = {
    [STORY_CRASH] = "crashes",
    [STORY_EXIT] = "committers that gave up",
    [STORY_ZOMBIE] = "zombies",
    [STORY_REBALANCE] = "rebalances",
    [STORY_RECOVERED] = "recoveries",
    [STORY_REPLAYED] = "units replayed",
    [STORY_FROM_SNAPSHOT] = "recoveries from a snapshot",
    [STORY_PASSED_OVER] = "damaged snapshots passed over",
    [STORY_GONE] = "units gone",
    [STORY_TAMPERED] = "tampered inputs found",
    [STORY_TAMPERED_JOURNAL] = "tampered journals found",
    [STORY_OTHER_ENGINE] = "recoveries by another engine",
    [STORY_TRIMMED] = "trims",
    [STORY_SKIP] = "skips",
    [STORY_SLOT_SHARED] = "slots shared",
    [STORY_SINGLE] = "stories of one task",
    [STORY_TOOK_OVER] = "leads taken over",
    [STORY_FENCED_LEADER] = "leaders that were fenced",
    [STORY_FENCED_ZOMBIE] = "zombie leaders that were fenced",
    [STORY_OVERTAKEN] = "leaders that found another's unit",
    [STORY_BEGAN_ANEW] = "standbys that began anew",
    [STORY_LOOKED_TOO_EARLY] = "standbys that looked too early",
    [STORY_FOLLOWED] = "units followed",
    [STORY_FROM_DISK] = "recoveries from a disk",
    [STORY_DISK_DAMAGED] = "damaged files passed over",
    [STORY_DISK_STALE] = "files of other owners passed over",
    [STORY_DISK_SAVES] = "snapshots damaged in the topic but not on the disk",
    [STORY_NO_MEMORY] = "allocations that failed",
    [STORY_NO_MEMORY_EXIT] = "processes ended by them",
    [STORY_NO_MEMORY_STOP] = "tasks stopped by them",
    [STORY_UNITS] = "units",
    [STORY_ALERTS] = "alerts"};

/* ---- chance, words ---- */

uint32_t story_below(struct story *story, uint32_t limit) { /* splitmix64 */
    uint64_t x = story->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(((x ^ x >> 31) >> 32) * limit >> 32);
}

bool story_chance(struct story *story, uint32_t percent) { return story_below(story, 100) < percent; }

void story_fail(struct story *story, const char *format, ...) {
    va_list arguments;
    if (story->failure[0]) return; /* the first one counts */
    va_start(arguments, format);
    vsnprintf(story->failure, sizeof story->failure, format, arguments);
    va_end(arguments);
    if (story->verbose) story_note(story, "FAILED: %s", story->failure);
}

void story_note(struct story *story, const char *format, ...) {
    va_list arguments;
    printf("%10lld  -- ", (long long)sim_now(story->cluster));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* ---- life ---- */

static struct test_pipeline pipeline, other;

struct story *story_create(void) {
    test_pipeline_open(&pipeline, story_pipeline("0.1"));
    test_pipeline_open(&other, story_pipeline("0.2"));
    if (!pipeline.plan || !other.plan) return NULL;
    struct story *story = calloc(1, sizeof *story);
    if (!story) abort();
    story->plan = pipeline.plan;
    story->other_plan = other.plan;
    story->cluster = sim_cluster_create(&(struct sim_cluster_options){.seed = 1});
    return story;
}

void story_destroy(struct story *story) {
    if (!story) return;
    oracle_deinit(story);
    sim_cluster_destroy(story->cluster);
    free(story);
    test_pipeline_close(&pipeline);
    test_pipeline_close(&other);
}

/* A third of the seeds has no faults of the cluster's, so that what is wrong shows by itself. */
static struct sim_faults draw_faults(struct story *story) {
    struct sim_faults faults = sim_no_faults;
    if (story_chance(story, 33)) return faults;
    faults = sim_storm;
    faults.chance[SIM_READER_IO] = faults.chance[SIM_READER_SHORT] = 100;
    for (int i = 0; i < SIM_FAULT_COUNT; i++)
        faults.chance[i] = story_chance(story, 50) ? faults.chance[i] * story_below(story, 4) : 0;
    faults.marker_ms = story_chance(story, 30) ? 0 : story_chance(story, 50) ? 50 : 1500;
    return faults;
}

/* A fifth of the stories. What the others draw does not depend on it. */
static void draw_single(struct story *story) {
    story->single = story->seed % 5 == 3;
    story->led_by = -1;
    if (!story->single) return;
    story->lived_through[STORY_SINGLE]++;
    story->partition_count = 2 + (int32_t)story_below(story, STORY_PARTITION_MAX - 1);
    story->process_count = 2 + (int)story_below(story, STORY_PROCESS_MAX - 1);
    story->to_produce /= 2; /* each record is processed by all of them */
}

static void begin(struct story *story, uint64_t seed, bool verbose) {
    story->seed = seed;
    story->random = seed * 0x9e3779b97f4a7c15u + 12345;
    story->verbose = verbose;
    story->failure[0] = 0;
    story->healed = story->unsettled = story->upstream_open = false;
    story->ghost_count = 0;
    struct sim_faults faults = draw_faults(story);
    sim_cluster_reset(story->cluster,
                      &(struct sim_cluster_options){.seed = seed, .faults = faults, .verbose = verbose});
    story->partition_count = 1 + (int32_t)story_below(story, STORY_PARTITION_MAX);
    story->process_count = 1 + (int)story_below(story, STORY_PROCESS_MAX);
    story->to_produce = 60 + story_below(story, 241);
    draw_single(story);
    story->chaos = story_below(story, 4) * 33;
    story->upstream = story_chance(story, 25);
    story->retention = story_chance(story, 60);
    story->damages = story_chance(story, 40);
    story->jumps = story_chance(story, 20);
    story->copy_percent = story_chance(story, 30) ? 60 : 5;
    story->save_percent = story_chance(story, 60) ? 100 : 20;
    story->skips = story_chance(story, 30);
    sim_topic_create(story->cluster, STORY_INPUT, story->partition_count);
    sim_topic_create(story->cluster, STORY_JOURNAL, story->partition_count);
    sim_topic_create(story->cluster, STORY_SNAPSHOTS, story->partition_count);
    sim_topic_create(story->cluster, "p", 1);
    sim_topic_create(story->cluster, "a", 1);
    sim_topic_create(story->cluster, "d", 1);
    machine_begin(story);
    oracle_reset(story);
    memset(story->targets, 0, sizeof story->targets);
    bool shared = story->process_count > 1 && !story->single && story_chance(story, 8);
    story->lived_through[STORY_SLOT_SHARED] += shared;
    for (int i = 0; i < STORY_PROCESS_MAX; i++) {
        struct process *process = &story->processes[i];
        memset(process, 0, sizeof *process);
        process->story = story;
        process->index = i;
        snprintf(process->id, sizeof process->id, "slot-%d", shared || story->single ? 0 : i);
        if (i < story->process_count) process_start(process);
    }
    story->unsettled = true;
}

/* ---- the group ---- */

static void forget_target(struct story *story, const struct weir_kafka_source *consumer) {
    for (int32_t p = 0; p < story->partition_count; p++)
        if (story->targets[p] == consumer) story->targets[p] = NULL;
}

/* Sessions of the dead end. */
static void bury(struct story *story, bool all) {
    for (uint32_t i = 0; i < story->ghost_count;) {
        struct ghost *ghost = &story->ghosts[i];
        if (!all && sim_now(story->cluster) < ghost->until_ms) {
            i++;
            continue;
        }
        forget_target(story, ghost->consumer);
        sim_consumer_close(ghost->consumer);
        *ghost = story->ghosts[--story->ghost_count];
        story->unsettled = true;
    }
}

/* Draws new owners when `anew`; else gives partitions without one to somebody. */
static void draw_targets(struct story *story, bool anew) {
    for (int32_t p = 0; p < story->partition_count; p++) {
        struct weir_kafka_source *target = story->targets[p];
        bool kept = false;
        for (int i = 0; i < story->process_count; i++)
            kept = kept || (story->processes[i].alive && story->processes[i].consumer == target);
        for (uint32_t i = 0; i < story->ghost_count; i++) kept = kept || story->ghosts[i].consumer == target;
        if (kept && target && !anew) continue;
        struct process *process = &story->processes[story_below(story, (uint32_t)story->process_count)];
        story->targets[p] = process->alive ? process->consumer : NULL;
        story->unsettled = true;
    }
}

static void rebalance(struct story *story, bool anew) {
    if (story->single) return; /* nobody is a member */
    story->lived_through[STORY_REBALANCE]++;
    draw_targets(story, anew);
    story->unsettled = !sim_cluster_rebalance(story->cluster, story->targets, story->partition_count);
    for (int32_t p = 0; p < story->partition_count; p++)
        if (!story->targets[p]) story->unsettled = true;
}

/* ---- calamities ---- */

static void freeze(struct story *story, struct process *process) {
    process->frozen_until = sim_now(story->cluster) + 500 + story_below(story, 20000);
    story->lived_through[STORY_ZOMBIE]++;
    if (story->verbose)
        story_note(story, "process %d: stops for %lld ms", process->index,
                   (long long)(process->frozen_until - sim_now(story->cluster)));
}

static void throw_out(struct story *story, struct process *process) {
    if (process->thrown || story->single) return;
    process->thrown = true;
    sim_consumer_throw_out(process->consumer);
    story->unsettled = true;
}

/* Something happens to a process that is neither its fault nor its doing. */
static void strike(struct story *story, struct process *process) {
    switch (story_below(story, 6)) {
        case 0:
        case 1:
            process_end(process, story_below(story, 3000));
            story->lived_through[STORY_CRASH]++;
            break;
        case 2:
            freeze(story, process);
            if (story_chance(story, 60)) throw_out(story, process);
            break;
        case 3:
            throw_out(story, process);
            break;
        case 4:
            forget_target(story, process->consumer);
            process_stop(process, story_below(story, 2000));
            story->unsettled = true;
            break;
        default:
            if (story->jumps) process->jump_ms = ((int64_t)story_below(story, 3) - 1) * 86400000;
            break;
    }
}

/* R9: what only generations older than the last two need may go at any time; snapshots go as the engine says
 * (process.c). */
static void trim(struct story *story, int32_t task) {
    const struct ledger *ledger = &story->ledgers[task];
    struct weir_manifest older = oracle_manifest(story, task, ledger->offset_unit, 1);
    if (!older.unit || ledger->offset_unit > ledger->count || ledger->offset_from < 0) return;
    if (ledger->offset_from > sim_log_start(story->cluster, STORY_JOURNAL, task))
        sim_trim(story->cluster, STORY_JOURNAL, task, ledger->offset_from);
    for (int32_t p = 0; p < story->partition_count; p++) {
        int64_t next = ledger->next[older.unit - 1][p];
        if ((p == task || story->single) && next > sim_log_start(story->cluster, STORY_INPUT, p))
            sim_trim(story->cluster, STORY_INPUT, p, next);
    }
    story->lived_through[STORY_TRIMMED]++;
}

/* One of the last two generations at most is damaged at a time. */
static void damage(struct story *story, int32_t task) {
    struct ledger *ledger = &story->ledgers[task];
    struct weir_manifest newest = oracle_manifest(story, task, ledger->offset_unit, 0);
    struct weir_manifest older = oracle_manifest(story, task, ledger->offset_unit, 1);
    if (!older.unit || ledger->damaged >= older.unit) return;
    struct weir_manifest hit = story_chance(story, 70) ? newest : older;
    /* Its tail: pages it shares with the other one would take both. */
    if (!sim_damage(story->cluster, STORY_SNAPSHOTS, task, hit.tail, story_below(story, 200))) return;
    ledger->damaged = hit.unit;
    if (story->verbose)
        story_note(story, "damaged: snapshot %llu of task %d, offset %lld", (unsigned long long)hit.unit,
                   (int)task, (long long)hit.tail);
}

static void happen(struct story *story) {
    int32_t task = (int32_t)story_below(story, (uint32_t)story_tasks(story));
    struct process *process = &story->processes[story_below(story, (uint32_t)story->process_count)];
    if (story->unsettled && story_chance(story, 5)) rebalance(story, false);
    if (story->retention && story_chance(story, 1)) trim(story, task);
    if (story->damages && story_chance(story, 1)) damage(story, task);
    machine_wear(story);
    if (!story->chaos || story_below(story, 15000) >= story->chaos) return;
    if (story_chance(story, 40))
        rebalance(story, true);
    else if (process->alive && sim_now(story->cluster) >= process->frozen_until)
        strike(story, process);
}

/* ---- the story ---- */

static void let_time_pass(struct story *story) {
    uint32_t draw = story_below(story, 1000);
    sim_advance(story->cluster, draw < 900   ? story_below(story, 10)
                                : draw < 998 ? story_below(story, 150)
                                             : story_below(story, story->single ? 1200 : 6000));
}

static void step(struct story *story) {
    let_time_pass(story);
    bury(story, false);
    if (story->to_produce && story_chance(story, 12)) story_produce(story);
    happen(story);
    struct process *process = &story->processes[story_below(story, (uint32_t)story->process_count)];
    if (!process->alive) {
        if (sim_now(story->cluster) < process->restart_ms) return;
        machine_arm(process);
        process_start(process);
        machine_disarm(process);
        story->unsettled = true;
    } else if (sim_now(story->cluster) >= process->frozen_until) {
        /* A lease is short: who holds it may do more than one thing before he is interrupted. */
        uint32_t acts = story->single ? 1 + story_below(story, 6) : 1;
        machine_arm(process);
        while (acts-- && process->alive) process_act(process);
        machine_disarm(process);
    }
}

static bool at_end(struct story *story, struct process *process) {
    if (story->unsettled || !process->alive || !weir_exact_all_at_rest(process->lane)) return false;
    for (int32_t p = 0; p < story->partition_count; p++)
        if (process->parts[p].state != PART_RUNNING || !oracle_at_end(story, p)) return false;
    return !process->copy_count;
}

/* Oracle 5, for a group: one process is left. */
static void heal_group(struct story *story) {
    struct process *last = &story->processes[0];
    for (int i = 1; i < story->process_count; i++)
        if (story->processes[i].alive) process_end(&story->processes[i], 0);
    story->process_count = 1;
    last->frozen_until = 0;
    bury(story, true);
    int64_t deadline_ms = sim_now(story->cluster) + STORY_HEALED_BOUND_MS;
    while (!story->failure[0] && !at_end(story, last)) {
        sim_advance(story->cluster, 10);
        if (!last->alive && sim_now(story->cluster) >= last->restart_ms) process_start(last);
        bury(story, true);
        if (last->alive) process_work(last);
        rebalance(story, true);
        oracle_look(story);
        if (sim_now(story->cluster) > deadline_ms)
            story_fail(story, "without faults not everything is processed within %d s",
                       STORY_HEALED_BOUND_MS / 1000);
    }
}

/* Oracle 5: nothing fails any more, and all that is in the input must be done in time. */
static void heal(struct story *story) {
    while (story->to_produce) story_produce(story);
    if (story->upstream_open) sim_upstream_end(story->cluster, 1, true);
    story->upstream_open = false;
    sim_heal(story->cluster);
    machine_heal(story);
    story->healed = true;
    if (story->verbose) story_note(story, "healed");
    if (story->single)
        single_heal(story);
    else
        heal_group(story);
    sim_advance(story->cluster, 30000); /* transactions of the dead time out: readers see past them */
    oracle_look(story);
}

static void clean_up(struct story *story) {
    for (int i = 0; i < STORY_PROCESS_MAX; i++)
        if (story->processes[i].alive) process_end(&story->processes[i], 0);
    bury(story, true);
}

bool story_run(struct story *story, uint64_t seed, bool verbose) {
    weir_log_set_level(verbose ? WEIR_LOG_INFO : WEIR_LOG_ERROR);
    begin(story, seed, verbose);
    uint32_t extra = 200 + story_below(story, 600);
    for (uint32_t i = 0; i < STEPS_MAX && !story->failure[0] && extra; i++) {
        step(story);
        oracle_look(story);
        if (!story->to_produce) extra--;
    }
    if (!story->failure[0]) heal(story);
    if (!story->failure[0]) oracle_collect(story);
    for (int32_t task = 0; task < story_tasks(story) && !story->failure[0]; task++) {
        struct process *last = story->single ? single_leader(story) : &story->processes[0];
        oracle_compare(story, task, weir_exact_task(last->lane, task));
    }
    for (int i = 0; i < SIM_FAULT_COUNT; i++)
        story->struck[i] += sim_struck(story->cluster, (enum sim_fault)i);
    clean_up(story);
    return !story->failure[0];
}
