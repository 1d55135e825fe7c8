/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Descriptors of the guest's tables. */
#ifndef MONITOR_DESCRIPTOR_H
#define MONITOR_DESCRIPTOR_H

#include "vcpu.h"

#define DESCRIPTOR_SIZE 8u

struct descriptor {
    struct segment segment; /* as it would be loaded */
    uint32_t at;            /* linear */
};

/* Reads one; #GP outside of its table. */
int read_descriptor(struct vcpu *vcpu, const struct vmi_frame *frame, uint16_t selector,
                    struct descriptor *descriptor);

/* Sets bits of the type in memory, with the bus locked. */
int mark_descriptor(struct vcpu *vcpu, const struct descriptor *descriptor, uint8_t bits);

#endif
