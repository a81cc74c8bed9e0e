/* SPDX-License-Identifier: Apache-2.0 */
/* log.h: lines for people on stderr. Never called by the core or by operators.
 *
 * threads: any; a line is one write.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

enum weir_log_level { WEIR_LOG_ERROR, WEIR_LOG_WARNING, WEIR_LOG_INFO, WEIR_LOG_DEBUG };

/* Process-wide; default info. Set once at start. */
void weir_log_set_level(enum weir_log_level level);
void weir_log(enum weir_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
