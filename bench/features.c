/* SPDX-License-Identifier: Apache-2.0 */
/* features.c: cost of keyed windows: ns of CPU per event and bytes per key.
 *
 * Two sets of features over 10 k, 100 k and 1 M keys (uniform, 1 ms of event time per event and thousand
 * keys, out of order by up to 5 s): `p1` of the comparison workload (count 10m and 1h, mean, stddev, max of
 * amount and their ratio over 1h), `t5` = count, sum, min, max over one window of 8 panes. Prints one JSON
 * line each; CPU time of this thread, median of the rounds. `bench_features [rounds]`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/diag.h"
#include "core/features.h"

#define BATCH 1024
#define KEY_BYTES 8 /* c0000042 */

struct column {
    const char *name, *expression;
};
static const struct column p1[] = {{"n10", "count(10m)"},          {"n60", "count(1h)"},
                                   {"mean60", "mean(amount, 1h)"}, {"std60", "stddev(amount, 1h)"},
                                   {"max60", "max(amount, 1h)"},   {"ratio", "amount / mean60"}};
static const struct column t5[] = {
    {"n", "count(1h)"}, {"sum", "sum(amount, 1h)"}, {"min", "min(amount, 1h)"}, {"max", "max(amount, 1h)"}};
#define COLUMN_MAX 8
#define CELLS (2 + COLUMN_MAX)

static uint64_t next_random(uint64_t *state) { /* splitmix64, Steele et al. 2014 */
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct weir_features_plan *plan_of(const struct column *columns, uint32_t count) {
    static const struct weir_field source[] = {{"card", WEIR_STRING, false}, {"amount", WEIR_FLOAT64, false}};
    static const struct weir_schema schema = {source, 2};
    struct weir_feature_config configs[COLUMN_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        configs[i].name.text = columns[i].name;
        configs[i].expression.text = columns[i].expression;
    }
    struct weir_name by = {.text = "card"};
    struct weir_feature_group group = {
        .by = &by, .by_count = 1, .panes = 8, .columns = configs, .column_count = count};
    struct weir_pipeline pipeline = {.features = &group, .feature_group_count = 1};
    struct weir_diags diags;
    weir_diags_init(&diags, "bench", NULL, 0);
    struct weir_features_plan *plan = weir_features_plan_create(&pipeline, &schema, 5000, &diags);
    for (uint32_t i = 0; i < diags.count; i++) fprintf(stderr, "%s\n", diags.items[i].text);
    weir_diags_deinit(&diags);
    if (!plan) exit(1);
    return plan;
}

struct batch {
    struct weir_event events[BATCH], *pointers[BATCH];
    struct weir_value cells[BATCH][CELLS];
    char keys[BATCH][16];
};

/* As in the workload: 1 ms per event for 100 k keys, so that a key has about 36 events in an hour. */
static void fill(struct batch *batch, uint64_t *random, uint64_t *row, uint32_t key_count) {
    for (uint32_t i = 0; i < BATCH; i++, ++*row) {
        uint64_t r = next_random(random);
        snprintf(batch->keys[i], sizeof batch->keys[i], "c%07u", (unsigned)(r % key_count));
        batch->cells[i][0] = weir_value_text(batch->keys[i], KEY_BYTES);
        batch->cells[i][1] = weir_value_float((double)(r >> 40) / 1000.0);
        int64_t at = (int64_t)((double)*row * 1e5 / key_count);
        batch->events[i].time_ms = 1714557600000 + at - (int64_t)(next_random(random) % 5000);
        batch->events[i].cells = batch->cells[i];
        batch->pointers[i] = &batch->events[i];
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void run(const char *name, const struct column *columns, uint32_t count, uint32_t key_count,
                uint32_t rounds) {
    struct weir_features_plan *plan = plan_of(columns, count);
    struct weir_features *features = weir_features_create(plan, 1, (size_t)8 << 30);
    struct batch *batch = calloc(1, sizeof *batch);
    double *costs = calloc(rounds, sizeof *costs);
    struct weir_arena arena;
    weir_arena_init(&arena);
    if (!features || !batch || !costs) exit(1);
    uint64_t random = 42, row = 0;
    uint32_t warm = key_count * 4 / BATCH + 1, measured = 1000;
    for (uint32_t i = 0; i < warm; i++) {
        fill(batch, &random, &row, key_count);
        if (weir_features_compute(features, batch->pointers, BATCH, &arena)) exit(1);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        double seconds = 0;
        for (uint32_t i = 0; i < measured; i++) {
            fill(batch, &random, &row, key_count);
            double before = cpu_seconds();
            if (weir_features_compute(features, batch->pointers, BATCH, &arena)) exit(1);
            seconds += cpu_seconds() - before;
        }
        costs[round] = seconds / measured / BATCH * 1e9;
    }
    qsort(costs, rounds, sizeof *costs, by_size);
    struct weir_features_stats stats;
    weir_features_stats(features, &stats);
    printf(
        "{\"bench\":\"features\",\"set\":\"%s\",\"keys\":%u,\"ns_per_event\":%.1f,\"bytes_per_key\":%.0f,"
        "\"planned_bytes_per_key\":%zu}\n",
        name, key_count, costs[rounds / 2], (double)stats.bytes / (double)stats.key_count,
        weir_features_plan_key_bytes(plan, 0));
    fflush(stdout);
    weir_arena_deinit(&arena);
    free(batch);
    free(costs);
    weir_features_destroy(features);
    weir_features_plan_destroy(plan);
}

int main(int argc, char **argv) {
    static const uint32_t key_counts[] = {10000, 100000, 1000000};
    uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 5;
    for (uint32_t i = 0; i < 3; i++) {
        run("p1", p1, sizeof p1 / sizeof p1[0], key_counts[i], rounds ? rounds : 1);
        run("t5", t5, sizeof t5 / sizeof t5[0], key_counts[i], rounds ? rounds : 1);
    }
    return 0;
}
