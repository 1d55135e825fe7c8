/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Which bytes belong to which structure.
 */
#ifndef ROMSUM_SPANS_H
#define ROMSUM_SPANS_H

#include "image.h"

#define MAX_SPANS (12u + 3u * MAX_PNP)

struct span {
    const char *name;
    uint32_t start, end;
    bool text;
};

struct spans {
    struct span list[MAX_SPANS];
    uint32_t count;
};

/* All structures of an image, in no order; `spans` begins empty. */
void collect_spans(const struct image *image, struct spans *spans);

#endif
