/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the msgpack codec reads maps by JSON's rules, agrees with msgpack-c about what is well formed, and
 * refuses the rest with the stated reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/token.h"
#include "weir/codec.h"

extern const struct weir_codec weir_codec_msgpack;

static const struct weir_field fields[] = {{"n", WEIR_INT64, false},    {"x", WEIR_FLOAT64, true},
                                           {"ok", WEIR_BOOL, true},     {"s", WEIR_STRING, true},
                                           {"t", WEIR_TIMESTAMP, true}, {"m.a", WEIR_INT64, true},
                                           {"m.b", WEIR_CATEGORY, true}};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])
static const struct weir_schema schema = {fields, FIELD_COUNT};

struct fixture {
    struct weir_coder *coder;
    struct weir_buffer out;
    struct weir_value cells[FIELD_COUNT];
    struct weir_data_error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    weir_buffer_init(&f->out);
    assert_int_equal(weir_codec_msgpack.open(&schema, &f->coder, NULL), WEIR_OK);
    *state = f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    weir_codec_msgpack.close(f->coder);
    weir_buffer_deinit(&f->out);
    free(f);
    return 0;
}

static int decode(struct fixture *f, const void *bytes, size_t len) {
    memset(&f->error, 0, sizeof f->error);
    return weir_codec_msgpack.decode(f->coder, (struct weir_bytes){bytes, len}, NULL, f->cells, &f->error);
}

#define B(text) text, sizeof text - 1

static void test_msgpack_when_map_is_wrong_then_stated_code(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *code, *field;
    } cases[] = {
        {B("\xc1"), "D112", NULL},
        {B("\x81"), "D112", NULL},
        {B("\x81\xa1n"), "D112", NULL},
        {B("\x81\xa1n\xcf\x00"), "D112", NULL},
        {B("\x81\xa5n"), "D112", NULL},
        {B("\x81\xa1n\x01\x00"), "D112", NULL},    /* bytes behind */
        {B("\xdf\xff\xff\xff\xff"), "D112", NULL}, /* 4 G pairs that are not there */
        {B("\x82\xa1n\x01\xa1z\xdd\xff\xff\xff\xff"), "D112", NULL},
        {B("\x82\xa1n\x01\xa1z\xc6\xff\xff\xff\xff"), "D112", NULL},
        {B("\x82\xa1n\x01\xa1z\xc1"), "D112", NULL},
        {B("\x82\xa1n\x01\x05\x06"), "D112", NULL},      /* key is a number */
        {B("\x82\xa1n\x01\xc4\x01k\x06"), "D112", NULL}, /* key is binary */
        {B("\x82\xa1n\x01\xa1n\x01"), "D102", NULL},
        {B("\x83\xa1n\x01\xa1z\x01\xa1z\x01"), "D102", NULL},
        {B("\x83\xa1n\x01\xa1z\x01\xd9\x01z\x01"), "D102", NULL}, /* the same key in another width */
        {B("\x82\xa1n\x01\xa1z\x91\x82\xa1k\x01\xa1k\x02"), "D102", NULL},
        {B("\x82\xa1n\x01\xa1m\x82\xa1"
           "a\x01\xa1"
           "a\x02"),
         "D102", NULL},
        {B("\x82\xa1n\x01\xa1s\xa1\xff"), "D103", NULL},
        {B("\x82\xa1n\x01\xa1\xff\x01"), "D103", NULL},
        {B("\x82\xa1n\x01\xa1z\xa2\xc3\x28"), "D103", NULL},
        {B("\x81\xa1n\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), "D105", "n"},
        {B("\x81\xa1n\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), "D105", "n"}, /* inf */
        {B("\x81\xa1n\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "D106", "n"}, /* NaN */
        {B("\x81\xa1n\xca\x3f\xc0\x00\x00"), "D106", "n"},                 /* 1.5 */
        {B("\x81\xa1n\xa1"
           "1"),
         "D106", "n"},
        {B("\x81\xa1n\xc3"), "D106", "n"},
        {B("\x81\xa1n\x90"), "D106", "n"},
        {B("\x81\xa1n\x80"), "D106", "n"},
        {B("\x82\xa1n\x01\xa1s\xc4\x01k"), "D106", "s"}, /* binary is not text */
        {B("\x82\xa1n\x01\xa1s\x05"), "D106", "s"},
        {B("\x82\xa1n\x01\xa2ok\x01"), "D106", "ok"},
        {B("\x82\xa1n\x01\xa1t\xd6\xff\x00\x00\x00\x00"), "D106", "t"}, /* an extension */
        {B("\x82\xa1n\x01\xa1t\xa1x"), "D106", "t"},
        {B("\x82\xa1n\x01\xa1m\x05"), "D106", "m.a"},
        {B("\x80"), "D107", "n"},
        {B("\x81\xa1n\xc0"), "D107", "n"},
        {B("\x90"), "D108", NULL},
        {B("\x05"), "D108", NULL},
        {B("\xc0"), "D108", NULL},
        {B(""), "D110", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (decode(f, cases[i].bytes, cases[i].len) != WEIR_DATA) fail_msg("accepted case %zu", i);
        if (strcmp(f->error.code, cases[i].code) != 0)
            fail_msg("case %zu: %s %s, wanted %s", i, f->error.code, f->error.text, cases[i].code);
        if (cases[i].field) assert_string_equal(f->error.field, cases[i].field);
    }
    assert_int_equal(decode(f, NULL, 0), WEIR_DATA);
    assert_string_equal(f->error.code, "D110");
}

static void test_msgpack_when_map_fits_then_cells(void **state) {
    struct fixture *f = *state;
    assert_int_equal(decode(f, B("\x81\xa1n\xff")), WEIR_OK);
    assert_int_equal(f->cells[0].as.i, -1);
    for (size_t i = 1; i < FIELD_COUNT; i++) assert_true(f->cells[i].null);
    assert_int_equal(decode(f, B("\x81\xd9\x01n\xcb\x40\x08\x00\x00\x00\x00\x00\x00")), WEIR_OK); /* 3.0 */
    assert_int_equal(f->cells[0].as.i, 3);
    assert_int_equal(decode(f, B("\x84\xa1z\x92\xc7\x00\x05\xc4\x01k\xa1m\xde\x00\x02\xa1"
                                 "b\xa2xy\xa1z\x80\xa1n\xd3"
                                 "\x80\x00\x00\x00\x00\x00\x00\x00\xa1x\xd0\x80")),
                     WEIR_OK);
    assert_true(f->cells[0].as.i == INT64_MIN);
    assert_true(f->cells[1].as.f == -128);
    assert_memory_equal(f->cells[6].as.s, "xy", 2);
    assert_int_equal(decode(f, B("\x82\xa1n\x01\xa1m\xc0")), WEIR_OK);
    assert_int_equal(decode(f, B("\x82\xa1n\x01\xa1t\xb4"
                                 "1970-01-01T00:00:01Z")),
                     WEIR_OK);
    assert_int_equal(f->cells[4].as.i, 1000);
}

static void test_msgpack_when_row_is_written_then_nested_maps(void **state) {
    struct fixture *f = *state;
    struct weir_value cells[FIELD_COUNT];
    for (size_t i = 0; i < FIELD_COUNT; i++) cells[i] = weir_value_null(fields[i].type);
    cells[0] = weir_value_int(1);
    cells[2] = weir_value_bool(false);
    cells[5] = weir_value_int(-1);
    assert_int_equal(weir_codec_msgpack.encode(f->coder, cells, &f->out), WEIR_OK);
    static const char wanted[] =
        "\x86\xa1n\x01\xa1x\xc0\xa2ok\xc2\xa1s\xc0\xa1t\xc0\xa1m\x82\xa1"
        "a\xff\xa1"
        "b\xc0";
    assert_int_equal(f->out.len, sizeof wanted - 1);
    assert_memory_equal(f->out.data, wanted, sizeof wanted - 1);
}

static void test_msgpack_when_a_float_is_nan_then_its_bits_survive(void **state) {
    struct fixture *f = *state;
    struct weir_value cells[FIELD_COUNT];
    uint64_t bits = 0x7ff8deadbeef1234u, back;
    for (size_t i = 0; i < FIELD_COUNT; i++) cells[i] = weir_value_null(fields[i].type);
    cells[0] = weir_value_int(1);
    cells[1] = weir_value_float(0);
    memcpy(&cells[1].as.f, &bits, sizeof bits);
    assert_int_equal(weir_codec_msgpack.encode(f->coder, cells, &f->out), WEIR_OK);
    assert_int_equal(decode(f, f->out.data, f->out.len), WEIR_OK);
    memcpy(&back, &f->cells[1].as.f, sizeof back);
    assert_true(back == bits);
}

static int decode_nested(struct fixture *f, size_t depth) {
    weir_buffer_clear(&f->out);
    weir_buffer_append(&f->out, "\x82\xa1n\x01\xa1z", 6);
    for (size_t i = 2; i < depth; i++) weir_buffer_append(&f->out, "\x91", 1);
    weir_buffer_append(&f->out, "\x90", 1);
    return decode(f, f->out.data, f->out.len);
}

static void test_msgpack_when_nested_then_64_levels_pass_and_65_do_not(void **state) {
    struct fixture *f = *state;
    assert_int_equal(decode_nested(f, 64), WEIR_OK);
    assert_int_equal(decode_nested(f, 65), WEIR_DATA);
    assert_string_equal(f->error.code, "D104");
    assert_int_equal(decode_nested(f, 1000000), WEIR_DATA);
    assert_string_equal(f->error.code, "D104");
}

/* msgpack-c's unpacker agrees with our reader about where each random scalar ends and what it is worth. */
static void test_token_when_bytes_are_random_then_agrees_with_msgpack_c(void **state) {
    (void)state;
    uint64_t seed = 7;
    int compared = 0;
    for (int round = 0; round < 200000; round++) {
        unsigned char bytes[40];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (unsigned char)(seed >> 56);
        }
        unsigned lead = bytes[0];
        if ((lead >= 0x80 && lead < 0xa0) || (lead >= 0xdc && lead <= 0xdf))
            continue; /* containers allocate */
        struct weir_token_reader reader = {.bytes = bytes, .len = sizeof bytes};
        struct weir_token token;
        msgpack_unpacked theirs;
        size_t offset = 0;
        msgpack_unpacked_init(&theirs);
        bool ours = weir_token_next(&reader, &token);
        bool they = msgpack_unpack_next(&theirs, (const char *)bytes, sizeof bytes, &offset) ==
                    MSGPACK_UNPACK_SUCCESS;
        assert_int_equal(ours, they);
        if (ours) {
            compared++;
            assert_int_equal(reader.pos, offset);
            if (token.kind == WEIR_TOKEN_UINT) assert_true(theirs.data.via.u64 == token.as.u);
            if (token.kind == WEIR_TOKEN_INT) assert_true(theirs.data.via.i64 == token.as.i);
            if (token.kind == WEIR_TOKEN_FLOAT && !isnan(token.as.f))
                assert_true(theirs.data.via.f64 == token.as.f);
            if (token.kind == WEIR_TOKEN_TEXT) {
                assert_int_equal(theirs.data.via.str.size, token.len);
                assert_memory_equal(theirs.data.via.str.ptr, token.as.bytes, token.len);
            }
            if (token.kind == WEIR_TOKEN_EXTENSION)
                assert_int_equal(theirs.data.via.ext.type, token.extension);
        }
        msgpack_unpacked_destroy(&theirs);
    }
    assert_true(compared > 50000);
}

static void test_msgpack_frame_when_value_is_whole_then_its_length(void **state) {
    (void)state;
    static const char two[] =
        "\x82\xa1"
        "a\x91\x05\xa1"
        "b\xa3xyz\x81\xa1"
        "c\xc0";
    size_t first = 11, len = sizeof two - 1;
    assert_int_equal(weir_codec_msgpack.frame(two, len, false), first);
    for (size_t cut = 0; cut < first; cut++) {
        assert_int_equal(weir_codec_msgpack.frame(two, cut, false), 0);
        assert_int_equal(weir_codec_msgpack.frame(two, cut, true), cut);
    }
    assert_int_equal(weir_codec_msgpack.frame(two + first, len - first, false), 4);
    assert_int_equal(weir_codec_msgpack.frame("\xc1zzz", 4, false), 4); /* broken: no end to be found */
    assert_int_equal(weir_codec_msgpack.frame("\xdf\xff\xff\xff\xff", 5, false), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_msgpack_when_map_is_wrong_then_stated_code),
        TEST(test_msgpack_when_map_fits_then_cells),
        TEST(test_msgpack_when_row_is_written_then_nested_maps),
        TEST(test_msgpack_when_a_float_is_nan_then_its_bits_survive),
        TEST(test_msgpack_when_nested_then_64_levels_pass_and_65_do_not),
        TEST(test_token_when_bytes_are_random_then_agrees_with_msgpack_c),
        TEST(test_msgpack_frame_when_value_is_whole_then_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
