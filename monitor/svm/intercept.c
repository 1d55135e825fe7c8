/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* One map of each kind for all processors, but for ports: the BSP has its own. */

#include "common/apic.h"
#include "intercept.h"
#include "svm.h"

#define PAGES(n)  [(n)*PAGE_SIZE] __attribute__((aligned(4096)))
#define MSR_READ  0x01u /* in msrpm */
#define MSR_WRITE 0x02u

uint8_t msrpm PAGES(2);                      /* two bits for each MSR: read, write */
uint8_t iopm PAGES(3), iopm_others PAGES(3); /* a bit for each port */

/* What a guest may write, and which of these writes exit for a check (msr.c). Nothing that
 * decodes memory, keeps SMM apart or changes what instructions do. */
static const struct {
    uint32_t first, last;
} writable[] = {
    {MSR_TSC, MSR_TSC},
    {MSR_APIC_BASE, MSR_APIC_BASE},
    {0x48, 0x49},   /* SPEC_CTRL, PRED_CMD */
    {0xE7, 0xE8},   /* MPERF, APERF */
    {0x10B, 0x10B}, /* FLUSH_CMD */
    {MSR_SYSENTER_CS, MSR_SYSENTER_EIP},
    {0x17A, 0x17B}, /* MCG_STATUS, MCG_CTL */
    {0x1D9, 0x1D9}, /* DEBUGCTL */
    {0x200, 0x20F}, /* MTRRs */
    {0x250, 0x250},
    {0x258, 0x259},
    {0x268, 0x26F},
    {MSR_PAT, MSR_PAT},
    {0x2FF, 0x2FF},
    {0x400, 0x47F}, /* machine-check banks */
    {0x6A0, 0x6A8}, /* shadow stacks */
    {0x6E0, 0x6E0}, /* TSC_DEADLINE */
    {MSR_X2APIC, MSR_X2APIC + 0xFF},
    {0xDA0, 0xDA0},           /* XSS */
    {0xC0000080, 0xC0000084}, /* EFER, STAR, LSTAR, CSTAR, SFMASK */
    {0xC0000100, 0xC0000103}, /* FS, GS, KERNEL_GS, TSC_AUX */
    {0xC0000300, 0xC0000303}, /* performance counters */
    {0xC0002000, 0xC0002FFF}, /* machine-check banks */
    {0xC0010000, 0xC0010007}, /* performance counters */
    {MSR_SYSCFG, MSR_SYSCFG},
    {0xC0010062, 0xC0010062}, /* the choice of a P-state */
    {0xC001011F, 0xC001011F}, /* VIRT_SPEC_CTRL */
    {0xC0010200, 0xC001020B}, /* performance counters */
    {0xC0010230, 0xC0010247},
};

bool is_writable_msr(uint32_t msr) {
    for (unsigned i = 0; i < sizeof(writable) / sizeof(*writable); i++) {
        if (msr >= writable[i].first && msr <= writable[i].last) {
            return true;
        }
    }
    return false;
}

/* Each 2000h MSRs, from 0, C0000000h and C0010000h on, have 2 KiB of the map. All others exit. */
static void intercept_msr(uint32_t msr, uint8_t accesses) {
    uint32_t part = msr < 0xC0000000u ? 0 : msr < 0xC0010000u ? 1 : 2;
    uint32_t bit = part * 0x4000 + (msr & 0x1FFF) * 2;
    msrpm[bit / 8] |= (uint8_t)(accesses << bit % 8);
}

static void set_port(uint8_t *map, uint16_t port, bool on) {
    uint8_t bit = (uint8_t)(1u << port % 8);
    map[port / 8] = (uint8_t)(on ? map[port / 8] | bit : map[port / 8] & ~bit);
}

void intercept_port(uint16_t port, bool on) {
    set_port(iopm, port, on);
    set_port(iopm_others, port, on);
}

void intercept_port_of_others(uint16_t port) {
    set_port(iopm_others, port, true);
}

static const uint16_t end_ports[] = {PORT_QEMU_EXIT, PORT_BOCHS_EXIT, PORT_KEYBOARD, PORT_A20,
                                     PORT_RESET};
#define EMULATOR_PORTS 2u /* the first */

void watch_end_ports(bool resets) {
    for (unsigned i = 0; i < (resets ? sizeof(end_ports) / sizeof(*end_ports) : EMULATOR_PORTS);
         i++) {
        intercept_port(end_ports[i], true);
    }
}

void leave_end_ports(uint16_t first, uint16_t last) {
    for (unsigned i = 0; i < sizeof(end_ports) / sizeof(*end_ports); i++) {
        if (end_ports[i] >= first && end_ports[i] <= last) {
            intercept_port(end_ports[i], false);
        }
    }
}

void start_intercepts(void) {
    static const uint32_t parts[] = {0, 0xC0000000, 0xC0010000};
    static const uint32_t kept[] = {MSR_TSC,         MSR_EFER,    MSR_VM_CR,
                                    MSR_VM_HSAVE_PA, MSR_SVM_KEY, MSR_TSC_RATIO};
    static const uint32_t guarded[] = {MSR_APIC_BASE, MSR_PAT, MSR_X2APIC_ICR, MSR_SYSCFG};
    for (unsigned i = 0; i < 3 * 0x2000; i++) {
        if (!is_writable_msr(parts[i / 0x2000] + i % 0x2000)) {
            intercept_msr(parts[i / 0x2000] + i % 0x2000, MSR_WRITE);
        }
    }
    for (unsigned i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        intercept_msr(kept[i], MSR_READ | MSR_WRITE);
    }
    for (unsigned i = 0; i < sizeof(guarded) / sizeof(*guarded); i++) {
        intercept_msr(guarded[i], MSR_WRITE);
    }
    for (uint32_t reg = 0; reg < PAGE_SIZE; reg += 16) {
        if (apic_is_lvt(reg)) {
            intercept_msr(X2APIC(reg), MSR_WRITE);
        }
    }
}
