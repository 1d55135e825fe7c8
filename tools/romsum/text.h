/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Text of the system's, file names above all, on its way to a terminal.
 */
#ifndef ROMSUM_TEXT_H
#define ROMSUM_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How many bytes of UTF-8 the character at `text` has; 0 if it is none. */
uint32_t utf8_length(const unsigned char *text);

/* Prints it with control characters, and bytes that are no UTF-8, as \xNN. */
void print_text(FILE *out, const char *text);

/* To standard output as JSON: a character below 256 within a string; a whole string, where UTF-8
 * goes as it is and any other byte becomes the replacement character. */
void print_json_character(uint32_t c);
void print_json_text(const char *text);

/* Who says it in messages: romsum, unless another program sets it. */
extern const char *program_name;

/* The start of a message: "romsum: NAME: ". */
void print_name(const char *name);

/* Wrong usage, and where help is. False. */
bool usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A program's status at its end: output that was lost is a failure, 1. */
int end_output(int status);

#endif
