/* SPDX-License-Identifier: Apache-2.0 */
/* number.h: numbers to text and back, exact and free of locales.
 *
 * place:   codecs, expressions, option values, reports.
 * threads: any; pure functions.
 * why:     the shortest text that reads back as the same double; strtod and printf depend on the locale
 *          and write 0.1 as 0.10000000000000001. Implemented in the C++ shim operators/codec/json_simdjson.cc
 *          (std::to_chars, std::from_chars).
 */
#ifndef WEIR_NUMBER_H
#define WEIR_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_NUMBER_TEXT_MAX 32 /* bytes that hold any number's text and its terminator */

/* Writes value, terminated; returns the length without the terminator. An integral double keeps a sign of
 * its type: "3.0", "1e+22". Outside [1e-5, 1e16) the form is scientific. NaN, inf, -inf. */
size_t weir_number_format(double value, char out[WEIR_NUMBER_TEXT_MAX]);
size_t weir_integer_format(int64_t value, char out[WEIR_NUMBER_TEXT_MAX]);

/* The whole of text must be a decimal number (no blanks, no plus sign, no hex; "nan", "inf", "infinity" in
 * any case are numbers, with an optional minus). WEIR_OK; WEIR_DATA: not a number; WEIR_LIMIT: too large for
 * the type. A double too small for its type is 0. *value is set on WEIR_OK only. */
int weir_number_parse(const char *text, size_t len, double *value);
int weir_integer_parse(const char *text, size_t len, int64_t *value);

#endif
