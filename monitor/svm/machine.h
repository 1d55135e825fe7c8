/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Stopping the machine, the guest, and the monitor itself. */
#ifndef MONITOR_MACHINE_H
#define MONITOR_MACHINE_H

#include "vcpu.h"

/* Takes the processor out of service for good. */
_Noreturn void stop(void);

/* Resets the machine as the chipset would. */
_Noreturn void reset_machine(void);

/* The guest is about to end its emulator: prints the figures. Its ports no longer exit after that.
 */
void on_last_port(void);

#endif
