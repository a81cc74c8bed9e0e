/* SPDX-License-Identifier: Apache-2.0 */
/* codes.h: every stable code weir can print, in one table: for `weir explain`, the docs and the tests.
 *
 * groups: D1xx a record is wrong (dead letter); E1xx the file and its structure; E2xx names and expressions;
 *         E3xx options and operators; E4xx Kafka and the doors; W3xx warnings.
 * rule:   a code never changes its meaning and is never used again for another one.
 */
#ifndef WEIR_BASE_CODES_H
#define WEIR_BASE_CODES_H

#include <stddef.h>

struct weir_code {
    const char *code;
    const char *title;       /* a few words, lower case */
    const char *explanation; /* what it means and why it matters; sentences, may hold line ends */
    const char *example;     /* NULL, or lines of a pipeline file or a record that have the fault */
    const char *fix;         /* what to do; sentences */
};

/* The whole table, sorted by code. Process lifetime. */
const struct weir_code *weir_codes(size_t *count);
/* "E204" or "e204" -> its row; NULL when there is none. */
const struct weir_code *weir_code_find(const char *code);

#endif
