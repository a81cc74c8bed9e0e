/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every file that `weir new` writes passes `weir check --strict`, and none is ever written over
 * another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/templates.h"
#include "support/process.h"

static void test_new_when_template_is_written_then_check_finds_nothing(void **state) {
    (void)state;
    size_t count;
    const struct weir_template *templates = weir_templates(&count);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.yaml", templates[i].name);
        const char *path = process_path(name);
        struct process_result result = process_weir_run("new", templates[i].name, path);
        assert_int_equal(result.code, 0);
        process_free(&result);
        char *written = process_read(path, NULL);
        assert_string_equal(written, templates[i].text);
        assert_true(written[0] == '#' && strstr(written, "irst steps"));
        free(written);
        result = process_weir_run("check", "--strict", path);
        if (result.code)
            fail_msg("%s: exit %d\n%s%s", templates[i].name, result.code, result.out, result.err);
        assert_null(strstr(result.out, "warning"));
        process_free(&result);
    }
}

static void test_new_when_only_a_file_is_named_then_minimal_is_written(void **state) {
    (void)state;
    const char *path = process_path("only.yaml");
    struct process_result result = process_weir_run("new", path);
    assert_int_equal(result.code, 0);
    assert_non_null(strstr(result.err, "weir check"));
    process_free(&result);
    char *written = process_read(path, NULL);
    assert_string_equal(written, weir_template_find("minimal")->text);
    free(written);
}

static void test_new_when_file_is_there_then_it_is_left_as_it_is(void **state) {
    (void)state;
    const char *path = process_write_text("mine.yaml", "my own\n");
    struct process_result result = process_weir_run("new", "fraud", path);
    assert_int_equal(result.code, 74);
    assert_non_null(strstr(result.err, "already there"));
    process_free(&result);
    char *kept = process_read(path, NULL);
    assert_string_equal(kept, "my own\n");
    free(kept);
}

static void test_new_when_template_is_misspelt_then_a_suggestion_and_the_list(void **state) {
    (void)state;
    const char *path = process_path("never.yaml");
    struct process_result result = process_weir_run("new", "frod", path);
    assert_int_equal(result.code, 64);
    assert_non_null(strstr(result.err, "did you mean 'fraud'?"));
    assert_non_null(strstr(result.err, "sensors"));
    process_free(&result);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_new_when_only_a_template_is_named_then_it_asks_for_the_file(void **state) {
    (void)state;
    struct process_result result = process_weir_run("new", "fraud");
    assert_int_equal(result.code, 64);
    assert_non_null(strstr(result.err, "weir new fraud fraud.yaml"));
    process_free(&result);
    assert_int_not_equal(access("fraud", F_OK), 0);
}

static void test_new_when_folder_is_missing_then_io_error_names_the_file(void **state) {
    (void)state;
    struct process_result result = process_weir_run("new", process_path("no/such/place.yaml"));
    assert_int_equal(result.code, 74);
    assert_non_null(strstr(result.err, "place.yaml"));
    process_free(&result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_when_template_is_written_then_check_finds_nothing),
        cmocka_unit_test(test_new_when_only_a_file_is_named_then_minimal_is_written),
        cmocka_unit_test(test_new_when_file_is_there_then_it_is_left_as_it_is),
        cmocka_unit_test(test_new_when_template_is_misspelt_then_a_suggestion_and_the_list),
        cmocka_unit_test(test_new_when_only_a_template_is_named_then_it_asks_for_the_file),
        cmocka_unit_test(test_new_when_folder_is_missing_then_io_error_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
