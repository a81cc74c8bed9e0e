/* SPDX-License-Identifier: Apache-2.0 */
/* task_save.c: a task as one sequence of values: the whole state (portable: slots by value, in the order of
 * forgetting), or all but the pages of the keyspaces (the small piece of task_snapshot.h).
 */
#include <stdlib.h>

#include "core/task_state.h"

#define TASK_VERSION 1

typedef void save_features(const struct weir_features *features, struct weir_state_writer *writer);
typedef int load_features(struct weir_features *features, struct weir_carry *carry,
                          struct weir_state_reader *reader);

static int save(const struct weir_task *task, const char *name, save_features *features,
                struct weir_state_writer *writer) {
    const struct weir_task_counts *counts = &task->counts;
    const uint64_t numbers[] = {counts->read,          counts->applied,     counts->late,
                                counts->dead_lettered, counts->dropped,     counts->labelled,
                                counts->unlabelled,    counts->predictions, counts->alerts};
    weir_state_write_head(writer, name, TASK_VERSION);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) weir_state_write_u64(writer, numbers[i]);
    weir_state_write_i64(writer, task->intake.watermark_ms);
    weir_state_write_i64(writer, task->intake.now_ms);
    weir_classes_save(&task->intake.classes, writer);
    features(task->features, writer);
    weir_model_save(&task->model, writer);
    weir_watch_save(&task->watch, writer);
    return weir_state_writer_result(writer);
}

/* Far beyond any, and differences of two still fit. */
static bool is_time(int64_t ms) {
    return ms == INT64_MIN || (ms > -(INT64_C(1) << 60) && ms < INT64_C(1) << 60);
}

static int load(struct weir_task *task, const char *name, load_features *features, struct weir_carry *carry,
                struct weir_state_reader *reader) {
    bool replaced = false;
    struct weir_task_counts *counts = &task->counts;
    uint64_t *numbers[] = {&counts->read,          &counts->applied,     &counts->late,
                           &counts->dead_lettered, &counts->dropped,     &counts->labelled,
                           &counts->unlabelled,    &counts->predictions, &counts->alerts};
    weir_state_read_head(reader, name, TASK_VERSION);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = weir_state_read_u64(reader, UINT64_MAX);
    task->intake.watermark_ms = weir_state_read_i64(reader);
    task->intake.now_ms = weir_state_read_i64(reader);
    if (!is_time(task->intake.watermark_ms) || !is_time(task->intake.now_ms))
        weir_state_reader_refuse(reader, "a saved time is no time");
    int result = weir_state_reader_result(reader);
    if (!result) result = weir_classes_load(&task->intake.classes, reader);
    if (!result) result = features(task->features, carry, reader);
    if (!result) result = weir_model_load(&task->model, carry, &replaced, reader);
    if (!result) result = weir_watch_load(&task->watch, carry, reader);
    if (!result && replaced) weir_watch_model_replaced(&task->watch); /* its errors are another stream */
    if (!result && !weir_task_check(task)) {
        weir_state_reader_refuse(reader, "the loaded state breaks its invariants");
        result = WEIR_DATA;
    }
    return result;
}

int weir_task_save(const struct weir_task *task, struct weir_state_writer *writer) {
    return save(task, "core/task", weir_features_save, writer);
}
int weir_task_load(struct weir_task *task, struct weir_state_reader *reader) {
    return load(task, "core/task", weir_features_load, NULL, reader);
}
int weir_task_save_small(const struct weir_task *task, struct weir_state_writer *writer) {
    return save(task, "core/task_small", weir_features_save_small, writer);
}
int weir_task_load_small(struct weir_task *task, struct weir_carry *carry, struct weir_state_reader *reader) {
    return load(task, "core/task_small", weir_features_load_small, carry, reader);
}

int weir_task_restore(const struct weir_plan *plan, const void *bytes, size_t len, struct weir_task **out,
                      struct weir_error *error) {
    return weir_task_carry(plan, bytes, len, NULL, out, error);
}

int weir_task_carry(const struct weir_plan *plan, const void *bytes, size_t len, struct weir_carry *carry,
                    struct weir_task **out, struct weir_error *error) {
    struct weir_task *task = NULL;
    *out = NULL;
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    int result = reader ? weir_task_create(plan, carry ? carry->seed : 0, &task, error)
                        : weir_error_set(error, WEIR_NOMEM, "no memory to load a task");
    if (!result) {
        result = load(task, "core/task", weir_features_load, carry, reader);
        if (!result && !weir_state_reader_at_end(reader)) {
            weir_state_reader_refuse(reader, "bytes are left over");
            result = WEIR_DATA;
        }
        if (result)
            weir_error_set(error, result, "it does not fit this pipeline: %s", weir_state_reader_why(reader));
    }
    if (reader) weir_state_reader_destroy(reader);
    if (result)
        weir_task_destroy(task);
    else
        *out = task;
    return result;
}
