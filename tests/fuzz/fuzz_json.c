/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no text harms the JSON codec; what it reads it can write and read again; simdjson and our own reader
 * agree about what is JSON. */
#include <string.h>

#include "../../operators/codec/json_diagnose.h"
#include "codec_round_trip.h"

extern const struct weir_codec weir_codec_json;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct weir_bytes value = {(const char *)data, size};
    struct weir_coder *coder;
    struct weir_data_error error = {0};
    if (weir_codec_json.open(&fuzz_schema, &coder, NULL)) return 0;
    fuzz_frame(&weir_codec_json, value);
    int result = fuzz_round_trip(&weir_codec_json, coder, value, true, &error);
    struct weir_json_fault fault = weir_json_diagnose((const char *)data, size, 64);
    if (size && result == WEIR_OK && fault.code) abort();
    if (size && result == WEIR_DATA && strcmp(error.code, "D101") == 0 && !fault.code) abort();
    weir_codec_json.close(coder);
    return 0;
}
