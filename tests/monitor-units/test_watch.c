/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Stores to watched pages, MSRs, ports, CPUID, the instruction at an exit, descriptors: watch.c,
 * msr.c, ports.c, cpuid.c, code.c, descriptor.c. TAP. */

#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <sys/mman.h>

#include "guest.h"
#include "svm/boot.h"
#include "svm/breakpoints.h"
#include "svm/code.h"
#include "svm/cpuid.h"
#include "svm/descriptor.h"
#include "svm/guest_memory.h"
#include "svm/machine.h"
#include "svm/msr.h"
#include "svm/ports.h"
#include "svm/watch.h"

/* --- stores to the local APIC --- */

static void use_x2apic(void) {
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    for (uint32_t msr = MSR_X2APIC; msr < MSR_X2APIC + 0x40; msr++) {
        bare_set_msr(msr, 0x10000 + msr);
    }
}

static void stored(const char *code, unsigned size, uint64_t address) {
    state->rip = CODE;
    memset((void *)(uintptr_t)CODE, 0x90, 16);
    put_code(code, size);
    exits(VMEXIT_NPF, NPF_WRITE, address);
}

#define MOV_CX  "\x89\x08"
#define XCHG_CX "\x87\x08"
#define OR_CX   "\x09\x08"

static void a_store_is_one_exit_and_changes_no_more_than_rip(void) {
    vcpu->registers.gpr.rcx = 0x11223344;
    keep();
    stored(MOV_CX, 2, APIC_BASE + APIC_TPR);
    was_vmcb.exitcode = VMEXIT_NPF;
    was_vmcb.exitinfo1 = NPF_WRITE;
    was_vmcb.exitinfo2 = APIC_BASE + APIC_TPR;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 2;
    was.exits[EXIT_NPF] = 1;
    EXPECT_KEPT();
    expect(1, bare_count);
    expect(0x11223344, *bare_apic(APIC_TPR));
    stored(MOV_CX, 2, APIC_BASE + 0xFF0);
    expect(1, bare_times(BARE_STORE, 0xFF0));
    state->rip = CODE;
    exits(VMEXIT_NPF, NPF_WRITE | 1, APIC_BASE + 0xFF0); /* of a page that is there */
    expect(2, bare_times(BARE_STORE, 0xFF0));
}

static void an_exchange_gives_what_a_read_would(void) {
    *bare_apic(APIC_TPR) = 0x20;
    *bare_apic(APIC_EOI) = 0x77;
    vcpu->registers.gpr.rcx = 0x50;
    stored(XCHG_CX, 2, APIC_BASE + APIC_TPR);
    expect(0x20, vcpu->registers.gpr.rcx);
    expect(0x50, *bare_apic(APIC_TPR));
    stored(XCHG_CX, 2, APIC_BASE + APIC_EOI);
    expect(0, vcpu->registers.gpr.rcx);
    vcpu->registers.gpr.rcx = 0x50;
    stored(XCHG_CX, 2, APIC_BASE + APIC_TPR + 4); /* none */
    expect(0, vcpu->registers.gpr.rcx);
    expect(0x50, *bare_apic(APIC_TPR));
}

static void the_interrupt_command_is_looked_at_in_either_mode(void) {
    vcpu->registers.gpr.rcx = ICR_NMI | ICR_ASSERT;
    *bare_apic(APIC_ICR_HIGH) = (uint32_t)guest_ids[3] << 24 | 0xFFFFFF;
    stored(MOV_CX, 2, APIC_BASE + APIC_ICR);
    expect(ICR_NMI | ICR_ASSERT, *bare_apic(APIC_ICR));
    vcpu->registers.gpr.rcx = ICR_INIT | ICR_ASSERT;
    stored(MOV_CX, 2, APIC_BASE + APIC_ICR);
    expect(ICR_NMI | ICR_ASSERT, *bare_apic(APIC_ICR));
    guest_apic_write(vcpu, APIC_ICR_HIGH, 0x12000000);
    expect(0x12000000, *bare_apic(APIC_ICR_HIGH));
    use_x2apic();
    bare_count = 0;
    guest_apic_write(vcpu, APIC_ICR, 0x4041);
    expect(1, bare_count);
    expect(0x4041, bare_events[0].value);
    expect(MSR_X2APIC_ICR, bare_events[0].where);
    bare_count = 0;
    guest_apic_write(vcpu, APIC_ICR, ICR_SMI | ICR_OTHERS);
    expect(0, bare_count);
    guest_apic_write(vcpu, APIC_SVR, 0x1FF);
    expect(1, bare_times(BARE_WRMSR, MSR_X2APIC + 0xF));
    expect(0x1FF, bare_events[0].value);
}

static void an_smi_of_the_local_apics_own_is_masked(void) {
    guest_apic_write(vcpu, APIC_LVTT + 0x10, ICR_SMI | 0x31);
    expect(LVT_MASKED | ICR_SMI | 0x31, *bare_apic(APIC_LVTT + 0x10));
    guest_apic_write(vcpu, APIC_LVTT + 0x10, ICR_NMI | 0x31);
    expect(ICR_NMI | 0x31, *bare_apic(APIC_LVTT + 0x10));
    guest_apic_write(vcpu, APIC_SVR, ICR_SMI | 0x31);
    expect(ICR_SMI | 0x31, *bare_apic(APIC_SVR));
}

static void the_id_and_what_is_before_it_stay(void) {
    guest_apic_write(vcpu, APIC_ID, 5);
    guest_apic_write(vcpu, APIC_ID - 0x10, 5);
    guest_apic_write(vcpu, 0, 5);
    expect(0, bare_count);
    guest_apic_write(vcpu, APIC_VERSION, 5);
    expect(1, bare_count);
}

static uint32_t counts_down(uint32_t reg) {
    return reg == APIC_CURRENT ? 0xFFFFFFFF - (uint32_t)bare_tsc / 4 : *bare_apic(reg);
}

static void lvtt_starts_the_alarm_anew_in_either_mode(void) {
    struct alarm alarm = {.armed = true, .lvtt = true, .expiry = ~0ull};
    bare_hook_apic(counts_down);
    expect(true, set_alarm(&vcpu->alarms, 0, &alarm));
    bare_count = 0;
    guest_apic_write(vcpu, APIC_LVTT, 0x31);
    expect(1, bare_times(BARE_STORE, APIC_COUNT));
    guest_apic_write(vcpu, APIC_LVTT + 0x10, 0x31);
    guest_apic_write(vcpu, APIC_LVTT - 0x10, 0x31);
    expect(1, bare_times(BARE_STORE, APIC_COUNT));
    bare_hook_apic(NULL);
    use_x2apic();
    bare_set_msr(MSR_X2APIC_LVTT, 0);
    bare_count = 0;
    expect(true, guest_wrmsr(vcpu, MSR_X2APIC_LVTT, 0x31));
    expect(1, bare_times(BARE_WRMSR, MSR_X2APIC + APIC_COUNT / 16));
    expect(1, bare_times(BARE_WRMSR, MSR_X2APIC_LVTT));
    cancel_alarm(&vcpu->alarms, 0);
}

/* What else stores runs alone, against a page that holds the register. */
static void another_instruction_runs_alone_with_all_exceptions_caught(void) {
    *bare_apic(APIC_TPR) = 0x20;
    state->rflags = ~(uint64_t)RFLAGS_TF;
    state->dr6 = 0x11;
    keep();
    stored(OR_CX, 2, APIC_BASE + APIC_TPR);
    was_vmcb.exitcode = VMEXIT_NPF;
    was_vmcb.exitinfo1 = NPF_WRITE;
    was_vmcb.exitinfo2 = APIC_BASE + APIC_TPR;
    was_vmcb.tlb_control = TLB_FLUSH;
    was_vmcb.intercept_exceptions = 0xFFFFFFFF;
    was_state.rflags = ~(uint64_t)RFLAGS_IF;
    was.exits[EXIT_NPF] = 1;
    was.step = vcpu->step;
    EXPECT_KEPT();
    expect(true, vcpu->step.on);
    expect(1, vcpu->step.count);
    expect(0x20, *vcpu->step.value);
    expect(APIC_TPR, (uintptr_t)vcpu->step.value % PAGE_SIZE);
    *vcpu->step.value = 0x60;
    state->rip = CODE + 2;
    state->rflags = RFLAGS_TF | 2;
    state->dr6 = 0x11 | DR6_BS;
    keep();
    exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
    was_vmcb.exitcode = VMEXIT_EXCP0 + VECTOR_DB;
    was_vmcb.exitinfo1 = was_vmcb.exitinfo2 = 0;
    was_vmcb.tlb_control = TLB_FLUSH;
    was_vmcb.intercept_exceptions = 0;
    was_state.rflags = RFLAGS_IF | 2;
    was_state.dr6 = 0x11;
    was.exits[EXIT_STEP] = 1;
    was.step = vcpu->step;
    EXPECT_KEPT();
    expect(0x60, *bare_apic(APIC_TPR));
    expect(false, vcpu->step.on);
    expect(0, vcpu->step.count);
    expect(0, (uintptr_t)vcpu->step.value);
}

/* What its page holds where a read would have an effect, or there is no register. */
static void the_page_of_a_step_holds_no_more_than_registers(void) {
    static const uint32_t places[] = {APIC_EOI, APIC_TPR + 4, 0x1000 + APIC_TPR};
    *bare_apic(APIC_EOI) = *bare_apic(APIC_TPR + 4) = *bare_apic(APIC_TPR) = 0x99;
    for (unsigned i = 0; i < 3; i++) {
        stored(OR_CX, 2, APIC_BASE + places[i]);
        expect(0, *vcpu->step.value);
        *vcpu->step.value = 5;
        bare_count = 0;
        exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
        expect(i == 0, bare_count);
    }
}

/* A step that the guest asked for, too, and breakpoints that it has. */
static void the_guests_own_step_and_breakpoints_come_through(void) {
    static const struct {
        uint64_t rflags, dr7, before, behind, dr6, event;
    } cases[] = {{RFLAGS_TF | 2, 0, 0x100, 0x100 | DR6_BS, 0x100 | DR6_BS, EVENT_EXCEPTION},
                 {2, 0, 1, DR6_BS | 3, 1, 0},                     /* named, not enabled */
                 {2, 3u << 2, 0, DR6_BS | 2, 2, EVENT_EXCEPTION}, /* 1 */
                 {2, 2u << 6, 0, DR6_BS | 8, 8, EVENT_EXCEPTION}, /* 3 */
                 {2, 3u << 8, 0, DR6_BS | 0x10, 0, 0},            /* no fifth one */
                 {2, 3u << 2, 2, DR6_BS | 2, 2, 0},               /* it was there before */
                 {2, 1, 0, DR6_BS | 1, 1, EVENT_EXCEPTION},
                 {3, 0, 0, DR6_BS, 0, 0}, /* CF is no TF */
                 {3, 1, 0, DR6_BS | 1, 1, EVENT_EXCEPTION},
                 {RFLAGS_TF | 2, 1, 0, DR6_BS | 1, DR6_BS | 1, EVENT_EXCEPTION}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        state->rflags = cases[i].rflags;
        state->dr7 = cases[i].dr7;
        state->dr6 = cases[i].before;
        stored(OR_CX, 2, APIC_BASE + APIC_TPR);
        state->dr6 = cases[i].behind;
        exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
        expect(cases[i].dr6, state->dr6);
        expect(cases[i].event ? event(EVENT_EXCEPTION, VECTOR_DB) : 0, vcpu->vmcb->eventinj);
        expect(cases[i].rflags, state->rflags);
    }
}

static void a_fault_in_a_step_is_the_guests_with_its_error(void) {
    for (unsigned vector = 0; vector < 32; vector++) {
        bool error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
        if (vector == VECTOR_DB) {
            continue;
        }
        stored(OR_CX, 2, APIC_BASE + APIC_TPR);
        *vcpu->step.value = 0x44;
        bare_count = 0;
        state->cr2 = 0;
        exits(VMEXIT_EXCP0 + vector, 0x100000007, 0x1234);
        expect(event(EVENT_EXCEPTION, (uint8_t)vector) | (error ? EVENT_ERROR | 7ull << 32 : 0),
               vcpu->vmcb->eventinj);
        expect(vector == VECTOR_PF ? 0x1234 : 0, state->cr2);
        expect(0, bare_count);
        expect(0, vcpu->step.count + vcpu->step.on);
        expect(vector + 1 - (vector > 1), vcpu->exits[EXIT_STEP]);
    }
}

static void any_other_exit_takes_the_page_back(void) {
    stored(OR_CX, 2, APIC_BASE + APIC_TPR);
    *vcpu->step.value = 0x44;
    bare_count = 0;
    state->rip = CODE;
    put_code("\x0F\xA2", 2);
    exits(VMEXIT_CPUID, 0, 0);
    expect(0, vcpu->step.count + vcpu->step.on);
    expect(0, bare_count);
    expect(TLB_FLUSH, vcpu->vmcb->tlb_control);
    expect(0, vcpu->vmcb->intercept_exceptions);
    stored(OR_CX, 2, APIC_BASE + APIC_TPR); /* the ends of exceptions' codes */
    exits(VMEXIT_INVD, 0, 0);
    expect(0, vcpu->step.count);
    stored(OR_CX, 2, APIC_BASE + APIC_TPR);
    put_code("\x0F\x23\xC0", 3);
    exits(VMEXIT_WRITE_DR7, 0, 0);
    expect(0, vcpu->step.count);
    expect(1, vcpu->exits[EXIT_STEP]);
    exits(VMEXIT_NMI, 0, 0);
    state->rip = CODE;
    stored(OR_CX, 2, APIC_BASE + APIC_TPR);
    exits(VMEXIT_INTR, 0, 0);
    expect(0, vcpu->step.count);
    exits(VMEXIT_NMI, 0, 0);
    give_up_write(vcpu);
    expect(TLB_KEEP, vcpu->vmcb->tlb_control);
}

/* An event that was being delivered onto a stack there. */
static void an_event_that_was_being_delivered_comes_again(void) {
    vcpu->vmcb->exitintinfo = event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP) | 5ull << 32;
    keep();
    stored(MOV_CX, 2, APIC_BASE + APIC_TPR);
    expect(vcpu->vmcb->exitintinfo, vcpu->vmcb->eventinj);
    expect(false, vcpu->step.on);
    expect(1, vcpu->step.count);
    expect(0, bare_count);
    expect(CODE, state->rip);
    vcpu->step.rflags = 0; /* of an older step */
    state->rflags = RFLAGS_IF | RFLAGS_TF | 2;
    give_up_write(vcpu);
    expect(RFLAGS_IF | RFLAGS_TF | 2, state->rflags);
    state->rflags = 2;
    stored(MOV_CX, 2, APIC_BASE + APIC_TPR);
    expect(0, vcpu->vmcb->intercept_exceptions);
    expect(TLB_FLUSH, vcpu->vmcb->tlb_control);
    vcpu->vmcb->exitintinfo = ~(uint64_t)EVENT_VALID;
    stored(MOV_CX, 2, APIC_BASE + APIC_TPR); /* a page is open, so the next one is opened as well */
    expect(0, vcpu->vmcb->eventinj);
}

static void what_may_be_written_or_is_not_written_to_is_no_matter_of_ours(void) {
    vcpu->vmcb->exitinfo1 = ~(uint64_t)NPF_WRITE;
    vcpu->vmcb->exitinfo2 = APIC_BASE + APIC_TPR;
    expect(false, watched_write(vcpu));
    vcpu->vmcb->exitinfo1 = NPF_WRITE;
    vcpu->vmcb->exitinfo2 = 0x200000;
    expect(false, watched_write(vcpu));
    vcpu->vmcb->exitinfo2 = CODE;
    expect(false, watched_write(vcpu));
    expect(false, watched_exception(vcpu, VECTOR_DB));
    expect(0, vcpu->vmcb->eventinj);
    expect(0, vcpu->step.count);
}

static void a_store_to_a_rom_goes_to_a_copy(void) {
    static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
    memset(page, 0x5A, sizeof(page));
    put_code(MOV_CX, 2);
    state->rip = CODE;
    exits(VMEXIT_NPF, NPF_WRITE, 0xF0123);
    expect(true, vcpu->step.on);
    expect(1, vcpu->step.count);
    expect(0xF0123, vcpu->step.pages[0]);
    expect(0, (uintptr_t)vcpu->step.value);
    bare_count = 0;
    exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
    expect(0, bare_count);
    expect(false, vcpu->step.on);
}

static void two_pages_are_open_at_most_and_are_closed_both(void) {
    uint32_t seen;
    stored(OR_CX, 2, APIC_BASE + 0xFFC);
    exits(VMEXIT_NPF, NPF_WRITE, APIC_BASE + 0x1000);
    expect(2, vcpu->step.count);
    expect(APIC_BASE + 0x1000, vcpu->step.pages[1]);
    seen = (uint32_t)vcpu->exits[EXIT_NPF];
    expect(true, ENDS(exits(VMEXIT_NPF, NPF_WRITE, APIC_BASE + 0x2000)));
    expect(seen + 1, vcpu->exits[EXIT_NPF]);
    bare_count = 0;
    exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
    expect(0, vcpu->step.count);
    map_guest(0);
}

/* --- calls that are for registers --- */

static struct vmi_frame frame(uint32_t eax, uint32_t edx) {
    return (struct vmi_frame){.guest = &monitor_guest, .context = vcpu, .eax = eax, .edx = edx};
}

static void apic_write_reaches_registers_and_memory(void) {
    struct vmi_frame f = frame(APIC_BASE + APIC_TPR, 0x70);
    expect(VMI_RETURNS, call_apic_write(vcpu, &f));
    expect(0x70, *bare_apic(APIC_TPR));
    f = frame(APIC_BASE + APIC_TPR + 8, 0x70);
    bare_count = 0;
    expect(VMI_RETURNS, call_apic_write(vcpu, &f));
    f = frame(APIC_BASE + 0x1000 + APIC_TPR, 0x70);
    expect(VMI_RETURNS, call_apic_write(vcpu, &f));
    expect(0, bare_count);
    f = frame(CODE + 8, 0x12345678);
    expect(VMI_RETURNS, call_apic_write(vcpu, &f));
    expect(0x12345678, look(CODE + 8, 4));
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    expect(VMI_ERROR_FAULT, call_apic_write(vcpu, &f));
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (CODE >> 12) * 4, CODE | 7, 4);
    f = frame(CODE + PAGE_SIZE - 2, 0x99999999); /* half of it is not there */
    expect(VMI_ERROR_FAULT, call_apic_write(vcpu, &f));
    expect(0, look(CODE + PAGE_SIZE - 2, 2));
    put(TABLE + PAGE_SIZE + 5 * 4, APIC_BASE | 5, 4); /* the guest's own table forbids it */
    state->cr0 |= CR0_WP;
    f = frame(0x5000 + APIC_TPR, 0x75);
    *bare_apic(APIC_TPR) = 0;
    expect(VMI_ERROR_FAULT, call_apic_write(vcpu, &f));
    expect(0, *bare_apic(APIC_TPR));
}

static void registers_by_offset_are_on_16_bytes_of_one_page(void) {
    struct vmi_frame f = frame(APIC_TPR, 0x71);
    expect(VMI_RETURNS, call_apic_write_offset(vcpu, &f));
    expect(0x71, *bare_apic(APIC_TPR));
    f = frame(APIC_TPR, 0);
    expect(VMI_RETURNS, call_apic_read_offset(vcpu, &f));
    expect(0x71, f.eax);
    *bare_apic(0xFF0) = 0x72;
    f = frame(0xFF0, 0);
    call_apic_read_offset(vcpu, &f);
    expect(0x72, f.eax);
    bare_count = 0;
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t bad[] = {APIC_TPR + 4, PAGE_SIZE, PAGE_SIZE + APIC_TPR};
        f = frame(bad[i], 0x55);
        expect(VMI_RETURNS, call_apic_write_offset(vcpu, &f));
        f = frame(bad[i], 0x55);
        expect(VMI_RETURNS, call_apic_read_offset(vcpu, &f));
        expect(0, f.eax);
    }
    expect(0, bare_count);
    use_x2apic();
    bare_set_msr(MSR_X2APIC + 8, 0x1122334455667788);
    f = frame(APIC_TPR, 0);
    call_apic_read_offset(vcpu, &f);
    expect(0x55667788, f.eax);
    f = frame(0xFF0, 0); /* none: RDMSR would fault */
    call_apic_read_offset(vcpu, &f);
    expect(0, f.eax);
}

/* --- MSRs --- */

static uint64_t host_msr(uint32_t msr) {
    uint64_t value = 0;
    bare_msr(msr, &value);
    return value;
}

static void hidden_msrs_are_gp_and_their_neighbours_are_not(void) {
    static const uint32_t hidden[] = {0xC0000104, 0xC0010114, 0xC0010117, 0xC0010118};
    uint64_t value;
    for (unsigned i = 0; i < 4; i++) {
        bare_set_msr(hidden[i], 0x55);
        expect(false, guest_rdmsr(vcpu, hidden[i], &value));
        expect(false, guest_wrmsr(vcpu, hidden[i], 0x55));
    }
    for (uint32_t msr = 0xC0010113; msr < 0xC001011A; msr++) {
        if (msr != 0xC0010114 && msr != 0xC0010117 && msr != 0xC0010118) {
            bare_set_msr(msr, 0x1234567890 + msr);
            expect(true, guest_rdmsr(vcpu, msr, &value));
            expect(0x1234567890 + msr, value);
        }
    }
    bare_set_msr(0xC0000105, 7);
    expect(true, guest_rdmsr(vcpu, 0xC0000105, &value));
    expect(false, guest_rdmsr(vcpu, 0xC0000106, &value));
    expect(0, bare_count);
}

static void counter_efer_and_pat_are_read_from_the_vmcb(void) {
    uint64_t value;
    bare_tsc_step = 0;
    vcpu->vmcb->tsc_offset = 0x500000000;
    expect(true, guest_rdmsr(vcpu, MSR_TSC, &value));
    expect(0x5000003E8, value);
    state->efer = EFER_SVME | 0xD01;
    expect(true, guest_rdmsr(vcpu, MSR_EFER, &value));
    expect(0xD01, value);
    state->g_pat = 0x0102030405060708;
    expect(true, guest_rdmsr(vcpu, MSR_PAT, &value));
    expect(0x0102030405060708, value);
}

static void a_counter_that_is_set_exits(void) {
    bare_tsc_step = 0;
    vcpu->vmcb->intercept_misc1 = 0;
    expect(true, guest_wrmsr(vcpu, MSR_TSC, 0x2000000000));
    expect(INTERCEPT_RDTSC, vcpu->vmcb->intercept_misc1);
    expect(0x2000000000 - 1000, vcpu->vmcb->tsc_offset);
    expect(0, bare_count);
}

static void remember(struct walked *w) {
    w->cr0 = CR0_PE;
}

/* The processor is asked; what it would refuse is GP. */
static void efer_is_asked_for_flushed_and_forgotten(void) {
    remember(&vcpu->walked_code);
    for (unsigned i = 0; i < WALKED; i++) {
        remember(&vcpu->walked[i]);
    }
    vcpu->vmcb->tlb_control = TLB_KEEP;
    state->efer = EFER_SVME | 1;
    keep();
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE | EFER_LMA | 1));
    was_vmcb.tlb_control = TLB_FLUSH;
    was_state.efer = EFER_SVME | EFER_NXE | 1; /* LMA follows paging */
    EXPECT_KEPT();
    expect(0, vcpu->walked_code.cr0);
    for (unsigned i = 0; i < WALKED; i++) {
        expect(0, vcpu->walked[i].cr0);
    }
    expect(2, bare_times(BARE_WRMSR, MSR_EFER));
    expect(EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE | 1, bare_events[0].value);
    expect(0x1501, host_msr(MSR_EFER));
    bare_count = 0;
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE)); /* SCE goes */
    expect(EFER_SVME | EFER_NXE, state->efer);
    expect(EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE, bare_events[0].value);
    state->efer = EFER_SVME | EFER_LMA | EFER_LME;
    state->cr0 = CR0_PE | CR0_PG;
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_LME | EFER_NXE));
    expect(EFER_SVME | EFER_LMA | EFER_LME | EFER_NXE, state->efer);
}

/* The guest sees its LME also while the processor has none. */
static void lme_is_the_guests_where_it_is_kept_from_the_processor(void) {
    uint64_t value;
    for (unsigned i = 0; i < 4; i++) {
        bool lme = i & 1, kept = i & 2;
        vcpu->lme = !lme;
        state->efer = EFER_SVME;
        state->cr0 = CR0_PE;
        vcpu->vmcb->intercept_cr = kept ? INTERCEPT_WRITE_CR4 : 0;
        expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE | (lme ? EFER_LME : 0)));
        expect(lme, vcpu->lme);
        expect(EFER_SVME | EFER_NXE | (lme && !kept ? EFER_LME : 0), state->efer);
        expect(true, guest_rdmsr(vcpu, MSR_EFER, &value));
        expect(EFER_NXE | (lme ? EFER_LME : 0), value);
    }
}

static void efer_refuses_svme_and_a_change_of_lme_under_paging(void) {
    state->efer = EFER_SVME;
    expect(false, guest_wrmsr(vcpu, MSR_EFER, EFER_SVME));
    state->cr0 = CR0_PG | CR0_PE;
    expect(false, guest_wrmsr(vcpu, MSR_EFER, EFER_LME));
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE));
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE | 1));
    state->efer = EFER_SVME | EFER_LME | EFER_LMA;
    expect(false, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE));
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_LME));
    state->cr0 = ~(uint64_t)CR0_PG;
    expect(true, guest_wrmsr(vcpu, MSR_EFER, 0));
    expect(EFER_SVME | EFER_LMA, state->efer);
    expect(0x1501, host_msr(MSR_EFER));
}

/* TCG drops bits that others refuse. */
static void bits_that_the_processor_has_not_are_gp(void) {
    bare_keep_bits(MSR_EFER, 0x1D01);
    state->efer = EFER_SVME;
    expect(false, guest_wrmsr(vcpu, MSR_EFER, 1u << 15));
    expect(EFER_SVME, state->efer);
    expect(0x1501, host_msr(MSR_EFER));
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE));
    bare_refuse(MSR_EFER);
    expect(false, guest_wrmsr(vcpu, MSR_EFER, 1));
    expect(EFER_SVME | EFER_NXE, state->efer);
    bare_refuse(0);
}

static uint64_t dr7_of_processor;

static void exit_leaves_armed(void) {
    bare_dr[7] = dr7_of_processor;
}

static void long_mode_has_its_debug_registers_watched(void) {
    dr7_of_processor = DR7_ONES | DR7_LE;
    host.on_enter = exit_leaves_armed;
    start_breakpoints(vcpu);
    vcpu->vmcb->intercept_dr = 0;
    guest_wrmsr(vcpu, MSR_EFER, EFER_NXE | 1);
    expect(0, vcpu->vmcb->intercept_dr);
    guest_wrmsr(vcpu, MSR_EFER, EFER_LME);
    expect(INTERCEPT_WRITE_DR, vcpu->vmcb->intercept_dr);
    dr7_of_processor = DR7_ONES;
    start_breakpoints(vcpu);
}

static void each_byte_of_pat_is_a_memory_type(void) {
    for (unsigned at = 0; at < 64; at += 8) {
        for (unsigned type = 0; type < 256; type++) {
            uint64_t value = (0x0606060606060606ull & ~(0xFFull << at)) | (uint64_t)type << at;
            bool good = type < 8 && type != 2 && type != 3;
            state->g_pat = 0;
            expect(good, guest_wrmsr(vcpu, MSR_PAT, value));
            expect(good ? value : 0, state->g_pat);
        }
    }
    expect(0, bare_count);
}

static void of_syscfg_the_fixed_mtrrs_are_the_guests(void) {
    bare_set_msr(MSR_SYSCFG, 0xFFFFFFFFFFF3FFFF);
    expect(true, guest_wrmsr(vcpu, MSR_SYSCFG, 0x00000000000C0000));
    expect(-1, host_msr(MSR_SYSCFG));
    expect(true, guest_wrmsr(vcpu, MSR_SYSCFG, 0xFFFFFFFFFFF3FFFF));
    expect(0xFFFFFFFFFFF3FFFF, host_msr(MSR_SYSCFG));
    bare_set_msr(MSR_SYSCFG, 0xC0000);
    expect(true, guest_wrmsr(vcpu, MSR_SYSCFG, 0xFFFFFFFFFFF3FFFF));
    expect(0, host_msr(MSR_SYSCFG));
    bare_refuse(MSR_SYSCFG);
    expect(false, guest_wrmsr(vcpu, MSR_SYSCFG, 0));
    bare_refuse(0);
}

static void without_syscfg_a_write_is_gp(void) {
    expect(false, guest_wrmsr(vcpu, MSR_SYSCFG, 0xC0000));
    expect(0, bare_count);
}

static void the_local_apics_place_stays(void) {
    uint64_t now = APIC_BASE | APIC_BASE_ENABLED;
    bare_set_msr(MSR_APIC_BASE, now);
    for (unsigned bit = 12; bit < 52; bit++) {
        expect(false, guest_wrmsr(vcpu, MSR_APIC_BASE, now ^ 1ull << bit));
    }
    expect(now, host_msr(MSR_APIC_BASE));
    expect(true, guest_wrmsr(vcpu, MSR_APIC_BASE, now ^ 0x100));
    expect(now ^ 0x100, host_msr(MSR_APIC_BASE));
    expect(true, guest_wrmsr(vcpu, MSR_APIC_BASE, now ^ 0x101));
    bare_refuse(MSR_APIC_BASE);
    expect(false, guest_wrmsr(vcpu, MSR_APIC_BASE, now));
    bare_refuse(0);
}

static void the_x2apics_command_needs_its_mode(void) {
    bare_set_msr(MSR_X2APIC_ICR, 0);
    expect(false, guest_wrmsr(vcpu, MSR_X2APIC_ICR, 0x4041));
    expect(0, bare_count);
    use_x2apic();
    expect(true, guest_wrmsr(vcpu, MSR_X2APIC_ICR, 0x1234567800004041));
    expect(0x1234567800004041, host_msr(MSR_X2APIC_ICR));
    bare_count = 0; /* an INIT is never sent */
    expect(true, guest_wrmsr(vcpu, MSR_X2APIC_ICR, ICR_ASSERT | ICR_INIT));
    expect(0, bare_count);
    bare_refuse(MSR_X2APIC_ICR);
    expect(false, guest_wrmsr(vcpu, MSR_X2APIC_ICR, 0x4041));
    bare_refuse(MSR_X2APIC_LVTT);
    bare_count = 0;
    expect(false, guest_wrmsr(vcpu, MSR_X2APIC_LVTT, 0x4041));
    expect(0, bare_count);
    bare_refuse(0);
}

static void other_msrs_are_the_processors_own(void) {
    bare_set_msr(0x200, 0);
    expect(true, guest_wrmsr(vcpu, 0x200, 0x1122334455667788));
    expect(0x1122334455667788, host_msr(0x200));
    expect(false, guest_wrmsr(vcpu, 0x201, 5));
    bare_count = 0;
    expect(true, guest_wrmsr(vcpu, MSR_PATCH, 5)); /* nobody can tell */
    expect(false, guest_wrmsr(vcpu, MSR_PATCH + 1, 5));
    bare_set_msr(MSR_PATCH + 1, 0);
    expect(true, guest_wrmsr(vcpu, MSR_PATCH + 1, 5));
    expect(0, bare_count);
}

/* --- CPUID --- */

static void all_bits(uint32_t leaf, uint32_t subleaf) {
    bare_set_cpuid(leaf, subleaf, (const uint32_t[]){~0u, ~0u, ~0u, ~0u});
}

static void expect_leaf_(int line, uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx,
                         uint32_t ecx, uint32_t edx) {
    struct cpuid r = guest_cpuid(vcpu, leaf, subleaf);
    expect_(line, "eax", eax, r.eax);
    expect_(line, "ebx", ebx, r.ebx);
    expect_(line, "ecx", ecx, r.ecx);
    expect_(line, "edx", edx, r.edx);
}
#define EXPECT_LEAF(...) expect_leaf_(__LINE__, __VA_ARGS__)

static void cpuid_hides_what_is_not_the_guests(void) {
    static const uint32_t hidden[] = {0x8000000A, 0x8000001B, 0x8000001C, 0x8000001F};
    static const uint32_t shown[] = {0x80000009, 0x8000000B, 0x8000001A, 0x8000001D,
                                     0x8000001E, 0x80000020, 0x3FFFFFFF, 0x40000100};
    bios_hook.block = 0x11;
    bios_hook.reserved = 0x22;
    bios_hook.int15 = 0x33;
    for (unsigned i = 0; i < 4; i++) {
        all_bits(hidden[i], 0);
        EXPECT_LEAF(hidden[i], 0, 0, 0, 0, 0);
    }
    for (unsigned i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        all_bits(shown[i], 7);
        EXPECT_LEAF(shown[i], 7, ~0u, ~0u, ~0u, ~0u);
    }
    EXPECT_LEAF(0x40000000, 0, 0x40000001, VMI_HYPERVISOR_EBX, VMI_HYPERVISOR_ECX,
                VMI_HYPERVISOR_EDX);
    EXPECT_LEAF(0x40000001, 0, 0x11, 0x22, 0x33, 0);
    all_bits(0x40000002, 0);
    all_bits(0x400000FF, 0);
    EXPECT_LEAF(0x40000002, 0, 0, 0, 0, 0);
    EXPECT_LEAF(0x400000FF, 0, 0, 0, 0, 0);
}

static void features_are_the_processors_but_for_svm_and_what_needs_it(void) {
    all_bits(1, 0);
    all_bits(7, 0);
    all_bits(7, 1);
    all_bits(0x80000001, 0);
    all_bits(0x80000008, 0);
    state->cr4 = ~(uint64_t)CR4_OSXSAVE;
    EXPECT_LEAF(1, 0, ~0u, ~0u, ~(1u << 27), ~0u);
    state->cr4 = CR4_OSXSAVE;
    EXPECT_LEAF(1, 0, ~0u, ~0u, ~0u, ~0u);
    state->cr4 = ~(uint64_t)CR4_PKE;
    EXPECT_LEAF(7, 0, ~0u, ~0u, ~(1u << 4), ~0u);
    EXPECT_LEAF(7, 1, ~0u, ~0u, ~0u, ~0u);
    state->cr4 = CR4_PKE;
    EXPECT_LEAF(7, 0, ~0u, ~0u, ~0u, ~0u);
    EXPECT_LEAF(0x80000001, 0, ~0u, ~0u, ~(1u << 2 | 1u << 10 | 1u << 12 | 1u << 15), ~0u);
    EXPECT_LEAF(0x80000008, 0, ~0u, ~(1u << 3 | 1u << 21), ~0u, 0xFFFF0000);
    bare_set_cpuid(1, 0, (const uint32_t[]){0, 0, 0, 0});
    bare_set_cpuid(7, 0, (const uint32_t[]){0, 0, 0, 0});
    state->cr4 = CR4_PKE | CR4_OSXSAVE;
    EXPECT_LEAF(1, 0, 0, 0, 1u << 31 | 1u << 27, 0);
    EXPECT_LEAF(7, 0, 0, 0, 1u << 4, 0);
}

/* --- ports --- */

#define IOIO(port, size, flags)                                                                    \
    ((uint32_t)(port) << IOIO_PORT_SHIFT | (size) << IOIO_SIZE_SHIFT | (flags))

static void port_exits_move_rip_and_count(void) {
    bare_ports[0xF4] = 0x12;
    keep();
    exits(VMEXIT_IOIO, IOIO(0xF4, 1, IOIO_IN), CODE + 7);
    was_vmcb.exitcode = VMEXIT_IOIO;
    was_vmcb.exitinfo1 = IOIO(0xF4, 1, IOIO_IN);
    was_vmcb.exitinfo2 = CODE + 7;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 7;
    was_state.rax = 0xA0A1A2A3A4A5A612;
    was.exits[EXIT_IOIO] = 1;
    EXPECT_KEPT();
    exits(VMEXIT_IOIO, IOIO(0x1234, 2, 0), CODE + 8);
    expect(1, bare_times(BARE_OUT, 0x1234));
    expect(0xA612, bare_events[bare_count - 1].value);
    expect(2, bare_events[bare_count - 1].size);
    expect(CODE + 8, state->rip);
    exits(VMEXIT_IOIO, IOIO(0x1234, 4, 0), CODE + 9);
    expect(0xA4A5A612, bare_events[bare_count - 1].value);
    expect(4, bare_events[bare_count - 1].size);
}

static unsigned port_size; /* of the last access */

static bool note_size(uint16_t port, unsigned size, bool write, uint32_t *value) {
    (void)port;
    (void)write;
    (void)value;
    port_size = size;
    return false;
}

static void reads_have_the_size_of_the_access(void) {
    put((uintptr_t)bare_ports + 0x3000, 0x88776655, 4);
    put((uintptr_t)bare_ports + 0x70, 0x4433221188776655, 8);
    expect(0x55, guest_in(vcpu, 0x3000, 1));
    expect(0x6655, guest_in(vcpu, 0x3000, 2));
    expect(0x88776655, guest_in(vcpu, 0x3000, 4));
    guest_out(vcpu, 0x70, 1, 1);
    guest_out(vcpu, 0x72, 1, 1);
    put((uintptr_t)bare_ports + 0x6C, 0x1111111188776655, 8);
    expect(0x88776655, guest_in(vcpu, 0x6C, 4)); /* the last one in front of CMOS */
    put((uintptr_t)bare_ports + 0x78, 0x99AABBCC, 4);
    bare_port_hook = note_size;
    expect(0x99AABBCC, guest_in(vcpu, 0x78, 4));
    expect(4, port_size); /* behind CMOS again */
    bare_port_hook = NULL;
    bare_ports[0x70] = 1;
    bare_ports[0x71] = 0x5A;
    expect(0x5A01, guest_in(vcpu, 0x70, 2));
}

static void each_pair_of_cmos_ports_has_an_index_and_each_bank_a_byte(void) {
    for (unsigned pair = 0; pair < 4; pair++) {
        guest_out(vcpu, (uint16_t)(0x70 + pair * 2), 1, 0x0F | (pair & 1 ? 0x80 : 0));
        guest_out(vcpu, (uint16_t)(0x71 + pair * 2), 1, 0x30 + pair);
    }
    expect(0x32, guest_in(vcpu, 0x71, 1)); /* the third pair is the first again */
    expect(0x33, guest_in(vcpu, 0x73, 1));
    expect(0x32, guest_in(vcpu, 0x75, 1));
    expect(0x33, guest_in(vcpu, 0x77, 1));
    for (unsigned pair = 0; pair < 4; pair++) {
        expect(0, bare_times(BARE_OUT, 0x71 + pair * 2));
    }
    for (unsigned index = 0; index < 256; index++) {
        bare_count = 0;
        guest_out(vcpu, 0x70, 1, index);
        guest_out(vcpu, 0x71, 1, 0x99);
        expect(index % 0x80 == 0xF ? 0 : 1, bare_times(BARE_OUT, 0x71));
    }
}

static void what_is_beside_the_kept_byte_is_the_machines(void) {
    guest_out(vcpu, 0x70, 1, 0x0E);
    expect(0x0E, bare_ports[0x70]);
    guest_out(vcpu, 0x70, 1, 0x0F);
    guest_out(vcpu, 0x71, 1, 0x55);
    expect(0x0F, guest_in(vcpu, 0x70, 1));
    bare_ports[0x6E] = 0x12;
    bare_ports[0x6F] = 0x34;
    expect(0x550F3412, guest_in(vcpu, 0x6E, 4));
    guest_out(vcpu, 0x6E, 4, 0x660FA5F0);
    expect(0xF0, bare_ports[0x6E]);
    expect(0xA5, bare_ports[0x6F]);
    expect(0x66, guest_in(vcpu, 0x71, 1));
    guest_out(vcpu, PM1A, 2, 0xFFFF);
    expect(0xDFFF, bare_ports[PM1A] | bare_ports[PM1A + 1] << 8);
}

static void the_kept_byte_is_0_at_the_start(void) {
    unsigned at = 0;
    guest_out(vcpu, 0x70, 1, 0x0F);
    guest_out(vcpu, 0x71, 1, 0x55);
    guest_out(vcpu, 0x72, 1, 0x0F);
    guest_out(vcpu, 0x73, 1, 0x66);
    bare_count = 0;
    start_ports(false);
    expect(1, bare_times(BARE_OUT, 0x70));
    expect(1, bare_times(BARE_OUT, 0x71));
    while (bare_events[at].where != 0x70) {
        at++;
    }
    expect(0x0F, bare_events[at].value);
    expect(0x71, bare_events[at + 1].where);
    expect(0, bare_events[at + 1].value);
    expect(0, guest_in(vcpu, 0x71, 1));
    expect(0, guest_in(vcpu, 0x73, 1));
}

static bool map_has(const uint8_t *map, uint16_t port) {
    return map[port / 8] >> port % 8 & 1;
}

/* By a processor that is not the BSP; the last ports, too. */
static void watched_ports_are_watched_by_each_size(void) {
    static const uint16_t more[] = {0x40, 0x1236, 0x1239, 0xFFFF};
    for (unsigned i = 0; i < sizeof(more) / sizeof(*more); i++) {
        intercept_port(more[i], true);
    }
    for (uint32_t port = 0; port < 0x10000; port++) {
        for (unsigned size = 1; size <= 4; size *= 2) {
            bool is = false;
            for (uint32_t at = port; at < port + size && at < 0x10000; at++) {
                is |= map_has(iopm_others, (uint16_t)at);
            }
            if (is != is_watched_port((uint16_t)port, size)) {
                expect(port, -1);
            }
        }
    }
    expect(true, is_watched_port(SMI, 1) && is_watched_port(0x40, 1));
    for (unsigned i = 0; i < sizeof(more) / sizeof(*more); i++) {
        intercept_port(more[i], false);
    }
}

static void the_ports_that_exit_are_these(void) {
    for (uint32_t port = 0; port < 0x10000; port++) {
        bool is = (port >= 0x70 && port <= 0x77) || port == 0xF4 || port == PM1A + 1 ||
                  port == PM1B + 1 || port == 0x8900;
        if (is != map_has(iopm, (uint16_t)port) ||
            (is || port == SMI) != map_has(iopm_others, (uint16_t)port)) {
            expect(port, -1);
        }
    }
}

static void the_pit_is_given_back_at_a_write(void) {
    struct alarm alarm = {.armed = true, .expiry = ~0ull};
    set_alarm(&vcpu->alarms, 0, &alarm);
    watch_timers(vcpu);
    guest_in(vcpu, 0x40, 1);
    guest_out(vcpu, 0x41, 1, 1);
    expect(true, alarms_have_pit());
    exits(VMEXIT_IOIO, IOIO(0x3E, 4, IOIO_STRING), CODE + 1);
    expect(false, alarms_have_pit());
    expect(CODE, state->rip);
    set_alarm(&vcpu->alarms, 0, &alarm);
    watch_timers(vcpu);
    guest_out(vcpu, 0x3F, 2, 1);
    expect(false, alarms_have_pit());
    cancel_alarm(&vcpu->alarms, 0);
}

static void strings_are_refused_at_guarded_ports_unless_they_do_nothing(void) {
    static const struct {
        uint32_t flags;
        uint64_t rcx;
        bool empty;
    } cases[] = {{IOIO_REP, 0, true},
                 {IOIO_REP, 0xFFFFFFFF00000000, true},
                 {IOIO_REP, 1, false},
                 {IOIO_REP | IOIO_A16, 0xFFFFFFFFFFFF0000, true},
                 {IOIO_REP | IOIO_A16, 1, false},
                 {IOIO_REP | IOIO_A64, 0x100000000, false},
                 {IOIO_REP | IOIO_A64, 0, true},
                 {IOIO_REP | IOIO_IN, 0x10000, false},
                 {IOIO_REP | IOIO_IN, 0x100000000, true},
                 {IOIO_IN, 0, false},
                 {0, 0, false}};
    static const struct {
        uint16_t port;
        bool guarded;
    } ports[] = {{PM1A + 1, true}, {PM1B + 1, true}, {SMI, true},
                 {SMI + 1, false}, {0x6F, false},    {0x78, false}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        state->rip = CODE;
        vcpu->registers.gpr.rcx = cases[i].rcx;
        exits(VMEXIT_IOIO, IOIO(0x71, 1, IOIO_STRING | cases[i].flags), CODE + 2);
        expect(cases[i].empty ? CODE + 2 : CODE, state->rip);
        expect(cases[i].empty ? 0 : GP_EVENT, vcpu->vmcb->eventinj);
    }
    for (unsigned i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
        exits(VMEXIT_IOIO, IOIO(ports[i].port, 1, IOIO_STRING), CODE + 2);
        expect(ports[i].guarded ? GP_EVENT : 0, vcpu->vmcb->eventinj);
    }
}

static void smm_is_started_by_the_bsp_alone(void) {
    guest_out(&vcpus[0], SMI - 1, 2, 0x1234);
    expect(0x12, bare_ports[SMI]);
    guest_out(&vcpus[1], SMI, 1, 0x55);
    guest_out(&vcpus[1], SMI - 3, 4, 0x55667788);
    expect(0x12, bare_ports[SMI]);
    guest_out(&vcpus[1], SMI - 1, 1, 0x77);
    guest_out(&vcpus[1], SMI + 1, 1, 0x78);
    expect(0x77, bare_ports[SMI - 1]);
    expect(0x78, bare_ports[SMI + 1]);
}

/* --- descriptors --- */

#define GDT 0x140000u
#define LDT 0x141000u

static void descriptors_are_read_from_both_tables(void) {
    struct vmi_frame f = frame(0, 0);
    struct descriptor d;
    state->gdtr = (struct segment){0, 0, 0x1F, GDT};
    state->ldtr = (struct segment){0, ATTRIB_P, 0x17, LDT};
    put(GDT + 0x18, 0xAB5C93FEDCBA9876, 8);
    put(LDT + 0x10, 0x12D1928765422100, 8);
    expect(0, read_descriptor(vcpu, &f, 0x1B, &d));
    expect(0x1B, d.segment.selector);
    expect(0x593, d.segment.attrib);
    expect(0xC9876, d.segment.limit);
    expect(0xABFEDCBA, d.segment.base);
    expect(GDT + 0x18, d.at);
    expect(0, read_descriptor(vcpu, &f, 0x17, &d));
    expect(0xD92, d.segment.attrib);
    expect(0x12876542, d.segment.base);
    expect(0x12100FFF, d.segment.limit);
    expect(LDT + 0x10, d.at);
    expect(VMI_ERROR_FAULT, read_descriptor(vcpu, &f, 0x23, &d));
    expect(VECTOR_GP, vcpu->fault.vector);
    expect(0x20, vcpu->fault.error);
    expect(VMI_ERROR_FAULT, read_descriptor(vcpu, &f, 0x1F, &d));
    expect(0x1C, vcpu->fault.error);
    state->gdtr.limit = 0x1E;
    expect(VMI_ERROR_FAULT, read_descriptor(vcpu, &f, 0x1B, &d));
    state->ldtr.attrib = (uint16_t)~ATTRIB_P;
    vcpu->fault.vector = 0;
    expect(VMI_ERROR_FAULT, read_descriptor(vcpu, &f, 0x17, &d));
    expect(VECTOR_GP, vcpu->fault.vector);
    expect(0x14, vcpu->fault.error);
    state->gdtr.limit = 0xFFFF;
    put(GDT + 0xFF8, 0, 8);
    expect(0, read_descriptor(vcpu, &f, 0xFF8, &d));
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    expect(VMI_ERROR_FAULT, read_descriptor(vcpu, &f, 0x1B, &d));
    expect(VECTOR_PF, vcpu->fault.vector);
}

static void a_descriptor_is_marked_once_in_its_access_byte(void) {
    struct descriptor d = {.segment = {.attrib = 0x92}, .at = GDT + 8};
    put(GDT + 8, 0, 8);
    expect(0, mark_descriptor(vcpu, &d, 2));
    expect(0, look(GDT + 8, 8));
    expect(0, mark_descriptor(vcpu, &d, 3));
    expect(3ull << 40, look(GDT + 8, 8));
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    expect(VMI_ERROR_FAULT, mark_descriptor(vcpu, &d, 1));
}

/* --- the instruction at an exit --- */

static void an_instruction_is_read_by_pages(void) {
    struct instruction i;
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + 5 * 4, CODE | 7, 4);
    put(TABLE + PAGE_SIZE + 6 * 4, (CODE + 3 * PAGE_SIZE) | 7, 4);
    put(CODE + PAGE_SIZE - 4, 0x04030201, 4);
    put(CODE + 3 * PAGE_SIZE, 0x0C0B0A0908070605, 8);
    state->rip = 0x5FFC;
    read_instruction(vcpu, &i);
    expect(15, i.size);
    for (unsigned n = 0; n < 12; n++) {
        expect(n + 1, i.bytes[n]);
    }
    put(TABLE + PAGE_SIZE + 6 * 4, 0, 4);
    read_instruction(vcpu, &i);
    expect(4, i.size);
    state->cs.base = 0xFFFFFFFF00001000;
    state->rip = 0xFFFFFFFF00004FFC;
    read_instruction(vcpu, &i);
    expect(4, i.size);
    expect(1, i.bytes[0]);
}

/* CR3 has other bits beside the table's address. */
static void tables_are_found_by_their_bits_of_cr3(void) {
    static const uint64_t far = 0x500400000; /* of 4 MiB, above 4 GiB */
    struct instruction i;
    state->cr0 = CR0_PE | CR0_PG;
    put(CODE, 0x1122334455667788, 8);
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + 5 * 4, CODE | 7, 4);
    state->rip = 0x5000;
    state->cr3 = 0xFFFFFFFF00000FFF | TABLE;
    read_instruction(vcpu, &i);
    expect(15, i.size);
    expect(0x88, i.bytes[0]);
    put(TABLE, (TABLE + PAGE_SIZE) | 7 | ENTRY_PS, 4);
    state->cr4 = 1; /* neither PSE nor PAE */
    read_instruction(vcpu, &i);
    expect(15, i.size);
    expect(0x88, i.bytes[0]);
    put(TABLE, far % (1ull << 32) | far >> 32 << 13 | ENTRY_P | ENTRY_PS, 4);
    state->cr4 = CR4_PSE;
    state->rip = CODE % 0x400000;
    if (mmap((void *)(uintptr_t)(far + CODE), PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED) {
        put(far + CODE, 0x77, 1);
        read_instruction(vcpu, &i);
        expect(0x77, i.bytes[0]);
        munmap((void *)(uintptr_t)(far + CODE), PAGE_SIZE);
    }
    memset((void *)(uintptr_t)TABLE, 0, 4 * PAGE_SIZE);
    put(TABLE + 0x20, (TABLE + PAGE_SIZE) | ENTRY_P | ENTRY_PS, 8); /* no size of the root's */
    put(TABLE + PAGE_SIZE, (TABLE + 2 * PAGE_SIZE) | 7, 8);
    put(TABLE + 2 * PAGE_SIZE + 5 * 8, CODE | 7, 8);
    state->cr4 = CR4_PAE;
    state->cr3 = 0xFFFFFFFF0000003F | TABLE;
    state->rip = 0x5000;
    read_instruction(vcpu, &i);
    expect(0x88, i.bytes[0]);
    state->efer = 1;
    read_instruction(vcpu, &i);
    expect(0x88, i.bytes[0]);
    put(TABLE, (TABLE + PAGE_SIZE) | 7 | ENTRY_PS, 8);
    put(TABLE + PAGE_SIZE, (TABLE + 2 * PAGE_SIZE) | 7, 8);
    put(TABLE + 2 * PAGE_SIZE, (TABLE + 3 * PAGE_SIZE) | 7, 8);
    put(TABLE + 3 * PAGE_SIZE + 5 * 8, CODE | 7, 8);
    state->efer = EFER_LMA | EFER_LME;
    state->cr4 = CR4_PAE | 1;
    state->cr3 = TABLE | 0xFFF;
    read_instruction(vcpu, &i);
    expect(0x88, i.bytes[0]);
}

/* Also where writes go elsewhere than reads. */
static void tables_and_code_are_what_a_read_gives(void) {
    struct instruction i;
    *bare_apic(0) = (TABLE + PAGE_SIZE) | 7;
    *bare_apic(0x10) = 0x55667788;
    put(TABLE + PAGE_SIZE + 5 * 4, CODE | 7, 4);
    put(TABLE + PAGE_SIZE + 6 * 4, APIC_BASE | 7, 4);
    put(CODE + PAGE_SIZE - 4, 0x11223344, 4);
    state->rip = APIC_BASE + 0x10; /* without paging */
    read_instruction(vcpu, &i);
    expect(0x88, i.bytes[0]);
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = APIC_BASE;
    state->rip = 0x5FFC;
    read_instruction(vcpu, &i);
    expect(15, i.size);
    expect(0x44, i.bytes[0]);
    expect((TABLE + PAGE_SIZE) >> 8 & 0xFF, i.bytes[5]);
}

/* Prefixes: which there are, and what they say. */
static void each_prefix_is_one_in_its_mode(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        static const uint8_t all[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
                                      0x66, 0x67, 0xF0, 0xF2, 0xF3};
        bool rex = (byte & 0xF0) == 0x40, is = false;
        struct instruction i;
        for (unsigned n = 0; n < sizeof(all); n++) {
            is |= all[n] == byte;
        }
        for (unsigned mode = 0; mode < 4; mode++) {
            memset((void *)(uintptr_t)CODE, 0x90, 16);
            put(CODE, byte, 1);
            state->efer = mode == 2 ? EFER_LMA : mode == 3 ? ~(uint64_t)EFER_LMA : 0;
            state->cs.attrib = mode == 0 ? ATTRIB_32 : mode == 1 ? ATTRIB_16 : ATTRIB_64;
            read_instruction(vcpu, &i);
            expect(is || (rex && mode == 2), i.prefixes);
            expect(rex && mode == 2 ? byte : 0, i.rex);
            expect(byte == 0xF0, i.is_locked);
            expect(mode == 2, i.is_64);
            expect((byte == 0x66) ^ (mode == 1 || mode == 3), i.operand_16);
            expect((byte == 0x67) ^ (mode == 1 || mode == 3), i.address_16);
        }
    }
}

static void what_rex_and_lock_say_lasts_as_the_processor_has_it(void) {
    struct instruction i;
    state->efer = EFER_LMA;
    state->cs.attrib = ATTRIB_64;
    put_code("\x48\x66\x90", 3); /* REX in front of a prefix counts for nothing */
    read_instruction(vcpu, &i);
    expect(2, i.prefixes);
    expect(0, i.rex);
    put_code("\xF0\x48\x90", 3);
    read_instruction(vcpu, &i);
    expect(true, i.is_locked);
    expect(0x48, i.rex);
    state->efer = 0;
    state->cs.attrib = ATTRIB_32;
    state->rflags = RFLAGS_VM;
    read_instruction(vcpu, &i);
    expect(true, i.operand_16 && i.address_16);
    state->rflags = ~(uint64_t)RFLAGS_VM;
    put_code("\x66\x66\x90", 3);
    read_instruction(vcpu, &i);
    expect(true, i.operand_16);
    memset((void *)(uintptr_t)CODE, 0x66, 16);
    read_instruction(vcpu, &i);
    expect(15, i.prefixes);
    expect(false, decode_store(vcpu, &(struct store){0}));
}

static void general_registers_are_where_they_are_kept(void) {
    uint64_t *registers = &vcpu->registers.gpr.rax;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t *at = i == 0 ? &state->rax : i == 4 ? &state->rsp : registers + i;
        expect((uintptr_t)at, (uintptr_t)general_register(vcpu, i));
    }
}

/* Every ModRM and SIB: as long as the displacement says. */
static void stores_are_as_long_as_modrm_says(void) {
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        for (unsigned sib = 0; sib < 256; sib += 1) {
            unsigned mod = modrm >> 6, rm = modrm & 7, length;
            struct store store;
            memset((void *)(uintptr_t)CODE, 0x90, 16);
            put(CODE, 0x89 | modrm << 8 | sib << 16, 3);
            length = 2 + (rm == 4) +
                     (mod == 1                               ? 1
                      : mod == 2                             ? 4
                      : rm == 5 || (rm == 4 && sib % 8 == 5) ? 4
                                                             : 0);
            if (mod == 3) {
                expect(false, decode_store(vcpu, &store));
                continue;
            }
            expect(true, decode_store(vcpu, &store));
            expect(length, store.length);
            expect((uint32_t)*general_register(vcpu, modrm >> 3 & 7), store.value);
            expect(0, (uintptr_t)store.exchanged);
        }
        state->cs.attrib = ATTRIB_16;
        {
            unsigned mod = modrm >> 6, rm = modrm & 7;
            struct store store;
            memset((void *)(uintptr_t)CODE, 0x90, 16);
            put(CODE, 0x8966 | modrm << 16, 3);
            expect(mod != 3, decode_store(vcpu, &store));
            if (mod != 3) {
                expect(3 + (mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0), store.length);
            }
        }
        state->cs.attrib = ATTRIB_32;
    }
}

/* At the end of what can be read. */
static void a_store_that_is_not_all_there_is_none(void) {
    static const struct {
        const char *bytes;
        unsigned size;
    } cases[] = {{"\x89\x0D\xB0\x00\xE0\xFE", 6},
                 {"\xC7\x05\xB0\x00\xE0\xFE\x78\x56\x34\x12", 10},
                 {"\xA3\xB0\x00\xE0\xFE", 5},
                 {"\x89\x14\x25\xB0\x00\xE0\xFE", 7},
                 {"\x89\x48\x20", 3},
                 {"\x66\x67\x89\x08", 0}};
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + 5 * 4, CODE | 7, 4);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (unsigned there = 0; there <= cases[i].size; there++) {
            struct store store;
            memcpy((void *)(uintptr_t)(CODE + PAGE_SIZE - there), cases[i].bytes, there);
            state->rip = 0x6000 - there;
            expect(cases[i].size && there == cases[i].size, decode_store(vcpu, &store));
        }
    }
}

int main(void) {
    bare_start();
    each_test_starts_with(guest_reset);
    RUN(a_store_is_one_exit_and_changes_no_more_than_rip);
    RUN(an_exchange_gives_what_a_read_would);
    RUN(the_interrupt_command_is_looked_at_in_either_mode);
    RUN(the_id_and_what_is_before_it_stay);
    RUN(lvtt_starts_the_alarm_anew_in_either_mode);
    RUN(another_instruction_runs_alone_with_all_exceptions_caught);
    RUN(the_page_of_a_step_holds_no_more_than_registers);
    RUN(the_guests_own_step_and_breakpoints_come_through);
    RUN(a_fault_in_a_step_is_the_guests_with_its_error);
    RUN(any_other_exit_takes_the_page_back);
    RUN(an_event_that_was_being_delivered_comes_again);
    RUN(what_may_be_written_or_is_not_written_to_is_no_matter_of_ours);
    RUN(a_store_to_a_rom_goes_to_a_copy);
    RUN(two_pages_are_open_at_most_and_are_closed_both);
    RUN(apic_write_reaches_registers_and_memory);
    RUN(registers_by_offset_are_on_16_bytes_of_one_page);
    RUN(hidden_msrs_are_gp_and_their_neighbours_are_not);
    RUN(counter_efer_and_pat_are_read_from_the_vmcb);
    RUN(a_counter_that_is_set_exits);
    RUN(efer_is_asked_for_flushed_and_forgotten);
    RUN(efer_refuses_svme_and_a_change_of_lme_under_paging);
    RUN(bits_that_the_processor_has_not_are_gp);
    RUN(long_mode_has_its_debug_registers_watched);
    RUN(each_byte_of_pat_is_a_memory_type);
    RUN(of_syscfg_the_fixed_mtrrs_are_the_guests);
    RUN(without_syscfg_a_write_is_gp);
    RUN(the_local_apics_place_stays);
    RUN(the_x2apics_command_needs_its_mode);
    RUN(other_msrs_are_the_processors_own);
    RUN(cpuid_hides_what_is_not_the_guests);
    RUN(features_are_the_processors_but_for_svm_and_what_needs_it);
    RUN(port_exits_move_rip_and_count);
    RUN(reads_have_the_size_of_the_access);
    RUN(each_pair_of_cmos_ports_has_an_index_and_each_bank_a_byte);
    RUN(what_is_beside_the_kept_byte_is_the_machines);
    RUN(the_kept_byte_is_0_at_the_start);
    RUN(watched_ports_are_watched_by_each_size);
    RUN(the_ports_that_exit_are_these);
    RUN(the_pit_is_given_back_at_a_write);
    RUN(strings_are_refused_at_guarded_ports_unless_they_do_nothing);
    RUN(smm_is_started_by_the_bsp_alone);
    RUN(descriptors_are_read_from_both_tables);
    RUN(a_descriptor_is_marked_once_in_its_access_byte);
    RUN(an_instruction_is_read_by_pages);
    RUN(tables_are_found_by_their_bits_of_cr3);
    RUN(each_prefix_is_one_in_its_mode);
    RUN(what_rex_and_lock_say_lasts_as_the_processor_has_it);
    RUN(general_registers_are_where_they_are_kept);
    RUN(stores_are_as_long_as_modrm_says);
    RUN(a_store_that_is_not_all_there_is_none);
    RUN(tables_and_code_are_what_a_read_gives);
    RUN(lme_is_the_guests_where_it_is_kept_from_the_processor);
    RUN(an_smi_of_the_local_apics_own_is_masked);
    return results_end();
}
