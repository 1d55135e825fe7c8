/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where code comes from: file, line and the functions that were inlined there, from DWARF.
 */
#ifndef VMI_LINT_LINES_H
#define VMI_LINT_LINES_H

#include "kernel.h"

#define INLINED_MAX 8

struct place {
    const char *file; /* NULL: unknown */
    int line;
    const char *inlined[INLINED_MAX]; /* the innermost first */
    unsigned n_inlined;
};

struct lines;

/* NULL: the file has no DWARF, or none that can be read. */
struct lines *read_lines(const struct elf *elf);

/* `lines` may be NULL. */
void find_place(const struct lines *lines, uint32_t address, struct place *place);

#endif
