/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of every aggregate: merging is adding, reading is free, empty is defined, order is irrelevant. */
#include "support/laws.h"
#include "weir/aggregate.h"

#define VALUE_COUNT 64
#define PANES 6

static const struct weir_aggregate *aggregate_of(const struct weir_operator *op) {
    return (const struct weir_aggregate *)op;
}

#define for_each_aggregate(op) for_each_operator(op, WEIR_FAMILY_AGGREGATE)

static void *panes_create(const struct weir_partial *partial, size_t count) {
    void *panes = calloc(count, partial->bytes);
    if (!panes) abort();
    return panes;
}

static void *pane(const struct weir_partial *partial, void *panes, size_t i) {
    return (char *)panes + i * partial->bytes;
}

/* Equal, or equal up to rounding of `scale`. */
static bool same_value(struct weir_value a, struct weir_value b, double scale) {
    if (a.type != b.type || a.null != b.null) return false;
    if (a.null) return true;
    double x = weir_value_number(&a), y = weir_value_number(&b);
    return law_same_bits(x, y) || (isnan(x) && isnan(y)) || fabs(x - y) <= 1e-9 * scale;
}

static void test_aggregate_is_declared_in_full(void **unused) {
    (void)unused;
    for_each_aggregate(op) {
        const struct weir_aggregate *a = aggregate_of(op);
        law(op, a->partial && a->partial->name && a->partial->add && a->partial->merge && a->partial->step);
        law(op, a->value && a->read);
        law(op, a->partial->bytes > 0 && a->partial->bytes % 8 == 0);
        law(op, !weir_type_is_text((uint8_t)a->type));
        law(op, op->init == NULL); /* the keyspace owns the state */
    }
}

static void test_aggregate_of_an_empty_window_is_defined(void **unused) {
    (void)unused;
    for_each_aggregate(op) {
        const struct weir_aggregate *a = aggregate_of(op);
        void *empty = panes_create(a->partial, PANES), *zero = panes_create(a->partial, 1);
        struct weir_value value = a->value(empty);
        law(op, value.type == (uint8_t)a->type);
        law(op, value.null || isfinite(weir_value_number(&value)));
        /* merging empty panes is still empty */
        a->partial->merge(empty, pane(a->partial, empty, 1), a->partial->bytes, PANES - 1);
        law(op, memcmp(empty, zero, a->partial->bytes) == 0);
        a->partial->merge(empty, pane(a->partial, empty, 1), a->partial->bytes, 0);
        law(op, memcmp(empty, zero, a->partial->bytes) == 0);
        free(empty);
        free(zero);
    }
}

static void test_aggregate_value_twice_is_equal_and_changes_nothing(void **unused) {
    (void)unused;
    for_each_aggregate(op) {
        const struct weir_aggregate *a = aggregate_of(op);
        void *partial = panes_create(a->partial, 1), *before = panes_create(a->partial, 1);
        struct java_random random = java_random_seed(71);
        for (int i = 0; i < 200; i++) {
            a->partial->add(partial, 100 * law_number(&random, false));
            memcpy(before, partial, a->partial->bytes);
            struct weir_value first = a->value(partial), second = a->value(partial);
            law(op, memcmp(before, partial, a->partial->bytes) == 0);
            law(op, same_value(first, second, 0));
            law(op, first.type == (uint8_t)a->type && !weir_type_is_text(first.type));
        }
        free(partial);
        free(before);
    }
}

/* step and read are what add, merge and value are, to the last bit; NaN adds nothing; out may be the tail. */
static void test_aggregate_steps_and_reads_as_it_adds_merges_and_tells(void **unused) {
    (void)unused;
    for_each_aggregate(op) {
        const struct weir_aggregate *a = aggregate_of(op);
        const size_t bytes = a->partial->bytes;
        void *panes = panes_create(a->partial, 2), *stepped = panes_create(a->partial, 2);
        void *windows = panes_create(a->partial, VALUE_COUNT), *out = panes_create(a->partial, 1);
        struct weir_value cells[VALUE_COUNT][2], *rows[VALUE_COUNT];
        struct java_random random = java_random_seed(73);
        for (int i = 0; i < VALUE_COUNT; i++) {
            double x = i % 5 == 3 ? (double)NAN : 1e3 * law_number(&random, false);
            if (!isnan(x)) a->partial->add(panes, x);
            void *window = pane(a->partial, windows, (size_t)i);
            memcpy(window, pane(a->partial, panes, 1), bytes);
            a->partial->merge(window, panes, 0, 1);
            memcpy(out, pane(a->partial, stepped, 1), bytes);
            a->partial->step(stepped, x, out, out);
            law(op, !memcmp(stepped, panes, bytes) && !memcmp(out, window, bytes));
            if (i == VALUE_COUNT / 2) { /* the first pane becomes the tail, a fresh one follows */
                memcpy(pane(a->partial, panes, 1), panes, bytes);
                memset(panes, 0, bytes);
                memcpy(stepped, panes, 2 * bytes);
            }
            cells[i][0] = cells[i][1] = weir_value_null(WEIR_BOOL);
            rows[i] = cells[i];
        }
        a->read(windows, bytes, VALUE_COUNT, rows, 1);
        for (size_t i = 0; i < VALUE_COUNT; i++) {
            struct weir_value value = a->value(pane(a->partial, windows, i));
            law(op, cells[i][0].null && cells[i][0].type == WEIR_BOOL);
            law(op, cells[i][1].type == value.type && cells[i][1].null == value.null);
            law(op, value.null || cells[i][1].as.i == value.as.i);
        }
        free(panes);
        free(stepped);
        free(windows);
        free(out);
    }
}

/* The same values, added to one partial, and spread at random over panes (some empty, with a gap between
 * them in memory) that are then merged; and in reverse order. Exact values (small integers) must agree
 * exactly where no division is involved, others up to rounding. */
static void test_aggregate_merged_over_panes_equals_all_added(void **unused) {
    (void)unused;
    for_each_aggregate(op) {
        const struct weir_aggregate *a = aggregate_of(op);
        const size_t bytes = a->partial->bytes, stride = bytes + 16;
        for (uint64_t seed = 1; seed <= 200; seed++) {
            struct java_random random = java_random_seed(seed);
            const int count = (int)(java_random_bits(&random, 8) % VALUE_COUNT);
            const double scale = seed % 2 ? 1 : 1e6, offset = seed % 3 ? 0 : 1e6;
            char *panes = calloc(PANES, stride);
            void *all = panes_create(a->partial, 1), *reverse = panes_create(a->partial, 1);
            void *merged = panes_create(a->partial, 1), *pairwise = panes_create(a->partial, 1);
            double values[VALUE_COUNT];
            if (!panes) abort();
            for (int i = 0; i < count; i++) {
                values[i] = offset + scale * law_number(&random, false);
                a->partial->add(all, values[i]);
                a->partial->add(panes + stride * (java_random_bits(&random, 8) % PANES), values[i]);
            }
            for (int i = count; i-- > 0;) a->partial->add(reverse, values[i]);
            a->partial->merge(merged, panes, stride, PANES);
            for (size_t i = 0; i < PANES; i++) a->partial->merge(pairwise, panes + stride * i, stride, 1);
            const double tolerance = (fabs(offset) + scale) * VALUE_COUNT;
            law(op, same_value(a->value(all), a->value(merged), tolerance));
            law(op, same_value(a->value(all), a->value(pairwise), tolerance));
            law(op, same_value(a->value(all), a->value(reverse), tolerance));
            free(panes);
            free(all);
            free(reverse);
            free(merged);
            free(pairwise);
        }
    }
}

static void test_aggregate_that_does_not_divide_merges_exactly(void **unused) {
    (void)unused;
    static const char *const exact[] = {"count", "min", "max"};
    for (size_t e = 0; e < sizeof exact / sizeof exact[0]; e++) {
        const struct weir_operator *op = weir_registry_find(WEIR_FAMILY_AGGREGATE, exact[e]);
        assert_non_null(op);
        const struct weir_aggregate *a = aggregate_of(op);
        struct java_random random = java_random_seed(72);
        for (int round = 0; round < 500; round++) {
            void *all = panes_create(a->partial, 1), *panes = panes_create(a->partial, PANES);
            int count = 1 + (int)(java_random_bits(&random, 8) % VALUE_COUNT);
            for (int i = 0; i < count; i++) {
                double value =
                    law_extremes[java_random_bits(&random, 8) % (LAW_EXTREME_COUNT - 1)]; /* not the NaN */
                a->partial->add(all, value);
                a->partial->add(pane(a->partial, panes, java_random_bits(&random, 8) % PANES), value);
            }
            a->partial->merge(panes, pane(a->partial, panes, 1), a->partial->bytes, PANES - 1);
            struct weir_value x = a->value(all), y = a->value(panes);
            law(op, x.null == y.null && law_same_bits(weir_value_number(&x), weir_value_number(&y)));
            free(all);
            free(panes);
        }
    }
}

/* An infinity or an enormous value is gone when its pane is gone. */
static void test_aggregate_recovers_when_an_extreme_pane_leaves(void **unused) {
    (void)unused;
    static const double extremes[] = {INFINITY, -INFINITY, 1e308, -1e308, 1e16};
    for_each_aggregate(op) {
        const struct weir_aggregate *a = aggregate_of(op);
        for (size_t e = 0; e < sizeof extremes / sizeof extremes[0]; e++) {
            void *panes = panes_create(a->partial, 3), *with = panes_create(a->partial, 1);
            void *without = panes_create(a->partial, 1), *plain = panes_create(a->partial, 1);
            a->partial->add(pane(a->partial, panes, 0), extremes[e]);
            a->partial->add(pane(a->partial, panes, 1), 3);
            a->partial->add(pane(a->partial, panes, 2), 5);
            a->partial->add(plain, 3);
            a->partial->add(plain, 5);
            a->partial->merge(with, panes, a->partial->bytes, 3);
            a->value(with); /* may be infinite or null; must not crash */
            a->partial->merge(without, pane(a->partial, panes, 1), a->partial->bytes, 2);
            law(op, same_value(a->value(without), a->value(plain), 1));
            free(panes);
            free(with);
            free(without);
            free(plain);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aggregate_is_declared_in_full),
        cmocka_unit_test(test_aggregate_of_an_empty_window_is_defined),
        cmocka_unit_test(test_aggregate_value_twice_is_equal_and_changes_nothing),
        cmocka_unit_test(test_aggregate_steps_and_reads_as_it_adds_merges_and_tells),
        cmocka_unit_test(test_aggregate_merged_over_panes_equals_all_added),
        cmocka_unit_test(test_aggregate_that_does_not_divide_merges_exactly),
        cmocka_unit_test(test_aggregate_recovers_when_an_extreme_pane_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
