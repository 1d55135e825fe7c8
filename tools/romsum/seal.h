/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sealing: padding, lengths, checksums.
 */
#ifndef ROMSUM_SEAL_H
#define ROMSUM_SEAL_H

#include "lengths.h"

/* Where the byte goes that makes an image sum to 0. */
enum sum_at {
    SUM_AUTO, /* the image's own place, as far as its bytes tell: find_place() */
    SUM_END,  /* the last sealed byte */
    SUM_HERE, /* at an offset */
};

struct sealing {
    enum sum_at sum_at;
    uint32_t sum_offset; /* for SUM_HERE: in the file */
    bool force;          /* for SUM_HERE and SUM_END: on a byte that is executed too */
    enum length_from length_from;
    uint32_t pad; /* bytes that the file is to have; 0: as many as it has */
};

/*
 * The first half: makes the last image a whole one, new bytes are FFh, and sets the lengths of
 * images whose sums are not right as they are.
 */
void seal_lengths(struct image *file, const struct sealing *how, struct report *report);

/* The second half, behind changes: sets the sums, pads the file, checks it. */
void seal_sums(struct image *file, const struct sealing *how, struct report *report);

/* Both. Good only if the report has no problem. */
void seal_image(struct image *file, const struct sealing *how, struct report *report);

#endif
