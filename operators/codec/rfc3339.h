/* SPDX-License-Identifier: Apache-2.0 */
/* rfc3339.h: "2024-05-01T12:00:00.042Z" -> ms since 1970. */
#ifndef WEIR_CODEC_RFC3339_H
#define WEIR_CODEC_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole text must be a date-time of RFC 3339 (date, 'T', 't' or a blank, time, optional fraction, zone).
 * Digits beyond milliseconds are cut; second 60 counts as the next minute's first. */
bool weir_rfc3339_parse(const char *text, size_t len, int64_t *ms);

#endif
