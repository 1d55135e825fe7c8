/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What serves the calls, and the memory that they reach. */
#ifndef KVM_CALLS_H
#define KVM_CALLS_H

#include "vmm.h"

extern const struct vmi_handlers call_handlers;
extern const struct vmi_guest call_guest;

#endif
