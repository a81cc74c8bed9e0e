/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h: the saved state of a task as one portable file: written whole or not at all, read whole or
 * refused.
 *
 * place:   `weir state export`; and what at-least-once left before it wrote segments, which still loads.
 * file:    of any name, or <dir>/<pipeline>/p<partition>-<position>.snapshot (numbered.h): chunks of
 *          {u32 length, u64 XXH3 of length and bytes, bytes}, little-endian: a head (MessagePack), the
 *          payload in pieces of 1 MiB, and a root with the digest of all digests. A flipped, missing, swapped
 *          or foreign chunk is refused by its number.
 * writing: temporary file, fsync, rename, fsync of the folder (exactly-once.md R9): a crash leaves the older
 *          one.
 * threads: any; no shared state.
 * errors:  WEIR_IO with the file and the system's words; WEIR_DATA: the file is broken, and where;
 *          WEIR_VERSION.
 */
#ifndef WEIR_FILE_SNAPSHOT_H
#define WEIR_FILE_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "weir/error.h"

#define WEIR_SNAPSHOT_ENDING ".snapshot" /* of the files; numbered.h lists and deletes them */
#define WEIR_SNAPSHOT_NAME_MAX 256

struct weir_snapshot_head {
    char pipeline[WEIR_SNAPSHOT_NAME_MAX], topic[WEIR_SNAPSHOT_NAME_MAX];
    int32_t partition;
    int64_t position; /* the next offset the task would process */
};

/* Makes the pipeline's folder and sees that it can be read and written. */
int weir_snapshot_prepare(const char *dir, const char *pipeline, struct weir_error *error);

int weir_snapshot_export(const char *path, const struct weir_snapshot_head *head, const void *payload,
                         size_t len, struct weir_error *error);

/* Verifies every chunk, then fills head and payload (cleared first). */
int weir_snapshot_read(const char *dir, const char *pipeline, int32_t partition, int64_t position,
                       struct weir_snapshot_head *head, struct weir_buffer *payload,
                       struct weir_error *error);
/* The same over bytes in memory: for tests and fuzzing. */
int weir_snapshot_parse(const void *bytes, size_t len, struct weir_snapshot_head *head,
                        struct weir_buffer *payload, struct weir_error *error);

#endif
