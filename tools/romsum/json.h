/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Showing and checking for machines.
 */
#ifndef ROMSUM_JSON_H
#define ROMSUM_JSON_H

#include "image.h"
#include "report.h"

/*
 * Prints an object about a checked file: its problems, with `all` also what it holds. Offsets are
 * in the file, but for those that a field of the image states; bytes of strings above 7Eh are code
 * points.
 */
void print_json(const struct image *file, const struct report *report, bool all);

/* The same of a file that could not be read. */
void print_json_of_nothing(const char *name);

#endif
