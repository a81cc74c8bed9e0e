/* SPDX-License-Identifier: Apache-2.0 */
#include "weir/error.h"

#include <stdarg.h>
#include <stdio.h>

int weir_error_set(struct weir_error *error, int result, const char *format, ...) {
    if (error) {
        va_list args;
        va_start(args, format);
        error->result = result;
        vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return result;
}

const char *weir_result_name(int result) {
    static const char *const names[] = {"ok",      "again", "end",   "config", "data",
                                        "version", "limit", "nomem", "io",     "bug"};
    int i = -result;
    return i >= 0 && i < (int)(sizeof names / sizeof names[0]) ? names[i] : "unknown";
}
