/* SPDX-License-Identifier: Apache-2.0 */
/* engine_id.h: what must be equal for a replay to be expected to give the same bytes (R12): the state's
 * format, the parts of the pipeline file that decide what is computed and published, and the processor's
 * level. */
#ifndef WEIR_RUNTIME_ENGINE_ID_H
#define WEIR_RUNTIME_ENGINE_ID_H

#include "config/node.h"

#define WEIR_ENGINE_FORMAT 2 /* a replay by an older program would give other bytes */

uint64_t weir_engine_id(const struct weir_node *root);

#endif
