/* SPDX-License-Identifier: Apache-2.0 */
/* json_write.h: rows as JSON objects.
 *
 * idea:     every row of a schema has the same keys in the same places, so all text between the values is
 *           known at open: `{"id":` value `,"merchant":{"mcc":` value `}}`. Writing a row is copying these
 *           pieces and formatting the values.
 * form:     columns in the order of the schema, those of one object together; null, NaN and infinities as
 *           null; float64 shortest and with its point (3.0); times as integer ms.
 */
#ifndef WEIR_CODEC_JSON_WRITE_H
#define WEIR_CODEC_JSON_WRITE_H

#include "base/buffer.h"
#include "shape.h"

struct weir_json_piece {
    size_t begin, len; /* of the text in front of the value */
    uint32_t field;
};
struct weir_json_form {
    struct weir_buffer text; /* of all pieces, then the closing one */
    struct weir_json_piece *pieces;
    uint32_t count;
    size_t tail_begin;
};

int weir_json_form_init(struct weir_json_form *form, const struct weir_shape *shape,
                        struct weir_error *error);
void weir_json_form_deinit(struct weir_json_form *form);
int weir_json_form_write(const struct weir_json_form *form, const struct weir_value *cells,
                         struct weir_buffer *out);

#endif
