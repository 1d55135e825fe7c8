/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Instructions that C has no words for. */
#ifndef RING1_PROCESSOR_H
#define RING1_PROCESSOR_H

#include "ring1.h"

#define REGISTER(name)                                                                             \
    static inline uint32_t read_##name(void) {                                                     \
        uint32_t value;                                                                            \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                     \
        return value;                                                                              \
    }                                                                                              \
    static inline void write_##name(uint32_t value) {                                              \
        __asm__ volatile("mov %0, %%" #name ::"r"(value) : "memory");                              \
    }
REGISTER(cr0)
REGISTER(cr2)
REGISTER(cr3)
REGISTER(cr4)
REGISTER(dr0)
REGISTER(dr1)
REGISTER(dr2)
REGISTER(dr3)
REGISTER(dr6)
REGISTER(dr7)
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
#define FEATURE_PSE 0x00000008u
#define FEATURE_SEP 0x00000800u

/* guarded.asm: not 0 when it faults. */
uint32_t load_cr0_guarded(uint32_t value) __attribute__((regparm(1)));
uint32_t load_cr4_guarded(uint32_t value) __attribute__((regparm(1)));
uint32_t load_xcr_guarded(uint32_t low, uint32_t high, uint32_t number)
    __attribute__((regparm(3)));
uint32_t read_msr_guarded(uint32_t msr, uint64_t *value) __attribute__((regparm(2)));
uint32_t write_msr_guarded(uint32_t msr, const uint64_t *value) __attribute__((regparm(2)));
uint32_t read_pmc_guarded(uint32_t counter, uint64_t *value) __attribute__((regparm(2)));

#endif
