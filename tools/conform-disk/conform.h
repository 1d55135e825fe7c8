/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The conformance disk: a kernel that runs the machine tests on every VMI ROM that it finds, or,
 * where there is none, on the native instructions that the calls stand for. docs/conform-disk.md
 * describes what it prints.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include "machine.h"

/* What guest_exit says, and the last line. */
enum conform_code {
    CODE_ROM_RIGHT = 16,     /* every ROM that was found does what was tested */
    CODE_NATIVE_RIGHT = 17,  /* no ROM; the native instructions do */
    CODE_ROM_WRONG = 18,     /* a ROM does something else */
    CODE_MACHINE_WRONG = 19, /* the machine does, without the ROM's code too */
    CODE_ROM_REFUSED = 20    /* Init refuses: nothing of the ROM could be tested */
};

enum { IMAGE_13, IMAGE_3, IMAGE_NATIVE, IMAGES, MAX_FAILURES = 64 };
enum image_state { ABSENT, PRESENT, UNUSABLE, REFUSED };
enum call_state { NOT_TESTED, RIGHT, WRONG, NOT_ANSWERED /* API 3.0: the guest keeps its own */ };

/* One image, and what came of it. */
struct image {
    uint8_t state, major, minor;
    uint32_t physical, size;
    const char *why; /* UNUSABLE: what is wrong with it */
    uint32_t passed, failed, skipped;
    const char *name[VMI_CALL_SLOTS];   /* of the calls of its API, else NULL */
    uint8_t call[VMI_CALL_SLOTS];       /* enum call_state */
    const char *reason[VMI_CALL_SLOTS]; /* why it is not tested */
};

struct failure {
    uint8_t image;
    uint8_t call;
    uint8_t is_machines; /* the native instructions fail likewise */
    uint8_t was_checked; /* whether they have been asked */
    const struct test *test;
    const char *name; /* of the call */
    char text[96];
};

/* What a reset of the machine leaves as it is. */
struct results {
    uint32_t sum;  /* of the words behind it */
    uint8_t at;    /* the image being tested; IMAGES: the failures are being checked */
    uint32_t next; /* the test, or the failure */
    uint32_t bad_images, failures,
        lost_failures;     /* ROMs that no guest would take; failures listed, and not */
    uint8_t resets_forget; /* memory was cleared by a reset */
    struct image images[IMAGES];
    struct failure failure[MAX_FAILURES];
};

static inline struct results *results(void) {
    return guest_at(GUEST_MARKER_ADDRESS + 0x1000);
}

/* images.asm: the native images of both APIs, as a measure of the machine. */
extern const uint8_t conform_native_13[], conform_native_13_end[];
extern const uint8_t conform_native_3[], conform_native_3_end[];

/* fair.c: what the ABI asks of calls of which our own tests ask more; the first one is Init. */
extern const struct test fair_tests[];

/* rtc.c: a mark in the clock's alarm, which outlives a reset even if memory does not. */
int rtc_mark_set(void);  /* returns 0 where the clock does not hold it */
int rtc_mark_take(void); /* whether it was there; it is no longer */

/* report.c */
void report_start(void); /* the machine and the images */
void report_progress(const struct test *t, uint32_t number, uint32_t of);
void report_failure(const struct failure *f); /* as it happens */
enum conform_code report_end(void);           /* the summary, on all outputs */

#endif
