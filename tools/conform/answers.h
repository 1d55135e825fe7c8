/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What an image answers when a guest starts it: Init's status, and GetRelocationInfo's records.
 */
#ifndef CONFORM_ANSWERS_H
#define CONFORM_ANSWERS_H

#include "machine.h"

#define ANSWERS 128u /* call numbers that are asked for; both APIs have fewer */

struct answer {
    bool known; /* the ROM came back with it, at both places */
    uint8_t type;
    uint32_t eip[2];
};

/* Calls what is entered at this offset of the image with EAX, and takes EAX and EDX; false: it did
 * not come back. */
bool ask(struct machine *m, unsigned place, uint32_t offset, uint32_t eax, uint32_t result[2]);

struct answer answer_of(struct machine *m, uint32_t offset, uint32_t number);

/*
 * What a guest is answered that has paging on and its low 4 MiB mapped one to one, as Sanos asks;
 * false: the ROM did not come back, or the answer is no CALL_REL.
 */
bool ask_with_paging(struct machine *m, uint32_t offset, uint32_t number, uint32_t *eip);

#endif
