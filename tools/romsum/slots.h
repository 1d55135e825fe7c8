/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What is in the call slots of a VMI image.
 */
#ifndef ROMSUM_SLOTS_H
#define ROMSUM_SLOTS_H

#include "image.h"

/* What the image says of a slot that a kernel need not call; 0: it is to be called. */
uint32_t inlining(const struct image *image, uint32_t number);

/* Bytes up to the last one that is not fill. */
uint32_t slot_used(const struct image *image, uint32_t number);

/* The call that the image has in a slot, NULL if there is none. */
const char *slot_name(const struct image *image, uint32_t slot);

/* The kind that the descriptor gives a slot; native if there is no descriptor. */
uint32_t shown_kind(const struct image *image, uint32_t number);

#endif
