/* SPDX-License-Identifier: Apache-2.0 */
/* features_pages.c: what makes keyed windows beside the pages of their slots.
 *
 * format: head "features/small" 1, number of groups with windows, then per group, in the order of their
 *         descriptions: description, layout (two sizes and a hash over all offsets), hash seed, number of
 *         forgotten and of present keys, hand. The pages are images of slots: positions and kept tails
 *         included, so the layout must be the same to the byte. Raise the version when the bytes of a
 *         partial, of a pane ring's head or of a slot's head change their meaning but not their size.
 * errors: DATA or LIMIT with a text; the features must not be used then.
 */
#include <stdlib.h>
#include <string.h>

#include "core/features_state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SMALL_NAME "features/small"
#define SMALL_VERSION 1
#define DESCRIPTION_MAX 65536

/* Insertion sort: groups are few. Equal descriptions stay in file order. */
void weir_features_number(struct weir_features *features) {
    const struct weir_features_group *groups = features->plan->groups;
    for (uint32_t i = 0; i < features->plan->group_count; i++) {
        if (!groups[i].ring_count) continue;
        uint32_t at = features->numbered_count++;
        for (; at && strcmp(groups[features->numbered[at - 1]].description, groups[i].description) > 0; at--)
            features->numbered[at] = features->numbered[at - 1];
        features->numbered[at] = i;
    }
}

uint32_t weir_features_keyspace_count(const struct weir_features *features) {
    return features->numbered_count;
}
struct weir_keyspace *weir_features_keyspace(const struct weir_features *features, uint32_t number) {
    return features->groups[features->numbered[number]].keys;
}

/* The description says what is kept, this says where. */
static uint64_t layout_of(const struct weir_features_group *group) {
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_pane_ring *ring = &group->rings[i].panes;
        const uint32_t numbers[] = {ring->head_offset,  ring->tail_offset,
                                    ring->panes_offset, ring->pane_bytes,
                                    ring->ring_count,   ring->live_count,
                                    ring->part_count,   (uint32_t)sizeof(struct weir_pane_head)};
        XXH3_64bits_update(&hash, numbers, sizeof numbers);
        for (uint32_t j = 0; j < ring->part_count; j++) {
            const uint32_t part[] = {ring->parts[j].offset, ring->parts[j].partial->bytes};
            XXH3_64bits_update(&hash, part, sizeof part);
        }
    }
    return XXH3_64bits_digest(&hash);
}

void weir_features_save_small(const struct weir_features *features, struct weir_state_writer *writer) {
    weir_state_write_head(writer, SMALL_NAME, SMALL_VERSION);
    weir_state_write_u64(writer, features->numbered_count);
    for (uint32_t i = 0; i < features->numbered_count; i++) {
        const struct weir_features_group *group = &features->plan->groups[features->numbered[i]];
        struct weir_keyspace_scalars scalars;
        weir_keyspace_scalars(weir_features_keyspace(features, i), &scalars);
        weir_state_write_bytes(writer, group->description, strlen(group->description));
        weir_state_write_u64(writer, layout_of(group));
        weir_state_write_u64(writer, scalars.stride);
        weir_state_write_u64(writer, scalars.page_slots);
        weir_state_write_u64(writer, scalars.seed);
        weir_state_write_u64(writer, scalars.forgotten);
        weir_state_write_u64(writer, scalars.count);
        weir_state_write_u64(writer, scalars.hand);
    }
}

/* `text` has room for DESCRIPTION_MAX. Returns WEIR_OK or what make_room returned. */
static int load_group(struct weir_features *features, uint32_t number, char *text,
                      struct weir_state_reader *reader) {
    const struct weir_features_group *group = &features->plan->groups[features->numbered[number]];
    struct weir_keyspace_scalars scalars;
    size_t len = weir_state_read_bytes(reader, text, DESCRIPTION_MAX);
    uint64_t layout = weir_state_read_u64(reader, UINT64_MAX);
    scalars.stride = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    scalars.page_slots = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    scalars.seed = weir_state_read_u64(reader, UINT64_MAX);
    scalars.forgotten = weir_state_read_u64(reader, UINT64_MAX);
    scalars.count = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    scalars.hand = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    if (weir_state_reader_result(reader)) return weir_state_reader_result(reader);
    if (strlen(group->description) != len || memcmp(group->description, text, len) != 0) {
        weir_state_reader_refuse(reader, "the state holds windows that this pipeline does not have");
        return WEIR_DATA;
    }
    int result = layout == layout_of(group)
                     ? weir_keyspace_make_room(weir_features_keyspace(features, number), &scalars)
                     : WEIR_DATA;
    if (result == WEIR_DATA)
        weir_state_reader_refuse(reader, "the state's windows are laid out in another way");
    else if (result == WEIR_LIMIT)
        weir_state_reader_refuse(reader, "the state holds more keys than state.memory has room for");
    return result;
}

int weir_features_load_small(struct weir_features *features, struct weir_state_reader *reader) {
    char *text = (char *)features->packed; /* at least DESCRIPTION_MAX */
    weir_state_read_head(reader, SMALL_NAME, SMALL_VERSION);
    uint64_t count = weir_state_read_u64(reader, UINT32_MAX);
    if (!weir_state_reader_result(reader) && count != features->numbered_count)
        weir_state_reader_refuse(reader,
                                 "the state holds another number of windowed groups than this pipeline");
    int result = weir_state_reader_result(reader);
    for (uint32_t i = 0; i < features->numbered_count && !result; i++)
        result = load_group(features, i, text, reader);
    return result;
}

bool weir_features_page_check(const struct weir_features *features, uint32_t number, const void *bytes,
                              size_t len) {
    const struct weir_features_group *group = &features->plan->groups[features->numbered[number]];
    struct weir_keyspace_scalars scalars;
    weir_keyspace_scalars(weir_features_keyspace(features, number), &scalars);
    const unsigned char *slot = (const unsigned char *)bytes + WEIR_SLOT_HEAD_BYTES;
    for (size_t at = 0; at < len; at += scalars.stride, slot += scalars.stride)
        for (uint32_t i = 0; i < group->ring_count; i++) {
            const struct weir_pane_ring *ring = &group->rings[i].panes;
            const struct weir_pane_head *head =
                (const struct weir_pane_head *)(const void *)(slot + ring->head_offset);
            if (head->position >= ring->ring_count || head->tail_kept > 1) return false;
        }
    return true;
}
