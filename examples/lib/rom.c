/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The scan of the option-ROM area for a VMI image. */
#include "guest.h"

enum { WINDOW_START = 0xC0000, WINDOW_END = 0xE0000, STEP = 2048, BLOCK = 512 };
enum { AT_LENGTH = 2, AT_SIGNATURE = 8, AT_MINOR = 12, AT_MAJOR = 13 };

uint8_t guest_sum(const void *data, uint32_t size) {
    const uint8_t *bytes = data;
    uint8_t sum = 0;
    while (size--) {
        sum = (uint8_t)(sum + *bytes++);
    }
    return sum;
}

static enum rom_verdict judge(const uint8_t *rom, uint8_t major, struct rom_found *found) {
    found->phys = (uint32_t)rom;
    found->size = rom[AT_LENGTH] * BLOCK;
    found->minor = rom[AT_MINOR];
    found->major = rom[AT_MAJOR];
    found->sum = 0;
    if (memcmp(rom + AT_SIGNATURE, "cVmi", 4) != 0) {
        return ROM_NOT_VMI;
    }
    if (found->size == 0 || found->phys + found->size > WINDOW_END) {
        return ROM_BAD_LENGTH;
    }
    found->sum = guest_sum(rom, found->size);
    if (found->sum) {
        return ROM_BAD_CHECKSUM;
    }
    return found->major == major ? ROM_GOOD : ROM_FOREIGN_MAJOR;
}

uint32_t guest_find_rom_of(uint8_t major, struct rom_found *list, uint32_t max, uint32_t *count) {
    uint32_t first = 0;
    *count = 0;
    for (uint32_t address = WINDOW_START; address < WINDOW_END; address += STEP) {
        const uint8_t *rom = guest_at(address);
        struct rom_found found;
        if (rom[0] != 0x55 || rom[1] != 0xAA) {
            continue;
        }
        found.verdict = judge(rom, major, &found);
        if (found.verdict == ROM_GOOD && first) {
            found.verdict = ROM_UNUSED;
        }
        if (found.verdict == ROM_GOOD) {
            first = address;
        }
        if (*count < max) {
            list[(*count)++] = found;
        }
    }
    return first;
}

uint32_t guest_find_rom(struct rom_found *list, uint32_t max, uint32_t *count) {
    return guest_find_rom_of(13, list, max, count);
}

const char *guest_rom_verdict_name(enum rom_verdict verdict) {
    static const char *const names[] = {"good",         "not a VMI ROM",     "bad length",
                                        "bad checksum", "foreign API major", "good, not used"};
    return names[verdict];
}
