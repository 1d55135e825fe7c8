/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What a sensitive instruction is: one that a hypervisor below the kernel has to know of.
 */
#ifndef VMI_LINT_INSTRUCTION_H
#define VMI_LINT_INSTRUCTION_H

#include <capstone/capstone.h>

struct instruction {
    const char *name;
    const char *call; /* NULL: none stands for it */
    const char *use;  /* the call's site, or what to do instead */
};

/* Whether it is sensitive, and what to use instead. The decoder needs detail. */
bool is_sensitive(const cs_insn *insn, struct instruction *result);

#endif
