// SPDX-License-Identifier: Apache-2.0
// json_simdjson.cc: the one C++ file: simdjson's parser and the standard library's number conversions behind
// C functions. Nothing in it throws: simdjson answers with error codes, new is the nothrow one, <charconv> is
// noexcept.
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <new>

extern "C" {
#include "json_simdjson.h"
#include "weir/error.h"
#include "weir/number.h"

struct weir_json_parser {
    simdjson::dom::parser parser;
};

weir_json_parser *weir_json_parser_create(void) { return new (std::nothrow) weir_json_parser; }

void weir_json_parser_destroy(weir_json_parser *parser) { delete parser; }

int weir_json_parse(weir_json_parser *parser, const char *padded, size_t len, weir_json_tape *tape) {
    simdjson::dom::parser &dom = parser->parser;
    if (dom.capacity() < len) {
        size_t capacity = 4096;
        while (capacity < len) capacity *= 2;
        /* The document too: left to itself it grows to the exact length of each longer record. */
        if (dom.allocate(capacity, WEIR_JSON_DEPTH_MAX + 1) || dom.doc.allocate(capacity)) return WEIR_NOMEM;
    }
    simdjson::error_code code = dom.parse(padded, len, false).error();
    if (code) return code == simdjson::MEMALLOC ? WEIR_NOMEM : WEIR_DATA;
    tape->words = dom.doc.tape.get();
    tape->strings = dom.doc.string_buf.get();
    return WEIR_OK;
}

bool weir_utf8_valid(const char *text, size_t len) { return simdjson::validate_utf8(text, len); }

size_t weir_number_format(double value, char out[WEIR_NUMBER_TEXT_MAX]) {
    if (!std::isfinite(value)) {
        const char *name = std::isnan(value) ? "NaN" : value < 0 ? "-inf" : "inf";
        std::strcpy(out, name);
        return std::strlen(name);
    }
    double size = std::fabs(value);
    bool fixed = value == 0 || (size >= 1e-5 && size < 1e16);
    char *end = std::to_chars(out, out + WEIR_NUMBER_TEXT_MAX - 3, value,
                              fixed ? std::chars_format::fixed : std::chars_format::scientific)
                    .ptr;
    if (fixed && !std::memchr(out, '.', static_cast<size_t>(end - out))) {
        *end++ = '.';
        *end++ = '0';
    }
    *end = '\0';
    return static_cast<size_t>(end - out);
}

size_t weir_integer_format(int64_t value, char out[WEIR_NUMBER_TEXT_MAX]) {
    char *end = std::to_chars(out, out + WEIR_NUMBER_TEXT_MAX - 1, value).ptr;
    *end = '\0';
    return static_cast<size_t>(end - out);
}

// from_chars says "out of range" for both ends. The power of ten of the first digit that is not zero tells
// them apart: doubles end near 1e308 and 1e-324, so its sign is enough.
static bool is_tiny(const char *text, const char *end) {
    long power = -1, exponent = 0;
    bool point = false, digit = false;
    for (; text < end && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.') {
            point = true;
        } else if (*text != '-') {
            if (*text != '0') digit = true;
            if (digit && !point) power++;
            if (!digit && point) power--;
        }
    }
    if (text < end) {
        text++;
        bool negative = text < end && *text == '-';
        for (; text < end; text++)
            if (*text >= '0' && *text <= '9' && exponent < 100000000)
                exponent = exponent * 10 + (*text - '0');
        if (negative) exponent = -exponent;
    }
    return power + exponent < 0;
}

int weir_number_parse(const char *text, size_t len, double *value) {
    const char *end = text + len;
    double parsed = 0;
    if (len == 0 || end[-1] == ')') return WEIR_DATA;  // no "nan(payload)"
    std::from_chars_result result = std::from_chars(text, end, parsed);
    if (result.ptr != end || result.ec == std::errc::invalid_argument) return WEIR_DATA;
    if (result.ec == std::errc::result_out_of_range) {
        if (!is_tiny(text, end)) return WEIR_LIMIT;
        parsed = *text == '-' ? -0.0 : 0.0;
    }
    *value = parsed;
    return WEIR_OK;
}

int weir_integer_parse(const char *text, size_t len, int64_t *value) {
    int64_t parsed = 0;
    std::from_chars_result result = std::from_chars(text, text + len, parsed);
    if (len == 0 || result.ptr != text + len || result.ec == std::errc::invalid_argument) return WEIR_DATA;
    if (result.ec == std::errc::result_out_of_range) return WEIR_LIMIT;
    *value = parsed;
    return WEIR_OK;
}
}
