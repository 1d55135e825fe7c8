/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The standard guest workload: a small kernel that does a fixed amount of work, in versions made
 * from one source (kernel.c): with privileged instructions in place, with a call of the VMI ROM
 * instead of each, through a table of pointers or a hypercall page, and with call sites of the
 * kernels' kit.
 *
 * A life is one process: its address space is built, it runs in ring 3, faults its pages in, makes
 * system calls, gives way to the other tasks, and its address space is torn down. What a life
 * consists of follows the calls that a boot of Linux 2.6.16 makes on this interface
 * (docs/bench.md).
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <vmi/rom.h>

#include "guest.h"

/* System calls: number in EAX, result in EAX. */
enum { SYS_NOTE, SYS_TIME, SYS_YIELD, SYS_PROTECT, SYS_WRITE, SYS_EXIT };

/* The process's memory. Heap and stack have a page table each. */
enum {
    PAGE = 4096,
    HEAP = 0x20000000,
    HEAP_PAGES = 8,
    TEXT_PAGES = 10, /* mapped behind the heap when the process starts */
    STACK_TOP = 0x20C00000
};

/* Every so many lives: a timer interrupt and a line on the console; use of the FPU. */
enum { LIVES_PER_TICK = 10, LIVES_PER_FPU = 7 };

/* user.c: what a process does in ring 3. */
void user_program(uint32_t life) __attribute__((regparm(1), noreturn));

/* What was done: the same in all runs, however they were done. */
struct work_done {
    uint32_t lives, entries, faults, fpu_faults, switches, ticks, lines, sum;
    uint64_t instructions; /* the monitor's too; this is the only one that differs */
};

/* kernel.c, native.c, contract.c, sites.c, page.c */
typedef void work_function(uint32_t lives, struct work_done *done);
work_function work_by_calls, work_by_instructions, work_by_contract, work_by_sites, work_by_page;

/* main.c: the address of each call of the ROM */
extern uint32_t call_address[VMI_CALL_SLOTS];
/* main.c: MOV EBP, number and a copy of the ROM's slot for each call; odd numbers on the second */
extern uint8_t hypercall_pages[2][4096];

/* entry.asm: where traps arrive, and how each version leaves */
struct entries {
    uint8_t *fault, *device, *timer, *system_call, *sysenter, *leave;
};
extern const struct entries entries_by_calls, entries_by_instructions, entries_by_contract,
    entries_by_sites, entries_by_page;
void switch_stack(uint32_t *save, uint32_t load);
/* ... which call this */
void trap_by_calls(struct trap_frame *frame);
void trap_by_instructions(struct trap_frame *frame);
void trap_by_contract(struct trap_frame *frame);
void trap_by_sites(struct trap_frame *frame);
void trap_by_page(struct trap_frame *frame);

/* Vectors of our own in a trap frame */
enum { VECTOR_NM = 7, VECTOR_PF = 14, VECTOR_TIMER = 0x20, VECTOR_INT80 = 0x80, VECTOR_SYSENTER };

#endif
