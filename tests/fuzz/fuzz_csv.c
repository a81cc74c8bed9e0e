/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no text harms the csv codec, as a header or as a row; what it reads it can write and read again. */
#include <string.h>

#include "codec_round_trip.h"

extern const struct weir_codec weir_codec_csv;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weir_bytes value = {(const char *)data, size};
    struct weir_coder *coder;
    struct weir_error ignored;
    struct weir_data_error error = {0};
    if (weir_codec_csv.open(&fuzz_schema, &coder, NULL)) return 0;
    fuzz_frame(&weir_codec_csv, value);
    bool header = false; /* then rows are as wide as it, and encode writes all columns */
    const char *line = size ? memchr(value.data, '\n', size) : NULL;
    if (line && value.data[0] == '#') { /* the first line is a header */
        struct weir_bytes names = {value.data + 1, (size_t)(line - value.data) - 1};
        weir_codec_csv.decode_header(coder, names, &ignored);
        value = (struct weir_bytes){line + 1, size - (size_t)(line + 1 - value.data)};
        header = true;
    }
    fuzz_round_trip(&weir_codec_csv, coder, value, !header, &error);
    weir_codec_csv.close(coder);
    return 0;
}
