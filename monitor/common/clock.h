/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The host's clocks: the TSC and its rate, and the time of day. */
#ifndef MONITOR_CLOCK_H
#define MONITOR_CLOCK_H

#include <stdint.h>

#define PORT_PIT_0       0x40u
#define PORT_PIT_COMMAND 0x43u
#define PIT_HZ           1193182u

/* Looks at the clocks once. `counter` is the monitor's cycle counter, which no guest sets. */
void start_time(uint64_t (*counter)(void));

/* The counter now: from start_time on. */
uint64_t cycles(void);

/* Cycles per second; 0 when nothing is known of them. */
uint64_t cycle_frequency(void);

/* Nanoseconds since 1970. */
uint64_t wallclock_time(void);

/* A timer and the cycle counter at one moment. */
struct sample {
    uint64_t cycles;
    uint32_t count;
};
struct sample sample_timer(uint32_t (*read)(void));

#endif
