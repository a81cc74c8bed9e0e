/* SPDX-License-Identifier: Apache-2.0 */
#include "rfc3339.h"

/* Takes exactly count digits. */
static bool take_digits(const char **at, const char *end, int count, int *value) {
    *value = 0;
    for (; count > 0; count--, (*at)++) {
        if (*at == end || **at < '0' || **at > '9') return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_char(const char **at, const char *end, char wanted) {
    if (*at == end || **at != wanted) return false;
    (*at)++;
    return true;
}

static bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static bool take_date(const char **at, const char *end, int64_t *days) {
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const int before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int year, month, day;
    if (!take_digits(at, end, 4, &year) || !take_char(at, end, '-') || !take_digits(at, end, 2, &month) ||
        !take_char(at, end, '-') || !take_digits(at, end, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1) return false;
    if (day > month_days[month - 1] + (month == 2 && is_leap(year))) return false;
    /* Days since 0000-01-01: whole years, then their leap days (year 0 is one), then this year's. */
    int64_t leaps = year == 0 ? 0 : (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1;
    int64_t since_zero = 365 * (int64_t)year + leaps + before_month[month - 1] + day - 1;
    if (month > 2 && is_leap(year)) since_zero++;
    *days = since_zero - 719528; /* 1970-01-01 */
    return true;
}

static bool take_time(const char **at, const char *end, int64_t *ms) {
    int hour, minute, second, fraction = 0, scale = 100;
    if (!take_digits(at, end, 2, &hour) || !take_char(at, end, ':') || !take_digits(at, end, 2, &minute) ||
        !take_char(at, end, ':') || !take_digits(at, end, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60) return false;
    if (take_char(at, end, '.')) {
        const char *first = *at;
        for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
            fraction += (**at - '0') * scale;
        if (*at == first) return false;
    }
    *ms = ((int64_t)hour * 3600 + minute * 60 + second) * 1000 + fraction;
    return true;
}

static bool take_zone(const char **at, const char *end, int64_t *offset_ms) {
    int hour, minute;
    *offset_ms = 0;
    if (take_char(at, end, 'Z') || take_char(at, end, 'z')) return true;
    bool west = take_char(at, end, '-');
    if (!west && !take_char(at, end, '+')) return false;
    if (!take_digits(at, end, 2, &hour) || !take_char(at, end, ':') || !take_digits(at, end, 2, &minute))
        return false;
    if (hour > 23 || minute > 59) return false;
    *offset_ms = ((int64_t)hour * 60 + minute) * 60000 * (west ? -1 : 1);
    return true;
}

bool weir_rfc3339_parse(const char *text, size_t len, int64_t *ms) {
    const char *at = text, *end = text + len;
    int64_t days, time_ms, offset_ms;
    if (!take_date(&at, end, &days)) return false;
    if (!take_char(&at, end, 'T') && !take_char(&at, end, 't') && !take_char(&at, end, ' ')) return false;
    if (!take_time(&at, end, &time_ms) || !take_zone(&at, end, &offset_ms) || at != end) return false;
    *ms = days * 86400000 + time_ms - offset_ms;
    return true;
}
