/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Descriptor tables: slots 8 to 18. */
#ifndef MONITOR_CALLS_DESCRIPTOR_H
#define MONITOR_CALLS_DESCRIPTOR_H

#include "vmi/handlers.h"

/* clang-format off */
vmi_handler call_set_gdt, call_set_ldt, call_set_idt, call_set_tr, call_get_gdt, call_get_ldt,
            call_get_idt, call_get_tr, call_write_entry;
/* clang-format on */

#endif
