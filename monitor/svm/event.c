/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Events are injected through the VMCB; what comes while an alarm is set is taken by the host
 * first. */

#include "common/clock.h"
#include "event.h"
#include "intercept.h"

void watch_timers(struct vcpu *vcpu) {
    intercept_port(PORT_PIT_0, alarms_have_pit());
    if (alarms_wait(&vcpu->alarms))
        vcpu->vmcb->intercept_misc1 |= INTERCEPT_INTR;
    else
        vcpu->vmcb->intercept_misc1 &= ~INTERCEPT_INTR;
}

void renew_alarms(struct vcpu *vcpu) {
    renew_apic_timer(&vcpu->alarms);
    watch_timers(vcpu);
}

void give_pit_back(void) {
    guest_takes_pit();
    intercept_port(PORT_PIT_0, false);
}

/* Of an interrupt and an NMI the NMI is first; the other one comes when the guest lets it. */
bool deliver_taken(struct vcpu *vcpu, struct taken taken) {
    struct vmcb *vmcb = vcpu->vmcb;
    bool interrupt = false;
    if (taken.vector != NO_VECTOR) {
        interrupt = is_for_guest(&vcpu->alarms, (uint8_t)taken.vector);
        watch_timers(vcpu);
    }
    if (interrupt && taken.nmi)
        vmcb->interrupt_control |= V_IRQ | V_IGN_TPR | taken.vector << V_VECTOR_SHIFT;
    else if (interrupt)
        vmcb->eventinj = EVENT_VALID | EVENT_INTERRUPT | taken.vector;
    if (taken.nmi)
        vmcb->eventinj = EVENT_VALID | EVENT_NMI | VECTOR_NMI;
    return interrupt || taken.nmi;
}

void deliver_exception(struct vcpu *vcpu, const struct fault *fault) {
    uint64_t event = EVENT_VALID | EVENT_EXCEPTION | fault->vector;
    if (fault->has_error)
        event |= EVENT_ERROR | (uint64_t)fault->error << 32;
    if (fault->vector == VECTOR_PF)
        vcpu->vmcb->state.cr2 = fault->cr2;
    vcpu->vmcb->eventinj = event;
}
