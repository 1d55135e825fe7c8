/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel once more, with call sites in place of calls. */
#include "by_sites.h"

#define WORK    work_by_sites
#define TRAP    trap_by_sites
#define ENTRIES entries_by_sites

#include "kernel.c" /* NOLINT(bugprone-suspicious-include): one text, four kernels */
