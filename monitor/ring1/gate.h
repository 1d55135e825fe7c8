/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Gates. Three tables of ours: in the one that ring 1 and ring 3 run with, most of the guest's
 * gates stand as they are, so that interrupts, page faults and system calls never come here; one
 * leads to ring 0 for everything, where ring 1 cannot be reached: in HLT and in V86 mode; one is as
 * the first, with interrupts coming to ring 0, for a processor that waits for an alarm.
 */
#ifndef RING1_GATE_H
#define RING1_GATE_H

#include "ring1.h"

struct gate {
    uint32_t low, high;
};

/* Addresses of entry.asm: of every vector, of SYSENTER, of a processor that is started. */
struct ways_in {
    const uint32_t *vectors;
    uint32_t sysenter, sysenter_step, start;
    uint32_t sysenter_control, sysenter_control_step; /* with interrupt control */
};
extern struct ways_in ways_in;

/* Fills the table of ring 0. */
void start_gates(const struct ways_in *ways);

/* Takes the guest's IDT, which is one for all processors. */
void take_idt(struct cpu *cpu, const struct table *table);
const struct table *guest_idtr(void);
void renew_gate(struct cpu *cpu, uint32_t vector);
/* The guest faulted at a gate: true when it had changed it without a call. */
bool renew_gate_after_fault(struct cpu *cpu, uint32_t error);

/* The guest's gate as it stands in its table. */
struct gate gate_of(uint32_t vector);

/* Whether the processor pushes an error code. */
bool has_error_code(uint32_t vector);

/* Whether the vector is that of an interrupt: what ring 3 may call is a system call's. */
bool is_interrupt(uint32_t vector);

void use_gates_to_guest(struct cpu *cpu);
void use_gates_to_ring0(struct cpu *cpu);

/* Whether interrupts come to ring 0 where the gates are the guest's. */
void watch_interrupts(struct cpu *cpu, bool on);

#endif
