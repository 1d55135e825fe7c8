/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "debug.h"
#include "processor.h"

#define PORT_DEBUG  0xE9u
#define COM1        0x3F8u
#define COM1_STATUS 0x3FDu
#define COM1_READY  0x20u
#define PATIENCE    100000u

static void put(char c) {
    outb(PORT_DEBUG, (uint8_t)c);
    if (inb(COM1_STATUS) == 0xFF) /* there is none */
        return;
    for (uint32_t i = 0; i < PATIENCE && !(inb(COM1_STATUS) & COM1_READY); i++)
        ;
    outb(COM1, (uint8_t)c);
}

void say(const char *text) {
    for (; *text; text++)
        put(*text);
}

void say_hex(uint32_t value) {
    for (int shift = 28; shift >= 0; shift -= 4)
        put("0123456789ABCDEF"[value >> shift & 15]);
}

void say_number(uint32_t value) {
    char digits[11], *at = digits + sizeof digits - 1;
    *at = 0;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    say(at);
}
