/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The VGA text screen as a page of 80 x 25 cells. */
#include "guest.h"

enum { CRTC = 0x3D4, CURSOR_START = 10, CURSOR_OFF = 0x20 };

void guest_screen_put(uint32_t row, uint32_t column, uint8_t attribute, const char *text,
                      uint32_t width) {
    volatile uint16_t *cell =
        (volatile uint16_t *)guest_at(0xB8000) + row * GUEST_COLUMNS + column;
    while (width--) {
        *cell++ = (uint16_t)(attribute << 8 | (uint8_t)(*text ? *text++ : ' '));
    }
}

void guest_screen_clear(uint8_t attribute) {
    for (uint32_t row = 0; row < GUEST_ROWS; row++) {
        guest_screen_put(row, 0, attribute, "", GUEST_COLUMNS);
    }
    outb(CRTC, CURSOR_START);
    outb(CRTC + 1, CURSOR_OFF);
}
