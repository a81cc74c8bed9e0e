/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h: one character of UTF-8 at a time: for places in files, which count characters, and for showing
 * text.
 *
 * errors: overlong forms, surrogates, values above U+10FFFF and cut sequences are invalid (RFC 3629).
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the valid character at `s` (1..4), 0 when there is none in the `len` bytes. `point` may be NULL.
 */
size_t weir_utf8_next(const char *s, size_t len, uint32_t *point);
/* Characters in the bytes; an invalid byte counts as one. */
size_t weir_utf8_count(const char *s, size_t len);

#endif
