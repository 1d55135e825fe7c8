/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Identification, MSRs, control and debug registers, caches and the TLB. */

#include "breakpoints.h"
#include "calls_control.h"
#include "cpuid.h"
#include "msr.h"

#define CR0_KNOWN 0xE005003Fu /* the others read as 0 */
#define CR0_TLB   (CR0_PG | CR0_WP | CR0_PE)

#define CR4_TLB 0x007210B0u /* changes what entries mean, or which are global */

#define DR6_ONES  0xFFFF0FF0u
#define DR6_KNOWN 0xFFFFEFFFu
#define DR7_KNOWN 0xFFFF27FFu

/* --- identification and MSRs --- */

int call_cpuid(void *context, struct vmi_frame *f) {
    struct cpuid result = guest_cpuid(context, f->eax, f->ecx);
    f->eax = result.eax;
    f->ebx = result.ebx;
    f->ecx = result.ecx;
    f->edx = result.edx;
    return VMI_RETURNS;
}

/* The field that VMSAVE stores an MSR in, and VMLOAD loads it from; NULL for the others. */
static uint64_t *saved_msr(struct guest_state *state, uint32_t msr) {
    switch (msr) {
    case MSR_SYSENTER_CS:
        return &state->sysenter_cs;
    case MSR_SYSENTER_ESP:
        return &state->sysenter_esp;
    case MSR_SYSENTER_EIP:
        return &state->sysenter_eip;
    case MSR_STAR:
        return &state->star;
    case MSR_LSTAR:
        return &state->lstar;
    case MSR_CSTAR:
        return &state->cstar;
    case MSR_SFMASK:
        return &state->sfmask;
    case MSR_FS_BASE:
        return &state->fs.base;
    case MSR_GS_BASE:
        return &state->gs.base;
    case MSR_KERNEL_GS_BASE:
        return &state->kernel_gs_base;
    default:
        return NULL;
    }
}

/* VMLOAD would silently make an address canonical that WRMSR refuses. */
static bool is_canonical(uint64_t address) {
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

int call_wrmsr(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    uint64_t value = f->eax | (uint64_t)f->edx << 32;
    uint64_t *saved = saved_msr(state_of(vcpu), f->ecx);
    if (!saved) {
        return guest_wrmsr(vcpu, f->ecx, value) ? VMI_RETURNS : call_faults(vcpu, VECTOR_GP, 0);
    }
    if (f->ecx == MSR_SYSENTER_CS) {
        value &= 0xFFFF;
    } else if (f->ecx == MSR_SFMASK) {
        value &= 0xFFFFFFFF;
    } else if (f->ecx != MSR_STAR && !is_canonical(value)) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    *saved = value;
    return VMI_RETURNS;
}

int call_rdmsr(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    uint64_t value, *saved = saved_msr(state_of(vcpu), f->ecx);
    if (saved) {
        value = *saved;
    } else if (!guest_rdmsr(vcpu, f->ecx, &value)) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    vmi_return_edx_eax(f, value);
    return VMI_RETURNS;
}

int call_rdpmc(void *context, struct vmi_frame *f) {
    uint64_t value;
    uint8_t vector = try_rdpmc(f->ecx, &value);
    if (vector) {
        return call_faults(context, vector, 0);
    }
    vmi_return_edx_eax(f, value);
    return VMI_RETURNS;
}

/* --- control registers --- */

int call_set_cr0(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    struct guest_state *state = state_of(vcpu);
    uint64_t cr0 = (f->eax & CR0_KNOWN) | CR0_ET, changed = cr0 ^ state->cr0;
    if ((cr0 & CR0_PG && !(cr0 & CR0_PE)) || (cr0 & CR0_NW && !(cr0 & CR0_CD))) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    if (changed & CR0_PG && state->efer & EFER_LME) { /* in or out of long mode */
        if (cr0 & CR0_PG && (!(state->cr4 & CR4_PAE) || state->cs.attrib & ATTRIB_L)) {
            return call_faults(vcpu, VECTOR_GP, 0);
        }
        state->efer ^= EFER_LMA;
        forget_pages(vcpu);
    }
    state->cr0 = cr0;
    if (changed & CR0_TLB) {
        flush_guest_tlb(vcpu);
    }
    return VMI_RETURNS;
}

int call_set_cr2(void *context, struct vmi_frame *f) {
    state_of(context)->cr2 = f->eax;
    write_cr2(f->eax);
    return VMI_RETURNS;
}

int call_set_cr3(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    state_of(vcpu)->cr3 = f->eax;
    flush_guest_tlb(vcpu);
    return VMI_RETURNS;
}

int set_cr4(struct vcpu *vcpu, uint64_t value) {
    struct guest_state *state = state_of(vcpu);
    uint64_t changed = value ^ state->cr4;
    if (changed & value & ~(uint64_t)guest_cr4(vcpu)) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    if (value & CR4_PCIDE && !(state->efer & EFER_LMA)) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    if (state->efer & EFER_LMA && !(value & CR4_PAE)) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    state->cr4 = value;
    settle_lme(vcpu);
    if (changed & CR4_TLB) {
        flush_guest_tlb(vcpu);
    }
    return VMI_RETURNS;
}

int call_set_cr4(void *context, struct vmi_frame *f) {
    return set_cr4(context, f->eax);
}

static int get(struct vmi_frame *f, uint64_t value) {
    vmi_return_eax(f, (uint32_t)value);
    return VMI_RETURNS;
}

int call_get_cr0(void *context, struct vmi_frame *f) {
    return get(f, state_of(context)->cr0);
}

int call_get_cr2(void *context, struct vmi_frame *f) {
    return get(f, state_of(context)->cr2);
}

int call_get_cr3(void *context, struct vmi_frame *f) {
    return get(f, state_of(context)->cr3);
}

int call_get_cr4(void *context, struct vmi_frame *f) {
    return get(f, state_of(context)->cr4);
}

int call_clts(void *context, struct vmi_frame *f) {
    (void)f;
    state_of(context)->cr0 &= ~(uint64_t)CR0_TS;
    return VMI_RETURNS;
}

/* --- debug registers: 6 and 7 are the VMCB's, the others are still in the processor --- */

/* The faults of an access, and the register that a number stands for: 4 and 5 are aliases. */
static int check_debug(struct vcpu *vcpu, uint32_t *number) {
    struct guest_state *state = state_of(vcpu);
    if (*number == 4 || *number == 5) {
        if (state->cr4 & CR4_DE) {
            return call_faults(vcpu, VECTOR_UD, 0);
        }
        *number += 2;
    }
    if (state->dr7 & DR7_GD) { /* a debugger guards them */
        state->dr7 &= ~(uint64_t)DR7_GD;
        state->dr6 |= DR6_BD;
        return call_faults(vcpu, VECTOR_DB, 0);
    }
    return 0;
}

int write_debug(struct vcpu *vcpu, uint32_t number, uint64_t value) {
    int error = number > 7 ? 0 : check_debug(vcpu, &number);
    if (error || number > 7) {
        return error;
    }
    if (number > 3 && value >> 32) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    if (number < 4) {
        write_breakpoint(number, value);
    } else if (number == 6) {
        state_of(vcpu)->dr6 = (value & DR6_KNOWN) | DR6_ONES;
    } else {
        state_of(vcpu)->dr7 = (value & DR7_KNOWN) | DR7_ONES;
    }
    return VMI_RETURNS;
}

int call_set_dr(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    uint64_t dr7 = state_of(vcpu)->dr7;
    int outcome = write_debug(vcpu, f->eax, f->edx);
    if (state_of(vcpu)->dr7 != dr7) {
        arm_breakpoints(vcpu);
    }
    return outcome;
}

int call_get_dr(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    uint32_t number = f->eax;
    int error = number > 7 ? 0 : check_debug(vcpu, &number);
    if (error) {
        return error;
    }
    if (number > 7) {
        return get(f, 0);
    }
    if (number < 4) {
        return get(f, read_breakpoint(number));
    }
    return get(f, number == 6 ? state_of(vcpu)->dr6 : state_of(vcpu)->dr7);
}

/* --- caches and the TLB --- */

int call_wbinvd(void *context, struct vmi_frame *f) {
    (void)context, (void)f;
    __asm__ volatile("wbinvd" ::: "memory");
    return VMI_RETURNS;
}

int call_inval_page(void *context, struct vmi_frame *f) {
    invalidate_guest_page(context, f->eax);
    return VMI_RETURNS;
}

/* Flushes everything, global or not: more than was asked for is never wrong. */
int call_flush_tlb(void *context, struct vmi_frame *f) {
    (void)f;
    flush_guest_tlb(context);
    return VMI_RETURNS;
}
