/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Privileged operations as instructions in place that do what the calls' contracts say, in the
 * calls' registers: what by_sites.h has, if sites cost nothing. by_instructions.h has the same
 * functions.
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <vmi/api.h>

#include "workload.h"

#define INLINE static inline __attribute__((always_inline))
#define ASM    __asm__ __inline__ volatile

INLINE void disable_interrupts(void) {
    ASM("cli" : : : "memory", "cc");
}
INLINE void enable_interrupts(void) {
    ASM("sti" : : : "memory", "cc");
}
INLINE uint32_t get_interrupt_mask(void) {
    uint32_t mask;
    ASM("pushf; pop %0; and $0x200, %0" : "=a"(mask) : : "cc");
    return mask;
}
INLINE void set_interrupt_mask(uint32_t mask) {
    ASM("test $2, %%ah; jz 1f; sti; jmp 2f; 1: cli; 2:" : : "a"(mask) : "memory", "cc");
}

INLINE uint32_t get_cr0(void) {
    uint32_t value;
    ASM("mov %%cr0, %0" : "=a"(value) : : "ecx", "edx", "cc");
    return value;
}
INLINE void set_cr0(uint32_t value) {
    ASM("mov %0, %%cr0" : "+a"(value) : : "ecx", "edx", "memory", "cc");
}
INLINE void clts(void) {
    ASM("clts" : : : "eax", "ecx", "edx", "memory", "cc");
}
INLINE uint32_t get_cr2(void) {
    uint32_t value;
    ASM("mov %%cr2, %0" : "=a"(value) : : "ecx", "edx", "cc");
    return value;
}
INLINE void set_cr3(uint32_t value) {
    ASM("mov %0, %%cr3" : "+a"(value) : : "ecx", "edx", "memory", "cc");
}

INLINE void write_entry(uint64_t *table, uint32_t index, uint64_t entry) {
    uint32_t low = (uint32_t)entry;
    ASM("mov %2, (%0,%1,8); mov %3, 4(%0,%1,8)"
        : "+a"(table), "+d"(index), "+c"(low)
        : "r"((uint32_t)(entry >> 32))
        : "memory", "cc");
}
INLINE void write_gdt_entry(uint32_t index, uint64_t entry) {
    write_entry(guest_gdt, index, entry);
}
INLINE void write_ldt_entry(uint64_t *table, uint32_t index, uint64_t entry) {
    write_entry(table, index, entry);
}

/* Nothing is to be done natively, but the arguments are there. */
INLINE void nothing_2(uint32_t eax, uint32_t edx) {
    ASM("" : "+a"(eax), "+d"(edx) : : "ecx", "memory", "cc");
}
INLINE void nothing_5(uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t first, uint32_t count) {
    ASM("" : "+a"(eax), "+d"(edx), "+c"(ecx) : "r"(first), "r"(count) : "memory", "cc");
}
INLINE void update_kernel_stack(uint32_t esp0) {
    nothing_2((uint32_t)&guest_tss, esp0);
}
INLINE void allocate_table(uint32_t table) {
    nothing_5(table / PAGE, VMI_PAGE_PT, 0, 0, 0);
}
INLINE void release_table(uint32_t table) {
    nothing_2(table / PAGE, VMI_PAGE_PT);
}
INLINE void allocate_directory(uint32_t directory, uint32_t cloned) {
    nothing_5(directory / PAGE, VMI_PAGE_PD, cloned / PAGE, 0, 1024);
}
INLINE void release_directory(uint32_t directory) {
    nothing_2(directory / PAGE, VMI_PAGE_PD);
}

INLINE void set_entry(uint32_t *at, uint32_t entry) {
    ASM("mov %1, (%0)" : "+a"(at), "+d"(entry) : : "ecx", "memory", "cc");
}
INLINE uint32_t swap_entry(uint32_t *at, uint32_t entry) {
    uint32_t old;
    ASM("xchg %1, (%2); mov %1, %0" : "=a"(old), "+d"(entry) : "a"(at) : "ecx", "memory", "cc");
    return old;
}
INLINE uint32_t clear_entry_bit(uint32_t *at, uint32_t bit) {
    uint32_t was_set;
    ASM("lock btr %1, (%2); sbb %0, %0"
        : "=a"(was_set), "+d"(bit)
        : "a"(at)
        : "ecx", "memory", "cc");
    return was_set;
}
INLINE void invalidate(uint32_t linear) {
    ASM("invlpg (%0)" : "+a"(linear) : : "ecx", "edx", "memory", "cc");
}
INLINE void flush_tlb(void) {
    uint32_t flags = VMI_FLUSH_TLB;
    ASM("test $2, %%al; jz 1f; mov %%cr4, %%ecx; btr $7, %%ecx; jnc 1f; mov %%ecx, %%cr4;"
        "or $0x80, %%cl; mov %%ecx, %%cr4; jmp 2f; 1: mov %%cr3, %%eax; mov %%eax, %%cr3; 2:"
        : "+a"(flags)
        :
        : "ecx", "edx", "memory", "cc");
}
INLINE void flush_deferred(void) {
    uint32_t what = VMI_FLUSH_PT_UPDATES;
    ASM("xor %0, %0" : "+a"(what) : : "ecx", "edx", "memory", "cc");
}

INLINE uint32_t read_clock(void) {
    uint32_t low, high;
    ASM("rdtsc" : "=a"(low), "=d"(high) : : "ecx", "cc");
    return low;
}
INLINE uint32_t read_cycles(void) {
    uint32_t low, high;
    ASM("cmp $1, %0; ja 1f; rdtsc; jmp 2f; 1: xor %0, %0; cltd; 2:"
        : "=a"(low), "=d"(high)
        : "a"(VMI_CYCLES_REAL)
        : "ecx", "cc");
    return low;
}

INLINE uint8_t port_in(uint16_t port) {
    uint8_t value;
    ASM("in %1, %0" : "=a"(value) : "d"(port) : "memory", "cc");
    return value;
}
INLINE void port_out(uint16_t port, uint8_t value) {
    ASM("out %1, %0" : : "d"(port), "a"(value) : "memory", "cc");
}
INLINE void port_out_string(uint16_t port, const char *from, uint32_t count) {
    ASM("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory", "cc");
}

#endif
