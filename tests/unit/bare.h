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

/* Writes of the MSR keep these bits alone. Writes of the other one fault, where the test's own
 * WRMSR asks; 0: of none. */
void bare_keep_bits(uint32_t msr, uint64_t bits);
void bare_refuse(uint32_t msr);
bool bare_refuses(uint32_t msr);

extern uint8_t bare_ports[0x10000];
extern void (*bare_before_in)(uint16_t port); /* a device, or NULL */
extern uint64_t bare_dr[8];
extern unsigned bare_wbinvds;

/* What a port is, where that is more than a byte that stays: called before each access, which it
 * may do by itself (true). */
extern bool (*bare_port_hook)(uint16_t port, unsigned size, bool write, uint32_t *value);

/* From here on CPUID and RDTSC of this program are these: leaves that are not set are 0, the
 * counter goes on by a step at each look. Before each look at it the hook is called. */
void bare_take_cpuid_and_tsc(void);
void bare_set_cpuid(uint32_t leaf, uint32_t subleaf, const uint32_t registers[4]);
extern uint64_t bare_tsc, bare_tsc_step;
extern void (*bare_tsc_hook)(void);

/* Control registers, the first page of memory, and an I/O APIC's registers. */
extern uint64_t bare_cr[9];
extern uint8_t bare_low[4096];
extern uint32_t bare_io_apic[256];

/* From here on reads of the local APIC ask first, as ports do. NULL: no more. */
void bare_hook_apic(uint32_t (*hook)(uint32_t reg));

/* Called at each store to the local APIC. */
extern void (*bare_store_hook)(uint32_t reg);

/* INVLPGA, VMLOAD and VMSAVE, by the last byte of the opcode: how often, and with what in RAX and
 * ECX. */
#define BARE_VMLOAD  0xDAu
#define BARE_VMSAVE  0xDBu
#define BARE_INVLPGA 0xDFu
struct bare_svm {
    unsigned times;
    uint64_t rax;
    uint32_t ecx;
};
extern struct bare_svm bare_svm[256];

/* What LIDT loads. */
extern struct bare_idtr {
    uint16_t limit;
    uint64_t base;
    unsigned loads;
} bare_idtr;

/* What was done, in order. */
enum bare_kind { BARE_WRMSR, BARE_OUT, BARE_STORE, BARE_DR };
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
