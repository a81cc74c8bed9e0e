/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever is done to the engine, a read_committed consumer sees, byte for byte, what an uninterrupted
 * run puts out. WEIR_KILLS says how many kills (default 20; script/soak asks for 200). WEIR_FAULTS_BINARY
 * names a build with kill points (engine/base/faults.h); without it only random kills are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact_stream.h"

static int kill_count(void) {
    const char *text = getenv("WEIR_KILLS");
    return text ? atoi(text) : 20;
}

static const char *log_path(const char *stage, int i) {
    char name[64];
    snprintf(name, sizeof name, "%s.err%d", stage, i);
    return process_path(name);
}

static pid_t start(const struct exact_stage *stage, const char *program, int number) {
    char out[600], err[600];
    snprintf(out, sizeof out, "%s", process_path("out"));
    snprintf(err, sizeof err, "%s", log_path(stage->name, number));
    return process_start((const char *const[]){program, "run", stage->pipeline, NULL}, out, err);
}

static void pause_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

static unsigned draw(unsigned *random, unsigned below) {
    *random = *random * 1103515245u + 12345u;
    return (*random >> 16) % below;
}

/* Every place of interest in a unit's life, a snapshot's and a recovery's. */
static const char *const points[] = {"init.after",    "produce.after", "offsets.before", "offsets.after",
                                     "commit.before", "commit.after",  "snapshot.file",  "snapshot.topic",
                                     "recover.unit",  "recover.after"};
#define POINT_COUNT (sizeof points / sizeof points[0])

/* One life that is ended: at a point, or, when that does not come in time, anywhere. */
static bool live_and_die(const struct exact_stage *stage, const char *faults, int i, unsigned *random) {
    char at[64];
    bool pointed = faults && i % 2 == 1;
    const char *point = points[(unsigned)(i / 2) % POINT_COUNT];
    snprintf(at, sizeof at, "%s:%u", point,
             strchr("is", point[0]) || point[0] == 'r' ? 1 : 1 + draw(random, 6));
    if (pointed) setenv("WEIR_KILL_AT", at, 1);
    pid_t pid = start(stage, pointed ? faults : "weir", i);
    unsetenv("WEIR_KILL_AT");
    double until = process_now_s() + (pointed ? 3.0 : 0.3 + draw(random, 900) / 1000.0);
    int status;
    while (process_now_s() < until) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
                char *log = process_read(log_path(stage->name, i), NULL);
                fail_msg("start %d ended by itself (status %x): %s", i, (unsigned)status, log);
            }
            return true;
        }
        pause_ms(5);
    }
    kill(pid, SIGKILL);
    assert_int_equal(process_wait(pid, 10), 128 + SIGKILL);
    return false;
}

static void test_run_when_killed_again_and_again_then_output_is_that_of_an_uninterrupted_run(void **state) {
    (void)state;
    struct exact_stage stage;
    const char *faults = getenv("WEIR_FAULTS_BINARY");
    int kills = kill_count(), restored = 0, at_points = 0;
    broker_address();
    exact_open(&stage, "exact", kills * 8000L, 8000, "");
    unsigned random = (unsigned)(kills + 7);
    for (int i = 0; i < kills; i++) {
        at_points += live_and_die(&stage, faults, i, &random);
        char *log = process_read(log_path("exact", i), NULL);
        restored += strstr(log, "state restored") != NULL;
        if (strstr(log, "DIVERGED") || strstr(log, "stops, the others")) fail_msg("start %d: %s", i, log);
        free(log);
    }
    print_message("%d kills, %d of them at labelled points; %d starts restored state\n", kills, at_points,
                  restored);
    assert_true(restored >= kills / 2); /* else the kills proved nothing */
    exact_close(&stage);
}

static void expect_end(pid_t pid, const char *stage, int number, bool fenced_is_fine) {
    int code = process_wait(pid, 60);
    if (code == 0 || (fenced_is_fine && code == 75)) return;
    fail_msg("process %d ended with %d: %s", number, code, process_read(log_path(stage, number), NULL));
}

/* 1 to 4 processes share the partitions, come and go by SIGTERM at any moment. */
static void test_run_when_processes_come_and_go_then_output_is_that_of_an_uninterrupted_run(void **state) {
    (void)state;
    struct exact_stage stage;
    pid_t pids[4] = {-1, -1, -1, -1};
    int numbers[4] = {0};
    unsigned random = 5;
    broker_address();
    exact_open(&stage, "churn", 100000, 10000, "session.timeout.ms: 6000, heartbeat.interval.ms: 500");
    for (int i = 0; i < 14; i++) {
        int which = (int)draw(&random, 4);
        if (pids[which] > 0) {
            kill(pids[which], SIGTERM);
            expect_end(pids[which], "churn", numbers[which], false);
            pids[which] = -1;
        } else {
            pids[which] = start(&stage, "weir", i);
            numbers[which] = i;
        }
        pause_ms(200 + draw(&random, 1200));
    }
    for (int i = 0; i < 4; i++) {
        if (pids[i] <= 0) continue;
        kill(pids[i], SIGTERM);
        expect_end(pids[i], "churn", numbers[i], false);
    }
    exact_close(&stage);
}

/* A process sleeps past its session while another takes over, and wakes up: nothing it still wants to say is
 * heard. */
static void test_run_when_a_zombie_wakes_up_then_output_is_that_of_an_uninterrupted_run(void **state) {
    (void)state;
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, "zombie", 120000, 8000, "session.timeout.ms: 6000, heartbeat.interval.ms: 500");
    pid_t zombie = start(&stage, "weir", 0);
    pause_ms(2000);
    kill(zombie, SIGSTOP);
    pid_t heir = start(&stage, "weir", 1);
    pause_ms(9000);
    kill(zombie, SIGCONT);
    pause_ms(2000);
    kill(zombie, SIGTERM);
    expect_end(zombie, "zombie", 0, true);
    kill(heir, SIGTERM);
    expect_end(heir, "zombie", 1, false);
    exact_close(&stage);
}

/* Two processes of one name: the group and the transaction coordinator let only one of them through. */
static void test_run_when_two_processes_have_one_slot_then_output_is_that_of_an_uninterrupted_run(
    void **state) {
    (void)state;
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, "slot", 60000, 10000,
               "group.instance.id: same, session.timeout.ms: 6000, heartbeat.interval.ms: 500");
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = start(&stage, "weir", i);
        pause_ms(1500);
    }
    pause_ms(3000);
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGTERM);
        int code = process_wait(pids[i], 60);
        assert_true(code == 0 || code == 75 || code == 74);
    }
    exact_close(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_killed_again_and_again_then_output_is_that_of_an_uninterrupted_run),
        cmocka_unit_test(test_run_when_processes_come_and_go_then_output_is_that_of_an_uninterrupted_run),
        cmocka_unit_test(test_run_when_a_zombie_wakes_up_then_output_is_that_of_an_uninterrupted_run),
        cmocka_unit_test(
            test_run_when_two_processes_have_one_slot_then_output_is_that_of_an_uninterrupted_run),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
