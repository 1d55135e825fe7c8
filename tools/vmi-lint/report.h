/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What was found, for people and for programs.
 */
#ifndef VMI_LINT_REPORT_H
#define VMI_LINT_REPORT_H

#include "allow.h"
#include "code.h"
#include "lines.h"

struct report {
    const struct elf *elf;
    const struct sites *sites;
    const struct lines *lines;
    struct findings findings; /* those that are not allowed */
    uint32_t n_allowed;
    const struct allowances *allowances;
};

/* Takes what is allowed out of the findings. */
void judge(struct report *report, struct allowances *allowances);

unsigned count_unused(const struct report *report);

void print_report(const struct report *report);
void print_json(const struct report *report);

#endif
