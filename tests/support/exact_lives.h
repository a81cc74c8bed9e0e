/* SPDX-License-Identifier: Apache-2.0 */
/* exact_lives.h: processes of an exact_stream.h stage: started, watched through their logs, ended. */
#ifndef WEIR_TESTS_EXACT_LIVES_H
#define WEIR_TESTS_EXACT_LIVES_H

#include "support/exact_stream.h"

/* The log of life `number` of a stage. */
static inline const char *life_log(const char *stage, int number) {
    char name[64];
    snprintf(name, sizeof name, "%s.err%d", stage, number);
    return process_path(name);
}

/* set: one more setting ("workers=2") or NULL. */
static inline pid_t life_start_with(const struct exact_stage *stage, const char *program, int number,
                                    const char *set, bool until_end) {
    char out[600], err[600];
    const char *argv[8] = {program, "run", stage->pipeline};
    int count = 3;
    if (until_end) argv[count++] = "--until-end";
    if (set) argv[count++] = "--set", argv[count++] = set;
    argv[count] = NULL;
    snprintf(out, sizeof out, "%s", process_path("out"));
    snprintf(err, sizeof err, "%s", life_log(stage->name, number));
    return process_start(argv, out, err);
}

static inline pid_t life_start(const struct exact_stage *stage, const char *program, int number) {
    return life_start_with(stage, program, number, NULL, false);
}

static inline unsigned draw(unsigned *random, unsigned below) {
    *random = *random * 1103515245u + 12345u;
    return (*random >> 16) % below;
}

/* How often a text stands in the log of a life. */
static inline int life_said(const char *stage, int number, const char *text) {
    char *log = process_read(life_log(stage, number), NULL);
    int count = 0;
    for (const char *at = log; at && (at = strstr(at, text)); at++) count++;
    free(log);
    return count;
}

static inline void life_fail(const char *stage, int number, const char *what) {
    char *log = process_read(life_log(stage, number), NULL);
    fprintf(stderr, "%s\n", log ? log : ""); /* cmocka cuts what is long */
    fail_msg("%s, process %d: %s", stage, number, what);
}

/* False: the text did not come so often in that time. */
static inline bool life_says(const char *stage, int number, const char *text, int times, double seconds) {
    double deadline = process_now_s() + seconds;
    while (life_said(stage, number, text) < times) {
        if (process_now_s() > deadline) return false;
        pause_ms(10);
    }
    return true;
}

static inline void life_must_say(const char *stage, int number, const char *text, int times) {
    if (!life_says(stage, number, text, times, 60)) life_fail(stage, number, text);
}

/* Sends SIGTERM, once the engine has taken the signal over, and expects a clean end. */
static inline void life_stop(pid_t pid, const char *stage, int number) {
    life_must_say(stage, number, "asking", 1);
    kill(pid, SIGTERM);
    int code = process_wait(pid, 60);
    if (code) {
        print_message("exit code %d\n", code);
        life_fail(stage, number, "SIGTERM did not end it with 0");
    }
}

static inline void life_kill(pid_t pid) {
    kill(pid, SIGKILL);
    assert_int_equal(process_wait(pid, 10), 128 + SIGKILL);
}

#endif
