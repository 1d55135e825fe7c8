/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The command line.
 */
#ifndef ROMSUM_OPTIONS_H
#define ROMSUM_OPTIONS_H

#include "change.h"

enum verb { SEAL, CHECK, SHOW };

struct options {
    enum verb verb;
    uint32_t given; /* a bit for each option that may be given */
    bool json, strict, quiet, dry_run;
    bool has_at;
    uint32_t at; /* where the ROM begins in the file */
    const char *out, *svg, *twin, *soft;
    struct changes changes;
    struct mixture mixture;
    struct trap trap;
    struct policy policy;
    uint32_t flags;
    struct identity identity;
    struct strings strings;
    char *text; /* of the strings */
    const char **images;
    int count;
};

/* Reads the arguments behind the program's name; false: wrong usage, and stderr says why. */
bool parse_options(struct options *options, int argc, char **argv);

extern const char help[];

#endif
