/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * A picture of an image.
 */
#ifndef ROMSUM_SVG_H
#define ROMSUM_SVG_H

#include "image.h"
#include "report.h"

/* An SVG file about a checked file, in memory that the caller frees; `size` is its length. */
char *draw_image(const struct image *file, const struct report *report, size_t *size);

#endif
