/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c: bytes that nobody looks into: any value is accepted, no columns come out, nothing is written.
 *
 * place: sources whose records are only counted, keyed or passed through. The schema must be empty.
 */
#include <stdlib.h>

#include "lines.h"
#include "weir/codec.h"

struct weir_coder {
    const struct weir_schema *schema;
};

static int raw_bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    binding->state_bytes = 0;
    binding->output_count = 0;
    return WEIR_OK;
}

static int raw_open(const struct weir_schema *schema, struct weir_coder **coder, struct weir_error *error) {
    if (schema->count)
        return weir_error_set(error, WEIR_CONFIG, "format raw has no columns, but the schema names '%s'",
                              schema->fields[0].name);
    *coder = malloc(sizeof **coder);
    if (!*coder) return weir_error_set(error, WEIR_NOMEM, "no memory for a raw coder");
    (*coder)->schema = schema;
    return WEIR_OK;
}

static void raw_close(struct weir_coder *coder) { free(coder); }

static int raw_decode(struct weir_coder *coder, struct weir_bytes value, struct weir_arena *arena,
                      struct weir_value *cells, struct weir_data_error *error) {
    (void)coder, (void)value, (void)arena, (void)cells, (void)error;
    return WEIR_OK;
}

static int raw_encode(struct weir_coder *coder, const struct weir_value *cells, struct weir_buffer *out) {
    (void)coder, (void)cells, (void)out;
    return WEIR_OK;
}

const struct weir_codec weir_codec_raw = {
    .op = {.name = "raw",
           .summary = "bytes as they are, without columns; in files one record per line",
           .family = WEIR_FAMILY_CODEC,
           .version = 1,
           .options = weir_no_options,
           .bind = raw_bind},
    .content_type = "application/octet-stream",
    .open = raw_open,
    .close = raw_close,
    .decode = raw_decode,
    .encode = raw_encode,
    .lines = true,
    .frame = weir_line_frame,
};
