/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h: allocations of the engine that fail: the one after so many, while armed.
 *
 * place:    a program of tests/sim is linked with --wrap for the allocating functions (CMakeLists.txt), so
 *           all calls that stand in our own code, and in headers it includes, come here; those inside of
 *           shared libraries (msgpack-c's unpacker, simdjson) do not.
 * use:      a driver arms around a call into the engine; what stands for the world outside (cluster, disk,
 *           oracles) holds while it allocates: it always has memory.
 * threads:  one.
 */
#ifndef TESTS_SIM_MEMORY_H
#define TESTS_SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* `after` allocations from now succeed, the next one fails, those after it succeed again. */
void sim_memory_arm(uint32_t after);
/* True: one has failed since it was armed. */
bool sim_memory_disarm(void);
bool sim_memory_has_failed(void); /* since it was armed */
/* Until as many releases nothing fails, nor counts. */
void sim_memory_hold(void);
void sim_memory_release(void);

#endif
