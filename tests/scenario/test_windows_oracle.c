/* SPDX-License-Identifier: Apache-2.0 */
/* Windows against a brute-force oracle that keeps every event and recomputes from scratch.
 *
 * 100,000 events before and after 1970, several keys, out of order within the lateness, with null, NaN and
 * infinite values, null keys, values of 1e16 that come and go; groups by one column, by two and global;
 * windows whose length the panes divide and do not. The oracle knows one rule only: an event belongs to the
 * window read at t when its pane is one of the k that end with t's. count, min and max must agree to the last
 * bit, the rest to 1e-9. At random points the state is saved and the run goes on with a fresh one that loaded
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/features.h"

#define LATENESS_MS 3000
#define BATCH 257

enum { CARD, SHOP, AMOUNT, SOURCE_COUNT };
enum { N, N_AMOUNT, SUM, MEAN, MIN, MAX, STDDEV, KINDS };
static const char *const kinds[KINDS] = {"count(%s)",         "count(amount, %s)", "sum(amount, %s)",
                                         "mean(amount, %s)",  "min(amount, %s)",   "max(amount, %s)",
                                         "stddev(amount, %s)"};

struct window {
    const char *length;
    int64_t pane_ms, live; /* as documented: ceil(length / panes), ceil(length / pane) */
};
#define GROUPS 3
#define WINDOWS 2
static const struct {
    uint32_t by[2], by_count;
    int64_t panes;
    struct window windows[WINDOWS];
} layout[GROUPS] = {
    {{CARD}, 1, 8, {{"10s", 1250, 8}, {"700ms", 88, 8}}},
    {{CARD, SHOP}, 2, 5, {{"20s", 4000, 5}, {"3ms", 1, 3}}},
    {{0}, 0, 1, {{"1s", 1000, 1}, {"500ms", 500, 1}}},
};
#define FEATURES (GROUPS * WINDOWS * KINDS)
#define CELLS (SOURCE_COUNT + FEATURES)

static uint64_t random_state;
static uint64_t next_random(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
static uint32_t below(uint32_t n) { return (uint32_t)(next_random() >> 32) % n; }

/* --- the program under test -------------------------------------------------------------------------------
 */

struct plan {
    struct weir_features_plan *plan;
    char names[FEATURES][16], expressions[FEATURES][40];
};

static const struct weir_field source_fields[SOURCE_COUNT] = {
    {"card", WEIR_CATEGORY, true}, {"shop", WEIR_INT64, true}, {"amount", WEIR_FLOAT64, true}};

static void make_plan(struct plan *plan) {
    struct weir_feature_config configs[FEATURES] = {0};
    struct weir_name by[GROUPS][2] = {0};
    struct weir_feature_group groups[GROUPS] = {0};
    uint32_t at = 0;
    for (uint32_t g = 0; g < GROUPS; g++) {
        for (uint32_t i = 0; i < layout[g].by_count; i++) by[g][i].text = source_fields[layout[g].by[i]].name;
        groups[g] = (struct weir_feature_group){.by = by[g],
                                                .by_count = layout[g].by_count,
                                                .panes = layout[g].panes,
                                                .columns = &configs[at],
                                                .column_count = WINDOWS * KINDS};
        for (uint32_t w = 0; w < WINDOWS; w++)
            for (uint32_t k = 0; k < KINDS; k++, at++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                snprintf(plan->expressions[at], sizeof plan->expressions[at], kinds[k],
                         layout[g].windows[w].length);
#pragma GCC diagnostic pop
                snprintf(plan->names[at], sizeof plan->names[at], "f%u", (unsigned)at);
                configs[at].name.text = plan->names[at];
                configs[at].expression.text = plan->expressions[at];
            }
    }
    struct weir_pipeline pipeline = {.features = groups, .feature_group_count = GROUPS};
    struct weir_schema schema = {source_fields, SOURCE_COUNT};
    struct weir_diags diags;
    weir_diags_init(&diags, "test", NULL, 0);
    plan->plan = weir_features_plan_create(&pipeline, &schema, LATENESS_MS, &diags);
    for (uint32_t i = 0; i < diags.count; i++) print_message("%s\n", diags.items[i].text);
    assert_non_null(plan->plan);
    weir_diags_deinit(&diags);
}

/* --- the oracle -------------------------------------------------------------------------------------------
 */

struct past {
    int64_t time_ms, newest_ms; /* the latest time up to here */
    uint32_t card, shop;        /* 0 = null */
    double amount;              /* NaN = null or NaN */
};

static int64_t pane_of(int64_t time_ms, int64_t pane_ms) {
    int64_t pane = time_ms / pane_ms;
    return time_ms < pane * pane_ms ? pane - 1 : pane;
}

static bool same_key(uint32_t g, const struct past *a, const struct past *b) {
    return (g == 2 || a->card == b->card) && (g != 1 || a->shop == b->shop);
}

struct expected {
    uint64_t n, n_amount;
    long double sum, m2;
    double min, max;
    bool finite;
};

/* Two passes over all events of the key and window, the newest first, until none can follow. */
static struct expected recompute(const struct past *events, uint32_t last, uint32_t g,
                                 const struct window *window) {
    struct expected e = {.min = (double)INFINITY, .max = -(double)INFINITY, .finite = true};
    const struct past *now = &events[last];
    int64_t end = pane_of(now->time_ms, window->pane_ms), first = end - window->live + 1;
    for (int pass = 0; pass < 2; pass++) {
        long double mean = e.n_amount ? e.sum / (long double)e.n_amount : 0;
        for (uint32_t i = last + 1; i-- > 0;) {
            const struct past *past = &events[i];
            if (past->newest_ms < first * window->pane_ms) break;
            int64_t pane = pane_of(past->time_ms, window->pane_ms);
            if (pane < first || pane > end || !same_key(g, past, now)) continue;
            double x = past->amount;
            if (pass) {
                if (!isnan(x)) e.m2 += (x - mean) * (x - mean);
                continue;
            }
            e.n++;
            if (isnan(x)) continue;
            e.n_amount++;
            e.sum += x;
            if (x < e.min) e.min = x;
            if (x > e.max) e.max = x;
            if (isinf(x)) e.finite = false;
        }
    }
    return e;
}

static void assert_near(const struct weir_value *value, bool null, long double expected, const char *what) {
    double x = (double)expected;
    if (value->null != null) fail_msg("%s: null is %d, expected %.17g (%d)", what, value->null, x, null);
    if (null || value->as.f == x) return;
    if (!(fabs(value->as.f - x) <= 1e-9 * fabs(x))) fail_msg("%s is %.17g, not %.17g", what, value->as.f, x);
}

static void compare(const struct weir_value *cells, const struct expected *e, bool null_key) {
    if (null_key) {
        for (uint32_t k = 0; k < KINDS; k++) assert_true(cells[k].null);
        return;
    }
    assert_false(cells[N].null);
    assert_int_equal(cells[N].as.i, e->n);
    assert_int_equal(cells[N_AMOUNT].as.i, e->n_amount);
    assert_int_equal(cells[MIN].null, e->n_amount == 0);
    assert_int_equal(cells[MAX].null, e->n_amount == 0);
    if (e->n_amount) {
        assert_memory_equal(&cells[MIN].as.f, &e->min, sizeof e->min);
        assert_memory_equal(&cells[MAX].as.f, &e->max, sizeof e->max);
    }
    bool undefined = isnan((double)e->sum); /* both infinities */
    assert_near(&cells[SUM], undefined, e->sum, "sum");
    assert_near(&cells[MEAN], !e->n_amount || undefined, e->n_amount ? e->sum / (long double)e->n_amount : 0,
                "mean");
    assert_near(&cells[STDDEV], e->n_amount < 2 || !e->finite,
                e->n_amount < 2 ? 0 : sqrtl(e->m2 / (long double)(e->n_amount - 1)), "stddev");
}

/* --- the stream -------------------------------------------------------------------------------------------
 */

static double amount(bool *null) {
    *null = false;
    switch (below(400)) {
        case 0:
            return (double)NAN;
        case 1:
            return (double)INFINITY;
        case 2:
            return below(2) ? -(double)INFINITY : 1e16;
        case 3:
        case 4:
        case 5:
            *null = true;
            return (double)NAN;
        default:
            return 1000.0 + (double)below(100000) / 1000.0;
    }
}

struct stream {
    struct past *events;
    uint32_t count;
    int64_t newest_ms;
    struct weir_event rows[BATCH], *pointers[BATCH];
    struct weir_value cells[BATCH][CELLS];
};

static void fill(struct stream *stream, uint32_t count) {
    static const char *const cards[] = {"", "a", "b", "cc", "ccc", "a-long-card-number-0123456789"};
    for (uint32_t i = 0; i < count; i++) {
        if (below(2000) == 0) stream->newest_ms += 60000; /* a gap: all rings are passed over */
        if (below(3) == 0) stream->newest_ms += below(40);
        int64_t time = stream->newest_ms - (below(4) ? 0 : below(LATENESS_MS + 1));
        bool null;
        double x = amount(&null);
        struct past *past = &stream->events[stream->count++];
        *past = (struct past){time, stream->newest_ms, below(50) ? 1 + below(5) : 0,
                              below(60) ? 1 + below(3) : 0, x};
        struct weir_value *cells = stream->cells[i];
        cells[CARD] = weir_value_text(cards[past->card], (uint32_t)strlen(cards[past->card]));
        cells[CARD].type = WEIR_CATEGORY;
        cells[CARD].null = past->card == 0;
        cells[SHOP] = weir_value_int(past->shop);
        cells[SHOP].null = past->shop == 0;
        cells[AMOUNT] = weir_value_float(x);
        cells[AMOUNT].null = null;
        stream->rows[i] = (struct weir_event){.time_ms = time, .cells = cells};
        stream->pointers[i] = &stream->rows[i];
    }
}

static void compare_batch(const struct stream *stream, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = stream->count - count + i;
        const struct past *past = &stream->events[row];
        for (uint32_t g = 0; g < GROUPS; g++)
            for (uint32_t w = 0; w < WINDOWS; w++) {
                bool null_key = (g < 2 && !past->card) || (g == 1 && !past->shop);
                struct expected e = {0};
                if (!null_key) e = recompute(stream->events, row, g, &layout[g].windows[w]);
                compare(&stream->cells[i][SOURCE_COUNT + (g * WINDOWS + w) * KINDS], &e, null_key);
            }
    }
}

/* Saves, loads into fresh features under another seed, checks that saving again gives the same bytes. */
static struct weir_features *reload(struct weir_features *features, const struct weir_features_plan *plan) {
    struct weir_state_writer *writer = weir_state_writer_create(), *again = weir_state_writer_create();
    size_t len, len_again;
    weir_features_save(features, writer);
    assert_int_equal(weir_state_writer_result(writer), WEIR_OK);
    const void *bytes = weir_state_writer_bytes(writer, &len);
    struct weir_features *fresh = weir_features_create(plan, next_random(), (size_t)1 << 30);
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    assert_int_equal(weir_features_load(fresh, NULL, reader), WEIR_OK);
    assert_true(weir_state_reader_at_end(reader));
    weir_features_save(fresh, again);
    const void *bytes_again = weir_state_writer_bytes(again, &len_again);
    assert_int_equal(len, len_again);
    assert_memory_equal(bytes, bytes_again, len);
    weir_state_reader_destroy(reader);
    weir_state_writer_destroy(writer);
    weir_state_writer_destroy(again);
    weir_features_destroy(features);
    return fresh;
}

static void test_windows_when_random_stream_then_equal_to_brute_force(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    struct plan *plan = calloc(1, sizeof *plan);
    struct stream *stream = calloc(1, sizeof *stream);
    stream->events = calloc(COUNT, sizeof *stream->events);
    stream->newest_ms = -300000;
    random_state = 20240501;
    make_plan(plan);
    struct weir_features *features = weir_features_create(plan->plan, 1, (size_t)1 << 30);
    struct weir_arena arena;
    weir_arena_init(&arena);
    while (stream->count < COUNT) {
        uint32_t left = COUNT - stream->count, count = 1 + below(BATCH);
        if (count > left) count = left;
        fill(stream, count);
        assert_int_equal(weir_features_compute(features, stream->pointers, count, &arena), WEIR_OK);
        compare_batch(stream, count);
        if (below(20) == 0) features = reload(features, plan->plan);
    }
    assert_true(stream->newest_ms > 0);
    struct weir_features_stats stats;
    weir_features_stats(features, &stats);
    assert_int_equal(stats.key_count, 5 + 15 + 1);
    weir_arena_deinit(&arena);
    weir_features_destroy(features);
    weir_features_plan_destroy(plan->plan);
    free(stream->events);
    free(stream);
    free(plan);
}

/* Two runs, one of them reloaded in the middle of a batch sequence: not a bit may differ afterwards. */
static void test_windows_when_reloaded_then_the_run_goes_on_bit_for_bit(void **state) {
    (void)state;
    struct plan *plan = calloc(1, sizeof *plan);
    struct stream *stream = calloc(1, sizeof *stream);
    stream->events = calloc(100000, sizeof *stream->events);
    struct weir_value(*before)[CELLS] = calloc(BATCH, sizeof *before);
    random_state = 7;
    make_plan(plan);
    size_t tight = 40000; /* a few keys of each group only: forgetting must go on alike as well */
    struct weir_features *a = weir_features_create(plan->plan, 1, tight);
    struct weir_features *b = weir_features_create(plan->plan, 1, tight);
    struct weir_arena arena;
    weir_arena_init(&arena);
    for (uint32_t batch = 0; batch < 100; batch++) {
        fill(stream, BATCH);
        assert_int_equal(weir_features_compute(a, stream->pointers, BATCH, &arena), WEIR_OK);
        memcpy(before, stream->cells, sizeof stream->cells);
        assert_int_equal(weir_features_compute(b, stream->pointers, BATCH, &arena), WEIR_OK);
        for (uint32_t i = 0; i < BATCH; i++)
            for (uint32_t j = SOURCE_COUNT; j < CELLS; j++) {
                assert_int_equal(before[i][j].null, stream->cells[i][j].null);
                if (!before[i][j].null) assert_int_equal(before[i][j].as.i, stream->cells[i][j].as.i);
            }
        if (batch % 9) continue;
        struct weir_state_writer *writer = weir_state_writer_create();
        size_t len;
        weir_features_save(b, writer);
        const void *bytes = weir_state_writer_bytes(writer, &len);
        struct weir_features *fresh = weir_features_create(plan->plan, batch, tight);
        struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
        assert_int_equal(weir_features_load(fresh, NULL, reader), WEIR_OK);
        weir_state_reader_destroy(reader);
        weir_state_writer_destroy(writer);
        weir_features_destroy(b);
        b = fresh;
    }
    struct weir_features_stats x, y;
    weir_features_stats(a, &x);
    weir_features_stats(b, &y);
    assert_true(x.forgotten_key_count > 1000);
    assert_int_equal(x.forgotten_key_count, y.forgotten_key_count);
    assert_int_equal(x.key_count, y.key_count);
    weir_arena_deinit(&arena);
    weir_features_destroy(a);
    weir_features_destroy(b);
    weir_features_plan_destroy(plan->plan);
    free(before);
    free(stream->events);
    free(stream);
    free(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_when_random_stream_then_equal_to_brute_force),
        cmocka_unit_test(test_windows_when_reloaded_then_the_run_goes_on_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
