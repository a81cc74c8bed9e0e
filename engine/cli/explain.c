/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: `weir explain CODE|WORD`: what an error code means and how to mend it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codes.h"
#include "cli/cli.h"

static const struct weir_flag flags[] = {{NULL, NULL, NULL}};

static void print_code(const struct weir_code *code) {
    printf("%s: %s\n\n%s\n", code->code, code->title, code->explanation);
}

static int run(const struct weir_args *args) {
    if (!args->argument_count) {
        for (const struct weir_code *code = weir_codes(); code->code; code++)
            printf("%s  %s\n", code->code, code->title);
        return WEIR_EXIT_OK;
    }
    const char *word = args->arguments[0];
    char upper[8] = "";
    for (size_t i = 0; i < sizeof upper - 1 && word[i]; i++) upper[i] = (char)toupper((unsigned char)word[i]);
    const struct weir_code *found = strlen(word) < sizeof upper ? weir_code_find(upper) : NULL;
    if (found) {
        print_code(found);
        return WEIR_EXIT_OK;
    }
    bool any = false;
    for (const struct weir_code *code = weir_codes(); code->code; code++)
        if (strcasestr(code->title, word)) {
            printf("%s  %s\n", code->code, code->title);
            any = true;
        }
    if (any) return WEIR_EXIT_OK;
    fprintf(stderr, "weir explain: there is no code '%s'; `weir explain` lists them all\n", word);
    return WEIR_EXIT_USAGE;
}

const struct weir_verb weir_verb_explain = {
    "explain", "[CODE|WORD]", "says what an error code means and how to mend it", 0, 1, flags, run};
