/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The kit for kernels: find a VMI ROM, start it, and link the kernel's call sites to it.
 * docs/porting.md is the guide. Sources: rom.h for the image, the VMI ABI of API 13 and 3.0 for
 * detection, Init, relocation and annotations (ABI notes, 4, 7, 8, 9), calls.tsv for the calls.
 *
 * The kit (kit/kernel/, build/libvmiguest.a) is freestanding 32-bit C11: no library, no allocation,
 * no writable data of its own. C++11 takes the header too. All addresses are linear. A result
 * below zero is one of VMI_LINK_....
 *
 * A call site is what sites.h emits for a call: the native instructions, padded to the length that
 * a call needs. The padding costs nothing: it is prefixes without effect in front of the first
 * instruction, which is a NOP if the call natively does nothing. The site has a record in the
 * section .vmi.annotation; the alternative, argument pushes and a CALL, is in .vmi.translation. So
 * a kernel runs unchanged without a ROM, and vmi_link() rewrites its sites. kit.ld has what a
 * kernel's linker script needs.
 */
#ifndef VMI_GUEST_H
#define VMI_GUEST_H

#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"
#include "vmi/sites.h"

/*
 * The archive's calling convention, arguments on the stack, whatever the kernel's own is
 * (-mregparm, -mrtd). The functions that vmi_link() calls back have it too.
 */
#ifdef __i386__
#define VMI_CDECL __attribute__((cdecl, regparm(0)))
#else
#define VMI_CDECL
#endif

/* Yes or no, in AL. C89 has no type of its own for it. */
#if defined(__cplusplus)
typedef bool vmi_bool;
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
typedef _Bool vmi_bool;
#else
typedef unsigned char vmi_bool;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- ROMs --- */

/* The result of checking a ROM: the first means good, each other is a reason not to use it. */
enum vmi_verdict {
    VMI_ROM_GOOD,
    VMI_ROM_LENGTH,    /* its length is 0, or it ends beyond the ROM area */
    VMI_ROM_CHECKSUM,  /* its bytes do not sum to 0 */
    VMI_ROM_API,       /* an API other than 13 and 3 */
    VMI_ROM_SHORT,     /* API 13: too short for the call table */
    VMI_ROM_LONG,      /* API 13: more than 16 KiB */
    VMI_ROM_PCI,       /* API 3: no PCI data structure */
    VMI_ROM_LICENCE,   /* API 3: neither "GPL" nor "GPL v2" */
    VMI_ROM_REFUSED,   /* its Init refused: there is no hypervisor for it */
    VMI_ROM_OTHER_API, /* it is good, but the kernel does not speak its API */
    VMI_ROM_VERDICTS
};

struct vmi_rom {
    const uint8_t *base;
    uint32_t physical;
    uint32_t size;
    uint8_t minor;   /* of the API */
    uint8_t major;   /* VMI_API_MAJOR_13 or VMI_API_MAJOR_3 in a good one */
    uint8_t verdict; /* enum vmi_verdict */
};

/*
 * Scans physical C0000h to E0000h in steps of 2 KiB for VMI ROMs. `first_mib` is the linear address
 * of physical 0, from which that range must be mapped contiguously. Option ROMs without VMI are
 * skipped; VMI ROMs are written to `list` by ascending address, each with its verdict. Returns
 * their number, at most `max`.
 */
VMI_CDECL unsigned vmi_find(const void *first_mib, struct vmi_rom *list, unsigned max);

/* What a kernel speaks: its calls are those of API 13, or those of API 3.0 too (vmi3_...). */
#define VMI_SPEAKS_13 1u
#define VMI_SPEAKS_3  2u

/*
 * Calls Init of the good ROMs whose API the kernel speaks, one after another until one accepts, and
 * returns that one; NULL: none does, and the kernel runs natively. To be called once, by the BSP,
 * with interrupts off. From then on calls go to `base`, so the ROM must stay mapped there in every
 * address space. The result points into `list`, which must stay as long as a linkage uses the ROM.
 */
VMI_CDECL const struct vmi_rom *vmi_start(struct vmi_rom *list, unsigned count, unsigned apis);

/*
 * The ring that the kernel is in: 0, or 1 behind an Init that has lowered it. A frame is a user's
 * when (CS & 3) == 3; selectors that the kernel makes for itself have the ring in their lowest
 * bits.
 */
static __inline__ unsigned vmi_kernel_ring(void) {
    unsigned cs;
    /* the DS prefix tells vmi-lint that it is meant */
    __asm__(".byte 0x3e; {movl %%cs, %0|mov %0, cs}" : "=r"(cs));
    return cs & 3;
}

/* A short text without a full stop; never NULL. In an object file of its own in the archive. */
VMI_CDECL const char *vmi_verdict_text(unsigned verdict);

/* --- linking --- */

/* The record of a site (ABI notes, 9.1). */
struct vmi_annotation {
    uint32_t call; /* number in API 13, or slot of a call that only API 3.0 has */
    uint8_t *site; /* where its instructions are */
    const uint8_t *translation;
    uint8_t size; /* of the site */
    uint8_t translation_size;
    int8_t padding; /* of the site; of form 0, if there is none, what is called has less bytes */
    uint8_t form;   /* 0, as in 2006; 80h and more: it keeps its registers, VMI_SITE_FREE */
};

VMI_STATIC_ASSERT(VMI_OFFSETOF(struct vmi_annotation, site) == 4 || sizeof(void *) != 4, "site");
VMI_STATIC_ASSERT(VMI_OFFSETOF(struct vmi_annotation, size) == 12 || sizeof(void *) != 4, "size");
VMI_STATIC_ASSERT(sizeof(struct vmi_annotation) == 16 || sizeof(void *) != 4, "16 bytes");

#define VMI_SITE_MAX 48 /* bytes of a site */

/* What a site holds. */
enum vmi_site_kind {
    VMI_SITE_NATIVE,  /* what the kernel was built with */
    VMI_SITE_INLINED, /* the ROM's own body, or a NOP if that body does nothing */
    VMI_SITE_CALLED,  /* a CALL to the ROM; a JMP where API 3.0 requests it */
    VMI_SITE_KINDS
};

enum vmi_link_error {
    /* about a record; nothing has been written */
    VMI_LINK_CALL = -1,        /* no such call, or one that has no sites */
    VMI_LINK_SIZE = -2,        /* its sizes contradict each other */
    VMI_LINK_OUTSIDE = -3,     /* the site is outside the text, or its translation outside theirs */
    VMI_LINK_TRANSLATION = -4, /* it is not argument pushes, the call, and their removal */
    VMI_LINK_OVERLAP = -5,     /* the site overlaps another one */
    VMI_LINK_SITE = -6,        /* the site does not begin with its padding */
    /* about `saved`; no site has been written */
    VMI_LINK_SPACE = -7, /* too little: vmi_link_space() */
    /* about the ROM; nothing has been written */
    VMI_LINK_TYPE = -8,    /* an unknown relocation type, or a jump for a call that returns */
    VMI_LINK_ADDRESS = -9, /* an address outside the ROM and the hypervisor's area */
    VMI_LINK_INLINE = -10, /* its inlining data contradict the slot */
    /* about the ROM, while sites were written; all are native again */
    VMI_LINK_CHANGED =
        -11, /* when asked again it gave an answer that is one of the above; with `bad`
                 set the records were changed, and sites from there on left alone */
    VMI_LINK_LAST = -11
};

/*
 * The kernel's sites. The kernel fills in `first` to `saved_end`; the rest must
 * be zero at first and belongs to the kit from then on.
 */
struct vmi_linkage {
    const struct vmi_annotation *first, *end;
    const uint8_t *translations, *translations_end;
    const uint8_t *text, *text_end; /* holds every site; writable while linking, if one changes */
    uint8_t *saved, *saved_end;     /* keeps the native bytes: vmi_link_space() of them */
    uint8_t *thunks, *thunks_end;   /* executable, and writable while linking: vmi_thunk_space() */
    /*
     * NULL if this is the only processor, its interrupts are off, and no kernel thread that runs on
     * later was interrupted within a site or a thunk. Otherwise it must call work(argument) once,
     * on this processor, while all others are parked where vmi_may_park() allows it, and while no
     * handler that contains a site can interrupt. A released processor calls vmi_serialize() first.
     */
    VMI_CDECL void (*alone)(VMI_CDECL void (*work)(void *), void *argument);

    uint32_t count[VMI_SITE_KINDS];   /* sites by kind, as they are now */
    const struct vmi_annotation *bad; /* the record that an error is about, or NULL */
    const struct vmi_rom *rom; /* NULL: not linked; still the old one while sites are written */
    const struct vmi_rom *next;
};

/* What kit.ld defines. */
extern const struct vmi_annotation vmi_annotations[], vmi_annotations_end[];
extern const uint8_t vmi_translations[], vmi_translations_end[];

/* How many bytes vmi_link() needs to save: VMI_SITE_MAX + 1 for each site are always enough. */
VMI_CDECL uint32_t vmi_link_space(const struct vmi_linkage *linkage);

/*
 * How many bytes of thunks vmi_link() makes at most. Sites that keep their registers are called
 * through a thunk, one for each call with the same operands. None is made for a ROM that has the
 * native bodies, or to unlink.
 */
VMI_CDECL uint32_t vmi_thunk_space(const struct vmi_linkage *linkage);

/*
 * Links each site in the cheapest way that the ROM allows: the native instructions stay if the ROM
 * does not have the call or does the same; the ROM's body is inlined if it may be copied and fits;
 * otherwise the site becomes a call. Everything is checked before anything is written. Linking may
 * be repeated, also with another ROM: it starts from the native bytes. Returns 0 or VMI_LINK_....
 */
VMI_CDECL int vmi_link(struct vmi_linkage *linkage, const struct vmi_rom *rom);

/* Restores the native bytes of every site: links to no ROM. Errors are those about records. */
static __inline__ int vmi_unlink(struct vmi_linkage *linkage) {
    return vmi_link(linkage, (const struct vmi_rom *)0);
}

/* What the nth site holds now. */
VMI_CDECL enum vmi_site_kind vmi_site_kind(const struct vmi_linkage *linkage, uint32_t n);

/*
 * Whether a processor that is about to execute at `eip` may be parked there while sites are
 * written: not within a site, nor in a thunk, the ROM or the hypervisor's area, which return to a
 * site.
 * Every address that it will return to must pass too, so it is best parked in a loop that it
 * entered by itself.
 */
VMI_CDECL vmi_bool vmi_may_park(const struct vmi_linkage *linkage, uint32_t eip);

/*
 * Makes this processor discard prefetched instructions: PUSHF, PUSH CS, PUSH 771f, IRET, in bytes,
 * since clang assembles some of these as 16-bit ones under -masm=intel. The DS prefixes tell
 * vmi-lint that they are meant.
 */
static __inline__ void vmi_serialize(void) {
    __asm__ volatile(".byte 0x3e, 0x9c, 0x3e, 0x0e, 0x68; .long 771f; .byte 0x3e, 0xcf; 771:"
                     :
                     :
                     : "memory");
}

/* A short text for an error; never NULL. In one object file with the verdicts' texts. */
VMI_CDECL const char *vmi_link_text(int error);

/* --- all of it --- */

/*
 * Finds, starts and links, and tells what it found, was refused and became of the sites, a line
 * each with its end, by `print`, if there is one. `roms` stays, as with vmi_start(); of the linkage
 * the kernel fills in the text and the memory lent, the rest comes from kit.ld. Returns the ROM
 * that the sites are linked to; NULL: the kernel runs natively, and linkage->count says so too. A
 * ROM that has been started stays so where its sites cannot be linked.
 */
VMI_CDECL const struct vmi_rom *vmi_boot(struct vmi_linkage *linkage, const void *first_mib,
                                         struct vmi_rom *roms, unsigned max, unsigned apis,
                                         VMI_CDECL void (*print)(const char *text));

/* --- the native ROM compiled in --- */

/*
 * build/vmi_native_area.o: VMI_AREA_SIZE bytes on a page boundary, in the section .vmi.native, with
 * call N of the native ROM at N * 32 under the name vmi_area_ and the call's name. Calls that are
 * not made through sites may use it like ordinary functions: three arguments in EAX, EDX, ECX,
 * which is regparm(3), the others on the stack.
 */
#define VMI_AREA_SIZE VMI_ROM_MAX_SIZE_13
extern uint8_t vmi_native_area[VMI_AREA_SIZE];

/*
 * Copies a ROM that has been started over the area (`area`, which must be writable), so that the
 * area's calls run the ROM's bodies (ABI notes, 9.2). False, with nothing written: the ROM is not
 * of API 13, has the wrong size, or its sum is no longer 0; or the area is not on a page boundary.
 */
VMI_CDECL vmi_bool vmi_overlay(const struct vmi_rom *rom, uint8_t *area);

#ifdef __cplusplus
}
#endif

#endif
