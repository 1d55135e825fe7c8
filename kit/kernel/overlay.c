/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Copies the platform's ROM over the one that is compiled in. */

#include "bytes.h"
#include "vmi/guest.h"

#define PAGE 4096u

VMI_CDECL vmi_bool vmi_overlay(const struct vmi_rom *rom, uint8_t *area) {
    if (rom->major != VMI_API_MAJOR_13 || rom->size < VMI_CALLS_END || rom->size > VMI_AREA_SIZE) {
        return false;
    }
    if ((uint32_t)area % PAGE != 0 || !sums_to_zero(rom->base, rom->size)) {
        return false;
    }
    copy_bytes(area, rom->base, rom->size);
    vmi_serialize();
    return true;
}
