/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes offered as the label of a saved state are refused or name the state that was asked for. */
#include "runtime/label.h"

#include "core/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weir_manifest manifest;
    struct weir_error error;
    struct weir_buffer bytes;
    uint64_t digest = weir_page_hash(data, size); /* so that what stands behind the checksum is reached */
    weir_buffer_init(&bytes);
    if (!weir_buffer_append(&bytes, &digest, sizeof digest) && !weir_buffer_append(&bytes, data, size)) {
        const struct weir_segment_item item = {WEIR_SEGMENT_LABEL, 0, (uint32_t)bytes.len, bytes.data};
        if (!weir_label_read(&item, "p", "t", 3, 7, &manifest, &error) && manifest.unit != 7)
            __builtin_trap();
    }
    weir_buffer_deinit(&bytes);
    return 0;
}
