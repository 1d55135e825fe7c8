/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The interrupt flag, waiting, and what leaves for other code. */
#ifndef MONITOR_CALLS_TRANSFER_H
#define MONITOR_CALLS_TRANSFER_H

#include "vmi/handlers.h"

/* clang-format off */
vmi_handler call_enable_interrupts, call_disable_interrupts, call_get_interrupt_mask,
            call_set_interrupt_mask, call_set_iopl_mask, call_iret, call_sysexit, call_halt,
            call_reboot, call_shutdown;
/* clang-format on */

#endif
