/* SPDX-License-Identifier: Apache-2.0 */
/* features.h: per-key sliding windows and the feature columns computed from them, fresh at every event.
 *
 * place:    event -> features -> model inputs, sinks.features.
 * order:    per group and event: evaluate aggregate arguments, find the key's slot, add to the panes of the
 *           event's time, merge the live panes, evaluate the columns. The event itself is included.
 *           A window of length w read at time t covers its panes' share of (t - w, t], rounded to panes of w
 * / panes. late:     the caller has already set aside events older than watermark - lateness; rings reach
 * back that far. lifetime: plan = pipeline, immutable; weir_features = mutable state of one task. limits:
 * memory_bytes caps keyed state: beyond it the key longest without an event by the clock (second-chance) rule
 * is forgotten, in deterministic order, and counted. cost:     keys of a batch are hashed first and their
 * slots prefetched; no allocation per event once a key exists.
 */
#ifndef WEIR_CORE_FEATURES_H
#define WEIR_CORE_FEATURES_H

#include "base/arena.h"
#include "base/diag.h"
#include "config/pipeline.h"
#include "core/carry.h"
#include "core/event.h"
#include "weir/state.h"

struct weir_features_plan;
struct weir_features;

/* Compiles all groups. `source` is the schema of the first cells. Findings go to diags; NULL when there were
 * errors. lateness_ms >= 0 fixes how far back rings reach. */
struct weir_features_plan *weir_features_plan_create(const struct weir_pipeline *pipeline,
                                                     const struct weir_schema *source, int64_t lateness_ms,
                                                     struct weir_diags *diags);
void weir_features_plan_destroy(struct weir_features_plan *plan);

/* The feature columns: cell source->count + i is column i. */
const struct weir_schema *weir_features_plan_columns(const struct weir_features_plan *plan);
bool weir_features_plan_has_windows(const struct weir_features_plan *plan);
/* Bytes per key (slot + index share) of group i, for `weir check`. */
uint32_t weir_features_plan_group_count(const struct weir_features_plan *plan);
size_t weir_features_plan_key_bytes(const struct weir_features_plan *plan, uint32_t group);

struct weir_features *weir_features_create(const struct weir_features_plan *plan, uint64_t hash_seed,
                                           size_t memory_bytes);
void weir_features_destroy(struct weir_features *features);

/* Fills the feature cells of all events, in row order. WEIR_OK or WEIR_NOMEM. */
int weir_features_compute(struct weir_features *features, struct weir_event *const *events, uint32_t count,
                          struct weir_arena *arena);

struct weir_features_stats {
    uint64_t key_count, forgotten_key_count;
    size_t bytes;
};
void weir_features_stats(const struct weir_features *features, struct weir_features_stats *stats);

void weir_features_save(const struct weir_features *features, struct weir_state_writer *writer);
/* carry NULL: the state must have the very same windows. */
int weir_features_load(struct weir_features *features, struct weir_carry *carry,
                       struct weir_state_reader *reader);

/* --- windows as pages (features_pages.c). Groups with windows are numbered by their descriptions --- */

/* All but the pages: descriptions, layouts, sizes. Loading makes room for the pages, which then must come. */
void weir_features_save_small(const struct weir_features *features, struct weir_state_writer *writer);
int weir_features_load_small(struct weir_features *features, struct weir_carry *carry,
                             struct weir_state_reader *reader);
uint32_t weir_features_keyspace_count(const struct weir_features *features);
struct weir_keyspace *weir_features_keyspace(const struct weir_features *features, uint32_t number);
/* False: these are not slots of this group, working with them could do harm. */
bool weir_features_page_check(const struct weir_features *features, uint32_t number, const void *bytes,
                              size_t len);

#endif
