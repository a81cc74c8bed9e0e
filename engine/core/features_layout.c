/* SPDX-License-Identifier: Apache-2.0 */
/* features_layout.c: from the aggregates of a group to the bytes of a slot.
 *
 * idea:   each aggregate needs a partial over an argument and a window length. Equal needs share one part,
 * and a partial that begins with a smaller one serves for it (moments for sum). Parts of one length make a
 * ring. Parts are put in an order that depends on what they are, not on where they stand in the file, so that
 *         reordering the file leaves the state readable.
 * slot:   heads of all rings | tails of all rings | panes of ring 0 | panes of ring 1 ...
 * reach:  ring_count = live panes + ceil(lateness / pane): the watermark is the greatest time so far, so no
 * row is more than that many panes behind the newest of its key, and the window of the latest is still whole.
 */
#include <stdlib.h>
#include <string.h>

#include "core/features_plan.h"

/* What one aggregate needs; after sharing, a part. */
struct need {
    int64_t length_ms;
    uint32_t argument;
    const struct weir_partial *partial;
};

static bool begins_with(const struct weir_partial *partial, const struct weir_partial *smaller) {
    for (; partial; partial = partial->prefix)
        if (partial == smaller) return true;
    return false;
}

static bool is_text_type(const struct weir_expr *expr) {
    return weir_type_is_text((uint8_t)weir_expr_type(expr));
}

static uint32_t argument_index(struct weir_features_group *group, const struct weir_expr *expr) {
    if (!expr) return WEIR_NO_ARGUMENT;
    for (uint32_t i = 0; i < group->argument_count; i++)
        if (weir_expr_equal(group->arguments[i].expr, expr)) return i;
    group->arguments[group->argument_count] = (struct weir_features_argument){
        .expr = expr, .text = is_text_type(expr), .cell = weir_expr_bare_column(expr)};
    return group->argument_count++;
}

/* Finds or makes the need that serves; returns its index. */
static uint32_t share(struct need *needs, uint32_t *count, struct need want) {
    for (uint32_t i = 0; i < *count; i++) {
        if (needs[i].length_ms != want.length_ms || needs[i].argument != want.argument) continue;
        if (begins_with(needs[i].partial, want.partial)) return i;
        if (begins_with(want.partial, needs[i].partial)) {
            needs[i].partial = want.partial;
            return i;
        }
    }
    needs[*count] = want;
    return (*count)++;
}

static const char *argument_text(const struct weir_features_group *group, uint32_t argument) {
    return argument == WEIR_NO_ARGUMENT ? "" : weir_expr_text(group->arguments[argument].expr);
}

static int compare(const struct weir_features_group *group, const struct need *a, const struct need *b) {
    if (a->length_ms != b->length_ms) return a->length_ms < b->length_ms ? -1 : 1;
    int order = strcmp(argument_text(group, a->argument), argument_text(group, b->argument));
    return order ? order : strcmp(a->partial->name, b->partial->name);
}

/* order[i] = which need comes i-th. Insertion sort: a few dozen, and equal ones stay in file order. */
static void sort(const struct weir_features_group *group, const struct need *needs, uint32_t count,
                 uint32_t *order) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at && compare(group, &needs[order[at - 1]], &needs[i]) > 0; at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

static int bind_window(const struct weir_features_plan *plan, struct weir_features_ring *ring,
                       int64_t panes) {
    union weir_option_value options[] = {{.i = ring->length_ms}, {.i = panes}};
    struct weir_error error;
    ring->window = (struct weir_binding){.options = options, .input_count = 1};
    int result = plan->window->op.bind(&ring->window, &error);
    ring->window.options = NULL;
    if (result) return result;
    int64_t first, last, edge = plan->window->next_close(&ring->window, 0);
    plan->window->live(&ring->window, edge, &first, &last);
    ring->panes.live_count = (uint32_t)(last - first + 1);
    ring->pane_ms = plan->window->next_close(&ring->window, edge) - edge;
    return WEIR_OK;
}

static struct weir_mark mark_of_length(const struct weir_features_group *group, int64_t length_ms) {
    for (uint32_t i = 0; i < group->aggregates.count; i++)
        if (group->aggregates.items[i].length_ms == length_ms) return group->aggregates.items[i].mark;
    return (struct weir_mark){0};
}

/* Sizes of the rings, whose parts are known, then offsets in the slot. */
static int place_rings(const struct weir_features_plan *plan, struct weir_features_group *group,
                       int64_t panes, int64_t lateness_ms, struct weir_diags *diags) {
    uint32_t at = 0, out = 0;
    for (uint32_t i = 0; i < group->ring_count; i++) {
        struct weir_features_ring *ring = &group->rings[i];
        struct weir_mark mark = mark_of_length(group, ring->length_ms);
        if (bind_window(plan, ring, panes))
            return weir_diag_add(diags, "E207", mark, "a window cannot have %lld panes", (long long)panes);
        int64_t late = lateness_ms / ring->pane_ms + (lateness_ms % ring->pane_ms > 0);
        if (late > WEIR_PANE_RING_MAX - (int64_t)ring->panes.live_count) {
            int result =
                weir_diag_add(diags, "E208", mark,
                              "panes of %lld ms cannot cover a lateness of %lld ms: at most %d are kept",
                              (long long)ring->pane_ms, (long long)lateness_ms, WEIR_PANE_RING_MAX);
            weir_diag_help(diags, "take fewer panes, a longer window or less lateness");
            return result;
        }
        ring->panes.ring_count = ring->panes.live_count + (uint32_t)late;
        ring->panes.head_offset = at;
        at += (uint32_t)sizeof(struct weir_pane_head);
        ring->out_offset = out;
        out += ring->panes.pane_bytes;
    }
    for (uint32_t i = 0; i < group->ring_count; i++) {
        group->rings[i].panes.tail_offset = at;
        at += group->rings[i].panes.pane_bytes;
    }
    group->front_bytes = at;
    size_t total = at;
    for (uint32_t i = 0; i < group->ring_count; i++) {
        struct weir_pane_ring *ring = &group->rings[i].panes;
        ring->panes_offset = (uint32_t)total;
        total += (size_t)ring->pane_bytes * ring->ring_count;
        if (total > (1u << 24))
            return weir_diag_add(diags, "E208", mark_of_length(group, group->rings[i].length_ms),
                                 "the windows of this group take more than 16 MiB per key");
    }
    group->slot_bytes = total;
    group->out_bytes = out;
    return WEIR_OK;
}

static void make_rings(struct weir_features_group *group, const struct need *needs, const uint32_t *order) {
    for (uint32_t i = 0; i < group->part_count; i++) {
        const struct need *need = &needs[order[i]];
        struct weir_features_ring *ring = group->ring_count ? &group->rings[group->ring_count - 1] : NULL;
        if (!ring || ring->length_ms != need->length_ms) {
            ring = &group->rings[group->ring_count++];
            ring->length_ms = need->length_ms;
            ring->panes.parts = &group->parts[i];
        }
        group->parts[i] = (struct weir_pane_part){need->partial, ring->panes.pane_bytes, need->argument};
        ring->panes.part_count++;
        ring->panes.pane_bytes += need->partial->bytes;
    }
}

/* "window 3600000/450000x10: moments(amount) count()" */
static int describe(struct weir_features_group *group, struct weir_buffer *text) {
    for (uint32_t i = 0; i < group->ring_count; i++) {
        const struct weir_features_ring *ring = &group->rings[i];
        if (weir_buffer_format(text, "window %lld/%lldx%u:", (long long)ring->length_ms,
                               (long long)ring->pane_ms, ring->panes.ring_count))
            return WEIR_NOMEM;
        for (uint32_t j = 0; j < ring->panes.part_count; j++)
            if (weir_buffer_format(text, " %s(%s)", ring->panes.parts[j].partial->name,
                                   argument_text(group, ring->panes.parts[j].argument)))
                return WEIR_NOMEM;
        if (weir_buffer_append_char(text, '\n')) return WEIR_NOMEM;
    }
    const char *done = weir_buffer_text(text);
    group->description = done ? strdup(done) : NULL;
    return group->description ? WEIR_OK : WEIR_NOMEM;
}

static int describe_group(const struct weir_features_plan *plan, struct weir_features_group *group) {
    struct weir_buffer text;
    weir_buffer_init(&text);
    int result = weir_buffer_append_text(&text, "by");
    for (uint32_t i = 0; i < group->by_count && !result; i++) {
        const struct weir_field *field = &plan->fields[group->by[i]];
        result = weir_buffer_format(&text, " %s:%s", field->name, weir_type_name(field->type));
    }
    if (!result) result = weir_buffer_append_char(&text, '\n');
    if (!result) result = describe(group, &text);
    weir_buffer_deinit(&text);
    return result;
}

int weir_features_lay_out(const struct weir_features_plan *plan, struct weir_features_group *group,
                          int64_t panes, int64_t lateness_ms, struct weir_diags *diags) {
    uint32_t count = group->aggregates.count;
    if (!count) return WEIR_OK;
    int result = WEIR_NOMEM;
    struct need *needs = calloc(count, sizeof *needs);
    uint32_t *served_by = calloc(count, sizeof *served_by), *order = calloc(count, sizeof *order);
    uint32_t *rank = calloc(count, sizeof *rank);
    group->arguments = calloc(count, sizeof *group->arguments);
    group->parts = calloc(count, sizeof *group->parts);
    group->rings = calloc(count, sizeof *group->rings);
    group->reads = calloc(count, sizeof *group->reads);
    if (!needs || !served_by || !order || !rank || !group->arguments || !group->parts || !group->rings ||
        !group->reads)
        goto out;

    for (uint32_t i = 0; i < count; i++) {
        const struct weir_expr_aggregate *item = &group->aggregates.items[i];
        struct need want = {item->length_ms, argument_index(group, item->argument), item->aggregate->partial};
        served_by[i] = share(needs, &group->part_count, want);
    }
    sort(group, needs, group->part_count, order);
    make_rings(group, needs, order);
    for (uint32_t i = 0; i < group->part_count; i++) rank[order[i]] = i;

    result = place_rings(plan, group, panes, lateness_ms, diags);
    if (result) goto out;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_expr_aggregate *item = &group->aggregates.items[i];
        const struct weir_pane_part *part = &group->parts[rank[served_by[i]]];
        const struct weir_features_ring *ring = group->rings;
        while (ring->length_ms != item->length_ms) ring++;
        group->reads[i] = (struct weir_features_read){item->aggregate, ring->out_offset + part->offset};
    }
    result = describe_group(plan, group);
    for (uint32_t i = 0; i < group->part_count; i++) /* the place after the arguments always holds 0 */
        if (group->parts[i].argument == WEIR_NO_ARGUMENT) group->parts[i].argument = group->argument_count;
out:
    free(needs);
    free(served_by);
    free(order);
    free(rank);
    return result;
}
