/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shelf.h"

#include <pthread.h>
#include <stdlib.h>

struct parked {
    struct weir_task *task;
    int64_t position;
    int32_t partition;
    struct weir_manifest base;
};

struct weir_shelf {
    pthread_mutex_t lock;
    struct parked *items;
    uint32_t count, capacity;
};

struct weir_shelf *weir_shelf_create(void) {
    struct weir_shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf && pthread_mutex_init(&shelf->lock, NULL)) {
        free(shelf);
        return NULL;
    }
    return shelf;
}

void weir_shelf_destroy(struct weir_shelf *shelf) {
    if (!shelf) return;
    for (uint32_t i = 0; i < shelf->count; i++) weir_task_destroy(shelf->items[i].task);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf->items);
    free(shelf);
}

static struct weir_task *remove_item(struct weir_shelf *shelf, uint32_t i) {
    struct weir_task *task = shelf->items[i].task;
    shelf->items[i] = shelf->items[--shelf->count];
    return task;
}

static uint32_t find(const struct weir_shelf *shelf, int32_t partition) {
    uint32_t i = 0;
    while (i < shelf->count && shelf->items[i].partition != partition) i++;
    return i;
}

bool weir_shelf_put(struct weir_shelf *shelf, int32_t partition, int64_t position, struct weir_task *task,
                    const struct weir_manifest *base) {
    struct weir_task *older = NULL;
    pthread_mutex_lock(&shelf->lock);
    uint32_t i = find(shelf, partition);
    if (i < shelf->count) older = remove_item(shelf, i);
    if (shelf->count == shelf->capacity) {
        uint32_t capacity = shelf->capacity ? shelf->capacity * 2 : 16;
        struct parked *items = realloc(shelf->items, capacity * sizeof *items);
        if (items) {
            shelf->items = items;
            shelf->capacity = capacity;
        }
    }
    bool room = shelf->count < shelf->capacity;
    if (room) shelf->items[shelf->count++] = (struct parked){task, position, partition, *base};
    pthread_mutex_unlock(&shelf->lock);
    weir_task_destroy(older);
    return room;
}

struct weir_task *weir_shelf_take(struct weir_shelf *shelf, int32_t partition, int64_t position,
                                  struct weir_manifest *base) {
    struct weir_task *task = NULL;
    pthread_mutex_lock(&shelf->lock);
    uint32_t i = find(shelf, partition);
    bool fits = i < shelf->count && shelf->items[i].position == position;
    if (fits) *base = shelf->items[i].base;
    if (i < shelf->count) task = remove_item(shelf, i);
    pthread_mutex_unlock(&shelf->lock);
    if (fits) return task;
    weir_task_destroy(task);
    return NULL;
}

void weir_shelf_each(const struct weir_shelf *shelf, void *owner,
                     void (*visit)(void *owner, int32_t partition, const struct weir_task *task)) {
    for (uint32_t i = 0; i < shelf->count; i++) visit(owner, shelf->items[i].partition, shelf->items[i].task);
}
