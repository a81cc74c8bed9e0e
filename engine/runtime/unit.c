/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/task_snapshot.h"
#include "weir/state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define RECORD_NAME "journal"
#define RECORD_VERSION 2      /* 2: lost input */
#define PAGES_PER_DIGEST 1024 /* 8 MiB: about a millisecond */

bool weir_manifest_is_no_base(const struct weir_manifest *manifest, uint64_t engine_id) {
    return !manifest->unit || manifest->engine_id != engine_id ||
           manifest->added_bytes > manifest->base_bytes;
}

void weir_unit_init(struct weir_unit *unit) {
    memset(unit, 0, sizeof *unit);
    weir_arena_init(&unit->bytes);
    weir_buffer_init(&unit->journal);
    unit->journal_offset = -1;
}

void weir_unit_deinit(struct weir_unit *unit) {
    weir_arena_deinit(&unit->bytes);
    weir_buffer_deinit(&unit->journal);
    free(unit->slices);
    free(unit->lost);
    free(unit->outputs);
}

void weir_unit_clear(struct weir_unit *unit) {
    struct weir_unit kept = *unit;
    weir_arena_reset(&kept.bytes);
    weir_buffer_clear(&kept.journal);
    memset(unit, 0, sizeof *unit);
    unit->slices = kept.slices;
    unit->slice_capacity = kept.slice_capacity;
    unit->lost = kept.lost;
    unit->lost_capacity = kept.lost_capacity;
    unit->outputs = kept.outputs;
    unit->output_capacity = kept.output_capacity;
    unit->bytes = kept.bytes;
    unit->journal = kept.journal;
    unit->journal_offset = -1;
}

bool weir_skip_names(const struct weir_skip *skips, uint32_t count, const struct weir_record *record) {
    for (uint32_t i = 0; i < count; i++)
        if (skips[i].partition == record->partition && skips[i].offset == record->offset) return true;
    return false;
}

/* ---- digests ---- */

/* Order matters, and so does where one field ends and the next begins. */
static uint64_t mix(uint64_t digest, uint64_t value) {
    digest = (digest ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return digest ^ digest >> 29;
}

static uint64_t mix_bytes(uint64_t digest, struct weir_bytes bytes) {
    if (!bytes.data) return mix(digest, UINT64_MAX);
    return mix(mix(digest, bytes.len), XXH3_64bits(bytes.data, bytes.len));
}

static uint64_t mix_headers(uint64_t digest, const struct weir_header *headers, uint32_t count) {
    digest = mix(digest, count);
    for (uint32_t i = 0; i < count; i++) {
        digest = mix_bytes(digest, (struct weir_bytes){headers[i].name, strlen(headers[i].name)});
        digest = mix_bytes(digest, headers[i].value);
    }
    return digest;
}

uint64_t weir_unit_digest_record(uint64_t digest, const struct weir_record *record) {
    digest = mix(mix(digest, (uint64_t)record->offset), (uint64_t)record->timestamp_ms);
    digest = mix_bytes(mix_bytes(digest, record->key), record->value);
    return mix_headers(digest, record->headers, record->header_count);
}

static uint64_t digest_output(uint64_t digest, const struct weir_output_record *output) {
    digest = mix_bytes(mix_bytes(mix(digest, (uint64_t)output->timestamp_ms), output->key), output->value);
    return mix_headers(digest, output->headers, output->header_count);
}

void weir_answers_add(struct weir_answers *answers, const struct weir_output_record *outputs,
                      uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        answers->counts[outputs[i].stream]++;
        uint64_t *digest = &answers->digests[outputs[i].stream];
        *digest = digest_output(*digest, &outputs[i]);
    }
}

uint64_t weir_unit_digest_state(struct weir_task *task, uint64_t number) {
    uint32_t parts = 1 + (uint32_t)(weir_task_page_count(task) / PAGES_PER_DIGEST);
    uint64_t digest;
    return weir_task_digest_part(task, (uint32_t)(number / WEIR_STATE_DIGEST_EVERY % parts), parts, &digest)
               ? 0
               : digest;
}

/* ---- filling ---- */

static struct weir_slice *slice_for(struct weir_unit *unit, const struct weir_record *first) {
    if (unit->slice_count && unit->slices[unit->slice_count - 1].partition == first->partition)
        return &unit->slices[unit->slice_count - 1];
    if (unit->slice_count == unit->slice_capacity) {
        uint32_t capacity = unit->slice_capacity ? unit->slice_capacity * 2 : 4;
        struct weir_slice *slices = realloc(unit->slices, capacity * sizeof *slices);
        if (!slices) return NULL;
        unit->slices = slices;
        unit->slice_capacity = capacity;
    }
    struct weir_slice *slice = &unit->slices[unit->slice_count++];
    *slice =
        (struct weir_slice){.partition = first->partition, .first = first->offset, .last = first->offset};
    return slice;
}

bool weir_unit_add_records(struct weir_unit *unit, const struct weir_record *records, uint32_t count) {
    struct weir_slice *slice = slice_for(unit, records);
    if (!slice) return false;
    for (uint32_t i = 0; i < count; i++)
        slice->checksum = weir_unit_digest_record(slice->checksum, &records[i]);
    slice->count += count;
    slice->last = records[count - 1].offset;
    return true;
}

bool weir_unit_add_lost(struct weir_unit *unit, struct weir_lost lost) {
    if (unit->lost_count == unit->lost_capacity) {
        uint32_t capacity = unit->lost_capacity ? unit->lost_capacity * 2 : 4;
        struct weir_lost *more = realloc(unit->lost, capacity * sizeof *more);
        if (!more) return false;
        unit->lost = more;
        unit->lost_capacity = capacity;
    }
    unit->lost[unit->lost_count++] = lost;
    return true;
}

static char *put(char **room, const void *bytes, size_t len) {
    char *at = *room;
    if (len) memcpy(at, bytes, len);
    *room += len;
    return at;
}

static struct weir_bytes put_bytes(char **room, struct weir_bytes bytes) {
    return bytes.data ? (struct weir_bytes){put(room, bytes.data, bytes.len), bytes.len} : bytes;
}

/* One allocation per output: its headers, then all its bytes. */
static bool copy_output(struct weir_unit *unit, struct weir_output_record *out,
                        const struct weir_output_record *in) {
    size_t bytes = in->header_count * sizeof *in->headers + in->key.len + in->value.len;
    for (uint32_t i = 0; i < in->header_count; i++)
        bytes += strlen(in->headers[i].name) + 1 + in->headers[i].value.len;
    char *room = weir_arena_alloc(&unit->bytes, bytes + 1);
    if (!room) return false;
    struct weir_header *headers = (struct weir_header *)(void *)room;
    room += in->header_count * sizeof *headers;
    *out = *in;
    out->headers = headers;
    out->key = put_bytes(&room, in->key);
    out->value = put_bytes(&room, in->value);
    for (uint32_t i = 0; i < in->header_count; i++) {
        headers[i].name = put(&room, in->headers[i].name, strlen(in->headers[i].name) + 1);
        headers[i].value = put_bytes(&room, in->headers[i].value);
    }
    return true;
}

bool weir_unit_add_outputs(struct weir_unit *unit, const struct weir_output_record *outputs, uint32_t count) {
    if (unit->output_capacity - unit->output_count < count) {
        uint32_t capacity = (unit->output_count + count) * 2;
        struct weir_output_record *more = realloc(unit->outputs, capacity * sizeof *more);
        if (!more) return false;
        unit->outputs = more;
        unit->output_capacity = capacity;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!copy_output(unit, &unit->outputs[unit->output_count], &outputs[i])) return false;
        unit->output_count++;
    }
    weir_answers_add(&unit->answers, outputs, count);
    return true;
}

/* ---- the journal record ---- */

static void write_manifest(struct weir_state_writer *writer, const struct weir_manifest *manifest) {
    weir_state_write_u64(writer, manifest->unit);
    if (!manifest->unit) return;
    weir_state_write_u64(writer, manifest->chain);
    weir_state_write_u64(writer, manifest->engine_id);
    weir_state_write_u64(writer, manifest->root);
    weir_state_write_u64(writer, manifest->base_unit);
    weir_state_write_u64(writer, manifest->base_bytes);
    weir_state_write_u64(writer, manifest->added_bytes);
    weir_state_write_i64(writer, manifest->first);
    weir_state_write_i64(writer, manifest->tail);
    weir_state_write_i64(writer, manifest->last);
}

static void read_manifest(struct weir_state_reader *reader, struct weir_manifest *manifest) {
    manifest->unit = weir_state_read_u64(reader, UINT64_MAX);
    if (!manifest->unit) return;
    manifest->chain = weir_state_read_u64(reader, UINT64_MAX);
    manifest->engine_id = weir_state_read_u64(reader, UINT64_MAX);
    manifest->root = weir_state_read_u64(reader, UINT64_MAX);
    manifest->base_unit = weir_state_read_u64(reader, UINT64_MAX);
    manifest->base_bytes = weir_state_read_u64(reader, UINT64_MAX);
    manifest->added_bytes = weir_state_read_u64(reader, UINT64_MAX);
    manifest->first = weir_state_read_i64(reader);
    manifest->tail = weir_state_read_i64(reader);
    manifest->last = weir_state_read_i64(reader);
}

int weir_unit_close(struct weir_unit *unit) {
    struct weir_state_writer *writer = weir_state_writer_create();
    if (!writer) return WEIR_NOMEM;
    weir_state_write_head(writer, RECORD_NAME, RECORD_VERSION);
    weir_state_write_i64(writer, unit->task);
    weir_state_write_u64(writer, unit->number);
    weir_state_write_u64(writer, unit->previous);
    weir_state_write_u64(writer, unit->engine_id);
    weir_state_write_u64(writer, unit->seed);
    weir_state_write_i64(writer, unit->tick_ms);
    weir_state_write_u64(writer, unit->slice_count);
    for (uint32_t i = 0; i < unit->slice_count; i++) {
        weir_state_write_i64(writer, unit->slices[i].partition);
        weir_state_write_i64(writer, unit->slices[i].first);
        weir_state_write_i64(writer, unit->slices[i].last);
        weir_state_write_u64(writer, unit->slices[i].count);
        weir_state_write_u64(writer, unit->slices[i].checksum);
    }
    weir_state_write_u64(writer, unit->skip_count);
    for (uint32_t i = 0; i < unit->skip_count; i++) {
        weir_state_write_i64(writer, unit->skips[i].partition);
        weir_state_write_i64(writer, unit->skips[i].offset);
    }
    weir_state_write_u64(writer, unit->lost_count);
    for (uint32_t i = 0; i < unit->lost_count; i++) {
        weir_state_write_i64(writer, unit->lost[i].partition);
        weir_state_write_i64(writer, unit->lost[i].first);
        weir_state_write_i64(writer, unit->lost[i].last);
    }
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        weir_state_write_u64(writer, unit->answers.counts[i]);
        weir_state_write_u64(writer, unit->answers.digests[i]);
    }
    weir_state_write_u64(writer, unit->state_digest);
    write_manifest(writer, &unit->manifest);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    int result = weir_state_writer_result(writer);
    weir_buffer_clear(&unit->journal);
    if (!result) result = weir_buffer_append(&unit->journal, bytes, len);
    if (!result) unit->chain = XXH3_64bits(unit->journal.data, unit->journal.len);
    weir_state_writer_destroy(writer);
    return result;
}

static void read_slices(struct weir_unit *unit, struct weir_state_reader *reader) {
    unit->slice_count = 0;
    uint64_t count = weir_state_read_u64(reader, WEIR_SLICE_MAX);
    for (uint64_t i = 0; i < count && !weir_state_reader_result(reader); i++) {
        struct weir_record first = {.partition = (int32_t)weir_state_read_i64(reader),
                                    .offset = weir_state_read_i64(reader)};
        struct weir_slice *slice = slice_for(unit, &first);
        if (!slice) {
            weir_state_reader_fail(reader, WEIR_NOMEM, "no memory for its slices");
            return;
        }
        if (slice->count) {
            weir_state_reader_refuse(reader, "two slices of one partition follow each other");
            return;
        }
        slice->last = weir_state_read_i64(reader);
        slice->count = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
        slice->checksum = weir_state_read_u64(reader, UINT64_MAX);
        if (slice->partition < 0 || slice->first < 0 || slice->last < slice->first || !slice->count ||
            slice->count - 1 > (uint64_t)(slice->last - slice->first))
            weir_state_reader_refuse(reader, "a slice's offsets make no sense");
    }
}

static void read_lost(struct weir_unit *unit, struct weir_state_reader *reader) {
    uint64_t count = weir_state_read_u64(reader, WEIR_SLICE_MAX);
    for (uint64_t i = 0; i < count && !weir_state_reader_result(reader); i++) {
        struct weir_lost lost = {.partition = (int32_t)weir_state_read_i64(reader)};
        lost.first = weir_state_read_i64(reader);
        lost.last = weir_state_read_i64(reader);
        if (!weir_unit_add_lost(unit, lost))
            weir_state_reader_fail(reader, WEIR_NOMEM, "no memory for lost input");
    }
}

int weir_unit_read(struct weir_unit *unit, const void *bytes, size_t len, struct weir_error *error) {
    weir_unit_clear(unit);
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    if (!reader) return weir_error_set(error, WEIR_NOMEM, "no memory for a journal record");
    uint32_t version = weir_state_read_head(reader, RECORD_NAME, RECORD_VERSION);
    unit->task = (int32_t)weir_state_read_i64(reader);
    unit->number = weir_state_read_u64(reader, UINT64_MAX);
    unit->previous = weir_state_read_u64(reader, UINT64_MAX);
    unit->engine_id = weir_state_read_u64(reader, UINT64_MAX);
    unit->seed = weir_state_read_u64(reader, UINT64_MAX);
    unit->tick_ms = weir_state_read_i64(reader);
    read_slices(unit, reader);
    unit->skip_count = (uint32_t)weir_state_read_u64(reader, WEIR_SKIP_MAX);
    for (uint32_t i = 0; i < unit->skip_count; i++) {
        unit->skips[i].partition = (int32_t)weir_state_read_i64(reader);
        unit->skips[i].offset = weir_state_read_i64(reader);
    }
    if (version > 1) read_lost(unit, reader);
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        unit->answers.counts[i] = weir_state_read_u64(reader, UINT64_MAX);
        unit->answers.digests[i] = weir_state_read_u64(reader, UINT64_MAX);
    }
    unit->state_digest = weir_state_read_u64(reader, UINT64_MAX);
    read_manifest(reader, &unit->manifest);
    if (!weir_state_reader_result(reader) && !weir_state_reader_at_end(reader))
        weir_state_reader_refuse(reader, "bytes are left over");
    int result = weir_state_reader_result(reader);
    if (result) weir_error_set(error, result, "a broken journal record: %s", weir_state_reader_why(reader));
    weir_state_reader_destroy(reader);
    unit->chain = XXH3_64bits(bytes, len);
    return result;
}

/* ---- offset metadata ---- */

void weir_unit_metadata(char *out, size_t size, uint64_t number, uint64_t chain, int64_t journal_from) {
    snprintf(out, size, "%" PRIu64 ":%016" PRIx64 ":%" PRId64, number, chain, journal_from);
}

bool weir_unit_parse_metadata(const char *text, uint64_t *number, uint64_t *chain, int64_t *journal_from) {
    int end = 0;
    *number = *chain = 0;
    *journal_from = -1;
    if (!text[0]) return true;
    return sscanf(text, "%" SCNu64 ":%16" SCNx64 ":%" SCNd64 "%n", number, chain, journal_from, &end) == 3 &&
           !text[end] && *number > 0;
}
