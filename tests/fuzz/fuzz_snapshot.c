/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes offered as a snapshot are refused or give a payload that was really there. */
#include "file/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weir_snapshot_head head;
    struct weir_buffer payload;
    struct weir_error error;
    weir_buffer_init(&payload);
    if (weir_snapshot_parse(data, size, &head, &payload, &error) == WEIR_OK && payload.len > size)
        __builtin_trap();
    weir_buffer_deinit(&payload);
    return 0;
}
