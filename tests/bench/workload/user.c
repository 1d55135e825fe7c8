/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a process of the workload does, in ring 3 and without any call of the ROM. */
#include "workload.h"

/* The slow way in, by INT 80h, and the fast one. Both take a second argument in EBX. */
static uint32_t system_call(uint32_t number, uint32_t argument) {
    __asm__ volatile("int $0x80" : "+a"(number) : "b"(argument) : "memory");
    return number;
}

static uint32_t fast_system_call(uint32_t number) {
    __asm__ volatile("movl %%esp, %%ecx\n\t"
                     "movl $1f, %%edx\n\t"
                     "sysenter\n"
                     "1:"
                     : "+a"(number)
                     :
                     : "ecx", "edx", "memory");
    return number;
}

/* How much the user computes decides how often the kernel calls. It is such that the calls of the
 * native ROM cost 1.3 %, as they did when a Linux of that time was measured (docs/bench.md). */
enum { DWORDS = 632 };

/* The user's own work, on a part of a page. */
static uint32_t compute(uint32_t *page, uint32_t seed) {
    for (uint32_t i = 0; i < DWORDS; i++) {
        seed = seed * 1664525 + 1013904223;
        page[i] ^= seed >> 7;
    }
    return seed;
}

static uint32_t sum_of(const uint32_t *page) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < DWORDS; i++) {
        sum = sum * 31 + page[i];
    }
    return sum;
}

__attribute__((regparm(1))) void user_program(uint32_t life) {
    uint32_t seed = life, sum = 0;
    for (uint32_t round = 0; round < HEAP_PAGES; round++) {
        uint32_t *page = guest_at(HEAP + round * PAGE);
        seed = compute(page, seed);
        system_call(SYS_NOTE, seed);
        fast_system_call(SYS_TIME);
        if (life % LIVES_PER_FPU == 0) {
            __asm__ volatile("fld1\n\tfstp %st(0)");
        }
        if (round % 2 == 1) {
            system_call(SYS_YIELD, 0);
        }
    }
    system_call(SYS_PROTECT, 0);
    for (uint32_t round = 0; round < HEAP_PAGES; round++) {
        sum += sum_of(guest_at(HEAP + round * PAGE));
    }
    if (life % LIVES_PER_TICK == 0) {
        system_call(SYS_WRITE, 0);
    }
    system_call(SYS_EXIT, sum);
    __builtin_unreachable();
}
