/* SPDX-License-Identifier: Apache-2.0 */
/* new.c: `weir new [TEMPLATE] FILE`: writes a commented pipeline file to start from. Never over another file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/templates.h"

static const struct weir_flag flags[] = {{NULL, NULL, NULL}};

static void list_templates(FILE *out) {
    size_t count;
    const struct weir_template *templates = weir_templates(&count);
    fprintf(out, "templates:\n");
    for (size_t i = 0; i < count; i++) fprintf(out, "  %-8s %s\n", templates[i].name, templates[i].summary);
}

static int unknown_template(const char *name) {
    const char *names[16];
    size_t count;
    const struct weir_template *templates = weir_templates(&count);
    for (size_t i = 0; i < count; i++) names[i] = templates[i].name;
    const char *near = weir_suggest(name, names, count);
    fprintf(stderr, "weir new: there is no template '%s'%s%s%s\n", name, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    list_templates(stderr);
    return WEIR_EXIT_USAGE;
}

static int write_all(int fd, const char *text) {
    size_t left = strlen(text);
    while (left) {
        ssize_t wrote = write(fd, text, left);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno;
        text += wrote;
        left -= (size_t)wrote;
    }
    return 0;
}

static int write_file(const struct weir_template *template, const char *path) {
    bool to_stdout = !strcmp(path, "-");
    int fd = to_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        fprintf(stderr, "weir new: '%s' is already there and is left as it is; choose another name\n", path);
        return WEIR_EXIT_IO;
    }
    int problem = fd < 0 ? errno : write_all(fd, template->text);
    if (fd >= 0 && !to_stdout && close(fd) && !problem) problem = errno;
    if (problem) {
        fprintf(stderr, "weir new: cannot write '%s': %s\n", path, strerror(problem));
        if (fd >= 0 && !to_stdout) unlink(path);
        return WEIR_EXIT_IO;
    }
    if (!to_stdout)
        fprintf(stderr, "wrote %s (template %s)\nnext: weir check %s   then: weir run %s\n", path,
                template->name, path, path);
    return WEIR_EXIT_OK;
}

static int run(const struct weir_args *args) {
    size_t count;
    const struct weir_template *template = weir_templates(&count);
    const char *path = args->arguments[args->argument_count - 1];
    if (args->argument_count == 2) {
        template = weir_template_find(args->arguments[0]);
        if (!template) return unknown_template(args->arguments[0]);
    } else if (weir_template_find(path)) {
        fprintf(stderr, "weir new: which file? for instance: weir new %s %s.yaml\n", path, path);
        return WEIR_EXIT_USAGE;
    }
    return write_file(template, path);
}

const struct weir_verb weir_verb_new = {
    "new",
    "[TEMPLATE] FILE",
    "writes a commented pipeline file to start from: minimal (default), fraud, sensors, clicks, demo",
    1,
    2,
    flags,
    run};
