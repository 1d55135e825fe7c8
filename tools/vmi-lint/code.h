/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Going through a kernel's code.
 */
#ifndef VMI_LINT_CODE_H
#define VMI_LINT_CODE_H

#include "kernel.h"
#include "instruction.h"
#include "sites.h"

struct finding {
    uint32_t address;
    const struct symbol *function; /* or label; NULL: none is before it in its section */
    struct instruction instruction;
};

struct findings {
    struct finding *list; /* by address within a section */
    uint32_t count;
};

/*
 * Lists the sensitive instructions outside of sites. Not those of the kit's own functions, which
 * are what sites natively call, nor those with a DS prefix that says that they are meant. A symbol
 * is where an instruction begins; objects are no code, nor is what is behind a function's end
 * without a symbol of its own. False: the decoder does not start.
 */
bool find_instructions(const struct elf *elf, const struct sites *sites, struct findings *findings);

#endif
