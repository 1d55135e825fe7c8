/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What the tests of romsum have in common: results, files, runs of the program, images of our own.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "results.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_IMAGE    (256 * 512 + 1)

/* ---- TAP, files ---- */

void print_lines(const char *label, const char *text);
size_t read_file(const char *name, uint8_t *bytes, size_t size);
void write_file(const char *name, const uint8_t *bytes, size_t size);
bool file_is(const char *name, const uint8_t *bytes, size_t size);
bool exists(const char *name);
/* Whether romsum left something of its own behind. */
bool has_leftovers(const char *folder);

/* ---- Running romsum ---- */

struct run {
    int status;
    char out[16384], err[8192]; /* err: the lines that begin with "romsum: " */
    char said[8192];            /* the others: what was changed */
};

/* How the next run differs from a plain one. */
struct special {
    uid_t user;
    rlim_t file_size;
    const char *out;
};

extern struct special special;

/* Runs a program with these words, NULL behind the last one. */
struct run run(const char *program, ...);

#define ROMSUM(...) run("./romsum", __VA_ARGS__, NULL)

/* The run ended with this status and wrote just this to stderr. */
bool gave(const struct run *seen, int status, const char *err);
bool prints(const struct run *seen, const char *text);
bool prints_figures(const struct run *seen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool holds(bool condition, const char *what);

/* ---- Images of our own ---- */

extern uint8_t image[MAX_IMAGE];
extern size_t image_size, pnp_at;

void put(size_t at, const void *bytes, size_t size);
void put_number(size_t at, int width, uint32_t value);
/* Sets image[at] so that `size` bytes from `start` on sum to 0. */
void set_sum(size_t at, size_t start, size_t size);
void put_pcir(size_t at, int revision);
/* $PnP with its strings right behind it. */
void put_pnp(size_t at);
void put_start(size_t size);
void put_pnp_sum(void);
void put_image_sum(void);
void put_sums(void);
/* API 13: PCIR in slot 1, $PnP in slot 2, a RET in every slot; the jump at 3 goes to a RETF. */
void make_13_of(size_t size);
void make_13(void);
void make_13_rev_3(void);
void make_3_of(size_t size);
void make_3(void);
void make_legacy(void);
/* A PCI ROM that is initialised with its first KiB only. */
void make_pci(void);

/* ---- Pieces of chips ---- */

/* Bytes like code, none of them 0 or FFh. */
void put_noise(size_t at, size_t size, uint32_t seed);
/* A ROM without PCIR at `at`: a jump to a RETF at 40h, code from 50h on, the checksum at 6. */
void put_legacy(size_t at, size_t blocks);
void make_rom(size_t blocks);
/* PCIR of revision 0, last image, at offset `pcir` of the ROM at `at`. */
void put_device(size_t at, size_t pcir, size_t blocks);
void make_device(void);
void put_efi(size_t at, size_t blocks);
void add_noise(size_t size);
void add(uint8_t value, size_t size);
/* The checksum of the first ROM. */
void reseal(size_t at);
/* Whether the text, or what was said, holds the part. */
bool says(const char *text, const char *part);

/* ---- Tests of their own file ---- */

void test_changes(void);
void test_several_images(void);
void test_kinds(void);
void test_options(void);
void test_slots(void);

#endif
