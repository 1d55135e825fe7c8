/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What exits there were. */
#ifndef MONITOR_FIGURES_H
#define MONITOR_FIGURES_H

#include "vcpu.h"

/* Whether trace_exit is to be called. */
extern bool tracing;

/* One line: the exit that has just come. */
void trace_exit(const struct vcpu *vcpu);

/* How many exits by reason and how many calls there were, on all processors. */
void say_exits(void);

#endif
