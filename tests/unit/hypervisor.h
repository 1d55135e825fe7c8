/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A small hypervisor below machine.h's machine, made with the kit: it serves every call of API 13.
 */
#ifndef TESTS_UNIT_HYPERVISOR_H
#define TESTS_UNIT_HYPERVISOR_H

#include "machine.h"

struct hypervisor {
    struct vmi_publication publication;
    struct vmi_handlers handlers;
    uint8_t image[IMAGE_MAX]; /* as published */
    uint32_t image_size;
    int error; /* of the last trap that could not be served */
};

/* Publishes into h->image and fills in the handlers. Returns 0 or the kit's error. */
int hypervisor_publish(struct hypervisor *h, const struct vmi_image *image,
                       const struct vmi_image *twin, const struct vmi_plan *plan);

/* Puts it below a machine that was opened with h->image at IMAGE_PAGE. */
void hypervisor_attach(struct hypervisor *h, struct machine *m);

#endif
