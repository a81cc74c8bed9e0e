/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes offered as a journal record are refused or give a unit that, written again, reads back as itself;
 * any text offered as offset metadata is refused or, written again, means the same. */
#include <string.h>

#include "runtime/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const uint8_t *data, size_t size) {
    struct weir_unit unit, again;
    struct weir_error error = {0};
    weir_unit_init(&unit);
    weir_unit_init(&again);
    if (weir_unit_read(&unit, data, size, &error) == WEIR_OK) {
        uint64_t chain;
        if (unit.slice_count > WEIR_SLICE_MAX || unit.skip_count > WEIR_SKIP_MAX) __builtin_trap();
        if (weir_unit_close(&unit)) __builtin_trap();
        chain = unit.chain;
        if (weir_unit_read(&again, unit.journal.data, unit.journal.len, &error)) __builtin_trap();
        if (again.chain != chain || again.number != unit.number || again.slice_count != unit.slice_count)
            __builtin_trap();
    } else if (!error.text[0]) {
        __builtin_trap(); /* a refusal says why */
    }
    weir_unit_deinit(&unit);
    weir_unit_deinit(&again);
}

static void check_metadata(const uint8_t *data, size_t size) {
    char text[128], written[128];
    uint64_t number, chain, number_again, chain_again;
    int64_t from, from_again;
    if (size >= sizeof text) size = sizeof text - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!weir_unit_parse_metadata(text, &number, &chain, &from) || !number) return;
    weir_unit_metadata(written, sizeof written, number, chain, from);
    if (!weir_unit_parse_metadata(written, &number_again, &chain_again, &from_again)) __builtin_trap();
    if (number_again != number || chain_again != chain || from_again != from) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    if (data[0] & 1) /* the choice is not part of the input proper */
        check_record(data + 1, size - 1);
    else
        check_metadata(data + 1, size - 1);
    return 0;
}
