/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pane_ring.h"

#include <assert.h>
#include <string.h>

#define LINE 64
#define PREFETCH_BYTES_MAX 512 /* the processor follows the rest of a run by itself */

static struct weir_pane_head *head_of(const struct weir_pane_ring *ring, unsigned char *slot) {
    return (struct weir_pane_head *)(slot + ring->head_offset);
}

static unsigned char *pane_at(const struct weir_pane_ring *ring, unsigned char *slot, uint32_t position) {
    return slot + ring->panes_offset + (size_t)position * ring->pane_bytes;
}

/* Position of the pane `age` panes before the newest; age < ring_count. */
static uint32_t position_of(const struct weir_pane_ring *ring, const struct weir_pane_head *head,
                            uint32_t age) {
    return head->position >= age ? head->position - age : head->position + ring->ring_count - age;
}

/* Panes are whole words and few: cheaper than a call. */
static inline void clear(unsigned char *pane, uint32_t bytes) {
    for (uint32_t at = 0; at < bytes; at += sizeof(uint64_t)) memset(pane + at, 0, sizeof(uint64_t));
}

void weir_pane_ring_start(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane) {
    struct weir_pane_head *head = head_of(ring, slot);
    int64_t position = pane % (int64_t)ring->ring_count;
    head->newest = pane;
    head->position = (uint32_t)(position < 0 ? position + ring->ring_count : position);
    head->tail_kept = 0;
}

static void advance(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane) {
    struct weir_pane_head *head = head_of(ring, slot);
    uint64_t steps = (uint64_t)pane - (uint64_t)head->newest;
    if (steps >= ring->ring_count) {
        memset(pane_at(ring, slot, 0), 0, (size_t)ring->ring_count * ring->pane_bytes);
        weir_pane_ring_start(ring, slot, pane);
        return;
    }
    uint32_t position = head->position, count = ring->ring_count, bytes = ring->pane_bytes;
    for (uint64_t i = 0; i < steps; i++) {
        position = position + 1 == count ? 0 : position + 1;
        clear(pane_at(ring, slot, position), bytes);
    }
    head->position = position;
    head->newest = pane;
    head->tail_kept = 0;
}

/* into += the panes of ages oldest down to youngest, as one or two contiguous runs per part. */
static void merge_ages(const struct weir_pane_ring *ring, unsigned char *slot, uint32_t oldest,
                       uint32_t youngest, unsigned char *into) {
    const struct weir_pane_head *head = head_of(ring, slot);
    uint32_t from = position_of(ring, head, oldest), count = oldest - youngest + 1;
    uint32_t first_run = count < ring->ring_count - from ? count : ring->ring_count - from;
    uint32_t second_run = count - first_run, bytes = ring->pane_bytes;
    const unsigned char *first = pane_at(ring, slot, from), *second = pane_at(ring, slot, 0);
    const struct weir_pane_part *part = ring->parts, *end = part + ring->part_count;
    for (; part < end; part++) {
        uint32_t offset = part->offset;
        part->partial->merge(into + offset, first + offset, bytes, first_run);
        if (second_run) part->partial->merge(into + offset, second + offset, bytes, second_run);
    }
}

/* The live panes before the one of this age, into zeroed bytes. */
static void merge_tail(const struct weir_pane_ring *ring, unsigned char *slot, uint32_t age,
                       unsigned char *into) {
    uint32_t oldest = age + ring->live_count - 1;
    if (oldest >= ring->ring_count) oldest = ring->ring_count - 1;
    clear(into, ring->pane_bytes);
    if (oldest > age) merge_ages(ring, slot, oldest, age + 1, into);
}

/* Another pane than the newest, or a newest one whose tail is not kept: moves on, and finds own pane and
 * tail. NULL: the pane is older than the ring. */
__attribute__((noinline)) static unsigned char *prepare(const struct weir_pane_ring *ring,
                                                        unsigned char *slot, int64_t pane, unsigned char *out,
                                                        const unsigned char **tail) {
    struct weir_pane_head *head = head_of(ring, slot);
    if (pane > head->newest) advance(ring, slot, pane);
    uint64_t age = (uint64_t)head->newest - (uint64_t)pane;
    if (age >= ring->ring_count) return NULL;
    if (age) {
        merge_tail(ring, slot, (uint32_t)age, out);
        *tail = out;
        head->tail_kept = 0; /* the pane is part of it, and is about to change */
    } else {
        merge_tail(ring, slot, 0, slot + ring->tail_offset);
        head->tail_kept = 1;
    }
    return pane_at(ring, slot, position_of(ring, head, (uint32_t)age));
}

void weir_pane_ring_step(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane,
                         const double *arguments, unsigned char *out) {
    const struct weir_pane_head *head = head_of(ring, slot);
    const unsigned char *tail = slot + ring->tail_offset;
    unsigned char *own = pane_at(ring, slot, head->position);
    if (pane != head->newest || !head->tail_kept) {
        own = prepare(ring, slot, pane, out, &tail);
        if (!own) {
            clear(out, ring->pane_bytes);
            return;
        }
    }
    const struct weir_pane_part *part = ring->parts, *end = part + ring->part_count;
    for (; part < end; part++)
        part->partial->step(own + part->offset, arguments[part->argument], tail + part->offset,
                            out + part->offset);
}

void weir_pane_ring_prefetch(const struct weir_pane_ring *ring, const unsigned char *slot, int64_t pane) {
    const struct weir_pane_head *head = (const struct weir_pane_head *)(slot + ring->head_offset);
    const unsigned char *first = slot + ring->panes_offset, *end;
    uint64_t age = (uint64_t)head->newest - (uint64_t)pane;
    if (pane == head->newest) {
        first += (size_t)head->position * ring->pane_bytes;
        end = first + ring->pane_bytes;
    } else if (pane < head->newest && age >= ring->ring_count) {
        return;
    } else {
        end = first + (size_t)ring->ring_count * ring->pane_bytes;
        if ((size_t)(end - first) > PREFETCH_BYTES_MAX) end = first + PREFETCH_BYTES_MAX;
    }
    for (; first < end; first += LINE) __builtin_prefetch(first);
    __builtin_prefetch(end - 1);
}
