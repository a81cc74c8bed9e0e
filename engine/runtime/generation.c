/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/generation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "file/snapshot.h"

#define CHUNK_BYTES ((size_t)512 * 1024)
#define KEY_BYTES 64
#define READ_TIMEOUT_MS 10000

/* ---- the snapshot topic ---- */

static size_t chunk_key(char *key, int32_t task, uint64_t unit, uint32_t index) {
    return (size_t)snprintf(key, KEY_BYTES, "%d/%" PRIu64 "/%u", task, unit, index);
}

static int write_topic(const struct weir_generation_place *place, int32_t task, const char *bytes,
                       struct weir_manifest *manifest, struct weir_error *error) {
    uint32_t count = (uint32_t)((manifest->bytes + CHUNK_BYTES - 1) / CHUNK_BYTES);
    struct weir_kafka_writer *writer = NULL;
    struct weir_bytes *keys = calloc(count, sizeof *keys), *values = calloc(count, sizeof *values);
    char *names = malloc((size_t)count * KEY_BYTES);
    int result = keys && values && names ? WEIR_OK : WEIR_NOMEM;
    for (uint32_t i = 0; i < count && !result; i++) {
        size_t at = i * CHUNK_BYTES, left = manifest->bytes - at;
        char *name = names + (size_t)i * KEY_BYTES;
        keys[i] = (struct weir_bytes){name, chunk_key(name, task, manifest->unit, i)};
        values[i] = (struct weir_bytes){bytes + at, left < CHUNK_BYTES ? left : CHUNK_BYTES};
    }
    if (!result) result = weir_kafka_writer_open(&place->client, place->topic, &writer, error);
    if (!result)
        result = weir_kafka_writer_write(writer, task, keys, values, count, &manifest->first, &manifest->last,
                                         error);
    if (writer) weir_kafka_writer_close(writer);
    free(keys);
    free(values);
    free(names);
    return result;
}

static int take_chunk(const struct weir_record *record, int32_t task, const struct weir_manifest *manifest,
                      uint32_t *next, struct weir_buffer *bytes) {
    char key[KEY_BYTES];
    size_t len = chunk_key(key, task, manifest->unit, *next);
    if (record->key.len != len || memcmp(record->key.data, key, len) != 0) return WEIR_OK; /* another's */
    if (record->value.len > manifest->bytes - bytes->len) return WEIR_OK;
    ++*next;
    return weir_buffer_append(bytes, record->value.data, record->value.len);
}

static int read_topic(const struct weir_generation_place *place, int32_t task,
                      const struct weir_manifest *manifest, struct weir_buffer *bytes,
                      struct weir_error *error) {
    struct weir_kafka_reader *reader = NULL;
    int result = weir_kafka_reader_open(&place->client, place->topic, &reader, error);
    if (!result) result = weir_kafka_reader_seek(reader, task, manifest->first, error);
    int64_t offset = manifest->first;
    uint32_t next = 0;
    while (!result && bytes->len < manifest->bytes && offset <= manifest->last) {
        struct weir_record records[16];
        int count = weir_kafka_reader_read(reader, task, records, 16, READ_TIMEOUT_MS, error);
        if (count < 0) result = count;
        if (count <= 0) break;
        for (int i = 0; i < count && !result; i++) {
            offset = records[i].offset + 1;
            result = take_chunk(&records[i], task, manifest, &next, bytes);
        }
    }
    if (reader) weir_kafka_reader_close(reader);
    if (!result && bytes->len != manifest->bytes)
        result = weir_error_set(error, WEIR_DATA, "chunk %u of snapshot %d/%" PRIu64 " is not in topic '%s'",
                                next, task, manifest->unit, place->topic);
    return result;
}

/* ---- the local copy: files of engine/file/snapshot.h, in a folder of their own ---- */

void weir_generation_folder(const char *pipeline, char *folder, size_t size) {
    snprintf(folder, size, "%s.units", pipeline);
}

static int write_file(const struct weir_generation_place *place, int32_t task, const void *bytes,
                      const struct weir_manifest *manifest, struct weir_error *error) {
    struct weir_snapshot_head head = {.partition = task, .position = (int64_t)manifest->unit};
    weir_generation_folder(place->pipeline, head.pipeline, sizeof head.pipeline);
    snprintf(head.topic, sizeof head.topic, "%s", place->source);
    int result = weir_snapshot_prepare(place->dir, head.pipeline, error);
    if (!result) result = weir_snapshot_write(place->dir, &head, bytes, manifest->bytes, error);
    if (!result) weir_snapshot_trim(place->dir, head.pipeline, task, place->keep, head.position);
    return result;
}

static int check_root(int32_t task, const struct weir_manifest *manifest, const struct weir_buffer *bytes,
                      struct weir_error *error) {
    if (bytes->len == manifest->bytes &&
        (weir_unit_digest_bytes(bytes->data, bytes->len) == manifest->root || !WEIR_RULE(211)))
        return WEIR_OK;
    return weir_error_set(error, WEIR_DATA, "snapshot %d/%" PRIu64 " is not the one its manifest names", task,
                          manifest->unit);
}

static int read_file(const struct weir_generation_place *place, int32_t task,
                     const struct weir_manifest *manifest, struct weir_buffer *bytes,
                     struct weir_error *error) {
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    struct weir_snapshot_head head;
    weir_generation_folder(place->pipeline, folder, sizeof folder);
    int result = weir_snapshot_read(place->dir, folder, task, (int64_t)manifest->unit, &head, bytes, error);
    return result ? result : check_root(task, manifest, bytes, error);
}

/* ---- both ---- */

int weir_generation_write(const struct weir_generation_place *place, int32_t task, const void *bytes,
                          size_t len, struct weir_manifest *manifest, struct weir_error *error) {
    manifest->bytes = len;
    manifest->root = weir_unit_digest_bytes(bytes, len);
    manifest->first = manifest->last = -1;
    int disk = place->dir ? write_file(place, task, bytes, manifest, error) : WEIR_OK;
    WEIR_POINT("snapshot.file");
    if (!place->topic) return place->dir ? disk : WEIR_BUG;
    int result = write_topic(place, task, bytes, manifest, error);
    WEIR_POINT("snapshot.topic");
    return WEIR_RULE(109) ? result : WEIR_OK; /* the mutant: published before it is there */
}

int weir_generation_read(const struct weir_generation_place *place, int32_t task,
                         const struct weir_manifest *manifest, struct weir_buffer *bytes,
                         struct weir_error *error) {
    int result = WEIR_DATA;
    weir_buffer_clear(bytes);
    if (place->dir) result = read_file(place, task, manifest, bytes, error);
    if (!result || manifest->first < 0 || !place->topic) return result;
    weir_buffer_clear(bytes);
    result = read_topic(place, task, manifest, bytes, error);
    return result ? result : check_root(task, manifest, bytes, error);
}
