/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The call sites of a kernel, from their records: 16 bytes each, struct vmi_annotation of
 * vmi/guest.h.
 */
#ifndef VMI_LINT_SITES_H
#define VMI_LINT_SITES_H

#include "kernel.h"

struct site {
    uint32_t address, size;
};

struct sites {
    struct site *list; /* by address */
    uint32_t count;
};

/*
 * Finds the records where kit.ld has them, between the symbols vmi_annotations and
 * vmi_annotations_end, or in a section .vmi.annotation. None of it: no sites. Says on stderr what
 * vmi_link() would refuse.
 */
bool read_sites(const struct elf *elf, struct sites *sites);

#endif
