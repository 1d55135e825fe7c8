/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Messages, memory, and texts of other people's on their way to a terminal.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "text.h"

void *grow(void *old, size_t count, size_t size) {
    void *new = count <= SIZE_MAX / size ? realloc(old, count * size) : NULL;
    if (!new) {
        fputs("vmi-lint: out of memory\n", stderr);
        exit(1);
    }
    return new;
}

/* Control characters would do something to a terminal, and what is above ASCII may be anything. */
static int is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x7F;
}

void print_text(FILE *out, const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (is_plain(c)) {
            putc(c, out);
        } else {
            fprintf(out, "\\x%02X", c);
        }
    }
}

void print_json_text(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (is_plain(c)) {
            putc(c, out);
        } else {
            fprintf(out, "\\u%04X", c < 0x80 ? c : 0xFFFDu);
        }
    }
    putc('"', out);
}

void complain(const char *name, const char *format, ...) {
    va_list arguments;
    fputs("vmi-lint: ", stderr);
    print_text(stderr, name);
    fputs(": ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    putc('\n', stderr);
}
