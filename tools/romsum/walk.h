/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The images of a file, one behind the other, as firmware finds them and as a chip holds them.
 *
 * A ROM is a chain of images: the next one is where PCIR of the one before says, until the
 * last-image bit. An image is as long as it states; what is behind is not part of it. Behind a ROM
 * another one may begin: at its end, or on a boundary where firmware or a person looks for one.
 */
#ifndef ROMSUM_WALK_H
#define ROMSUM_WALK_H

#include "image.h"

/* There is always a first image. False: there is no other one. */
void first_image(const struct image *file, struct image *image);
bool next_image(const struct image *file, struct image *image);

uint32_t count_images(const struct image *file);

/* Bytes of FF at the end of the file, behind its last image. */
uint32_t padding_of(const struct image *file);

/* Where a ROM begins that is more than a chance: NOWHERE if none does from `from` on. */
uint32_t find_rom(const struct image *file, uint32_t from);

#endif
