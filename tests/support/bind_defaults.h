/* SPDX-License-Identifier: Apache-2.0 */
/* bind_defaults.h: binds an operator for a test, with the defaults of its own option table.
 *
 * The configuration layer has its own reader (with places in a file and findings); a test of operators does
 * not need a pipeline file, and a second, independent reader checks that the tables mean what they say.
 */
#ifndef TESTS_SUPPORT_BIND_DEFAULTS_H
#define TESTS_SUPPORT_BIND_DEFAULTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/operator.h"

#define BIND_OPTIONS_MAX 32

/* "250ms" "30s" "10m" "24h" "7d" -> ms; -1 when it is none of these. */
static inline int64_t bind_parse_duration(const char *text) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    long long number = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0] && end != text; i++)
        if (!strcmp(end, units[i].unit)) return number * units[i].ms;
    return -1;
}

/* Reads text as the option's type. False: not of that type or outside the range. */
static inline bool bind_parse_option(const struct weir_option *option, const char *text,
                                     union weir_option_value *value) {
    char *end = NULL;
    memset(value, 0, sizeof *value);
    switch (option->type) {
        case WEIR_OPTION_FLOAT:
            value->f = strtod(text, &end);
            return end != text && !*end && value->f >= option->min && value->f <= option->max;
        case WEIR_OPTION_INT:
            value->i = strtoll(text, &end, 10);
            return end != text && !*end && (double)value->i >= option->min && (double)value->i <= option->max;
        case WEIR_OPTION_BOOL:
            value->b = !strcmp(text, "true");
            return value->b || !strcmp(text, "false");
        case WEIR_OPTION_DURATION:
            value->i = bind_parse_duration(text);
            return (double)value->i >= option->min && (double)value->i <= option->max;
        case WEIR_OPTION_CHOICE:
            for (; option->choices[value->i]; value->i++)
                if (!strcmp(option->choices[value->i], text)) return true;
            return false;
    }
    return false;
}

/* A required option has no default: the smallest value of its range (durations: a minute if allowed). */
static inline void bind_required_option(const struct weir_option *option, union weir_option_value *value) {
    memset(value, 0, sizeof *value);
    if (option->type == WEIR_OPTION_FLOAT)
        value->f = option->min;
    else if (option->type == WEIR_OPTION_INT)
        value->i = (int64_t)option->min;
    else if (option->type == WEIR_OPTION_DURATION)
        value->i = option->min <= 60000 && option->max >= 60000 ? 60000 : (int64_t)option->min;
}

/* Binds with defaults except for `settings`: "rate=0.005 direction=up". Misspelt settings abort: they are the
 * test's own bug. Returns what bind returns. */
static inline int bind_with(const struct weir_operator *op, uint32_t input_count, const char *settings,
                            struct weir_binding *binding, struct weir_error *error) {
    union weir_option_value values[BIND_OPTIONS_MAX];
    size_t count = 0;
    for (const struct weir_option *o = op->options; o->name; o++, count++) {
        if (count >= BIND_OPTIONS_MAX) abort();
        if (!o->fallback)
            bind_required_option(o, &values[count]);
        else if (!bind_parse_option(o, o->fallback, &values[count]))
            abort();
    }
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", settings);
    for (char *word; (word = strsep(&rest, " "));) {
        if (!*word) continue;
        char *text = strchr(word, '=');
        if (!text) abort();
        *text++ = 0;
        size_t i = 0;
        while (op->options[i].name && strcmp(op->options[i].name, word) != 0) i++;
        if (!op->options[i].name || !bind_parse_option(&op->options[i], text, &values[i])) {
            fprintf(stderr, "%s: no option %s=%s\n", op->name, word, text);
            abort();
        }
    }
    memset(binding, 0, sizeof *binding);
    binding->options = values;
    binding->input_count = input_count;
    int result =
        op->bind ? op->bind(binding, error) : WEIR_OK; /* stateless without options: nothing to bind */
    binding->options = NULL; /* valid during bind only: a later use crashes here rather than at a user's */
    return result;
}

/* As above; a refusal aborts. */
static inline struct weir_binding bind_settings(const struct weir_operator *op, uint32_t input_count,
                                                const char *settings) {
    struct weir_binding binding;
    struct weir_error error = {0};
    if (bind_with(op, input_count, settings, &binding, &error)) {
        fprintf(stderr, "bind of %s refused: %s\n", op->name, error.text);
        abort();
    }
    return binding;
}

static inline struct weir_binding bind_defaults(const struct weir_operator *op, uint32_t input_count) {
    return bind_settings(op, input_count, "");
}

/* A fresh state, free() it. Memory is dirty before init, so init must write all it relies on. */
static inline void *state_create(const struct weir_operator *op, const struct weir_binding *binding) {
    if (!binding->state_bytes) return NULL;
    void *state = malloc(binding->state_bytes);
    if (!state) abort();
    memset(state, 0xa5, binding->state_bytes);
    op->init(binding, state);
    return state;
}

#endif
