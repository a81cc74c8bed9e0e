/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: `weir demo` runs the whole loop by itself and says truthfully what it found; `weir broker` stays up
 * until it is told to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/process.h"

static const char *last_line(char *text) {
    size_t len = strlen(text);
    assert_true(len > 1);
    assert_int_equal(text[len - 1], '\n');
    text[len - 1] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static void expect_part(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) count++;
    return count;
}

static void test_demo_when_rows_are_few_then_json_ends_with_both_drifts_found(void **state) {
    (void)state;
    struct process_result result = process_weir_run("demo", "--rows", "20000", "--json");
    if (result.code) print_message("%s\n", result.err);
    assert_int_equal(result.code, 0);
    expect_part(result.out, "{\"type\":\"start\",\"weir\":");
    expect_part(result.out, "{\"type\":\"progress\",\"rows\":");
    assert_int_equal(
        count_of(result.out, "{\"type\":\"alert\",\"name\":\"error-rate\",\"detector\":\"adwin\""), 2);
    assert_int_equal(count_of(result.out, "\"false_alarm\":false"), 2);
    const char *end = last_line(result.out);
    expect_part(end,
                "{\"type\":\"done\",\"rows\":20000,\"drifts_injected\":2,\"drifts_found\":2,\"delays\":[");
    expect_part(end, "\"false_alarms\":0,\"applied\":20000,\"late\":0,\"dead_letters\":0,\"dropped\":0,");
    expect_part(end, "\"predictions\":20000,");
    process_free(&result);
}

static void test_demo_when_seed_is_equal_then_alerts_are_equal(void **state) {
    (void)state;
    char alerts[2][1024];
    for (int i = 0; i < 2; i++) {
        struct process_result result = process_weir_run("demo", "--rows", "15000", "--json", "--seed", "5");
        assert_int_equal(result.code, 0);
        alerts[i][0] = '\0';
        for (char *rest = result.out, *line; (line = strsep(&rest, "\n"));)
            if (strstr(line, "\"type\":\"alert\"")) {
                assert_true(strlen(alerts[i]) + strlen(line) < sizeof alerts[i]);
                strcat(alerts[i], line);
            }
        process_free(&result);
    }
    assert_true(alerts[0][0]);
    assert_string_equal(alerts[0], alerts[1]);
}

static void test_demo_when_it_is_read_by_people_then_the_last_lines_sum_it_up(void **state) {
    (void)state;
    struct process_result result = process_weir_run("demo", "--rows", "15000");
    assert_int_equal(result.code, 0);
    expect_part(result.out, "demo: card fraud, 15,000 rows");
    expect_part(result.out, "DRIFT error-rate (adwin)");
    expect_part(result.out, "\ndone: 15,000 rows, 2 drifts injected, 2 found (delay ");
    expect_part(result.out, ", 0 false alarms, 0 dead letters\nnext: weir new my.yaml");
    process_free(&result);
}

static void test_demo_when_rows_are_too_few_or_no_number_then_usage(void **state) {
    (void)state;
    struct process_result result = process_weir_run("demo", "--rows", "1000");
    assert_int_equal(result.code, 64);
    expect_part(result.err, "10000");
    assert_string_equal(result.out, "");
    process_free(&result);
    result = process_weir_run("demo", "--rows", "many");
    assert_int_equal(result.code, 64);
    process_free(&result);
}

static void test_demo_when_stdout_is_full_then_io_error(void **state) {
    (void)state;
    const char *const argv[] = {"weir", "demo", "--rows", "15000", NULL};
    assert_int_equal(process_wait(process_start(argv, "/dev/full", process_path("err")), 60), 74);
}

static void test_demo_when_the_cluster_to_produce_to_is_not_there_then_unavailable(void **state) {
    (void)state;
    struct process_result result = process_weir_run("demo", "--produce", "127.0.0.1:1", "--rows", "10");
    assert_int_equal(result.code, 69);
    process_free(&result);
}

/* Waits until the file holds the text. */
static void await_text(const char *path, const char *part, double seconds) {
    double deadline = process_now_s() + seconds;
    for (;;) {
        char *text = process_read(path, NULL);
        bool there = text && strstr(text, part);
        free(text);
        if (there) return;
        if (process_now_s() > deadline) fail_msg("'%s' did not appear in %s", part, path);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
}

static void test_broker_when_it_is_told_to_stop_then_it_ends_well(void **state) {
    (void)state;
    const char *out = process_path("broker-out");
    const char *const argv[] = {"weir", "broker", "--topic", "a,b", "--partitions", "3", NULL};
    pid_t pid = process_start(argv, out, process_path("broker-err"));
    await_text(out, "bootstrap=127.0.0.1:", 20);
    kill(pid, SIGTERM);
    assert_int_equal(process_wait(pid, 20), 0);
}

static void test_demo_when_it_is_kept_then_it_stays_until_it_is_told_to_stop(void **state) {
    (void)state;
    const char *err = process_path("keep-err");
    const char *const argv[] = {"weir", "demo", "--rows", "15000", "--keep", NULL};
    pid_t pid = process_start(argv, process_path("keep-out"), err);
    await_text(err, "kcat -b 127.0.0.1:", 60);
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGINT);
    assert_int_equal(process_wait(pid, 20), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demo_when_rows_are_few_then_json_ends_with_both_drifts_found),
        cmocka_unit_test(test_demo_when_seed_is_equal_then_alerts_are_equal),
        cmocka_unit_test(test_demo_when_it_is_read_by_people_then_the_last_lines_sum_it_up),
        cmocka_unit_test(test_demo_when_rows_are_too_few_or_no_number_then_usage),
        cmocka_unit_test(test_demo_when_stdout_is_full_then_io_error),
        cmocka_unit_test(test_demo_when_the_cluster_to_produce_to_is_not_there_then_unavailable),
        cmocka_unit_test(test_broker_when_it_is_told_to_stop_then_it_ends_well),
        cmocka_unit_test(test_demo_when_it_is_kept_then_it_stays_until_it_is_told_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
