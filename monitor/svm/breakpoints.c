/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A processor takes DR7 from the VMCB at VMRUN and disarms it at the exit. TCG arms breakpoints at
 * MOV to DR7 only, gives the host its own DR7 back, and leaves what is armed as it is. There a
 * breakpoint on memory that the host reads is harmless: #DB of the host goes on (host.asm). One on
 * the host's own code or data is not: it is never armed.
 */

#include "boot.h"
#include "breakpoints.h"
#include "common/block.h"

#define BREAKPOINTS   4u
#define LONGEST       8u /* bytes that a breakpoint covers */
#define ENABLE(n)     (3ull << 2 * (n))
#define EMPTY_ENTRIES 512u

static bool stay_armed;

static uint64_t empty[EMPTY_ENTRIES] __attribute__((aligned(4096)));

/* The fetch of its first instruction exits. */
void start_breakpoints(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    uint64_t n_cr3 = vmcb->n_cr3;
    vmcb->n_cr3 = physical_of(empty);
    write_dr7(DR7_ONES | DR7_LE);
    enter_guest(vcpu->vmcb_address);
    stay_armed = read_dr7() & DR7_LE;
    vmcb->n_cr3 = n_cr3;
    vmcb->exitintinfo = 0;
    flush_guest_tlb(vcpu);
    write_dr7(DR7_ONES);
}

static bool is_ours(uint64_t address) {
    return address + LONGEST > HOST_BASE && address < HOST_BASE + BLOCK_SIZE;
}

void disarm_breakpoints(void) {
    if (stay_armed) {
        write_dr7(DR7_ONES);
    }
}

/* GD would guard the registers from us. */
void arm_breakpoints(const struct vcpu *vcpu) {
    uint64_t dr7 = vcpu->vmcb->state.dr7 & ~(uint64_t)DR7_GD;
    if (!stay_armed) {
        return;
    }
    for (unsigned i = 0; i < BREAKPOINTS; i++) {
        if (is_ours(read_breakpoint(i))) {
            dr7 &= ~ENABLE(i);
        }
    }
    write_dr7(dr7);
}

void watch_breakpoints(struct vcpu *vcpu) {
    if (stay_armed) {
        vcpu->vmcb->intercept_dr |= INTERCEPT_WRITE_DR;
        vcpu->vmcb->intercept_cr |= INTERCEPT_WRITE_CR4;
    }
}
