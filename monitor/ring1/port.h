/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Ports of ring 3 and of V86 mode: the bitmap in the guest's TSS says which ones are open. */
#ifndef RING1_PORT_H
#define RING1_PORT_H

#include "decode.h"
#include "ring1.h"

/* True: done, or ended in a page fault of its own; false: closed. */
bool emulate_port(struct cpu *cpu, struct frame *f, const struct instruction *i);

#endif
