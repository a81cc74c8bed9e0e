/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: quantiles of the histogram are those of the sorted values, at most an eighth too high, never above
 * the largest; sums of histograms are histograms of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/latency.h"

static void expect_near(uint64_t found, uint64_t exact) {
    assert_true(found >= exact);
    assert_true(found <= exact + exact / 8);
}

static void test_quantile_when_values_spread_over_octaves_then_at_most_an_eighth_too_high(void **state) {
    (void)state;
    struct weir_latency latency = {0};
    for (uint64_t us = 1; us <= 1000000; us++) weir_latency_add(&latency, us);
    for (int percent = 1; percent <= 100; percent++)
        expect_near(weir_latency_quantile_us(&latency, percent / 100.0), (uint64_t)percent * 10000);
    assert_int_equal(weir_latency_quantile_us(&latency, 1), 1000000);
}

static void test_quantile_when_few_small_or_huge_values_then_exact_or_the_largest(void **state) {
    (void)state;
    struct weir_latency latency = {0};
    assert_int_equal(weir_latency_quantile_us(&latency, 0.5), 0);
    weir_latency_add(&latency, 0);
    weir_latency_add(&latency, 7);
    weir_latency_add(&latency, UINT64_MAX);
    assert_int_equal(weir_latency_quantile_us(&latency, 0.3), 0);
    assert_int_equal(weir_latency_quantile_us(&latency, 0.5), 7);
    assert_true(weir_latency_quantile_us(&latency, 1) > UINT64_C(3600) * 1000000); /* an hour and above */
}

static void test_merge_when_two_histograms_then_as_if_all_were_added_to_one(void **state) {
    (void)state;
    struct weir_latency all = {0}, low = {0}, high = {0};
    for (uint64_t us = 1; us < 3000; us += 7) {
        weir_latency_add(us < 1000 ? &low : &high, us);
        weir_latency_add(&all, us);
    }
    weir_latency_merge(&low, &high);
    assert_memory_equal(&low, &all, sizeof all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantile_when_values_spread_over_octaves_then_at_most_an_eighth_too_high),
        cmocka_unit_test(test_quantile_when_few_small_or_huge_values_then_exact_or_the_largest),
        cmocka_unit_test(test_merge_when_two_histograms_then_as_if_all_were_added_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
