/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: rows to a file: a header, then whatever the caller appends; framing is the codec's and the
 * caller's. */
#include <stdlib.h>

#include "file/file.h"
#include "file/stream.h"

struct weir_file_sink {
    struct weir_output_stream *stream;
};

int weir_file_sink_open(const char *path, struct weir_bytes header, struct weir_file_sink **sink,
                        struct weir_error *error) {
    struct weir_file_sink *made = calloc(1, sizeof *made);
    if (!made) return weir_error_set(error, WEIR_NOMEM, "no memory to write %s", path);
    int result = weir_output_stream_open(path, &made->stream, error);
    if (result == WEIR_OK) result = weir_output_stream_write(made->stream, header.data, header.len, error);
    if (result != WEIR_OK) {
        weir_output_stream_close(made->stream, NULL);
        free(made);
        return result;
    }
    *sink = made;
    return WEIR_OK;
}

int weir_file_sink_write(struct weir_file_sink *sink, struct weir_bytes bytes, struct weir_error *error) {
    return weir_output_stream_write(sink->stream, bytes.data, bytes.len, error);
}

int weir_file_sink_close(struct weir_file_sink *sink, struct weir_error *error) {
    if (!sink) return WEIR_OK;
    int result = weir_output_stream_close(sink->stream, error);
    free(sink);
    return result;
}
