/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The MSRs as the guest sees them. */
#ifndef MONITOR_MSR_H
#define MONITOR_MSR_H

#include "vcpu.h"

/* False: #GP. */
bool guest_rdmsr(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool guest_wrmsr(struct vcpu *vcpu, uint32_t msr, uint64_t value);

#endif
