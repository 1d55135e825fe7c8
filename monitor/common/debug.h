/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Words for people, on port E9h and, unless it is spared, COM1. */
#ifndef MONITOR_DEBUG_H
#define MONITOR_DEBUG_H

#include <stdbool.h>
#include <stdint.h>

/* COM1 is the guest's alone: what comes behind its last line passes for its output. */
extern bool spare_com1;

void say(const char *text);
void say_hex(uint64_t value, unsigned digits);

/* " name count" */
void say_count(const char *name, uint32_t count);

/* The calls that have been made, by name, as TAP comments, since some guests print tests.
 * `count_of` says how often the call of a slot was served. */
void say_calls(uint32_t (*count_of)(unsigned slot));

#endif
