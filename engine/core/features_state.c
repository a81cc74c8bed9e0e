/* SPDX-License-Identifier: Apache-2.0 */
/* features_state.c: snapshots of the keyed windows.
 *
 * format: head "features" 2, number of groups with windows, then per group its description, what its slots
 * are made of (features_carry.c; not in format 1), hash seed, number of forgotten and of present keys, and
 * per key one byte string: key (16), then per ring the newest pane's index (8) and the panes in position
 * order. Little-endian. Keys come in the order in which they would be forgotten, so a restored keyspace has
 * its hand at the first of them and goes on as the saved one would. match:  groups are found by their
 * description (by, windows, partials, arguments), not by place: reordering the file keeps the state.
 * Positions and kept tails follow from the newest index and the panes, so they are not saved, and saving what
 * was loaded gives the same bytes. errors: DATA with a text when the state belongs to other features or is
 * damaged; the features are then empty.
 */
#include "core/features_state.h"
#include "core/features_carry.h"

#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "snapshots are little-endian: swap here when such a machine turns up"
#endif

#define STATE_NAME "features"
#define STATE_VERSION 2
#define USED_AGAIN 1u
#define DESCRIPTION_MAX 65536
#define SLOT_BYTES_MAX ((size_t)1 << 24)

static size_t packed_bytes(const struct weir_features_group *group) {
    size_t bytes = 2 * sizeof(uint64_t);
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_pane_ring *ring = &group->rings[i].panes;
        bytes += sizeof(int64_t) + (size_t)ring->ring_count * ring->pane_bytes;
    }
    return bytes;
}

static void pack(const struct weir_features_group *group, const unsigned char *slot, unsigned char *out) {
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_pane_ring *ring = &group->rings[i].panes;
        size_t panes = (size_t)ring->ring_count * ring->pane_bytes;
        memcpy(out, &((const struct weir_pane_head *)(slot + ring->head_offset))->newest, sizeof(int64_t));
        memcpy(out + sizeof(int64_t), slot + ring->panes_offset, panes);
        out += sizeof(int64_t) + panes;
    }
}

static void unpack(const struct weir_features_group *group, unsigned char *slot, const unsigned char *in) {
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_pane_ring *ring = &group->rings[i].panes;
        size_t panes = (size_t)ring->ring_count * ring->pane_bytes;
        int64_t newest;
        memcpy(&newest, in, sizeof newest);
        weir_pane_ring_start(ring, slot, newest);
        memcpy(slot + ring->panes_offset, in + sizeof newest, panes);
        in += sizeof newest + panes;
    }
}

static uint32_t windowed_group_count(const struct weir_features_plan *plan) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->group_count; i++) count += plan->groups[i].ring_count > 0;
    return count;
}

static void save_group(const struct weir_features_group *group, const struct weir_keyspace *keys,
                       unsigned char *packed, struct weir_state_writer *writer) {
    size_t bytes = packed_bytes(group);
    uint32_t count = weir_keyspace_count(keys);
    weir_state_write_bytes(writer, group->description, strlen(group->description));
    weir_slot_carry_save(group, true, writer);
    weir_state_write_u64(writer, weir_keyspace_seed(keys));
    weir_state_write_u64(writer, weir_keyspace_forgotten(keys));
    weir_state_write_u64(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        struct weir_key key;
        bool used_again;
        const unsigned char *slot = weir_keyspace_at(keys, i, &key, &used_again);
        key.high |= used_again ? USED_AGAIN : 0;
        memcpy(packed, &key.low, sizeof key.low);
        memcpy(packed + sizeof key.low, &key.high, sizeof key.high);
        pack(group, slot, packed + 2 * sizeof(uint64_t));
        weir_state_write_bytes(writer, packed, bytes);
    }
}

size_t weir_features_packing_bytes(const struct weir_features_plan *plan) {
    size_t largest = DESCRIPTION_MAX;
    for (uint32_t i = 0; i < plan->group_count; i++) {
        size_t bytes = packed_bytes(&plan->groups[i]);
        if (bytes > largest) largest = bytes;
    }
    return largest;
}

void weir_features_save(const struct weir_features *features, struct weir_state_writer *writer) {
    const struct weir_features_plan *plan = features->plan;
    weir_state_write_head(writer, STATE_NAME, STATE_VERSION);
    weir_state_write_u64(writer, windowed_group_count(plan));
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (features->groups[i].keys)
            save_group(&plan->groups[i], features->groups[i].keys, features->packed, writer);
}

/* --- loading ----------------------------------------------------------------------------------------------
 */

/* The group of this description that has not been loaded yet, or plan->group_count. */
static uint32_t find_group(const struct weir_features *features, const char *description, size_t len,
                           const bool *loaded) {
    const struct weir_features_plan *plan = features->plan;
    for (uint32_t i = 0; i < plan->group_count; i++) {
        const char *own = plan->groups[i].description;
        if (own && !loaded[i] && strlen(own) == len && !memcmp(own, description, len)) return i;
    }
    return plan->group_count;
}

/* The slot of the key that stands at packed. NULL: refused. */
static unsigned char *restore_key(struct weir_keyspace *keys, const unsigned char *packed,
                                  struct weir_state_reader *reader) {
    struct weir_key key;
    memcpy(&key.low, packed, sizeof key.low);
    memcpy(&key.high, packed + sizeof key.low, sizeof key.high);
    unsigned char *slot = weir_keyspace_restore(keys, key, key.high & USED_AGAIN);
    if (!slot)
        weir_state_reader_refuse(reader, "a key stands twice in the state, or there is no memory for it");
    return slot;
}

/* With a smaller cap than when it was saved, the keys next to be forgotten are. */
static void load_keys(const struct weir_features_group *group, struct weir_keyspace *keys, uint64_t count,
                      unsigned char *packed, struct weir_state_reader *reader) {
    size_t bytes = packed_bytes(group);
    uint64_t skip = count > weir_keyspace_key_max(keys) ? count - weir_keyspace_key_max(keys) : 0;
    for (uint64_t i = 0; i < count && weir_state_reader_result(reader) == WEIR_OK; i++) {
        size_t len = weir_state_read_bytes(reader, packed, bytes);
        if (weir_state_reader_result(reader) != WEIR_OK) return;
        if (len != bytes) {
            weir_state_reader_refuse(reader, "a key's windows have the wrong size");
            return;
        }
        if (i < skip) continue;
        unsigned char *slot = restore_key(keys, packed, reader);
        if (!slot) return;
        unpack(group, slot, packed + 2 * sizeof(uint64_t));
    }
}

/* Keys of a group that is another one now. slots NULL: they are dropped. */
static void carry_keys(struct weir_features *features, uint32_t g, uint64_t count,
                       const struct weir_slot_carry *slots, struct weir_state_reader *reader) {
    struct weir_keyspace *keys = slots ? features->groups[g].keys : NULL;
    uint64_t max = keys ? weir_keyspace_key_max(keys) : 0, skip = count > max ? count - max : 0;
    for (uint64_t i = 0; i < count; i++) {
        size_t len;
        const unsigned char *packed = weir_state_read_view(reader, &len);
        if (weir_state_reader_result(reader)) return;
        if (!keys || i < skip) continue;
        if (len != sizeof(struct weir_key) + weir_slot_carry_bytes(slots)) {
            weir_state_reader_refuse(reader, "a key's windows have the wrong size");
            return;
        }
        unsigned char *slot = restore_key(keys, packed, reader);
        if (!slot) return;
        weir_slot_carry_move(slots, &features->plan->groups[g], packed + sizeof(struct weir_key), slot);
    }
}

struct loading {
    uint32_t format;
    bool *loaded;
    struct weir_carry *carry;
};

static void load_group(struct weir_features *features, const struct loading *loading,
                       struct weir_state_reader *reader) {
    const struct weir_features_plan *plan = features->plan;
    size_t len;
    const char *description = weir_state_read_view(reader, &len);
    struct weir_slot_carry *slots = loading->format > 1 ? weir_slot_carry_load(SLOT_BYTES_MAX, reader) : NULL;
    uint64_t seed = weir_state_read_u64(reader, UINT64_MAX);
    uint64_t forgotten = weir_state_read_u64(reader, UINT64_MAX);
    uint64_t count = weir_state_read_u64(reader, UINT32_MAX);
    if (weir_state_reader_result(reader) != WEIR_OK) goto out;
    uint32_t g = find_group(features, description, len, loading->loaded);
    bool same = g < plan->group_count;
    if (!same && !loading->carry) {
        weir_state_reader_refuse(reader, "the state holds windows that this pipeline does not have");
        goto out;
    }
    if (!same && slots)
        g = weir_slot_carry_match(slots, plan, description, len, loading->loaded, loading->carry);
    if (g < plan->group_count) {
        struct weir_keyspace *keys = features->groups[g].keys;
        uint64_t key_max = weir_keyspace_key_max(keys);
        loading->loaded[g] = true;
        weir_keyspace_clear(keys, seed, forgotten + (count > key_max ? count - key_max : 0));
    }
    if (same)
        load_keys(&plan->groups[g], features->groups[g].keys, count, features->packed, reader);
    else
        carry_keys(features, g, count, g < plan->group_count ? slots : NULL, reader);
out:
    weir_slot_carry_destroy(slots);
}

int weir_features_load(struct weir_features *features, struct weir_carry *carry,
                       struct weir_state_reader *reader) {
    const struct weir_features_plan *plan = features->plan;
    struct loading loading = {.loaded = calloc(plan->group_count + 1, sizeof *loading.loaded),
                              .carry = carry};
    if (!loading.loaded) return WEIR_NOMEM;
    loading.format = weir_state_read_head(reader, STATE_NAME, STATE_VERSION);
    uint64_t groups = weir_state_read_u64(reader, UINT32_MAX);
    if (weir_state_reader_result(reader) == WEIR_OK && groups != windowed_group_count(plan) && !carry)
        weir_state_reader_refuse(reader,
                                 "the state holds another number of windowed groups than this pipeline");
    for (uint64_t i = 0; i < groups && weir_state_reader_result(reader) == WEIR_OK; i++)
        load_group(features, &loading, reader);
    if (weir_state_reader_result(reader) == WEIR_OK && carry)
        weir_features_carry_rest(features, loading.loaded, carry);
    if (weir_state_reader_result(reader) != WEIR_OK)
        for (uint32_t i = 0; i < plan->group_count; i++)
            if (features->groups[i].keys)
                weir_keyspace_clear(features->groups[i].keys, weir_keyspace_seed(features->groups[i].keys),
                                    0);
    free(loading.loaded);
    return weir_state_reader_result(reader);
}
