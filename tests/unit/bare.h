/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A made-up machine for code of the monitor that needs a bare one: what is privileged faults in a
 * process, and is done here instead. MSRs are a table, ports are bytes, stores to the local APIC
 * and to read-only memory are noted. Guest memory is this process's own at the same addresses.
 */
#ifndef TESTS_UNIT_BARE_H
#define TESTS_UNIT_BARE_H

#include <stdbool.h>
#include <stdint.h>

#define BARE_MEMORY 0x100000u /* so much guest memory, from here on */
#define BARE_BIOS   0xE0000u  /* the first half of these 128 KiB can be written */

/* Once, and before each test. */
void bare_start(void);
void bare_reset(void);

/* An MSR that is there; the others fault. */
void bare_set_msr(uint32_t msr, uint64_t value);
bool bare_msr(uint32_t msr, uint64_t *value);

extern uint8_t bare_ports[0x10000];
extern void (*bare_before_in)(uint16_t port); /* a device, or NULL */
extern uint64_t bare_dr[8];
extern unsigned bare_wbinvds;

/* What was done, in order. */
enum bare_kind { BARE_WRMSR, BARE_OUT, BARE_STORE };
struct bare_event {
    enum bare_kind kind;
    uint32_t where, size;
    uint64_t value;
};
extern struct bare_event bare_events[4096];
extern unsigned bare_count;

/* How many events of a kind at a place. */
unsigned bare_times(enum bare_kind kind, uint32_t where);

/* The local APIC's registers. */
uint32_t *bare_apic(uint32_t reg);

#endif
