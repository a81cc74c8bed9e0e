/* SPDX-License-Identifier: Apache-2.0 */
#include "file/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "file/file.h"

static bool ends_with(const char *path, size_t len, const char *end) {
    size_t n = strlen(end);
    return len > n && memcmp(path + len - n, end, n) == 0;
}

enum weir_compression weir_file_compression(const char *path) {
    size_t len = strlen(path);
    return ends_with(path, len, ".gz") ? WEIR_GZIP : ends_with(path, len, ".zst") ? WEIR_ZSTD : WEIR_PLAIN;
}

const char *weir_file_format(const char *path) {
    static const char *const known[][2] = {
        {".csv", "csv"}, {".json", "json"}, {".ndjson", "json"}, {".jsonl", "json"}, {".msgpack", "msgpack"}};
    size_t len = strlen(path);
    switch (weir_file_compression(path)) {
        case WEIR_GZIP:
            len -= 3;
            break;
        case WEIR_ZSTD:
            len -= 4;
            break;
        case WEIR_PLAIN:
            break;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (ends_with(path, len, known[i][0])) return known[i][1];
    return NULL;
}
