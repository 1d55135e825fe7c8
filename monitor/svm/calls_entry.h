/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Page-table entries, and what is read as they are. */
#ifndef MONITOR_CALLS_ENTRY_H
#define MONITOR_CALLS_ENTRY_H

#include "vmi/handlers.h"

/* clang-format off */
vmi_handler call_set_pxe0, call_set_pxe, call_get_pxe, call_swap_pxe, call_set_pxe_long,
            call_get_pxe_long, call_swap_pxe_long, call_deactivate_pxe_long, call_set_bit,
            call_clear_bit;
/* clang-format on */

#endif
