/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Stopping a processor, resetting the machine. */
#include "machine.h"

enum { VECTOR_IPI = 0x62, VECTOR_NMI = 2, ICR_NMI = 0x4400 };

static volatile uint32_t beat, go, returned, ipi_hits, nmi_hits, nmi_eip, nmi_eflags;

static void take_ipi(struct trap_frame *frame) {
    (void)frame;
    ipi_hits++;
    guest_apic_write(APIC_EOI, 0);
}

static void take_nmi(struct trap_frame *frame) {
    nmi_eip = frame->eip;
    nmi_eflags = frame->eflags;
    nmi_hits++;
}

static void heart(void *arg) {
    (void)arg;
    guest_apic_write(APIC_LVT_TIMER, 0x10000);
    guest_apic_write(APIC_LVT_LINT0, 0x10000); /* the PICs are the first CPU's */
    guest_apic_write(APIC_SVR, 0x1FF);
    native_sti();
    while (!go) {
        beat++;
    }
    ((void (*)(void))call_target(VMI_CALL_Shutdown))();
    returned = 1;
    for (;;) {
        beat++;
    }
}

/* Long enough for a CPU that its host has put aside for a while. */
static int changes(const volatile uint32_t *counter, uint32_t before) {
    for (uint32_t i = 0; i < 5000 && *counter == before; i++) {
        guest_delay_us(1000);
    }
    return *counter != before;
}

static void send_to_others(uint32_t command) {
    guest_apic_write(APIC_ICR_HIGH, 0);
    guest_apic_write(APIC_ICR_LOW, 0xC0000 | command);
}

/* Where an NMI finds the other CPU: 1 when in the image with interrupts off. */
static int stands_in_the_image(void) {
    uint32_t before = nmi_hits;
    send_to_others(ICR_NMI);
    if (!changes(&nmi_hits, before)) {
        fail("the second CPU took no NMI");
        return 0;
    }
    return is_in_calls(nmi_eip) && !(nmi_eflags & EFLAGS_IF);
}

static void shutdown_stops_a_cpu(void) {
    beat = go = returned = ipi_hits = nmi_hits = 0;
    guest_set_handler(VECTOR_IPI, take_ipi);
    guest_set_handler(VECTOR_NMI, take_nmi);
    if (guest_ap_start(heart, NULL)) {
        skip("no second CPU");
        return;
    }
    equal("a heartbeat at first", (uint32_t)changes(&beat, beat), 1);
    send_to_others(0x4000 | VECTOR_IPI);
    equal("interrupts taken at first", (uint32_t)changes(&ipi_hits, 0), 1);
    go = 1;
    int stopped = 0;
    for (uint32_t i = 0; i < 5000 && !stopped; i++) {
        guest_delay_us(1000);
        stopped = stands_in_the_image();
    }
    equal("stopped in the image", (uint32_t)stopped, 1);
    uint32_t last_beat = beat;
    send_to_others(0x4000 | VECTOR_IPI);
    guest_delay_us(20000);
    equal("interrupts taken after Shutdown", ipi_hits, 1);
    equal("stopped again after an NMI", (uint32_t)stands_in_the_image(), 1);
    guest_delay_us(5000);
    equal("heartbeats", beat - last_beat, 0);
    equal("Shutdown returned", returned, 0);
}

/* The first boot asks for the reset; that there is a second boot is the proof. */
static void reboots(uint32_t how) {
    if (boot_phase) {
        return;
    }
    expect_reset(1);
    vmi(VMI_CALL_Reboot, how, 0x22222222, 0x33333333);
    guest_delay_us(50000);
    fail("the machine goes on after Reboot(%u)", how);
}

static void reboot_soft_resets(void) {
    reboots(VMI_REBOOT_SOFT);
}

static void reboot_hard_resets(void) {
    reboots(VMI_REBOOT_HARD);
}

const struct test power_tests[] = {
    {"shutdown_stops_a_cpu", shutdown_stops_a_cpu, 0, {VMI_CALL_Shutdown}},
    {"reboot_hard_resets_the_machine", reboot_hard_resets, 0, {VMI_CALL_Reboot}},
    {"reboot_soft_resets_the_machine", reboot_soft_resets, 0, {VMI_CALL_Reboot}},
    {NULL, NULL, 0, {0}}};
