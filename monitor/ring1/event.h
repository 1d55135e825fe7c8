/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What comes to the guest: faults, interrupts, and waiting for them. */
#ifndef RING1_EVENT_H
#define RING1_EVENT_H

#include "descriptor.h"
#include "ring1.h"

/* The guest goes on in its handler of the vector, with an error code where the vector has one. A
 * fault of the delivery becomes a double fault, and one of that a reset of the machine. */
void inject(struct cpu *cpu, struct frame *f, uint32_t vector, uint32_t error);

/* The same of an INT of ring 1's, which pushes no error code. */
void inject_int(struct cpu *cpu, struct frame *f, uint32_t vector);

/* The same of a load that failed, and of a copy of guest memory that failed. */
void inject_fault(struct cpu *cpu, struct frame *f, fault fault);
void inject_page_fault(struct cpu *cpu, struct frame *f);

/* A fault of a soft body's return is one of the guest's CALL of it. */
void move_to_site(struct cpu *cpu, struct frame *f);

/* The look of API 3.0's IRET faulted on a 16-bit stack: true when it goes on without. */
bool skip_look(struct cpu *cpu, struct frame *f);

/* The look of a soft IRET: the frame behind the return address on the guest's stack leads to V86
 * mode. Where it does not, the return goes on as another. */
void return_to_v86(struct cpu *cpu, struct frame *f);

/* With interrupt control: an interrupt has come; what has been held comes, where it may; a return
 * whose soft body could not do it alone, which may fault. */
void take_interrupt(struct cpu *cpu, struct frame *f);
bool let_in(struct cpu *cpu, struct frame *f);
#define RETURN_FAULTS 0xFFFFFFFEu /* a page fault, as cpu has it */
fault return_slowly(struct cpu *cpu, struct frame *f);

/* Waits for an interrupt, or for an NMI alone, and gives it to the guest. */
void halt(struct cpu *cpu, struct frame *f);
void halt_for_good(struct cpu *cpu, struct frame *f);

/* As set_cr(); a kernel that leaves protected mode is on its way to the BIOS, and the machine is
 * reset. */
fault write_cr(struct cpu *cpu, uint32_t number, uint32_t value);

/* Resets the machine. */
_Noreturn void reset_machine(void);

#endif
