/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Text of the system's, file names above all, on its way to a terminal.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "text.h"

const char *program_name = "romsum";

uint32_t utf8_length(const unsigned char *text) {
    static const struct {
        unsigned char first, last, second_first, second_last, length;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) {
            continue;
        }
        if (forms[i].length == 1) {
            return 1;
        }
        if (text[1] < forms[i].second_first || text[1] > forms[i].second_last) {
            return 0;
        }
        for (uint32_t n = 2; n < forms[i].length; n++) {
            if (text[n] < 0x80 || text[n] > 0xBF) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

/* C0, DEL, and C1 as UTF-8 has it. */
static bool is_control(const unsigned char *text) {
    return *text < 0x20 || *text == 0x7F || (*text == 0xC2 && text[1] < 0xA0);
}

void print_text(FILE *out, const char *text) {
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        uint32_t length = utf8_length(at);
        uint32_t step = length == 0 ? 1 : length;

        if (length == 0 || is_control(at)) {
            for (uint32_t i = 0; i < step; i++) {
                fprintf(out, "\\x%02X", at[i]);
            }
        } else {
            fwrite(at, 1, length, out);
        }
        at += step;
    }
}

void print_json_character(uint32_t c) {
    if (c == '"' || c == '\\') {
        printf("\\%c", (int)c);
    } else if (c >= 0x20 && c < 0x7F) {
        putchar((int)c);
    } else {
        printf("\\u%04X", c);
    }
}

void print_json_text(const char *text) {
    const unsigned char *at = (const unsigned char *)text;

    putchar('"');
    while (*at) {
        uint32_t length = utf8_length(at);

        if (length == 1) {
            print_json_character(*at);
        } else if (length == 0) {
            printf("\\uFFFD");
        } else {
            fwrite(at, 1, length, stdout);
        }
        at += length == 0 ? 1 : length;
    }
    putchar('"');
}

void print_name(const char *name) {
    fprintf(stderr, "%s: ", program_name);
    print_text(stderr, name);
    fputs(": ", stderr);
}

bool usage_error(const char *format, ...) {
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "%s: ", program_name);
    print_text(stderr, text);
    fprintf(stderr, "; try %s --help\n", program_name);
    return false;
}

int end_output(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fprintf(stderr, "%s: standard output: %s\n", program_name, strerror(errno));
    return status ? status : 1;
}
