/* SPDX-License-Identifier: Apache-2.0 */
/* same.c: do two paths lead to one file? Opening an output empties it, so it must be no other's file. */
#include <string.h>
#include <sys/stat.h>

#include "file/file.h"

bool weir_file_same(const char *a, const char *b) {
    struct stat of_a, of_b;
    bool equal = strcmp(a, b) == 0;
    if (equal && strcmp(a, "-") == 0) return true;
    bool has_a = stat(a, &of_a) == 0, has_b = stat(b, &of_b) == 0;
    if (!has_a || !has_b) return equal; /* both are yet to be created */
    return S_ISREG(of_a.st_mode) && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}
