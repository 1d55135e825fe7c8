/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's Init: from ring 0 on the guest's tables to ring 1 on ours. */

#include "control.h"
#include "common/debug.h"
#include "gate.h"
#include "processors.h"
#include "processor.h"
#include "register.h"
#include "start.h"
#include "time.h"

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
    cpu->iopl = EFLAGS_IOPL_1;
    cpu->dr7 = load_dr7();
    store_dr7(cpu->dr7 & ~DR7_GD);
    take_gdt(cpu, &start->gdtr);
    start_tables(cpu);
    tss_of(cpu)->ss1 = (start->ss & 0xFFFC) | 1;
    start_sysenter(cpu);
    start_alarms(cpu);
}

__attribute__((regparm(1))) void ring1_init(struct start *s) {
    struct cpu *cpu = (struct cpu *)(HV_BASE + CPUS);
    start_roots();
    start_gates(&s->ways);
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
    s->eflags = (ap->eflags & ~(EFLAGS_IOPL | EFLAGS_VM)) | EFLAGS_IOPL_1 | 2;
    s->cs = ap->cs, s->ss = ap->ss, s->ds = ap->ds, s->es = ap->es, s->fs = ap->fs, s->gs = ap->gs;
    s->gdtr.limit = ap->gdtr_limit, s->gdtr.base = ap->gdtr_base;
    start(cpu, s);
    take_ldt(cpu, ap->ldtr);
    use_gates_to_guest(cpu);
    lower_selectors(cpu, s);
    has_arrived();
}
