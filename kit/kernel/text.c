/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Texts for verdicts and errors. */

#include "vmi/guest.h"

VMI_CDECL const char *vmi_verdict_text(unsigned verdict) {
    static const char *const texts[VMI_ROM_VERDICTS] = {
        [VMI_ROM_GOOD] = "good",
        [VMI_ROM_LENGTH] = "it ends beyond the ROM area",
        [VMI_ROM_CHECKSUM] = "wrong checksum",
        [VMI_ROM_API] = "an unknown API",
        [VMI_ROM_SHORT] = "too short for the call table",
        [VMI_ROM_LONG] = "more than 16 KiB",
        [VMI_ROM_PCI] = "no PCI data structure",
        [VMI_ROM_LICENCE] = "its licence is not GPL",
        [VMI_ROM_REFUSED] = "its Init refuses",
    };
    return verdict < VMI_ROM_VERDICTS ? texts[verdict] : "unknown verdict";
}

VMI_CDECL const char *vmi_link_text(int error) {
    static const char *const texts[1 - VMI_LINK_LAST] = {
        [0] = "no error",
        [-VMI_LINK_CALL] = "a record names no call that has sites",
        [-VMI_LINK_SIZE] = "a record's sizes contradict each other",
        [-VMI_LINK_OUTSIDE] = "a record points outside the kernel",
        [-VMI_LINK_TRANSLATION] = "a record's translation is not a call",
        [-VMI_LINK_OVERLAP] = "two sites overlap",
        [-VMI_LINK_SITE] = "a site does not begin with its padding",
        [-VMI_LINK_SPACE] = "too little memory to save the sites",
        [-VMI_LINK_TYPE] = "the ROM gives an impossible relocation type",
        [-VMI_LINK_ADDRESS] = "the ROM gives an address outside itself",
        [-VMI_LINK_INLINE] = "the ROM's inlining data is wrong",
        [-VMI_LINK_CHANGED] = "the ROM changed its answers",
    };
    if (error > 0) {
        error = 0;
    }
    return error >= VMI_LINK_LAST ? texts[-error] : "unknown error";
}
