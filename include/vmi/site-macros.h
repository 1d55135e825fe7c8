/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What the functions of sites.h are made of: a call's native instructions at the site, its record
 * in .vmi.annotation and its alternative in .vmi.translation, as in the VMI ABI (ABI notes, 9).
 * guest.h says what becomes of them. Not to be used by themselves: the generator knows the sizes.
 */
#ifndef VMI_SITE_MACROS_H
#define VMI_SITE_MACROS_H

#ifndef VMI_OWN_TYPES
#include <stdint.h>
#endif

/* clang-format off */

#define VMI_WRAPPER static __inline__ __attribute__((always_inline))

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

/*
 * A site whose native instructions have their operands where the compiler has them. Its alternative brings the arguments
 * to the call's registers (`before`) and the results from there (`after`); vmi_link() makes a thunk of it, which keeps the
 * registers that the ROM may change (`changes`: EAX, ECX, EDX as bits 0 to 2).
 */
#define VMI_SITE_FREE(call, room, changes, native, before, after) \
    VMI_SITE_KEPT(call, room, changes, native, ".stack,\"a?\",@progbits", before ".byte 0xe8; .long " #call after)

/* A site of that kind that has no operands: all of a call share one translation. */
#define VMI_SITE_KEEP(call, room, changes, native) \
    VMI_SITE_KEPT(call, room, changes, native, ",\"aM\",@progbits,5", ".byte 0xe8; .long " #call)

#define VMI_SITE_KEPT(call, room, changes, native, section, translation) \
    "771: .skip -((" #room "-(773f-772f)) > 0) * (" #room "-(773f-772f)), 0x3e\n772: " native "\n773:\n" \
    ".pushsection .vmi.translation" section "\n774: " translation "\n775:\n.popsection\n" \
    ".pushsection .vmi.annotation,\"a?\",@progbits\n.balign 4\n" \
    ".long " #call ",771b,774b\n.byte 773b-771b,775b-774b,772b-771b,0x80+" #changes "\n.popsection"

/*
 * Operands of such sites: a value that an instruction stores, and one that it does not have at all. clang takes memory for
 * whatever may be there, and assembles a PUSH of an address as one of 16 bits where the syntax is Intel's.
 */
#ifdef __clang__
#define VMI_VALUE "rn"
#define VMI_ANY "rn"
#else
#define VMI_VALUE "ri"
#define VMI_ANY "g"
#endif

/* Half an entry of 64 bits. */
typedef uint32_t __attribute__((may_alias)) vmi_dword;

#endif
