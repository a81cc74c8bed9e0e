/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the simulator's disk keeps the promises of engine/file/segments.h, and its faults are what they say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "file/numbered.h"
#include "file/segments.h"
#include "sim/cluster.h"
#include "sim/disk.h"

#define DIR "disk"
#define FOLDER "sim.units"

static struct sim_cluster *cluster; /* disks draw from its generator */

static int make(void **state) {
    (void)state;
    cluster = sim_cluster_create(&(struct sim_cluster_options){.seed = 1});
    return 0;
}

static int drop(void **state) {
    (void)state;
    sim_disk_reset(0);
    sim_cluster_destroy(cluster);
    return 0;
}

static int seen(void) {
    int64_t numbers[4];
    return weir_numbered_list(DIR, FOLDER, WEIR_SEGMENT_ENDING, 2, INT64_MAX, numbers, 4);
}

static struct weir_segment_file *begin(const char *body) {
    struct weir_segment_file *file = NULL;
    assert_int_equal(weir_segment_file_create(DIR, FOLDER, 2, 5, &file, NULL), WEIR_OK);
    assert_int_equal(weir_segment_file_append(file, body, strlen(body), NULL), WEIR_OK);
    return file;
}

static int end(struct weir_segment_file *file, const char *tail) {
    weir_segment_file_begin_tail(file);
    assert_int_equal(weir_segment_file_append(file, tail, strlen(tail), NULL), WEIR_OK);
    return weir_segment_file_publish(file, NULL);
}

/* Does the file hold this? */
static bool holds(const char *body, const char *tail) {
    struct weir_segment_view view;
    if (weir_segment_view_open(DIR, FOLDER, 2, 5, &view, NULL)) return false;
    bool same = view.body_len == strlen(body) && view.tail_len == strlen(tail) &&
                !memcmp(view.body, body, view.body_len) && !memcmp(view.tail, tail, view.tail_len);
    weir_segment_view_close(&view);
    return same;
}

static void a_file_is_seen_whole_or_not_at_all(void **state) {
    (void)state;
    sim_disk_reset(0);
    struct weir_segment_file *file = begin("body");
    assert_int_equal(seen(), 0);
    weir_segment_file_abandon(file);
    sim_disk_die(true);
    weir_segment_file_abandon(begin("longer body"));
    sim_disk_die(false);
    assert_int_equal(seen(), 0);
    assert_int_equal(end(begin("body"), "tail"), WEIR_OK);
    assert_int_equal(seen(), 1);
    assert_true(holds("body", "tail"));
    assert_int_equal(end(begin("another"), "one"), WEIR_OK);
    assert_true(holds("another", "one"));
    assert_int_equal(weir_numbered_delete(DIR, FOLDER, WEIR_SEGMENT_ENDING, 2, 5, NULL), WEIR_OK);
    assert_int_equal(weir_numbered_delete(DIR, FOLDER, WEIR_SEGMENT_ENDING, 2, 5, NULL), WEIR_IO);
    assert_int_equal(seen(), 0);
}

/* As with two processes on one machine that both believe to have the task. */
static void two_writers_share_what_is_not_published(void **state) {
    (void)state;
    sim_disk_reset(0);
    struct weir_segment_file *a = begin("aaaa"), *b = begin("bb");
    assert_int_equal(end(a, "A"), WEIR_OK);
    assert_false(holds("aaaa", "A"));
    assert_int_equal(end(b, "B"), WEIR_IO);
    assert_int_equal(seen(), 1);
}

static void every_damage_is_one(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        sim_disk_reset(0);
        assert_int_equal(end(begin("body"), "tail"), WEIR_OK);
        assert_int_equal(sim_disk_look(DIR, 2, 5), SIM_FILE_WHOLE);
        sim_disk_damage(DIR);
        assert_false(holds("body", "tail"));
        assert_int_not_equal(sim_disk_look(DIR, 2, 5), SIM_FILE_WHOLE);
    }
    for (int fault = SIM_DISK_LOST; fault <= SIM_DISK_UNREADABLE; fault++)
        assert_true(sim_disk_struck((enum sim_disk_fault)fault) > 10);
}

static void a_write_that_fails_leaves_nothing_but_an_unsure_one(void **state) {
    (void)state;
    uint64_t published = 0, unsure = sim_disk_struck(SIM_DISK_UNSURE);
    for (int i = 0; i < 2000; i++) {
        struct weir_segment_file *file = NULL;
        if (i % 20 == 0) sim_disk_reset(100);
        weir_numbered_delete(DIR, FOLDER, WEIR_SEGMENT_ENDING, 2, 5, NULL);
        uint64_t before = sim_disk_struck(SIM_DISK_UNSURE);
        int result = weir_segment_file_create(DIR, FOLDER, 2, 5, &file, NULL);
        if (!result) {
            result = weir_segment_file_append(file, "body", 4, NULL);
            if (result)
                weir_segment_file_abandon(file);
            else
                result = weir_segment_file_publish(file, NULL);
        }
        bool there = !result || sim_disk_struck(SIM_DISK_UNSURE) > before;
        assert_int_equal(seen(), there);
        assert_true(!there || holds("", "body")); /* no tail was begun: all is one */
        published += !result;
    }
    assert_true(published > 200 && sim_disk_struck(SIM_DISK_UNSURE) > unsure);
    assert_true(sim_disk_struck(SIM_DISK_FULL) && sim_disk_struck(SIM_DISK_UNSYNCED) &&
                sim_disk_struck(SIM_DISK_UNNAMED));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_seen_whole_or_not_at_all),
        cmocka_unit_test(two_writers_share_what_is_not_published),
        cmocka_unit_test(every_damage_is_one),
        cmocka_unit_test(a_write_that_fails_leaves_nothing_but_an_unsure_one),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
