/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel once more, with instructions in place of calls. */
#include "by_instructions.h"

#define WORK    work_by_instructions
#define TRAP    trap_by_instructions
#define ENTRIES entries_by_instructions

#include "kernel.c" /* NOLINT(bugprone-suspicious-include): one text, four kernels */
