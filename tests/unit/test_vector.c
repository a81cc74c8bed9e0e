/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: both ways of each function agree with the textbook at every width; BLAS keeps no threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>

#include "operators/math/vector.h"
#include "support/java_random.h"

#define WIDTH_MAX 200

static int thread_count(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return -1;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(tasks));) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void test_vector_dot_and_axpy_agree_with_the_textbook_at_every_width(void **unused) {
    (void)unused;
    struct java_random random = java_random_seed(1);
    double a[WIDTH_MAX], b[WIDTH_MAX], y[3][WIDTH_MAX];
    for (size_t width = 0; width <= WIDTH_MAX; width++) {
        double dot = 0;
        for (size_t i = 0; i < width; i++) {
            a[i] = java_random_double(&random) - 0.5;
            b[i] = java_random_double(&random) - 0.5;
            for (int k = 0; k < 3; k++) y[k][i] = a[i];
            dot += a[i] * b[i];
        }
        assert_true(fabs(weir_vector_dot_plain(a, b, width) - dot) < 1e-13);
        assert_true(fabs(weir_vector_dot_blas(a, b, width) - dot) < 1e-13);
        assert_true(fabs(weir_vector_dot(a, b, width) - dot) < 1e-13);
        weir_vector_axpy_plain(-0.3, b, y[0], width);
        weir_vector_axpy_blas(-0.3, b, y[1], width);
        weir_vector_axpy(-0.3, b, y[2], width);
        for (size_t i = 0; i < width; i++)
            for (int k = 0; k < 3; k++) assert_true(fabs(y[k][i] - (a[i] - 0.3 * b[i])) < 1e-15);
    }
}

/* The linear model relies on it to find rows with missing values. */
static void test_vector_dot_when_an_element_is_nan_is_nan(void **unused) {
    (void)unused;
    double a[WIDTH_MAX] = {0}, b[WIDTH_MAX] = {0};
    for (size_t width = 1; width <= WIDTH_MAX; width++) {
        for (size_t i = 0; i < width; i++) {
            a[i] = (double)NAN;
            assert_true(isnan(weir_vector_dot(a, b, width)));
            a[i] = 0;
        }
    }
}

static void test_math_init_leaves_blas_without_threads_of_its_own(void **unused) {
    (void)unused;
    int before = thread_count();
    weir_math_init();
    int after = thread_count();
    assert_true(after <= before);
#if !defined(__SANITIZE_THREAD__)
    assert_int_equal(after, 1);
#endif
    static double a[200000], b[200000];
    for (int i = 0; i < 100; i++) weir_vector_axpy(1e-3, a, b, sizeof a / sizeof a[0]);
    assert_true(weir_vector_dot(a, b, sizeof a / sizeof a[0]) == 0);
    assert_int_equal(thread_count(), after);
    weir_math_init();
    assert_int_equal(thread_count(), after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_dot_and_axpy_agree_with_the_textbook_at_every_width),
        cmocka_unit_test(test_vector_dot_when_an_element_is_nan_is_nan),
        cmocka_unit_test(test_math_init_leaves_blas_without_threads_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
