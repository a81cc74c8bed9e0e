/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: where weir starts. The tour: a verb below (cli/run.c) reads the pipeline file and binds it to
 * operators (core/plan.h), then a worker (runtime/worker.c) moves records from Kafka through a task
 * (core/task.c) and back. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "weir/math.h"

/* A descriptor 0, 1 or 2 that the caller closed would go to the next file or socket that is opened, and what
 * is printed would end in it. What fills the gap here cannot be used, so printing fails instead. */
static void keep_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* Text that was printed but not written is lost data: a full disk, a reader that has gone. */
static int run(const struct weir_verb *verb, const struct weir_args *args) {
    int code = verb->run(args);
    bool lost = ferror(stdout) != 0;
    if (fflush(stdout)) lost = true;
    if (!lost || code) return code;
    fprintf(stderr, "weir %s: standard output could not be written\n", verb->name);
    return WEIR_EXIT_IO;
}

int main(int argc, char **argv) {
    keep_standard_descriptors();
    signal(SIGPIPE,
           SIG_IGN); /* a reader that has gone is an error of that write, not the end of the process */
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
            return run(args.verb, &args);
        }
    int code = weir_args_parse(verb, argc > 2 ? argc - 2 : 0, argv + 2, &args);
    if (code) return code;
    weir_math_init();
    return run(verb, &args);
}
