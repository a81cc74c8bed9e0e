/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: `weir explain CODE|WORD`: what an error code means and how to mend it. */
#include <stdio.h>
#include <string.h>

#include "base/codes.h"
#include "cli/cli.h"

static const struct weir_flag flags[] = {{NULL, NULL, NULL}};

static void print_code(const struct weir_code *code) {
    printf("%s: %s\n\n%s\n", code->code, code->title, code->explanation);
    if (code->example) printf("\nfor example\n\n%s\n", code->example);
    printf("\n%s\n", code->fix);
}

/* Codes whose title holds the word; all of them for "". Returns how many. */
static size_t list_codes(const char *word) {
    size_t count, found = 0;
    const struct weir_code *codes = weir_codes(&count);
    for (size_t i = 0; i < count; i++) {
        if (!strcasestr(codes[i].title, word)) continue;
        printf("%s  %s\n", codes[i].code, codes[i].title);
        found++;
    }
    return found;
}

static int run(const struct weir_args *args) {
    const char *word = args->argument_count ? args->arguments[0] : "";
    const struct weir_code *code = weir_code_find(word);
    if (code)
        print_code(code);
    else if (!list_codes(word)) {
        fprintf(
            stderr,
            "weir explain: there is no code '%s'; `weir explain` lists them all; `weir help` knows verbs and "
            "operators\n",
            word);
        return WEIR_EXIT_USAGE;
    }
    return WEIR_EXIT_OK;
}

const struct weir_verb weir_verb_explain = {
    "explain",
    "[CODE|WORD]",
    "says what an error code means and how to mend it; lists all codes, or those with a word in their title",
    0,
    1,
    flags,
    run};
