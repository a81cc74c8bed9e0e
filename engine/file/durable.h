/* SPDX-License-Identifier: Apache-2.0 */
/* durable.h: files that are there whole after a crash, or not at all: written beside their name, fsync,
 * rename, fsync of the folder (exactly-once.md R9). A file whose fsync failed is lost, not tried again
 * (reliability.md 4.5).
 *
 * threads: any. errors: WEIR_IO with the file and the system's words.
 */
#ifndef WEIR_FILE_DURABLE_H
#define WEIR_FILE_DURABLE_H

#include <stddef.h>

#include "weir/error.h"

#define WEIR_PATH_BYTES 4096

/* "cannot <verb> <path>: <errno>" */
int weir_durable_error(struct weir_error *error, const char *verb, const char *path);
/* Creates <path>.new; its descriptor, or WEIR_IO. */
int weir_durable_create(const char *path, struct weir_error *error);
int weir_durable_append(int fd, const char *path, const void *bytes, size_t len, struct weir_error *error);
/* Closes fd and makes the file visible under its name in the folder. On failure nothing is left. */
int weir_durable_publish(int fd, const char *path, const char *folder, struct weir_error *error);
void weir_durable_abandon(int fd, const char *path);

#endif
