/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The last-image bits of a chain of PCI images.
 */
#ifndef ROMSUM_CHAIN_H
#define ROMSUM_CHAIN_H

#include "image.h"
#include "report.h"

/*
 * Makes image `number` of the file the last one of its ROM: what is behind is hidden, what is
 * before leads to it. Sums have to be set again.
 */
void set_last(struct image *file, uint32_t number, struct report *report);

#endif
