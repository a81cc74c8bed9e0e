/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag_order.h"

#include <stdlib.h>

static int by_place(const void *left, const void *right) {
    const struct weir_diag *a = *(const struct weir_diag *const *)left;
    const struct weir_diag *b = *(const struct weir_diag *const *)right;
    uint32_t line_a = a->mark.line ? a->mark.line : UINT32_MAX,
             line_b = b->mark.line ? b->mark.line : UINT32_MAX;
    if (line_a != line_b) return line_a < line_b ? -1 : 1;
    if (a->mark.column != b->mark.column) return a->mark.column < b->mark.column ? -1 : 1;
    return a < b ? -1 : a > b; /* both point into items[], which is in order of finding */
}

const struct weir_diag **weir_diags_order(const struct weir_diags *diags) {
    if (!diags->count) return NULL;
    const struct weir_diag **order = calloc(diags->count, sizeof *order);
    if (!order) return NULL;
    for (uint32_t i = 0; i < diags->count; i++) order[i] = &diags->items[i];
    qsort(order, diags->count, sizeof *order, by_place);
    return order;
}
