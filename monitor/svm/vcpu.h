/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's processors. */
#ifndef MONITOR_VCPU_H
#define MONITOR_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "common/alarms.h"
#include "host.h"
#include "memory.h"
#include "svm.h"
#include "vmi/hypervisor.h"

#define STEP_PAGES 2u /* that one access can touch */
#define WALKED     4u /* pages of data that are remembered */

/* What the guest is to be given when a served call ends in VMI_ERROR_FAULT. */
struct fault {
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t cr2; /* of #PF */
};

/* A cached walk of guest_memory.c, with the table entries that it used: it is valid while they are
 * unchanged. For entries that the walk did not use, the low dword is compared with itself. */
#define WALK_ENTRIES 3u
struct walked {
    uint32_t linear; /* of the page */
    bool write;      /* it may be written to, and its dirty bit is set */
    bool pae;
    uint8_t count;          /* of entries; 0 without paging */
    uint64_t cr0, cr3, cr4; /* CR0 0: nothing is here, as it has bits that are always set */
    const void *entry[WALK_ENTRIES]; /* where the host sees it */
    uint64_t value[WALK_ENTRIES];
    uint64_t physical; /* of the page */
    uint64_t at;       /* where the host sees that; it may be 0 */
};

/* Exits by reason. */
enum exit_reason {
    EXIT_CPUID,
    EXIT_MSR,
    EXIT_TSC,     /* RDTSC, once the guest has set its TSC */
    EXIT_INVD,    /* done as WBINVD */
    EXIT_VMMCALL, /* refused; those that are served are in `calls` */
    EXIT_SVM,     /* VMRUN and its kin: #UD */
    EXIT_NPF,     /* a write to a watched page */
    EXIT_STEP,    /* ... has been done, or not */
    EXIT_IOIO,    /* the guest ends its emulator, or programs the PIT that an alarm uses */
    EXIT_NMI,     /* one comes, and its handler's IRET */
    EXIT_INTR,    /* an interrupt while an alarm is set */
    EXIT_REASONS
};

/* One processor of the guest. */
struct vcpu {
    struct guest_registers registers;
    unsigned number; /* 0: the BSP */
    uint64_t vmcb_address;
    struct vmcb *vmcb; /* all of the rest; while a call is served also what VMSAVE stores */
    struct fault fault;
    uint32_t exits[EXIT_REASONS];
    uint32_t calls[VMI_CALL_SLOTS]; /* served */
    struct {                        /* watch.c: a write to a watched page */
        bool on;                    /* it is single-stepped */
        uint8_t count;              /* pages open to it */
        uint64_t pages[STEP_PAGES];
        uint64_t rflags, dr6; /* before it */
        uint32_t *value;      /* of the local APIC */
        uint64_t address;     /* the register */
    } step;
    struct alarms alarms;
    struct walked walked_code, walked[WALKED]; /* guest_memory.c */
    bool lme;                                  /* EFER.LME as the guest sees it */
    volatile bool kicked; /* an NMI of ours is on the way: it is not the guest's */
};

/* All processors that the guest has. */
extern struct vcpu vcpus[MAX_PROCESSORS];

/* A processor with nothing in its VMCB but the monitor's controls, and what INIT leaves alone: its
 * counter and PAT. */
struct vcpu *new_vcpu(unsigned number);

/* What handlers know of the processor: its registers, by the names that they have in the VMCB.
 * While a call is served FS, GS, TR, LDTR and the MSRs of system calls are there too. */
static inline struct guest_state *state_of(const struct vcpu *vcpu) {
    return &vcpu->vmcb->state;
}

static inline uint64_t guest_tsc(const struct vcpu *vcpu) {
    return read_tsc() + vcpu->vmcb->tsc_offset;
}

/* From then on RDTSC is not the counter, and exits: it may be GetCycleCounter's. */
static inline void set_guest_tsc(const struct vcpu *vcpu, uint64_t value) {
    vcpu->vmcb->tsc_offset = value - read_tsc();
    vcpu->vmcb->intercept_misc1 |= INTERCEPT_RDTSC;
}

/* The next instruction may be interrupted. */
static inline void end_interrupt_shadow(struct vcpu *vcpu) {
    vcpu->vmcb->interrupt_shadow &= ~1ull;
}

/* TCG permits NW without CD in CR0, and its VMRUN refuses it. */
static inline void mend_cr0(const struct vcpu *vcpu) {
    struct guest_state *state = state_of(vcpu);
    if ((state->cr0 & (CR0_CD | CR0_NW)) == CR0_NW) {
        state->cr0 &= ~(uint64_t)CR0_NW;
    }
}

/* TCG loses the host's state at an exit from a guest with LME and neither paging nor PAE. There
 * writes to CR4 exit, and LME is set only together with one of them. */
static inline void settle_lme(const struct vcpu *vcpu) {
    struct guest_state *state = state_of(vcpu);
    if (!(vcpu->vmcb->intercept_cr & INTERCEPT_WRITE_CR4)) {
        return;
    }
    state->efer &= ~(uint64_t)EFER_LME;
    if (vcpu->lme && (state->cr0 & CR0_PG || state->cr4 & CR4_PAE)) {
        state->efer |= EFER_LME;
    }
}

/* INVLPG for the guest. */
static inline void invalidate_guest_page(const struct vcpu *vcpu, uint32_t linear) {
    __asm__ volatile("invlpga %%rax, %%ecx" ::"a"((uint64_t)linear), "c"(vcpu->vmcb->asid)
                     : "memory");
}

/* Flushes the guest's TLB entries at the next VMRUN. */
static inline void flush_guest_tlb(struct vcpu *vcpu) {
    vcpu->vmcb->tlb_control = TLB_FLUSH;
}

/* The guest has a new EFER, which only the monitor writes: what is remembered is not compared. */
static inline void forget_pages(struct vcpu *vcpu) {
    vcpu->walked_code.cr0 = 0;
    for (unsigned i = 0; i < WALKED; i++) {
        vcpu->walked[i].cr0 = 0;
    }
}

/* The call ends in a fault, its registers as they were, EIP at the trap. */
static inline int call_faults(struct vcpu *vcpu, uint8_t vector, uint32_t error) {
    vcpu->fault.vector = vector;
    vcpu->fault.has_error = vector != VECTOR_DB && vector != VECTOR_UD;
    vcpu->fault.error = error;
    vcpu->fault.cr2 = 0;
    return VMI_ERROR_FAULT;
}

#endif
