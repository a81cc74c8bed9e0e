/* SPDX-License-Identifier: Apache-2.0 */
/* diag_order.h: findings in the order a reader meets their places, for both ways to show them. */
#ifndef WEIR_BASE_DIAG_ORDER_H
#define WEIR_BASE_DIAG_ORDER_H

#include "base/diag.h"

/* Pointers to the findings by line, column and then time of finding; those without a place come last.
 * The caller frees the array; NULL: no memory, or no findings. */
const struct weir_diag **weir_diags_order(const struct weir_diags *diags);

#endif
