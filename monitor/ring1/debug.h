/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What is said: port E9h and COM1. */
#ifndef RING1_DEBUG_H
#define RING1_DEBUG_H

#include "ring1.h"

void say(const char *text);
void say_hex(uint32_t value);
void say_number(uint32_t value);

#endif
