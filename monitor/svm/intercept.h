/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The maps of MSRs and ports whose use by the guest exits. */
#ifndef MONITOR_INTERCEPT_H
#define MONITOR_INTERCEPT_H

#include <stdbool.h>
#include <stdint.h>

#define PORT_QEMU_EXIT  0xF4u /* isa-debug-exit, as the guests here have it */
#define PORT_BOCHS_EXIT 0x8900u

/* Those that reset the machine: the keyboard controller's command, the port of the A20 gate, and
 * the chip set's. */
#define PORT_KEYBOARD 0x64u
#define PORT_A20      0x92u
#define PORT_RESET    0xCF9u
#define RESET_NOW     0x04u

extern uint8_t msrpm[], iopm[], iopm_others[];

/* Whether the guest may write to an MSR at all. */
bool is_writable_msr(uint32_t msr);

/* Fills them. */
void start_intercepts(void);

/* Whether the guest's accesses to the port exit. */
void intercept_port(uint16_t port, bool on);

/* The same for all but the BSP. */
void intercept_port_of_others(uint16_t port);

/* The ports by which a guest ends its emulator, and those by which it resets its machine: watched,
 * and left alone, those of a range. */
void watch_end_ports(bool resets);
void leave_end_ports(uint16_t first, uint16_t last);

#endif
