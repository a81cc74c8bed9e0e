/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no text harms the JSON codec; what it reads it can write and read again; simdjson and our own reader
 * agree about what is JSON. */
#include <stdlib.h>
#include <string.h>

#include "../../operators/codec/json_diagnose.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"

extern const struct weir_codec weir_codec_json;

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
    if (weir_codec_json.open(&schema, &coder, NULL)) return 0;
    weir_arena_init(&arena);
    weir_buffer_init(&out);
    size_t frame = weir_codec_json.frame((const char *)data, size, true);
    if (frame > size || (size && !frame)) abort();
    int result =
        weir_codec_json.decode(coder, (struct weir_bytes){(const char *)data, size}, &arena, cells, &error);
    if (result == WEIR_OK) {
        if (weir_codec_json.encode(coder, cells, &out)) abort();
        if (weir_codec_json.decode(coder, (struct weir_bytes){out.data, out.len}, &arena, again, &error))
            abort();
    } else if (result != WEIR_DATA || error.code[0] != 'D') {
        abort();
    }
    struct weir_json_fault fault = weir_json_diagnose((const char *)data, size, 64);
    if (size && result == WEIR_OK && fault.code) abort();
    if (size && result == WEIR_DATA && strcmp(error.code, "D101") == 0 && !fault.code) abort();
    weir_codec_json.close(coder);
    weir_arena_deinit(&arena);
    weir_buffer_deinit(&out);
    return 0;
}
