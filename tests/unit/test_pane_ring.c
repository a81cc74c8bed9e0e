/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/pane_ring.h"
#include "weir/registry.h"

#define LIVE 4
#define PANES 7

/* A ring of 7 panes, 4 of them live, that keeps {n, sum} of its values, between two guard bytes. */
struct fixture {
    struct weir_pane_part part;
    struct weir_pane_ring ring;
    struct {
        uint64_t guard_before;
        unsigned char slot[16 + 16 + PANES * 16];
        uint64_t guard_after;
    } memory;
};

static void start(struct fixture *f, int64_t pane) {
    const struct weir_aggregate *sum =
        (const struct weir_aggregate *)weir_registry_find(WEIR_FAMILY_AGGREGATE, "sum");
    memset(f, 0, sizeof *f);
    f->part = (struct weir_pane_part){.partial = sum->partial};
    assert_int_equal(sum->partial->bytes, 16);
    f->ring = (struct weir_pane_ring){.tail_offset = 16,
                                      .panes_offset = 32,
                                      .pane_bytes = 16,
                                      .ring_count = PANES,
                                      .live_count = LIVE,
                                      .parts = &f->part,
                                      .part_count = 1};
    f->memory.guard_before = f->memory.guard_after = 0x5555555555555555;
    weir_pane_ring_start(&f->ring, f->memory.slot, pane);
}

/* Adds x at the pane when the ring reaches it, and returns the sum of the window that ends there. */
static double put(struct fixture *f, int64_t pane, double x) {
    double out[2];
    weir_pane_ring_step(&f->ring, f->memory.slot, pane, &x, (unsigned char *)out);
    assert_int_equal(f->memory.guard_before, 0x5555555555555555);
    assert_int_equal(f->memory.guard_after, 0x5555555555555555);
    return out[1];
}

static void test_pane_ring_when_time_moves_then_panes_leave_the_window(void **state) {
    (void)state;
    struct fixture f;
    start(&f, 10);
    assert_true(put(&f, 10, 1) == 1);
    assert_true(put(&f, 11, 2) == 3);
    assert_true(put(&f, 13, 4) == 7);
    assert_true(put(&f, 14, 8) == 14); /* 11..14 */
    assert_true(put(&f, 14, 16) == 30);
    assert_true(put(&f, 17, 32) == 56);  /* 14..17 */
    assert_true(put(&f, 100, 64) == 64); /* everything skipped */
    assert_true(put(&f, 101, 1) == 65);
}

static void test_pane_ring_when_late_then_it_reads_as_of_its_own_pane(void **state) {
    (void)state;
    struct fixture f;
    start(&f, 10);
    for (int64_t pane = 10; pane <= 16; pane++) put(&f, pane, (double)(1 << (pane - 10)));
    assert_true(put(&f, 13, 100) == 1 + 2 + 4 + 8 + 100); /* 10..13 */
    assert_true(put(&f, 10, 1000) == 1001);
    assert_true(put(&f, 16, 0) == 8 + 100 + 16 + 32 + 64); /* the kept tail knows the late one */
    assert_true(put(&f, 17, 0) == 16 + 32 + 64);
}

static void test_pane_ring_when_older_than_it_reaches_then_nothing_is_added(void **state) {
    (void)state;
    struct fixture f;
    start(&f, 10);
    put(&f, 16, 5);
    unsigned char before[sizeof f.memory.slot];
    memcpy(before, f.memory.slot, sizeof before);
    assert_true(put(&f, 9, 100) == 0);
    assert_true(put(&f, INT64_MIN, 100) == 0);
    assert_memory_equal(before, f.memory.slot, sizeof before);
}

static void test_pane_ring_when_time_is_extreme_then_it_stays_in_bounds(void **state) {
    (void)state;
    static const int64_t panes[] = {INT64_MIN,     -1,       0, 3, INT64_MAX - 2, INT64_MAX, -5,
                                    INT64_MIN + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof panes / sizeof panes[0]; i++) {
        struct fixture f;
        start(&f, panes[i]);
        for (size_t j = 0; j < sizeof panes / sizeof panes[0]; j++) put(&f, panes[j], 1);
    }
    struct fixture f;
    start(&f, -9);
    assert_true(put(&f, -9, 1) == 1);
    assert_true(put(&f, -8, 2) == 3);
    assert_true(put(&f, -6, 4) == 7);
    assert_true(put(&f, 1, 8) == 8);
    assert_true(put(&f, -2, 1) == 1);
}

/* Two rings see the same events, late ones into closed panes among them; one is made to forget its tail
 * before each. Windows and panes must agree to the last bit: keeping the tail cannot show. */
static void test_pane_ring_when_tail_is_forgotten_then_no_bit_differs(void **state) {
    (void)state;
    const struct weir_aggregate *stddev =
        (const struct weir_aggregate *)weir_registry_find(WEIR_FAMILY_AGGREGATE, "stddev");
    assert_int_equal(stddev->partial->bytes, 24);
    const struct weir_pane_part part = {.partial = stddev->partial};
    const struct weir_pane_ring ring = {.tail_offset = 16,
                                        .panes_offset = 40,
                                        .pane_bytes = 24,
                                        .ring_count = PANES,
                                        .live_count = LIVE,
                                        .parts = &part,
                                        .part_count = 1};
    _Alignas(8) unsigned char kept[40 + PANES * 24] = {0}, forgetful[40 + PANES * 24] = {0};
    struct weir_pane_head *head = (struct weir_pane_head *)forgetful;
    uint64_t random = 1;
    int64_t newest = 0;
    uint32_t kept_count = 0;
    weir_pane_ring_start(&ring, kept, newest);
    weir_pane_ring_start(&ring, forgetful, newest);
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005 + 1442695040888963407;
        uint32_t choice = (uint32_t)(random >> 40) % 16;
        if (choice == 0) newest += 1 + (int64_t)((random >> 33) % 9);
        int64_t pane = choice < 12 ? newest : newest - (int64_t)(choice - 11);
        double x = (double)(random >> 11) / 1e9, a[3], b[3];
        kept_count += ((const struct weir_pane_head *)kept)->tail_kept;
        weir_pane_ring_step(&ring, kept, pane, &x, (unsigned char *)a);
        head->tail_kept = 0;
        weir_pane_ring_step(&ring, forgetful, pane, &x, (unsigned char *)b);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_equal(kept + 40, forgetful + 40, PANES * 24);
    }
    assert_true(kept_count > 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pane_ring_when_time_moves_then_panes_leave_the_window),
        cmocka_unit_test(test_pane_ring_when_late_then_it_reads_as_of_its_own_pane),
        cmocka_unit_test(test_pane_ring_when_older_than_it_reaches_then_nothing_is_added),
        cmocka_unit_test(test_pane_ring_when_tail_is_forgotten_then_no_bit_differs),
        cmocka_unit_test(test_pane_ring_when_time_is_extreme_then_it_stays_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
