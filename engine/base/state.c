/* SPDX-License-Identifier: Apache-2.0 */
/* state.c: snapshots as a plain sequence of MessagePack values.
 *
 * Layout: every write is one value. A head is text + unsigned, a double is float 64 (its bits, NaN payloads
 * too), an array of doubles is one binary of 8-byte little-endian patterns, bytes are one binary. Integers
 * take their shortest form, so a counter costs what it needs. Any msgpack tool can look into a snapshot.
 *
 * Reading checks kind, size and range of each value before it is used and allocates nothing, so a length in
 * the bytes can at most be wrong. (The checksum over a snapshot finds accidents; this finds the rest.)
 */
#include "weir/state.h"

#include <endian.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/token.h"
#include "weir/error.h"

struct weir_state_writer {
    struct weir_buffer buffer;
    msgpack_packer packer;
    int result; /* of the first failure */
};

struct weir_state_reader {
    struct weir_token_reader tokens;
    int result; /* of the first failure */
    char why[200];
};

/* --- writing -------------------------------------------------------------------------------------- */

static int append_packed(void *data, const char *bytes, size_t len) {
    struct weir_state_writer *writer = data;
    if (writer->result == WEIR_OK) writer->result = weir_buffer_append(&writer->buffer, bytes, len);
    return writer->result == WEIR_OK ? 0 : -1;
}

struct weir_state_writer *weir_state_writer_create(void) {
    struct weir_state_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return NULL;
    weir_buffer_init(&writer->buffer);
    msgpack_packer_init(&writer->packer, writer, append_packed);
    return writer;
}

void weir_state_writer_destroy(struct weir_state_writer *writer) {
    if (!writer) return;
    weir_buffer_deinit(&writer->buffer);
    free(writer);
}

const void *weir_state_writer_bytes(const struct weir_state_writer *writer, size_t *len) {
    *len = writer->buffer.len;
    return writer->buffer.data;
}

void weir_state_writer_fail(struct weir_state_writer *writer, int result) {
    if (writer->result == WEIR_OK) writer->result = result;
}

int weir_state_writer_result(const struct weir_state_writer *writer) { return writer->result; }

/* The packer's own results are not looked at below: append_packed has remembered the failure. */
void weir_state_write_head(struct weir_state_writer *writer, const char *name, uint32_t version) {
    size_t len = strlen(name);
    msgpack_pack_str(&writer->packer, len);
    msgpack_pack_str_body(&writer->packer, name, len);
    msgpack_pack_uint32(&writer->packer, version);
}

void weir_state_write_u64(struct weir_state_writer *writer, uint64_t value) {
    msgpack_pack_uint64(&writer->packer, value);
}

void weir_state_write_i64(struct weir_state_writer *writer, int64_t value) {
    msgpack_pack_int64(&writer->packer, value);
}

void weir_state_write_f64(struct weir_state_writer *writer, double value) {
    msgpack_pack_double(&writer->packer, value);
}

void weir_state_write_bool(struct weir_state_writer *writer, bool value) {
    if (value)
        msgpack_pack_true(&writer->packer);
    else
        msgpack_pack_false(&writer->packer);
}

/* A binary's length is 32 bits; more than that is no state of an operator. */
static bool begin_binary(struct weir_state_writer *writer, size_t len) {
    if (len > UINT32_MAX) {
        if (writer->result == WEIR_OK) writer->result = WEIR_LIMIT;
        return false;
    }
    msgpack_pack_bin(&writer->packer, len);
    return true;
}

void weir_state_write_f64s(struct weir_state_writer *writer, const double *values, size_t count) {
    if (count > UINT32_MAX / 8) count = UINT32_MAX; /* refused below */
    if (!begin_binary(writer, count * 8)) return;
    uint64_t chunk[64];
    while (count) {
        size_t n = count < 64 ? count : 64;
        for (size_t i = 0; i < n; i++) {
            uint64_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            chunk[i] = htole64(bits);
        }
        append_packed(writer, (const char *)chunk, n * 8);
        values += n;
        count -= n;
    }
}

void weir_state_write_bytes(struct weir_state_writer *writer, const void *bytes, size_t len) {
    if (begin_binary(writer, len)) append_packed(writer, bytes, len);
}

/* --- reading -------------------------------------------------------------------------------------- */

struct weir_state_reader *weir_state_reader_create(const void *bytes, size_t len) {
    struct weir_state_reader *reader = calloc(1, sizeof *reader);
    if (reader) reader->tokens = (struct weir_token_reader){.bytes = bytes, .len = len};
    return reader;
}

void weir_state_reader_destroy(struct weir_state_reader *reader) { free(reader); }

int weir_state_reader_result(const struct weir_state_reader *reader) { return reader->result; }

const char *weir_state_reader_why(const struct weir_state_reader *reader) { return reader->why; }

bool weir_state_reader_at_end(const struct weir_state_reader *reader) {
    return reader->tokens.pos == reader->tokens.len;
}

__attribute__((format(printf, 3, 4))) static void fail(struct weir_state_reader *reader, int result,
                                                       const char *format, ...) {
    if (reader->result != WEIR_OK) return;
    va_list args;
    va_start(args, format);
    vsnprintf(reader->why, sizeof reader->why, format, args);
    va_end(args);
    reader->result = result;
}

void weir_state_reader_fail(struct weir_state_reader *reader, int result, const char *why) {
    fail(reader, result, "%s", why);
}

void weir_state_reader_refuse(struct weir_state_reader *reader, const char *why) {
    fail(reader, WEIR_DATA, "%s", why);
}

/* The next value, which must be of this kind. */
static bool expect(struct weir_state_reader *reader, enum weir_token_kind kind, struct weir_token *token) {
    size_t at = reader->tokens.pos;
    if (reader->result != WEIR_OK) return false;
    if (!weir_token_next(&reader->tokens, token)) {
        fail(reader, WEIR_DATA, "state ends or is broken at byte %zu, where %s was expected", at,
             weir_token_kind_name(kind));
        return false;
    }
    if (token->kind == kind) return true;
    fail(reader, WEIR_DATA, "state has %s at byte %zu, where %s was expected",
         weir_token_kind_name(token->kind), at, weir_token_kind_name(kind));
    return false;
}

uint64_t weir_state_read_u64(struct weir_state_reader *reader, uint64_t max) {
    size_t at = reader->tokens.pos;
    struct weir_token token;
    if (!expect(reader, WEIR_TOKEN_UINT, &token)) return 0;
    if (token.as.u <= max) return token.as.u;
    fail(reader, WEIR_DATA, "state has %llu at byte %zu, more than %llu", (unsigned long long)token.as.u, at,
         (unsigned long long)max);
    return 0;
}

uint32_t weir_state_read_head(struct weir_state_reader *reader, const char *name, uint32_t newest) {
    struct weir_token token;
    if (!expect(reader, WEIR_TOKEN_TEXT, &token)) return 0;
    if (token.len != strlen(name) || memcmp(token.as.bytes, name, token.len) != 0) {
        fail(reader, WEIR_DATA, "state is of another kind than %s", name);
        return 0;
    }
    uint32_t version = (uint32_t)weir_state_read_u64(reader, UINT32_MAX);
    if (reader->result != WEIR_OK) return 0;
    if (version == 0) {
        fail(reader, WEIR_DATA, "state of %s has version 0", name);
        return 0;
    }
    if (version > newest) {
        fail(reader, WEIR_VERSION, "state of %s has version %u, this program knows up to %u", name, version,
             newest);
        return 0;
    }
    return version;
}

int64_t weir_state_read_i64(struct weir_state_reader *reader) {
    struct weir_token_reader before = reader->tokens;
    struct weir_token token;
    if (reader->result == WEIR_OK && weir_token_next(&reader->tokens, &token) && token.kind == WEIR_TOKEN_INT)
        return token.as.i;
    reader->tokens = before; /* not negative: then it must be this */
    return (int64_t)weir_state_read_u64(reader, INT64_MAX);
}

double weir_state_read_f64(struct weir_state_reader *reader) {
    struct weir_token token;
    return expect(reader, WEIR_TOKEN_FLOAT, &token) ? token.as.f : 0;
}

bool weir_state_read_bool(struct weir_state_reader *reader) {
    struct weir_token token;
    return expect(reader, WEIR_TOKEN_BOOL, &token) ? token.as.b : false;
}

void weir_state_read_f64s(struct weir_state_reader *reader, double *values, size_t count) {
    struct weir_token token = {0};
    bool fits = expect(reader, WEIR_TOKEN_BINARY, &token) && token.len / 8 == count && token.len % 8 == 0;
    if (!fits) {
        fail(reader, WEIR_DATA, "state has %u bytes where %zu doubles were expected", token.len, count);
        if (count) memset(values, 0, count * sizeof *values);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, token.as.bytes + 8 * i, sizeof bits);
        bits = le64toh(bits);
        memcpy(&values[i], &bits, sizeof bits);
    }
}

const void *weir_state_read_view(struct weir_state_reader *reader, size_t *len) {
    struct weir_token token;
    *len = 0;
    if (!expect(reader, WEIR_TOKEN_BINARY, &token)) return NULL;
    *len = token.len;
    return token.as.bytes;
}

size_t weir_state_read_bytes(struct weir_state_reader *reader, void *out, size_t max) {
    struct weir_token token;
    if (!expect(reader, WEIR_TOKEN_BINARY, &token)) return 0;
    if (token.len > max) {
        fail(reader, WEIR_DATA, "state has %u bytes where at most %zu were expected", token.len, max);
        return 0;
    }
    if (token.len) memcpy(out, token.as.bytes, token.len);
    return token.len;
}
