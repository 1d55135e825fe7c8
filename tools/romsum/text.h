/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Text of the system's, file names above all, on its way to a terminal.
 */
#ifndef ROMSUM_TEXT_H
#define ROMSUM_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* How many bytes of UTF-8 the character at `text` has; 0 if it is none. */
uint32_t utf8_length(const unsigned char *text);

/* Prints it with control characters, and bytes that are no UTF-8, as \xNN. */
void print_text(FILE *out, const char *text);

/* The start of a message: "romsum: NAME: ". */
void print_name(const char *name);

#endif
