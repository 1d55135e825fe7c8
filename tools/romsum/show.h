/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Showing an image to a person.
 */
#ifndef ROMSUM_SHOW_H
#define ROMSUM_SHOW_H

#include "image.h"
#include "report.h"

/* Prints all that a file holds, each problem that check_image() found beside what it is about. */
void show_image(const struct image *file, struct report *report);

#endif
