/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the guest gets first when it resumes: exceptions and interrupts. */
#ifndef MONITOR_EVENT_H
#define MONITOR_EVENT_H

#include "vcpu.h"

void deliver_exception(struct vcpu *vcpu, const struct fault *fault);

/* The guest's instruction has been emulated; the next one is at that RIP. */
void end_instruction(struct vcpu *vcpu, uint64_t next);

/* Injects what has been taken; false when nothing of it is for the guest. */
bool deliver_taken(struct vcpu *vcpu, struct taken taken);

/* An NMI is pending. It is a kick, or the guest takes it itself, so that the processor blocks
 * others as usual; they exit again when its handler returns. */
void on_nmi(struct vcpu *vcpu);
void watch_nmis(struct vcpu *vcpu);

/* Interrupts exit, and the guest's accesses to the PIT's channel 0, for as long as an alarm has a
 * timer. */
void watch_timers(struct vcpu *vcpu);

/* The guest has written LVTT. */
void renew_alarms(struct vcpu *vcpu);

/* The guest programs that channel itself. */
void give_pit_back(void);

#endif
