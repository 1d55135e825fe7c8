/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The shipped images as data, for a hypervisor or a virtual BIOS that has the ROM built in.
 *
 * Link vmi_roms.o (64 bits) or vmi_roms-32.o. Each holds every image, sealed and byte for byte the
 * file of its name, on a 16-byte boundary in a .rodata section of its own, and the table below in
 * .data.rel.ro. It has no code and needs no library. Where nothing relocates pointers at start, use
 * the symbols of the images instead of the table; a linker that drops unused sections
 * (--gc-sections) then keeps only the images that are named. How a hypervisor makes its guest's
 * BIOS run an image: docs/firmware.md, "A virtual BIOS".
 *
 * An image must be copied: guests look for it in their own memory. A hypercall image goes through
 * vmi_hv_publish (vmi/hypervisor.h), with its native image as the twin.
 */
#ifndef VMI_EMBED_H
#define VMI_EMBED_H

#include <stddef.h>
#include <stdint.h>

#include "vmi/rom.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Native bodies in every slot, or traps to a hypervisor that serves the calls. */
#define VMI_EMBED_NATIVE    0u
#define VMI_EMBED_HYPERCALL 1u

struct vmi_embedded_rom {
    const char *name; /* of the file, without ".rom": "vmi-native" */
    const uint8_t *bytes;
    uint32_t size; /* in bytes, a multiple of VMI_ROM_BLOCK */
    uint16_t api;  /* VMI_API_MAJOR_13 or VMI_API_MAJOR_3 */
    uint16_t kind; /* VMI_EMBED_NATIVE or VMI_EMBED_HYPERCALL */
};

/* One entry for each image, and how many there are. */
extern const struct vmi_embedded_rom vmi_embedded_roms[];
extern const uint32_t vmi_embedded_rom_count;

/* The images themselves; ..._end is the first byte behind the image. */
extern const uint8_t vmi_rom_native[], vmi_rom_native_end[];
extern const uint8_t vmi_rom_hypercall[], vmi_rom_hypercall_end[];
extern const uint8_t vmi_rom_3_native[], vmi_rom_3_native_end[];
extern const uint8_t vmi_rom_3_hypercall[], vmi_rom_3_hypercall_end[];

/* The image of that API and kind, or NULL. */
static inline const struct vmi_embedded_rom *vmi_embedded_rom(uint32_t api, uint32_t kind) {
    for (uint32_t i = 0; i < vmi_embedded_rom_count; i++) {
        if (vmi_embedded_roms[i].api == api && vmi_embedded_roms[i].kind == kind) {
            return &vmi_embedded_roms[i];
        }
    }
    return NULL;
}

#ifdef __cplusplus
}
#endif

#endif
