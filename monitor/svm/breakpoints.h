/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's breakpoints: DR0 to DR3 are in the processor throughout, and DR7 is the VMCB's. The
 * host has none of its own. */
#ifndef MONITOR_BREAKPOINTS_H
#define MONITOR_BREAKPOINTS_H

#include "vcpu.h"

/* Finds out whether an exit disarms them. It runs a guest that has no page to run in. */
void start_breakpoints(struct vcpu *vcpu);

/* DR7 is to have changed: where VMRUN does not arm it. */
void arm_breakpoints(const struct vcpu *vcpu);

/* The guest goes to long mode, whose addresses may be the host's: where exits do not disarm them,
 * its writes of these registers are seen from here on. */
void watch_breakpoints(struct vcpu *vcpu);

#endif
