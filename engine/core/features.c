/* SPDX-License-Identifier: Apache-2.0 */
/* features.c: computes the feature columns of a batch.
 *
 * idea:   group after group over the whole batch, rows in order. Keys are independent between groups, so this
 * gives what row after row would give. Within a group, rows are worked in blocks whose passes each ask for
 *         the memory that the next pass reads: index places, slot fronts, newest panes. With a million keys
 *         nearly every row misses the caches; asked for in advance, the misses of a block overlap.
 * eviction: a slot found early in a block may be forgotten for a new key later in the block. Slots do not
 * move, so found ones are good as long as the count of forgotten keys has not changed.
 */
#include "core/features.h"

#include <stdlib.h>
#include <string.h>

#include "core/features_carry.h"
#include "core/features_state.h"

#define BLOCK 16
#define PASS __attribute__((noinline)) /* a loop of its own, with the registers to itself */

/* --- keys -------------------------------------------------------------------------------------------------
 */

/* The bytes that identify a cell; *bytes points into the cell or to *number. False: null. */
static inline bool cell_bytes(const struct weir_value *cell, uint64_t *number, const void **bytes,
                              uint32_t *len) {
    if (cell->null) return false;
    *bytes = number;
    *len = sizeof *number;
    switch (cell->type) {
        case WEIR_STRING:
        case WEIR_CATEGORY:
            *bytes = cell->len ? cell->as.s : "";
            *len = cell->len;
            return true;
        case WEIR_BOOL:
            *number = cell->as.b;
            return true;
        case WEIR_FLOAT64: {
            double x = cell->as.f + 0.0; /* -0.0 is the same key as 0.0 */
            memcpy(number, &x, sizeof x);
            return !isnan(x);
        }
        default:
            memcpy(number, &cell->as.i, sizeof *number);
            return true;
    }
}

enum key_result { KEY_FOUND, KEY_NULL, KEY_NO_MEMORY };

/* One column: its bytes. Several: each with its length before it, so that ("ab","c") is not ("a","bc"). */
static enum key_result key_of_row(struct weir_features *features, const struct weir_features_group *group,
                                  const struct weir_keyspace *keys, const struct weir_value *cells,
                                  struct weir_key *key) {
    uint64_t number;
    const void *bytes;
    uint32_t len;
    if (group->by_count == 1) {
        if (!cell_bytes(&cells[group->by[0]], &number, &bytes, &len)) return KEY_NULL;
        *key = weir_keyspace_hash(keys, bytes, len);
        return KEY_FOUND;
    }
    weir_buffer_clear(&features->key);
    for (uint32_t i = 0; i < group->by_count; i++) {
        if (!cell_bytes(&cells[group->by[i]], &number, &bytes, &len)) return KEY_NULL;
        if (weir_buffer_append(&features->key, &len, sizeof len) ||
            weir_buffer_append(&features->key, bytes, len))
            return KEY_NO_MEMORY;
    }
    *key = weir_keyspace_hash(keys, features->key.len ? features->key.data : "", features->key.len);
    return KEY_FOUND;
}

/* --- one row ----------------------------------------------------------------------------------------------
 */

static int64_t look_up_pane(const struct weir_features_plan *plan, const struct weir_features_ring *ring,
                            struct weir_features_clock *clock, int64_t time_ms) {
    int64_t pane = plan->window->pane_of(&ring->window, time_ms);
    clock->first_ms = time_ms; /* a pane's start is not asked for: it is learned as earlier times come by */
    clock->end_ms = plan->window->next_close(&ring->window, time_ms);
    clock->pane = pane;
    return pane;
}
static inline int64_t pane_of(const struct weir_features_plan *plan, const struct weir_features_ring *ring,
                              struct weir_features_clock *clock, int64_t time_ms) {
    if (time_ms >= clock->first_ms && time_ms < clock->end_ms) return clock->pane;
    return look_up_pane(plan, ring, clock, time_ms);
}

static double argument_of(const struct weir_features_argument *argument, const struct weir_value *cells,
                          struct weir_arena *arena) {
    struct weir_value computed;
    const struct weir_value *value = &cells[argument->cell];
    if (argument->cell < 0) {
        computed = weir_expr_eval(argument->expr, cells, NULL, arena);
        value = &computed;
    }
    if (argument->text) return value->null ? (double)NAN : 0;
    return weir_value_number(value);
}

static void compute_columns(const struct weir_features_group *group, const struct weir_value *aggregates,
                            struct weir_value *cells, struct weir_arena *arena) {
    for (uint32_t i = 0; i < group->computed_count; i++) {
        uint32_t column = group->computed[i];
        cells[group->first_cell + column] = weir_expr_eval(group->columns[column], cells, aggregates, arena);
    }
}

/* --- a block of rows --------------------------------------------------------------------------------------
 */

struct block {
    struct weir_event *const *events;
    uint32_t count, null_count;
    struct weir_value *rows[BLOCK];
    struct weir_key keys[BLOCK];
    unsigned char *slots[BLOCK]; /* NULL: not there when looked for */
    uint32_t numbers[BLOCK];     /* of the slots */
    bool null[BLOCK];            /* without a key */
};

/* Passes that each read what the one before asked for: rows, index, fronts of slots, panes. */
static int hash_block(struct weir_features *features, const struct weir_features_group *group,
                      const struct weir_keyspace *keys, struct block *block) {
    block->null_count = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        block->rows[i] = block->events[i]->cells;
        enum key_result result = key_of_row(features, group, keys, block->rows[i], &block->keys[i]);
        if (result == KEY_NO_MEMORY) return WEIR_NOMEM;
        block->null[i] = result == KEY_NULL;
        block->null_count += block->null[i];
        if (!block->null[i]) weir_keyspace_prefetch(keys, block->keys[i]);
    }
    return WEIR_OK;
}

PASS static void find_block(const struct weir_features_group *group, const struct weir_keyspace *keys,
                            struct block *block) {
    size_t bytes = group->front_bytes;
    for (uint32_t i = 0; i < block->count; i++)
        block->slots[i] =
            block->null[i] ? NULL : weir_keyspace_guess(keys, block->keys[i], bytes, &block->numbers[i]);
    for (uint32_t i = 0; i < block->count; i++)
        if (!block->null[i])
            block->slots[i] =
                weir_keyspace_find_guessed(keys, block->keys[i], block->slots[i], &block->numbers[i]);
}

PASS static void find_panes(const struct weir_features_plan *plan, const struct weir_features_group *group,
                            struct weir_features_group_state *state, const struct block *block) {
    for (uint32_t j = 0; j < group->ring_count; j++) {
        const struct weir_features_ring *ring = &group->rings[j];
        int64_t *panes = state->panes + j;
        for (uint32_t i = 0; i < block->count; i++, panes += group->ring_count) {
            *panes = pane_of(plan, ring, &state->clocks[j], block->events[i]->time_ms);
            if (block->slots[i]) weir_pane_ring_prefetch(&ring->panes, block->slots[i], *panes);
        }
    }
}

PASS static void find_arguments(const struct weir_features_group *group,
                                struct weir_features_group_state *state, const struct block *block,
                                struct weir_arena *arena) {
    for (uint32_t j = 0; j < group->argument_count; j++) {
        const struct weir_features_argument *argument = &group->arguments[j];
        double *to = state->arguments + j;
        for (uint32_t i = 0; i < block->count; i++, to += group->argument_count + 1)
            *to = argument_of(argument, block->rows[i], arena);
    }
}

/* In row order: a key may occur more than once, and a new one may take the slot of one found before. */
PASS static int step_block(const struct weir_features_group *group, struct weir_features_group_state *state,
                           struct block *block) {
    const int64_t *panes = state->panes;
    const double *arguments = state->arguments;
    unsigned char *out = state->out;
    uint64_t forgotten = weir_keyspace_forgotten(state->keys);
    bool found_hold = true; /* no slot of the block has been given to another key */
    for (uint32_t i = 0; i < block->count; i++) {
        unsigned char *slot = block->slots[i];
        if (slot && found_hold) {
            weir_keyspace_touch(state->keys, slot, block->numbers[i]);
        } else if (!block->null[i]) {
            bool added;
            slot = weir_keyspace_add(state->keys, block->keys[i], &added);
            if (!slot) return WEIR_NOMEM;
            found_hold = weir_keyspace_forgotten(state->keys) == forgotten;
            for (uint32_t j = 0; added && j < group->ring_count; j++)
                weir_pane_ring_start(&group->rings[j].panes, slot, panes[j]);
        }
        const struct weir_features_ring *ring = group->rings, *end = ring + group->ring_count;
        for (const int64_t *pane = panes; slot && ring < end; ring++, pane++)
            weir_pane_ring_step(&ring->panes, slot, *pane, arguments, out + ring->out_offset);
        panes += group->ring_count;
        arguments += group->argument_count + 1;
        out += group->out_bytes;
    }
    return WEIR_OK;
}

/* Columns that are an aggregate go straight to their cells, one aggregate over all rows at a time. */
PASS static void read_block(const struct weir_features_group *group, struct weir_features_group_state *state,
                            const struct block *block) {
    for (uint32_t i = 0; i < group->copy_count; i++) {
        const struct weir_features_read *read = &group->reads[group->copies[i].aggregate];
        read->aggregate->read(state->out + read->out_offset, group->out_bytes, block->count, block->rows,
                              group->first_cell + group->copies[i].column);
    }
    struct weir_value *rows[BLOCK];
    for (uint32_t i = 0; group->used_count && i < block->count; i++)
        rows[i] = state->aggregates + (size_t)i * group->aggregates.count;
    for (uint32_t i = 0; i < group->used_count; i++) {
        const struct weir_features_read *read = &group->reads[group->used[i]];
        read->aggregate->read(state->out + read->out_offset, group->out_bytes, block->count, rows,
                              group->used[i]);
    }
}

/* A row without a key has no windows: what was read for it is replaced. */
static void read_nulls(const struct weir_features_group *group, struct weir_features_group_state *state,
                       const struct block *block) {
    for (uint32_t i = 0; i < block->count; i++) {
        if (!block->null[i]) continue;
        struct weir_value *aggregates = state->aggregates + (size_t)i * group->aggregates.count;
        for (uint32_t j = 0; j < group->aggregates.count; j++)
            aggregates[j] = weir_value_null(group->reads[j].aggregate->type);
        for (uint32_t j = 0; j < group->copy_count; j++)
            block->rows[i][group->first_cell + group->copies[j].column] =
                aggregates[group->copies[j].aggregate];
    }
}

static int compute_block(struct weir_features *features, uint32_t index, struct block *block,
                         struct weir_arena *arena) {
    const struct weir_features_group *group = &features->plan->groups[index];
    struct weir_features_group_state *state = &features->groups[index];
    if (hash_block(features, group, state->keys, block)) return WEIR_NOMEM;
    find_block(group, state->keys, block);
    find_panes(features->plan, group, state, block);
    find_arguments(group, state, block, arena);
    if (step_block(group, state, block)) return WEIR_NOMEM;
    read_block(group, state, block);
    if (block->null_count) read_nulls(group, state, block);
    if (group->computed_count)
        for (uint32_t i = 0; i < block->count; i++)
            compute_columns(group, state->aggregates + (size_t)i * group->aggregates.count, block->rows[i],
                            arena);
    return WEIR_OK;
}

int weir_features_compute(struct weir_features *features, struct weir_event *const *events, uint32_t count,
                          struct weir_arena *arena) {
    for (uint32_t g = 0; g < features->plan->group_count; g++) {
        const struct weir_features_group *group = &features->plan->groups[g];
        if (!features->groups[g].keys) {
            for (uint32_t i = 0; i < count; i++) compute_columns(group, NULL, events[i]->cells, arena);
            continue;
        }
        struct block block;
        for (uint32_t at = 0; at < count; at += block.count) {
            block.events = events + at;
            block.count = count - at < BLOCK ? count - at : BLOCK;
            int result = compute_block(features, g, &block, arena);
            if (result) return result;
        }
    }
    return WEIR_OK;
}

/* --- life -------------------------------------------------------------------------------------------------
 */

static bool create_group(struct weir_features_group_state *state, const struct weir_features_group *group,
                         uint32_t key_max, uint64_t seed) {
    state->keys = weir_keyspace_create(group->slot_bytes, group->by_count ? key_max : 1, seed);
    state->clocks = calloc(group->ring_count, sizeof *state->clocks);
    state->panes = calloc((size_t)BLOCK * group->ring_count, sizeof *state->panes);
    state->out = calloc(BLOCK, group->out_bytes);
    state->arguments = calloc((size_t)BLOCK * (group->argument_count + 1), sizeof *state->arguments);
    state->aggregates = calloc((size_t)BLOCK * group->aggregates.count, sizeof *state->aggregates);
    return state->keys && state->clocks && state->panes && state->out && state->arguments &&
           state->aggregates;
}

/* The cap is shared so that every group may hold the same number of keys. */
static uint32_t key_max_of(const struct weir_features_plan *plan, size_t memory_bytes) {
    size_t per_key = 0;
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (plan->groups[i].by_count) per_key += weir_features_plan_key_bytes(plan, i);
    if (!per_key || memory_bytes / per_key > UINT32_MAX) return UINT32_MAX;
    return (uint32_t)(memory_bytes / per_key);
}

struct weir_features *weir_features_create(const struct weir_features_plan *plan, uint64_t hash_seed,
                                           size_t memory_bytes) {
    struct weir_features *features = calloc(1, sizeof *features);
    if (!features) return NULL;
    features->plan = plan;
    weir_buffer_init(&features->key);
    features->groups = calloc(plan->group_count + 1, sizeof *features->groups);
    features->packed = malloc(weir_features_packing_bytes(plan));
    features->numbered = calloc(plan->group_count + 1, sizeof *features->numbered);
    bool done = features->groups && features->packed && features->numbered;
    if (done) weir_features_number(features);
    uint32_t key_max = key_max_of(plan, memory_bytes);
    for (uint32_t i = 0; done && i < plan->group_count; i++)
        if (plan->groups[i].ring_count)
            done = create_group(&features->groups[i], &plan->groups[i], key_max, hash_seed);
    if (done) return features;
    weir_features_destroy(features);
    return NULL;
}

void weir_features_destroy(struct weir_features *features) {
    if (!features) return;
    for (uint32_t i = 0; features->groups && i < features->plan->group_count; i++) {
        struct weir_features_group_state *state = &features->groups[i];
        weir_keyspace_destroy(state->keys);
        free(state->clocks);
        free(state->panes);
        free(state->out);
        free(state->arguments);
        free(state->aggregates);
    }
    free(features->groups);
    free(features->numbered);
    free(features->packed);
    weir_features_carried_destroy(features->carried);
    weir_buffer_deinit(&features->key);
    free(features);
}

void weir_features_stats(const struct weir_features *features, struct weir_features_stats *stats) {
    *stats = (struct weir_features_stats){0};
    for (uint32_t i = 0; i < features->plan->group_count; i++) {
        const struct weir_keyspace *keys = features->groups[i].keys;
        if (!keys) continue;
        stats->key_count += weir_keyspace_count(keys);
        stats->forgotten_key_count += weir_keyspace_forgotten(keys);
        stats->bytes += weir_keyspace_bytes(keys);
    }
}
