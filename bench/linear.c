/* SPDX-License-Identifier: Apache-2.0 */
/* linear.c: where BLAS begins to pay for dot and axpy, and rows per second of the linear learner.
 *
 * run:    build/release/bench/bench_linear
 * method: hot caches, best of 60 repetitions of a millisecond or so; a dependency through `sink` keeps the
 *         compiler from dropping calls. Include path: the operators' own header, by relative path.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../operators/math/vector.h"
#include "weir/learner.h"

extern const struct weir_learner weir_learner_logistic_regression;

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static volatile double sink;

typedef double dot_function(const double *a, const double *b, size_t count);
typedef void axpy_function(double factor, const double *x, double *y, size_t count);

#define REPETITIONS 60

static double time_dot(dot_function *dot, const double *a, const double *b, size_t width) {
    double best = 1e300;
    size_t calls = 4000000 / (width + 20);
    for (int r = 0; r < REPETITIONS; r++) {
        double start = now_ns(), sum = 0;
        for (size_t i = 0; i < calls; i++) sum += dot(a, b, width);
        double each = (now_ns() - start) / (double)calls;
        sink = sum;
        if (each < best) best = each;
    }
    return best;
}

static double time_axpy(axpy_function *axpy, const double *x, double *y, size_t width) {
    double best = 1e300;
    size_t calls = 4000000 / (width + 20);
    for (int r = 0; r < REPETITIONS; r++) {
        double start = now_ns();
        for (size_t i = 0; i < calls; i++) axpy(1e-9, x, y, width);
        double each = (now_ns() - start) / (double)calls;
        sink = y[0];
        if (each < best) best = each;
    }
    return best;
}

static void bench_vectors(void) {
    static const size_t widths[] = {8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024};
    static double a[1024], b[1024];
    for (size_t i = 0; i < 1024; i++) {
        a[i] = (double)(i % 7) * 0.25;
        b[i] = (double)(i % 11) * 0.125;
    }
    printf("%6s %12s %12s %12s %12s   (ns per call)\n", "width", "dot plain", "dot blas", "axpy plain",
           "axpy blas");
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        size_t w = widths[i];
        printf("%6zu %12.1f %12.1f %12.1f %12.1f\n", w, time_dot(weir_vector_dot_plain, a, b, w),
               time_dot(weir_vector_dot_blas, a, b, w), time_axpy(weir_vector_axpy_plain, a, b, w),
               time_axpy(weir_vector_axpy_blas, a, b, w));
    }
}

/* predict + learn per row, as the task does it, on one learner with default options. */
static void bench_learner(uint32_t width) {
    const struct weir_learner *learner = &weir_learner_logistic_regression;
    /* optimizer, rate, l2, l1, intercept_rate, intercept_init, clip_gradient: the table's order */
    const union weir_option_value options[] = {{.i = 0},    {.f = 0.01}, {.f = 0},   {.f = 0},
                                               {.f = 0.01}, {.f = 0},    {.f = 1e12}};
    struct weir_binding binding = {.options = options, .input_count = width};
    struct weir_error error;
    if (learner->op.bind(&binding, &error)) {
        fprintf(stderr, "bind: %s\n", error.text);
        exit(1);
    }
    void *state = aligned_alloc(16, (binding.state_bytes + 15) / 16 * 16);
    double *x = malloc(width * sizeof *x);
    if (!state || !x) abort();
    learner->op.init(&binding, state);
    for (uint32_t i = 0; i < width; i++) x[i] = (double)(i % 5) - 2.0;
    size_t rows = 20000000 / (width + 20);
    double start = now_ns();
    for (size_t r = 0; r < rows; r++) {
        struct weir_prediction prediction;
        x[r % width] = -x[r % width];
        learner->predict(&binding, state, WEIR_BINARY, x, &prediction);
        sink = prediction.score;
        learner->learn(&binding, state, WEIR_BINARY, x, (double)(r & 1), 1.0);
    }
    double each = (now_ns() - start) / (double)rows;
    printf("logistic_regression, %4" PRIu32 " inputs: %7.1f ns per row, %.2f M rows/s\n", width, each,
           1e3 / each);
    free(x);
    free(state);
}

int main(void) {
    weir_math_init();
    bench_vectors();
    static const uint32_t widths[] = {10, 30, 100, 1000};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) bench_learner(widths[i]);
    return 0;
}
