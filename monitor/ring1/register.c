/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "register.h"
#include "vif.h"
#include "gate.h"
#include "processor.h"
#include "time.h"

#define EFER_HIDDEN 0x00001501u /* SCE LME LMA SVME: they lead out of ring 1 */

enum { CS, ESP, EIP }; /* cpu->sysenter */

/* --- debug registers --- */

/* What an access may meet, and the register that a number means: 4 and 5 are other names. GD is
 * never in the processor, which would stop ring 0 too. */
static fault check_debug(struct cpu *cpu, uint32_t *number) {
    if (*number == 4 || *number == 5) {
        if (read_cr4() & CR4_DE) {
            return FAULT(VECTOR_UD, 0);
        }
        *number += 2;
    }
    if (cpu->dr7 & DR7_GD) {
        cpu->dr7 &= ~DR7_GD;
        store_dr6(load_dr6() | DR6_BD);
        return FAULT(VECTOR_DB, 0);
    }
    return 0;
}

fault get_dr(struct cpu *cpu, uint32_t number, uint32_t *value) {
    fault fault = check_debug(cpu, &number);
    if (fault) {
        return fault;
    }
    switch (number) {
    case 0:
        *value = load_dr0();
        return 0;
    case 1:
        *value = load_dr1();
        return 0;
    case 2:
        *value = load_dr2();
        return 0;
    case 3:
        *value = load_dr3();
        return 0;
    case 6:
        *value = load_dr6();
        return 0;
    default:
        *value = load_dr7() | (cpu->dr7 & DR7_GD);
        return 0;
    }
}

fault set_dr(struct cpu *cpu, uint32_t number, uint32_t value) {
    fault fault = check_debug(cpu, &number);
    if (fault) {
        return fault;
    }
    switch (number) {
    case 0:
        store_dr0(value);
        break;
    case 1:
        store_dr1(value);
        break;
    case 2:
        store_dr2(value);
        break;
    case 3:
        store_dr3(value);
        break;
    case 6:
        store_dr6(value);
        break;
    default:
        cpu->dr7 = value;
        store_dr7(value & ~DR7_GD);
        break;
    }
    return 0;
}

/* --- MSRs --- */

/* SYSENTER leads to the guest by a RETF through this frame, with nothing else touched. */
static uint32_t *sysenter_frame(struct cpu *cpu) {
    return (uint32_t *)((uint32_t)cpu + CPU_STACK_END - 16);
}

static void write_msr(uint32_t msr, uint64_t value) {
    write_msr_guarded(msr, &value);
}

void start_sysenter(struct cpu *cpu) {
    if (!(processor_features() & FEATURE_SEP)) {
        return;
    }
    read_msr_guarded(MSR_SYSENTER_CS, &cpu->sysenter[CS]);
    read_msr_guarded(MSR_SYSENTER_ESP, &cpu->sysenter[ESP]);
    read_msr_guarded(MSR_SYSENTER_EIP, &cpu->sysenter[EIP]);
    write_msr(MSR_SYSENTER_ESP, (uint32_t)sysenter_frame(cpu));
    write_msr(MSR_SYSENTER_EIP,
              has_interrupt_control ? ways_in.sysenter_control : ways_in.sysenter);
    set_msr(cpu, MSR_SYSENTER_CS, cpu->sysenter[CS]);
}

static void set_sysenter(struct cpu *cpu, uint32_t msr, uint64_t value) {
    uint32_t *frame = sysenter_frame(cpu), cs;
    cpu->sysenter[msr - MSR_SYSENTER_CS] = value;
    cs = (uint32_t)cpu->sysenter[CS] & 0xFFFC;
    frame[0] = (uint32_t)cpu->sysenter[EIP];
    frame[1] = cs | 1;
    frame[2] = (uint32_t)cpu->sysenter[ESP];
    frame[3] = (cs + 8) | 1;
    if (cs) { /* a processor that starts has none, and others may be returning by these */
        shared()->sysexit_cs = (cs + 16) | 3;
        shared()->sysexit_ss = (cs + 24) | 3;
    }
    write_msr(MSR_SYSENTER_CS, cs ? HV_CS : 0); /* 0: SYSENTER faults */
}

fault get_msr(struct cpu *cpu, uint32_t msr, uint64_t *value) {
    if (read_msr_guarded(msr, value)) {
        return FAULT(VECTOR_GP, 0);
    }
    if (msr >= MSR_SYSENTER_CS && msr <= MSR_SYSENTER_EIP) {
        *value = cpu->sysenter[msr - MSR_SYSENTER_CS];
    }
    return 0;
}

fault set_msr(struct cpu *cpu, uint32_t msr, uint64_t value) {
    uint64_t old;
    if (msr >= MSR_SYSENTER_CS && msr <= MSR_SYSENTER_EIP) {
        if (read_msr_guarded(msr, &old)) {
            return FAULT(VECTOR_GP, 0);
        }
        set_sysenter(cpu, msr, value);
        return 0;
    }
    if (msr == MSR_TSC && processor_features() & FEATURE_TSC) {
        return write_tsc(cpu, value) ? FAULT(VECTOR_GP, 0) : 0;
    }
    if (msr == MSR_EFER) {
        value &= ~(uint64_t)EFER_HIDDEN;
    }
    return write_msr_guarded(msr, &value) ? FAULT(VECTOR_GP, 0) : 0;
}
