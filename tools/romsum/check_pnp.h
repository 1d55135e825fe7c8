/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The checks of $PnP headers.
 */
#ifndef ROMSUM_CHECK_PNP_H
#define ROMSUM_CHECK_PNP_H

#include "image.h"
#include "report.h"

void check_pnp(const struct image *image, struct report *report);

#endif
