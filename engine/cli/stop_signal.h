/* SPDX-License-Identifier: Apache-2.0 */
/* stop_signal.h: waiting for SIGINT or SIGTERM, for verbs that only keep something up.
 *
 * threads: main thread; block before other threads are started, so that they inherit the mask.
 */
#ifndef WEIR_CLI_STOP_SIGNAL_H
#define WEIR_CLI_STOP_SIGNAL_H

void weir_stop_signal_block(void); /* from here on the two signals wait to be waited for */
void weir_stop_signal_wait(void);  /* returns when one has come; blocks them first if need be */

#endif
