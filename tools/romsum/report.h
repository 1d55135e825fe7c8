/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What there is to say about a file: problems, warnings, and the changes that were made.
 */
#ifndef ROMSUM_REPORT_H
#define ROMSUM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity {
    PROBLEM, /* firmware does not take it, or a VMI guest would be misled */
    WARNING, /* some firmware minds, or a person should know */
    CHANGE,  /* this was changed */
};

struct finding {
    enum severity severity;
    const char *code; /* what kind of problem it is, for machines; stable */
    uint32_t at;      /* in the file */
    uint32_t length;  /* of a change: bytes from there on */
    uint32_t number;  /* of the image, 0 if there is only one */
    uint32_t base;    /* where that image is in the file */
    bool shown;
    char *text;
};

struct report {
    struct finding *list;
    size_t total;
    size_t count; /* of problems: 0 means good */
    size_t warnings, changes;
    bool strict;     /* warnings are problems */
    bool unreached;  /* of the image that is looked at: no firmware does, so nothing is a problem */
    uint32_t origin; /* where the ROM that is looked at begins in its file */
    uint32_t base;   /* what is added to offsets: where the image is in its file */
    uint32_t number; /* of the image that is looked at, 0 if there is only one */
};

/* Says so and ends the program. */
_Noreturn void out_of_memory(void);

struct image;

/* What follows is about this image; NULL: about the file as a whole. */
void look_at(struct report *report, const struct image *image);

/* Adds a problem at this offset of the image, NOWHERE for one of the file as a whole. */
__attribute__((format(printf, 4, 5))) void problem(struct report *report, uint32_t at,
                                                   const char *code, const char *format, ...);

/* Adds a warning likewise. */
__attribute__((format(printf, 4, 5))) void warning(struct report *report, uint32_t at,
                                                   const char *code, const char *format, ...);

/* A problem of a VMI image, and a warning about any other: a BIOS runs that. */
__attribute__((format(printf, 5, 6))) void doubt(const struct image *image, struct report *report,
                                                 uint32_t at, const char *code, const char *format,
                                                 ...);

/* A byte that has to be 0, or four of them. */
void check_zero(const struct image *image, struct report *report, uint32_t at, uint32_t size,
                const char *name);

/* Adds a change of `length` bytes from `at` on; an empty text where another one has told of it. */
__attribute__((format(printf, 4, 5))) void changed(struct report *report, uint32_t at,
                                                   uint32_t length, const char *format, ...);

/* Prints all problems to stderr, and warnings if asked, a line each. */
void print_report(const struct report *report, const char *name, bool with_warnings);

/* Prints the changes to stderr, a line for each image. */
void print_changes(const struct report *report, const char *name);

/* Frees what is in the report; it is empty then. */
void clear_report(struct report *report);

#endif
