/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the compiler calls for where 64 bits are divided. */

#include <stdint.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the compiler's names */
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest);

/* Bit by bit where the divisor has more than 32. */
static uint64_t divide(uint64_t n, uint64_t d, uint64_t *rest) {
    uint64_t q = 0, r = 0;
    for (int bit = 63; bit >= 0; bit--) {
        uint64_t carry = r >> 63;
        r = r << 1 | (n >> bit & 1);
        if (carry || r >= d) {
            r -= d;
            q |= 1ull << bit;
        }
    }
    *rest = r;
    return q;
}

/* high < d */
static uint32_t divide_short(uint32_t high, uint32_t low, uint32_t d, uint32_t *rest) {
    uint32_t q;
    __asm__("divl %4" : "=a"(q), "=d"(*rest) : "0"(low), "1"(high), "r"(d) : "cc");
    return q;
}

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest) {
    uint32_t short_rest;
    uint64_t q;
    if (d >> 32) {
        return divide(n, d, rest);
    }
    q = (uint64_t)divide_short(0, (uint32_t)(n >> 32), (uint32_t)d, &short_rest) << 32;
    q |= divide_short(short_rest, (uint32_t)n, (uint32_t)d, &short_rest);
    *rest = short_rest;
    return q;
}

uint64_t __udivdi3(uint64_t n, uint64_t d) {
    uint64_t rest;
    return __udivmoddi4(n, d, &rest);
}

uint64_t __umoddi3(uint64_t n, uint64_t d) {
    uint64_t rest;
    __udivmoddi4(n, d, &rest);
    return rest;
}
/* NOLINTEND(bugprone-reserved-identifier) */
