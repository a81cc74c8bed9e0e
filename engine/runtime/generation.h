/* SPDX-License-Identifier: Apache-2.0 */
/* generation.h: saved states of a task: segments in the snapshot topic, and copies of them on the local disk.
 *
 * place:    lane's copy -> generation -> manifest in the journal; recovery: manifest -> generation -> task.
 *           At least once there is neither topic nor journal (R16): each file ends with its own manifest, and
 *           is named by the next offset the task would process, which stands for the unit.
 * rule:     R9: records are never compacted and count only once a manifest that names them is committed. The
 *           local files are a cache: a state put together from them is used only if it has the manifest's
 *           root.
 * segments: a full snapshot is a base; each following one adds what has changed. When those have become
 *           larger than their base, the next is full: so what is written stays within twice of what changes,
 *           and what is read within twice of what exists.
 * threads:  any, one at a time for a writer; calls block.
 * errors:   WEIR_IO, WEIR_AGAIN: cannot be written or read now; WEIR_DATA: broken or gone, with the page.
 */
#ifndef WEIR_RUNTIME_GENERATION_H
#define WEIR_RUNTIME_GENERATION_H

#include "kafka/reader.h"
#include "runtime/segment.h"
#include "runtime/unit.h"

/* The folder in state.dir of the exactly-once lane: "<pipeline>.units"; the other one's is "<pipeline>". */
#define WEIR_GENERATION_FOLDER_BYTES 256
void weir_generation_folder(const char *pipeline, char *folder, size_t size);

/* Where generations live. Any of dir and topic may be NULL. */
struct weir_generation_place {
    struct weir_kafka_client client;
    const char *topic;   /* cleanup.policy=delete; partition = task */
    const char *journal; /* only to trim it; may be NULL */
    const char *dir;     /* state.dir */
    const char *pipeline;
    const char *input; /* at least once: the topic that is read; NULL: exactly once */
    int keep;          /* at least once: so many states */
};

struct weir_generation_writer;

/* A segment for the state after this unit. */
int weir_generation_open(const struct weir_generation_place *place, int32_t task, uint64_t unit,
                         struct weir_generation_writer **writer, struct weir_error *error);
/* A chunk of pages. A disk that fails is given up and told by _finish. */
int weir_generation_write(struct weir_generation_writer *writer, const struct weir_buffer *chunk,
                          struct weir_error *error);
/* The tail; then all is safe. Completes the manifest, whose unit, chain, engine_id, base (of the segments it
 * stands on; 0: this one is full) and root are given. Frees the writer, also on failure. disk: why the local
 * copy failed, or empty. */
int weir_generation_finish(struct weir_generation_writer *writer, const struct weir_buffer *tail,
                           struct weir_manifest *manifest, struct weir_error *disk, struct weir_error *error);
void weir_generation_abandon(struct weir_generation_writer *writer);

/* From the disk if that holds the manifest's state, else from the topic. plan and task NULL: only verifies
 * the topic's. */
int weir_generation_read(const struct weir_generation_place *place, int32_t task_id,
                         const struct weir_manifest *manifest, const struct weir_plan *plan,
                         struct weir_task **task, struct weir_error *error);
/* The same for a state of another engine id: what fits is carried over (core/carry.h). NULL: as _read. */
int weir_generation_carry(const struct weir_generation_place *place, int32_t task_id,
                          const struct weir_manifest *manifest, const struct weir_plan *plan,
                          struct weir_carry *carry, struct weir_task **task, struct weir_error *error);
/* The state after this unit as far as the files of a folder say, without a cluster: for `weir state`. What is
 * not checked: see weir_assembly_begin. *task stays NULL on failure. */
int weir_generation_read_kept(const char *dir, const char *pipeline, int32_t task_id, uint64_t unit,
                              const struct weir_plan *plan, struct weir_task **task,
                              struct weir_error *error);
/* At least once: the manifest of the state at this offset, as its file tells it. WEIR_DATA: it is broken, or
 * of another pipeline or topic; WEIR_IO. */
int weir_generation_manifest(const struct weir_generation_place *place, int32_t task, uint64_t offset,
                             struct weir_manifest *manifest, struct weir_error *error);
/* At least once: deletes files that none of the newest place->keep states needs, nor the newest one at or
 * below `safe`. */
void weir_generation_keep(const struct weir_generation_place *place, int32_t task, uint64_t safe);
/* Deletes what lies before the segments of `oldest`, which are still needed: files, records of the topic, and
 * of the journal what lies before journal_from (-1: nothing). */
void weir_generation_trim(const struct weir_generation_place *place, int32_t task,
                          const struct weir_manifest *oldest, int64_t journal_from);

#endif
