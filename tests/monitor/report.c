/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Lines of TAP. */

#include "report.h"

void report(const char *name, int good, uint32_t seen) {
    guest_printf("%s - %s\n", good ? "ok" : "not ok", name);
    if (!good) {
        guest_printf("# seen: %08x\n", seen);
    }
}

void same(const char *name, uint32_t expected, uint32_t seen) {
    report(name, expected == seen, seen);
}
