/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A test of one call, as calls.c and abi.c write it: it says what the world is before and must be
 * afterwards; running and comparing is calls.c's.
 */
#ifndef CONFORM_TEST_H
#define CONFORM_TEST_H

#include "calls.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define RETURN_SITE (LANDING + 0x30)

struct test {
    struct machine *m;
    const struct expect *e;
    uint64_t rng;
    uint32_t base;
    uint32_t entry; /* of the call */
    unsigned round;
    const char *what;  /* the case, where there are named ones */
    uint32_t ignore;   /* registers that `finish` judges */
    uint32_t stack[4]; /* stack arguments */
    struct port_access ports[MAX_ACCESSES];
    unsigned n_ports;
    bool check_stores; /* the stores must be exactly these, in this order */
    struct store stores[4];
    unsigned n_stores;
    bool (*finish)(struct test *t); /* judges what a plain comparison cannot */
    uint32_t note[4];               /* for `finish` */
    bool skip_run; /* the function ran the call itself; `failed` says how it went */
    bool failed;
    bool unjudged; /* it failed because something is not known */
    char *why;

    /* By the rules of the ABI alone: */
    bool by_abi;
    bool jumped;     /* the call is entered by a JMP, without a return address */
    bool free_ports; /* which ports are accessed is the ROM's business */

    struct world have, want, got; /* last: a round does not clear them */
};

/* Says why the test has failed, or why it cannot be judged; false, to be returned. */
__attribute__((format(printf, 2, 3))) bool fail(struct test *t, const char *format, ...);
__attribute__((format(printf, 2, 3))) bool cannot_judge(struct test *t, const char *format, ...);

/* The same of a run that stopped where it should not. */
bool stopped(struct test *t, enum stop stop);

uint32_t random32(struct test *t);

/* A dword-aligned place for data; `align` is a power of two. */
uint32_t random_data(struct test *t, uint32_t align);

/* Everything that the call must leave alone is set by now; from here on `want` says what it does.
 */
void begin(struct test *t);
void want_eax(struct test *t, uint32_t value);
void want_pair(struct test *t, uint32_t low, uint32_t high);

/* Whether no register is another than `want` has it, but for those that the row lets change. */
bool compare_registers(struct test *t);

/* Whether an address is in the part of linear space that the ROM's hypervisor keeps. */
bool is_hypervisors(uint32_t address);

/* Checks that the rules of the ABI share with ours. */
void nothing(struct test *t);
void right_iret(struct test *t);
void swap_pxe(struct test *t);
void bit_call(struct test *t, unsigned bits, bool set);
void swap_pxe_long_atomic(struct test *t);
void set_debug_register(struct test *t, unsigned n);
void get_debug_register(struct test *t, unsigned n);
bool bit_result(struct test *t);

/* What the rules of the ABI alone say of a slot's call, where that is less than what is said of our
 * stubs; NULL: the same. */
void (*check_of_abi(unsigned slot))(struct test *);

/* The call of API 3.0 with this number, NULL: none. */
const struct expect *call_of_api_3(uint32_t number);

#endif
