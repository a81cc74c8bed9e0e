/* SPDX-License-Identifier: Apache-2.0 */
/* vector.h: dot product and scaled addition of dense vectors.
 *
 * place:   linear learners (and whatever multiplies vectors later) -> here -> plain loops or BLAS.
 * threads: any; no state. No threads of its own either: weir_math_init() sees to it (below).
 * results: below WEIR_BLAS_WIDTH_MIN a plain loop with a fixed order of additions: the same bytes on
 *          every CPU. From that width on OpenBLAS, which picks a kernel by CPU: bits may differ in the
 *          last place between CPU types, never between runs on one.
 * why:     bench/linear.c on an AMD EPYC (Zen 3, AVX2), gcc 12 -O2, OpenBLAS 0.3.21, ns per call with
 *          hot caches, plain / BLAS:
 *              width        8         16         32         48         64        128        256        1024
 *              dot      3.8/8.7   4.8/9.0   7.4/10.0  10.5/10.6  13.8/11.6  28.3/17.2  59.7/26.6   248/90
 *              axpy     4.1/9.5   6.8/8.8  13.0/9.9   18.3/11.2  23.5/12.9  48.9/18.1  88.4/33.2   339/124
 *          The lines cross near 48 for dot and near 28 for axpy; one width for both keeps a learner's
 *          bytes reproducible below it. A tabular pipeline's 10 inputs never reach it; at 100 inputs BLAS
 *          saves a third of a row's time, at 1,000 two thirds.
 */
#ifndef WEIR_OPERATORS_MATH_VECTOR_H
#define WEIR_OPERATORS_MATH_VECTOR_H

#include <stddef.h>

#define WEIR_BLAS_WIDTH_MIN 48

/* Makes OpenBLAS single-threaded for the life of the process and ends the worker threads that its
 * shared library starts while loading, before main. main calls this once, before any other thread
 * exists; the environment variable OPENBLAS_NUM_THREADS is not needed. Harmless when repeated. */
void weir_math_init(void);

/* Sum of a[i] * b[i]. NaN or infinite when an element or a product is. */
double weir_vector_dot(const double *a, const double *b, size_t count);

/* y[i] += factor * x[i]; x and y do not overlap. */
void weir_vector_axpy(double factor, const double *x, double *y, size_t count);

/* The two ways behind the functions above, for the benchmark and the test that compares them. */
double weir_vector_dot_plain(const double *a, const double *b, size_t count);
double weir_vector_dot_blas(const double *a, const double *b, size_t count);
void weir_vector_axpy_plain(double factor, const double *x, double *y, size_t count);
void weir_vector_axpy_blas(double factor, const double *x, double *y, size_t count);

#endif
