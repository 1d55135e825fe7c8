/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* One map of each kind for all processors. */

#include "common/apic.h"
#include "intercept.h"
#include "svm.h"

#define PAGES(n)  [(n)*PAGE_SIZE] __attribute__((aligned(4096)))
#define MSR_READ  0x01u /* in msrpm */
#define MSR_WRITE 0x02u

uint8_t msrpm PAGES(2); /* two bits for each MSR: read, write */
uint8_t iopm PAGES(3);

/* Each 2000h MSRs, from 0, C0000000h and C0010000h on, have 2 KiB of the map. */
static void intercept_msr(uint32_t msr, uint8_t accesses) {
    uint32_t part = msr < 0xC0000000u ? 0 : msr < 0xC0010000u ? 1 : 2;
    uint32_t bit = part * 0x4000 + (msr & 0x1FFF) * 2;
    msrpm[bit / 8] |= (uint8_t)(accesses << bit % 8);
}

void intercept_port(uint16_t port, bool on) {
    uint8_t bit = (uint8_t)(1u << port % 8);
    iopm[port / 8] = (uint8_t)(on ? iopm[port / 8] | bit : iopm[port / 8] & ~bit);
}

void start_intercepts(void) {
    static const uint32_t kept[] = {MSR_TSC, MSR_EFER, MSR_VM_CR, MSR_VM_HSAVE_PA};
    static const uint32_t guarded[] = {MSR_APIC_BASE, MSR_PAT,     MSR_X2APIC_ICR, MSR_X2APIC_LVTT,
                                       MSR_SYSCFG,    MSR_TOP_MEM, MSR_TOP_MEM2};
    for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++)
        intercept_msr(kept[i], MSR_READ | MSR_WRITE);
    for (unsigned i = 0; i < sizeof guarded / sizeof *guarded; i++)
        intercept_msr(guarded[i], MSR_WRITE);
    intercept_port(PORT_QEMU_EXIT, true);
    intercept_port(PORT_BOCHS_EXIT, true);
}
