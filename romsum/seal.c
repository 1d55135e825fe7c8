/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sealing: padding, lengths, checksums.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "seal.h"

#define MIN_SEALABLE 4u /* signature, length byte and one byte of entry code */

static void pad_image(struct image *image) {
    uint32_t size = blocks_of(image->size) * VMI_ROM_BLOCK;
    uint8_t *bytes = realloc(image->bytes, size);

    if (!bytes)
        out_of_memory();
    memset(bytes + image->size, 0xFF, size - image->size);
    image->bytes = bytes;
    image->size = size;
}

static void seal_structures(struct image *image) {
    uint32_t blocks = image->size / VMI_ROM_BLOCK;
    uint32_t pcir = find_pcir(image);
    uint32_t pnp = find_pnp(image);

    put8(image, HEADER(length), blocks);
    if (pcir != 0) {
        put16(image, pcir + PCIR(image_length), blocks);
        if (is_vmi(image) && get8(image, pcir + PCIR(revision)) == 3)
            put16(image, pcir + PCIR(max_run_time_length), blocks);
    }
    if (pnp != 0) {
        uint32_t bytes = get8(image, pnp + PNP(length)) * VMI_PNP_UNIT;
        uint32_t stated = get8(image, pnp + PNP(checksum));

        if (bytes >= PNP_SIZE && inside(image, pnp, bytes))
            put8(image, pnp + PNP(checksum), stated - sum_of(image, pnp, bytes));
    }
}

static void seal_sum(struct image *image, struct report *report) {
    uint32_t at = VMI_ROM_CHECKSUM_OFFSET;
    uint32_t sum = sum_of(image, 0, image->size);

    /* An image that sums to 0 by a byte of its own stays as it is. */
    if (sum == 0)
        return;
    if (entry_spares_checksum(image))
        put8(image, at, get8(image, at) - sum);
    else
        problem(
            report, HEADER(entry),
            "entry code %02X %02X %02X needs byte 6, where the checksum goes: begin with a jump "
            "(E9, EB) past it or with RETF (CB)",
            get8(image, HEADER(entry)), get8(image, HEADER(entry) + 1),
            get8(image, HEADER(entry) + 2));
}

void seal_image(struct image *image, struct report *report) {
    if (image->size < MIN_SEALABLE) {
        problem(report, NOWHERE, "the file's %u bytes are too short for a ROM", image->size);
        return;
    }
    if (!check_is_rom(image, report) || report->count != 0)
        return;
    if (blocks_of(image->size) > VMI_ROM_MAX_BLOCKS) {
        problem(report, NOWHERE, "the file's %u bytes are more than an image can have (%u)",
                image->size, VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
        return;
    }
    pad_image(image);
    seal_structures(image);
    seal_sum(image, report);
    if (report->count == 0)
        check_image(image, report);
}
