/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Segments. Each processor has a GDT of ours: the guest's descriptors, with ring 0 made ring 1 and
 * flat limits cut below what is private, and our own behind them. LDTs stay in the guest's memory.
 */
#ifndef RING1_DESCRIPTOR_H
#define RING1_DESCRIPTOR_H

#include "ring1.h"

/* A fault that a load ends in: vector << 16 | error code; 0: none. */
typedef uint32_t fault;
#define FAULT(vector, error) ((fault)(vector) << 16 | (uint16_t)(error))

/* Our own descriptors and registers of this processor. Its TSS reaches to the end of a map of ports
 * that may be opened; 0: there is none. */
void start_tables(struct cpu *cpu, uint32_t port_map_end);

/* Takes the guest's GDT. */
void take_gdt(struct cpu *cpu, const struct table *gdtr);
/* The guest has changed an entry of the table that it has loaded, or of another. */
void renew_gdt_entry(struct cpu *cpu, uint32_t index);
/* The guest faulted at a selector: true when it had changed the descriptor without a call, so that
 * the instruction is to be tried again. */
bool renew_after_fault(struct cpu *cpu, uint32_t error);

fault take_ldt(struct cpu *cpu, uint16_t selector);
fault take_task(struct cpu *cpu, uint16_t selector);
/* Looks again for the stack in the guest's TSS. */
void renew_kernel_stack(struct cpu *cpu);

/* A descriptor as the processor sees it; zeros where there is none. */
struct descriptor {
    uint32_t low, high;
};
struct descriptor descriptor_of(struct cpu *cpu, uint32_t selector);
uint32_t base_of(struct descriptor d);
uint32_t limit_of(struct descriptor d);
#define DESCRIPTOR_BIG 0x00400000u /* in `high`: 32 bits */

/* The base of a segment that the guest has loaded. */
uint32_t segment_base(struct cpu *cpu, const struct frame *f, uint32_t selector);

/* The guest's stack pointer as a linear address. */
uint32_t stack_of(struct cpu *cpu, const struct frame *f);

/* Whether a return with these two would not fault; `outer`: to another ring. */
bool is_good_return(struct cpu *cpu, uint32_t cs, uint32_t eip, uint32_t ss, bool outer);

/* Whether a data segment register of ring 1 could hold the selector; else it has to be null. */
bool is_loadable(struct cpu *cpu, uint32_t selector);

/* What a gate that leads there ends in: to a handler of ring 1's, and by its stack or on it. */
fault check_handler(struct cpu *cpu, uint32_t selector, uint32_t eip);
fault check_handler_stack(struct cpu *cpu, uint32_t selector);

/* What a load of SS with a selector of ring 0 ends in, as the guest sees it. */
fault check_stack(struct cpu *cpu, uint32_t selector);

#endif
