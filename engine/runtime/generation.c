/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/generation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "file/numbered.h"
#include "file/segments.h"
#include "file/snapshot.h"
#include "runtime/label.h"

#define KEY_BYTES 64
#define READ_TIMEOUT_MS 10000
#define TRIM_TIMEOUT_MS 5000
#define FILES_MAX 4096 /* a segment adds a thousandth of its base at least */

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

static void folder_of(const struct weir_generation_place *place, char folder[WEIR_GENERATION_FOLDER_BYTES]) {
    if (place->input)
        snprintf(folder, WEIR_GENERATION_FOLDER_BYTES, "%s", place->pipeline);
    else
        weir_generation_folder(place->pipeline, folder, WEIR_GENERATION_FOLDER_BYTES);
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
        folder_of(place, folder);
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

static void complete(const struct weir_generation_writer *writer, struct weir_manifest *manifest,
                     int64_t tail_offset) {
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
}

/* Behind the tail: there is no journal to say what the file is. */
static int write_label(struct weir_generation_writer *writer, const struct weir_manifest *manifest) {
    struct weir_buffer item;
    weir_buffer_init(&item);
    int result =
        weir_label_write(&item, writer->place->pipeline, writer->place->input, writer->task, manifest);
    if (result) weir_error_set(&writer->disk, result, "no memory for a snapshot");
    if (!result) result = weir_segment_file_append(writer->file, item.data, item.len, &writer->disk);
    weir_buffer_deinit(&item);
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
    complete(writer, manifest, tail_offset);
    if (writer->file && writer->place->input && write_label(writer, manifest)) give_up_disk(writer);
    if (writer->file) weir_segment_file_publish(writer->file, &writer->disk);
    writer->file = NULL;
    WEIR_POINT("snapshot.file");
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
    while ((more = weir_segment_next(&bytes, &len, &item)) == 1 && item.group != WEIR_SEGMENT_LABEL) {
        if (item.group != WEIR_SEGMENT_TAIL || item.index != reading->tail_count++) more = WEIR_DATA;
        if (more < 0) break;
        if (weir_assembly_add_tail(&reading->assembly, item.bytes, item.len)) return WEIR_NOMEM;
    }
    return more < 0 ? weir_error_set(reading->error, WEIR_DATA, "its tail is broken") : WEIR_OK;
}

static int begin(struct reading *reading, bool proven) {
    return weir_assembly_begin(&reading->assembly, proven ? &reading->manifest->root : NULL, reading->plan,
                               reading->error);
}

/* The newest file has the tail; older ones, back to the base, have what it did not write anew. */
static int read_files(struct reading *reading, const char *folder) {
    const struct weir_generation_place *place = reading->place;
    int64_t units[FILES_MAX];
    int64_t newest = (int64_t)reading->manifest->unit, oldest = (int64_t)reading->manifest->base_unit;
    int count = weir_numbered_list(place->dir, folder, WEIR_SEGMENT_ENDING, reading->task, newest + 1, units,
                                   FILES_MAX),
        result = WEIR_OK;
    bool begun = false;
    for (int i = 0; i < count && !result; i++) {
        struct weir_segment_view view;
        if (units[i] < oldest) break;
        if (!begun && units[i] != newest) break;
        result = weir_segment_view_open(place->dir, folder, reading->task, (uint64_t)units[i], &view,
                                        reading->error);
        if (!result && !begun) result = add_tail_items(reading, view.tail, view.tail_len);
        if (!result && !begun) result = begin(reading, !reading->unproven && WEIR_RULE(409));
        begun = true;
        if (!result) weir_segment_view_want(&view);
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
    if (!result) result = begin(reading, true);
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
    folder_of(place, folder);
    int result = WEIR_IO;
    if (place->dir && plan) result = read_from(&reading, folder, task);
    if (!result || !place->topic || manifest->first < 0) return result;
    return read_from(&reading, NULL, task);
}

/* ---- at least once ---- */

int weir_generation_manifest(const struct weir_generation_place *place, int32_t task, uint64_t offset,
                             struct weir_manifest *manifest, struct weir_error *error) {
    struct weir_segment_view view;
    struct weir_segment_item item = {0};
    int result = weir_segment_view_open(place->dir, place->pipeline, task, offset, &view, error);
    if (result) return result;
    const char *bytes = view.tail;
    size_t len = view.tail_len;
    int more;
    while ((more = weir_segment_next(&bytes, &len, &item)) == 1 && item.group != WEIR_SEGMENT_LABEL) {
    }
    if (more == 1)
        result = weir_label_read(&item, place->pipeline, place->input, task, offset, manifest, error);
    else
        result = weir_error_set(error, WEIR_DATA, "its end is broken");
    weir_segment_view_close(&view);
    return result;
}

static void delete_before(const struct weir_generation_place *place, int32_t task, const char *ending,
                          int64_t needed) {
    int64_t numbers[FILES_MAX];
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    folder_of(place, folder);
    int count = weir_numbered_list(place->dir, folder, ending, task, needed, numbers, FILES_MAX);
    for (int i = 0; i < count; i++) weir_numbered_delete(place->dir, folder, ending, task, numbers[i], NULL);
}

void weir_generation_keep(const struct weir_generation_place *place, int32_t task, uint64_t safe) {
    int64_t offsets[FILES_MAX], needed = INT64_MAX;
    bool have_safe = false;
    int good = 0, count = weir_numbered_list(place->dir, place->pipeline, WEIR_SEGMENT_ENDING, task,
                                             INT64_MAX, offsets, FILES_MAX);
    for (int i = 0; i < count && (good < place->keep || !have_safe); i++) {
        struct weir_manifest manifest;
        if (weir_generation_manifest(place, task, (uint64_t)offsets[i], &manifest, NULL)) continue;
        good++;
        have_safe = have_safe || offsets[i] <= (int64_t)safe;
        if ((int64_t)manifest.base_unit < needed) needed = (int64_t)manifest.base_unit;
    }
    if (good < place->keep) return;
    delete_before(place, task, WEIR_SEGMENT_ENDING, needed);
    delete_before(place, task, WEIR_SNAPSHOT_ENDING, needed);
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
    if (place->dir) delete_before(place, task, WEIR_SEGMENT_ENDING, (int64_t)oldest->base_unit);
    WEIR_POINT("trim.after");
}
