/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/engine_id.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Keys of the root that say where and when things are done, not what comes out. */
static const char *const elsewhere[] = {"weir",   "name",    "kafka", "state",
                                        "commit", "workers", "http",  "tests"};

static uint64_t add(uint64_t id, const void *bytes, size_t len) {
    return XXH3_64bits_withSeed(bytes, len, id * UINT64_C(0x9E3779B97F4A7C15) + len);
}

static uint64_t add_text(uint64_t id, const char *text) { return add(id, text, strlen(text)); }

static uint64_t add_node(uint64_t id, const struct weir_node *node) {
    const uint32_t shape[] = {(uint32_t)node->kind, node->count, node->quoted};
    id = add(id, shape, sizeof shape);
    if (node->text) return add_text(id, node->text);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->kind == WEIR_NODE_MAP) id = add_text(id, node->keys[i]->text);
        const struct weir_node *child = node->kind == WEIR_NODE_MAP ? node->values[i] : node->items[i];
        if (child) id = add_node(id, child);
    }
    return id;
}

static bool is_elsewhere(const char *key) {
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (!strcmp(key, elsewhere[i])) return true;
    return false;
}

/* The level up to which libraries may choose other instructions, which round sums differently. */
static const char *processor_level(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return "x86-64-v4";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "x86-64-v3";
    return "x86-64-v2";
#else
    return "other";
#endif
}

uint64_t weir_engine_id(const struct weir_node *root) {
    uint64_t id = add_text(WEIR_ENGINE_FORMAT, processor_level());
    for (uint32_t i = 0; root && root->kind == WEIR_NODE_MAP && i < root->count; i++)
        if (!is_elsewhere(root->keys[i]->text) && root->values[i])
            id = add_node(add_text(id, root->keys[i]->text), root->values[i]);
    return id;
}
