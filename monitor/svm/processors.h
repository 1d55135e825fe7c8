/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The APs: the monitor has all of them before the guest runs; they wait until it starts them. */
#ifndef MONITOR_PROCESSORS_H
#define MONITOR_PROCESSORS_H

#include "vcpu.h"

/* Before the guest runs, and before its memory is used: they reach monitor_processor() by the
 * trampoline of launch.asm, which is at address 0 meanwhile. */
void take_processors(const uint8_t *code, uint32_t size);

/* There: one that has a place among vcpus; and one that has not, for good. */
void has_arrived(unsigned number);
_Noreturn void park(void);

/* The guest's write to the local APIC's interrupt command register. The destination is as in the
 * register's high half, moved down. False: #GP. */
bool send_interrupt(const struct vcpu *vcpu, uint32_t command, uint32_t destination);

/* What is written to a register of the local APIC for VALUE: an LVT register with the mode SMI or
 * INIT is masked. */
uint32_t without_smi(uint32_t reg, uint32_t value);

/* The processor's logical ID may have changed. */
void note_logical_id(const struct vcpu *vcpu);

/* Messages for this processor, vcpu->registers.called; the context is its struct vcpu. Returns when
 * it is to run the guest. */
__attribute__((visibility("hidden"))) void obey(void *context);

vmi_handler call_set_initial_ap_state, call_set_linear_ap_state;

#endif
