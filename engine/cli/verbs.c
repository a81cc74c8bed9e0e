/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c: the list of verbs, and `weir help`. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "cli/cli.h"
#include "config/fields.h"
#include "expr/expr.h"
#include "weir/registry.h"

static int run_help(const struct weir_args *args);
static const struct weir_flag no_flags[] = {{NULL, NULL, NULL}};
static const struct weir_verb verb_help = {
    "help",
    "[VERB|OPERATOR|reference]",
    "says what a verb or an operator does; `reference` prints every key, function and option",
    0,
    1,
    no_flags,
    run_help};

static const struct weir_verb *const verbs[] = {
    &weir_verb_demo,   &weir_verb_new,   &weir_verb_check,   &weir_verb_run, &weir_verb_replay,
    &weir_verb_broker, &weir_verb_state, &weir_verb_explain, &verb_help,     &weir_verb_version};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])
#define OPERATOR_MAX 256 /* considered for a suggestion */

const struct weir_verb *weir_verb_find(const char *name) {
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!strcmp(verbs[i]->name, name)) return verbs[i];
    return NULL;
}

int weir_verb_unknown(const char *name) {
    const char *names[VERB_COUNT];
    for (size_t i = 0; i < VERB_COUNT; i++) names[i] = verbs[i]->name;
    const char *near = weir_suggest(name, names, VERB_COUNT);
    fprintf(stderr, "weir: unknown verb '%s'%s%s%s\n", name, near ? "; did you mean '" : "", near ? near : "",
            near ? "'?" : "; `weir help` lists them");
    return WEIR_EXIT_USAGE;
}

static void print_environment_name(const char *flag) {
    for (printf("WEIR_"); *flag; flag++) putchar(*flag == '-' ? '_' : toupper((unsigned char)*flag));
}

static void print_verb(const struct weir_verb *verb) {
    printf("usage: weir %s %s\n\n%s\n", verb->name, verb->usage, verb->summary);
    if (!verb->flags[0].name) return;
    printf("\noptions, each also from the environment (--%s is ", verb->flags[0].name);
    print_environment_name(verb->flags[0].name);
    printf("):\n");
    for (const struct weir_flag *flag = verb->flags; flag->name; flag++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", flag->name, flag->value ? " " : "",
                 flag->value ? flag->value : "");
        printf("  %-26s %s\n", left, flag->help);
    }
}

static void print_operator(const struct weir_operator *op) {
    static const char *const types[] = {"float", "int", "bool", "choice", "duration"};
    printf("%s %s: %s\n", weir_family_name(op->family), op->name, op->summary);
    for (const struct weir_option *option = op->options; option->name; option++) {
        printf("  %-16s %-8s default %-8s %s", option->name, types[option->type],
               option->fallback ? option->fallback : "(required)", option->help);
        for (int i = 0; option->type == WEIR_OPTION_CHOICE && option->choices[i]; i++)
            printf("%s%s", i ? "|" : " [", option->choices[i]);
        printf("%s%s%s\n", option->type == WEIR_OPTION_CHOICE ? "]" : "", *option->unit ? ", in " : "",
               option->unit);
    }
}

/* docs/reference.md is this output: a test compares them. */
static int print_reference(void) {
    struct weir_buffer text;
    weir_buffer_init(&text);
    weir_fields_render_reference(&text);
    fwrite(text.data, 1, text.len, stdout);
    weir_buffer_deinit(&text);
    printf("\n## Functions of expressions\n\n| function | gives |\n|---|---|\n");
    for (const struct weir_operator *op = NULL; (op = weir_registry_next(WEIR_FAMILY_AGGREGATE, op));)
        printf("| `%s(%swindow)` | %s |\n", op->name,
               ((const struct weir_aggregate *)op)->takes_argument ? "x, " : "", op->summary);
    for (const struct weir_expr_function *f = weir_expr_functions(); f->name; f++)
        printf("| `%s` | %s |\n", f->signature, f->summary);
    printf("\n## Operators\n");
    for (int family = 0; family < WEIR_FAMILY_COUNT; family++) {
        if (family == WEIR_FAMILY_AGGREGATE) continue;
        printf("\n### %ss\n\n", weir_family_name((enum weir_family)family));
        for (const struct weir_operator *op = NULL;
             (op = weir_registry_next((enum weir_family)family, op));) {
            printf("- `%s`: %s\n", op->name, op->summary);
            for (const struct weir_option *option = op->options; option->name; option++)
                printf("  - `%s` (default %s): %s\n", option->name,
                       option->fallback ? option->fallback : "none: required", option->help);
        }
    }
    return WEIR_EXIT_OK;
}

static int print_overview(void) {
    printf("weir " WEIR_RELEASE ": learns from live Kafka streams\n\nverbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++) printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\noperators:\n");
    for (int family = 0; family < WEIR_FAMILY_COUNT; family++) {
        printf("  %-10s", weir_family_name((enum weir_family)family));
        for (const struct weir_operator *op = NULL; (op = weir_registry_next((enum weir_family)family, op));)
            printf(" %s", op->name);
        printf("\n");
    }
    printf(
        "\n`weir help VERB` or `weir help OPERATOR` says more. First steps: `weir demo`, then `weir new "
        "my.yaml`.\n");
    return WEIR_EXIT_OK;
}

/* The verb or operator that is spelt most like the word, or NULL. */
static const char *nearest(const char *word) {
    const char *names[VERB_COUNT + OPERATOR_MAX];
    size_t count = 0;
    for (; count < VERB_COUNT; count++) names[count] = verbs[count]->name;
    for (int family = 0; family < WEIR_FAMILY_COUNT; family++)
        for (const struct weir_operator *op = NULL;
             (op = weir_registry_next((enum weir_family)family, op)) && count < VERB_COUNT + OPERATOR_MAX;)
            names[count++] = op->name;
    return weir_suggest(word, names, count);
}

static int run_help(const struct weir_args *args) {
    if (!args->argument_count) return print_overview();
    const char *word = args->arguments[0];
    if (!strcmp(word, "reference")) return print_reference();
    const struct weir_verb *verb = weir_verb_find(word);
    bool found = verb != NULL;
    if (verb) print_verb(verb);
    for (int family = 0; family < WEIR_FAMILY_COUNT; family++) {
        const struct weir_operator *op = weir_registry_find((enum weir_family)family, word);
        if (!op) continue;
        if (found) printf("\n");
        print_operator(op);
        found = true;
    }
    if (found) return WEIR_EXIT_OK;
    const char *near = nearest(word);
    fprintf(stderr, "weir help: there is no verb or operator '%s'; ", word);
    if (near)
        fprintf(stderr, "did you mean '%s'?\n", near);
    else
        fprintf(stderr, "`weir help` lists them\n");
    return WEIR_EXIT_USAGE;
}
