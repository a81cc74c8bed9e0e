/* SPDX-License-Identifier: Apache-2.0 */
#include "file/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "file/snapshot.h"

#define SLOT_MAX 1024
#define NAME_LENGTH 16 /* hexadecimal digits */

static int make_name(char *name, struct weir_error *error) {
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return weir_error_set(error, WEIR_IO, "no random name for this worker: %s", strerror(errno));
    snprintf(name, WEIR_SLOT_NAME_BYTES, "%016" PRIx64, random);
    return WEIR_OK;
}

/* A file that was cut by a crash gets a new name: nobody can have committed under a name that was never read
 * whole. */
static int read_or_make_name(int fd, const char *path, char *name, struct weir_error *error) {
    ssize_t got = pread(fd, name, NAME_LENGTH, 0);
    if (got == NAME_LENGTH && strspn(name, "0123456789abcdef") >= NAME_LENGTH) {
        name[NAME_LENGTH] = '\0';
        return WEIR_OK;
    }
    int result = make_name(name, error);
    if (!result && (pwrite(fd, name, NAME_LENGTH, 0) != NAME_LENGTH || fsync(fd)))
        result = weir_error_set(error, WEIR_IO, "cannot write %s: %s", path, strerror(errno));
    return result;
}

int weir_slot_take(const char *dir, const char *pipeline, struct weir_slot_lock *slot,
                   struct weir_error *error) {
    slot->fd = -1;
    memset(slot->name, 0, sizeof slot->name);
    if (!dir) return make_name(slot->name, error);
    int result = weir_snapshot_prepare(dir, pipeline, error);
    for (int i = 0; i < SLOT_MAX && !result; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%s/slot-%d", dir, pipeline, i);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) return weir_error_set(error, WEIR_IO, "cannot open %s: %s", path, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            close(fd);
            continue; /* of a living worker */
        }
        slot->fd = fd;
        result = read_or_make_name(fd, path, slot->name, error);
        if (result) weir_slot_release(slot);
        return result;
    }
    return result
               ? result
               : weir_error_set(error, WEIR_LIMIT, "more than %d workers use %s/%s", SLOT_MAX, dir, pipeline);
}

void weir_slot_release(struct weir_slot_lock *slot) {
    if (slot->fd >= 0) close(slot->fd);
    slot->fd = -1;
}
