/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The list of problems that a check finds.
 */
#ifndef ROMSUM_REPORT_H
#define ROMSUM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct problem {
    uint32_t at;
    bool shown;
    char *text;
};

struct report {
    struct problem *list;
    size_t count;
};

/* Says so and ends the program. */
_Noreturn void out_of_memory(void);

/* Adds a problem at this offset, NOWHERE for one of the file as a whole. */
__attribute__((format(printf, 3, 4))) void problem(struct report *report, uint32_t at,
                                                   const char *format, ...);

/* Prints all problems to stderr, a line each. */
void print_report(const struct report *report, const char *name);

/* Frees what is in the report; it is empty then. */
void clear_report(struct report *report);

#endif
