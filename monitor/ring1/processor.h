/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Instructions that C has no words for. */
#ifndef RING1_PROCESSOR_H
#define RING1_PROCESSOR_H

#include "ring1.h"

#define REGISTER(read, write, name)                                                                \
    static inline uint32_t read(void) {                                                            \
        uint32_t value;                                                                            \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                     \
        return value;                                                                              \
    }                                                                                              \
    static inline void write(uint32_t value) {                                                     \
        __asm__ volatile("mov %0, %%" #name ::"r"(value) : "memory");                              \
    }
REGISTER(read_cr0, write_cr0, cr0)
REGISTER(read_cr2, write_cr2, cr2)
REGISTER(read_cr3, write_cr3, cr3)
REGISTER(read_cr4, write_cr4, cr4)
REGISTER(load_dr0, store_dr0, dr0)
REGISTER(load_dr1, store_dr1, dr1)
REGISTER(load_dr2, store_dr2, dr2)
REGISTER(load_dr3, store_dr3, dr3)
REGISTER(load_dr6, store_dr6, dr6)
REGISTER(load_dr7, store_dr7, dr7)
#undef REGISTER

static inline uint16_t read_fs(void) {
    uint16_t value;
    __asm__ volatile("mov %%fs, %0" : "=r"(value));
    return value;
}

static inline uint16_t read_gs(void) {
    uint16_t value;
    __asm__ volatile("mov %%gs, %0" : "=r"(value));
    return value;
}

/* A fault in ring 0 loads what it came from again, and the guest's are ring 1's in our table. */
static inline void load_own_segments(void) {
    __asm__ volatile("ljmp %0, $1f\n"
                     "1: mov %1, %%ss\n"
                     "mov %1, %%ds\n"
                     "mov %1, %%es"
                     :
                     : "i"(HV_CS), "r"(HV_DS)
                     : "memory");
}

static inline void load_idt(const struct table *table) {
    __asm__ volatile("lidt %0" ::"m"(*table));
}

static inline void load_gdt(const struct table *table) {
    __asm__ volatile("lgdt %0" ::"m"(*table));
}

static inline void load_ldt(uint16_t selector) {
    __asm__ volatile("lldt %0" ::"r"(selector) : "memory");
}

static inline void load_task(uint16_t selector) {
    __asm__ volatile("ltr %0" ::"r"(selector) : "memory");
}

/* EDX of CPUID leaf 1; 0 where there is no CPUID. */
uint32_t processor_features(void);
#define FEATURE_PSE  0x00000008u
#define FEATURE_TSC  0x00000010u
#define FEATURE_APIC 0x00000200u
#define FEATURE_SEP  0x00000800u

/* guarded.asm: not 0 when it faults. */
uint32_t load_cr0_guarded(uint32_t value) __attribute__((regparm(1)));
uint32_t load_cr4_guarded(uint32_t value) __attribute__((regparm(1)));
uint32_t load_xcr_guarded(uint32_t low, uint32_t high, uint32_t number) __attribute__((regparm(3)));
uint32_t read_msr_guarded(uint32_t msr, uint64_t *value) __attribute__((regparm(2)));
uint32_t write_msr_guarded(uint32_t msr, const uint64_t *value) __attribute__((regparm(2)));
uint32_t read_pmc_guarded(uint32_t counter, uint64_t *value) __attribute__((regparm(2)));

#endif
