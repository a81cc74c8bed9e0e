/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: how many workers and processes share the partitions changes no byte of any answer: a task moves with
 * its partition, within a process by hand, between processes of one machine through state.dir. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/card_stream.h"

static char input[128];

static int produce_input(void **state) {
    (void)state;
    if (!getenv("WEIR_TEST_BROKER")) return 0;
    snprintf(input, sizeof input, "%s", broker_topic("workers", PARTITIONS));
    struct load load = {input, 10000000};
    produce_load(&load);
    return 0;
}

/* A pipeline file of its own group and topics. */
static const char *pipeline_for(const char *name, const char *output, bool keep) {
    char file[64], alerts[128];
    snprintf(file, sizeof file, "%s.yaml", name);
    snprintf(alerts, sizeof alerts, "%s", broker_topic(name, 1));
    return write_pipeline(file, name, input, output, alerts, "session.timeout.ms: 6000", keep);
}

static void run_workers(const char *name, const char *workers, const char *output) {
    char set[32];
    snprintf(set, sizeof set, "workers=%s", workers);
    struct process_result result = process_weir_run("run", pipeline_for(name, output, false), "--until-end",
                                                    "--set", set, "--summary", "json");
    if (result.code) print_message("%s\n", result.err);
    assert_int_equal(result.code, 0);
    assert_non_null(strstr(result.out, "\"records\":{\"read\":200000,"));
    process_free(&result);
}

static void test_run_when_workers_are_one_two_or_four_then_answers_are_the_same(void **state) {
    (void)state;
    char outputs[3][128];
    static const char *const counts[] = {"1", "2", "4"}, *const names[] = {"one", "two", "four"};
    broker_address();
    struct answers answers;
    answers_init(&answers, input);
    long first = 0;
    for (int i = 0; i < 3; i++) {
        snprintf(outputs[i], sizeof outputs[i], "%s", broker_topic("workers.p", PARTITIONS));
        run_workers(names[i], counts[i], outputs[i]);
        long total = broker_read(outputs[i], PARTITIONS, &answers, see_answer);
        if (!i) first = total;
        assert_true(total > RECORDS * 9 / 10);
        assert_int_equal(total, first); /* nothing twice, nothing missing */
        assert_int_equal(answers.distinct, first);
        assert_int_equal(answers.different, 0);
    }
    answers_free(&answers);
}

/* Shows what the process said when its end was not clean. */
static void expect_clean_end(pid_t pid, int number) {
    char name[32];
    int code = process_wait(pid, 60);
    snprintf(name, sizeof name, "err%d", number);
    char *log = code ? process_read(process_path(name), NULL) : NULL;
    if (code) fail_msg("process %d ended with %d: %s", number, code, log);
    free(log);
}

/* Two processes of two workers each join and leave while the stream runs; each is stopped by SIGTERM and
 * started again. */
static void test_run_when_processes_come_and_go_then_answers_are_the_same(void **state) {
    (void)state;
    char plain[128], output[128];
    broker_address();
    snprintf(plain, sizeof plain, "%s", broker_topic("workers.plain", PARTITIONS));
    snprintf(output, sizeof output, "%s", broker_topic("workers.churn", PARTITIONS));
    run_workers("plain", "1", plain);
    char pipeline[600];
    snprintf(pipeline, sizeof pipeline, "%s", pipeline_for("churn", output, true));

    pid_t pids[2] = {-1, -1};
    for (int i = 0; i < 8; i++) {
        int which = i % 2;
        char out[600], err[600], name[32];
        if (pids[which] > 0) {
            kill(pids[which], SIGTERM);
            expect_clean_end(pids[which], i - 2);
        }
        snprintf(name, sizeof name, "err%d", i);
        snprintf(err, sizeof err, "%s", process_path(name));
        snprintf(out, sizeof out, "%s", process_path("out"));
        pids[which] = process_start(
            (const char *const[]){"weir", "run", pipeline, "--set", "workers=2", NULL}, out, err);
        nanosleep(&(struct timespec){0, 400000000}, NULL); /* the moment of the next change */
    }
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGTERM);
        expect_clean_end(pids[i], 6 + i);
    }
    struct process_result last = process_weir_run("run", pipeline, "--until-end");
    if (last.code) print_message("%s\n", last.err);
    assert_int_equal(last.code, 0);
    process_free(&last);
    struct answers answers;
    answers_init(&answers, input);
    long first = broker_read(plain, PARTITIONS, &answers, see_answer);
    long total = broker_read(output, PARTITIONS, &answers, see_answer);
    print_message("%ld answers for %ld, %ld differ\n", total, first, answers.different);
    assert_int_equal(answers.distinct, first);
    assert_int_equal(answers.different, 0);
    answers_free(&answers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_workers_are_one_two_or_four_then_answers_are_the_same),
        cmocka_unit_test(test_run_when_processes_come_and_go_then_answers_are_the_same),
    };
    return cmocka_run_group_tests(tests, produce_input, NULL);
}
