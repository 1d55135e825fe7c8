/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the guests that try the monitor share. */
#ifndef TESTS_MONITOR_REPORT_H
#define TESTS_MONITOR_REPORT_H

#include "guest.h"

#define PAGE      4096u
#define VECTOR_UD 6
#define VECTOR_GP 13
#define VECTOR_PF 14
#define NO_FAULT  0xFFFFFFFFu

/* report.c: one line of TAP. */
void report(const char *name, int good, uint32_t seen);
void same(const char *name, uint32_t expected, uint32_t seen);

/* kernel.c: the vector of what fn raises, or NO_FAULT. */
uint32_t fault_of(void (*fn)(void *), void *arg);

/* processors.c: what there is to see of the ROM with a second processor; nothing without one. */
void try_processors(uint8_t *at);

/* processors.c: the local APIC's registers, watched or not. */
void try_apic(void);

#endif
