/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The end of a run, and the marker that survives a reset. */
#include "guest.h"
#include "internal.h"

enum { QEMU_EXIT_PORT = 0xF4, BOCHS_SHUTDOWN_PORT = 0x8900 };
#define MARKER_MAGIC 0x4B52414Du

void guest_exit(uint8_t status) {
    native_cli();
    outb(QEMU_EXIT_PORT, status);
    for (const char *s = "Shutdown"; *s; s++) {
        outb(BOCHS_SHUTDOWN_PORT, (uint8_t)*s);
    }
    for (;;) {
        native_halt();
    }
}

static volatile uint32_t *marker(void) {
    return guest_at(GUEST_MARKER_ADDRESS);
}

uint32_t guest_marker_get(void) {
    volatile uint32_t *words = marker();
    uint32_t value = words[1];
    return words[0] == MARKER_MAGIC && words[2] == ~value ? value : 0;
}

void guest_marker_set(uint32_t value) {
    volatile uint32_t *words = marker();
    words[0] = MARKER_MAGIC;
    words[1] = value;
    words[2] = ~value;
}

void guest_marker_clear(void) {
    marker()[0] = 0;
}
