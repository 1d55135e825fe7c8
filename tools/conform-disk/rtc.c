/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A mark in the three alarm registers of the clock: a reset does not touch them, no BIOS sums them
 * up, and without an alarm interrupt they mean nothing.
 */
#include "conform.h"

enum { CMOS = 0x70, REGISTERS = 3 };
static const uint8_t registers[REGISTERS] = {1, 3, 5}, mark[REGISTERS] = {0xA7, 0xE3, 0x95};

static uint8_t cmos_read(uint8_t index) {
    outb(CMOS, index);
    return inb(CMOS + 1);
}

static void cmos_write(uint8_t index, uint8_t value) {
    outb(CMOS, index);
    outb(CMOS + 1, value);
}

static int is_marked(void) {
    for (uint32_t i = 0; i < REGISTERS; i++) {
        if (cmos_read(registers[i]) != mark[i]) {
            return 0;
        }
    }
    return 1;
}

int rtc_mark_set(void) {
    for (uint32_t i = 0; i < REGISTERS; i++) {
        cmos_write(registers[i], mark[i]);
    }
    return is_marked();
}

int rtc_mark_take(void) {
    int was_marked = is_marked();
    for (uint32_t i = 0; was_marked && i < REGISTERS; i++) {
        cmos_write(registers[i], 0);
    }
    return was_marked;
}
