/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Events are injected through the VMCB. While an alarm is set the host takes interrupts first. */

#include "common/clock.h"
#include "event.h"
#include "intercept.h"

void watch_timers(struct vcpu *vcpu) {
    intercept_port(PORT_PIT_0, alarms_have_pit());
    if (alarms_wait(&vcpu->alarms)) {
        vcpu->vmcb->intercept_misc1 |= INTERCEPT_INTR;
    } else {
        vcpu->vmcb->intercept_misc1 &= ~INTERCEPT_INTR;
    }
}

void renew_alarms(struct vcpu *vcpu) {
    renew_apic_timer(&vcpu->alarms);
    watch_timers(vcpu);
}

void give_pit_back(void) {
    guest_takes_pit();
    intercept_port(PORT_PIT_0, false);
}

/* The NMI goes before an interrupt, which follows when the guest accepts it. */
bool deliver_taken(struct vcpu *vcpu, struct taken taken) {
    struct vmcb *vmcb = vcpu->vmcb;
    bool interrupt = false;
    if (taken.nmi && vcpu->kicked) {
        vcpu->kicked = false;
        taken.nmi = 0;
    }
    if (taken.vector != NO_VECTOR) {
        interrupt = is_for_guest(&vcpu->alarms, (uint8_t)taken.vector);
        watch_timers(vcpu);
    }
    if (interrupt && taken.nmi) {
        vmcb->interrupt_control = (vmcb->interrupt_control & ~V_VECTOR) | V_IRQ | V_IGN_TPR |
                                  taken.vector << V_VECTOR_SHIFT;
    } else if (interrupt) {
        vmcb->eventinj = EVENT_VALID | EVENT_INTERRUPT | taken.vector;
    }
    if (taken.nmi) {
        vmcb->eventinj = EVENT_VALID | EVENT_NMI | VECTOR_NMI;
    }
    return interrupt || taken.nmi;
}

void deliver_exception(struct vcpu *vcpu, const struct fault *fault) {
    uint64_t event = EVENT_VALID | EVENT_EXCEPTION | fault->vector;
    if (fault->has_error) {
        event |= EVENT_ERROR | (uint64_t)fault->error << 32;
    }
    if (fault->vector == VECTOR_PF) {
        vcpu->vmcb->state.cr2 = fault->cr2;
    }
    vcpu->vmcb->eventinj = event;
}

/* The interrupt shadow and RF end with an instruction, and behind it the guest's single step is
 * due. */
void end_instruction(struct vcpu *vcpu, uint64_t next) {
    static const struct fault db = {.vector = VECTOR_DB};
    struct guest_state *state = state_of(vcpu);
    state->rip = next;
    if (!(state->efer & EFER_LMA && state->cs.attrib & ATTRIB_L)) {
        state->rip = (uint32_t)next;
    }
    state->rflags &= ~(uint64_t)RFLAGS_RF;
    end_interrupt_shadow(vcpu);
    if (!(state->rflags & RFLAGS_TF)) {
        return;
    }
    state->dr6 |= DR6_BS;
    deliver_exception(vcpu, &db);
}

void on_nmi(struct vcpu *vcpu) {
    if (vcpu->kicked) {
        deliver_taken(vcpu, take_nmi());
        return;
    }
    vcpu->vmcb->intercept_misc1 &= ~INTERCEPT_NMI;
    vcpu->vmcb->intercept_misc1 |= INTERCEPT_IRET;
}

void watch_nmis(struct vcpu *vcpu) {
    vcpu->vmcb->intercept_misc1 &= ~INTERCEPT_IRET;
    vcpu->vmcb->intercept_misc1 |= INTERCEPT_NMI;
}
