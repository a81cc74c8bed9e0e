/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the start after a crash knows which records were under way, takes them one by one, and sets the one
 * that crashes alone aside (R15); nothing else that ends a process is held against a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "file/marker.h"
#include "support/process.h"

static struct weir_marker *open_at(const char *path) {
    struct weir_marker *marker;
    struct weir_error error = {0};
    if (weir_marker_open(path, "in", "g", &marker, &error)) fail_msg("%s", error.text);
    return marker;
}

static void make(struct weir_record *records, int32_t partition, int64_t first, uint32_t count) {
    memset(records, 0, count * sizeof *records);
    for (uint32_t i = 0; i < count; i++) {
        records[i].partition = partition;
        records[i].offset = first + i;
    }
}

/* Sanitizers end a process on a fault in their own way. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WAYS 1
#else
#define WAYS 3
#endif

enum end { ABORT, FAULT, OVERFLOW, KILLED, ABORTED_BY_OTHERS, AFTER_WORK };

static volatile uintptr_t nowhere = 8;

static int dive(volatile int depth) {
    volatile char room[4096];
    room[0] = (char)depth;
    return depth < 0 ? room[0] : dive(depth + 1) + room[0];
}

static void crash(enum end end) {
    if (end == ABORT) abort();
    if (end == FAULT) *(volatile int *)nowhere = 1;
    if (end == OVERFLOW) _exit(dive(0));
    kill(getpid(), SIGKILL);
}

/* A life that takes ten records from offset 100 as the marker says and ends at `poison`. */
static int life(const char *path, int64_t poison, enum end end) {
    struct rlimit none = {0, 0};
    struct weir_marker *marker;
    struct weir_error error;
    struct weir_record records[10];
    setrlimit(RLIMIT_CORE, &none);
    if (weir_marker_open(path, "in", "g", &marker, &error)) return 1;
    make(records, 3, 100, 10);
    for (uint32_t at = 0, run; at < 10; at += run) {
        int32_t partition;
        int64_t offset;
        run = weir_marker_run(marker, records + at, 10 - at);
        bool here = poison >= records[at].offset && poison <= records[at + run - 1].offset;
        for (uint32_t i = 0; weir_marker_skip(marker, i, &partition, &offset); i++)
            here = here && offset != poison;
        weir_marker_begin(marker, records + at, run);
        if (here && end == ABORTED_BY_OTHERS) pause();
        if (here && end != AFTER_WORK) crash(end);
        weir_marker_end(marker);
        if (here) abort();
    }
    weir_marker_close(marker);
    return 0;
}

/* In a program of its own: cmocka's signal handlers are not weir's. True: it came through. */
static bool live(const char *path, int64_t poison, enum end end, int *status) {
    char at[24], how[24];
    snprintf(at, sizeof at, "%d", (int)poison);
    snprintf(how, sizeof how, "%d", (int)end);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "life", path, at, how, NULL);
        _exit(1);
    }
    if (end == ABORTED_BY_OTHERS) {
        nanosleep(&(struct timespec){0, 300000000}, NULL); /* when it is too early it proves nothing */
        kill(child, SIGABRT);
    }
    waitpid(child, status, 0);
    return WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

static int64_t skip_of(const char *path) {
    struct weir_marker *marker = open_at(path);
    int32_t partition;
    int64_t offset;
    bool found = weir_marker_skip(marker, 0, &partition, &offset);
    if (found) assert_int_equal(partition, 3);
    weir_marker_close(marker);
    return found ? offset : -1;
}

static void test_marker_when_a_record_crashes_twice_then_the_third_start_goes_on(void **state) {
    (void)state;
    struct weir_record records[10];
    const enum end ends[] = {ABORT, FAULT, OVERFLOW};
    const int signals[] = {SIGABRT, SIGSEGV, SIGSEGV};
    for (int i = 0; i < WAYS; i++) {
        char name[24];
        snprintf(name, sizeof name, "twice%d", i);
        const char *path = process_path(name);
        int status;
        for (int life = 0; life < 2; life++) {
            assert_int_equal(skip_of(path), -1);
            assert_false(live(path, 104, ends[i], &status));
            assert_true(WIFSIGNALED(status)); /* as without a handler */
            assert_int_equal(WTERMSIG(status), signals[i]);
        }
        assert_true(live(path, 104, ends[i], &status));
        assert_int_equal(skip_of(path), 104); /* as long as it is not committed */
        struct weir_marker *marker = open_at(path);
        weir_marker_settle(marker, 3, 104, 104);
        weir_marker_close(marker);
        assert_int_equal(skip_of(path), 104);
        marker = open_at(path);
        weir_marker_settle(marker, 3, 105, 104); /* committed, but a state before it is kept */
        make(records, 3, 100, 10);
        assert_int_equal(weir_marker_run(marker, records, 10), 4);
        assert_false(weir_marker_skips(marker, &records[3]));
        assert_int_equal(weir_marker_run(marker, records + 4, 6), 1);
        assert_true(weir_marker_skips(marker, &records[4]));
        assert_int_equal(weir_marker_run(marker, records + 5, 5), 5); /* no suspects any more */
        weir_marker_close(marker);
        assert_int_equal(skip_of(path), 104);
        marker = open_at(path);
        weir_marker_settle(marker, 3, 105, 105);
        weir_marker_close(marker);
        assert_int_equal(skip_of(path), -1);
    }
}

static void test_marker_when_the_process_is_ended_otherwise_then_no_record_is_suspect(void **state) {
    (void)state;
    const enum end ends[] = {KILLED, ABORTED_BY_OTHERS, AFTER_WORK};
    struct weir_record records[10];
    make(records, 3, 100, 10);
    for (int i = 0; i < 3; i++) {
        char name[24];
        int status;
        snprintf(name, sizeof name, "other%d", i);
        const char *path = process_path(name);
        assert_false(live(path, 104, ends[i], &status));
        struct weir_marker *marker = open_at(path);
        assert_int_equal(weir_marker_run(marker, records, 10), 10);
        weir_marker_close(marker);
    }
}

static void test_marker_when_a_range_is_suspect_then_its_records_are_taken_one_by_one_until_it_is_passed(
    void **state) {
    (void)state;
    const char *path = process_path("range");
    int status;
    struct weir_record records[20], others[20];
    make(records, 3, 95, 20);
    make(others, 4, 95, 20);
    assert_false(live(path, 104, ABORT, &status));
    struct weir_marker *marker = open_at(path);
    assert_int_equal(weir_marker_run(marker, others, 20), 20);
    assert_int_equal(weir_marker_run(marker, records, 20), 5); /* 95 to 99 */
    for (uint32_t i = 5; i < 15; i++) {
        assert_int_equal(weir_marker_run(marker, records + i, 20 - i), 1);
        weir_marker_begin(marker, records + i, 1);
        weir_marker_end(marker);
    }
    assert_int_equal(weir_marker_run(marker, records, 20), 20);
    weir_marker_close(marker);
}

static void test_marker_when_the_file_is_of_others_or_rubbish_then_it_begins_anew(void **state) {
    (void)state;
    const char *path = process_path("foreign");
    int status;
    char rubbish[5000];
    struct weir_marker *marker;
    struct weir_error error;
    for (int life = 0; life < 2; life++) assert_false(live(path, 104, ABORT, &status));
    assert_int_equal(skip_of(path), 104);
    assert_int_equal(weir_marker_open(path, "in", "other", &marker, &error), WEIR_OK);
    weir_marker_close(marker);
    assert_int_equal(skip_of(path), -1);
    memset(rubbish, 0xa5, sizeof rubbish);
    path = process_write("rubbish", rubbish, sizeof rubbish);
    assert_int_equal(skip_of(path), -1);
    assert_int_equal(weir_marker_open(process_path("no/such/folder"), "in", "g", &marker, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "no/such/folder"));
}

static void test_marker_when_there_is_none_then_all_records_are_taken_at_once(void **state) {
    (void)state;
    struct weir_record records[7];
    int32_t partition;
    int64_t offset;
    make(records, 0, 0, 7);
    assert_int_equal(weir_marker_run(NULL, records, 7), 7);
    assert_false(weir_marker_skip(NULL, 0, &partition, &offset));
    weir_marker_begin(NULL, records, 7);
    weir_marker_end(NULL);
    weir_marker_settle(NULL, 0, 0, 0);
    assert_false(weir_marker_skips(NULL, &records[0]));
    weir_marker_close(NULL);
}

int main(int argc, char **argv) {
    weir_log_set_level(WEIR_LOG_ERROR);
    if (argc == 4) return life(argv[1], atoi(argv[2]), (enum end)atoi(argv[3]));

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marker_when_a_record_crashes_twice_then_the_third_start_goes_on),
        cmocka_unit_test(test_marker_when_the_process_is_ended_otherwise_then_no_record_is_suspect),
        cmocka_unit_test(
            test_marker_when_a_range_is_suspect_then_its_records_are_taken_one_by_one_until_it_is_passed),
        cmocka_unit_test(test_marker_when_the_file_is_of_others_or_rubbish_then_it_begins_anew),
        cmocka_unit_test(test_marker_when_there_is_none_then_all_records_are_taken_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
