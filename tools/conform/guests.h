/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What the known guests make of an image: the header's rules of each, how it starts the ROM, and
 * what it wants of the answers.
 */
#ifndef CONFORM_GUESTS_H
#define CONFORM_GUESTS_H

#include "../romsum/image.h"
#include "answers.h"

enum { LINUX_13, SANOS, LINUX_3, GUESTS };

enum taking {
    TAKES,
    NOT_FOR_IT, /* it speaks another API */
    NATIVELY,   /* Init says so */
    REFUSES,
    DIES,
    NOT_KNOWN, /* only the ROM's hypervisor knows */
};

extern const char *const guest_names[GUESTS];
extern const char *const taking_names[]; /* "takes", ..., by enum taking, for machines */

struct guest_verdict {
    enum taking taking;
    bool counts; /* a ROM of this version has to serve the guest */
    char why[160];
};

/* What is known of the image. */
struct facts {
    const struct image *image;
    bool started; /* Init came back */
    uint32_t status;
    bool asked; /* GetRelocationInfo is there, and may be asked */
    struct answer answers[ANSWERS];
    bool outlives; /* answers stay good without the low 4 MiB, as far as is known */
    uint32_t short_lived;
    uint32_t hypervisor_area;
};

void judge_guests(const struct facts *facts, struct guest_verdict verdicts[GUESTS]);

#endif
