/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Counters, the wall clock and alarms of the guest's: common/clock.h and common/alarms.h say what
 * they are. */
#ifndef RING1_TIME_H
#define RING1_TIME_H

#include "ring1.h"

/* A processor that starts has no alarm. */
void start_alarms(struct cpu *cpu);

/* Cycles a second, and nanoseconds since 1970; 0 without a time-stamp counter. */
uint64_t guest_frequency(void);
uint64_t guest_wallclock(void);

/* `flags` as SetAlarm has them. */
void guest_sets_alarm(struct cpu *cpu, uint32_t flags, uint64_t expiry, uint64_t period);
bool guest_cancels_alarm(struct cpu *cpu, uint32_t flags);

/* The guest sets its TSC, which is the processor's: the counters go on. Not 0 when it faults; there
 * has to be one. */
uint32_t write_tsc(struct cpu *cpu, uint64_t value);

/* Whether the guest is to get an interrupt that has come to ring 0. */
bool is_guests_interrupt(struct cpu *cpu, uint32_t vector);

/* Where a trap was served while interrupts come to ring 0. */
void look_for_lost_alarms(struct cpu *cpu);

#endif
