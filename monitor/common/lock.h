/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A lock among processors, for a few instructions: the host is not interrupted while it waits. */
#ifndef MONITOR_LOCK_H
#define MONITOR_LOCK_H

#include <stdbool.h>

static inline void lock(volatile bool *taken) {
    while (__atomic_test_and_set(taken, __ATOMIC_ACQUIRE))
        __asm__ volatile("pause");
}

static inline void unlock(volatile bool *taken) {
    __atomic_clear(taken, __ATOMIC_RELEASE);
}

#endif
