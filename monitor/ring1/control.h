/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Control registers and the guest's address spaces. The guest's tables are in use as they are; only
 * the last entry of its directory is ours, and has to be in each one before it is loaded. A guest
 * that turns paging off goes on in an identity map of ours.
 */
#ifndef RING1_CONTROL_H
#define RING1_CONTROL_H

#include "descriptor.h"
#include "ring1.h"

/* Fills our own roots. */
void start_roots(void);

/* Takes this processor from our identity map to the guest's space. */
fault leave_identity(struct cpu *cpu, uint32_t cr0, uint32_t cr3, uint32_t cr4);

/* Enters the hypervisor into the address space. */
void enter_directory(struct cpu *cpu, uint32_t cr3, uint32_t cr4);

/* As MOV does them. */
uint32_t get_cr(struct cpu *cpu, uint32_t number);
fault set_cr(struct cpu *cpu, uint32_t number, uint32_t value);

/* What the function finds in physical memory, which it sees one to one; 0 where the processor
 * cannot show it so. */
uint32_t in_identity(uint32_t (*function)(void));

void flush_tlb(struct cpu *cpu, bool global);

/* Bits of CR4 that a guest in ring 1 does not get. */
#define CR4_HIDDEN 0x00726803u /* VME PVI, UMIP VMXE SMXE, PCIDE, SMEP SMAP PKE */

#endif
