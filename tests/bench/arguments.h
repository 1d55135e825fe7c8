/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Arguments with which each call can be made again and again: what it sets stays as it is. */
#ifndef BENCH_ARGUMENTS_H
#define BENCH_ARGUMENTS_H

#include <stdint.h>

struct bench_regs {
    uint32_t eax, ecx, edx, ebx, esi, edi;
    uint32_t stack[2];
    uint32_t iret_frame; /* 1: to ring 0; 2: to ring 3 with the stack in ECX */
};

/* A return to ring 3 wants its place and stack from the caller. After guest_sysenter_setup(). */
void bench_arguments(unsigned slot, struct bench_regs *r);

#endif
