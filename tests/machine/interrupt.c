/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The interrupt flag, and waiting for an interrupt. */
#include "machine.h"

enum { VECTOR_IRQ0 = 0x20 };

static volatile uint32_t irq_eip, irq_cs, irq_hits;

static void note_place(struct trap_frame *frame) {
    guest_pic_mask(0); /* QEMU's PIT raises it once more where the host is late */
    if (!irq_hits++) {
        irq_eip = frame->eip;
        irq_cs = frame->cs;
    }
}

static int start(void) {
    irq_hits = 0;
    irq_eip = 0;
    guest_set_handler(VECTOR_IRQ0, note_place);
    return make_irq0_pending();
}

static void null_segments(struct call_regs *r, uint32_t seed, uint32_t eflags) {
    guest_call_regs_init(r, seed);
    r->eflags = eflags;
    r->set_segments = 1;
    r->ds = r->es = r->fs = r->gs = 0;
}

static void enable_opens_after_the_return(void) {
    if (!start()) {
        return;
    }
    probe_call_site(call_target(VMI_CALL_EnableInterrupts), 0);
    equal("interrupts", irq_hits, 1);
    equal("interrupted at", irq_eip, (uint32_t)probe_call_site_next);
}

static void set_mask_opens_after_the_return(void) {
    if (!start()) {
        return;
    }
    probe_call_site(call_target(VMI_CALL_SetInterruptMask), 0x200);
    equal("interrupts", irq_hits, 1);
    equal("interrupted at", irq_eip, (uint32_t)probe_call_site_next);
}

static void disable_holds_interrupts_back(void) {
    struct call_regs r;
    if (!start()) {
        return;
    }
    native_sti();
    __asm__ volatile("nop; nop");
    equal("the first interrupt", irq_hits, 1);
    null_segments(&r, 11, EFLAGS_FIXED | EFLAGS_IF | 0x8D5);
    vmi_registers(VMI_CALL_DisableInterrupts, &r, NULL, 0);
    native_cli();
    equal("EFLAGS.IF", r.eflags & EFLAGS_IF, 0);
    irq_hits = 0;
    if (!make_irq0_pending()) {
        return;
    }
    probe_call_site(call_target(VMI_CALL_DisableInterrupts), 0);
    equal("held back", irq_hits, 0);
    probe_call_site(call_target(VMI_CALL_SetInterruptMask), 0);
    equal("still held back", irq_hits, 0);
    probe_call_site(call_target(VMI_CALL_EnableInterrupts), 0);
    equal("let in", irq_hits, 1);
}

static void enable_then_disable_lets_interrupts_in(void) {
    if (!start()) {
        return;
    }
    probe_call_site(call_target(VMI_CALL_EnableInterrupts), 0);
    equal("interrupts", irq_hits, 1);
}

static void flag_calls_change_only_the_flag(void) {
    static const uint32_t patterns[] = {0, 0x8D5, EFLAGS_AC, 0x3000, EFLAGS_DF, EFLAGS_ID, 0x44};
    drain_interrupts();
    for (uint32_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) * 2; i++) {
        uint32_t flags = EFLAGS_FIXED | patterns[i / 2] | (i & 1 ? EFLAGS_IF : 0);
        struct call_regs r;
        null_segments(&r, i, flags);
        vmi_registers(VMI_CALL_EnableInterrupts, &r, NULL, 0);
        equal("IF after Enable", r.eflags & EFLAGS_IF, EFLAGS_IF);
        null_segments(&r, i, flags);
        vmi_registers(VMI_CALL_DisableInterrupts, &r, NULL, 0);
        equal("IF after Disable", r.eflags & EFLAGS_IF, 0);
        null_segments(&r, i, flags);
        vmi_registers(VMI_CALL_GetInterruptMask, &r, NULL, 0);
        equal("GetInterruptMask", r.eax & EFLAGS_IF, flags & EFLAGS_IF);
        null_segments(&r, i, flags);
        r.eax = 0xFFFFFDFF; /* all but IF */
        vmi_registers(VMI_CALL_SetInterruptMask, &r, NULL, 0);
        equal("IF after SetInterruptMask(all but 200h)", r.eflags & EFLAGS_IF, 0);
        null_segments(&r, i, flags);
        r.eax = 0x200;
        vmi_registers(VMI_CALL_SetInterruptMask, &r, NULL, 0);
        equal("IF after SetInterruptMask(200h)", r.eflags & EFLAGS_IF, EFLAGS_IF);
    }
}

static void get_mask_tells_the_flag(void) {
    drain_interrupts();
    native_cli();
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    vmi_registers(VMI_CALL_GetInterruptMask, &r, NULL, 0);
    equal("disabled", r.eax & 0x200, 0);
    guest_call_regs_init(&r, 1);
    r.eflags |= EFLAGS_IF;
    vmi_registers(VMI_CALL_GetInterruptMask, &r, NULL, 0);
    equal("enabled", r.eax & 0x200, 0x200);
}

static void halt_wakes_up_with_a_pending_interrupt(void) {
    if (!start()) {
        return;
    }
    vmi(VMI_CALL_Halt, 0, 0, 0);
    equal("interrupts", irq_hits, 1);
    equal("IF", result.eflags & EFLAGS_IF, EFLAGS_IF);
}

/* The timer has to be there: nothing else ends a HLT. */
static void halt_waits_for_an_interrupt(void) {
    if (!start()) {
        return;
    }
    drain_interrupts();
    irq_hits = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        native_cli(); /* the interrupt must not come before the call */
        guest_pit_oneshot(2000);
        guest_pic_unmask(0);
        vmi(VMI_CALL_Halt, 0, 0, 0);
        equal("interrupts", irq_hits, i);
        equal("IF", result.eflags & EFLAGS_IF, EFLAGS_IF);
    }
    if (!is_in_calls(irq_eip)) {
        fail("the interrupt did not find the processor halted in the image but at %08x", irq_eip);
    }
}

const struct test interrupt_tests[] = {
    {"enable_opens_after_the_return",
     enable_opens_after_the_return,
     TWICE,
     {VMI_CALL_EnableInterrupts}},
    {"set_mask_opens_after_the_return",
     set_mask_opens_after_the_return,
     0,
     {VMI_CALL_SetInterruptMask}},
    {"disable_holds_interrupts_back",
     disable_holds_interrupts_back,
     0,
     {VMI_CALL_DisableInterrupts, VMI_CALL_SetInterruptMask, VMI_CALL_EnableInterrupts}},
    {"enable_then_disable_lets_interrupts_in",
     enable_then_disable_lets_interrupts_in,
     0,
     {VMI_CALL_EnableInterrupts}},
    {"flag_calls_change_only_the_flag_with_null_segments",
     flag_calls_change_only_the_flag,
     0,
     {VMI_CALL_EnableInterrupts, VMI_CALL_DisableInterrupts, VMI_CALL_GetInterruptMask,
      VMI_CALL_SetInterruptMask}},
    {"get_mask_tells_the_flag", get_mask_tells_the_flag, 0, {VMI_CALL_GetInterruptMask}},
    {"halt_wakes_up_with_a_pending_interrupt",
     halt_wakes_up_with_a_pending_interrupt,
     0,
     {VMI_CALL_Halt}},
    {"halt_waits_for_an_interrupt", halt_waits_for_an_interrupt, 0, {VMI_CALL_Halt}},
    {NULL, NULL, 0, {0}}};
