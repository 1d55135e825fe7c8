/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The block: the monitor's own memory. */
#ifndef MONITOR_BLOCK_H
#define MONITOR_BLOCK_H

#include <stdint.h>

/* Its physical address. */
extern uint64_t block_base;

/* What the monitor has at `host` is at `physical`. To be called before the others. */
void start_block(uint64_t host, uint64_t physical);

/* The physical address of something in the monitor. */
uint64_t physical_of(const void *host);

#endif
