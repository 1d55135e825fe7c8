/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Starting other processors, by SetInitialAPState. */
#ifndef RING1_PROCESSORS_H
#define RING1_PROCESSORS_H

#include "ring1.h"
#include "vmi/api.h"

/* Starts the processor of a local APIC in the guest's state; nothing happens when there is no room
 * for it or it does not come. */
void start_processor(uint32_t apic_id, const struct vmi_ap_state *state);

/* The state that this processor was started with, and that it has taken it. */
const struct vmi_ap_state *start_state(void);
void has_arrived(void);

#endif
