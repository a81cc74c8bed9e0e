/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever is done to the engine, a read_committed consumer sees, byte for byte, what an uninterrupted
 * run puts out. WEIR_KILLS says how many kills (default 20; script/soak asks for 200). WEIR_FAULTS_BINARY
 * names a build with kill points (engine/base/faults.h); without it only random kills are tried.
 * WEIR_KILL_POINT names the one point to die at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact_lives.h"

#define RECORDS_PER_S 3000L
#define POINT_PATIENCE_S 20 /* a healthy life comes to its point in under 2 s */

static int kill_count(void) {
    const char *text = getenv("WEIR_KILLS");
    return text ? atoi(text) : 20;
}

/* How a life is led to its point. */
enum way {
    ALONE,
    PAIRED,  /* a second process joins the group */
    STOPPED, /* SIGTERM, once it is at work */
};

/* Every place of interest in the life of a unit, a snapshot, a recovery, a rebalance and a stop; those of one
 * row apart, so that a short run comes to all of these. */
static struct point {
    const char *name;
    enum way way;
    unsigned passes; /* dies in one of so many first passes */
    int tried, hit;
} points[] = {
    {"commit.after", ALONE, 6, 0, 0},     {"snapshot.topic", ALONE, 4, 0, 0},
    {"recover.unit", ALONE, 3, 0, 0},     {"revoke.flushed", PAIRED, 1, 0, 0},
    {"offsets.after", ALONE, 6, 0, 0},    {"snapshot.published", ALONE, 4, 0, 0},
    {"recover.after", ALONE, 4, 0, 0},    {"stop.saved", STOPPED, 1, 0, 0},
    {"produce.after", ALONE, 6, 0, 0},    {"commit.before", ALONE, 6, 0, 0},
    {"init.before", ALONE, 1, 0, 0},      {"init.after", ALONE, 1, 0, 0},
    {"bundle.submitted", ALONE, 6, 0, 0}, {"bundle.decided", ALONE, 6, 0, 0},
    {"offsets.before", ALONE, 6, 0, 0},   {"snapshot.before", ALONE, 4, 0, 0},
    {"snapshot.file", ALONE, 4, 0, 0},    {"snapshot.chunk", ALONE, 4, 0, 0},
    {"trim.before", ALONE, 1, 0, 0},      {"trim.journal", ALONE, 1, 0, 0}, {"trim.topic", ALONE, 1, 0, 0},
    {"trim.after", ALONE, 1, 0, 0},       {"assign.before", ALONE, 4, 0, 0},
    {"recover.journal", ALONE, 4, 0, 0},  {"recover.loaded", ALONE, 4, 0, 0},
    {"recover.begun", ALONE, 4, 0, 0},    {"revoke.before", PAIRED, 1, 0, 0},
    {"revoke.after", PAIRED, 1, 0, 0},    {"stop.flushed", STOPPED, 1, 0, 0},
    {"stop.named", STOPPED, 1, 0, 0},
};
#define POINT_COUNT ((int)(sizeof points / sizeof points[0]))

/* True: it died by itself in that time, which only a point can do. */
static bool dies(const struct exact_stage *stage, pid_t pid, int i, double seconds) {
    double until = process_now_s() + seconds;
    int status;
    while (process_now_s() < until) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
            print_message("status %x\n", (unsigned)status);
            life_fail(stage->name, i, "it ended by itself");
        }
        pause_ms(2);
    }
    life_kill(pid);
    return false;
}

static void die_anywhere(const struct exact_stage *stage, int i, unsigned *random) {
    pid_t pid = life_start(stage, "weir", i);
    assert_false(dies(stage, pid, i, 0.2 + draw(random, 1300) / 1000.0));
}

static void die_at(const struct exact_stage *stage, const char *faults, struct point *point, int i,
                   unsigned *random) {
    char at[64];
    pid_t other = -1;
    snprintf(at, sizeof at, "%s:%u", point->name, 1 + draw(random, point->passes));
    setenv("WEIR_KILL_AT", at, 1);
    pid_t pid = life_start(stage, faults, i);
    unsetenv("WEIR_KILL_AT");
    point->tried++;
    /* A dead helper of an earlier life may hold some until its session is over; then there is something to
     * give. */
    if (point->way != ALONE)
        life_says(stage->name, i, "reading from offset", point->way == PAIRED ? PARTITIONS : 1,
                  POINT_PATIENCE_S);
    if (point->way == STOPPED) {
        pause_ms(draw(random, 600));
        kill(pid, SIGTERM);
    }
    if (point->way == PAIRED) { /* one the group has never seen: else it gets what it had, and nobody gives */
        char name[64];
        snprintf(name, sizeof name, "kafka.properties.group.instance.id=other-%d", i);
        other = life_start_with(stage, "weir", 1000 + i, name, false);
    }
    if (dies(stage, pid, i, POINT_PATIENCE_S))
        point->hit++;
    else
        print_message("life %d did not come to %s\n", i, at);
    if (other > 0) life_kill(other);
}

static void say_points(void) {
    for (int i = 0; i < POINT_COUNT; i++)
        print_message("%s %d/%d%s", points[i].name, points[i].hit, points[i].tried,
                      i + 1 < POINT_COUNT ? ", " : "\n");
}

static void test_run_when_killed_again_and_again_then_output_is_that_of_an_uninterrupted_run(void **state) {
    (void)state;
    struct exact_stage stage;
    const char *faults = getenv("WEIR_FAULTS_BINARY"), *only = getenv("WEIR_KILL_POINT");
    int kills = kill_count(), restored = 0, tried = 0, hit = 0;
    broker_address();
    exact_open(&stage, "exact", kills * 3 * RECORDS_PER_S, RECORDS_PER_S,
               "session.timeout.ms: 6000, heartbeat.interval.ms: 300");
    unsigned random = (unsigned)(kills + 7);
    double began = process_now_s();
    for (int i = 0; i < kills; i++) {
        int which = i / 2 % POINT_COUNT;
        for (int k = 0; only && k < POINT_COUNT; k++)
            if (!strcmp(points[k].name, only)) which = k;
        if (faults && i % 2 == 1)
            die_at(&stage, faults, &points[which], i, &random);
        else
            die_anywhere(&stage, i, &random);
        restored += life_said("exact", i, "state restored") > 0;
        if (life_said("exact", i, "DIVERGED") || life_said("exact", i, "stops, the others"))
            life_fail("exact", i, "its state was not rebuilt");
    }
    stage.enough = true;
    for (int i = 0; i < POINT_COUNT; i++) {
        tried += points[i].tried;
        hit += points[i].hit;
        /* A point that nobody comes to tests nothing. */
        if (points[i].tried && !points[i].hit) fail_msg("nobody died at %s", points[i].name);
    }
    if (faults) say_points();
    print_message("%d kills in %.0f s: %d random, %d of %d at labelled points; %d starts restored state\n",
                  kills, process_now_s() - began, kills - tried, hit, tried, restored);
    assert_true(restored >= kills / 3); /* else the kills proved nothing */
    exact_close(&stage);
}

static void expect_end(pid_t pid, const char *stage, int number, bool fenced_is_fine) {
    int code = process_wait(pid, 60);
    if (code == 0 || (fenced_is_fine && code == 75)) return;
    fail_msg("process %d ended with %d: %s", number, code, process_read(life_log(stage, number), NULL));
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
            pids[which] = life_start(&stage, "weir", i);
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
    pid_t zombie = life_start(&stage, "weir", 0);
    pause_ms(2000);
    kill(zombie, SIGSTOP);
    pid_t heir = life_start(&stage, "weir", 1);
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
        pids[i] = life_start(&stage, "weir", i);
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
