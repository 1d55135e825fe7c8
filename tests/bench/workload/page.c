/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The kernel once more, with calls of hypercall pages: to the number's slot, or for a number that
 * is odd to that of the second page, 5 bytes before which its number is loaded.
 */
#define CALL     "call hypercall_pages + (%c[slot] & 1) * 4096 + %c[slot] * 32 - 5\n\t"
#define CLOBBERS , "ebp"

#include "by_calls.h"

#define WORK    work_by_page
#define TRAP    trap_by_page
#define ENTRIES entries_by_page

#include "kernel.c" /* NOLINT(bugprone-suspicious-include): one text, four kernels */
