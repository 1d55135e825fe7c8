/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Which ROMs there are, and which of them is used. */

#include "bytes.h"
#include "vmi/guest.h"

#define LICENCE_SIZE 7 /* of the longer one, with its NUL */

static bool has_licence(const struct vmi_rom *rom) {
    uint32_t at = ((const struct vmi_rom_header_3 *)rom->base)->license_offset;
    if (at + LICENCE_SIZE > rom->size) {
        return false;
    }
    return are_equal(rom->base + at, "GPL", 4) || are_equal(rom->base + at, "GPL v2", LICENCE_SIZE);
}

static uint8_t judge(const struct vmi_rom *rom, uint32_t room) {
    if (rom->size - 1 >= room) { /* 0 too */
        return VMI_ROM_LENGTH;
    }
    if (!sums_to_zero(rom->base, rom->size)) {
        return VMI_ROM_CHECKSUM;
    }
    if (rom->major == VMI_API_MAJOR_13) {
        if (rom->size < VMI_CALLS_END) {
            return VMI_ROM_SHORT;
        }
        return rom->size > VMI_ROM_MAX_SIZE_13 ? VMI_ROM_LONG : VMI_ROM_GOOD;
    }
    if (rom->major != VMI_API_MAJOR_3) {
        return VMI_ROM_API;
    }
    if (((const struct vmi_rom_header_3 *)rom->base)->pci_offset == 0) {
        return VMI_ROM_PCI;
    }
    return has_licence(rom) ? VMI_ROM_GOOD : VMI_ROM_LICENCE;
}

VMI_CDECL unsigned vmi_find(const void *first_mib, struct vmi_rom *list, unsigned max) {
    const uint8_t *at = (const uint8_t *)first_mib + VMI_SCAN_START;
    const uint8_t *end = at + (VMI_SCAN_END - VMI_SCAN_START);
    struct vmi_rom *rom = list;
    for (; at < end && rom < list + max; at += VMI_SCAN_STEP) {
        const struct vmi_rom_header *header = (const struct vmi_rom_header *)at;
        if (header->signature != VMI_ROM_SIGNATURE || header->vmi_signature != VMI_SIGNATURE) {
            continue;
        }
        rom->base = at;
        rom->physical = (uint32_t)(at - (const uint8_t *)first_mib);
        rom->size = header->length * VMI_ROM_BLOCK;
        rom->minor = header->api_minor;
        rom->major = header->api_major;
        rom->verdict = judge(rom, (uint32_t)(end - at));
        rom++;
    }
    return (unsigned)(rom - list);
}

VMI_CDECL const struct vmi_rom *vmi_start(struct vmi_rom *list, unsigned count, unsigned apis) {
    for (struct vmi_rom *rom = list; count-- > 0; rom++) {
        int32_t status;
        if (rom->verdict != VMI_ROM_GOOD) {
            continue;
        }
        if (!(apis & (rom->major == VMI_API_MAJOR_3 ? VMI_SPEAKS_3 : VMI_SPEAKS_13))) {
            rom->verdict = VMI_ROM_OTHER_API;
            continue;
        }
        /* At 80h in either API. */
        __asm__ volatile("call *%1"
                         : "=a"(status)
                         : "r"(rom->base + VMI_CALLS_START)
                         : "ecx", "edx", "memory", "cc");
        if (status == 0) {
            return rom;
        }
        rom->verdict = VMI_ROM_REFUSED;
    }
    return NULL;
}
