/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h: bytes <-> row of typed cells.
 *
 * place:    record -> decode -> event;  prediction, features, alert -> encode -> output record.
 * lifetime: a coder is opened once per (pipeline use, task) and holds scratch memory only: no state that
 *           a snapshot needs.
 * laws:     decode(encode(row)) = row; truncating or flipping bits of an encoding gives WEIR_DATA or
 *           another valid row, never a crash or a read out of bounds; decode never allocates beyond its
 *           arena and scratch once the largest record has been seen.
 */
#ifndef WEIR_CODEC_H
#define WEIR_CODEC_H

#include "weir/operator.h"
#include "weir/record.h"

#define WEIR_RECORD_BYTES_MAX (1u << 20) /* a longer value is refused as D109 */

struct weir_arena;  /* engine/base/arena.h: batch lifetime */
struct weir_buffer; /* engine/base/buffer.h: growing bytes */

/* Why a record is dead-lettered. `code` is stable and known to `weir explain`. */
struct weir_data_error {
    const char *code;  /* "D101"... */
    const char *field; /* column concerned, or NULL; pipeline lifetime */
    char text[160];
};

struct weir_coder; /* defined by each codec */

struct weir_codec {
    struct weir_operator op; /* stateless head; bind checks options only */
    const char *content_type;
    /* Opens a coder for this schema (borrowed, pipeline lifetime). */
    int (*open)(const struct weir_schema *schema, struct weir_coder **coder, struct weir_error *error);
    void (*close)(struct weir_coder *coder);
    /* Fills cells[schema->count]. Text cells point into `value` or the arena. WEIR_OK, WEIR_DATA or
     * WEIR_NOMEM (error is not filled then). */
    int (*decode)(struct weir_coder *coder, struct weir_bytes value, struct weir_arena *arena,
                  struct weir_value *cells, struct weir_data_error *error);
    /* Appends one row to `out`, without a line end. Cells carry their own type, which must fit the schema's.
     * WEIR_OK or WEIR_NOMEM. */
    int (*encode)(struct weir_coder *coder, const struct weir_value *cells, struct weir_buffer *out);
    /* Files: a record is a line: its line end is no part of it, blank lines are no records, and a writer
     * ends each row with a newline. */
    bool lines;
    /* Files: bytes of the first whole record at `data`, its line end included; 0 = more bytes needed
     * (at_end: a last record without a line end counts as whole). */
    size_t (*frame)(const char *data, size_t len, bool at_end);
    /* Files whose first row names the columns (csv); NULL elsewhere. decode_header maps the names it reads
     * to the schema (an unknown name is ignored, a missing column that is not optional is an error). */
    int (*decode_header)(struct weir_coder *coder, struct weir_bytes row, struct weir_error *error);
    int (*encode_header)(struct weir_coder *coder, struct weir_buffer *out);
};

#endif
