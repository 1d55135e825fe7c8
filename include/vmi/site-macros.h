/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What the functions of sites.h are made of: a call's native instructions at the site, its record in
 * .vmi.annotation and its alternative in .vmi.translation, as in the VMI ABI (ABI notes, 9). guest.h
 * says what becomes of them. Not to be used by themselves: the generator knows the sizes.
 */
#ifndef VMI_SITE_MACROS_H
#define VMI_SITE_MACROS_H

/* clang-format off */

#define VMI_WRAPPER static inline __attribute__((always_inline))

/* By their lines the sites look large, and functions with some of them would not be inlined. */
#if defined(__clang__) ? __clang_major__ >= 11 : __GNUC__ >= 9
#define VMI_ASM __asm__ __inline__ volatile
#else
#define VMI_ASM __asm__ volatile
#endif

#define VMI_SITE_TEXT(call, pad, native, section, translation) \
    "771: " native "\n772:\n" \
    ".pushsection .vmi.translation" section "\n773: " translation "\n774:\n.popsection\n" \
    ".pushsection .vmi.annotation,\"a?\",@progbits\n.balign 4\n" \
    ".long " #call ",771b,773b\n.byte 772b-771b,774b-773b," #pad ",0\n.popsection"

/* All sites of a call without stack arguments share one translation once they are linked. */
#define VMI_SITE(call, pad, native) \
    VMI_SITE_TEXT(call, pad, native, ",\"aM\",@progbits,5", ".byte 0xe8; .long " #call)
#define VMI_SITE_STACK(call, pad, native, pushes, drop) \
    VMI_SITE_TEXT(call, pad, native, ".stack,\"a\",@progbits", \
                  pushes ".byte 0xe8; .long " #call "; .byte 0x8d,0x64,0x24," #drop)

#endif
