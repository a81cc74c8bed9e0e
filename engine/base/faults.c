/* SPDX-License-Identifier: Apache-2.0 */
#include "base/faults.h"

#ifdef WEIR_FAULTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int weir_rule_off = -1; /* not looked up yet */

int weir_rule(int rule) {
    if (weir_rule_off < 0) {
        const char *text = getenv("WEIR_WITHOUT_RULE");
        weir_rule_off = text ? atoi(text) : 0;
    }
    return weir_rule_off != rule;
}

void weir_point(const char *name) {
    static _Atomic int passes;
    const char *at = getenv("WEIR_KILL_AT");
    size_t len = strlen(name);
    if (!at || strncmp(at, name, len) != 0 || (at[len] && at[len] != ':')) return;
    int wanted = at[len] ? atoi(at + len + 1) : 1;
    if (atomic_fetch_add(&passes, 1) + 1 >= wanted) kill(getpid(), SIGKILL);
}

void weir_poison(const char *bytes, size_t len) {
    const char *text = getenv("WEIR_POISON");
    if (text && bytes && memmem(bytes, len, text, strlen(text))) abort();
}

#else
typedef int weir_faults_off; /* a file needs something in it */
#endif
