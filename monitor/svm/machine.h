/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Stopping the machine, the guest, and the monitor itself. */
#ifndef MONITOR_MACHINE_H
#define MONITOR_MACHINE_H

#include "vcpu.h"

/* Takes the processor out of service for good. */
_Noreturn void stop(void);

/* Resets the machine as the chip set would, behind the figures. */
_Noreturn void reset_machine(void);

/* The guest is about to end its machine, the last moment for figures. They come once; the ports
 * that do it are the guest's from here on. */
void on_end(void);

#endif
