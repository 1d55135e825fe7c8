/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Which slots of a hypercall image trap and which are native, as a hypervisor publishes it: the
 * hypervisor's kit chooses and fills them.
 */
#ifndef ROMSUM_MIXTURE_H
#define ROMSUM_MIXTURE_H

#include "image.h"
#include "report.h"

/* A call and the VMI_SLOT_... that its slot is to be. */
struct choice {
    const char *name;
    uint32_t length; /* of the name */
    uint8_t kind;
};

struct mixture {
    int policy; /* enum vmi_policy, the choices on top of it */
    struct choice choices[2 * VMI_CALL_SLOTS];
    uint32_t count;
    struct image twin; /* the native image; no bytes: there is none */
    struct image soft; /* the soft bodies, 32 bytes for each of 128 slots; likewise */
};

/* Whether an API has a call of this name. */
bool is_call(const char *name, uint32_t length);

/* Fills the slots of a good image. The seal has to be renewed. */
void set_mixture(struct image *image, const struct mixture *mixture, struct report *report);

#endif
