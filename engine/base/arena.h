/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h: memory of batch lifetime: bump allocation, freed all at once by reset.
 *
 * lifetime: what is allocated lives until weir_arena_reset or _deinit.
 * threads:  one owner.
 * limits:   grows by doubling blocks; after reset keeps one block large enough for the last batch, so a
 *           steady stream allocates nothing.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stddef.h>

struct weir_arena_block;
struct weir_arena {
    char *next, *end;               /* free part of the newest block */
    struct weir_arena_block *block; /* newest first */
    size_t used_bytes;              /* since the last reset */
};

void weir_arena_init(struct weir_arena *arena);
void weir_arena_deinit(struct weir_arena *arena);
void weir_arena_reset(struct weir_arena *arena);
void *weir_arena_grow(struct weir_arena *arena, size_t bytes); /* slow path of alloc */

/* 16-byte aligned, not zeroed. NULL: no memory. */
static inline void *weir_arena_alloc(struct weir_arena *arena, size_t bytes) {
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if ((size_t)(arena->end - arena->next) >= rounded && rounded) {
        void *p = arena->next;
        arena->next += rounded;
        arena->used_bytes += rounded;
        return p;
    }
    return weir_arena_grow(arena, rounded);
}

/* Copies len bytes and terminates them. NULL: no memory. */
char *weir_arena_copy(struct weir_arena *arena, const char *bytes, size_t len);
char *weir_arena_format(struct weir_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
