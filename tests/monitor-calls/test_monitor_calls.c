/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What the monitor's handlers do that a guest which goes well does not show: faults, strings
 * that fault half-way, entries across pages, what is put into the VMCB. No paging unless a test
 * says so. TAP.
 */

#include <string.h>

#include "results.h"

#include "call_names.h"
#include "common/alarms.h"
#include "common/clock.h"
#include "svm/calls.h"
#include "svm/calls_control.h"
#include "svm/calls_descriptor.h"
#include "svm/calls_entry.h"
#include "svm/calls_port.h"
#include "svm/calls_transfer.h"
#include "svm/cpuid.h"
#include "svm/descriptor.h"
#include "svm/guest_memory.h"
#include "svm/msr.h"
#include "vmi/calls.h"

/* --- the machine --- */

#define MEMORY 0x20000u
#define ROM    0x0D0000u /* where the trap is; not in memory */
#define GDT    0x01000u
#define LDT    0x02000u
#define STACK  0x08000u
#define SITE   0x04000u /* the call in the guest's kernel */
#define TSS    0x05000u
#define DIR    0x06000u
#define PT     0x07000u

enum {
    SEL_KCODE = 0x08,
    SEL_UCODE = 0x1B,
    SEL_UDATA = 0x23,
    SEL_ABSENT_CODE = 0x2B,
    SEL_ABSENT_DATA = 0x33,
    SEL_CONFORMING = 0x3B,
    SEL_SHORT_CODE = 0x43,
    SEL_STACK16 = 0x4B,
    SEL_TSS = 0x50,
    SEL_LDT = 0x58,
    SEL_ABSENT_TSS = 0x60,
    SEL_READ_ONLY = 0x6B,
    SEL_END = 0x70
};

static uint8_t memory[MEMORY];
static struct vmcb vmcb;
static struct vcpu vcpu;
static struct vmi_frame f;
static unsigned interrupts;

void *guest_physical(uint64_t address, bool write) {
    (void)write;
    return address < MEMORY ? memory + address : NULL;
}

/* A processor with PSE and PGE. */
struct cpuid guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf) {
    (void)v, (void)subleaf;
    return (struct cpuid){leaf == 0 ? 1 : 0, 0, 0, leaf == 1 ? 1u << 3 | 1u << 13 : 0};
}

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value) {
    (void)v;
    *value = 0x1122334455667788;
    return msr == MSR_TSC;
}

bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value) {
    (void)v, (void)value;
    return msr == MSR_TSC;
}

uint8_t try_rdpmc(uint32_t counter, uint64_t *value) {
    (void)counter, (void)value;
    return VECTOR_GP;
}

/* The first two are of no interest to the guest. */
bool is_for_guest(struct alarms *alarms, uint8_t vector) {
    (void)alarms, (void)vector;
    return ++interrupts == 3;
}

void write_cr2(uint64_t value) {
    (void)value;
}

struct taken wait_for_interrupt(void) {
    return (struct taken){0x77, 0};
}

struct taken wait_for_nmi(void) {
    return (struct taken){NO_VECTOR, 1};
}

static void put(uint32_t at, uint64_t value, uint32_t size) {
    memcpy(memory + at, &value, size);
}

static uint64_t look(uint32_t at, uint32_t size) {
    uint64_t value = 0;
    memcpy(&value, memory + at, size);
    return value;
}

static void descriptor(uint16_t selector, uint32_t base, uint32_t limit, uint32_t attrib) {
    put(GDT + (selector & ~7u),
        (limit & 0xFFFF) | (uint64_t)(base & 0xFFFFFF) << 16 | (uint64_t)(attrib & 0xFF) << 40 |
            (uint64_t)(limit >> 16) << 48 | (uint64_t)(attrib >> 8) << 52 |
            (uint64_t)(base >> 24) << 56,
        8);
}

static void reset(void) {
    memset(memory, 0, sizeof(memory));
    memset(&vmcb, 0, sizeof(vmcb));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(&f, 0, sizeof(f));
    interrupts = 0;
    vcpu.vmcb = &vmcb;
    vmcb.state.cr0 = CR0_PE;
    vmcb.state.gdtr.base = GDT;
    vmcb.state.gdtr.limit = SEL_END - 1;
    vmcb.state.tr.base = TSS;
    vmcb.state.ds = (struct segment){SEL_KCODE, 0xC93, ~0u, 0};
    vmcb.state.es = (struct segment){SEL_UDATA, 0xCF3, ~0u, 0};
    vmcb.state.fs = (struct segment){SEL_CONFORMING, 0xC9F, ~0u, 0};
    vmcb.state.rsp = 0xABCD8000;
    descriptor(SEL_KCODE, 0, 0xFFFFF, 0xC9A);
    descriptor(SEL_UCODE, 0, 0xFFFFF, 0xCFA);
    descriptor(SEL_UDATA, 0, 0xFFFFF, 0xCF2);
    descriptor(SEL_ABSENT_CODE, 0, 0xFFFFF, 0xC7A);
    descriptor(SEL_ABSENT_DATA, 0, 0xFFFFF, 0xC72);
    descriptor(SEL_CONFORMING, 0, 0xFFFFF, 0xC9E);
    descriptor(SEL_SHORT_CODE, 0, 0x0FFF, 0x4FA);
    descriptor(SEL_STACK16, 0x100, 0xFFFF, 0x0F2);
    descriptor(SEL_TSS, TSS, 0x67, 0x089);
    descriptor(SEL_LDT, LDT, 0x0F, 0x082);
    descriptor(SEL_ABSENT_TSS, TSS, 0x67, 0x009);
    descriptor(SEL_READ_ONLY, 0, 0xFFFFF, 0xCF0);
    memory[SITE] = 0xE8;
    f.guest = &monitor_guest;
    f.context = &vcpu;
    f.slot = VMI_CALL_IRET;
    f.eip = ROM;
    f.esp = STACK;
    vmcb.state.cs.selector = f.cs = SEL_KCODE;
    f.eflags = 2;
    f.ds = SEL_KCODE;
    f.es = SEL_UDATA;
}

static void frame(uint32_t eip, uint32_t cs, uint32_t eflags, uint32_t esp, uint32_t ss) {
    const uint32_t stack[] = {SITE + 5, eip, cs, eflags, esp, ss};
    memcpy(memory + STACK, stack, sizeof(stack));
}

static void expect_reflected_(int line, uint8_t vector, uint32_t error) {
    expect_(line, "outcome", VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect_(line, "event",
            (int64_t)(EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR | vector | (uint64_t)error << 32),
            (int64_t)vmcb.eventinj);
    expect_(line, "eip", SITE, f.eip);
    expect_(line, "esp", STACK + 4, f.esp);
    expect_(line, "cs", SEL_KCODE, f.cs);
    expect_(line, "cpl", 0, vmcb.state.cpl);
}

#define expect_reflected(vector, error) expect_reflected_(__LINE__, vector, error)

/* --- IRET --- */

static void iret_to_ring_3_loads_all_and_drops_what_is_ring_0s(void) {
    frame(0x1234, SEL_UCODE, 0x00250ED7 | 0x8028, 0x5678, SEL_UDATA);
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(0x1234, f.eip);
    expect(0x5678, f.esp);
    expect(0x00250ED7, f.eflags);
    expect(3, vmcb.state.cpl);
    expect(SEL_UCODE, vmcb.state.cs.selector);
    expect(0xCFB, vmcb.state.cs.attrib);
    expect(0xFFFFFFFF, vmcb.state.cs.limit);
    expect(SEL_UDATA, vmcb.state.ss.selector);
    expect(0xCF3, vmcb.state.ss.attrib);
    expect(0, vmcb.state.ds.selector);
    expect(0, vmcb.state.ds.attrib);
    expect(0, f.ds);
    expect(SEL_UDATA, vmcb.state.es.selector);
    expect(SEL_CONFORMING, vmcb.state.fs.selector);
    expect(0xFB, memory[GDT + (SEL_UCODE & ~7) + 5]);
    expect(0xF3, memory[GDT + (SEL_UDATA & ~7) + 5]);
    expect(0, vmcb.eventinj);
}

static void iret_within_ring_0_keeps_the_stack_segment(void) {
    vmcb.state.ss.selector = 0x10;
    frame(0x1234, SEL_KCODE, 0x3202, 0, 0);
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(0x1234, f.eip);
    expect(STACK + 16, f.esp);
    expect(0x3202, f.eflags);
    expect(0x10, vmcb.state.ss.selector);
    expect(SEL_KCODE, vmcb.state.ds.selector);
    expect(0, vmcb.state.cpl);
}

static void iret_to_a_16_bit_stack_loads_sp_alone(void) {
    frame(0x1234, SEL_UCODE, 2, 0x11112222, SEL_STACK16);
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(0xABCD2222, f.esp);
    expect(0x100, vmcb.state.ss.base);
}

static void iret_to_v86_mode_loads_nine(void) {
    const uint32_t segments[] = {0x2222, 0x3333, 0x4444, 0x5555};
    frame(0xABCD1234, 0x1111, 0x00020202, 0x5678, 0x6666);
    memcpy(memory + STACK + 24, segments, sizeof(segments));
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(0x1234, f.eip);
    expect(0x5678, f.esp);
    expect(0x00020202, f.eflags);
    expect(3, vmcb.state.cpl);
    expect(0x11110, vmcb.state.cs.base);
    expect(0x66660, vmcb.state.ss.base);
    expect(0x22220, vmcb.state.es.base);
    expect(0x33330, vmcb.state.ds.base);
    expect(0x44440, vmcb.state.fs.base);
    expect(0x55550, vmcb.state.gs.base);
    expect(0xFFFF, vmcb.state.gs.limit);
    expect(0xF3, vmcb.state.cs.attrib);
}

static void a_null_cs_is_gp(void) {
    descriptor(0, 0, 0xFFFFF, 0xCFA); /* is not looked at */
    frame(0, 3, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_GP, 0);
}

static void a_cs_beyond_the_table_is_gp(void) {
    frame(0, SEL_END | 3, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_GP, SEL_END);
}

static void a_cs_on_the_end_of_the_table_is_gp(void) {
    vmcb.state.gdtr.limit = (SEL_UCODE | 7) - 1;
    frame(0, SEL_UCODE, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_GP, SEL_UCODE & ~3);
}

static void a_cs_in_no_ldt_is_gp(void) {
    vmcb.state.ldtr = (struct segment){0, 0, 0xFFFF, GDT + (SEL_UCODE & ~7)};
    frame(0, 7, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_GP, 4);
}

static void data_for_cs_is_gp(void) {
    frame(0, SEL_UDATA, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_GP, SEL_UDATA & ~3);
}

static void a_cs_of_another_ring_is_gp(void) {
    frame(0, SEL_UCODE & ~2, 2, 0, SEL_UDATA); /* RPL 1, DPL 3 */
    expect_reflected(VECTOR_GP, SEL_UCODE & ~3);
}

static void a_conforming_cs_may_be_of_an_inner_ring(void) {
    frame(0x10, SEL_CONFORMING, 2, 0, SEL_UDATA);
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(0, vmcb.eventinj);
    expect(3, vmcb.state.cpl);
}

static void an_absent_cs_is_np(void) {
    frame(0, SEL_ABSENT_CODE, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_NP, SEL_ABSENT_CODE & ~3);
}

static void a_null_ss_is_gp(void) {
    descriptor(0, 0, 0xFFFFF, 0xCF2);
    frame(0, SEL_UCODE, 2, 0, 3);
    expect_reflected(VECTOR_GP, 0);
}

static void a_read_only_ss_is_gp(void) {
    frame(0, SEL_UCODE, 2, 0, SEL_READ_ONLY);
    expect_reflected(VECTOR_GP, SEL_READ_ONLY & ~3);
}

static void an_ss_of_another_ring_is_gp(void) {
    frame(0, SEL_UCODE, 2, 0, SEL_UDATA & ~3);
    expect_reflected(VECTOR_GP, SEL_UDATA & ~3);
}

static void an_absent_ss_is_ss(void) {
    frame(0, SEL_UCODE, 2, 0, SEL_ABSENT_DATA);
    expect_reflected(VECTOR_SS, SEL_ABSENT_DATA & ~3);
    expect(0xFA, memory[GDT + (SEL_UCODE & ~7) + 5]); /* not yet accessed */
}

static void an_eip_beyond_the_segment_is_gp(void) {
    frame(0x1000, SEL_SHORT_CODE, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_GP, 0);
}

static void a_task_return_is_ts(void) {
    put(TSS, 0x53, 2);
    f.eflags |= RFLAGS_NT;
    frame(0, SEL_UCODE, 2, 0, SEL_UDATA);
    expect_reflected(VECTOR_TS, 0x50);
}

static void without_a_call_at_the_site_the_fault_is_behind_it(void) {
    memory[SITE] = 0x90;
    frame(0, 3, 2, 0, SEL_UDATA);
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(VECTOR_GP, vmcb.eventinj & 0xFF);
    expect(SITE + 5, f.eip);
    expect(STACK + 4, f.esp);
}

static void from_a_16_bit_stack_it_is_at_the_trap(void) {
    memory[SITE] = 0x90;
    frame(0, 3, 2, 0, SEL_UDATA);
    f.ss_16bit = true;
    expect(VMI_ERROR_FAULT, call_iret(&vcpu, &f));
    expect(VECTOR_GP, vcpu.fault.vector);
    expect(0, vmcb.eventinj);
    expect(ROM, f.eip);
    expect(STACK, f.esp);
}

static void a_fault_from_a_16_bit_stack_moves_sp_alone(void) {
    frame(0, 3, 2, 0, SEL_UDATA);
    f.ss_16bit = true;
    f.esp = 0x7777FFFC;
    put(0xFFFC, SITE + 5, 4); /* the frame wraps to 0 */
    put(4, 3, 4);             /* CS is null */
    expect(VMI_TRANSFERS, call_iret(&vcpu, &f));
    expect(VECTOR_GP, vmcb.eventinj & 0xFF);
    expect(0x77770000, f.esp);
}

/* --- SYSEXIT, Halt --- */

static void sysexit_goes_to_flat_ring_3(void) {
    vmcb.state.sysenter_cs = 0x61;
    f.edx = 0x1111;
    f.ecx = 0x2222;
    expect(VMI_TRANSFERS, call_sysexit(&vcpu, &f));
    expect(0x73, vmcb.state.cs.selector);
    expect(0x7B, vmcb.state.ss.selector);
    expect(0xCFB, vmcb.state.cs.attrib);
    expect(0xCF3, vmcb.state.ss.attrib);
    expect(0xFFFFFFFF, vmcb.state.cs.limit);
    expect(3, vmcb.state.cpl);
    expect(0x1111, f.eip);
    expect(0x2222, f.esp);
    expect(RFLAGS_IF | 2, f.eflags);
}

static void sysexit_without_a_segment_is_gp(void) {
    vmcb.state.sysenter_cs = 3;
    expect(VMI_ERROR_FAULT, call_sysexit(&vcpu, &f));
    expect(VECTOR_GP, vcpu.fault.vector);
    expect(0, vmcb.state.cpl);
}

static void halt_delivers_what_it_waited_for(void) {
    expect(VMI_RETURNS, call_halt(&vcpu, &f));
    expect(EVENT_VALID | EVENT_INTERRUPT | 0x77, vmcb.eventinj);
    expect(3, interrupts);
    expect(RFLAGS_IF | 2, f.eflags);
}

/* --- alarms: arithmetic; the rest needs timers: tests/monitor/alarm.c --- */

static void the_next_expiry_is_the_first_multiple_behind_now(void) {
    expect(110, next_expiry(100, 10, 100));
    expect(110, next_expiry(100, 10, 109));
    expect(120, next_expiry(100, 10, 110));
    expect(101, next_expiry(100, 1, 100));
    expect(10000000000000001, next_expiry(1, 1000000000000, 9999999999999999));
}

static void an_expiry_that_does_not_fit_is_never(void) {
    expect(UINT64_MAX, next_expiry(100, UINT64_MAX, 100));
    expect(UINT64_MAX, next_expiry(1ull << 62, 3ull << 62, 1ull << 62));
    expect((1ull << 62) + (1ull << 63), next_expiry(1ull << 62, 1ull << 63, 1ull << 62));
}

static void counts_are_rounded_up_and_bounded(void) {
    expect(1, counts_for(0, PIT_HZ, 2500000000, 0x10000));
    expect(1, counts_for(1, PIT_HZ, 2500000000, 0x10000));
    expect(2, counts_for(2096, PIT_HZ, 2500000000, 0x10000)); /* 2095.2 cycles each */
    expect(0xFFFF, counts_for(137310629, PIT_HZ, 2500000000, 0x10000));
    expect(0x10000, counts_for(137320000, PIT_HZ, 2500000000, 0x10000));
    expect(0x10000, counts_for(UINT64_MAX, PIT_HZ, 1000000, 0x10000));
    expect(3689348815, counts_for(UINT64_MAX, 1, 5000000000, UINT32_MAX));
    expect(UINT32_MAX, counts_for(UINT64_MAX, 250000000, 5000000000, UINT32_MAX));
    expect(4250000000, counts_for(85000000000, 250000000, 5000000000, UINT32_MAX));
    expect(500000001, counts_for(10000000001, 250000000, 5000000000, UINT32_MAX));
}

/* --- descriptors --- */

static void expect_fault_(int line, int outcome, uint8_t vector, uint32_t error) {
    expect_(line, "outcome", VMI_ERROR_FAULT, outcome);
    expect_(line, "vector", vector, vcpu.fault.vector);
    expect_(line, "error", error, vcpu.fault.error);
}

#define expect_fault(outcome, vector, error) expect_fault_(__LINE__, outcome, vector, error)

static void tr_is_loaded_and_marked_busy(void) {
    f.eax = 0xFFFF0000 | SEL_TSS;
    expect(VMI_RETURNS, call_set_tr(&vcpu, &f));
    expect(SEL_TSS, vmcb.state.tr.selector);
    expect(TSS, vmcb.state.tr.base);
    expect(0x67, vmcb.state.tr.limit);
    expect(0x8B, memory[GDT + SEL_TSS + 5]);
    expect_fault(call_set_tr(&vcpu, &f), VECTOR_GP, SEL_TSS); /* busy now */
}

static void tr_faults_as_the_instruction(void) {
    vmcb.state.ldtr = (struct segment){SEL_LDT, 0x82, 0xFFFF, GDT};
    descriptor(0, TSS, 0x67, 0x089);
    f.eax = 0;
    expect_fault(call_set_tr(&vcpu, &f), VECTOR_GP, 0);
    f.eax = SEL_KCODE;
    expect_fault(call_set_tr(&vcpu, &f), VECTOR_GP, SEL_KCODE);
    f.eax = SEL_TSS | 4;
    expect_fault(call_set_tr(&vcpu, &f), VECTOR_GP, SEL_TSS | 4);
    f.eax = SEL_END;
    expect_fault(call_set_tr(&vcpu, &f), VECTOR_GP, SEL_END);
    f.eax = SEL_ABSENT_TSS;
    expect_fault(call_set_tr(&vcpu, &f), VECTOR_NP, SEL_ABSENT_TSS);
    expect(0x09, memory[GDT + SEL_ABSENT_TSS + 5]);
}

static void an_ldt_is_loaded_and_used_and_taken_away(void) {
    struct descriptor d;
    put(LDT + 8, look(GDT + (SEL_UDATA & ~7), 8), 8);
    f.eax = SEL_LDT;
    expect(VMI_RETURNS, call_set_ldt(&vcpu, &f));
    expect(0, read_descriptor(&vcpu, &f, 0xF, &d));
    expect(0xCF2, d.segment.attrib);
    expect_fault(read_descriptor(&vcpu, &f, 0x17, &d), VECTOR_GP, 0x14);
    f.eax = 3;
    expect(VMI_RETURNS, call_set_ldt(&vcpu, &f));
    expect(3, vmcb.state.ldtr.selector);
    expect_fault(read_descriptor(&vcpu, &f, 0xF, &d), VECTOR_GP, 0xC);
}

/* --- control and debug registers, MSRs --- */

static void cr0_refuses_what_the_processor_does(void) {
    f.eax = CR0_PG;
    expect_fault(call_set_cr0(&vcpu, &f), VECTOR_GP, 0);
    f.eax = CR0_PE | CR0_NW;
    expect_fault(call_set_cr0(&vcpu, &f), VECTOR_GP, 0);
    vmcb.state.efer = EFER_LME;
    f.eax = CR0_PE | CR0_PG;
    expect_fault(call_set_cr0(&vcpu, &f), VECTOR_GP, 0); /* long mode without PAE */
    expect(CR0_PE, vmcb.state.cr0);
    vmcb.state.cr4 = CR4_PAE;
    vmcb.state.cs.attrib = ATTRIB_L;
    expect_fault(call_set_cr0(&vcpu, &f), VECTOR_GP, 0);
    vmcb.state.cs.attrib = 0;
    expect(VMI_RETURNS, call_set_cr0(&vcpu, &f));
    expect(EFER_LME | EFER_LMA, vmcb.state.efer);
    f.eax = CR0_PE;
    expect(VMI_RETURNS, call_set_cr0(&vcpu, &f));
    expect(EFER_LME, vmcb.state.efer);
}

static void cr0_drops_the_tlb_when_paging_changes(void) {
    vmcb.state.cr0 = CR0_PE | CR0_ET;
    f.eax = 0x0FF4FF00 | CR0_PE | CR0_TS; /* AM, and what is reserved */
    expect(VMI_RETURNS, call_set_cr0(&vcpu, &f));
    expect(CR0_PE | CR0_TS | CR0_ET | 0x40000, vmcb.state.cr0);
    expect(TLB_KEEP, vmcb.tlb_control);
    f.eax |= CR0_PG;
    expect(VMI_RETURNS, call_set_cr0(&vcpu, &f));
    expect(TLB_FLUSH, vmcb.tlb_control);
    expect(VMI_RETURNS, call_clts(&vcpu, &f));
    expect(CR0_PE | CR0_PG | CR0_ET | 0x40000, vmcb.state.cr0);
}

static void cr3_and_flush_drop_the_tlb(void) {
    f.eax = 0x12345018;
    expect(VMI_RETURNS, call_set_cr3(&vcpu, &f));
    expect(0x12345018, vmcb.state.cr3);
    expect(TLB_FLUSH, vmcb.tlb_control);
    vmcb.tlb_control = TLB_KEEP;
    expect(VMI_RETURNS, call_flush_tlb(&vcpu, &f));
    expect(TLB_FLUSH, vmcb.tlb_control);
}

static void cr4_takes_what_cpuid_names(void) {
    f.eax = CR4_PSE;
    expect(VMI_RETURNS, call_set_cr4(&vcpu, &f));
    expect(CR4_PSE, vmcb.state.cr4);
    expect(TLB_FLUSH, vmcb.tlb_control);
    f.eax = CR4_PSE | CR4_PAE;
    expect_fault(call_set_cr4(&vcpu, &f), VECTOR_GP, 0);
    f.eax = 0x80000000;
    expect_fault(call_set_cr4(&vcpu, &f), VECTOR_GP, 0);
    expect(CR4_PSE, vmcb.state.cr4);
    vmcb.state.cr4 = f.eax = CR4_PCIDE;
    expect_fault(call_set_cr4(&vcpu, &f), VECTOR_GP, 0);
    vmcb.state.cr4 = CR4_PAE;
    vmcb.state.efer = EFER_LMA;
    f.eax = 0;
    expect_fault(call_set_cr4(&vcpu, &f), VECTOR_GP, 0);
}

static void debug_registers_4_and_5_are_6_and_7_or_nothing(void) {
    f.eax = 5;
    f.edx = 0x0000D001;
    expect(VMI_RETURNS, call_set_dr(&vcpu, &f));
    expect(0x401, vmcb.state.dr7);
    f.eax = 4;
    f.edx = 0;
    expect(VMI_RETURNS, call_set_dr(&vcpu, &f));
    expect(0xFFFF0FF0, vmcb.state.dr6);
    expect(VMI_RETURNS, call_get_dr(&vcpu, &f));
    expect(0xFFFF0FF0, f.eax);
    vmcb.state.cr4 = CR4_DE;
    f.eax = 4;
    expect_fault(call_get_dr(&vcpu, &f), VECTOR_UD, 0);
    expect(false, vcpu.fault.has_error);
    f.eax = 8;
    expect(VMI_RETURNS, call_get_dr(&vcpu, &f));
    expect(0, f.eax);
}

static void guarded_debug_registers_are_db(void) {
    vmcb.state.dr7 = DR7_GD | 0x400;
    f.eax = 7;
    expect_fault(call_get_dr(&vcpu, &f), VECTOR_DB, 0);
    expect(false, vcpu.fault.has_error);
    expect(0x400, vmcb.state.dr7);
    expect(DR6_BD, vmcb.state.dr6);
}

static void msrs_that_vmload_brings_back_are_in_the_vmcb(void) {
    f.ecx = MSR_SYSENTER_EIP;
    f.eax = 0xC0100000;
    expect(VMI_RETURNS, call_wrmsr(&vcpu, &f));
    expect(0xC0100000, vmcb.state.sysenter_eip);
    f.eax = 0;
    expect(VMI_RETURNS, call_rdmsr(&vcpu, &f));
    expect(0xC0100000, f.eax);
    f.edx = 0x00008000; /* not canonical */
    expect_fault(call_wrmsr(&vcpu, &f), VECTOR_GP, 0);
    expect(0xC0100000, vmcb.state.sysenter_eip);
    f.ecx = MSR_SYSENTER_CS;
    f.eax = 0x10060;
    expect(VMI_RETURNS, call_wrmsr(&vcpu, &f));
    expect(0x60, vmcb.state.sysenter_cs);
}

static void other_msrs_are_the_machines(void) {
    f.ecx = MSR_TSC;
    expect(VMI_RETURNS, call_rdmsr(&vcpu, &f));
    expect(0x55667788, f.eax);
    expect(0x11223344, f.edx);
    f.ecx = 0x12345;
    expect_fault(call_rdmsr(&vcpu, &f), VECTOR_GP, 0);
    expect_fault(call_wrmsr(&vcpu, &f), VECTOR_GP, 0);
    expect_fault(call_rdpmc(&vcpu, &f), VECTOR_GP, 0);
}

/* --- strings --- */

static uint32_t good_elements;

static int some_elements(struct vcpu *v, struct vmi_frame *g, uint32_t size, uint32_t count) {
    (void)v, (void)g, (void)size;
    if (count > good_elements) {
        return VMI_ERROR_FAULT;
    }
    good_elements -= count;
    return VMI_RETURNS;
}

static void a_string_that_faults_half_way_keeps_its_progress(void) {
    f.ecx = 5;
    f.edi = PAGE_SIZE - 6; /* pages fault, not elements */
    good_elements = 4;
    expect(VMI_REPEATS, move_string(&vcpu, &f, 2, &f.edi, some_elements));
    expect(2, f.ecx);
    expect(PAGE_SIZE, f.edi);
    good_elements = 0;
    expect(VMI_ERROR_FAULT, move_string(&vcpu, &f, 2, &f.edi, some_elements));
    expect(2, f.ecx);
}

static void a_string_goes_down_with_df_and_ends_at_0(void) {
    f.ecx = 3;
    f.esi = 0x100;
    f.eflags |= RFLAGS_DF;
    good_elements = 9;
    expect(VMI_RETURNS, move_string(&vcpu, &f, 4, &f.esi, some_elements));
    expect(0, f.ecx);
    expect(0xF4, f.esi);
    expect(6, good_elements);
    expect(VMI_RETURNS, move_string(&vcpu, &f, 4, &f.esi, some_elements));
    expect(6, good_elements);
}

static void a_long_string_lets_interrupts_in(void) {
    f.ecx = BATCH + 1;
    f.edi = 0x123;
    good_elements = UINT32_MAX;
    expect(VMI_REPEATS, move_string(&vcpu, &f, 1, &f.edi, some_elements));
    expect(1, f.ecx);
    expect(0x123 + BATCH, f.edi);
    expect(VMI_RETURNS, move_string(&vcpu, &f, 1, &f.edi, some_elements));
}

static void elements_go_together_up_to_the_end_of_the_page(void) {
    expect(8, elements_together(&f, 0x1FF0, 2, 99));
    expect(7, elements_together(&f, 0x1FF1, 2, 99));
    expect(5, elements_together(&f, 0x1FF0, 2, 5));
    expect(1, elements_together(&f, 0x1FFE, 4, 99));
    f.eflags |= RFLAGS_DF;
    expect(1, elements_together(&f, 0x1FF0, 2, 99));
}

/* --- entries --- */

static void page_tables(uint32_t second) {
    vmcb.state.cr0 |= CR0_PG | CR0_WP;
    vmcb.state.cr3 = DIR;
    put(DIR, PT | ENTRY_P | ENTRY_RW, 4);
    put(PT, 0x10000 | ENTRY_P | ENTRY_RW, 4);
    put(PT + 4, 0x12000 | second, 4);
}

static void an_exchange_across_pages_is_all_or_nothing(void) {
    page_tables(0);
    f.eax = 0xFFE;
    expect_fault(call_swap_pxe(&vcpu, &f), VECTOR_PF, PF_W);
    page_tables(ENTRY_P);
    put(0x10FFE, 0x1122, 2);
    put(0x12000, 0x3344, 2);
    f.eax = 0xFFE;
    f.edx = 0xAABBCCDD;
    expect_fault(call_swap_pxe(&vcpu, &f), VECTOR_PF, PF_P | PF_W);
    expect(0x1000, vcpu.fault.cr2);
    expect(0x1122, look(0x10FFE, 2));
    expect(0xFFE, f.eax);
    page_tables(ENTRY_P | ENTRY_RW);
    expect(VMI_RETURNS, call_swap_pxe(&vcpu, &f));
    expect(0x33441122, f.eax);
    expect(0xCCDD, look(0x10FFE, 2));
    expect(0xAABB, look(0x12000, 2));
}

static void a_long_exchange_across_pages_reads_all(void) {
    page_tables(ENTRY_P | ENTRY_RW);
    put(0x10FFC, 0x11223344, 4);
    put(0x12000, 0x55667788, 4);
    f.ecx = 0xFFC;
    f.eax = 1;
    f.edx = 2;
    expect(VMI_RETURNS, call_swap_pxe_long(&vcpu, &f));
    expect(0x11223344, f.eax);
    expect(0x55667788, f.edx);
    expect(1, look(0x10FFC, 4));
    expect(2, look(0x12000, 4));
}

static void a_bit_number_is_signed_and_reaches_far(void) {
    f.eax = 0x10010;
    f.edx = 0xFFFFFFFF;
    expect(VMI_RETURNS, call_set_bit(&vcpu, &f));
    expect(0, f.eax);
    expect(0x80000000, look(0x1000C, 4));
    f.eax = 0x10010;
    f.edx = 33;
    put(0x10014, 3, 4);
    expect(VMI_RETURNS, call_clear_bit(&vcpu, &f));
    expect(0xFFFFFFFF, f.eax);
    expect(1, look(0x10014, 4));
}

static void a_long_store_faults_before_its_first_half(void) {
    page_tables(ENTRY_P | ENTRY_RW);
    put(PT, 0x10000 | ENTRY_P, 4); /* the low half's page */
    f.ecx = 0xFFC;
    f.edx = 7;
    expect_fault(call_set_pxe_long(&vcpu, &f), VECTOR_PF, PF_P | PF_W);
    expect(0xFFC, vcpu.fault.cr2);
    expect(0, look(0x12000, 4));
}

/* --- the table of handlers --- */

static const char *name_of(unsigned slot) {
    for (unsigned i = 0; i < sizeof(vmi_call_names) / sizeof(*vmi_call_names); i++) {
        if (vmi_call_names[i].slot == slot) {
            return vmi_call_names[i].name;
        }
    }
    for (unsigned i = 0; i < sizeof(vmi3_call_names) / sizeof(*vmi3_call_names); i++) {
        if (vmi3_call_names[i].slot == slot) {
            return vmi3_call_names[i].name;
        }
    }
    return "no name";
}

static void every_slot_that_may_trap_has_a_handler_and_no_other(void) {
    unsigned calls = 0;
    for (unsigned slot = 0; slot < sizeof(vmi_slots) / sizeof(*vmi_slots); slot++) {
        const struct vmi_slot *s = &vmi_slots[slot];
        vmi_handler *handler;
        if (!s->flags) {
            continue;
        }
        calls++;
        memcpy(&handler, (const uint8_t *)&monitor_handlers + s->handler, sizeof(handler));
        expect_(__LINE__, name_of(slot), (s->flags & VMI_MAY_TRAP) != 0, handler != NULL);
    }
    expect(sizeof(monitor_handlers) / sizeof(vmi_handler *), calls);
}

int main(void) {
    each_test_starts_with(reset);
    RUN(iret_to_ring_3_loads_all_and_drops_what_is_ring_0s);
    RUN(iret_within_ring_0_keeps_the_stack_segment);
    RUN(iret_to_a_16_bit_stack_loads_sp_alone);
    RUN(iret_to_v86_mode_loads_nine);
    RUN(a_null_cs_is_gp);
    RUN(a_cs_beyond_the_table_is_gp);
    RUN(a_cs_on_the_end_of_the_table_is_gp);
    RUN(a_cs_in_no_ldt_is_gp);
    RUN(data_for_cs_is_gp);
    RUN(a_cs_of_another_ring_is_gp);
    RUN(a_conforming_cs_may_be_of_an_inner_ring);
    RUN(an_absent_cs_is_np);
    RUN(a_null_ss_is_gp);
    RUN(a_read_only_ss_is_gp);
    RUN(an_ss_of_another_ring_is_gp);
    RUN(an_absent_ss_is_ss);
    RUN(an_eip_beyond_the_segment_is_gp);
    RUN(a_task_return_is_ts);
    RUN(without_a_call_at_the_site_the_fault_is_behind_it);
    RUN(from_a_16_bit_stack_it_is_at_the_trap);
    RUN(a_fault_from_a_16_bit_stack_moves_sp_alone);
    RUN(sysexit_goes_to_flat_ring_3);
    RUN(sysexit_without_a_segment_is_gp);
    RUN(halt_delivers_what_it_waited_for);
    RUN(the_next_expiry_is_the_first_multiple_behind_now);
    RUN(an_expiry_that_does_not_fit_is_never);
    RUN(counts_are_rounded_up_and_bounded);
    RUN(tr_is_loaded_and_marked_busy);
    RUN(tr_faults_as_the_instruction);
    RUN(an_ldt_is_loaded_and_used_and_taken_away);
    RUN(cr0_refuses_what_the_processor_does);
    RUN(cr0_drops_the_tlb_when_paging_changes);
    RUN(cr3_and_flush_drop_the_tlb);
    RUN(cr4_takes_what_cpuid_names);
    RUN(debug_registers_4_and_5_are_6_and_7_or_nothing);
    RUN(guarded_debug_registers_are_db);
    RUN(msrs_that_vmload_brings_back_are_in_the_vmcb);
    RUN(other_msrs_are_the_machines);
    RUN(a_string_that_faults_half_way_keeps_its_progress);
    RUN(a_string_goes_down_with_df_and_ends_at_0);
    RUN(a_long_string_lets_interrupts_in);
    RUN(elements_go_together_up_to_the_end_of_the_page);
    RUN(an_exchange_across_pages_is_all_or_nothing);
    RUN(a_long_exchange_across_pages_reads_all);
    RUN(a_bit_number_is_signed_and_reaches_far);
    RUN(a_long_store_faults_before_its_first_half);
    RUN(every_slot_that_may_trap_has_a_handler_and_no_other);
    return results_end();
}
