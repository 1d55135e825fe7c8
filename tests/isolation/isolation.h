/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A guest that tries to leave the monitor. */
#ifndef TESTS_ISOLATION_H
#define TESTS_ISOLATION_H

#include "../monitor/report.h"

/* code.asm */
#define PAYLOAD          0x7000u
#define COUNTER(address) (*(volatile uint32_t *)guest_at(address))
#define TOLD             COUNTER(0x6FF0) /* how often the payload ran under the monitor */
#define BEATS            COUNTER(0x6FE0)
#define NMIS             COUNTER(0x6FD0)

extern const uint8_t payload[], payload_end[], jump[], jump_end[], spin[], spin_end[];
extern const uint8_t beat[], beat_end[], answer[], answer_end[];
void long_mode(uint64_t *values);

extern uint8_t *rom; /* of API 13 */

uint32_t call(uint32_t slot, uint32_t eax, uint32_t ecx, uint32_t edx);

/* Waits until it is more than before, for long; whether it is. */
uint32_t rises(volatile uint32_t *counter, uint32_t before);

/* processors.c: with so many processors, by the local APIC's memory or its MSRs. */
void try_others(uint32_t count, int x2apic);

#endif
