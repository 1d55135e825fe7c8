/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The registers of the local APIC (AMD64 Architecture Programmer's Manual, volume 2, chapter 16),
 * in memory or, when the guest has chosen x2APIC mode, in MSRs. */
#ifndef MONITOR_APIC_H
#define MONITOR_APIC_H

#include <stdbool.h>

#include "x86.h"

#define APIC_BASE    0xFEE00000u
#define IO_APIC_BASE 0xFEC00000u

#define APIC_PAGES 512u /* from its own on: MSI, and its alias while the A20 gate is closed */

#define APIC_ID       0x020u
#define APIC_VERSION  0x030u
#define APIC_TPR      0x080u
#define APIC_EOI      0x0B0u /* write-only */
#define APIC_LDR      0x0D0u
#define APIC_DFR      0x0E0u
#define APIC_SVR      0x0F0u
#define APIC_ISR      0x100u
#define APIC_IRR      0x200u
#define APIC_ICR      0x300u
#define APIC_ICR_HIGH 0x310u
#define APIC_ESR      0x280u
#define APIC_CMCI     0x2F0u /* corrected machine checks: an LVT register, too */
#define APIC_LVTT     0x320u
#define APIC_LVT_LAST 0x370u
#define APIC_COUNT    0x380u /* initial: a write starts the timer, 0 stops it */
#define APIC_CURRENT  0x390u
#define APIC_DIVIDER  0x3E0u
#define APIC_EXTENDED 0x500u /* AMD's LVT registers */
#define APIC_EXT_LAST 0x530u

#define APIC_BY_16 0x3u
#define LVT_MASKED 0x10000u /* an I/O APIC's entry has it too */
#define LVTT_MODES 0x60000u /* 0: one shot */

#define ICR_VECTOR     0x000000FFu
#define ICR_MODE       0x00000700u
#define ICR_SMI        0x00000200u
#define ICR_NMI        0x00000400u
#define ICR_INIT       0x00000500u
#define ICR_STARTUP    0x00000600u
#define ICR_LOGICAL    0x00000800u
#define ICR_ASSERT     0x00004000u
#define ICR_PENDING    0x00001000u
#define ICR_LEVEL      0x00008000u
#define ICR_SHORTHAND  0x000C0000u
#define ICR_SELF       0x00040000u
#define ICR_ALL        0x00080000u
#define ICR_OTHERS     0x000C0000u
#define ICR_RESERVED   0xFFF33000u
#define ICR_HIGH_SHIFT 24 /* of the destination in APIC_ICR_HIGH */

#define SVR_ENABLED 0x00000100u
#define SVR_INIT    0x000000FFu
#define DFR_FLAT    0xFFFFFFFFu
#define IDS         256u

#define APIC_BASE_ADDRESS 0x000FFFFFFFFFF000u /* in MSR_APIC_BASE */
#define APIC_BASE_X2      0x00000400u
#define APIC_BASE_ENABLED 0x00000800u
#define MSR_X2APIC        0x00000800u /* + register / 16 */
#define MSR_X2APIC_ICR    0x00000830u /* both halves */
#define MSR_X2APIC_LVTT   0x00000832u
#define X2APIC(reg)       (MSR_X2APIC + (reg) / 16)
#define APIC_OF_MSR(msr)  (((msr)-MSR_X2APIC) * 16)

/* For a monitor that does not see memory as it is: how far from there it sees the registers. To be
 * set before anything else here is used; all zero: nothing is different. */
extern struct apic_place {
    uintptr_t local, io;
    bool absent; /* there is none, or one without MSR_APIC_BASE */
} apic_place;

static inline volatile uint32_t *apic_registers(void) {
    return (volatile uint32_t *)(APIC_BASE + apic_place.local);
}

static inline volatile uint32_t *io_apic_registers(void) {
    return (volatile uint32_t *)(IO_APIC_BASE + apic_place.io);
}

static inline bool apic_is_x2(void) {
    return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2;
}

/* Registers of 32 bits. */
static inline uint32_t apic_read(uint32_t reg) {
    if (apic_is_x2()) {
        return (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
    }
    return apic_registers()[reg / 4];
}

static inline void apic_write(uint32_t reg, uint32_t value) {
    if (apic_is_x2()) {
        wrmsr(MSR_X2APIC + reg / 16, value);
    } else {
        apic_registers()[reg / 4] = value;
    }
}

static inline bool has_apic(void) {
    return !apic_place.absent && rdmsr(MSR_APIC_BASE) & APIC_BASE_ENABLED;
}

/* A vector's bit in ISR or IRR: dwords 16 bytes apart. */
static inline bool apic_has(uint32_t registers, uint8_t vector) {
    return apic_read(registers + vector / 32 * 16) >> vector % 32 & 1;
}

/* An LVT register: it has a delivery mode, as the command register has. */
static inline bool apic_is_lvt(uint32_t reg) {
    return reg == APIC_CMCI || (reg >= APIC_LVTT && reg <= APIC_LVT_LAST) ||
           (reg >= APIC_EXTENDED && reg <= APIC_EXT_LAST);
}

/* The destination that names all. */
static inline uint32_t apic_everybody(void) {
    return apic_is_x2() ? 0xFFFFFFFFu : 0xFFu;
}

#endif
