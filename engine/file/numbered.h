/* SPDX-License-Identifier: Apache-2.0 */
/* numbered.h: files of a partition's states: <dir>/<folder>/p<partition>-<number, 20 digits><ending>, where
 * the number is an offset or a unit, never negative.
 *
 * threads: any; no shared state. errors: a folder that is not there has no files.
 */
#ifndef WEIR_FILE_NUMBERED_H
#define WEIR_FILE_NUMBERED_H

#include <stdint.h>

#include "file/durable.h"

void weir_numbered_path(char path[WEIR_PATH_BYTES], const char *dir, const char *folder, int32_t partition,
                        int64_t number, const char *ending);
/* Calls visit for every file of this ending, in no order; stops at the first result that is not 0 and returns
 * it. */
int weir_numbered_each(const char *dir, const char *folder, const char *ending, void *owner,
                       int (*visit)(void *owner, int32_t partition, int64_t number));
/* Numbers of the files of a partition that are below a bound, newest first. Returns how many (at most max:
 * the newest). */
int weir_numbered_list(const char *dir, const char *folder, const char *ending, int32_t partition,
                       int64_t below, int64_t *numbers, int max);
/* WEIR_IO when it cannot be deleted. */
int weir_numbered_delete(const char *dir, const char *folder, const char *ending, int32_t partition,
                         int64_t number, struct weir_error *error);

#endif
