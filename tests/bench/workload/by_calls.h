/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Privileged operations as calls of the ROM. by_instructions.h has the same functions. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <vmi/api.h>
#include <vmi/calls.h>

#include "workload.h"

/* How a call is made, and what that changes besides the call (page.c). */
#ifndef CALL
#define CALL "call *call_address + 4 * %c[slot]\n\t"
#define CLOBBERS
#endif

#define SLOT(name) [slot] "i"(VMI_CALL_##name)
#define INLINE     static inline __attribute__((always_inline))

/* Calls with so many arguments, in EAX, EDX and ECX. */
#define CALL_0(name)                                                                               \
    ({                                                                                             \
        uint32_t result_;                                                                          \
        __asm__ volatile(CALL                                                                      \
                         : "=a"(result_)                                                           \
                         : SLOT(name)                                                              \
                         : "edx", "ecx", "memory", "cc" CLOBBERS);                                 \
        result_;                                                                                   \
    })
#define CALL_1(name, eax)                                                                          \
    ({                                                                                             \
        uint32_t a_ = (eax);                                                                       \
        __asm__ volatile(CALL : "+a"(a_) : SLOT(name) : "edx", "ecx", "memory", "cc" CLOBBERS);    \
        a_;                                                                                        \
    })
#define CALL_2(name, eax, edx)                                                                     \
    ({                                                                                             \
        uint32_t a_ = (eax), d_ = (edx);                                                           \
        __asm__ volatile(CALL : "+a"(a_), "+d"(d_) : SLOT(name) : "ecx", "memory", "cc" CLOBBERS); \
        a_;                                                                                        \
    })

INLINE void disable_interrupts(void) {
    __asm__ volatile(CALL : : SLOT(DisableInterrupts) : "memory", "cc" CLOBBERS);
}
INLINE void enable_interrupts(void) {
    __asm__ volatile(CALL : : SLOT(EnableInterrupts) : "memory", "cc" CLOBBERS);
}
INLINE uint32_t get_interrupt_mask(void) {
    uint32_t mask;
    __asm__ volatile(CALL : "=a"(mask) : SLOT(GetInterruptMask) : "memory", "cc" CLOBBERS);
    return mask;
}
INLINE void set_interrupt_mask(uint32_t mask) {
    __asm__ volatile(CALL : : "a"(mask), SLOT(SetInterruptMask) : "memory", "cc" CLOBBERS);
}

INLINE uint32_t get_cr0(void) {
    return CALL_0(GetCR0);
}
INLINE void set_cr0(uint32_t value) {
    CALL_1(SetCR0, value);
}
INLINE void clts(void) {
    CALL_0(CLTS);
}
INLINE uint32_t get_cr2(void) {
    return CALL_0(GetCR2);
}
INLINE void set_cr3(uint32_t value) {
    CALL_1(SetCR3, value);
}

/* The dwords of a descriptor: the high one on the stack. */
#define WRITE_ENTRY(name, table, index, entry)                                                     \
    do {                                                                                           \
        uint32_t a_ = (uint32_t)(table), d_ = (index), c_ = (uint32_t)(entry);                     \
        __asm__ volatile("pushl %[high]\n\t" CALL "addl $4, %%esp"                                 \
                         : "+a"(a_), "+d"(d_), "+c"(c_)                                            \
                         : SLOT(name), [high] "r"((uint32_t)((entry) >> 32))                       \
                         : "memory", "cc" CLOBBERS);                                               \
    } while (0)

INLINE void write_gdt_entry(uint32_t index, uint64_t entry) {
    WRITE_ENTRY(WriteGDTEntry, guest_gdt, index, entry);
}
INLINE void write_ldt_entry(uint64_t *table, uint32_t index, uint64_t entry) {
    WRITE_ENTRY(WriteLDTEntry, table, index, entry);
}
INLINE void update_kernel_stack(uint32_t esp0) {
    CALL_2(UpdateKernelStack, (uint32_t)&guest_tss, esp0);
}

INLINE void set_entry(uint32_t *at, uint32_t entry) {
    CALL_2(SetPxE0, (uint32_t)at, entry);
}
INLINE uint32_t swap_entry(uint32_t *at, uint32_t entry) {
    return CALL_2(SwapPxE, (uint32_t)at, entry);
}
INLINE uint32_t clear_entry_bit(uint32_t *at, uint32_t bit) {
    return CALL_2(TestAndClearPxEBit, (uint32_t)at, bit);
}
INLINE void allocate_table(uint32_t table) {
    uint32_t a = table / PAGE, d = VMI_PAGE_PT, c = 0;
    __asm__ volatile("pushl $0\n\tpushl $0\n\t" CALL "addl $8, %%esp"
                     : "+a"(a), "+d"(d), "+c"(c)
                     : SLOT(AllocatePage)
                     : "memory", "cc" CLOBBERS);
}
INLINE void release_table(uint32_t table) {
    CALL_2(ReleasePage, table / PAGE, VMI_PAGE_PT);
}
INLINE void allocate_directory(uint32_t directory, uint32_t cloned) {
    uint32_t a = directory / PAGE, d = VMI_PAGE_PD, c = cloned / PAGE;
    __asm__ volatile("pushl $1024\n\tpushl $0\n\t" CALL "addl $8, %%esp"
                     : "+a"(a), "+d"(d), "+c"(c)
                     : SLOT(AllocatePage)
                     : "memory", "cc" CLOBBERS);
}
INLINE void release_directory(uint32_t directory) {
    CALL_2(ReleasePage, directory / PAGE, VMI_PAGE_PD);
}
INLINE void invalidate(uint32_t linear) {
    CALL_1(InvalPage, linear);
}
INLINE void flush_tlb(void) {
    CALL_1(FlushTLB, VMI_FLUSH_TLB);
}
INLINE void flush_deferred(void) {
    CALL_1(FlushDeferredCalls, VMI_FLUSH_PT_UPDATES);
}

INLINE uint32_t read_clock(void) {
    return CALL_0(RDTSC);
}
INLINE uint32_t read_cycles(void) {
    return CALL_1(GetCycleCounter, VMI_CYCLES_REAL);
}

INLINE uint8_t port_in(uint16_t port) {
    uint8_t value;
    __asm__ volatile(CALL : "=a"(value) : "d"(port), SLOT(INB) : "memory" CLOBBERS);
    return value;
}
INLINE void port_out(uint16_t port, uint8_t value) {
    __asm__ volatile(CALL : : "d"(port), "a"(value), SLOT(OUTB) : "memory" CLOBBERS);
}
INLINE void port_out_string(uint16_t port, const char *from, uint32_t count) {
    __asm__ volatile(CALL : "+S"(from), "+c"(count) : "d"(port), SLOT(OUTSB) : "memory" CLOBBERS);
}

#endif
