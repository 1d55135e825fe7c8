/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A judgement for a person, as TAP, as JSON. */
#ifndef CONFORM_REPORT_H
#define CONFORM_REPORT_H

#include "judge.h"

/* `all`: calls that are right, too, and what is free of them. */
void print_judgement(const struct judgement *j, bool all);

/* Tests from number `*n` + 1 on; the plan is the caller's. */
void print_tap(const struct judgement *j, unsigned *n);
void print_tap_failure(const char *name, const char *why, unsigned *n);

/* One object, without a new line behind it. */
void print_object(const struct judgement *j);

/* What the ABI leaves free, a line for each call. */
void print_rules(void);

#endif
