/* SPDX-License-Identifier: Apache-2.0 */
/* output_stream.c: bytes -> 256 KiB blocks -> compressor -> descriptor. Compressors work on memory and this
 * file does all writing itself, so that the reason of a failed write (disk full, pipe closed) is never lost
 * in a library. */
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

#define BLOCK_BYTES ((size_t)256 * 1024)

struct weir_output_stream {
    char *path;
    enum weir_compression compression;
    int fd;
    bool owned; /* not stdout */
    bool failed;
    char *block; /* bytes not yet compressed or written */
    size_t block_len;
    char *packed; /* compressed bytes on their way */
    z_stream gzip;
    bool gzip_ready;
    ZSTD_CCtx *zstd;
};

static int fail_with_errno(struct weir_output_stream *stream, const char *verb, struct weir_error *error) {
    stream->failed = true;
    return weir_error_set(error, WEIR_IO, "cannot %s %s: %s", verb, stream->path, strerror(errno));
}

static int no_memory(const char *path, struct weir_error *error) {
    return weir_error_set(error, WEIR_NOMEM, "no memory to write %s", path);
}

static void free_stream(struct weir_output_stream *stream) {
    if (stream->gzip_ready) deflateEnd(&stream->gzip);
    ZSTD_freeCCtx(stream->zstd);
    free(stream->block);
    free(stream->packed);
    free(stream->path);
    free(stream);
}

static bool prepare(struct weir_output_stream *stream) {
    stream->block = malloc(BLOCK_BYTES);
    if (!stream->path || !stream->block) return false;
    if (stream->compression == WEIR_PLAIN) return true;
    stream->packed = malloc(BLOCK_BYTES);
    if (!stream->packed) return false;
    if (stream->compression == WEIR_ZSTD) return (stream->zstd = ZSTD_createCCtx()) != NULL;
    /* 16 + 15: gzip framing, largest window */
    stream->gzip_ready = deflateInit2(&stream->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + 15, 8,
                                      Z_DEFAULT_STRATEGY) == Z_OK;
    return stream->gzip_ready;
}

int weir_output_stream_open(const char *path, struct weir_output_stream **stream, struct weir_error *error) {
    struct weir_output_stream *made = calloc(1, sizeof *made);
    if (!made) return no_memory(path, error);
    made->owned = strcmp(path, "-") != 0;
    made->path = strdup(made->owned ? path : "standard output");
    made->compression = weir_file_compression(path);
    made->fd = STDOUT_FILENO;
    int result = prepare(made) ? WEIR_OK : no_memory(path, error);
    if (result == WEIR_OK && made->owned) {
        made->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (made->fd < 0) result = fail_with_errno(made, "create", error);
    }
    if (result != WEIR_OK) {
        free_stream(made);
        return result;
    }
    *stream = made;
    return WEIR_OK;
}

static int write_whole(struct weir_output_stream *stream, const char *bytes, size_t len,
                       struct weir_error *error) {
    while (len > 0) {
        ssize_t put = write(stream->fd, bytes, len);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_with_errno(stream, "write", error);
        bytes += put;
        len -= (size_t)put;
    }
    return WEIR_OK;
}

static int pack_gzip(struct weir_output_stream *stream, bool last, struct weir_error *error) {
    z_stream *z = &stream->gzip;
    z->next_in = (Bytef *)stream->block;
    z->avail_in = (uInt)stream->block_len;
    do {
        z->next_out = (Bytef *)stream->packed;
        z->avail_out = (uInt)BLOCK_BYTES;
        deflate(z, last ? Z_FINISH : Z_NO_FLUSH); /* its only errors are misuse and "nothing to do" */
        int result = write_whole(stream, stream->packed, BLOCK_BYTES - z->avail_out, error);
        if (result) return result;
    } while (z->avail_out == 0);
    return WEIR_OK;
}

static int pack_zstd(struct weir_output_stream *stream, bool last, struct weir_error *error) {
    ZSTD_inBuffer in = {.src = stream->block, .size = stream->block_len};
    for (;;) {
        ZSTD_outBuffer out = {.dst = stream->packed, .size = BLOCK_BYTES};
        size_t left = ZSTD_compressStream2(stream->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            stream->failed = true;
            return weir_error_set(error, WEIR_IO, "cannot write %s: %s", stream->path,
                                  ZSTD_getErrorName(left));
        }
        int result = write_whole(stream, stream->packed, out.pos, error);
        if (result) return result;
        if (last ? left == 0 : in.pos == in.size) return WEIR_OK;
    }
}

/* Empties the block. */
static int drain(struct weir_output_stream *stream, bool last, struct weir_error *error) {
    int result;
    switch (stream->compression) {
        case WEIR_GZIP:
            result = pack_gzip(stream, last, error);
            break;
        case WEIR_ZSTD:
            result = pack_zstd(stream, last, error);
            break;
        default:
            result = write_whole(stream, stream->block, stream->block_len, error);
            break;
    }
    stream->block_len = 0;
    return result;
}

int weir_output_stream_write(struct weir_output_stream *stream, const char *bytes, size_t len,
                             struct weir_error *error) {
    if (stream->failed) return weir_error_set(error, WEIR_IO, "an earlier write to %s failed", stream->path);
    while (len > 0) {
        size_t n = BLOCK_BYTES - stream->block_len;
        if (n > len) n = len;
        memcpy(stream->block + stream->block_len, bytes, n);
        stream->block_len += n;
        bytes += n;
        len -= n;
        if (stream->block_len < BLOCK_BYTES) break;
        int result = drain(stream, false, error);
        if (result) return result;
    }
    return WEIR_OK;
}

int weir_output_stream_close(struct weir_output_stream *stream, struct weir_error *error) {
    if (!stream) return WEIR_OK;
    int result = stream->failed
                     ? weir_error_set(error, WEIR_IO, "an earlier write to %s failed", stream->path)
                     : drain(stream, true, error);
    /* After EINTR the descriptor is gone all the same. */
    if (stream->owned && close(stream->fd) != 0 && errno != EINTR && result == WEIR_OK)
        result = fail_with_errno(stream, "close", error);
    free_stream(stream);
    return result;
}
