/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Identification, MSRs, counters, control and debug registers. */
#include "machine.h"

enum { MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_BAD = 0x0BADBEEF };
enum { VECTOR_DB = 1, VECTOR_NM = 7 };

static void init_returns_zero(void) {
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t cr0 = read_cr0();
        uint32_t cr4 = kernel_cr4();
        equal("EAX", vmi(VMI_CALL_Init, 0xDEADBEEF + i, 0x12345678, 0x87654321), 0);
        equal("CR0", read_cr0(), cr0);
        equal("CR4", kernel_cr4(), cr4);
    }
}

static void cpuid_is_the_processors(void) {
    static const uint32_t leaves[][2] = {{0, 0}, {1, 0},          {2, 0},          {4, 0},
                                         {4, 1}, {0x80000000, 0}, {0x80000001, 0}, {0x80000002, 0}};
    if (!guest_has_cpuid) {
        skip("no CPUID");
        return;
    }
    for (uint32_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        uint32_t native[4];
        native_cpuid(leaves[i][0], leaves[i][1], native);
        vmi(VMI_CALL_CPUID, leaves[i][0], 0x55555555, leaves[i][1]);
        equal("EAX", result.eax, native[0]);
        equal("EBX", result.ebx, native[1]);
        equal("ECX", result.ecx, native[2]);
        equal("EDX", result.edx, native[3]);
    }
}

static void msr_is_written_and_read(void) {
    if (!(features & CPU_SEP) || !(features & CPU_MSR)) {
        skip("no SYSENTER MSRs");
        return;
    }
    uint64_t old = native_rdmsr(MSR_SYSENTER_ESP);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t value = 0x01020304u << i;
        vmi(VMI_CALL_WRMSR, value, 0, MSR_SYSENTER_ESP);
        equal("MSR after WRMSR", (uint32_t)native_rdmsr(MSR_SYSENTER_ESP), value);
        native_wrmsr(MSR_SYSENTER_ESP, ~value);
        vmi(VMI_CALL_RDMSR, 0xAAAAAAAA, 0x55555555, MSR_SYSENTER_ESP);
        equal("RDMSR, EAX", result.eax, ~value);
        equal("RDMSR, EDX", result.edx, 0);
    }
    native_wrmsr(MSR_SYSENTER_ESP, old);
    uint64_t base = native_rdmsr(0x1B);
    vmi(VMI_CALL_RDMSR, 0, 0xFFFFFFFF, 0x1B);
    equal("APIC base, low", result.eax, (uint32_t)base);
    equal("APIC base, high", result.edx, (uint32_t)(base >> 32));
}

static void wrmsr_takes_both_halves(void) {
    enum { MTRR_MASK0 = 0x201 };
    uint32_t regs[4];
    native_cpuid(1, 0, regs);
    if (!(regs[3] & 1 << 12)) {
        skip("no MTRRs, and no other MSR with a free high half");
        return;
    }
    uint64_t old = native_rdmsr(MTRR_MASK0);
    vmi(VMI_CALL_WRMSR, 0x00FF0000, 0x0000000F, MTRR_MASK0);
    uint64_t seen = native_rdmsr(MTRR_MASK0);
    vmi(VMI_CALL_RDMSR, 0, 0, MTRR_MASK0);
    native_wrmsr(MTRR_MASK0, old);
    equal("low", (uint32_t)seen, 0x00FF0000);
    equal("high", (uint32_t)(seen >> 32), 0x0000000F);
    equal("RDMSR low", result.eax, (uint32_t)seen);
    equal("RDMSR high", result.edx, (uint32_t)(seen >> 32));
}

static void native_bad_rdmsr(void *arg) {
    (void)arg;
    native_rdmsr(MSR_BAD);
}

static void native_bad_wrmsr(void *arg) {
    (void)arg;
    native_wrmsr(MSR_BAD, 0);
}

static void bad_msr_faults_as_natively(void) {
    struct guest_fault fault;
    struct call_regs r;
    if (!(features & CPU_MSR)) {
        skip("no MSRs");
        return;
    }
    int32_t rd = vector_of(native_bad_rdmsr, NULL, &fault);
    int32_t wr = vector_of(native_bad_wrmsr, NULL, &fault);
    if (rd < 0 && wr < 0) {
        note("this processor ignores unknown MSRs");
    }
    guest_call_regs_init(&r, 7);
    r.ecx = MSR_BAD;
    equal("vector of RDMSR", (uint32_t)vmi_fault(VMI_CALL_RDMSR, &r, &fault), (uint32_t)rd);
    guest_call_regs_init(&r, 7);
    r.ecx = MSR_BAD;
    r.eax = r.edx = 0;
    equal("vector of WRMSR", (uint32_t)vmi_fault(VMI_CALL_WRMSR, &r, &fault), (uint32_t)wr);
}

static uint64_t native_pmc;
static void native_rdpmc(void *arg) {
    __asm__ volatile("rdpmc" : "=A"(native_pmc) : "c"(*(uint32_t *)arg));
}

static void rdpmc_does_what_the_processor_does(void) {
    static const uint32_t counters[] = {0, 1, 0x7FFFFFFF};
    for (uint32_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        struct guest_fault fault;
        struct call_regs r;
        uint32_t counter = counters[i];
        int32_t native = vector_of(native_rdpmc, &counter, &fault);
        guest_call_regs_init(&r, 9);
        r.ecx = counter;
        int32_t seen = vmi_fault(VMI_CALL_RDPMC, &r, &fault);
        equal("vector (-1: none)", (uint32_t)seen, (uint32_t)native);
        if (seen < 0) {
            equal("high half", r.edx, (uint32_t)(native_pmc >> 32));
        } else {
            note("RDPMC %x: trap %d, as natively", counter, native);
        }
    }
}

static void rdtsc_counts_with_the_processor(void) {
    if (!(features & CPU_TSC)) {
        skip("no TSC");
        return;
    }
    uint64_t last = native_rdtsc();
    for (uint32_t i = 0; i < 100; i++) {
        vmi(VMI_CALL_RDTSC, 0, 0, 0);
        uint64_t seen = (uint64_t)result.edx << 32 | result.eax;
        uint64_t after = native_rdtsc();
        if (seen < last || seen > after) {
            fail("RDTSC gave %llx between %llx and %llx", seen, last, after);
            return;
        }
        last = after;
    }
}

static void cycle_counters_are_the_tsc(void) {
    if (!(features & CPU_TSC)) {
        skip("no TSC");
        return;
    }
    for (uint32_t counter = 0; counter < 2; counter++) {
        uint64_t before = native_rdtsc();
        vmi(VMI_CALL_GetCycleCounter, counter, 0, 0);
        uint64_t seen = (uint64_t)result.edx << 32 | result.eax;
        uint64_t after = native_rdtsc();
        if (seen < before || seen > after) {
            fail("counter %u gave %llx between %llx and %llx", counter, seen, before, after);
        }
    }
}

static void no_other_time_is_kept(void) {
    static const uint32_t none[] = {2, 3, 0x100, 0xFFFFFFFF};
    for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        equal("low", vmi(VMI_CALL_GetCycleCounter, none[i], 0x1234, 0), 0);
        equal("high", result.edx, 0);
    }
    for (uint32_t eax = 0; eax < 128; eax += 17) { /* 85 among them */
        equal("frequency, low", vmi(VMI_CALL_GetCycleFrequency, eax, 2, 3), 0);
        equal("frequency, high", result.edx, 0);
        equal("wall clock, low", vmi(VMI_CALL_GetWallclockTime, eax, 2, 3), 0);
        equal("wall clock, high", result.edx, 0);
        equal("wall clock updated", vmi(VMI_CALL_WallclockUpdated, eax, 2, 3), 0);
    }
}

static void alarms_never_fire(void) {
    uint32_t words[2] = {1000000, 0}; /* the first is due at once */
    drain_interrupts();
    guest_pic_unmask(0);
    vmi_words(VMI_CALL_SetAlarm, VMI_ALARM_IS_PERIODIC, 0, 0, words, 2);
    native_sti();
    guest_delay_us(2000);
    native_cli();
    equal("interrupts", guest_irq_count[0], 0);
    equal("CancelAlarm", vmi(VMI_CALL_CancelAlarm, VMI_ALARM_IS_PERIODIC, 5, 6), 0);
    equal("CancelAlarm again", vmi(VMI_CALL_CancelAlarm, 1, 5, 6), 0);
}

/* ---- Control registers ---- */

static void cr0_is_set_and_got(void) {
    uint32_t base = read_cr0();
    static const uint32_t bits[] = {CR0_TS, CR0_WP, CR0_MP, CR0_TS | CR0_WP, 0};
    for (uint32_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        uint32_t value = (base & ~(uint32_t)(CR0_TS | CR0_WP | CR0_MP)) | bits[i];
        vmi(VMI_CALL_SetCR0, value, 0, 0);
        equal("CR0", read_cr0(), value);
        equal("GetCR0", vmi(VMI_CALL_GetCR0, 0x77777777, 0, 0), value);
    }
}

static void set_cr0_write_protects_ring_0(void) {
    struct guest_space space = guest_space_new(0);
    volatile uint32_t *page = guest_at(0x40000000);
    struct guest_fault fault;
    guest_map(&space, 0x40000000, GUEST_FREE_MEMORY, 0);
    guest_paging_on(&space);
    vmi(VMI_CALL_SetCR0, read_cr0() & ~(uint32_t)CR0_WP, 0, 0);
    *page = 1;
    vmi(VMI_CALL_SetCR0, read_cr0() | CR0_WP, 0, 0);
    struct call_regs r;
    guest_call_regs_init(&r, 3);
    r.eax = 2;
    r.edx = (uint32_t)page;
    equal("vector of a store by SetPxE", (uint32_t)vmi_fault(VMI_CALL_SetPxE, &r, &fault), 14);
    equal("CR2", fault.cr2, 0x40000000);
    equal("the page", *page, 1);
}

static void cr2_is_set_and_got(void) {
    for (uint32_t value = 0x12345678; value; value <<= 3) {
        vmi(VMI_CALL_SetCR2, value, 0, 0);
        equal("CR2", read_cr2(), value);
        write_cr2(~value);
        equal("GetCR2", vmi(VMI_CALL_GetCR2, 0x77777777, 0, 0), ~value);
    }
}

static void cr3_is_set_and_got(void) {
    for (uint32_t value = 0x100000; value && value < 0x80000000; value <<= 2) {
        vmi(VMI_CALL_SetCR3, value, 0, 0);
        equal("CR3", read_cr3(), value);
        write_cr3(value * 2);
        equal("GetCR3", vmi(VMI_CALL_GetCR3, 0x77777777, 0, 0), value * 2);
    }
    write_cr3(0);
}

static void cr4_is_set_and_got(void) {
    if (!guest_has_cpuid) {
        skip("no CR4");
        return;
    }
    uint32_t base = read_cr4();
    uint32_t bits = (features & CPU_PSE ? CR4_PSE : 0) | (features & CPU_PGE ? CR4_PGE : 0) |
                    (features & CPU_PAE ? CR4_PAE : 0);
    for (uint32_t bit = CR4_PSE; bit <= CR4_PGE; bit <<= 1) {
        if (!(bits & bit)) {
            continue;
        }
        vmi(VMI_CALL_SetCR4, base | bit, 0, 0);
        equal("CR4", read_cr4(), base | bit);
        equal("GetCR4", vmi(VMI_CALL_GetCR4, 0x77777777, 0, 0), base | bit);
        vmi(VMI_CALL_SetCR4, base, 0, 0);
        equal("CR4 again", read_cr4(), base);
        equal("GetCR4 again", vmi(VMI_CALL_GetCR4, 0x77777777, 0, 0), base);
    }
}

static void set_cr0_switches_paging(void) {
    struct guest_space space = guest_space_new(0);
    volatile uint32_t *page = guest_at(0x40000000);
    volatile uint32_t *frame = guest_at(GUEST_FREE_MEMORY);
    *frame = 0x600DF00D;
    guest_map(&space, 0x40000000, GUEST_FREE_MEMORY, PTE_RW);
    vmi(VMI_CALL_SetCR3, space.cr3, 0, 0);
    vmi(VMI_CALL_SetCR0, read_cr0() | CR0_PG, 0, 0);
    equal("the page", *page, 0x600DF00D);
    vmi(VMI_CALL_SetCR0, read_cr0() & ~CR0_PG, 0, 0);
    equal("CR0.PG", read_cr0() & CR0_PG, 0);
}

static void ts_traps_the_fpu(void) {
    struct guest_fault fault;
    vmi(VMI_CALL_CLTS, 1, 2, 3);
    equal("CR0.TS", read_cr0() & CR0_TS, 0);
    equal("no trap", (uint32_t)vector_of(probe_fpu, NULL, &fault), (uint32_t)-1);
    vmi(VMI_CALL_SetCR0, vmi(VMI_CALL_GetCR0, 0, 0, 0) | CR0_TS, 0, 0);
    equal("vector", (uint32_t)vector_of(probe_fpu, NULL, &fault), VECTOR_NM);
    equal("place", fault.frame.eip, (uint32_t)probe_fpu);
    vmi(VMI_CALL_CLTS, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF);
    equal("CR0.TS", read_cr0() & CR0_TS, 0);
    equal("no trap again", (uint32_t)vector_of(probe_fpu, NULL, &fault), (uint32_t)-1);
}

/* ---- Debug registers ---- */

static uint32_t native_dr(uint32_t number) {
    switch (number) {
    case 0:
        return read_dr0();
    case 1:
        return read_dr1();
    case 2:
        return read_dr2();
    case 3:
        return read_dr3();
    case 6:
        return read_dr6();
    default:
        return read_dr7();
    }
}

static void debug_registers_are_set_and_got(void) {
    for (uint32_t number = 0; number < 4; number++) {
        vmi(VMI_CALL_SetDR, number, 0x11111100 * (number + 1), 0);
    }
    for (uint32_t number = 0; number < 4; number++) {
        equal("DR0..3", native_dr(number), 0x11111100 * (number + 1));
        equal("GetDR", vmi(VMI_CALL_GetDR, number, 0, 0), 0x11111100 * (number + 1));
    }
    vmi(VMI_CALL_SetDR, 6, 0xFFFF0FF0 | 5, 0);
    equal("DR6", read_dr6() & 0xF, 5);
    equal("GetDR(6)", vmi(VMI_CALL_GetDR, 6, 0, 0), read_dr6());
    vmi(VMI_CALL_SetDR, 7, 0x00000700, 0);
    equal("DR7", read_dr7(), 0x700);
    equal("GetDR(7)", vmi(VMI_CALL_GetDR, 7, 0, 0), read_dr7());
    write_dr6(0xFFFF0FF0);
    write_dr7(0x400);
}

static void debug_registers_4_and_5_are_6_and_7(void) {
    vmi(VMI_CALL_SetDR, 4, 0xFFFF0FF0 | 0xA, 0);
    equal("DR6", read_dr6() & 0xF, 0xA);
    equal("GetDR(4)", vmi(VMI_CALL_GetDR, 4, 0, 0), read_dr6());
    vmi(VMI_CALL_SetDR, 5, 0x600, 0);
    equal("DR7", read_dr7(), 0x600);
    equal("GetDR(5)", vmi(VMI_CALL_GetDR, 5, 0, 0), read_dr7());
    write_dr6(0xFFFF0FF0);
    write_dr7(0x400);
}

static void further_debug_registers_do_not_exist(void) {
    static const uint32_t numbers[] = {8, 9, 15, 16, 0x100, 0x80000000, 0xFFFFFFFF};
    uint32_t before[8];
    for (uint32_t i = 0; i < 4; i++) {
        vmi(VMI_CALL_SetDR, i, 0x22222200 * (i + 1), 0);
    }
    for (uint32_t i = 0; i < 8; i++) {
        before[i] = native_dr(i);
    }
    for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        vmi(VMI_CALL_SetDR, numbers[i], 0x33333333, 0);
        equal("GetDR", vmi(VMI_CALL_GetDR, numbers[i], 0, 0), 0);
    }
    for (uint32_t i = 0; i < 8; i++) {
        equal("a debug register", native_dr(i), before[i]);
    }
}

static volatile uint32_t watched[4];
static void store_watched(void *arg) {
    watched[(uint32_t)arg] = 0x57A7E;
}

static void watchpoint_is_hit(void) {
    for (uint32_t i = 0; i < 4; i++) {
        struct guest_fault fault;
        write_dr6(0xFFFF0FF0);
        vmi(VMI_CALL_SetDR, i, (uint32_t)&watched[i], 0);
        /* global enable, write, four bytes */
        vmi(VMI_CALL_SetDR, 7, 0x400u | 2u << i * 2 | 0xD0000u << i * 4, 0);
        equal("vector of a store to a watchpoint",
              (uint32_t)vector_of(store_watched, (void *)i, &fault), VECTOR_DB);
        equal("DR6", fault.dr6 & 0xF, 1u << i);
        equal("GetDR(6)", vmi(VMI_CALL_GetDR, 6, 0, 0) & 0xF, 1u << i);
        equal("no watchpoint elsewhere",
              (uint32_t)vector_of(store_watched, (void *)((i + 1) & 3), &fault), (uint32_t)-1);
        vmi(VMI_CALL_SetDR, 7, 0x400, 0);
        equal("switched off", (uint32_t)vector_of(store_watched, (void *)i, &fault), (uint32_t)-1);
    }
}

const struct test processor_tests[] = {
    {"init_returns_zero", init_returns_zero, OURS, {VMI_CALL_Init}},
    {"cpuid_is_the_processors", cpuid_is_the_processors, RING0, {VMI_CALL_CPUID}},
    {"msr_is_written_and_read", msr_is_written_and_read, 0, {VMI_CALL_WRMSR, VMI_CALL_RDMSR}},
    {"wrmsr_takes_both_halves", wrmsr_takes_both_halves, 0, {VMI_CALL_WRMSR, VMI_CALL_RDMSR}},
    {"bad_msr_faults_as_natively",
     bad_msr_faults_as_natively,
     RING0,
     {VMI_CALL_WRMSR, VMI_CALL_RDMSR}},
    {"rdpmc_does_what_the_processor_does", rdpmc_does_what_the_processor_does, 0, {VMI_CALL_RDPMC}},
    {"rdtsc_counts_with_the_processor", rdtsc_counts_with_the_processor, 0, {VMI_CALL_RDTSC}},
    {"cycle_counters_are_the_tsc", cycle_counters_are_the_tsc, 0, {VMI_CALL_GetCycleCounter}},
    {"no_other_time_is_kept",
     no_other_time_is_kept,
     OURS,
     {VMI_CALL_GetCycleCounter, VMI_CALL_GetCycleFrequency, VMI_CALL_GetWallclockTime,
      VMI_CALL_WallclockUpdated}},
    {"alarms_never_fire", alarms_never_fire, OURS, {VMI_CALL_SetAlarm, VMI_CALL_CancelAlarm}},
    {"cr0_is_set_and_got", cr0_is_set_and_got, 0, {VMI_CALL_SetCR0, VMI_CALL_GetCR0}},
    {"set_cr0_switches_paging", set_cr0_switches_paging, TWICE, {VMI_CALL_SetCR0, VMI_CALL_SetCR3}},
    {"set_cr0_write_protects_ring_0",
     set_cr0_write_protects_ring_0,
     0,
     {VMI_CALL_SetCR0, VMI_CALL_SetPxE}},
    {"cr2_is_set_and_got", cr2_is_set_and_got, 0, {VMI_CALL_SetCR2, VMI_CALL_GetCR2}},
    {"cr3_is_set_and_got", cr3_is_set_and_got, 0, {VMI_CALL_SetCR3, VMI_CALL_GetCR3}},
    {"cr4_is_set_and_got", cr4_is_set_and_got, 0, {VMI_CALL_SetCR4, VMI_CALL_GetCR4}},
    {"ts_traps_the_fpu_until_clts",
     ts_traps_the_fpu,
     0,
     {VMI_CALL_SetCR0, VMI_CALL_GetCR0, VMI_CALL_CLTS}},
    {"debug_registers_are_set_and_got",
     debug_registers_are_set_and_got,
     TWICE,
     {VMI_CALL_SetDR, VMI_CALL_GetDR}},
    {"debug_registers_4_and_5_are_6_and_7",
     debug_registers_4_and_5_are_6_and_7,
     0,
     {VMI_CALL_SetDR, VMI_CALL_GetDR}},
    {"further_debug_registers_do_not_exist",
     further_debug_registers_do_not_exist,
     0,
     {VMI_CALL_SetDR, VMI_CALL_GetDR}},
    {"watchpoint_is_hit", watchpoint_is_hit, 0, {VMI_CALL_SetDR, VMI_CALL_GetDR}},
    {NULL, NULL, 0, {0}}};
