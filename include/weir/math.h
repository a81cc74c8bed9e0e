/* SPDX-License-Identifier: Apache-2.0 */
/* math.h: what a program that links the operators does once, before its first thread. */
#ifndef WEIR_MATH_H
#define WEIR_MATH_H

/* Makes OpenBLAS single-threaded for good (operators/math/vector.h says where it is used). */
void weir_math_init(void);

#endif
