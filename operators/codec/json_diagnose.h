/* SPDX-License-Identifier: Apache-2.0 */
/* json_diagnose.h: where and why a text is not JSON. Runs only on texts that the parser has refused.
 *
 * why: simdjson says that a document is wrong, not where. A dead letter should say both, and a number out of
 *      range is another matter than a missing brace. A second, slow and simple reader answers; being
 *      independent of the first it is also the oracle against which the fuzz target compares it.
 */
#ifndef WEIR_CODEC_JSON_DIAGNOSE_H
#define WEIR_CODEC_JSON_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct weir_json_fault {
    const char *code; /* D101, D103, D104, D105; NULL: nothing wrong with it */
    size_t at;        /* byte from 0 */
    const char *text; /* "expected ':' after a key" */
};

/* Reads RFC 8259 strictly: one value, at most depth_max nested containers. */
struct weir_json_fault weir_json_diagnose(const char *text, size_t len, unsigned depth_max);

/* simdjson refuses integers beyond 64 bits, although a float64 column can hold them. Appends a copy of text
 * in which each of them has become a float ("123...e0"). WEIR_OK (changed or not) or WEIR_NOMEM. */
int weir_json_widen(const char *text, size_t len, struct weir_buffer *out);

#endif
