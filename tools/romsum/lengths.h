/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The lengths that an image states: whether they are to be believed, and setting them.
 */
#ifndef ROMSUM_LENGTHS_H
#define ROMSUM_LENGTHS_H

#include "image.h"
#include "report.h"

/* What is believed where the length that an image states is not that of the file. */
enum length_from {
    LENGTH_AUTO,   /* the image where its bytes sum to 0 or nothing else can be; else neither */
    LENGTH_HEADER, /* the image: what is behind is not part of it, what is missing is padded */
    LENGTH_FILE,   /* the file: the image goes to its end */
};

/*
 * How many bytes the file is to have from the last image's first one on. A file that ends in the
 * image's last block is padded to its end; one that ends earlier is cut short, and the report says
 * so unless the header is to be believed.
 */
uint32_t whole_size(const struct image *image, enum length_from from, struct report *report);

/* Sets what the image does not state, or what is wrong where the file is to be believed. */
void set_lengths(struct image *image, enum length_from from, struct report *report);

#endif
