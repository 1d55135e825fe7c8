/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What a file looks like that does not begin as an option ROM does. People ask about such dumps.
 */
#ifndef ROMSUM_ADVICE_H
#define ROMSUM_ADVICE_H

#include <stddef.h>

#include "image.h"

/* Writes it to `text`, at most `size` bytes; an empty text where nothing is to be said. */
void advise(const struct image *file, char *text, size_t size);

#endif
