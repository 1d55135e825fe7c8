/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A line for each exit when the image's options ask for it, and the sums when the guest ends. */

#include "common/debug.h"
#include "figures.h"
#include "vmi/calls.h"

bool tracing;

static void say_register(const char *name, uint64_t value) {
    say(name);
    say_hex(value, 8);
}

/* The exit code is AMD's; a VMMCALL's slot is that of its address, whether it is a call or not. */
void trace_exit(const struct vcpu *vcpu) {
    const struct vmcb *vmcb = vcpu->vmcb;
    const struct vmi_frame *frame = &vcpu->registers.frame;
    const struct gprs *gpr = &vcpu->registers.gpr;
    bool call = vmcb->exitcode == VMEXIT_VMMCALL && !(vmcb->state.efer & EFER_LMA);
    say("# exit ");
    say_hex(vmcb->exitcode, 3);
    if (vmcb->exitcode == VMEXIT_VMMCALL) {
        say_count("slot", (uint32_t)(vmcb->state.rip % PAGE_SIZE / VMI_CALL_SIZE));
    }
    say_register(" info ", vmcb->exitinfo1);
    say_register(" at ", vmcb->state.cs.selector);
    say_register(":", vmcb->state.rip);
    say_register(" eax ", vmcb->state.rax);
    say_register(" ecx ", call ? frame->ecx : gpr->rcx);
    say_register(" edx ", call ? frame->edx : gpr->rdx);
    say("\n");
}

/* Of all processors. */
static uint32_t sum_exits(unsigned reason) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        sum += vcpus[i].exits[reason];
    }
    return sum;
}

static uint32_t sum_calls(unsigned slot) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        sum += vcpus[i].calls[slot];
    }
    return sum;
}

static uint32_t sum_served(void) {
    uint32_t sum = 0;
    for (unsigned slot = 0; slot < VMI_CALL_SLOTS; slot++) {
        sum += sum_calls(slot);
    }
    return sum;
}

void say_exits(void) {
    static const char *const reasons[EXIT_REASONS] = {
        [EXIT_CPUID] = "CPUID",     [EXIT_MSR] = "MSR", [EXIT_TSC] = "RDTSC", [EXIT_INVD] = "INVD",
        [EXIT_VMMCALL] = "VMMCALL", [EXIT_SVM] = "SVM", [EXIT_NPF] = "NPF",   [EXIT_STEP] = "step",
        [EXIT_IOIO] = "IOIO",       [EXIT_NMI] = "NMI", [EXIT_INTR] = "INTR"};
    say("# monitor: exits:");
    for (unsigned i = 0; i < EXIT_REASONS; i++) {
        say_count(reasons[i], sum_exits(i) + (i == EXIT_VMMCALL ? sum_served() : 0));
    }
    say("\n");
    say_calls(sum_calls);
}
