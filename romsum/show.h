/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Showing an image to a person.
 */
#ifndef ROMSUM_SHOW_H
#define ROMSUM_SHOW_H

#include "image.h"
#include "report.h"

/* Checks the image and prints all that it holds, each problem beside what it is about. */
void show_image(const struct image *image, struct report *report);

#endif
