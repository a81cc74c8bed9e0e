/* SPDX-License-Identifier: Apache-2.0 */
/* task_snapshot.c: a task's pages out, in steps; digests. The way back is task_restore.c.
 *
 * The keyspaces know which pages they owe (pages.h); here they are walked group after group. Copies of all
 * groups go first in each step, for they hold memory.
 */
#include "core/task_snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/keyspace.h"
#include "core/task_state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t weir_task_manifest_root(const struct weir_task_manifest *manifest) {
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    XXH3_64bits_update(&hash, manifest->small, manifest->small_len);
    if (manifest->digest_count)
        XXH3_64bits_update(&hash, manifest->digests, manifest->digest_count * sizeof *manifest->digests);
    return XXH3_64bits_digest(&hash);
}

static struct weir_pages *pages_of(const struct weir_task *task, uint32_t group) {
    return weir_keyspace_pages(weir_features_keyspace(task->features, group));
}

/* --- begin and end ----------------------------------------------------------------------------------------
 */

static void free_snapshot(struct weir_task *task) {
    if (task->small) weir_state_writer_destroy(task->small);
    free(task->page_counts);
    free(task->digests);
    task->small = NULL;
    task->page_counts = NULL;
    task->digests = NULL;
}

/* The sizes of the arrays are fixed here, so that the end needs no memory. */
static bool prepare(struct weir_task *task, uint32_t group_count) {
    size_t total = 0;
    task->page_counts = calloc(group_count + 1, sizeof *task->page_counts);
    for (uint32_t i = 0; task->page_counts && i < group_count; i++) {
        const struct weir_keyspace *keys = weir_features_keyspace(task->features, i);
        task->page_counts[i] = weir_pages_of(pages_of(task, i), weir_keyspace_count(keys));
        total += task->page_counts[i];
    }
    task->digests = malloc((total + 1) * sizeof *task->digests);
    task->small = weir_state_writer_create();
    if (!task->page_counts || !task->digests || !task->small || weir_task_save_small(task, task->small))
        return false;
    task->snapshot =
        (struct weir_task_snapshot){.page_counts = task->page_counts, .group_count = group_count};
    struct weir_task_manifest *manifest = &task->snapshot.manifest;
    manifest->small = weir_state_writer_bytes(task->small, &manifest->small_len);
    manifest->digests = task->digests;
    manifest->digest_count = total;
    return true;
}

int weir_task_snapshot_begin(struct weir_task *task, bool full) {
    assert(!task->small);
    uint32_t group_count = weir_features_keyspace_count(task->features), begun = 0;
    bool done = prepare(task, group_count);
    for (; done && begun < group_count; begun += done)
        done = weir_pages_begin(pages_of(task, begun),
                                weir_keyspace_count(weir_features_keyspace(task->features, begun)), full);
    if (done) return WEIR_OK;
    for (uint32_t i = 0; i < begun; i++) weir_pages_end(pages_of(task, i), false);
    free_snapshot(task);
    return WEIR_NOMEM;
}

void weir_task_snapshot_end(struct weir_task *task, bool completed) {
    assert(task->small && (task->snapshot.done || !completed));
    for (uint32_t i = 0; i < task->snapshot.group_count; i++) weir_pages_end(pages_of(task, i), completed);
    free_snapshot(task);
}

const struct weir_task_snapshot *weir_task_snapshot(struct weir_task *task) {
    if (!task->small) return NULL;
    task->snapshot.held_bytes = 0;
    for (uint32_t i = 0; i < task->snapshot.group_count; i++)
        task->snapshot.held_bytes += pages_of(task, i)->held_bytes;
    return &task->snapshot;
}

/* --- a step -----------------------------------------------------------------------------------------------
 */

struct step {
    weir_task_page_sink *sink;
    void *owner;
    size_t budget;
};

static int hand_out(struct weir_task *task, uint32_t group, uint32_t index, const struct weir_page_copy *copy,
                    struct step *step) {
    struct weir_pages *pages = pages_of(task, group);
    struct weir_task_page page = {.group = group, .index = index};
    page.bytes = copy ? weir_page_copy_bytes(copy)
                      : weir_keyspace_page(weir_features_keyspace(task->features, group), index);
    page.len = weir_pages_bytes(pages, index, pages->count);
    page.digest = weir_pages_digest_owed(pages, index, page.bytes, copy);
    int result = step->sink(step->owner, &page);
    if (result) return result;
    weir_pages_handed(pages, index, copy);
    task->snapshot.page_count++;
    task->snapshot.page_bytes += page.len;
    step->budget -= step->budget < page.len ? step->budget : page.len;
    return WEIR_OK;
}

/* WEIR_OK: the group owes nothing (only_copies: no copy) any more. */
static int step_group(struct weir_task *task, uint32_t group, bool only_copies, struct step *step) {
    struct weir_pages *pages = pages_of(task, group);
    for (;;) {
        const struct weir_page_copy *copy;
        /* A look at a mark costs its eight bytes. */
        size_t looks = only_copies ? 0 : step->budget / sizeof(uint64_t) + 1, looked = looks;
        uint32_t index = weir_pages_next(pages, &looked, &copy);
        if (only_copies && index == UINT32_MAX) return WEIR_OK;
        step->budget -= (looks - looked) * sizeof(uint64_t) < step->budget
                            ? (looks - looked) * sizeof(uint64_t)
                            : step->budget;
        if (index == UINT32_MAX) return looked ? WEIR_OK : WEIR_AGAIN;
        if (!step->budget) return WEIR_AGAIN;
        int result = hand_out(task, group, index, copy, step);
        if (result) return result;
    }
}

static void finish(struct weir_task *task) {
    uint64_t *to = task->digests;
    for (uint32_t i = 0; i < task->snapshot.group_count; i++) {
        if (!task->page_counts[i]) continue; /* then `saved` may be NULL */
        memcpy(to, pages_of(task, i)->saved, task->page_counts[i] * sizeof *to);
        to += task->page_counts[i];
    }
    task->snapshot.manifest.root = weir_task_manifest_root(&task->snapshot.manifest);
    task->snapshot.done = true;
}

int weir_task_snapshot_step(struct weir_task *task, size_t budget_bytes, weir_task_page_sink *sink,
                            void *owner) {
    assert(task->small);
    struct step step = {.sink = sink, .owner = owner, .budget = budget_bytes ? budget_bytes : 1};
    uint32_t group_count = task->snapshot.group_count;
    if (task->snapshot.done) return WEIR_OK;
    for (uint32_t i = 0; i < group_count; i++)
        if (pages_of(task, i)->lost) return WEIR_NOMEM;
    for (uint32_t i = 0; i < 2 * group_count; i++) {
        int result = step_group(task, i % group_count, i < group_count, &step);
        if (result) return result;
    }
    finish(task);
    return WEIR_OK;
}

/* --- digests ----------------------------------------------------------------------------------------------
 */

/* The digests of all pages lie side by side: hashed at once that is ten times faster than one by one. */
static void digest_group(struct weir_task *task, uint32_t group, uint32_t part, uint32_t parts,
                         XXH3_state_t *hash) {
    const struct weir_keyspace *keys = weir_features_keyspace(task->features, group);
    struct weir_pages *pages = pages_of(task, group);
    uint32_t slots = weir_keyspace_count(keys), count = weir_pages_of(pages, slots);
    weir_pages_next_epoch(pages);
    for (uint32_t i = part; i < count; i += parts) {
        uint64_t digest =
            weir_pages_digest(pages, i, weir_keyspace_page(keys, i), weir_pages_bytes(pages, i, slots));
        if (parts > 1) XXH3_64bits_update(hash, &digest, sizeof digest);
    }
    if (parts == 1 && count) XXH3_64bits_update(hash, pages->digests, count * sizeof *pages->digests);
}

uint64_t weir_task_page_count(struct weir_task *task) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < weir_features_keyspace_count(task->features); i++) {
        const struct weir_keyspace *keys = weir_features_keyspace(task->features, i);
        count += weir_pages_of(pages_of(task, i), weir_keyspace_count(keys));
    }
    return count;
}

int weir_task_digest_part(struct weir_task *task, uint32_t part, uint32_t parts, uint64_t *digest) {
    assert(part < parts);
    size_t len;
    XXH3_state_t hash;
    struct weir_state_writer *writer = weir_state_writer_create();
    if (!writer) return WEIR_NOMEM;
    int result = weir_task_save_small(task, writer);
    const void *small = weir_state_writer_bytes(writer, &len);
    XXH3_64bits_reset(&hash);
    XXH3_64bits_update(&hash, small, len);
    uint32_t group_count = weir_features_keyspace_count(task->features);
    for (uint32_t i = 0; i < group_count && !result; i++) digest_group(task, i, part, parts, &hash);
    *digest = XXH3_64bits_digest(&hash);
    weir_state_writer_destroy(writer);
    return result;
}

int weir_task_digest(struct weir_task *task, uint64_t *digest) {
    return weir_task_digest_part(task, 0, 1, digest);
}
