/* SPDX-License-Identifier: Apache-2.0 */
/* faults.h: the places where tests may kill the process, and the rules they may take away.
 *
 * place:    nothing at all in a build without WEIR_FAULTS (every build but the preset `faults`).
 * use:      WEIR_POINT("commit.before") dies by SIGKILL when the environment says WEIR_KILL_AT=commit.before,
 * or commit.before:7 for its seventh time. WEIR_RULE(5) is false when WEIR_WITHOUT_RULE=5 or weir_rule_off is
 * 5: rule numbers are those of exactly-once.md, 109 is a second way to break rule 9; a test that cannot tell
 * the difference proves nothing. WEIR_POISON(bytes) aborts when the text in the environment's WEIR_POISON
 * stands in them (R15). threads:  any.
 */
#ifndef WEIR_BASE_FAULTS_H
#define WEIR_BASE_FAULTS_H

#ifdef WEIR_FAULTS
#include <stddef.h>

extern int weir_rule_off; /* 0 = none */
int weir_rule(int rule);
void weir_point(const char *name);
void weir_poison(const char *bytes, size_t len);
#define WEIR_RULE(rule) weir_rule(rule)
#define WEIR_POINT(name) weir_point(name)
#define WEIR_POISON(bytes) weir_poison((bytes).data, (bytes).len)
#else
#define WEIR_RULE(rule) 1
#define WEIR_POINT(name) ((void)0)
#define WEIR_POISON(bytes) ((void)0)
#endif

#endif
