/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The maps of MSRs and ports whose use by the guest exits. */
#ifndef MONITOR_INTERCEPT_H
#define MONITOR_INTERCEPT_H

#include <stdbool.h>
#include <stdint.h>

#define PORT_QEMU_EXIT  0xF4u /* isa-debug-exit, as the guests here have it */
#define PORT_BOCHS_EXIT 0x8900u

extern uint8_t msrpm[], iopm[], iopm_others[];

/* Whether the guest may write to an MSR at all. */
bool is_writable_msr(uint32_t msr);

/* Fills them. */
void start_intercepts(void);

/* Whether the guest's accesses to the port exit. */
void intercept_port(uint16_t port, bool on);

/* The same for all but the BSP. */
void intercept_port_of_others(uint16_t port);

#endif
