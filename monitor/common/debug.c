/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Used when the guest ends, and when the monitor stops. */

#include "call_names.h"
#include "debug.h"
#include "vmi/calls.h"
#include "x86.h"

#define PORT_E9       0xE9
#define COM1          0x3F8
#define COM1_LINE     (COM1 + 5)
#define LINE_EMPTY    0x20 /* THRE */
#define COM1_PATIENCE 100000

bool spare_com1;

/* The guest's settings of COM1 stay as they are; without COM1 the line status reads FFh. */
static void say_char(char c) {
    outb(PORT_E9, (uint8_t)c);
    if (spare_com1) {
        return;
    }
    for (unsigned i = 0; i < COM1_PATIENCE && !(inb(COM1_LINE) & LINE_EMPTY); i++) {
        ;
    }
    outb(COM1, (uint8_t)c);
}

void say(const char *text) {
    for (; *text; text++) {
        if (*text == '\n') {
            say_char('\r');
        }
        say_char(*text);
    }
}

void say_hex(uint64_t value, unsigned digits) {
    while (digits--) {
        say_char("0123456789ABCDEF"[value >> 4 * digits & 15]);
    }
}

static void say_number(uint32_t value) {
    if (value >= 10) {
        say_number(value / 10);
    }
    say_char((char)('0' + value % 10));
}

void say_count(const char *name, uint32_t count) {
    say(" ");
    say(name);
    say(" ");
    say_number(count);
}

/* Eight to the line. */
static void say_call(const char *name, uint32_t count, unsigned *shown) {
    if (!count) {
        return;
    }
    if ((*shown)++ % 8 == 0) {
        say(*shown == 1 ? "# monitor: calls:" : "\n# monitor: calls:");
    }
    say_count(name, count);
}

void say_calls(uint32_t (*count_of)(unsigned slot)) {
    unsigned shown = 0;
    for (unsigned i = 0; i < sizeof(vmi_call_names) / sizeof(*vmi_call_names); i++) {
        say_call(vmi_call_names[i].name, count_of(vmi_call_names[i].slot), &shown);
    }
    for (unsigned i = 0; i < sizeof(vmi3_call_names) / sizeof(*vmi3_call_names); i++) {
        if (vmi3_call_names[i].slot > VMI_CALL_LAST) {
            say_call(vmi3_call_names[i].name, count_of(vmi3_call_names[i].slot), &shown);
        }
    }
    if (shown) {
        say("\n");
    }
}
