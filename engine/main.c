/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: where weir starts. The tour: a verb below (cli/run.c) reads the pipeline file and binds it to
 * operators (core/plan.h), then a worker (runtime/worker.c) moves records from Kafka through a task
 * (core/task.c) and back. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "weir/math.h"

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "help";
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version")) name = "version";
    const struct weir_verb *verb = weir_verb_find(name);
    if (!verb) return weir_verb_unknown(name);

    struct weir_args args;
    char *help[] = {(char *)(uintptr_t)name};
    for (int i = 2; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            weir_args_parse(weir_verb_find("help"), 1, help, &args);
            return args.verb->run(&args);
        }
    int code = weir_args_parse(verb, argc > 2 ? argc - 2 : 0, argv + 2, &args);
    if (code) return code;
    weir_math_init();
    return verb->run(&args);
}
