/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Stopping the machine, the guest, and the monitor itself. */
#ifndef MONITOR_MACHINE_H
#define MONITOR_MACHINE_H

#include "vcpu.h"

/* Takes the processor out of service for good. */
_Noreturn void stop(void);

/* Resets the machine as the chip set would. */
_Noreturn void reset_machine(void);

/* The guest is about to end its emulator, the last moment for figures. Its ports are left alone
 * from here on. */
void on_last_port(void);

#endif
