/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A guest of eight processors without a processor: the monitor's objects on the made-up machine
 * (bare.h), with VMCBs that tests fill in. What host.asm does is done here. CPUID and the counter
 * are the made-up machine's, too.
 */
#ifndef TESTS_UNIT_GUEST_H
#define TESTS_UNIT_GUEST_H

#include <setjmp.h>
#include <string.h>

#include "bare.h"
#include "common/acpi.h"
#include "common/apic.h"
#include "common/block.h"
#include "common/clock.h"
#include "results.h"
#include "svm/event.h"
#include "svm/exits.h"
#include "svm/intercept.h"
#include "svm/memory.h"
#include "svm/processors.h"
#include "svm/vcpu.h"

#define CODE  0x101000u
#define TABLE 0x110000u
#define STACK 0x130000u
#define BLOCK 0x3C00000u

#define PM1A    0x604u
#define PM1B    0xB04u
#define SMI     0xB2u
#define LISTED  10u
#define BSP_ID  0x21u
#define ID_BITS 0x18 /* in EBX of CPUID */

#define ATTRIB_32 (ATTRIB_P | ATTRIB_DB | 0x1B)
#define ATTRIB_16 (ATTRIB_P | 0x1B)
#define ATTRIB_64 (ATTRIB_P | ATTRIB_L | 0x1B)

extern struct vcpu *vcpu; /* the one that exits: the first */
extern struct guest_state *state;

/* The APIC ID at a place of the list. */
extern const uint8_t guest_ids[LISTED];
extern unsigned guest_listed, guest_first; /* so many, from this one on, round and round */
extern unsigned guest_room;                /* for so many was asked last */
extern uint64_t guest_hz;                  /* of the counter */

/* host.asm's. What a function gives can be chosen; of each the calls are counted. */
extern struct host {
    struct taken interrupt, waited_interrupt, nmi, waited_nmi;
    unsigned take_interrupts, wait_interrupts, take_nmis, wait_nmis, unmasks, enters;
    unsigned patience; /* so many waits for an NMI until the test gets the processor back */
    uint64_t cr2;      /* written */
    unsigned cr2s;
    void (*on_enter)(void);
    void (*on_wait)(void); /* for an NMI */
    void (*on_take)(void); /* of an interrupt */
} host;

/* Whether a statement ends in a wait that does not end. Where none is expected, the program ends.
 */
extern jmp_buf guest_end;
extern bool guest_may_end;
#define ENDS(statement)                                                                            \
    (guest_may_end = true, setjmp(guest_end) ? (guest_may_end = false, true)                       \
                                             : ((statement), guest_may_end = false, false))

/* Before each test: a 32-bit guest in protected mode without paging, at CODE, all registers made
 * up. */
void guest_reset(void);

void put(uint64_t at, uint64_t value, unsigned size);
void put_code(const char *bytes, unsigned size);
uint64_t look(uint64_t at, unsigned size);

void exits(uint64_t code, uint64_t info1, uint64_t info2);
uint64_t event(uint32_t kind, uint8_t vector);
#define GP_EVENT event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP)
#define UD_EVENT event(EVENT_EXCEPTION, VECTOR_UD)

/* What has been said, on port E9h: without the return before a new line. */
const char *said(void);
void expect_said(int line, const char *text);
#define EXPECT_SAID(text) expect_said(__LINE__, text)

/* Notes all of the processor; what is then changed in `was` is expected of it, and nothing else. */
extern struct vmcb was_vmcb;
extern struct vcpu was;
#define was_state was_vmcb.state
void keep(void);
void expect_kept(int line);
#define EXPECT_KEPT() expect_kept(__LINE__)

#endif
