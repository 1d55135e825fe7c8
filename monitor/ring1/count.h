/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* How often what came to ring 0. */
#ifndef RING1_COUNT_H
#define RING1_COUNT_H

#include "ring1.h"

extern uint32_t call_counts[VMI_CALL_SLOTS]; /* entry.asm counts them */

/* Kinds of instructions that were done for the guest, in the order of their names. */
enum emulated {
    EMULATED_HLT,
    EMULATED_CR,
    EMULATED_DR,
    EMULATED_MSR,
    EMULATED_TABLE, /* LGDT LIDT LLDT LTR */
    EMULATED_CACHE, /* WBINVD INVD INVLPG */
    EMULATED_RING,  /* selectors of ring 0 made ring 1 */
    EMULATED_PORT,  /* of ring 3, that the guest's TSS lets through */
    EMULATED_FLAG,  /* CLI STI, with interrupt control */
    EMULATED_OTHER,
    EMULATED_KINDS
};

void count_trap(uint32_t vector);
void count_injected(uint32_t vector);
void count_emulated(enum emulated kind);
void count_unknown(void);  /* #GP of ring 1 that nothing could be done about */
void count_finished(void); /* returns that an interrupt found half done */
void count_repair(void);   /* of a directory's last entry */

/* Says them all. */
void say_counts(void);

#endif
