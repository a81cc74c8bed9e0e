/* SPDX-License-Identifier: Apache-2.0 */
/* cell.h: one value as a format has it -> one cell as its column wants it; the same rules for JSON and
 * msgpack.
 *
 * column            accepts
 * bool              true, false
 * int64, duration   an integer; a float without fraction (3.0); within int64
 * float64           any number
 * string, category  text
 * timestamp         as int64 (ms since 1970), or RFC 3339 text
 * any optional one  null
 */
#ifndef WEIR_CODEC_CELL_H
#define WEIR_CODEC_CELL_H

#include "base/token.h"
#include "weir/codec.h"

/* WEIR_OK, or WEIR_DATA (D105, D106, D107). A text cell points where the token points. */
int weir_cell_from_token(const struct weir_field *field, const struct weir_token *token,
                         struct weir_value *cell, struct weir_data_error *error);

/* A double as int64: WEIR_OK, WEIR_DATA (fraction, NaN), WEIR_LIMIT. */
int weir_cell_integer(double f, int64_t *i);

/* Fails with D107 when a column that is not optional has no value. */
int weir_cell_absent(const struct weir_field *field, struct weir_value *cell, struct weir_data_error *error);

#endif
