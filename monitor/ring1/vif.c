/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "vif.h"
#include "descriptor.h"
#include "memory.h"

#define ADJUST_POP    1u
#define ADJUST_PUSHED 2u
#define JMP_REL32     0xE9u
#define TRAPS         0x80u
#define EXCEPTIONS    32u
#define NOBODY        0u
#define RPL           3u
#define KIND_TRAP     1u
#define KIND_ERROR    2u

struct window {
    uint32_t first, last, go, adjust;
};

struct gate_code {
    uint8_t code[GATE_SIZE - 2];
    uint8_t size, known; /* it has to be known that the flag is clear up to `known` */
};

/* What vif.asm makes. */
struct vif_code {
    uint8_t calls[CONTROL_CALLS_SIZE];
    uint8_t returns[CONTROL_SIZE];
    struct gate_code gates[4]; /* KIND_TRAP, KIND_ERROR */
    uint32_t look, touch, look_fails, soft_return;
    uint32_t fault_count, faults[MAX_FAULTS][2];
    uint32_t window_count;
    struct window windows[MAX_WINDOWS];
};
extern const struct vif_code code_for_one, code_for_many; /* entries.asm */

/* Behind a processor's TSS. */
struct record {
    uint32_t flag;
    uint8_t traps;
};

#define PORTS 0x10000u
/* No port is closed; the byte behind the map has to be all ones. The TSS reaches up to it. */
static uint8_t port_map[PORTS / 8 + 1] __attribute__((aligned(PAGE_SIZE)));

bool has_interrupt_control;
static const struct vif_code *code;
static uint8_t gate_kinds[GATE_SLOTS];   /* which of the code's */
static uint8_t gate_vectors[GATE_SLOTS]; /* of those that are no exceptions; NOBODY: free */

static struct record *record_of(const struct cpu *cpu) {
    return (struct record *)((uint32_t)tss_of(cpu) + VIRTUAL_IF);
}

/* --- start --- */

static void put(struct cpu *cpu, uint32_t linear, const void *bytes, uint32_t size) {
    uint8_t *page = show_page(cpu, shared()->block + (linear - HV_BASE), 0);
    const uint8_t *from = bytes;
    for (uint32_t i = 0; i < size; i++) {
        page[linear % PAGE_SIZE + i] = from[i];
    }
}

void forget_held(struct cpu *cpu) {
    for (uint32_t i = 0; i < VECTORS / 32; i++) {
        cpu->held[i] = 0;
    }
}

void start_interrupt_control(struct cpu *cpu, bool many) {
    has_interrupt_control = true;
    code = many ? &code_for_many : &code_for_one;
    put(cpu, CONTROL_CALLS, code->calls, sizeof(code->calls));
    put(cpu, SHARED_CONTROL, code->returns, sizeof(code->returns));
    port_map[PORTS / 8] = 0xFF;
    map_again(CONTROL_TSS, SHARED_DATA);
    for (uint32_t at = 0; at < sizeof(port_map); at += PAGE_SIZE) {
        map_again(CONTROL_PORTS + at, (uint32_t)port_map + at);
    }
}

bool is_for_many(void) {
    return code == &code_for_many;
}

/* --- the flag --- */

uint32_t guest_eflags(const struct cpu *cpu, const struct frame *f) {
    if (!has_interrupt_control || is_v86(f)) {
        return f->eflags;
    }
    return (f->eflags & ~EFLAGS_IF) | (record_of(cpu)->flag & EFLAGS_IF);
}

void settle_flag(const struct cpu *cpu, struct frame *f) {
    if (has_interrupt_control && !is_v86(f)) {
        f->eflags &= ~EFLAGS_IF;
        f->eflags |= record_of(cpu)->traps & TRAPS ? 0 : EFLAGS_IF;
    }
}

void set_guest_if(struct cpu *cpu, struct frame *f, bool on) {
    if (has_interrupt_control && !is_v86(f)) {
        record_of(cpu)->flag = on ? EFLAGS_IF : 0;
        settle_flag(cpu, f);
    } else {
        f->eflags = (f->eflags & ~EFLAGS_IF) | (on ? EFLAGS_IF : 0);
    }
}

void clear_guest_if(const struct cpu *cpu) {
    record_of(cpu)->flag = 0;
}

void hold_all(struct cpu *cpu, struct frame *f) {
    record_of(cpu)->traps = TRAPS;
    settle_flag(cpu, f);
}

void hold_vector(struct cpu *cpu, struct frame *f, uint32_t vector) {
    cpu->held[vector / 32] |= 1u << vector % 32;
    hold_all(cpu, f);
}

bool is_held(const struct cpu *cpu) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < VECTORS / 32; i++) {
        any |= cpu->held[i];
    }
    return any != 0;
}

uint32_t held_vector(const struct cpu *cpu) {
    uint32_t vector = VECTORS;
    while (vector-- && !(cpu->held[vector / 32] >> vector % 32 & 1)) {
    }
    return vector;
}

uint32_t take_held(struct cpu *cpu, struct frame *f) {
    uint32_t vector;
    if (!(guest_eflags(cpu, f) & EFLAGS_IF)) {
        return NO_VECTOR;
    }
    vector = held_vector(cpu);
    if (vector != NO_VECTOR) {
        cpu->held[vector / 32] &= ~(1u << vector % 32);
    }
    record_of(cpu)->traps = is_held(cpu) ? TRAPS : 0;
    settle_flag(cpu, f);
    return vector;
}

/* --- half-done bodies --- */

/* Before the code behind an interrupt gate has cleared the flag, nothing comes in. Behind a trap
 * gate it begins again where it has a register on the stack. */
static enum place place_in_gate(struct cpu *cpu, struct frame *f) {
    uint32_t at = f->eip - SHARED_GATES, offset = at % GATE_SIZE;
    const struct gate_code *gate = &code->gates[gate_kinds[at / GATE_SIZE]];
    if (!(gate_kinds[at / GATE_SIZE] & KIND_TRAP)) {
        return offset < gate->known ? PLACE_GATE : PLACE_ANY;
    }
    if (is_for_many() && offset && offset <= gate->known) {
        guest_read(cpu, stack_of(cpu, f), &f->eax, sizeof(f->eax));
        f->esp += 4;
        f->eip -= offset;
    }
    return PLACE_ANY;
}

enum place place_of(struct cpu *cpu, struct frame *f) {
    if (is_user(f)) {
        return PLACE_ANY;
    }
    if (f->eip - SHARED_GATES < GATE_SLOTS * GATE_SIZE) {
        return place_in_gate(cpu, f);
    }
    for (uint32_t i = 0; i < code->window_count; i++) {
        const struct window *w = &code->windows[i];
        if (f->eip < w->first || f->eip > w->last) {
            continue;
        }
        if (w->adjust & ADJUST_POP) {
            guest_read(cpu, stack_of(cpu, f), &f->eax, sizeof(f->eax));
            f->esp += 4;
        }
        if (w->adjust & ADJUST_PUSHED) {
            f->esp -= 4;
        }
        if (!w->go) {
            return PLACE_RETURN;
        }
        f->eip = w->go;
        break;
    }
    return PLACE_ANY;
}

bool finish_return(struct cpu *cpu, struct frame *f) {
    uint32_t s[5], at = stack_of(cpu, f) + 4;
    bool outer;
    if (!guest_read(cpu, at, s, 12)) {
        return false;
    }
    outer = (s[1] & RPL) > 1;
    if (outer && !guest_read(cpu, at, s, sizeof(s))) {
        return false;
    }
    if (!is_good_return(cpu, s[1] & 0xFFFF, s[0], outer ? s[4] & 0xFFFF : f->ss, outer)) {
        return false;
    }
    f->eip = s[0];
    f->cs = s[1] & 0xFFFF;
    f->eflags = (s[2] & ~(EFLAGS_IOPL | EFLAGS_VM)) | 2;
    f->esp = outer ? s[3] : f->esp + 16;
    f->ss = outer ? s[4] & 0xFFFF : f->ss;
    set_guest_if(cpu, f, s[2] & EFLAGS_IF);
    close_ports(cpu);
    return true;
}

/* --- places in the code --- */

bool is_soft_return(uint32_t eip, uint32_t *pushed) {
    for (uint32_t i = 0; has_interrupt_control && i < code->fault_count; i++) {
        if (code->faults[i][0] == eip) {
            *pushed = code->faults[i][1];
            return true;
        }
    }
    return false;
}

bool skip_soft_look(struct cpu *cpu, struct frame *f) {
    if (f->eip != code->look && f->eip != code->touch) {
        return false;
    }
    if (is_for_many() && f->eip == code->touch) {
        guest_read(cpu, stack_of(cpu, f), &f->eax, sizeof(f->eax));
        f->esp += 4;
    }
    f->eip = code->look_fails;
    return true;
}

uint32_t soft_return(void) {
    return code->soft_return;
}

/* --- gates --- */

/* Where the vector's code stands: exceptions have their places, the others what is left. */
static uint32_t place_of_gate(uint32_t vector) {
    uint32_t i;
    if (vector < EXCEPTIONS) {
        return vector;
    }
    for (i = EXCEPTIONS; i < GATE_SLOTS; i++) {
        if (gate_vectors[i] == vector || gate_vectors[i] == NOBODY) {
            gate_vectors[i] = (uint8_t)vector;
            break;
        }
    }
    return i;
}

uint32_t soft_gate(struct cpu *cpu, uint32_t vector, uint32_t handler, bool has_error,
                   bool is_trap) {
    uint32_t kind = (is_trap ? KIND_TRAP : 0) | (has_error ? KIND_ERROR : 0);
    uint32_t at = place_of_gate(vector), linear = SHARED_GATES + at * GATE_SIZE, distance;
    struct gate_code gate = code->gates[kind];
    if (at == GATE_SLOTS) {
        return 0;
    }
    distance = handler - (linear + gate.size + 5);
    gate.code[gate.size] = JMP_REL32;
    for (uint32_t i = 0; i < 4; i++) {
        gate.code[gate.size + 1 + i] = (uint8_t)(distance >> 8 * i);
    }
    gate_kinds[at] = (uint8_t)kind;
    put(cpu, linear, &gate, sizeof(gate));
    return linear;
}

/* --- ports --- */

bool open_ports(struct cpu *cpu) {
    struct tss *tss = tss_of(cpu);
    uint16_t map = (uint16_t)(CONTROL_PORTS - CONTROL_TSS - ((uint32_t)tss - SHARED_DATA));
    bool were_closed = tss->io_map != map;
    tss->io_map = map;
    return were_closed;
}

void close_ports(struct cpu *cpu) {
    tss_of(cpu)->io_map = 0xFFFF;
}

uint32_t port_map_end(void) {
    return CONTROL_PORTS + sizeof(port_map) - 1;
}
