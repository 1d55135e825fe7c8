/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel once more, with instructions in place that do what the calls' contracts say. */
#include "by_contract.h"

#define WORK    work_by_contract
#define TRAP    trap_by_contract
#define ENTRIES entries_by_contract

#include "kernel.c" /* NOLINT(bugprone-suspicious-include): one text, four kernels */
