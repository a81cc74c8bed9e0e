/* SPDX-License-Identifier: Apache-2.0 */
/* features_pages.c: what makes keyed windows beside the pages of their slots.
 *
 * format: head "features/small" 2, number of groups with windows, then per group, in the order of their
 *         descriptions: description, what its slots are made of (features_carry.c; not in format 1), layout
 * (two sizes and a hash over all offsets), hash seed, number of forgotten and of present keys, hand. The
 * pages are images of slots: positions and kept tails included, so the layout must be the same to the byte.
 * Raise the version when the bytes of a partial, of a pane ring's head or of a slot's head change their
 * meaning but not their size. errors: DATA or LIMIT with a text; the features must not be used then.
 */
#include <stdlib.h>
#include <string.h>

#include "core/features_carry.h"
#include "core/features_state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SMALL_NAME "features/small"
#define SMALL_VERSION 2
#define GROUP_MAX 65536
#define SLOT_BYTES_MAX ((size_t)1 << 24)

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
        weir_slot_carry_save(group, false, writer);
        weir_state_write_u64(writer, layout_of(group));
        weir_state_write_u64(writer, scalars.stride);
        weir_state_write_u64(writer, scalars.page_slots);
        weir_state_write_u64(writer, scalars.seed);
        weir_state_write_u64(writer, scalars.forgotten);
        weir_state_write_u64(writer, scalars.count);
        weir_state_write_u64(writer, scalars.hand);
    }
}

/* What a group says of itself. */
struct saved_group {
    const char *description;
    size_t description_len;
    struct weir_slot_carry *slots; /* NULL: format 1 */
    uint64_t layout;
    struct weir_keyspace_scalars scalars;
};

static int read_group(uint32_t format, struct saved_group *saved, struct weir_state_reader *reader) {
    struct weir_keyspace_scalars *scalars = &saved->scalars;
    saved->description = weir_state_read_view(reader, &saved->description_len);
    saved->slots = format > 1 ? weir_slot_carry_load(SLOT_BYTES_MAX, reader) : NULL;
    saved->layout = weir_state_read_u64(reader, UINT64_MAX);
    scalars->stride = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    scalars->page_slots = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    scalars->seed = weir_state_read_u64(reader, UINT64_MAX);
    scalars->forgotten = weir_state_read_u64(reader, UINT64_MAX);
    scalars->count = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    scalars->hand = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    return weir_state_reader_result(reader);
}

static bool is_described(const struct weir_features_group *group, const struct saved_group *saved) {
    return strlen(group->description) == saved->description_len &&
           !memcmp(group->description, saved->description, saved->description_len);
}

/* ---- the very same windows ---- */

static int load_group(struct weir_features *features, uint32_t number, uint32_t format,
                      struct weir_state_reader *reader) {
    const struct weir_features_group *group = &features->plan->groups[features->numbered[number]];
    struct saved_group saved = {0};
    int result = read_group(format, &saved, reader);
    weir_slot_carry_destroy(saved.slots);
    if (result) return result;
    if (!is_described(group, &saved)) {
        weir_state_reader_refuse(reader, "the state holds windows that this pipeline does not have");
        return WEIR_DATA;
    }
    result = saved.layout == layout_of(group)
                 ? weir_keyspace_make_room(weir_features_keyspace(features, number), &saved.scalars)
                 : WEIR_DATA;
    if (result == WEIR_DATA)
        weir_state_reader_refuse(reader, "the state's windows are laid out in another way");
    else if (result == WEIR_LIMIT)
        weir_state_reader_refuse(reader, "the state holds more keys than state.memory has room for");
    return result;
}

/* ---- what fits of others ---- */

static uint32_t number_of(const struct weir_features *features, uint32_t g) {
    for (uint32_t i = 0; i < features->numbered_count; i++)
        if (features->numbered[i] == g) return i;
    return UINT32_MAX;
}

/* Room for pages that do not stay as they are. */
static int make_buffer(struct weir_carried_group *carried, struct weir_state_reader *reader) {
    const struct weir_keyspace_scalars *scalars = &carried->scalars;
    bool sound = scalars->page_slots &&
                 scalars->stride >= WEIR_SLOT_HEAD_BYTES + weir_slot_carry_bytes(carried->slots) &&
                 (scalars->hand < scalars->count || !scalars->hand) && scalars->stride <= SLOT_BYTES_MAX;
    if (!sound) {
        weir_state_reader_refuse(reader, "a saved keyspace contradicts itself");
        return WEIR_DATA;
    }
    carried->pages = malloc((size_t)scalars->count * scalars->stride + 1);
    return carried->pages ? WEIR_OK : WEIR_NOMEM;
}

static int carry_group(struct weir_features *features, struct weir_carried_group *carried, bool *taken,
                       uint32_t format, struct weir_carry *carry, struct weir_state_reader *reader) {
    const struct weir_features_plan *plan = features->plan;
    struct saved_group saved = {0};
    int result = read_group(format, &saved, reader);
    carried->slots = saved.slots;
    carried->scalars = saved.scalars;
    carried->number = UINT32_MAX;
    if (result) return result;
    for (uint32_t i = 0; i < plan->group_count && !carried->whole; i++) {
        if (taken[i] || !plan->groups[i].ring_count || !is_described(&plan->groups[i], &saved) ||
            saved.layout != layout_of(&plan->groups[i]))
            continue;
        result = weir_keyspace_make_room(features->groups[i].keys, &saved.scalars);
        if (result == WEIR_NOMEM) return result;
        carried->whole = !result; /* else it has more keys than there is room for */
        if (!carried->whole) continue;
        taken[i] = true;
        carried->number = number_of(features, i);
    }
    if (carried->whole) return WEIR_OK;
    uint32_t g = plan->group_count;
    if (carried->slots)
        g = weir_slot_carry_match(carried->slots, plan, saved.description, saved.description_len, taken,
                                  carry);
    if (g == plan->group_count) return WEIR_OK;
    taken[g] = true;
    carried->number = number_of(features, g);
    return make_buffer(carried, reader);
}

static int carry_groups(struct weir_features *features, uint64_t count, uint32_t format,
                        struct weir_carry *carry, struct weir_state_reader *reader) {
    bool *taken = calloc(features->plan->group_count + 1, sizeof *taken);
    struct weir_features_carried *carried = features->carried = calloc(1, sizeof *carried);
    if (carried) carried->groups = calloc(count + 1, sizeof *carried->groups);
    int result = taken && carried && carried->groups ? WEIR_OK : WEIR_NOMEM;
    for (uint64_t i = 0; i < count && !result; i++) {
        carried->count++;
        result = carry_group(features, &carried->groups[i], taken, format, carry, reader);
    }
    if (!result) weir_features_carry_rest(features, taken, carry);
    free(taken);
    return result;
}

int weir_features_load_small(struct weir_features *features, struct weir_carry *carry,
                             struct weir_state_reader *reader) {
    uint32_t format = weir_state_read_head(reader, SMALL_NAME, SMALL_VERSION);
    uint64_t count = weir_state_read_u64(reader, GROUP_MAX);
    if (!weir_state_reader_result(reader) && count != features->numbered_count && !carry)
        weir_state_reader_refuse(reader,
                                 "the state holds another number of windowed groups than this pipeline");
    int result = weir_state_reader_result(reader);
    if (!result && carry) return carry_groups(features, count, format, carry, reader);
    for (uint32_t i = 0; i < features->numbered_count && !result; i++)
        result = load_group(features, i, format, reader);
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
