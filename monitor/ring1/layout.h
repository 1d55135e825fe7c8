/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Where everything is, for C, the assembler (the Makefile makes layout.inc of it) and the linker
 * script. All of it lies in the first 2 MiB of the top 4 MiB of linear space, which one directory
 * entry maps in either format of page tables. What ring 1 may touch comes first: flat segments of
 * the guest's end behind it.
 */
#ifndef RING1_LAYOUT_H
#define RING1_LAYOUT_H

#define HV_BASE 0xFFC00000 /* linear; also virtual_top of the API 3.0 image */
#define HV_SIZE 0x50000    /* the block of memory that POST reserves */

/* Shared with ring 1. */
#define SHARED_DATA    0xFFC00000 /* struct shared */
#define SHARED_TSS     0xFFC00400 /* one for each processor */
#define SHARED_TSC     0xFFC00E00 /* what GetCycleCounter adds, 64 bits, each at HV_TSS_STEP */
#define SHARED_ENTRIES 0xFFC01000 /* the calls, 32 bytes each */
#define SHARED_SOFT    0xFFC02000 /* soft bodies that do not fit 32 bytes */
#define PRIVATE        0xFFC03000 /* from here on ring 0 only */

/* Interrupt control only (vif.h): what replaces stage one's, and gates that lead to ring 1. */
#define CONTROL_CALLS      0xFFC01460 /* entries of the calls that deal with the flag */
#define CONTROL_CALLS_SIZE 192
#define SHARED_CONTROL     0xFFC02400 /* returns; number ENTRY_IRET3 */
#define CONTROL_SIZE       0x100
#define SHARED_GATES       0xFFC02800 /* code of GATE_SLOTS gates */
#define GATE_SLOTS         48
#define GATE_SIZE          40
#define MAX_FAULTS         4 /* rows of struct vif_code */
#define MAX_WINDOWS        16
#define CONTROL_TSS        0xFFC50000 /* linear only: SHARED_DATA once more, and behind it the map */
#define CONTROL_PORTS      0xFFC51000 /* of ports, which has to begin within 56 KiB of its TSS */

/* In struct shared. */
#define SHARED_MAGIC      0x00
#define SHARED_BLOCK      0x04
#define SHARED_ACTIVE     0x08
#define SHARED_SYSEXIT_CS 0x0C
#define SHARED_SYSEXIT_SS 0x10
#define SHARED_IMAGE      0x14
#define SHARED_FLAGS      0x18 /* of the image */
#define FLAG_CONTROL      1
#define FLAGS_3           0x7C       /* in the image of API 3.0 */
#define MAGIC             0x31696D76 /* "vmi1" */

/* Pages of the block behind the hypervisor's image: offsets. */
#define PAGE_TABLE     0x20000 /* of the block, 1024 entries */
#define PAGE_TABLE_PAE 0x21000 /* the same, 512 entries of 64 bits */
#define DIRECTORY_PAE  0x22000 /* whose entry 510 is the latter */
#define ROOT_BOTH      0x23000 /* a root in either format: this block and nothing else */
#define ROOT_IDENTITY  0x24000 /* a directory that maps all memory one to one, and this block */
#define APIC_PAGE      0x25000 /* linear only: the local APIC */
#define IO_APIC_PAGE   0x27000 /* likewise */
#define START_DATA     0x26000 /* for a processor in real mode: struct start_data */
#define CPUS           0x28000 /* struct cpu for each processor, to CPUS + 8 * CPU_SIZE */
#define CPU_SIZE       0x4000
#define CPU_GDT        0x1000
#define CPU_GDTR_BASE  4 /* in struct cpu */
#define CPU_GUEST_TSS  8
#define CPU_OWN_TSS    12
#define CPU_STACK_END  0x3000
#define CPU_WINDOW     0x3000 /* linear only: a page of the guest's */
#define MAX_CPUS       8

/* In struct start_data, whose descriptors are these. */
#define START_FAR   0x20 /* where it goes on in 32 bits */
#define START_ROOT  0x28
#define START_CPU   0x2C
#define START_CODE  8
#define START_FLAT  16
#define START_BLOCK 24
#define START_GDTR  0x4F8 /* of the inter-application area of the BIOS */

#define TSS_STRIDE 128 /* TR's selector, times 8, tells a processor's from another's */
#define TSS_SIZE   104
#define TSS_IO_MAP 102

/* Behind the TSS: the virtual interrupt flag (200h or 0), and 80h where setting it has to trap. One
 * OR of a dword at VIRTUAL_IF + 1 sets the one and has the other in SF. */
#define VIRTUAL_IF   104
#define VIRTUAL_TRAP 108

/* Selectors of ours, in each processor's GDT behind the guest's. */
#define GDT_GUEST   0xF00 /* bytes that are the guest's */
#define HV_CS       0xF00
#define HV_DS       0xF08
#define HV_TSS      0xF10 /* + HV_TSS_STEP for each processor */
#define HV_TSS_STEP 16

/* Entries in the place of the header's slots: no calls of the table. */
#define ENTRY_ENABLE 1 /* EnableInterrupts, which has to trap */
#define ENTRY_TO_V86 2
#define ENTRY_RETURN 3   /* IRET, which has to trap */
#define ENTRY_IRET3  160 /* on the page of soft bodies */

#define CALL_VECTOR 0x1F /* INT of a trapping call; reserved by Intel */

#define EFLAGS_IOPL_1 0x1000

#endif
