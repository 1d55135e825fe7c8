/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The checks of the PCI data structure: a BIOS minds little of it, EFI firmware more.
 */
#ifndef ROMSUM_CHECK_PCIR_H
#define ROMSUM_CHECK_PCIR_H

#include "image.h"
#include "report.h"

void check_pcir(const struct image *image, struct report *report);

#endif
