/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The block is in one piece, so that one difference leads from the monitor's addresses to the
 * machine's. */

#include "block.h"

uint64_t block_base;

static uint64_t host_base;

void start_block(uint64_t host, uint64_t physical) {
    host_base = host;
    block_base = physical;
}

uint64_t physical_of(const void *host) {
    return (uintptr_t)host - host_base + block_base;
}
