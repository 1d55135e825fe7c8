/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Which mutant a program with all of a file's is: MUTANT in the environment, or none. */

#include <stdlib.h>

extern unsigned mutant_number;
unsigned mutant_number;

__attribute__((constructor)) static void choose(void) {
    const char *number = getenv("MUTANT");
    mutant_number = number ? (unsigned)strtoul(number, NULL, 10) : 0;
}
