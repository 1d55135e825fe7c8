/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* How a processor comes to the guest: entry.asm calls these and goes on in ring 1. */
#ifndef RING1_START_H
#define RING1_START_H

#include "gate.h"

/* What the guest had, and is to have; entry.asm knows the offsets. */
struct start {
    uint32_t cs, ss, ds, es, fs, gs, ldt, tr;
    struct table gdtr;
    uint16_t pad;
    struct table idtr;
    uint16_t pad2;
    uint32_t eip, esp;
    struct ways_in ways;
};
_Static_assert(offsetof(struct start, idtr) == 40, "entry.asm");
_Static_assert(offsetof(struct start, eip) == 48, "entry.asm");

void ring1_init(struct start *start) __attribute__((regparm(1)));
void start_cpu(struct start *start) __attribute__((regparm(1)));

#endif
