/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Messages, memory, and texts of other people's on their way to a terminal.
 */
#ifndef VMI_LINT_TEXT_H
#define VMI_LINT_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* "vmi-lint: NAME: ..." on stderr, with the end of the line. */
__attribute__((format(printf, 2, 3))) void complain(const char *name, const char *format, ...);

/* realloc that ends the program where there is no memory. */
void *grow(void *old, size_t count, size_t size);

/* Prints it with what is no printable ASCII as \xNN. */
void print_text(FILE *out, const char *text);

/* As a string of JSON, quotes included; a byte above ASCII becomes the replacement character. */
void print_json_text(FILE *out, const char *text);

#endif
