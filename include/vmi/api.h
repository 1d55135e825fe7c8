/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Arguments and results of the VMI calls: the constants of the interface's own header, and the
 * state in which an application processor starts. Call numbers are in calls.h, the image's layout
 * in rom.h. Source: ABI notes, 10.7 to 10.9 and 17.
 */
#ifndef VMI_API_H
#define VMI_API_H

#include "vmi/rom.h"

/* Reboot: EAX. */
#define VMI_REBOOT_SOFT 0x0 /* as INIT */
#define VMI_REBOOT_HARD 0x1 /* as the reset button */

/* FlushTLB: EAX. */
#define VMI_FLUSH_TLB    0x01 /* always set */
#define VMI_FLUSH_GLOBAL 0x02 /* global pages too; only on a processor that has CR4.PGE */

/* FlushDeferredCalls: EAX, API 13.3. */
#define VMI_FLUSH_CPU_STATE  0x40
#define VMI_FLUSH_PT_UPDATES 0x80

/* SetLinearMapping: EAX counts from 0 to VMI_LINEAR_MAP_SLOTS - 1. */
#define VMI_LINEAR_MAP_SLOTS 4

/* GetInterruptMask, SetInterruptMask: the only bit of a mask that counts (EFLAGS.IF). */
#define VMI_INTERRUPT_MASK 0x200

/* AllocatePage, ReleasePage: EDX, API 13. PAE and PDP share a value: a PAE page table is 5, a PAE
 * directory 6, the PDPT 4. */
#define VMI_PAGE_PT   0x1
#define VMI_PAGE_PD   0x2
#define VMI_PAGE_PAE  0x4
#define VMI_PAGE_PDP  0x4
#define VMI_PAGE_PML4 0x8

/* SetPxE, SetPxELong of API 13.3 and the updates of API 3.0: the flags word; bits 0 to 3 are
 * VMI_PAGE_PT to VMI_PAGE_PML4. */
#define VMI_PAGE_CURRENT_AS                                                                        \
    0x10 /* the current address space; bits 31:12 hold the affected linear address */
#define VMI_PAGE_DEFER   0x20       /* may be deferred to a flush, an invalidation or a fault */
#define VMI_PAGE_VA_MASK 0xFFFFF000 /* the linear address in such a word */

/* AllocatePage, ReleasePage: EDX, API 3.0. */
#define VMI3_PAGE_PT     0x01
#define VMI3_PAGE_PD     0x02
#define VMI3_PAGE_PDP    0x04
#define VMI3_PAGE_PML4   0x08
#define VMI3_PAGE_PAE    0x10
#define VMI3_PAGE_CLONE  0x20
#define VMI3_PAGE_ZEROED 0x40

/* SetLazyMode: EAX, API 3.0. */
#define VMI3_LAZY_OFF 0
#define VMI3_LAZY_MMU 1
#define VMI3_LAZY_CPU 2

/* GetCycleCounter: EAX. All count in one unit, GetCycleFrequency per second; real = available +
 * stolen. */
#define VMI_CYCLES_REAL      0
#define VMI_CYCLES_AVAILABLE 1
#define VMI_CYCLES_STOLEN    2

/* SetAlarm, CancelAlarm: EAX. Expiry is absolute and in cycles; a period of 0 means one shot,
 * whatever the flag says. */
#define VMI_ALARM_COUNTERS     2
#define VMI_ALARM_COUNTER_MASK 0x000000FF
#define VMI_ALARM_IS_ONESHOT   0x00000000
#define VMI_ALARM_IS_PERIODIC  0x00000100
#define VMI_ALARM_WIRED_IRQ0   0x00000000 /* delivered as IRQ0 of the interrupt controller */
#define VMI_ALARM_WIRED_LVTT   0x00010000 /* delivered as the local APIC timer's vector */

/* GetWallclockTime counts this many per second, from 1970-01-01T00:00:00Z. */
#define VMI_WALLCLOCK_HZ 1000000000

/*
 * SetInitialAPState: the state in which an application processor starts, 90 bytes without padding
 * in between. sizeof(gives) 92; other compilers' 90 or 96 are the same 90 bytes, so a reader reads
 * VMI_AP_STATE_SIZE of them. EAX is a physical address in Linux with API 13.0, a linear one in
 * API 3.0, of any alignment; EDX is the processor's local APIC id.
 */
struct vmi_ap_state {
    uint32_t cr0; /* PE and PG set */
    uint32_t cr2;
    uint32_t cr3;
    uint32_t cr4;
    uint32_t efer_low;
    uint32_t efer_high;
    uint32_t eip;
    uint32_t eflags;
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    uint32_t esp;
    uint32_t ebp;
    uint32_t esi;
    uint32_t edi;
    uint16_t cs; /* the hidden parts of all selectors come from the GDT named below */
    uint16_t ss;
    uint16_t ds;
    uint16_t es;
    uint16_t fs;
    uint16_t gs;
    uint16_t ldtr;
    uint16_t gdtr_limit;
    uint32_t gdtr_base;
    uint32_t idtr_base;
    uint16_t idtr_limit;
};

#define VMI_AP_STATE_SIZE 90

VMI_ASSERT_OFFSET(vmi_ap_state, cr0, 0);
VMI_ASSERT_OFFSET(vmi_ap_state, cr2, 4);
VMI_ASSERT_OFFSET(vmi_ap_state, cr3, 8);
VMI_ASSERT_OFFSET(vmi_ap_state, cr4, 12);
VMI_ASSERT_OFFSET(vmi_ap_state, efer_low, 16);
VMI_ASSERT_OFFSET(vmi_ap_state, efer_high, 20);
VMI_ASSERT_OFFSET(vmi_ap_state, eip, 24);
VMI_ASSERT_OFFSET(vmi_ap_state, eflags, 28);
VMI_ASSERT_OFFSET(vmi_ap_state, eax, 32);
VMI_ASSERT_OFFSET(vmi_ap_state, ebx, 36);
VMI_ASSERT_OFFSET(vmi_ap_state, ecx, 40);
VMI_ASSERT_OFFSET(vmi_ap_state, edx, 44);
VMI_ASSERT_OFFSET(vmi_ap_state, esp, 48);
VMI_ASSERT_OFFSET(vmi_ap_state, ebp, 52);
VMI_ASSERT_OFFSET(vmi_ap_state, esi, 56);
VMI_ASSERT_OFFSET(vmi_ap_state, edi, 60);
VMI_ASSERT_OFFSET(vmi_ap_state, cs, 64);
VMI_ASSERT_OFFSET(vmi_ap_state, ss, 66);
VMI_ASSERT_OFFSET(vmi_ap_state, ds, 68);
VMI_ASSERT_OFFSET(vmi_ap_state, es, 70);
VMI_ASSERT_OFFSET(vmi_ap_state, fs, 72);
VMI_ASSERT_OFFSET(vmi_ap_state, gs, 74);
VMI_ASSERT_OFFSET(vmi_ap_state, ldtr, 76);
VMI_ASSERT_OFFSET(vmi_ap_state, gdtr_limit, 78);
VMI_ASSERT_OFFSET(vmi_ap_state, gdtr_base, 80);
VMI_ASSERT_OFFSET(vmi_ap_state, idtr_base, 84);
VMI_ASSERT_OFFSET(vmi_ap_state, idtr_limit, 88);
VMI_STATIC_ASSERT(sizeof(struct vmi_ap_state) == 92, "90 bytes and the tail that aligns an array");

#endif
