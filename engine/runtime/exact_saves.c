/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exact_saves.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define WAITING_BYTES_MAX ((size_t)64 << 20)

struct save { /* of one snapshot */
    uv_work_t work;
    struct weir_exact_saves *saves;
    struct weir_exact *lane;
    struct weir_exact_copy copy;
    struct weir_generation_writer *writer; /* the pool's while `busy` */
    struct weir_buffer filling;            /* the loop's */
    struct weir_buffer writing;            /* the pool's: whole chunks, one after the other */
    size_t *lengths;                       /* of the chunks in filling / in writing */
    uint32_t length_count, length_capacity;
    size_t *write_lengths;
    uint32_t write_count, write_capacity;
    size_t chunk_at; /* where the chunk being filled begins */
    struct weir_buffer tail;
    bool busy, all_out, ended, lost;
    bool last; /* what is being written is the rest: set when the pool gets it, and not while it works */
    int result;
    struct weir_error error, disk;
    struct save *next;
};

struct trim {
    uv_work_t work;
    struct weir_exact_saves *saves;
    int32_t task;
    struct weir_manifest newest, oldest;
    int64_t journal_from;
    struct weir_error error;
    int result;
};

struct weir_exact_saves {
    const struct weir_generation_place *place;
    uv_loop_t *loop;
    void *owner;
    void (*wake)(void *owner);
    struct save *first;
    uint32_t trims;
    bool failed, stopping;
    uint64_t *trimmed; /* by task: base unit of what was kept last */
    int32_t trimmed_count;
};

struct weir_exact_saves *weir_exact_saves_create(const struct weir_generation_place *place, uv_loop_t *loop,
                                                 void *owner, void (*wake)(void *owner)) {
    struct weir_exact_saves *saves = calloc(1, sizeof *saves);
    if (saves) *saves = (struct weir_exact_saves){.place = place, .loop = loop, .owner = owner, .wake = wake};
    return saves;
}

static void free_save(struct save *save) {
    struct save **at = &save->saves->first;
    while (*at != save) at = &(*at)->next;
    *at = save->next;
    weir_generation_abandon(save->writer);
    weir_buffer_deinit(&save->filling);
    weir_buffer_deinit(&save->writing);
    weir_buffer_deinit(&save->tail);
    free(save->lengths);
    free(save->write_lengths);
    free(save);
}

/* A full disk or an unreachable topic stops snapshots, not the pipeline: said once, and once more when it
 * works. */
static void tell(struct weir_exact_saves *saves, const struct save *save) {
    bool failed = save->result || save->disk.result;
    if (failed && !saves->failed)
        weir_log(WEIR_LOG_WARNING, "snapshots fail, processing goes on: %s",
                 save->result ? save->error.text : save->disk.text);
    if (!failed && saves->failed) weir_log(WEIR_LOG_INFO, "snapshots work again");
    saves->failed = failed;
    if (!save->result)
        weir_log(WEIR_LOG_DEBUG,
                 "task %d: snapshot of unit %" PRIu64 " written (%" PRIu64 " bytes, %" PRIu64 " since)",
                 save->copy.task, save->copy.manifest.unit, save->copy.manifest.base_bytes,
                 save->copy.manifest.added_bytes);
}

/* ---- on the pool ---- */

static void write_some(uv_work_t *work) {
    struct save *save = work->data;
    struct weir_buffer chunk = save->writing;
    if (!save->writer)
        save->result = weir_generation_open(save->saves->place, save->copy.task, save->copy.manifest.unit,
                                            &save->writer, &save->error);
    for (uint32_t i = 0; i < save->write_count && !save->result; i++) {
        chunk.len = save->write_lengths[i];
        save->result = weir_generation_write(save->writer, &chunk, &save->error);
        chunk.data += chunk.len;
    }
    if (!save->result && save->last) {
        save->result = weir_generation_finish(save->writer, &save->tail, &save->copy.manifest, &save->disk,
                                              &save->error);
        save->writer = NULL;
        save->ended = true;
    }
}

/* ---- on the loop ---- */

static bool step(struct save *save);

static void after_write(uv_work_t *work, int status) {
    struct save *save = work->data;
    struct weir_exact_saves *saves = save->saves;
    (void)status;
    save->busy = false;
    if (save->result || save->ended) {
        tell(saves, save);
        weir_exact_publish(save->lane, &save->copy, !save->result);
        free_save(save);
    }
    saves->wake(saves->owner);
}

static bool end_chunk(struct save *save) {
    if (save->filling.len == save->chunk_at) return true;
    if (save->length_count == save->length_capacity) {
        uint32_t capacity = save->length_capacity ? save->length_capacity * 2 : 64;
        size_t *lengths = realloc(save->lengths, capacity * sizeof *lengths);
        if (!lengths) return false;
        save->lengths = lengths;
        save->length_capacity = capacity;
    }
    save->lengths[save->length_count++] = save->filling.len - save->chunk_at;
    save->chunk_at = save->filling.len;
    return true;
}

static int take_page(void *owner, const struct weir_task_page *page) {
    struct save *save = owner;
    if (save->filling.len - save->chunk_at + page->len > WEIR_SEGMENT_CHUNK_BYTES && !end_chunk(save))
        return WEIR_NOMEM;
    return weir_segment_add(&save->filling, page->group, page->index, page->bytes, page->len);
}

static void swap(struct save *save) {
    struct weir_buffer buffer = save->filling;
    size_t *lengths = save->lengths;
    uint32_t capacity = save->length_capacity;
    save->filling = save->writing;
    save->writing = buffer;
    save->lengths = save->write_lengths;
    save->write_lengths = lengths;
    save->length_capacity = save->write_capacity;
    save->write_capacity = capacity;
    save->write_count = save->length_count;
    save->length_count = 0;
    save->chunk_at = 0;
    weir_buffer_clear(&save->filling);
}

/* All pages are out: the tail is taken while the snapshot is still there. */
static int finish_pages(struct save *save) {
    const struct weir_task_snapshot *snapshot = weir_exact_copy_state(save->lane, &save->copy);
    if (!snapshot || !end_chunk(save)) return WEIR_NOMEM;
    save->all_out = true;
    save->copy.manifest.root = snapshot->manifest.root;
    return weir_segment_write_tail(&save->tail, snapshot);
}

/* One share of pages, and a write when none is under way. True: more to do at once. */
static bool step(struct save *save) {
    if (!save->all_out && !save->lost && save->filling.len < WAITING_BYTES_MAX) {
        int result = weir_exact_copy_step(save->lane, &save->copy, WEIR_TASK_STEP_BYTES, take_page, save);
        if (!result) result = finish_pages(save);
        save->lost = result && result != WEIR_AGAIN;
    }
    if (save->busy) return false;
    if (save->lost) { /* the task was given back, or there is no memory */
        weir_exact_publish(save->lane, &save->copy, false);
        free_save(save);
        return true;
    }
    if (!save->all_out && save->filling.len < WEIR_SEGMENT_CHUNK_BYTES) return true;
    if (!save->all_out && !end_chunk(save)) save->lost = true;
    swap(save);
    save->busy = true;
    save->last = save->all_out;
    uv_queue_work(save->saves->loop, &save->work, write_some, after_write);
    return !save->all_out;
}

void weir_exact_saves_begin(struct weir_exact_saves *saves, struct weir_exact *lane,
                            struct weir_exact_copy copy) {
    struct save *save = saves->stopping ? NULL : calloc(1, sizeof *save);
    if (!save) {
        weir_exact_publish(lane, &copy, false);
        return;
    }
    save->work.data = save;
    save->saves = saves;
    save->lane = lane;
    save->copy = copy;
    weir_buffer_init(&save->filling);
    weir_buffer_init(&save->writing);
    weir_buffer_init(&save->tail);
    save->next = saves->first;
    saves->first = save;
    saves->wake(saves->owner);
}

bool weir_exact_saves_turn(struct weir_exact_saves *saves) {
    bool more = false;
    for (struct save *save = saves->first, *next; save; save = next) {
        next = save->next;
        if (step(save)) more = true;
    }
    return more;
}

bool weir_exact_saves_are_idle(const struct weir_exact_saves *saves) {
    return !saves->first && !saves->trims;
}

void weir_exact_saves_stop(struct weir_exact_saves *saves) {
    if (!saves) return;
    saves->stopping = true;
    for (struct save *save = saves->first, *next; save; save = next) {
        next = save->next;
        save->lost = true;
        if (!save->busy) free_save(save);
    }
    while (saves->first || saves->trims) {
        uv_run(saves->loop, UV_RUN_ONCE);
        for (struct save *save = saves->first, *next; save; save = next) {
            next = save->next;
            if (!save->busy) free_save(save);
        }
    }
}

void weir_exact_saves_destroy(struct weir_exact_saves *saves) {
    if (!saves) return;
    free(saves->trimmed);
    free(saves);
}

/* ---- trimming ---- */

/* The newer one is read back before the older ones go. */
static void trim_on_pool(uv_work_t *work) {
    struct trim *trim = work->data;
    const struct weir_generation_place *place = trim->saves->place;
    trim->result = weir_generation_read(place, trim->task, &trim->newest, NULL, NULL, &trim->error);
    if (!trim->result) weir_generation_trim(place, trim->task, &trim->oldest, trim->journal_from);
}

static void after_trim(uv_work_t *work, int status) {
    struct trim *trim = work->data;
    struct weir_exact_saves *saves = trim->saves;
    (void)status;
    if (trim->result)
        weir_log(WEIR_LOG_WARNING,
                 "task %d: snapshot of unit %" PRIu64 " cannot be read back, older ones are kept: %s",
                 trim->task, trim->newest.unit, trim->error.text);
    saves->trims--;
    free(trim);
    saves->wake(saves->owner);
}

static uint64_t *trimmed_of(struct weir_exact_saves *saves, int32_t task) {
    if (task >= saves->trimmed_count) {
        uint64_t *trimmed = realloc(saves->trimmed, ((size_t)task + 1) * sizeof *trimmed);
        if (!trimmed) return NULL;
        while (saves->trimmed_count <= task) trimmed[saves->trimmed_count++] = 0;
        saves->trimmed = trimmed;
    }
    return &saves->trimmed[task];
}

void weir_exact_saves_published(struct weir_exact_saves *saves, int32_t task,
                                const struct weir_progress *progress) {
    const struct weir_manifest *oldest = &progress->generations[1];
    uint64_t *trimmed = trimmed_of(saves, task);
    if (!oldest->unit || !trimmed || *trimmed == oldest->base_unit || saves->stopping) return;
    struct trim *trim = calloc(1, sizeof *trim);
    if (!trim) return;
    *trimmed = oldest->base_unit;
    trim->work.data = trim;
    trim->saves = saves;
    trim->task = task;
    trim->newest = progress->generations[0];
    trim->oldest = *oldest;
    trim->journal_from = progress->journal_from[1];
    saves->trims++;
    uv_queue_work(saves->loop, &trim->work, trim_on_pool, after_trim);
}
