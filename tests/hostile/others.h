/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Interrupts between processors, resets and sleeps. */
#ifndef HOSTILE_OTHERS_H
#define HOSTILE_OTHERS_H

#include <stdbool.h>
#include <stdint.h>

#define MARKER_DEADLY 0x80000000u /* with the step's number: a reset is no surprise */

/* In memory that lives through a reset. */
struct others {
    uint32_t steps, modes[8], sleeps, deadly, restarts, different;
    uint32_t verbose; /* says what it sends */
};

/* Steps `from` up to `steps` of a seed, with so many processors and the ROMs of both APIs; how many
 * were wrong. x2: by the MSRs of x2APIC. */
uint32_t try_others(struct others *counts, uint32_t processors, bool x2, uint32_t seed,
                    uint32_t from, uint32_t steps, uint32_t at, uint32_t at_3);
void print_others(const struct others *counts);

#endif
