/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "processor.h"

#define EFLAGS_ID 0x00200000u

uint32_t processor_features(void) {
    uint32_t before, after, a = 1, b, c = 0, d;
    __asm__ volatile("pushfl\n\t"
                     "pop %0\n\t"
                     "mov %0, %1\n\t"
                     "xor %2, %1\n\t"
                     "push %1\n\t"
                     "popfl\n\t"
                     "pushfl\n\t"
                     "pop %1\n\t"
                     "push %0\n\t"
                     "popfl"
                     : "=&r"(before), "=&r"(after)
                     : "i"(EFLAGS_ID)
                     : "cc");
    if (!((before ^ after) & EFLAGS_ID))
        return 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d;
}
