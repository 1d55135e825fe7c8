/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Entry calls against a second processor that sets accessed and dirty bits. In each round the
 * second CPU writes the page exactly once, through an entry that it does not remember, so that its
 * page walk sets A and D once; the first CPU hammers the entry with the call meanwhile. What the
 * call returned and what the entry holds at the end must show both bits: a lost update would have
 * erased them.
 */
#include "machine.h"

enum { FRAME = GUEST_FREE_MEMORY, LINEAR = 0x40000000, ROUNDS = 400, SPIN = 400000000 };
enum { FLAGS = PTE_P | PTE_RW, SOFT = 0x200, SOFT_BIT = 9, D_BIT = 6, A_BIT = 5 };

static struct guest_space space;
static volatile uint32_t *entry;
static volatile uint32_t go, done, stop;

static void writer(void *arg) {
    (void)arg;
    if (space.pae) {
        write_cr4(read_cr4() | CR4_PAE);
    }
    write_cr3(space.cr3);
    write_cr0(read_cr0() | CR0_PG);
    while (!stop) {
        uint32_t round = go;
        if (round == done) {
            native_pause();
            continue;
        }
        native_invlpg(LINEAR);
        *(volatile uint32_t *)guest_at(LINEAR) = round;
        done = round;
    }
    write_cr0(read_cr0() & ~CR0_PG);
}

static void retry_on_ap(struct trap_frame *frame) {
    if (!guest_on_ap()) {
        guest_panic(frame, "page fault on the first CPU");
    }
}

/* One step on the entry; returns the A and D bits that the call took out of it. */
typedef uint32_t step(uint32_t count);

/* Straight to the slot: the judging thunk would make the window of a lost update rare. */
static uint32_t quick_call(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx) {
    __asm__ volatile("call *%3"
                     : "+a"(eax), "+d"(edx), "+c"(ecx)
                     : "r"(call_target(call))
                     : "memory", "cc");
    return eax;
}

static uint32_t swap_step(uint32_t count) {
    return quick_call(VMI_CALL_SwapPxE, (uint32_t)entry, FRAME | FLAGS | (count & 1 ? SOFT : 0), 0);
}

static uint32_t swap_long_step(uint32_t count) {
    return quick_call(VMI_CALL_SwapPxELongAtomic, FRAME | FLAGS | (count & 1 ? SOFT : 0), 0,
                      (uint32_t)entry);
}

static uint32_t deactivate_step(uint32_t count) {
    (void)count;
    uint32_t old = quick_call(VMI_CALL_DeactivatePxELongAtomic, (uint32_t)entry, 0, 0);
    quick_call(VMI_CALL_SetPxELong0, FRAME | FLAGS, 0, (uint32_t)entry);
    return old;
}

static uint32_t bit_step_by(uint32_t set, uint32_t clear, uint32_t count) {
    if (count % 2) {
        quick_call(set, (uint32_t)entry, SOFT_BIT, 0);
        return 0;
    }
    switch (count / 2 % 3) {
    case 0:
        return quick_call(clear, (uint32_t)entry, D_BIT, 0) ? PTE_D : 0;
    case 1:
        quick_call(clear, (uint32_t)entry, SOFT_BIT, 0);
        return 0;
    default:
        return quick_call(clear, (uint32_t)entry, A_BIT, 0) ? PTE_A : 0;
    }
}

static uint32_t bit_step(uint32_t count) {
    return bit_step_by(VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndClearPxEBit, count);
}

static uint32_t long_bit_step(uint32_t count) {
    return bit_step_by(VMI_CALL_TestAndSetPxELongBit, VMI_CALL_TestAndClearPxELongBit, count);
}

static int one_round(uint32_t round, step *make_step) {
    uint32_t seen = 0;
    uint32_t count = 0;
    entry[0] = FRAME | FLAGS;
    go = round;
    while (done != round) {
        seen |= make_step(count++);
        if (count == SPIN) {
            fail("the second CPU does not answer");
            return 0;
        }
    }
    seen |= entry[0];
    if ((seen & (PTE_A | PTE_D)) != (PTE_A | PTE_D)) {
        fail("round %u: a bit was lost: %s%s", round, seen & PTE_A ? "" : "A ",
             seen & PTE_D ? "" : "D");
        return 0;
    }
    return 1;
}

static void race(int pae, step *make_step) {
    if (pae && !(features & CPU_PAE)) {
        skip("no PAE");
        return;
    }
    space = guest_space_new(pae);
    entry = guest_pte(&space, LINEAR);
    guest_map(&space, LINEAR, FRAME, PTE_RW);
    go = done = stop = 0;
    guest_set_handler(14, retry_on_ap);
    guest_paging_on(&space);
    if (guest_ap_start(writer, NULL)) {
        skip("no second CPU");
        return;
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        if (!one_round(round, make_step)) {
            break;
        }
    }
    stop = 1;
    for (uint32_t i = 0; i < 5000 && !guest_ap_done(); i++) {
        guest_delay_us(1000);
    }
    equal("the second CPU is done", (uint32_t)guest_ap_done(), 1);
}

static void swap_loses_no_bit(void) {
    race(0, swap_step);
}

static void bit_calls_lose_no_bit(void) {
    race(0, bit_step);
}

static void long_swap_loses_no_bit(void) {
    race(1, swap_long_step);
}

static void deactivate_loses_no_bit(void) {
    race(1, deactivate_step);
}

static void long_bit_calls_lose_no_bit(void) {
    race(1, long_bit_step);
}

const struct test race_tests[] = {
    {"swap_loses_no_bit_of_another_cpu", swap_loses_no_bit, 0, {VMI_CALL_SwapPxE}},
    {"bit_calls_lose_no_bit_of_another_cpu",
     bit_calls_lose_no_bit,
     0,
     {VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndClearPxEBit}},
    {"long_swap_loses_no_bit_of_another_cpu",
     long_swap_loses_no_bit,
     0,
     {VMI_CALL_SwapPxELongAtomic}},
    {"deactivate_loses_no_bit_of_another_cpu",
     deactivate_loses_no_bit,
     0,
     {VMI_CALL_DeactivatePxELongAtomic, VMI_CALL_SetPxELong0}},
    {"long_bit_calls_lose_no_bit_of_another_cpu",
     long_bit_calls_lose_no_bit,
     0,
     {VMI_CALL_TestAndSetPxELongBit, VMI_CALL_TestAndClearPxELongBit}},
    {NULL, NULL, 0, {0}}};
