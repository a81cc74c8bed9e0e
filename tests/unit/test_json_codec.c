/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the JSON codec takes what RFC 8259 and the schema allow, refuses the rest with the stated reason, and
 * writes what it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"

extern const struct weir_codec weir_codec_json;

static const struct weir_field fields[] = {
    {"n", WEIR_INT64, false},         {"x", WEIR_FLOAT64, true},      {"ok", WEIR_BOOL, true},
    {"id", WEIR_STRING, true},        {"c", WEIR_CATEGORY, true},     {"t", WEIR_TIMESTAMP, true},
    {"d", WEIR_DURATION, true},       {"m.mcc", WEIR_CATEGORY, true}, {"m.geo.lat", WEIR_FLOAT64, true},
    {"m.country", WEIR_STRING, true},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])
static const struct weir_schema schema = {fields, FIELD_COUNT};

struct fixture {
    struct weir_coder *coder;
    struct weir_arena arena;
    struct weir_value cells[FIELD_COUNT];
    struct weir_data_error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    weir_arena_init(&f->arena);
    assert_int_equal(weir_codec_json.open(&schema, &f->coder, NULL), WEIR_OK);
    *state = f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    weir_codec_json.close(f->coder);
    weir_arena_deinit(&f->arena);
    free(f);
    return 0;
}

/* Decodes a copy of exactly len bytes, so that ASan sees any read behind it. */
static int decode(struct fixture *f, const char *text, size_t len) {
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    weir_arena_reset(&f->arena);
    memset(&f->error, 0, sizeof f->error);
    int result =
        weir_codec_json.decode(f->coder, (struct weir_bytes){copy, len}, &f->arena, f->cells, &f->error);
    free(copy); /* cells must not point into the parser's scratch; text was copied */
    return result;
}

struct good {
    const char *text;
    const char *written; /* what encode makes of it, columns that are null left out */
};

/* The cells as "column=value" text, to compare with. */
static const char *show(const struct weir_value *cells, struct weir_buffer *out) {
    weir_buffer_clear(out);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct weir_value *v = &cells[i];
        assert_int_equal(v->type, fields[i].type);
        if (v->null) continue;
        if (out->len) weir_buffer_append_text(out, " ");
        weir_buffer_format(out, "%s=", fields[i].name);
        if (weir_type_is_text(v->type))
            weir_buffer_append(out, v->as.s, v->len);
        else if (v->type == WEIR_FLOAT64)
            weir_buffer_format(out, "%.17g", v->as.f);
        else if (v->type == WEIR_BOOL)
            weir_buffer_append_text(out, v->as.b ? "true" : "false");
        else
            weir_buffer_format(out, "%lld", (long long)v->as.i);
    }
    return weir_buffer_text(out);
}

static const struct good good[] = {
    {"{\"n\":1}", "n=1"},
    {" \t\r\n{ \"n\" : 1 } \n", "n=1"},
    {"{\"n\":-0}", "n=0"},
    {"{\"n\":9223372036854775807}", "n=9223372036854775807"},
    {"{\"n\":-9223372036854775808}", "n=-9223372036854775808"},
    {"{\"n\":9007199254740993}", "n=9007199254740993"}, /* 2^53 + 1 survives */
    {"{\"n\":3.0}", "n=3"},
    {"{\"n\":1e3}", "n=1000"},
    {"{\"n\":-1.5e1}", "n=-15"},
    {"{\"n\":1,\"x\":5}", "n=1 x=5"},
    {"{\"n\":1,\"x\":9007199254740993}", "n=1 x=9007199254740992"},
    {"{\"n\":1,\"x\":18446744073709551615}", "n=1 x=1.8446744073709552e+19"},
    {"{\"n\":1,\"x\":18446744073709551616}", "n=1 x=1.8446744073709552e+19"}, /* beyond 64 bits */
    {"{\"n\":1,\"x\":100000000000000000000}", "n=1 x=1e+20"},
    {"{\"n\":1,\"x\":-100000000000000000000}", "n=1 x=-1e+20"},
    {"{\"n\":1,\"u\":[123456789012345678901234567890]}", "n=1"},
    {"{\"n\":1,\"x\":12345678901234567890123456789012345678901234567890}", "n=1 x=1.2345678901234567e+49"},
    {"{\"n\":1,\"id\":\"99999999999999999999999\",\"x\":99999999999999999999999}",
     "n=1 x=9.9999999999999992e+22 id=99999999999999999999999"},
    {"{\"n\":1,\"x\":0.1}", "n=1 x=0.10000000000000001"},
    {"{\"n\":1,\"x\":-0.0}", "n=1 x=-0"},
    {"{\"n\":1,\"x\":1e308}", "n=1 x=1e+308"},
    {"{\"n\":1,\"x\":1.7976931348623157e308}", "n=1 x=1.7976931348623157e+308"},
    {"{\"n\":1,\"x\":5e-324}", "n=1 x=4.9406564584124654e-324"},
    {"{\"n\":1,\"x\":1e-400}", "n=1 x=0"},
    {"{\"n\":1,\"x\":1E+2}", "n=1 x=100"},
    {"{\"n\":1,\"x\":null}", "n=1"},
    {"{\"n\":1,\"ok\":true}", "n=1 ok=true"},
    {"{\"n\":1,\"ok\":false}", "n=1 ok=false"},
    {"{\"n\":1,\"id\":\"\"}", "n=1 id="},
    {"{\"n\":1,\"id\":\"a\\\"b\\\\c\\/d\"}", "n=1 id=a\"b\\c/d"},
    {"{\"n\":1,\"id\":\"\\b\\f\\n\\r\\t\"}", "n=1 id=\b\f\n\r\t"},
    {"{\"n\":1,\"id\":\"\\u00e9\"}", "n=1 id=\xc3\xa9"},
    {"{\"n\":1,\"id\":\"\xc3\xa9\"}", "n=1 id=\xc3\xa9"},
    {"{\"n\":1,\"id\":\"\\ud83d\\ude00\"}", "n=1 id=\xf0\x9f\x98\x80"},
    {"{\"n\":1,\"id\":\"\xf0\x9f\x98\x80\"}", "n=1 id=\xf0\x9f\x98\x80"},
    {"{\"n\":1,\"id\":\"\\uffff\"}", "n=1 id=\xef\xbf\xbf"},
    {"{\"n\":1,\"id\":\"\x7f\"}", "n=1 id=\x7f"},
    {"{\"\\u006e\":1}", "n=1"}, /* an escaped key is the same key */
    {"{\"n\":1,\"c\":\"ecom\"}", "n=1 c=ecom"},
    {"{\"n\":1,\"t\":1714557600042}", "n=1 t=1714557600042"},
    {"{\"n\":1,\"t\":-1}", "n=1 t=-1"},
    {"{\"n\":1,\"t\":\"1970-01-01T00:00:00Z\"}", "n=1 t=0"},
    {"{\"n\":1,\"t\":\"2024-05-01T10:00:00.042Z\"}", "n=1 t=1714557600042"},
    {"{\"n\":1,\"t\":\"2024-05-01T12:00:00.042999+02:00\"}", "n=1 t=1714557600042"},
    {"{\"n\":1,\"t\":\"2024-02-29t00:00:00z\"}", "n=1 t=1709164800000"},
    {"{\"n\":1,\"t\":\"2000-02-29 00:00:00-00:30\"}", "n=1 t=951784200000"},
    {"{\"n\":1,\"t\":\"1969-12-31T23:59:59.999Z\"}", "n=1 t=-1"},
    {"{\"n\":1,\"t\":\"2016-12-31T23:59:60Z\"}", "n=1 t=1483228800000"},
    {"{\"n\":1,\"t\":\"9999-12-31T23:59:59Z\"}", "n=1 t=253402300799000"},
    {"{\"n\":1,\"t\":\"0000-01-01T00:00:00Z\"}", "n=1 t=-62167219200000"},
    {"{\"n\":1,\"d\":60000}", "n=1 d=60000"},
    {"{\"n\":1,\"m\":{\"mcc\":\"5411\"}}", "n=1 m.mcc=5411"},
    {"{\"n\":1,\"m\":{\"country\":\"DE\",\"geo\":{\"lat\":52.5},\"mcc\":\"1\"}}",
     "n=1 m.mcc=1 m.geo.lat=52.5 m.country=DE"},
    {"{\"n\":1,\"m\":null}", "n=1"},
    {"{\"n\":1,\"m\":{}}", "n=1"},
    {"{\"n\":1,\"m\":{\"geo\":null}}", "n=1"},
    {"{\"n\":1,\"m.mcc\":\"5411\"}", "n=1"}, /* a literal dotted key is unknown */
    {"{\"n\":1,\"m\":{\"geo.lat\":7}}", "n=1"},
    {"{\"zzz\":[1,2,{\"a\":[]}],\"n\":1,\"\":{}}", "n=1"},
    {"{\"zzz\":{\"n\":7,\"x\":\"no\"},\"n\":1}", "n=1"}, /* names of columns elsewhere are unknown keys */
    {"{\"m\":{\"n\":2},\"n\":1}", "n=1"},
    {"{\"N\":2,\"n\":1,\"nn\":3}", "n=1"},
    {"{\"a\":{\"k\":1},\"b\":{\"k\":1},\"n\":1}", "n=1"}, /* equal keys in different objects */
    {"{\"a\":[{\"k\":1},{\"k\":1}],\"n\":1}", "n=1"},
    {"{\"ok\":true,\"x\":2,\"id\":\"q\",\"n\":1}", "n=1 x=2 ok=true id=q"}, /* any order */
};

struct bad {
    const char *text, *code, *field;
};
static const struct bad bad[] = {
    /* grammar */
    {" ", "D101", NULL},
    {"{", "D101", NULL},
    {"}", "D101", NULL},
    {"{\"n\":1", "D101", NULL},
    {"{\"n\":1}}", "D101", NULL},
    {"{\"n\":1} x", "D101", NULL},
    {"{\"n\":1}{\"n\":1}", "D101", NULL},
    {"{\"n\":1,}", "D101", NULL},
    {"{,\"n\":1}", "D101", NULL},
    {"{\"n\" 1}", "D101", NULL},
    {"{\"n\":}", "D101", NULL},
    {"{\"n\"}", "D101", NULL},
    {"{n:1}", "D101", NULL},
    {"{'n':1}", "D101", NULL},
    {"{1:1}", "D101", NULL},
    {"{\"n\":1 \"x\":2}", "D101", NULL},
    {"{\"n\":01}", "D101", NULL},
    {"{\"n\":-01}", "D101", NULL},
    {"{\"n\":+1}", "D101", NULL},
    {"{\"n\":.5}", "D101", NULL},
    {"{\"n\":1.}", "D101", NULL},
    {"{\"n\":1e}", "D101", NULL},
    {"{\"n\":1e+}", "D101", NULL},
    {"{\"n\":-}", "D101", NULL},
    {"{\"n\":0x10}", "D101", NULL},
    {"{\"n\":1_000}", "D101", NULL},
    {"{\"n\":NaN}", "D101", NULL},
    {"{\"n\":Infinity}", "D101", NULL},
    {"{\"n\":-Infinity}", "D101", NULL},
    {"{\"n\":nul}", "D101", NULL},
    {"{\"n\":True}", "D101", NULL},
    {"{\"n\":truex}", "D101", NULL},
    {"{\"n\":1,\"u\":[1,]}", "D101", NULL},
    {"{\"n\":1,\"u\":[,1]}", "D101", NULL},
    {"{\"n\":1,\"u\":[1 2]}", "D101", NULL},
    {"{\"n\":1,\"u\":[1}", "D101", NULL},
    {"{\"n\":1,\"u\":[1}]", "D101", NULL},
    {"{\"n\":1]", "D101", NULL},
    {"{\"n\":1,\"id\":\"a}", "D101", NULL},
    {"{\"n\":1,\"id\":\"\\x\"}", "D101", NULL},
    {"{\"n\":1,\"id\":\"\\u12\"}", "D101", NULL},
    {"{\"n\":1,\"id\":\"\\u12g4\"}", "D101", NULL},
    {"{\"n\":1,\"id\":\"a\nb\"}", "D101", NULL},
    {"{\"n\":1,\"id\":\"a\tb\"}", "D101", NULL},
    {"{\"n\":1} // comment", "D101", NULL},
    {"/* c */{\"n\":1}", "D101", NULL},
    {"\xef\xbb\xbf{\"n\":1}", "D101", NULL}, /* byte order mark */
    {"{\"n\":1,\"u\":tru}", "D101", NULL},   /* wrong where no column looks */
    {"{\"n\":1,\"u\":00}", "D101", NULL},
    {"{\"n\":\f1}", "D101", NULL},
    /* duplicate keys, at every level */
    {"{\"n\":1,\"n\":1}", "D102", NULL},
    {"{\"n\":1,\"\\u006e\":2}", "D102", NULL},
    {"{\"n\":1,\"z\":1,\"z\":2}", "D102", NULL},
    {"{\"n\":1,\"\":1,\"\":2}", "D102", NULL},
    {"{\"n\":1,\"z\":{\"a\":1,\"b\":2,\"a\":3}}", "D102", NULL},
    {"{\"n\":1,\"z\":[[{\"a\":1,\"a\":3}]]}", "D102", NULL},
    {"{\"n\":1,\"m\":{\"mcc\":\"1\",\"mcc\":\"2\"}}", "D102", NULL},
    {"{\"n\":1,\"m\":{},\"m\":{}}", "D102", NULL},
    {"{\"n\":1,\"m\":{\"q\":1,\"q\":1}}", "D102", NULL},
    {"{\"n\":1,\"a\":1,\"b\":1,\"c2\":1,\"d2\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
     "\"l\":1,"
     "\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"f\":1}",
     "D102", NULL},
    /* Unicode */
    {"{\"n\":1,\"id\":\"\xff\"}", "D103", NULL},
    {"{\"n\":1,\"id\":\"\xc3\"}", "D103", NULL},
    {"{\"n\":1,\"id\":\"\xc0\xaf\"}", "D103", NULL},         /* overlong */
    {"{\"n\":1,\"id\":\"\xe0\x80\xaf\"}", "D103", NULL},     /* overlong */
    {"{\"n\":1,\"id\":\"\xf0\x80\x80\xaf\"}", "D103", NULL}, /* overlong */
    {"{\"n\":1,\"id\":\"\xed\xa0\x80\"}", "D103", NULL},     /* surrogate */
    {"{\"n\":1,\"id\":\"\xf4\x90\x80\x80\"}", "D103", NULL}, /* beyond U+10FFFF */
    {"{\"n\":1,\"id\":\"\x80\"}", "D103", NULL},
    {"{\"n\":1,\"\xff\":1}", "D103", NULL},
    {"{\"n\":1,\"id\":\"\\ud800\"}", "D103", NULL},
    {"{\"n\":1,\"id\":\"\\udc00\"}", "D103", NULL},
    {"{\"n\":1,\"id\":\"\\ud800\\ud800\"}", "D103", NULL},
    {"{\"n\":1,\"id\":\"\\ud800x\"}", "D103", NULL},
    /* numbers */
    {"{\"n\":1,\"x\":1e400}", "D105", NULL},
    {"{\"n\":1,\"x\":-1e400}", "D105", NULL},
    {"{\"n\":1,\"u\":1e309}", "D105", NULL},
    {"{\"n\":9223372036854775808}", "D105", "n"},
    {"{\"n\":-9223372036854775809}", "D105", "n"},
    {"{\"n\":18446744073709551616}", "D105", "n"},
    {"{\"n\":1e19}", "D105", "n"},
    {"{\"n\":1,\"t\":9223372036854775808}", "D105", "t"},
    /* types */
    {"{\"n\":3.5}", "D106", "n"},
    {"{\"n\":1e-3}", "D106", "n"},
    {"{\"n\":\"1\"}", "D106", "n"},
    {"{\"n\":true}", "D106", "n"},
    {"{\"n\":{}}", "D106", "n"},
    {"{\"n\":[1]}", "D106", "n"},
    {"{\"n\":1,\"x\":\"1\"}", "D106", "x"},
    {"{\"n\":1,\"x\":false}", "D106", "x"},
    {"{\"n\":1,\"ok\":1}", "D106", "ok"},
    {"{\"n\":1,\"ok\":\"true\"}", "D106", "ok"},
    {"{\"n\":1,\"id\":7}", "D106", "id"},
    {"{\"n\":1,\"id\":[]}", "D106", "id"},
    {"{\"n\":1,\"c\":true}", "D106", "c"},
    {"{\"n\":1,\"d\":\"10m\"}", "D106", "d"},
    {"{\"n\":1,\"t\":true}", "D106", "t"},
    {"{\"n\":1,\"t\":1.5}", "D106", "t"},
    {"{\"n\":1,\"t\":\"\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-05-01\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-05-01T00:00:00\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-13-01T00:00:00Z\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2023-02-29T00:00:00Z\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"1900-02-29T00:00:00Z\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-05-01T24:00:00Z\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-05-01T00:00:00.Z\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-05-01T00:00:00Zx\"}", "D106", "t"},
    {"{\"n\":1,\"t\":\"2024-05-01T00:00:00+2:00\"}", "D106", "t"},
    {"{\"n\":1,\"m\":5}", "D106", "m.mcc"},
    {"{\"n\":1,\"m\":[]}", "D106", "m.mcc"},
    {"{\"n\":1,\"m\":{\"geo\":\"x\"}}", "D106", "m.geo.lat"},
    /* missing */
    {"{}", "D107", "n"},
    {"{\"n\":null}", "D107", "n"},
    {"{\"x\":1}", "D107", "n"},
    {"{\"m\":{\"n\":1}}", "D107", "n"},
    /* not an object */
    {"[]", "D108", NULL},
    {"[{\"n\":1}]", "D108", NULL},
    {"1", "D108", NULL},
    {"\"n\"", "D108", NULL},
    {"true", "D108", NULL},
    {"null", "D108", NULL},
    {"-1.5e3", "D108", NULL},
};

static void test_json_when_text_fits_the_schema_then_cells(void **state) {
    struct fixture *f = *state;
    struct weir_buffer out;
    weir_buffer_init(&out);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int result = decode(f, good[i].text, strlen(good[i].text));
        if (result != WEIR_OK) fail_msg("%s: %s %s", good[i].text, f->error.code, f->error.text);
        if (strcmp(show(f->cells, &out), good[i].written) != 0)
            fail_msg("%s: got %s, wanted %s", good[i].text, weir_buffer_text(&out), good[i].written);
    }
    weir_buffer_deinit(&out);
}

static void test_json_when_text_is_wrong_then_stated_code_and_field(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int result = decode(f, bad[i].text, strlen(bad[i].text));
        if (result != WEIR_DATA) fail_msg("accepted %s", bad[i].text);
        if (strcmp(f->error.code, bad[i].code) != 0)
            fail_msg("%s: got %s %s, wanted %s", bad[i].text, f->error.code, f->error.text, bad[i].code);
        if (bad[i].field) assert_string_equal(f->error.field, bad[i].field);
        assert_true(strlen(f->error.text) > 10);
        assert_int_equal(decode(f, "{\"n\":1}", 7), WEIR_OK); /* the coder is not hurt */
    }
}

static void test_json_when_value_is_absent_or_empty_then_d110(void **state) {
    struct fixture *f = *state;
    assert_int_equal(
        weir_codec_json.decode(f->coder, (struct weir_bytes){NULL, 0}, &f->arena, f->cells, &f->error),
        WEIR_DATA);
    assert_string_equal(f->error.code, "D110");
    assert_int_equal(decode(f, "", 0), WEIR_DATA);
    assert_string_equal(f->error.code, "D110");
}

static void test_json_when_bytes_hold_nul_then_grammar_or_text(void **state) {
    struct fixture *f = *state;
    assert_int_equal(decode(f, "{\"n\":1}\0", 8), WEIR_DATA);
    assert_string_equal(f->error.code, "D101");
    assert_int_equal(decode(f, "{\"n\":1,\"id\":\"\0\"}", 16), WEIR_DATA);
    assert_string_equal(f->error.code, "D101");
    static const char escaped[] = "{\"n\":1,\"id\":\"a\\u0000b\"}";
    assert_int_equal(decode(f, escaped, strlen(escaped)), WEIR_OK);
    assert_int_equal(f->cells[3].len, 3);
    assert_memory_equal(f->cells[3].as.s, "a\0b", 3);
}

static void test_json_when_a_byte_is_wrong_then_its_position_is_named(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        unsigned at;
    } cases[] = {{"{\"n\":1,}", 7},
                 {"{\"n\":01}", 5},
                 {"{\"n\":1,\"id\":\"\xff\"}", 13},
                 {"{\"n\":1,\"x\":1e999}", 11},
                 {"{\"n\" 1}", 5},
                 {"{\"n\":1}x", 7}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "at byte %u:", cases[i].at);
        assert_int_equal(decode(f, cases[i].text, strlen(cases[i].text)), WEIR_DATA);
        if (!strstr(f->error.text, wanted)) fail_msg("%s: %s", cases[i].text, f->error.text);
    }
}

/* {"n":1,"u":[[[...]]]} with `depth` containers in all. */
static int decode_nested(struct fixture *f, size_t depth, char open, char close) {
    struct weir_buffer text;
    weir_buffer_init(&text);
    weir_buffer_append_text(&text, "{\"n\":1,\"u\":");
    for (size_t i = 1; i < depth; i++) {
        weir_buffer_append_char(&text, open);
        if (open == '{') weir_buffer_append_text(&text, "\"a\":");
    }
    if (open == '{') weir_buffer_append_text(&text, "1");
    for (size_t i = 1; i < depth; i++) weir_buffer_append_char(&text, close);
    weir_buffer_append_text(&text, "}");
    int result = decode(f, text.data, text.len);
    weir_buffer_deinit(&text);
    return result;
}

static void test_json_when_nested_then_64_levels_pass_and_65_do_not(void **state) {
    struct fixture *f = *state;
    for (int object = 0; object < 2; object++) {
        char open = object ? '{' : '[', close = object ? '}' : ']';
        assert_int_equal(decode_nested(f, 63, open, close), WEIR_OK);
        assert_int_equal(decode_nested(f, 64, open, close), WEIR_OK);
        assert_int_equal(decode_nested(f, 65, open, close), WEIR_DATA);
        assert_string_equal(f->error.code, "D104");
        assert_int_equal(decode_nested(f, 100000, open, close), WEIR_DATA);
        assert_string_equal(f->error.code, "D104");
    }
}

static void test_json_when_value_is_large_then_one_mib_passes(void **state) {
    struct fixture *f = *state;
    size_t len = WEIR_RECORD_BYTES_MAX;
    char *text = malloc(len + 1);
    memset(text, 'a', len + 1);
    memcpy(text, "{\"n\":1,\"id\":\"", 13);
    memcpy(text + len - 2, "\"}", 2);
    assert_int_equal(decode(f, text, len), WEIR_OK);
    assert_int_equal(f->cells[3].len, len - 15);
    memcpy(text + len - 2, "a\"}", 3);
    assert_int_equal(decode(f, text, len + 1), WEIR_DATA);
    assert_string_equal(f->error.code, "D109");
    free(text);
}

/* 80,000 unknown keys: distinct ones pass, one more that is equal is found. */
static void test_json_when_an_object_has_very_many_keys_then_duplicates_are_found(void **state) {
    struct fixture *f = *state;
    struct weir_buffer text;
    weir_buffer_init(&text);
    weir_buffer_append_text(&text, "{\"n\":1");
    for (int i = 0; i < 80000; i++) weir_buffer_format(&text, ",\"k%x\":1", (unsigned)i * 7919u % 80021u);
    size_t len = text.len;
    weir_buffer_append_text(&text, "}");
    assert_int_equal(decode(f, text.data, text.len), WEIR_OK);
    text.len = len;
    weir_buffer_append_text(&text, ",\"k400\":1}");
    assert_int_equal(decode(f, text.data, text.len), WEIR_DATA);
    assert_string_equal(f->error.code, "D102");
    weir_buffer_deinit(&text);
}

static void test_json_when_row_is_written_then_nested_and_readable(void **state) {
    struct fixture *f = *state;
    struct weir_value cells[FIELD_COUNT];
    struct weir_buffer out;
    weir_buffer_init(&out);
    for (size_t i = 0; i < FIELD_COUNT; i++) cells[i] = weir_value_null(fields[i].type);
    cells[0] = weir_value_int(INT64_MIN);
    cells[1] = weir_value_float(3);
    cells[2] = weir_value_bool(true);
    cells[3] = weir_value_text("a\"b\\\n\x01\x1f\xc3\xa9/", 10);
    cells[7] = weir_value_text("", 0);
    cells[7].type = WEIR_CATEGORY;
    cells[8] = weir_value_float((double)NAN);
    assert_int_equal(weir_codec_json.encode(f->coder, cells, &out), WEIR_OK);
    assert_string_equal(weir_buffer_text(&out),
                        "{\"n\":-9223372036854775808,\"x\":3.0,\"ok\":true,"
                        "\"id\":\"a\\\"b\\\\\\n\\u0001\\u001f\xc3\xa9/\",\"c\":null,\"t\":null,\"d\":null,"
                        "\"m\":{\"mcc\":\"\",\"geo\":{\"lat\":null},\"country\":null}}");
    assert_int_equal(decode(f, out.data, out.len), WEIR_OK);
    assert_int_equal(f->cells[0].as.i, INT64_MIN);
    assert_memory_equal(f->cells[3].as.s, cells[3].as.s, 10);
    assert_true(f->cells[8].null);
    weir_buffer_deinit(&out);
}

/* Columns of one object that do not follow each other: still one object, or the key would occur twice. */
static void test_json_when_columns_of_an_object_are_apart_then_written_together(void **state) {
    (void)state;
    static const struct weir_field apart[] = {{"a.x", WEIR_INT64, false},
                                              {"b", WEIR_INT64, false},
                                              {"a.y", WEIR_INT64, false},
                                              {"we \"ird", WEIR_INT64, true}};
    static const struct weir_schema apart_schema = {apart, 4};
    struct weir_coder *coder;
    struct weir_buffer out;
    struct weir_value cells[4] = {weir_value_int(1), weir_value_int(2), weir_value_int(3), weir_value_int(4)};
    weir_buffer_init(&out);
    assert_int_equal(weir_codec_json.open(&apart_schema, &coder, NULL), WEIR_OK);
    assert_int_equal(weir_codec_json.encode(coder, cells, &out), WEIR_OK);
    assert_string_equal(weir_buffer_text(&out), "{\"a\":{\"x\":1,\"y\":3},\"b\":2,\"we \\\"ird\":4}");
    weir_codec_json.close(coder);
    weir_buffer_deinit(&out);
}

static void test_json_when_schema_contradicts_itself_then_open_says_so(void **state) {
    (void)state;
    static const struct weir_field wrong[][2] = {{{"a", WEIR_INT64, false}, {"a", WEIR_INT64, false}},
                                                 {{"a", WEIR_INT64, false}, {"a.b", WEIR_INT64, false}},
                                                 {{"a.b", WEIR_INT64, false}, {"a", WEIR_INT64, false}},
                                                 {{"a", WEIR_INT64, false}, {"b..c", WEIR_INT64, false}},
                                                 {{"a", WEIR_INT64, false}, {".c", WEIR_INT64, false}},
                                                 {{"a", WEIR_INT64, false}, {"c.", WEIR_INT64, false}},
                                                 {{"a", WEIR_INT64, false}, {"", WEIR_INT64, false}}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct weir_schema s = {wrong[i], 2};
        struct weir_coder *coder = NULL;
        struct weir_error error = {0};
        assert_int_equal(weir_codec_json.open(&s, &coder, &error), WEIR_CONFIG);
        assert_null(coder);
        assert_non_null(strstr(error.text, wrong[i][1].name));
    }
}

static void test_json_frame_when_given_lines_then_one_at_a_time(void **state) {
    (void)state;
    assert_int_equal(weir_codec_json.frame("{}\n{}", 5, false), 3);
    assert_int_equal(weir_codec_json.frame("{}", 2, false), 0);
    assert_int_equal(weir_codec_json.frame("{}", 2, true), 2);
    assert_int_equal(weir_codec_json.frame("", 0, true), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_json_when_text_fits_the_schema_then_cells),
        TEST(test_json_when_text_is_wrong_then_stated_code_and_field),
        TEST(test_json_when_value_is_absent_or_empty_then_d110),
        TEST(test_json_when_bytes_hold_nul_then_grammar_or_text),
        TEST(test_json_when_a_byte_is_wrong_then_its_position_is_named),
        TEST(test_json_when_nested_then_64_levels_pass_and_65_do_not),
        TEST(test_json_when_value_is_large_then_one_mib_passes),
        TEST(test_json_when_an_object_has_very_many_keys_then_duplicates_are_found),
        TEST(test_json_when_row_is_written_then_nested_and_readable),
        TEST(test_json_when_columns_of_an_object_are_apart_then_written_together),
        TEST(test_json_when_schema_contradicts_itself_then_open_says_so),
        TEST(test_json_frame_when_given_lines_then_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
