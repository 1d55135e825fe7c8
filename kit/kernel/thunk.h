/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The called form of a site whose operands may be anywhere: a function of its own, made of the
 * site's translation. */
#ifndef GUEST_KIT_THUNK_H
#define GUEST_KIT_THUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "vmi/guest.h"

/* Bit 7 of a record's form; bits 0 to 2 are the registers that the call may change. */
#define THUNK_FORM    0x80
#define THUNK_CHANGES 7

/* Instructions of a translation have three bytes and more where they can grow by four. */
#define TRANSLATION_MAX 48
#define THUNK_MAX       128

struct vmi_kit_thunk {
    uint8_t code[THUNK_MAX];
    uint8_t size;   /* of the code; 0: the site's registers are the call's, so it can call itself */
    uint8_t target; /* where the CALL's distance is */
    uint8_t loaded; /* registers that arguments are put into */
    uint8_t results; /* and those that results are */
};

/*
 * Reads the translation of a record with THUNK_FORM: pushes of registers, constants and memory, an
 * address, pops, the call with its number, and what brings the results to their registers. False:
 * it is something else.
 */
bool vmi_kit_make_thunk(const struct vmi_annotation *r, struct vmi_kit_thunk *thunk);

/* The record of an earlier site that has the same thunk, or `r`. */
const struct vmi_annotation *vmi_kit_same_thunk(const struct vmi_annotation *first,
                                                const struct vmi_annotation *r);

#endif
