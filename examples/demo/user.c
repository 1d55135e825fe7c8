/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What runs in ring 3: one program, two processes, each with its own pages at the same addresses.
 * `line` below is edited in place, so each process gets a copy of its page; `composite` and the
 * stack are zero pages when they are first touched.
 */
#include "demo.h"

enum { PARTS = 2, STEP = 10000, BUSY_TICKS = 3 };

static char line[] = "...... part .:       \n";
static uint8_t composite[PARTS * STEP];

static uint32_t system_call(uint32_t number, uint32_t b, uint32_t c) {
    __asm__ volatile("int $0x80" : "+a"(number) : "b"(b), "c"(c) : "memory");
    return number;
}

static void say(const char *name, uint32_t part, uint32_t value) {
    char *end = line + sizeof(line) - 2;
    for (uint32_t i = 0; i < 6; i++) {
        line[i] = name[i];
    }
    line[12] = (char)('0' + part);
    for (char *at = end; at-- > line + 14; value /= 10) {
        *at = (char)(value || at == end - 1 ? '0' + value % 10 : ' ');
    }
    system_call(SYS_PRINT, (uint32_t)line, sizeof(line) - 1);
}

/* Repeats each part until the clock has ticked a few times. */
static __attribute__((noreturn)) void work(const char *name, uint32_t (*compute)(uint32_t part)) {
    uint32_t value = 0;
    for (uint32_t part = 1; part <= PARTS; part++) {
        uint32_t start = system_call(SYS_TICKS, 0, 0);
        do {
            value = compute(part);
        } while (system_call(SYS_TICKS, 0, 0) - start < BUSY_TICKS);
        say(name, part, value);
    }
    for (;;) {
        system_call(SYS_EXIT, value, 0);
    }
}

/* Primes below part * 10,000. */
static uint32_t count_primes(uint32_t part) {
    uint32_t count = 0;
    for (uint32_t i = 2; i < part * STEP; i++) {
        count += !composite[i];
        for (uint32_t j = 2 * i; !composite[i] && j < part * STEP; j += i) {
            composite[j] = 1;
        }
    }
    return count;
}

/* Ways to put n queens on a board of n by n, row by row. */
static uint32_t place(uint32_t n, uint32_t row, uint32_t columns, uint32_t left, uint32_t right) {
    uint32_t count = 0;
    for (uint32_t bit = 1; bit < 1u << n; bit <<= 1) {
        if (!((columns | left | right) & bit)) {
            count += row + 1 == n
                         ? 1
                         : place(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
        }
    }
    return count;
}

static uint32_t count_queens(uint32_t part) {
    return place(4 + 2 * part, 0, 0, 0, 0);
}

void primes(void) {
    work("primes", count_primes);
}

void queens(void) {
    work("queens", count_queens);
}
