/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Counts of exits and calls. */
#ifndef MONITOR_FIGURES_H
#define MONITOR_FIGURES_H

#include "vcpu.h"

/* Whether trace_exit is to be called. */
extern bool tracing;

/* Prints a line for this exit. */
void trace_exit(const struct vcpu *vcpu);

/* How many exits by reason and how many calls there were, on all processors. */
void say_exits(void);

#endif
