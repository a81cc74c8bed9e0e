/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/lexer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
/* Bytes above ASCII belong to names: columns may be called `größe`. */
static bool starts_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool in_name(char c) { return starts_name(c) || is_digit(c); }

static char peek(const struct weir_lexer *lexer, uint32_t ahead) {
    uint32_t at = lexer->at + ahead;
    return at < lexer->place->len ? lexer->place->text[at] : '\0';
}

static struct weir_expr_token bad(struct weir_lexer *lexer, struct weir_expr_token token, const char *code,
                                  const char *text, const char *help) {
    token.kind = WEIR_EXPR_TOKEN_BAD;
    token.end = lexer->at;
    weir_expr_place_report(lexer->place, code, token.begin, token.end, "%s", text);
    if (help) weir_diag_help(lexer->place->diags, "%s", help);
    return token;
}

static const struct {
    const char *unit;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

/* The letters after a number: 10m, 24h. */
static struct weir_expr_token duration(struct weir_lexer *lexer, struct weir_expr_token token,
                                       const char *digits, bool whole) {
    const char *unit = lexer->place->text + lexer->at;
    uint32_t len = 0;
    while (in_name(peek(lexer, len))) len++;
    lexer->at += len;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].unit) != len || memcmp(units[i].unit, unit, len)) continue;
        if (!whole)
            return bad(lexer, token, "E207", "a duration is a whole number and a unit", "write 90m for 1.5h");
        char *end;
        unsigned long long n = strtoull(digits, &end, 10);
        if (n > (unsigned long long)(INT64_MAX / units[i].ms) || strlen(digits) > 19)
            return bad(lexer, token, "E207", "duration is too long", NULL);
        token.kind = WEIR_EXPR_TOKEN_DURATION;
        token.i = (int64_t)n * units[i].ms;
        token.end = lexer->at;
        return token;
    }
    return bad(lexer, token, "E207", "unknown unit in a duration",
               "units are ms, s, m, h and d: 500ms, 10m, 7d");
}

static struct weir_expr_token number(struct weir_lexer *lexer, struct weir_expr_token token) {
    char digits[NUMBER_BYTES_MAX];
    bool whole = true;
    while (is_digit(peek(lexer, 0))) lexer->at++;
    if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
        whole = false;
        lexer->at++;
        while (is_digit(peek(lexer, 0))) lexer->at++;
    }
    char e = peek(lexer, 0);
    uint32_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
    if ((e == 'e' || e == 'E') && is_digit(peek(lexer, 1 + sign))) {
        whole = false;
        lexer->at += 1 + sign;
        while (is_digit(peek(lexer, 0))) lexer->at++;
    }
    uint32_t len = lexer->at - token.begin;
    if (len >= sizeof digits) return bad(lexer, token, "E201", "number has too many digits", NULL);
    memcpy(digits, lexer->place->text + token.begin, len);
    digits[len] = '\0';
    if (starts_name(peek(lexer, 0))) return duration(lexer, token, digits, whole);

    token.end = lexer->at;
    if (whole) {
        token.kind = WEIR_EXPR_TOKEN_INTEGER;
        for (uint32_t i = 0; i < len; i++)
            if (__builtin_mul_overflow(token.i, 10, &token.i) ||
                __builtin_add_overflow(token.i, digits[i] - '0', &token.i))
                return bad(lexer, token, "E201", "integer does not fit into int64",
                           "write it with a point or exponent (1e19) for a float64");
        return token;
    }
    token.kind = WEIR_EXPR_TOKEN_FLOAT;
    token.f = strtod(digits, NULL);
    if (isinf(token.f)) return bad(lexer, token, "E201", "number does not fit into float64", NULL);
    return token;
}

static struct weir_expr_token string(struct weir_lexer *lexer, struct weir_expr_token token) {
    char quote = peek(lexer, 0);
    char *out = weir_arena_alloc(lexer->arena, lexer->place->len + 1);
    lexer->at++;
    while (out && lexer->at < lexer->place->len && peek(lexer, 0) != quote) {
        char c = peek(lexer, 0);
        if (c == '\\') {
            char escaped = peek(lexer, 1);
            if (escaped == 'n')
                c = '\n';
            else if (escaped == 't')
                c = '\t';
            else if (escaped == '\\' || escaped == '"' || escaped == '\'')
                c = escaped;
            else {
                token.begin = lexer->at;
                lexer->at += lexer->at + 1 < lexer->place->len ? 2 : 1;
                struct weir_expr_token wrong = bad(lexer, token, "E201", "unknown escape in a string",
                                                   "known are \\\\ \\\" \\' \\n \\t");
                while (lexer->at < lexer->place->len && peek(lexer, 0) != quote) lexer->at++;
                lexer->at++;
                if (lexer->at > lexer->place->len) lexer->at = lexer->place->len;
                return wrong;
            }
            lexer->at++;
        }
        out[token.len++] = c;
        lexer->at++;
    }
    if (!out || lexer->at >= lexer->place->len)
        return bad(lexer, token, "E201", "string is not closed", NULL);
    lexer->at++;
    token.kind = WEIR_EXPR_TOKEN_STRING;
    token.s = out;
    token.end = lexer->at;
    return token;
}

static struct weir_expr_token name(struct weir_lexer *lexer, struct weir_expr_token token) {
    static const struct {
        const char *word;
        enum weir_expr_token_kind kind;
    } words[] = {{"and", WEIR_EXPR_TOKEN_AND},     {"or", WEIR_EXPR_TOKEN_OR},
                 {"not", WEIR_EXPR_TOKEN_NOT},     {"true", WEIR_EXPR_TOKEN_TRUE},
                 {"false", WEIR_EXPR_TOKEN_FALSE}, {"null", WEIR_EXPR_TOKEN_NULL}};
    do {
        lexer->at++;
        while (in_name(peek(lexer, 0))) lexer->at++;
    } while (peek(lexer, 0) == '.' && starts_name(peek(lexer, 1)));
    token.kind = WEIR_EXPR_TOKEN_NAME;
    token.end = lexer->at;
    token.s = lexer->place->text + token.begin;
    token.len = token.end - token.begin;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == token.len && !memcmp(words[i].word, token.s, token.len))
            token.kind = words[i].kind;
    return token;
}

/* What people write from other languages, with the word that stands here. */
static struct weir_expr_token stray(struct weir_lexer *lexer, struct weir_expr_token token) {
    static const struct {
        const char *text, *help;
    } known[] = {
        {"&&", "write `and`"},    {"||", "write `or`"},       {"<>", "write `!=`"},
        {"!", "write `not`"},     {"=", "equality is `==`"},  {"?", "write if(condition, a, b)"},
        {"^", "write pow(x, y)"}, {".", "write 0.5, not .5"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t len = strlen(known[i].text);
        if (lexer->place->len - lexer->at < len || memcmp(lexer->place->text + lexer->at, known[i].text, len))
            continue;
        lexer->at += (uint32_t)len;
        char text[64] = "unexpected '";
        strcat(strcat(text, known[i].text), "'");
        return bad(lexer, token, "E201", text, known[i].help);
    }
    lexer->at++;
    return bad(lexer, token, "E201", "unexpected character", NULL);
}

struct weir_expr_token weir_lexer_next(struct weir_lexer *lexer) {
    static const struct {
        char text[3];
        enum weir_expr_token_kind kind;
    } signs[] = {{"==", WEIR_EXPR_TOKEN_EQ},   {"!=", WEIR_EXPR_TOKEN_NE},  {"<=", WEIR_EXPR_TOKEN_LE},
                 {">=", WEIR_EXPR_TOKEN_GE},   {"<", WEIR_EXPR_TOKEN_LT},   {">", WEIR_EXPR_TOKEN_GT},
                 {"+", WEIR_EXPR_TOKEN_ADD},   {"-", WEIR_EXPR_TOKEN_SUB},  {"*", WEIR_EXPR_TOKEN_MUL},
                 {"/", WEIR_EXPR_TOKEN_DIV},   {"%", WEIR_EXPR_TOKEN_MOD},  {"(", WEIR_EXPR_TOKEN_OPEN},
                 {")", WEIR_EXPR_TOKEN_CLOSE}, {",", WEIR_EXPR_TOKEN_COMMA}};
    while (lexer->at < lexer->place->len && strchr(" \t\r\n", peek(lexer, 0)) && peek(lexer, 0)) lexer->at++;
    struct weir_expr_token token = {.begin = lexer->at, .end = lexer->at};
    if (lexer->at >= lexer->place->len) return token;
    char c = peek(lexer, 0);
    if (is_digit(c)) return number(lexer, token);
    if (starts_name(c)) return name(lexer, token);
    if (c == '"' || c == '\'') return string(lexer, token);
    if (c == '<' && peek(lexer, 1) == '>') return stray(lexer, token);
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        uint32_t len = signs[i].text[1] ? 2 : 1;
        if (c != signs[i].text[0] || (len == 2 && peek(lexer, 1) != signs[i].text[1])) continue;
        lexer->at += len;
        token.kind = signs[i].kind;
        token.end = lexer->at;
        return token;
    }
    return stray(lexer, token);
}
