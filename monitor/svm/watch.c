/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Drops writes to the published ROM, and intercepts those to the local APIC, whatever the
 * instruction. A plain store to the local APIC is emulated. Any other instruction is single-stepped
 * (TF set, no interrupts) on a page that only its processor has: for a page of the ROM, a copy; for
 * the local APIC's, a page with the register that is written to, whose value is then forwarded.
 */

#include "code.h"
#include "common/apic.h"
#include "event.h"
#include "guest_memory.h"
#include "processors.h"
#include "watch.h"

#define ALL_EXCEPTIONS 0xFFFFFFFFu
#define OURS           ((uint64_t)(RFLAGS_IF | RFLAGS_TF))
#define REGISTER       0xFFCu /* of an address in the page */

/* Registers are 16 bytes apart. What is between and behind them is none: machines that take some of
 * it for messages send no interrupt for it. */
static bool is_register(uint64_t address) {
    return address / PAGE_SIZE == APIC_BASE / PAGE_SIZE && address % 16 == 0 && has_apic() &&
           !apic_is_x2();
}

/* A register that the guest reads back, as far as reading it is without effect. */
static uint32_t register_value(uint64_t address) {
    uint32_t reg = address & REGISTER;
    if (!is_register(address) || reg == APIC_EOI) {
        return 0;
    }
    return apic_read(reg);
}

static void open(struct vcpu *vcpu, uint64_t address) {
    uint8_t *page = open_page(vcpu->number, address);
    if (is_apic(address)) {
        vcpu->step.address = address;
        vcpu->step.value = (uint32_t *)(page + (address & REGISTER));
        *vcpu->step.value = register_value(address);
    }
    vcpu->step.pages[vcpu->step.count++] = address;
    flush_guest_tlb(vcpu);
}

static void close(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    while (vcpu->step.count) {
        close_page(vcpu->number, vcpu->step.pages[--vcpu->step.count]);
    }
    vcpu->step.value = NULL;
    flush_guest_tlb(vcpu);
    if (!vcpu->step.on) {
        return;
    }
    vcpu->step.on = false;
    vmcb->intercept_exceptions = 0;
    vmcb->state.rflags = (vmcb->state.rflags & ~OURS) | (vcpu->step.rflags & OURS);
}

static void step(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    vcpu->step.on = true;
    vcpu->step.rflags = vmcb->state.rflags;
    vcpu->step.dr6 = vmcb->state.dr6;
    vmcb->intercept_exceptions = ALL_EXCEPTIONS;
    vmcb->state.rflags = (vmcb->state.rflags & ~OURS) | RFLAGS_TF;
}

/* Where the mode of its registers is MSRs, nothing is in memory. */
static void store_register(struct vcpu *vcpu, uint64_t address, uint32_t value) {
    if (is_register(address)) {
        guest_apic_write(vcpu, address & REGISTER, value);
    }
}

static bool do_store(struct vcpu *vcpu, uint64_t address) {
    struct store store;
    uint32_t before = 0;
    if (vcpu->vmcb->exitinfo1 & NPF_WALK || !decode_store(vcpu, &store)) {
        return false;
    }
    if (store.exchanged) {
        before = register_value(address);
    }
    store_register(vcpu, address, store.value);
    if (store.exchanged) {
        *store.exchanged = before;
    }
    end_instruction(vcpu, vcpu->vmcb->state.rip + store.length);
    return true;
}

/* When an event was being delivered, onto a stack there, that goes first. There is no step over it:
 * the page stays up to the next exit. */
bool watched_write(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    uint64_t address = vmcb->exitinfo2;
    if (!(vmcb->exitinfo1 & NPF_WRITE) || !(is_shown(address) || is_apic(address)) ||
        vcpu->step.count == STEP_PAGES) {
        return false;
    }
    if (vmcb->exitintinfo & EVENT_VALID) {
        vmcb->eventinj = vmcb->exitintinfo;
    } else if (!vcpu->step.on && is_apic(address) && do_store(vcpu, address)) {
        return true;
    } else if (!vcpu->step.on) {
        step(vcpu);
    }
    open(vcpu, address);
    return true;
}

/* Its ID stays as it is: it is what the monitor knows the processor by. Before it there is nothing,
 * where QEMU takes a store for a message. */
void guest_apic_write(struct vcpu *vcpu, uint32_t reg, uint32_t value) {
    if (reg <= APIC_ID) {
        return;
    }
    value = without_smi(reg, value);
    if (apic_is_x2() && reg != APIC_ICR) {
        try_wrmsr(MSR_X2APIC + reg / 16, value);
    } else if (apic_is_x2()) {
        send_interrupt(vcpu, value, 0);
    } else if (reg == APIC_ICR) {
        send_interrupt(vcpu, value, apic_read(APIC_ICR_HIGH) >> ICR_HIGH_SHIFT);
    } else {
        apic_write(reg, value);
    }
    if (reg == APIC_LVTT) {
        renew_alarms(vcpu);
    }
    if (reg == APIC_LDR || reg == APIC_DFR) {
        note_logical_id(vcpu);
    }
}

/* DR6 may name breakpoints that are not enabled. */
static bool hits_breakpoint(const struct vmcb *vmcb, uint64_t dr6) {
    for (unsigned i = 0; i < 4; i++) {
        if (vmcb->state.dr6 & ~dr6 & 1u << i && vmcb->state.dr7 & 3u << 2 * i) {
            return true;
        }
    }
    return false;
}

/* The guest may be stepping too, or have a breakpoint here. */
static void end_step(struct vcpu *vcpu) {
    static const struct fault db = {.vector = VECTOR_DB};
    struct vmcb *vmcb = vcpu->vmcb;
    const uint32_t *value = vcpu->step.value;
    close(vcpu);
    if (value) {
        store_register(vcpu, vcpu->step.address, *value);
    }
    if (!(vmcb->state.rflags & RFLAGS_TF) && !hits_breakpoint(vmcb, vcpu->step.dr6)) {
        vmcb->state.dr6 = vcpu->step.dr6;
        return;
    }
    vmcb->state.dr6 &= ~(uint64_t)DR6_BS;
    if (vmcb->state.rflags & RFLAGS_TF) {
        vmcb->state.dr6 |= DR6_BS;
    }
    deliver_exception(vcpu, &db);
}

static bool has_error(uint8_t vector) {
    return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) ||
           vector == VECTOR_AC;
}

bool watched_exception(struct vcpu *vcpu, uint8_t vector) {
    struct vmcb *vmcb = vcpu->vmcb;
    struct fault fault = {.vector = vector,
                          .has_error = has_error(vector),
                          .error = (uint32_t)vmcb->exitinfo1,
                          .cr2 = vmcb->exitinfo2};
    if (!vcpu->step.on) {
        return false;
    }
    if (vector == VECTOR_DB) {
        end_step(vcpu);
    } else {
        close(vcpu);
        deliver_exception(vcpu, &fault);
    }
    return true;
}

void give_up_write(struct vcpu *vcpu) {
    if (vcpu->step.count) {
        close(vcpu);
    }
}

/* Of all calls this one is meant for registers. Others' writes to the local APIC are lost while it
 * is watched. */
int call_apic_write(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    void *at;
    if (guest_probe(vcpu, f->eax, sizeof(f->edx), true) && guest_linear(vcpu, f->eax, false, &at) &&
        is_apic((uint64_t)at)) {
        store_register(vcpu, (uint64_t)at, f->edx);
        return VMI_RETURNS;
    }
    return vmi_guest_write(f, f->eax, &f->edx, sizeof(f->edx)); /* or its fault */
}

/* API 3.0: its guests name the register by its offset. */
static bool is_offset(uint32_t offset) {
    return offset < PAGE_SIZE && offset % 16 == 0;
}

int call_apic_write_offset(void *context, struct vmi_frame *f) {
    if (is_offset(f->eax)) {
        guest_apic_write(context, f->eax, f->edx);
    }
    return VMI_RETURNS;
}

static uint32_t read_offset(uint32_t offset) {
    uint64_t value;
    if (!is_offset(offset)) {
        return 0;
    }
    if (!apic_is_x2()) {
        return apic_read(offset);
    }
    return try_rdmsr(MSR_X2APIC + offset / 16, &value) ? 0 : (uint32_t)value;
}

int call_apic_read_offset(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, read_offset(f->eax));
    return VMI_RETURNS;
}
