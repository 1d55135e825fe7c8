/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where the byte is that makes an image sum to 0. Vendors differ: byte 6, behind the jump at byte
 * 3, or the last byte of the sealed length.
 */
#ifndef ROMSUM_SUM_H
#define ROMSUM_SUM_H

#include "image.h"

struct place {
    uint32_t at;    /* the place, or the better guess */
    uint32_t other; /* not 0: it may as well be here */
    bool free;      /* nothing speaks against a checksum there */
};

/* The place in an image of `size` sealed bytes, as far as its bytes tell. */
struct place find_place(const struct image *image, uint32_t size);

/* The structure that a byte belongs to; NULL: none that is known, so a checksum can go there. */
const char *what_is_at(const struct image *image, uint32_t at);

#endif
