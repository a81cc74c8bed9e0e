/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/kept_units.h"

#include "file/segments.h"
#include "runtime/generation.h"

#define FILES_MAX 1024

static int add_tail(struct weir_assembly *assembly, const char *bytes, size_t len, struct weir_error *error) {
    struct weir_segment_item item;
    uint32_t next = 0;
    int more;
    while ((more = weir_segment_next(&bytes, &len, &item)) == 1) {
        if (item.group != WEIR_SEGMENT_TAIL || item.index != next++) break;
        if (weir_assembly_add_tail(assembly, item.bytes, item.len)) return WEIR_NOMEM;
    }
    return more ? weir_error_set(error, WEIR_DATA, "its tail is broken") : WEIR_OK;
}

/* The first file is the unit's own. */
static int add_file(struct weir_assembly *assembly, const struct weir_segment_view *view, bool first,
                    const struct weir_plan *plan, struct weir_error *error) {
    int result = first ? add_tail(assembly, view->tail, view->tail_len, error) : WEIR_OK;
    if (!result && first) result = weir_assembly_begin_unproven(assembly, plan, error);
    return result ? result : weir_assembly_offer(assembly, view->body, view->body_len, error);
}

int weir_kept_unit_read(const char *dir, const char *pipeline, int32_t task_id, uint64_t unit,
                        const struct weir_plan *plan, struct weir_task **task, struct weir_error *error) {
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    uint64_t units[FILES_MAX];
    struct weir_assembly assembly;
    *task = NULL;
    weir_generation_folder(pipeline, folder, sizeof folder);
    weir_assembly_init(&assembly);
    int count = weir_segment_list(dir, folder, task_id, units, FILES_MAX), result = WEIR_OK;
    bool begun = false;
    for (int i = 0; i < count && !result && !(begun && weir_assembly_is_complete(&assembly)); i++) {
        struct weir_segment_view view;
        if (units[i] > unit) continue;
        if (!begun && units[i] != unit) break;
        result = weir_segment_view_open(dir, folder, task_id, units[i], &view, error);
        if (!result) result = add_file(&assembly, &view, !begun, plan, error);
        weir_segment_view_close(&view);
        begun = true;
    }
    if (!result && !begun) result = weir_error_set(error, WEIR_IO, "%s/%s has no file of it", dir, folder);
    if (!result) result = weir_assembly_end(&assembly, task, error);
    weir_assembly_deinit(&assembly);
    return result;
}
