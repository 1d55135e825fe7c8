/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The hypervisor in ring 0 below a guest in ring 1: what its files share. docs/ring1.md gives the
 * reading order. */
#ifndef RING1_H
#define RING1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/alarms.h"
#include "common/x86.h"
#include "layout.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define VECTORS          256u
#define VECTOR_MC        18u
#define VECTOR_IRQ_FIRST 32u
#define VECTOR_CALL      0x100u /* + slot */
#define VECTOR_REFUSED   0x200u /* the guest cannot go on with what a trap has left */

#define EFLAGS_TF   0x00000100u
#define EFLAGS_IF   0x00000200u
#define EFLAGS_IOPL 0x00003000u
#define EFLAGS_NT   0x00004000u
#define EFLAGS_RF   0x00010000u
#define EFLAGS_VM   0x00020000u

#define CR4_PGE 0x00000080u

/* The guest's registers, as entry.asm pushes them. */
struct frame {
    uint32_t es, ds;
    uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;                        /* not when ring 0 was interrupted */
    uint32_t v86_es, v86_ds, v86_fs, v86_gs; /* from and to V86 mode only */
};
_Static_assert(offsetof(struct frame, eip) == 48, "entry.asm knows it");

/* LGDT's and LIDT's operand. */
struct table {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

struct tss {
    uint32_t link, esp0, ss0, esp1, ss1, unused[20];
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == TSS_SIZE, "as the processor has it");

/* What ring 1 may write too; soft bodies know the offsets. */
struct shared {
    uint32_t magic, block, active, sysexit_cs, sysexit_ss;
    uint32_t image; /* physical address of the option ROM */
    uint32_t flags;
};
_Static_assert(offsetof(struct shared, block) == SHARED_BLOCK, "layout.h");
_Static_assert(offsetof(struct shared, active) == SHARED_ACTIVE, "layout.h");
_Static_assert(offsetof(struct shared, sysexit_cs) == SHARED_SYSEXIT_CS, "layout.h");
_Static_assert(offsetof(struct shared, sysexit_ss) == SHARED_SYSEXIT_SS, "layout.h");
_Static_assert(offsetof(struct shared, flags) == SHARED_FLAGS, "layout.h");

/* A processor's own, found by its stack. */
struct cpu {
    uint32_t number;
    uint32_t gdtr_base; /* what the guest believes to have loaded; entry.asm knows these offsets */
    uint32_t tss;       /* linear address of its TSS; 0: none */
    uint32_t own_tss;   /* of ours */
    uint16_t gdtr_limit, ldt, tr;
    uint32_t tss_limit; /* of it */
    uint32_t cr0;       /* only while it has paging off */
    uint32_t cr3, cr4;  /* likewise */
    uint32_t dr7;       /* with its GD */
    uint32_t iopl; /* in EFLAGS: 1, or 3 when SetIOPLMask has said so; 0 with interrupt control */
    uint32_t user_iopl;          /* with interrupt control: what SetIOPLMask has said */
    uint32_t held[VECTORS / 32]; /* interrupts that the guest's flag keeps away */
    uint64_t sysenter[3];
    bool paging_off;
    bool virtual_86; /* all gates lead to ring 0 */
    bool halting;
    bool guest_gates; /* those of ring 1 are in use */
    union {           /* behind a trap all are looked at, at once */
        struct {
            bool nmi_pending, debug_pending, check_pending; /* NMI, #DB, #MC */
            bool watching; /* interrupts come to ring 0, where the gates are the guest's */
        };
        uint32_t something;
    };
    uint32_t dr6; /* of debug_pending */
    uint32_t halt_vector;
    uint32_t fault_address; /* of the last copy that failed, for CR2 */
    uint32_t fault_error;
    uint32_t refused;    /* the fault of VECTOR_REFUSED */
    uint64_t tsc_offset; /* of the cycle counter, when the guest has set its TSC */
    struct alarms alarms;
};

_Static_assert(offsetof(struct cpu, gdtr_base) == CPU_GDTR_BASE, "layout.h");
_Static_assert(offsetof(struct cpu, tss) == CPU_GUEST_TSS, "layout.h");
_Static_assert(offsetof(struct cpu, own_tss) == CPU_OWN_TSS, "layout.h");

static inline struct cpu *this_cpu(void) {
    uint32_t esp;
    __asm__("mov %%esp, %0" : "=r"(esp));
    return (struct cpu *)(esp & -(uint32_t)CPU_SIZE);
}

static inline struct shared *shared(void) {
    return (struct shared *)SHARED_DATA;
}

static inline struct tss *tss_of(const struct cpu *cpu) {
    return (struct tss *)(SHARED_TSS + cpu->number * TSS_STRIDE);
}

static inline uint32_t *gdt_of(const struct cpu *cpu) {
    return (uint32_t *)((uint32_t)cpu + CPU_GDT);
}

static inline bool is_v86(const struct frame *f) {
    return f->eflags & EFLAGS_VM;
}

static inline bool is_user(const struct frame *f) {
    return is_v86(f) || (f->cs & 3) > 1;
}

#endif
