/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no bytes harm the msgpack codec; what it reads it can write and read again. */
#include "codec_round_trip.h"

extern const struct weir_codec weir_codec_msgpack;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct weir_bytes value = {(const char *)data, size};
    struct weir_coder *coder;
    struct weir_data_error error = {0};
    if (weir_codec_msgpack.open(&fuzz_schema, &coder, NULL)) return 0;
    fuzz_frame(&weir_codec_msgpack, value);
    fuzz_round_trip(&weir_codec_msgpack, coder, value, true, &error);
    weir_codec_msgpack.close(coder);
    return 0;
}
