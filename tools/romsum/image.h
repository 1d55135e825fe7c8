/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The image and its accessors: they know where everything is and never read outside.
 */
#ifndef ROMSUM_IMAGE_H
#define ROMSUM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmi/calls.h" /* VMI_CALL_Init, VMI_CALL_GetRelocationInfo */
#include "vmi/hypercall.h"
#include "vmi/rom.h"
#include "call_names.h" /* vmi_call_names[], vmi3_call_names[] */

#define NOWHERE   UINT32_MAX /* a problem of the file as a whole */
#define CALL_FILL 0xCCu      /* int3, what the slots' unused bytes hold */
#define CODE_RET  0xC3u

#define MAX_IMAGES   64u /* in a file; no firmware has met that many */
#define MAX_PNP      32u /* headers in a chain */
#define CODE_OPEN    1u  /* code types in PCIR: Open Firmware, PA-RISC, EFI */
#define CODE_PA_RISC 2u
#define CODE_EFI     3u

/* The header of an EFI image (UEFI specification, EFI PCI expansion ROM header): offsets. */
#define EFI_INIT_SIZE   0x02u /* 2 bytes: blocks */
#define EFI_SIGNATURE   0x04u /* 4 bytes: EFI_MAGIC */
#define EFI_SUBSYSTEM   0x08u /* 2 bytes, as in a PE file */
#define EFI_MACHINE     0x0Au /* 2 bytes, likewise */
#define EFI_COMPRESSION 0x0Cu /* 2 bytes: 0 none, 1 as UEFI does it */
#define EFI_IMAGE       0x16u /* 2 bytes: offset of the PE file */
#define EFI_MAGIC       0x0EF1u

#define HEADER(field)    ((uint32_t)offsetof(struct vmi_rom_header, field))
#define HEADER_3(field)  ((uint32_t)offsetof(struct vmi_rom_header_3, field))
#define PCIR(field)      ((uint32_t)offsetof(struct vmi_pci_data, field))
#define PNP(field)       ((uint32_t)offsetof(struct vmi_pnp_header, field))
#define PNP_SIZE         ((uint32_t)sizeof(struct vmi_pnp_header))
#define HYPERCALL(field) ((uint32_t)offsetof(struct vmi_hypercall_descriptor, field))
#define HYPERCALL_SIZE   ((uint32_t)sizeof(struct vmi_hypercall_descriptor))
#define CALLS_13         ((uint32_t)(sizeof(vmi_call_names) / sizeof(vmi_call_names[0])))
#define CALLS_3          ((uint32_t)(sizeof(vmi3_call_names) / sizeof(vmi3_call_names[0])))

/* A file, or one of the images in it. */
struct image {
    const char *name;
    uint8_t *bytes;
    uint32_t size;  /* of an image: as far as what it states goes */
    uint32_t fresh; /* of a file: bytes at its end that the seal has added */
    bool single;    /* of a file: what is behind its first ROM is nobody's business */
    /* Of an image: */
    uint32_t rest;   /* bytes from its first one to the end of the file */
    uint32_t base;   /* where it is in the file */
    uint32_t number; /* 1 for the first one */
    uint32_t next;   /* where in the file the next one is; 0: there is none */
    bool more;       /* PCIR leads to the next one */
    bool first;      /* it begins a ROM: no PCIR leads to it */
    bool hidden;     /* it is behind the image that PCIR calls the last one: firmware stops there */
    bool part;       /* it is not the whole file */
};

static inline bool inside(const struct image *image, uint32_t at, uint32_t length) {
    return at <= image->size && length <= image->size - at;
}

/* A read outside the image gives FFh, as an empty bus does. */
static inline uint32_t get8(const struct image *image, uint32_t at) {
    return inside(image, at, 1) ? image->bytes[at] : 0xFF;
}

static inline uint32_t get16(const struct image *image, uint32_t at) {
    return get8(image, at) | get8(image, at + 1) << 8;
}

static inline uint32_t get32(const struct image *image, uint32_t at) {
    return get16(image, at) | get16(image, at + 2) << 16;
}

static inline void put8(struct image *image, uint32_t at, uint32_t value) {
    if (inside(image, at, 1)) {
        image->bytes[at] = (uint8_t)value;
    }
}

static inline void put16(struct image *image, uint32_t at, uint32_t value) {
    put8(image, at, value & 0xFF);
    put8(image, at + 1, value >> 8);
}

static inline uint32_t sum_of(const struct image *image, uint32_t at, uint32_t length) {
    uint32_t sum = 0;

    if (!inside(image, at, length)) {
        return 0xFF;
    }
    for (uint32_t i = 0; i < length; i++) {
        sum += image->bytes[at + i];
    }
    return sum & 0xFF;
}

/* How many bytes from `at` on hold `value`, looking at `length` of them at most. */
static inline uint32_t run_of(const struct image *image, uint32_t at, uint32_t length,
                              uint32_t value) {
    uint32_t n = 0;

    while (n < length && inside(image, at + n, 1) && image->bytes[at + n] == value) {
        n++;
    }
    return n;
}

static inline bool is_vmi(const struct image *image) {
    return get32(image, HEADER(vmi_signature)) == VMI_SIGNATURE;
}

/* Whether the image is a VMI ROM of this API. */
static inline bool is_api(const struct image *image, uint32_t major) {
    return is_vmi(image) && get8(image, HEADER(api_major)) == major;
}

/* What messages call it. */
static inline const char *noun(const struct image *image) {
    return image->part ? "image" : "file";
}

/* Whether no other image of the file is looked at behind it. */
static inline bool is_last(const struct image *image) {
    return image->next == 0 || (image->single && !image->more);
}

static inline uint32_t blocks_of(uint32_t bytes) {
    return (bytes + VMI_ROM_BLOCK - 1) / VMI_ROM_BLOCK;
}

/* The length of the string at `at` without its NUL; NOWHERE if no NUL comes before the end. */
uint32_t string_length(const struct image *image, uint32_t at);

/* Whether this string with its NUL is at `at`. */
bool string_is(const struct image *image, uint32_t at, const char *text);

/* Whether an image of API 3.0 has a licence that Linux takes. */
bool is_licensed(const struct image *image);

/*
 * Where PCIR and $PnP are, 0 if there is none. Old ROMs have code at 18h, so a pointer that leads
 * to no signature is none, as a BIOS reads it.
 */
uint32_t find_pcir(const struct image *image);
uint32_t find_pnp(const struct image *image);

/* Whether there is a $PnP header at `at`. */
bool is_pnp(const struct image *image, uint32_t at);

/* The $PnP headers of an image: each leads to the next one. */
struct pnp_chain {
    uint32_t at[MAX_PNP];
    uint32_t count;
    bool endless; /* it runs in a circle, or has more than MAX_PNP */
};

void follow_pnp(const struct image *image, struct pnp_chain *chain);

/* Code type in PCIR; an image without PCIR has code for the BIOS. */
uint32_t code_type(const struct image *image);

/*
 * Whether the BIOS of a PC is to run it. VMI ROMs are for nothing else, whatever PCIR says; a code
 * type of a vendor's own is one for the BIOS where a ROM begins and looks like one.
 */
bool is_x86(const struct image *image);

/* What PCIR says of its length, in bytes; 0 if there is none or it says nothing. */
uint32_t pcir_size(const struct image *image);

/*
 * Where the descriptor of a hypercall image is, 0 if there is none. The pointer to it is free for
 * any use in other ROMs, so it counts only if it leads to the magic.
 */
uint32_t find_descriptor(const struct image *image);

/* The same for a descriptor that can be read, in an image that has all slots. */
uint32_t find_readable_descriptor(const struct image *image);

/* Where the policy of an image of API 3.0 is, 0 if there is none. */
uint32_t find_policy(const struct image *image);

/* Whether the image has the slot page. */
bool has_slots(const struct image *image);

/* The first slot that holds a body from end to end: 3.0 has its two entries in that of Init. */
uint32_t first_slot(const struct image *image);

/* What the length byte says, in bytes. */
static inline uint32_t stated_size(const struct image *image) {
    return get8(image, HEADER(length)) * VMI_ROM_BLOCK;
}

/* How many bytes the image checksum covers; the whole image if the length byte cannot be right. */
uint32_t sealed_size(const struct image *image);

/* Whether all bytes that the length byte states are in the file, and their sum. */
bool has_stated_bytes(const struct image *image);
uint32_t stated_sum(const struct image *image);

/* Where the used bytes end: behind them is padding (FF or 00), before it a linker's fill (CC). */
uint32_t used_end(const struct image *image);

#endif
