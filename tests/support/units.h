/* SPDX-License-Identifier: Apache-2.0 */
/* units.h: what the engine leaves on the disk of a state, by the engine's own code, without a topic. */
#ifndef WEIR_TESTS_UNITS_H
#define WEIR_TESTS_UNITS_H

#include "file/numbered.h"
#include "file/snapshot.h"
#include "runtime/generation.h"

static inline int units_add_page(void *owner, const struct weir_task_page *page) {
    return weir_segment_add(owner, page->group, page->index, page->bytes, page->len);
}

/* The state after a unit, or at an offset: as the place says. manifest: of the one before, {0} at first; it
 * becomes this one's. */
static inline void segment_write(const struct weir_generation_place *place, int32_t task_id,
                                 struct weir_task *task, uint64_t unit, struct weir_manifest *manifest) {
    struct weir_generation_writer *writer;
    struct weir_buffer chunk, tail;
    struct weir_error error = {0}, disk = {0};
    weir_buffer_init(&chunk);
    weir_buffer_init(&tail);
    assert_int_equal(weir_task_snapshot_begin(task, !manifest->base_unit), WEIR_OK);
    assert_int_equal(weir_task_snapshot_step(task, SIZE_MAX / 2, units_add_page, &chunk), WEIR_OK);
    assert_int_equal(weir_segment_write_tail(&tail, weir_task_snapshot(task)), WEIR_OK);
    manifest->unit = unit;
    manifest->root = weir_task_snapshot(task)->manifest.root;
    assert_int_equal(weir_generation_open(place, task_id, unit, &writer, &error), WEIR_OK);
    if (chunk.len) assert_int_equal(weir_generation_write(writer, &chunk, &error), WEIR_OK);
    assert_int_equal(weir_generation_finish(writer, &tail, manifest, &disk, &error), WEIR_OK);
    weir_task_snapshot_end(task, true);
    weir_buffer_deinit(&chunk);
    weir_buffer_deinit(&tail);
}

static inline void units_write(const char *dir, const char *pipeline, int32_t task_id, struct weir_task *task,
                               uint64_t unit, struct weir_manifest *manifest) {
    const struct weir_generation_place place = {.dir = dir, .pipeline = pipeline};
    segment_write(&place, task_id, task, unit, manifest);
}

/* As an older weir wrote a state at an offset: whole, in one file. */
static inline int whole_write(const char *dir, const struct weir_snapshot_head *head, const void *bytes,
                              size_t len, struct weir_error *error) {
    char path[WEIR_PATH_BYTES];
    int result = weir_snapshot_prepare(dir, head->pipeline, error);
    weir_numbered_path(path, dir, head->pipeline, head->partition, head->position, WEIR_SNAPSHOT_ENDING);
    return result ? result : weir_snapshot_export(path, head, bytes, len, error);
}

#endif
