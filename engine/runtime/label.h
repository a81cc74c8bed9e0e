/* SPDX-License-Identifier: Apache-2.0 */
/* label.h: what a saved state says of itself where no journal does (at least once, R16): whose it is, at
 * which offset, and its manifest.
 *
 * place:   generation -> last item of a segment file -> generation.
 * format:  u64 XXH3 of the rest; MessagePack.
 * threads: any; no shared state.
 */
#ifndef WEIR_RUNTIME_LABEL_H
#define WEIR_RUNTIME_LABEL_H

#include "runtime/segment.h"
#include "runtime/unit.h"

/* Appends the item. WEIR_OK or WEIR_NOMEM. */
int weir_label_write(struct weir_buffer *chunk, const char *pipeline, const char *input, int32_t task,
                     const struct weir_manifest *manifest);
/* WEIR_DATA: damaged, or of another pipeline, topic, partition or offset; WEIR_VERSION. */
int weir_label_read(const struct weir_segment_item *item, const char *pipeline, const char *input,
                    int32_t task, uint64_t offset, struct weir_manifest *manifest, struct weir_error *error);

#endif
