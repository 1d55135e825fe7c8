/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* How a processor comes to the guest: entry.asm calls these and goes on in ring 1. */
#ifndef RING1_START_H
#define RING1_START_H

#include "gate.h"
#include "ring1.h"

/* What the guest had, and is to have; entry.asm knows the offsets. */
struct start {
    uint32_t edi, esi, ebp, none, ebx, edx, ecx, eax;
    uint32_t eip, cs, eflags, esp, ss;
    uint32_t ds, es, fs, gs, ldt, tr;
    struct table gdtr;
    uint16_t pad;
    struct table idtr;
    uint16_t pad2;
    struct ways_in ways;
};
_Static_assert(offsetof(struct start, eip) == 32, "entry.asm");
_Static_assert(offsetof(struct start, idtr) == 84, "entry.asm");
_Static_assert(offsetof(struct start, ways) == 92, "entry.asm");

/* Init: on the guest's tables, of the BSP. */
void ring1_init(struct start *start) __attribute__((regparm(1)));
/* Of another one, in ROOT_IDENTITY: the state that its starter has left it. */
void start_cpu(struct start *start) __attribute__((regparm(1)));

#endif
