/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * How a hypercall image describes itself to publishers. A guest needs none of this.
 *
 * A hypercall image is its native twin with trap stubs in some slots. A trap stub is four bytes at
 * the start of its slot: a trap site of three bytes and a RET. The site's address is the call's
 * number: an image is published on a page boundary, and guests map or copy it by whole pages, so
 * (EIP mod 4096) / 32 names the slot wherever the code runs. No trap site is outside the first
 * 4,096 bytes.
 *
 * A 16-bit offset at 14h of the header leads to the descriptor below; a native image has 0 there.
 * The field is private to the ROM in API 13 and reserved in API 3.0.
 */
#ifndef VMI_HYPERCALL_H
#define VMI_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>

#include "vmi/rom.h"

/* Where the header holds the descriptor's offset: the low half of reserved3 (API 13), reserved2
 * (API 3.0). */
#define VMI_HYPERCALL_POINTER 0x14

#define VMI_HYPERCALL_MAGIC   0x54696D56u /* the bytes "VmiT", read as a little-endian dword */
#define VMI_HYPERCALL_VERSION 3

/* The three bytes of a trap site. */
#define VMI_TRAP_SITE_SIZE 3
#define VMI_TRAP_STUB_SIZE 4 /* with its RET */
#define VMI_TRAP_VMMCALL   0 /* 0F 01 D9: AMD */
#define VMI_TRAP_VMCALL    1 /* 0F 01 C1: Intel */
#define VMI_TRAP_INT       2 /* CD nn 90: INT nn, NOP */
#define VMI_TRAP_OUT       3 /* E6 nn 90: OUT nn,AL, NOP */
#define VMI_TRAP_KINDS     4

/*
 * The port for OUT, where the hypervisor has no reason for another. Nothing answers there on a PC:
 * it is between the second DMA controller (C0h to DFh) and Bochs' debug port (E9h). Not 80h, which
 * guests write for delays; not 7Eh, which QEMU and KVM use with their kvmvapic ROM; not B0h, where
 * chipsets that decode loosely show the second PIC again.
 */
#define VMI_TRAP_PORT 0xE7

/* The same as initialisers of three bytes; the operand is the second byte. */
#define VMI_TRAP_SITE_VMMCALL                                                                      \
    { 0x0F, 0x01, 0xD9 }
#define VMI_TRAP_SITE_VMCALL                                                                       \
    { 0x0F, 0x01, 0xC1 }
#define VMI_TRAP_SITE_INT(vector)                                                                  \
    { 0xCD, (vector), 0x90 }
#define VMI_TRAP_SITE_OUT(port)                                                                    \
    { 0xE6, (port), 0x90 }
#define VMI_TRAP_INT_FIRST 0x20 /* below are the processor's exceptions */

/* What a slot holds. */
#define VMI_SLOT_NATIVE 0 /* the native twin's 32 bytes */
#define VMI_SLOT_TRAP   1 /* a trap stub, INT3 behind it */
#define VMI_SLOT_NOP    2 /* a bare RET, INT3 behind it */
#define VMI_SLOT_OWN                                                                               \
    3 /* the hypercall image's own: the header, and Init, which looks for the hypervisor */
#define VMI_SLOT_SOFT                                                                              \
    4 /* a body of the publisher's that runs in the guest's ring, on memory shared with the        \
         hypervisor: no trap */
#define VMI_SLOT_KINDS 5

/* Flags of the descriptor. */
#define VMI_HYPERCALL_ASKS 0x01u /* Init asks by a trap where CPUID tells of no hypervisor */

/*
 * Init's question, in slot 4: OR EAX,-1; RET. With VMI_HYPERCALL_ASKS the trap site stands in front
 * of the RET, and the trap is VMI_TRAP_OUT: who serves it clears EAX, and on any machine that does
 * not an OUT leaves EAX alone. INT3 fills the rest.
 */
#define VMI_HYPERCALL_ASK_OFFSET 0x98u /* in the image */
#define VMI_HYPERCALL_ASK_SITE   0x9Bu
#define VMI_HYPERCALL_ASK_SIZE   7u

struct vmi_hypercall_descriptor {
    uint8_t magic[4];  /* "VmiT" */
    uint8_t version;   /* VMI_HYPERCALL_VERSION */
    uint8_t trap;      /* VMI_TRAP_..., the same at every site */
    uint8_t operand;   /* vector of INT, port of OUT, else 0 */
    uint8_t flags;     /* VMI_HYPERCALL_..., those that are set */
    uint8_t kind[128]; /* VMI_SLOT_... of each slot, 0 to 127 */
};

VMI_ASSERT_OFFSET(vmi_hypercall_descriptor, magic, 0);
VMI_ASSERT_OFFSET(vmi_hypercall_descriptor, version, 4);
VMI_ASSERT_OFFSET(vmi_hypercall_descriptor, trap, 5);
VMI_ASSERT_OFFSET(vmi_hypercall_descriptor, operand, 6);
VMI_ASSERT_OFFSET(vmi_hypercall_descriptor, flags, 7);
VMI_ASSERT_OFFSET(vmi_hypercall_descriptor, kind, 8);
VMI_ASSERT_SIZE(vmi_hypercall_descriptor, 136);

/*
 * How the image of API 13 of a ring 1 ROM describes itself: its hypervisor is one that Init starts
 * on any processor, without trap sites in the image. The same pointer leads to it. Its slots of
 * kind VMI_SLOT_SOFT lead to the hypervisor's memory, which is there once Init has returned 0. A
 * flag chooses how it runs its guests; with VMI_RING1_INTERRUPT_CONTROL the slots from `first` on
 * are exchanged with the bytes at `twins`. `romsum --flag` does both.
 */
#define VMI_RING1_MAGIC             0x52696D56u /* the bytes "VmiR" */
#define VMI_RING1_VERSION           1
#define VMI_RING1_INTERRUPT_CONTROL 0x01u

struct vmi_ring1_descriptor {
    uint8_t magic[4];  /* "VmiR" */
    uint8_t version;   /* VMI_RING1_VERSION */
    uint8_t flags;     /* those that are set */
    uint8_t first;     /* slots that are exchanged */
    uint8_t count;     /* how many */
    uint8_t twins[2];  /* offset of the bytes that they are exchanged with */
    uint8_t again[2];  /* offset of the flags in the image of API 3.0, their negative behind them */
    uint8_t kind[128]; /* VMI_SLOT_... of each slot without a flag */
};

VMI_ASSERT_OFFSET(vmi_ring1_descriptor, magic, 0);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, version, 4);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, flags, 5);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, first, 6);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, count, 7);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, twins, 8);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, again, 10);
VMI_ASSERT_OFFSET(vmi_ring1_descriptor, kind, 12);
VMI_ASSERT_SIZE(vmi_ring1_descriptor, 140);

/* The second part of a ring 1 ROM, a ROM of its own behind the image that guests find, has this
 * dword behind the checksum byte and the byte that follows. */
#define VMI_RING1_SECOND_AT    8u
#define VMI_RING1_SECOND_MAGIC 0x31696D76u /* the bytes "vmi1" */

/*
 * How a hypervisor announces that it serves the image: bit 31 of ECX of CPUID leaf 1 is set, and
 * one of the leaves 40000000h, 40000100h, ... 40010000h returns this signature in EBX, ECX, EDX.
 * Init of a hypercall image looks for it. Without it Init returns -1 and executes no trap (but see
 * VMI_HYPERCALL_ASKS); the guest then runs natively.
 */
#define VMI_HYPERVISOR_SIGNATURE  "vmiromvmirom"
#define VMI_HYPERVISOR_EBX        0x72696D76u /* "vmir" */
#define VMI_HYPERVISOR_ECX        0x6D766D6Fu /* "omvm" */
#define VMI_HYPERVISOR_EDX        0x6D6F7269u /* "irom" */
#define VMI_HYPERVISOR_LEAF_FIRST 0x40000000u
#define VMI_HYPERVISOR_LEAF_LAST  0x40010000u
#define VMI_HYPERVISOR_LEAF_STEP  0x100u

#endif
