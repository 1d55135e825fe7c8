/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "gate.h"
#include "descriptor.h"
#include "memory.h"
#include "processor.h"
#include "vif.h"

#define GATE_P         0x00008000u
#define GATE_TYPE      0x00001F00u
#define GATE_INTERRUPT 0x00000E00u
#define GATE_TRAP      0x00000F00u
#define GATE_DPL       0x00006000u
#define DPL_1          0x00002000u

struct ways_in ways_in;

static struct gate to_guest[VECTORS] __attribute__((aligned(8)));
static struct gate watched[VECTORS] __attribute__((aligned(8)));
static struct gate to_ring0[VECTORS] __attribute__((aligned(8)));
static struct gate guests[VECTORS];
static struct table idtr;

static struct gate own_gate(uint32_t vector, uint32_t dpl) {
    uint32_t to = ways_in.vectors[vector];
    struct gate g = {HV_CS << 16 | (to & 0xFFFF),
                     (to & 0xFFFF0000) | GATE_P | GATE_INTERRUPT | dpl};
    return g;
}

void start_gates(const struct ways_in *ways) {
    ways_in = *ways;
    copying_gates.limit = sizeof(to_ring0) - 1;
    copying_gates.base = (uint32_t)to_ring0;
    for (uint32_t i = 0; i < VECTORS; i++) {
        to_ring0[i] = own_gate(i, 0);
    }
}

/* Whether ring 0 has to see it first. */
static bool is_ours(uint32_t vector) {
    switch (vector) {
    case VECTOR_DB: /* of ring 0's own steps, too */
    case VECTOR_NMI:
    case VECTOR_UD: /* MONITOR and MWAIT */
    case VECTOR_DF:
    case VECTOR_TS:
    case VECTOR_NP:
    case VECTOR_SS:
    case VECTOR_GP:
    case VECTOR_MC:
    case CALL_VECTOR:
        return true;
    default:
        return false;
    }
}

bool has_error_code(uint32_t vector) {
    return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) ||
           vector == VECTOR_AC;
}

bool is_interrupt(uint32_t vector) {
    return vector >= VECTOR_IRQ_FIRST && vector != CALL_VECTOR &&
           (guests[vector].high & GATE_DPL) != GATE_DPL;
}

/* INT of ring 1 gets through where ring 0's would; not where ring 0 expects an error code, which
 * INT does not push: emulate() does those. */
static uint32_t dpl_of(uint32_t vector, struct gate g) {
    if (vector == CALL_VECTOR) {
        return DPL_1;
    }
    if (vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_GP) ||
        (has_interrupt_control && is_interrupt(vector))) {
        return 0;
    }
    return g.high & GATE_DPL ? g.high & GATE_DPL : DPL_1;
}

/* With interrupt control: to code in ring 1 that clears the flag and goes on to the handler. */
static struct gate over_soft(struct cpu *cpu, uint32_t vector, struct gate g) {
    struct descriptor cs = descriptor_of(cpu, g.low >> 16);
    uint32_t handler = (g.high & 0xFFFF0000) | (g.low & 0xFFFF), to = 0;
    if (!is_interrupt(vector) && base_of(cs) == 0 && cs.high & DESCRIPTOR_BIG) {
        to = soft_gate(cpu, vector, handler, has_error_code(vector),
                       (g.high & GATE_TYPE) == GATE_TRAP);
    }
    if (!to) {
        return own_gate(vector, 0);
    }
    g.low = (g.low & 0xFFFF0000) | (to & 0xFFFF);
    g.high = (to & 0xFFFF0000) | GATE_P | GATE_TRAP;
    return g;
}

static void set_gate(struct cpu *cpu, uint32_t vector, struct gate g) {
    uint32_t type = g.high & GATE_TYPE;
    bool plain = g.high & GATE_P && (type == GATE_INTERRUPT || type == GATE_TRAP);
    struct gate to = g;
    guests[vector] = g;
    if (!plain || is_ours(vector)) {
        to = own_gate(vector, 0);
    } else if (has_interrupt_control) {
        to = over_soft(cpu, vector, g);
    }
    to.high = (to.high & ~GATE_DPL) | dpl_of(vector, g);
    to_guest[vector] = to; /* once: another processor may be at it */
    to_ring0[vector].high = (to_ring0[vector].high & ~GATE_DPL) | (g.high & GATE_DPL);
    watched[vector] = is_interrupt(vector) ? own_gate(vector, dpl_of(vector, g)) : to_guest[vector];
}

void renew_gate(struct cpu *cpu, uint32_t vector) {
    struct gate g = {0, 0};
    if (vector >= VECTORS) {
        return;
    }
    if (vector * 8 + 7 > idtr.limit || !guest_read(cpu, idtr.base + vector * 8, &g, sizeof(g))) {
        g.low = g.high = 0;
    }
    set_gate(cpu, vector, g);
}

bool renew_gate_after_fault(struct cpu *cpu, uint32_t error) {
    uint32_t vector = error >> 3 & 0xFF;
    struct gate before = guests[vector];
    if (!(error & 2)) { /* it was no gate */
        return false;
    }
    renew_gate(cpu, vector);
    return guests[vector].low != before.low || guests[vector].high != before.high;
}

void take_idt(struct cpu *cpu, const struct table *table) {
    idtr = *table;
    for (uint32_t i = 0; i < VECTORS; i++) {
        renew_gate(cpu, i);
    }
}

const struct table *guest_idtr(void) {
    return &idtr;
}

struct gate gate_of(uint32_t vector) {
    return guests[vector];
}

static void use_gates(const struct gate *gates) {
    struct table table = {sizeof(to_guest) - 1, (uint32_t)gates};
    load_idt(&table);
}

void use_gates_to_guest(struct cpu *cpu) {
    cpu->guest_gates = true;
    use_gates(cpu->watching ? watched : to_guest);
}

void use_gates_to_ring0(struct cpu *cpu) {
    cpu->guest_gates = false;
    use_gates(to_ring0);
}

void watch_interrupts(struct cpu *cpu, bool on) {
    if (cpu->watching == on) {
        return;
    }
    cpu->watching = on;
    if (cpu->guest_gates) {
        use_gates_to_guest(cpu);
    }
}
