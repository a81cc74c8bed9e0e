/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/generation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "file/numbered.h"
#include "file/segments.h"

#define KEY_BYTES 64
#define READ_TIMEOUT_MS 10000
#define TRIM_TIMEOUT_MS 5000
#define FILES_MAX 1024

struct weir_generation_writer {
    const struct weir_generation_place *place;
    int32_t task;
    uint64_t unit;
    struct weir_kafka_writer *topic; /* NULL: none */
    struct weir_segment_file *file;  /* NULL: none, or it failed */
    struct weir_error disk;
    uint32_t chunks;
    uint64_t bytes;
    int64_t first, last;
};

void weir_generation_folder(const char *pipeline, char *folder, size_t size) {
    snprintf(folder, size, "%s.units", pipeline);
}

static size_t chunk_key(char *key, int32_t task, uint64_t unit, uint32_t index) {
    return (size_t)snprintf(key, KEY_BYTES, "%d/%" PRIu64 "/%u", task, unit, index);
}

/* ---- writing ---- */

int weir_generation_open(const struct weir_generation_place *place, int32_t task, uint64_t unit,
                         struct weir_generation_writer **out, struct weir_error *error) {
    struct weir_generation_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return weir_error_set(error, WEIR_NOMEM, "no memory for a snapshot");
    *writer = (struct weir_generation_writer){place, task, unit, .first = -1, .last = -1};
    WEIR_POINT("snapshot.before");
    int result = WEIR_OK;
    if (place->topic) result = weir_kafka_writer_open(&place->client, place->topic, &writer->topic, error);
    if (!result && place->dir) {
        char folder[WEIR_GENERATION_FOLDER_BYTES];
        weir_generation_folder(place->pipeline, folder, sizeof folder);
        weir_segment_file_create(place->dir, folder, task, unit, &writer->file, &writer->disk);
    }
    if (result)
        free(writer);
    else
        *out = writer;
    return result;
}

static void give_up_disk(struct weir_generation_writer *writer) {
    if (writer->file) weir_segment_file_abandon(writer->file);
    writer->file = NULL;
}

void weir_generation_abandon(struct weir_generation_writer *writer) {
    if (!writer) return;
    give_up_disk(writer);
    if (writer->topic) weir_kafka_writer_close(writer->topic);
    free(writer);
}

static int write_chunk(struct weir_generation_writer *writer, const char *bytes, size_t len,
                       struct weir_error *error) {
    writer->bytes += len;
    if (writer->file && weir_segment_file_append(writer->file, bytes, len, &writer->disk))
        give_up_disk(writer);
    if (!writer->topic)
        return writer->file ? WEIR_OK : weir_error_set(error, WEIR_IO, "%s", writer->disk.text);
    char name[KEY_BYTES];
    struct weir_bytes key = {name, chunk_key(name, writer->task, writer->unit, writer->chunks++)};
    struct weir_bytes value = {bytes, len};
    int64_t first, last;
    int result = weir_kafka_writer_write(writer->topic, writer->task, &key, &value, 1, &first, &last, error);
    if (!result && writer->first < 0) writer->first = first;
    if (!result) writer->last = last;
    return WEIR_RULE(109) ? result : WEIR_OK; /* the mutant: published though it is not all there */
}

int weir_generation_write(struct weir_generation_writer *writer, const struct weir_buffer *chunk,
                          struct weir_error *error) {
    int result = write_chunk(writer, chunk->data, chunk->len, error);
    WEIR_POINT("snapshot.chunk");
    return result;
}

static int write_tail(struct weir_generation_writer *writer, const struct weir_buffer *tail,
                      int64_t *tail_offset, struct weir_error *error) {
    struct weir_buffer chunk;
    int result = WEIR_OK;
    if (writer->file) weir_segment_file_begin_tail(writer->file);
    weir_buffer_init(&chunk);
    uint32_t index = 0;
    for (size_t at = 0; at < tail->len && !result; index++) {
        size_t left = tail->len - at, len = left < WEIR_SEGMENT_CHUNK_BYTES ? left : WEIR_SEGMENT_CHUNK_BYTES;
        weir_buffer_clear(&chunk);
        result = weir_segment_add(&chunk, WEIR_SEGMENT_TAIL, index, tail->data + at, len);
        if (!result) result = write_chunk(writer, chunk.data, chunk.len, error);
        if (!index) *tail_offset = writer->last;
        at += len;
    }
    weir_buffer_deinit(&chunk);
    return result;
}

int weir_generation_finish(struct weir_generation_writer *writer, const struct weir_buffer *tail,
                           struct weir_manifest *manifest, struct weir_error *disk,
                           struct weir_error *error) {
    int64_t tail_offset = -1;
    int result = write_tail(writer, tail, &tail_offset, error);
    WEIR_POINT("snapshot.topic");
    if (result) {
        weir_generation_abandon(writer);
        return result;
    }
    if (writer->file) weir_segment_file_publish(writer->file, &writer->disk);
    writer->file = NULL;
    WEIR_POINT("snapshot.file");
    if (manifest->base_unit) {
        manifest->added_bytes += writer->bytes;
    } else {
        manifest->base_unit = manifest->unit;
        manifest->base_bytes = writer->bytes;
        manifest->added_bytes = 0;
        manifest->first = writer->first;
    }
    manifest->tail = tail_offset;
    manifest->last = writer->last;
    *disk = writer->disk;
    if (!writer->topic && writer->disk.result)
        result = weir_error_set(error, WEIR_IO, "%s", writer->disk.text);
    weir_generation_abandon(writer);
    return result;
}

/* ---- reading ---- */

struct reading {
    const struct weir_generation_place *place;
    int32_t task;
    const struct weir_manifest *manifest;
    const struct weir_plan *plan;
    struct weir_carry *carry;
    bool unproven; /* the manifest's root is not known */
    struct weir_assembly assembly;
    uint32_t tail_count; /* pieces of the tail so far */
    struct weir_error *error;
};

static int add_tail_items(struct reading *reading, const char *bytes, size_t len) {
    struct weir_segment_item item;
    int more;
    while ((more = weir_segment_next(&bytes, &len, &item)) == 1) {
        if (item.group != WEIR_SEGMENT_TAIL || item.index != reading->tail_count++) more = WEIR_DATA;
        if (more < 0) break;
        if (weir_assembly_add_tail(&reading->assembly, item.bytes, item.len)) return WEIR_NOMEM;
    }
    return more ? weir_error_set(reading->error, WEIR_DATA, "its tail is broken") : WEIR_OK;
}

static int begin(struct reading *reading) {
    return weir_assembly_begin(&reading->assembly, reading->unproven ? NULL : &reading->manifest->root,
                               reading->plan, reading->error);
}

/* The newest file has the tail; older ones, back to the base, have what it did not write anew. */
static int read_files(struct reading *reading, const char *folder) {
    const struct weir_generation_place *place = reading->place;
    int64_t units[FILES_MAX];
    int count = weir_numbered_list(place->dir, folder, WEIR_SEGMENT_ENDING, reading->task, units, FILES_MAX),
        result = WEIR_OK;
    int64_t newest = (int64_t)reading->manifest->unit, oldest = (int64_t)reading->manifest->base_unit;
    bool begun = false;
    for (int i = 0; i < count && !result; i++) {
        struct weir_segment_view view;
        if (units[i] > newest || units[i] < oldest) continue;
        if (!begun && units[i] != newest) break;
        result = weir_segment_view_open(place->dir, folder, reading->task, (uint64_t)units[i], &view,
                                        reading->error);
        if (!result && !begun) result = add_tail_items(reading, view.tail, view.tail_len);
        if (!result && !begun) result = begin(reading);
        begun = true;
        if (!result)
            result = weir_assembly_offer(&reading->assembly, view.body, view.body_len, reading->error);
        weir_segment_view_close(&view);
        if (!result && weir_assembly_is_complete(&reading->assembly)) break;
    }
    if (!result && !begun)
        return weir_error_set(reading->error, WEIR_IO, "%s/%s has no file of it", place->dir, folder);
    return result;
}

/* The records from one offset up to before another, those of this task's snapshots. tail: of this very unit.
 */
static int read_range(struct reading *reading, struct weir_kafka_reader *reader, int64_t from, int64_t before,
                      bool tail) {
    char prefix[KEY_BYTES];
    size_t prefix_len = tail ? (size_t)snprintf(prefix, sizeof prefix, "%d/%" PRIu64 "/", reading->task,
                                                reading->manifest->unit)
                             : (size_t)snprintf(prefix, sizeof prefix, "%d/", reading->task);
    int result = weir_kafka_reader_seek(reader, reading->task, from, reading->error);
    for (int64_t next = from; !result && next < before;) {
        struct weir_record records[16];
        int count =
            weir_kafka_reader_read(reader, reading->task, records, 16, READ_TIMEOUT_MS, reading->error);
        if (count < 0) return count;
        if (!count) /* not lost: a new leader may not know yet how far it is */
            return weir_error_set(reading->error, WEIR_IO,
                                  "topic '%s' partition %d ends before offset %" PRId64,
                                  reading->place->topic, reading->task, before);
        for (int i = 0; i < count && !result; i++) {
            const struct weir_record *record = &records[i];
            next = record->offset + 1;
            if (record->offset >= before || record->key.len < prefix_len || !record->value.data ||
                memcmp(record->key.data, prefix, prefix_len) != 0)
                continue;
            result = tail ? add_tail_items(reading, record->value.data, record->value.len)
                          : weir_assembly_offer(&reading->assembly, record->value.data, record->value.len,
                                                reading->error);
        }
        if (!tail && weir_assembly_is_complete(&reading->assembly)) break;
    }
    return result;
}

static int read_topic(struct reading *reading) {
    const struct weir_manifest *manifest = reading->manifest;
    struct weir_kafka_reader *reader = NULL;
    int result =
        weir_kafka_reader_open(&reading->place->client, reading->place->topic, &reader, reading->error);
    if (!result) result = read_range(reading, reader, manifest->tail, manifest->last + 1, true);
    if (!result) result = begin(reading);
    if (!result) result = read_range(reading, reader, manifest->first, manifest->tail, false);
    if (reader) weir_kafka_reader_close(reader);
    return result;
}

static int read_from(struct reading *reading, const char *folder, struct weir_task **task) {
    weir_assembly_init(&reading->assembly);
    reading->assembly.carry = reading->carry;
    if (reading->carry) weir_buffer_clear(&reading->carry->report);
    reading->tail_count = 0;
    int result = folder ? read_files(reading, folder) : read_topic(reading);
    if (!result) result = weir_assembly_end(&reading->assembly, task, reading->error);
    weir_assembly_deinit(&reading->assembly);
    return result;
}

int weir_generation_read_kept(const char *dir, const char *pipeline, int32_t task_id, uint64_t unit,
                              const struct weir_plan *plan, struct weir_task **task,
                              struct weir_error *error) {
    const struct weir_generation_place place = {.dir = dir, .pipeline = pipeline};
    const struct weir_manifest manifest = {.unit = unit};
    struct reading reading = {.place = &place,
                              .task = task_id,
                              .manifest = &manifest,
                              .plan = plan,
                              .unproven = true,
                              .error = error};
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    *task = NULL;
    weir_generation_folder(pipeline, folder, sizeof folder);
    return read_from(&reading, folder, task);
}

int weir_generation_read(const struct weir_generation_place *place, int32_t task_id,
                         const struct weir_manifest *manifest, const struct weir_plan *plan,
                         struct weir_task **task, struct weir_error *error) {
    return weir_generation_carry(place, task_id, manifest, plan, NULL, task, error);
}

int weir_generation_carry(const struct weir_generation_place *place, int32_t task_id,
                          const struct weir_manifest *manifest, const struct weir_plan *plan,
                          struct weir_carry *carry, struct weir_task **task, struct weir_error *error) {
    struct reading reading = {
        .place = place, .task = task_id, .manifest = manifest, .plan = plan, .carry = carry, .error = error};
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    weir_generation_folder(place->pipeline, folder, sizeof folder);
    int result = WEIR_IO;
    if (place->dir && plan) result = read_from(&reading, folder, task);
    if (!result || !place->topic || manifest->first < 0) return result;
    return read_from(&reading, NULL, task);
}

/* ---- trimming ---- */

void weir_generation_trim(const struct weir_generation_place *place, int32_t task,
                          const struct weir_manifest *oldest, int64_t journal_from) {
    WEIR_POINT("trim.before");
    if (place->journal && journal_from > 0)
        weir_kafka_topic_trim(&place->client, place->journal, task, journal_from, TRIM_TIMEOUT_MS, NULL);
    WEIR_POINT("trim.journal");
    if (place->topic && oldest->first > 0)
        weir_kafka_topic_trim(&place->client, place->topic, task, oldest->first, TRIM_TIMEOUT_MS, NULL);
    WEIR_POINT("trim.topic");
    if (!place->dir) return;
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    int64_t units[FILES_MAX];
    weir_generation_folder(place->pipeline, folder, sizeof folder);
    int count = weir_numbered_list(place->dir, folder, WEIR_SEGMENT_ENDING, task, units, FILES_MAX);
    for (int i = 0; i < count; i++)
        if (units[i] < (int64_t)oldest->base_unit)
            weir_numbered_delete(place->dir, folder, WEIR_SEGMENT_ENDING, task, units[i], NULL);
    WEIR_POINT("trim.after");
}
