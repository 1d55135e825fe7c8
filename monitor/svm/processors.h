/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The machine's other processors: how they come to start underneath the guest. */
#ifndef MONITOR_PROCESSORS_H
#define MONITOR_PROCESSORS_H

#include "vcpu.h"

/* Before the guest runs: how many there may be that can be underneath it. What they start in is the
 * trampoline of launch.asm. */
unsigned find_processors(const uint8_t *code, uint32_t size);

/* The guest's write to the local APIC's interrupt command register: it is passed on, but a
 * processor that it starts comes to monitor_processor() first. The destination is as in the
 * register's high half. */
void send_interrupt(const struct vcpu *vcpu, uint32_t command, uint32_t destination);

/* There: fills the VMCB with what the guest starts in. False: it does not start. */
bool start_state(struct vcpu *vcpu);

/* There: lets the one who sent it go on. */
void has_arrived(const struct vcpu *vcpu);

vmi_handler call_set_initial_ap_state, call_set_linear_ap_state;

#endif
