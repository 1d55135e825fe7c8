/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Identification, MSRs, control and debug registers, caches and the TLB. */
#ifndef MONITOR_CALLS_CONTROL_H
#define MONITOR_CALLS_CONTROL_H

#include "vcpu.h"
#include "vmi/handlers.h"

/* The guest's MOV to a debug register, which may fault. */
int write_debug(struct vcpu *vcpu, uint32_t number, uint64_t value);

/* The same for CR4. */
int set_cr4(struct vcpu *vcpu, uint64_t value);

/* clang-format off */
vmi_handler call_cpuid, call_wrmsr, call_rdmsr, call_rdpmc, call_set_cr0, call_set_cr2,
            call_set_cr3, call_set_cr4, call_get_cr0, call_get_cr2, call_get_cr3, call_get_cr4,
            call_clts, call_set_dr, call_get_dr, call_wbinvd, call_inval_page, call_flush_tlb;
/* clang-format on */

#endif
