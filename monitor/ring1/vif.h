/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Interrupt control: the guest runs with IOPL 0 and a virtual interrupt flag, which its calls
 * change on the shared page (stubs/soft/interrupt.inc). Interrupts come to ring 0. While the flag
 * is clear they are held, and the real flag is off until it is set; that traps, as VIRTUAL_TRAP
 * says.
 *
 * Without interrupt control all this does nothing: the flag in the frame is the guest's.
 */
#ifndef RING1_VIF_H
#define RING1_VIF_H

#include "ring1.h"

extern bool has_interrupt_control;

/* Puts the code of interrupt control on the shared pages; `many`: more than one processor may run.
 */
void start_interrupt_control(struct cpu *cpu, bool many);
bool is_for_many(void);
/* A processor begins again. */
void forget_held(struct cpu *cpu);

/* EFLAGS as the guest would see them natively. */
uint32_t guest_eflags(const struct cpu *cpu, const struct frame *f);
/* Its flag; in V86 mode the real one. */
void set_guest_if(struct cpu *cpu, struct frame *f, bool on);
void clear_guest_if(const struct cpu *cpu); /* where there is no frame of its own */
/* Whether the guest has set its flag with something held, or for the first time. */
static inline bool is_flag_awaited(const struct cpu *cpu, const struct frame *f) {
    return has_interrupt_control && *(const uint8_t *)(cpu->own_tss + VIRTUAL_TRAP) &&
           (*(const uint32_t *)(cpu->own_tss + VIRTUAL_IF) || is_v86(f));
}
/* The real flag of ring 1: off as long as something is held. */
void settle_flag(const struct cpu *cpu, struct frame *f);

/* The vector waits until the guest sets its flag. */
void hold_vector(struct cpu *cpu, struct frame *f, uint32_t vector);
/* What may come in now, the highest first; NO_VECTOR: nothing. */
#define NO_VECTOR 0xFFFFFFFFu
uint32_t take_held(struct cpu *cpu, struct frame *f);
bool is_held(const struct cpu *cpu);
/* The highest that waits, or NO_VECTOR. */
uint32_t held_vector(const struct cpu *cpu);
/* The guest's flag is off before the first interrupt may come, whatever it is. */
void hold_all(struct cpu *cpu, struct frame *f);

/* Where an interrupt found the guest. Registers become those of the body's beginning, or of a
 * return that is still to be done. */
enum place { PLACE_ANY, PLACE_RETURN, PLACE_GATE };
enum place place_of(struct cpu *cpu, struct frame *f);
/* Does the return whose frame lies behind a return address on the guest's stack; false: it would
 * fault, and is the processor's to do. */
bool finish_return(struct cpu *cpu, struct frame *f);

/* Where a soft body's return has been refused: how many bytes it has pushed; false: elsewhere. */
bool is_soft_return(uint32_t eip, uint32_t *pushed);
/* The body of IRET has faulted at a 16-bit stack, and goes on without it; false: it is not there.
 */
bool skip_soft_look(struct cpu *cpu, struct frame *f);
/* The rest of an IRET, without the flag. */
uint32_t soft_return(void);

/* The code that a gate of the guest's leads to; 0: it has to come to ring 0. */
uint32_t soft_gate(struct cpu *cpu, uint32_t vector, uint32_t handler, bool has_error,
                   bool is_trap);

/* Ports are ring 1's only while they are open: an IRET closes them. False: they were open. */
bool open_ports(struct cpu *cpu);
void close_ports(struct cpu *cpu);
/* For the TSS of this processor. */
uint32_t port_map_end(void);

#endif
