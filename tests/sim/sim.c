/* SPDX-License-Identifier: Apache-2.0 */
/* sim.c: the simulator as a program: sim --seed N [--verbose], sim --seeds A..B [--without RULE].
 *
 * A seed that fails is printed with what is wrong and the command that shows the whole story again. --without
 * takes a rule of exactly-once.md away (preset `faults`).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/faults.h"
#include "sim/story.h"

static int usage(void) {
    fprintf(stderr, "usage: sim (--seed N | --seeds A..B) [--without RULE] [--verbose] [--keep-going]\n");
    return 2;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool take_away(const char *rule) {
#ifdef WEIR_FAULTS
    weir_rule_off = atoi(rule);
    return weir_rule_off > 0;
#else
    fprintf(stderr, "sim: rule %s can only be taken away in the build of the preset `faults`\n", rule);
    return false;
#endif
}

static void tell(const struct story *story, const char *program, const char *without) {
    printf("seed %" PRIu64 " FAILED: %s\n  again: %s --seed %" PRIu64 " --verbose%s%s\n", story->seed,
           story->failure, program, story->seed, without ? " --without " : "", without ? without : "");
}

int main(int argc, char **argv) {
    uint64_t first = 1, last = 0, failures = 0, seed;
    bool verbose = false, keep_going = false;
    const char *without = NULL;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--verbose"))
            verbose = true;
        else if (!strcmp(argv[i], "--keep-going"))
            keep_going = true;
        else if (!strcmp(argv[i], "--seed") && more)
            first = last = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--seeds") && more && strstr(argv[i + 1], "..")) {
            first = strtoull(argv[++i], NULL, 10);
            last = strtoull(strstr(argv[i], "..") + 2, NULL, 10);
        } else if (!strcmp(argv[i], "--without") && more)
            without = argv[++i];
        else
            return usage();
    }
    if (last < first) return usage();
    if (without && !take_away(without)) return 2;
    struct story *story = story_create();
    if (!story) return 2;
    double began = seconds();
    for (seed = first; seed <= last; seed++) {
        if (story_run(story, seed, verbose)) continue;
        tell(story, argv[0], without);
        failures++;
        if (!keep_going) break;
    }
    uint64_t done = (seed > last ? last : seed) - first + 1;
    double took = seconds() - began;
    for (int i = 0; i < STORY_EVENT_COUNT; i++)
        printf("%s%s %" PRIu64, i ? ", " : "", story_event_names[i], story->lived_through[i]);
    for (int i = 0; i < SIM_DISK_FAULT_COUNT; i++)
        printf("%s%s %" PRIu64, i ? ", " : "\ndisks: ", sim_disk_fault_names[i],
               sim_disk_struck((enum sim_disk_fault)i));
    printf("\n%" PRIu64 " seeds, %" PRIu64 " failed, %.1f s, %.0f seeds/s\n", done, failures, took,
           (double)done / took);
    story_destroy(story);
    return failures ? 1 : 0;
}
