/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/memory.h"

#include <assert.h>
#include <stddef.h>

static bool armed, failed;
static uint32_t left, holders;

void sim_memory_arm(uint32_t after) {
    armed = true;
    failed = false;
    left = after;
}

bool sim_memory_disarm(void) {
    bool result = failed;
    armed = failed = false;
    return result;
}

bool sim_memory_has_failed(void) { return failed; }

void sim_memory_hold(void) { holders++; }

void sim_memory_release(void) {
    assert(holders > 0);
    holders--;
}

static bool fails(void) {
    if (!armed || failed || holders || left-- > 0) return false;
    return failed = true;
}

/* What the linker makes of malloc and the others. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__real__ZnwmRKSt9nothrow_t(size_t bytes, const void *nothrow);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void *__wrap__ZnwmRKSt9nothrow_t(size_t bytes, const void *nothrow);

void *__wrap_malloc(size_t bytes) { return fails() ? NULL : __real_malloc(bytes); }

void *__wrap_calloc(size_t count, size_t bytes) { return fails() ? NULL : __real_calloc(count, bytes); }

void *__wrap_realloc(void *memory, size_t bytes) { return fails() ? NULL : __real_realloc(memory, bytes); }

void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
    return fails() ? NULL : __real_aligned_alloc(alignment, bytes);
}

char *__wrap_strdup(const char *text) { return fails() ? NULL : __real_strdup(text); }

char *__wrap_strndup(const char *text, size_t len) { return fails() ? NULL : __real_strndup(text, len); }

/* new (std::nothrow) */
void *__wrap__ZnwmRKSt9nothrow_t(size_t bytes, const void *nothrow) {
    return fails() ? NULL : __real__ZnwmRKSt9nothrow_t(bytes, nothrow);
}
