/* SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>

int weir_codec_refuse(struct weir_data_error *error, const char *code, const char *field, const char *format,
                      ...) {
    va_list args;
    error->code = code;
    error->field = field;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return WEIR_DATA;
}

int weir_codec_check_size(struct weir_bytes value, struct weir_data_error *error) {
    if (!value.data) return weir_codec_refuse(error, WEIR_REFUSE_EMPTY, NULL, "record has no value");
    if (value.len == 0) return weir_codec_refuse(error, WEIR_REFUSE_EMPTY, NULL, "record's value is empty");
    if (value.len > WEIR_RECORD_BYTES_MAX)
        return weir_codec_refuse(error, WEIR_REFUSE_SIZE, NULL, "record's value is longer than %u bytes",
                                 WEIR_RECORD_BYTES_MAX);
    return WEIR_OK;
}

const char *weir_codec_quote(const char *text, size_t len, char *out, size_t max) {
    size_t n = len < max - 1 ? len : max - 1;
    for (size_t i = 0; i < n; i++) out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[n] = '\0';
    return out;
}
