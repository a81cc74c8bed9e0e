/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/label.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/pages.h"
#include "weir/state.h"

#define NAME "snapshot/label"
#define VERSION 1
#define NAME_BYTES 256
#define NUMBERS 6

static void put_text(struct weir_state_writer *writer, const char *text) {
    weir_state_write_bytes(writer, text, strlen(text));
}

int weir_label_write(struct weir_buffer *chunk, const char *pipeline, const char *input, int32_t task,
                     const struct weir_manifest *manifest) {
    const uint64_t numbers[NUMBERS] = {manifest->unit,      manifest->engine_id,  manifest->root,
                                       manifest->base_unit, manifest->base_bytes, manifest->added_bytes};
    struct weir_state_writer *writer = weir_state_writer_create();
    struct weir_buffer bytes;
    size_t len;
    if (!writer) return WEIR_NOMEM;
    weir_state_write_head(writer, NAME, VERSION);
    put_text(writer, pipeline);
    put_text(writer, input);
    weir_state_write_i64(writer, task);
    for (int i = 0; i < NUMBERS; i++) weir_state_write_u64(writer, numbers[i]);
    int result = weir_state_writer_result(writer);
    const void *text = weir_state_writer_bytes(writer, &len);
    uint64_t digest = result ? 0 : weir_page_hash(text, len);
    weir_buffer_init(&bytes);
    if (!result) result = weir_buffer_append(&bytes, &digest, sizeof digest);
    if (!result) result = weir_buffer_append(&bytes, text, len);
    if (!result) result = weir_segment_add(chunk, WEIR_SEGMENT_LABEL, 0, bytes.data, bytes.len);
    weir_buffer_deinit(&bytes);
    weir_state_writer_destroy(writer);
    return result;
}

static bool is_text(struct weir_state_reader *reader, const char *wanted, char found[NAME_BYTES]) {
    size_t len = weir_state_read_bytes(reader, found, NAME_BYTES - 1);
    found[len] = '\0';
    return !strcmp(found, wanted);
}

static int read_fields(struct weir_state_reader *reader, const char *pipeline, const char *input,
                       int32_t task, uint64_t offset, struct weir_manifest *manifest,
                       struct weir_error *error) {
    char name[NAME_BYTES], topic[NAME_BYTES];
    weir_state_read_head(reader, NAME, VERSION);
    bool same = is_text(reader, pipeline, name);
    same = is_text(reader, input, topic) && same;
    int64_t partition = weir_state_read_i64(reader);
    memset(manifest, 0, sizeof *manifest);
    uint64_t *numbers[NUMBERS] = {&manifest->unit,      &manifest->engine_id,  &manifest->root,
                                  &manifest->base_unit, &manifest->base_bytes, &manifest->added_bytes};
    for (int i = 0; i < NUMBERS; i++) *numbers[i] = weir_state_read_u64(reader, UINT64_MAX);
    manifest->first = -1;
    int result = weir_state_reader_result(reader);
    if (result) return weir_error_set(error, result, "its end: %s", weir_state_reader_why(reader));
    if (same && partition == task && manifest->unit == offset) return WEIR_OK;
    return weir_error_set(error, WEIR_DATA,
                          "it belongs to pipeline %s, topic %s, partition %" PRId64 ", offset %" PRIu64, name,
                          topic, partition, manifest->unit);
}

int weir_label_read(const struct weir_segment_item *item, const char *pipeline, const char *input,
                    int32_t task, uint64_t offset, struct weir_manifest *manifest, struct weir_error *error) {
    uint64_t digest;
    if (item->index || item->len < sizeof digest)
        return weir_error_set(error, WEIR_DATA, "its end is broken");
    memcpy(&digest, item->bytes, sizeof digest);
    const char *bytes = item->bytes + sizeof digest;
    size_t len = item->len - sizeof digest;
    if (weir_page_hash(bytes, len) != digest)
        return weir_error_set(error, WEIR_DATA, "its end is damaged: its checksum does not fit");
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    if (!reader) return weir_error_set(error, WEIR_NOMEM, "no memory to read a snapshot");
    int result = read_fields(reader, pipeline, input, task, offset, manifest, error);
    weir_state_reader_destroy(reader);
    return result;
}
