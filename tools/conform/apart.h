/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Work in a process of its own: the emulator ends its process over some code that no compiler
 * makes, and that must not end the judgement of a ROM that has it.
 */
#ifndef CONFORM_APART_H
#define CONFORM_APART_H

#include <stdbool.h>
#include <stddef.h>

/* Memory, zeroed, in which work done apart leaves its results. Ends the program where there is
 * none. */
void *shared_memory(size_t size);

/* False: the process that did it came to a bad end. Nothing that it writes is seen but shared
 * memory. */
bool run_apart(void (*work)(void *context), void *context);

#endif
