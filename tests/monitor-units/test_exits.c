/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Exits by reason, events, and the figures of both: exits.c, event.c, breakpoints.c, figures.c,
 * machine.c. TAP. */

#include "guest.h"
#include "../../kit/hypervisor/slot.h"
#include "svm/breakpoints.h"
#include "svm/calls_control.h"
#include "svm/boot.h"
#include "svm/cpuid.h"
#include "svm/figures.h"
#include "svm/machine.h"
#include "svm/msr.h"
#include "vmi/calls.h"
#include "common/debug.h"
#include "common/publish.h"

/* --- what every exit begins with --- */

static void an_exit_forgets_the_last_event_and_flush(void) {
    vcpu->vmcb->tlb_control = TLB_FLUSH;
    vcpu->vmcb->eventinj = event(EVENT_INTERRUPT, 0x30);
    put_code("\x0F\x08", 2);
    exits(VMEXIT_INVD, 0, 0);
    expect(TLB_KEEP, vcpu->vmcb->tlb_control);
    expect(0, vcpu->vmcb->eventinj);
}

/* Each exit that is an instruction: counted once in its own place, and nothing but the RIP moves.
 */
static void instructions_are_skipped_and_counted(void) {
    keep();
    put_code("\x2E\x0F\x08", 3);
    exits(VMEXIT_INVD, 0x11, 0x22);
    was_vmcb.exitcode = VMEXIT_INVD;
    was_vmcb.exitinfo1 = 0x11;
    was_vmcb.exitinfo2 = 0x22;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 3;
    was.exits[EXIT_INVD] = 1;
    EXPECT_KEPT();
    expect(1, bare_wbinvds);
}

static void cpuid_is_answered_by_leaf_and_subleaf(void) {
    bare_set_cpuid(0x1234, 0x5678,
                   (const uint32_t[]){0xF1111111, 0xF2222222, 0xF3333333, 0xF4444444});
    keep();
    put_code("\x0F\xA2", 2);
    state->rax = 0xFFFFFFFF00001234;
    vcpu->registers.gpr.rcx = 0xFFFFFFFF00005678;
    exits(VMEXIT_CPUID, 0, 0);
    was_vmcb.exitcode = VMEXIT_CPUID;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 2;
    was_state.rax = 0xF1111111;
    was.registers.gpr.rbx = 0xF2222222;
    was.registers.gpr.rcx = 0xF3333333;
    was.registers.gpr.rdx = 0xF4444444;
    was.exits[EXIT_CPUID] = 1;
    EXPECT_KEPT();
}

static void rdmsr_and_wrmsr_take_edx_eax(void) {
    bare_set_msr(0x17A, 0x1122334455667788);
    keep();
    put_code("\x0F\x32", 2);
    vcpu->registers.gpr.rcx = 0xFFFFFFFF0000017A;
    exits(VMEXIT_MSR, 0, 0);
    was_vmcb.exitcode = VMEXIT_MSR;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 2;
    was_state.rax = 0x55667788;
    was.registers.gpr.rcx = vcpu->registers.gpr.rcx;
    was.registers.gpr.rdx = 0x11223344;
    was.exits[EXIT_MSR] = 1;
    EXPECT_KEPT();
    state->rax = 0xFFFFFFFF99AABBCC;
    vcpu->registers.gpr.rdx = 0xFFFFFFFF01020304;
    keep();
    exits(VMEXIT_MSR, 0xFFFFFFFF, 0);
    was_vmcb.exitinfo1 = 0xFFFFFFFF;
    was_state.rip = CODE + 4;
    was.exits[EXIT_MSR] = 2;
    EXPECT_KEPT();
    expect(1, bare_times(BARE_WRMSR, 0x17A));
    expect(0x0102030499AABBCC, bare_events[bare_count - 1].value);
    state->rip = CODE;
    vcpu->registers.gpr.rcx = 0x17B; /* is not there */
    keep();
    exits(VMEXIT_MSR, 2, 0);
    was_vmcb.exitinfo1 = 2;
    was_vmcb.eventinj = GP_EVENT;
    was.exits[EXIT_MSR] = 3;
    EXPECT_KEPT();
}

/* --- refused --- */

static void svms_own_instructions_are_ud(void) {
    static const uint64_t codes[] = {VMEXIT_VMRUN, VMEXIT_VMLOAD, VMEXIT_VMSAVE, VMEXIT_STGI,
                                     VMEXIT_CLGI,  VMEXIT_SKINIT, VMEXIT_INVLPGA};
    for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        vcpu->vmcb->eventinj = 0;
        keep();
        exits(codes[i], 0, 0);
        was_vmcb.exitcode = codes[i];
        was_vmcb.tlb_control = TLB_KEEP;
        was_vmcb.eventinj = UD_EVENT;
        was.exits[EXIT_SVM] = i + 1;
        EXPECT_KEPT();
    }
    keep();
    exits(VMEXIT_VMMCALL, 0, 0); /* long mode's */
    was_vmcb.exitcode = VMEXIT_VMMCALL;
    was.exits[EXIT_VMMCALL] = 1;
    EXPECT_KEPT();
}

static void an_unknown_exit_ends_with_all_that_is_known(void) {
    state->cs.selector = 0x1234;
    state->rflags = 0x46;
    state->cr2 = 0xC2;
    state->cr3 = 0xC3;
    state->cr4 = 0xC4;
    vcpu->vmcb->exitintinfo = 0x77;
    spare_com1 = true;
    expect(true, ENDS(exits(0x99, 0x11, 0x22)));
    EXPECT_SAID("# monitor: unknown exit 0000000000000099 info 0000000000000011 0000000000000022 "
                "event 0000000000000077\n"
                "# monitor: cs 0000000000001234 rip 0000000000101000 rflags 0000000000000046\n"
                "# monitor: rax A0A1A2A3A4A5A6A7 rcx 0202020202020202 rdx 0303030303030303 rbx "
                "0404040404040404\n"
                "# monitor: rsp 0000000000130000 rbp 0606060606060606 rsi 0707070707070707 rdi "
                "0808080808080808\n"
                "# monitor: cr0 0000000000000001 cr2 00000000000000C2 cr3 00000000000000C3 cr4 "
                "00000000000000C4\n"
                "# monitor: exits: CPUID 0 MSR 0 RDTSC 0 INVD 0 VMMCALL 0 SVM 0 NPF 0 step 0 IOIO "
                "0 NMI 0 INTR 0\n");
    expect(false, spare_com1);
}

static void faults_nobody_watches_for_are_unknown(void) {
    expect(true, ENDS(exits(VMEXIT_NPF, NPF_WRITE, 0x200000)));
    bare_count = 0;
    expect(true, ENDS(exits(VMEXIT_EXCP0 + 3, 0, 0)));
    bare_count = 0;
    expect(true, ENDS(exits(VMEXIT_EXCP31 + 1 - 0x60 + 0x5F, 0, 0)));
    expect(1, vcpu->exits[EXIT_NPF]);
}

/* GetCycleCounter's. */
static const char counter[] = "\x83\xF8\x01\x77\x03\x0F\x31\xC3\x31\xC0\x31\xD2\xC3";

/* DR8 and others there are not. */
static void the_last_debug_register_is_dr7(void) {
    put_code("\x0F\x23\xC0", 3);
    expect(true, ENDS(exits(VMEXIT_WRITE_DR7 + 1, 0, 0)));
}

/* TCG's own state of CR0 that its VMRUN refuses. */
static void cr0_is_mended_at_each_exit(void) {
    put_code("\x0F\xA2", 2);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t cr0 = CR0_PE | (i & 1 ? CR0_CD : 0);
        state->cr0 = cr0 | CR0_NW;
        state->cpl = 3;
        i & 2 ? handle_call(vcpu) : exits(VMEXIT_CPUID, 0, 0);
        expect(i & 1 ? cr0 | CR0_NW : cr0, state->cr0);
    }
}

static void msrs_are_read_and_written(void) {
    put_code("\x0F\x32", 2);
    bare_set_msr(0x174, 0x1122334455667788);
    vcpu->registers.gpr.rcx = 0xFFFFFFFF00000174;
    exits(VMEXIT_MSR, 0, 0);
    expect(0x55667788, state->rax);
    expect(0x11223344, vcpu->registers.gpr.rdx);
    expect(CODE + 2, state->rip);
    state->rip = CODE;
    state->rax = 0xFFFFFFFF00000001;
    vcpu->registers.gpr.rdx = 0xFFFFFFFF00000002;
    exits(VMEXIT_MSR, 1, 0);
    expect(0x200000001, bare_events[bare_count - 1].value);
    expect(0xFFFFFFFF00000001, state->rax);
    expect(CODE + 2, state->rip);
}

/* Whatever the exit is, the page is closed; exceptions and page faults are the step's own. */
static void a_step_ends_at_another_exit(void) {
    static const struct {
        uint32_t code;
        bool ends;
    } cases[] = {{VMEXIT_EXCP0 - 1, true},
                 {VMEXIT_EXCP0 + 3, false},
                 {VMEXIT_EXCP31, false},
                 {VMEXIT_EXCP31 + 1, true}};
    for (volatile unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        vcpu->step.count = 1;
        vcpu->step.pages[0] = APIC_BASE;
        vcpu->step.on = false;
        bare_count = 0;
        (void)ENDS(exits(cases[i].code, 0, 0));
        expect(!cases[i].ends, vcpu->step.count);
    }
    vcpu->step.count = 0;
}

/* Up to the end of a page, with nothing behind it. */
static void code_at_the_end_of_a_page_is_read(void) {
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (CODE >> 12) * 4, CODE | 7, 4);
    state->rip = CODE + PAGE_SIZE - 3;
    put_code("\x0F\x22\xE0", 3);
    exits(VMEXIT_INVALID, 0, 0);
    expect(GP_EVENT, vcpu->vmcb->eventinj);
    bare_tsc_step = 0;
    vcpu->vmcb->tsc_offset = 100;
    state->rip = CODE + PAGE_SIZE - 13;
    put_code(counter, 13);
    state->rip += 5;
    exits(VMEXIT_RDTSC, 0, 0);
    expect(1000, state->rax); /* GetCycleCounter's, without the offset */
}

/* TCG's way to say that MOV to CR4 sets a bit that is not there. */
static void an_invalid_state_is_gp_at_mov_to_cr4_alone(void) {
    static const struct {
        const char *bytes;
        bool is_gp;
    } cases[] = {{"\x0F\x22\xE0", true},  {"\x0F\x22\xE7", true},  {"\x0F\x22\xD8", false},
                 {"\x0F\x22\xE8", false}, {"\x0F\x20\xE0", false}, {"\x0E\x22\xE0", false},
                 {"\x0F\x23\xE0", false}, {"\x10\x22\xE0", false}, {"\x0F\x22\xDF", false},
                 {"\x0F\x22\x60", false}};
    for (volatile unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bare_count = 0;
        state->cs.base = 0x1000;
        state->rip = CODE - 0x1000;
        memcpy((void *)(uintptr_t)CODE, cases[i].bytes, 3);
        vcpu->vmcb->eventinj = 0;
        expect(!cases[i].is_gp, ENDS(exits(0xFFFFFFFFFFFFFFFF, 0, 0)));
        expect(cases[i].is_gp ? GP_EVENT : 0, vcpu->vmcb->eventinj);
    }
    state->cr0 = CR0_PE | CR0_PG; /* no code to be read */
    state->cr3 = TABLE;
    expect(true, ENDS(exits(VMEXIT_INVALID, 0, 0)));
}

static void a_triple_fault_resets_the_machine(void) {
    expect(true, ENDS(exits(VMEXIT_SHUTDOWN, 0, 0)));
    expect(2, bare_times(BARE_OUT, 0xCF9));
    expect(1, bare_times(BARE_OUT, 0x64));
    expect(0xCF9, bare_events[bare_count - 3].where);
    expect(2, bare_events[bare_count - 3].value);
    expect(6, bare_events[bare_count - 2].value);
    expect(0xFE, bare_events[bare_count - 1].value);
    EXPECT_SAID("# monitor: exits: CPUID 0 MSR 0 RDTSC 0 INVD 0 VMMCALL 0 SVM 0 NPF 0 step 0 IOIO "
                "0 NMI 0 INTR 0\n");
    expect(1, host.wait_nmis);
}

/* --- RDTSC --- */

static void rdtsc_has_the_guests_offset_but_in_get_cycle_counter(void) {
    bare_tsc_step = 0;
    bare_tsc = 0x300000001;
    vcpu->vmcb->tsc_offset = 0x100000005;
    put_code("\x0F\x31", 2);
    keep();
    exits(VMEXIT_RDTSC, 0, 0);
    was_vmcb.exitcode = VMEXIT_RDTSC;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 2;
    was_state.rax = 6;
    was.registers.gpr.rdx = 4;
    was.exits[EXIT_TSC] = 1;
    EXPECT_KEPT();
    state->rip = CODE;
    put_code(counter, 13);
    state->cs.base = 0x10000;
    state->rip = CODE + 5 - 0x10000;
    exits(VMEXIT_RDTSC, 0, 0);
    expect(1, state->rax);
    expect(3, vcpu->registers.gpr.rdx);
    expect(CODE + 7 - 0x10000, state->rip);
}

/* What only looks like it, or is no 32-bit kernel's. */
static void get_cycle_counter_is_known_by_all_its_bytes_in_ring_0(void) {
    bare_tsc_step = 0;
    vcpu->vmcb->tsc_offset = 100;
    for (unsigned i = 0; i < 17; i++) {
        memcpy((void *)(uintptr_t)CODE, counter, 13);
        state->rip = CODE + 5;
        if (i < 13) {
            *(uint8_t *)(uintptr_t)(CODE + i) ^= 0x80;
        }
        state->cpl = i == 13 ? 3 : 0;
        state->cr0 = i == 14 ? ~(uint64_t)(CR0_PE | CR0_PG) : CR0_PE;
        state->efer = i == 15 ? EFER_LMA : ~(uint64_t)EFER_LMA;
        exits(VMEXIT_RDTSC, 0, 0);
        expect(i < 16 ? 1100 : 1000, state->rax);
    }
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    exits(VMEXIT_RDTSC, 0, 0);
    expect(1100, state->rax);
}

/* --- calls --- */

#define PAGE_AT 0x102000u /* where the ROM is */

static void publish_at(unsigned api, uint32_t page, unsigned slot) {
    memset(&publications[api], 0, sizeof(publications[api]));
    publications[api].address = page;
    publications[api].kind[slot] = VMI_SLOT_TRAP;
    publications[api].trap = VMI_TRAP_VMMCALL;
    state->rip = page + slot * VMI_CALL_SIZE;
    memcpy((void *)(uintptr_t)state->rip, "\x0F\x01\xD9\xC3", 4);
    state->rsp = STACK;
}

/* The monitor's, and one behind it that nobody may ask. */
struct vmi_publication with_a_third[APIS + 1] __asm__("publications");

static void no_other(unsigned api) {
    memset(&publications[api], 0, sizeof(publications[api]));
}

static void a_call_is_served_between_vmsave_and_vmload(void) {
    no_other(1);
    publish_at(0, PAGE_AT, VMI_CALL_GetCR3);
    state->cr3 = 0x1234567;
    state->rax = 0xFFFFFFFF;
    state->rflags = 0x246;
    vcpu->vmcb->interrupt_shadow = 3;
    put(STACK, 0xABCDEF, 4);
    keep();
    handle_call(vcpu);
    expect(1, bare_svm[BARE_VMSAVE].times);
    expect(1, bare_svm[BARE_VMLOAD].times);
    expect(vcpu->vmcb_address, bare_svm[BARE_VMSAVE].rax);
    expect(vcpu->vmcb_address, bare_svm[BARE_VMLOAD].rax);
    was = *vcpu;
    was.calls[VMI_CALL_GetCR3] = 1;
    was.exits[EXIT_VMMCALL] = 0;
    was_vmcb.tlb_control = TLB_KEEP;
    was_vmcb.interrupt_shadow = 2;
    was_state.rax = 0x1234567;
    was_state.rip = PAGE_AT + VMI_CALL_GetCR3 * VMI_CALL_SIZE + 3;
    EXPECT_KEPT();
}

static void registers_of_a_call_go_there_and_back(void) {
    no_other(1);
    publish_at(0, PAGE_AT, VMI_CALL_DisableInterrupts);
    state->rax = 0xFFFFFFFF11111111;
    state->rsp = STACK + 0x100;
    state->rflags = 0x7FFFFFFF;
    handle_call(vcpu);
    expect(0x11111111, vcpu->registers.frame.eax);
    expect(STACK + 0x100, vcpu->registers.frame.esp);
    expect(0x11111111, state->rax);
    expect(0x7FFFFFFF & ~RFLAGS_IF, state->rflags);
    expect(STACK + 0x100, state->rsp);
    expect(0, host.cr2s);
}

static void the_stacks_size_and_base_are_the_segments(void) {
    no_other(1);
    for (unsigned i = 0; i < 2; i++) {
        publish_at(0, PAGE_AT, VMI_CALL_DisableInterrupts);
        state->ss.base = 0xFFFFFFFF12345678;
        state->ss.attrib = i ? ATTRIB_DB : (uint16_t)~ATTRIB_DB;
        handle_call(vcpu);
        expect(0x12345678, vcpu->registers.frame.ss_base);
        expect(!i, vcpu->registers.frame.ss_16bit);
    }
}

/* The native body's STI lets them in behind the RET. */
static void interrupts_come_in_behind_the_ret(void) {
    no_other(1);
    for (unsigned wide = 0; wide < 2; wide++) {
        publish_at(0, PAGE_AT, VMI_CALL_EnableInterrupts);
        state->ss.attrib = wide ? ATTRIB_DB : 0;
        state->ss.base = wide ? 0x1000 : STACK - 0xFFFC;
        state->rflags = 2;
        state->rsp = wide ? STACK - 0x1000 : 0xABCDFFFC;
        put(STACK, 0xC0123456, 4);
        handle_call(vcpu);
        expect(0xC0123456, state->rip);
        expect(wide ? STACK - 0x1000 + 4 : 0xABCD0000, state->rsp);
        expect(RFLAGS_IF | 2, state->rflags);
    }
    publish_at(0, PAGE_AT, VMI_CALL_EnableInterrupts); /* they were on */
    state->ss = (struct segment){0, ATTRIB_DB, 0, 0};
    state->rflags = RFLAGS_IF | 2;
    handle_call(vcpu);
    expect(PAGE_AT + VMI_CALL_EnableInterrupts * VMI_CALL_SIZE + 3, state->rip);
    expect(STACK, state->rsp);
    publish_at(0, PAGE_AT, VMI_CALL_Halt); /* one has come already */
    state->rflags = 2;
    host.waited_interrupt = (struct taken){0x55, 0};
    handle_call(vcpu);
    expect(event(EVENT_INTERRUPT, 0x55), vcpu->vmcb->eventinj);
    expect(PAGE_AT + VMI_CALL_Halt * VMI_CALL_SIZE + 3, state->rip);
}

static void a_call_from_elsewhere_is_ud(void) {
    for (unsigned i = 0; i < 4; i++) {
        no_other(1);
        publish_at(0, PAGE_AT, VMI_CALL_GetCR3);
        state->cpl = i == 0 ? 3 : 0;
        state->cr0 = i == 1 ? CR0_ET : CR0_PE;
        if (i >= 2) {
            with_a_third[APIS] = publications[0];
            no_other(0);
        }
        if (i == 2) {
            memset(&with_a_third[APIS], 0, sizeof(*with_a_third));
        }
        vcpu->vmcb->eventinj = 0;
        keep();
        handle_call(vcpu);
        was.registers = vcpu->registers;
        was.exits[EXIT_VMMCALL]++;
        was_vmcb.tlb_control = TLB_KEEP;
        was_vmcb.eventinj = UD_EVENT;
        EXPECT_KEPT();
        expect(i < 2 ? 0 : i - 1, host.cr2s);
    }
    expect(bare_svm[BARE_VMSAVE].times, bare_svm[BARE_VMLOAD].times);
}

static void a_slot_of_one_rom_means_the_same_in_the_other(void) {
    no_other(0);
    publish_at(1, PAGE_AT, VMI_CALL_GetCR3);
    state->cr3 = 0x7654321;
    handle_call(vcpu);
    expect(0x7654321, state->rax);
    expect(1, vcpu->calls[VMI_CALL_GetCR3]);
    expect(0, vcpu->vmcb->eventinj);
    publish_at(0, PAGE_AT + PAGE_SIZE, VMI_CALL_GetCR2); /* that slot is native there */
    publish_at(1, PAGE_AT, VMI_CALL_GetCR3);
    handle_call(vcpu);
    expect(2, vcpu->calls[VMI_CALL_GetCR3]);
    publish_at(0, PAGE_AT + PAGE_SIZE, VMI_CALL_GetCR3); /* that ROM is elsewhere */
    memset((void *)(uintptr_t)state->rip, 0x90, 4);
    publish_at(1, PAGE_AT, VMI_CALL_GetCR3);
    handle_call(vcpu);
    expect(3, vcpu->calls[VMI_CALL_GetCR3]);
}

/* A kernel may have copied the ROM. */
static void a_slot_is_known_by_its_bytes_in_another_page(void) {
    uint8_t *code;
    no_other(1);
    publish_at(0, PAGE_AT, VMI_CALL_GetCR3);
    state->rip += 2 * PAGE_SIZE;
    code = (uint8_t *)(uintptr_t)state->rip;
    vmi_kit_slot_bytes(code, VMI_SLOT_TRAP, VMI_TRAP_VMMCALL, 0);
    state->cr3 = 0x7654321;
    handle_call(vcpu);
    expect(0x7654321, state->rax);
    expect(1, vcpu->calls[VMI_CALL_GetCR3]);
    state->rip = (uintptr_t)code;
    code[31] ^= 1;
    handle_call(vcpu);
    expect(1, vcpu->calls[VMI_CALL_GetCR3]);
    expect(UD_EVENT, vcpu->vmcb->eventinj);
}

static void a_call_that_faults_has_its_cr2(void) {
    no_other(1);
    publish_at(0, PAGE_AT, VMI_CALL_GetPxE);
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (PAGE_AT >> 12) * 4, PAGE_AT | 7, 4);
    state->rax = 0xC0000123;
    state->cr2 = 0x77;
    handle_call(vcpu);
    expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_PF), vcpu->vmcb->eventinj);
    expect(0xC0000123, state->cr2);
    expect(0xC0000123, host.cr2);
    expect(1, host.cr2s);
    expect(1, vcpu->exits[EXIT_VMMCALL]);
    expect(0, vcpu->calls[VMI_CALL_GetPxE]);
    expect(PAGE_AT + VMI_CALL_GetPxE * VMI_CALL_SIZE, state->rip);
}

/* --- breakpoints --- */

static uint64_t dr7_of_processor;

static void exit_leaves_armed(void) {
    bare_dr[7] = dr7_of_processor;
}

/* Whether an exit of this processor disarms breakpoints. */
static void arms(bool stays) {
    dr7_of_processor = stays ? DR7_ONES | DR7_LE : DR7_ONES;
    host.on_enter = exit_leaves_armed;
    start_breakpoints(vcpu);
}

static void whether_breakpoints_stay_armed_is_found_out(void) {
    keep();
    vcpu->vmcb->exitintinfo = 5;
    vcpu->vmcb->tlb_control = TLB_KEEP;
    arms(true);
    was_vmcb.tlb_control = TLB_FLUSH;
    EXPECT_KEPT();
    expect(1, host.enters);
    expect(DR7_ONES, bare_dr[7]);
    watch_breakpoints(vcpu);
    expect(INTERCEPT_WRITE_DR, vcpu->vmcb->intercept_dr);
    expect(INTERCEPT_WRITE_CR4, vcpu->vmcb->intercept_cr);
    vcpu->vmcb->intercept_dr = vcpu->vmcb->intercept_cr = 0;
    dr7_of_processor = DR7_ONES | 1; /* not as it was left */
    host.on_enter = exit_leaves_armed;
    start_breakpoints(vcpu);
    watch_breakpoints(vcpu);
    expect(0, vcpu->vmcb->intercept_dr | vcpu->vmcb->intercept_cr);
    arms(false);
    watch_breakpoints(vcpu);
    expect(0, vcpu->vmcb->intercept_dr | vcpu->vmcb->intercept_cr);
    bare_dr[7] = 0x55;
    disarm_breakpoints();
    state->dr7 = 0xFF;
    arm_breakpoints(vcpu);
    expect(0x55, bare_dr[7]);
}

static uint64_t n_cr3_inside, dr7_inside;

static void look_inside(void) {
    n_cr3_inside = vcpu->vmcb->n_cr3;
    dr7_inside = bare_dr[7];
}

static void it_is_found_out_by_a_guest_without_a_page(void) {
    uint64_t n_cr3 = vcpu->vmcb->n_cr3;
    host.on_enter = look_inside;
    start_breakpoints(vcpu);
    expect(DR7_ONES | DR7_LE, dr7_inside);
    expect(true, n_cr3_inside != n_cr3);
    for (unsigned i = 0; i < 512; i++) {
        expect(0, ((const uint64_t *)n_cr3_inside)[i]);
    }
    expect(0, n_cr3_inside % PAGE_SIZE);
}

static void the_hosts_own_addresses_are_never_armed(void) {
    static const struct {
        uint64_t address;
        bool armed;
    } cases[] = {{HOST_BASE - 9, true},
                 {HOST_BASE - 8, true},
                 {HOST_BASE - 7, false},
                 {HOST_BASE, false},
                 {HOST_BASE + BLOCK_SIZE - 1, false},
                 {HOST_BASE + BLOCK_SIZE, true},
                 {0, true}};
    arms(true);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (unsigned n = 0; n < 4; n++) {
            for (unsigned k = 0; k < 4; k++) {
                bare_dr[k] = 0x1000;
            }
            bare_dr[n] = cases[i].address;
            state->dr7 = 0xFFFF27FF | DR7_ONES;
            arm_breakpoints(vcpu);
            expect((0xFFFF07FF | DR7_ONES) & ~(cases[i].armed ? 0 : 3ull << 2 * n), bare_dr[7]);
        }
    }
    disarm_breakpoints();
    expect(DR7_ONES, bare_dr[7]);
}

static void a_guests_mov_to_a_debug_register_is_done_for_it(void) {
    arms(true);
    vcpu->registers.gpr.rcx = 0xFFFFFFFF00001234;
    vcpu->registers.gpr.r9 = HOST_BASE + 8;
    put_code("\x0F\x23\xD1", 3); /* MOV DR2, ECX */
    keep();
    exits(VMEXIT_WRITE_DR0 + 2, 0, 0);
    was_vmcb.exitcode = VMEXIT_WRITE_DR0 + 2;
    was_vmcb.tlb_control = TLB_KEEP;
    was_state.rip = CODE + 3;
    was.exits[EXIT_STEP] = 1;
    EXPECT_KEPT();
    expect(0x1234, bare_dr[2]);
    state->efer = EFER_LMA;
    state->cs.attrib = ATTRIB_64;
    put_code("\x41\x0F\x23\xF9", 4); /* MOV DR7, R9: reserved bits */
    state->dr7 = DR7_ONES | 0xFF;
    exits(VMEXIT_WRITE_DR7, 0, 0);
    expect(GP_EVENT, vcpu->vmcb->eventinj);
    expect(CODE + 3, state->rip);
    expect(DR7_ONES | 0xFF, bare_dr[7]); /* the others go on */
    put_code("\x41\x0F\x23\xC1", 4);     /* MOV DR0, R9 */
    state->dr7 = DR7_ONES | 0xFF;
    bare_count = 0;
    exits(VMEXIT_WRITE_DR0, 0, 0);
    expect(3, bare_count); /* none is armed meanwhile */
    expect(7, bare_events[0].where);
    expect(DR7_ONES, bare_events[0].value);
    expect(0, vcpu->vmcb->eventinj);
    expect(HOST_BASE + 8, bare_dr[0]);
    expect(DR7_ONES | 0xFC, bare_dr[7]);
    expect(CODE + 7, state->rip);
    state->rip = CODE;
    put_code("\x44\x0F\x23\xC1", 4); /* R, not B: MOV DR0, RCX */
    exits(VMEXIT_WRITE_DR0, 0, 0);
    expect(0xFFFFFFFF00001234, bare_dr[0]);
    arms(false);
}

static void a_guests_mov_to_cr4_is_done_for_it(void) {
    bare_set_cpuid(1, 0, (const uint32_t[]){0, 0, 0, 1u << 6 | 1u << 3}); /* PAE, PSE */
    vcpu->registers.gpr.rcx = CR4_PSE;
    vcpu->registers.gpr.rdx = CR4_PCIDE;
    put_code("\x0F\x22\xE1", 3); /* MOV CR4, ECX */
    keep();
    exits(VMEXIT_WRITE_CR4, 0, 0);
    was_vmcb.exitcode = VMEXIT_WRITE_CR4;
    was_vmcb.tlb_control = TLB_FLUSH;
    was_state.rip = CODE + 3;
    was_state.cr4 = CR4_PSE;
    was.exits[EXIT_STEP] = 1;
    EXPECT_KEPT();
    put_code("\x0F\x22\xE2", 3); /* MOV CR4, EDX: a bit that is not there */
    exits(VMEXIT_WRITE_CR4, 0, 0);
    was_vmcb.tlb_control = TLB_KEEP;
    was_vmcb.eventinj = GP_EVENT;
    was.exits[EXIT_STEP] = 2;
    was.fault = vcpu->fault;
    EXPECT_KEPT();
    put_code("\x0F\x23\xE2", 3); /* no such MOV */
    expect(true, ENDS(exits(VMEXIT_WRITE_CR4, 0, 0)));
}

/* EFER.LME is kept from the processor as long as there is neither paging nor PAE. */
static void lme_follows_cr4_where_that_exits(void) {
    bare_set_cpuid(1, 0, (const uint32_t[]){0, 0, 0, 1u << 6});
    for (unsigned i = 0; i < 8; i++) {
        bool exits_there = i & 1, lme = i & 2, pae = i & 4;
        state->cr4 = 0;
        state->efer = EFER_SVME;
        vcpu->lme = lme;
        vcpu->vmcb->intercept_cr = exits_there ? INTERCEPT_WRITE_CR4 : 0;
        expect(VMI_RETURNS, set_cr4(vcpu, pae ? CR4_PAE : 0));
        expect(EFER_SVME | (exits_there && lme && pae ? EFER_LME : 0), state->efer);
    }
}

static void what_is_no_mov_to_a_debug_register_is_unknown(void) {
    put_code("\x0F\x21\xD1", 3);
    expect(true, ENDS(exits(VMEXIT_WRITE_DR7, 0, 0)));
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (CODE >> 12) * 4, CODE | 7, 4);
    state->rip = CODE + PAGE_SIZE - 2; /* its third byte is not there */
    put_code("\x0F\x23", 2);
    put(CODE + PAGE_SIZE, 0, 2);
    expect(true, ENDS(exits(VMEXIT_WRITE_DR0, 0, 0)));
    state->rip = CODE + PAGE_SIZE - 3;
    put_code("\x0F\x23\xC0", 3);
    exits(VMEXIT_WRITE_DR0, 0, 0);
    expect(CODE + PAGE_SIZE, state->rip);
}

/* --- events --- */

static void a_fault_is_injected_with_its_error_and_cr2(void) {
    static const struct fault pf = {
        .vector = VECTOR_PF, .has_error = true, .error = 0x80000005, .cr2 = 0x1234};
    static const struct fault np = {
        .vector = VECTOR_NP, .has_error = true, .error = 7, .cr2 = 0x99};
    static const struct fault de = {.vector = 0, .error = 7, .cr2 = 0x99};
    state->cr2 = 1;
    deliver_exception(vcpu, &pf);
    expect(0x800000058000000Ell | EVENT_EXCEPTION | EVENT_ERROR, vcpu->vmcb->eventinj);
    expect(0x1234, state->cr2);
    deliver_exception(vcpu, &np);
    expect(0x000000078000000Bll | EVENT_EXCEPTION | EVENT_ERROR, vcpu->vmcb->eventinj);
    deliver_exception(vcpu, &de);
    expect(event(EVENT_EXCEPTION, 0), vcpu->vmcb->eventinj);
    expect(0x1234, state->cr2);
}

static void an_instruction_ends_shadow_and_rf_alone(void) {
    static const struct {
        uint64_t efer;
        uint16_t attrib;
        uint64_t rip;
    } modes[] = {{~(uint64_t)EFER_LMA, ATTRIB_64, 5},
                 {EFER_LMA, (uint16_t)~ATTRIB_L, 5},
                 {EFER_LMA, ATTRIB_64, 0x100000005}};
    for (unsigned i = 0; i < 3; i++) {
        state->rflags = ~(uint64_t)RFLAGS_TF;
        vcpu->vmcb->interrupt_shadow = 3;
        state->efer = modes[i].efer;
        state->cs.attrib = modes[i].attrib;
        keep();
        end_instruction(vcpu, 0x100000005);
        was_vmcb.interrupt_shadow = 2;
        was_state.rip = modes[i].rip;
        was_state.rflags = ~(uint64_t)(RFLAGS_TF | RFLAGS_RF);
        EXPECT_KEPT();
    }
    state->rflags = RFLAGS_TF;
    state->dr6 = 2;
    end_instruction(vcpu, CODE);
    expect(DR6_BS | 2, state->dr6);
    expect(event(EVENT_EXCEPTION, VECTOR_DB), vcpu->vmcb->eventinj);
}

static void an_nmi_is_held_until_its_handlers_iret(void) {
    uint32_t others = ~(INTERCEPT_NMI | INTERCEPT_IRET);
    vcpu->vmcb->intercept_misc1 = others | INTERCEPT_NMI;
    keep();
    exits(VMEXIT_NMI, 0, 0);
    was_vmcb.exitcode = VMEXIT_NMI;
    was_vmcb.tlb_control = TLB_KEEP;
    was_vmcb.intercept_misc1 = others | INTERCEPT_IRET;
    was.exits[EXIT_NMI] = 1;
    EXPECT_KEPT();
    expect(0, host.take_nmis);
    exits(VMEXIT_IRET, 0, 0);
    was_vmcb.exitcode = VMEXIT_IRET;
    was_vmcb.intercept_misc1 = others | INTERCEPT_NMI;
    was.exits[EXIT_NMI] = 2;
    EXPECT_KEPT();
    vcpu->kicked = true;
    exits(VMEXIT_NMI, 0, 0);
    was_vmcb.exitcode = VMEXIT_NMI;
    was.exits[EXIT_NMI] = 3;
    EXPECT_KEPT();
    expect(1, host.take_nmis);
}

static void an_interrupt_beside_an_nmi_comes_after_it(void) {
    vcpu->vmcb->interrupt_control = 0x12FFFF0E;
    keep();
    expect(true, deliver_taken(vcpu, (struct taken){0x91, 1}));
    was_vmcb.interrupt_control = 0x9112FFFF0E;
    was_vmcb.eventinj = event(EVENT_NMI, VECTOR_NMI);
    EXPECT_KEPT();
    vcpu->vmcb->interrupt_control = 0xFF0000000E;
    keep();
    expect(true, deliver_taken(vcpu, (struct taken){0x81, 1}));
    was_vmcb.interrupt_control = 0x810010010E;
    EXPECT_KEPT();
}

static void of_what_comes_a_kick_is_not_the_guests(void) {
    vcpu->kicked = true;
    vcpu->vmcb->eventinj = 5;
    keep();
    expect(false, deliver_taken(vcpu, (struct taken){NO_VECTOR, 1}));
    was.kicked = false;
    EXPECT_KEPT();
    vcpu->kicked = true;
    keep();
    expect(true, deliver_taken(vcpu, (struct taken){0x91, 1}));
    was_vmcb.eventinj = event(EVENT_INTERRUPT, 0x91);
    was.kicked = false;
    EXPECT_KEPT();
    vcpu->kicked = true;
    keep();
    expect(true, deliver_taken(vcpu, (struct taken){0x92, 0}));
    was_vmcb.eventinj = event(EVENT_INTERRUPT, 0x92);
    EXPECT_KEPT();
    vcpu->kicked = false;
    expect(false, deliver_taken(vcpu, (struct taken){NO_VECTOR, 0}));
    EXPECT_SAID("");
}

static bool iopm_has(const uint8_t *map, uint16_t port) {
    return map[port / 8] >> port % 8 & 1;
}

/* For as long as an alarm has a timer. */
static void interrupts_and_the_pit_exit_while_an_alarm_waits(void) {
    struct alarm alarm = {.armed = true, .expiry = ~0ull};
    host.interrupt = (struct taken){0x33, 0};
    vcpu->vmcb->intercept_misc1 = ~INTERCEPT_INTR;
    set_alarm(&vcpu->alarms, 0, &alarm);
    watch_timers(vcpu);
    expect(0xFFFFFFFF, vcpu->vmcb->intercept_misc1);
    expect(true, iopm_has(iopm, 0x40) && iopm_has(iopm_others, 0x40));
    expect(false, iopm_has(iopm, 0x41));
    exits(VMEXIT_INTR, 0, 0);
    expect(1, vcpu->exits[EXIT_INTR]);
    expect(1, host.take_interrupts);
    expect(event(EVENT_INTERRUPT, 0x33), vcpu->vmcb->eventinj);
    give_pit_back();
    expect(false, iopm_has(iopm, 0x40) || iopm_has(iopm_others, 0x40));
    intercept_port(0x40, true);
    watch_timers(vcpu);
    expect(~INTERCEPT_INTR, vcpu->vmcb->intercept_misc1);
    expect(false, iopm_has(iopm, 0x40));
    set_alarm(&vcpu->alarms, 0, &alarm);
    deliver_taken(vcpu, (struct taken){0x33, 0});
    expect(0xFFFFFFFF, vcpu->vmcb->intercept_misc1);
    cancel_alarm(&vcpu->alarms, 0);
    give_pit_back();
}

static uint32_t counts_down(uint32_t reg) {
    return reg == APIC_CURRENT ? 0xFFFFFFFF - (uint32_t)bare_tsc / 4 : *bare_apic(reg);
}

static void an_alarm_of_the_local_apic_starts_anew_at_lvtt(void) {
    struct alarm alarm = {.armed = true, .lvtt = true, .expiry = ~0ull};
    bare_hook_apic(counts_down);
    expect(true, set_alarm(&vcpu->alarms, 0, &alarm));
    vcpu->vmcb->intercept_misc1 = 0;
    vcpu->alarms.apic_timer_runs = false;
    bare_count = 0;
    renew_alarms(vcpu);
    expect(true, vcpu->alarms.apic_timer_runs);
    expect(1, bare_times(BARE_STORE, APIC_COUNT));
    expect(INTERCEPT_INTR, vcpu->vmcb->intercept_misc1);
}

/* At any exit, once its alarm waits. */
static void an_overdue_alarm_is_looked_for(void) {
    struct alarm alarm = {.armed = true, .expiry = 1};
    put_code("\x0F\x08", 2);
    set_alarm(&vcpu->alarms, 0, &alarm);
    bare_ports[0x21] = 1; /* masked: its interrupt is lost */
    bare_count = 0;
    vcpu->vmcb->intercept_misc1 = ~INTERCEPT_INTR;
    exits(VMEXIT_INVD, 0, 0);
    expect(0, bare_count);
    vcpu->vmcb->intercept_misc1 = INTERCEPT_INTR;
    exits(VMEXIT_INVD, 0, 0);
    expect(true, bare_times(BARE_OUT, 0x43) > 0);
    cancel_alarm(&vcpu->alarms, 0);
    give_pit_back();
}

/* --- figures --- */

static void figures_are_of_all_processors(void) {
    for (unsigned i = 0; i < EXIT_REASONS; i++) {
        vcpus[0].exits[i] = i + 1;
        vcpus[MAX_PROCESSORS - 1].exits[i] = 100;
    }
    vcpus[0].calls[0] = 2;
    vcpus[0].calls[VMI_CALL_SLOTS - 1] = 3;
    vcpus[MAX_PROCESSORS - 1].calls[VMI_CALL_GetCR0] = 40;
    say_exits();
    EXPECT_SAID("# monitor: exits: CPUID 101 MSR 102 RDTSC 103 INVD 104 VMMCALL 150 SVM 106 NPF "
                "107 step 108 IOIO 109 NMI 110 INTR "
                "111\n# monitor: calls: GetCR0 40\n");
}

static void a_trace_shows_each_exit(void) {
    state->rax = 0xA0A1A2A3;
    state->cs.selector = 8;
    vcpu->vmcb->exitcode = VMEXIT_MSR;
    vcpu->vmcb->exitinfo1 = 0x12345;
    vcpu->registers.frame.ecx = 0x77;
    vcpu->registers.frame.edx = 0x88;
    trace_exit(vcpu);
    EXPECT_SAID(
        "# exit 07C info 00012345 at 00000008:00101000 eax A0A1A2A3 ecx 02020202 edx 03030303\n");
    bare_count = 0;
    vcpu->vmcb->exitcode = VMEXIT_VMMCALL;
    state->efer = EFER_SVME | EFER_SCE;
    state->rip = 0x5040;
    trace_exit(vcpu);
    EXPECT_SAID("# exit 081 slot 2 info 00012345 at 00000008:00005040 eax A0A1A2A3 ecx 00000077 "
                "edx 00000088\n");
    bare_count = 0;
    state->efer = EFER_LMA;
    trace_exit(vcpu);
    EXPECT_SAID("# exit 081 slot 2 info 00012345 at 00000008:00005040 eax A0A1A2A3 ecx 02020202 "
                "edx 03030303\n");
    bare_count = 0;
    tracing = true;
    state->rip = CODE;
    put_code("\x0F\x08", 2);
    exits(VMEXIT_INVD, 0, 0);
    tracing = false;
    expect(true, !strncmp(said(), "# exit 076", 10));
}

_Noreturn void host_fault(uint32_t vector, const uint64_t *frame);

static void a_fault_of_the_hosts_own_is_said(void) {
    static const uint64_t frame[] = {1, 2, 3, 4, 5, 6};
    bare_cr[2] = 0xC2;
    spare_com1 = true;
    expect(true, ENDS(host_fault(0xE, frame)));
    EXPECT_SAID("# monitor: FAULT 0E 0000000000000001 0000000000000002 0000000000000003 "
                "0000000000000004 0000000000000005 cr2 "
                "00000000000000C2\n");
    expect(false, spare_com1);
}

/* What comes by several ways at once is said once, and no way is watched any longer. */
static void at_the_end_the_figures_come_once(void) {
    static const uint16_t ways[] = {0xF4, 0x8900, 0x64, 0x92, 0xCF9};
    watch_end_ports(true);
    on_end();
    expect(true, !strncmp(said(), "# monitor: exits:", 17));
    for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        expect(false, iopm_has(iopm, ways[i]) || iopm_has(iopm_others, ways[i]));
    }
    bare_count = 0;
    on_end();
    expect(0, bare_count);
}

int main(void) {
    bare_start();
    each_test_starts_with(guest_reset);
    RUN(an_exit_forgets_the_last_event_and_flush);
    RUN(instructions_are_skipped_and_counted);
    RUN(cpuid_is_answered_by_leaf_and_subleaf);
    RUN(rdmsr_and_wrmsr_take_edx_eax);
    RUN(svms_own_instructions_are_ud);
    RUN(an_unknown_exit_ends_with_all_that_is_known);
    RUN(faults_nobody_watches_for_are_unknown);
    RUN(an_invalid_state_is_gp_at_mov_to_cr4_alone);
    RUN_ALONE(a_triple_fault_resets_the_machine);
    RUN(rdtsc_has_the_guests_offset_but_in_get_cycle_counter);
    RUN(get_cycle_counter_is_known_by_all_its_bytes_in_ring_0);
    RUN(a_call_is_served_between_vmsave_and_vmload);
    RUN(registers_of_a_call_go_there_and_back);
    RUN(the_stacks_size_and_base_are_the_segments);
    RUN(interrupts_come_in_behind_the_ret);
    RUN(a_call_from_elsewhere_is_ud);
    RUN(a_slot_of_one_rom_means_the_same_in_the_other);
    RUN(a_call_that_faults_has_its_cr2);
    RUN(whether_breakpoints_stay_armed_is_found_out);
    RUN(it_is_found_out_by_a_guest_without_a_page);
    RUN(the_hosts_own_addresses_are_never_armed);
    RUN(a_guests_mov_to_a_debug_register_is_done_for_it);
    RUN(what_is_no_mov_to_a_debug_register_is_unknown);
    RUN(a_fault_is_injected_with_its_error_and_cr2);
    RUN(an_instruction_ends_shadow_and_rf_alone);
    RUN(an_nmi_is_held_until_its_handlers_iret);
    RUN(an_interrupt_beside_an_nmi_comes_after_it);
    RUN(of_what_comes_a_kick_is_not_the_guests);
    RUN(interrupts_and_the_pit_exit_while_an_alarm_waits);
    RUN(an_alarm_of_the_local_apic_starts_anew_at_lvtt);
    RUN(an_overdue_alarm_is_looked_for);
    RUN(figures_are_of_all_processors);
    RUN(a_trace_shows_each_exit);
    RUN(a_fault_of_the_hosts_own_is_said);
    RUN_ALONE(at_the_end_the_figures_come_once);
    RUN(the_last_debug_register_is_dr7);
    RUN(cr0_is_mended_at_each_exit);
    RUN(msrs_are_read_and_written);
    RUN(a_step_ends_at_another_exit);
    RUN(code_at_the_end_of_a_page_is_read);
    RUN(a_slot_is_known_by_its_bytes_in_another_page);
    RUN(a_guests_mov_to_cr4_is_done_for_it);
    RUN(lme_follows_cr4_where_that_exits);
    return results_end();
}
