/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Each processor has a VMCB, nested tables and a place for the host's state of its own; the maps of
 * what exits are one for all. */

#include "common/block.h"
#include "common/string.h"
#include "intercept.h"
#include "vcpu.h"

#define ASID 1u

struct vcpu vcpus[MAX_PROCESSORS];

static struct vmcb vmcbs[MAX_PROCESSORS] __attribute__((aligned(4096)));
static uint8_t host_saves[MAX_PROCESSORS][PAGE_SIZE] __attribute__((aligned(4096)));

static void set_controls(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    vmcb->intercept_misc1 = INTERCEPT_NMI | INTERCEPT_CPUID | INTERCEPT_INVD | INTERCEPT_INVLPGA |
                            INTERCEPT_IOIO | INTERCEPT_MSR | INTERCEPT_SHUTDOWN;
    vmcb->intercept_misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
                            INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT;
    vmcb->n_cr3 = map_guest(vcpu->number);
    vmcb->np_enable = 1;
    vmcb->iopm_base_pa = physical_of(vcpu->number ? iopm_others : iopm);
    vmcb->msrpm_base_pa = physical_of(msrpm);
    vmcb->asid = ASID;
    vmcb->tlb_control = TLB_FLUSH;
    wrmsr(MSR_VM_HSAVE_PA, physical_of(host_saves[vcpu->number]));
}

struct vcpu *new_vcpu(unsigned number) {
    struct vcpu *vcpu = &vcpus[number];
    uint64_t tsc_offset = vmcbs[number].tsc_offset, pat = vmcbs[number].state.g_pat;
    memset(&vmcbs[number], 0, sizeof(vmcbs[number]));
    memset(&vcpu->registers.gpr, 0, sizeof(vcpu->registers.gpr));
    memset(&vcpu->step, 0, sizeof(vcpu->step));
    memset(&vcpu->alarms, 0, sizeof(vcpu->alarms));
    memset(&vcpu->walked_code, 0, sizeof(vcpu->walked_code));
    memset(vcpu->walked, 0, sizeof(vcpu->walked));
    vcpu->alarms.has_irq0 = number == 0;
    vmcbs[number].tsc_offset = tsc_offset;
    vmcbs[number].state.g_pat = pat ? pat : rdmsr(MSR_PAT);
    vcpu->lme = false;
    vcpu->number = number;
    vcpu->vmcb = &vmcbs[number];
    vcpu->vmcb_address = physical_of(vcpu->vmcb);
    set_controls(vcpu);
    if (tsc_offset) {
        vcpu->vmcb->intercept_misc1 |= INTERCEPT_RDTSC;
    }
    return vcpu;
}
