/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the csv codec reads RFC 4180 rows by header or by position and refuses the rest with the stated
 * reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"

extern const struct weir_codec weir_codec_csv;

static const struct weir_field fields[] = {{"n", WEIR_INT64, false},
                                           {"x", WEIR_FLOAT64, true},
                                           {"ok", WEIR_BOOL, true},
                                           {"m.id", WEIR_STRING, true},
                                           {"t", WEIR_TIMESTAMP, true}};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])
static const struct weir_schema schema = {fields, FIELD_COUNT};

struct fixture {
    struct weir_coder *coder;
    struct weir_arena arena;
    struct weir_buffer out;
    struct weir_value cells[FIELD_COUNT];
    struct weir_data_error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    weir_arena_init(&f->arena);
    weir_buffer_init(&f->out);
    assert_int_equal(weir_codec_csv.open(&schema, &f->coder, NULL), WEIR_OK);
    *state = f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    weir_codec_csv.close(f->coder);
    weir_arena_deinit(&f->arena);
    weir_buffer_deinit(&f->out);
    free(f);
    return 0;
}

static int decode(struct fixture *f, const char *text) {
    weir_arena_reset(&f->arena);
    memset(&f->error, 0, sizeof f->error);
    return weir_codec_csv.decode(f->coder, (struct weir_bytes){text, strlen(text)}, &f->arena, f->cells,
                                 &f->error);
}

/* Reading a row and writing it again gives the canonical row. */
static void test_csv_when_row_fits_then_written_back_in_one_form(void **state) {
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {"1,2.5,true,abc,1714557600042", "1,2.5,true,abc,1714557600042"},
        {"1,2.5,true,abc,5\n", "1,2.5,true,abc,5"},
        {"1,2.5,true,abc,5\r\n", "1,2.5,true,abc,5"},
        {"1,,,,", "1,,,,"},
        {"-9223372036854775808,3,0,\"\",", "-9223372036854775808,3.0,false,\"\","},
        {"3.0,1e3,1,\"a,b\",", "3,1000.0,true,\"a,b\","},
        {"\"7\",\"0.5\",\"false\",\"say \"\"hi\"\"\",\"8\"", "7,0.5,false,\"say \"\"hi\"\"\",8"},
        {"1,NaN,,,", "1,NaN,,,"},
        {"1,-inf,,,", "1,-inf,,,"},
        {"1,inf,,,", "1,inf,,,"},
        {"1,\"\",\"\",\"\"\"\",\"\"", "1,,,\"\"\"\","},
        {"1,,,\"two\nlines\",", "1,,,\"two\nlines\","},
        {"1,,,\"cr\r\",", "1,,,\"cr\r\","},
        {"1,,, blanks ,", "1,,, blanks ,"},
        {"1,,,\xc3\xa9,", "1,,,\xc3\xa9,"},
        {"1,,,,2024-05-01T10:00:00.042Z", "1,,,,1714557600042"},
        {"1,5e-324,,,", "1,5e-324,,,"},
        {"1,1e-400,,,", "1,0.0,,,"},
        {"1,18446744073709551616,,,", "1,1.8446744073709552e+19,,,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (decode(f, cases[i][0]) != WEIR_OK) fail_msg("%s: %s", cases[i][0], f->error.text);
        weir_buffer_clear(&f->out);
        assert_int_equal(weir_codec_csv.encode(f->coder, f->cells, &f->out), WEIR_OK);
        assert_string_equal(weir_buffer_text(&f->out), cases[i][1]);
    }
}

static void test_csv_when_row_is_wrong_then_stated_code(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text, *code, *field;
    } cases[] = {
        {"", "D110", NULL},
        {"\n", "D107", "n"},
        {"1", "D111", NULL},
        {"1,,,", "D111", NULL},
        {"1,,,,,", "D111", NULL},
        {"1,,,,,,,,,,", "D111", NULL},
        {",,,,", "D107", "n"},
        {"\"\",,,,", "D107", "n"},
        {"x,,,,", "D106", "n"},
        {" 1,,,,", "D106", "n"},
        {"+1,,,,", "D106", "n"},
        {"1.5,,,,", "D106", "n"},
        {"NaN,,,,", "D106", "n"},
        {"inf,,,,", "D105", "n"},
        {"9223372036854775808,,,,", "D105", "n"},
        {"1e30,,,,", "D105", "n"},
        {"0x1,,,,", "D106", "n"},
        {"1,1e400,,,", "D105", "x"},
        {"1,\"2,5\",,,", "D106", "x"},
        {"1,abc,,,", "D106", "x"},
        {"1,nan(1),,,", "D106", "x"},
        {"1,,yes,,", "D106", "ok"},
        {"1,,True,,", "D106", "ok"},
        {"1,,2,,", "D106", "ok"},
        {"1,,,\xff,", "D103", "m.id"},
        {"1,,,,yesterday", "D106", "t"},
        {"1,,,,2024-02-30T00:00:00Z", "D106", "t"},
        {"1,,,\"a,", "D111", NULL},
        {"1,,,\"a\"b,", "D111", NULL},
        {"1,,,a\"b,", "D111", NULL},
        {"1,,,\",", "D111", NULL},
        {"1,,,\"\"\",", "D111", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (decode(f, cases[i].text) != WEIR_DATA) fail_msg("accepted %s", cases[i].text);
        if (strcmp(f->error.code, cases[i].code) != 0)
            fail_msg("%s: %s %s, wanted %s", cases[i].text, f->error.code, f->error.text, cases[i].code);
        if (cases[i].field) assert_string_equal(f->error.field, cases[i].field);
    }
}

static void test_csv_header_when_names_are_in_any_order_then_mapped(void **state) {
    struct fixture *f = *state;
    static const char header[] = "\xef\xbb\xbfother,m.id,\"n\",what \"\"ever\r\n";
    struct weir_error error = {0};
    assert_int_equal(
        weir_codec_csv.decode_header(f->coder, (struct weir_bytes){"other,m.id,\"n\"\r\n", 16}, &error),
        WEIR_OK);
    assert_int_equal(decode(f, "zzz,abc,42"), WEIR_OK);
    assert_int_equal(f->cells[0].as.i, 42);
    assert_memory_equal(f->cells[3].as.s, "abc", 3);
    assert_true(f->cells[1].null && f->cells[2].null && f->cells[4].null);
    assert_int_equal(decode(f, "zzz,abc,42,"), WEIR_DATA);
    assert_string_equal(f->error.code, "D111");
    assert_int_equal(
        weir_codec_csv.decode_header(f->coder, (struct weir_bytes){header, strlen(header)}, &error),
        WEIR_DATA); /* a quote in the middle of a name */
}

static void test_csv_header_when_wrong_then_says_why(void **state) {
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {"x,ok", "'n'"}, {"n,x,n", "twice"}, {"n,\"x", "quote"}, {"", "empty"}, {"N", "'n'"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir_error error = {0};
        struct weir_bytes row = {cases[i][0], strlen(cases[i][0])};
        assert_int_equal(weir_codec_csv.decode_header(f->coder, row, &error), WEIR_DATA);
        assert_non_null(strstr(error.text, cases[i][1]));
        assert_int_equal(decode(f, "1,2,true,a,4"), WEIR_OK); /* and the coder is as it was */
    }
}

static void test_csv_header_when_written_then_read_back(void **state) {
    struct fixture *f = *state;
    struct weir_error error = {0};
    assert_int_equal(weir_codec_csv.encode_header(f->coder, &f->out), WEIR_OK);
    assert_string_equal(weir_buffer_text(&f->out), "n,x,ok,m.id,t");
    assert_int_equal(
        weir_codec_csv.decode_header(f->coder, (struct weir_bytes){f->out.data, f->out.len}, &error),
        WEIR_OK);
    assert_int_equal(decode(f, "1,2,true,a,4"), WEIR_OK);
    assert_int_equal(f->cells[4].as.i, 4);
}

static void test_csv_when_one_column_is_null_then_an_empty_record(void **state) {
    (void)state;
    static const struct weir_field one[] = {{"s", WEIR_STRING, true}};
    static const struct weir_schema one_schema = {one, 1};
    struct weir_coder *coder;
    struct weir_value cell;
    struct weir_data_error error;
    assert_int_equal(weir_codec_csv.open(&one_schema, &coder, NULL), WEIR_OK);
    assert_int_equal(weir_codec_csv.decode(coder, (struct weir_bytes){"", 0}, NULL, &cell, &error), WEIR_OK);
    assert_true(cell.null);
    assert_int_equal(weir_codec_csv.decode(coder, (struct weir_bytes){NULL, 0}, NULL, &cell, &error),
                     WEIR_DATA);
    assert_string_equal(error.code, "D110");
    weir_codec_csv.close(coder);
}

static void test_csv_frame_when_quotes_hold_line_ends_then_row_goes_on(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool at_end;
        size_t expected;
    } cases[] = {{"a,b\nc\n", false, 4},      {"a,\"b\nc\"\nd\n", false, 8},
                 {"a,\"b\nc", false, 0},      {"a,\"b\nc", true, 5},
                 {"a,b", false, 0},           {"a,b", true, 3},
                 {"\"\"\"\n\"\nx", false, 6}, {"\n", false, 1},
                 {"\"a\n\"", true, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(weir_codec_csv.frame(cases[i].text, strlen(cases[i].text), cases[i].at_end),
                         cases[i].expected);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_csv_when_row_fits_then_written_back_in_one_form),
        TEST(test_csv_when_row_is_wrong_then_stated_code),
        TEST(test_csv_header_when_names_are_in_any_order_then_mapped),
        TEST(test_csv_header_when_wrong_then_says_why),
        TEST(test_csv_header_when_written_then_read_back),
        TEST(test_csv_when_one_column_is_null_then_an_empty_record),
        TEST(test_csv_frame_when_quotes_hold_line_ends_then_row_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
