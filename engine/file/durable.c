/* SPDX-License-Identifier: Apache-2.0 */
#include "file/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FRESH_BYTES (WEIR_PATH_BYTES + 8)

int weir_durable_error(struct weir_error *error, const char *verb, const char *path) {
    return weir_error_set(error, WEIR_IO, "cannot %s %s: %s", verb, path, strerror(errno));
}

static const char *fresh_name(const char *path, char *fresh) {
    snprintf(fresh, FRESH_BYTES, "%s.new", path);
    return fresh;
}

int weir_durable_create(const char *path, struct weir_error *error) {
    char fresh[FRESH_BYTES];
    int fd = open(fresh_name(path, fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : weir_durable_error(error, "create", path);
}

int weir_durable_append(int fd, const char *path, const void *bytes, size_t len, struct weir_error *error) {
    const char *at = bytes;
    while (len) {
        ssize_t wrote = write(fd, at, len);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return weir_durable_error(error, "write", path);
        at += wrote;
        len -= (size_t)wrote;
    }
    return WEIR_OK;
}

static int sync_folder(const char *folder, struct weir_error *error) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return weir_durable_error(error, "open", folder);
    int result = fsync(fd) ? weir_durable_error(error, "sync", folder) : WEIR_OK;
    close(fd);
    return result;
}

int weir_durable_publish(int fd, const char *path, const char *folder, struct weir_error *error) {
    char fresh[FRESH_BYTES];
    fresh_name(path, fresh);
    int result = fsync(fd) ? weir_durable_error(error, "write", path) : WEIR_OK;
    if (close(fd) && !result) result = weir_durable_error(error, "close", path);
    if (!result && rename(fresh, path)) result = weir_durable_error(error, "rename", fresh);
    if (result) unlink(fresh);
    return result ? result : sync_folder(folder, error);
}

void weir_durable_abandon(int fd, const char *path) {
    char fresh[FRESH_BYTES];
    close(fd);
    unlink(fresh_name(path, fresh));
}
