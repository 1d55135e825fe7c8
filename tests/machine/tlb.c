/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Translations that the processor remembers. Each test changes an entry behind the processor's back
 * and shows first that the old translation is still used (where an engine keeps it), then that the
 * call ends that. What an engine keeps is measured with native instructions, never assumed.
 */
#include "machine.h"

enum { FRAME_A = GUEST_FREE_MEMORY, FRAME_B = GUEST_FREE_MEMORY + 0x1000 };
enum { LINEAR = 0x40000000, NEIGHBOUR = LINEAR + 0x1000, IS_A = 0xAAAA0001, IS_B = 0xBBBB0002 };

static struct guest_space space;

static uint32_t seen_at(uint32_t linear) {
    return *(volatile uint32_t *)guest_at(linear);
}

static void point_to(uint32_t linear, uint32_t frame, uint32_t flags) {
    guest_map(&space, linear, frame, PTE_RW | flags);
}

/* LINEAR and NEIGHBOUR map frame A and are remembered; then the entries say frame B. */
static int make_stale(uint32_t flags) {
    point_to(LINEAR, FRAME_A, flags);
    point_to(NEIGHBOUR, FRAME_A, flags);
    native_invlpg(LINEAR);
    native_invlpg(NEIGHBOUR);
    equal("before", seen_at(LINEAR), IS_A);
    equal("before, neighbour", seen_at(NEIGHBOUR), IS_A);
    point_to(LINEAR, FRAME_B, flags);
    point_to(NEIGHBOUR, FRAME_B, flags);
    return seen_at(LINEAR) == IS_A;
}

static int start(uint32_t cr4) {
    *(volatile uint32_t *)guest_at(FRAME_A) = IS_A;
    *(volatile uint32_t *)guest_at(FRAME_B) = IS_B;
    space = guest_space_new(0);
    guest_paging_on(&space);
    if (cr4) {
        write_cr4(kernel_cr4() | cr4);
    }
    if (!make_stale(0)) {
        note("this engine did not keep the old translation");
        return 0;
    }
    return 1;
}

/* What a native CR3 load leaves of a global entry: 1 when it survives. */
static int globals_survive_cr3(void) {
    make_stale(PTE_G);
    write_cr3(space.cr3);
    return seen_at(LINEAR) == IS_A;
}

static void inval_page_drops_its_entry(void) {
    start(0);
    for (uint32_t round = 0; round < 4; round++) {
        uint32_t linear = round & 1 ? NEIGHBOUR : LINEAR;
        make_stale(0);
        vmi(VMI_CALL_InvalPage, linear + round * 0x2FF, 0, 0);
        equal("the page", seen_at(linear), IS_B);
    }
    native_invlpg(LINEAR);
    native_invlpg(NEIGHBOUR);
}

/* No promise of the processor, but where it is so natively it has to be so by the call. */
static void inval_page_spares_the_neighbour(void) {
    if (!start(0)) {
        skip("old translations are not kept");
        return;
    }
    native_invlpg(LINEAR);
    if (seen_at(NEIGHBOUR) != IS_A) {
        skip("INVLPG drops more than a page");
        return;
    }
    make_stale(0);
    vmi(VMI_CALL_InvalPage, LINEAR, 0, 0);
    equal("the page", seen_at(LINEAR), IS_B);
    equal("the neighbour", seen_at(NEIGHBOUR), IS_A);
}

static int with_globals(void) {
    if (!(features & CPU_PGE)) {
        skip("no global pages");
        return 0;
    }
    start(CR4_PGE);
    return 1;
}

static void inval_page_drops_a_global_entry(void) {
    if (!with_globals()) {
        return;
    }
    make_stale(PTE_G);
    vmi(VMI_CALL_InvalPage, LINEAR, 0, 0);
    equal("the page", seen_at(LINEAR), IS_B);
}

/* FlushTLB with either flag; CR4.PGE is `pge` before and after. */
static void flushes_drop_entries(uint32_t pge) {
    static const uint32_t flags[] = {VMI_FLUSH_TLB, VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL};
    for (uint32_t i = 0; i < 2; i++) {
        make_stale(0);
        uint32_t cr4 = kernel_cr4();
        vmi(VMI_CALL_FlushTLB, flags[i], 0, 0);
        equal("the page", seen_at(LINEAR), IS_B);
        equal("the neighbour", seen_at(NEIGHBOUR), IS_B);
        equal("CR4", kernel_cr4(), cr4);
        equal("CR4.PGE", cr4 & CR4_PGE, pge);
        equal("CR3", read_cr3(), space.cr3);
    }
}

static void flush_drops_entries(void) {
    start(0);
    flushes_drop_entries(0);
}

static void flush_drops_entries_with_pge_set(void) {
    if (with_globals()) {
        flushes_drop_entries(CR4_PGE);
    }
}

static void flush_spares_globals_unless_told(void) {
    if (!with_globals()) {
        return;
    }
    int survive = globals_survive_cr3();
    if (!survive) {
        note("this engine drops global entries on every CR3 load");
    }
    make_stale(PTE_G);
    vmi(VMI_CALL_FlushTLB, VMI_FLUSH_TLB, 0, 0);
    equal("a global page after FlushTLB(1)", seen_at(LINEAR), survive ? IS_A : IS_B);
    make_stale(PTE_G);
    vmi(VMI_CALL_FlushTLB, VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL, 0, 0);
    equal("a global page after FlushTLB(3)", seen_at(LINEAR), IS_B);
    equal("its neighbour", seen_at(NEIGHBOUR), IS_B);
    equal("CR4.PGE", kernel_cr4() & CR4_PGE, CR4_PGE);
}

static void flush_keeps_the_other_bits_of_cr4(void) {
    if (!(features & CPU_PGE) || !(features & CPU_PSE)) {
        skip("no global pages");
        return;
    }
    start(CR4_PGE | CR4_PSE | CR4_DE);
    uint32_t cr4 = kernel_cr4();
    for (uint32_t flags = 1; flags < 4; flags++) {
        vmi(VMI_CALL_FlushTLB, flags, 0, 0);
        equal("CR4", kernel_cr4(), cr4);
    }
}

static void set_cr3_drops_entries(void) {
    start(0);
    make_stale(0);
    vmi(VMI_CALL_SetCR3, space.cr3, 0, 0);
    equal("the page", seen_at(LINEAR), IS_B);
    equal("the neighbour", seen_at(NEIGHBOUR), IS_B);
}

static void set_cr3_switches_directories(void) {
    start(0);
    native_invlpg(LINEAR);
    struct guest_space other = guest_space_new(0);
    guest_map(&other, LINEAR, FRAME_A, PTE_RW);
    for (uint32_t i = 0; i < 3; i++) {
        vmi(VMI_CALL_SetCR3, other.cr3, 0, 0);
        equal("in the other directory", seen_at(LINEAR), IS_A);
        vmi(VMI_CALL_SetCR3, space.cr3, 0, 0);
        equal("in the first", seen_at(LINEAR), IS_B);
    }
}

static void set_cr4_drops_globals(void) {
    if (!with_globals()) {
        return;
    }
    make_stale(PTE_G);
    uint32_t cr4 = vmi(VMI_CALL_GetCR4, 0, 0, 0);
    vmi(VMI_CALL_SetCR4, cr4 & ~(uint32_t)CR4_PGE, 0, 0);
    vmi(VMI_CALL_SetCR4, cr4, 0, 0);
    equal("the page", seen_at(LINEAR), IS_B);
    equal("the neighbour", seen_at(NEIGHBOUR), IS_B);
    equal("CR4", kernel_cr4(), cr4);
}

/* The arguments are frames and flags; as an address they would name LINEAR. */
static void page_calls_spare_entries(void) {
    static const uint32_t words[2] = {0x300, 0x100};
    if (!start(0)) {
        skip("old translations are not kept");
        return;
    }
    vmi_words(allocate_page(), LINEAR, LINEAR, LINEAR, words, 2);
    vmi(release_page(), LINEAR, LINEAR, LINEAR);
    vmi_words(VMI_CALL_SetLinearMapping, LINEAR, LINEAR, LINEAR, words, 1);
    equal("the page", seen_at(LINEAR), IS_A);
    equal("the neighbour", seen_at(NEIGHBOUR), IS_A);
}

const struct test tlb_tests[] = {
    {"inval_page_drops_its_entry", inval_page_drops_its_entry, TWICE, {VMI_CALL_InvalPage}},
    {"inval_page_spares_the_neighbour",
     inval_page_spares_the_neighbour,
     TWICE | OURS,
     {VMI_CALL_InvalPage}},
    {"inval_page_drops_a_global_entry", inval_page_drops_a_global_entry, 0, {VMI_CALL_InvalPage}},
    {"flush_drops_entries_with_pge_clear", flush_drops_entries, TWICE, {VMI_CALL_FlushTLB}},
    {"flush_drops_entries_with_pge_set", flush_drops_entries_with_pge_set, 0, {VMI_CALL_FlushTLB}},
    {"flush_spares_globals_unless_told",
     flush_spares_globals_unless_told,
     TWICE | OURS,
     {VMI_CALL_FlushTLB}},
    {"flush_keeps_the_other_bits_of_cr4",
     flush_keeps_the_other_bits_of_cr4,
     0,
     {VMI_CALL_FlushTLB}},
    {"set_cr3_drops_entries", set_cr3_drops_entries, TWICE, {VMI_CALL_SetCR3}},
    {"set_cr3_switches_directories", set_cr3_switches_directories, 0, {VMI_CALL_SetCR3}},
    {"page_calls_spare_entries",
     page_calls_spare_entries,
     ANY | OURS,
     {VMI_CALL_AllocatePage, VMI_CALL_ReleasePage, VMI_CALL_SetLinearMapping,
      VMI3_SLOT_AllocatePage, VMI3_SLOT_ReleasePage}},
    {"set_cr4_drops_globals", set_cr4_drops_globals, 0, {VMI_CALL_SetCR4, VMI_CALL_GetCR4}},
    {NULL, NULL, 0, {0}}};
