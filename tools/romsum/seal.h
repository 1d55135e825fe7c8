/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sealing: padding, lengths, checksums.
 */
#ifndef ROMSUM_SEAL_H
#define ROMSUM_SEAL_H

#include "image.h"
#include "report.h"

/* Where the byte goes that makes an image sum to 0. */
enum sum_at {
    SUM_AUTO, /* the image's own place, else byte 6, else the last byte: find_place() */
    SUM_END,  /* the last sealed byte */
    SUM_HERE, /* at an offset */
};

struct sealing {
    enum sum_at sum_at;
    uint32_t sum_offset; /* for SUM_HERE: in the file */
    uint32_t pad;        /* bytes that the file is to have; 0: as many as it has */
};

/* Makes the file a whole number of blocks; new bytes are FFh. */
void pad_to_blocks(struct image *file);

/*
 * Pads the file to whole blocks and sets the lengths and sums of its images. Good only if the
 * report stays empty.
 */
void seal_image(struct image *file, const struct sealing *how, struct report *report);

#endif
