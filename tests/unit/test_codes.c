/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every code weir can print is found, unique, and explained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base/codes.h"

static void test_codes_table_is_sorted_unique_and_explained(void **state) {
    (void)state;
    size_t count;
    const struct weir_code *codes = weir_codes(&count);
    assert_true(count > 70);
    for (size_t i = 0; i < count; i++) {
        const char *code = codes[i].code;
        if (i && strcmp(codes[i - 1].code, code) >= 0)
            fail_msg("%s is not after %s", code, codes[i - 1].code);
        if (strlen(code) != 4 || !strchr("DEW", code[0])) fail_msg("%s is no code", code);
        for (size_t j = 1; j < 4; j++)
            if (!isdigit((unsigned char)code[j])) fail_msg("%s is no code", code);
        if (!codes[i].title[0] || isupper((unsigned char)codes[i].title[0])) {
            /* "YAML syntax" is a name and may stay as it is */
            if (strncmp(codes[i].title, "YAML", 4) != 0) fail_msg("%s: title '%s'", code, codes[i].title);
        }
        if (strlen(codes[i].explanation) < 40) fail_msg("%s is hardly explained", code);
        if (strlen(codes[i].fix) < 10) fail_msg("%s says no way out", code);
        if (codes[i].example && !codes[i].example[0]) fail_msg("%s has an empty example", code);
    }
}

static void test_code_find_when_each_code_is_asked_for_then_finds_its_row(void **state) {
    (void)state;
    size_t count;
    const struct weir_code *codes = weir_codes(&count);
    for (size_t i = 0; i < count; i++) assert_ptr_equal(weir_code_find(codes[i].code), &codes[i]);
    assert_ptr_equal(weir_code_find("e204"), weir_code_find("E204"));
    assert_null(weir_code_find("E999"));
    assert_null(weir_code_find(""));
    assert_null(weir_code_find("E20"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_table_is_sorted_unique_and_explained),
        cmocka_unit_test(test_code_find_when_each_code_is_asked_for_then_finds_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
