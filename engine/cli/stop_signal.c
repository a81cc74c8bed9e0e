/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stop_signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

static sigset_t stop_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void weir_stop_signal_block(void) {
    sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void weir_stop_signal_wait(void) {
    sigset_t set = stop_signals();
    weir_stop_signal_block();
    while (sigwaitinfo(&set, NULL) < 0 && errno == EINTR) continue;
}
