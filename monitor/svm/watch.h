/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Writes to pages that the guest may not write to: the published ROM and the local APIC. */
#ifndef MONITOR_WATCH_H
#define MONITOR_WATCH_H

#include "vcpu.h"

/* A nested page fault: false when it is none of these. */
bool watched_write(struct vcpu *vcpu);

/* An exception: false when it does not belong to a step. */
bool watched_exception(struct vcpu *vcpu, uint8_t vector);

/* Any other exit before the write was done. */
void give_up_write(struct vcpu *vcpu);

/* The guest's write to a register of the local APIC. */
void guest_apic_write(struct vcpu *vcpu, uint32_t reg, uint32_t value);

vmi_handler call_apic_write, call_apic_write_offset, call_apic_read_offset;

#endif
