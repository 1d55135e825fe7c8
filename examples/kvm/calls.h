/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the kit's default handlers get and set, and the memory that calls reach. */
#ifndef KVM_CALLS_H
#define KVM_CALLS_H

#include "vmm.h"

/* Its context is the struct vmm. */
extern const struct vmi_guest call_guest;

#endif
