/* SPDX-License-Identifier: Apache-2.0 */
#include "file/numbered.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void weir_numbered_path(char path[WEIR_PATH_BYTES], const char *dir, const char *folder, int32_t partition,
                        int64_t number, const char *ending) {
    snprintf(path, WEIR_PATH_BYTES, "%s/%s/p%" PRId32 "-%020" PRId64 "%s", dir, folder, partition, number,
             ending);
}

int weir_numbered_each(const char *dir, const char *folder, const char *ending, void *owner,
                       int (*visit)(void *owner, int32_t partition, int64_t number)) {
    char path[WEIR_PATH_BYTES];
    int result = 0;
    snprintf(path, sizeof path, "%s/%s", dir, folder);
    DIR *listing = opendir(path);
    if (!listing) return 0;
    for (struct dirent *entry; !result && (entry = readdir(listing));) {
        int32_t partition;
        int64_t number;
        int end = -1; /* stays so unless both numbers are there */
        sscanf(entry->d_name, "p%" SCNd32 "-%20" SCNd64 "%n", &partition, &number, &end);
        if (end > 0 && !strcmp(entry->d_name + end, ending)) result = visit(owner, partition, number);
    }
    closedir(listing);
    return result;
}

struct list {
    int32_t partition;
    int64_t below;
    int64_t *numbers;
    int count, max;
};

static int add_to_list(void *owner, int32_t partition, int64_t number) {
    struct list *list = owner;
    int oldest = 0;
    if (partition != list->partition || number >= list->below) return 0;
    if (list->count < list->max) {
        list->numbers[list->count++] = number;
        return 0;
    }
    for (int i = 1; i < list->count; i++)
        if (list->numbers[i] < list->numbers[oldest]) oldest = i;
    if (list->count && list->numbers[oldest] < number) list->numbers[oldest] = number;
    return 0;
}

static int newest_first(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

int weir_numbered_list(const char *dir, const char *folder, const char *ending, int32_t partition,
                       int64_t below, int64_t *numbers, int max) {
    struct list list = {partition, below, numbers, 0, max};
    weir_numbered_each(dir, folder, ending, &list, add_to_list);
    qsort(numbers, (size_t)list.count, sizeof *numbers, newest_first);
    return list.count;
}

int weir_numbered_delete(const char *dir, const char *folder, const char *ending, int32_t partition,
                         int64_t number, struct weir_error *error) {
    char path[WEIR_PATH_BYTES];
    weir_numbered_path(path, dir, folder, partition, number, ending);
    return unlink(path) ? weir_durable_error(error, "delete", path) : WEIR_OK;
}
