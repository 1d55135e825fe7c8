/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Everything that is said of a file: what firmware makes of it, and of each VMI image in it what
 * the known guests make of it and whether its calls are right.
 */
#ifndef CONFORM_JUDGE_H
#define CONFORM_JUDGE_H

#include "../romsum/report.h"
#include "calls.h"
#include "guests.h"

#define VMI_IMAGES     64u  /* of a file: so many fit where guests look */
#define RESULTS        256u /* of an image: calls, by both ways */
#define IMAGE_STEP     2048u
#define CALLS_OUTCOMES 4

enum outcome { CALL_RIGHT, CALL_WRONG, CALL_NOT_JUDGED, CALL_ABSENT };

struct result {
    const struct expect *call;
    uint32_t number;
    bool answered; /* entered where GetRelocationInfo says, not at the slot */
    bool outside;  /* of the image, and `at` is an address then: its hypervisor's */
    uint32_t at;   /* in the image */
    enum outcome outcome;
    const char *free; /* what the ABI leaves free of it, or NULL */
    char why[WHY_SIZE];
};

struct judged {
    uint32_t at;     /* in the file */
    uint32_t within; /* where in the image that it is in; 0: in none */
    uint32_t size;
    unsigned major, minor;
    char unjudged[80]; /* why no call was looked at; empty: they were */
    struct guest_verdict guests[GUESTS];
    struct result results[RESULTS];
    unsigned count, done, outcomes[CALLS_OUTCOMES];
};

struct judgement {
    const char *name; /* of the file */
    struct report firmware;
    unsigned images;
    struct judged image[VMI_IMAGES];
};

/* Judges a file; its end is judgement_end()'s. False: there is no VMI image in it, or too many, and
 * `why` says so. */
bool judge_file(const struct image *file, uint32_t seed, unsigned rounds, struct judgement *j,
                char why[WHY_SIZE]);
void judgement_end(struct judgement *j);

/* Whether it is a problem that firmware has; the slots that romsum finds empty are judged as calls.
 */
bool is_of_firmware(const struct finding *finding);

/* Whether something is wrong with a guest's verdict, with the image, with the file. */
bool guest_is_wrong(const struct guest_verdict *verdict);
bool image_is_wrong(const struct judged *image);
bool is_wrong(const struct judgement *j);

#endif
