/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Hypercall images: the descriptor, the kinds of slots, the trap.
 */
#ifndef ROMSUM_HYPERCALL_H
#define ROMSUM_HYPERCALL_H

#include "image.h"
#include "report.h"

/* A trap as the descriptor holds it. */
struct trap {
    uint32_t kind;
    uint32_t operand;
};

struct trap_kind {
    const char *name;
    const char *operand; /* what the site's second byte is; NULL: it is part of the instruction */
    uint32_t lowest;     /* operand */
    uint8_t site[VMI_TRAP_SITE_SIZE];
};

extern const struct trap_kind trap_kinds[VMI_TRAP_KINDS];
extern const char *const slot_kinds[VMI_SLOT_KINDS];

struct trap trap_of(const struct image *image, uint32_t descriptor);

/* VMI_SLOT_KINDS or more is no kind at all. */
uint32_t slot_kind(const struct image *image, uint32_t descriptor, uint32_t number);

void check_hypercall(const struct image *image, struct report *report);

/* Makes every trap this one, in a good image. The seal has to be renewed. */
void set_trap(struct image *image, struct trap trap, struct report *report);

/* Whether Init asks by the trap where CPUID tells of no hypervisor, in a good image. Likewise. */
void set_ask(struct image *image, bool asks, struct report *report);

#endif
