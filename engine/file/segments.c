/* SPDX-License-Identifier: Apache-2.0 */
#include "file/segments.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/numbered.h"

#define MAGIC UINT64_C(0x31746e656d676573) /* "segment1" */

struct footer {
    uint64_t tail_at, magic;
};

struct weir_segment_file {
    int fd;
    uint64_t len, tail_at;
    char folder[WEIR_PATH_BYTES], path[WEIR_PATH_BYTES];
};

/* ---- writing ---- */

int weir_segment_file_create(const char *dir, const char *folder, int32_t task, uint64_t unit,
                             struct weir_segment_file **out, struct weir_error *error) {
    struct weir_segment_file *file = calloc(1, sizeof *file);
    if (!file) return weir_error_set(error, WEIR_NOMEM, "no memory for a snapshot");
    snprintf(file->folder, sizeof file->folder, "%s/%s", dir, folder);
    weir_numbered_path(file->path, dir, folder, task, (int64_t)unit, WEIR_SEGMENT_ENDING);
    file->fd = weir_durable_create(file->path, error);
    if (file->fd < 0) {
        free(file);
        return WEIR_IO;
    }
    *out = file;
    return WEIR_OK;
}

int weir_segment_file_append(struct weir_segment_file *file, const void *bytes, size_t len,
                             struct weir_error *error) {
    file->len += len;
    return weir_durable_append(file->fd, file->path, bytes, len, error);
}

void weir_segment_file_begin_tail(struct weir_segment_file *file) { file->tail_at = file->len; }

int weir_segment_file_publish(struct weir_segment_file *file, struct weir_error *error) {
    const struct footer footer = {file->tail_at, MAGIC};
    int result = weir_durable_append(file->fd, file->path, &footer, sizeof footer, error);
    if (result)
        weir_durable_abandon(file->fd, file->path);
    else
        result = weir_durable_publish(file->fd, file->path, file->folder, error);
    free(file);
    return result;
}

void weir_segment_file_abandon(struct weir_segment_file *file) {
    weir_durable_abandon(file->fd, file->path);
    free(file);
}

/* ---- reading ---- */

static int map_file(const char *path, struct weir_segment_view *view, struct weir_error *error) {
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return weir_durable_error(error, "open", path);
    int result = fstat(fd, &facts) ? weir_durable_error(error, "look at", path) : WEIR_OK;
    view->map_len = result ? 0 : (size_t)facts.st_size;
    if (!result && view->map_len < sizeof(struct footer))
        result = weir_error_set(error, WEIR_DATA, "%s is cut", path);
    if (!result) view->map = mmap(NULL, view->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (!result && view->map == MAP_FAILED) result = weir_durable_error(error, "map", path);
    close(fd);
    if (result) view->map = NULL;
    return result;
}

int weir_segment_view_open(const char *dir, const char *folder, int32_t task, uint64_t unit,
                           struct weir_segment_view *view, struct weir_error *error) {
    char path[WEIR_PATH_BYTES];
    struct footer footer;
    memset(view, 0, sizeof *view);
    weir_numbered_path(path, dir, folder, task, (int64_t)unit, WEIR_SEGMENT_ENDING);
    int result = map_file(path, view, error);
    if (result) return result;
    size_t len = view->map_len - sizeof footer;
    memcpy(&footer, (const char *)view->map + len, sizeof footer);
    if (footer.magic != MAGIC || footer.tail_at > len) {
        weir_segment_view_close(view);
        return weir_error_set(error, WEIR_DATA, "%s is no segment, or cut", path);
    }
    view->body = view->map;
    view->body_len = footer.tail_at;
    view->tail = view->body + footer.tail_at;
    view->tail_len = len - footer.tail_at;
    return WEIR_OK;
}

void weir_segment_view_want(const struct weir_segment_view *view) {
    madvise(view->map, view->map_len, MADV_WILLNEED);
}

void weir_segment_view_close(struct weir_segment_view *view) {
    if (view->map) munmap(view->map, view->map_len);
    memset(view, 0, sizeof *view);
}
