/* SPDX-License-Identifier: Apache-2.0 */
/* token.h: reads untrusted MessagePack one token at a time.
 *
 * place:    bytes -> token -> state.c (snapshots), operators/codec/msgpack.c (events).
 * lifetime: borrows the bytes; a text or binary token points into them.
 * errors:   false at the end of the bytes, at a truncated token and at the byte 0xc1 that the format
 *           never uses; `pos` then stays where the token begins.
 * why:      msgpack-c writes for us, but its unpacker builds a tree and allocates by the lengths it
 *           reads: five bytes may ask for 64 GiB. Here a container is just its announced count, so
 *           the caller walks what is really there and nothing is allocated.
 */
#ifndef WEIR_BASE_TOKEN_H
#define WEIR_BASE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_token_kind {
    WEIR_TOKEN_NIL,
    WEIR_TOKEN_BOOL,
    WEIR_TOKEN_UINT, /* any integer >= 0 */
    WEIR_TOKEN_INT,  /* an integer < 0 */
    WEIR_TOKEN_FLOAT,
    WEIR_TOKEN_TEXT,
    WEIR_TOKEN_BINARY,
    WEIR_TOKEN_ARRAY, /* count values follow */
    WEIR_TOKEN_MAP,   /* 2 * count values follow */
    WEIR_TOKEN_EXTENSION,
};

struct weir_token {
    enum weir_token_kind kind;
    union {
        bool b;
        uint64_t u;
        int64_t i;
        double f;
        const char *bytes; /* text, binary, extension */
    } as;
    uint32_t len;     /* bytes of as.bytes, or count of a container */
    int8_t extension; /* its type; -1 is the format's timestamp */
};

struct weir_token_reader {
    const unsigned char *bytes;
    size_t len, pos;
};

bool weir_token_next(struct weir_token_reader *reader, struct weir_token *token);

/* The name of a kind for messages: "integer", "text"... Process lifetime. */
const char *weir_token_kind_name(enum weir_token_kind kind);

#endif
