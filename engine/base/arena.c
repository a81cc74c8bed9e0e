/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weir_arena_block {
    struct weir_arena_block *older;
    size_t bytes; /* of payload */
};

#define BLOCK_MIN_BYTES ((size_t)16 * 1024)
#define HEAD_BYTES ((sizeof(struct weir_arena_block) + 15) & ~(size_t)15)

static char *payload(struct weir_arena_block *block) { return (char *)block + HEAD_BYTES; }

void weir_arena_init(struct weir_arena *arena) { memset(arena, 0, sizeof *arena); }

static void free_blocks(struct weir_arena_block *block) {
    while (block) {
        struct weir_arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void weir_arena_deinit(struct weir_arena *arena) {
    free_blocks(arena->block);
    memset(arena, 0, sizeof *arena);
}

/* The newest block is also the largest, so keeping it alone is enough for another batch like the last. */
void weir_arena_reset(struct weir_arena *arena) {
    struct weir_arena_block *block = arena->block;
    arena->used_bytes = 0;
    if (!block) return;
    free_blocks(block->older);
    block->older = NULL;
    arena->next = payload(block);
    arena->end = arena->next + block->bytes;
}

void *weir_arena_grow(struct weir_arena *arena, size_t bytes) {
    if (bytes == 0) bytes = 16;
    size_t want = arena->block ? arena->block->bytes * 2 : BLOCK_MIN_BYTES;
    if (bytes > SIZE_MAX / 4) return NULL;
    while (want < bytes) want *= 2;
    struct weir_arena_block *block = malloc(HEAD_BYTES + want);
    if (!block) return NULL;
    block->older = arena->block;
    block->bytes = want;
    arena->block = block;
    arena->next = payload(block) + bytes;
    arena->end = payload(block) + want;
    arena->used_bytes += bytes;
    return payload(block);
}

char *weir_arena_copy(struct weir_arena *arena, const char *bytes, size_t len) {
    char *copy = weir_arena_alloc(arena, len + 1);
    if (!copy) return NULL;
    if (len) memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *weir_arena_format(struct weir_arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : weir_arena_alloc(arena, (size_t)len + 1);
    if (text) vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}
