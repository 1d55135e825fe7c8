/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What serves each call. */
#ifndef MONITOR_CALLS_H
#define MONITOR_CALLS_H

#include "vmi/handlers.h"

/* The context of a handler is the struct vcpu. A handler changes the frame for general registers,
 * EIP, ESP and EFLAGS, and the VMCB for everything else: segments, tables, control and debug
 * registers, MSRs that VMSAVE stores. */
extern const struct vmi_handlers monitor_handlers;

#endif
