/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/snapshots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "file/numbered.h"
#include "file/segments.h"
#include "file/snapshot.h"
#include "runtime/saves.h"

#define TRIED_MAX 64

struct kept {                  /* of one partition */
    struct weir_task *task;    /* whose snapshot is under way; NULL = none */
    int64_t position;          /* of that one */
    int64_t committed;         /* as far as is known */
    struct weir_manifest base; /* what the task's next snapshot stands on; unit 0 = nothing */
    int64_t saved;             /* position of the newest snapshot of the task; -1 = none */
};

struct weir_snapshots {
    struct weir_snapshots_options options;
    struct weir_generation_place place;
    struct weir_saves *saves;
    struct kept *kept; /* by partition */
    int32_t kept_count;
};

static struct kept *kept_of(struct weir_snapshots *snapshots, int32_t partition) {
    if (partition >= snapshots->kept_count) {
        struct kept *kept = realloc(snapshots->kept, ((size_t)partition + 1) * sizeof *kept);
        if (!kept) return NULL;
        for (int32_t i = snapshots->kept_count; i <= partition; i++)
            kept[i] = (struct kept){.committed = -1, .saved = -1};
        snapshots->kept = kept;
        snapshots->kept_count = partition + 1;
    }
    return &snapshots->kept[partition];
}

/* NULL: nothing is known of it. */
static struct kept *known(const struct weir_snapshots *snapshots, int32_t partition) {
    return snapshots && partition < snapshots->kept_count ? &snapshots->kept[partition] : NULL;
}

/* ---- between saves and tasks ---- */

/* The record of this very snapshot; NULL: it was dropped. */
static struct kept *kept_for(void *owner, const struct weir_copy *copy) {
    struct kept *kept = known(owner, copy->task);
    return kept && kept->task && kept->position == (int64_t)copy->manifest.unit ? kept : NULL;
}

static struct weir_task *copied_task(void *owner, const struct weir_copy *copy) {
    const struct kept *kept = kept_for(owner, copy);
    return kept ? kept->task : NULL;
}

static bool is_due(void *owner, const struct weir_copy *copy) {
    const struct kept *kept = kept_for(owner, copy);
    return kept && kept->committed >= kept->position;
}

static void on_saved(void *owner, const struct weir_copy *copy, bool good) {
    struct kept *kept = kept_for(owner, copy);
    if (!kept) return;
    weir_task_snapshot_end(kept->task, good);
    kept->task = NULL;
    if (!good) return;
    kept->base = copy->manifest;
    kept->saved = kept->position;
}

static void wake(void *owner) {
    struct weir_snapshots *snapshots = owner;
    snapshots->options.wake(snapshots->options.owner);
}

int weir_snapshots_open(const struct weir_snapshots_options *options, struct weir_snapshots **out,
                        struct weir_error *error) {
    const struct weir_pipeline *pipeline = options->plan->pipeline;
    *out = NULL;
    if (!pipeline->state.dir) {
        weir_log(WEIR_LOG_INFO,
                 "state lives in memory only: a restart forgets windows and model (set state.dir)");
        return WEIR_OK;
    }
    if (weir_snapshot_prepare(pipeline->state.dir, pipeline->name, error)) return WEIR_CONFIG;
    struct weir_snapshots *snapshots = calloc(1, sizeof *snapshots);
    if (!snapshots) return weir_error_set(error, WEIR_NOMEM, "no memory");
    snapshots->options = *options;
    snapshots->place = (struct weir_generation_place){.dir = pipeline->state.dir,
                                                      .pipeline = pipeline->name,
                                                      .input = pipeline->source.topic.text,
                                                      .keep = (int)pipeline->state.keep};
    const struct weir_saves_options saves = {&snapshots->place, options->loop, snapshots, wake,
                                             copied_task,       is_due,        on_saved};
    snapshots->saves = weir_saves_create(&saves);
    if (!snapshots->saves) {
        free(snapshots);
        return weir_error_set(error, WEIR_NOMEM, "no memory");
    }
    *out = snapshots;
    return WEIR_OK;
}

/* ---- bringing back ---- */

static const char *const endings[] = {WEIR_SEGMENT_ENDING, WEIR_SNAPSHOT_ENDING};

static void tell_what_starts_cold(int32_t partition, struct weir_carry *carry) {
    const char *line = carry->report.len ? weir_buffer_text(&carry->report) : "";
    for (size_t len; *line; line += len + 1) {
        len = strcspn(line, "\n");
        weir_log(WEIR_LOG_INFO, "partition %d: not carried over from another pipeline file: %.*s", partition,
                 (int)len, line);
    }
}

static int load_segments(const struct weir_snapshots *snapshots, int32_t partition, int64_t position,
                         struct weir_carry *carry, struct weir_manifest *manifest, struct weir_task **task,
                         struct weir_error *error) {
    const struct weir_plan *plan = snapshots->options.plan;
    int result = weir_generation_manifest(&snapshots->place, partition, (uint64_t)position, manifest, error);
    if (result) return result;
    bool same = manifest->engine_id == snapshots->options.engine_id;
    return weir_generation_carry(&snapshots->place, partition, manifest, plan, same ? NULL : carry, task,
                                 error);
}

/* As an older weir wrote it. */
static int load_whole(const struct weir_snapshots *snapshots, int32_t partition, int64_t position,
                      struct weir_carry *carry, struct weir_task **task, struct weir_error *error) {
    const struct weir_generation_place *place = &snapshots->place;
    const struct weir_plan *plan = snapshots->options.plan;
    struct weir_snapshot_head head;
    struct weir_buffer payload;
    weir_buffer_init(&payload);
    int result = weir_snapshot_read(place->dir, place->pipeline, partition, position, &head, &payload, error);
    if (!result && strcmp(head.topic, place->input) != 0)
        result = weir_error_set(error, WEIR_DATA, "it belongs to topic %s", head.topic);
    if (!result) {
        result = weir_task_restore(plan, payload.data, payload.len, task, error);
        if (result == WEIR_DATA)
            result = weir_task_carry(plan, payload.data, payload.len, carry, task, error);
    }
    weir_buffer_deinit(&payload);
    return result;
}

static bool load(struct weir_snapshots *snapshots, int32_t partition, int64_t position, bool whole,
                 struct kept *kept, struct weir_task **task) {
    struct weir_carry carry;
    struct weir_manifest manifest = {0};
    struct weir_error error = {0};
    uint64_t seed = 1;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) seed = 1;
    weir_carry_init(&carry, seed);
    int result = whole ? load_whole(snapshots, partition, position, &carry, task, &error)
                       : load_segments(snapshots, partition, position, &carry, &manifest, task, &error);
    if (result)
        weir_log(WEIR_LOG_WARNING, "partition %d: snapshot at offset %lld is passed over: %s", partition,
                 (long long)position, error.text);
    else
        tell_what_starts_cold(partition, &carry);
    weir_carry_deinit(&carry);
    if (result) return false;
    kept->base = manifest;
    kept->saved = whole ? -1 : position;
    return true;
}

int64_t weir_snapshots_restore(struct weir_snapshots *snapshots, int32_t partition, int64_t committed,
                               struct weir_task **task) {
    int64_t positions[2][TRIED_MAX];
    int counts[2], at[2] = {0, 0};
    struct kept *kept = snapshots ? kept_of(snapshots, partition) : NULL;
    if (!kept) return -1;
    const struct weir_generation_place *place = &snapshots->place;
    for (int k = 0; k < 2; k++)
        counts[k] = weir_numbered_list(place->dir, place->pipeline, endings[k], partition, committed + 1,
                                       positions[k], TRIED_MAX);
    while (at[0] < counts[0] || at[1] < counts[1]) { /* the newest of either kind */
        bool whole = at[0] == counts[0] || (at[1] < counts[1] && positions[1][at[1]] > positions[0][at[0]]);
        int64_t position = positions[whole][at[whole]++];
        if (load(snapshots, partition, position, whole, kept, task)) return position;
    }
    if (committed > 0)
        weir_log(
            WEIR_LOG_WARNING,
            "partition %d: no usable snapshot in %s/%s at or below offset %lld: windows and model start cold",
            partition, place->dir, place->pipeline, (long long)committed);
    return -1;
}

struct oldest {
    int32_t partition;
    int64_t position;
};

static int see_older(void *owner, int32_t partition, int64_t position) {
    struct oldest *oldest = owner;
    if (partition == oldest->partition && (oldest->position < 0 || position < oldest->position))
        oldest->position = position;
    return 0;
}

int64_t weir_snapshots_oldest(const struct weir_snapshots *snapshots, int32_t partition) {
    struct oldest oldest = {partition, -1};
    for (int k = 0; snapshots && k < 2; k++)
        weir_numbered_each(snapshots->place.dir, snapshots->place.pipeline, endings[k], &oldest, see_older);
    return oldest.position;
}

struct weir_manifest weir_snapshots_base(const struct weir_snapshots *snapshots, int32_t partition) {
    const struct kept *kept = known(snapshots, partition);
    return kept ? kept->base : (struct weir_manifest){0};
}

void weir_snapshots_set_base(struct weir_snapshots *snapshots, int32_t partition,
                             const struct weir_manifest *base) {
    struct kept *kept = snapshots ? kept_of(snapshots, partition) : NULL;
    if (!kept) return;
    kept->base = *base;
    kept->saved = base->unit ? (int64_t)base->unit : -1;
}

/* ---- writing ---- */

void weir_snapshots_take(struct weir_snapshots *snapshots, struct weir_task *task, int32_t partition,
                         int64_t position) {
    struct kept *kept = snapshots ? kept_of(snapshots, partition) : NULL;
    if (!kept || kept->task || kept->saved == position) return;
    bool full = weir_manifest_is_no_base(&kept->base, snapshots->options.engine_id);
    if (weir_task_snapshot_begin(task, full)) {
        weir_log(WEIR_LOG_WARNING, "partition %d: no memory for a snapshot, the next one is tried",
                 partition);
        return;
    }
    struct weir_copy copy = {.task = partition};
    if (!full) copy.manifest = kept->base;
    copy.manifest.unit = (uint64_t)position;
    copy.manifest.engine_id = snapshots->options.engine_id;
    kept->task = task;
    kept->position = position;
    weir_saves_begin(snapshots->saves, copy);
}

static void give_up(struct weir_snapshots *snapshots, int32_t partition, struct kept *kept) {
    if (kept->task) weir_task_snapshot_end(kept->task, false);
    kept->task = NULL;
    weir_saves_finish(snapshots->saves, partition);
}

void weir_snapshots_save(struct weir_snapshots *snapshots, struct weir_task *task, int32_t partition,
                         int64_t position) {
    struct kept *kept = snapshots ? kept_of(snapshots, partition) : NULL;
    if (!kept) return;
    if (kept->task && kept->position != position) give_up(snapshots, partition, kept);
    weir_snapshots_take(snapshots, task, partition, position);
    kept->committed = position;
    weir_saves_finish(snapshots->saves, partition);
}

bool weir_snapshots_turn(struct weir_snapshots *snapshots) {
    return snapshots && weir_saves_turn(snapshots->saves);
}

bool weir_snapshots_waiting(const struct weir_snapshots *snapshots) {
    for (int32_t i = 0; snapshots && i < snapshots->kept_count; i++)
        if (snapshots->kept[i].task && snapshots->kept[i].committed < snapshots->kept[i].position)
            return true;
    return false;
}

void weir_snapshots_committed(struct weir_snapshots *snapshots, int32_t partition, int64_t committed) {
    struct kept *kept = snapshots ? kept_of(snapshots, partition) : NULL;
    if (!kept) return;
    kept->committed = committed;
    if (kept->task) wake(snapshots);
}

void weir_snapshots_drop(struct weir_snapshots *snapshots, int32_t partition) {
    struct kept *kept = known(snapshots, partition);
    if (!kept) return;
    give_up(snapshots, partition, kept);
    *kept = (struct kept){.committed = -1, .saved = -1};
}

void weir_snapshots_stop(struct weir_snapshots *snapshots) {
    if (snapshots) weir_saves_stop(snapshots->saves);
}

void weir_snapshots_destroy(struct weir_snapshots *snapshots) {
    if (!snapshots) return;
    weir_saves_destroy(snapshots->saves);
    free(snapshots->kept);
    free(snapshots);
}
