/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Ports as the guest sees them: the machine's, but for those whose use is watched. */
#ifndef MONITOR_PORTS_H
#define MONITOR_PORTS_H

#include "vcpu.h"

/* Before the guest runs. */
void start_ports(bool resets);

/* Accesses of 1, 2 or 4 bytes. */
uint32_t guest_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void guest_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);

/* Whether accesses of that size have to come by these two. */
bool is_watched_port(uint16_t port, unsigned size);

/* An exit for a port: false when it gets #GP, which only strings at a guarded port do. */
bool on_port(struct vcpu *vcpu);

#endif
