/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: each rule of exactly-once.md that the simulator covers is needed: without it (preset `faults`) some
 * story among the first SEEDS ends badly. A mutant may also trip an assertion or never end: each runs in a
 * process of its own, and the table says how it was caught.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/faults.h"
#include "sim/story.h"

#define SEEDS 20000
#define SECONDS 30 /* of one story: it never ends */

static const struct mutant {
    int rule;
    const char *what;
} mutants[] = {
    {1, "a new leader does not read what was committed since it last looked"},
    {101, "a standby takes over from a leader that it hears"},
    {201, "a leader without work keeps silent"},
    {301, "a leader that was fenced opens its producer again"},
    {401, "a standby goes on behind a unit that it could not finish"},
    {2, "unit numbers begin anew with each owner"},
    {3, "offsets go out under the membership of the moment of sending"},
    {103, "a transaction is committed without offsets"},
    {4, "what was aborted is not sent again"},
    {104, "a lane that could not finish a batch, for want of memory, goes on"},
    {5, "a producer goes on after a call that was retried"},
    {105, "a producer goes on after a commit that took over a second"},
    {205, "a producer goes on after a connection was lost"},
    {6, "records that come twice are processed twice"},
    {7, "a task that is given back stays, with its open unit"},
    {107, "a bundle that waits for a membership keeps the unit of a task that left"},
    {8, "a restored task goes on where its snapshot stands"},
    {208, "a snapshot that was not reached counts as lost"},
    {308, "an input that seems to end early counts as lost"},
    {9, "a copy is published whatever became of its unit"},
    {109, "a snapshot is published though its chunks are not all there"},
    {209, "the journal is read from the newest snapshot on only"},
    {509, "what was trimmed since a standby looked counts as lost"},
    {309, "a new leader names the journal offsets of its own snapshots, though it is cut off behind them"},
    {409, "a file of the disk is believed without the root in its manifest"},
    {11, "a replay does not compare"},
    {111, "the journal is not checked to be a chain"},
    {211, "a snapshot is not checked against the root in its manifest"},
    {12, "a replay compares what another engine made"},
    {13, "a replay ticks by no clock"},
    {14, "a restored task draws a seed of its own"},
    {15, "a skip is not journaled"},
};

#ifdef WEIR_FAULTS

struct outcome {
    uint64_t seed; /* under way */
    bool survived;
    char failure[sizeof((struct story *)0)->failure];
};

static void run_without(int rule, int out) {
    struct outcome outcome = {0};
    weir_rule_off = rule;
    struct story *story = story_create();
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        alarm(SECONDS);
        lseek(out, 0, SEEK_SET);
        outcome.seed = seed;
        if (write(out, &outcome, sizeof outcome) < 0) _exit(2);
        if (!story_run(story, seed, false)) {
            snprintf(outcome.failure, sizeof outcome.failure, "%s", story->failure);
            break;
        }
        outcome.survived = seed == SEEDS;
    }
    lseek(out, 0, SEEK_SET);
    if (write(out, &outcome, sizeof outcome) < 0) _exit(2);
    _exit(0);
}

static void each_rule_is_missed(void **state) {
    (void)state;
    int survivors = 0;
    printf("rule | seeds | without it\n");
    for (size_t i = 0; i < sizeof mutants / sizeof *mutants; i++) {
        struct outcome outcome = {0};
        FILE *file = tmpfile();
        int status;
        assert_non_null(file);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) run_without(mutants[i].rule, fileno(file));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(pread(fileno(file), &outcome, sizeof outcome, 0), sizeof outcome);
        fclose(file);
        survivors += outcome.survived;
        if (WIFSIGNALED(status))
            snprintf(outcome.failure, sizeof outcome.failure, "%s", strsignal(WTERMSIG(status)));
        printf("R%d%s | %" PRIu64 " | %s: %s\n", mutants[i].rule % 100,
               mutants[i].rule > 500   ? "f"
               : mutants[i].rule > 400 ? "e"
               : mutants[i].rule > 300 ? "d"
               : mutants[i].rule > 200 ? "c"
               : mutants[i].rule > 100 ? "b"
                                       : "",
               outcome.seed, mutants[i].what, outcome.survived ? "SURVIVED" : outcome.failure);
    }
    assert_int_equal(survivors, 0);
}

#else

static void each_rule_is_missed(void **state) {
    (void)state;
    (void)mutants;
    printf("skipped: rules can be taken away in the build of the preset `faults` only\n");
    skip();
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_rule_is_missed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
