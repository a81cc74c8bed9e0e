/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.h: reads a public benchmark file (csv with a header line, gzip) into memory for a test.
 *
 * Folder: $WEIR_DATA, else ../shared/data beside the repository. Files are not part of the project: a test
 * whose file is absent is skipped with a message.
 */
#ifndef TESTS_SUPPORT_DATASET_H
#define TESTS_SUPPORT_DATASET_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DATASET_COLUMNS_MAX 64

struct dataset {
    size_t row_count, column_count;
    char names[DATASET_COLUMNS_MAX][48];
    double *cells; /* row by row */
};

static inline void dataset_path(const char *name, char *path, size_t size) {
    const char *folder = getenv("WEIR_DATA");
    if (folder)
        snprintf(path, size, "%s/%s", folder, name);
    else
        snprintf(path, size, "%s/../shared/data/%s", WEIR_SOURCE_DIR, name);
}

/* Numbers as they are; any other text is 1 when it equals `positive`, else 0. False: no such file. */
static inline bool dataset_load(struct dataset *data, const char *name, const char *positive) {
    char path[4096], line[4096];
    dataset_path(name, path, sizeof path);
    memset(data, 0, sizeof *data);
    gzFile file = gzopen(path, "rb");
    if (!file) {
        printf("skipped: no file %s (set WEIR_DATA to the folder of the benchmark files)\n", path);
        return false;
    }
    size_t capacity = 0;
    while (gzgets(file, line, sizeof line)) {
        line[strcspn(line, "\r\n")] = 0;
        char *rest = line;
        size_t column = 0;
        if (data->row_count == capacity && data->column_count) {
            capacity = capacity ? 2 * capacity : 1024;
            data->cells = realloc(data->cells, capacity * data->column_count * sizeof *data->cells);
            if (!data->cells) abort();
        }
        const bool is_header = data->column_count == 0;
        for (char *cell; (cell = strsep(&rest, ",")); column++) {
            if (column >= DATASET_COLUMNS_MAX) abort();
            if (is_header) {
                snprintf(data->names[column], sizeof data->names[column], "%s", cell);
                continue;
            }
            char *end;
            double number = strtod(cell, &end);
            if (*end || end == cell) number = !strcmp(cell, positive);
            data->cells[data->row_count * data->column_count + column] = number;
        }
        if (is_header)
            data->column_count = column;
        else if (column != data->column_count)
            abort();
        else
            data->row_count++;
    }
    gzclose(file);
    return true;
}

static inline const double *dataset_row(const struct dataset *data, size_t row) {
    return data->cells + row * data->column_count;
}

static inline void dataset_free(struct dataset *data) { free(data->cells); }

#endif
