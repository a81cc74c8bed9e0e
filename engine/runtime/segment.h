/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h: what one snapshot of a task puts out: the pages that changed, then a tail that describes the
 * whole state.
 *
 * place:    task snapshot -> segment -> chunks in a topic and a file (engine/runtime/generation.h) -> task.
 * format:   items {u32 group, u32 index, u32 length, bytes}, little-endian, packed into chunks. Group
 * WEIR_SEGMENT_TAIL: pieces of the tail in order: {u64, small piece, u64, digests of all pages, u32, pages by
 * group}. checks:   a page is known by its digest in the tail, the tail by its root in the journal: no byte
 * needs another check. A page whose digest is not the tail's is an older one, or broken; either way it is not
 * taken. threads:  any; no shared state.
 */
#ifndef WEIR_RUNTIME_SEGMENT_H
#define WEIR_RUNTIME_SEGMENT_H

#include "base/buffer.h"
#include "core/task_snapshot.h"

#define WEIR_SEGMENT_TAIL UINT32_MAX
#define WEIR_SEGMENT_LABEL (UINT32_MAX - 1) /* behind the tail of a file: label.h */
#define WEIR_SEGMENT_CHUNK_BYTES ((size_t)512 * 1024)

struct weir_segment_item {
    uint32_t group, index, len;
    const char *bytes;
};

int weir_segment_add(struct weir_buffer *chunk, uint32_t group, uint32_t index, const void *bytes,
                     size_t len);
/* Takes the next item off the bytes. 1: there is one; 0: none is left; WEIR_DATA: they are broken. */
int weir_segment_next(const char **bytes, size_t *len, struct weir_segment_item *item);

/* The tail of a snapshot that is done. */
int weir_segment_write_tail(struct weir_buffer *tail, const struct weir_task_snapshot *snapshot);

/* A state being put together from a tail and pages in any order. */
struct weir_assembly {
    struct weir_buffer tail;
    struct weir_task_manifest manifest; /* points into the tail, but for the digests */
    uint64_t *digests;
    uint32_t *page_counts;
    uint32_t group_count;
    unsigned char *taken; /* by page */
    size_t missing;
    struct weir_task_restore *restore; /* NULL: only verified */
    struct weir_carry *carry; /* set it after _init for a state of another pipeline file; NULL: strict */
};

void weir_assembly_init(struct weir_assembly *assembly);
void weir_assembly_deinit(struct weir_assembly *assembly);
int weir_assembly_add_tail(struct weir_assembly *assembly, const void *bytes, size_t len);
/* All of the tail is there. WEIR_DATA: it is broken, or not the one with this root. root NULL, for a look
 * without the journal: the tail's own is believed, so damage that still reads as a state goes unseen. plan
 * NULL: verify only. */
int weir_assembly_begin(struct weir_assembly *assembly, const uint64_t *root, const struct weir_plan *plan,
                        struct weir_error *error);
/* The items of a chunk; those that are not wanted are passed over. */
int weir_assembly_offer(struct weir_assembly *assembly, const char *bytes, size_t len,
                        struct weir_error *error);
bool weir_assembly_is_complete(const struct weir_assembly *assembly);
/* task NULL: verified only. WEIR_DATA: a page is missing, named. */
int weir_assembly_end(struct weir_assembly *assembly, struct weir_task **task, struct weir_error *error);

#endif
