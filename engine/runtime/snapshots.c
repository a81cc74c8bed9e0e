/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/snapshots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "file/snapshot.h"

#define GENERATION_MAX 64

struct copy {                        /* of one partition */
    struct weir_state_writer *state; /* waits to become safe; NULL = nothing waits */
    int64_t position, saved;         /* of the copy; of the newest file, -1 = none */
};

struct weir_snapshots {
    const struct weir_pipeline *pipeline;
    uv_loop_t *loop;
    struct copy *copies; /* by partition */
    int32_t copy_count;
    /* the write under way on the thread pool */
    uv_work_t work;
    bool writing, failed;
    struct weir_snapshot_head head;
    struct weir_state_writer *state;
    int result;
    struct weir_error error;
};

int weir_snapshots_open(const struct weir_pipeline *pipeline, uv_loop_t *loop, struct weir_snapshots **out,
                        struct weir_error *error) {
    *out = NULL;
    if (!pipeline->state.dir) {
        weir_log(WEIR_LOG_INFO,
                 "state lives in memory only: a restart forgets windows and model (set state.dir)");
        return WEIR_OK;
    }
    if (weir_snapshot_prepare(pipeline->state.dir, pipeline->name, error)) return WEIR_CONFIG;
    struct weir_snapshots *snapshots = calloc(1, sizeof *snapshots);
    if (!snapshots) return weir_error_set(error, WEIR_NOMEM, "no memory");
    snapshots->pipeline = pipeline;
    snapshots->loop = loop;
    snapshots->work.data = snapshots;
    *out = snapshots;
    return WEIR_OK;
}

static struct copy *copy_of(struct weir_snapshots *snapshots, int32_t partition) {
    if (partition >= snapshots->copy_count) {
        struct copy *copies = realloc(snapshots->copies, ((size_t)partition + 1) * sizeof *copies);
        if (!copies) return NULL;
        for (int32_t i = snapshots->copy_count; i <= partition; i++) copies[i] = (struct copy){NULL, -1, -1};
        snapshots->copies = copies;
        snapshots->copy_count = partition + 1;
    }
    return &snapshots->copies[partition];
}

static void drop_copy(struct copy *copy) {
    if (copy->state) weir_state_writer_destroy(copy->state);
    copy->state = NULL;
}

/* ---- bringing back ---- */

/* R12: of another pipeline file: what fits is carried over. */
static int carry_over(const struct weir_plan *plan, int32_t partition, const struct weir_buffer *payload,
                      struct weir_task **task, struct weir_error *error) {
    struct weir_carry carry;
    uint64_t seed = 1;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) seed = 1;
    weir_carry_init(&carry, seed);
    int result = weir_task_carry(plan, payload->data, payload->len, &carry, task, error);
    const char *line = result || !carry.report.len ? "" : weir_buffer_text(&carry.report);
    for (size_t len; line && *line; line += len + 1) {
        len = strcspn(line, "\n");
        weir_log(WEIR_LOG_INFO, "partition %d: not carried over from another pipeline file: %.*s", partition,
                 (int)len, line);
    }
    weir_carry_deinit(&carry);
    return result;
}

static int restore(const struct weir_plan *plan, int32_t partition, const struct weir_buffer *payload,
                   struct weir_task **task, struct weir_error *error) {
    int result = weir_task_restore(plan, payload->data, payload->len, task, error);
    return result == WEIR_DATA ? carry_over(plan, partition, payload, task, error) : result;
}

int64_t weir_snapshots_restore(struct weir_snapshots *snapshots, const struct weir_plan *plan,
                               int32_t partition, int64_t committed, struct weir_task **task) {
    int64_t positions[GENERATION_MAX], found = -1;
    if (!snapshots) return -1;
    const char *dir = snapshots->pipeline->state.dir, *name = snapshots->pipeline->name;
    int count = weir_snapshot_list(dir, name, partition, positions, GENERATION_MAX);
    struct weir_buffer payload;
    weir_buffer_init(&payload);
    for (int i = 0; i < count && found < 0; i++) {
        struct weir_snapshot_head head;
        struct weir_error error = {0};
        if (positions[i] > committed) continue;
        int result = weir_snapshot_read(dir, name, partition, positions[i], &head, &payload, &error);
        if (!result && strcmp(head.topic, snapshots->pipeline->source.topic.text) != 0)
            result = weir_error_set(&error, WEIR_DATA, "it belongs to topic %s", head.topic);
        if (!result) result = restore(plan, partition, &payload, task, &error);
        if (!result)
            found = positions[i];
        else
            weir_log(WEIR_LOG_WARNING, "partition %d: snapshot at offset %lld is passed over: %s", partition,
                     (long long)positions[i], error.text);
    }
    weir_buffer_deinit(&payload);
    if (found < 0 && committed > 0)
        weir_log(
            WEIR_LOG_WARNING,
            "partition %d: no usable snapshot in %s/%s at or below offset %lld: windows and model start cold",
            partition, dir, name, (long long)committed);
    struct copy *copy = copy_of(snapshots, partition);
    if (copy) copy->saved = found;
    return found;
}

/* ---- writing ---- */

void weir_snapshots_take(struct weir_snapshots *snapshots, const struct weir_task *task, int32_t partition,
                         int64_t position) {
    struct copy *copy = snapshots ? copy_of(snapshots, partition) : NULL;
    if (!copy || copy->state || copy->saved == position) return;
    copy->state = weir_state_writer_create();
    if (copy->state && weir_task_save(task, copy->state)) drop_copy(copy);
    copy->position = position;
    if (!copy->state)
        weir_log(WEIR_LOG_WARNING, "partition %d: no memory for a snapshot, the next one is tried",
                 partition);
}

bool weir_snapshots_waiting(const struct weir_snapshots *snapshots) {
    for (int32_t i = 0; snapshots && i < snapshots->copy_count; i++)
        if (snapshots->copies[i].state) return true;
    return false;
}

static void write_file(struct weir_snapshots *snapshots) {
    size_t len;
    const void *bytes = weir_state_writer_bytes(snapshots->state, &len);
    const struct weir_pipeline *pipeline = snapshots->pipeline;
    snapshots->result =
        weir_snapshot_write(pipeline->state.dir, &snapshots->head, bytes, len, &snapshots->error);
    if (!snapshots->result)
        weir_snapshot_trim(pipeline->state.dir, pipeline->name, snapshots->head.partition,
                           (int)pipeline->state.keep, snapshots->head.position);
}

/* A full disk stops snapshots, not the pipeline: said once, and once more when it works again. */
static void wrote(struct weir_snapshots *snapshots) {
    struct copy *copy = copy_of(snapshots, snapshots->head.partition);
    weir_state_writer_destroy(snapshots->state);
    snapshots->state = NULL;
    snapshots->writing = false;
    if (snapshots->result) {
        if (!snapshots->failed)
            weir_log(WEIR_LOG_WARNING, "snapshots fail, processing goes on: %s", snapshots->error.text);
        snapshots->failed = true;
        return;
    }
    if (snapshots->failed) weir_log(WEIR_LOG_INFO, "snapshots work again");
    snapshots->failed = false;
    copy->saved = snapshots->head.position;
    weir_log(WEIR_LOG_DEBUG, "partition %d: snapshot at offset %lld", snapshots->head.partition,
             (long long)snapshots->head.position);
}

static void on_pool(uv_work_t *work) { write_file(work->data); }
static void after_pool(uv_work_t *work, int status) {
    (void)status;
    wrote(work->data);
}

static void wait_for_write(struct weir_snapshots *snapshots) {
    while (snapshots->writing) uv_run(snapshots->loop, UV_RUN_ONCE);
}

void weir_snapshots_committed(struct weir_snapshots *snapshots, int32_t partition, int64_t committed,
                              bool now) {
    struct copy *copy = snapshots && partition < snapshots->copy_count ? &snapshots->copies[partition] : NULL;
    if (!copy || !copy->state || copy->position > committed || (snapshots->writing && !now)) return;
    if (now) wait_for_write(snapshots);
    const struct weir_pipeline *pipeline = snapshots->pipeline;
    snapshots->state = copy->state;
    copy->state = NULL;
    snapshots->head = (struct weir_snapshot_head){.partition = partition, .position = copy->position};
    snprintf(snapshots->head.pipeline, sizeof snapshots->head.pipeline, "%s", pipeline->name);
    snprintf(snapshots->head.topic, sizeof snapshots->head.topic, "%s", pipeline->source.topic.text);
    snapshots->writing = true;
    if (now || uv_queue_work(snapshots->loop, &snapshots->work, on_pool, after_pool)) {
        write_file(snapshots);
        wrote(snapshots);
    }
}

void weir_snapshots_drop(struct weir_snapshots *snapshots, int32_t partition) {
    if (snapshots && partition < snapshots->copy_count) drop_copy(&snapshots->copies[partition]);
}

void weir_snapshots_close(struct weir_snapshots *snapshots) {
    if (!snapshots) return;
    wait_for_write(snapshots);
    for (int32_t i = 0; i < snapshots->copy_count; i++) drop_copy(&snapshots->copies[i]);
    free(snapshots->copies);
    free(snapshots);
}
