/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The APs: all are underneath before the guest runs, and wait until it starts them. */
#ifndef MONITOR_PROCESSORS_H
#define MONITOR_PROCESSORS_H

#include "vcpu.h"

/* Before the guest runs, and before its memory is anybody's: they come to monitor_processor() by
 * the trampoline of launch.asm, which lies at address 0 meanwhile. */
void take_processors(const uint8_t *code, uint32_t size);

/* There: one that has a place among vcpus; and one that has not, for good. */
void has_arrived(unsigned number);
_Noreturn void park(void);

/* The guest's write to the local APIC's interrupt command register. The destination is as in the
 * register's high half, moved down. False: #GP. */
bool send_interrupt(const struct vcpu *vcpu, uint32_t command, uint32_t destination);

/* What a register of the local APIC may be given: one of its own interrupts that would come as an
 * SMI or an INIT is masked. */
uint32_t without_smi(uint32_t reg, uint32_t value);

/* The processor's logical ID may have changed. */
void note_logical_id(const struct vcpu *vcpu);

/* Messages for this processor, vcpu->registers.called; the context is its struct vcpu. Returns when
 * it is to run the guest. */
__attribute__((visibility("hidden"))) void obey(void *context);

vmi_handler call_set_initial_ap_state, call_set_linear_ap_state;

#endif
