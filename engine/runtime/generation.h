/* SPDX-License-Identifier: Apache-2.0 */
/* generation.h: one saved state of a task: chunks in the snapshot topic, and a copy on the local disk.
 *
 * place:    lane's copy -> generation -> manifest in the journal; recovery: manifest -> generation -> task.
 * rule:     R9: chunks are never compacted and keys never used twice; they count only once a manifest that
 * names them is committed. The local file is a cache: used only if its digest is the manifest's. threads:
 * any; calls block. errors:   WEIR_IO, WEIR_AGAIN: cannot be written or read now; WEIR_DATA: broken or gone,
 * with the chunk.
 */
#ifndef WEIR_RUNTIME_GENERATION_H
#define WEIR_RUNTIME_GENERATION_H

#include "base/buffer.h"
#include "kafka/reader.h"
#include "runtime/unit.h"

/* The folder in state.dir: "<pipeline>.units". */
#define WEIR_GENERATION_FOLDER_BYTES 256
void weir_generation_folder(const char *pipeline, char *folder, size_t size);

/* Where generations live. Any of dir and topic may be NULL. */
struct weir_generation_place {
    struct weir_kafka_client client;
    const char *topic;    /* cleanup.policy=delete */
    const char *dir;      /* state.dir */
    const char *pipeline; /* name */
    const char *source;   /* its topic, as a file's label */
    int keep;             /* files */
};

/* Writes the bytes and fills root, bytes, first and last of the manifest, whose unit, chain and engine_id are
 * given. OK when the topic (or, without one, the disk) has it; a disk that fails is told in *error with
 * WEIR_OK. */
int weir_generation_write(const struct weir_generation_place *place, int32_t task, const void *bytes,
                          size_t len, struct weir_manifest *manifest, struct weir_error *error);
/* From the disk if its digest is the manifest's, else from the topic. */
int weir_generation_read(const struct weir_generation_place *place, int32_t task,
                         const struct weir_manifest *manifest, struct weir_buffer *bytes,
                         struct weir_error *error);

#endif
