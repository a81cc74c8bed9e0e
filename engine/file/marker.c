/* SPDX-License-Identifier: Apache-2.0 */
#include "file/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "file/durable.h"

#define MAGIC "weirmrk1"
#define PAGE_BYTES 4096
#define STACK_BYTES 32768

struct range {
    int32_t partition; /* -1 = none */
    int64_t first, last;
};

struct page { /* the file */
    char magic[8];
    char owner[1024]; /* topic and group */
    struct range under_way;
    int32_t crashed; /* the signal; 0 = none */
    uint32_t suspect_count, skip_count;
    struct range suspects[WEIR_MARKER_MAX], skips[WEIR_MARKER_MAX]; /* oldest first */
};
_Static_assert(sizeof(struct page) <= PAGE_BYTES, "a marker is one page");

struct weir_marker {
    struct page *page;
    const char *topic;
};

/* ---- the handler: async-signal-safe, and for the thread that crashes only ---- */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static struct sigaction before[NSIG];
static _Thread_local struct page *volatile at_work;

static void on_crash(int signum, siginfo_t *info, void *context) {
    (void)context;
    struct page *page = at_work;
    bool sent = info->si_code <= 0; /* by kill, raise or abort: does not strike again by itself */
    if (page && (!sent || info->si_pid == getpid())) page->crashed = signum;
    sigaction(signum, &before[signum], NULL);
    if (sent) raise(signum); /* comes when this handler is left; a fault strikes again */
}

static void install_handler(void) {
    static atomic_flag done = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&done)) return;
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction(crashes[i], &action, &before[crashes[i]]);
}

/* A stack that has overflowed has no room for a handler. */
static void prepare_thread(void) {
    static _Thread_local bool prepared;
    static _Thread_local char stack[STACK_BYTES];
    if (prepared) return;
    prepared = true;
    stack_t now;
    if (!sigaltstack(NULL, &now) && (now.ss_flags & SS_DISABLE))
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
}

/* ---- ranges ---- */

static bool holds(const struct range *range, int32_t partition, int64_t offset) {
    return range->partition == partition && offset >= range->first && offset <= range->last;
}

/* NULL: none of them. */
static const struct range *find(const struct range *ranges, uint32_t count, int32_t partition,
                                int64_t offset) {
    for (uint32_t i = 0; i < count; i++)
        if (holds(&ranges[i], partition, offset)) return &ranges[i];
    return NULL;
}

static void add(struct range *ranges, uint32_t *count, struct range range) {
    if (*count == WEIR_MARKER_MAX) memmove(ranges, ranges + 1, --*count * sizeof *ranges);
    ranges[(*count)++] = range;
}

/* Those of the partition that end before the offset. */
static void forget(struct range *ranges, uint32_t *count, int32_t partition, int64_t next) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++)
        if (ranges[i].partition != partition || ranges[i].last >= next) ranges[kept++] = ranges[i];
    *count = kept;
}

/* ---- opening ---- */

static int map(const char *path, struct page **page, struct weir_error *error) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return weir_durable_error(error, "open", path);
    errno = posix_fallocate(fd, 0, PAGE_BYTES); /* a store into a hole of a full disk would be a crash */
    void *at = errno ? MAP_FAILED : mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int result = at == MAP_FAILED ? weir_durable_error(error, "map", path) : WEIR_OK;
    close(fd);
    *page = result ? NULL : at;
    return result;
}

static bool is_whole(const struct page *page, const char *owner) {
    return !memcmp(page->magic, MAGIC, sizeof page->magic) &&
           !strncmp(page->owner, owner, sizeof page->owner) && page->suspect_count <= WEIR_MARKER_MAX &&
           page->skip_count <= WEIR_MARKER_MAX;
}

/* What the last process left: alone and suspect already, or in company. */
static void judge(struct weir_marker *marker) {
    struct page *page = marker->page;
    const struct range range = page->under_way;
    if (page->crashed && range.partition >= 0) {
        bool alone = range.first == range.last;
        bool suspect = find(page->suspects, page->suspect_count, range.partition, range.first) != NULL;
        weir_log(WEIR_LOG_WARNING,
                 "the last run ended by '%s' while it worked on %s partition %d offsets %" PRId64
                 " to %" PRId64 "%s",
                 strsignal(page->crashed), marker->topic, range.partition, range.first, range.last,
                 alone && suspect ? "" : ": they are taken one by one now");
        if (!suspect)
            add(page->suspects, &page->suspect_count, range);
        else if (alone && !find(page->skips, page->skip_count, range.partition, range.first))
            add(page->skips, &page->skip_count, range);
    }
    page->under_way.partition = -1;
    page->crashed = 0;
}

int weir_marker_open(const char *path, const char *topic, const char *group, struct weir_marker **out,
                     struct weir_error *error) {
    char owner[sizeof((struct page *)0)->owner] = "";
    struct weir_marker *marker = calloc(1, sizeof *marker);
    if (!marker) return weir_error_set(error, WEIR_NOMEM, "no memory for a marker");
    marker->topic = topic;
    int result = map(path, &marker->page, error);
    if (result) {
        free(marker);
        return result;
    }
    struct page *page = marker->page;
    snprintf(owner, sizeof owner, "%s\n%s", topic, group);
    if (!is_whole(page, owner)) {
        memset(page, 0, PAGE_BYTES);
        memcpy(page->magic, MAGIC, sizeof page->magic);
        memcpy(page->owner, owner, sizeof owner);
        page->under_way.partition = -1;
    }
    judge(marker);
    install_handler();
    *out = marker;
    return WEIR_OK;
}

struct weir_marker *weir_marker_take(const char *dir, const char *folder, const char *slot, const char *topic,
                                     const char *group) {
    char path[WEIR_PATH_BYTES];
    struct weir_marker *marker = NULL;
    struct weir_error error = {0};
    snprintf(path, sizeof path, "%s/%s/marker-%s", dir, folder, slot);
    if (weir_marker_open(path, topic, group, &marker, &error))
        weir_log(WEIR_LOG_WARNING, "a record that ends the process will not be found: %s", error.text);
    return marker;
}

void weir_marker_close(struct weir_marker *marker) {
    if (!marker) return;
    munmap(marker->page, PAGE_BYTES);
    free(marker);
}

/* ---- skips ---- */

bool weir_marker_skip(const struct weir_marker *marker, uint32_t i, int32_t *partition, int64_t *offset) {
    if (!marker || i >= marker->page->skip_count) return false;
    *partition = marker->page->skips[i].partition;
    *offset = marker->page->skips[i].first;
    return true;
}

bool weir_marker_skips(const struct weir_marker *marker, const struct weir_record *record) {
    return marker &&
           find(marker->page->skips, marker->page->skip_count, record->partition, record->offset) != NULL;
}

void weir_marker_settle(struct weir_marker *marker, int32_t partition, int64_t committed, int64_t needed) {
    if (!marker) return;
    struct page *page = marker->page;
    forget(page->suspects, &page->suspect_count, partition, committed);
    forget(page->skips, &page->skip_count, partition, needed);
    for (uint32_t i = 0; i < page->skip_count; i++) {
        const struct range *skip = &page->skips[i];
        if (skip->partition != partition) continue;
        bool again = skip->first < committed;
        weir_log(again ? WEIR_LOG_INFO : WEIR_LOG_ERROR,
                 "%s partition %d offset %" PRId64 " has ended the process twice: %s", marker->topic,
                 partition, skip->first,
                 again ? "it was set aside, and is so again when an older state comes upon it"
                       : "it is set aside unread, as a dead letter [D130]");
    }
}

/* ---- work ---- */

uint32_t weir_marker_run(const struct weir_marker *marker, const struct weir_record *records,
                         uint32_t count) {
    if (!marker || (!marker->page->suspect_count && !marker->page->skip_count)) return count;
    const struct page *page = marker->page;
    uint32_t run = 0;
    while (run < count && !weir_marker_skips(marker, &records[run]) &&
           !find(page->suspects, page->suspect_count, records[run].partition, records[run].offset))
        run++;
    return run ? run : 1;
}

void weir_marker_begin(struct weir_marker *marker, const struct weir_record *records, uint32_t count) {
    if (!marker) return;
    prepare_thread();
    struct range *range = &marker->page->under_way;
    range->partition = records->partition;
    range->first = records->offset;
    range->last = records[count - 1].offset;
    atomic_signal_fence(memory_order_seq_cst);
    at_work = marker->page;
}

void weir_marker_end(struct weir_marker *marker) {
    if (!marker) return;
    struct page *page = marker->page;
    at_work = NULL;
    if (page->suspect_count)
        forget(page->suspects, &page->suspect_count, page->under_way.partition, page->under_way.last + 1);
}
