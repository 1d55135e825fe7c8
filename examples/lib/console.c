/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Strings, printf, and the three outputs: port E9h, COM1, VGA text. */
#include "guest.h"

enum { COM1 = 0x3F8, COM_SPIN = 100000 };
enum { VGA_COLUMNS = 80, VGA_ROWS = 25, VGA_ATTRIBUTE = 0x0700, CRTC = 0x3D4 };

static unsigned sinks = GUEST_TO_E9 | GUEST_TO_COM1 | GUEST_TO_VGA;
static int com1_state;   /* 0 not probed yet, 1 present, -1 absent */
static int screen_state; /* likewise */
static uint32_t screen_position;

void *memcpy(void *to, const void *from, size_t size) {
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void *memset(void *to, int value, size_t size) {
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t size) {
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s || d >= s + size) {
        return memcpy(to, from, size);
    }
    while (size--) {
        d[size] = s[size];
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (; size; size--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

size_t strlen(const char *s) {
    size_t n = 0;
    while (s[n]) {
        n++;
    }
    return n;
}

int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t size) {
    for (; size; size--, a++, b++) {
        if (*a != *b || !*a) {
            return (uint8_t)*a - (uint8_t)*b;
        }
    }
    return 0;
}

int guest_option(const char *cmdline, const char *key, char *value, size_t size) {
    size_t key_length = strlen(key);
    while (*cmdline) {
        while (*cmdline == ' ') {
            cmdline++;
        }
        size_t length = 0;
        while (cmdline[length] && cmdline[length] != ' ') {
            length++;
        }
        if (length >= key_length && !strncmp(cmdline, key, key_length) &&
            (length == key_length || cmdline[key_length] == '=')) {
            const char *from = cmdline + key_length + (length > key_length);
            size_t n = (size_t)(cmdline + length - from);
            if (size == 0) {
                return 1;
            }
            if (n > size - 1) {
                n = size - 1;
            }
            memcpy(value, from, n);
            value[n] = 0;
            return 1;
        }
        cmdline += length;
    }
    return 0;
}

unsigned guest_console_select(unsigned new_sinks) {
    unsigned old = sinks;
    sinks = new_sinks;
    return old;
}

static void com1_putc(char c) {
    if (com1_state == 0) {
        outb(COM1 + 7, 0x5A); /* scratch register: is there a UART at all? */
        com1_state = inb(COM1 + 7) == 0x5A ? 1 : -1;
        if (com1_state > 0) {
            outb(COM1 + 1, 0);
            outb(COM1 + 3, 0x83);
            outb(COM1 + 0, 1);
            outb(COM1 + 1, 0);
            outb(COM1 + 3, 0x03);
            outb(COM1 + 2, 0x07);
            outb(COM1 + 4, 0x03);
        }
    }
    if (com1_state < 0) {
        return;
    }
    for (uint32_t i = 0; i < COM_SPIN && !(inb(COM1 + 5) & 0x20); i++) {
    }
    outb(COM1, (uint8_t)c);
}

static volatile uint16_t *screen(void) {
    return guest_at(0xB8000);
}

static void screen_start(void) {
    volatile uint16_t *cells = screen();
    uint16_t old = cells[0];
    cells[0] = 0xA55A;
    screen_state = cells[0] == 0xA55A ? 1 : -1;
    cells[0] = old;
    if (screen_state < 0) {
        return;
    }
    outb(CRTC, 14);
    screen_position = (uint32_t)inb(CRTC + 1) << 8;
    outb(CRTC, 15);
    screen_position |= inb(CRTC + 1);
    if (screen_position >= VGA_COLUMNS * VGA_ROWS) {
        screen_position = 0;
    }
}

static void screen_putc(char c) {
    if (screen_state == 0) {
        screen_start();
    }
    if (screen_state < 0) {
        return;
    }
    volatile uint16_t *cells = screen();
    if (c == '\n') {
        screen_position += VGA_COLUMNS - screen_position % VGA_COLUMNS;
    } else if (c == '\r') {
        screen_position -= screen_position % VGA_COLUMNS;
    } else {
        cells[screen_position++] = (uint16_t)(VGA_ATTRIBUTE | (uint8_t)c);
    }
    if (screen_position >= VGA_COLUMNS * VGA_ROWS) {
        for (uint32_t i = 0; i < VGA_COLUMNS * (VGA_ROWS - 1); i++) {
            cells[i] = cells[i + VGA_COLUMNS];
        }
        for (uint32_t i = VGA_COLUMNS * (VGA_ROWS - 1); i < VGA_COLUMNS * VGA_ROWS; i++) {
            cells[i] = VGA_ATTRIBUTE | ' ';
        }
        screen_position -= VGA_COLUMNS;
    }
    outb(CRTC, 14);
    outb(CRTC + 1, (uint8_t)(screen_position >> 8));
    outb(CRTC, 15);
    outb(CRTC + 1, (uint8_t)screen_position);
}

void guest_putc(char c) {
    if (sinks & GUEST_TO_E9) {
        outb(0xE9, (uint8_t)c);
    }
    if (sinks & GUEST_TO_COM1) {
        if (c == '\n') {
            com1_putc('\r');
        }
        com1_putc(c);
    }
    if (sinks & GUEST_TO_VGA) {
        screen_putc(c);
    }
}

void guest_puts(const char *s) {
    while (*s) {
        guest_putc(*s++);
    }
}

uint64_t guest_divide(uint64_t dividend, uint32_t divisor, uint32_t *remainder) {
    uint32_t high = (uint32_t)(dividend >> 32);
    uint32_t low = (uint32_t)dividend;
    uint32_t quotient_high = high / divisor;
    uint32_t rest = high % divisor;
    uint32_t quotient_low;
    __asm__("divl %4" : "=a"(quotient_low), "=d"(rest) : "a"(low), "d"(rest), "rm"(divisor));
    if (remainder) {
        *remainder = rest;
    }
    return (uint64_t)quotient_high << 32 | quotient_low;
}

struct output {
    char *buffer; /* NULL: the console */
    size_t size, used;
};

static void emit(struct output *out, char c) {
    if (!out->buffer) {
        guest_putc(c);
    } else if (out->used + 1 < out->size) {
        out->buffer[out->used++] = c;
    }
}

struct field {
    int left, zero, width, precision, longs;
};

static void emit_field(struct output *out, const struct field *field, const char *text,
                       size_t length, int negative) {
    int padding = field->width - (int)length - negative;
    if (negative && field->zero && !field->left) {
        emit(out, '-');
    }
    for (; !field->left && padding > 0; padding--) {
        emit(out, field->zero ? '0' : ' ');
    }
    if (negative && (!field->zero || field->left)) {
        emit(out, '-');
    }
    while (length--) {
        emit(out, *text++);
    }
    for (; padding > 0; padding--) {
        emit(out, ' ');
    }
}

static void emit_number(struct output *out, const struct field *field, uint64_t value,
                        uint32_t base, int upper, int negative) {
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[20];
    size_t start = sizeof(text);
    do {
        uint32_t digit;
        value = guest_divide(value, base, &digit);
        text[--start] = digits[digit];
    } while (value);
    emit_field(out, field, text + start, sizeof(text) - start, negative);
}

static const char *parse_field(const char *format, struct field *field) {
    memset(field, 0, sizeof(*field));
    field->precision = -1;
    for (;; format++) {
        if (*format == '-') {
            field->left = 1;
        } else if (*format == '0') {
            field->zero = 1;
        } else {
            break;
        }
    }
    for (; *format >= '0' && *format <= '9'; format++) {
        field->width = field->width * 10 + *format - '0';
    }
    if (*format == '.') {
        field->precision = 0;
        for (format++; *format >= '0' && *format <= '9'; format++) {
            field->precision = field->precision * 10 + *format - '0';
        }
    }
    for (; *format == 'l' || *format == 'z'; format++) {
        field->longs += *format == 'l';
    }
    return format;
}

static void format_text(struct output *out, const char *format, va_list *args) {
    for (; *format; format++) {
        struct field field;
        if (*format != '%') {
            emit(out, *format);
            continue;
        }
        format = parse_field(format + 1, &field);
        char c = *format;
        if (!c) {
            return;
        }
        if (c == 's') {
            const char *s = va_arg(*args, const char *);
            size_t length = 0;
            while ((field.precision < 0 || length < (size_t)field.precision) && s[length]) {
                length++;
            }
            field.zero = 0;
            emit_field(out, &field, s, length, 0);
        } else if (c == 'c') {
            char character = (char)va_arg(*args, int);
            field.zero = 0;
            emit_field(out, &field, &character, 1, 0);
        } else if (c == 'd' || c == 'i') {
            int64_t value = field.longs > 1 ? va_arg(*args, int64_t) : va_arg(*args, int32_t);
            uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
            emit_number(out, &field, size, 10, 0, value < 0);
        } else if (c == 'u' || c == 'x' || c == 'X') {
            uint64_t value = field.longs > 1 ? va_arg(*args, uint64_t) : va_arg(*args, uint32_t);
            emit_number(out, &field, value, c == 'u' ? 10 : 16, c == 'X', 0);
        } else if (c == 'p') {
            field.zero = 1;
            field.width = 8;
            emit_number(out, &field, va_arg(*args, uint32_t), 16, 0, 0);
        } else {
            emit(out, c);
        }
    }
}

void guest_vprintf(const char *format, va_list args) {
    struct output out = {NULL, 0, 0};
    va_list copy;
    va_copy(copy, args);
    format_text(&out, format, &copy);
    va_end(copy);
}

void guest_printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    guest_vprintf(format, args);
    va_end(args);
}

int guest_vsnprintf(char *buffer, size_t size, const char *format, va_list args) {
    struct output out = {buffer, size, 0};
    va_list copy;
    if (size == 0) {
        return 0;
    }
    va_copy(copy, args);
    format_text(&out, format, &copy);
    va_end(copy);
    buffer[out.used] = 0;
    return (int)out.used;
}

int guest_snprintf(char *buffer, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int used = guest_vsnprintf(buffer, size, format, args);
    va_end(args);
    return used;
}
