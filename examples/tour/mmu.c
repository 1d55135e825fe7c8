/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Page-table entries and the TLB. The calls work on the entry of one page, the window; the result
 * is what the processor then reads at its address.
 */
#include "tour.h"

#define WINDOW 0x20000000u /* linear; nothing else is mapped near it */
enum { VECTOR_PF = 14, BIT_RW = 1, BIT_DIRTY = 6, FLAGS = PTE_P | PTE_RW | PTE_US };
enum { IN_A = 0xAAAA, IN_B = 0xBBBB };

static volatile uint32_t *const window = (volatile uint32_t *)WINDOW;
static uint32_t *page_a, *page_b; /* two pages to map in it */

static void make_pages(void) {
    if (!page_a) {
        page_a = guest_page_alloc();
        page_b = guest_page_alloc();
    }
    *page_a = IN_A;
    *page_b = IN_B;
}

/* The window's entry, empty, in the 32-bit tables that the tour runs on. */
static uint32_t *window_entry(void) {
    uint32_t *entry = guest_pte(&tour_space, WINDOW);
    make_pages();
    *entry = 0;
    native_invlpg(WINDOW);
    return entry;
}

static void close_window(uint32_t *entry) {
    *entry = 0;
    native_invlpg(WINDOW);
}

enum tour_verdict show_set_pxe0(void) {
    uint32_t *entry = window_entry(), seen;
    vmi2(VMI_CALL_SetPxE0, (uint32_t)entry, (uint32_t)page_a | FLAGS);
    seen = *window;
    close_window(entry);
    return tour_effect(seen == IN_A, "page %08Xh appeared", (uint32_t)page_a);
}

enum tour_verdict show_set_pxe(void) {
    uint32_t *entry = window_entry(), seen;
    vmi3(VMI_CALL_SetPxE, (uint32_t)page_b | FLAGS, (uint32_t)entry, VMI_PAGE_PT);
    seen = *window;
    close_window(entry);
    return tour_effect(seen == IN_B, "page %08Xh appeared", (uint32_t)page_b);
}

enum tour_verdict show_get_pxe(void) {
    uint32_t *entry = window_entry(), seen;
    *entry = (uint32_t)page_a | FLAGS;
    *window = IN_A;
    seen = (uint32_t)vmi1(VMI_CALL_GetPxE, (uint32_t)entry);
    close_window(entry);
    return tour_effect(seen == ((uint32_t)page_a | FLAGS | PTE_A | PTE_D),
                       "%08Xh: accessed and dirty", seen);
}

enum tour_verdict show_swap_pxe(void) {
    uint32_t *entry = window_entry(), old, seen;
    *entry = (uint32_t)page_a | FLAGS;
    *window = IN_A;
    old = (uint32_t)vmi2(VMI_CALL_SwapPxE, (uint32_t)entry, (uint32_t)page_b | FLAGS);
    native_invlpg(WINDOW);
    seen = *window;
    close_window(entry);
    return tour_effect(old == ((uint32_t)page_a | FLAGS | PTE_A | PTE_D) && seen == IN_B,
                       "other page appeared, old one dirty");
}

static void write_window(void *unused) {
    (void)unused;
    *window = IN_A;
}

/* 1 when a write to the window is refused. */
static int write_faults(void) {
    struct guest_fault fault;
    native_invlpg(WINDOW);
    return guest_try(write_window, NULL, &fault) && fault.frame.vector == VECTOR_PF;
}

/* Clears or sets the writable bit by a call; was_set is what the call should return. */
static enum tour_verdict change_rw(uint32_t number, void *entry, int was_set) {
    uint32_t old_cr0 = read_cr0();
    uint32_t said = (uint32_t)vmi2(number, (uint32_t)entry, BIT_RW);
    int refused;
    write_cr0(old_cr0 | CR0_WP);
    refused = write_faults();
    write_cr0(old_cr0);
    return tour_effect((said != 0) == was_set && refused == was_set,
                       was_set ? "writable was set; a write faults now"
                               : "writable was clear; a write works now");
}

enum tour_verdict show_test_and_set_pxe_bit(void) {
    uint32_t *entry = window_entry();
    enum tour_verdict verdict;
    *entry = (uint32_t)page_a | PTE_P;
    verdict = change_rw(VMI_CALL_TestAndSetPxEBit, entry, 0);
    close_window(entry);
    return verdict;
}

enum tour_verdict show_test_and_clear_pxe_bit(void) {
    uint32_t *entry = window_entry();
    enum tour_verdict verdict;
    *entry = (uint32_t)page_a | PTE_P | PTE_RW;
    verdict = change_rw(VMI_CALL_TestAndClearPxEBit, entry, 1);
    close_window(entry);
    return verdict;
}

/* ---- 64-bit entries: a second address space, with PAE tables ---- */

/* Switches to PAE and returns the window's entry there, empty; NULL if there is no PAE. */
static uint64_t *enter_pae(void) {
    static struct guest_space pae;
    uint64_t *entry;
    if (!(guest_cpu_features() & CPU_PAE)) {
        return NULL;
    }
    if (!pae.cr3) {
        pae = guest_space_new(1);
    }
    make_pages();
    guest_paging_on(&pae);
    entry = guest_pte(&pae, WINDOW);
    *entry = 0;
    native_invlpg(WINDOW);
    return entry;
}

static void leave_pae(void) {
    guest_paging_on(&tour_space);
}

static enum tour_verdict no_pae(void) {
    return tour_not_shown("needs a processor with PAE");
}

enum tour_verdict show_set_pxe_long0(void) {
    uint64_t *entry = enter_pae();
    uint32_t seen;
    if (!entry) {
        return no_pae();
    }
    vmi3(VMI_CALL_SetPxELong0, (uint32_t)page_a | FLAGS, 0, (uint32_t)entry);
    seen = *window;
    leave_pae();
    return tour_effect(seen == IN_A, "PAE: page %08Xh appeared", (uint32_t)page_a);
}

enum tour_verdict show_set_pxe_long(void) {
    uint64_t *entry = enter_pae();
    uint32_t seen;
    if (!entry) {
        return no_pae();
    }
    vmi4(VMI_CALL_SetPxELong, (uint32_t)page_b | FLAGS, 0, (uint32_t)entry, VMI_PAGE_PT);
    seen = *window;
    leave_pae();
    return tour_effect(seen == IN_B, "PAE: page %08Xh appeared", (uint32_t)page_b);
}

/* Maps page A in the window and writes to it. Returns what the entry must hold then. */
static uint64_t use_page_a(volatile uint64_t *entry) {
    *entry = (uint32_t)page_a | FLAGS;
    *window = IN_A;
    return (uint32_t)page_a | FLAGS | PTE_A | PTE_D;
}

enum tour_verdict show_get_pxe_long(void) {
    uint64_t *entry = enter_pae();
    uint64_t expected, seen;
    if (!entry) {
        return no_pae();
    }
    expected = use_page_a(entry);
    seen = vmi1(VMI_CALL_GetPxELong, (uint32_t)entry);
    leave_pae();
    return tour_effect(seen == expected, "%016llXh: dirty", seen);
}

enum tour_verdict show_swap_pxe_long_atomic(void) {
    uint64_t *entry = enter_pae();
    uint64_t expected, old;
    uint32_t seen;
    if (!entry) {
        return no_pae();
    }
    expected = use_page_a(entry);
    old = vmi3(VMI_CALL_SwapPxELongAtomic, (uint32_t)page_b | FLAGS, 0, (uint32_t)entry);
    native_invlpg(WINDOW);
    seen = *window;
    leave_pae();
    return tour_effect(old == expected && seen == IN_B, "other page appeared, old one dirty");
}

enum tour_verdict show_deactivate_pxe_long_atomic(void) {
    uint64_t *entry = enter_pae();
    uint64_t expected, old, left;
    int faults;
    if (!entry) {
        return no_pae();
    }
    expected = use_page_a(entry);
    old = vmi1(VMI_CALL_DeactivatePxELongAtomic, (uint32_t)entry);
    left = *(volatile uint64_t *)entry;
    faults = write_faults();
    leave_pae();
    return tour_effect(old == expected && left == 0 && faults, "page gone; it had been dirty");
}

enum tour_verdict show_test_and_set_pxe_long_bit(void) {
    uint64_t *entry = enter_pae();
    enum tour_verdict verdict;
    if (!entry) {
        return no_pae();
    }
    *entry = (uint32_t)page_a | PTE_P;
    verdict = change_rw(VMI_CALL_TestAndSetPxELongBit, entry, 0);
    leave_pae();
    return verdict;
}

enum tour_verdict show_test_and_clear_pxe_long_bit(void) {
    uint64_t *entry = enter_pae();
    enum tour_verdict verdict;
    if (!entry) {
        return no_pae();
    }
    *entry = (uint32_t)page_a | PTE_P | PTE_RW;
    verdict = change_rw(VMI_CALL_TestAndClearPxELongBit, entry, 1);
    leave_pae();
    return verdict;
}

/* ---- Page tables ---- */

static uint32_t pfn(const void *page) {
    return (uint32_t)page >> 12;
}

/* A page becomes a page table: announced, linked, used. */
static enum tour_verdict allocate_by(uint32_t call, uint32_t flags) {
    static const uint32_t here = WINDOW + 0x400000;
    uint32_t *table = guest_page_alloc(), *directory = guest_at(tour_space.cr3), seen;
    make_pages();
    table[0] = (uint32_t)page_a | FLAGS;
    vmi5(call, pfn(table), flags, 0, 0, 0);
    directory[here >> 22] = (uint32_t)table | FLAGS;
    native_invlpg(here);
    seen = *(volatile uint32_t *)guest_at(here);
    directory[here >> 22] = 0;
    native_invlpg(here);
    return tour_effect(seen == IN_A, "frame %Xh serves as a page table", pfn(table));
}

enum tour_verdict show_allocate_page(void) {
    return allocate_by(VMI_CALL_AllocatePage, VMI_PAGE_PT);
}

enum tour_verdict show_allocate_page_3(void) {
    return allocate_by(VMI3_SLOT_AllocatePage, VMI3_PAGE_PT | VMI3_PAGE_ZEROED);
}

static enum tour_verdict release_by(uint32_t allocate, uint32_t release) {
    uint32_t *table = guest_page_alloc();
    int intact;
    vmi5(allocate, pfn(table), VMI_PAGE_PT, 0, 0, 0);
    vmi2(release, pfn(table), VMI_PAGE_PT);
    table[0] = IN_A;
    intact = *(volatile uint32_t *)table == IN_A;
    return tour_effect(intact, "frame %Xh is ordinary memory again", pfn(table));
}

enum tour_verdict show_release_page(void) {
    return release_by(VMI_CALL_AllocatePage, VMI_CALL_ReleasePage);
}

enum tour_verdict show_release_page_3(void) {
    return release_by(VMI3_SLOT_AllocatePage, VMI3_SLOT_ReleasePage);
}

/* The guest changes an entry itself and announces it. */
enum tour_verdict show_update_pxe(void) {
    uint32_t *entry = window_entry(), seen;
    make_pages();
    *entry = (uint32_t)page_a | FLAGS;
    vmi2(VMI3_SLOT_UpdatePxE, (uint32_t)entry, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | WINDOW);
    native_invlpg(WINDOW);
    seen = *window;
    close_window(entry);
    return tour_effect(seen == IN_A, "page %08Xh announced and mapped", (uint32_t)page_a);
}

enum tour_verdict show_update_pxe_long(void) {
    uint64_t *entry = enter_pae();
    uint32_t seen;
    if (!entry) {
        return no_pae();
    }
    *(volatile uint64_t *)entry = (uint32_t)page_a | FLAGS;
    vmi2(VMI3_SLOT_UpdatePxELong, (uint32_t)entry, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | WINDOW);
    native_invlpg(WINDOW);
    seen = *window;
    leave_pae();
    return tour_effect(seen == IN_A, "PAE: page %08Xh announced and mapped", (uint32_t)page_a);
}

static enum tour_verdict translate_by(uint32_t call) {
    uint32_t result = (uint32_t)vmi1(call, 0x12345678);
    return tour_effect(result == 0x12345678, "%08Xh: the same", result);
}

enum tour_verdict show_machine_to_physical(void) {
    return translate_by(VMI3_SLOT_MachineToPhysical);
}

enum tour_verdict show_physical_to_machine(void) {
    return translate_by(VMI3_SLOT_PhysicalToMachine);
}

enum tour_verdict show_set_lazy_mode(void) {
    vmi1(VMI3_SLOT_SetLazyMode, VMI3_LAZY_MMU);
    vmi1(VMI3_SLOT_SetLazyMode, VMI3_LAZY_OFF);
    return tour_effect(1, "on and off: nothing is ever queued");
}

enum tour_verdict show_set_linear_mapping(void) {
    uint32_t *entry = window_entry();
    uint32_t directory = *(uint32_t *)guest_pde(&tour_space, WINDOW), seen;
    vmi4(VMI_CALL_SetLinearMapping, 0, 0, 0x1000, 0);
    *entry = (uint32_t)page_a | FLAGS;
    seen = *window;
    close_window(entry);
    return tour_effect(seen == IN_A && *(uint32_t *)guest_pde(&tour_space, WINDOW) == directory,
                       "announced; the page tables are unchanged");
}

/* ---- The TLB ---- */

/*
 * Maps page A, then points the entry at page B without a TLB flush. The TLB call must make page B
 * appear.
 */
static void make_stale(uint32_t *entry, uint32_t flags) {
    make_pages();
    *entry = (uint32_t)page_a | FLAGS | flags;
    native_invlpg(WINDOW);
    (void)*window;
    *(volatile uint32_t *)entry = (uint32_t)page_b | FLAGS | flags;
}

enum tour_verdict show_inval_page(void) {
    uint32_t *entry = window_entry(), seen;
    make_stale(entry, 0);
    vmi1(VMI_CALL_InvalPage, WINDOW);
    seen = *window;
    close_window(entry);
    return tour_effect(seen == IN_B, "stale TLB entry gone");
}

enum tour_verdict show_flush_tlb(void) {
    uint32_t *entry = window_entry(), old_cr4 = read_cr4(), plain, global, pge_after;
    uint32_t pge = guest_cpu_features() & CPU_PGE ? CR4_PGE : 0;
    make_stale(entry, 0);
    vmi1(VMI_CALL_FlushTLB, VMI_FLUSH_TLB);
    plain = *window;
    write_cr4(old_cr4 | pge);
    make_stale(entry, PTE_G);
    vmi1(VMI_CALL_FlushTLB, VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL);
    global = *window;
    pge_after = read_cr4() & CR4_PGE;
    write_cr4(old_cr4);
    close_window(entry);
    return tour_effect(plain == IN_B && global == IN_B && pge_after == pge,
                       "stale entries gone, global ones on request");
}

enum tour_verdict show_flush_deferred_calls(void) {
    uint32_t result = (uint32_t)vmi1(VMI_CALL_FlushDeferredCalls, VMI_FLUSH_PT_UPDATES);
    return tour_effect(result == 0, "%u: nothing is ever deferred", result);
}
