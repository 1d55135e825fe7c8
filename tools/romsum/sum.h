/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where the byte is that makes an image sum to 0. Vendors differ: byte 6 behind the near jump at
 * byte 3, byte 5 behind a short one, byte 21h, the last byte, or one before the settings.
 */
#ifndef ROMSUM_SUM_H
#define ROMSUM_SUM_H

#include "image.h"

struct place {
    uint32_t at;     /* the place, or the better guess */
    uint32_t other;  /* not 0: it may as well be here */
    bool free;       /* nothing speaks against a checksum there */
    const char *why; /* it was taken, where another place was possible; NULL: there was none */
};

/* The place in an image of `size` sealed bytes, as far as its bytes tell. */
struct place find_place(const struct image *image, uint32_t size);

/* The structure that a byte belongs to; NULL: none that is known. */
const char *structure_at(const struct image *image, uint32_t at);

/* What executes or reads the byte, a string of $PnP included; NULL: nothing that is known. */
const char *use_of(const struct image *image, uint32_t at);

/* Either; NULL: neither, so a checksum can go there. */
const char *what_is_at(const struct image *image, uint32_t at);

/* Whether the byte is of a structure, or used, other than as text: a string is that itself. */
bool is_more_than_text(const struct image *image, uint32_t at);

/*
 * Where the settings of an image with two sums begin: code that ends in a checksum of its own, then
 * settings that sum to 0. 0: it has no more than one.
 */
uint32_t find_settings(const struct image *image, uint32_t size);

/* Whether the bytes of the $PnP header at `at` sum to 0, or cannot be summed. */
bool pnp_sum_is_right(const struct image *image, uint32_t at);

/* Whether firmware finds the sums right: of an image for the BIOS, all that its header states. */
bool sums_are_right(const struct image *image);

#endif
