/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Page-table entry calls on entries that the processor is using. */
#include "machine.h"

enum { FRAME_A = GUEST_FREE_MEMORY, FRAME_B = GUEST_FREE_MEMORY + 0x1000, LINEAR = 0x40000000 };
enum { IS_A = 0xAAAA0001, IS_B = 0xBBBB0002, SOFT_BIT = 9, A_BIT = 5, D_BIT = 6 };

static struct guest_space space;
static uint32_t *entry; /* the entry that maps LINEAR; its low dword in PAE */

static volatile uint32_t *page(void) {
    return guest_at(LINEAR);
}

static int start(int pae) {
    if (pae && !(features & CPU_PAE)) {
        skip("no PAE");
        return 0;
    }
    *(volatile uint32_t *)guest_at(FRAME_A) = IS_A;
    *(volatile uint32_t *)guest_at(FRAME_B) = IS_B;
    space = guest_space_new(pae);
    entry = guest_pte(&space, LINEAR);
    guest_paging_on(&space);
    return 1;
}

static uint32_t read_page(void) {
    native_invlpg(LINEAR);
    return *page();
}

static void set_maps_the_page(void) {
    start(0);
    if (has_call(VMI_CALL_SetPxE0)) {
        vmi(VMI_CALL_SetPxE0, (uint32_t)entry, FRAME_A | PTE_P | PTE_RW, 0x5555);
        equal("SetPxE0: the page", read_page(), IS_A);
        vmi(VMI_CALL_SetPxE0, (uint32_t)entry, FRAME_B | PTE_P | PTE_RW, 0x5555);
        equal("SetPxE0: the page", read_page(), IS_B);
    }
    vmi(VMI_CALL_SetPxE, FRAME_A | PTE_P | PTE_RW, (uint32_t)entry, VMI_PAGE_PT);
    equal("SetPxE: the page", read_page(), IS_A);
    vmi(VMI_CALL_SetPxE, FRAME_B | PTE_P | PTE_RW, (uint32_t)entry,
        VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | VMI_PAGE_DEFER | LINEAR);
    equal("SetPxE: the page", read_page(), IS_B);
    equal("the neighbouring entry", entry[1], 0);
}

static void set_works_on_the_directory(void) {
    start(0);
    uint32_t *directory_entry = guest_pde(&space, LINEAR);
    uint32_t table = *directory_entry;
    if (has_call(VMI_CALL_SetPxE0)) {
        vmi(VMI_CALL_SetPxE0, (uint32_t)entry, FRAME_A | PTE_P | PTE_RW, 0);
        vmi(VMI_CALL_SetPxE0, (uint32_t)directory_entry, 0, 0);
    } else {
        vmi(VMI_CALL_SetPxE, FRAME_A | PTE_P | PTE_RW, (uint32_t)entry, VMI_PAGE_PT);
        vmi(VMI_CALL_SetPxE, 0, (uint32_t)directory_entry, VMI_PAGE_PD);
    }
    uint32_t *high = guest_pde(&space, LINEAR + 0x400000);
    vmi(VMI_CALL_SetPxE, table, (uint32_t)high, VMI_PAGE_PD);
    write_cr3(space.cr3);
    equal("the page, 4 MiB higher", *(volatile uint32_t *)guest_at(LINEAR + 0x400000), IS_A);
}

static void get_and_swap_see_accessed_and_dirty(void) {
    start(0);
    *entry = FRAME_A | PTE_P | PTE_RW;
    equal("the page", read_page(), IS_A);
    equal("GetPxE after a read", vmi(VMI_CALL_GetPxE, (uint32_t)entry, 1, 2),
          FRAME_A | PTE_P | PTE_RW | PTE_A);
    *page() = IS_A;
    equal("GetPxE after a write", vmi(VMI_CALL_GetPxE, (uint32_t)entry, 1, 2),
          FRAME_A | PTE_P | PTE_RW | PTE_A | PTE_D);
    equal("SwapPxE's result", vmi(VMI_CALL_SwapPxE, (uint32_t)entry, FRAME_B | PTE_P | PTE_RW, 2),
          FRAME_A | PTE_P | PTE_RW | PTE_A | PTE_D);
    equal("the entry", *entry, FRAME_B | PTE_P | PTE_RW);
    equal("the page after SwapPxE", read_page(), IS_B);
    equal("SwapPxE(0)", vmi(VMI_CALL_SwapPxE, (uint32_t)entry, 0, 2),
          FRAME_B | PTE_P | PTE_RW | PTE_A);
    equal("the entry", *entry, 0);
}

/* Both widths: the bit calls take the same arguments. */
static void check_bits(uint32_t set, uint32_t clear, uint32_t bits) {
    for (uint32_t bit = 0; bit < bits; bit++) {
        uint32_t *word = entry + bit / 32;
        uint32_t mask = 1u << (bit & 31);
        entry[0] = FRAME_A | PTE_P | PTE_RW;
        if (bits == 64) {
            entry[1] = 0;
        }
        *word &= ~mask;
        uint32_t before = *word;
        equal("set, of a clear bit", vmi(set, (uint32_t)entry, bit, 0x777) != 0, 0);
        equal("the entry", *word, before | mask);
        equal("set, of a set bit", vmi(set, (uint32_t)entry, bit, 0x777) != 0, 1);
        equal("the entry", *word, before | mask);
        equal("clear, of a set bit", vmi(clear, (uint32_t)entry, bit, 0x777) != 0, 1);
        equal("the entry", *word, before);
        equal("clear, of a clear bit", vmi(clear, (uint32_t)entry, bit, 0x777) != 0, 0);
        equal("the entry", *word, before);
    }
    entry[0] = 0;
}

static void bits_are_set_and_cleared(void) {
    start(0);
    check_bits(VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndClearPxEBit, 32);
}

static void long_bits_are_set_and_cleared(void) {
    if (start(1)) {
        check_bits(VMI_CALL_TestAndSetPxELongBit, VMI_CALL_TestAndClearPxELongBit, 64);
    }
}

/* The life of a page as a kernel's aging code sees it. */
static void check_aging(uint32_t set, uint32_t clear) {
    entry[0] = FRAME_A | PTE_P | PTE_RW;
    native_invlpg(LINEAR);
    equal("accessed at first", vmi(clear, (uint32_t)entry, A_BIT, 0) != 0, 0);
    equal("the page", read_page(), IS_A);
    equal("accessed after a read", vmi(clear, (uint32_t)entry, A_BIT, 0) != 0, 1);
    equal("dirty after a read", vmi(clear, (uint32_t)entry, D_BIT, 0) != 0, 0);
    native_invlpg(LINEAR);
    *page() = IS_A;
    equal("dirty after a write", vmi(clear, (uint32_t)entry, D_BIT, 0) != 0, 1);
    equal("accessed after a write", vmi(set, (uint32_t)entry, A_BIT, 0) != 0, 1);
    equal("the entry", entry[0], FRAME_A | PTE_P | PTE_RW | PTE_A);
    native_invlpg(LINEAR);
    *page() = IS_A;
    equal("dirty after another", vmi(clear, (uint32_t)entry, D_BIT, 0) != 0, 1);
    equal("writable", vmi(clear, (uint32_t)entry, 1, 0) != 0, 1);
    write_cr0(read_cr0() | CR0_WP);
    native_invlpg(LINEAR);
}

static void store_page(void *arg) {
    (void)arg;
    *page() = 5;
}

static void clearing_bits_works_on_a_live_entry(void) {
    struct guest_fault fault;
    start(0);
    check_aging(VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndClearPxEBit);
    equal("a store after rw was cleared", (uint32_t)vector_of(store_page, NULL, &fault), 14);
}

static void clearing_bits_works_on_a_live_long_entry(void) {
    struct guest_fault fault;
    if (!start(1)) {
        return;
    }
    check_aging(VMI_CALL_TestAndSetPxELongBit, VMI_CALL_TestAndClearPxELongBit);
    equal("a store after rw was cleared", (uint32_t)vector_of(store_page, NULL, &fault), 14);
}

static void long_set_maps_the_page(void) {
    static const uint32_t words[1] = {VMI_PAGE_PT};
    if (!start(1)) {
        return;
    }
    if (has_call(VMI_CALL_SetPxELong0)) {
        vmi(VMI_CALL_SetPxELong0, FRAME_A | PTE_P | PTE_RW, 0, (uint32_t)entry);
        equal("SetPxELong0: the page", read_page(), IS_A);
        vmi(VMI_CALL_SetPxELong0, 0x12345000, 0x6789A,
            (uint32_t)entry); /* not present: any value */
        equal("low", entry[0], 0x12345000);
        equal("high", entry[1], 0x6789A);
    }
    vmi_words(VMI_CALL_SetPxELong, FRAME_B | PTE_P | PTE_RW, 0, (uint32_t)entry, words, 1);
    equal("SetPxELong: the page", read_page(), IS_B);
    vmi(VMI_CALL_SetPxELong, 0x98765000, 0xABCDE, (uint32_t)entry); /* without the stack word */
    equal("low", entry[0], 0x98765000);
    equal("high", entry[1], 0xABCDE);
    equal("the neighbouring entry", entry[2] | entry[3], 0);
}

static void long_get_and_swap_see_accessed_and_dirty(void) {
    enum { FLAGS = PTE_P | PTE_RW };
    if (!start(1)) {
        return;
    }
    entry[0] = FRAME_A | FLAGS;
    entry[1] = 0;
    equal("the page", read_page(), IS_A);
    equal("GetPxELong", vmi(VMI_CALL_GetPxELong, (uint32_t)entry, 7, 8), FRAME_A | FLAGS | PTE_A);
    equal("its high half", result.edx, 0);
    *page() = IS_A;
    equal("SwapPxELongAtomic", vmi(VMI_CALL_SwapPxELongAtomic, FRAME_B | FLAGS, 0, (uint32_t)entry),
          FRAME_A | FLAGS | PTE_A | PTE_D);
    equal("its high half", result.edx, 0);
    equal("the page", read_page(), IS_B);
    *page() = IS_B;
    equal("DeactivatePxELongAtomic", vmi(VMI_CALL_DeactivatePxELongAtomic, (uint32_t)entry, 7, 8),
          FRAME_B | FLAGS | PTE_A | PTE_D);
    equal("its high half", result.edx, 0);
    equal("the entry", entry[0] | entry[1], 0);
    struct guest_fault fault;
    native_invlpg(LINEAR);
    equal("a store to it", (uint32_t)vector_of(store_page, NULL, &fault), 14);
    /* Not-present entries: all 64 bits are the guest's. */
    entry[0] = 0x13579BCC;
    entry[1] = 0x2468ACE0;
    equal("GetPxELong", vmi(VMI_CALL_GetPxELong, (uint32_t)entry, 7, 8), 0x13579BCC);
    equal("its high half", result.edx, 0x2468ACE0);
    equal("Swap", vmi(VMI_CALL_SwapPxELongAtomic, 0x11111110, 0x22222222, (uint32_t)entry),
          0x13579BCC);
    equal("its high half", result.edx, 0x2468ACE0);
    equal("low", entry[0], 0x11111110);
    equal("high", entry[1], 0x22222222);
    equal("Deactivate", vmi(VMI_CALL_DeactivatePxELongAtomic, (uint32_t)entry, 7, 8), 0x11111110);
    equal("its high half", result.edx, 0x22222222);
    equal("the entry", entry[0] | entry[1], 0);
}

/*
 * The exchanges and bit calls need a locked instruction; losing an update is chance (race.c), so
 * the code is looked at, too: an XCHG with memory or a LOCK prefix in front of a bit or exchange
 * instruction stands in the slot itself, or where SetPxELong of API 3.0 jumps to.
 */
static int has_locked_instruction(const uint8_t *code) {
    for (uint32_t i = 0; i + 2 < SLOT_SIZE; i++) {
        if (code[i] == 0x87 && code[i + 1] < 0xC0) {
            return 1;
        }
        if (code[i] == 0xF0 && code[i + 1] == 0x0F) {
            return 1;
        }
    }
    return 0;
}

/* Where the slot's first JNE rel32 leads, or the slot. */
static const uint8_t *jump_target(const uint8_t *code) {
    for (uint32_t i = 0; i + 6 < SLOT_SIZE; i++) {
        if (code[i] == 0x0F && code[i + 1] == 0x85) {
            const uint8_t *d = code + i + 2;
            return d + 4 +
                   (d[0] | (uint32_t)d[1] << 8 | (uint32_t)d[2] << 16 | (uint32_t)d[3] << 24);
        }
    }
    return code;
}

static void exchanges_are_locked(void) {
    static const uint8_t calls[] = {VMI_CALL_SwapPxE,
                                    VMI_CALL_SwapPxELongAtomic,
                                    VMI_CALL_TestAndSetPxEBit,
                                    VMI_CALL_TestAndClearPxEBit,
                                    VMI_CALL_DeactivatePxELongAtomic,
                                    VMI_CALL_TestAndSetPxELongBit,
                                    VMI_CALL_TestAndClearPxELongBit};
    if (rom_api == VMI_API_MAJOR_3 &&
        !has_locked_instruction(jump_target(guest_at(call_target(VMI_CALL_SetPxELong))))) {
        fail("SetPxELong has no locked instruction");
    }
    for (uint32_t i = 0; i < sizeof(calls); i++) {
        if (has_call(calls[i]) && !has_locked_instruction(guest_at(call_target(calls[i])))) {
            fail("slot %u has no locked instruction", calls[i]);
        }
    }
}

const struct test entry_tests[] = {
    {"set_pxe_maps_the_page", set_maps_the_page, TWICE | ANY, {VMI_CALL_SetPxE0, VMI_CALL_SetPxE}},
    {"set_pxe_works_on_the_directory",
     set_works_on_the_directory,
     TWICE | ANY,
     {VMI_CALL_SetPxE0, VMI_CALL_SetPxE}},
    {"get_and_swap_see_accessed_and_dirty",
     get_and_swap_see_accessed_and_dirty,
     TWICE,
     {VMI_CALL_GetPxE, VMI_CALL_SwapPxE}},
    {"bits_are_set_and_cleared",
     bits_are_set_and_cleared,
     TWICE,
     {VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndClearPxEBit}},
    {"clearing_bits_works_on_a_live_entry",
     clearing_bits_works_on_a_live_entry,
     TWICE,
     {VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndClearPxEBit}},
    {"long_set_maps_the_page",
     long_set_maps_the_page,
     TWICE | ANY,
     {VMI_CALL_SetPxELong0, VMI_CALL_SetPxELong}},
    {"long_get_swap_and_deactivate_see_accessed_and_dirty",
     long_get_and_swap_see_accessed_and_dirty,
     TWICE,
     {VMI_CALL_GetPxELong, VMI_CALL_SwapPxELongAtomic, VMI_CALL_DeactivatePxELongAtomic}},
    {"long_bits_are_set_and_cleared",
     long_bits_are_set_and_cleared,
     TWICE,
     {VMI_CALL_TestAndSetPxELongBit, VMI_CALL_TestAndClearPxELongBit}},
    {"clearing_bits_works_on_a_live_long_entry",
     clearing_bits_works_on_a_live_long_entry,
     TWICE,
     {VMI_CALL_TestAndSetPxELongBit, VMI_CALL_TestAndClearPxELongBit}},
    {"exchanges_are_locked",
     exchanges_are_locked,
     ANY | OURS,
     {VMI_CALL_SetPxELong, VMI_CALL_SwapPxE, VMI_CALL_SwapPxELongAtomic, VMI_CALL_TestAndSetPxEBit,
      VMI_CALL_TestAndClearPxEBit, VMI_CALL_DeactivatePxELongAtomic, VMI_CALL_TestAndSetPxELongBit,
      VMI_CALL_TestAndClearPxELongBit}},
    {NULL, NULL, 0, {0}}};
