/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Interrupt controllers, timer, screen, serial line and keyboard: port I/O is call sites too. */
#include "demo.h"

enum { PIC1 = 0x20, PIC2 = 0xA0, PIC_EOI = 0x20, PIT = 0x40, PIT_HZ = 1193182 };
enum { COM1 = 0x3F8, COM_IER = COM1 + 1, COM_LSR = COM1 + 5, LSR_DATA = 1, LSR_ROOM = 0x20 };
enum { KEY_DATA = 0x60, KEY_STATUS = 0x64, CRTC = 0x3D4 };
enum { COLUMNS = 80, ROWS = 25, GREY = 0x700, SPIN = 100000, LINE_MAX = 60 };

struct port_value {
    uint16_t port;
    uint8_t value;
};

static void outb_all(const struct port_value *list, uint32_t count) {
    for (; count--; list++) {
        vmi_outb(list->port, list->value);
        vmi_io_delay();
    }
}
#define OUTB_ALL(list) outb_all(list, sizeof(list) / sizeof((list)[0]))

/* ---- Output ---- */

static void serial_putc(char c) {
    for (uint32_t i = 0; i < SPIN && !(vmi_inb(COM_LSR) & LSR_ROOM); i++) {
        vmi_pause();
    }
    vmi_outb(COM1, (uint8_t)c);
}

static void screen_putc(char c) {
    static uint32_t position = COLUMNS * ROWS;
    uint16_t *cells = guest_at(0xB8000);
    if (position >= COLUMNS * ROWS) {
        position -= COLUMNS;
        memmove(cells, cells + COLUMNS, (ROWS - 1) * COLUMNS * 2);
        for (uint32_t i = 0; i < COLUMNS; i++) {
            cells[position + i] = GREY | ' ';
        }
    }
    if (c == '\n') {
        position += COLUMNS - position % COLUMNS;
    } else {
        cells[position++] = (uint16_t)(GREY | (uint8_t)c);
    }
}

static void console_start(void) {
    /* 115200 baud, 8 bits, FIFO; cursor off */
    static const struct port_value start[] = {{COM_IER, 0},     {COM1 + 3, 0x83}, {COM1, 1},
                                              {COM_IER, 0},     {COM1 + 3, 0x03}, {COM1 + 2, 0x07},
                                              {COM1 + 4, 0x0B}, {CRTC, 10},       {CRTC + 1, 0x20}};
    OUTB_ALL(start);
    for (uint32_t i = 0; i < ROWS; i++) {
        screen_putc('\n');
    }
}

/* Processes print, and so does the kernel thread, which can be interrupted. */
void console_write(const char *text, uint32_t size) {
    static int started;
    uint32_t mask = vmi_get_interrupt_mask();
    vmi_disable_interrupts();
    if (!started) {
        started = 1;
        console_start();
    }
    for (; size--; text++) {
        if (*text == '\n') {
            serial_putc('\r');
        }
        serial_putc(*text);
        screen_putc(*text);
    }
    vmi_set_interrupt_mask(mask);
}

void print(const char *format, ...) {
    char text[160];
    va_list args;
    va_start(args, format);
    console_write(text, (uint32_t)guest_vsnprintf(text, sizeof(text), format, args));
    va_end(args);
}

/* ---- Input ---- */

static struct line {
    const char *device;
    char text[LINE_MAX + 1];
    uint32_t length;
} lines[2] = {{.device = "serial line: "}, {.device = "keyboard: "}};
static struct line *complete;
uint32_t last_typed;

static int listening;

void devices_listen(void) {
    listening = 1;
}

static void typed(struct line *line, char c) {
    if (!listening) { /* an echo would stand in the middle of what is printed */
        return;
    }
    last_typed = ticks;
    if (c == '\r' || c == '\n') {
        line->text[line->length] = 0;
        line->length = 0;
        complete = line;
        print("\n");
    } else if (c >= ' ' && c <= '~' && line->length < LINE_MAX) {
        print("%s%c", line->length ? "" : line->device, c);
        line->text[line->length++] = c;
    }
}

const char *line_typed(void) {
    const struct line *line = complete;
    complete = NULL;
    return line ? line->text : NULL;
}

/* By scan code of set 1. The shift key is not handled: a line is lower case. */
static const char keys[] = "\0\0331234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";

/* ---- Interrupts ---- */

void devices_start(void) {
    /* IRQ 0, 1 and 4 unmasked; the PIT in mode 2 */
    static const struct port_value start[] = {{PIC1, 0x11},
                                              {PIC2, 0x11},
                                              {PIC1 + 1, IRQ_VECTOR},
                                              {PIC2 + 1, IRQ_VECTOR + 8},
                                              {PIC1 + 1, 4},
                                              {PIC2 + 1, 2},
                                              {PIC1 + 1, 1},
                                              {PIC2 + 1, 1},
                                              {PIC1 + 1, 0xEC},
                                              {PIC2 + 1, 0xFF},
                                              {PIT + 3, 0x34},
                                              {PIT, PIT_HZ / HZ & 0xFF},
                                              {PIT, PIT_HZ / HZ >> 8},
                                              {COM_IER, 1}};
    while (vmi_inb(KEY_STATUS) & 1) { /* drop what was typed before */
        vmi_inb(KEY_DATA);
    }
    OUTB_ALL(start);
}

void devices_stop(void) {
    static const struct port_value stop[] = {{PIC1 + 1, 0xFF}, {PIC2 + 1, 0xFF}, {COM_IER, 0}};
    OUTB_ALL(stop);
}

void device_interrupt(uint32_t line) {
    if (line == IRQ_TIMER) {
        ticks++;
    } else if (line == IRQ_KEYBOARD) {
        uint8_t key = vmi_inb(KEY_DATA);
        if (key < sizeof(keys)) {
            typed(&lines[1], keys[key]);
        }
    } else if (line == IRQ_SERIAL) {
        while (vmi_inb(COM_LSR) & LSR_DATA) {
            typed(&lines[0], (char)vmi_inb(COM1));
        }
    } else { /* a spurious IRQ 7 or 15: nothing to acknowledge */
        return;
    }
    vmi_outb(PIC1, PIC_EOI);
}

/* First by the emulators' ports, then as on a PC. */
void power_off(uint8_t status) {
    vmi_outb(0xF4, status ? 1 : 0x10);
    for (const char *s = "Shutdown"; *s; s++) {
        vmi_outb(0x8900, (uint8_t)*s);
    }
    vmi_shutdown();
    for (;;) {
    }
}
