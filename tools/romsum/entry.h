/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What is executed or read in the header of a ROM for the BIOS: the entry at byte 3, and what many
 * vendors have behind it. DEBUG's G=C800:5 formats a disk by an entry at byte 5, loaders have
 * another one at 6, jump tables go on at 6 and 9, and DOS reads names of commands at 6.
 */
#ifndef ROMSUM_ENTRY_H
#define ROMSUM_ENTRY_H

#include "image.h"

/* Where the entry code goes first: the target of its jump, else the entry itself. */
uint32_t entry_target(const struct image *image);

/* Whether the bytes at the entry are no code: 00 00 00 or FF FF FF. */
bool entry_is_empty(const struct image *image);

/*
 * What executes or reads the byte at `at`, between the entry and the pointers at 18h, or as the
 * first byte that a jump or a vector leads to; NULL: nothing that is known.
 */
const char *entry_use(const struct image *image, uint32_t at);

extern const char text_use[]; /* what entry_use says of text: names that a program may print */

/* Whether three printable bytes begin at `at`. */
bool is_text(const struct image *image, uint32_t at);

/* A byte that means nothing: what linkers, assemblers and empty chips fill with. */
static inline bool is_fill(uint32_t byte) {
    return byte == 0x00 || byte == 0xFF || byte == CALL_FILL || byte == 0x90;
}

#endif
