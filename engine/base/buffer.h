/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h: bytes that grow; cleared, not freed, between batches.
 *
 * lifetime: init/deinit by its owner; `data` moves when it grows, so keep offsets, not pointers.
 * errors:   append verbs return WEIR_OK or WEIR_NOMEM; a failed append leaves the contents as they were.
 */
#ifndef WEIR_BASE_BUFFER_H
#define WEIR_BASE_BUFFER_H

#include <stddef.h>
#include <string.h>

#include "weir/error.h"

struct weir_buffer {
    char *data; /* not terminated unless weir_buffer_text is called */
    size_t len, capacity;
};

void weir_buffer_init(struct weir_buffer *buffer);
void weir_buffer_deinit(struct weir_buffer *buffer);
int weir_buffer_reserve(struct weir_buffer *buffer, size_t more); /* room for `more` bytes after len */
int weir_buffer_format(struct weir_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The contents as a terminated string, "" when empty. NULL: no memory. */
const char *weir_buffer_text(struct weir_buffer *buffer);

static inline void weir_buffer_clear(struct weir_buffer *buffer) { buffer->len = 0; }

static inline int weir_buffer_append(struct weir_buffer *buffer, const void *bytes, size_t len) {
    if (buffer->capacity - buffer->len < len && weir_buffer_reserve(buffer, len)) return WEIR_NOMEM;
    if (len) memcpy(buffer->data + buffer->len, bytes, len);
    buffer->len += len;
    return WEIR_OK;
}
static inline int weir_buffer_append_text(struct weir_buffer *buffer, const char *text) {
    return weir_buffer_append(buffer, text, strlen(text));
}
static inline int weir_buffer_append_char(struct weir_buffer *buffer, char c) {
    return weir_buffer_append(buffer, &c, 1);
}

#endif
