/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * One generation of Linux (about 2.6.25) passes a wrong high dword to WriteGDTEntry and WriteIDTEntry:
 * the one at offset 8 of its descriptor instead of offset 4. The right one is in the guest's memory,
 * and the guest's registers or stack lead there.
 */
#ifndef RING1_GENERATION_H
#define RING1_GENERATION_H

#include "ring1.h"

/* For entry.asm: once seen, C serves all of these calls. */
extern uint8_t wrong_generation;

/* The high dword that is meant; `gate`: of an IDT entry, which shows whether it is wrong. */
uint32_t meant_high(struct cpu *cpu, const struct frame *f, uint32_t high, bool gate);

#endif
