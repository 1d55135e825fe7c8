/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The exits, reason by reason. */
#ifndef MONITOR_EXITS_H
#define MONITOR_EXITS_H

#include "vcpu.h"

/* What run_guest calls; the context is the struct vcpu. */
__attribute__((visibility("hidden"))) void handle_exit(void *context);
__attribute__((visibility("hidden"))) void handle_call(void *context);

#endif
