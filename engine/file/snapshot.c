/* SPDX-License-Identifier: Apache-2.0 */
#include "file/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "file/numbered.h"
#include "weir/state.h"

#define FORMAT_VERSION 1
#define PIECE_BYTES ((size_t)1 << 20)
#define FRAME_BYTES 12 /* u32 length, u64 digest */
#define PATH_BYTES WEIR_PATH_BYTES

/* ---- chunks ---- */

static void put_le(unsigned char *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_le(const unsigned char *from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8 * i);
    return value;
}

/* Over the length too: a length that was flipped must not be believed. */
static uint64_t digest_of(const void *bytes, size_t len) { return XXH3_64bits_withSeed(bytes, len, len); }

static int put_chunk(struct weir_buffer *out, const void *bytes, size_t len, struct weir_buffer *digests) {
    unsigned char frame[FRAME_BYTES];
    put_le(frame, len, 4);
    put_le(frame + 4, digest_of(bytes, len), 8);
    if (weir_buffer_append(digests, frame + 4, 8)) return WEIR_NOMEM;
    if (weir_buffer_append(out, frame, sizeof frame)) return WEIR_NOMEM;
    return weir_buffer_append(out, bytes, len);
}

static int put_state(struct weir_buffer *out, struct weir_state_writer *writer, struct weir_buffer *digests) {
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    int result = weir_state_writer_result(writer);
    if (!result) result = put_chunk(out, bytes, len, digests);
    weir_state_writer_destroy(writer);
    return result;
}

static int put_head(struct weir_buffer *out, const struct weir_snapshot_head *head, size_t payload_len,
                    struct weir_buffer *digests) {
    struct weir_state_writer *writer = weir_state_writer_create();
    if (!writer) return WEIR_NOMEM;
    weir_state_write_head(writer, "snapshot/head", FORMAT_VERSION);
    weir_state_write_bytes(writer, head->pipeline, strlen(head->pipeline));
    weir_state_write_bytes(writer, head->topic, strlen(head->topic));
    weir_state_write_i64(writer, head->partition);
    weir_state_write_i64(writer, head->position);
    weir_state_write_u64(writer, payload_len);
    return put_state(out, writer, digests);
}

static int put_root(struct weir_buffer *out, struct weir_buffer *digests) {
    struct weir_state_writer *writer = weir_state_writer_create();
    if (!writer) return WEIR_NOMEM;
    weir_state_write_head(writer, "snapshot/root", FORMAT_VERSION);
    weir_state_write_u64(writer, digests->len / 8);
    weir_state_write_u64(writer, XXH3_64bits(digests->data, digests->len));
    return put_state(out, writer, digests);
}

static int build(const struct weir_snapshot_head *head, const char *payload, size_t len,
                 struct weir_buffer *out) {
    struct weir_buffer digests;
    weir_buffer_init(&digests);
    int result = put_head(out, head, len, &digests);
    for (size_t at = 0; at < len && !result; at += PIECE_BYTES)
        result = put_chunk(out, payload + at, len - at < PIECE_BYTES ? len - at : PIECE_BYTES, &digests);
    if (!result) result = put_root(out, &digests);
    weir_buffer_deinit(&digests);
    return result;
}

/* ---- reading ---- */

struct reading {
    const unsigned char *bytes;
    size_t len, at;
    uint64_t chunk; /* number of the next one */
    struct weir_buffer digests;
    struct weir_error *error;
};

static int refuse(const struct reading *reading, const char *why) {
    return weir_error_set(reading->error, WEIR_DATA, "chunk %" PRIu64 " %s", reading->chunk, why);
}

/* The next chunk's bytes, checked. */
static int next_chunk(struct reading *reading, const unsigned char **bytes, size_t *len) {
    if (reading->len - reading->at < FRAME_BYTES) return refuse(reading, "is missing: the file is cut");
    const unsigned char *frame = reading->bytes + reading->at;
    size_t claimed = (size_t)get_le(frame, 4);
    if (reading->len - reading->at - FRAME_BYTES < claimed)
        return refuse(reading, "is longer than the file: it is cut or damaged");
    if (digest_of(frame + FRAME_BYTES, claimed) != get_le(frame + 4, 8))
        return refuse(reading, "is damaged: its checksum does not fit");
    *bytes = frame + FRAME_BYTES;
    *len = claimed;
    reading->at += FRAME_BYTES + claimed;
    return weir_buffer_append(&reading->digests, frame + 4, 8);
}

static void read_text(struct weir_state_reader *reader, char out[WEIR_SNAPSHOT_NAME_MAX]) {
    size_t len = weir_state_read_bytes(reader, out, WEIR_SNAPSHOT_NAME_MAX - 1);
    out[len] = '\0';
}

static int read_head(struct reading *reading, struct weir_snapshot_head *head, uint64_t *payload_len) {
    const unsigned char *bytes;
    size_t len;
    int result = next_chunk(reading, &bytes, &len);
    if (result) return result;
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    if (!reader) return WEIR_NOMEM;
    memset(head, 0, sizeof *head);
    weir_state_read_head(reader, "snapshot/head", FORMAT_VERSION);
    read_text(reader, head->pipeline);
    read_text(reader, head->topic);
    int64_t partition = weir_state_read_i64(reader);
    head->position = weir_state_read_i64(reader);
    *payload_len = weir_state_read_u64(reader, UINT64_MAX);
    if (partition < 0 || partition > INT32_MAX)
        weir_state_reader_refuse(reader, "the partition is out of range");
    head->partition = (int32_t)partition;
    result = weir_state_reader_result(reader);
    if (result) weir_error_set(reading->error, result, "chunk 0 (head): %s", weir_state_reader_why(reader));
    weir_state_reader_destroy(reader);
    reading->chunk++;
    return result;
}

static int read_root(struct reading *reading) {
    const unsigned char *bytes;
    size_t len, covered = reading->digests.len;
    int result = next_chunk(reading, &bytes, &len);
    if (result) return result;
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    if (!reader) return WEIR_NOMEM;
    weir_state_read_head(reader, "snapshot/root", FORMAT_VERSION);
    uint64_t count = weir_state_read_u64(reader, UINT64_MAX);
    uint64_t root = weir_state_read_u64(reader, UINT64_MAX);
    result = weir_state_reader_result(reader);
    if (result)
        weir_error_set(reading->error, result, "chunk %" PRIu64 " (root): %s", reading->chunk,
                       weir_state_reader_why(reader));
    else if (count != covered / 8 || root != XXH3_64bits(reading->digests.data, covered))
        result = refuse(reading,
                        "(root) does not fit the chunks before it: some were swapped or come from elsewhere");
    else if (reading->at != reading->len)
        result = refuse(reading, "(root) is followed by more bytes");
    weir_state_reader_destroy(reader);
    return result;
}

static int read_payload(struct reading *reading, uint64_t total, struct weir_buffer *payload) {
    weir_buffer_clear(payload);
    if (total > reading->len)
        return refuse(reading, "is missing: the head announces more bytes than the file has");
    if (weir_buffer_reserve(payload, (size_t)total + 1)) return WEIR_NOMEM;
    while (payload->len < total) {
        const unsigned char *bytes;
        size_t len;
        int result = next_chunk(reading, &bytes, &len);
        if (result) return result;
        if (len == 0 || len > total - payload->len)
            return refuse(reading, "has a length the head does not allow");
        weir_buffer_append(payload, bytes, len);
        reading->chunk++;
    }
    return WEIR_OK;
}

int weir_snapshot_parse(const void *bytes, size_t len, struct weir_snapshot_head *head,
                        struct weir_buffer *payload, struct weir_error *error) {
    struct reading reading = {.bytes = bytes, .len = len, .error = error};
    uint64_t payload_len = 0;
    weir_buffer_init(&reading.digests);
    int result = read_head(&reading, head, &payload_len);
    if (!result) result = read_payload(&reading, payload_len, payload);
    if (!result) result = read_root(&reading);
    weir_buffer_deinit(&reading.digests);
    return result;
}

/* ---- files ---- */

static int make_folder(const char *dir, const char *pipeline, char folder[PATH_BYTES],
                       struct weir_error *error) {
    snprintf(folder, PATH_BYTES, "%s", dir);
    if (mkdir(folder, 0700) && errno != EEXIST) return weir_durable_error(error, "create", folder);
    snprintf(folder, PATH_BYTES, "%s/%s", dir, pipeline);
    if (mkdir(folder, 0700) && errno != EEXIST) return weir_durable_error(error, "create", folder);
    return WEIR_OK;
}

int weir_snapshot_prepare(const char *dir, const char *pipeline, struct weir_error *error) {
    char folder[PATH_BYTES];
    int result = make_folder(dir, pipeline, folder, error);
    if (!result && access(folder, R_OK | W_OK | X_OK)) result = weir_durable_error(error, "use", folder);
    return result;
}

static int write_file(const char *path, const char *folder, const struct weir_snapshot_head *head,
                      const void *payload, size_t len, struct weir_error *error) {
    struct weir_buffer bytes;
    weir_buffer_init(&bytes);
    int result = build(head, payload, len, &bytes);
    if (result) weir_error_set(error, result, "no memory for a snapshot of %zu bytes", len);
    int fd = result ? result : weir_durable_create(path, error);
    if (fd < 0) result = fd;
    if (!result) result = weir_durable_append(fd, path, bytes.data, bytes.len, error);
    if (!result)
        result = weir_durable_publish(fd, path, folder, error);
    else if (fd >= 0)
        weir_durable_abandon(fd, path);
    weir_buffer_deinit(&bytes);
    return result;
}

int weir_snapshot_export(const char *path, const struct weir_snapshot_head *head, const void *payload,
                         size_t len, struct weir_error *error) {
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t folder_len = slash ? (size_t)(slash - path) : 1;
    snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)folder_len, slash ? path : ".");
    return write_file(path, folder, head, payload, len, error);
}

int weir_snapshot_read(const char *dir, const char *pipeline, int32_t partition, int64_t position,
                       struct weir_snapshot_head *head, struct weir_buffer *payload,
                       struct weir_error *error) {
    char path[PATH_BYTES];
    struct stat facts;
    struct weir_error why = {0};
    weir_numbered_path(path, dir, pipeline, partition, position, WEIR_SNAPSHOT_ENDING);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return weir_durable_error(error, "open", path);
    int result = fstat(fd, &facts) ? weir_durable_error(error, "read", path) : WEIR_OK;
    char *bytes = result ? NULL : malloc((size_t)facts.st_size + 1);
    size_t len = 0;
    while (bytes && len < (size_t)facts.st_size) {
        ssize_t got = read(fd, bytes + len, (size_t)facts.st_size - len);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        len += (size_t)got;
    }
    close(fd);
    if (!result && !bytes) result = weir_error_set(error, WEIR_NOMEM, "no memory to read %s", path);
    if (!result) {
        result = weir_snapshot_parse(bytes, len, head, payload, &why);
        if (!result && (strcmp(head->pipeline, pipeline) != 0 || head->partition != partition ||
                        head->position != position))
            result = weir_error_set(&why, WEIR_DATA,
                                    "chunk 0 (head) belongs to pipeline %s, partition %d, position %" PRId64,
                                    head->pipeline, head->partition, head->position);
        if (result) weir_error_set(error, result, "%s: %s", path, why.text);
    }
    free(bytes);
    return result;
}
