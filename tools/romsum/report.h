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
    uint32_t at;     /* in the file */
    uint32_t number; /* of the image, 0 if there is only one */
    bool shown;
    char *text;
};

struct report {
    struct problem *list;
    size_t count;
    uint32_t base;   /* what is added to offsets: where the image is in its file */
    uint32_t number; /* of the image that is looked at, 0 if there is only one */
};

/* Says so and ends the program. */
_Noreturn void out_of_memory(void);

struct image;

/* What follows is about this image; NULL: about the file as a whole. */
void look_at(struct report *report, const struct image *image);

/* Adds a problem at this offset of the image, NOWHERE for one of the file as a whole. */
__attribute__((format(printf, 3, 4))) void problem(struct report *report, uint32_t at,
                                                   const char *format, ...);

/* Prints all problems to stderr, a line each. */
void print_report(const struct report *report, const char *name);

/* Frees what is in the report; it is empty then. */
void clear_report(struct report *report);

#endif
