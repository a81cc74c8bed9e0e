/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h: a unit: the stretch of a task's work that becomes visible as a whole or not at all (R2).
 *
 * place:    lane fills a unit -> committer sends its outputs and its journal record in one transaction ->
 *           recovery reads the journal record and does the same work again, silently.
 * order:    units of a task are numbered 1, 2, 3, ... without gaps. A journal record names the digest of the
 *           one before it, and its own digest stands in the metadata of the committed offsets: whoever knows
 *           the offsets knows the whole history to be the one that was committed.
 * lifetime: a unit keeps the bytes of its outputs until its transaction is known to be committed (R4).
 * threads:  filled by the worker; while its bundle is with the committer it is only read.
 * limits:   of slices WEIR_SLICE_MAX; the lane closes a unit before.
 */
#ifndef WEIR_RUNTIME_UNIT_H
#define WEIR_RUNTIME_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "core/task.h"
#include "weir/record.h"

#define WEIR_SLICE_MAX 4096
#define WEIR_SKIP_MAX 64
#define WEIR_STATE_DIGEST_EVERY 16 /* units */

/* Consecutive records of one input partition; offsets may have gaps (transaction markers, aborted records).
 */
struct weir_slice {
    int32_t partition;
    uint32_t count;
    int64_t first, last;
    uint64_t checksum; /* of the records, in order */
};

/* A record that is set aside unread: it has crashed the process twice (R15). */
struct weir_skip {
    int32_t partition;
    int64_t offset;
};

/* Input that was deleted before it was read, and passed over because an operator said so (R10). */
struct weir_lost {
    int32_t partition;
    int64_t first, last;
};

bool weir_skip_names(const struct weir_skip *skips, uint32_t count, const struct weir_record *record);

/* A snapshot that can be loaded: what a journal record says of one (R9). */
struct weir_manifest {
    uint64_t unit; /* the state after this unit; 0 = no manifest */
    uint64_t chain, engine_id;
    uint64_t root;                    /* digest of the state */
    uint64_t base_unit;               /* the full snapshot its segments begin with */
    uint64_t base_bytes, added_bytes; /* of that one, and of those since */
    int64_t first, tail, last; /* offsets in the snapshot topic: of the base's first chunk, of its own tail
                                  and end; first -1 = not there */
};

/* A snapshot that has begun. */
struct weir_copy {
    int32_t task;
    uint64_t number; /* exactly once: of the lane's copies; the same unit may be copied twice */
    struct weir_manifest
        manifest; /* unit, chain, engine_id, and what of its base is known; base_unit 0: it is full */
};

/* The next snapshot must be full: there is none before it, another pipeline file's pages have other places
 * (R12), or more was added to its base than that holds. */
bool weir_manifest_is_no_base(const struct weir_manifest *manifest, uint64_t engine_id);

/* What a task answered: count and digest by stream. Between streams there is no order: it follows the batches
 * in which records happened to come. */
struct weir_answers {
    uint64_t counts[WEIR_STREAM_COUNT], digests[WEIR_STREAM_COUNT];
};

struct weir_unit {
    int32_t task;                     /* the partition, 0 under `tasks: single` */
    uint64_t number, previous, chain; /* digests of the journal records before it and of its own */
    uint64_t engine_id, seed;
    int64_t tick_ms; /* the one tick of the unit, before its first record (R13) */
    struct weir_slice *slices;
    uint32_t slice_count, slice_capacity;
    struct weir_skip skips[WEIR_SKIP_MAX];
    uint32_t skip_count;
    struct weir_lost *lost; /* before the unit's first record */
    uint32_t lost_count, lost_capacity;
    struct weir_answers answers;
    uint64_t state_digest; /* after the unit; 0 = not taken */
    struct weir_manifest manifest;
    /* what a recovering reader does not have: */
    struct weir_output_record *outputs;
    uint32_t output_count, output_capacity;
    struct weir_arena bytes;    /* of the outputs */
    struct weir_buffer journal; /* the journal record, after _close */
    int64_t journal_offset;     /* where a reader found the record; -1 = not read */
};

void weir_unit_init(struct weir_unit *unit);
void weir_unit_deinit(struct weir_unit *unit);
/* Empty again, memory kept. */
void weir_unit_clear(struct weir_unit *unit);

/* Digests, also used by recovery to check what it reads and makes again. */
uint64_t weir_unit_digest_record(uint64_t digest, const struct weir_record *record);
void weir_answers_add(struct weir_answers *answers, const struct weir_output_record *outputs, uint32_t count);

/* Of the state after the unit of this number: all of a small one; of a large one a part, another one each
 * time, so that the cost has a bound (R11). 0: no memory. */
uint64_t weir_unit_digest_state(struct weir_task *task, uint64_t number);

/* Records that the task is about to process, of one partition. False: no memory. */
bool weir_unit_add_records(struct weir_unit *unit, const struct weir_record *records, uint32_t count);
/* False: no memory. */
bool weir_unit_add_lost(struct weir_unit *unit, struct weir_lost lost);
/* Copies what the task answered. False: no memory. */
bool weir_unit_add_outputs(struct weir_unit *unit, const struct weir_output_record *outputs, uint32_t count);

/* Writes the journal record and its digest (chain). WEIR_OK or WEIR_NOMEM. */
int weir_unit_close(struct weir_unit *unit);
/* Fills a unit (cleared first) from a journal record. WEIR_DATA or WEIR_VERSION with the reason. */
int weir_unit_read(struct weir_unit *unit, const void *bytes, size_t len, struct weir_error *error);

/* Offset metadata: "unit:chain:journal offset to read from". */
void weir_unit_metadata(char *out, size_t size, uint64_t number, uint64_t chain, int64_t journal_from);
/* False when the text is none of ours. "" is unit 0. */
bool weir_unit_parse_metadata(const char *text, uint64_t *number, uint64_t *chain, int64_t *journal_from);

#endif
