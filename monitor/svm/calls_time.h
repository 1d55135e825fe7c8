/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Time: slots 33 and 79 to 84. */
#ifndef MONITOR_CALLS_TIME_H
#define MONITOR_CALLS_TIME_H

#include "vmi/handlers.h"

/* clang-format off */
vmi_handler call_rdtsc, call_get_cycle_frequency, call_get_cycle_counter, call_set_alarm,
            call_cancel_alarm, call_get_wallclock_time;
/* clang-format on */

#endif
