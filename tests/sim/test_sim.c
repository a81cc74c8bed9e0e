/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever happens to processes, group and cluster, readers see what an undisturbed run gives: a fixed
 * slice of seeds. More of them: the program sim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "sim/story.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 1500
#else
#define SEEDS 3000
#endif

static struct story *story;

static int make(void **state) {
    (void)state;
    story = story_create();
    return story ? 0 : -1;
}

static int drop(void **state) {
    (void)state;
    story_destroy(story);
    return 0;
}

static void every_story_ends_as_an_undisturbed_run(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        if (!story_run(story, seed, false))
            fail_msg("seed %d: %s\nthe story: tests/sim/sim --seed %d --verbose", (int)seed, story->failure,
                     (int)seed);
}

/* A simulator in which nothing goes wrong proves nothing. */
static void everything_has_happened(void **state) {
    (void)state;
    for (int i = 0; i < SIM_FAULT_COUNT; i++)
        if (!story->struck[i]) fail_msg("fault %d never struck", i);
    for (int i = 0; i < SIM_DISK_FAULT_COUNT; i++) {
        if (!sim_disk_struck((enum sim_disk_fault)i)) fail_msg("disks never had %s", sim_disk_fault_names[i]);
        printf("%s %llu\n", sim_disk_fault_names[i],
               (unsigned long long)sim_disk_struck((enum sim_disk_fault)i));
    }
    for (int i = 0; i < STORY_EVENT_COUNT; i++) {
        if (!story->lived_through[i]) fail_msg("no story had %s", story_event_names[i]);
        printf("%s %llu\n", story_event_names[i], (unsigned long long)story->lived_through[i]);
    }
}

static void equal_seeds_give_equal_stories(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        assert_true(story_run(story, seed, false));
        uint64_t digest = sim_digest(story->cluster);
        assert_true(story_run(story, seed, false));
        assert_int_equal(digest, sim_digest(story->cluster));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_ends_as_an_undisturbed_run),
        cmocka_unit_test(everything_has_happened),
        cmocka_unit_test(equal_seeds_give_equal_stories),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
