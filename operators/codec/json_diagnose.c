/* SPDX-License-Identifier: Apache-2.0 */
#include "json_diagnose.h"

#include <stdint.h>

#include "refusal.h"
#include "weir/number.h"

/* Position and first fault; the nesting is a stack of one bit per level: 1 = object. */
struct reading {
    const char *at, *end;
    const char *begin;
    uint64_t objects[4]; /* room for 256 levels */
    unsigned depth, depth_max;
    struct weir_json_fault fault;
};

static bool fail(struct reading *r, const char *code, const char *at, const char *text) {
    if (!r->fault.code) r->fault = (struct weir_json_fault){code, (size_t)(at - r->begin), text};
    return false;
}
static bool broken(struct reading *r, const char *text) { return fail(r, WEIR_REFUSE_GRAMMAR, r->at, text); }

static void skip_blanks(struct reading *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool in_object(const struct reading *r) { return r->objects[r->depth / 64] >> (r->depth % 64) & 1; }

/* --- text ------------------------------------------------------------------------------------------- */

static int hex4(const char *at, const char *end) {
    int value = 0;
    if (end - at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* At the 'u' of an escape. A surrogate must be the first half of a pair. */
static bool read_unicode_escape(struct reading *r) {
    const char *begin = r->at - 1;
    int unit = hex4(r->at + 1, r->end);
    if (unit < 0) return broken(r, "expected four hex digits after \\u");
    r->at += 5;
    if (unit < 0xd800 || unit > 0xdfff) return true;
    bool pair = unit < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u';
    int second = pair ? hex4(r->at + 2, r->end) : -1;
    if (second < 0xdc00 || second > 0xdfff) return fail(r, WEIR_REFUSE_UTF8, begin, "half a surrogate pair");
    r->at += 6;
    return true;
}

/* One character outside ASCII: no overlong form, no surrogate, nothing above U+10FFFF (RFC 3629). */
static bool read_utf8(struct reading *r) {
    const unsigned char *s = (const unsigned char *)r->at;
    size_t left = (size_t)(r->end - r->at);
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    bool ok = s[0] >= 0xc2 && s[0] <= 0xf4 && left >= len;
    for (size_t i = 1; ok && i < len; i++) ok = (s[i] & 0xc0) == 0x80;
    if (ok && s[0] == 0xe0) ok = s[1] >= 0xa0;
    if (ok && s[0] == 0xed) ok = s[1] < 0xa0;
    if (ok && s[0] == 0xf0) ok = s[1] >= 0x90;
    if (ok && s[0] == 0xf4) ok = s[1] < 0x90;
    if (!ok) return fail(r, WEIR_REFUSE_UTF8, r->at, "not UTF-8");
    r->at += len;
    return true;
}

static bool read_text(struct reading *r) {
    r->at++; /* the quote */
    while (r->at < r->end) {
        unsigned char c = (unsigned char)*r->at;
        if (c == '"') {
            r->at++;
            return true;
        }
        if (c >= 0x80) {
            if (!read_utf8(r)) return false;
        } else if (c < ' ') {
            return broken(r, "control character inside a string");
        } else if (c != '\\') {
            r->at++;
        } else {
            if (++r->at == r->end) break;
            if (*r->at == 'u') {
                if (!read_unicode_escape(r)) return false;
            } else if (*r->at && strchr("\"\\/bfnrt", *r->at)) {
                r->at++;
            } else {
                return broken(r, "unknown escape");
            }
        }
    }
    return broken(r, "string without end");
}

/* --- the rest --------------------------------------------------------------------------------------- */

static bool read_digits(struct reading *r) {
    const char *first = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return r->at > first || broken(r, "expected a digit");
}

static bool read_number(struct reading *r) {
    const char *first = r->at;
    double ignored;
    if (*r->at == '-') r->at++;
    bool zero = r->at < r->end && *r->at == '0';
    const char *digits = r->at;
    if (!read_digits(r)) return false;
    if (zero && r->at - digits > 1) return fail(r, WEIR_REFUSE_GRAMMAR, digits, "number with a leading zero");
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!read_digits(r)) return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
        if (!read_digits(r)) return false;
    }
    if (weir_number_parse(first, (size_t)(r->at - first), &ignored) == WEIR_LIMIT)
        return fail(r, WEIR_REFUSE_RANGE, first, "number out of the range of float64");
    return true;
}

static bool read_word(struct reading *r, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) return broken(r, "expected a value");
    r->at += len;
    return true;
}

static bool read_key(struct reading *r) {
    skip_blanks(r);
    if (r->at == r->end || *r->at != '"') return broken(r, "expected a key in quotes");
    if (!read_text(r)) return false;
    skip_blanks(r);
    if (r->at == r->end || *r->at != ':') return broken(r, "expected ':' after a key");
    r->at++;
    return true;
}

/* Opens a container; an empty one is a whole value (*open = false). */
static bool read_open(struct reading *r, bool *open) {
    bool object = *r->at == '{';
    if (r->depth == r->depth_max) return fail(r, WEIR_REFUSE_DEPTH, r->at, "nested too deeply");
    r->at++;
    skip_blanks(r);
    *open = !(r->at < r->end && *r->at == (object ? '}' : ']'));
    if (!*open) {
        r->at++;
        return true;
    }
    r->depth++;
    uint64_t bit = (uint64_t)1 << (r->depth % 64);
    r->objects[r->depth / 64] = (r->objects[r->depth / 64] & ~bit) | (object ? bit : 0);
    return !object || read_key(r);
}

/* After a value: ends of containers, then a comma or the end of the text (*done). */
static bool read_after_value(struct reading *r, bool *done) {
    for (;;) {
        skip_blanks(r);
        if (r->depth == 0) {
            *done = true;
            return r->at == r->end || broken(r, "text after the value");
        }
        bool object = in_object(r);
        if (r->at < r->end && *r->at == ',') {
            r->at++;
            return !object || read_key(r);
        }
        if (r->at == r->end || *r->at != (object ? '}' : ']'))
            return broken(r, object ? "expected ',' or '}'" : "expected ',' or ']'");
        r->at++;
        r->depth--;
    }
}

static bool read_value(struct reading *r, bool *open) {
    *open = false;
    skip_blanks(r);
    if (r->at == r->end) return broken(r, "text ends where a value is expected");
    switch (*r->at) {
        case '{':
        case '[':
            return read_open(r, open);
        case '"':
            return read_text(r);
        case 't':
            return read_word(r, "true");
        case 'f':
            return read_word(r, "false");
        case 'n':
            return read_word(r, "null");
        default:
            if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) return read_number(r);
            if ((unsigned char)*r->at >= 0x80 && !read_utf8(r)) return false;
            return broken(r, "expected a value");
    }
}

struct weir_json_fault weir_json_diagnose(const char *text, size_t len, unsigned depth_max) {
    struct reading r = {.at = text, .begin = text, .end = text + len};
    r.depth_max = depth_max < 255 ? depth_max : 255;
    for (bool done = false, open; !done;) {
        if (!read_value(&r, &open)) break;
        if (!open && !read_after_value(&r, &done)) break;
    }
    return r.fault;
}

/* --- widening --------------------------------------------------------------------------------------- */

/* The digits of an integer in [first, end): too large for int64 and uint64? */
static bool is_wide(const char *first, const char *end) {
    bool negative = *first == '-';
    uint64_t limit = negative ? (uint64_t)1 << 63 : UINT64_MAX, value = 0;
    for (const char *c = first + negative; c < end; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (value > (limit - digit) / 10) return true;
        value = value * 10 + digit;
    }
    return false;
}

int weir_json_widen(const char *text, size_t len, struct weir_buffer *out) {
    const char *at = text, *end = text + len;
    while (at < end) {
        const char *first = at;
        bool integer = false;
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                if (*at == '\\' && at + 1 < end) at++;
            if (at < end) at++;
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            integer = true;
            for (at++; at < end && (strchr("+-.eE", *at) || (*at >= '0' && *at <= '9')) && *at; at++)
                if (*at < '0' || *at > '9') integer = false;
        } else {
            at++;
        }
        if (weir_buffer_append(out, first, (size_t)(at - first))) return WEIR_NOMEM;
        if (integer && is_wide(first, at) && weir_buffer_append(out, "e0", 2)) return WEIR_NOMEM;
    }
    return WEIR_OK;
}
