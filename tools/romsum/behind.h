/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What is in a file besides its images: never a part of them, and worth a word.
 */
#ifndef ROMSUM_BEHIND_H
#define ROMSUM_BEHIND_H

#include "image.h"
#include "report.h"

/* Warns of what is behind each image, and of a file whose second half repeats the first. */
void check_behind(const struct image *file, struct report *report);

#endif
