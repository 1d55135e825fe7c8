/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's memory: by linear address, with the rights of ring 1, and by physical address. */
#ifndef RING1_MEMORY_H
#define RING1_MEMORY_H

#include "ring1.h"

/* False: cpu->fault_address and fault_error are those of the guest's #PF. A part may be done. */
bool guest_read(struct cpu *cpu, uint32_t linear, void *to, uint32_t size);
bool guest_write(struct cpu *cpu, uint32_t linear, const void *from, uint32_t size);

/* Shows the page of a physical address (bits 32 and up in `high`) until the next one is shown. */
void *show_page(struct cpu *cpu, uint32_t low, uint32_t high);

/* By guarded.asm: bytes that were not copied. */
uint32_t copy_bytes_guarded(void *to, const void *from, uint32_t size) __attribute__((regparm(3)));

/* The IDT with which ring 0 looks at the guest's memory: a page fault of its own cannot go to
 * ring 1. */
extern struct table copying_gates;

/* Shows registers of a device, a page of them, at an offset of the block's linear space. */
void map_device(uint32_t offset, uint32_t physical);

/* Shows a page of the block at a second linear address. */
void map_again(uint32_t linear, uint32_t first);

#endif
