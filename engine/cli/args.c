/* SPDX-License-Identifier: Apache-2.0 */
/* args.c: words and environment -> args, driven by the verb's flag table. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static int flag_index(const struct weir_verb *verb, const char *name, size_t len) {
    for (int i = 0; verb->flags[i].name; i++)
        if (strlen(verb->flags[i].name) == len && !strncmp(verb->flags[i].name, name, len)) return i;
    return -1;
}

static int usage_error(const struct weir_verb *verb, const char *what, const char *word) {
    fprintf(stderr, "weir %s: %s%s%s\n", verb->name, what, word ? " " : "", word ? word : "");
    fprintf(stderr, "usage: weir %s %s   (`weir help %s` says more)\n", verb->name, verb->usage, verb->name);
    return WEIR_EXIT_USAGE;
}

static int unknown_flag(const struct weir_verb *verb, const char *word) {
    const char *names[WEIR_FLAG_MAX];
    size_t count = 0;
    for (; verb->flags[count].name; count++) names[count] = verb->flags[count].name;
    const char *near = weir_suggest(word + 2, names, count);
    if (!near) return usage_error(verb, "unknown option", word);
    char what[256];
    snprintf(what, sizeof what, "unknown option %s; did you mean --%s?", word, near);
    return usage_error(verb, what, NULL);
}

/* --set is kept in order, every other flag once: the last wins. */
static int take(const struct weir_verb *verb, struct weir_args *args, int flag, const char *value) {
    args->values[flag] = value;
    if (strcmp(verb->flags[flag].name, "set") != 0) return 0;
    if (args->set_count == WEIR_SET_MAX) return usage_error(verb, "too many --set", NULL);
    args->sets[args->set_count++] = value;
    return 0;
}

static void read_environment(const struct weir_verb *verb, struct weir_args *args) {
    for (int i = 0; verb->flags[i].name; i++) {
        char name[64];
        size_t len = (size_t)snprintf(name, sizeof name, "WEIR_%s", verb->flags[i].name);
        for (size_t j = 0; j < len && j < sizeof name; j++)
            name[j] = name[j] == '-' ? '_' : (char)toupper((unsigned char)name[j]);
        const char *value = getenv(name);
        if (!value || !*value || !strcmp(verb->flags[i].name, "set")) continue;
        if (!verb->flags[i].value && !strcmp(value, "0")) continue;
        args->values[i] = value;
    }
}

int weir_args_parse(const struct weir_verb *verb, int count, char **words, struct weir_args *args) {
    memset(args, 0, sizeof *args);
    args->verb = verb;
    read_environment(verb, args);
    bool only_arguments = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (only_arguments || word[0] != '-' || !word[1]) {
            if (args->argument_count == verb->arguments_max)
                return usage_error(verb, "unexpected argument", word);
            args->arguments[args->argument_count++] = word;
            continue;
        }
        if (!strcmp(word, "--")) {
            only_arguments = true;
            continue;
        }
        const char *equals = strchr(word, '=');
        size_t len = equals ? (size_t)(equals - word) : strlen(word);
        int flag = word[1] == '-' && len > 2 ? flag_index(verb, word + 2, len - 2) : -1;
        if (flag < 0) return unknown_flag(verb, word);
        if (!verb->flags[flag].value) {
            if (equals) return usage_error(verb, "takes no value:", word);
            args->values[flag] = "";
            continue;
        }
        const char *value = equals ? equals + 1 : i + 1 < count ? words[++i] : NULL;
        if (!value) return usage_error(verb, "needs a value:", word);
        int result = take(verb, args, flag, value);
        if (result) return result;
    }
    if (args->argument_count < verb->arguments_min) return usage_error(verb, "something is missing", NULL);
    return 0;
}

const char *weir_args_get(const struct weir_args *args, const char *name) {
    int flag = flag_index(args->verb, name, strlen(name));
    return flag < 0 ? NULL : args->values[flag];
}

int64_t weir_args_count(const struct weir_args *args, const char *name, int64_t fallback) {
    const char *text = weir_args_get(args, name);
    char *end;
    if (!text) return fallback;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0) {
        fprintf(stderr, "weir %s: --%s needs a whole number, not '%s'\n", args->verb->name, name, text);
        return -1;
    }
    return value;
}

int64_t weir_args_limit(const struct weir_args *args) {
    int64_t limit = weir_args_count(args, "limit", 0);
    if (limit || !weir_args_get(args, "limit")) return limit;
    fprintf(stderr, "weir %s: --limit starts at 1; without it there is no limit\n", args->verb->name);
    return -1;
}

int weir_args_summary(const struct weir_args *args, const char **format) {
    *format = weir_args_get(args, "summary");
    if (!*format || !strcmp(*format, "text") || !strcmp(*format, "json")) return 0;
    fprintf(stderr, "weir %s: --summary is text or json, not '%s'\n", args->verb->name, *format);
    return WEIR_EXIT_USAGE;
}
