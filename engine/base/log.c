/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum weir_log_level finest_level = WEIR_LOG_INFO;

void weir_log_set_level(enum weir_log_level level) { finest_level = level; }

void weir_log(enum weir_log_level level, const char *format, ...) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[1200];
    struct timespec now;
    struct tm utc;
    va_list args;
    if (level > finest_level) return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    len +=
        (size_t)snprintf(line + len, sizeof line - len, ".%03ldZ %s: ", now.tv_nsec / 1000000, names[level]);
    va_start(args, format);
    int wrote = vsnprintf(line + len, sizeof line - len - 1, format, args);
    va_end(args);
    if (wrote > 0) len += (size_t)wrote < sizeof line - len - 1 ? (size_t)wrote : sizeof line - len - 2;
    line[len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
}
