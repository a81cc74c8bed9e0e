/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: the file door: records from CSV, NDJSON and msgpack files, plain, .gz or .zst, and rows back to
 * files.
 *
 * place:    file -> source -> task;  task -> sink -> file or stdout (`weir replay`).
 * threads:  one owner.
 * limits:   a record of at most 1 MiB: a longer one comes out as a record whose value is cut at the limit
 *           (the codec then refuses it), so that counts stay right.
 * errors:   WEIR_IO names the file and what the system said; WEIR_END at the end.
 */
#ifndef WEIR_FILE_FILE_H
#define WEIR_FILE_FILE_H

#include <stdbool.h>

#include "weir/codec.h"
#include "weir/error.h"
#include "weir/record.h"

/* Format by extension: "a.csv.gz" -> "csv". NULL when the extension says nothing known. Names of codecs:
 * csv, json (.json, .ndjson, .jsonl), msgpack. */
const char *weir_file_format(const char *path);

/* True when both paths lead to the same regular file (also one that is yet to be created), or both are "-".
 */
bool weir_file_same(const char *a, const char *b);

struct weir_file_source;
/* "-" = standard input. Opens; for csv reads the header row through codec->decode_header(coder). Borrows
 * codec and coder. */
int weir_file_source_open(const char *path, const struct weir_codec *codec, struct weir_coder *coder,
                          struct weir_file_source **source, struct weir_error *error);
/* At most max records, borrowed until the next read. offset = row from 1 (the header is not a row),
 * timestamp_ms = WEIR_NO_TIMESTAMP, key absent. Blank lines are not records. Returns count, WEIR_END,
 * WEIR_IO. */
int weir_file_source_read(struct weir_file_source *source, struct weir_record *records, uint32_t max,
                          struct weir_error *error);
void weir_file_source_close(struct weir_file_source *source);

struct weir_file_sink;
/* "-" = stdout. header: first bytes, or empty. Ends of .gz and .zst compress. */
int weir_file_sink_open(const char *path, struct weir_bytes header, struct weir_file_sink **sink,
                        struct weir_error *error);
int weir_file_sink_write(struct weir_file_sink *sink, struct weir_bytes bytes, struct weir_error *error);
/* Flushes, fsyncs nothing, closes; the last chance to learn that the disk was full. */
int weir_file_sink_close(struct weir_file_sink *sink, struct weir_error *error);

#endif
