/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every codec of the registry obeys the laws of include/weir/codec.h: round trip, and no byte string
 * can do it harm. A codec that has no columns (it refuses any schema with one) is tried with an empty schema.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"
#include "weir/registry.h"

static const struct weir_field fields[] = {
    {"flag", WEIR_BOOL, true},           {"count", WEIR_INT64, false},       {"amount", WEIR_FLOAT64, true},
    {"deep.er.name", WEIR_STRING, true}, {"deep.kind", WEIR_CATEGORY, true}, {"at", WEIR_TIMESTAMP, true},
    {"took", WEIR_DURATION, true},       {"deep.er.x", WEIR_FLOAT64, true},
};
#define FIELD_MAX (sizeof fields / sizeof fields[0])
static const struct weir_schema full = {fields, FIELD_MAX}, empty = {fields, 0};

static uint64_t next_random(uint64_t *seed) { /* splitmix64, S. Vigna */
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* One codec under test. */
struct bench {
    const struct weir_codec *codec;
    const struct weir_schema *schema;
    struct weir_coder *coder;
    struct weir_arena arena;
    uint64_t seed;
};

static void open_codec(struct bench *bench, const struct weir_operator *op) {
    struct weir_error error = {0};
    *bench = (struct bench){.codec = (const struct weir_codec *)op, .schema = &full, .seed = 42};
    weir_arena_init(&bench->arena);
    if (bench->codec->open(&full, &bench->coder, &error) == WEIR_OK) return;
    assert_int_equal(error.result, WEIR_CONFIG);
    assert_true(strlen(error.text) > 0);
    bench->schema = &empty;
    assert_int_equal(bench->codec->open(&empty, &bench->coder, &error), WEIR_OK);
}

static void close_codec(struct bench *bench) {
    bench->codec->close(bench->coder);
    weir_arena_deinit(&bench->arena);
}

static double random_double(uint64_t *seed) {
    for (;;) {
        uint64_t bits = next_random(seed);
        double value;
        if (bits % 3 == 0) return (double)(int64_t)(bits >> 30) / 100;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) return value; /* formats differ about NaN; their own tests say how */
    }
}

static struct weir_value random_cell(struct bench *bench, const struct weir_field *field) {
    static const char *const texts[] = {
        "",    "a",  "a,b",         "say \"hi\"",       "two\nlines", "\r\n",     "tab\t\\", "null",
        "NaN", "12", "caf\xc3\xa9", "\xf0\x9f\x98\x80", " blanks ",   "\x01\x1f", "true",    "'"};
    static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, 9007199254740993, -9007199254740993};
    uint64_t r = next_random(&bench->seed);
    struct weir_value cell = {.type = (uint8_t)field->type};
    if (field->optional && r % 5 == 0) return weir_value_null(field->type);
    r >>= 8;
    switch (field->type) {
        case WEIR_BOOL:
            cell.as.b = r & 1;
            break;
        case WEIR_FLOAT64:
            cell.as.f = random_double(&bench->seed);
            break;
        case WEIR_STRING:
        case WEIR_CATEGORY:
            cell.as.s = texts[r % (sizeof texts / sizeof texts[0])];
            cell.len = (uint32_t)strlen(cell.as.s);
            break;
        default:
            cell.as.i = r & 1 ? edges[(r >> 1) % 7] : (int64_t)next_random(&bench->seed) >> (r >> 1) % 64;
            break;
    }
    return cell;
}

static void random_row(struct bench *bench, struct weir_value *cells) {
    for (uint32_t i = 0; i < bench->schema->count; i++)
        cells[i] = random_cell(bench, &bench->schema->fields[i]);
}

static bool is_equal(const struct weir_value *a, const struct weir_value *b) {
    if (a->type != b->type || a->null != b->null) return false;
    if (a->null) return true;
    if (weir_type_is_text(a->type))
        return a->len == b->len && (a->len == 0 || !memcmp(a->as.s, b->as.s, a->len));
    if (a->type == WEIR_BOOL) return a->as.b == b->as.b;
    return a->as.i == b->as.i; /* the bits of doubles too */
}

/* Decodes bytes that end where their memory ends, so that ASan sees one byte too far. */
static int decode(struct bench *bench, const char *bytes, size_t len, struct weir_value *cells, char **kept) {
    struct weir_data_error error = {0};
    *kept = malloc(len ? len : 1);
    if (len) memcpy(*kept, bytes, len);
    weir_arena_reset(&bench->arena);
    int result =
        bench->codec->decode(bench->coder, (struct weir_bytes){*kept, len}, &bench->arena, cells, &error);
    if (result == WEIR_OK) return result;
    assert_int_equal(result, WEIR_DATA);
    assert_int_equal(error.code[0], 'D');
    assert_int_equal(strlen(error.code), 4);
    assert_true(strlen(error.text) > 0);
    return result;
}

/* Reads every byte of a decoded row: ASan finds text cells that point nowhere. */
static void touch(const struct bench *bench, const struct weir_value *cells) {
    volatile unsigned sum = 0; /* volatile: the reads must happen */
    for (uint32_t i = 0; i < bench->schema->count; i++) {
        assert_int_equal(cells[i].type, bench->schema->fields[i].type);
        assert_true(bench->schema->fields[i].optional || !cells[i].null);
        if (cells[i].null || !weir_type_is_text(cells[i].type)) continue;
        for (uint32_t k = 0; k < cells[i].len; k++) sum = sum + (unsigned char)cells[i].as.s[k];
    }
    (void)sum;
}

static void for_each_codec(void (*law)(struct bench *bench)) {
    const struct weir_operator *op = NULL;
    int count = 0;
    while ((op = weir_registry_next(WEIR_FAMILY_CODEC, op))) {
        struct bench bench;
        struct weir_binding binding = {.input_count = 1};
        assert_string_equal(((const struct weir_codec *)op)->op.name, op->name);
        assert_true(strlen(op->summary) > 0 && op->options && op->version > 0);
        assert_true(!op->init && !op->save && !op->load && !op->check);
        assert_int_equal(op->bind(&binding, NULL), WEIR_OK);
        assert_int_equal(binding.state_bytes, 0);
        open_codec(&bench, op);
        law(&bench);
        close_codec(&bench);
        count++;
    }
    assert_true(count >= 4);
}

static void round_trip(struct bench *bench) {
    struct weir_value in[FIELD_MAX], out[FIELD_MAX];
    struct weir_buffer bytes, again;
    weir_buffer_init(&bytes);
    weir_buffer_init(&again);
    for (int row = 0; row < 20000; row++) {
        char *kept;
        random_row(bench, in);
        weir_buffer_clear(&bytes);
        weir_buffer_clear(&again);
        assert_int_equal(bench->codec->encode(bench->coder, in, &bytes), WEIR_OK);
        if (decode(bench, bytes.data, bytes.len, out, &kept) != WEIR_OK)
            fail_msg("%s refuses what it wrote: %s", bench->codec->op.name, weir_buffer_text(&bytes));
        for (uint32_t i = 0; i < bench->schema->count; i++)
            if (!is_equal(&in[i], &out[i]))
                fail_msg("%s: column %s differs: %s", bench->codec->op.name, bench->schema->fields[i].name,
                         weir_buffer_text(&bytes));
        assert_int_equal(bench->codec->encode(bench->coder, out, &again), WEIR_OK);
        assert_int_equal(again.len, bytes.len);
        if (bytes.len) assert_memory_equal(again.data, bytes.data, bytes.len);
        free(kept);
    }
    weir_buffer_deinit(&bytes);
    weir_buffer_deinit(&again);
}

static void truncate_everywhere(struct bench *bench) {
    struct weir_value cells[FIELD_MAX];
    struct weir_buffer bytes;
    weir_buffer_init(&bytes);
    for (int row = 0; row < 200; row++) {
        random_row(bench, cells);
        weir_buffer_clear(&bytes);
        assert_int_equal(bench->codec->encode(bench->coder, cells, &bytes), WEIR_OK);
        for (size_t cut = 0; cut < bytes.len; cut++) {
            struct weir_value out[FIELD_MAX];
            char *kept;
            if (decode(bench, bytes.data, cut, out, &kept) == WEIR_OK) touch(bench, out);
            free(kept);
        }
    }
    weir_buffer_deinit(&bytes);
}

static void flip_bits(struct bench *bench) {
    struct weir_value cells[FIELD_MAX];
    struct weir_buffer bytes;
    weir_buffer_init(&bytes);
    for (int flip = 0; flip < 10000; flip++) {
        struct weir_value out[FIELD_MAX];
        char *kept;
        random_row(bench, cells);
        weir_buffer_clear(&bytes);
        assert_int_equal(bench->codec->encode(bench->coder, cells, &bytes), WEIR_OK);
        uint64_t flips = bytes.len ? 1 + next_random(&bench->seed) % 3 : 0;
        for (uint64_t i = 0; i < flips; i++) {
            uint64_t bit = next_random(&bench->seed) % (8 * bytes.len);
            bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ 1 << bit % 8);
        }
        if (decode(bench, bytes.data, bytes.len, out, &kept) == WEIR_OK) touch(bench, out);
        free(kept);
    }
    weir_buffer_deinit(&bytes);
}

/* frame cuts a file of many rows exactly where they were put together, and never asks for more at the end. */
static void frame_rows(struct bench *bench) {
    struct weir_value cells[FIELD_MAX];
    struct weir_buffer file;
    size_t ends[300];
    if (bench->schema->count == 0) return; /* its rows are empty */
    weir_buffer_init(&file);
    for (size_t row = 0; row < 300; row++) {
        random_row(bench, cells);
        assert_int_equal(bench->codec->encode(bench->coder, cells, &file), WEIR_OK);
        if (bench->codec->lines) weir_buffer_append_char(&file, '\n');
        ends[row] = file.len;
    }
    for (size_t row = 0, begin = 0; row < 300; begin = ends[row++]) {
        assert_int_equal(bench->codec->frame(file.data + begin, file.len - begin, true), ends[row] - begin);
        assert_int_equal(bench->codec->frame(file.data + begin, ends[row] - begin - 1, false), 0);
        size_t cut = next_random(&bench->seed) % (ends[row] - begin);
        if (cut) assert_in_range(bench->codec->frame(file.data + begin, cut, true), 1, cut);
    }
    weir_buffer_deinit(&file);
}

/* Once the largest record has been seen, the arena's block serves all further ones: its memory stays put. */
static void repeat(struct bench *bench) {
    struct weir_value cells[FIELD_MAX], out[FIELD_MAX];
    struct weir_data_error error;
    struct weir_buffer bytes;
    weir_buffer_init(&bytes);
    random_row(bench, cells);
    assert_int_equal(bench->codec->encode(bench->coder, cells, &bytes), WEIR_OK);
    struct weir_bytes value = {bytes.data ? bytes.data : "", bytes.len};
    const struct weir_arena_block *block = NULL;
    for (int i = 0; i < 1000; i++) {
        weir_arena_reset(&bench->arena);
        assert_int_equal(bench->codec->decode(bench->coder, value, &bench->arena, out, &error), WEIR_OK);
        if (i == 1) block = bench->arena.block;
        if (i > 1) assert_ptr_equal(bench->arena.block, block);
    }
    weir_buffer_deinit(&bytes);
}

static void test_codec_when_random_rows_are_written_then_read_back_equal(void **unused) {
    (void)unused;
    for_each_codec(round_trip);
}
static void test_codec_when_truncated_anywhere_then_data_error_or_valid_row(void **unused) {
    (void)unused;
    for_each_codec(truncate_everywhere);
}
static void test_codec_when_bits_are_flipped_then_data_error_or_valid_row(void **unused) {
    (void)unused;
    for_each_codec(flip_bits);
}
static void test_codec_when_a_file_holds_many_rows_then_frame_finds_each(void **unused) {
    (void)unused;
    for_each_codec(frame_rows);
}
static void test_codec_when_records_repeat_then_memory_stays(void **unused) {
    (void)unused;
    for_each_codec(repeat);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_when_random_rows_are_written_then_read_back_equal),
        cmocka_unit_test(test_codec_when_truncated_anywhere_then_data_error_or_valid_row),
        cmocka_unit_test(test_codec_when_bits_are_flipped_then_data_error_or_valid_row),
        cmocka_unit_test(test_codec_when_a_file_holds_many_rows_then_frame_finds_each),
        cmocka_unit_test(test_codec_when_records_repeat_then_memory_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
