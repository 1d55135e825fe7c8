/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Which bytes belong to which structure.
 */
#ifndef ROMSUM_SPANS_H
#define ROMSUM_SPANS_H

#include "image.h"

#define MAX_SPANS (15u + 3u * MAX_PNP)

struct span {
    const char *name;
    uint32_t start, end;
    bool text;
};

struct spans {
    struct span list[MAX_SPANS];
    uint32_t count;
};

/*
 * All structures of an image, in no order; `spans` begins empty. Without the strings of a foreign
 * ROM: they may share bytes, and anything may lie behind a pointer.
 */
void collect_spans(const struct image *image, struct spans *spans);

/* Adds those that are text with an end. */
void collect_foreign_strings(const struct image *image, struct spans *spans);

#endif
