/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/numbered.h"
#include "file/segments.h"
#include "sim/inside.h"

#define DISK_MAX 8
#define MAGIC UINT64_C(0x31746e656d676573)

const char *const sim_disk_fault_names[SIM_DISK_FAULT_COUNT] = {
    [SIM_DISK_FULL] = "full disks",
    [SIM_DISK_UNSYNCED] = "fsyncs that failed",
    [SIM_DISK_UNNAMED] = "renames that failed",
    [SIM_DISK_UNSURE] = "folders not synced",
    [SIM_DISK_TORN] = "files torn",
    [SIM_DISK_LOST] = "lost",
    [SIM_DISK_CUT] = "cut",
    [SIM_DISK_FLIPPED] = "flipped",
    [SIM_DISK_UNREADABLE] = "unreadable",
    [SIM_DISK_STRAY] = "files of other histories"};

struct inode {
    char *bytes;
    size_t len, capacity;
    uint32_t users; /* names and writers */
    bool damaged, unreadable;
};

struct name {
    int32_t task;
    int64_t unit;
    bool fresh; /* .new */
    struct inode *inode;
};

struct disk {
    char dir[32];
    struct name *names;
    uint32_t count, capacity;
    uint32_t full_for; /* writing calls */
};

struct footer {
    uint64_t tail_at, magic;
};

struct weir_segment_file {
    struct disk *disk;
    struct inode *inode;
    int32_t task;
    int64_t unit;
    size_t at;
    uint64_t tail_at;
};

static struct disk disks[DISK_MAX];
static int disk_count;
static uint32_t fault_chance;
static bool dying;
static uint64_t struck[SIM_DISK_FAULT_COUNT];

/* ---- inodes and names ---- */

static struct inode *use(struct inode *inode) {
    inode->users++;
    return inode;
}

static void leave(struct inode *inode) {
    if (--inode->users) return;
    free(inode->bytes);
    free(inode);
}

static struct disk *disk_of(const char *dir) {
    for (int i = 0; i < disk_count; i++)
        if (!strcmp(disks[i].dir, dir)) return &disks[i];
    assert(disk_count < DISK_MAX);
    struct disk *disk = &disks[disk_count++];
    snprintf(disk->dir, sizeof disk->dir, "%s", dir);
    return disk;
}

static struct name *find(struct disk *disk, int32_t task, int64_t unit, bool fresh) {
    for (uint32_t i = 0; i < disk->count; i++) {
        struct name *name = &disk->names[i];
        if (name->task == task && name->unit == unit && name->fresh == fresh) return name;
    }
    return NULL;
}

static void drop(struct disk *disk, struct name *name) {
    leave(name->inode);
    *name = disk->names[--disk->count];
}

static struct name *add(struct disk *disk, int32_t task, int64_t unit, bool fresh) {
    if (disk->count == disk->capacity) {
        disk->capacity = disk->capacity ? disk->capacity * 2 : 16;
        disk->names = sim_grow(disk->names, disk->capacity * sizeof *disk->names);
    }
    struct name *name = &disk->names[disk->count++];
    *name = (struct name){task, unit, fresh, sim_grow(NULL, sizeof *name->inode)};
    *name->inode = (struct inode){.users = 1};
    return name;
}

static struct inode *create(struct disk *disk, int32_t task, int64_t unit) {
    struct name *name = find(disk, task, unit, true);
    if (!name) name = add(disk, task, unit, true);
    name->inode->len = 0; /* another one that writes to it goes on where it was */
    return name->inode;
}

static void put(struct inode *inode, size_t at, const void *bytes, size_t len) {
    if (at + len > inode->capacity) {
        inode->capacity = (at + len) * 2;
        inode->bytes = sim_grow(inode->bytes, inode->capacity);
    }
    if (at > inode->len) memset(inode->bytes + inode->len, 0, at - inode->len);
    if (len) memcpy(inode->bytes + at, bytes, len);
    if (at + len > inode->len) inode->len = at + len;
}

/* ---- faults ---- */

static bool strikes(enum sim_disk_fault fault) {
    if (!fault_chance || sim_random(sim_current, 1000) >= fault_chance) return false;
    struck[fault]++;
    return true;
}

static bool is_full(struct disk *disk) {
    if (disk->full_for) return --disk->full_for, true;
    if (!strikes(SIM_DISK_FULL)) return false;
    disk->full_for = sim_random(sim_current, 40);
    return true;
}

static int fail(const struct weir_segment_file *file, struct weir_error *error, const char *what) {
    sim_note(sim_current, 11, "%s: %s p%d-%" PRId64, file->disk->dir, what, (int)file->task, file->unit);
    return weir_error_set(error, WEIR_IO, "simulated disk: %s", what);
}

void sim_disk_reset(uint32_t chance) {
    for (int i = 0; i < disk_count; i++) {
        while (disks[i].count) drop(&disks[i], &disks[i].names[0]);
        free(disks[i].names);
    }
    memset(disks, 0, sizeof disks);
    disk_count = 0;
    fault_chance = chance;
}

void sim_disk_heal(void) {
    fault_chance = 0;
    for (int i = 0; i < disk_count; i++) disks[i].full_for = 0;
}

void sim_disk_damage(const char *dir) {
    struct disk *disk = disk_of(dir);
    struct name *name = disk->count ? &disk->names[sim_random(sim_current, disk->count)] : NULL;
    if (!name || name->fresh || !name->inode->len) return;
    struct inode *inode = name->inode;
    enum sim_disk_fault fault = SIM_DISK_LOST + sim_random(sim_current, 4);
    sim_note(sim_current, 10 + fault, "%s: %s p%d-%" PRId64, dir, sim_disk_fault_names[fault],
             (int)name->task, name->unit);
    struck[fault]++;
    inode->damaged = true;
    if (fault == SIM_DISK_LOST)
        drop(disk, name);
    else if (fault == SIM_DISK_CUT)
        inode->len = sim_random(sim_current, (uint32_t)inode->len);
    else if (fault == SIM_DISK_FLIPPED)
        inode->bytes[sim_random(sim_current, (uint32_t)inode->len)] ^=
            (char)(1 << sim_random(sim_current, 8));
    else
        inode->unreadable = true;
}

void sim_disk_stray(const char *dir) {
    struct disk *disk = disk_of(dir);
    if (!disk->count) return;
    struct name from = disk->names[sim_random(sim_current, disk->count)];
    int64_t unit = from.unit + 1 + sim_random(sim_current, 8);
    if (from.fresh || from.inode->damaged || find(disk, from.task, unit, false)) return;
    put(add(disk, from.task, unit, false)->inode, 0, from.inode->bytes, from.inode->len);
    sim_note(sim_current, 10 + SIM_DISK_STRAY, "%s: p%d-%" PRId64 " again as %" PRId64, dir, (int)from.task,
             from.unit, unit);
    struck[SIM_DISK_STRAY]++;
}

void sim_disk_die(bool begins) { dying = begins; }

uint64_t sim_disk_struck(enum sim_disk_fault fault) { return struck[fault]; }

enum sim_disk_file sim_disk_look(const char *dir, int32_t task, uint64_t unit) {
    const struct name *name = find(disk_of(dir), task, (int64_t)unit, false);
    return !name ? SIM_FILE_NONE : name->inode->damaged ? SIM_FILE_DAMAGED : SIM_FILE_WHOLE;
}

/* ---- engine/file/segments.h: writing ---- */

int weir_segment_file_create(const char *dir, const char *folder, int32_t task, uint64_t unit,
                             struct weir_segment_file **out, struct weir_error *error) {
    (void)folder;
    struct weir_segment_file *file = calloc(1, sizeof *file); /* the engine's: may fail */
    if (!file) return weir_error_set(error, WEIR_NOMEM, "no memory for a snapshot");
    *file = (struct weir_segment_file){.disk = disk_of(dir), .task = task, .unit = (int64_t)unit};
    if (is_full(file->disk)) {
        int result = fail(file, error, "no room to create");
        free(file);
        return result;
    }
    file->inode = use(create(file->disk, task, file->unit));
    *out = file;
    return WEIR_OK;
}

int weir_segment_file_append(struct weir_segment_file *file, const void *bytes, size_t len,
                             struct weir_error *error) {
    bool full = is_full(file->disk);
    size_t taken = full ? sim_random(sim_current, (uint32_t)len + 1) : len;
    put(file->inode, file->at, bytes, taken);
    file->at += taken;
    return full ? fail(file, error, "no room to append to") : WEIR_OK;
}

void weir_segment_file_begin_tail(struct weir_segment_file *file) { file->tail_at = file->at; }

/* Whatever stands under the name: it may be another writer's. */
static void unlink_fresh(struct weir_segment_file *file) {
    struct name *name = find(file->disk, file->task, file->unit, true);
    if (name) drop(file->disk, name);
}

static int rename_fresh(struct weir_segment_file *file, struct weir_error *error) {
    struct name *old = find(file->disk, file->task, file->unit, false);
    if (!find(file->disk, file->task, file->unit, true)) return fail(file, error, "somebody else renamed");
    if (old) drop(file->disk, old);
    find(file->disk, file->task, file->unit, true)->fresh = false;
    return WEIR_OK;
}

int weir_segment_file_publish(struct weir_segment_file *file, struct weir_error *error) {
    const struct footer footer = {file->tail_at, MAGIC};
    int result = weir_segment_file_append(file, &footer, sizeof footer, error);
    if (!result && strikes(SIM_DISK_UNSYNCED)) result = fail(file, error, "cannot sync");
    if (!result && strikes(SIM_DISK_UNNAMED)) result = fail(file, error, "cannot rename");
    if (!result) result = rename_fresh(file, error);
    if (result)
        unlink_fresh(file);
    else if (strikes(SIM_DISK_UNSURE))
        result = fail(file, error, "cannot sync the folder of");
    leave(file->inode);
    free(file);
    return result;
}

void weir_segment_file_abandon(struct weir_segment_file *file) {
    if (dying)
        struck[SIM_DISK_TORN]++;
    else
        unlink_fresh(file);
    leave(file->inode);
    free(file);
}

/* ---- reading ---- */

/* The view is a copy of just the file's length: what reads beyond it is found by ASan. */
int weir_segment_view_open(const char *dir, const char *folder, int32_t task, uint64_t unit,
                           struct weir_segment_view *view, struct weir_error *error) {
    const struct name *name = find(disk_of(dir), task, (int64_t)unit, false);
    struct footer footer;
    (void)folder;
    memset(view, 0, sizeof *view);
    if (!name || name->inode->unreadable)
        return weir_error_set(error, WEIR_IO, "simulated disk: cannot read p%d-%" PRIu64, (int)task, unit);
    size_t whole = name->inode->len, len = whole - sizeof footer;
    if (whole >= sizeof footer) memcpy(&footer, name->inode->bytes + len, sizeof footer);
    if (whole < sizeof footer || footer.magic != MAGIC || footer.tail_at > len)
        return weir_error_set(error, WEIR_DATA, "simulated disk: p%d-%" PRIu64 " is cut", (int)task, unit);
    view->map_len = whole;
    view->map = sim_grow(NULL, whole);
    memcpy(view->map, name->inode->bytes, whole);
    view->body = view->map;
    view->body_len = footer.tail_at;
    view->tail = view->body + footer.tail_at;
    view->tail_len = len - footer.tail_at;
    return WEIR_OK;
}

void weir_segment_view_want(const struct weir_segment_view *view) { (void)view; }

void weir_segment_view_close(struct weir_segment_view *view) {
    free(view->map);
    memset(view, 0, sizeof *view);
}

/* ---- engine/file/numbered.h ---- */

void weir_numbered_path(char path[WEIR_PATH_BYTES], const char *dir, const char *folder, int32_t partition,
                        int64_t number, const char *ending) {
    snprintf(path, WEIR_PATH_BYTES, "%s/%s/p%" PRId32 "-%020" PRId64 "%s", dir, folder, partition, number,
             ending);
}

int weir_numbered_each(const char *dir, const char *folder, const char *ending, void *owner,
                       int (*visit)(void *owner, int32_t partition, int64_t number)) {
    const struct disk *disk = disk_of(dir);
    int result = 0;
    (void)folder;
    assert(!strcmp(ending, WEIR_SEGMENT_ENDING));
    for (uint32_t i = 0; i < disk->count && !result; i++)
        if (!disk->names[i].fresh) result = visit(owner, disk->names[i].task, disk->names[i].unit);
    return result;
}

static int newest_first(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

int weir_numbered_list(const char *dir, const char *folder, const char *ending, int32_t partition,
                       int64_t below, int64_t *numbers, int max) {
    const struct disk *disk = disk_of(dir);
    int count = 0;
    (void)folder;
    assert(!strcmp(ending, WEIR_SEGMENT_ENDING));
    for (uint32_t i = 0; i < disk->count; i++) {
        const struct name *name = &disk->names[i];
        if (name->fresh || name->task != partition || name->unit >= below) continue;
        assert(count < max); /* the real one would keep the newest */
        numbers[count++] = name->unit;
    }
    qsort(numbers, (size_t)count, sizeof *numbers, newest_first);
    return count;
}

int weir_numbered_delete(const char *dir, const char *folder, const char *ending, int32_t partition,
                         int64_t number, struct weir_error *error) {
    struct disk *disk = disk_of(dir);
    struct name *name = find(disk, partition, number, false);
    (void)folder;
    (void)ending;
    if (!name) return weir_error_set(error, WEIR_IO, "simulated disk: no such file");
    drop(disk, name);
    return WEIR_OK;
}
