/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Privileged operations as call sites of the kernels' kit. by_instructions.h has the same
 * functions. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <vmi/guest.h>

#include "workload.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void disable_interrupts(void) {
    vmi_disable_interrupts();
}
INLINE void enable_interrupts(void) {
    vmi_enable_interrupts();
}
INLINE uint32_t get_interrupt_mask(void) {
    return vmi_get_interrupt_mask();
}
INLINE void set_interrupt_mask(uint32_t mask) {
    vmi_set_interrupt_mask(mask);
}

INLINE uint32_t get_cr0(void) {
    return vmi_get_cr0();
}
INLINE void set_cr0(uint32_t value) {
    vmi_set_cr0(value);
}
INLINE void clts(void) {
    vmi_clts();
}
INLINE uint32_t get_cr2(void) {
    return vmi_get_cr2();
}
INLINE void set_cr3(uint32_t value) {
    vmi_set_cr3(value);
}

INLINE void write_gdt_entry(uint32_t index, uint64_t entry) {
    vmi_write_gdt_entry(guest_gdt, index, entry);
}
INLINE void write_ldt_entry(uint64_t *table, uint32_t index, uint64_t entry) {
    vmi_write_ldt_entry(table, index, entry);
}
INLINE void update_kernel_stack(uint32_t esp0) {
    vmi_update_kernel_stack(&guest_tss, esp0);
}

INLINE void set_entry(uint32_t *at, uint32_t entry) {
    vmi_set_pxe0(at, entry);
}
INLINE uint32_t swap_entry(uint32_t *at, uint32_t entry) {
    return vmi_swap_pxe(at, entry);
}
INLINE uint32_t clear_entry_bit(uint32_t *at, uint32_t bit) {
    return vmi_test_and_clear_pxe_bit(at, bit);
}
INLINE void allocate_table(uint32_t table) {
    vmi_allocate_page(table / PAGE, VMI_PAGE_PT, 0, 0, 0);
}
INLINE void release_table(uint32_t table) {
    vmi_release_page(table / PAGE, VMI_PAGE_PT);
}
INLINE void allocate_directory(uint32_t directory, uint32_t cloned) {
    vmi_allocate_page(directory / PAGE, VMI_PAGE_PD, cloned / PAGE, 0, 1024);
}
INLINE void release_directory(uint32_t directory) {
    vmi_release_page(directory / PAGE, VMI_PAGE_PD);
}
INLINE void invalidate(uint32_t linear) {
    vmi_inval_page(linear);
}
INLINE void flush_tlb(void) {
    vmi_flush_tlb(VMI_FLUSH_TLB);
}
INLINE void flush_deferred(void) {
    vmi_flush_deferred_calls(VMI_FLUSH_PT_UPDATES);
}

INLINE uint32_t read_clock(void) {
    return (uint32_t)vmi_rdtsc();
}
INLINE uint32_t read_cycles(void) {
    return (uint32_t)vmi_get_cycle_counter(VMI_CYCLES_REAL);
}

INLINE uint8_t port_in(uint16_t port) {
    return vmi_inb(port);
}
INLINE void port_out(uint16_t port, uint8_t value) {
    vmi_outb(port, value);
}
INLINE void port_out_string(uint16_t port, const char *from, uint32_t count) {
    vmi_outsb(port, from, count);
}

#endif
