/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sealing: padding, lengths, checksums.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "seal.h"
#include "sum.h"

#define MIN_SEALABLE 4u /* signature, length byte and one byte of entry code */

/* New bytes are FFh. */
static void set_size(struct image *file, uint32_t size) {
    uint8_t *bytes = realloc(file->bytes, size);

    if (!bytes)
        out_of_memory();
    if (size > file->size)
        memset(bytes + file->size, 0xFF, size - file->size);
    file->bytes = bytes;
    file->size = size;
}

void pad_to_blocks(struct image *file) {
    set_size(file, blocks_of(file->size) * VMI_ROM_BLOCK);
}

/* ---- Lengths ---- */

/* Only PCIR can tell of more than the length byte can. */
static bool is_too_long(const struct image *image) {
    return blocks_of(image->size) > VMI_ROM_MAX_BLOCKS && (is_vmi(image) || find_pcir(image) == 0);
}

/*
 * An image of a PCI device may be initialised with less than it has. Its length byte is taken at
 * its word if PCIR is right about the whole; otherwise the author leaves both to this tool.
 */
static bool keeps_length_byte(const struct image *image, uint32_t pcir_says) {
    uint32_t bytes = get8(image, HEADER(length)) * VMI_ROM_BLOCK;

    return !is_vmi(image) && find_pcir(image) != 0 && pcir_says == image->size && bytes != 0 &&
           bytes <= image->size;
}

/* A chip may hold several ROMs; nothing but the length byte tells where the second one begins. */
static bool is_followed(const struct image *image) {
    uint32_t bytes = get8(image, HEADER(length)) * VMI_ROM_BLOCK;

    return !is_vmi(image) && find_pcir(image) == 0 && bytes != 0 && inside(image, bytes, 4) &&
           get16(image, bytes) == VMI_ROM_SIGNATURE;
}

static void seal_lengths(struct image *image, struct report *report) {
    uint32_t blocks = image->size / VMI_ROM_BLOCK;
    uint32_t pcir = find_pcir(image);
    uint32_t pcir_says = pcir_size(image);

    if (pcir != 0) {
        if (blocks > UINT16_MAX)
            problem(report, pcir + PCIR(image_length), "PCIR cannot say %u blocks: 65535 at most",
                    blocks);
        put16(image, pcir + PCIR(image_length), blocks);
        if (is_vmi(image) && get8(image, pcir + PCIR(revision)) == 3)
            put16(image, pcir + PCIR(max_run_time_length), blocks);
    }
    if (!is_x86(image) || keeps_length_byte(image, pcir_says))
        return;
    if (is_followed(image))
        problem(report, HEADER(length),
                "length byte says %u blocks (%u bytes), and another ROM begins behind them, at "
                "0x%02X: seal each in a file of its own",
                get8(image, HEADER(length)), get8(image, HEADER(length)) * VMI_ROM_BLOCK,
                get8(image, HEADER(length)) * VMI_ROM_BLOCK);
    else if (blocks <= VMI_ROM_MAX_BLOCKS)
        put8(image, HEADER(length), blocks);
    else if (pcir != 0)
        problem(report, HEADER(length),
                "length byte cannot say %u blocks: set it to what the BIOS is to load (%u at "
                "most), and PCIR's image length to %u",
                blocks, VMI_ROM_MAX_BLOCKS, blocks);
    else
        problem(report, NOWHERE, "the %s's %u bytes are more than an image can have (%u)",
                noun(image), image->size, VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
}

/* ---- Sums ---- */

static void seal_pnp_sums(struct image *image) {
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++) {
        uint32_t at = chain.at[i];
        uint32_t bytes = get8(image, at + PNP(length)) * VMI_PNP_UNIT;
        uint32_t stated = get8(image, at + PNP(checksum));

        if (bytes >= PNP_SIZE && inside(image, at, bytes))
            put8(image, at + PNP(checksum), stated - sum_of(image, at, bytes));
    }
}

static void report_no_place(const struct image *image, struct report *report,
                            const struct place *place) {
    uint32_t code = HEADER(entry);

    if (place->other != 0)
        problem(report, place->at,
                "the checksum may be here (0x%02X) or in the last byte, at 0x%02X (0x%02X): say "
                "which with --sum-at %u or --sum-at end",
                get8(image, place->at), report->base + place->other, get8(image, place->other),
                report->base + place->at);
    else if (is_vmi(image))
        problem(report, code,
                "entry code %02X %02X %02X needs byte 6, where the checksum goes: begin with a "
                "jump (E9, EB) past it or with RETF (CB)",
                get8(image, code), get8(image, code + 1), get8(image, code + 2));
    else
        problem(report, place->at,
                "no place for the checksum: byte 6 is not behind a jump (entry code %02X %02X "
                "%02X), and the last byte (0x%02X) may mean something; --sum-at end or --sum-at "
                "OFFSET says where",
                get8(image, code), get8(image, code + 1), get8(image, code + 2),
                get8(image, place->at));
}

/* Where to put the sum of `size` bytes; NOWHERE: the report says why. */
static uint32_t choose_place(const struct image *image, uint32_t size, const struct sealing *how,
                             struct report *report) {
    struct place place = {size - 1, 0, true};
    const char *what;

    if (how->sum_at == SUM_HERE)
        place.at = how->sum_offset - image->base;
    if (how->sum_at == SUM_AUTO)
        place = find_place(image, size);
    if (!place.free || place.other != 0) {
        report_no_place(image, report, &place);
        return NOWHERE;
    }
    what = what_is_at(image, place.at);
    if (what) {
        problem(report, place.at, "the checksum cannot go here: the byte belongs to %s", what);
        return NOWHERE;
    }
    return place.at;
}

static void seal_sum(struct image *image, const struct sealing *how, struct report *report) {
    uint32_t size = get8(image, HEADER(length)) * VMI_ROM_BLOCK;
    uint32_t sum = sum_of(image, 0, size);
    struct sealing own = *how;
    const char *what;
    uint32_t at;

    if (!is_x86(image) || size == 0 || !inside(image, 0, size))
        return;
    if (how->sum_at == SUM_HERE &&
        (how->sum_offset < image->base || how->sum_offset - image->base >= size))
        own.sum_at = SUM_AUTO;
    /* An image that sums to 0 by a byte of its own stays as it is. */
    if (sum == 0 && own.sum_at == SUM_AUTO)
        return;
    at = choose_place(image, size, &own, report);
    if (at == NOWHERE)
        return;
    put8(image, at, get8(image, at) - sum);
    what = what_is_at(image, at); /* a 0 may end a string that had no end */
    if (what)
        problem(report, at, "the checksum cannot go here: as 0x%02X the byte belongs to %s",
                get8(image, at), what);
}

/* Whether an image's checksum can be at this offset of the file. */
static bool is_sealed(const struct image *file, uint32_t offset) {
    struct image image;

    first_image(file, &image);
    do {
        uint32_t size = get8(&image, HEADER(length)) * VMI_ROM_BLOCK;

        if (is_x86(&image) && offset >= image.base && offset - image.base < size &&
            offset - image.base < image.size)
            return true;
    } while (next_image(file, &image));
    return false;
}

/* ---- All of it ---- */

static void pad_file(struct image *file, uint32_t size, struct report *report) {
    uint32_t end = file->size - padding_of(file);

    if (end > size)
        problem(report, NOWHERE, "the sealed image has %u bytes, more than the %u to pad it to",
                end, size);
    else
        set_size(file, size);
}

void seal_image(struct image *file, const struct sealing *how, struct report *report) {
    struct image image;

    if (file->size < MIN_SEALABLE) {
        problem(report, NOWHERE, "the file's %u bytes are too short for a ROM", file->size);
        return;
    }
    if (!check_is_rom(file, report) || report->count != 0)
        return;
    first_image(file, &image);
    if (is_too_long(&image)) {
        problem(report, NOWHERE, "the %s's %u bytes are more than an image can have (%u)",
                noun(&image), image.size, VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
        return;
    }
    pad_to_blocks(file);
    first_image(file, &image);
    do {
        look_at(report, &image);
        seal_lengths(&image, report);
        seal_pnp_sums(&image);
        if (report->count == 0)
            seal_sum(&image, how, report);
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (how->sum_at == SUM_HERE && report->count == 0 && !is_sealed(file, how->sum_offset))
        problem(report, how->sum_offset,
                "the checksum cannot go here: no sealed byte of an image for the BIOS");
    if (how->pad != 0 && report->count == 0)
        pad_file(file, how->pad, report);
    if (report->count == 0)
        check_image(file, report);
}
