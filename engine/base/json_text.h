/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.h: a string as a JSON string, for the few objects written by hand (summaries, findings). */
#ifndef WEIR_BASE_JSON_TEXT_H
#define WEIR_BASE_JSON_TEXT_H

#include "base/buffer.h"

/* Appends "text" quoted and escaped (RFC 8259); bytes that are not UTF-8 come out as U+FFFD. */
int weir_json_text(struct weir_buffer *out, const char *text, size_t len);

#endif
