/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The interrupt flag, waiting, and what leaves for other code: IRET, SYSEXIT, Reboot, Shutdown. */

#include "calls_transfer.h"
#include "descriptor.h"
#include "event.h"
#include "machine.h"

#define RING_3   3u
#define RPL_MASK 3u

#define EFLAGS_ONE  0x00000002u
#define EFLAGS_IRET 0x003D7FD5u /* what IRET in ring 0 takes from its frame, VM aside */

#define FLAT_LIMIT    0xFFFFFFFFu
#define ATTRIB_CODE_3 0xCFBu /* flat, 32-bit, ring 3, present */
#define ATTRIB_DATA_3 0xCF3u
#define ATTRIB_V86    0x0F3u

#define OPCODE_CALL      0xE8u
#define OPCODE_CALL_SIZE 5u

/* The stack pointer with so many bytes popped. */
static uint32_t stack_behind(const struct vmi_frame *f, uint32_t bytes) {
    uint32_t esp = f->esp + bytes;
    return f->ss_16bit ? (f->esp & 0xFFFF0000u) | (esp & 0xFFFF) : esp;
}

/* --- the interrupt flag --- */

/* Interrupts are taken behind the RET: exits.c does it. */
int call_enable_interrupts(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags |= RFLAGS_IF;
    return VMI_RETURNS;
}

int call_disable_interrupts(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags &= ~RFLAGS_IF;
    return VMI_RETURNS;
}

int call_get_interrupt_mask(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, f->eflags & RFLAGS_IF);
    return VMI_RETURNS;
}

int call_set_interrupt_mask(void *context, struct vmi_frame *f) {
    return f->eax & RFLAGS_IF ? call_enable_interrupts(context, f)
                              : call_disable_interrupts(context, f);
}

int call_set_iopl_mask(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags = (f->eflags & ~RFLAGS_IOPL) | (f->eax & RFLAGS_IOPL);
    return VMI_RETURNS;
}

/* The guest is not entered to wait: there is no HLT at its call site. The interrupt that ends the
 * wait is acknowledged here, and the guest takes it at the RET. Interim expiries of alarms do
 * not end it. */
int call_halt(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    f->eflags |= RFLAGS_IF;
    end_interrupt_shadow(vcpu);
    while (!deliver_taken(vcpu, wait_for_interrupt()) && !vcpu->registers.called) {
        ;
    }
    return VMI_RETURNS;
}

/* --- IRET --- */

/* The processor blocks NMIs until an IRET; the guest will not execute the one that this replaces.
 */
static void let_nmis_in(struct vcpu *vcpu) {
    unmask_nmi();
    watch_nmis(vcpu);
}

/* What the guest is returning to. */
struct target {
    struct vmi_iret frame;
    struct descriptor cs, ss; /* not to V86 mode; SS only of an outer ring */
};

/* A return that faults does so where the guest has its fix-up: at the five bytes of its CALL, with
 * the frame on top of the stack. Where no such CALL stands it does so behind the call; from a
 * 16-bit stack, as in a native body, in the ROM. */
static int iret_faults(struct vcpu *vcpu, struct vmi_frame *f, const struct target *t,
                       uint8_t vector, uint32_t error) {
    uint32_t site = t->frame.return_address - OPCODE_CALL_SIZE;
    uint8_t opcode = 0;
    bool is_call = !vmi_guest_read(f, site, &opcode, 1) && opcode == OPCODE_CALL;
    int outcome = call_faults(vcpu, vector, error);
    if (!(t->frame.cs & RPL_MASK) || (!is_call && f->ss_16bit)) {
        return outcome;
    }
    f->eip = is_call ? site : t->frame.return_address;
    f->esp = stack_behind(f, sizeof(t->frame.return_address));
    f->eflags |= RFLAGS_RF;
    deliver_exception(vcpu, &vcpu->fault);
    return VMI_TRANSFERS;
}

/* Descriptor reads fault in two ways: the table ends before it, or its page is not there. */
static int read_target(struct vcpu *vcpu, struct vmi_frame *f, const struct target *t,
                       uint16_t selector, struct descriptor *d) {
    int error = read_descriptor(vcpu, f, selector, d);
    if (error == VMI_ERROR_FAULT && vcpu->fault.vector == VECTOR_GP) {
        return iret_faults(vcpu, f, t, VECTOR_GP, selector & SELECTOR_INDEX);
    }
    return error;
}

static uint32_t dpl_of(const struct descriptor *d) {
    return (d->segment.attrib & ATTRIB_DPL) >> ATTRIB_DPL_SHIFT;
}

/* The checks of CS and SS, in the processor's order; VMI_RETURNS when they pass. */
static int check_cs(struct vcpu *vcpu, struct vmi_frame *f, struct target *t) {
    uint16_t selector = t->frame.cs, attrib;
    uint32_t rpl = selector & RPL_MASK, code = selector & SELECTOR_INDEX;
    int outcome;
    if (!code) {
        return iret_faults(vcpu, f, t, VECTOR_GP, 0);
    }
    outcome = read_target(vcpu, f, t, selector, &t->cs);
    if (outcome) {
        return outcome;
    }
    attrib = t->cs.segment.attrib;
    if ((attrib & (TYPE_S | TYPE_CODE)) != (TYPE_S | TYPE_CODE) ||
        (attrib & TYPE_CONFORMING ? dpl_of(&t->cs) > rpl : dpl_of(&t->cs) != rpl)) {
        return iret_faults(vcpu, f, t, VECTOR_GP, code);
    }
    if (!(attrib & ATTRIB_P)) {
        return iret_faults(vcpu, f, t, VECTOR_NP, code);
    }
    return VMI_RETURNS;
}

static int check_ss(struct vcpu *vcpu, struct vmi_frame *f, struct target *t) {
    uint16_t selector = t->frame.ss, attrib;
    uint32_t rpl = t->frame.cs & RPL_MASK, code = selector & SELECTOR_INDEX;
    int outcome;
    if (!code) {
        return iret_faults(vcpu, f, t, VECTOR_GP, 0);
    }
    outcome = read_target(vcpu, f, t, selector, &t->ss);
    if (outcome) {
        return outcome;
    }
    attrib = t->ss.segment.attrib;
    if ((selector & RPL_MASK) != rpl || dpl_of(&t->ss) != rpl ||
        (attrib & (TYPE_S | TYPE_CODE | TYPE_WRITABLE)) != (TYPE_S | TYPE_WRITABLE)) {
        return iret_faults(vcpu, f, t, VECTOR_GP, code);
    }
    if (!(attrib & ATTRIB_P)) {
        return iret_faults(vcpu, f, t, VECTOR_SS, code);
    }
    return VMI_RETURNS;
}

/* A segment register must not keep what the outer ring may not have. */
static void drop_inner(struct segment *s, uint16_t *selector, uint32_t ring) {
    uint32_t dpl = (s->attrib & ATTRIB_DPL) >> ATTRIB_DPL_SHIFT;
    bool conforming = (s->attrib & (TYPE_CODE | TYPE_CONFORMING)) == (TYPE_CODE | TYPE_CONFORMING);
    if (!(s->attrib & ATTRIB_P) || conforming || dpl >= ring) {
        return;
    }
    *s = (struct segment){0};
    *selector = 0;
}

static int return_to_ring(struct vcpu *vcpu, struct vmi_frame *f, struct target *t) {
    struct guest_state *state = state_of(vcpu);
    uint32_t ring = t->frame.cs & RPL_MASK;
    bool outer = t->frame.dwords >= 5;
    int outcome = check_cs(vcpu, f, t);
    if (outcome == VMI_RETURNS && outer) {
        outcome = check_ss(vcpu, f, t);
    }
    if (outcome != VMI_RETURNS) {
        return outcome;
    }
    if (t->frame.eip > t->cs.segment.limit) {
        return iret_faults(vcpu, f, t, VECTOR_GP, 0);
    }
    outcome = mark_descriptor(vcpu, &t->cs, TYPE_ACCESSED);
    if (!outcome && outer) {
        outcome = mark_descriptor(vcpu, &t->ss, TYPE_ACCESSED);
    }
    if (outcome) {
        return outcome;
    }

    t->cs.segment.attrib |= TYPE_ACCESSED;
    state->cs = t->cs.segment;
    f->cs = t->frame.cs;
    f->esp = t->frame.esp;
    if (outer) {
        t->ss.segment.attrib |= TYPE_ACCESSED;
        state->ss = t->ss.segment;
        f->ss = t->frame.ss;
        if (!(state->ss.attrib & ATTRIB_DB)) { /* SP alone is loaded */
            f->esp = (uint32_t)(state->rsp & 0xFFFF0000u) | (t->frame.esp & 0xFFFF);
        }
        drop_inner(&state->es, &f->es, ring);
        drop_inner(&state->ds, &f->ds, ring);
        drop_inner(&state->fs, &f->fs, ring);
        drop_inner(&state->gs, &f->gs, ring);
        state->cpl = (uint8_t)ring;
    }
    f->eip = t->frame.eip;
    f->eflags = (t->frame.eflags & EFLAGS_IRET) | EFLAGS_ONE;
    return VMI_TRANSFERS;
}

static void load_v86(struct segment *s, uint16_t *selector, uint16_t value) {
    *s = (struct segment){value, ATTRIB_V86, 0xFFFF, (uint32_t)value << 4};
    *selector = value;
}

static int return_to_v86(struct vcpu *vcpu, struct vmi_frame *f, const struct vmi_iret *i) {
    struct guest_state *state = state_of(vcpu);
    load_v86(&state->cs, &f->cs, i->cs);
    load_v86(&state->ss, &f->ss, i->ss);
    load_v86(&state->es, &f->es, i->es);
    load_v86(&state->ds, &f->ds, i->ds);
    load_v86(&state->fs, &f->fs, i->fs);
    load_v86(&state->gs, &f->gs, i->gs);
    state->cpl = RING_3;
    f->eip = i->eip & 0xFFFF;
    f->esp = i->esp;
    f->eflags = (i->eflags & EFLAGS_IRET) | EFLAGS_ONE | RFLAGS_VM;
    return VMI_TRANSFERS;
}

/* With NT set it would be a return between tasks, which is not served: the fault is what a TSS
 * without a link to another one gives, as kernels of this age have it. */
static int task_return(struct vcpu *vcpu, struct vmi_frame *f, const struct target *t) {
    uint16_t link;
    int error = vmi_guest_read(f, (uint32_t)state_of(vcpu)->tr.base, &link, sizeof(link));
    return error ? error : iret_faults(vcpu, f, t, VECTOR_TS, link & SELECTOR_INDEX);
}

/* No other call needs them. */
static void load_selectors(struct vmi_frame *f, const struct guest_state *state) {
    f->es = state->es.selector;
    f->cs = state->cs.selector;
    f->ss = state->ss.selector;
    f->ds = state->ds.selector;
    f->fs = state->fs.selector;
    f->gs = state->gs.selector;
}

int call_iret(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    struct target t;
    int outcome;
    load_selectors(f, state_of(vcpu));
    outcome = vmi_iret_read(f, &t.frame);
    if (outcome) {
        return outcome;
    }
    if (f->eflags & RFLAGS_NT) {
        return task_return(vcpu, f, &t);
    }
    if (t.frame.eflags & RFLAGS_VM) {
        outcome = return_to_v86(vcpu, f, &t.frame);
    } else {
        outcome = return_to_ring(vcpu, f, &t);
    }
    if (outcome == VMI_TRANSFERS) {
        end_interrupt_shadow(vcpu);
        let_nmis_in(vcpu);
    }
    return outcome;
}

/* --- SYSEXIT --- */

int call_sysexit(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    struct guest_state *state = state_of(vcpu);
    uint16_t base = (uint16_t)(state->sysenter_cs & SELECTOR_INDEX);
    if (!base) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    f->cs = (uint16_t)((base + 16) | RING_3);
    f->ss = (uint16_t)((base + 24) | RING_3);
    state->cs = (struct segment){f->cs, ATTRIB_CODE_3, FLAT_LIMIT, 0};
    state->ss = (struct segment){f->ss, ATTRIB_DATA_3, FLAT_LIMIT, 0};
    state->cpl = RING_3;
    end_interrupt_shadow(vcpu); /* STI's covers the instruction itself, no more */
    f->eip = f->edx;
    f->esp = f->ecx;
    f->eflags |= RFLAGS_IF;
    return VMI_TRANSFERS;
}

/* --- the end --- */

/* Soft and hard are one: with one processor an INIT starts the BIOS just as well. */
int call_reboot(void *context, struct vmi_frame *f) {
    (void)f;
    (void)context;
    reset_machine();
}

/* NMIs are the guest's: its handler returns to where the call starts over. */
int call_shutdown(void *context, struct vmi_frame *f) {
    if (!((struct vcpu *)context)->number) {
        on_end();
    }
    f->eflags &= ~RFLAGS_IF;
    deliver_taken(context, wait_for_nmi());
    return VMI_REPEATS;
}
