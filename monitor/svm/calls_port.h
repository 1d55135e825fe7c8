/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Ports. */
#ifndef MONITOR_CALLS_PORT_H
#define MONITOR_CALLS_PORT_H

#include "vcpu.h"

/* clang-format off */
vmi_handler call_in, call_inb, call_inw, call_ins, call_insb, call_insw, call_out, call_outb,
            call_outw, call_outs, call_outsb, call_outsw, call_io_delay;
/* clang-format on */

/* Elements of a string between two looks for interrupts. */
#define BATCH 4096u

/* Moves so many elements of a string, all in one page but for one alone. */
typedef int move_elements(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t count);

/* As REP: ECX elements, the first at the register that `address` is, which goes on with them. An
 * element that faults leaves the registers where it is. */
int move_string(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t *address,
                move_elements *elements);

/* How many of so many go together: those that end in the page where the first begins. */
uint32_t elements_together(const struct vmi_frame *f, uint32_t address, uint32_t size,
                           uint32_t most);

#endif
