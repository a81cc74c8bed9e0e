/* SPDX-License-Identifier: Apache-2.0 */
/* segments.h: segments of saved state as files: appended to, then made visible whole.
 *
 * place:   generation -> segment file -> generation, across restarts on one machine. What the bytes mean is
 * in engine/runtime/segment.h; here is a body, a tail, and a footer that says where the tail begins. file:
 * <dir>/<folder>/p<task>-<unit, 20 digits>.segment; temporary file, fsync, rename, fsync of the folder.
 * threads: any; no shared state.
 * errors:  WEIR_IO with the file and the system's words; WEIR_DATA: it is no segment.
 */
#ifndef WEIR_FILE_SEGMENTS_H
#define WEIR_FILE_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "weir/error.h"

/* Of the files; numbered.h lists and deletes them. */
#define WEIR_SEGMENT_ENDING ".segment"

struct weir_segment_file;

int weir_segment_file_create(const char *dir, const char *folder, int32_t task, uint64_t unit,
                             struct weir_segment_file **file, struct weir_error *error);
int weir_segment_file_append(struct weir_segment_file *file, const void *bytes, size_t len,
                             struct weir_error *error);
/* What is appended from here on is the tail. */
void weir_segment_file_begin_tail(struct weir_segment_file *file);
/* Frees file, also on failure. */
int weir_segment_file_publish(struct weir_segment_file *file, struct weir_error *error);
void weir_segment_file_abandon(struct weir_segment_file *file);

/* A mapped file. */
struct weir_segment_view {
    const char *body, *tail;
    size_t body_len, tail_len;
    void *map;
    size_t map_len;
};
int weir_segment_view_open(const char *dir, const char *folder, int32_t task, uint64_t unit,
                           struct weir_segment_view *view, struct weir_error *error);
/* All of it is about to be read. */
void weir_segment_view_want(const struct weir_segment_view *view);
void weir_segment_view_close(struct weir_segment_view *view);

#endif
