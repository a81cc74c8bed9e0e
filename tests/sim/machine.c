/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c: the machines that processes run on: a disk that outlives them and that several may share (R9),
 * and memory that runs out. Neither may ever matter to the output. */
#include <stdio.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/story.h"

#define PIPELINE "sim"

static const char *const dirs[STORY_PROCESS_MAX] = {"disk-0", "disk-1", "disk-2"};

void machine_begin(struct story *story) {
    bool disks = story_chance(story, 75), faults = story_chance(story, 60), failing = story_chance(story, 25);
    story->machine_count = disks ? 1 + (int)story_below(story, (uint32_t)story->process_count) : 0;
    story->disk_damages = story_chance(story, 60);
    story->failing = failing ? 1 + story_below(story, 4) : 0;
    story->failing_chance = 20u << story_below(story, 7);
    story->failed = 0;
    sim_disk_reset(faults ? 5 + story_below(story, 100) : 0);
}

struct weir_generation_place machine_place(const struct process *process) {
    const struct story *story = process->story;
    return (struct weir_generation_place){
        .client = sim_client(story->cluster, process->index),
        .topic = STORY_SNAPSHOTS,
        .journal = STORY_JOURNAL,
        .dir = story->machine_count ? dirs[process->index % story->machine_count] : NULL,
        .pipeline = PIPELINE};
}

/* ---- disks ---- */

static void damage_some(struct story *story, const char *dir, uint32_t most) {
    for (uint32_t i = story_below(story, most + 1); i > 0; i--) sim_disk_damage(dir);
}

void machine_wear(struct story *story) {
    if (!story->machine_count || !story->disk_damages || !story_chance(story, 3)) return;
    const char *dir = dirs[story_below(story, (uint32_t)story->machine_count)];
    if (story_chance(story, 30))
        damage_some(story, dir, 2);
    else
        sim_disk_stray(dir);
}

void machine_crash(struct process *process) {
    struct story *story = process->story;
    if (process->place.dir && story->disk_damages && story_chance(story, 40))
        damage_some(story, process->place.dir, 6);
}

void machine_heal(struct story *story) {
    sim_disk_heal();
    story->failing = 0;
    story->disk_damages = false;
}

/* The disk alone, read once more: files do not change by being read. */
static bool read_disk(const struct process *process, int32_t task, const struct weir_manifest *manifest,
                      struct weir_error *error) {
    struct weir_generation_place place = process->place;
    struct weir_task *state = NULL;
    place.topic = NULL;
    memset(error, 0, sizeof *error);
    if (!place.dir) return false;
    sim_memory_hold();
    int result = weir_generation_read(&place, task, manifest, process->story->plan, &state, error);
    if (!result) weir_task_destroy(state);
    sim_memory_release();
    return !result;
}

bool machine_holds(const struct process *process, int32_t task, const struct weir_manifest *manifest) {
    struct weir_error error;
    return read_disk(process, task, manifest, &error);
}

void machine_note_source(const struct process *process, int32_t task, const struct weir_manifest *manifest) {
    struct story *story = process->story;
    struct weir_error error;
    if (!manifest->unit || !process->place.dir) return;
    bool holds = read_disk(process, task, manifest, &error);
    enum sim_disk_file file = sim_disk_look(process->place.dir, task, manifest->unit);
    if (holds) {
        story->lived_through[STORY_FROM_DISK]++;
        if (manifest->unit == story->ledgers[task].damaged) story->lived_through[STORY_DISK_SAVES]++;
    } else if (file == SIM_FILE_DAMAGED) {
        story->lived_through[STORY_DISK_DAMAGED]++;
    } else if (file == SIM_FILE_WHOLE && strstr(error.text, "not the one that was published")) {
        story->lived_through[STORY_DISK_STALE]++;
    }
}

/* ---- memory ---- */

/* A recovery is rare and asks for much: it is as likely to be hit as all the rest. */
void machine_arm(struct process *process) {
    struct story *story = process->story;
    uint32_t chance = story->failing_chance;
    if (!story->failing) return;
    for (int32_t p = 0; p < story->partition_count; p++)
        if (process->parts[p].state == PART_WAITING) chance *= 4;
    if (story->single && process->stage != STAGE_FOLLOW && process->stage != STAGE_LEAD) chance *= 4;
    if (story_below(story, 10000) < chance) sim_memory_arm(story_below(story, 1u << story_below(story, 11)));
}

void machine_disarm(struct process *process) {
    struct story *story = process->story;
    if (!sim_memory_disarm()) return;
    story->failing--;
    story->failed++;
    story->lived_through[STORY_NO_MEMORY]++;
}

bool machine_excuses(const struct process *process, int result) {
    return result == WEIR_NOMEM && (process->story->failed || sim_memory_has_failed());
}
