/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What can be changed in an image on the way to its seal.
 */
#ifndef ROMSUM_CHANGE_H
#define ROMSUM_CHANGE_H

#include "hypercall.h"
#include "mixture.h"
#include "policy.h"
#include "ring1.h"
#include "seal.h"

/* What PCIR says of the device. */
struct identity {
    uint32_t vendor, device;
    uint32_t class_code; /* base class, subclass, interface from the high byte */
    bool has_class;
};

/* NULL: as it is. */
struct strings {
    const char *manufacturer, *product;
};

/* What is to be changed; NULL: not this. */
struct changes {
    const struct mixture *mixture;
    const struct trap *trap;
    const struct policy *policy;
    const uint32_t *flags; /* of a ring 1 ROM */
    uint32_t last;         /* the image that is to be the last one; 0: as it is */
    const struct identity *identity;
    const struct strings *strings;
    struct sealing sealing;
};

/*
 * Makes the changes and seals the image. Other slots, another trap or policy are only for a good
 * image: a new seal would hide what is wrong with it. Good only if the report has no problem; it
 * has each change that was made.
 */
void change_image(struct image *file, const struct changes *changes, struct report *report);

#endif
