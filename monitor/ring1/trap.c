/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Everything that comes to ring 0 and is not served beside its gate. */

#include "call.h"
#include "count.h"
#include "common/debug.h"
#include "emulate.h"
#include "event.h"
#include "gate.h"
#include "memory.h"
#include "processor.h"
#include "time.h"
#include "vif.h"

uint32_t mend_fault(uint32_t eip) __attribute__((regparm(1))); /* guarded.asm */
void ring1_trap(struct frame *f) __attribute__((regparm(1)));

_Noreturn static void die(const struct frame *f) {
    say("# monitor: FAULT in ring 0: vector ");
    say_hex(f->vector, 2);
    say(" error ");
    say_hex(f->error, 8);
    say(" at ");
    say_hex(f->eip, 8);
    say(" cr2 ");
    say_hex(read_cr2(), 8);
    say("\n");
    reset_machine();
}

/* --- of ring 0 itself --- */

/* A breakpoint of the guest's on memory that was touched for it, or a step that SYSENTER kept. */
static void debug_ring0(struct cpu *cpu, struct frame *f) {
    f->eflags &= ~EFLAGS_TF;
    if (f->eip == ways_in.sysenter || f->eip == ways_in.sysenter_control) {
        f->eip = has_interrupt_control ? ways_in.sysenter_control_step : ways_in.sysenter_step;
        if (has_interrupt_control) {
            clear_guest_if(cpu);
        }
        store_dr6(load_dr6() & ~0x4000u);
        return;
    }
    cpu->debug_pending = true;
    f->eflags |= EFLAGS_RF;
}

static void trap_ring0(struct cpu *cpu, struct frame *f) {
    uint32_t go_on;
    if (f->vector == VECTOR_NMI) {
        cpu->nmi_pending = true;
        return;
    }
    if (f->vector == VECTOR_MC) {
        cpu->check_pending = true;
        return;
    }
    if (f->vector == VECTOR_DB) {
        debug_ring0(cpu, f);
        return;
    }
    if (f->vector >= VECTOR_IRQ_FIRST && cpu->halting) {
        cpu->halt_vector = f->vector;
        cpu->halting = false;
        f->eflags &= ~EFLAGS_IF;
        return;
    }
    if (f->vector == VECTOR_PF) {
        cpu->fault_address = read_cr2();
        cpu->fault_error = f->error;
    }
    if (f->vector >= VECTOR_TS && f->vector <= VECTOR_GP && renew_after_fault(cpu, f->error)) {
        return;
    }
    go_on = mend_fault(f->eip);
    if (!go_on) {
        die(f);
    }
    cpu->refused = FAULT(f->vector, f->error);
    f->eip = go_on;
    f->eflags &= ~EFLAGS_IF; /* behind SYSENTER with interrupt control it is on */
}

/* --- of the guest --- */

static void trap_guest(struct cpu *cpu, struct frame *f) {
    uint32_t vector = f->vector;
    if (has_interrupt_control && is_interrupt(vector) && !is_v86(f)) {
        take_interrupt(cpu, f);
        return;
    }
    if (vector >= VECTOR_IRQ_FIRST && !is_guests_interrupt(cpu, vector)) {
        return;
    }
    if (has_interrupt_control && vector == VECTOR_GP && !f->error && !is_user(f) &&
        open_ports(cpu)) { /* it may have been IN or OUT */
        return;
    }
    if (vector >= VECTOR_TS && vector <= VECTOR_GP && !is_v86(f) &&
        (renew_after_fault(cpu, f->error) || renew_gate_after_fault(cpu, f->error))) {
        return;
    }
    if (vector == VECTOR_SS && skip_look(cpu, f)) {
        return;
    }
    if ((vector == VECTOR_GP || vector == VECTOR_UD) && emulate(cpu, f)) {
        return;
    }
    if (vector == VECTOR_GP && !is_user(f) && !f->error) {
        count_unknown();
    }
    if (vector >= VECTOR_TS && vector <= VECTOR_GP) {
        move_to_site(cpu, f);
    }
    if (vector == CALL_VECTOR) { /* an INT that is no call */
        inject_int(cpu, f, vector);
        return;
    }
    inject(cpu, f, vector, f->error);
}

/* The processor has refused what the guest was to go on with: where it would fault natively, if not
 * at once. */
static void give_refused(struct cpu *cpu, struct frame *f) {
    if (cpu->refused >> 16 == VECTOR_PF) {
        inject_page_fault(cpu, f);
    } else {
        inject_fault(cpu, f, cpu->refused);
    }
}

/* What came, or did not, while ring 0 was at work. */
static void give_pending(struct cpu *cpu, struct frame *f) {
    if (cpu->watching) {
        look_for_lost_alarms(cpu);
    }
    if (cpu->debug_pending) {
        cpu->debug_pending = false;
        inject(cpu, f, VECTOR_DB, 0);
    }
    if (cpu->nmi_pending) {
        cpu->nmi_pending = false;
        inject(cpu, f, VECTOR_NMI, 0);
    }
    if (cpu->check_pending) {
        cpu->check_pending = false;
        inject(cpu, f, VECTOR_MC, 0);
    }
}

__attribute__((regparm(1))) void ring1_trap(struct frame *f) {
    struct cpu *cpu = this_cpu();
    if (f->vector & VECTOR_CALL) {
        serve_call(cpu, f, f->vector & 0xFF);
    } else if (f->vector == VECTOR_REFUSED) {
        give_refused(cpu, f);
    } else {
        count_trap(f->vector);
        if (!(f->cs & 3) && !is_v86(f)) {
            trap_ring0(cpu, f);
            return;
        }
        trap_guest(cpu, f);
    }
    if (cpu->something) {
        give_pending(cpu, f);
    }
    if (is_flag_awaited(cpu, f)) {
        let_in(cpu, f);
    }
}
