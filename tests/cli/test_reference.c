/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: help answers for every verb and operator, suggests for a misspelt one, and docs/reference.md is what
 * this binary prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/process.h"
#include "weir/registry.h"

static void test_reference_in_docs_is_what_help_prints(void **state) {
    (void)state;
    struct process_result result = process_weir_run("help", "reference");
    assert_int_equal(result.code, 0);
    char *written = process_read(WEIR_SOURCE_DIR "/docs/reference.md", NULL);
    if (strcmp(written, result.out) != 0)
        fail_msg("docs/reference.md is out of date: weir help reference >docs/reference.md");
    free(written);
    process_free(&result);
}

static void test_help_when_asked_for_any_operator_then_it_names_its_options(void **state) {
    (void)state;
    for (int family = 0; family < WEIR_FAMILY_COUNT; family++)
        for (const struct weir_operator *op = NULL;
             (op = weir_registry_next((enum weir_family)family, op));) {
            struct process_result result = process_weir_run("help", op->name);
            assert_int_equal(result.code, 0);
            assert_non_null(strstr(result.out, op->summary));
            for (const struct weir_option *option = op->options; option->name; option++)
                assert_non_null(strstr(result.out, option->name));
            process_free(&result);
        }
}

static void test_help_when_a_name_is_misspelt_then_it_suggests(void **state) {
    (void)state;
    static const char *const words[][2] = {{"adwinn", "'adwin'"}, {"replya", "'replay'"}};
    for (size_t i = 0; i < 2; i++) {
        struct process_result result = process_weir_run("help", words[i][0]);
        assert_int_equal(result.code, 64);
        assert_non_null(strstr(result.err, words[i][1]));
        process_free(&result);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_in_docs_is_what_help_prints),
        cmocka_unit_test(test_help_when_asked_for_any_operator_then_it_names_its_options),
        cmocka_unit_test(test_help_when_a_name_is_misspelt_then_it_suggests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
