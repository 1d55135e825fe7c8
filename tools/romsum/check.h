/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The judge for all verbs: sealing ends with it, choosing begins and ends with it.
 */
#ifndef ROMSUM_CHECK_H
#define ROMSUM_CHECK_H

#include "image.h"
#include "report.h"

/* What must hold before anything else is worth a look; false: look no further. */
bool check_is_rom(const struct image *image, struct report *report);

/* Every reason to refuse the image, in the report. */
void check_image(const struct image *image, struct report *report);

#endif
