/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h: a file as bytes, whatever compresses it.
 *
 * place:   file -> stream -> source.c (records);  sink.c -> stream -> file.
 * errors:  WEIR_IO with the file's name and the reason: what the system said, or that compressed data is
 * broken or ends too early. A failed stream stays failed and is only good for closing.
 */
#ifndef WEIR_FILE_STREAM_H
#define WEIR_FILE_STREAM_H

#include <stddef.h>
#include <sys/types.h>

#include "weir/error.h"

struct weir_input_stream;
/* "-" = standard input. */
int weir_input_stream_open(const char *path, struct weir_input_stream **stream, struct weir_error *error);
/* At most max bytes; *len = 0 at the end. */
int weir_input_stream_read(struct weir_input_stream *stream, char *to, size_t max, size_t *len,
                           struct weir_error *error);
void weir_input_stream_close(struct weir_input_stream *stream);

struct weir_output_stream;
/* "-" = stdout, which stays open. An existing file is replaced. */
int weir_output_stream_open(const char *path, struct weir_output_stream **stream, struct weir_error *error);
int weir_output_stream_write(struct weir_output_stream *stream, const char *bytes, size_t len,
                             struct weir_error *error);
/* Ends the compressed data, closes and frees, also after a failure. */
int weir_output_stream_close(struct weir_output_stream *stream, struct weir_error *error);

#endif
