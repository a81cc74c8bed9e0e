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
    {"trim.before", ALONE, 1, 0, 0},      {"trim.journal", ALONE, 1, 0, 0},
    {"trim.topic", ALONE, 1, 0, 0},       {"trim.after", ALONE, 1, 0, 0},
    {"assign.before", ALONE, 4, 0, 0},    {"recover.journal", ALONE, 4, 0, 0},
    {"recover.loaded", ALONE, 4, 0, 0},   {"recover.begun", ALONE, 4, 0, 0},
    {"revoke.before", PAIRED, 1, 0, 0},   {"revoke.after", PAIRED, 1, 0, 0},
    {"stop.flushed", STOPPED, 1, 0, 0},   {"stop.named", STOPPED, 1, 0, 0},
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
    exact_open(&stage, "exact", kills * 2 * RECORDS_PER_S, RECORDS_PER_S,
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

/* 1 to 4 processes share the partitions, come and go by SIGTERM at any moment. */
static void test_run_when_processes_come_and_go_then_output_is_that_of_an_uninterrupted_run(void **state) {
    (void)state;
    struct exact_stage stage;
    pid_t pids[4] = {-1, -1, -1, -1};
    int numbers[4] = {0}, given_back = 0, assigned = 0;
    unsigned random = 5;
    broker_address();
    exact_open(&stage, "churn", 100000, 5000, "session.timeout.ms: 1000, heartbeat.interval.ms: 200");
    for (int i = 0; i < 20; i++) {
        int which = (int)draw(&random, 4);
        if (pids[which] > 0) {
            life_stop(pids[which], "churn", numbers[which]);
            pids[which] = -1;
        } else {
            pids[which] = life_start(&stage, "weir", i);
            numbers[which] = i;
        }
        pause_ms(200 + draw(&random, 1200));
    }
    for (int i = 0; i < 4; i++)
        if (pids[i] > 0) life_stop(pids[i], "churn", numbers[i]);
    for (int i = 0; i < 20; i++) {
        given_back += life_said("churn", i, " given back");
        assigned += life_said("churn", i, "reading from offset");
    }
    print_message("%d partitions taken, %d given back\n", assigned, given_back);
    assert_true(assigned >= 2 * PARTITIONS && given_back > 1); /* else nothing was disturbed */
    stage.enough = true;
    exact_close(&stage);
}

/* A process sleeps past its session while another takes over, and wakes up: nothing it still wants to say is
 * heard. */
static void test_run_when_a_zombie_wakes_up_then_output_is_that_of_an_uninterrupted_run(void **state) {
    (void)state;
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, "zombie", 120000, 6000, "session.timeout.ms: 2000, heartbeat.interval.ms: 300");
    pid_t zombie = life_start(&stage, "weir", 0);
    life_must_say("zombie", 0, "reading from offset", PARTITIONS);
    pause_ms(1000);
    kill(zombie, SIGSTOP); /* at work, with a transaction open more often than not */
    pid_t heir = life_start(&stage, "weir", 1);
    life_must_say("zombie", 1, "state restored", PARTITIONS);
    pause_ms(1000);
    kill(zombie, SIGCONT);
    life_must_say("zombie", 0, " lost", PARTITIONS); /* all it had, and it knows */
    life_must_say("zombie", 1, " given back", 1);    /* it joins again and gets a share */
    pause_ms(1000);
    life_stop(zombie, "zombie", 0);
    life_stop(heir, "zombie", 1);
    stage.enough = true;
    exact_close(&stage);
}

static void expect_fenced(int code, int number) {
    bool said = life_said("slot", number, "fenced") || life_said("slot", number, "another process commits");
    if ((code == 74 || code == 75) && said) return;
    print_message("exit code %d\n", code);
    life_fail("slot", number, "it does not say who stands in its way");
}

/* A state.dir was copied to another machine, slot and all: two processes of one name, in the group and in
 * their transactions. They fence each other until one of them (or both) ends and says why; whoever commits
 * in between, commits what follows. */
static void test_run_when_two_processes_have_one_slot_then_one_ends_and_output_is_exact(void **state) {
    (void)state;
    struct exact_stage stage;
    char command[1500], set[700];
    broker_address();
    exact_open(&stage, "slot", 60000, 5000, "session.timeout.ms: 3000, heartbeat.interval.ms: 300");
    pid_t pid = life_start(&stage, "weir", 0);
    life_must_say("slot", 0, "reading from offset", PARTITIONS);
    life_stop(pid, "slot", 0);
    snprintf(command, sizeof command, "cp -r '%s-slot' '%s-copy'", process_path("state"),
             process_path("state"));
    assert_int_equal(system(command), 0);
    snprintf(set, sizeof set, "state.dir=%s-copy", process_path("state"));
    pid_t pids[2] = {life_start(&stage, "weir", 1)};
    life_must_say("slot", 1, "reading from offset", PARTITIONS);
    pids[1] = life_start_with(&stage, "weir", 2, set, false);
    int status, ended = -1;
    for (double until = process_now_s() + 60; ended < 0 && process_now_s() < until; pause_ms(20))
        for (int i = 0; i < 2; i++)
            if (waitpid(pids[i], &status, WNOHANG) == pids[i]) ended = i;
    if (ended < 0) life_fail("slot", 2, "both live");
    expect_fenced(process_code(status), 1 + ended);
    pause_ms(2000);
    kill(pids[!ended], SIGTERM);
    int code = process_wait(pids[!ended], 60);
    if (code) expect_fenced(code, 2 - ended);
    stage.enough = true;
    exact_close(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_killed_again_and_again_then_output_is_that_of_an_uninterrupted_run),
        cmocka_unit_test(test_run_when_processes_come_and_go_then_output_is_that_of_an_uninterrupted_run),
        cmocka_unit_test(test_run_when_a_zombie_wakes_up_then_output_is_that_of_an_uninterrupted_run),
        cmocka_unit_test(test_run_when_two_processes_have_one_slot_then_one_ends_and_output_is_exact),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
