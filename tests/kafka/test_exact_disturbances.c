/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: exactly once, when what surrounds the engine is disturbed: the broker is killed or goes away, SIGTERM
 * comes at any moment, other numbers of workers and processes do the work. Kills of the engine itself are in
 * test_exactly_once.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact_lives.h"

static const char *const properties = "session.timeout.ms: 6000, heartbeat.interval.ms: 500";
/* A named member that is done holds its partitions until its session is over: others wait for that. */
static const char *const brief = "session.timeout.ms: 3000, heartbeat.interval.ms: 300";

/* ---- SIGTERM ---- */

/* Each line "state restored" of a log must say that nothing was done again. */
static int check_nothing_done_again(const char *stage, int number) {
    char *log = process_read(life_log(stage, number), NULL);
    int count = 0;
    for (char *at = log; at && (at = strstr(at, "state restored as of unit")); at++) {
        unsigned long unit, snapshot, units, records;
        assert_int_equal(
            sscanf(at, "state restored as of unit %lu (snapshot of unit %lu, %lu units and %lu records",
                   &unit, &snapshot, &units, &records),
            4);
        /* The last unit names the snapshot of the state before it, and is empty. */
        if (units > 1 || records) life_fail(stage, number, "a clean stop left work to be done again");
        count++;
    }
    free(log);
    return count;
}

static void test_run_when_terminated_at_any_moment_then_0_and_the_next_start_has_nothing_to_do_again(
    void **state) {
    (void)state;
    struct exact_stage stage;
    unsigned random = 11;
    int restored = 0;
    broker_address();
    exact_open(&stage, "sigterm", 90000, 4000, properties);
    for (int i = 0; i < 10; i++) {
        pid_t pid = life_start(&stage, "weir", i);
        life_must_say("sigterm", i, "asking", 1); /* from here on it is the engine's business */
        pause_ms(draw(&random, 1800));
        life_stop(pid, "sigterm", i);
        restored += check_nothing_done_again("sigterm", i);
    }
    print_message("%d tasks restored, none had anything to do again\n", restored);
    assert_true(restored > 5);
    stage.enough = true;
    exact_close(&stage);
}

/* ---- workers and processes ---- */

static void test_run_when_workers_and_processes_differ_then_output_is_the_same(void **state) {
    (void)state;
    static const struct {
        const char *name, *set;
        int processes;
    } cases[] = {{"crew.2x1", "workers=2", 1},
                 {"crew.4x1", "workers=4", 1},
                 {"crew.1x2", "workers=1", 2},
                 {"crew.2x2", "workers=2", 2},
                 {"crew.4x2", "workers=4", 2}}; /* the run compared with has one of one */
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, "crew.1x1", 24000, 1000000, properties);
    exact_wait_for_producer(&stage);
    exact_run_to_end(stage.plain_pipeline);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pid_t pids[2];
        exact_name_run(&stage, cases[i].name, brief);
        for (int k = 0; k < cases[i].processes; k++)
            pids[k] = life_start_with(&stage, "weir", k, cases[i].set, true);
        for (int k = 0; k < cases[i].processes; k++) {
            int code = process_wait(pids[k], 90);
            if (code) {
                print_message("exit code %d\n", code);
                life_fail(stage.name, k, "it did not reach the end");
            }
        }
        exact_compare_all(&stage);
    }
}

/* ---- the broker ---- */

/* A broker of their own for the tests that kill it: others' topics would have to be recovered too, which
 * takes long. */
static char own_broker[300];

static void run_broker_script(const char *verb, const char *last) {
    char script[600];
    snprintf(script, sizeof script, "%s/script/broker", WEIR_SOURCE_DIR);
    pid_t pid = process_start((const char *const[]){script, verb, "--dir", own_broker, last, NULL},
                              process_path("broker.out"), process_path("broker.err"));
    int code = process_wait(pid, 120);
    if (code) fail_msg("broker %s: %d: %s", verb, code, process_read(process_path("broker.err"), NULL));
}

static void start_own_broker(void) {
    broker_address();
    if (own_broker[0]) return;
    snprintf(own_broker, sizeof own_broker, "%s", process_path("broker"));
    run_broker_script("start", NULL);
    char *out = process_read(process_path("broker.out"), NULL), address[100];
    assert_int_equal(sscanf(out, "bootstrap=%99s", address), 1);
    setenv("WEIR_TEST_BROKER", address, 1);
    free(out);
}

static int stop_own_broker(void **state) {
    (void)state;
    if (own_broker[0]) run_broker_script("stop", NULL);
    return 0;
}

static void kill_broker(void) {
    char path[600];
    snprintf(path, sizeof path, "%s/pid", own_broker);
    char *text = process_read(path, NULL);
    assert_non_null(text);
    pid_t pid = atoi(text);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (!kill(pid, 0)) pause_ms(10); /* its port is free again */
    free(text);
}

/* The broker forgets what it held in memory only, finds its logs unclosed, and recovers them; transactions
 * under way have to be decided by it or by us. */
static void test_run_when_the_broker_is_killed_and_comes_back_then_output_is_that_of_an_undisturbed_run(
    void **state) {
    (void)state;
    struct exact_stage stage;
    start_own_broker();
    exact_open(&stage, "brokerkill", 200000, 6000, properties);
    pid_t pid = life_start(&stage, "weir", 0);
    life_must_say("brokerkill", 0, "reading from offset", PARTITIONS);
    for (int i = 1; i <= 2; i++) {
        pause_ms(1500);
        kill_broker();
        run_broker_script("start", NULL);
        life_must_say("brokerkill", 0, "the brokers answer again", i);
    }
    pause_ms(1500);
    life_stop(pid, "brokerkill", 0);
    stage.enough = true;
    exact_close(&stage);
}

static void test_run_when_the_broker_is_away_for_20_s_then_it_tries_on_and_goes_on_by_itself(void **state) {
    (void)state;
    struct exact_stage stage;
    start_own_broker();
    exact_open(&stage, "outage", 150000, 5000, properties);
    pid_t pid = life_start(&stage, "weir", 0);
    life_must_say("outage", 0, "reading from offset", PARTITIONS);
    pause_ms(1500);
    run_broker_script("stop", "--keep");
    double since = process_now_s();
    life_must_say("outage", 0, "no broker answers, trying on", 1);
    while (process_now_s() - since < 20) pause_ms(100);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* still there */
    run_broker_script("start", NULL);
    life_must_say("outage", 0, "the brokers answer again", 1);
    pause_ms(2000);
    life_stop(pid, "outage", 0);
    stage.enough = true;
    exact_close(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_run_when_terminated_at_any_moment_then_0_and_the_next_start_has_nothing_to_do_again),
        cmocka_unit_test(test_run_when_workers_and_processes_differ_then_output_is_the_same),
        cmocka_unit_test(
            test_run_when_the_broker_is_killed_and_comes_back_then_output_is_that_of_an_undisturbed_run),
        cmocka_unit_test(test_run_when_the_broker_is_away_for_20_s_then_it_tries_on_and_goes_on_by_itself),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, stop_own_broker);
}
