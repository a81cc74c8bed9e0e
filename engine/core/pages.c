/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c: epochs, copies on the first write, digests.
 *
 * With B = boundary and F = from, a page is owed by the snapshot under way while F < written <= B and the
 * cursor has not passed it. A first write after B sets written > B: the page leaves the owed ones, and the
 * copy that was made before stands for it. So no page needs a state beyond the one number.
 *
 * Copies are handed out before the pages that still lie in their slots, so memory held is given back first.
 * A copy's memory is used again for the next: fresh memory costs more than the copying. What is too much is
 * given back a little at each call, because giving gigabytes back at once would be a pause.
 */
#include "core/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SPARE_BYTES ((size_t)4 * 1024 * 1024) /* kept for the next copies of a snapshot under way */
#define SPARE_FREED 256                       /* copies at one call */

struct weir_page_copy {
    struct weir_page_copy *next;
    uint32_t page;
    _Alignas(16) unsigned char bytes[];
};

uint64_t weir_page_hash(const void *bytes, size_t len) { return XXH3_64bits(bytes, len); }

void weir_pages_init(struct weir_pages *pages, size_t stride) {
    *pages = (struct weir_pages){.stride = stride, .epoch = 1};
    while (stride << (pages->shift + 1) <= WEIR_PAGE_BYTES) pages->shift++;
}

static void free_copies(struct weir_page_copy *copy) {
    while (copy) {
        struct weir_page_copy *next = copy->next;
        free(copy);
        copy = next;
    }
}

void weir_pages_deinit(struct weir_pages *pages) {
    free_copies(pages->first);
    free_copies(pages->spare);
    free(pages->marked);
    free(pages->written);
    free(pages->digested);
    free(pages->digests);
    free(pages->saved);
}

static bool grow(uint64_t **array, uint32_t from, uint32_t to) {
    uint64_t *more = realloc(*array, to * sizeof *more);
    if (!more) return false;
    memset(more + from, 0, (to - from) * sizeof *more);
    *array = more;
    return true;
}

bool weir_pages_reserve(struct weir_pages *pages, uint32_t slots) {
    uint32_t needed = weir_pages_of(pages, slots), capacity = pages->capacity ? pages->capacity : 4;
    if (needed <= pages->capacity) return true;
    while (capacity < needed) capacity *= 2;
    unsigned char *marked = realloc(pages->marked, capacity);
    if (!marked) return false;
    memset(marked + pages->capacity, 0, capacity - pages->capacity);
    pages->marked = marked;
    if (!grow(&pages->written, pages->capacity, capacity) ||
        !grow(&pages->digested, pages->capacity, capacity) ||
        !grow(&pages->digests, pages->capacity, capacity))
        return false;
    pages->capacity = capacity;
    return true;
}

uint32_t weir_pages_of(const struct weir_pages *pages, uint32_t slots) {
    return slots ? ((slots - 1) >> pages->shift) + 1 : 0;
}

size_t weir_pages_bytes(const struct weir_pages *pages, uint32_t page, uint32_t slots) {
    uint32_t first = page << pages->shift, whole = 1u << pages->shift;
    assert(first < slots);
    return (slots - first < whole ? slots - first : whole) * pages->stride;
}

/* --- copies -----------------------------------------------------------------------------------------------
 */

static void give_back_spare(struct weir_pages *pages) {
    size_t kept = pages->boundary ? SPARE_BYTES / (pages->stride << pages->shift) : 0;
    for (uint32_t i = 0; i < SPARE_FREED && pages->spare_count > kept; i++) {
        struct weir_page_copy *copy = pages->spare;
        pages->spare = copy->next;
        pages->spare_count--;
        free(copy);
    }
}

static void put_spare(struct weir_pages *pages, struct weir_page_copy *copy) {
    copy->next = pages->spare;
    pages->spare = copy;
    pages->spare_count++;
}

static struct weir_page_copy *take_spare(struct weir_pages *pages) {
    struct weir_page_copy *copy = pages->spare;
    if (!copy) return malloc(sizeof *copy + (pages->stride << pages->shift));
    pages->spare = copy->next;
    pages->spare_count--;
    return copy;
}

/* In one piece: there may be very many. */
static void drop_copies(struct weir_pages *pages) {
    if (!pages->first) return;
    pages->last->next = pages->spare;
    pages->spare = pages->first;
    pages->spare_count += pages->copy_count;
    pages->first = pages->last = NULL;
    pages->copy_count = 0;
    pages->held_bytes = 0;
}

static void keep_copy(struct weir_pages *pages, uint32_t page, const void *bytes) {
    struct weir_page_copy *copy = take_spare(pages);
    if (!copy) {
        pages->lost = true;
        drop_copies(pages);
        return;
    }
    size_t len = weir_pages_bytes(pages, page, pages->count);
    memcpy(copy->bytes, bytes, len);
    copy->page = page;
    copy->next = NULL;
    if (pages->last)
        pages->last->next = copy;
    else
        pages->first = copy;
    pages->last = copy;
    pages->copy_count++;
    pages->held_bytes += len;
}

static bool owed(const struct weir_pages *pages, uint32_t page) {
    return pages->written[page] > pages->from && pages->written[page] <= pages->boundary;
}

void weir_pages_first_write(struct weir_pages *pages, uint32_t page, const void *bytes) {
    if (pages->boundary && !pages->lost && page >= pages->cursor && owed(pages, page))
        keep_copy(pages, page, bytes);
    pages->written[page] = pages->epoch;
    pages->marked[page] = 1;
}

static void next_epoch(struct weir_pages *pages) {
    pages->epoch++;
    if (pages->capacity) memset(pages->marked, 0, pages->capacity);
}

/* --- a snapshot -------------------------------------------------------------------------------------------
 */

bool weir_pages_begin(struct weir_pages *pages, uint32_t count, bool full) {
    assert(!pages->boundary);
    uint32_t page_count = weir_pages_of(pages, count);
    if (page_count > pages->saved_capacity) {
        if (!grow(&pages->saved, pages->saved_capacity, pages->capacity)) return false;
        pages->saved_capacity = pages->capacity;
    }
    pages->boundary = pages->epoch;
    next_epoch(pages);
    pages->from = full ? 0 : pages->completed;
    pages->count = count;
    pages->cursor = 0;
    pages->lost = false;
    return true;
}

uint32_t weir_pages_next(struct weir_pages *pages, size_t *looks, const struct weir_page_copy **copy) {
    *copy = pages->first;
    if (pages->first) return pages->first->page;
    uint32_t end = weir_pages_of(pages, pages->count);
    for (; pages->cursor < end && *looks; pages->cursor++, --*looks)
        if (owed(pages, pages->cursor)) return pages->cursor;
    return UINT32_MAX;
}

const void *weir_page_copy_bytes(const struct weir_page_copy *copy) { return copy->bytes; }

uint64_t weir_pages_digest_owed(struct weir_pages *pages, uint32_t page, const void *bytes,
                                const struct weir_page_copy *copy) {
    size_t len = weir_pages_bytes(pages, page, pages->count);
    pages->saved[page] = copy ? weir_page_hash(bytes, len) : weir_pages_digest(pages, page, bytes, len);
    return pages->saved[page];
}

void weir_pages_handed(struct weir_pages *pages, uint32_t page, const struct weir_page_copy *copy) {
    if (!copy) {
        assert(page == pages->cursor && owed(pages, page));
        pages->cursor++;
        return;
    }
    struct weir_page_copy *first = pages->first;
    assert(first == copy && first->page == page);
    pages->first = first->next;
    if (!pages->first) pages->last = NULL;
    pages->copy_count--;
    pages->held_bytes -= weir_pages_bytes(pages, page, pages->count);
    put_spare(pages, first);
    give_back_spare(pages);
}

void weir_pages_end(struct weir_pages *pages, bool completed) {
    if (completed) {
        assert(!pages->lost && !pages->first && pages->cursor == weir_pages_of(pages, pages->count));
        pages->completed = pages->boundary;
    }
    drop_copies(pages);
    pages->boundary = 0;
    give_back_spare(pages);
}

/* --- digests ----------------------------------------------------------------------------------------------
 */

void weir_pages_next_epoch(struct weir_pages *pages) {
    give_back_spare(pages);
    next_epoch(pages);
}

/* Kept only for pages whose last change lies in a past epoch: within one, two changes look like one. */
uint64_t weir_pages_digest(struct weir_pages *pages, uint32_t page, const void *bytes, size_t len) {
    assert(pages->written[page] < pages->epoch);
    if (pages->digested[page] != pages->written[page]) {
        pages->digests[page] = weir_page_hash(bytes, len);
        pages->digested[page] = pages->written[page];
    }
    return pages->digests[page];
}

/* --- restoring --------------------------------------------------------------------------------------------
 */

void weir_pages_forget(struct weir_pages *pages) {
    drop_copies(pages);
    pages->lost = true;
    pages->completed = 0;
    next_epoch(pages);
    for (uint32_t i = 0; i < pages->capacity; i++) pages->written[i] = pages->digested[i] = 0;
}

void weir_pages_restored(struct weir_pages *pages, uint32_t page, uint64_t digest) {
    pages->written[page] = pages->epoch;
    pages->marked[page] = 1;
    pages->digests[page] = digest;
    pages->digested[page] = pages->epoch;
}

bool weir_pages_all_restored(struct weir_pages *pages, uint32_t count) {
    if (!weir_pages_begin(pages, count, true)) return false;
    uint32_t page_count = weir_pages_of(pages, count);
    if (page_count) memcpy(pages->saved, pages->digests, page_count * sizeof *pages->saved);
    pages->cursor = page_count;
    weir_pages_end(pages, true);
    return true;
}
