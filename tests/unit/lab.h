/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A piece of a kernel (tests/guestkit/blob.h) and a ROM in Unicorn, to call the kernel's kit there:
 * 32-bit code needs a 32-bit machine. What is read and written here is the guest's.
 */
#ifndef TESTS_UNIT_LAB_H
#define TESTS_UNIT_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#include "../guestkit/blob.h"

#define LAB_ROM       0x000D0000u /* a page boundary, as hypercall images want it */
#define LAB_ROM_MAX   0x2000u
#define LAB_SIZE      0x8000u /* of the ROM and the blob behind it */
#define LAB_TEXT_END  0x000E0000u
#define LAB_OTHER_MIB 0x00200000u /* a first MiB of ROMs only */
#define LAB_LINKAGE   0x00101000u
#define LAB_ROMS      0x00102000u
#define LAB_SAVED     0x00103000u
#define LAB_SAVED_MAX 0x1000u
#define LAB_FREE      0x00108000u /* to LAB_STACK - 4 KiB */
#define LAB_STACK     0x0011F000u

/* The kit's structures as a 32-bit compiler lays them out; guest.h is for such a one only. */
struct lab_rom {
    uint32_t base, physical, size;
    uint8_t minor, major, verdict, padding;
};

struct lab_linkage {
    uint32_t first, end, translations, translations_end, text, text_end, saved, saved_end, alone;
    uint32_t count[3];
    uint32_t bad, rom, next;
};

struct lab_annotation {
    uint32_t call, site, translation;
    uint8_t size, translation_size;
    int8_t padding;
    uint8_t zero;
};

struct lab {
    uc_engine *uc;
    struct blob blob;
    uint32_t n_sites;
    unsigned text_writes; /* stores into the ROM or the blob since it was last cleared */
    bool hypervisor;      /* CPUID shows the one that hypercall images look for */
    uint32_t lost_at;     /* of a call that did not come back */
};

/* Exits with status 2 when Unicorn cannot be had. `blob` is the blob's file. */
void lab_open(struct lab *lab, const void *blob, uint32_t blob_size, const void *rom,
              uint32_t rom_size);
void lab_close(struct lab *lab);

void lab_read(struct lab *lab, uint32_t address, void *to, uint32_t size);
void lab_write(struct lab *lab, uint32_t address, const void *from, uint32_t size);
uint8_t lab_byte(struct lab *lab, uint32_t address);

/* Calls a function as C does and returns EAX. One that does not come back sets lab->lost_at. */
uint32_t lab_call(struct lab *lab, uint32_t function, unsigned n, const uint32_t *arguments);

/* The linkage as a kernel fills it in, with enough memory, written to LAB_LINKAGE. */
struct lab_linkage lab_prepare(struct lab *lab);
struct lab_linkage lab_linkage(struct lab *lab);
struct lab_annotation lab_record(struct lab *lab, uint32_t n);
void lab_set_record(struct lab *lab, uint32_t n, const struct lab_annotation *record);

/* Describes the ROM at LAB_ROM as vmi_find() would and links; without `rom` unlinks. */
#define LAB_LOST 1 /* vmi_link() did not come back */
int lab_link(struct lab *lab, bool rom);

#endif
