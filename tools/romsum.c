/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * romsum - seal, check and show option ROM images, VMI ROMs above all; choose the trap of a
 * hypercall image and the policy of an image of API 3.0.
 *
 * Reading order: the image and its checked accessors, the list of problems, the checks (one
 * function per structure), sealing, choosing trap and policy, showing, files, the command line.
 * check_image() is the judge for all verbs: sealing ends with it, choosing begins and ends with it,
 * and showing marks what it found.
 */
#define _XOPEN_SOURCE     700
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "vmi/calls.h" /* VMI_CALL_Init, VMI_CALL_GetRelocationInfo */
#include "vmi/hypercall.h"
#include "vmi/rom.h"
#include "call_names.h" /* vmi_call_names[], vmi3_call_names[] */

#ifndef VMIROM_VERSION
#define VMIROM_VERSION "unknown"
#endif

#define MAX_FILE     (16u << 20) /* the largest expansion ROM that PCI can map */
#define MIN_SEALABLE 4u          /* signature, length byte and one byte of entry code */
#define NOWHERE      UINT32_MAX  /* a problem of the file as a whole */
#define CALL_FILL    0xCCu       /* int3, what the slots' unused bytes hold */
#define CODE_RET     0xC3u

#define HEADER(field)    ((uint32_t)offsetof(struct vmi_rom_header, field))
#define HEADER_3(field)  ((uint32_t)offsetof(struct vmi_rom_header_3, field))
#define PCIR(field)      ((uint32_t)offsetof(struct vmi_pci_data, field))
#define PNP(field)       ((uint32_t)offsetof(struct vmi_pnp_header, field))
#define PNP_SIZE         ((uint32_t)sizeof(struct vmi_pnp_header))
#define HYPERCALL(field) ((uint32_t)offsetof(struct vmi_hypercall_descriptor, field))
#define HYPERCALL_SIZE   ((uint32_t)sizeof(struct vmi_hypercall_descriptor))
#define CALLS_13         ((uint32_t)(sizeof(vmi_call_names) / sizeof(vmi_call_names[0])))
#define CALLS_3          ((uint32_t)(sizeof(vmi3_call_names) / sizeof(vmi3_call_names[0])))

/* ---- The image ---- */

struct image {
    const char *name;
    uint8_t *bytes;
    uint32_t size;
};

static bool inside(const struct image *image, uint32_t at, uint32_t length) {
    return at <= image->size && length <= image->size - at;
}

/* A read outside the image gives FFh, as an empty bus does. */
static uint32_t get8(const struct image *image, uint32_t at) {
    return inside(image, at, 1) ? image->bytes[at] : 0xFF;
}

static uint32_t get16(const struct image *image, uint32_t at) {
    return get8(image, at) | get8(image, at + 1) << 8;
}

static uint32_t get32(const struct image *image, uint32_t at) {
    return get16(image, at) | get16(image, at + 2) << 16;
}

static void put8(struct image *image, uint32_t at, uint32_t value) {
    if (inside(image, at, 1))
        image->bytes[at] = (uint8_t)value;
}

static void put16(struct image *image, uint32_t at, uint32_t value) {
    put8(image, at, value & 0xFF);
    put8(image, at + 1, value >> 8);
}

static uint32_t sum_of(const struct image *image, uint32_t at, uint32_t length) {
    uint32_t sum = 0;

    if (!inside(image, at, length))
        return 0xFF;
    for (uint32_t i = 0; i < length; i++)
        sum += image->bytes[at + i];
    return sum & 0xFF;
}

/* How many bytes from `at` on hold `value`, looking at `length` of them at most. */
static uint32_t run_of(const struct image *image, uint32_t at, uint32_t length, uint32_t value) {
    uint32_t n = 0;

    while (n < length && inside(image, at + n, 1) && image->bytes[at + n] == value)
        n++;
    return n;
}

/* The length of the string at `at` without its NUL; NOWHERE if no NUL comes before the end. */
static uint32_t string_length(const struct image *image, uint32_t at) {
    const uint8_t *nul;

    if (!inside(image, at, 1))
        return NOWHERE;
    nul = memchr(image->bytes + at, 0, image->size - at);
    return nul ? (uint32_t)(nul - (image->bytes + at)) : NOWHERE;
}

static bool string_is(const struct image *image, uint32_t at, const char *text) {
    uint32_t length = (uint32_t)strlen(text);

    return inside(image, at, length + 1) && memcmp(image->bytes + at, text, length + 1) == 0;
}

static bool is_vmi(const struct image *image) {
    return get32(image, HEADER(vmi_signature)) == VMI_SIGNATURE;
}

/* Whether the image is a VMI ROM of this API. */
static bool is_api(const struct image *image, uint32_t major) {
    return is_vmi(image) && get8(image, HEADER(api_major)) == major;
}

/*
 * Where PCIR and $PnP are, 0 if there is none. Old ROMs have code at 18h, so a pointer that leads
 * to no signature is none, as a BIOS reads it.
 */
static uint32_t find_pcir(const struct image *image) {
    uint32_t at = get16(image, HEADER(pci_offset));

    return inside(image, at, VMI_PCIR_SIZE_0) && get32(image, at) == VMI_PCIR_SIGNATURE ? at : 0;
}

static uint32_t find_pnp(const struct image *image) {
    uint32_t at = get16(image, HEADER(pnp_offset));

    return inside(image, at, PNP_SIZE) && get32(image, at) == VMI_PNP_SIGNATURE ? at : 0;
}

/*
 * Where the descriptor of a hypercall image is, 0 if there is none. The pointer to it is free for
 * any use in other ROMs, so it counts only if it leads to the magic.
 */
static uint32_t find_descriptor(const struct image *image) {
    uint32_t at = get16(image, VMI_HYPERCALL_POINTER);

    if (!is_api(image, VMI_API_MAJOR_13) && !is_api(image, VMI_API_MAJOR_3))
        return 0;
    return at != 0 && get32(image, at) == VMI_HYPERCALL_MAGIC ? at : 0;
}

/* The same for a descriptor that can be read, in an image that has all slots. */
static uint32_t find_readable_descriptor(const struct image *image) {
    uint32_t at = find_descriptor(image);

    if (!inside(image, at, HYPERCALL_SIZE) || !inside(image, 0, VMI_CALLS_END))
        return 0;
    return get8(image, at + HYPERCALL(version)) == VMI_HYPERCALL_VERSION ? at : 0;
}

/* Where the policy of an image of API 3.0 is, 0 if there is none. */
static uint32_t find_policy(const struct image *image) {
    uint32_t at = VMI3_POLICY_OFFSET;

    return is_api(image, VMI_API_MAJOR_3) && get32(image, at) == VMI3_POLICY_MAGIC ? at : 0;
}

/* Whether the image has the slot page. */
static bool has_slots(const struct image *image) {
    return inside(image, 0, VMI_CALLS_END) &&
           (is_api(image, VMI_API_MAJOR_13) || find_policy(image) != 0 ||
            find_readable_descriptor(image) != 0);
}

/* The first slot that holds a body from end to end: 3.0 has its two entries in that of Init. */
static uint32_t first_slot(const struct image *image) {
    return is_api(image, VMI_API_MAJOR_3) ? VMI_CALL_Init + 1 : VMI_CALL_FIRST;
}

static uint32_t blocks_of(uint32_t bytes) {
    return (bytes + VMI_ROM_BLOCK - 1) / VMI_ROM_BLOCK;
}

/* How many bytes the image checksum covers; the whole file if the length byte cannot be right. */
static uint32_t sealed_size(const struct image *image) {
    uint32_t length = get8(image, HEADER(length)) * VMI_ROM_BLOCK;

    return length != 0 && inside(image, 0, length) ? length : image->size;
}

/* ---- Problems ---- */

struct problem {
    uint32_t at;
    bool shown;
    char *text;
};

struct report {
    struct problem *list;
    size_t count;
};

static _Noreturn void out_of_memory(void) {
    fputs("romsum: out of memory\n", stderr);
    exit(1);
}

__attribute__((format(printf, 3, 4))) static void problem(struct report *report, uint32_t at,
                                                          const char *format, ...) {
    struct problem *list = realloc(report->list, (report->count + 1) * sizeof(*list));
    char text[256];
    va_list args;

    if (!list)
        out_of_memory();
    report->list = list;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    list[report->count].at = at;
    list[report->count].shown = false;
    list[report->count].text = strdup(text);
    if (!list[report->count].text)
        out_of_memory();
    report->count++;
}

static void print_report(const struct report *report, const char *name) {
    for (size_t i = 0; i < report->count; i++) {
        const struct problem *p = &report->list[i];

        if (p->at == NOWHERE)
            fprintf(stderr, "romsum: %s: %s\n", name, p->text);
        else
            fprintf(stderr, "romsum: %s: at 0x%02X: %s\n", name, p->at, p->text);
    }
}

static void clear_report(struct report *report) {
    for (size_t i = 0; i < report->count; i++)
        free(report->list[i].text);
    free(report->list);
    report->list = NULL;
    report->count = 0;
}

/* ---- Checks ---- */

/* Where the entry code goes first: the target of its jump, else the entry itself. */
static uint32_t entry_target(const struct image *image) {
    uint32_t at = HEADER(entry);

    switch (get8(image, at)) {
    case 0xE9:
        return (at + 3 + get16(image, at + 1)) & 0xFFFF;
    case 0xEB:
        return (at + 2 + get8(image, at + 1) - ((get8(image, at + 1) & 0x80) << 1)) & 0xFFFF;
    default:
        return at;
    }
}

/* Code that does not jump runs through byte 6, unless it returns at once. */
static bool entry_spares_checksum(const struct image *image) {
    uint32_t target = entry_target(image);

    return get8(image, HEADER(entry)) == 0xCB || target < HEADER(entry) || target >= HEADER(pad0);
}

static bool is_followed_by_image(const struct image *image) {
    uint32_t at = find_pcir(image);
    uint32_t length = get16(image, at + PCIR(image_length)) * VMI_ROM_BLOCK;

    return at != 0 && !(get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE) && length != 0 &&
           length < image->size;
}

/* What must hold before anything else is worth a look. */
static bool check_is_rom(const struct image *image, struct report *report) {
    if (get16(image, HEADER(signature)) != VMI_ROM_SIGNATURE) {
        problem(report, HEADER(signature), "signature is %02X %02X, not 55 AA: not an option ROM",
                get8(image, 0), get8(image, 1));
        return is_vmi(image);
    }
    if (is_followed_by_image(image)) {
        problem(report, find_pcir(image) + PCIR(indicator),
                "last-image bit is clear and an image follows: more than one image is not "
                "supported");
        return false;
    }
    return true;
}

static void check_length(const struct image *image, struct report *report) {
    uint32_t at = HEADER(length);
    uint32_t blocks = get8(image, at);
    uint32_t bytes = blocks * VMI_ROM_BLOCK;

    if (blocks == 0) {
        problem(report, at, "length byte is 0: a BIOS passes over the ROM");
        return;
    }
    if (bytes > image->size)
        problem(report, at, "length byte says %u blocks (%u bytes), the file ends after %u bytes",
                blocks, bytes, image->size);
    /* A BIOS allows less than PCIR's length, but a guest maps and copies by this byte. */
    if (bytes < image->size && (is_vmi(image) || find_pcir(image) == 0))
        problem(report, at, "length byte says %u blocks (%u bytes), the file has %u bytes", blocks,
                bytes, image->size);
    if (!is_api(image, VMI_API_MAJOR_13))
        return;
    if (blocks > VMI_ROM_MAX_BLOCKS_13)
        problem(report, at, "length byte says %u blocks: Linux 13.0 panics above %u (%u bytes)",
                blocks, VMI_ROM_MAX_BLOCKS_13, VMI_ROM_MAX_SIZE_13);
    if (blocks < VMI_ROM_MIN_BLOCKS_13)
        problem(report, at, "length byte says %u blocks: the call table of API 13 fills %u", blocks,
                VMI_ROM_MIN_BLOCKS_13);
}

static void check_entry(const struct image *image, struct report *report) {
    uint32_t at = HEADER(entry);
    uint32_t code = get8(image, at);
    uint32_t target = entry_target(image);
    uint32_t fields_end = is_vmi(image) ? VMI_ROM_FIELDS_END : HEADER(pad0);

    if (code != 0xE9 && code != 0xEB) {
        if (is_vmi(image) && code != 0xCB)
            problem(report, at, "entry code 0x%02X is neither a jump (E9, EB) nor RETF (CB)", code);
        return;
    }
    if (!inside(image, target, 1))
        problem(report, at, "entry jumps to 0x%02X, outside the image (%u bytes)", target,
                image->size);
    else if (target < fields_end && target != HEADER(pad0))
        problem(report, at, "entry jumps to 0x%02X, into the header", target);
}

static void check_sum(const struct image *image, struct report *report) {
    uint32_t bytes = get8(image, HEADER(length)) * VMI_ROM_BLOCK;
    uint32_t at = VMI_ROM_CHECKSUM_OFFSET;
    uint32_t sum;

    if (bytes == 0 || !inside(image, 0, bytes))
        return;
    sum = sum_of(image, 0, bytes);
    if (sum != 0)
        problem(report, at,
                "the image's %u bytes sum to 0x%02X, not 0: checksum 0x%02X, right 0x%02X", bytes,
                sum, get8(image, at), (get8(image, at) - sum) & 0xFF);
}

static void check_zero(const struct image *image, struct report *report, uint32_t at, uint32_t size,
                       const char *name) {
    uint32_t value = size == 1 ? get8(image, at) : get32(image, at);

    if (value != 0)
        problem(report, at, "%s is 0x%02X, must be 0", name, value);
}

static void check_license(const struct image *image, struct report *report) {
    uint32_t field = HEADER_3(license_offset);
    uint32_t at = get16(image, field);

    if (at == 0)
        problem(report, field, "licence offset is 0: Linux refuses a ROM without a licence");
    else if (!inside(image, at, 1))
        problem(report, field, "licence offset 0x%02X lies outside the image (%u bytes)", at,
                image->size);
    else if (string_length(image, at) == NOWHERE)
        problem(report, at, "licence string has no NUL before the end of the image");
    else if (!string_is(image, at, "GPL") && !string_is(image, at, "GPL v2"))
        problem(report, at, "licence string is neither \"GPL\" nor \"GPL v2\": Linux refuses it");
}

static void check_empty(const struct image *image, struct report *report, uint32_t at,
                        uint32_t length, const char *name) {
    uint32_t fill = get8(image, at);

    if ((fill == 0x00 || fill == 0xFF || fill == CALL_FILL) &&
        run_of(image, at, length, fill) == length)
        problem(report, at, "%s holds nothing but %02X: a guest that calls it dies", name, fill);
}

static void check_vmi_header(const struct image *image, struct report *report) {
    if (!is_vmi(image))
        return;
    if (is_api(image, VMI_API_MAJOR_13)) {
        check_zero(image, report, HEADER(reserved0), 1, "reserved0");
        check_zero(image, report, HEADER(reserved1), 1, "reserved1");
        check_zero(image, report, HEADER(reserved2), 4, "reserved2");
        check_zero(image, report, HEADER(pad3), 4, "pad3");
    } else if (is_api(image, VMI_API_MAJOR_3)) {
        check_license(image, report);
        check_empty(image, report, HEADER_3(init), 8, "Init entry");
        check_empty(image, report, HEADER_3(get_reloc), 8, "GetRelocationInfo entry");
    } else {
        problem(report, HEADER(api_major), "API major %u is not known (13 and 3 are)",
                get8(image, HEADER(api_major)));
    }
}

static void check_pcir_ids(const struct image *image, struct report *report, uint32_t at) {
    uint32_t vendor = get16(image, at + PCIR(vendor));

    if (is_vmi(image) && (vendor == 0 || vendor == 0xFFFF))
        problem(report, at + PCIR(vendor), "PCIR vendor 0x%04X is no PCI vendor", vendor);
    if (get8(image, at + PCIR(code_type)) != VMI_PCIR_CODE_X86)
        problem(report, at + PCIR(code_type), "PCIR code type is %u, not 0 (x86 BIOS)",
                get8(image, at + PCIR(code_type)));
}

static void check_pcir_lengths(const struct image *image, struct report *report, uint32_t at) {
    uint32_t blocks = get16(image, at + PCIR(image_length));
    uint32_t kept = get16(image, at + PCIR(max_run_time_length));

    if (blocks * VMI_ROM_BLOCK != image->size)
        problem(report, at + PCIR(image_length),
                "PCIR image length says %u blocks (%u bytes), the file has %u bytes", blocks,
                blocks * VMI_ROM_BLOCK, image->size);
    if (!(get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE))
        problem(report, at + PCIR(indicator),
                "last-image bit is clear, but no image follows: a BIOS reads on");
    /* A VMI image never shrinks itself, so all of it stays. */
    if (is_vmi(image) && get8(image, at + PCIR(revision)) == 3 && kept != blocks)
        problem(report, at + PCIR(max_run_time_length),
                "PCIR run-time length says %u blocks, the image length %u", kept, blocks);
}

static void check_device_list(const struct image *image, struct report *report, uint32_t pcir) {
    uint32_t offset = get16(image, pcir + PCIR(device_list));
    uint32_t at = pcir + offset;

    if (offset == 0 || get8(image, pcir + PCIR(revision)) != 3)
        return;
    while (inside(image, at, 2) && get16(image, at) != 0)
        at += 2;
    if (!inside(image, at, 2))
        problem(report, pcir + PCIR(device_list),
                "PCIR device list at 0x%02X does not end inside the image", pcir + offset);
}

static void check_pcir(const struct image *image, struct report *report) {
    uint32_t field = HEADER(pci_offset);
    uint32_t at = get16(image, field);
    uint32_t revision = get8(image, at + PCIR(revision));
    uint32_t length = get16(image, at + PCIR(length));
    uint32_t right = revision == 3 ? VMI_PCIR_SIZE_3 : VMI_PCIR_SIZE_0;

    if (at == 0 && is_api(image, VMI_API_MAJOR_3))
        problem(report, field, "PCIR offset is 0: Linux refuses a ROM without PCIR");
    if (at == 0 || (!is_vmi(image) && find_pcir(image) == 0))
        return;
    if (at % VMI_PCIR_ALIGN != 0)
        problem(report, field, "PCIR offset 0x%02X is not a multiple of %u", at, VMI_PCIR_ALIGN);
    if (!inside(image, at, VMI_PCIR_SIZE_0)) {
        problem(report, field, "PCIR offset 0x%02X lies outside the image (%u bytes)", at,
                image->size);
        return;
    }
    if (find_pcir(image) == 0) {
        problem(report, at, "PCIR signature is %02X %02X %02X %02X, not \"PCIR\"", get8(image, at),
                get8(image, at + 1), get8(image, at + 2), get8(image, at + 3));
        return;
    }
    if (revision != 0 && revision != 3)
        problem(report, at + PCIR(revision), "PCIR revision %u is not known (0 and 3 are)",
                revision);
    else if (length != right)
        problem(report, at + PCIR(length), "PCIR structure length is %u, revision %u has %u",
                length, revision, right);
    if (!inside(image, at, length))
        problem(report, at + PCIR(length), "PCIR ends outside the image (%u bytes)", image->size);
    check_pcir_ids(image, report, at);
    check_pcir_lengths(image, report, at);
    check_device_list(image, report, at);
}

static void check_string(const struct image *image, struct report *report, uint32_t field,
                         const char *name) {
    uint32_t at = get16(image, field);

    if (at == 0) {
        if (is_api(image, VMI_API_MAJOR_13))
            problem(report, field, "%s string offset is 0: Linux 13.0 prints it untested", name);
    } else if (!inside(image, at, 1)) {
        problem(report, field, "%s string offset 0x%02X lies outside the image (%u bytes)", name,
                at, image->size);
    } else if (string_length(image, at) == NOWHERE) {
        problem(report, at, "%s string has no NUL before the end of the image", name);
    }
}

static void check_vector(const struct image *image, struct report *report, uint32_t field,
                         bool boots, const char *name) {
    uint32_t at = get16(image, field);

    if (at != 0 && is_vmi(image) && boots)
        problem(report, field,
                "%s is 0x%02X, must be 0, or the BIOS will offer the ROM as a boot device", name,
                at);
    else if (at != 0 && !inside(image, at, 1))
        problem(report, field, "%s 0x%02X lies outside the image (%u bytes)", name, at,
                image->size);
}

static void check_pnp_sum(const struct image *image, struct report *report, uint32_t at) {
    uint32_t units = get8(image, at + PNP(length));
    uint32_t bytes = units * VMI_PNP_UNIT;
    uint32_t stated = get8(image, at + PNP(checksum));
    uint32_t sum;

    if (bytes < PNP_SIZE) {
        problem(report, at + PNP(length), "$PnP length is %u units of 16 bytes, at least 2 needed",
                units);
        return;
    }
    if (!inside(image, at, bytes)) {
        problem(report, at + PNP(length), "$PnP ends outside the image (%u bytes)", image->size);
        return;
    }
    sum = sum_of(image, at, bytes);
    if (sum != 0)
        problem(report, at + PNP(checksum),
                "$PnP's %u bytes sum to 0x%02X, not 0: checksum 0x%02X, right 0x%02X", bytes, sum,
                stated, (stated - sum) & 0xFF);
}

static void check_pnp_fields(const struct image *image, struct report *report, uint32_t at) {
    uint32_t next = get16(image, at + PNP(next));

    if (get8(image, at + PNP(revision)) != 1)
        problem(report, at + PNP(revision), "$PnP revision %u is not known (1 is)",
                get8(image, at + PNP(revision)));
    check_pnp_sum(image, report, at);
    if (next != 0 && !inside(image, next, PNP_SIZE))
        problem(report, at + PNP(next), "next $PnP offset 0x%02X lies outside the image (%u bytes)",
                next, image->size);
    check_string(image, report, at + PNP(manufacturer), "manufacturer");
    check_string(image, report, at + PNP(product), "product");
    check_vector(image, report, at + PNP(bcv), true, "boot connection vector");
    check_vector(image, report, at + PNP(dv), false, "disconnect vector");
    check_vector(image, report, at + PNP(bev), true, "bootstrap entry vector");
    check_vector(image, report, at + PNP(static_resources), false, "static resource vector");
}

static void check_pnp(const struct image *image, struct report *report) {
    uint32_t field = HEADER(pnp_offset);
    uint32_t at = get16(image, field);

    if (at == 0 || (!is_vmi(image) && find_pnp(image) == 0))
        return;
    if (is_vmi(image) && at % VMI_PNP_ALIGN != 0)
        problem(report, field, "$PnP offset 0x%02X is not a multiple of %u", at, VMI_PNP_ALIGN);
    if (!inside(image, at, PNP_SIZE))
        problem(report, field, "$PnP offset 0x%02X lies outside the image (%u bytes)", at,
                image->size);
    else if (find_pnp(image) == 0)
        problem(report, at, "$PnP signature is %02X %02X %02X %02X, not \"$PnP\"", get8(image, at),
                get8(image, at + 1), get8(image, at + 2), get8(image, at + 3));
    else
        check_pnp_fields(image, report, at);
}

/* ---- Overlaps ---- */

struct span {
    const char *name;
    uint32_t start, end;
    bool text;
};

struct spans {
    struct span list[11];
    uint32_t count;
};

static void add_span(struct spans *spans, const char *name, uint32_t start, uint32_t length) {
    if (start == NOWHERE || length == 0)
        return;
    spans->list[spans->count++] = (struct span){name, start, start + length, false};
}

static void add_string(const struct image *image, struct spans *spans, const char *name,
                       uint32_t at) {
    uint32_t length = string_length(image, at);

    /* Strings may share bytes, and in a foreign ROM anything may lie behind a pointer. */
    if (at == 0 || length == NOWHERE || !is_vmi(image))
        return;
    add_span(spans, name, at, length + 1);
    spans->list[spans->count - 1].text = true;
}

static void collect_spans(const struct image *image, struct spans *spans) {
    uint32_t pcir = find_pcir(image);
    uint32_t pnp = find_pnp(image);
    uint32_t descriptor = find_readable_descriptor(image);
    bool rev3 = get8(image, pcir + PCIR(revision)) == 3;

    add_span(spans, "the header", 0, is_vmi(image) ? VMI_ROM_FIELDS_END : HEADER(pad3));
    if (has_slots(image) || is_api(image, VMI_API_MAJOR_13))
        add_span(spans, "the call slots", VMI_CALL_OFFSET(first_slot(image)),
                 VMI_CALLS_END - VMI_CALL_OFFSET(first_slot(image)));
    if (descriptor != 0)
        add_span(spans, "the hypercall descriptor", descriptor, HYPERCALL_SIZE);
    if (find_policy(image) != 0)
        add_span(spans, "the policy", VMI3_POLICY_OFFSET,
                 VMI3_POLICY_AT_CALLS + get8(image, VMI3_POLICY_OFFSET + VMI3_POLICY_AT_COUNT));
    if (is_api(image, VMI_API_MAJOR_3)) {
        add_span(spans, "the API 3.0 entries", HEADER_3(init), 16);
        add_string(image, spans, "the licence string", get16(image, HEADER_3(license_offset)));
    }
    if (pcir != 0)
        add_span(spans, "PCIR", pcir, rev3 ? VMI_PCIR_SIZE_3 : VMI_PCIR_SIZE_0);
    if (pnp != 0) {
        add_span(spans, "$PnP", pnp, get8(image, pnp + PNP(length)) * VMI_PNP_UNIT);
        add_string(image, spans, "the manufacturer string", get16(image, pnp + PNP(manufacturer)));
        add_string(image, spans, "the product string", get16(image, pnp + PNP(product)));
    }
}

static void check_entry_span(const struct image *image, struct report *report,
                             const struct span *span) {
    uint32_t target = entry_target(image);

    if (span->start >= VMI_ROM_FIELDS_END && span->start != VMI_CALLS_START &&
        target >= span->start && target < span->end)
        problem(report, HEADER(entry), "entry jumps to 0x%02X, into %s", target, span->name);
}

static void check_overlaps(const struct image *image, struct report *report) {
    struct spans spans = {.count = 0};

    collect_spans(image, &spans);
    for (uint32_t i = 0; i < spans.count; i++) {
        const struct span *a = &spans.list[i];

        check_entry_span(image, report, a);
        for (uint32_t j = 0; j < i; j++) {
            const struct span *b = &spans.list[j];

            if (a->start < b->end && b->start < a->end && !(a->text && b->text))
                problem(report, a->start, "%s (0x%02X to 0x%02X) overlaps %s (0x%02X to 0x%02X)",
                        a->name, a->start, a->end - 1, b->name, b->start, b->end - 1);
        }
    }
}

/* ---- Slots ---- */

/* The byte that fills slot `number` from end to end, NOWHERE if it holds code. */
static uint32_t slot_fill(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t fill = get8(image, at);

    if (fill != 0x00 && fill != 0xFF && fill != CALL_FILL)
        return NOWHERE;
    return run_of(image, at, VMI_CALL_SIZE, fill) == VMI_CALL_SIZE ? fill : NOWHERE;
}

static void check_slots(const struct image *image, struct report *report) {
    uint32_t last;

    if (!has_slots(image) || (is_api(image, VMI_API_MAJOR_3) && find_policy(image) == 0))
        return;
    for (uint32_t first = first_slot(image); first < VMI_CALL_SLOTS; first = last + 1) {
        uint32_t fill = slot_fill(image, first);

        last = first;
        if (fill == NOWHERE)
            continue;
        while (last + 1 < VMI_CALL_SLOTS && slot_fill(image, last + 1) == fill)
            last++;
        if (first == last)
            problem(report, VMI_CALL_OFFSET(first),
                    "slot %u holds nothing but %02X: a guest that calls it dies", first, fill);
        else
            problem(report, VMI_CALL_OFFSET(first),
                    "slots %u to %u hold nothing but %02X: a guest that calls them dies", first,
                    last, fill);
    }
}

/* ---- Hypercall images ---- */

/* A trap as the descriptor holds it. */
struct trap {
    uint32_t kind;
    uint32_t operand;
};

static const struct trap_kind {
    const char *name;
    const char *operand; /* what the site's second byte is; NULL: it is part of the instruction */
    uint32_t lowest;     /* operand */
    uint8_t site[VMI_TRAP_SITE_SIZE];
} trap_kinds[VMI_TRAP_KINDS] = {
    [VMI_TRAP_VMMCALL] = {"vmmcall", NULL, 0x00, VMI_TRAP_SITE_VMMCALL},
    [VMI_TRAP_VMCALL] = {"vmcall", NULL, 0x00, VMI_TRAP_SITE_VMCALL},
    [VMI_TRAP_INT] = {"int", "vector", VMI_TRAP_INT_FIRST, VMI_TRAP_SITE_INT(0)},
    [VMI_TRAP_OUT] = {"out", "port", 0x00, VMI_TRAP_SITE_OUT(0)},
};

static const char *const slot_kinds[VMI_SLOT_KINDS] = {
    [VMI_SLOT_NATIVE] = "native",
    [VMI_SLOT_TRAP] = "trap",
    [VMI_SLOT_NOP] = "nop",
    [VMI_SLOT_OWN] = "own",
};

static struct trap trap_of(const struct image *image, uint32_t descriptor) {
    return (struct trap){get8(image, descriptor + HYPERCALL(trap)),
                         get8(image, descriptor + HYPERCALL(operand))};
}

/* VMI_SLOT_KINDS or more is no kind at all. */
static uint32_t slot_kind(const struct image *image, uint32_t descriptor, uint32_t number) {
    return get8(image, descriptor + HYPERCALL(kind) + number);
}

/* A slot that returns at once. */
static struct vmi_call_entry nop_slot(void) {
    struct vmi_call_entry slot;

    memset(slot.code, CALL_FILL, sizeof(slot.code));
    slot.code[0] = CODE_RET;
    return slot;
}

static struct vmi_call_entry trap_slot(struct trap trap) {
    struct vmi_call_entry slot = nop_slot();

    memcpy(slot.code, trap_kinds[trap.kind].site, VMI_TRAP_SITE_SIZE);
    if (trap_kinds[trap.kind].operand)
        slot.code[1] = (uint8_t)trap.operand;
    slot.code[VMI_TRAP_SITE_SIZE] = CODE_RET;
    return slot;
}

/* Asked only about images that have all slots. */
static bool slot_is(const struct image *image, uint32_t number, const struct vmi_call_entry *slot) {
    return memcmp(image->bytes + VMI_CALL_OFFSET(number), slot->code, sizeof(slot->code)) == 0;
}

/* Whatever trap it is: choosing another one would leave it behind. */
static bool slot_is_any_trap(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t operand = get8(image, at + 1);

    if (get8(image, at + VMI_TRAP_SITE_SIZE) != CODE_RET)
        return false;
    for (uint32_t kind = 0; kind < VMI_TRAP_KINDS; kind++) {
        struct vmi_call_entry stub = trap_slot((struct trap){kind, operand});

        if (slot_is(image, number, &stub))
            return true;
    }
    return false;
}

/* What a slot has to obey. */
enum slot_rule {
    KIND_IS_KNOWN,
    HEADER_IS_OWN,
    INIT_IS_OWN,
    NO_OTHER_IS_OWN,
    RELOCATION_IS_NATIVE,
    UNASSIGNED_IS_NATIVE,
    TRAP_IS_WHOLE,
    NOP_IS_WHOLE,
    NO_OTHER_IS_TRAP,
    SLOT_RULES, /* none is broken */
};

static const struct {
    bool in_slot; /* the slot is wrong, not its kind in the descriptor */
    const char *says;
} slot_rules[SLOT_RULES] = {
    [KIND_IS_KNOWN] = {false, "only 0 to 3 are known"},
    [HEADER_IS_OWN] = {false, "the header's slots are the image's own (3)"},
    [INIT_IS_OWN] = {false, "Init is the image's own (3)"},
    [NO_OTHER_IS_OWN] = {false, "only the header and Init are the image's own"},
    [RELOCATION_IS_NATIVE] = {false, "GetRelocationInfo stays native (0)"},
    [UNASSIGNED_IS_NATIVE] = {false, "no call of API 13 has this slot: it stays native (0)"},
    [TRAP_IS_WHOLE] = {true, "it is not the descriptor's trap, RET and INT3 to its end"},
    [NOP_IS_WHOLE] = {true, "it is not RET and INT3 to its end"},
    [NO_OTHER_IS_TRAP] = {true, "it holds a trap stub"},
};

static enum slot_rule broken_kind_rule(uint32_t number, uint32_t kind) {
    if (kind >= VMI_SLOT_KINDS)
        return KIND_IS_KNOWN;
    if (number < VMI_CALL_FIRST)
        return kind == VMI_SLOT_OWN ? SLOT_RULES : HEADER_IS_OWN;
    if (number == VMI_CALL_Init)
        return kind == VMI_SLOT_OWN ? SLOT_RULES : INIT_IS_OWN;
    if (kind == VMI_SLOT_OWN)
        return NO_OTHER_IS_OWN;
    if (number == VMI_CALL_GetRelocationInfo && kind != VMI_SLOT_NATIVE)
        return RELOCATION_IS_NATIVE;
    return SLOT_RULES;
}

/* The first rule that the slot breaks. `stubs` is what a slot of each kind holds, if it is one. */
static enum slot_rule broken_rule(const struct image *image, uint32_t number, uint32_t kind,
                                  const struct vmi_call_entry stubs[VMI_SLOT_KINDS]) {
    enum slot_rule rule = broken_kind_rule(number, kind);

    if (rule != SLOT_RULES)
        return rule;
    if (is_api(image, VMI_API_MAJOR_13) && number > VMI_CALL_LAST && kind != VMI_SLOT_NATIVE)
        return UNASSIGNED_IS_NATIVE;
    if (kind == VMI_SLOT_TRAP)
        return slot_is(image, number, &stubs[kind]) ? SLOT_RULES : TRAP_IS_WHOLE;
    if (kind == VMI_SLOT_NOP)
        return slot_is(image, number, &stubs[kind]) ? SLOT_RULES : NOP_IS_WHOLE;
    return slot_is_any_trap(image, number) ? NO_OTHER_IS_TRAP : SLOT_RULES;
}

static void report_slot(const struct image *image, struct report *report, uint32_t descriptor,
                        uint32_t number, enum slot_rule rule, uint32_t others) {
    uint32_t kind = slot_kind(image, descriptor, number);
    uint32_t at =
        slot_rules[rule].in_slot ? VMI_CALL_OFFSET(number) : descriptor + HYPERCALL(kind) + number;
    char more[32] = "";

    if (others > 0)
        snprintf(more, sizeof(more), "; %u more likewise", others);
    problem(report, at, "slot %u is of kind %u (%s): %s%s", number, kind,
            kind < VMI_SLOT_KINDS ? slot_kinds[kind] : "unknown", slot_rules[rule].says, more);
}

/* One line for each rule, about the first slot that breaks it: one wrong byte may spoil all. */
static void check_slot_rules(const struct image *image, struct report *report,
                             uint32_t descriptor) {
    uint32_t first[SLOT_RULES + 1], count[SLOT_RULES + 1] = {0};
    struct vmi_call_entry stubs[VMI_SLOT_KINDS] = {
        [VMI_SLOT_TRAP] = trap_slot(trap_of(image, descriptor)),
        [VMI_SLOT_NOP] = nop_slot(),
    };

    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++) {
        uint32_t kind = slot_kind(image, descriptor, number);
        enum slot_rule rule = broken_rule(image, number, kind, stubs);

        if (count[rule]++ == 0)
            first[rule] = number;
    }
    for (uint32_t rule = 0; rule < SLOT_RULES; rule++)
        if (count[rule] != 0)
            report_slot(image, report, descriptor, first[rule], rule, count[rule] - 1);
}

static bool check_trap(const struct image *image, struct report *report, uint32_t descriptor) {
    struct trap trap = trap_of(image, descriptor);
    const struct trap_kind *kind;

    if (trap.kind >= VMI_TRAP_KINDS) {
        problem(report, descriptor + HYPERCALL(trap), "trap kind %u is not known (0 to %u are)",
                trap.kind, VMI_TRAP_KINDS - 1);
        return false;
    }
    kind = &trap_kinds[trap.kind];
    if (!kind->operand && trap.operand != 0)
        problem(report, descriptor + HYPERCALL(operand), "operand is 0x%02X, must be 0 for %s",
                trap.operand, kind->name);
    else if (trap.operand < kind->lowest)
        problem(report, descriptor + HYPERCALL(operand), "%s 0x%02X of %s is not in 0x%02X to 0xFF",
                kind->operand, trap.operand, kind->name, kind->lowest);
    else
        return true;
    return false;
}

static bool has_trap_slots(const struct image *image, uint32_t descriptor) {
    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++)
        if (slot_kind(image, descriptor, number) == VMI_SLOT_TRAP)
            return true;
    return false;
}

static void check_hypercall(const struct image *image, struct report *report) {
    uint32_t at = find_descriptor(image);
    uint32_t version = get8(image, at + HYPERCALL(version));

    if (at == 0)
        return;
    if (!inside(image, at, HYPERCALL_SIZE)) {
        problem(report, VMI_HYPERCALL_POINTER,
                "hypercall descriptor at 0x%02X ends outside the image (%u bytes)", at,
                image->size);
    } else if (version != VMI_HYPERCALL_VERSION) {
        problem(report, at + HYPERCALL(version),
                "hypercall descriptor version %u is not known (%u is)", version,
                VMI_HYPERCALL_VERSION);
    } else if (!inside(image, 0, VMI_CALLS_END)) {
        problem(report, NOWHERE,
                "the file's %u bytes are too short for the slots of a hypercall image (%u bytes)",
                image->size, VMI_CALLS_END);
    } else {
        check_zero(image, report, at + HYPERCALL(reserved), 1, "descriptor's reserved byte");
        if (!has_trap_slots(image, at))
            problem(report, at + HYPERCALL(kind), "no trap sites: not a hypercall image");
        if (check_trap(image, report, at))
            check_slot_rules(image, report, at);
    }
}

/* ---- The policy of API 3.0 ---- */

static uint32_t policy_entry(uint32_t number) {
    return VMI3_POLICY_OFFSET + VMI3_POLICY_AT_CALLS + number;
}

static bool is_answered(const struct image *image, uint32_t number) {
    return (get8(image, policy_entry(number)) & VMI3_POLICY_CALL) != 0;
}

/* A native image has no body for these that could be right. */
static bool needs_hypervisor(const struct image *image, uint32_t number) {
    return vmi3_call_names[number].reloc == VMI3_RELOC_HOST && find_descriptor(image) == 0;
}

static void check_policy_entry(const struct image *image, struct report *report, uint32_t number) {
    const char *name = vmi3_call_names[number].name;
    uint32_t at = policy_entry(number);
    uint32_t slot = get8(image, at) & ~VMI3_POLICY_CALL;

    if (slot != vmi3_call_names[number].slot)
        problem(report, at, "policy leads call %u, %s, to slot %u, not %u", number, name, slot,
                vmi3_call_names[number].slot);
    if (vmi3_call_names[number].reloc == VMI3_RELOC_ALWAYS && !is_answered(image, number))
        problem(report, at, "policy leaves out call %u, %s: Linux has no code of its own for it",
                number, name);
    if (is_answered(image, number) && needs_hypervisor(image, number))
        problem(report, at, "policy answers with call %u, %s, which only a hypervisor can serve",
                number, name);
}

static void check_policy(const struct image *image, struct report *report) {
    uint32_t at = find_policy(image);
    uint32_t version = get8(image, at + VMI3_POLICY_AT_VERSION);
    uint32_t count = get8(image, at + VMI3_POLICY_AT_COUNT);

    if (at == 0)
        return;
    if (version != VMI3_POLICY_VERSION)
        problem(report, at + VMI3_POLICY_AT_VERSION, "policy version %u is not known (%u is)",
                version, VMI3_POLICY_VERSION);
    else if (count != CALLS_3)
        problem(report, at + VMI3_POLICY_AT_COUNT, "policy has %u calls, API 3.0 has %u", count,
                CALLS_3);
    else if (!inside(image, at, VMI3_POLICY_AT_CALLS + count))
        problem(report, at, "policy ends outside the image (%u bytes)", image->size);
    else
        for (uint32_t number = 0; number < count; number++)
            check_policy_entry(image, report, number);
}

/* Every reason to refuse the image, in the report. */
static void check_image(const struct image *image, struct report *report) {
    if (image->size % VMI_ROM_BLOCK != 0)
        problem(report, NOWHERE, "the file's %u bytes are no whole number of 512-byte blocks",
                image->size);
    if (image->size < VMI_ROM_FIELDS_END) {
        problem(report, NOWHERE, "the file's %u bytes are too short for a ROM header (%u bytes)",
                image->size, VMI_ROM_FIELDS_END);
        return;
    }
    if (!check_is_rom(image, report))
        return;
    if (blocks_of(image->size) > VMI_ROM_MAX_BLOCKS)
        problem(report, NOWHERE, "the file's %u bytes are more than an image can have (%u)",
                image->size, VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
    check_length(image, report);
    check_entry(image, report);
    check_sum(image, report);
    check_vmi_header(image, report);
    check_pcir(image, report);
    check_pnp(image, report);
    check_overlaps(image, report);
    check_slots(image, report);
    check_hypercall(image, report);
    check_policy(image, report);
}

/* ---- Sealing ---- */

static void pad_image(struct image *image) {
    uint32_t size = blocks_of(image->size) * VMI_ROM_BLOCK;
    uint8_t *bytes = realloc(image->bytes, size);

    if (!bytes)
        out_of_memory();
    memset(bytes + image->size, 0xFF, size - image->size);
    image->bytes = bytes;
    image->size = size;
}

static void seal_structures(struct image *image) {
    uint32_t blocks = image->size / VMI_ROM_BLOCK;
    uint32_t pcir = find_pcir(image);
    uint32_t pnp = find_pnp(image);

    put8(image, HEADER(length), blocks);
    if (pcir != 0) {
        put16(image, pcir + PCIR(image_length), blocks);
        if (is_vmi(image) && get8(image, pcir + PCIR(revision)) == 3)
            put16(image, pcir + PCIR(max_run_time_length), blocks);
    }
    if (pnp != 0) {
        uint32_t bytes = get8(image, pnp + PNP(length)) * VMI_PNP_UNIT;
        uint32_t stated = get8(image, pnp + PNP(checksum));

        if (bytes >= PNP_SIZE && inside(image, pnp, bytes))
            put8(image, pnp + PNP(checksum), stated - sum_of(image, pnp, bytes));
    }
}

static void seal_sum(struct image *image, struct report *report) {
    uint32_t at = VMI_ROM_CHECKSUM_OFFSET;
    uint32_t sum = sum_of(image, 0, image->size);

    /* An image that sums to 0 by a byte of its own stays as it is. */
    if (sum == 0)
        return;
    if (entry_spares_checksum(image))
        put8(image, at, get8(image, at) - sum);
    else
        problem(
            report, HEADER(entry),
            "entry code %02X %02X %02X needs byte 6, where the checksum goes: begin with a jump "
            "(E9, EB) past it or with RETF (CB)",
            get8(image, HEADER(entry)), get8(image, HEADER(entry) + 1),
            get8(image, HEADER(entry) + 2));
}

/* Pads the image and sets its lengths and sums. Good only if the report stays empty. */
static void seal_image(struct image *image, struct report *report) {
    if (image->size < MIN_SEALABLE) {
        problem(report, NOWHERE, "the file's %u bytes are too short for a ROM", image->size);
        return;
    }
    if (!check_is_rom(image, report) || report->count != 0)
        return;
    if (blocks_of(image->size) > VMI_ROM_MAX_BLOCKS) {
        problem(report, NOWHERE, "the file's %u bytes are more than an image can have (%u)",
                image->size, VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
        return;
    }
    pad_image(image);
    seal_structures(image);
    seal_sum(image, report);
    if (report->count == 0)
        check_image(image, report);
}

/* ---- Choosing the trap ---- */

static void report_no_descriptor(const struct image *image, struct report *report) {
    uint32_t at = get16(image, VMI_HYPERCALL_POINTER);

    if (at == 0 || !is_vmi(image))
        problem(report, VMI_HYPERCALL_POINTER, "no trap sites: not a hypercall image");
    else
        problem(report, VMI_HYPERCALL_POINTER,
                "no trap sites: not a hypercall image (no descriptor at 0x%02X)", at);
}

/*
 * Makes every trap this one and seals the image again. Only a good image is taken: a new seal would
 * hide what is wrong with it. Good only if the report stays empty.
 */
static void bind_image(struct image *image, struct trap trap, struct report *report) {
    struct vmi_call_entry stub = trap_slot(trap);
    uint32_t at;

    check_image(image, report);
    if (report->count != 0)
        return;
    at = find_descriptor(image);
    if (at == 0) {
        report_no_descriptor(image, report);
        return;
    }
    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++)
        if (slot_kind(image, at, number) == VMI_SLOT_TRAP)
            memcpy(image->bytes + VMI_CALL_OFFSET(number), stub.code, VMI_TRAP_SITE_SIZE);
    put8(image, at + HYPERCALL(trap), trap.kind);
    put8(image, at + HYPERCALL(operand), trap.operand);
    seal_image(image, report);
}

/* ---- Choosing the policy ---- */

/* The calls that GetRelocationInfo is to answer with. */
struct policy {
    bool answered[sizeof(vmi3_call_names) / sizeof(vmi3_call_names[0])];
};

static void add_to_policy(struct policy *policy, enum vmi3_reloc reloc) {
    for (uint32_t number = 0; number < CALLS_3; number++)
        if (vmi3_call_names[number].reloc == reloc)
            policy->answered[number] = true;
}

/* As bind_image(). */
static void set_policy(struct image *image, const struct policy *policy, struct report *report) {
    check_image(image, report);
    if (report->count != 0)
        return;
    if (find_policy(image) == 0) {
        problem(report, NOWHERE, "no policy: not an image of API 3.0 of ours");
        return;
    }
    for (uint32_t number = 0; number < CALLS_3; number++)
        put8(image, policy_entry(number),
             vmi3_call_names[number].slot | (policy->answered[number] ? VMI3_POLICY_CALL : 0));
    seal_image(image, report);
}

/* ---- Showing ---- */

/* Marks every problem found at these bytes; each is told once. */
static void show_problems(struct report *report, uint32_t at, uint32_t length) {
    for (size_t i = 0; i < report->count; i++) {
        struct problem *p = &report->list[i];

        if (p->shown || p->at < at || p->at - at >= length)
            continue;
        p->shown = true;
        printf("    WRONG: %s\n", p->text);
    }
}

__attribute__((format(printf, 5, 6))) static void show_row(struct report *report, uint32_t at,
                                                           uint32_t length, const char *name,
                                                           const char *format, ...) {
    va_list args;

    printf("  0x%04X  %-20s ", at, name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    show_problems(report, at, length);
}

/* A string of the image between quotes, with everything unprintable as \xNN. */
static void show_string(const struct image *image, struct report *report, uint32_t field,
                        const char *name) {
    uint32_t at = get16(image, field);
    uint32_t length = string_length(image, at);

    printf("  0x%04X  %-20s ", field, name);
    if (at == 0)
        printf("none");
    else
        printf("0x%04X ", at);
    if (at != 0 && length == NOWHERE)
        printf("(no string there)");
    if (at != 0 && length != NOWHERE) {
        putchar('"');
        for (uint32_t i = 0; i < length && i < 64; i++) {
            uint32_t c = get8(image, at + i);

            if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\')
                putchar((int)c);
            else
                printf("\\x%02X", c);
        }
        puts(length > 64 ? "\"..." : "\"");
    } else {
        putchar('\n');
    }
    show_problems(report, field, 2);
    if (at != 0)
        show_problems(report, at, 1);
}

static void show_sum(const struct image *image, struct report *report, uint32_t at, uint32_t start,
                     uint32_t length) {
    uint32_t stated = get8(image, at);
    uint32_t right = (stated - sum_of(image, start, length)) & 0xFF;

    show_row(report, at, 1, "checksum", "stated 0x%02X, right 0x%02X (%u bytes)", stated, right,
             length);
}

static void show_entry(const struct image *image, struct report *report) {
    uint32_t at = HEADER(entry);
    uint32_t code = get8(image, at);

    if (code == 0xE9 || code == 0xEB)
        show_row(report, at, 3, "entry", "jmp 0x%04X", entry_target(image));
    else if (code == 0xCB)
        show_row(report, at, 3, "entry", "retf");
    else
        show_row(report, at, 3, "entry", "code %02X %02X %02X %02X", code, get8(image, at + 1),
                 get8(image, at + 2), get8(image, at + 3));
}

static void show_vmi_fields(const struct image *image, struct report *report) {
    uint32_t descriptor = find_descriptor(image);

    show_row(report, HEADER(vmi_signature), 4, "VMI signature", "\"cVmi\"");
    show_row(report, HEADER(api_minor), 2, "API version", "%u.%u", get8(image, HEADER(api_major)),
             get8(image, HEADER(api_minor)));
    if (is_api(image, VMI_API_MAJOR_3)) {
        show_row(report, HEADER_3(jump_slots), 1, "jump slots", "%u",
                 get8(image, HEADER_3(jump_slots)));
        show_row(report, HEADER_3(virtual_top), 4, "virtual top", "0x%08X",
                 get32(image, HEADER_3(virtual_top)));
        if (descriptor != 0)
            show_row(report, VMI_HYPERCALL_POINTER, 2, "hypercall descriptor", "0x%04X",
                     descriptor);
        show_string(image, report, HEADER_3(license_offset), "licence");
        return;
    }
    show_row(report, HEADER(reserved0), 6, "reserved 0, 1, 2", "0x%02X 0x%02X 0x%08X",
             get8(image, HEADER(reserved0)), get8(image, HEADER(reserved1)),
             get32(image, HEADER(reserved2)));
    if (descriptor == 0) {
        show_row(report, HEADER(reserved3), 4, "private use", "0x%08X",
                 get32(image, HEADER(reserved3)));
        return;
    }
    show_row(report, VMI_HYPERCALL_POINTER, 2, "hypercall descriptor", "0x%04X", descriptor);
    show_row(report, VMI_HYPERCALL_POINTER + 2, 2, "private use", "0x%04X",
             get16(image, VMI_HYPERCALL_POINTER + 2));
}

static void show_pointer(const struct image *image, struct report *report, uint32_t field,
                         const char *name, uint32_t found) {
    uint32_t at = get16(image, field);

    show_row(report, field, 2, name, "0x%04X%s", at,
             at == 0 ? " (none)" : (found == 0 ? " (none there)" : ""));
    if (at != 0 && found == 0)
        show_problems(report, at, 4);
}

static void show_header(const struct image *image, struct report *report) {
    uint32_t blocks = get8(image, HEADER(length));

    puts("ROM header");
    show_row(report, HEADER(signature), 2, "signature", "%02X %02X", get8(image, 0),
             get8(image, 1));
    show_row(report, HEADER(length), 1, "length", "%u blocks (%u bytes)", blocks,
             blocks * VMI_ROM_BLOCK);
    show_entry(image, report);
    show_sum(image, report, VMI_ROM_CHECKSUM_OFFSET, 0, sealed_size(image));
    if (is_vmi(image))
        show_vmi_fields(image, report);
    show_pointer(image, report, HEADER(pci_offset), "PCIR", find_pcir(image));
    show_pointer(image, report, HEADER(pnp_offset), "$PnP", find_pnp(image));
    if (is_api(image, VMI_API_MAJOR_13))
        show_row(report, HEADER(pad3), 4, "pad3", "0x%08X", get32(image, HEADER(pad3)));
    if (is_api(image, VMI_API_MAJOR_3)) {
        show_row(report, HEADER_3(init), 8, "Init entry", "code %02X...",
                 get8(image, HEADER_3(init)));
        show_row(report, HEADER_3(get_reloc), 8, "GetRelocationInfo", "code %02X...",
                 get8(image, HEADER_3(get_reloc)));
    }
}

static void show_pcir(const struct image *image, struct report *report) {
    uint32_t at = find_pcir(image);
    uint32_t indicator = get8(image, at + PCIR(indicator));

    if (at == 0)
        return;
    puts("\nPCI data structure");
    show_row(report, at + PCIR(signature), 4, "signature", "\"PCIR\"");
    show_row(report, at + PCIR(vendor), 4, "vendor:device", "%04X:%04X",
             get16(image, at + PCIR(vendor)), get16(image, at + PCIR(device)));
    show_row(report, at + PCIR(device_list), 2, "device list", "0x%04X",
             get16(image, at + PCIR(device_list)));
    show_row(report, at + PCIR(length), 3, "length, revision", "%u bytes, revision %u",
             get16(image, at + PCIR(length)), get8(image, at + PCIR(revision)));
    show_row(report, at + PCIR(prog_if), 3, "class", "%02X %02X %02X (base, sub, interface)",
             get8(image, at + PCIR(base_class)), get8(image, at + PCIR(subclass)),
             get8(image, at + PCIR(prog_if)));
    show_row(report, at + PCIR(image_length), 2, "image length", "%u blocks (%u bytes)",
             get16(image, at + PCIR(image_length)),
             get16(image, at + PCIR(image_length)) * VMI_ROM_BLOCK);
    show_row(report, at + PCIR(code_revision), 2, "code revision", "%u.%u",
             get8(image, at + PCIR(code_revision) + 1), get8(image, at + PCIR(code_revision)));
    show_row(report, at + PCIR(code_type), 1, "code type", "%u", get8(image, at + PCIR(code_type)));
    show_row(report, at + PCIR(indicator), 1, "indicator", "0x%02X (%s)", indicator,
             indicator & VMI_PCIR_LAST_IMAGE ? "last image" : "an image follows");
    if (get8(image, at + PCIR(revision)) == 3)
        show_row(report, at + PCIR(max_run_time_length), 2, "run-time length", "%u blocks",
                 get16(image, at + PCIR(max_run_time_length)));
}

static void show_pnp(const struct image *image, struct report *report) {
    uint32_t at = find_pnp(image);

    if (at == 0)
        return;
    puts("\nPnP expansion header");
    show_row(report, at + PNP(signature), 4, "signature", "\"$PnP\"");
    show_row(report, at + PNP(revision), 2, "revision, length", "revision %u, %u bytes",
             get8(image, at + PNP(revision)), get8(image, at + PNP(length)) * VMI_PNP_UNIT);
    show_row(report, at + PNP(next), 2, "next header", "0x%04X", get16(image, at + PNP(next)));
    show_sum(image, report, at + PNP(checksum), at, get8(image, at + PNP(length)) * VMI_PNP_UNIT);
    show_row(report, at + PNP(device_id), 4, "device id", "0x%08X",
             get32(image, at + PNP(device_id)));
    show_string(image, report, at + PNP(manufacturer), "manufacturer");
    show_string(image, report, at + PNP(product), "product");
    show_row(report, at + PNP(base_class), 3, "class", "%02X %02X %02X (base, sub, interface)",
             get8(image, at + PNP(base_class)), get8(image, at + PNP(subclass)),
             get8(image, at + PNP(prog_if)));
    show_row(report, at + PNP(indicators), 1, "indicators", "0x%02X",
             get8(image, at + PNP(indicators)));
    show_row(report, at + PNP(bcv), 6, "BCV, DV, BEV", "0x%04X 0x%04X 0x%04X",
             get16(image, at + PNP(bcv)), get16(image, at + PNP(dv)), get16(image, at + PNP(bev)));
    show_row(report, at + PNP(static_resources), 2, "static resources", "0x%04X",
             get16(image, at + PNP(static_resources)));
}

static void show_trap(const struct image *image, struct report *report, uint32_t descriptor) {
    uint32_t at = descriptor + HYPERCALL(trap);
    struct trap trap = trap_of(image, descriptor);

    if (trap.kind >= VMI_TRAP_KINDS)
        show_row(report, at, 2, "trap", "kind %u, 0x%02X", trap.kind, trap.operand);
    else if (trap_kinds[trap.kind].operand || trap.operand != 0)
        show_row(report, at, 2, "trap", "%s 0x%02X", trap_kinds[trap.kind].name, trap.operand);
    else
        show_row(report, at, 2, "trap", "%s", trap_kinds[trap.kind].name);
}

static void show_slot_kinds(const struct image *image, struct report *report, uint32_t descriptor) {
    uint32_t count[UINT8_MAX + 1] = {0};

    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++)
        count[slot_kind(image, descriptor, number)]++;
    show_row(report, descriptor + HYPERCALL(kind), VMI_CALL_SLOTS, "slots",
             "%u trap, %u nop, %u native, %u own", count[VMI_SLOT_TRAP], count[VMI_SLOT_NOP],
             count[VMI_SLOT_NATIVE], count[VMI_SLOT_OWN]);
}

static void show_descriptor(const struct image *image, struct report *report) {
    uint32_t at = find_descriptor(image);

    if (at == 0)
        return;
    puts("\nHypercall descriptor");
    show_row(report, at + HYPERCALL(magic), 4, "magic", "\"VmiT\"");
    show_row(report, at + HYPERCALL(version), 1, "version", "%u",
             get8(image, at + HYPERCALL(version)));
    if (find_readable_descriptor(image) == 0)
        return;
    show_trap(image, report, at);
    show_row(report, at + HYPERCALL(reserved), 1, "reserved", "0x%02X",
             get8(image, at + HYPERCALL(reserved)));
    show_slot_kinds(image, report, at);
}

/* What the image says of a slot that a kernel need not call; 0: it is to be called. */
static uint32_t inlining(const struct image *image, uint32_t number) {
    uint32_t fact = get8(image, VMI_CALL_OFFSET(number) + VMI_INLINE_AT);
    uint32_t size = fact & ~VMI_INLINE_LEAVES;

    if (get32(image, VMI_INLINE_OFFSET) != VMI_INLINE_SIGNATURE)
        return 0;
    return fact == VMI_INLINE_NATIVE || (size > 0 && size <= VMI_INLINE_MAX) ? fact : 0;
}

/* i: may be copied into a call site; k: a kernel may keep its own instructions there. */
static char inlining_mark(const struct image *image, uint32_t number) {
    uint32_t fact = inlining(image, number);

    return fact == 0 ? ' ' : fact == VMI_INLINE_NATIVE ? 'k' : 'i';
}

static uint32_t slot_used(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t used = inlining(image, number) != 0 ? VMI_INLINE_AT : VMI_CALL_SIZE;

    while (used > 0 && get8(image, at + used - 1) == CALL_FILL)
        used--;
    return used;
}

/* Whether the image answers with just the calls of this policy. */
static bool policy_is(const struct image *image, enum vmi3_reloc last) {
    for (uint32_t number = 0; number < CALLS_3; number++)
        if (is_answered(image, number) != (vmi3_call_names[number].reloc <= last))
            return false;
    return true;
}

static void show_policy(const struct image *image, struct report *report) {
    uint32_t at = find_policy(image);
    uint32_t answered = 0, column = 0;

    if (at == 0)
        return;
    puts("\nPolicy of GetRelocationInfo");
    show_row(report, at, VMI3_POLICY_AT_CALLS, "magic, version", "\"VmiP\", %u",
             get8(image, at + VMI3_POLICY_AT_VERSION));
    for (uint32_t number = 0; number < CALLS_3; number++)
        answered += is_answered(image, number);
    show_row(report, policy_entry(0), CALLS_3, "policy", "%s: a CALL for %u of %u calls",
             policy_is(image, VMI3_RELOC_ALWAYS) ? "minimal"
             : policy_is(image, VMI3_RELOC_FULL) ? "full"
                                                 : "a list",
             answered, CALLS_3);
    for (uint32_t number = 0; number < CALLS_3; number++) {
        const char *name = vmi3_call_names[number].name;

        if (!is_answered(image, number))
            continue;
        if (column + 1 + strlen(name) > 72 || column == 0)
            column = (uint32_t)printf("%s   ", column == 0 ? "" : "\n");
        column += (uint32_t)printf(" %s", name);
    }
    if (column != 0)
        putchar('\n');
}

/* The call that the image has in a slot, NULL if there is none. */
static const char *slot_name(const struct image *image, uint32_t slot) {
    if (is_api(image, VMI_API_MAJOR_13)) {
        for (uint32_t i = 0; i < CALLS_13; i++)
            if (vmi_call_names[i].slot == slot)
                return vmi_call_names[i].name;
        return NULL;
    }
    for (uint32_t number = 0; number < CALLS_3; number++)
        if (vmi3_call_names[number].slot == slot)
            return vmi3_call_names[number].name;
    return slot == VMI_CALL_GetRelocationInfo ? "GetRelocationInfo" : NULL;
}

/* The kind that the descriptor gives a slot; native if there is no descriptor. */
static uint32_t shown_kind(const struct image *image, uint32_t number) {
    uint32_t descriptor = find_readable_descriptor(image);

    return descriptor != 0 ? slot_kind(image, descriptor, number) : VMI_SLOT_NATIVE;
}

static void show_slot(const struct image *image, uint32_t number) {
    static const char marks[VMI_SLOT_KINDS] = {
        [VMI_SLOT_NATIVE] = '#', [VMI_SLOT_TRAP] = 't', [VMI_SLOT_NOP] = 'n', [VMI_SLOT_OWN] = 'o'};
    uint32_t kind = shown_kind(image, number);
    uint32_t used = slot_used(image, number);
    char bar[VMI_CALL_SIZE / 4 + 1] = "........";

    memset(bar, kind < VMI_SLOT_KINDS ? marks[kind] : '?', (used + 3) / 4);
    printf("%3u %-23.23s %2u%c%s", number, slot_name(image, number), used,
           inlining_mark(image, number), bar);
}

static bool same_slot(const struct image *image, uint32_t a, uint32_t b) {
    if (shown_kind(image, a) != shown_kind(image, b))
        return false;
    for (uint32_t i = 0; i < VMI_CALL_SIZE; i++)
        if (get8(image, VMI_CALL_OFFSET(a) + i) != get8(image, VMI_CALL_OFFSET(b) + i))
            return false;
    return true;
}

static void show_unnamed_slots(const struct image *image) {
    uint32_t last;

    for (uint32_t first = first_slot(image); first < VMI_CALL_SLOTS; first = last + 1) {
        uint32_t kind = shown_kind(image, first);
        const char *mark = NULL;

        last = first;
        if (slot_name(image, first))
            continue;
        if (find_readable_descriptor(image) != 0)
            mark = kind < VMI_SLOT_KINDS ? slot_kinds[kind] : "unknown";
        while (last + 1 < VMI_CALL_SLOTS && !slot_name(image, last + 1) &&
               same_slot(image, first, last + 1))
            last++;
        if (first == last)
            printf("%3u no call: ", first);
        else
            printf("%3u to %u no calls: ", first, last);
        if (mark)
            printf("%s, ", mark);
        printf("%u bytes%s\n", slot_used(image, first), first == last ? "" : " each, all alike");
    }
}

static void show_slots(const struct image *image, struct report *report) {
    uint32_t named[VMI_CALL_SLOTS];
    uint32_t count = 0, used = 0, rows;

    if (!has_slots(image))
        return;
    for (uint32_t slot = first_slot(image); slot < VMI_CALL_SLOTS; slot++)
        if (slot_name(image, slot))
            named[count++] = slot;
    rows = (count + 1) / 2;
    if (find_readable_descriptor(image) != 0)
        puts("\nCall slots: number, name, bytes used of 32\n"
             "(a mark = 4 bytes: # native, t trap, n nop, o own, ? unknown)");
    else
        puts("\nCall slots: number, name, bytes used of 32 (# = 4 bytes)");
    if (get32(image, VMI_INLINE_OFFSET) == VMI_INLINE_SIGNATURE)
        puts("(i: kernels may inline it, k: or keep their own code)");
    for (uint32_t row = 0; row < rows; row++) {
        show_slot(image, named[row]);
        if (row + rows < count) {
            putchar(' ');
            show_slot(image, named[row + rows]);
        }
        putchar('\n');
    }
    show_unnamed_slots(image);
    for (uint32_t number = first_slot(image); number < VMI_CALL_SLOTS; number++)
        used += slot_used(image, number);
    printf("In all %u of %u bytes used.\n", used,
           VMI_CALLS_END - VMI_CALL_OFFSET(first_slot(image)));
    show_problems(report, VMI_CALLS_START, VMI_CALLS_END - VMI_CALLS_START);
}

/* The padding of the seal (FF or 00) and before it the fill of a linker (CC) are free. */
static void show_space(const struct image *image) {
    uint32_t end = image->size;
    uint32_t pad = get8(image, image->size - 1);

    while ((pad == 0xFF || pad == 0x00) && end > 0 && get8(image, end - 1) == pad)
        end--;
    while (end > 0 && get8(image, end - 1) == CALL_FILL)
        end--;
    if (end == 0)
        return;
    printf("\nLast used byte 0x%04X, %u bytes free behind it.\n", end - 1, image->size - end);
}

static void show_rest(struct report *report) {
    bool first = true;

    for (size_t i = 0; i < report->count; i++) {
        const struct problem *p = &report->list[i];

        if (p->shown)
            continue;
        if (first)
            puts("\nMore problems");
        first = false;
        if (p->at == NOWHERE)
            printf("    WRONG: %s\n", p->text);
        else
            printf("  0x%04X\n    WRONG: %s\n", p->at, p->text);
    }
}

static void show_image(const struct image *image, struct report *report) {
    check_image(image, report);
    printf("%s: %u bytes, ", image->name, image->size);
    if (is_vmi(image))
        printf("VMI ROM, API %u.%u", get8(image, HEADER(api_major)),
               get8(image, HEADER(api_minor)));
    else if (get16(image, 0) == VMI_ROM_SIGNATURE)
        printf("option ROM without VMI");
    else
        printf("not an option ROM");
    printf("; %zu problem%s\n\n", report->count, report->count == 1 ? "" : "s");
    if (image->size >= VMI_ROM_FIELDS_END) {
        show_header(image, report);
        show_pcir(image, report);
        show_pnp(image, report);
        show_descriptor(image, report);
        show_policy(image, report);
        show_slots(image, report);
        show_space(image);
    }
    show_rest(report);
}

/* ---- Files ---- */

static const char *kind_of(mode_t mode) {
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISFIFO(mode))
        return "a pipe";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "a device";
    return "something else";
}

static bool read_bytes(int fd, struct image *image) {
    uint32_t done = 0;

    while (done < image->size) {
        ssize_t n = read(fd, image->bytes + done, image->size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fprintf(stderr, "romsum: %s: cannot read: %s\n", image->name, strerror(errno));
            return false;
        }
        if (n == 0) {
            fprintf(stderr, "romsum: %s: ended after %u of %u bytes\n", image->name, done,
                    image->size);
            return false;
        }
        done += (uint32_t)n;
    }
    return true;
}

static bool is_readable(const char *name, struct stat *status) {
    if (stat(name, status) != 0)
        fprintf(stderr, "romsum: %s: %s\n", name, strerror(errno));
    else if (!S_ISREG(status->st_mode))
        fprintf(stderr, "romsum: %s: is %s, not a file\n", name, kind_of(status->st_mode));
    else if (status->st_size == 0)
        fprintf(stderr, "romsum: %s: is empty\n", name);
    else if (status->st_size > (off_t)MAX_FILE)
        fprintf(stderr, "romsum: %s: %lld bytes are too large for an option ROM (%u at most)\n",
                name, (long long)status->st_size, MAX_FILE);
    else
        return true;
    return false;
}

/* Reads the whole file; says why not on stderr. The caller frees image->bytes. */
static bool read_image(const char *name, struct image *image) {
    struct stat status;
    bool good;
    int fd;

    if (!is_readable(name, &status))
        return false;
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "romsum: %s: cannot open: %s\n", name, strerror(errno));
        return false;
    }
    image->name = name;
    image->size = (uint32_t)status.st_size;
    image->bytes = malloc(image->size);
    if (!image->bytes)
        out_of_memory();
    good = read_bytes(fd, image);
    close(fd);
    if (!good)
        free(image->bytes);
    return good;
}

/* A template for mkstemp() beside `target`. */
static char *temporary_name(const char *target) {
    static const char name[] = ".romsum-XXXXXX";
    const char *slash = strrchr(target, '/');
    size_t folder = slash ? (size_t)(slash - target) + 1 : 0;
    char *template = malloc(folder + sizeof(name));

    if (!template)
        out_of_memory();
    memcpy(template, target, folder);
    memcpy(template + folder, name, sizeof(name));
    return template;
}

static mode_t new_file_mode(void) {
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

static bool write_bytes(int fd, const struct image *image) {
    uint32_t done = 0;

    while (done < image->size) {
        ssize_t n = write(fd, image->bytes + done, image->size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += (uint32_t)n;
    }
    return fsync(fd) == 0;
}

/*
 * Writes a temporary file, then gives it the name `target`. A file that is replaced hands down its
 * permissions. On failure nothing is left and errno tells why.
 */
static bool write_and_rename(const struct image *image, const char *target, mode_t mode) {
    char *temporary = temporary_name(target);
    int fd = mkstemp(temporary);
    bool good = fd >= 0 && write_bytes(fd, image) && fchmod(fd, mode) == 0;
    int error = errno;

    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && rename(temporary, target) != 0) {
        good = false;
        error = errno;
    }
    if (fd >= 0 && !good)
        unlink(temporary);
    free(temporary);
    errno = error;
    return good;
}

static bool write_image(const struct image *image, const char *name) {
    char *resolved = realpath(name, NULL); /* a link stays a link */
    const char *target = resolved ? resolved : name;
    struct stat old;
    bool exists = stat(target, &old) == 0;
    bool good = false;
    sigset_t all, before;

    if (exists && !S_ISREG(old.st_mode)) {
        fprintf(stderr, "romsum: %s: is %s, not a file\n", name, kind_of(old.st_mode));
    } else {
        /* No signal may leave the temporary file behind. */
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &before);
        good = write_and_rename(image, target, exists ? old.st_mode & 0777 : new_file_mode());
        if (!good)
            fprintf(stderr, "romsum: %s: cannot write: %s\n", name, strerror(errno));
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    free(resolved);
    return good;
}

/* ---- The command line ---- */

enum verb { SEAL, TRAP, POLICY, CHECK, SHOW };

struct options {
    enum verb verb;
    struct trap trap;
    struct policy policy;
    const char *out;
    const char **images;
    int count;
};

static const char help[] =
    "romsum - seal, check and show option ROM images; choose the trap of a hypercall image, the\n"
    "policy of an image of API 3.0\n"
    "\n"
    "  romsum IMAGE... [-o OUT]   seal: pad with FFh to 512-byte blocks, set the lengths and the\n"
    "                             checksums; in place, or to OUT for a single IMAGE\n"
    "  romsum --trap KIND IMAGE... [-o OUT]\n"
    "                             make all traps of a hypercall image of this KIND and seal it\n"
    "                             again; in place, or to OUT; the IMAGE has to be a good one\n"
    "  romsum --policy LIST IMAGE... [-o OUT]\n"
    "                             let GetRelocationInfo of an API 3.0 image answer with the calls\n"
    "                             of LIST, and seal it again; likewise\n"
    "  romsum --check IMAGE...    verify; silent if good, else every reason on stderr\n"
    "  romsum --show IMAGE...     print headers, strings, sums and the map of the call slots\n"
    "  romsum --help, --version\n"
    "\n"
    "KIND is vmmcall, vmcall, int:NN with a vector from 0x20 to 0xFF, or out:NN with a port from\n"
    "0x00 to 0xFF. NN is hexadecimal and says so: 0x80 or 80h.\n"
    "\n"
    "LIST is minimal (IRET and SYSEXIT, which are in every list), full (all calls that every "
    "known\n"
    "kernel makes rightly), names of calls, or several of these with commas between.\n"
    "\n"
    "An argument after -- is an IMAGE whatever it looks like. The image checksum goes to byte 6,\n"
    "behind the jump at byte 3. A file that is refused is left as it is.\n"
    "Status: 0 good, 1 bad image or failed read or write, 2 wrong usage.\n";

__attribute__((format(printf, 1, 2))) static bool usage_error(const char *format, ...) {
    va_list args;

    fputs("romsum: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("; try romsum --help\n", stderr);
    return false;
}

/* Seals the file, with another trap or policy if it is asked for. */
static int seal_file(const struct options *options, const char *name) {
    struct report report = {NULL, 0};
    struct image image;
    int status = 1;

    if (!read_image(name, &image))
        return 1;
    if (options->verb == TRAP)
        bind_image(&image, options->trap, &report);
    else if (options->verb == POLICY)
        set_policy(&image, &options->policy, &report);
    else
        seal_image(&image, &report);
    if (report.count == 0)
        status = write_image(&image, options->out ? options->out : name) ? 0 : 1;
    else
        print_report(&report, name);
    clear_report(&report);
    free(image.bytes);
    return status;
}

static int judge_file(const char *name, enum verb verb) {
    struct report report = {NULL, 0};
    struct image image;
    int status;

    if (!read_image(name, &image))
        return 1;
    if (verb == SHOW) {
        show_image(&image, &report);
    } else {
        check_image(&image, &report);
        print_report(&report, name);
    }
    status = report.count == 0 ? 0 : 1;
    clear_report(&report);
    free(image.bytes);
    return status;
}

static int run(const struct options *options) {
    int status = 0;

    for (int i = 0; i < options->count; i++) {
        const char *name = options->images[i];

        if (options->verb == SHOW && i > 0)
            putchar('\n');
        if (options->verb == CHECK || options->verb == SHOW)
            status |= judge_file(name, options->verb);
        else
            status |= seal_file(options, name);
    }
    return status;
}

/* 0x80 or 80h. What does not fit 16 bits may come out as any other such number. */
static bool parse_hexadecimal(const char *text, uint32_t *number) {
    bool prefix = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = prefix ? text + 2 : text;
    size_t count = strspn(digits, "0123456789ABCDEFabcdef");
    const char *end = digits + count;
    bool suffix = end[0] == 'h' || end[0] == 'H';

    if (count == 0 || prefix == suffix || end[suffix ? 1 : 0] != '\0')
        return false;
    *number = 0;
    for (; digits < end; digits++) {
        uint32_t digit = (uint32_t)(*digits <= '9' ? *digits - '0' : (*digits | 0x20) - 'a' + 10);

        *number = *number > 0xFFFF ? *number : *number << 4 | digit;
    }
    return true;
}

static bool parse_operand(struct trap *trap, const char *text, const char *number) {
    const struct trap_kind *kind = &trap_kinds[trap->kind];

    if (!kind->operand)
        return usage_error("%s: %s takes no number", text, kind->name);
    if (!parse_hexadecimal(number, &trap->operand))
        return usage_error("%s: the %s is hexadecimal and says so, 0x80 or 80h", text,
                           kind->operand);
    if (trap->operand > 0xFF)
        return usage_error("%s: the %s is above 0xFF, the instruction holds a byte", text,
                           kind->operand);
    if (trap->operand < kind->lowest)
        return usage_error("%s: the %s is below 0x%02X, among the exceptions", text, kind->operand,
                           kind->lowest);
    return true;
}

static bool parse_trap(struct trap *trap, const char *text) {
    size_t length = strcspn(text, ":");

    trap->operand = 0;
    for (trap->kind = 0; trap->kind < VMI_TRAP_KINDS; trap->kind++) {
        const struct trap_kind *kind = &trap_kinds[trap->kind];

        if (strlen(kind->name) != length || memcmp(kind->name, text, length) != 0)
            continue;
        if (text[length] == ':')
            return parse_operand(trap, text, text + length + 1);
        if (kind->operand)
            return usage_error("%s needs a %s, as in %s:0x80", kind->name, kind->operand,
                               kind->name);
        return true;
    }
    return usage_error("unknown trap %s: vmmcall, vmcall, int:NN and out:NN are known", text);
}

static bool add_named(struct policy *policy, const char *name, size_t length) {
    for (uint32_t number = 0; number < CALLS_3; number++)
        if (strlen(vmi3_call_names[number].name) == length &&
            memcmp(vmi3_call_names[number].name, name, length) == 0) {
            policy->answered[number] = true;
            return true;
        }
    return usage_error("unknown policy %.*s: minimal, full and the calls of API 3.0 are known",
                       (int)length, name);
}

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool parse_policy(struct policy *policy, const char *text) {
    memset(policy, 0, sizeof(*policy));
    add_to_policy(policy, VMI3_RELOC_ALWAYS);
    for (;; text++) {
        size_t length = strcspn(text, ",");

        if (is_word(text, length, "full"))
            add_to_policy(policy, VMI3_RELOC_FULL);
        else if (!is_word(text, length, "minimal") && !add_named(policy, text, length))
            return false;
        text += length;
        if (*text == '\0')
            return true;
    }
}

static bool take_verb(struct options *options, enum verb verb) {
    if (options->verb != SEAL && options->verb != verb)
        return usage_error("--trap, --policy, --check and --show exclude each other");
    options->verb = verb;
    return true;
}

/* Takes the option at argv[*i] and leaves *i on the last argument that belongs to it. */
static bool take_option(struct options *options, int argc, char **argv, int *i) {
    const char *option = argv[*i];

    if (strcmp(option, "-o") == 0) {
        if (options->out)
            return usage_error("-o given twice");
        if (++*i == argc)
            return usage_error("-o needs a file name");
        options->out = argv[*i];
        return true;
    }
    if (strcmp(option, "--trap") == 0) {
        if (options->verb == TRAP)
            return usage_error("--trap given twice");
        if (++*i == argc)
            return usage_error("--trap needs a KIND");
        return take_verb(options, TRAP) && parse_trap(&options->trap, argv[*i]);
    }
    if (strcmp(option, "--policy") == 0) {
        if (options->verb == POLICY)
            return usage_error("--policy given twice");
        if (++*i == argc)
            return usage_error("--policy needs a LIST");
        return take_verb(options, POLICY) && parse_policy(&options->policy, argv[*i]);
    }
    if (strcmp(option, "--check") == 0)
        return take_verb(options, CHECK);
    if (strcmp(option, "--show") == 0)
        return take_verb(options, SHOW);
    return usage_error("unknown option %s", option);
}

static bool parse(struct options *options, int argc, char **argv) {
    bool only_images = false;

    for (int i = 1; i < argc; i++) {
        if (only_images || argv[i][0] != '-')
            options->images[options->count++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            only_images = true;
        else if (!take_option(options, argc, argv, &i))
            return false;
    }
    if (options->count == 0)
        return usage_error("no IMAGE given");
    if (options->out && (options->verb == CHECK || options->verb == SHOW))
        return usage_error("-o goes with sealing, --trap and --policy only");
    if (options->out && options->count > 1)
        return usage_error("-o takes a single IMAGE");
    return true;
}

/* Output that was lost is a failure. */
static int finish(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "romsum: standard output: %s\n", strerror(errno));
    return status ? status : 1;
}

int main(int argc, char **argv) {
    struct options options = {.verb = SEAL};
    int status;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return finish(0);
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("romsum " VMIROM_VERSION);
            return finish(0);
        }
    }
    /* A file size limit is then an error of write(), not a death that leaves a temporary file. */
    signal(SIGXFSZ, SIG_IGN);
    options.images = malloc((size_t)argc * sizeof(*options.images));
    if (!options.images)
        out_of_memory();
    status = parse(&options, argc, argv) ? run(&options) : 2;
    free(options.images);
    return finish(status);
}
