/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "file/format.h"
#include "file/stream.h"

#define GZIP_BUFFER_BYTES (256u * 1024)

struct weir_input_stream {
    char *path;
    enum weir_compression compression;
    int fd;      /* plain, zstd */
    gzFile gzip; /* owns its descriptor */
    ZSTD_DCtx *zstd;
    char *packed; /* compressed bytes read from fd */
    ZSTD_inBuffer in;
    size_t frame_left; /* what zstd still expects of the frame; 0 = between frames */
};

static int fail_with_errno(const char *path, const char *verb, struct weir_error *error) {
    return weir_error_set(error, WEIR_IO, "cannot %s %s: %s", verb, path, strerror(errno));
}

static int open_gzip(struct weir_input_stream *stream, struct weir_error *error) {
    stream->gzip = gzdopen(stream->fd, "rb");
    if (!stream->gzip) return weir_error_set(error, WEIR_NOMEM, "no memory to read %s", stream->path);
    stream->fd = -1;
    gzbuffer(stream->gzip, GZIP_BUFFER_BYTES);
    /* zlib would hand on the bytes of any other file as they are. */
    if (gzdirect(stream->gzip))
        return weir_error_set(error, WEIR_IO, "cannot read %s: it is not gzip data", stream->path);
    return WEIR_OK;
}

static int open_zstd(struct weir_input_stream *stream, struct weir_error *error) {
    stream->zstd = ZSTD_createDCtx();
    stream->packed = malloc(ZSTD_DStreamInSize());
    if (!stream->zstd || !stream->packed)
        return weir_error_set(error, WEIR_NOMEM, "no memory to read %s", stream->path);
    stream->in.src = stream->packed;
    stream->frame_left = 1; /* an empty file is a truncated one */
    return WEIR_OK;
}

int weir_input_stream_open(const char *path, struct weir_input_stream **stream, struct weir_error *error) {
    struct weir_input_stream *made = calloc(1, sizeof *made);
    if (!made) return weir_error_set(error, WEIR_NOMEM, "no memory to read %s", path);
    made->fd = -1;
    bool is_stdin = strcmp(path, "-") == 0;
    made->path = strdup(is_stdin ? "standard input" : path);
    made->compression = weir_file_compression(path);
    int result = made->path ? WEIR_OK : weir_error_set(error, WEIR_NOMEM, "no memory to read %s", path);
    if (result == WEIR_OK) {
        made->fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
        if (made->fd < 0) result = fail_with_errno(made->path, "open", error);
    }
    if (result == WEIR_OK && made->compression == WEIR_GZIP) result = open_gzip(made, error);
    if (result == WEIR_OK && made->compression == WEIR_ZSTD) result = open_zstd(made, error);
    if (result != WEIR_OK) {
        weir_input_stream_close(made);
        return result;
    }
    *stream = made;
    return WEIR_OK;
}

void weir_input_stream_close(struct weir_input_stream *stream) {
    if (!stream) return;
    if (stream->gzip) gzclose_r(stream->gzip);
    if (stream->fd >= 0) close(stream->fd);
    ZSTD_freeDCtx(stream->zstd);
    free(stream->packed);
    free(stream->path);
    free(stream);
}

static int read_plain(struct weir_input_stream *stream, char *to, size_t max, size_t *len,
                      struct weir_error *error) {
    ssize_t got;
    do got = read(stream->fd, to, max);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail_with_errno(stream->path, "read", error);
    *len = (size_t)got;
    return WEIR_OK;
}

static int read_gzip(struct weir_input_stream *stream, char *to, size_t max, size_t *len,
                     struct weir_error *error) {
    int got = gzread(stream->gzip, to, max < GZIP_BUFFER_BYTES ? (unsigned)max : GZIP_BUFFER_BYTES);
    int code = Z_OK;
    const char *said = gzerror(stream->gzip, &code);
    *len = got > 0 ? (size_t)got : 0;
    if (got > 0) return WEIR_OK; /* a truncated end is reported once all before it has been read */
    if (code == Z_ERRNO) return fail_with_errno(stream->path, "read", error);
    if (code == Z_BUF_ERROR)
        return weir_error_set(error, WEIR_IO, "cannot read %s: gzip data ends too early", stream->path);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
        return weir_error_set(error, WEIR_IO, "cannot read %s: broken gzip data (%s)", stream->path, said);
    return WEIR_OK;
}

static int read_zstd(struct weir_input_stream *stream, char *to, size_t max, size_t *len,
                     struct weir_error *error) {
    ZSTD_outBuffer out = {.dst = to, .size = max};
    while (out.pos == 0) {
        /* Ask for output first: zstd may hold some although all input is taken. */
        size_t before = stream->in.pos;
        size_t left = ZSTD_decompressStream(stream->zstd, &out, &stream->in);
        if (ZSTD_isError(left))
            return weir_error_set(error, WEIR_IO, "cannot read %s: broken zstd data (%s)", stream->path,
                                  ZSTD_getErrorName(left));
        if (stream->in.pos > before || out.pos > 0) stream->frame_left = left;
        if (out.pos > 0 || stream->in.pos < stream->in.size) continue;
        size_t got = 0;
        int result = read_plain(stream, stream->packed, ZSTD_DStreamInSize(), &got, error);
        if (result) return result;
        if (got == 0 && stream->frame_left)
            return weir_error_set(error, WEIR_IO, "cannot read %s: zstd data ends too early", stream->path);
        if (got == 0) break;
        stream->in.size = got;
        stream->in.pos = 0;
    }
    *len = out.pos;
    return WEIR_OK;
}

int weir_input_stream_read(struct weir_input_stream *stream, char *to, size_t max, size_t *len,
                           struct weir_error *error) {
    *len = 0;
    switch (stream->compression) {
        case WEIR_GZIP:
            return read_gzip(stream, to, max, len, error);
        case WEIR_ZSTD:
            return read_zstd(stream, to, max, len, error);
        default:
            return read_plain(stream, to, max, len, error);
    }
}
