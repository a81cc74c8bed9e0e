/* SPDX-License-Identifier: Apache-2.0 */
/* names.h: the keys of the objects being read that no column knows, to find those that occur twice.
 *
 * place:   json.c, msgpack.c: push while reading an object, close at its end. Objects nest: the inner one's
 *          names lie above the outer one's.
 * limits:  grows to the most names ever open at once (a record has at most 1 MiB of them), then stays.
 * why:     up to 16 names are compared pairwise, more are sorted and neighbours compared. No hash: keys
 *          come from strangers, and n log n holds for every choice of them.
 */
#ifndef WEIR_CODEC_NAMES_H
#define WEIR_CODEC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_name {
    const char *text;
    uint32_t len;
};
struct weir_names {
    struct weir_name *items;
    size_t count, capacity;
};

void weir_names_deinit(struct weir_names *names);
bool weir_names_push(struct weir_names *names, const char *text, uint32_t len); /* false: no memory */
/* Ends the object whose names begin at `base`. The name that occurs twice, or NULL; valid until the next
 * push. */
const struct weir_name *weir_names_close(struct weir_names *names, size_t base);

#endif
