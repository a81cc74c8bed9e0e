/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "core/pages.h"

#define GROUP_MAX 4096

int weir_segment_add(struct weir_buffer *chunk, uint32_t group, uint32_t index, const void *bytes,
                     size_t len) {
    const uint32_t head[] = {group, index, (uint32_t)len};
    int result = weir_buffer_reserve(chunk, sizeof head + len);
    if (!result) result = weir_buffer_append(chunk, head, sizeof head);
    return result ? result : weir_buffer_append(chunk, bytes, len);
}

int weir_segment_next(const char **bytes, size_t *len, struct weir_segment_item *item) {
    uint32_t head[3];
    if (!*len) return 0;
    if (*len < sizeof head) return WEIR_DATA;
    memcpy(head, *bytes, sizeof head);
    if (head[2] > *len - sizeof head) return WEIR_DATA;
    *item = (struct weir_segment_item){head[0], head[1], head[2], *bytes + sizeof head};
    *bytes += sizeof head + head[2];
    *len -= sizeof head + head[2];
    return 1;
}

/* ---- the tail ---- */

static int put_sized(struct weir_buffer *tail, uint64_t count, const void *bytes, size_t len) {
    int result = weir_buffer_append(tail, &count, sizeof count);
    return result ? result : weir_buffer_append(tail, bytes, len);
}

int weir_segment_write_tail(struct weir_buffer *tail, const struct weir_task_snapshot *snapshot) {
    const struct weir_task_manifest *manifest = &snapshot->manifest;
    int result = put_sized(tail, manifest->small_len, manifest->small, manifest->small_len);
    if (!result)
        result = put_sized(tail, manifest->digest_count, manifest->digests,
                           manifest->digest_count * sizeof *manifest->digests);
    if (!result)
        result = put_sized(tail, snapshot->group_count, snapshot->page_counts,
                           snapshot->group_count * sizeof *snapshot->page_counts);
    return result;
}

/* A counted array at *at; NULL: it does not fit. */
static const char *take_sized(const char **at, const char *end, size_t width, uint64_t *count) {
    if ((size_t)(end - *at) < sizeof *count) return NULL;
    memcpy(count, *at, sizeof *count);
    *at += sizeof *count;
    if (*count > (size_t)(end - *at) / width) return NULL;
    const char *found = *at;
    *at += *count * width;
    return found;
}

void weir_assembly_init(struct weir_assembly *assembly) {
    memset(assembly, 0, sizeof *assembly);
    weir_buffer_init(&assembly->tail);
}

void weir_assembly_deinit(struct weir_assembly *assembly) {
    if (assembly->restore) weir_task_restore_abandon(assembly->restore);
    weir_buffer_deinit(&assembly->tail);
    free(assembly->digests);
    free(assembly->page_counts);
    free(assembly->taken);
}

int weir_assembly_add_tail(struct weir_assembly *assembly, const void *bytes, size_t len) {
    return weir_buffer_append(&assembly->tail, bytes, len);
}

static int parse_tail(struct weir_assembly *assembly) {
    const char *at = assembly->tail.data, *end = at + assembly->tail.len;
    struct weir_task_manifest *manifest = &assembly->manifest;
    uint64_t small_len, digest_count, group_count, pages = 0;
    const char *small = at ? take_sized(&at, end, 1, &small_len) : NULL;
    const char *digests = small ? take_sized(&at, end, sizeof(uint64_t), &digest_count) : NULL;
    const char *counts = digests ? take_sized(&at, end, sizeof(uint32_t), &group_count) : NULL;
    if (!counts || at != end || group_count > GROUP_MAX) return WEIR_DATA;
    assembly->digests = malloc((digest_count + 1) * sizeof *assembly->digests);
    assembly->page_counts = malloc((group_count + 1) * sizeof *assembly->page_counts);
    assembly->taken = calloc(digest_count + 1, 1);
    if (!assembly->digests || !assembly->page_counts || !assembly->taken) return WEIR_NOMEM;
    memcpy(assembly->digests, digests, digest_count * sizeof *assembly->digests);
    memcpy(assembly->page_counts, counts, group_count * sizeof *assembly->page_counts);
    for (uint64_t i = 0; i < group_count; i++) pages += assembly->page_counts[i];
    assembly->group_count = (uint32_t)group_count;
    assembly->missing = digest_count;
    *manifest = (struct weir_task_manifest){
        .small = small, .small_len = small_len, .digests = assembly->digests, .digest_count = digest_count};
    return pages == digest_count ? WEIR_OK : WEIR_DATA;
}

int weir_assembly_begin(struct weir_assembly *assembly, const uint64_t *root, const struct weir_plan *plan,
                        struct weir_error *error) {
    int result = parse_tail(assembly);
    if (result == WEIR_NOMEM) return weir_error_set(error, result, "no memory for a snapshot");
    if (!result) assembly->manifest.root = weir_task_manifest_root(&assembly->manifest);
    bool other = !result && root && assembly->manifest.root != *root && WEIR_RULE(211);
    if (result || other)
        return weir_error_set(error, WEIR_DATA, "its tail is broken%s",
                              root ? ", or not the one that was published" : "");
    return plan ? weir_task_restore_begin_carrying(plan, &assembly->manifest, assembly->carry,
                                                   &assembly->restore, error)
                : WEIR_OK;
}

/* ---- pages ---- */

/* The page's place among the digests, or SIZE_MAX. */
static size_t place_of(const struct weir_assembly *assembly, uint32_t group, uint32_t index) {
    size_t place = index;
    if (group >= assembly->group_count || index >= assembly->page_counts[group]) return SIZE_MAX;
    for (uint32_t i = 0; i < group; i++) place += assembly->page_counts[i];
    return place;
}

int weir_assembly_offer(struct weir_assembly *assembly, const char *bytes, size_t len,
                        struct weir_error *error) {
    struct weir_segment_item item;
    while (assembly->missing && weir_segment_next(&bytes, &len, &item) == 1) {
        size_t place = place_of(assembly, item.group, item.index);
        if (place == SIZE_MAX || assembly->taken[place] ||
            weir_page_hash(item.bytes, item.len) != assembly->digests[place])
            continue;
        int result = assembly->restore ? weir_task_restore_checked(assembly->restore, item.group, item.index,
                                                                   item.bytes, item.len, error)
                                       : WEIR_OK;
        if (result) return result;
        assembly->taken[place] = 1;
        assembly->missing--;
    }
    return WEIR_OK;
}

bool weir_assembly_is_complete(const struct weir_assembly *assembly) { return !assembly->missing; }

static int tell_missing(const struct weir_assembly *assembly, struct weir_error *error) {
    size_t place = 0;
    for (uint32_t group = 0; group < assembly->group_count; group++)
        for (uint32_t index = 0; index < assembly->page_counts[group]; index++, place++)
            if (!assembly->taken[place])
                return weir_error_set(error, WEIR_DATA,
                                      "page %u of group %u is broken or missing (%zu of %zu pages are)",
                                      index, group, assembly->missing, assembly->manifest.digest_count);
    return WEIR_OK;
}

int weir_assembly_end(struct weir_assembly *assembly, struct weir_task **task, struct weir_error *error) {
    int result = tell_missing(assembly, error);
    if (result || !assembly->restore) return result;
    struct weir_task_restore *restore = assembly->restore;
    assembly->restore = NULL;
    return weir_task_restore_end(restore, task, error);
}
