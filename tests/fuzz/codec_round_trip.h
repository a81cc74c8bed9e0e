/* SPDX-License-Identifier: Apache-2.0 */
/* codec_round_trip.h: what the fuzz targets of all codecs ask: any bytes decode to a row or are refused as
 * data (D...), a frame never passes the end, and a row that was read can be written and read again.
 *
 * errors: abort(), which is the fuzzer's way to keep the input.
 */
#ifndef WEIR_TESTS_FUZZ_CODEC_ROUND_TRIP_H
#define WEIR_TESTS_FUZZ_CODEC_ROUND_TRIP_H

#include <stdlib.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"

/* A column of every type; two of them nested. */
static const struct weir_field fuzz_fields[] = {{"n", WEIR_INT64, true},      {"x", WEIR_FLOAT64, true},
                                                {"b", WEIR_BOOL, true},       {"s", WEIR_STRING, true},
                                                {"m.c", WEIR_CATEGORY, true}, {"m.t", WEIR_TIMESTAMP, true}};
#define FUZZ_FIELD_COUNT (sizeof fuzz_fields / sizeof fuzz_fields[0])
static const struct weir_schema fuzz_schema = {fuzz_fields, FUZZ_FIELD_COUNT};

static inline void fuzz_frame(const struct weir_codec *codec, struct weir_bytes value) {
    size_t frame = codec->frame(value.data, value.len, true);
    if (frame > value.len || (value.len && !frame)) abort();
}

/* rewrite: encode writes what decode reads (a csv header may have changed that). Returns decode's result. */
static inline int fuzz_round_trip(const struct weir_codec *codec, struct weir_coder *coder,
                                  struct weir_bytes value, bool rewrite, struct weir_data_error *error) {
    struct weir_arena arena;
    struct weir_buffer out;
    struct weir_value cells[FUZZ_FIELD_COUNT], again[FUZZ_FIELD_COUNT];
    weir_arena_init(&arena);
    weir_buffer_init(&out);
    int result = codec->decode(coder, value, &arena, cells, error);
    if (result != WEIR_OK && (result != WEIR_DATA || error->code[0] != 'D')) abort();
    if (result == WEIR_OK && rewrite) {
        struct weir_data_error ignored;
        if (codec->encode(coder, cells, &out)) abort();
        if (codec->decode(coder, (struct weir_bytes){out.data, out.len}, &arena, again, &ignored)) abort();
    }
    weir_arena_deinit(&arena);
    weir_buffer_deinit(&out);
    return result;
}

#endif
