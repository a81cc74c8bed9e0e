/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no text harms the csv codec, as a header or as a row; what it reads it can write and read again. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"

extern const struct weir_codec weir_codec_csv;

static const struct weir_field fields[] = {{"n", WEIR_INT64, true},      {"x", WEIR_FLOAT64, true},
                                           {"b", WEIR_BOOL, true},       {"s", WEIR_STRING, true},
                                           {"m.c", WEIR_CATEGORY, true}, {"m.t", WEIR_TIMESTAMP, true}};
static const struct weir_schema schema = {fields, 6};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weir_coder *coder;
    struct weir_arena arena;
    struct weir_buffer out;
    struct weir_value cells[6], again[6];
    struct weir_data_error error = {0};
    if (weir_codec_csv.open(&schema, &coder, NULL)) return 0;
    weir_arena_init(&arena);
    weir_buffer_init(&out);
    size_t frame = weir_codec_csv.frame((const char *)data, size, true);
    if (frame > size || (size && !frame)) abort();
    struct weir_error ignored;
    bool header = false; /* then rows are as wide as it, and encode writes all columns */
    const uint8_t *line = size ? memchr(data, 10, size) : NULL;
    if (line && data[0] == 0x23) { /* "#": the first line is a header */
        weir_codec_csv.decode_header(
            coder, (struct weir_bytes){(const char *)data + 1, (size_t)(line - data) - 1}, &ignored);
        size -= (size_t)(line - data) + 1;
        data = line + 1;
        header = true;
    }
    int result =
        weir_codec_csv.decode(coder, (struct weir_bytes){(const char *)data, size}, &arena, cells, &error);
    if (result == WEIR_OK && !header) {
        if (weir_codec_csv.encode(coder, cells, &out)) abort();
        if (weir_codec_csv.decode(coder, (struct weir_bytes){out.data, out.len}, &arena, again, &error))
            abort();
    } else if (result != WEIR_OK && (result != WEIR_DATA || error.code[0] != 'D')) {
        abort();
    }
    weir_codec_csv.close(coder);
    weir_arena_deinit(&arena);
    weir_buffer_deinit(&out);
    return 0;
}
