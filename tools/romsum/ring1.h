/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Ring 1 ROMs: the descriptor, and the flags that choose how the hypervisor runs its guests.
 */
#ifndef ROMSUM_RING1_H
#define ROMSUM_RING1_H

#include "image.h"
#include "report.h"
#include "vmi/hypercall.h"

#define RING1(field) ((uint32_t)offsetof(struct vmi_ring1_descriptor, field))
#define RING1_SIZE   ((uint32_t)sizeof(struct vmi_ring1_descriptor))

/* Where the descriptor is, 0 if there is none. */
uint32_t find_ring1(const struct image *image);
/* The same, of this version and with all that it leads to inside. */
uint32_t find_readable_ring1(const struct image *image);

/* The bytes that a flag exchanges. */
uint32_t exchanged_size(const struct image *image, uint32_t descriptor);

/* The kind of a slot as it is now. */
uint32_t ring1_kind(const struct image *image, uint32_t descriptor, uint32_t number);

/* Whether it is the second part of a ring 1 ROM. */
bool is_ring1_second(const struct image *image);

void check_ring1(const struct image *image, struct report *report);

/* Not a ring 1 ROM's: a hypercall image's Init asks by its trap. */
#define FLAG_ASK 0x100u

/* The flags of a list of names with commas between; false: one is unknown, `bad` and its length. */
bool ring1_flags(const char *list, uint32_t *flags, const char **bad, uint32_t *length);
extern const char *const ring1_flag_names[8];

/* Sets just these flags in a good image of either kind. The seal has to be renewed. */
void set_flags(struct image *image, uint32_t flags, struct report *report);

#endif
