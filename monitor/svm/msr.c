/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The MSRs that exit; most do not. */

#include "breakpoints.h"
#include "common/apic.h"
#include "event.h"
#include "intercept.h"
#include "msr.h"
#include "processors.h"

#define HIGH_HALF 0xFFFFFFFF00000000u

/* A machine without SVM does not have these. */
static bool is_hidden(uint32_t msr) {
    return msr == MSR_VM_CR || msr == MSR_VM_HSAVE_PA || msr == MSR_SVM_KEY || msr == MSR_TSC_RATIO;
}

bool guest_rdmsr(struct vcpu *vcpu, uint32_t msr, uint64_t *value) {
    if (is_hidden(msr)) {
        return false;
    }
    switch (msr) {
    case MSR_TSC:
        *value = guest_tsc(vcpu);
        return true;
    case MSR_EFER:
        *value = vcpu->vmcb->state.efer & ~(uint64_t)EFER_SVME;
        *value |= vcpu->lme ? EFER_LME : 0;
        return true;
    case MSR_PAT:
        *value = vcpu->vmcb->state.g_pat;
        return true;
    default:
        return !try_rdmsr(msr, value);
    }
}

/* SVME stays set under the guest; LMA follows paging. The processor is asked about reserved bits:
 * the host takes the value for a moment, with the bits that it needs itself. */
static bool write_efer(struct vmcb *vmcb, uint64_t value) {
    uint64_t host = rdmsr(MSR_EFER), wanted = value | EFER_SVME | EFER_LME | EFER_LMA, taken;
    if (value & EFER_SVME) {
        return false;
    }
    if ((vmcb->state.cr0 & CR0_PG) && ((value ^ vmcb->state.efer) & EFER_LME)) {
        return false;
    }
    if (try_wrmsr(MSR_EFER, wanted)) {
        return false;
    }
    taken = rdmsr(MSR_EFER);
    wrmsr(MSR_EFER, host);
    if (taken != wanted) { /* TCG drops the bits that others refuse, and VMRUN would */
        return false;
    }
    vmcb->state.efer = (value & ~(uint64_t)EFER_LMA) | (vmcb->state.efer & EFER_LMA) | EFER_SVME;
    return true;
}

/* Eight memory types; VMRUN would fail on another value, so the guest gets #GP. */
static bool is_good_pat(uint64_t value) {
    for (unsigned i = 0; i < 64; i += 8) {
        uint8_t type = (uint8_t)(value >> i);
        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

/* The fixed-range MTRRs are the guest's; what decodes memory is not. */
static bool write_syscfg(uint64_t value) {
    uint64_t now;
    if (try_rdmsr(MSR_SYSCFG, &now)) {
        return false;
    }
    return !try_wrmsr(MSR_SYSCFG, (now & ~(uint64_t)SYSCFG_FIXED) | (value & SYSCFG_FIXED));
}

/* Writes that are not permitted are dropped, or #GP where there is no such MSR. */
static bool is_ignored(uint32_t msr) {
    uint64_t now;
    return msr == MSR_PATCH || !try_rdmsr(msr, &now);
}

bool guest_wrmsr(struct vcpu *vcpu, uint32_t msr, uint64_t value) {
    if (is_hidden(msr)) {
        return false;
    }
    if (!is_writable_msr(msr)) {
        return is_ignored(msr);
    }
    switch (msr) {
    case MSR_TSC: /* the counters and the alarms go on */
        set_guest_tsc(vcpu, value);
        return true;
    case MSR_EFER:
        flush_guest_tlb(vcpu);
        forget_pages(vcpu);
        if (value & EFER_LME) {
            watch_breakpoints(vcpu);
        }
        if (!write_efer(vcpu->vmcb, value)) {
            return false;
        }
        vcpu->lme = value & EFER_LME;
        settle_lme(vcpu);
        return true;
    case MSR_PAT:
        if (!is_good_pat(value)) {
            return false;
        }
        vcpu->vmcb->state.g_pat = value;
        return true;
    case MSR_APIC_BASE: /* it could be moved onto the monitor */
        return !((value ^ rdmsr(msr)) & APIC_BASE_ADDRESS) && !try_wrmsr(msr, value);
    case MSR_X2APIC_ICR:
        if (!apic_is_x2()) {
            return false;
        }
        return send_interrupt(vcpu, (uint32_t)value, (uint32_t)(value >> 32));
    case X2APIC(APIC_CMCI):
    case MSR_X2APIC_LVTT ... X2APIC(APIC_LVT_LAST):
    case X2APIC(APIC_EXTENDED)... X2APIC(APIC_EXT_LAST):
        if (try_wrmsr(msr, (value & HIGH_HALF) | without_smi(APIC_OF_MSR(msr), (uint32_t)value))) {
            return false;
        }
        if (msr == MSR_X2APIC_LVTT) {
            renew_alarms(vcpu);
        }
        return true;
    case MSR_SYSCFG:
        return write_syscfg(value);
    default:
        return !try_wrmsr(msr, value);
    }
}
