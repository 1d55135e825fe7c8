/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What a file looks like that does not begin as an option ROM does.
 */
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "walk.h"

/* A byte that may begin the code at 3: a jump, a call, RETF. */
static bool begins_entry(uint32_t byte) {
    return byte == 0xE8 || byte == 0xE9 || byte == 0xEB || byte == 0xCB;
}

static bool is_blank(const struct image *file) {
    uint32_t fill = get8(file, 0);

    return (fill == 0xFF || fill == 0x00) && run_of(file, 0, file->size, fill) == file->size;
}

/* 55, length, bytes 4, 6, ...: as many as half the blocks have. */
static bool is_even_half(const struct image *file) {
    return get8(file, 0) == 0x55 && get8(file, 1) != 0 &&
           get8(file, 1) * (VMI_ROM_BLOCK / 2) <= file->size;
}

/* A reset jump 16 bytes before the end: EA oooo F000, or a near one with a date behind it. */
static bool is_system_bios(const struct image *file) {
    uint32_t at = file->size - 16;

    if (file->size < 8192) {
        return false;
    }
    return (get8(file, at) == 0xEA && get16(file, at + 3) >= 0xE000) ||
           ((get8(file, at) == 0xE9 || get8(file, at) == 0xEB) && get8(file, at + 7) == '/' &&
            get8(file, at + 10) == '/');
}

static void advise_of_rom(const struct image *file, char *text, size_t size) {
    uint32_t at = find_rom(file, 1);

    if (at != NOWHERE) {
        snprintf(text, size, "; 55 AA is at 0x%02X: an image begins there (--at 0x%X)", at, at);
    }
}

void advise(const struct image *file, char *text, size_t size) {
    text[0] = '\0';
    if (is_vmi(file)) {
        return;
    }
    if (is_blank(file)) {
        snprintf(text, size, "; it is blank: all bytes are %02X", get8(file, 0));
    } else if (get16(file, 0) == 0x55AA) {
        snprintf(text, size,
                 "; it looks like a byte-swapped ROM: the bytes of each pair are exchanged");
    } else if (is_system_bios(file)) {
        snprintf(text, size, "; it looks like a system BIOS, with the reset vector at its end");
    } else if (is_even_half(file)) {
        snprintf(
            text, size,
            "; it looks like the even half of a pair of chips: interleave it with the odd half");
    } else if (get8(file, 0) == 0xAA && begins_entry(get8(file, 1))) {
        snprintf(
            text, size,
            "; it looks like the odd half of a pair of chips: interleave it with the even half");
    } else {
        advise_of_rom(file, text, size);
    }
}
