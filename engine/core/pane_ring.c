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
    for (uint64_t i = 0; i < steps; i++) {
        head->position = head->position + 1 == ring->ring_count ? 0 : head->position + 1;
        memset(pane_at(ring, slot, head->position), 0, ring->pane_bytes);
    }
    head->newest = pane;
    head->tail_kept = 0;
}

unsigned char *weir_pane_ring_seek(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane) {
    struct weir_pane_head *head = head_of(ring, slot);
    if (pane > head->newest) advance(ring, slot, pane);
    uint64_t age = (uint64_t)head->newest - (uint64_t)pane;
    if (age >= ring->ring_count) return NULL;
    return pane_at(ring, slot, position_of(ring, head, (uint32_t)age));
}

/* into += the panes of ages oldest down to youngest, as one or two contiguous runs per part. */
static void merge_ages(const struct weir_pane_ring *ring, unsigned char *slot, uint32_t oldest,
                       uint32_t youngest, unsigned char *into) {
    const struct weir_pane_head *head = head_of(ring, slot);
    uint32_t from = position_of(ring, head, oldest), count = oldest - youngest + 1;
    uint32_t first_run = count < ring->ring_count - from ? count : ring->ring_count - from;
    for (uint32_t i = 0; i < ring->part_count; i++) {
        const struct weir_pane_part *part = &ring->parts[i];
        part->partial->merge(into + part->offset, pane_at(ring, slot, from) + part->offset, ring->pane_bytes,
                             first_run);
        if (first_run < count)
            part->partial->merge(into + part->offset, pane_at(ring, slot, 0) + part->offset, ring->pane_bytes,
                                 count - first_run);
    }
}

/* The live panes before the one of this age, into zeroed bytes. */
static void merge_tail(const struct weir_pane_ring *ring, unsigned char *slot, uint32_t age,
                       unsigned char *into) {
    uint32_t oldest = age + ring->live_count - 1;
    if (oldest >= ring->ring_count) oldest = ring->ring_count - 1;
    memset(into, 0, ring->pane_bytes);
    if (oldest > age) merge_ages(ring, slot, oldest, age + 1, into);
}

/* Partials are whole words and few: cheaper than a call. */
static void copy_words(unsigned char *to, const unsigned char *from, uint32_t bytes) {
    for (uint32_t at = 0; at < bytes; at += sizeof(uint64_t)) memcpy(to + at, from + at, sizeof(uint64_t));
}

void weir_pane_ring_read(const struct weir_pane_ring *ring, unsigned char *slot, int64_t pane,
                         const unsigned char *own, unsigned char *out) {
    struct weir_pane_head *head = head_of(ring, slot);
    assert(pane <= head->newest); /* seek came first */
    if (!own) {
        memset(out, 0, ring->pane_bytes);
        return;
    }
    uint64_t age = (uint64_t)head->newest - (uint64_t)pane;
    if (age == 0) {
        unsigned char *tail = slot + ring->tail_offset;
        if (!head->tail_kept) {
            merge_tail(ring, slot, 0, tail);
            head->tail_kept = 1;
        }
        copy_words(out, tail, ring->pane_bytes);
    } else {
        merge_tail(ring, slot, (uint32_t)age, out);
    }
    const struct weir_pane_part *part = ring->parts, *end = part + ring->part_count;
    for (; part < end; part++) part->partial->merge(out + part->offset, own + part->offset, 0, 1);
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
