/* SPDX-License-Identifier: Apache-2.0 */
/* place.h: an expression's text with its place in the pipeline file, and findings about parts of it.
 *
 * place:    used by lexer, parser, check and emit to report.
 * lifetime: one call of weir_expr_compile.
 * units:    begin and end are byte offsets into text; marks count characters.
 */
#ifndef WEIR_EXPR_PLACE_H
#define WEIR_EXPR_PLACE_H

#include "base/diag.h"

struct weir_expr_place {
    const char *text;
    uint32_t len;
    struct weir_mark mark; /* of text[0] */
    bool verbatim;         /* false: every finding marks the whole expression */
    struct weir_diags *diags;
    uint32_t error_count;
};

struct weir_mark weir_expr_place_mark(const struct weir_expr_place *place, uint32_t begin, uint32_t end);

/* Adds an error that marks text[begin, end). */
void weir_expr_place_report(struct weir_expr_place *place, const char *code, uint32_t begin, uint32_t end,
                            const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
