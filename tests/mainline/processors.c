/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Other processors, started as Linux starts them. Each runs this kernel in the same linear space,
 * at the same time, with data, stack and pages of its own behind the addresses: so nothing of it is
 * locked, and what they share is the ROM.
 */
#include "kernel.h"

#include "vmi/api.h"

enum { ICR_INIT = 0x4500, ICR_STARTUP = 0x4600 };
enum { PATIENCE_US = 60000000, TICK_US = 1000, UNUSED_PAGE = 0x9F };

extern uint8_t guest_stack_top[];

static struct load load;
static uint32_t number; /* of this one */
static struct outcome *outcomes;

uint32_t this_processor(void) {
    return number;
}

static void other_main(void) {
    memory_begin(number);
    struct outcome *mine = &outcomes[number];
    tasks_init();
    uint32_t pages = pages_free();
    tasks_run(&load);
    if (pages_free() != pages) {
        guest_panic(NULL, "%u pages of processor %u are gone", pages - pages_free(), number);
    }
    mine->system_calls = system_calls;
    mine->forks = forks;
    mine->signals = signals_sent;
    mine->kinds = bad_kinds_seen;
    mine->ended = bad_returns;
    for (;;) {
        irq_disable();
        PV_CALL0(PV_SAFE_HALT);
    }
}

static void start(uint32_t apic_id) {
    struct descriptor_pointer gdt, idt;
    PV_CALL1(PV_STORE_GDT, &gdt.limit);
    PV_CALL1(PV_STORE_IDT, &idt.limit);
    vmi_ap_state.cr0 = (uint32_t)PV_CALL0(PV_READ_CR0);
    vmi_ap_state.cr4 = (uint32_t)PV_CALL0(PV_READ_CR4);
    vmi_ap_state.eip = (uint32_t)other_main;
    vmi_ap_state.esp = (uint32_t)guest_stack_top - 16;
    vmi_ap_state.cs = SEL_KCODE;
    vmi_ap_state.ss = vmi_ap_state.ds = vmi_ap_state.es = SEL_KDATA;
    vmi_ap_state.gdtr_base = gdt.base;
    vmi_ap_state.gdtr_limit = gdt.limit;
    vmi_ap_state.idtr_base = idt.base;
    vmi_ap_state.idtr_limit = idt.limit;
    number = apic_id; /* as the copy has it */
    vmi_ap_state.cr3 = memory_other(apic_id);
    number = 0;
    PV_CALL2(PV_APIC_WRITE, APIC_ICR_HIGH, apic_id << 24);
    PV_CALL2(PV_APIC_WRITE, APIC_ICR_LOW, ICR_INIT);
    guest_delay_us(10000);
    PV_CALL1(PV_STARTUP_IPI, apic_id);
    PV_CALL2(PV_APIC_WRITE, APIC_ICR_LOW, ICR_STARTUP | UNUSED_PAGE);
}

void processors_start(const struct load *l) {
    uint32_t count = guest_processors();
    load = *l;
    outcomes = guest_page_alloc();
    guest_apic_enable();
    for (uint32_t i = 1; i < count; i++) {
        start(i);
    }
}

void processors_end(void) {
    uint32_t count = guest_processors();
    for (uint32_t i = 1; i < count; i++) {
        const volatile struct outcome *o = &outcomes[i];
        for (uint32_t us = 0; !o->ended; us += TICK_US) {
            if (us == PATIENCE_US) {
                guest_panic(NULL, "processor %u does not come to its end", i);
            }
            guest_delay_us(TICK_US);
        }
        guest_printf(
            "processor %u: system calls %u, forks %u, bad returns %u, signals %u, kinds %x\n", i,
            o->system_calls, o->forks, o->ended, o->signals, o->kinds);
    }
    guest_printf("# %u processors\n", count);
}
