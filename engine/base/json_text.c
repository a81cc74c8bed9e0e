/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_text.h"

#include "base/utf8.h"

int weir_json_text(struct weir_buffer *out, const char *text, size_t len) {
    weir_buffer_append_char(out, '"');
    for (size_t i = 0; i < len;) {
        size_t bytes = weir_utf8_next(text + i, len - i, NULL);
        unsigned char c = (unsigned char)text[i];
        if (!bytes)
            weir_buffer_append_text(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            weir_buffer_format(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            weir_buffer_format(out, "\\u%04x", c);
        else
            weir_buffer_append(out, text + i, bytes);
        i += bytes ? bytes : 1;
    }
    return weir_buffer_append_char(out, '"');
}
