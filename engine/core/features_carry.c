/* SPDX-License-Identifier: Apache-2.0 */
#include "core/features_carry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_MAX 4096
#define TEXT_MAX 1024
#define USED_AGAIN 1u

struct saved_part {
    char *text; /* "moments(amount)" */
    uint32_t offset, bytes;
};
struct saved_ring {
    int64_t length_ms, pane_ms;
    uint32_t ring_count, newest_at, panes_at, pane_bytes;
    uint32_t first_part, part_count;
};
struct move { /* of a part, in every pane */
    uint32_t from, to, bytes;
};
struct ring_move {                 /* of a ring of this plan */
    const struct saved_ring *ring; /* NULL: starts empty */
    uint32_t first, count;         /* of moves */
};
struct weir_slot_carry {
    struct saved_ring *rings;
    struct saved_part *parts;
    uint32_t ring_count, part_count;
    size_t bytes;
    struct ring_move *ring_moves; /* once matched */
    struct move *moves;
    uint32_t move_count;
};

/* ---- saving ---- */

static const char *argument_text(const struct weir_features_group *group, uint32_t argument) {
    return argument >= group->argument_count ? "" : weir_expr_text(group->arguments[argument].expr);
}

static void part_text(const struct weir_features_group *group, const struct weir_pane_part *part,
                      char text[TEXT_MAX]) {
    snprintf(text, TEXT_MAX, "%s(%s)", part->partial->name, argument_text(group, part->argument));
}

void weir_slot_carry_save(const struct weir_features_group *group, bool packed,
                          struct weir_state_writer *writer) {
    size_t at = 0;
    weir_state_write_u64(writer, group->ring_count);
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_features_ring *ring = &group->rings[i];
        size_t panes = (size_t)ring->panes.ring_count * ring->panes.pane_bytes;
        weir_state_write_i64(writer, ring->length_ms);
        weir_state_write_i64(writer, ring->pane_ms);
        weir_state_write_u64(writer, ring->panes.ring_count);
        weir_state_write_u64(writer, packed ? at : ring->panes.head_offset);
        weir_state_write_u64(writer, packed ? at + sizeof(int64_t) : ring->panes.panes_offset);
        weir_state_write_u64(writer, ring->panes.pane_bytes);
        weir_state_write_u64(writer, ring->panes.part_count);
        at += sizeof(int64_t) + panes;
        for (uint32_t j = 0; j < ring->panes.part_count; j++) {
            char text[TEXT_MAX];
            part_text(group, &ring->panes.parts[j], text);
            weir_state_write_bytes(writer, text, strlen(text));
            weir_state_write_u64(writer, ring->panes.parts[j].offset);
            weir_state_write_u64(writer, ring->panes.parts[j].partial->bytes);
        }
    }
}

/* ---- loading ---- */

void weir_slot_carry_destroy(struct weir_slot_carry *carry) {
    if (!carry) return;
    for (uint32_t i = 0; i < carry->part_count; i++) free(carry->parts[i].text);
    free(carry->parts);
    free(carry->rings);
    free(carry->ring_moves);
    free(carry->moves);
    free(carry);
}

size_t weir_slot_carry_bytes(const struct weir_slot_carry *carry) { return carry->bytes; }

static bool load_part(struct weir_slot_carry *carry, uint32_t pane_bytes, struct weir_state_reader *reader) {
    size_t len;
    const char *text = weir_state_read_view(reader, &len);
    uint32_t offset = (uint32_t)weir_state_read_u64(reader, pane_bytes);
    uint32_t bytes = (uint32_t)weir_state_read_u64(reader, pane_bytes - offset);
    if (weir_state_reader_result(reader)) return false;
    struct saved_part *parts = realloc(carry->parts, (carry->part_count + 1) * sizeof *parts);
    if (!parts) return false;
    carry->parts = parts;
    parts[carry->part_count] = (struct saved_part){strndup(text, len), offset, bytes};
    return parts[carry->part_count++].text != NULL;
}

/* All offsets lie within the slot. */
static bool load_ring(struct weir_slot_carry *carry, struct saved_ring *ring, size_t max,
                      struct weir_state_reader *reader) {
    ring->length_ms = weir_state_read_i64(reader);
    ring->pane_ms = weir_state_read_i64(reader);
    ring->ring_count = (uint32_t)weir_state_read_u64(reader, WEIR_PANE_RING_MAX);
    ring->newest_at = (uint32_t)weir_state_read_u64(reader, max);
    ring->panes_at = (uint32_t)weir_state_read_u64(reader, max);
    ring->pane_bytes = (uint32_t)weir_state_read_u64(reader, max);
    ring->part_count = (uint32_t)weir_state_read_u64(reader, RING_MAX);
    ring->first_part = carry->part_count;
    if (weir_state_reader_result(reader)) return false;
    size_t end = ring->panes_at + (size_t)ring->ring_count * ring->pane_bytes;
    if (ring->newest_at + sizeof(int64_t) > end) end = ring->newest_at + sizeof(int64_t);
    if (end > max || ring->pane_ms <= 0 || !ring->ring_count) {
        weir_state_reader_refuse(reader, "a saved ring does not fit its slot");
        return false;
    }
    if (end > carry->bytes) carry->bytes = end;
    for (uint32_t j = 0; j < ring->part_count; j++)
        if (!load_part(carry, ring->pane_bytes, reader)) return false;
    return true;
}

struct weir_slot_carry *weir_slot_carry_load(size_t slot_bytes_max, struct weir_state_reader *reader) {
    uint32_t count = (uint32_t)weir_state_read_u64(reader, RING_MAX);
    if (weir_state_reader_result(reader)) return NULL;
    struct weir_slot_carry *carry = calloc(1, sizeof *carry);
    bool good = carry && (carry->rings = calloc(count + 1, sizeof *carry->rings));
    for (uint32_t i = 0; good && i < count; i++, carry->ring_count++)
        good = load_ring(carry, &carry->rings[i], slot_bytes_max, reader);
    if (good) return carry;
    weir_state_reader_fail(reader, WEIR_NOMEM, "no memory for a saved state"); /* unless it failed before */
    weir_slot_carry_destroy(carry);
    return NULL;
}

/* ---- matching ---- */

static const struct saved_ring *same_ring(const struct weir_slot_carry *carry,
                                          const struct weir_features_ring *ring) {
    for (uint32_t i = 0; i < carry->ring_count; i++) {
        const struct saved_ring *saved = &carry->rings[i];
        if (saved->length_ms == ring->length_ms && saved->pane_ms == ring->pane_ms &&
            saved->ring_count == ring->panes.ring_count)
            return saved;
    }
    return NULL;
}

static const struct saved_part *same_part(const struct weir_slot_carry *carry, const struct saved_ring *ring,
                                          const char *text, uint32_t bytes) {
    for (uint32_t i = 0; ring && i < ring->part_count; i++) {
        const struct saved_part *part = &carry->parts[ring->first_part + i];
        if (part->bytes == bytes && !strcmp(part->text, text)) return part;
    }
    return NULL;
}

static const struct saved_part *saved_part_of(const struct weir_slot_carry *carry,
                                              const struct weir_features_group *group,
                                              const struct weir_features_ring *ring, uint32_t part) {
    char text[TEXT_MAX];
    part_text(group, &ring->panes.parts[part], text);
    return same_part(carry, same_ring(carry, ring), text, ring->panes.parts[part].partial->bytes);
}

static uint32_t common_parts(const struct weir_slot_carry *carry, const struct weir_features_group *group) {
    uint32_t common = 0;
    for (uint32_t i = 0; i < group->ring_count; i++)
        for (uint32_t j = 0; j < group->rings[i].panes.part_count; j++)
            common += saved_part_of(carry, group, &group->rings[i], j) != NULL;
    return common;
}

static bool same_key(const char *own, const char *saved, size_t len) {
    size_t line = strcspn(own, "\n");
    const char *end = memchr(saved, '\n', len);
    return end && (size_t)(end - saved) == line && !memcmp(own, saved, line);
}

static uint32_t choose(const struct weir_slot_carry *carry, const struct weir_features_plan *plan,
                       const char *description, size_t len, const bool *taken) {
    uint32_t best = plan->group_count, most = 0;
    for (uint32_t i = 0; i < plan->group_count; i++) {
        const char *own = plan->groups[i].description;
        if (!own || taken[i]) continue;
        if (strlen(own) == len && !memcmp(own, description, len)) return i;
        uint32_t common = same_key(own, description, len) ? common_parts(carry, &plan->groups[i]) : 0;
        if (common <= most) continue;
        most = common;
        best = i;
    }
    return best;
}

static void tell_part(struct weir_carry *report, const char *what, const struct weir_features_group *group,
                      int64_t length_ms, const char *part) {
    struct weir_buffer text;
    weir_buffer_init(&text);
    weir_buffer_format(&text, "%s over %lld ms, %.*s", part, (long long)length_ms,
                       (int)strcspn(group->description, "\n"), group->description);
    weir_carry_tell(report, what, weir_buffer_text(&text) ? weir_buffer_text(&text) : part);
    weir_buffer_deinit(&text);
}

/* Which bytes go where; false: no memory. */
static bool plan_moves(struct weir_slot_carry *carry, const struct weir_features_group *group,
                       struct weir_carry *report) {
    carry->ring_moves = calloc(group->ring_count + 1, sizeof *carry->ring_moves);
    carry->moves = calloc(group->part_count + 1, sizeof *carry->moves);
    bool *used = calloc(carry->part_count + 1, sizeof *used);
    bool good = carry->ring_moves && carry->moves && used;
    for (uint32_t i = 0; good && i < group->ring_count; i++) {
        const struct weir_features_ring *ring = &group->rings[i];
        carry->ring_moves[i] = (struct ring_move){same_ring(carry, ring), carry->move_count, 0};
        for (uint32_t j = 0; j < ring->panes.part_count; j++) {
            const struct weir_pane_part *part = &ring->panes.parts[j];
            const struct saved_part *saved = saved_part_of(carry, group, ring, j);
            char text[TEXT_MAX];
            part_text(group, part, text);
            if (!saved) {
                tell_part(report, "starts cold", group, ring->length_ms, text);
                continue;
            }
            used[saved - carry->parts] = true;
            carry->moves[carry->move_count++] = (struct move){saved->offset, part->offset, saved->bytes};
            carry->ring_moves[i].count++;
        }
    }
    for (uint32_t i = 0; good && i < carry->ring_count; i++)
        for (uint32_t j = 0; j < carry->rings[i].part_count; j++) {
            uint32_t part = carry->rings[i].first_part + j;
            if (!used[part])
                tell_part(report, "dropped", group, carry->rings[i].length_ms, carry->parts[part].text);
        }
    free(used);
    return good;
}

uint32_t weir_slot_carry_match(struct weir_slot_carry *carry, const struct weir_features_plan *plan,
                               const char *description, size_t len, const bool *taken,
                               struct weir_carry *report) {
    uint32_t chosen = choose(carry, plan, description, len, taken);
    if (chosen < plan->group_count && plan_moves(carry, &plan->groups[chosen], report)) return chosen;
    char *text = strndup(description, len);
    for (char *c = text; c && *c; c++)
        if (*c == '\n') *c = c[1] ? ';' : '\0';
    weir_carry_tell(report, "dropped", text ? text : "windows");
    free(text);
    return plan->group_count;
}

/* ---- moving ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* The time up to which the key has been seen: no ring that starts empty begins before it. */
static int64_t seen_ms(const struct weir_slot_carry *carry, const unsigned char *saved) {
    int64_t seen = INT64_MIN;
    for (uint32_t i = 0; i < carry->ring_count; i++) {
        int64_t newest, begin;
        memcpy(&newest, saved + carry->rings[i].newest_at, sizeof newest);
        if (__builtin_mul_overflow(newest, carry->rings[i].pane_ms, &begin)) begin = 0;
        if (begin > seen) seen = begin;
    }
    return seen;
}

void weir_slot_carry_move(const struct weir_slot_carry *carry, const struct weir_features_group *group,
                          const unsigned char *saved, unsigned char *slot) {
    int64_t seen = seen_ms(carry, saved);
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_features_ring *ring = &group->rings[i];
        const struct ring_move *move = &carry->ring_moves[i];
        int64_t newest = floor_div(seen, ring->pane_ms);
        if (move->ring) memcpy(&newest, saved + move->ring->newest_at, sizeof newest);
        weir_pane_ring_start(&ring->panes, slot, newest);
        for (uint32_t pane = 0; move->ring && pane < ring->panes.ring_count; pane++) {
            const unsigned char *from = saved + move->ring->panes_at + (size_t)pane * move->ring->pane_bytes;
            unsigned char *to = slot + ring->panes.panes_offset + (size_t)pane * ring->panes.pane_bytes;
            for (uint32_t j = move->first; j < move->first + move->count; j++)
                memcpy(to + carry->moves[j].to, from + carry->moves[j].from, carry->moves[j].bytes);
        }
    }
}

void weir_features_carry_rest(struct weir_features *features, const bool *taken, struct weir_carry *report) {
    const struct weir_features_plan *plan = features->plan;
    uint64_t seed = report->seed;
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (taken[i] && features->groups[i].keys) seed = weir_keyspace_seed(features->groups[i].keys);
    for (uint32_t i = 0; i < plan->group_count; i++) {
        const struct weir_features_group *group = &plan->groups[i];
        if (taken[i] || !features->groups[i].keys) continue;
        weir_keyspace_clear(features->groups[i].keys, seed, 0);
        for (uint32_t j = 0; j < group->ring_count; j++)
            for (uint32_t k = 0; k < group->rings[j].panes.part_count; k++) {
                char text[TEXT_MAX];
                part_text(group, &group->rings[j].panes.parts[k], text);
                tell_part(report, "starts cold", group, group->rings[j].length_ms, text);
            }
    }
}

/* ---- pages ---- */

void weir_features_carried_destroy(struct weir_features_carried *carried) {
    if (!carried) return;
    for (uint32_t i = 0; i < carried->count; i++) {
        weir_slot_carry_destroy(carried->groups[i].slots);
        free(carried->groups[i].pages);
    }
    free(carried->groups);
    free(carried);
}

uint32_t weir_carried_page_count(const struct weir_carried_group *group) {
    return (uint32_t)(((uint64_t)group->scalars.count + group->scalars.page_slots - 1) /
                      group->scalars.page_slots);
}

size_t weir_carried_page_bytes(const struct weir_carried_group *group, uint32_t page) {
    uint32_t first = page * group->scalars.page_slots, left = group->scalars.count - first;
    return (size_t)(left < group->scalars.page_slots ? left : group->scalars.page_slots) *
           group->scalars.stride;
}

/* In the order in which they come up for being forgotten; with a smaller cap, the first of them are. */
static int fill_group(struct weir_features *features, const struct weir_carried_group *saved) {
    struct weir_keyspace *keys = weir_features_keyspace(features, saved->number);
    const struct weir_features_group *group = &features->plan->groups[features->numbered[saved->number]];
    uint32_t count = saved->scalars.count, max = weir_keyspace_key_max(keys);
    uint32_t skip = count > max ? count - max : 0;
    weir_keyspace_clear(keys, saved->scalars.seed, saved->scalars.forgotten + skip);
    for (uint32_t i = skip; i < count; i++) {
        uint64_t number = (uint64_t)saved->scalars.hand + i;
        const unsigned char *slot = saved->pages + number % count * saved->scalars.stride;
        struct weir_key key;
        memcpy(&key.low, slot, sizeof key.low);
        memcpy(&key.high, slot + sizeof key.low, sizeof key.high);
        unsigned char *into = weir_keyspace_restore(keys, key, key.high & USED_AGAIN);
        if (!into) return weir_keyspace_find(keys, key) ? WEIR_DATA : WEIR_NOMEM;
        weir_slot_carry_move(saved->slots, group, slot + WEIR_SLOT_HEAD_BYTES, into);
    }
    return WEIR_OK;
}

int weir_features_carried_end(struct weir_features *features) {
    int result = WEIR_OK;
    for (uint32_t i = 0; i < features->carried->count && !result; i++) {
        const struct weir_carried_group *saved = &features->carried->groups[i];
        if (saved->number != UINT32_MAX && !saved->whole) result = fill_group(features, saved);
    }
    weir_features_carried_destroy(features->carried);
    features->carried = NULL;
    return result;
}
