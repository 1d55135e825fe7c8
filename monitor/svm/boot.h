/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the option ROM (rom.asm) hands to the monitor. */
#ifndef MONITOR_BOOT_H
#define MONITOR_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "common/publish.h"

#define HOST_BASE      0x8000000000u /* where the monitor is linked: monitor.ld says the same */
#define BLOCK_SIZE     0x100000u     /* the monitor's memory */
#define BLOCK_RESERVED 0x200000u     /* what the guest does not get */

/* The machine at INT 19h, in low memory. */
struct launch {
    uint32_t rom;   /* linear address of the image */
    uint32_t image; /* a whole one: the former may have shrunk */
    uint32_t block; /* physical address of the monitor's memory */
    uint32_t cr0, cr3, cr4, efer;
    uint16_t unused_gdt, gdt_limit;
    uint32_t gdt_base;
    uint16_t unused_idt, idt_limit;
    uint32_t idt_base;
    uint32_t int19; /* the BIOS's vector */
    uint16_t ss, sp;
};

_Static_assert(offsetof(struct launch, gdt_limit) == 30, "gdt");
_Static_assert(offsetof(struct launch, idt_limit) == 38, "idt");
_Static_assert(offsetof(struct launch, sp) == 50, "sp");

/* Where the guest's stack has the vector to go on at: behind ES, DS, PUSHAD and PUSHFD. */
#define LAUNCH_VECTOR_OFFSET (2 + 2 + 32 + 4)

/* At this offset of the image. */
#define ROM_TABLE 0x20

#define OPTION_TRACE  1u /* a line for each exit */
#define OPTION_COM1   2u /* figures and lines on COM1, too, not on port E9h alone */
#define OPTION_RESETS 4u /* the ports that reset the machine are watched for the figures' sake */

struct rom_table {
    struct rom_image images[APIS]; /* of API 13, of API 3.0 */
    uint16_t resume, int15;
    uint16_t policy;   /* enum vmi_policy */
    uint16_t options;  /* OPTION_... */
    uint32_t block;    /* PMM's, 0: no PMM */
    uint16_t resident; /* bytes of the image that the guest needs */
};

_Static_assert(offsetof(struct rom_table, options) == 38, "options");
_Static_assert(offsetof(struct rom_table, block) == 40, "block");
_Static_assert(offsetof(struct rom_table, resident) == 44, "resident");

#endif
