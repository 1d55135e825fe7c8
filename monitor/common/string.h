/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the compiler calls by itself. */
#ifndef MONITOR_STRING_H
#define MONITOR_STRING_H

#include <stddef.h>

void *memset(void *to, int value, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);

#endif
