/* SPDX-License-Identifier: Apache-2.0 */
/* token.c: the lead bytes of https://github.com/msgpack/msgpack/blob/master/spec.md, one case each. */
#include "base/token.h"

#include <string.h>

/* A big-endian integer of size bytes at pos, which moves behind it; false when the bytes end before. */
static bool take_number(const struct weir_token_reader *reader, size_t *pos, unsigned size, uint64_t *value) {
    if (reader->len - *pos < size) return false;
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) v = v << 8 | reader->bytes[*pos + i];
    *pos += size;
    *value = v;
    return true;
}

static bool take_bytes(struct weir_token_reader *reader, size_t pos, uint64_t len, struct weir_token *token) {
    if (reader->len - pos < len) return false;
    token->as.bytes = (const char *)reader->bytes + pos;
    token->len = (uint32_t)len;
    reader->pos = pos + (size_t)len;
    return true;
}

static bool take_counted(struct weir_token_reader *reader, size_t pos, unsigned size,
                         struct weir_token *token) {
    uint64_t len;
    return take_number(reader, &pos, size, &len) && take_bytes(reader, pos, len, token);
}

static bool take_extension(struct weir_token_reader *reader, size_t pos, uint64_t len,
                           struct weir_token *token) {
    uint64_t type;
    if (!take_number(reader, &pos, 1, &type)) return false;
    token->kind = WEIR_TOKEN_EXTENSION;
    token->extension = (int8_t)(uint8_t)type;
    return take_bytes(reader, pos, len, token);
}

static bool take_container(struct weir_token_reader *reader, size_t pos, unsigned size,
                           struct weir_token *token) {
    uint64_t count;
    if (!take_number(reader, &pos, size, &count)) return false;
    token->len = (uint32_t)count;
    reader->pos = pos;
    return true;
}

static bool take_unsigned(struct weir_token_reader *reader, size_t pos, unsigned size,
                          struct weir_token *token) {
    token->kind = WEIR_TOKEN_UINT;
    if (!take_number(reader, &pos, size, &token->as.u)) return false;
    reader->pos = pos;
    return true;
}

static bool take_signed(struct weir_token_reader *reader, size_t pos, unsigned size,
                        struct weir_token *token) {
    uint64_t bits;
    if (!take_number(reader, &pos, size, &bits)) return false;
    unsigned unused = 64 - 8 * size;
    int64_t value = (int64_t)(bits << unused) >> unused; /* sign extension */
    token->kind = value < 0 ? WEIR_TOKEN_INT : WEIR_TOKEN_UINT;
    if (value < 0)
        token->as.i = value;
    else
        token->as.u = (uint64_t)value;
    reader->pos = pos;
    return true;
}

static bool take_float(struct weir_token_reader *reader, size_t pos, unsigned size,
                       struct weir_token *token) {
    uint64_t bits;
    if (!take_number(reader, &pos, size, &bits)) return false;
    token->kind = WEIR_TOKEN_FLOAT;
    if (size == 4) {
        uint32_t narrow = (uint32_t)bits;
        float f;
        memcpy(&f, &narrow, sizeof f);
        token->as.f = (double)f;
    } else {
        memcpy(&token->as.f, &bits, sizeof bits); /* payload bits of a NaN included */
    }
    reader->pos = pos;
    return true;
}

/* Lead bytes that carry their own value or length. */
static bool take_short(struct weir_token_reader *reader, unsigned lead, struct weir_token *token) {
    size_t pos = reader->pos + 1;
    if (lead >= 0xe0) {
        token->kind = WEIR_TOKEN_INT;
        token->as.i = (int64_t)lead - 256;
    } else if (lead <= 0x7f) {
        token->kind = WEIR_TOKEN_UINT;
        token->as.u = lead;
    } else if (lead >= 0xa0) {
        token->kind = WEIR_TOKEN_TEXT;
        return take_bytes(reader, pos, lead & 31, token);
    } else {
        token->kind = lead < 0x90 ? WEIR_TOKEN_MAP : WEIR_TOKEN_ARRAY;
        token->len = lead & 15;
    }
    reader->pos = pos;
    return true;
}

bool weir_token_next(struct weir_token_reader *reader, struct weir_token *token) {
    if (reader->pos >= reader->len) return false;
    unsigned lead = reader->bytes[reader->pos];
    size_t pos = reader->pos + 1;
    if (lead < 0xc0 || lead >= 0xe0) return take_short(reader, lead, token);
    switch (lead) {
        case 0xc0:
            token->kind = WEIR_TOKEN_NIL;
            reader->pos = pos;
            return true;
        case 0xc2:
        case 0xc3:
            token->kind = WEIR_TOKEN_BOOL;
            token->as.b = lead == 0xc3;
            reader->pos = pos;
            return true;
        case 0xc4:
        case 0xc5:
        case 0xc6:
            token->kind = WEIR_TOKEN_BINARY;
            return take_counted(reader, pos, 1u << (lead - 0xc4), token);
        case 0xc7:
        case 0xc8:
        case 0xc9: {
            uint64_t len;
            return take_number(reader, &pos, 1u << (lead - 0xc7), &len) &&
                   take_extension(reader, pos, len, token);
        }
        case 0xca:
            return take_float(reader, pos, 4, token);
        case 0xcb:
            return take_float(reader, pos, 8, token);
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
            return take_unsigned(reader, pos, 1u << (lead - 0xcc), token);
        case 0xd0:
        case 0xd1:
        case 0xd2:
        case 0xd3:
            return take_signed(reader, pos, 1u << (lead - 0xd0), token);
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            return take_extension(reader, pos, 1u << (lead - 0xd4), token);
        case 0xd9:
        case 0xda:
        case 0xdb:
            token->kind = WEIR_TOKEN_TEXT;
            return take_counted(reader, pos, 1u << (lead - 0xd9), token);
        case 0xdc:
        case 0xdd:
            token->kind = WEIR_TOKEN_ARRAY;
            return take_container(reader, pos, 2u << (lead - 0xdc), token);
        case 0xde:
        case 0xdf:
            token->kind = WEIR_TOKEN_MAP;
            return take_container(reader, pos, 2u << (lead - 0xde), token);
        default:
            return false; /* 0xc1 */
    }
}

const char *weir_token_kind_name(enum weir_token_kind kind) {
    static const char *const names[] = {"nil",  "boolean", "integer", "integer", "float",
                                        "text", "binary",  "array",   "map",     "extension"};
    return names[kind];
}
