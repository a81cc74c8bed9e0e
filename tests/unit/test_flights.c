/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an offset is never released before every output of its run, and of all runs before it, is delivered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/flights.h"

static void test_flights_when_a_later_one_is_delivered_first_then_it_waits(void **state) {
    (void)state;
    struct weir_flights flights = {0};
    struct weir_flight landed;
    uint64_t first, second;
    assert_true(weir_flights_add(&flights, (struct weir_flight){0, 2, 10}, &first));
    assert_true(weir_flights_add(&flights, (struct weir_flight){1, 1, 20}, &second));
    weir_flights_delivered(&flights, second, 1);
    assert_false(weir_flights_land(&flights, &landed));
    weir_flights_delivered(&flights, first, 1);
    assert_false(weir_flights_land(&flights, &landed));
    weir_flights_delivered(&flights, first, 1);
    assert_true(weir_flights_land(&flights, &landed));
    assert_int_equal(landed.next_offset, 10);
    assert_true(weir_flights_land(&flights, &landed));
    assert_int_equal(landed.next_offset, 20);
    assert_int_equal(landed.partition, 1);
    assert_false(weir_flights_land(&flights, &landed));
    weir_flights_deinit(&flights);
}

static void test_flights_when_a_run_has_no_outputs_then_it_lands_in_its_turn(void **state) {
    (void)state;
    struct weir_flights flights = {0};
    struct weir_flight landed;
    uint64_t first, second;
    weir_flights_add(&flights, (struct weir_flight){0, 1, 5}, &first);
    weir_flights_add(&flights, (struct weir_flight){0, 0, 9}, &second);
    assert_false(weir_flights_land(&flights, &landed));
    weir_flights_delivered(&flights, first, 1);
    assert_true(weir_flights_land(&flights, &landed));
    assert_true(weir_flights_land(&flights, &landed));
    assert_int_equal(landed.next_offset, 9);
    weir_flights_deinit(&flights);
}

static void test_flights_when_many_are_under_way_then_order_and_counts_survive_growth(void **state) {
    (void)state;
    struct weir_flights flights = {0};
    struct weir_flight landed;
    uint64_t number, expected = 0;
    uint32_t random = 1;
    for (int64_t i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        uint32_t outputs = random >> 30;
        assert_true(weir_flights_add(&flights, (struct weir_flight){0, outputs, i}, &number));
        if (outputs) weir_flights_delivered(&flights, number, outputs);
        if ((random >> 8 & 1023) == 0)
            while (weir_flights_land(&flights, &landed)) assert_int_equal(landed.next_offset, expected++);
    }
    while (weir_flights_land(&flights, &landed)) assert_int_equal(landed.next_offset, expected++);
    assert_int_equal(expected, 100000);
    weir_flights_deinit(&flights);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flights_when_a_later_one_is_delivered_first_then_it_waits),
        cmocka_unit_test(test_flights_when_a_run_has_no_outputs_then_it_lands_in_its_turn),
        cmocka_unit_test(test_flights_when_many_are_under_way_then_order_and_counts_survive_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
