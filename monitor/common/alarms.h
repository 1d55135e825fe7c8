/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Alarms: what fires them, and which interrupts are the guest's while one is set. After each call
 * that changes an alarm, and after is_for_guest, the caller intercepts interrupts and the PIT's
 * port while the two predicates below are true. */
#ifndef MONITOR_ALARMS_H
#define MONITOR_ALARMS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmi/api.h"

/* SetAlarm's. */
struct alarm {
    bool armed;
    bool lvtt;       /* comes as the local APIC timer, else as IRQ0 */
    uint64_t expiry; /* of cycles() */
    uint64_t period; /* 0: it fires once */
};

/* One processor's. All zero: none is set. */
struct alarms {
    bool has_irq0;           /* it is one line of the machine: the BSP has it */
    bool unseen;             /* the monitor does not see the guest's accesses to timers */
    bool apic_timer_runs;    /* for an alarm */
    bool holds;              /* a shot that the guest masks */
    uint32_t held, held_for; /* LVTT of it, and the guest's own */
    uint32_t waiting;        /* a vector that the monitor has taken and not asked about; 0: none */
    struct alarm alarm[VMI_ALARM_COUNTERS];
};

/* False when the alarm cannot be served; it is without effect then. */
bool set_alarm(struct alarms *alarms, uint32_t counter, const struct alarm *alarm);

/* Whether there was one. */
bool cancel_alarm(struct alarms *alarms, uint32_t counter);

/* Whether the guest gets the interrupt. Else it was an interim expiry and is swallowed. */
bool is_for_guest(struct alarms *alarms, uint8_t vector);

/* The guest has written LVTT, and the monitor sees such. A shot that ends while that is masked
 * leaves no interrupt: it starts anew. */
void renew_apic_timer(struct alarms *alarms);

/* At any exit while alarms_wait: starts the shot of an overdue alarm anew whose interrupt is lost
 * all the same. */
void look_for_overdue(struct alarms *alarms);

/* The guest programs the PIT's channel 0 itself, which is its own from then on. Where that is
 * unseen, an interrupt shows it when it comes in another mode or too soon for a shot. */
void guest_takes_pit(void);

/* Whether guest accesses to the PIT matter: a shot of it is under way. */
bool alarms_have_pit(void);

/* Whether the processor's interrupts do: a shot of a timer is under way. */
bool alarms_wait(const struct alarms *alarms);

/* The first of expiry + i * period behind now, which is not before expiry. One that would not fit
 * is never reached. */
uint64_t next_expiry(uint64_t expiry, uint64_t period, uint64_t now);

/* What a timer has to count for so many cycles: never less, so that no alarm is early. */
uint32_t counts_for(uint64_t cycles, uint64_t timer_hz, uint64_t cycles_hz, uint32_t most);

#endif
