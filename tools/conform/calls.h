/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What each call does, said independently of the ROM: every check sets up a world, says what the
 * world must be afterwards, runs the slot and compares all of it.
 */
#ifndef CONFORM_CALLS_H
#define CONFORM_CALLS_H

#include "expect.h"
#include "machine.h"

#define API_13 13
#define API_3  3

#define WHY_SIZE 400

/*
 * Whose image it is: API 13, or API 3.0 with a policy, by the last kind of call that it answers
 * with; RELOC_HOST: a hypercall image's, which leaves RELOC_NAMED out. Calls of API 3.0 are found
 * by asking GetRelocationInfo where the policy answers with them, else at their slots. API 13 until
 * it is called.
 */
void choose_api(unsigned major, enum expect_reloc last);
unsigned chosen_api(void);

/* The same for API 3.0 by the policy's name: minimal, lean, full, or all that a native image can
 * have; false when it is none of them. */
bool choose_policy(const char *name);

/*
 * From now on by the rules of the ABI alone, which leave free what our stubs promise (abi.c), and
 * with what happens at `hypervisor_area` and above left to the ROM's hypervisor; 0: it has no such
 * area. The machine has to be a watched one.
 */
void judge_by_abi(uint32_t hypervisor_area);

/* What of a slot's call the ABI leaves free, NULL: nothing. */
const char *free_of(unsigned slot);

enum verdict { RIGHT, WRONG, NOT_JUDGED };

/* Where a call is entered with the image at either place, and whether by a JMP. */
struct call_entry {
    uint32_t at[2];
    bool jumped;
};

/* Judges the call of a slot (4..127) at both places; unless it is right, `why` says what was seen.
 * `entry` NULL: it is found as choose_api() says. */
enum verdict judge_call(struct machine *m, unsigned slot, const struct call_entry *entry,
                        unsigned rounds, uint32_t seed, char why[WHY_SIZE]);

/* Runs all checks of one slot (4..127), at both places; true when all hold, else `why` says what
 * was seen. */
bool check_slot(struct machine *m, unsigned slot, unsigned rounds, uint32_t seed,
                char why[WHY_SIZE]);

/* Checks what only decoding shows of one slot: LOCK prefixes, instructions without a visible
 * effect, bare returns. */
bool check_decoding(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]);

/* Checks that the body is of the kind that the table says. */
bool check_kind(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]);

/* Checks that a body can be copied if the slot's last byte says so, whoever made it. */
bool check_copy(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]);

/* Checks what the slot's last byte says of inlining the body against the body itself. */
bool check_inlining(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]);

/* The table's row of a slot; slots that no call has get a row that says so. */
const struct expect *expect_of(unsigned slot);

/* Where in the image the call in this slot is entered: the two entries of API 3.0 share a slot. */
uint32_t entry_of(unsigned slot);

/* Instructions executed by the last run of this slot's checks, from the slot's first to the one
 * that leaves it. */
uint32_t last_instructions(void);

#endif
