/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The interrupt flag, returns to ring 3, waiting. IRQ0, the timer, stands for all lines. */
#include "tour.h"

enum { IRQ0 = 0, VECTOR_UD = 6, WAIT = 10000000 }; /* a busy host may be late */

/*
 * With interrupts off, lets the timer raise IRQ0 and returns when it is pending at the PIC. Where
 * the host is late, QEMU raises it once more than that: no count of them is exact.
 */
static void make_irq0_pending(void) {
    native_cli();
    guest_irq_count[IRQ0] = 0;
    guest_pic_unmask(IRQ0);
    guest_pit_oneshot(1000);
    for (int i = 0; i < WAIT && !(guest_pic_pending() & 1 << IRQ0); i++) {
        native_pause();
    }
}

static void quiet(void) {
    native_sti();
    __asm__ volatile("nop; nop"); /* takes what is still pending */
    native_cli();
    guest_pit_stop();
    guest_pic_mask(IRQ0);
}

static uint32_t interrupts_on(void) {
    if (guest_flag_is_kept()) {
        return (uint32_t)vmi0(VMI_CALL_GetInterruptMask);
    }
    return read_eflags() & EFLAGS_IF;
}

enum tour_verdict show_enable_interrupts(void) {
    uint32_t before, after;
    make_irq0_pending();
    before = guest_irq_count[IRQ0];
    vmi0(VMI_CALL_EnableInterrupts);
    after = guest_irq_count[IRQ0];
    quiet();
    return tour_effect(before == 0 && after != 0, "the pending IRQ0 was taken");
}

enum tour_verdict show_disable_interrupts(void) {
    uint32_t on, held, later;
    native_sti();
    vmi0(VMI_CALL_DisableInterrupts);
    on = interrupts_on();
    guest_irq_count[IRQ0] = 0;
    guest_pic_unmask(IRQ0);
    guest_pit_oneshot(1000);
    for (int i = 0; i < WAIT && !(guest_pic_pending() & 1 << IRQ0); i++) {
        native_pause();
    }
    held = guest_irq_count[IRQ0];
    quiet();
    later = guest_irq_count[IRQ0];
    return tour_effect(!on && held == 0 && later != 0, "IRQ0 had to wait");
}

enum tour_verdict show_get_interrupt_mask(void) {
    uint32_t on, off;
    native_sti();
    on = (uint32_t)vmi0(VMI_CALL_GetInterruptMask);
    native_cli();
    off = (uint32_t)vmi0(VMI_CALL_GetInterruptMask);
    return tour_effect((on & VMI_INTERRUPT_MASK) && !(off & VMI_INTERRUPT_MASK),
                       "%Xh when on, %Xh when off", on, off);
}

enum tour_verdict show_set_interrupt_mask(void) {
    uint32_t on, off, iopl;
    write_eflags(EFLAGS_FIXED | EFLAGS_IOPL);
    vmi1(VMI_CALL_SetInterruptMask, VMI_INTERRUPT_MASK);
    on = interrupts_on();
    vmi1(VMI_CALL_SetInterruptMask, ~(uint32_t)VMI_INTERRUPT_MASK);
    off = interrupts_on();
    iopl = read_eflags() & EFLAGS_IOPL;
    write_eflags(EFLAGS_FIXED);
    if (tour_ring()) { /* POPF cannot set it: what it was stays */
        return tour_differs(on && !off && iopl == (read_eflags() & EFLAGS_IOPL),
                            "on, off by bit 9; IOPL left alone at %u", iopl >> 12);
    }
    return tour_effect(on && !off && iopl == EFLAGS_IOPL, "on, off by bit 9; IOPL unchanged");
}

static enum tour_verdict to_ring3_and_back(struct guest_entry *entry, uint32_t eflags) {
    uint32_t vector = guest_enter(entry);
    int there = vector == 0x80 && (entry->out.cs & 3) == 3 && entry->out.ebx == entry->in.ebx &&
                (entry->out.eflags & EFLAGS_IF) == eflags;
    if (vector == VECTOR_UD) {
        return tour_effect(0, "returned to its caller");
    }
    return tour_effect(there, "to ring 3 and back%s", eflags ? ", interrupts on there" : "");
}

enum tour_verdict show_iret(void) {
    struct guest_entry entry;
    tour_ring3_entry(&entry, VMI_CALL_IRET, tour_user_return);
    return to_ring3_and_back(&entry, 0);
}

enum tour_verdict show_sysexit(void) {
    struct guest_entry entry;
    if (!(guest_cpu_features() & CPU_SEP)) {
        return tour_not_shown("needs a processor with SYSEXIT");
    }
    guest_sysenter_setup();
    tour_ring3_entry(&entry, VMI_CALL_SYSEXIT, tour_user_return);
    entry.kind = ENTER_SYSEXIT;
    entry.in.edx = entry.in.eip;
    entry.in.ecx = entry.in.esp;
    return to_ring3_and_back(&entry, EFLAGS_IF);
}

enum tour_verdict show_halt(void) {
    uint32_t count, on;
    native_cli();
    guest_irq_count[IRQ0] = 0;
    guest_pit_oneshot(20000);
    guest_pic_unmask(IRQ0);
    vmi0(VMI_CALL_Halt);
    count = guest_irq_count[IRQ0];
    on = interrupts_on();
    quiet();
    return tour_effect(count != 0 && on, "woken by IRQ0");
}
