/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Privileged operations as instructions in place, or as nothing where a native kernel has nothing
 * to do. by_calls.h has the same functions. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "workload.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void disable_interrupts(void) {
    native_cli();
}
INLINE void enable_interrupts(void) {
    native_sti();
}
INLINE uint32_t get_interrupt_mask(void) {
    return read_eflags();
}
INLINE void set_interrupt_mask(uint32_t mask) {
    write_eflags(mask);
}

INLINE uint32_t get_cr0(void) {
    return read_cr0();
}
INLINE void set_cr0(uint32_t value) {
    write_cr0(value);
}
INLINE void clts(void) {
    __asm__ volatile("clts" : : : "memory");
}
INLINE uint32_t get_cr2(void) {
    return read_cr2();
}
INLINE void set_cr3(uint32_t value) {
    write_cr3(value);
}

INLINE void write_gdt_entry(uint32_t index, uint64_t entry) {
    guest_gdt[index] = entry;
}
INLINE void write_ldt_entry(uint64_t *table, uint32_t index, uint64_t entry) {
    table[index] = entry;
}
INLINE void update_kernel_stack(uint32_t esp0) {
    (void)esp0;
}

INLINE void set_entry(uint32_t *at, uint32_t entry) {
    *(volatile uint32_t *)at = entry;
}
INLINE uint32_t swap_entry(uint32_t *at, uint32_t entry) {
    return __atomic_exchange_n(at, entry, __ATOMIC_SEQ_CST);
}
INLINE uint32_t clear_entry_bit(uint32_t *at, uint32_t bit) {
    uint32_t was_set;
    __asm__ volatile("lock btrl %[bit], %[at]\n\tsbbl %[was_set], %[was_set]"
                     : [at] "+m"(*at), [was_set] "=r"(was_set)
                     : [bit] "Ir"(bit)
                     : "memory", "cc");
    return was_set;
}
INLINE void allocate_table(uint32_t table) {
    (void)table;
}
INLINE void release_table(uint32_t table) {
    (void)table;
}
INLINE void allocate_directory(uint32_t directory, uint32_t cloned) {
    (void)directory, (void)cloned;
}
INLINE void release_directory(uint32_t directory) {
    (void)directory;
}
INLINE void invalidate(uint32_t linear) {
    native_invlpg(linear);
}
INLINE void flush_tlb(void) {
    write_cr3(read_cr3());
}
INLINE void flush_deferred(void) {
}

INLINE uint32_t read_clock(void) {
    return (uint32_t)native_rdtsc();
}
INLINE uint32_t read_cycles(void) {
    return (uint32_t)native_rdtsc();
}

INLINE uint8_t port_in(uint16_t port) {
    return inb(port);
}
INLINE void port_out(uint16_t port, uint8_t value) {
    outb(port, value);
}
INLINE void port_out_string(uint16_t port, const char *from, uint32_t count) {
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

#endif
