/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.h: the reasons for which a codec refuses a record.
 *
 * place: codecs -> weir_data_error -> dead letter. The codes are stable: people filter on them.
 */
#ifndef WEIR_CODEC_REFUSAL_H
#define WEIR_CODEC_REFUSAL_H

#include "weir/codec.h"

#define WEIR_REFUSE_GRAMMAR "D101"   /* not JSON */
#define WEIR_REFUSE_DUPLICATE "D102" /* a key occurs twice in one object */
#define WEIR_REFUSE_UTF8 "D103"      /* text is not Unicode */
#define WEIR_REFUSE_DEPTH "D104"     /* nested too deeply */
#define WEIR_REFUSE_RANGE "D105"     /* a number does not fit its type */
#define WEIR_REFUSE_TYPE "D106"      /* a value has another type than its column */
#define WEIR_REFUSE_MISSING "D107"   /* a column that is not optional is missing or null */
#define WEIR_REFUSE_NO_OBJECT "D108" /* the value is not an object */
#define WEIR_REFUSE_SIZE "D109"      /* larger than WEIR_RECORD_BYTES_MAX */
#define WEIR_REFUSE_EMPTY "D110"     /* empty or absent */
#define WEIR_REFUSE_COLUMNS "D111"   /* csv: number of fields, or a quote that makes them uncountable */
#define WEIR_REFUSE_MSGPACK "D112"   /* not msgpack */

/* Fills *error and returns WEIR_DATA. `field` may be NULL. */
int weir_codec_refuse(struct weir_data_error *error, const char *code, const char *field, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));

/* D109 and D110, equal for all formats. */
int weir_codec_check_size(struct weir_bytes value, struct weir_data_error *error);

/* Copies at most `max - 1` bytes of a stranger's text so that a message can quote it: what is not printable
 * ASCII becomes '?'. Returns out. */
const char *weir_codec_quote(const char *text, size_t len, char *out, size_t max);

#endif
