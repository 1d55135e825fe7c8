/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The maps of MSRs and ports whose use by the guest exits. */
#ifndef MONITOR_INTERCEPT_H
#define MONITOR_INTERCEPT_H

#include <stdbool.h>
#include <stdint.h>

#define PORT_QEMU_EXIT  0xF4u /* isa-debug-exit, as the guests here have it */
#define PORT_BOCHS_EXIT 0x8900u

extern uint8_t msrpm[], iopm[];

/* Fills them. */
void start_intercepts(void);

/* Whether the guest's accesses to the port exit. */
void intercept_port(uint16_t port, bool on);

#endif
