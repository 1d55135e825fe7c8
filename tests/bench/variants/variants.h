/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* One call made in several ways: what loops.asm has. */
#ifndef VARIANTS_H
#define VARIANTS_H

#include <stdint.h>

#include "vmi/guest.h"

enum { LOOP_COPIES = 8, LOOP_NUMBERS = 128 };

/* A loop that makes one call LOOP_COPIES times a turn. */
struct call_loop {
    const char *name;
    uint32_t number;
    const char *why_not; /* why there is no loop, else NULL */
    void (*loop)(uint32_t turns);
    uint32_t bytes; /* of the call in line */
};

/* Calls in the same order in each. The sites of `linked` and `called` are alike until linked. */
extern const struct call_loop loops_empty[], loops_empty_end[], loops_bare[], loops_linked[],
    loops_called[], loops_pointer[], loops_page[];

/* Records of the sites: struct vmi_annotation. */
extern const struct vmi_annotation records_linked[], records_linked_end[], records_called[],
    records_called_end[];

/* EAX ECX EDX EBX ESI EDI: loaded before each call as far as it takes them. */
extern uint32_t loop_arguments[6];
extern uint32_t loop_slots[LOOP_NUMBERS]; /* the table of pointers */
extern uint8_t hypercall_pages[2][4096];

/* Where ring 3 begins, and the way back from it for the gate of INT 81h. */
void loop_user(void);
void loop_back(void);

#endif
