/* SPDX-License-Identifier: Apache-2.0 */
/* pages.h: which parts of a keyspace changed since when, and how they looked at a boundary.
 *
 * place:    keyspace -> pages; what weir_task_snapshot_* and weir_task_digest stand on (exactly-once.md R9,
 *           R11).
 * idea:     time is counted in epochs; a snapshot or a digest ends one. Each page (some neighbouring slots)
 *           remembers in which epoch it was last written, so that any number of snapshots and digests can ask
 *           "changed since?". The first write to a page within an epoch takes a side road that notes the
 *           epoch, and copies the page if a snapshot still owes it; a byte per page tells the first write
 *           from the others. A new epoch clears the bytes: 0.1 ms for 10 GB of slots.
 * lifetime: part of a keyspace.
 * threads:  one owner.
 * limits:   copies held for a snapshot are at most the pages it owes; held_bytes says how much that is.
 * errors:   no memory for a copy: the snapshot is lost, the keyspace is not touched by that.
 */
#ifndef WEIR_CORE_PAGES_H
#define WEIR_CORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Measured with bench/snapshot.c, 1 M keys of 432 bytes, 1 % of them touched at random:
 *   page bytes                  4 Ki   8 Ki   16 Ki   64 Ki
 *   handed out, MB                33     64     119     312
 *   a copy on first write, us    1.6    2.5      10      36
 *   digest, nothing changed, ms  1.9    0.8     0.4     0.1
 * The manifest and the marks grow the other way: 8 Ki is one digest of 8 bytes per 8 KiB. */
#ifndef WEIR_PAGE_BYTES
#define WEIR_PAGE_BYTES ((size_t)8 * 1024)
#endif

struct weir_page_copy;

struct weir_pages {
    size_t stride;  /* bytes of a slot */
    uint32_t shift; /* log2 of slots per page */
    /* by page: */
    unsigned char *marked; /* written in this epoch. A byte: eight of them cost 20 % at 1 M keys, in misses */
    uint64_t *written;     /* epoch of the last change */
    uint64_t *digested;    /* == written: digests holds, it was taken after the last change */
    uint64_t *digests;
    uint64_t *saved; /* as of the newest snapshot begun: what its manifest lists */
    uint32_t capacity, saved_capacity;
    uint64_t epoch;     /* now; begins at 1 */
    uint64_t completed; /* the boundary of the newest completed snapshot; 0 = none */
    /* the snapshot under way */
    uint64_t boundary; /* its last epoch; 0 = none under way */
    uint64_t from;     /* pages written later than this are owed */
    uint32_t count;    /* slots at the boundary */
    uint32_t cursor;   /* pages before it have been handed out, or were copied */
    bool lost;
    struct weir_page_copy *first, *last, *spare;
    uint32_t copy_count, spare_count;
    size_t held_bytes; /* in copies not yet handed out */
};

void weir_pages_init(struct weir_pages *pages, size_t stride);
void weir_pages_deinit(struct weir_pages *pages);
/* Room for the marks of this many slots. */
bool weir_pages_reserve(struct weir_pages *pages, uint32_t slots);
/* Everything counts as never seen; a snapshot under way is lost. */
void weir_pages_forget(struct weir_pages *pages);

uint32_t weir_pages_of(const struct weir_pages *pages, uint32_t slots); /* pages that so many slots fill */
size_t weir_pages_bytes(const struct weir_pages *pages, uint32_t page, uint32_t slots);

/* Before a slot of the page is changed. True: call _first_write before changing it. */
static inline bool weir_pages_unmarked(const struct weir_pages *pages, uint32_t page) {
    return !pages->marked[page];
}
/* bytes: the page as it lies in memory. */
void weir_pages_first_write(struct weir_pages *pages, uint32_t page, const void *bytes);

/* --- a snapshot; cost of each: no loop over pages but where it says so --- */

/* The state of now, of `count` slots, is to be handed out. full: all of it, not only what changed since the
 * newest completed one. False: no memory. */
bool weir_pages_begin(struct weir_pages *pages, uint32_t count, bool full);
/* The next page that is owed, UINT32_MAX = none. *copy: its bytes if they were copied, else it lies in the
 * slots unchanged. Looks at `*looks` marks at most, counting down; *looks = 0 with UINT32_MAX: ask again. */
uint32_t weir_pages_next(struct weir_pages *pages, size_t *looks, const struct weir_page_copy **copy);
const void *weir_page_copy_bytes(const struct weir_page_copy *copy);
/* The digest of the page that _next named, which lies at bytes; the manifest then has it. */
uint64_t weir_pages_digest_owed(struct weir_pages *pages, uint32_t page, const void *bytes,
                                const struct weir_page_copy *copy);
/* It has been handed out. */
void weir_pages_handed(struct weir_pages *pages, uint32_t page, const struct weir_page_copy *copy);
/* completed: the next snapshot goes on from this one. Otherwise it was as if never begun. */
void weir_pages_end(struct weir_pages *pages, bool completed);

/* --- digests of the live state --- */

void weir_pages_next_epoch(struct weir_pages *pages); /* once before the digests of a state are asked for */
uint64_t weir_pages_digest(struct weir_pages *pages, uint32_t page, const void *bytes, size_t len);

/* --- restoring --- */

/* The page came back from a completed snapshot, where it had this digest. */
void weir_pages_restored(struct weir_pages *pages, uint32_t page, uint64_t digest);
/* All have: the next snapshot hands out only what changes from here. False: no memory. */
bool weir_pages_all_restored(struct weir_pages *pages, uint32_t count);

uint64_t weir_page_hash(const void *bytes, size_t len);

#endif
