/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's Init: from ring 0 on the guest's tables to ring 1 on ours. */

#include "control.h"
#include "common/debug.h"
#include "gate.h"
#include "processor.h"
#include "register.h"
#include "start.h"

static struct cpu *cpu_of(uint32_t number) {
    return (struct cpu *)(HV_BASE + CPUS + number * CPU_SIZE);
}

/* What stays is made ring 1's; a register that could not be loaded is null. */
static void lower_selectors(struct cpu *cpu, struct start *start) {
    uint32_t *const data[] = {&start->ds, &start->es, &start->fs, &start->gs};
    for (uint32_t i = 0; i < sizeof data / sizeof *data; i++) {
        *data[i] &= 0xFFFF;
        if (!is_loadable(cpu, *data[i]))
            *data[i] = 0;
    }
    start->cs = (start->cs & 0xFFFC) | 1;
    start->ss = (start->ss & 0xFFFC) | 1;
}

__attribute__((regparm(1))) void ring1_init(struct start *start) {
    struct cpu *cpu = cpu_of(0);
    start_roots();
    start_gates(&start->ways);
    cpu->cr0 = read_cr0();
    cpu->iopl = EFLAGS_IOPL_1;
    cpu->dr7 = read_dr7();
    write_dr7(cpu->dr7 & ~0x2000u);
    take_gdt(cpu, &start->gdtr);
    start_tables(cpu);
    tss_of(cpu)->ss1 = (start->ss & 0xFFFC) | 1;
    if (start->tr & 0xFFFC) {
        uint32_t *busy = (uint32_t *)(cpu->gdtr.base + (start->tr & 0xFFF8) + 4);
        *busy &= ~0x200u; /* that is what LTR wants to see */
        take_task(cpu, (uint16_t)start->tr);
    }
    take_ldt(cpu, (uint16_t)start->ldt);
    take_idt(cpu, &start->idtr);
    use_gates_to_guest();
    write_cr4(read_cr4() & ~CR4_HIDDEN);
    start_sysenter(cpu);
    lower_selectors(cpu, start);
    shared()->active = 1;
}

__attribute__((regparm(1))) void start_cpu(struct start *start) {
    (void)start;
}
