/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Instructions that the guest's ring cannot execute, done for it. */
#ifndef RING1_EMULATE_H
#define RING1_EMULATE_H

#include "ring1.h"

/* A fault of the guest's that may be one: true when the guest goes on as the frame says, its fault
 * included; false when the fault is the guest's as it came. */
bool emulate(struct cpu *cpu, struct frame *f);

#endif
