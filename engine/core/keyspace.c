/* SPDX-License-Identifier: Apache-2.0 */
/* keyspace.c: open addressing over one-byte tags, slots in slabs, second-chance forgetting.
 *
 * idea:   The index is two arrays: a tag byte per place (0 = empty, 1 = was deleted, 0x80 | 7 hash bits =
 * taken) and the number of a slot. Places are probed in groups of 16: one comparison finds all places of a
 * group whose tag fits, so a lookup reads one line of tags, one of numbers and the slot itself, and compares
 *         whole keys only where 7 bits agree. Groups follow each other by triangular steps, which visit all
 * of a power of two. After "Swiss tables" (Kulukundis, CppCon 2017); five bytes a place, 7/8 full at most.
 *         Slots live in chunks that never move, so growing copies numbers only and a slot's address is
 * stable. key:    128 bits of seeded XXH3 stand for the key's bytes; one bit of them holds the "used again"
 * mark. An attacker who does not know the seed cannot aim at a tag. forget: slots form a circle; the hand
 * passes a slot that was used again since its last visit (and clears the mark) and takes the first that was
 * not (CLOCK, Corbato 1968). The order depends on the input only, so a replay forgets the same keys. limits:
 * deletion is by forgetting only. Deleted places are swept by rebuilding the index in place size.
 */
#include "core/keyspace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "weir/error.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define GROUP 16u
#define TAG_EMPTY 0u
#define TAG_DELETED 1u
#define TAG_TAKEN 0x80u
#define CHUNK_BYTES ((size_t)256 * 1024)
#define HUGE_BYTES ((size_t)2 * 1024 * 1024)
#define REGION_BYTES (4 * HUGE_BYTES) /* the part of a chunk left over at its end is at most 3 % */
#define HUGE_FROM_BYTES ((size_t)16 * 1024 * 1024)
#define USED_AGAIN 1u
#define LINE 64

struct slot {
    uint64_t low, high; /* high's lowest bit: used again since the hand last came by */
    /* then slot_bytes of state */
};
static_assert(sizeof(struct slot) == WEIR_SLOT_HEAD_BYTES, "a page's reader steps over it");

struct weir_keyspace {
    unsigned char *tags;
    uint32_t *numbers;
    uint32_t group_mask;    /* groups - 1 */
    uint32_t room;          /* places that may still be taken before the index is rebuilt */
    size_t stride;          /* bytes from slot to slot */
    uint32_t chunk_shift;   /* log2 of slots per chunk */
    uint32_t small_chunks;  /* so many come one by one, the others from regions of huge pages */
    uint32_t region_chunks; /* chunks in a region of huge pages */
    unsigned char **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t count, key_max, hand;
    uint64_t forgotten, seed;
    struct weir_pages pages;
};

/* --- slabs ------------------------------------------------------------------------------------------------
 */

static struct slot *slot_at(const struct weir_keyspace *keyspace, uint32_t number) {
    size_t within = number & ((1u << keyspace->chunk_shift) - 1);
    return (struct slot *)(keyspace->chunks[number >> keyspace->chunk_shift] + within * keyspace->stride);
}

static size_t chunk_bytes(const struct weir_keyspace *keyspace) {
    return ((keyspace->stride << keyspace->chunk_shift) + LINE - 1) & ~(size_t)(LINE - 1);
}

/* Aligned to lines, so that a slot's first line is the one prefetched. Large ones are asked to lie on huge
 * pages: the slots of a million keys are more pages than the processor remembers, and each event would walk.
 */
static void *allocate(size_t bytes) {
    if (bytes < HUGE_BYTES) return aligned_alloc(LINE, (bytes + LINE - 1) & ~(size_t)(LINE - 1));
    bytes = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
    void *memory = aligned_alloc(HUGE_BYTES, bytes);
    if (memory) madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: refused, it is as without */
    return memory;
}

/* Before any byte of the slot changes: its page is marked, and copied if a snapshot still owes it. */
static inline void before_change(struct weir_keyspace *keyspace, uint32_t number) {
    uint32_t page = number >> keyspace->pages.shift;
    if (weir_pages_unmarked(&keyspace->pages, page))
        weir_pages_first_write(&keyspace->pages, page, weir_keyspace_page(keyspace, page));
}

static bool begins_region(const struct weir_keyspace *keyspace, uint32_t chunk) {
    return chunk >= keyspace->small_chunks && (chunk - keyspace->small_chunks) % keyspace->region_chunks == 0;
}

static bool add_chunk(struct weir_keyspace *keyspace) {
    if (keyspace->chunk_count == keyspace->chunk_capacity) {
        uint32_t more = keyspace->chunk_capacity ? keyspace->chunk_capacity * 2 : 4;
        unsigned char **chunks = realloc(keyspace->chunks, more * sizeof *chunks);
        if (!chunks) return false;
        keyspace->chunks = chunks;
        keyspace->chunk_capacity = more;
    }
    uint32_t i = keyspace->chunk_count;
    if (!weir_pages_reserve(&keyspace->pages, (i + 1) << keyspace->chunk_shift)) return false;
    unsigned char *chunk;
    if (i < keyspace->small_chunks)
        chunk = aligned_alloc(LINE, chunk_bytes(keyspace));
    else if (begins_region(keyspace, i))
        chunk = allocate(REGION_BYTES);
    else
        chunk = keyspace->chunks[i - 1] + chunk_bytes(keyspace);
    if (!chunk) return false;
    keyspace->chunks[keyspace->chunk_count++] = chunk;
    return true;
}

/* --- index ------------------------------------------------------------------------------------------------
 */

/* Bit i is set where tags[i] == tag. */
static uint32_t match(const unsigned char *tags, unsigned tag) {
#if defined(__SSE2__)
    __m128i group = _mm_load_si128((const __m128i *)(const void *)tags);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(group, _mm_set1_epi8((char)tag)));
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < GROUP; i++) bits |= (uint32_t)(tags[i] == tag) << i;
    return bits;
#endif
}

static unsigned tag_of(struct weir_key key) { return TAG_TAKEN | (unsigned)(key.low >> 57); }

static bool same_key(const struct slot *slot, struct weir_key key) {
    return slot->low == key.low && (slot->high | USED_AGAIN) == (key.high | USED_AGAIN);
}

/* The place that holds the key (or, with a number, that holds this number), or UINT32_MAX. */
static uint32_t find_place(const struct weir_keyspace *keyspace, struct weir_key key) {
    unsigned tag = tag_of(key);
    uint32_t group = (uint32_t)key.low & keyspace->group_mask;
    for (uint32_t step = 1;; step++) {
        const unsigned char *tags = keyspace->tags + (size_t)group * GROUP;
        for (uint32_t bits = match(tags, tag); bits; bits &= bits - 1) {
            uint32_t place = group * GROUP + (uint32_t)__builtin_ctz(bits);
            if (same_key(slot_at(keyspace, keyspace->numbers[place]), key)) return place;
        }
        if (match(tags, TAG_EMPTY)) return UINT32_MAX; /* an insertion would have stopped here */
        group = (group + step) & keyspace->group_mask;
    }
}

static void take_place(struct weir_keyspace *keyspace, struct weir_key key, uint32_t number) {
    uint32_t group = (uint32_t)key.low & keyspace->group_mask;
    for (uint32_t step = 1;; step++) {
        unsigned char *tags = keyspace->tags + (size_t)group * GROUP;
        uint32_t bits = match(tags, TAG_EMPTY) | match(tags, TAG_DELETED);
        if (bits) {
            uint32_t place = (uint32_t)__builtin_ctz(bits);
            if (tags[place] == TAG_EMPTY) keyspace->room--;
            tags[place] = (unsigned char)tag_of(key);
            keyspace->numbers[group * GROUP + place] = number;
            return;
        }
        group = (group + step) & keyspace->group_mask;
    }
}

/* Empty again only where no probe can have passed: where the group has another empty place. */
static void free_place(struct weir_keyspace *keyspace, uint32_t place) {
    unsigned char *tags = keyspace->tags + (place & ~(GROUP - 1));
    bool passed = !match(tags, TAG_EMPTY);
    keyspace->tags[place] = passed ? TAG_DELETED : TAG_EMPTY;
    if (!passed) keyspace->room++;
}

static struct weir_key key_of(const struct slot *slot) {
    return (struct weir_key){slot->low, slot->high & ~(uint64_t)USED_AGAIN};
}

static bool rebuild(struct weir_keyspace *keyspace, uint32_t groups) {
    size_t places = (size_t)groups * GROUP;
    unsigned char *tags = allocate(places);
    uint32_t *numbers = allocate(places * sizeof *numbers);
    if (!tags || !numbers) {
        free(tags);
        free(numbers);
        return false;
    }
    memset(tags, TAG_EMPTY, places);
    free(keyspace->tags);
    free(keyspace->numbers);
    keyspace->tags = tags;
    keyspace->numbers = numbers;
    keyspace->group_mask = groups - 1;
    keyspace->room = (uint32_t)(places / 8 * 7);
    for (uint32_t i = 0; i < keyspace->count; i++) take_place(keyspace, key_of(slot_at(keyspace, i)), i);
    return true;
}

/* Room for one more: doubles, or only sweeps when deleted places are what fills it. */
static bool make_room(struct weir_keyspace *keyspace) {
    if (keyspace->room) return true;
    uint32_t groups = keyspace->group_mask + 1;
    bool swept = keyspace->count < (size_t)groups * GROUP / 2;
    return rebuild(keyspace, swept ? groups : groups * 2);
}

/* --- the verbs --------------------------------------------------------------------------------------------
 */

struct weir_keyspace *weir_keyspace_create(size_t slot_bytes, uint32_t key_max, uint64_t seed) {
    struct weir_keyspace *keyspace = calloc(1, sizeof *keyspace);
    if (!keyspace) return NULL;
    keyspace->stride = sizeof(struct slot) + ((slot_bytes + 7) & ~(size_t)7);
    keyspace->key_max = key_max ? key_max : 1;
    if (keyspace->key_max > UINT32_MAX / 4) keyspace->key_max = UINT32_MAX / 4;
    keyspace->seed = seed;
    weir_pages_init(&keyspace->pages, keyspace->stride);
    while (keyspace->stride << (keyspace->chunk_shift + 1) <= CHUNK_BYTES &&
           1u << keyspace->chunk_shift < keyspace->key_max)
        keyspace->chunk_shift++;
    bool small = chunk_bytes(keyspace) <= CHUNK_BYTES;
    keyspace->region_chunks = small ? (uint32_t)(REGION_BYTES / chunk_bytes(keyspace)) : 1;
    keyspace->small_chunks = small ? (uint32_t)(HUGE_FROM_BYTES / chunk_bytes(keyspace)) : UINT32_MAX;
    if (!rebuild(keyspace, 1)) {
        free(keyspace);
        return NULL;
    }
    return keyspace;
}

void weir_keyspace_destroy(struct weir_keyspace *keyspace) {
    if (!keyspace) return;
    for (uint32_t i = 0; i < keyspace->chunk_count; i++)
        if (i < keyspace->small_chunks || begins_region(keyspace, i)) free(keyspace->chunks[i]);
    weir_pages_deinit(&keyspace->pages);
    free(keyspace->chunks);
    free(keyspace->tags);
    free(keyspace->numbers);
    free(keyspace);
}

/* Just after doubling, 7/16 of the places are taken. */
size_t weir_keyspace_key_bytes(size_t slot_bytes) {
    return sizeof(struct slot) + ((slot_bytes + 7) & ~(size_t)7) + (1 + sizeof(uint32_t)) * 16 / 7 + 1;
}

struct weir_key weir_keyspace_hash(const struct weir_keyspace *keyspace, const void *bytes, size_t len) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, len, keyspace->seed);
    return (struct weir_key){hash.low64, hash.high64 & ~(uint64_t)USED_AGAIN};
}

void weir_keyspace_prefetch(const struct weir_keyspace *keyspace, struct weir_key key) {
    size_t place = (size_t)((uint32_t)key.low & keyspace->group_mask) * GROUP;
    __builtin_prefetch(keyspace->tags + place);
    __builtin_prefetch(keyspace->numbers + place);
}

void *weir_keyspace_guess(const struct weir_keyspace *keyspace, struct weir_key key, size_t bytes,
                          uint32_t *found) {
    uint32_t group = (uint32_t)key.low & keyspace->group_mask;
    uint32_t bits = match(keyspace->tags + (size_t)group * GROUP, tag_of(key));
    if (!bits) return NULL; /* a new key, or one of the few whose group was full: then it is a miss later */
    uint32_t number = keyspace->numbers[group * GROUP + (uint32_t)__builtin_ctz(bits)];
    struct slot *slot = slot_at(keyspace, number);
    *found = number;
    const char *first = (const char *)slot, *last = first + sizeof *slot + bytes - 1;
    for (; first < last; first += LINE) __builtin_prefetch(first);
    __builtin_prefetch(last);
    return slot + 1;
}

void *weir_keyspace_find_guessed(const struct weir_keyspace *keyspace, struct weir_key key, void *guess,
                                 uint32_t *number) {
    if (guess && same_key((struct slot *)guess - 1, key)) return guess;
    uint32_t place = find_place(keyspace, key);
    if (place == UINT32_MAX) return NULL;
    *number = keyspace->numbers[place];
    return slot_at(keyspace, *number) + 1;
}

void *weir_keyspace_find(const struct weir_keyspace *keyspace, struct weir_key key) {
    uint32_t place = find_place(keyspace, key);
    return place == UINT32_MAX ? NULL : slot_at(keyspace, keyspace->numbers[place]) + 1;
}

void weir_keyspace_touch(struct weir_keyspace *keyspace, void *slot, uint32_t number) {
    before_change(keyspace, number);
    ((struct slot *)slot - 1)->high |= USED_AGAIN;
}

/* Frees the slot under the hand that was not used again, and returns its number. */
static uint32_t forget(struct weir_keyspace *keyspace) {
    for (;;) {
        uint32_t number = keyspace->hand;
        struct slot *slot = slot_at(keyspace, number);
        keyspace->hand = number + 1 == keyspace->count ? 0 : number + 1;
        if (slot->high & USED_AGAIN) {
            before_change(keyspace, number);
            slot->high &= ~(uint64_t)USED_AGAIN;
            continue;
        }
        uint32_t place = find_place(keyspace, key_of(slot));
        assert(place != UINT32_MAX && keyspace->numbers[place] == number);
        free_place(keyspace, place);
        keyspace->forgotten++;
        return number;
    }
}

static void *fill(struct weir_keyspace *keyspace, struct weir_key key, uint32_t number, bool used_again) {
    struct slot *slot = slot_at(keyspace, number);
    before_change(keyspace, number);
    memset(slot, 0, keyspace->stride);
    slot->low = key.low;
    slot->high = key.high | used_again;
    take_place(keyspace, key, number);
    return slot + 1;
}

static bool room_for_slot(struct weir_keyspace *keyspace) {
    return keyspace->count < keyspace->chunk_count << keyspace->chunk_shift || add_chunk(keyspace);
}

void *weir_keyspace_add(struct weir_keyspace *keyspace, struct weir_key key, bool *added) {
    uint32_t number;
    void *found = weir_keyspace_find_guessed(keyspace, key, NULL, &number);
    *added = !found;
    if (found) {
        weir_keyspace_touch(keyspace, found, number);
        return found;
    }
    if (!make_room(keyspace)) return NULL;
    if (keyspace->count >= keyspace->key_max) return fill(keyspace, key, forget(keyspace), false);
    if (!room_for_slot(keyspace)) return NULL;
    return fill(keyspace, key, keyspace->count++, false);
}

uint32_t weir_keyspace_count(const struct weir_keyspace *keyspace) { return keyspace->count; }
uint32_t weir_keyspace_key_max(const struct weir_keyspace *keyspace) { return keyspace->key_max; }
uint64_t weir_keyspace_forgotten(const struct weir_keyspace *keyspace) { return keyspace->forgotten; }
uint64_t weir_keyspace_seed(const struct weir_keyspace *keyspace) { return keyspace->seed; }

size_t weir_keyspace_bytes(const struct weir_keyspace *keyspace) {
    size_t places = ((size_t)keyspace->group_mask + 1) * GROUP;
    return sizeof *keyspace + places * (1 + sizeof(uint32_t)) + keyspace->chunk_capacity * sizeof(void *) +
           keyspace->chunk_count * chunk_bytes(keyspace) +
           keyspace->pages.capacity * (3 * sizeof(uint64_t) + 1);
}

void *weir_keyspace_at(const struct weir_keyspace *keyspace, uint32_t i, struct weir_key *key,
                       bool *used_again) {
    assert(i < keyspace->count);
    uint64_t number = (uint64_t)keyspace->hand + i;
    if (number >= keyspace->count) number -= keyspace->count;
    struct slot *slot = slot_at(keyspace, (uint32_t)number);
    *key = key_of(slot);
    *used_again = slot->high & USED_AGAIN;
    return slot + 1;
}

void *weir_keyspace_restore(struct weir_keyspace *keyspace, struct weir_key key, bool used_again) {
    key.high &= ~(uint64_t)USED_AGAIN;
    if (keyspace->count >= keyspace->key_max || weir_keyspace_find(keyspace, key)) return NULL;
    if (!make_room(keyspace) || !room_for_slot(keyspace)) return NULL;
    return fill(keyspace, key, keyspace->count++, used_again);
}

void weir_keyspace_clear(struct weir_keyspace *keyspace, uint64_t seed, uint64_t forgotten) {
    memset(keyspace->tags, TAG_EMPTY, ((size_t)keyspace->group_mask + 1) * GROUP);
    keyspace->room = (uint32_t)(((size_t)keyspace->group_mask + 1) * GROUP / 8 * 7);
    weir_pages_forget(&keyspace->pages);
    keyspace->count = 0;
    keyspace->hand = 0;
    keyspace->seed = seed;
    keyspace->forgotten = forgotten;
}

/* --- pages ------------------------------------------------------------------------------------------------
 */

void weir_keyspace_scalars(const struct weir_keyspace *keyspace, struct weir_keyspace_scalars *scalars) {
    *scalars = (struct weir_keyspace_scalars){
        .seed = keyspace->seed,
        .forgotten = keyspace->forgotten,
        .count = keyspace->count,
        .hand = keyspace->hand,
        .stride = (uint32_t)keyspace->stride,
        .page_slots = 1u << keyspace->pages.shift,
    };
}

struct weir_pages *weir_keyspace_pages(struct weir_keyspace *keyspace) {
    return &keyspace->pages;
}

/* A page has fewer slots than a chunk, or the only chunk has fewer than a page. */
const void *weir_keyspace_page(const struct weir_keyspace *keyspace, uint32_t page) {
    return slot_at(keyspace, page << keyspace->pages.shift);
}

int weir_keyspace_make_room(struct weir_keyspace *keyspace, const struct weir_keyspace_scalars *scalars) {
    uint32_t count = scalars->count;
    if (scalars->stride != keyspace->stride || scalars->page_slots != 1u << keyspace->pages.shift ||
        (scalars->hand >= count && scalars->hand))
        return WEIR_DATA;
    if (count > keyspace->key_max) return WEIR_LIMIT;
    weir_keyspace_clear(keyspace, scalars->seed, scalars->forgotten);
    uint32_t groups = keyspace->group_mask + 1;
    while ((size_t)groups * GROUP / 8 * 7 < count) groups *= 2;
    if (!rebuild(keyspace, groups)) return WEIR_NOMEM;
    while (keyspace->chunk_count << keyspace->chunk_shift < count)
        if (!add_chunk(keyspace)) return WEIR_NOMEM;
    keyspace->count = count;
    keyspace->hand = scalars->hand;
    return WEIR_OK;
}

void *weir_keyspace_page_room(struct weir_keyspace *keyspace, uint32_t page, size_t *len) {
    *len = weir_pages_bytes(&keyspace->pages, page, keyspace->count);
    return slot_at(keyspace, page << keyspace->pages.shift);
}

/* The index's lines are asked for in advance, the keys have just been brought into the caches by their
 * digest: without, each key would wait for two lines. */
bool weir_keyspace_page_take(struct weir_keyspace *keyspace, uint32_t page, uint64_t digest) {
    uint32_t first = page << keyspace->pages.shift, slots = 1u << keyspace->pages.shift;
    uint32_t end = keyspace->count - first < slots ? keyspace->count : first + slots;
    for (uint32_t i = first; i < end; i++) weir_keyspace_prefetch(keyspace, key_of(slot_at(keyspace, i)));
    for (uint32_t i = first; i < end; i++) {
        struct weir_key key = key_of(slot_at(keyspace, i));
        if (find_place(keyspace, key) != UINT32_MAX) return false;
        take_place(keyspace, key, i);
    }
    weir_pages_restored(&keyspace->pages, page, digest);
    return true;
}

bool weir_keyspace_pages_taken(struct weir_keyspace *keyspace) {
    return weir_pages_all_restored(&keyspace->pages, keyspace->count);
}
