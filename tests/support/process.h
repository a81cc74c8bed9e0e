/* SPDX-License-Identifier: Apache-2.0 */
/* process.h: runs the weir binary (or any program) from a test and keeps what it printed.
 *
 * The binary is $WEIR_BINARY. Every test program has a scratch folder of its own, removed at exit.
 */
#ifndef WEIR_TESTS_PROCESS_H
#define WEIR_TESTS_PROCESS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct process_result {
    int code; /* exit code, or 128 + signal */
    char *out, *err;
};

static char process_folder[256];

static inline void process_remove_folder(void) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", process_folder);
    if (process_folder[0] && system(command)) perror("rm");
}

/* Path of a file in the scratch folder; the result lives until the 16th next call. */
static inline const char *process_path(const char *name) {
    static char paths[16][512];
    static int next;
    if (!process_folder[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(process_folder, sizeof process_folder, "%s/weir-case.XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(process_folder)) abort();
        atexit(process_remove_folder);
    }
    char *path = paths[next++ & 15];
    snprintf(path, sizeof paths[0], "%s/%s", process_folder, name);
    return path;
}

static inline const char *process_write(const char *name, const void *bytes, size_t len) {
    const char *path = process_path(name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) abort();
    return path;
}

static inline const char *process_write_text(const char *name, const char *text) {
    return process_write(name, text, strlen(text));
}

/* The file's bytes, terminated; NULL when it cannot be read. Free with free. */
static inline char *process_read(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (len) *len = 0;
    if (!file) return NULL;
    size_t used = 0, capacity = 1 << 16;
    char *bytes = malloc(capacity + 1);
    for (size_t got; (got = fread(bytes + used, 1, capacity - used, file)) > 0;) {
        used += got;
        if (used == capacity) bytes = realloc(bytes, (capacity *= 2) + 1);
    }
    fclose(file);
    bytes[used] = '\0';
    if (len) *len = used;
    return bytes;
}

static inline const char *process_weir(void) {
    const char *binary = getenv("WEIR_BINARY");
    return binary ? binary : WEIR_SOURCE_DIR "/build/release/weir";
}

/* Starts argv (NULL-terminated; argv[0] "weir" = the binary), output into files. Returns the pid. */
static inline pid_t process_start(const char *const *argv, const char *out_path, const char *err_path) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        int out = open(out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int err = open(err_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        const char *program = strcmp(argv[0], "weir") ? argv[0] : process_weir();
        execvp(program, (char *const *)(uintptr_t)argv);
        fprintf(stderr, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    return pid;
}

static inline int process_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline double process_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Waits at most so long for the end of the process; kills it after that (code 137). */
static inline int process_wait(pid_t pid, double seconds) {
    double deadline = process_now_s() + seconds;
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (process_now_s() > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return 137;
        }
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    return process_code(status);
}

static inline struct process_result process_run(const char *const *argv) {
    struct process_result result;
    char out[600], err[600];
    snprintf(out, sizeof out, "%s", process_path("stdout"));
    snprintf(err, sizeof err, "%s", process_path("stderr"));
    result.code = process_wait(process_start(argv, out, err), 120);
    result.out = process_read(out, NULL);
    result.err = process_read(err, NULL);
    return result;
}

/* process_weir_run("check", path): the binary with these words. */
#define process_weir_run(...) process_run((const char *const[]){"weir", __VA_ARGS__, NULL})

static inline void process_free(struct process_result *result) {
    free(result->out);
    free(result->err);
}

static inline void pause_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

/* The number after the first `words` of a text, which must be there. */
static inline long process_number(const char *text, const char *words) {
    const char *at = strstr(text, words);
    assert_non_null(at);
    return strtol(at + strlen(words), NULL, 10);
}

#endif
