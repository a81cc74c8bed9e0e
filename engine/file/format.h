/* SPDX-License-Identifier: Apache-2.0 */
/* format.h: what a file's name says about it, for source.c and sink.c. */
#ifndef WEIR_FILE_FORMAT_H
#define WEIR_FILE_FORMAT_H

enum weir_compression { WEIR_PLAIN, WEIR_GZIP, WEIR_ZSTD };
enum weir_compression weir_file_compression(const char *path);

#endif
