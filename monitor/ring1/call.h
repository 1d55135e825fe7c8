/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The calls that trap and are not served beside the gate. */
#ifndef RING1_CALL_H
#define RING1_CALL_H

#include "ring1.h"

/* Serves the call of a slot. The guest goes on behind its INT, or in its handler of a fault. */
void serve_call(struct cpu *cpu, struct frame *f, uint32_t slot);

#endif
