/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sealing.
 */
#ifndef ROMSUM_SEAL_H
#define ROMSUM_SEAL_H

#include "image.h"
#include "report.h"

/* Pads the image and sets its lengths and sums. Good only if the report stays empty. */
void seal_image(struct image *image, struct report *report);

#endif
