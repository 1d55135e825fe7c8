/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "event.h"
#include "control.h"
#include "count.h"
#include "common/debug.h"
#include "gate.h"
#include "memory.h"
#include "processor.h"
#include "time.h"
#include "vif.h"

#define GATE_P         0x00008000u
#define GATE_TYPE      0x00001F00u
#define GATE_INTERRUPT 0x00000E00u
#define GATE_TRAP      0x00000F00u
#define GATE_TASK      0x00000500u

#define PORT_RESET      0xCF9u
#define PORT_KEYBOARD   0x64u
#define KEYBOARD_RESET  0xFEu
#define OPCODE_CALL_REL 0xE8u
#define OPCODE_INT      0xCDu
#define CALL_SIZE       5u

extern const uint8_t soft_iret_at[], soft_iret3_at[], soft_sysexit_at[]; /* entries.asm */
extern const uint8_t soft_iret3_look[], soft_iret3_plain[];

_Noreturn void reset_machine(void) {
    static const struct table none = {0, 0};
    outb(PORT_RESET, 2);
    outb(PORT_RESET, 6);
    outb(PORT_KEYBOARD, KEYBOARD_RESET);
    load_idt(&none);
    for (;;) {
        __asm__ volatile("int3");
    }
}

fault write_cr(struct cpu *cpu, uint32_t number, uint32_t value) {
    if (number == 0 && !(value & CR0_PE)) {
        say("# monitor: the guest leaves protected mode: reset\n");
        say_counts();
        reset_machine();
    }
    return set_cr(cpu, number, value);
}

/* --- delivery --- */

struct pushes {
    uint32_t words[10];
    uint32_t count;
};

static void push(struct pushes *p, uint32_t word) {
    p->words[sizeof(p->words) / 4 - ++p->count] = word;
}

/* Puts them on the stack that SS and ESP of the frame name. */
static bool store(struct cpu *cpu, struct frame *f, const struct pushes *p) {
    struct descriptor ss = descriptor_of(cpu, f->ss);
    uint32_t size = 4 * p->count, esp = f->esp - size;
    uint32_t offset = ss.high & DESCRIPTOR_BIG ? esp : esp & 0xFFFF;
    if (!guest_write(cpu, base_of(ss) + offset, p->words + sizeof(p->words) / 4 - p->count, size)) {
        return false;
    }
    f->esp = ss.high & DESCRIPTOR_BIG ? esp : (f->esp & 0xFFFF0000) | (esp & 0xFFFF);
    return true;
}

static void leave_v86(struct cpu *cpu, struct frame *f, struct pushes *p) {
    push(p, f->v86_gs);
    push(p, f->v86_fs);
    push(p, f->v86_ds);
    push(p, f->v86_es);
    f->ds = f->es = 0; /* FS and GS are null already */
    f->eflags = (f->eflags & ~EFLAGS_IOPL) | cpu->iopl;
    cpu->virtual_86 = false;
    use_gates_to_guest(cpu);
}

/* What the processor does at a gate of the guest's; what it faults with instead. */
static fault deliver(struct cpu *cpu, struct frame *f, uint32_t vector, const uint32_t *error) {
    struct gate gate = gate_of(vector);
    uint32_t type = gate.high & GATE_TYPE, eip = (gate.high & 0xFFFF0000) | (gate.low & 0xFFFF);
    uint32_t flags = guest_eflags(cpu, f);
    struct pushes p = {.count = 0};
    fault refused;
    if (!(gate.high & GATE_P) || (type != GATE_INTERRUPT && type != GATE_TRAP)) {
        return FAULT(gate.high && !(gate.high & GATE_P) ? VECTOR_NP : VECTOR_GP, vector * 8 + 2);
    }
    refused = check_handler(cpu, gate.low >> 16, eip);
    if (refused) {
        return refused;
    }
    if (is_v86(f)) {
        leave_v86(cpu, f, &p);
    }
    if (flags & EFLAGS_VM || is_user(f)) {
        push(&p, f->ss);
        push(&p, f->esp);
        f->ss = tss_of(cpu)->ss1;
        f->esp = tss_of(cpu)->esp1;
    }
    refused = check_handler_stack(cpu, f->ss);
    if (refused) {
        return refused;
    }
    push(&p, flags);
    push(&p, f->cs);
    push(&p, f->eip);
    if (error) {
        push(&p, *error);
    }
    if (!store(cpu, f, &p)) {
        return FAULT(VECTOR_SS, 0);
    }
    f->eip = eip;
    f->cs = (gate.low >> 16 & 0xFFFC) | 1;
    f->eflags &= ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM);
    set_guest_if(cpu, f, flags & EFLAGS_IF && type != GATE_INTERRUPT);
    return 0;
}

/* The guest's task of a task gate goes on where its TSS says, and the TSS of the one before gets
 * what it was at, as the processor does it. Linux has one for the double fault. */
struct task {
    uint32_t link, stacks[6], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt;
};

static void save_task(struct cpu *cpu, const struct frame *f) {
    struct task t;
    if (!cpu->tss || !guest_read(cpu, cpu->tss, &t, sizeof(t))) {
        return;
    }
    t.eip = f->eip, t.eflags = guest_eflags(cpu, f);
    t.eax = f->eax, t.ecx = f->ecx, t.edx = f->edx, t.ebx = f->ebx;
    t.esp = f->esp, t.ebp = f->ebp, t.esi = f->esi, t.edi = f->edi;
    t.es = f->es, t.cs = f->cs, t.ss = f->ss, t.ds = f->ds;
    t.fs = read_fs(), t.gs = read_gs();
    guest_write(cpu, cpu->tss, &t, sizeof(t));
}

static bool deliver_to_task(struct cpu *cpu, struct frame *f, uint32_t vector, uint32_t error) {
    struct gate gate = gate_of(vector);
    uint32_t selector = gate.low >> 16, half[2], old = cpu->tr;
    struct descriptor d;
    struct task t;
    if (!(gate.high & GATE_P) || (gate.high & GATE_TYPE) != GATE_TASK ||
        !guest_read(cpu, cpu->gdtr_base + (selector & 0xFFF8), half, sizeof(half))) {
        return false;
    }
    d.low = half[0], d.high = half[1];
    if (!guest_read(cpu, base_of(d), &t, sizeof(t))) {
        return false;
    }
    save_task(cpu, f);
    guest_write(cpu, base_of(d), &old, sizeof(old)); /* the link */
    cpu->tr = (uint16_t)selector;
    cpu->tss = base_of(d);
    cpu->tss_limit = limit_of(d);
    cpu->virtual_86 = false;
    use_gates_to_guest(cpu);
    f->eip = t.eip, f->eflags = (t.eflags & ~EFLAGS_IOPL & ~EFLAGS_VM) | EFLAGS_NT;
    f->eflags |= has_interrupt_control ? 0 : EFLAGS_IOPL_1;
    set_guest_if(cpu, f, t.eflags & EFLAGS_IF);
    f->eax = t.eax, f->ecx = t.ecx, f->edx = t.edx, f->ebx = t.ebx;
    f->esp = t.esp, f->ebp = t.ebp, f->esi = t.esi, f->edi = t.edi;
    f->es = t.es, f->ds = t.ds;
    f->cs = (t.cs & 0xFFFC) | 1, f->ss = (t.ss & 0xFFFC) | 1;
    renew_kernel_stack(cpu);
    if (has_error_code(vector)) {
        struct pushes p = {.count = 0};
        push(&p, error);
        store(cpu, f, &p);
    }
    return true;
}

/* Those of which two make a double fault. */
static bool is_contributory(uint32_t vector) {
    return vector == 0 || (vector >= VECTOR_TS && vector <= VECTOR_PF);
}

/* INT n of the guest's that has come by a gate of ours: where its own is none, the fault is at it.
 */
static bool is_behind_int(struct cpu *cpu, const struct frame *f, uint32_t vector) {
    uint8_t code[2];
    return vector >= VECTOR_IRQ_FIRST && !is_v86(f) &&
           guest_read(cpu, segment_base(cpu, f, f->cs) + f->eip - 2, code, sizeof(code)) &&
           code[0] == OPCODE_INT && code[1] == vector;
}

void inject(struct cpu *cpu, struct frame *f, uint32_t vector, uint32_t error) {
    struct frame before = *f;
    fault refused;
    count_injected(vector);
    renew_gate(cpu, vector); /* it may have been written without a call */
    refused = deliver(cpu, f, vector, has_error_code(vector) ? &error : NULL);
    if (!refused || deliver_to_task(cpu, f, vector, error)) {
        return;
    }
    *f = before;
    if (is_behind_int(cpu, f, vector)) {
        f->eip -= 2;
    }
    if (vector != VECTOR_DF) {
        inject_fault(cpu, f, is_contributory(vector) ? FAULT(VECTOR_DF, 0) : refused);
        return;
    }
    say("# monitor: the guest's double fault has no handler: reset, EIP ");
    say_hex(f->eip, 8);
    say("\n");
    say_counts();
    reset_machine();
}

void inject_int(struct cpu *cpu, struct frame *f, uint32_t vector) {
    fault refused;
    count_injected(vector);
    refused = deliver(cpu, f, vector, NULL);
    if (!refused) {
        return;
    }
    f->eip -= 2; /* back to the instruction */
    inject_fault(cpu, f, refused);
}

void inject_fault(struct cpu *cpu, struct frame *f, fault fault) {
    inject(cpu, f, fault >> 16, fault & 0xFFFF);
}

void inject_page_fault(struct cpu *cpu, struct frame *f) {
    write_cr2(cpu->fault_address);
    inject(cpu, f, VECTOR_PF, cpu->fault_error);
}

/* --- returns --- */

static bool is_return(uint32_t eip, uint32_t *pushed) {
    *pushed = eip == (uint32_t)soft_sysexit_at ? 20 : 0;
    return *pushed || eip == (uint32_t)soft_iret_at || eip == (uint32_t)soft_iret3_at;
}

void move_to_site(struct cpu *cpu, struct frame *f) {
    uint32_t back, pushed = 0;
    uint8_t opcode = 0;
    if (is_user(f) ||
        !(has_interrupt_control ? is_soft_return(f->eip, &pushed) : is_return(f->eip, &pushed))) {
        return;
    }
    if (pushed) {
        f->esp += pushed + 4; /* the frame that the body has made, and the return address */
    }
    if (has_interrupt_control) {
        set_guest_if(cpu, f, false); /* it was, or it would not return by a frame */
    }
    if (!guest_read(cpu, stack_of(cpu, f) - 4, &back, sizeof(back))) {
        return;
    }
    guest_read(cpu, back - CALL_SIZE, &opcode, 1);
    f->eflags |= EFLAGS_RF; /* as a fault of the processor's */
    f->eip = opcode == OPCODE_CALL_REL ? back - CALL_SIZE : back;
}

bool skip_look(struct cpu *cpu, struct frame *f) {
    if (is_user(f) || descriptor_of(cpu, f->ss).high & DESCRIPTOR_BIG) {
        return false;
    }
    if (has_interrupt_control) {
        return skip_soft_look(cpu, f);
    }
    if (f->eip != (uint32_t)soft_iret3_look) {
        return false;
    }
    f->eip = (uint32_t)soft_iret3_plain;
    return true;
}

static void enter_v86(struct cpu *cpu, struct frame *f) {
    uint32_t s[9];
    if (!guest_read(cpu, stack_of(cpu, f) + 4, s, sizeof(s))) {
        inject_page_fault(cpu, f);
        return;
    }
    f->eip = s[0] & 0xFFFF;
    f->cs = s[1] & 0xFFFF;
    f->eflags = s[2]; /* IOPL too: leave_v86 gives ring 1 its own back */
    f->esp = s[3];
    f->ss = s[4] & 0xFFFF;
    f->v86_es = s[5];
    f->v86_ds = s[6];
    f->v86_fs = s[7];
    f->v86_gs = s[8];
    cpu->virtual_86 = true;
    use_gates_to_ring0(cpu); /* those of ring 1 cannot be reached from there */
}

void return_to_v86(struct cpu *cpu, struct frame *f) {
    uint32_t s[3];
    if (!guest_read(cpu, stack_of(cpu, f) + 4, s, sizeof(s))) {
        inject_page_fault(cpu, f);
    } else if (s[2] & EFLAGS_VM) {
        enter_v86(cpu, f);
    } else { /* the look on a 16-bit stack, where no limit made it fault */
        f->eip = (uint32_t)soft_iret3_plain;
    }
}

/* --- interrupt control --- */

fault return_slowly(struct cpu *cpu, struct frame *f) {
    uint32_t s[3];
    if (!guest_read(cpu, stack_of(cpu, f) + 4, s, sizeof(s))) {
        return RETURN_FAULTS;
    }
    if (s[2] & EFLAGS_VM) {
        enter_v86(cpu, f);
        return 0;
    }
    if (s[2] & EFLAGS_IF && is_held(cpu) && !(f->eflags & EFLAGS_NT) && finish_return(cpu, f)) {
        return 0;
    }
    set_guest_if(cpu, f, s[2] & EFLAGS_IF);
    close_ports(cpu);
    f->eip = soft_return();
    return 0;
}

/* Whether an interrupt may come where the guest is, once a return is done that is half done there.
 * One that would fault, or that NT makes another thing, is the processor's, and the interrupt comes
 * later. */
static bool is_boundary(struct cpu *cpu, struct frame *f) {
    enum place place = place_of(cpu, f);
    if (place == PLACE_RETURN && (f->eflags & EFLAGS_NT || !finish_return(cpu, f))) {
        f->eip = soft_return();
        return false;
    }
    if (place == PLACE_RETURN) {
        count_finished();
    }
    return place != PLACE_GATE;
}

void take_interrupt(struct cpu *cpu, struct frame *f) {
    uint32_t vector = f->vector;
    if (!(guest_eflags(cpu, f) & EFLAGS_IF) || !is_boundary(cpu, f)) {
        hold_vector(cpu, f, vector);
        return;
    }
    if (is_guests_interrupt(cpu, vector)) {
        inject(cpu, f, vector, 0);
        open_ports(cpu);
    }
}

/* Whether an alarm's interrupt is the guest's shows only now: it may have been cancelled since. */
bool let_in(struct cpu *cpu, struct frame *f) {
    bool given = false;
    uint32_t vector;
    do {
        if (is_held(cpu) && guest_eflags(cpu, f) & EFLAGS_IF && !is_boundary(cpu, f)) {
            hold_all(cpu, f);
            return given;
        }
        vector = take_held(cpu, f);
        if (vector != NO_VECTOR && is_guests_interrupt(cpu, vector)) {
            inject(cpu, f, vector, 0);
            given = true;
        }
    } while (vector != NO_VECTOR);
    return given;
}

/* --- waiting --- */

static void take_nmi(struct cpu *cpu, struct frame *f) {
    if (!cpu->nmi_pending) {
        return;
    }
    cpu->nmi_pending = false;
    inject(cpu, f, VECTOR_NMI, 0);
}

/* The gates of ring 1 cannot be reached from ring 0 either: ring1_trap notes what comes. */
static uint32_t wait_for_vector(struct cpu *cpu) {
    cpu->halt_vector = NO_VECTOR;
    cpu->halting = true;
    if (!cpu->nmi_pending) {
        __asm__ volatile("sti; hlt; cli" ::: "memory");
    }
    cpu->halting = false;
    return cpu->halt_vector;
}

/* An interrupt that is not the guest's does not end it. */
void halt(struct cpu *cpu, struct frame *f) {
    uint32_t vector;
    bool guests;
    if (is_held(cpu)) {
        set_guest_if(cpu, f, true);
        if (let_in(cpu, f)) {
            return;
        }
    }
    use_gates_to_ring0(cpu);
    do {
        vector = wait_for_vector(cpu);
        guests = vector != NO_VECTOR && is_guests_interrupt(cpu, vector);
    } while (!guests && !cpu->nmi_pending && !cpu->check_pending);
    use_gates_to_guest(cpu);
    set_guest_if(cpu, f, true);
    if (guests) {
        inject(cpu, f, vector, 0);
    }
    take_nmi(cpu, f);
}

void halt_for_good(struct cpu *cpu, struct frame *f) {
    say_counts();
    while (!cpu->nmi_pending) {
        __asm__ volatile("cli; hlt" ::: "memory");
    }
    take_nmi(cpu, f);
}
