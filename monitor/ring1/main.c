/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's Init: from ring 0 on the guest's tables to ring 1 on ours. */

#include "common/acpi.h"
#include "control.h"
#include "common/debug.h"
#include "gate.h"
#include "processors.h"
#include "processor.h"
#include "register.h"
#include "start.h"
#include "time.h"
#include "vif.h"

/* What stays is made ring 1's; a register that could not be loaded is null. */
static void lower_selectors(struct cpu *cpu, struct start *start) {
    uint32_t *const data[] = {&start->ds, &start->es, &start->fs, &start->gs};
    for (uint32_t i = 0; i < sizeof(data) / sizeof(*data); i++) {
        *data[i] &= 0xFFFF;
        if (!is_loadable(cpu, *data[i])) {
            *data[i] = 0;
        }
    }
    start->cs = (start->cs & 0xFFFC) | 1;
    start->ss = (start->ss & 0xFFFC) | 1;
}

/* What every processor does, in the guest's space. */
static void start(struct cpu *cpu, struct start *start) {
    cpu->iopl = has_interrupt_control ? 0 : EFLAGS_IOPL_1;
    forget_held(cpu);
    cpu->dr7 = load_dr7();
    store_dr7(cpu->dr7 & ~DR7_GD);
    take_gdt(cpu, &start->gdtr);
    start_tables(cpu, has_interrupt_control ? port_map_end() : 0);
    tss_of(cpu)->ss1 = (start->ss & 0xFFFC) | 1;
    start_sysenter(cpu);
    start_alarms(cpu);
}

/* Where the image leaves the EFLAGS that it was called with, which it takes back in ring 1. */
#define INIT_EFLAGS 48u

static uint32_t count_processors(void) {
    uint8_t ids[2];
    return list_processors(ids, sizeof(ids));
}

/* One processor is what is known to be one. */
static bool may_be_many(void) {
    return processor_features() & FEATURE_APIC && in_identity(count_processors) != 1;
}

/* The guest's flag as it was; interrupts stay off until it is set again, since they may not be
 * where they will be by then. */
static void start_flag(struct cpu *cpu, struct start *s, uint32_t eflags) {
    struct frame f = {.eflags = 0};
    s->eflags = 2 | cpu->iopl;
    if (!has_interrupt_control) {
        return;
    }
    set_guest_if(cpu, &f, eflags & EFLAGS_IF);
    if (!(eflags & EFLAGS_IF)) {
        hold_all(cpu, &f);
    }
    s->eflags |= f.eflags;
}

__attribute__((regparm(1))) void ring1_init(struct start *s) {
    struct cpu *cpu = (struct cpu *)(HV_BASE + CPUS);
    start_roots();
    start_gates(&s->ways);
    if (shared()->flags & FLAG_CONTROL) {
        start_interrupt_control(cpu, may_be_many());
    }
    write_cr4(read_cr4() & ~CR4_HIDDEN);
    start(cpu, s);
    if (s->tr & 0xFFFC) {
        uint32_t *busy = (uint32_t *)(cpu->gdtr_base + (s->tr & 0xFFF8) + 4);
        *busy &= ~0x200u; /* that is what LTR wants to see */
        take_task(cpu, (uint16_t)s->tr);
    }
    take_ldt(cpu, (uint16_t)s->ldt);
    take_idt(cpu, &s->idtr);
    use_gates_to_guest(cpu);
    lower_selectors(cpu, s);
    start_flag(cpu, s, *(const uint32_t *)(s->esp + INIT_EFLAGS));
    shared()->active = 1;
}

_Noreturn static void stop(void) {
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

__attribute__((regparm(1))) void start_cpu(struct start *s) {
    struct cpu *cpu = this_cpu();
    const struct vmi_ap_state *ap = start_state();
    uint64_t efer = ap->efer_low | (uint64_t)ap->efer_high << 32;
    if (efer) {
        set_msr(cpu, MSR_EFER, efer);
    }
    use_gates_to_ring0(cpu); /* for what the guest's memory may raise */
    if (leave_identity(cpu, ap->cr0, ap->cr3, ap->cr4)) {
        stop();
    }
    s->edi = ap->edi, s->esi = ap->esi, s->ebp = ap->ebp, s->ebx = ap->ebx;
    s->edx = ap->edx, s->ecx = ap->ecx, s->eax = ap->eax;
    s->eip = ap->eip, s->esp = ap->esp;
    s->cs = ap->cs, s->ss = ap->ss, s->ds = ap->ds, s->es = ap->es, s->fs = ap->fs, s->gs = ap->gs;
    s->gdtr.limit = ap->gdtr_limit, s->gdtr.base = ap->gdtr_base;
    start(cpu, s);
    take_ldt(cpu, ap->ldtr);
    use_gates_to_guest(cpu);
    lower_selectors(cpu, s);
    start_flag(cpu, s, ap->eflags);
    s->eflags |= ap->eflags & ~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_IF);
    s->eflags |= has_interrupt_control ? 0 : ap->eflags & EFLAGS_IF;
    has_arrived();
}
