/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What a kernel may have where it stands: a line each, FUNCTION INSTRUCTION..., patterns of the
 * shell. Behind # is a comment.
 */
#ifndef VMI_LINT_ALLOW_H
#define VMI_LINT_ALLOW_H

#include <stdbool.h>

struct allowance {
    const char *file;
    unsigned line;
    const char *function, *instruction; /* patterns */
    bool is_used;
};

struct allowances {
    struct allowance *list;
    unsigned count;
};

/* Adds what the file allows; says on stderr what is wrong with it. */
bool read_allowances(const char *file, struct allowances *allowances);

/* Whether one allows it; each one that does is used. */
bool is_allowed(struct allowances *allowances, const char *function, const char *instruction);

#endif
