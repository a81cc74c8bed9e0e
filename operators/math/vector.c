/* SPDX-License-Identifier: Apache-2.0 */
#include "vector.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>

/* Ends OpenBLAS' workers; the library registers the same function for fork(). Weak: a serial build of
 * the library has no workers and no such symbol. */
int blas_thread_shutdown_(void) __attribute__((weak));

void weir_math_init(void) {
    openblas_set_num_threads(1); /* first: from now on no call asks for the workers again */
    if (blas_thread_shutdown_) blas_thread_shutdown_();
}

/* Four partial sums, joined in a fixed order: four times shorter than one chain of dependent additions,
 * and as reproducible. */
double weir_vector_dot_plain(const double *a, const double *b, size_t count) {
    double sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        sum0 += a[i] * b[i];
        sum1 += a[i + 1] * b[i + 1];
        sum2 += a[i + 2] * b[i + 2];
        sum3 += a[i + 3] * b[i + 3];
    }
    for (; i < count; i++) sum0 += a[i] * b[i];
    return (sum0 + sum1) + (sum2 + sum3);
}

double weir_vector_dot_blas(const double *a, const double *b, size_t count) {
    assert(count <= INT_MAX);
    return cblas_ddot((int)count, a, 1, b, 1);
}

double weir_vector_dot(const double *a, const double *b, size_t count) {
    return count < WEIR_BLAS_WIDTH_MIN ? weir_vector_dot_plain(a, b, count)
                                       : weir_vector_dot_blas(a, b, count);
}

void weir_vector_axpy_plain(double factor, const double *restrict x, double *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
}

void weir_vector_axpy_blas(double factor, const double *x, double *y, size_t count) {
    assert(count <= INT_MAX);
    cblas_daxpy((int)count, factor, x, 1, y, 1);
}

void weir_vector_axpy(double factor, const double *x, double *y, size_t count) {
    if (count < WEIR_BLAS_WIDTH_MIN)
        weir_vector_axpy_plain(factor, x, y, count);
    else
        weir_vector_axpy_blas(factor, x, y, count);
}
