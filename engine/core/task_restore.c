/* SPDX-License-Identifier: Apache-2.0 */
/* task_restore.c: a task from its manifest and pages.
 *
 * The root is checked before a byte of the small piece is believed; the small piece then gives the sizes of
 * all keyspaces, whose rooms are made at once; each page goes to its place, is checked there and its keys are
 * entered into the index while its lines are in the caches.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/features_carry.h"
#include "core/keyspace.h"
#include "core/task_state.h"

struct weir_task_restore {
    struct weir_task *task;
    const uint64_t *digests;
    uint64_t *firsts; /* by group: which of the digests is its page 0's */
    uint32_t group_count;
};

static int damaged(struct weir_error *error, uint32_t group, uint32_t index, const char *what) {
    return weir_error_set(error, WEIR_DATA, "page %u of group %u %s", (unsigned)index, (unsigned)group, what);
}

static int load_small(struct weir_task *task, const struct weir_task_manifest *manifest,
                      struct weir_carry *carry, struct weir_error *error) {
    struct weir_state_reader *reader = weir_state_reader_create(manifest->small, manifest->small_len);
    if (!reader) return weir_error_set(error, WEIR_NOMEM, "no memory to restore a task");
    int result = weir_task_load_small(task, carry, reader);
    if (!result && !weir_state_reader_at_end(reader)) {
        weir_state_reader_refuse(reader, "bytes are left over");
        result = WEIR_DATA;
    }
    if (result == WEIR_NOMEM)
        weir_error_set(error, result, "no memory for the keys of a saved task");
    else if (result)
        weir_error_set(error, result, "it does not fit this pipeline: %s", weir_state_reader_why(reader));
    weir_state_reader_destroy(reader);
    return result;
}

/* A group as it was saved: of this plan, or one that is being carried over. */
static const struct weir_carried_group *carried_group(const struct weir_task_restore *restore,
                                                      uint32_t group) {
    const struct weir_features_carried *carried = restore->task->features->carried;
    return carried ? &carried->groups[group] : NULL;
}

static uint32_t saved_group_count(const struct weir_features *features) {
    return features->carried ? features->carried->count : weir_features_keyspace_count(features);
}

/* Which digest belongs to which page; all must belong to one. */
static int assign_digests(struct weir_task_restore *restore, const struct weir_task_manifest *manifest,
                          struct weir_error *error) {
    const struct weir_features *features = restore->task->features;
    uint64_t total = 0;
    restore->group_count = saved_group_count(features);
    restore->digests = manifest->digests;
    restore->firsts = calloc(restore->group_count + 1, sizeof *restore->firsts);
    if (!restore->firsts) return weir_error_set(error, WEIR_NOMEM, "no memory to restore a task");
    for (uint32_t i = 0; i < restore->group_count; i++) {
        const struct weir_carried_group *carried = carried_group(restore, i);
        struct weir_keyspace *keys = carried ? NULL : weir_features_keyspace(features, i);
        restore->firsts[i] = total;
        total += carried ? weir_carried_page_count(carried)
                         : weir_pages_of(weir_keyspace_pages(keys), weir_keyspace_count(keys));
    }
    restore->firsts[restore->group_count] = total;
    if (total == manifest->digest_count) return WEIR_OK;
    return weir_error_set(error, WEIR_DATA, "it lists %zu pages, its keys take %llu", manifest->digest_count,
                          (unsigned long long)total);
}

int weir_task_restore_begin(const struct weir_plan *plan, const struct weir_task_manifest *manifest,
                            struct weir_task_restore **out, struct weir_error *error) {
    return weir_task_restore_begin_carrying(plan, manifest, NULL, out, error);
}

int weir_task_restore_begin_carrying(const struct weir_plan *plan, const struct weir_task_manifest *manifest,
                                     struct weir_carry *carry, struct weir_task_restore **out,
                                     struct weir_error *error) {
    *out = NULL;
    if (weir_task_manifest_root(manifest) != manifest->root)
        return weir_error_set(error, WEIR_DATA, "its small piece or its list of pages is damaged");
    struct weir_task_restore *restore = calloc(1, sizeof *restore);
    if (!restore) return weir_error_set(error, WEIR_NOMEM, "no memory to restore a task");
    int result = weir_task_create(plan, carry ? carry->seed : 0, &restore->task, error);
    if (!result) result = load_small(restore->task, manifest, carry, error);
    if (!result) result = assign_digests(restore, manifest, error);
    if (result)
        weir_task_restore_abandon(restore);
    else
        *out = restore;
    return result;
}

void weir_task_restore_abandon(struct weir_task_restore *restore) {
    weir_task_destroy(restore->task);
    free(restore->firsts);
    free(restore);
}

static uint64_t page_count(const struct weir_task_restore *restore, uint32_t group) {
    return restore->firsts[group + 1] - restore->firsts[group];
}

/* The keyspace in which pages of this saved group lie as they lay. */
static uint32_t number_of(const struct weir_task_restore *restore, uint32_t group) {
    const struct weir_carried_group *carried = carried_group(restore, group);
    return carried ? carried->number : group;
}

/* checked: it was found by its digest. */
static bool is_named(const struct weir_task_restore *restore, uint32_t group, uint32_t index,
                     const void *bytes, size_t len, bool checked) {
    return checked || weir_page_hash(bytes, len) == restore->digests[restore->firsts[group] + index];
}

/* The page lies in its place. */
static int take_page(struct weir_task_restore *restore, uint32_t group, uint32_t index, const void *bytes,
                     size_t len, bool checked, struct weir_error *error) {
    uint32_t number = number_of(restore, group);
    struct weir_keyspace *keys = weir_features_keyspace(restore->task->features, number);
    uint64_t digest = restore->digests[restore->firsts[group] + index];
    if (!is_named(restore, group, index, bytes, len, checked))
        return damaged(error, group, index, "is damaged: its digest is another one");
    if (!weir_features_page_check(restore->task->features, number, bytes, len))
        return damaged(error, group, index, "does not hold windows");
    if (!weir_keyspace_page_take(keys, index, digest))
        return damaged(error, group, index, "holds a key that stands twice in the state");
    return WEIR_OK;
}

/* A page that becomes other slots, or is not needed: the assembly sees to it that all come. */
static int carry_page(struct weir_task_restore *restore, uint32_t group, uint32_t index, const void *bytes,
                      size_t len, bool checked, struct weir_error *error) {
    const struct weir_carried_group *carried = carried_group(restore, group);
    if (len != weir_carried_page_bytes(carried, index))
        return damaged(error, group, index, "is damaged: it has another size");
    if (!is_named(restore, group, index, bytes, len, checked))
        return damaged(error, group, index, "is damaged: its digest is another one");
    if (carried->pages)
        memcpy(carried->pages + (size_t)index * carried->scalars.page_slots * carried->scalars.stride, bytes,
               len);
    return WEIR_OK;
}

static int place_page(struct weir_task_restore *restore, uint32_t group, uint32_t index, const void *bytes,
                      size_t len, bool checked, struct weir_error *error) {
    size_t room;
    if (group >= restore->group_count || index >= page_count(restore, group))
        return damaged(error, group, index, "does not belong to this state");
    const struct weir_carried_group *carried = carried_group(restore, group);
    if (carried && !carried->whole) return carry_page(restore, group, index, bytes, len, checked, error);
    struct weir_keyspace *keys = weir_features_keyspace(restore->task->features, number_of(restore, group));
    if (!weir_pages_unmarked(weir_keyspace_pages(keys), index))
        return damaged(error, group, index, "comes twice");
    void *into = weir_keyspace_page_room(keys, index, &room);
    if (len != room) return damaged(error, group, index, "is damaged: it has another size");
    memcpy(into, bytes, len);
    return take_page(restore, group, index, into, len, checked, error);
}

int weir_task_restore_page(struct weir_task_restore *restore, uint32_t group, uint32_t index,
                           const void *bytes, size_t len, struct weir_error *error) {
    return place_page(restore, group, index, bytes, len, false, error);
}

int weir_task_restore_checked(struct weir_task_restore *restore, uint32_t group, uint32_t index,
                              const void *bytes, size_t len, struct weir_error *error) {
    return place_page(restore, group, index, bytes, len, true, error);
}

/* All pages of a group that lies as it lay are there. */
static int end_group(struct weir_task_restore *restore, uint32_t group, struct weir_error *error) {
    const struct weir_carried_group *carried = carried_group(restore, group);
    if (carried && !carried->whole) return WEIR_OK;
    struct weir_keyspace *keys = weir_features_keyspace(restore->task->features, number_of(restore, group));
    for (uint32_t j = 0; j < page_count(restore, group); j++)
        if (weir_pages_unmarked(weir_keyspace_pages(keys), j)) return damaged(error, group, j, "is missing");
    return weir_keyspace_pages_taken(keys) ? WEIR_OK
                                           : weir_error_set(error, WEIR_NOMEM, "no memory to restore a task");
}

int weir_task_restore_end(struct weir_task_restore *restore, struct weir_task **task,
                          struct weir_error *error) {
    int result = WEIR_OK;
    *task = NULL;
    for (uint32_t i = 0; i < restore->group_count && !result; i++) result = end_group(restore, i, error);
    if (!result && restore->task->features->carried) {
        result = weir_features_carried_end(restore->task->features);
        if (result) weir_error_set(error, result, "its windows cannot be carried over");
    }
    if (!result) {
        *task = restore->task;
        restore->task = NULL;
    }
    weir_task_restore_abandon(restore);
    return result;
}

int weir_task_restore_pages(const struct weir_plan *plan, const struct weir_task_manifest *manifest,
                            weir_task_page_reader *read, void *owner, struct weir_task **task,
                            struct weir_error *error) {
    struct weir_task_restore *restore;
    *task = NULL;
    int result = weir_task_restore_begin(plan, manifest, &restore, error);
    if (result) return result;
    for (uint32_t i = 0; i < restore->group_count && !result; i++) {
        struct weir_keyspace *keys = weir_features_keyspace(restore->task->features, i);
        for (uint32_t j = 0; j < page_count(restore, i) && !result; j++) {
            size_t len;
            void *into = weir_keyspace_page_room(keys, j, &len);
            result = read(owner, i, j, into, len, error);
            if (!result) result = take_page(restore, i, j, into, len, false, error);
        }
    }
    if (!result) return weir_task_restore_end(restore, task, error);
    weir_task_restore_abandon(restore);
    return result;
}
