/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a state reader driven by the input's first bytes over its rest never crashes, and stays failed. */
#include <stdlib.h>
#include <string.h>

#include "weir/error.h"
#include "weir/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t verbs = size < 16 ? size : 16;
    struct weir_state_reader *reader = weir_state_reader_create(data + verbs, size - verbs);
    if (!reader) return 0;
    double values[8];
    char bytes[32];
    for (size_t i = 0; i < verbs; i++) {
        int before = weir_state_reader_result(reader);
        switch (data[i] % 7) {
            case 0:
                weir_state_read_head(reader, "a", 2);
                break;
            case 1:
                weir_state_read_u64(reader, (uint64_t)data[i] << 40);
                break;
            case 2:
                weir_state_read_i64(reader);
                break;
            case 3:
                weir_state_read_f64(reader);
                break;
            case 4:
                weir_state_read_bool(reader);
                break;
            case 5:
                weir_state_read_f64s(reader, values, data[i] % 8);
                break;
            default:
                weir_state_read_bytes(reader, bytes, sizeof bytes);
                break;
        }
        if (before != WEIR_OK && weir_state_reader_result(reader) != before) abort();
    }
    weir_state_reader_destroy(reader);
    return 0;
}
