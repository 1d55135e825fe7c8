/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Reading and writing files.
 */
#ifndef ROMSUM_FILE_H
#define ROMSUM_FILE_H

#include "image.h"

#define MAX_FILE (16u << 20) /* the largest expansion ROM that PCI can map */

/* Reads the whole file; says why not on stderr. The caller frees image->bytes. */
bool read_image(const char *name, struct image *image);

/*
 * Writes the image to the file, in one step: a file of that name is replaced by a whole one or left
 * as it is. One that holds these bytes already is not touched; one that its user may not write to
 * is refused, to root too. Says why not on stderr. `dry`: writes nothing, and refuses the same
 * files.
 */
bool write_image(const struct image *image, const char *name, bool dry);

/* Whether there is a file of that name whose first byte is another one. */
bool holds_other_than(const char *name, char first);

/* Whether both names are of one file. */
bool is_same_file(const char *one, const char *other);

#endif
