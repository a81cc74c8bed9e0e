/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void weir_buffer_init(struct weir_buffer *buffer) { memset(buffer, 0, sizeof *buffer); }

void weir_buffer_deinit(struct weir_buffer *buffer) {
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

int weir_buffer_reserve(struct weir_buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->len >= more) return WEIR_OK;
    if (more > SIZE_MAX / 4 - buffer->len) return WEIR_NOMEM;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity - buffer->len < more) capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data) return WEIR_NOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return WEIR_OK;
}

int weir_buffer_format(struct weir_buffer *buffer, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int result = len < 0 ? WEIR_NOMEM : weir_buffer_reserve(buffer, (size_t)len + 1);
    if (result == WEIR_OK) {
        vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
    return result;
}

const char *weir_buffer_text(struct weir_buffer *buffer) {
    if (weir_buffer_reserve(buffer, 1)) return NULL;
    buffer->data[buffer->len] = '\0';
    return buffer->data;
}
