/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The local APIC and the start of an AP. */
#include "guest.h"
#include "internal.h"

enum { MSR_APIC_BASE = 0x1B, AP_STACK_SIZE = 8192, ICR_PENDING = 0x1000 };
enum { SHORT_WAIT = 500, LONG_WAIT = 50000 }; /* of 200 us */
enum { ICR_INIT = 0x4500, ICR_STARTUP = 0x4600 };
#define ICR_ALL_BUT_SELF 0xC0000u

static uint8_t ap_stack[AP_STACK_SIZE] __attribute__((aligned(16)));
static void (*volatile ap_fn)(void *);
static void *volatile ap_arg;
static volatile int ap_started, ap_finished;

int guest_apic_present(void) {
    return (guest_cpu_features() & CPU_APIC) != 0;
}

uint32_t guest_apic_base(void) {
    if (guest_cpu_features() & CPU_MSR && guest_apic_present()) {
        uint32_t base = (uint32_t)native_rdmsr(MSR_APIC_BASE) & 0xFFFFF000;
        return base ? base : 0xFEE00000;
    }
    return 0xFEE00000;
}

uint32_t guest_apic_read(uint32_t reg) {
    return *(volatile uint32_t *)(guest_apic_base() + reg);
}

void guest_apic_write(uint32_t reg, uint32_t value) {
    *(volatile uint32_t *)(guest_apic_base() + reg) = value;
}

void guest_apic_enable(void) {
    guest_apic_write(APIC_LVT_TIMER, 0x10000);
    guest_apic_write(APIC_LVT_LINT0, 0x700);
    guest_apic_write(APIC_LVT_LINT1, 0x400);
    guest_apic_write(APIC_TPR, 0);
    guest_apic_write(APIC_SVR, 0x1FF);
}

uint32_t guest_apic_id(void) {
    return guest_apic_read(APIC_ID) >> 24;
}

static void apic_command(uint32_t destination, uint32_t command) {
    guest_apic_write(APIC_ICR_HIGH, destination << 24);
    guest_apic_write(APIC_ICR_LOW, command);
    for (uint32_t i = 0; i < 100000 && (guest_apic_read(APIC_ICR_LOW) & ICR_PENDING); i++) {
        native_pause();
    }
}

void guest_apic_send_ipi(uint32_t apic_id, uint8_t vector) {
    apic_command(apic_id, 0x4000u | vector);
}

int guest_on_ap(void) {
    uint32_t here = (uint32_t)__builtin_frame_address(0);
    return here >= (uint32_t)ap_stack && here < (uint32_t)ap_stack + sizeof(ap_stack);
}

void guest_ap_main(void) {
    ap_started = 1;
    ap_fn(ap_arg);
    ap_finished = 1;
}

/* MultiProcessor Specification 1.4, chapter 4. */
enum { MP_START = 0xF0000, MP_END = 0x100000, MP_STEP = 16, MP_TABLE = 4, MP_LENGTH = 8 };
enum { MP_ENTRIES = 44, MP_COUNT = 34, MP_PROCESSOR_SIZE = 20, MP_FLAGS = 3, MP_ENABLED = 1 };

/* SeaBIOS's MP table has one entry for each package, so it counts packages, not processors. */
static uint32_t logical_processors(void) {
    enum { HTT = 1 << 28 };
    uint32_t regs[4], count;
    native_cpuid(1, 0, regs);
    count = regs[3] & HTT ? regs[1] >> 16 & 0xFF : 1;
    return count ? count : 1;
}

uint32_t guest_processors(void) {
    for (const uint8_t *at = guest_at(MP_START); at < (uint8_t *)guest_at(MP_END); at += MP_STEP) {
        if (memcmp(at, "_MP_", 4) != 0 || guest_sum(at, at[MP_LENGTH] * 16u)) {
            continue;
        }
        const uint8_t *table = guest_at(*(const uint32_t *)(at + MP_TABLE));
        const uint8_t *entry = table + MP_ENTRIES;
        uint32_t count = *(const uint16_t *)(table + MP_COUNT), enabled = 0;
        /* Processors come first. */
        for (; count && entry[0] == 0; count--, entry += MP_PROCESSOR_SIZE) {
            enabled += entry[MP_FLAGS] & MP_ENABLED;
        }
        return enabled * logical_processors();
    }
    return 0;
}

int guest_ap_done(void) {
    return ap_finished;
}

static void copy_trampoline(void) {
    uint32_t size = (uint32_t)(guest_ap_trampoline_end - guest_ap_trampoline);
    uint8_t *to = guest_at(GUEST_AP_TRAMPOLINE);
    uint8_t *pointer = to + (guest_ap_gdt_pointer - guest_ap_trampoline);
    uint16_t limit = sizeof(guest_gdt) - 1;
    uint32_t base = (uint32_t)guest_gdt;
    memcpy(to, guest_ap_trampoline, size);
    memcpy(pointer, &limit, 2);
    memcpy(pointer + 2, &base, 4);
}

int guest_ap_start(void (*fn)(void *), void *arg) {
    uint32_t processors = guest_processors();
    if (!guest_apic_present() || processors == 1) {
        return -1;
    }
    guest_apic_enable();
    copy_trampoline();
    ap_fn = fn;
    ap_arg = arg;
    ap_started = 0;
    ap_finished = 0;
    guest_ap_stack_top = (uint32_t)ap_stack + sizeof(ap_stack);
    apic_command(0, ICR_ALL_BUT_SELF | ICR_INIT);
    guest_delay_us(10000);
    for (int attempt = 0; attempt < 2; attempt++) {
        apic_command(0, ICR_ALL_BUT_SELF | ICR_STARTUP | GUEST_AP_TRAMPOLINE >> 12);
        int wait = attempt && processors ? LONG_WAIT : SHORT_WAIT;
        for (int i = 0; i < wait && !ap_started; i++) {
            guest_delay_us(200);
        }
        if (ap_started) {
            return 0;
        }
    }
    return -1;
}
