/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Guest memory by linear address, with the rights of the guest's supervisor. On failure vcpu->fault
 * says what the guest gets. */
#ifndef MONITOR_GUEST_MEMORY_H
#define MONITOR_GUEST_MEMORY_H

#include "vcpu.h"

/* The context is the struct vcpu. */
extern const struct vmi_guest monitor_guest;

/* The page of the code at a linear address in protected mode; NULL when there is none. Good up to
 * the next call of a function here. */
const struct walked *guest_code(struct vcpu *vcpu, uint32_t linear);

/* The place of a linear address as the host sees it, good up to the end of the page; it may be 0. A
 * write to a read-only page leads elsewhere than a read. */
bool guest_linear(struct vcpu *vcpu, uint32_t linear, bool write, void **at);

/* Whether all of the bytes are accessible; sets the dirty bits that a write needs. */
bool guest_probe(struct vcpu *vcpu, uint32_t linear, uint32_t size, bool write);

#endif
