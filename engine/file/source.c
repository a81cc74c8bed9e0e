/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: cuts a file into records with the codec's frame verb.
 *
 * One window of bytes lies in memory: records are borrowed from it, and only when it holds no whole record
 * any more the rest moves to its front and more is read behind it, so each byte moves at most a few times. A
 * record over the limit comes out cut at one byte more than the limit, which the codec refuses by its size: a
 * line's remaining bytes are then thrown away as they are read (memory stays bounded); a record of another
 * format must end within 64 MiB, or the file cannot be read any further.
 */
#include <stdlib.h>
#include <string.h>

#include "file/file.h"
#include "file/stream.h"

#define WINDOW_BYTES ((size_t)512 * 1024)
#define WINDOW_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct weir_file_source {
    struct weir_input_stream *stream;
    const struct weir_codec *codec;
    char *path;
    char *window;
    size_t capacity, begin, end; /* unread bytes: [begin, end) */
    bool at_end;                 /* the stream has no more */
    bool skipping;               /* inside a line that has been handed out cut */
    bool begun;                  /* the first line has been looked at */
    int64_t row_count;
};

/* Moves the unread bytes to the front and reads behind them. */
static int refill(struct weir_file_source *source, struct weir_error *error) {
    size_t len = source->end - source->begin, got;
    if (source->begin > 0) memmove(source->window, source->window + source->begin, len);
    source->begin = 0;
    source->end = len;
    if (source->capacity - len < WINDOW_BYTES / 2) {
        if (source->capacity >= WINDOW_BYTES_MAX)
            return weir_error_set(error, WEIR_IO, "cannot read %s: record %lld is longer than %zu bytes",
                                  source->path, (long long)source->row_count + 1, WINDOW_BYTES_MAX);
        char *window = realloc(source->window, source->capacity * 2);
        if (!window) return weir_error_set(error, WEIR_NOMEM, "no memory to read %s", source->path);
        source->window = window;
        source->capacity *= 2;
    }
    int result =
        weir_input_stream_read(source->stream, source->window + len, source->capacity - len, &got, error);
    source->end += got;
    source->at_end = result == WEIR_OK && got == 0;
    return result;
}

/* Drops bytes up to the end of the line that was cut. True when that end has been found. */
static bool skip_line(struct weir_file_source *source) {
    size_t len = source->end - source->begin;
    const char *end = len ? memchr(source->window + source->begin, '\n', len) : NULL;
    source->begin = end ? (size_t)(end - source->window) + 1 : source->end;
    source->skipping = !end;
    return end != NULL;
}

/* What editors of other systems put before the first line of a text. */
static void drop_byte_order_mark(struct weir_bytes *line) {
    if (line->len < 3 || memcmp(line->data, "\xef\xbb\xbf", 3)) return;
    line->data += 3;
    line->len -= 3;
}

/* Takes the next record out of the window. False: more bytes are needed first. */
static bool take(struct weir_file_source *source, struct weir_bytes *value) {
    if (source->skipping && !skip_line(source)) return false;
    const char *data = source->window + source->begin;
    size_t len = source->end - source->begin;
    size_t frame = len ? source->codec->frame(data, len, source->at_end) : 0;
    *value = (struct weir_bytes){data, frame};
    if (frame == 0 && source->codec->lines && len > WEIR_RECORD_BYTES_MAX + 1) {
        value->len = WEIR_RECORD_BYTES_MAX + 1;
        source->begin = source->end;
        source->skipping = true;
        return true;
    }
    source->begin += frame;
    if (source->codec->lines) {
        if (value->len && data[value->len - 1] == '\n') value->len--;
        if (value->len && data[value->len - 1] == '\r') value->len--;
        if (frame && !source->begun) {
            source->begun = true;
            drop_byte_order_mark(value);
        }
    }
    if (value->len > WEIR_RECORD_BYTES_MAX) value->len = WEIR_RECORD_BYTES_MAX + 1;
    return frame > 0;
}

/* The next record that is not a blank line: WEIR_OK, WEIR_END, WEIR_AGAIN (none left in the window). */
static int next_record(struct weir_file_source *source, struct weir_bytes *value) {
    while (take(source, value))
        if (value->len > 0) return WEIR_OK;
    return source->at_end ? WEIR_END : WEIR_AGAIN;
}

static int read_header(struct weir_file_source *source, struct weir_coder *coder, struct weir_error *error) {
    struct weir_bytes row;
    struct weir_error why = {0};
    int result;
    while ((result = next_record(source, &row)) == WEIR_AGAIN) {
        result = refill(source, error);
        if (result) return result;
    }
    if (result == WEIR_END) return weir_error_set(error, WEIR_DATA, "%s is empty: no header", source->path);
    result = source->codec->decode_header(coder, row, &why);
    return result ? weir_error_set(error, result, "%s: %.300s", source->path, why.text) : WEIR_OK;
}

int weir_file_source_open(const char *path, const struct weir_codec *codec, struct weir_coder *coder,
                          struct weir_file_source **source, struct weir_error *error) {
    struct weir_file_source *made = calloc(1, sizeof *made);
    if (!made) return weir_error_set(error, WEIR_NOMEM, "no memory to read %s", path);
    made->codec = codec;
    made->capacity = WINDOW_BYTES;
    made->window = malloc(made->capacity);
    made->path = strdup(path);
    int result = WEIR_OK;
    if (!made->window || !made->path)
        result = weir_error_set(error, WEIR_NOMEM, "no memory to read %s", path);
    if (result == WEIR_OK) result = weir_input_stream_open(path, &made->stream, error);
    if (result == WEIR_OK && codec->decode_header) result = read_header(made, coder, error);
    if (result != WEIR_OK) {
        weir_file_source_close(made);
        return result;
    }
    *source = made;
    return WEIR_OK;
}

void weir_file_source_close(struct weir_file_source *source) {
    if (!source) return;
    weir_input_stream_close(source->stream);
    free(source->window);
    free(source->path);
    free(source);
}

int weir_file_source_read(struct weir_file_source *source, struct weir_record *records, uint32_t max,
                          struct weir_error *error) {
    uint32_t count = 0;
    while (count < max) {
        struct weir_bytes value;
        int result = next_record(source, &value);
        if (result != WEIR_OK) {
            if (count > 0) break; /* records handed out must not move */
            if (result == WEIR_END) return WEIR_END;
            result = refill(source, error);
            if (result) return result;
            continue;
        }
        records[count++] = (struct weir_record){.topic = source->path,
                                                .offset = ++source->row_count,
                                                .timestamp_ms = WEIR_NO_TIMESTAMP,
                                                .value = value};
    }
    return (int)count;
}
