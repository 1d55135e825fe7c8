/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The exits, reason by reason. */
#ifndef MONITOR_EXITS_H
#define MONITOR_EXITS_H

#include "vcpu.h"

/* Serves the exit that run_guest has come back with. */
void handle_exit(struct vcpu *vcpu);

#endif
