/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The processor itself: identification, model-specific, control and debug registers, caches. */
#include "tour.h"

enum { MSR_SYSENTER_EIP = 0x176 };
enum { VECTOR_DB = 1, VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_GP = 13 };
enum { CR4_TSD = 4 };

void tour_vendor(char text[13], uint32_t ebx, uint32_t ecx, uint32_t edx) {
    memcpy(text, &ebx, 4);
    memcpy(text + 4, &edx, 4);
    memcpy(text + 8, &ecx, 4);
    text[12] = 0;
}

enum tour_verdict show_cpuid(void) {
    struct call_regs r;
    uint32_t own[4];
    char vendor[13];
    guest_call_regs_init(&r, VMI_CALL_CPUID);
    r.eax = 0;
    r.ecx = 0;
    guest_call(&r, vmi_address(VMI_CALL_CPUID), NULL, 0);
    native_cpuid(0, 0, own);
    if (r.eax != own[0] || r.ebx != own[1] || r.ecx != own[2] || r.edx != own[3]) {
        return tour_effect(0, "not what CPUID gives");
    }
    tour_vendor(vendor, r.ebx, r.ecx, r.edx);
    return tour_effect(1, "processor by %s", vendor);
}

enum tour_verdict show_wrmsr(void) {
    uint64_t old, seen;
    if (!(guest_cpu_features() & CPU_SEP)) {
        return tour_not_shown("needs a processor with SYSENTER");
    }
    old = native_rdmsr(MSR_SYSENTER_EIP);
    vmi3(VMI_CALL_WRMSR, 0x12345678, 0, MSR_SYSENTER_EIP);
    seen = native_rdmsr(MSR_SYSENTER_EIP);
    native_wrmsr(MSR_SYSENTER_EIP, old);
    return tour_effect(seen == 0x12345678, "MSR 176h holds %08llXh", seen);
}

enum tour_verdict show_rdmsr(void) {
    uint64_t old, seen;
    if (!(guest_cpu_features() & CPU_SEP)) {
        return tour_not_shown("needs a processor with SYSENTER");
    }
    old = native_rdmsr(MSR_SYSENTER_EIP);
    native_wrmsr(MSR_SYSENTER_EIP, 0x87654321);
    seen = vmi3(VMI_CALL_RDMSR, 0, 0, MSR_SYSENTER_EIP);
    native_wrmsr(MSR_SYSENTER_EIP, old);
    return tour_effect(seen == 0x87654321, "MSR 176h read back: %08llXh", seen);
}

static int on_qemu_tcg(void) {
    uint32_t regs[4];
    native_cpuid(1, 0, regs);
    if (!(regs[2] >> 31)) {
        return 0;
    }
    native_cpuid(0x40000000, 0, regs);
    return !memcmp(regs + 1, "TCGTCGTCGTCG", 12);
}

static void call_rdpmc(void *unused) {
    (void)unused;
    vmi3(VMI_CALL_RDPMC, 0, 0, 0);
}

static void execute_rdpmc(void *unused) {
    uint32_t low, high;
    (void)unused;
    __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(0));
}

/* Not every machine has performance counters: the call must do what the instruction does. */
enum tour_verdict show_rdpmc(void) {
    struct guest_fault called, executed;
    int call_faults = guest_try(call_rdpmc, NULL, &called);
    int instruction_faults = guest_try(execute_rdpmc, NULL, &executed);
    if (!call_faults) {
        return tour_effect(!instruction_faults, "counter 0 read");
    }
    return tour_effect(instruction_faults && called.frame.vector == executed.frame.vector,
                       "%s, as %s", called.frame.vector == VECTOR_UD ? "#UD" : "#GP",
                       on_qemu_tcg() ? "expected under QEMU TCG" : "the bare instruction here");
}

enum tour_verdict show_rdtsc(void) {
    uint64_t before = native_rdtsc();
    uint64_t now = vmi0(VMI_CALL_RDTSC);
    uint64_t after = native_rdtsc();
    return tour_effect(before <= now && now <= after, "%llu, between two reads of our own", now);
}

static void use_fpu(void *unused) {
    (void)unused;
    __asm__ volatile("fninit");
}

enum tour_verdict show_set_cr0(void) {
    struct guest_fault fault;
    uint32_t old = read_cr0();
    int trapped;
    vmi1(VMI_CALL_SetCR0, old | CR0_TS);
    trapped = guest_try(use_fpu, NULL, &fault) && fault.frame.vector == VECTOR_NM;
    write_cr0(old);
    return tour_effect(trapped, "TS set: the FPU traps (#NM)");
}

enum tour_verdict show_clts(void) {
    struct guest_fault fault;
    uint32_t old = read_cr0();
    int works;
    write_cr0((old | CR0_TS) & ~(uint32_t)CR0_EM);
    vmi0(VMI_CALL_CLTS);
    works = !guest_try(use_fpu, NULL, &fault);
    write_cr0(old);
    return tour_effect(works, "TS clear: the FPU works again");
}

enum tour_verdict show_set_cr2(void) {
    vmi1(VMI_CALL_SetCR2, 0xC0FFEE00);
    return tour_effect(read_cr2() == 0xC0FFEE00, "holds %08Xh", read_cr2());
}

/* Two address spaces that map different pages at one address. */
enum tour_verdict show_set_cr3(void) {
    static const uint32_t here = 0x20000000;
    struct guest_space other = guest_space_clone(&tour_space);
    volatile uint32_t *word = guest_at(here);
    uint32_t *page_a = guest_page_alloc(), *page_b = guest_page_alloc();
    uint32_t in_first, in_other, *pte;

    *page_a = 0xAAAA;
    *page_b = 0xBBBB;
    guest_map(&tour_space, here, (uint32_t)page_a, PTE_RW);
    guest_map(&other, here, (uint32_t)page_b, PTE_RW);
    native_invlpg(here);
    in_first = *word;
    vmi1(VMI_CALL_SetCR3, other.cr3);
    in_other = *word;
    write_cr3(tour_space.cr3);
    pte = guest_pte(&tour_space, here);
    *pte = 0;
    native_invlpg(here);
    return tour_effect(in_first == 0xAAAA && in_other == 0xBBBB,
                       "reloaded %08Xh, stale TLB entry gone", other.cr3);
}

enum tour_verdict show_set_cr4(void) {
    uint32_t old = read_cr4();
    uint32_t with, without;
    vmi1(VMI_CALL_SetCR4, old | CR4_TSD);
    with = tour_in_ring3(tour_user_rdtsc, EFLAGS_FIXED);
    vmi1(VMI_CALL_SetCR4, old);
    without = tour_in_ring3(tour_user_rdtsc, EFLAGS_FIXED);
    write_cr4(old);
    return tour_effect(with == VECTOR_GP && without == 0x80, "TSD set: RDTSC in ring 3 is #GP");
}

static enum tour_verdict same_as_mov(uint32_t called, uint32_t own) {
    return tour_effect(called == own, "%08Xh, as MOV reads it", called);
}

enum tour_verdict show_get_cr0(void) {
    return same_as_mov((uint32_t)vmi0(VMI_CALL_GetCR0), read_cr0());
}

enum tour_verdict show_get_cr2(void) {
    write_cr2(0x0BADCAFE);
    return same_as_mov((uint32_t)vmi0(VMI_CALL_GetCR2), read_cr2());
}

enum tour_verdict show_get_cr3(void) {
    return same_as_mov((uint32_t)vmi0(VMI_CALL_GetCR3), read_cr3());
}

enum tour_verdict show_get_cr4(void) {
    return same_as_mov((uint32_t)vmi0(VMI_CALL_GetCR4), read_cr4());
}

static volatile uint32_t cached;

enum tour_verdict show_invd(void) {
    cached = 0x11111111;
    vmi0(VMI_CALL_INVD);
    return tour_effect(cached == 0x11111111, "deprecated: cached data not lost");
}

enum tour_verdict show_wbinvd(void) {
    cached = 0x22222222;
    vmi0(VMI_CALL_WBINVD);
    return tour_effect(cached == 0x22222222, "cache written back, data unchanged");
}

enum { DR7_FIXED = 0x400, DR7_L0 = 1, DR7_WRITE0 = 1 << 16, DR7_LENGTH4_0 = 3 << 18 };
static volatile uint32_t watched __attribute__((aligned(4)));

static void write_watched(void *unused) {
    (void)unused;
    watched = 1;
}

enum tour_verdict show_set_dr(void) {
    struct guest_fault fault;
    int hit;
    vmi2(VMI_CALL_SetDR, 0, (uint32_t)&watched);
    vmi2(VMI_CALL_SetDR, 7, DR7_FIXED | DR7_L0 | DR7_WRITE0 | DR7_LENGTH4_0);
    hit = guest_try(write_watched, NULL, &fault) && fault.frame.vector == VECTOR_DB &&
          (fault.dr6 & 1);
    write_dr7(DR7_FIXED);
    write_dr6(0);
    return tour_effect(hit, "watchpoint hit at %08Xh", (uint32_t)&watched);
}

enum tour_verdict show_get_dr(void) {
    uint32_t dr1, dr7;
    write_dr1(0x00C0FFEE);
    dr1 = (uint32_t)vmi1(VMI_CALL_GetDR, 1);
    dr7 = (uint32_t)vmi1(VMI_CALL_GetDR, 7);
    return tour_effect(dr1 == 0x00C0FFEE && dr7 == read_dr7(), "DR1 %08Xh, DR7 %08Xh", dr1, dr7);
}

enum tour_verdict show_pause(void) {
    vmi0(VMI_CALL_Pause);
    return tour_effect(1, "returned; a hint has no visible effect");
}
