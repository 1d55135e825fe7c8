/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Debug registers and MSRs, as the guest sees them. */
#ifndef RING1_REGISTER_H
#define RING1_REGISTER_H

#include "descriptor.h"
#include "ring1.h"

fault get_dr(struct cpu *cpu, uint32_t number, uint32_t *value);
fault set_dr(struct cpu *cpu, uint32_t number, uint32_t value);

fault get_msr(struct cpu *cpu, uint32_t msr, uint64_t *value);
fault set_msr(struct cpu *cpu, uint32_t msr, uint64_t value);

/* SYSENTER as it is before the guest has a use for it. */
void start_sysenter(struct cpu *cpu);

#endif
