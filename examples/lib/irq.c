/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The two 8259 interrupt controllers and the 8254 timer. */
#include "guest.h"
#include "internal.h"

enum { PIC1 = 0x20, PIC2 = 0xA0, PIT = 0x40, SPEAKER = 0x61 };
enum { PIT_HZ = 1193182, DELAY_SPIN = 20000000 /* where there is no channel 2 */ };

volatile uint32_t guest_irq_count[16];

void guest_pic_init(void) {
    outb(PIC1, 0x11);
    outb(PIC2, 0x11);
    outb(PIC1 + 1, 0x20);
    outb(PIC2 + 1, 0x28);
    outb(PIC1 + 1, 4);
    outb(PIC2 + 1, 2);
    outb(PIC1 + 1, 1);
    outb(PIC2 + 1, 1);
    outb(PIC1 + 1, 0xFF);
    outb(PIC2 + 1, 0xFF);
}

void guest_pic_mask(uint8_t line) {
    uint16_t port = line < 8 ? PIC1 + 1 : PIC2 + 1;
    outb(port, (uint8_t)(inb(port) | 1 << (line & 7)));
}

void guest_pic_unmask(uint8_t line) {
    uint16_t port = line < 8 ? PIC1 + 1 : PIC2 + 1;
    outb(port, (uint8_t)(inb(port) & ~(1 << (line & 7))));
    if (line >= 8) {
        guest_pic_unmask(2);
    }
}

static uint8_t pic_register(uint16_t port, uint8_t which) {
    outb(port, which);
    return inb(port);
}

/* A hypervisor that holds an interrupt has taken it from the PICs: it is in service there. */
uint16_t guest_pic_pending(void) {
    uint16_t lines = (uint16_t)(pic_register(PIC1, 0x0A) | pic_register(PIC2, 0x0A) << 8);
    if (guest_flag_is_kept()) {
        lines |= (uint16_t)(pic_register(PIC1, 0x0B) | pic_register(PIC2, 0x0B) << 8);
    }
    return lines;
}

/* IRQ 7 and 15 may be spurious: then there is no in-service bit, and no EOI is due. */
int guest_irq_is_real(uint8_t line) {
    if (line == 7) {
        return pic_register(PIC1, 0x0B) >> 7;
    }
    if (line == 15 && !(pic_register(PIC2, 0x0B) >> 7)) {
        outb(PIC1, 0x62);
        return 0;
    }
    return 1;
}

void guest_irq_acknowledge(uint8_t line) {
    if (line >= 8) {
        outb(PIC2, (uint8_t)(0x60 | (line & 7)));
        line = 2;
    }
    outb(PIC1, (uint8_t)(0x60 | line));
}

static void pit_channel0(uint8_t mode, uint16_t count) {
    outb(PIT + 3, (uint8_t)(0x30 | mode << 1));
    outb(PIT, (uint8_t)count);
    outb(PIT, (uint8_t)(count >> 8));
}

void guest_pit_periodic(uint32_t hz) {
    pit_channel0(2, (uint16_t)(PIT_HZ / hz));
}

void guest_pit_oneshot(uint16_t ticks) {
    pit_channel0(0, ticks);
}

void guest_pit_stop(void) {
    pit_channel0(1, 0); /* mode 1 waits for a trigger that channel 0 does not have */
}

void guest_delay_us(uint32_t us) {
    uint32_t ticks = us + us / 5 + 1; /* a little more than 1.193 per microsecond */
    uint8_t old = inb(SPEAKER);
    outb(SPEAKER, (uint8_t)((old & ~2) | 1)); /* gate on, loudspeaker off */
    outb(PIT + 3, 0xB0);
    outb(PIT + 2, (uint8_t)ticks);
    outb(PIT + 2, (uint8_t)(ticks >> 8));
    for (uint32_t i = 0; i < DELAY_SPIN && !(inb(SPEAKER) & 0x20); i++) {
        native_pause();
    }
    outb(SPEAKER, old);
}
