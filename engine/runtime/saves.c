/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/saves.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define WAITING_BYTES_MAX ((size_t)16 << 20)
#define ROOM_BYTES (WAITING_BYTES_MAX + 2 * WEIR_TASK_STEP_BYTES)

struct save { /* of one snapshot */
    uv_work_t work;
    struct weir_saves *saves;
    struct weir_copy copy;
    struct weir_generation_writer *writer; /* the pool's while it works */
    struct weir_buffer filling;            /* the loop's */
    struct weir_buffer writing;            /* the pool's: whole chunks, one after the other */
    size_t *lengths;                       /* of the chunks in filling / in writing */
    uint32_t length_count, length_capacity;
    size_t *write_lengths;
    uint32_t write_count, write_capacity;
    size_t chunk_at; /* where the chunk being filled begins */
    struct weir_buffer tail;
    bool busy;    /* the pool has it, or its callback is still to come */
    bool working; /* the pool has it: under saves->lock */
    bool all_out, written, lost;
    bool ended; /* its owner knows: waits for the callback only */
    bool last;  /* what is being written is the rest: set when the pool gets it, and not while it works */
    int result;
    struct weir_error error, disk;
    struct save *next;
};

struct trim {
    uv_work_t work;
    struct weir_saves *saves;
    int32_t task;
    struct weir_manifest newest, oldest;
    int64_t journal_from;
    struct weir_error error;
    int result;
};

struct weir_saves {
    struct weir_saves_options options;
    uv_mutex_t lock;
    uv_cond_t worked; /* the pool is done with a share of a save */
    struct save *first;
    uint32_t trims;
    bool failed, stopping;
    uint64_t *trimmed; /* by task: base unit of what was kept last */
    int32_t trimmed_count;
};

struct weir_saves *weir_saves_create(const struct weir_saves_options *options) {
    struct weir_saves *saves = calloc(1, sizeof *saves);
    if (!saves) return NULL;
    saves->options = *options;
    uv_mutex_init(&saves->lock);
    uv_cond_init(&saves->worked);
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
static void tell(struct weir_saves *saves, const struct save *save) {
    bool failed = save->result || save->disk.result;
    if (failed && !saves->failed)
        weir_log(WEIR_LOG_WARNING, "snapshots fail, processing goes on: %s",
                 save->result ? save->error.text : save->disk.text);
    if (!failed && saves->failed) weir_log(WEIR_LOG_INFO, "snapshots work again");
    saves->failed = failed;
    if (!save->result)
        weir_log(WEIR_LOG_DEBUG,
                 "task %d: snapshot of %s %" PRIu64 " written (%" PRIu64 " bytes, %" PRIu64 " since)",
                 save->copy.task, saves->options.place->input ? "offset" : "unit", save->copy.manifest.unit,
                 save->copy.manifest.base_bytes, save->copy.manifest.added_bytes);
}

/* Nobody works on it: its owner is told, and it goes unless the pool's callback is still to come. */
static void end_save(struct save *save) {
    struct weir_saves *saves = save->saves;
    bool good = save->written && !save->result;
    if (good || save->result) tell(saves, save);
    weir_generation_abandon(save->writer);
    save->writer = NULL;
    save->ended = true;
    saves->options.ended(saves->options.owner, &save->copy, good);
    if (!save->busy) free_save(save);
}

/* ---- writing: on the pool, or on the loop when it cannot wait ---- */

static void write_some(struct save *save) {
    const struct weir_generation_place *place = save->saves->options.place;
    struct weir_buffer chunk = save->writing;
    if (!save->writer)
        save->result = weir_generation_open(place, save->copy.task, save->copy.manifest.unit, &save->writer,
                                            &save->error);
    for (uint32_t i = 0; i < save->write_count && !save->result; i++) {
        chunk.len = save->write_lengths[i];
        save->result = weir_generation_write(save->writer, &chunk, &save->error);
        chunk.data += chunk.len;
    }
    if (save->result || !save->last) return;
    save->result =
        weir_generation_finish(save->writer, &save->tail, &save->copy.manifest, &save->disk, &save->error);
    save->writer = NULL;
    save->written = true;
    if (!save->result && place->input) weir_generation_keep(place, save->copy.task, save->copy.manifest.unit);
}

static void write_on_pool(uv_work_t *work) {
    struct save *save = work->data;
    struct weir_saves *saves = save->saves;
    write_some(save);
    uv_mutex_lock(&saves->lock);
    save->working = false;
    uv_cond_broadcast(&saves->worked);
    uv_mutex_unlock(&saves->lock);
}

static void after_write(uv_work_t *work, int status) {
    struct save *save = work->data;
    struct weir_saves *saves = save->saves;
    (void)status;
    save->busy = false;
    if (save->ended)
        free_save(save);
    else if (save->result || save->written)
        end_save(save);
    saves->options.wake(saves->options.owner);
}

static void wait_for_pool(struct save *save) {
    uv_mutex_lock(&save->saves->lock);
    while (save->working) uv_cond_wait(&save->saves->worked, &save->saves->lock);
    uv_mutex_unlock(&save->saves->lock);
}

/* ---- filling ---- */

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

/* All pages are out: the tail is taken while the snapshot is still there. */
static int finish_pages(struct save *save, struct weir_task *task) {
    const struct weir_task_snapshot *snapshot = weir_task_snapshot(task);
    if (!end_chunk(save)) return WEIR_NOMEM;
    save->all_out = true;
    save->copy.manifest.root = snapshot->manifest.root;
    return weir_segment_write_tail(&save->tail, snapshot);
}

/* One share of pages. A snapshot whose task was given back is lost, also when all its pages are out. */
static void fill(struct save *save) {
    const struct weir_saves_options *options = &save->saves->options;
    struct weir_task *task = options->task(options->owner, &save->copy);
    int result = task ? WEIR_OK : WEIR_END;
    if (!result && !save->all_out && save->filling.len < WAITING_BYTES_MAX) {
        /* Room for all of it at once: a buffer that grows is copied, a pause of its own. */
        if (!save->filling.len) result = weir_buffer_reserve(&save->filling, ROOM_BYTES);
        if (!result) result = weir_task_snapshot_step(task, WEIR_TASK_STEP_BYTES, take_page, save);
        if (!result) result = finish_pages(save, task);
    }
    if (result && result != WEIR_AGAIN) save->lost = true;
}

/* To be written: whole chunks, or the rest, or the end that makes it visible. */
static bool is_ready(struct save *save) {
    const struct weir_saves_options *options = &save->saves->options;
    save->last = save->all_out && (!options->due || options->due(options->owner, &save->copy));
    return save->last || save->filling.len >= WEIR_SEGMENT_CHUNK_BYTES ||
           (save->all_out && save->filling.len);
}

static void swap(struct save *save) {
    if (!end_chunk(save)) save->lost = true;
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

/* One share of pages, and a write when none is under way. True: more to do at once. */
static bool step(struct save *save) {
    fill(save);
    if (save->busy) return false;
    if (save->lost) { /* the task was given back, or there is no memory */
        end_save(save);
        return true;
    }
    if (!is_ready(save)) return !save->all_out;
    swap(save);
    save->busy = save->working = true;
    uv_queue_work(save->saves->options.loop, &save->work, write_on_pool, after_write);
    return !save->all_out;
}

/* ---- verbs ---- */

void weir_saves_begin(struct weir_saves *saves, struct weir_copy copy) {
    struct save *save = saves->stopping ? NULL : calloc(1, sizeof *save);
    if (!save) {
        saves->options.ended(saves->options.owner, &copy, false);
        return;
    }
    save->work.data = save;
    save->saves = saves;
    save->copy = copy;
    weir_buffer_init(&save->filling);
    weir_buffer_init(&save->writing);
    weir_buffer_init(&save->tail);
    save->next = saves->first;
    saves->first = save;
    saves->options.wake(saves->options.owner);
}

static void finish(struct save *save) {
    wait_for_pool(save);
    while (!save->lost && !save->result && !save->written) {
        fill(save);
        if (save->lost) break;
        if (is_ready(save)) {
            swap(save);
            write_some(save);
        } else {
            save->lost = save->all_out; /* not due */
        }
    }
    end_save(save);
}

void weir_saves_finish(struct weir_saves *saves, int32_t task) {
    for (struct save *save = saves->first, *next; save; save = next) {
        next = save->next;
        if (save->copy.task == task && !save->ended) finish(save);
    }
}

bool weir_saves_turn(struct weir_saves *saves) {
    bool more = false;
    for (struct save *save = saves->first, *next; save; save = next) {
        next = save->next;
        if (!save->ended && step(save)) more = true;
    }
    return more;
}

bool weir_saves_are_idle(const struct weir_saves *saves) { return !saves->first && !saves->trims; }

static void free_those_not_busy(struct weir_saves *saves) {
    for (struct save *save = saves->first, *next; save; save = next) {
        next = save->next;
        save->lost = true;
        if (!save->busy) free_save(save);
    }
}

void weir_saves_stop(struct weir_saves *saves) {
    if (!saves) return;
    saves->stopping = true;
    free_those_not_busy(saves);
    while (saves->first || saves->trims) {
        uv_run(saves->options.loop, UV_RUN_ONCE);
        free_those_not_busy(saves);
    }
}

void weir_saves_destroy(struct weir_saves *saves) {
    if (!saves) return;
    uv_cond_destroy(&saves->worked);
    uv_mutex_destroy(&saves->lock);
    free(saves->trimmed);
    free(saves);
}

/* ---- trimming ---- */

/* The newer one is read back before the older ones go. */
static void trim_on_pool(uv_work_t *work) {
    struct trim *trim = work->data;
    const struct weir_generation_place *place = trim->saves->options.place;
    trim->result = weir_generation_read(place, trim->task, &trim->newest, NULL, NULL, &trim->error);
    if (!trim->result) weir_generation_trim(place, trim->task, &trim->oldest, trim->journal_from);
}

static void after_trim(uv_work_t *work, int status) {
    struct trim *trim = work->data;
    struct weir_saves *saves = trim->saves;
    (void)status;
    if (trim->result)
        weir_log(WEIR_LOG_WARNING,
                 "task %d: snapshot of unit %" PRIu64 " cannot be read back, older ones are kept: %s",
                 trim->task, trim->newest.unit, trim->error.text);
    saves->trims--;
    free(trim);
    saves->options.wake(saves->options.owner);
}

static uint64_t *trimmed_of(struct weir_saves *saves, int32_t task) {
    if (task >= saves->trimmed_count) {
        uint64_t *trimmed = realloc(saves->trimmed, ((size_t)task + 1) * sizeof *trimmed);
        if (!trimmed) return NULL;
        while (saves->trimmed_count <= task) trimmed[saves->trimmed_count++] = 0;
        saves->trimmed = trimmed;
    }
    return &saves->trimmed[task];
}

void weir_saves_trim(struct weir_saves *saves, int32_t task, const struct weir_manifest *newest,
                     const struct weir_manifest *oldest, int64_t journal_from) {
    uint64_t *trimmed = trimmed_of(saves, task);
    if (!oldest->unit || !trimmed || *trimmed == oldest->base_unit || saves->stopping) return;
    struct trim *trim = calloc(1, sizeof *trim);
    if (!trim) return;
    *trimmed = oldest->base_unit;
    trim->work.data = trim;
    trim->saves = saves;
    trim->task = task;
    trim->newest = *newest;
    trim->oldest = *oldest;
    trim->journal_from = journal_from;
    saves->trims++;
    uv_queue_work(saves->options.loop, &trim->work, trim_on_pool, after_trim);
}
