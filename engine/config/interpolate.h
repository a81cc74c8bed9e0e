/* SPDX-License-Identifier: Apache-2.0 */
/* interpolate.h: ${...} inside the scalars of a parsed file.
 *
 * place: yaml.c, once per scalar value. Keys are never interpolated; what a variable holds is text, never
 * YAML, and is not looked at again.
 */
#ifndef WEIR_CONFIG_INTERPOLATE_H
#define WEIR_CONFIG_INTERPOLATE_H

#include "config/node.h"

/* Replaces the ${...} of a scalar. After a finding the node is marked `unknown`. WEIR_OK or WEIR_NOMEM. */
int weir_interpolate(struct weir_node *scalar, struct weir_arena *arena, struct weir_diags *diags);

#endif
