/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

void weir_names_deinit(struct weir_names *names) {
    free(names->items);
    memset(names, 0, sizeof *names);
}

bool weir_names_push(struct weir_names *names, const char *text, uint32_t len) {
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 64;
        struct weir_name *items = realloc(names->items, capacity * sizeof *items);
        if (!items) return false;
        names->items = items;
        names->capacity = capacity;
    }
    names->items[names->count++] = (struct weir_name){text, len};
    return true;
}

static int compare(const struct weir_name *a, const struct weir_name *b) {
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    return a->len ? memcmp(a->text, b->text, a->len) : 0;
}

static void sift_down(struct weir_name *items, size_t root, size_t count) {
    struct weir_name moved = items[root];
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) break;
        if (child + 1 < count && compare(&items[child], &items[child + 1]) < 0) child++;
        if (compare(&moved, &items[child]) >= 0) break;
        items[root] = items[child];
        root = child;
    }
    items[root] = moved;
}

/* Heap sort: in place (glibc's qsort allocates) and n log n whatever the input. */
static void sort(struct weir_name *items, size_t count) {
    for (size_t i = count / 2; i-- > 0;) sift_down(items, i, count);
    for (size_t end = count; end-- > 1;) {
        struct weir_name largest = items[0];
        items[0] = items[end];
        items[end] = largest;
        sift_down(items, 0, end);
    }
}

const struct weir_name *weir_names_close(struct weir_names *names, size_t base) {
    size_t count = names->count - base;
    names->count = base;
    if (count < 2) return NULL;
    struct weir_name *items = names->items + base;
    if (count <= 16) {
        for (size_t i = 1; i < count; i++)
            for (size_t k = 0; k < i; k++)
                if (compare(&items[i], &items[k]) == 0) return &items[i];
        return NULL;
    }
    sort(items, count);
    for (size_t i = 1; i < count; i++)
        if (compare(&items[i], &items[i - 1]) == 0) return &items[i];
    return NULL;
}
