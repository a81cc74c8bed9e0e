/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what a state writer writes comes back bit for bit, and no byte string can do harm to a reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "weir/error.h"
#include "weir/state.h"

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static const uint64_t patterns[] = {
    0,                   /* 0 */
    0x8000000000000000u, /* -0 */
    1,                   /* smallest denormal */
    0x7ff0000000000000u, /* inf */
    0xfff0000000000000u, /* -inf */
    0x7ff8000000000000u, /* NaN */
    0x7ff8deadbeef1234u, /* NaN with payload */
    0xfff0000000000001u, /* signalling NaN */
    0x3ff0000000000001u, /* 1 + epsilon */
    0x7fefffffffffffffu, /* largest */
};
#define PATTERN_COUNT (sizeof patterns / sizeof patterns[0])

static const int64_t integers[] = {0,         1,        -1,     -32,       -33,       127,
                                   128,       255,      256,    -128,      -129,      65535,
                                   65536,     -32768,   -32769, INT32_MAX, INT32_MIN, (int64_t)UINT32_MAX + 1,
                                   INT64_MAX, INT64_MIN};
#define INTEGER_COUNT (sizeof integers / sizeof integers[0])

static void write_all(struct weir_state_writer *writer) {
    double values[PATTERN_COUNT];
    weir_state_write_head(writer, "learner/example", 3);
    weir_state_write_u64(writer, UINT64_MAX);
    for (size_t i = 0; i < INTEGER_COUNT; i++) weir_state_write_i64(writer, integers[i]);
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        values[i] = from_bits(patterns[i]);
        weir_state_write_f64(writer, values[i]);
    }
    weir_state_write_f64s(writer, values, PATTERN_COUNT);
    weir_state_write_f64s(writer, NULL, 0);
    weir_state_write_bool(writer, true);
    weir_state_write_bool(writer, false);
    weir_state_write_bytes(writer, "a\0b", 3);
    weir_state_write_bytes(writer, NULL, 0);
}

/* Reads what write_all wrote; returns how many values were equal. */
static size_t read_all(struct weir_state_reader *reader) {
    size_t equal = 0;
    double values[PATTERN_COUNT];
    char bytes[8];
    equal += weir_state_read_head(reader, "learner/example", 3) == 3;
    equal += weir_state_read_u64(reader, UINT64_MAX) == UINT64_MAX;
    for (size_t i = 0; i < INTEGER_COUNT; i++) equal += weir_state_read_i64(reader) == integers[i];
    for (size_t i = 0; i < PATTERN_COUNT; i++) equal += to_bits(weir_state_read_f64(reader)) == patterns[i];
    weir_state_read_f64s(reader, values, PATTERN_COUNT);
    for (size_t i = 0; i < PATTERN_COUNT; i++) equal += to_bits(values[i]) == patterns[i];
    weir_state_read_f64s(reader, NULL, 0);
    equal += weir_state_read_bool(reader);
    equal += !weir_state_read_bool(reader);
    equal += weir_state_read_bytes(reader, bytes, sizeof bytes) == 3 && !memcmp(bytes, "a\0b", 3);
    equal += weir_state_read_bytes(reader, bytes, 0) == 0;
    return equal;
}
#define VALUE_COUNT (INTEGER_COUNT + 2 * PATTERN_COUNT + 6)

static void test_state_when_written_then_reads_back_bit_for_bit(void **unused) {
    (void)unused;
    struct weir_state_writer *writer = weir_state_writer_create();
    write_all(writer);
    assert_int_equal(weir_state_writer_result(writer), WEIR_OK);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    assert_int_equal(read_all(reader), VALUE_COUNT);
    assert_int_equal(weir_state_reader_result(reader), WEIR_OK);
    assert_string_equal(weir_state_reader_why(reader), "");
    assert_true(weir_state_reader_at_end(reader));
    assert_int_equal(weir_state_read_u64(reader, 9), 0);
    assert_int_equal(weir_state_reader_result(reader), WEIR_DATA);
    weir_state_reader_destroy(reader);
    weir_state_writer_destroy(writer);
}

static void test_state_when_truncated_anywhere_then_data_and_zeros(void **unused) {
    (void)unused;
    struct weir_state_writer *writer = weir_state_writer_create();
    write_all(writer);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    for (size_t cut = 0; cut < len; cut++) {
        char *copy = malloc(cut ? cut : 1); /* exact size, so that ASan sees one byte too far */
        memcpy(copy, bytes, cut);
        struct weir_state_reader *reader = weir_state_reader_create(copy, cut);
        read_all(reader);
        assert_int_equal(weir_state_reader_result(reader), WEIR_DATA);
        assert_true(strlen(weir_state_reader_why(reader)) > 10);
        assert_true(weir_state_read_f64(reader) == 0); /* everything after a failure is zero */
        weir_state_reader_destroy(reader);
        free(copy);
    }
    weir_state_writer_destroy(writer);
}

static void test_state_when_any_byte_is_flipped_then_refused_or_other_values(void **unused) {
    (void)unused;
    struct weir_state_writer *writer = weir_state_writer_create();
    write_all(writer);
    size_t len, refused = 0, other = 0, same = 0;
    const unsigned char *bytes = weir_state_writer_bytes(writer, &len);
    unsigned char *copy = malloc(len);
    for (size_t at = 0; at < len; at++)
        for (unsigned flip = 1; flip < 256; flip++) {
            memcpy(copy, bytes, len);
            copy[at] = (unsigned char)(copy[at] ^ flip);
            struct weir_state_reader *reader = weir_state_reader_create(copy, len);
            size_t equal = read_all(reader);
            int result = weir_state_reader_result(reader);
            bool whole = result == WEIR_OK && weir_state_reader_at_end(reader);
            refused += !whole;
            other += whole && equal < VALUE_COUNT;
            same += whole && equal == VALUE_COUNT; /* int16 5 and uint16 5 */
            assert_true(result == WEIR_OK || result == WEIR_DATA || result == WEIR_VERSION);
            weir_state_reader_destroy(reader);
        }
    assert_true(refused > 10 * len); /* a damaged tag or length */
    assert_true(other > 100 * len);  /* a damaged number: the checksum's business */
    assert_true(same < 16);
    free(copy);
    weir_state_writer_destroy(writer);
}

static void test_state_when_head_is_newer_or_other_then_says_which(void **unused) {
    (void)unused;
    static const struct {
        const char *name;
        uint32_t version;
        int expected;
    } cases[] = {{"learner/example", 2, WEIR_VERSION},
                 {"learner/other", 3, WEIR_DATA},
                 {"learner/exampl", 3, WEIR_DATA},
                 {"learner/example", 3, WEIR_OK},
                 {"learner/example", 9, WEIR_OK}};
    struct weir_state_writer *writer = weir_state_writer_create();
    weir_state_write_head(writer, "learner/example", 3);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
        uint32_t version = weir_state_read_head(reader, cases[i].name, cases[i].version);
        assert_int_equal(weir_state_reader_result(reader), cases[i].expected);
        assert_int_equal(version, cases[i].expected == WEIR_OK ? 3 : 0);
        weir_state_reader_destroy(reader);
    }
    weir_state_writer_destroy(writer);
}

static void test_state_when_value_is_out_of_range_then_first_failure_stays(void **unused) {
    (void)unused;
    struct weir_state_writer *writer = weir_state_writer_create();
    weir_state_write_u64(writer, 1000);
    weir_state_write_i64(writer, 7);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    assert_int_equal(weir_state_read_u64(reader, 999), 0);
    char first[200];
    strcpy(first, weir_state_reader_why(reader));
    assert_int_equal(weir_state_read_i64(reader), 0);
    weir_state_reader_refuse(reader, "something else");
    assert_string_equal(weir_state_reader_why(reader), first);
    weir_state_reader_destroy(reader);
    weir_state_writer_destroy(writer);
}

/* Lengths that promise 4 GiB behind 5 bytes: refused without touching memory. */
static void test_state_when_a_length_lies_then_refused(void **unused) {
    (void)unused;
    static const unsigned char lies[][5] = {{0xc6, 255, 255, 255, 255},
                                            {0xdb, 255, 255, 255, 255},
                                            {0xdd, 255, 255, 255, 255},
                                            {0xdf, 255, 255, 255, 255},
                                            {0xc9, 255, 255, 255, 255}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct weir_state_reader *reader = weir_state_reader_create(lies[i], 5);
        char out[4] = "xyz";
        assert_int_equal(weir_state_read_bytes(reader, out, 3), 0);
        assert_int_equal(weir_state_reader_result(reader), WEIR_DATA);
        assert_string_equal(out, "xyz");
        weir_state_reader_destroy(reader);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_when_written_then_reads_back_bit_for_bit),
        cmocka_unit_test(test_state_when_truncated_anywhere_then_data_and_zeros),
        cmocka_unit_test(test_state_when_any_byte_is_flipped_then_refused_or_other_values),
        cmocka_unit_test(test_state_when_head_is_newer_or_other_then_says_which),
        cmocka_unit_test(test_state_when_value_is_out_of_range_then_first_failure_stays),
        cmocka_unit_test(test_state_when_a_length_lies_then_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
