/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "call.h"
#include "control.h"
#include "count.h"
#include "event.h"
#include "gate.h"
#include "generation.h"
#include "memory.h"
#include "processor.h"
#include "processors.h"
#include "register.h"
#include "time.h"
#include "vif.h"

/* What a call came to. */
typedef fault outcome;
#define OUTCOME_DONE      0u
#define OUTCOME_TRANSFERS 0xFFFFFFFFu /* the frame says where the guest goes on */
#define OUTCOME_PAGE      0xFFFFFFFEu /* a page fault, as cpu has it */

typedef outcome call(struct cpu *cpu, struct frame *f);

/* --- tables --- */

static outcome get_table(struct cpu *cpu, uint32_t to, const struct table *table) {
    return guest_write(cpu, to, table, sizeof(*table)) ? OUTCOME_DONE : OUTCOME_PAGE;
}

static outcome set_gdt(struct cpu *cpu, struct frame *f) {
    struct table table;
    if (!guest_read(cpu, f->eax, &table, sizeof(table))) {
        return OUTCOME_PAGE;
    }
    take_gdt(cpu, &table);
    return OUTCOME_DONE;
}

static outcome set_idt(struct cpu *cpu, struct frame *f) {
    struct table table;
    if (!guest_read(cpu, f->eax, &table, sizeof(table))) {
        return OUTCOME_PAGE;
    }
    take_idt(cpu, &table);
    return OUTCOME_DONE;
}

static outcome get_gdt(struct cpu *cpu, struct frame *f) {
    struct table gdtr = {cpu->gdtr_limit, cpu->gdtr_base};
    return get_table(cpu, f->eax, &gdtr);
}

static outcome get_idt(struct cpu *cpu, struct frame *f) {
    return get_table(cpu, f->eax, guest_idtr());
}

static outcome set_ldt(struct cpu *cpu, struct frame *f) {
    return take_ldt(cpu, (uint16_t)f->eax);
}

static outcome set_tr(struct cpu *cpu, struct frame *f) {
    return take_task(cpu, (uint16_t)f->eax);
}

static outcome get_ldt(struct cpu *cpu, struct frame *f) {
    f->eax = cpu->ldt;
    return OUTCOME_DONE;
}

static outcome get_tr(struct cpu *cpu, struct frame *f) {
    f->eax = cpu->tr;
    return OUTCOME_DONE;
}

/* The store that the native body makes: low dword first. */
static outcome store_entry(struct cpu *cpu, struct frame *f, bool gate) {
    uint32_t high, at = f->eax + 8 * f->edx;
    if (!guest_read(cpu, stack_of(cpu, f) + 4, &high, sizeof(high))) {
        return OUTCOME_PAGE;
    }
    high = meant_high(cpu, f, high, gate);
    if (!guest_write(cpu, at, &f->ecx, 4) || !guest_write(cpu, at + 4, &high, 4)) {
        return OUTCOME_PAGE;
    }
    return OUTCOME_DONE;
}

/* Whatever address the table was named by, the entry of the one that is loaded is looked at. One
 * guest (Sanos) never tells a new thread's stack, but sets the thread's segment. */
static outcome write_gdt_entry(struct cpu *cpu, struct frame *f) {
    outcome o = store_entry(cpu, f, false);
    renew_gdt_entry(cpu, f->edx);
    renew_kernel_stack(cpu);
    return o;
}

static outcome write_idt_entry(struct cpu *cpu, struct frame *f) {
    outcome o = store_entry(cpu, f, true);
    renew_gate(cpu, f->edx);
    return o;
}

/* --- registers --- */

static outcome set_cr0(struct cpu *cpu, struct frame *f) {
    return write_cr(cpu, 0, f->eax);
}

static outcome set_cr2(struct cpu *cpu, struct frame *f) {
    return set_cr(cpu, 2, f->eax);
}

static outcome set_cr3(struct cpu *cpu, struct frame *f) {
    return set_cr(cpu, 3, f->eax);
}

static outcome set_cr4(struct cpu *cpu, struct frame *f) {
    return set_cr(cpu, 4, f->eax);
}

static outcome get_cr0(struct cpu *cpu, struct frame *f) {
    f->eax = get_cr(cpu, 0);
    return OUTCOME_DONE;
}

static outcome get_cr2(struct cpu *cpu, struct frame *f) {
    f->eax = get_cr(cpu, 2);
    return OUTCOME_DONE;
}

static outcome get_cr3(struct cpu *cpu, struct frame *f) {
    f->eax = get_cr(cpu, 3);
    return OUTCOME_DONE;
}

static outcome get_cr4(struct cpu *cpu, struct frame *f) {
    f->eax = get_cr(cpu, 4);
    return OUTCOME_DONE;
}

static outcome clear_ts(struct cpu *cpu, struct frame *f) {
    (void)cpu, (void)f;
    __asm__ volatile("clts");
    return OUTCOME_DONE;
}

static outcome set_debug(struct cpu *cpu, struct frame *f) {
    return f->eax > 7 ? OUTCOME_DONE : set_dr(cpu, f->eax, f->edx);
}

static outcome get_debug(struct cpu *cpu, struct frame *f) {
    uint32_t value = 0;
    fault fault = f->eax > 7 ? 0 : get_dr(cpu, f->eax, &value);
    if (!fault) {
        f->eax = value;
    }
    return fault;
}

static outcome write_msr(struct cpu *cpu, struct frame *f) {
    return set_msr(cpu, f->ecx, f->eax | (uint64_t)f->edx << 32);
}

static outcome read_msr(struct cpu *cpu, struct frame *f) {
    uint64_t value = 0;
    fault fault = get_msr(cpu, f->ecx, &value);
    if (fault) {
        return fault;
    }
    f->eax = (uint32_t)value;
    f->edx = (uint32_t)(value >> 32);
    return OUTCOME_DONE;
}

static outcome read_pmc(struct cpu *cpu, struct frame *f) {
    uint64_t value = 0;
    (void)cpu;
    if (read_pmc_guarded(f->ecx, &value)) {
        return FAULT(VECTOR_GP, 0);
    }
    f->eax = (uint32_t)value;
    f->edx = (uint32_t)(value >> 32);
    return OUTCOME_DONE;
}

/* --- memory --- */

static outcome write_back(struct cpu *cpu, struct frame *f) {
    (void)cpu, (void)f;
    __asm__ volatile("wbinvd" ::: "memory");
    return OUTCOME_DONE;
}

static outcome inval_page(struct cpu *cpu, struct frame *f) {
    (void)cpu;
    __asm__ volatile("invlpg (%0)" ::"r"(f->eax) : "memory");
    return OUTCOME_DONE;
}

static outcome flush(struct cpu *cpu, struct frame *f) {
    flush_tlb(cpu, f->eax & 2);
    return OUTCOME_DONE;
}

/* --- the processor --- */

/* Ring 1 has IOPL 1 or more: it is its interrupt flag and its ports. With interrupt control it has
 * 0, and what ring 3 may do is done for it. */
static outcome set_iopl(struct cpu *cpu, struct frame *f) {
    if (has_interrupt_control) {
        cpu->user_iopl = f->eax & EFLAGS_IOPL;
        return OUTCOME_DONE;
    }
    cpu->iopl = (f->eax & EFLAGS_IOPL) == EFLAGS_IOPL ? EFLAGS_IOPL : EFLAGS_IOPL_1;
    f->eflags = (f->eflags & ~EFLAGS_IOPL) | cpu->iopl;
    return OUTCOME_DONE;
}

static outcome wait_for_interrupt(struct cpu *cpu, struct frame *f) {
    halt(cpu, f);
    return OUTCOME_TRANSFERS;
}

/* An NMI's handler returns to where it starts over. */
static outcome stop(struct cpu *cpu, struct frame *f) {
    f->eip -= 2;
    set_guest_if(cpu, f, false);
    halt_for_good(cpu, f);
    return OUTCOME_TRANSFERS;
}

static outcome reboot(struct cpu *cpu, struct frame *f) {
    (void)cpu, (void)f;
    say_counts();
    reset_machine();
}

/* Linux of API 13 gives the physical address, everybody else a linear one. */
#define KERNEL_START 0xC0000000u

static outcome set_ap_state(struct cpu *cpu, struct frame *f, uint32_t linear) {
    struct vmi_ap_state state;
    if (guest_read(cpu, linear, &state, VMI_AP_STATE_SIZE)) {
        start_processor(f->edx, &state);
    }
    return OUTCOME_DONE; /* without a state the processor does not start */
}

static outcome set_ap_state_3(struct cpu *cpu, struct frame *f) {
    return set_ap_state(cpu, f, f->eax);
}

static outcome set_ap_state_13(struct cpu *cpu, struct frame *f) {
    struct vmi_ap_state state;
    uint8_t *to = (uint8_t *)&state;
    if (f->eax >= KERNEL_START) {
        return set_ap_state(cpu, f, f->eax);
    }
    for (uint32_t i = 0; i < VMI_AP_STATE_SIZE; i++) {
        const uint8_t *page = show_page(cpu, f->eax + i, 0);
        to[i] = page[(f->eax + i) % PAGE_SIZE];
    }
    start_processor(f->edx, &state);
    return OUTCOME_DONE;
}

static outcome to_v86(struct cpu *cpu, struct frame *f) {
    return_to_v86(cpu, f);
    return OUTCOME_TRANSFERS;
}

/* The flag is set already. What is held comes at the end of the trap, at the call's site: natively
 * STI's shadow covers the RET. */
static outcome enable(struct cpu *cpu, struct frame *f) {
    uint32_t site;
    if (guest_read(cpu, stack_of(cpu, f), &site, sizeof(site))) {
        f->eip = site;
        f->esp += 4;
    }
    return OUTCOME_TRANSFERS;
}

static outcome return_by_frame(struct cpu *cpu, struct frame *f) {
    outcome o = return_slowly(cpu, f);
    return o == OUTCOME_DONE ? OUTCOME_TRANSFERS : o;
}

/* --- time --- */

static outcome return_long(struct frame *f, uint64_t value) {
    f->eax = (uint32_t)value;
    f->edx = (uint32_t)(value >> 32);
    return OUTCOME_DONE;
}

static outcome get_cycle_frequency(struct cpu *cpu, struct frame *f) {
    (void)cpu;
    return return_long(f, guest_frequency());
}

static outcome get_wallclock_time(struct cpu *cpu, struct frame *f) {
    (void)cpu;
    return return_long(f, guest_wallclock());
}

static outcome set_alarm_of(struct cpu *cpu, struct frame *f) {
    uint64_t period;
    if (!guest_read(cpu, stack_of(cpu, f) + 4, &period, sizeof(period))) {
        return OUTCOME_PAGE;
    }
    guest_sets_alarm(cpu, f->eax, (uint64_t)f->ecx << 32 | f->edx, period);
    return OUTCOME_DONE;
}

static outcome cancel_alarm_of(struct cpu *cpu, struct frame *f) {
    f->eax = guest_cancels_alarm(cpu, f->eax);
    return OUTCOME_DONE;
}

static call *const calls[VMI_CALL_SLOTS] = {
    [VMI_CALL_WRMSR] = write_msr,
    [VMI_CALL_RDMSR] = read_msr,
    [VMI_CALL_SetGDT] = set_gdt,
    [VMI_CALL_SetLDT] = set_ldt,
    [VMI_CALL_SetIDT] = set_idt,
    [VMI_CALL_SetTR] = set_tr,
    [VMI_CALL_GetGDT] = get_gdt,
    [VMI_CALL_GetLDT] = get_ldt,
    [VMI_CALL_GetIDT] = get_idt,
    [VMI_CALL_GetTR] = get_tr,
    [VMI_CALL_WriteGDTEntry] = write_gdt_entry,
    [VMI_CALL_WriteIDTEntry] = write_idt_entry,
    [VMI_CALL_SetCR0] = set_cr0,
    [VMI_CALL_SetCR2] = set_cr2,
    [VMI_CALL_SetCR3] = set_cr3,
    [VMI_CALL_SetCR4] = set_cr4,
    [VMI_CALL_GetCR0] = get_cr0,
    [VMI_CALL_GetCR2] = get_cr2,
    [VMI_CALL_GetCR3] = get_cr3,
    [VMI_CALL_GetCR4] = get_cr4,
    [VMI_CALL_WBINVD] = write_back,
    [VMI_CALL_SetDR] = set_debug,
    [VMI_CALL_GetDR] = get_debug,
    [VMI_CALL_RDPMC] = read_pmc,
    [VMI_CALL_CLTS] = clear_ts,
    [VMI_CALL_Halt] = wait_for_interrupt,
    [VMI_CALL_Reboot] = reboot,
    [VMI_CALL_Shutdown] = stop,
    [VMI_CALL_InvalPage] = inval_page,
    [VMI_CALL_FlushTLB] = flush,
    [VMI_CALL_SetIOPLMask] = set_iopl,
    [VMI_CALL_GetCycleFrequency] = get_cycle_frequency,
    [VMI_CALL_SetAlarm] = set_alarm_of,
    [VMI_CALL_CancelAlarm] = cancel_alarm_of,
    [VMI_CALL_GetWallclockTime] = get_wallclock_time,
    [VMI_CALL_SetInitialAPState] = set_ap_state_13,
    [VMI3_SLOT_SetInitialAPState] = set_ap_state_3,
    [ENTRY_TO_V86] = to_v86,
    [ENTRY_ENABLE] = enable,
    [ENTRY_RETURN] = return_by_frame,
};

/* The call faults as its native body does: at its own instruction. */
static void fault_in_call(struct cpu *cpu, struct frame *f, outcome o) {
    f->eip -= 2;
    if (o == OUTCOME_PAGE) {
        inject_page_fault(cpu, f);
    } else {
        inject_fault(cpu, f, o);
    }
}

void serve_call(struct cpu *cpu, struct frame *f, uint32_t slot) {
    outcome o = calls[slot] ? calls[slot](cpu, f) : FAULT(VECTOR_UD, 0);
    if (o != OUTCOME_DONE && o != OUTCOME_TRANSFERS) {
        fault_in_call(cpu, f, o);
    }
}
