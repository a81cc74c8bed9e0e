/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h: every operator by family and name; the only way the engine reaches an operator.
 *
 * Adding one: its file, one line in operators/operators.h, its test (docs/adding-an-operator.md).
 */
#ifndef WEIR_REGISTRY_H
#define WEIR_REGISTRY_H

#include "weir/operator.h"

const char *weir_family_name(enum weir_family family); /* "learner" */

/* Walks a family in list order: NULL starts, NULL ends. Cast to the family's struct: the head is its first
 * member. */
const struct weir_operator *weir_registry_next(enum weir_family family, const struct weir_operator *previous);

/* NULL when there is none of that name. */
const struct weir_operator *weir_registry_find(enum weir_family family, const char *name);

#endif
