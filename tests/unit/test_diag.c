/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: findings are kept, ordered and shown as designed, whatever bytes the file holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/utf8.h"

static const char *text_of(const struct weir_diags *diags, bool color, struct weir_buffer *out) {
    weir_buffer_clear(out);
    assert_int_equal(weir_diags_render_text(diags, color, out), WEIR_OK);
    return weir_buffer_text(out);
}

static void test_diag_when_rendered_then_looks_as_designed_and_is_sorted(void **state) {
    (void)state;
    static const char source[] = "a: 1\n\tb: sum(amout, 24h)\r\n  wait: 24h";
    struct weir_diags diags;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "fraud.yaml", source, sizeof source - 1);
    assert_int_equal(weir_diag_add(&diags, "W320", (struct weir_mark){3, 3, 0}, "%d rows wait", 432),
                     WEIR_OK);
    weir_diag_add(&diags, "E315", (struct weir_mark){0}, "nothing to do");
    assert_int_equal(
        weir_diag_add(&diags, "E204", (struct weir_mark){2, 9, 5}, "unknown column '%s'", "amout"),
        WEIR_CONFIG);
    weir_diag_help(&diags, "did you mean '%s'?", "amount");
    assert_string_equal(text_of(&diags, false, &out),
                        "fraud.yaml:2:9: error[E204]: unknown column 'amout'\n"
                        "    2 | \tb: sum(amout, 24h)\n"
                        "      | \t       ^^^^^\n"
                        "      = help: did you mean 'amount'?\n"
                        "fraud.yaml:3:3: warning[W320]: 432 rows wait\n"
                        "    3 |   wait: 24h\n"
                        "      |   ^\n"
                        "fraud.yaml: error[E315]: nothing to do\n"
                        "2 errors, 1 warning.  `weir explain E204` says more\n");
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_diag_when_there_are_only_warnings_or_nothing_then_says_so(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "f", NULL, 0);
    assert_string_equal(text_of(&diags, false, &out), "");
    weir_diag_add(&diags, "W320", (struct weir_mark){7, 1, 1}, "careful");
    assert_string_equal(text_of(&diags, false, &out),
                        "f:7:1: warning[W320]: careful\n1 warning.  `weir explain W320` says more\n");
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_diag_when_color_is_on_then_only_adds_escapes(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_buffer out;
    char stripped[400];
    size_t len = 0;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "f", "key: v\n", 7);
    weir_diag_add(&diags, "E110", (struct weir_mark){1, 1, 3}, "unknown");
    weir_diag_help(&diags, "none");
    const char *color = text_of(&diags, true, &out);
    assert_non_null(strstr(color, "\033[1;31merror[E110]\033[0m"));
    for (const char *at = color; *at; at++) {
        if (*at == '\033') {
            while (*at != 'm') at++;
            continue;
        }
        stripped[len++] = *at;
    }
    stripped[len] = '\0';
    assert_string_equal(stripped, text_of(&diags, false, &out));
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_diag_when_more_than_the_limit_then_counts_the_rest(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "f", NULL, 0);
    for (uint32_t i = 0; i < 130; i++)
        weir_diag_add(&diags, "E110", (struct weir_mark){i + 1, 1, 1}, "n%u", i);
    weir_diag_help(&diags, "this must not stick to another finding");
    assert_int_equal(diags.count, 100);
    assert_int_equal(diags.error_count, 130);
    assert_null(diags.items[99].help);
    assert_non_null(strstr(text_of(&diags, false, &out), "130 errors (30 not shown).  `weir explain E110`"));
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_diag_when_the_same_is_found_twice_then_is_kept_once(void **state) {
    (void)state;
    struct weir_diags diags;
    weir_diags_init(&diags, "f", NULL, 0);
    for (int i = 0; i < 3; i++) weir_diag_add(&diags, "E110", (struct weir_mark){1, 1, 1}, "same");
    weir_diag_add(&diags, "E110", (struct weir_mark){1, 2, 1}, "same");
    assert_int_equal(diags.count, 2);
    assert_int_equal(diags.error_count, 2);
    weir_diags_deinit(&diags);
}

static void test_diag_when_the_line_is_long_then_shows_a_window_around_the_mark(void **state) {
    (void)state;
    char source[1000];
    memset(source, 'x', sizeof source);
    memcpy(source + 500, "WRONG", 5);
    struct weir_diags diags;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "f", source, sizeof source);
    weir_diag_add(&diags, "E110", (struct weir_mark){1, 501, 5}, "bad");
    const char *text = text_of(&diags, false, &out);
    const char *line = strstr(text, "    1 | ...");
    assert_non_null(line);
    const char *wrong = strstr(line, "WRONG");
    const char *marker_line = strchr(line, '\n') + 1;
    const char *marker = strchr(marker_line, '^');
    assert_non_null(wrong);
    assert_int_equal(wrong - line, marker - marker_line);
    assert_memory_equal(marker, "^^^^^\n", 6);
    assert_true(strlen(text) < 500);
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_diag_when_place_or_bytes_are_odd_then_still_shows_something_safe(void **state) {
    (void)state;
    static const char source[] = "a\033[31m\xff\xc2\x9b b\n";
    struct weir_diags diags;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "f", source, sizeof source - 1);
    weir_diag_add(&diags, "E110", (struct weir_mark){1, 900, 900}, "far right\n\033[2J");
    weir_diag_add(&diags, "E110", (struct weir_mark){9, 1, 1}, "no such line");
    assert_string_equal(text_of(&diags, false, &out),
                        "f:1:900: error[E110]: far right??[2J\n"
                        "    1 | a?[31m?? b\n"
                        "      |           ^\n"
                        "f:9:1: error[E110]: no such line\n"
                        "2 errors.  `weir explain E110` says more\n");
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_diag_when_rendered_as_json_then_text_is_escaped_and_places_are_numbers(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "a\"b.yaml", NULL, 0);
    assert_int_equal(weir_diags_render_json(&diags, &out), WEIR_OK);
    assert_string_equal(weir_buffer_text(&out),
                        "{\"file\":\"a\\\"b.yaml\",\"errors\":0,\"warnings\":0,\"findings\":[]}\n");
    weir_diag_add(&diags, "W320", (struct weir_mark){0}, "back\\slash");
    weir_diag_add(&diags, "E204", (struct weir_mark){2, 9, 0}, "'größe'\n");
    weir_diag_help(&diags, "help \"me\"");
    weir_buffer_clear(&out);
    assert_int_equal(weir_diags_render_json(&diags, &out), WEIR_OK);
    assert_string_equal(
        weir_buffer_text(&out),
        "{\"file\":\"a\\\"b.yaml\",\"errors\":1,\"warnings\":1,\"findings\":["
        "{\"code\":\"E204\",\"severity\":\"error\",\"line\":2,\"column\":9,\"length\":1,\"text\":\"'größe'"
        "\\u000a\","
        "\"help\":\"help \\\"me\\\"\"},"
        "{\"code\":\"W320\",\"severity\":\"warning\",\"line\":null,\"column\":null,\"length\":null,"
        "\"text\":\"back\\\\slash\",\"help\":null}]}\n");
    weir_buffer_deinit(&out);
    weir_diags_deinit(&diags);
}

static void test_suggest_when_a_word_is_near_then_finds_it_and_otherwise_not(void **state) {
    (void)state;
    static const char *const names[] = {"amount", "ts", "merchant.mcc", "page_hinkley",
                                        "adwin",  "id", "description"};
    static const char *const cases[][2] = {
        {"amout", "amount"},
        {"amuont", "amount"},
        {"AMOUNT", "amount"},
        {"tz", "ts"},
        {"mcc", "merchant.mcc"},
        {"page-hinkley", "page_hinkley"},
        {"adw", "adwin"},
        {"descriptn", "description"},
        {"dsecrpitoin", "description"},
        {"TS", "ts"},
        {"xy", NULL},
        {"", NULL},
        {"quantity", NULL},
        {"idwin", "adwin"},
        {"amo", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *near = weir_suggest(cases[i][0], names, sizeof names / sizeof names[0]);
        if (!near != !cases[i][1] || (near && strcmp(near, cases[i][1]) != 0))
            fail_msg("%s -> %s, want %s", cases[i][0], near ? near : "none",
                     cases[i][1] ? cases[i][1] : "none");
    }
    char longest[400];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_null(weir_suggest(longest, names, 7));
    assert_null(weir_suggest("a", NULL, 0));
}

static void test_utf8_when_sequences_are_illegal_then_refuses_them(void **state) {
    (void)state;
    uint32_t point = 0;
    assert_int_equal(weir_utf8_next("\xe6\x97\xa5", 3, &point), 3);
    assert_int_equal(point, 0x65e5);
    assert_int_equal(weir_utf8_next("\xf0\x9f\x98\x80", 4, &point), 4);
    assert_int_equal(point, 0x1f600);
    static const char *const illegal[] = {"\x80",
                                          "\xc0\x80",
                                          "\xc1\xbf",
                                          "\xe0\x9f\xbf",
                                          "\xed\xa0\x80",
                                          "\xf0\x8f\xbf\xbf",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xe6\x97",
                                          "\xc3(",
                                          "\xff"};
    for (size_t i = 0; i < sizeof illegal / sizeof illegal[0]; i++)
        assert_int_equal(weir_utf8_next(illegal[i], strlen(illegal[i]), NULL), 0);
    assert_int_equal(weir_utf8_next("", 0, NULL), 0);
    assert_int_equal(weir_utf8_count("a\xff\xe6\x97\xa5", 5), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diag_when_rendered_then_looks_as_designed_and_is_sorted),
        cmocka_unit_test(test_diag_when_there_are_only_warnings_or_nothing_then_says_so),
        cmocka_unit_test(test_diag_when_color_is_on_then_only_adds_escapes),
        cmocka_unit_test(test_diag_when_more_than_the_limit_then_counts_the_rest),
        cmocka_unit_test(test_diag_when_the_same_is_found_twice_then_is_kept_once),
        cmocka_unit_test(test_diag_when_the_line_is_long_then_shows_a_window_around_the_mark),
        cmocka_unit_test(test_diag_when_place_or_bytes_are_odd_then_still_shows_something_safe),
        cmocka_unit_test(test_diag_when_rendered_as_json_then_text_is_escaped_and_places_are_numbers),
        cmocka_unit_test(test_suggest_when_a_word_is_near_then_finds_it_and_otherwise_not),
        cmocka_unit_test(test_utf8_when_sequences_are_illegal_then_refuses_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
