/* SPDX-License-Identifier: Apache-2.0 */
/* measures.h: durations and sizes as a file writes them, and back. (weir_duration_parse is in pipeline.h.) */
#ifndef WEIR_CONFIG_MEASURES_H
#define WEIR_CONFIG_MEASURES_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_MEASURE_TEXT_MAX 32

/* "2GiB", "512MiB", "64KiB", "4096": bytes. WEIR_DATA when it is none or does not fit. */
int weir_size_parse(const char *text, size_t len, int64_t *bytes);
/* In the largest unit that divides it: 90000 -> "90s", 604800000 -> "1w"; 65536 -> "64KiB". Returns out. */
const char *weir_duration_format(int64_t ms, char out[WEIR_MEASURE_TEXT_MAX]);
const char *weir_size_format(int64_t bytes, char out[WEIR_MEASURE_TEXT_MAX]);

#endif
