/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* CPUID as the guest sees it. */
#ifndef MONITOR_CPUID_H
#define MONITOR_CPUID_H

#include "vcpu.h"

/* What the option ROM says to guests through CPUID: no PMM, so INT 15h is hooked. */
struct bios_hook {
    uint32_t block, reserved; /* what INT 15h must not report; 0: nothing */
    uint32_t int15;           /* the BIOS's vector */
};
extern struct bios_hook bios_hook;

/* For the exit and for the call. */
struct cpuid guest_cpuid(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf);

/* The bits of CR4 that the guest's processor has, by its CPUID. */
uint32_t guest_cr4(const struct vcpu *vcpu);

#endif
