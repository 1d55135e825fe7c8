/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* GetRelocationInfo: its answers, and the alias that outlives the low 4 MiB. */
#include "machine.h"

enum { CALL_REL = 1, LOW_MEMORY = 0x400000, ALIAS_ENTRY = 0x83 };
enum { HIGH_DIRECTORY = 0x40000000, PROBE_AT = GUEST_FREE_MEMORY + 0x10000 };
enum { ELSEWHERE = 0x2E0000, DECOY = GUEST_FREE_MEMORY + 0x30000, OTHER_LOW_MEMORY = 0x800000 };
enum { PROBE_STACK = GUEST_FREE_MEMORY + 0x20000, PROBE_DATA = GUEST_FREE_MEMORY + 0x21000 };
#define ALIAS_BASE 0xFFC00000u

static struct guest_space space;

static uint32_t *alias_entry(void) {
    return guest_pde(&space, ALIAS_BASE);
}

static void paged(void) {
    space = guest_space_new(0);
    guest_paging_on(&space);
}

/* EAX where the answer is NONE: API 13 leaves it. */
static uint32_t eip_of_none(uint32_t number) {
    return rom_api == VMI_API_MAJOR_13 ? number : 0;
}

/* Asks for every number there is and expects base + slot * 32 for the calls. */
static void answers_are(uint32_t base) {
    static const uint32_t beyond[] = {128,        129,        0x100 + 85, 0x10004,    0x7FFFFFFF,
                                      0x80000004, 0x80000021, 0xFFFFFFDF, 0xFFFFFFFC, 0xFFFFFFFF};
    for (uint32_t number = 0; number < 128; number++) {
        uint32_t known = call_of_number(number);
        uint32_t eip = vmi(VMI_CALL_GetRelocationInfo, number, 0xDDDDDDDD, 0xCCCCCCCC);
        uint32_t expected = known ? base + known * SLOT_SIZE : eip_of_none(number);
        if (eip != expected) {
            fail("number %u: expected %08x, seen %08x", number, expected, eip);
            return;
        }
        equal("type and reserved bytes", result.edx, known ? CALL_REL : 0);
    }
    for (uint32_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        equal("eip beyond", vmi(VMI_CALL_GetRelocationInfo, beyond[i], 1, 2),
              eip_of_none(beyond[i]));
        equal("type beyond", result.edx, 0);
    }
}

/* The plain address is answered and neither CR4 nor the last directory entry changes. */
static void answers_are_plain(uint32_t *entry) {
    uint32_t cr4 = read_cr4();
    uint32_t before = entry ? *entry : 0;
    answers_are(rom_base);
    equal("CR4", read_cr4(), cr4);
    equal("the last directory entry", entry ? *entry : 0, before);
}

/* API 3.0 has no alias, and its answers need neither the directory nor the table. */
static void answers_need_no_table(void) {
    answers_are_plain(alias_entry());
    uint32_t *of_directory = guest_pte(&space, space.cr3);
    uint32_t *of_table = guest_pte(&space, (uint32_t)of_directory & ~4095u);
    *of_directory = 0;
    *of_table = 0;
    write_cr3(space.cr3);
    answers_are_plain(NULL);
}

static int expect_alias(void) {
    if (rom_api == VMI_API_MAJOR_3) {
        answers_need_no_table();
        return 0;
    }
    if (features & CPU_PSE) {
        return 1;
    }
    note("no 4 MiB pages: the plain address is right");
    answers_are_plain(alias_entry());
    return 0;
}

static void plain_without_paging(void) {
    answers_are_plain(NULL);
    space = guest_space_new(0); /* a directory that is not in use yet */
    write_cr3(space.cr3);
    answers_are_plain(alias_entry());
}

static void alias_with_identity_paging(void) {
    paged();
    uint32_t cr4 = read_cr4();
    if (!expect_alias()) {
        return;
    }
    answers_are(ALIAS_BASE + rom_base);
    equal("the entry", *alias_entry() & ~(uint32_t)(PTE_A | PTE_D), ALIAS_ENTRY);
    equal("CR4", read_cr4(), cr4 | CR4_PSE);
    equal("through the alias",
          (uint32_t) !!memcmp(guest_at(ALIAS_BASE + rom_base), guest_at(rom_base), rom_size), 0);
}

static void alias_is_usable_without_low_memory(void) {
    static const uint8_t calls[4] = {VMI_CALL_GetCR3, VMI_CALL_GetRelocationInfo,
                                     VMI_CALL_GetInterruptMask, VMI_CALL_GetCR0};
    struct alias_probe *p = guest_at(PROBE_DATA);
    paged();
    if (!expect_alias()) {
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        p->target[i] = calls[i] == VMI_CALL_GetRelocationInfo
                           ? ALIAS_BASE + call_target(calls[i])
                           : vmi(VMI_CALL_GetRelocationInfo, call_number(calls[i]), 0, 0);
        p->argument[i] = 0xDEAD0000;
        p->result[i] = 0x77777777;
    }
    p->argument[1] = 888; /* a number that needs no look at low memory */
    guest_map(&space, HIGH_DIRECTORY, space.cr3, PTE_RW);
    p->directory = HIGH_DIRECTORY;
    p->stack = PROBE_STACK + 0x1000;
    uint8_t *code = guest_at(PROBE_AT);
    memcpy(code, (const void *)probe_without_low_memory,
           (uint32_t)(probe_without_low_memory_end - (const uint8_t *)probe_without_low_memory));
    ((void (*)(struct alias_probe *))code)(p);
    equal("GetCR3", p->result[0], space.cr3);
    equal("GetRelocationInfo(888)", p->result[1], 888);
    equal("GetInterruptMask", p->result[2], 0);
    equal("GetCR0", p->result[3], read_cr0());
}

static void alias_is_made_once(void) {
    paged();
    if (!expect_alias()) {
        return;
    }
    answers_are(ALIAS_BASE + rom_base);
    volatile uint32_t *through = guest_at(ALIAS_BASE + GUEST_MARKER_ADDRESS + 0x800);
    *through = 1; /* sets A and D */
    equal("the entry", *alias_entry(), ALIAS_ENTRY | PTE_A | PTE_D);
    answers_are(ALIAS_BASE + rom_base);
    *alias_entry() = ALIAS_ENTRY | PTE_A;
    answers_are(ALIAS_BASE + rom_base);
    *alias_entry() = ALIAS_ENTRY | PTE_D;
    answers_are(ALIAS_BASE + rom_base);
}

/* A guest may have switched PSE off again: the answer is only good with it on. */
static void alias_switches_pse_on_again(void) {
    paged();
    if (!expect_alias()) {
        return;
    }
    vmi(VMI_CALL_GetRelocationInfo, call_number(VMI_CALL_GetCR3), 0, 0);
    write_cr4(read_cr4() & ~(uint32_t)CR4_PSE);
    answers_are(ALIAS_BASE + rom_base);
    equal("CR4.PSE", read_cr4() & CR4_PSE, CR4_PSE);
}

static void alias_over_a_4_mib_identity_page(void) {
    if (!(features & CPU_PSE)) {
        skip("no 4 MiB pages");
        return;
    }
    paged();
    write_cr4(read_cr4() | CR4_PSE);
    *(uint32_t *)guest_pde(&space, 0) = ALIAS_ENTRY | PTE_US;
    write_cr3(space.cr3);
    if (rom_api == VMI_API_MAJOR_3) {
        answers_are_plain(alias_entry());
    } else {
        answers_are(ALIAS_BASE + rom_base);
    }
}

static void plain_with_pae(void) {
    if (!(features & CPU_PAE)) {
        skip("no PAE");
        return;
    }
    space = guest_space_new(1);
    guest_paging_on(&space);
    answers_are_plain(alias_entry());
}

static void plain_when_the_entry_is_taken(void) {
    paged();
    guest_map(&space, ALIAS_BASE + 0x5000, GUEST_FREE_MEMORY, PTE_RW);
    answers_are_plain(alias_entry());
    *alias_entry() = 0x00400000 | ALIAS_ENTRY; /* 4 MiB, but others */
    answers_are_plain(alias_entry());
}

static void plain_through_a_high_mapping(void) {
    enum { OFFSET = 0x50000000 };
    paged();
    for (uint32_t i = 0; i < 0x100000; i += 0x1000) {
        guest_map(&space, OFFSET + i, i, PTE_RW);
    }
    rom_base = rom_physical + OFFSET;
    answers_are_plain(alias_entry());
    rom_base = rom_physical;
}

/* The ROM at another linear address of the low 4 MiB. */
static void map_elsewhere(void) {
    uint32_t start = rom_physical & ~0xFFFu;
    for (uint32_t i = 0; i < rom_size + 0x1000; i += 0x1000) {
        guest_map(&space, ELSEWHERE + i, start + i, PTE_RW);
    }
    write_cr3(space.cr3);
    rom_base = ELSEWHERE + (rom_physical & 0xFFF);
}

static void plain_off_the_identity(void) {
    paged();
    map_elsewhere();
    answers_are_plain(alias_entry());
    rom_base = rom_physical;
}

/* As before, and where the page table should be stands one that claims the opposite. */
static void plain_when_the_table_is_out_of_reach(void) {
    paged();
    uint32_t table = *(uint32_t *)guest_pde(&space, 0) & ~0xFFFu;
    uint32_t *decoy = guest_at(DECOY);
    memcpy(decoy, guest_at(table), 4096);
    decoy[table >> 12] = DECOY | PTE_P | PTE_RW;
    guest_map(&space, HIGH_DIRECTORY, table, PTE_RW);
    map_elsewhere();
    ((uint32_t *)guest_at(HIGH_DIRECTORY))[table >> 12] = DECOY | PTE_P | PTE_RW;
    write_cr3(space.cr3);
    answers_are_plain(alias_entry());
    rom_base = rom_physical;
}

static void plain_from_above_4_mib(void) {
    paged();
    rom_base = GUEST_FREE_MEMORY + 0x100800;
    memcpy(guest_at(rom_base), rom_first, rom_size);
    answers_are_plain(alias_entry());
    rom_base = rom_physical;
}

static void plain_with_a_high_directory(void) {
    paged();
    void *directory = guest_at(GUEST_FREE_MEMORY);
    memcpy(directory, (const void *)space.cr3, 4096);
    space.cr3 = GUEST_FREE_MEMORY;
    write_cr3(space.cr3);
    answers_are_plain(alias_entry());
}

/* The directory is below 4 MiB, but another frame is mapped there: a store would go astray. */
static void plain_when_the_directory_is_out_of_reach(void) {
    paged();
    guest_map(&space, HIGH_DIRECTORY, space.cr3, PTE_RW);
    memcpy(guest_at(DECOY), (const void *)space.cr3, 4096);
    guest_map(&space, space.cr3, DECOY, PTE_RW);
    write_cr3(space.cr3);
    answers_are_plain(guest_at(HIGH_DIRECTORY + 1023 * 4));
    equal("the page that is there instead", *(uint32_t *)guest_at(DECOY + 1023 * 4), 0);
}

static void plain_when_the_directory_is_read_only(void) {
    paged();
    guest_map(&space, space.cr3, space.cr3, 0);
    write_cr3(space.cr3);
    write_cr0(read_cr0() | CR0_WP);
    answers_are_plain(alias_entry());
}

/* With CR4.PSE clear bit 7 of a directory entry means nothing; setting PSE would give it a meaning.
 */
static void plain_when_bit_7_means_nothing_yet(void) {
    paged();
    *(uint32_t *)guest_pde(&space, 0) |= PTE_PS;
    write_cr3(space.cr3);
    answers_are_plain(alias_entry());
    *(uint32_t *)guest_pde(&space, 0) &= ~(uint32_t)PTE_PS;
}

/* A 4 MiB page under the ROM, but not of the low 4 MiB: everything is there twice. */
static void plain_over_a_4_mib_page_of_other_memory(void) {
    struct elsewhere_probe *p = guest_at(PROBE_DATA);
    if (!(features & CPU_PSE)) {
        skip("no 4 MiB pages");
        return;
    }
    paged();
    write_cr4(read_cr4() | CR4_PSE);
    p->cr3 = (uint32_t)guest_page_alloc();
    memcpy((void *)p->cr3, (const void *)space.cr3, 4096);
    ((uint32_t *)p->cr3)[0] = OTHER_LOW_MEMORY | ALIAS_ENTRY;
    p->target = call_target(VMI_CALL_GetRelocationInfo);
    p->argument = call_number(VMI_CALL_GetCR3);
    memcpy(guest_at(OTHER_LOW_MEMORY), guest_at(0), LOW_MEMORY);
    probe_elsewhere(p);
    equal("the answer", p->result, call_target(VMI_CALL_GetCR3));
    equal("the directory's last entry", ((uint32_t *)p->cr3)[1023], 0);
    equal("the same place in the other memory",
          *(uint32_t *)guest_at(OTHER_LOW_MEMORY + p->cr3 + 1023 * 4), 0);
}

const struct test alias_tests[] = {
    {"relocation_is_plain_without_paging",
     plain_without_paging,
     TWICE,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_the_alias_with_identity_paging",
     alias_with_identity_paging,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_alias_works_without_low_memory",
     alias_is_usable_without_low_memory,
     0,
     {VMI_CALL_GetRelocationInfo, VMI_CALL_GetCR3, VMI_CALL_GetInterruptMask, VMI_CALL_GetCR0}},
    {"relocation_alias_counts_whatever_its_a_and_d_bits",
     alias_is_made_once,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_alias_switches_pse_on_again",
     alias_switches_pse_on_again,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_the_alias_over_a_4_mib_page",
     alias_over_a_4_mib_identity_page,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_with_pae", plain_with_pae, TWICE, {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_when_the_entry_is_taken",
     plain_when_the_entry_is_taken,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_through_a_high_mapping",
     plain_through_a_high_mapping,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_off_the_identity",
     plain_off_the_identity,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_with_a_high_directory",
     plain_with_a_high_directory,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_when_the_directory_is_out_of_reach",
     plain_when_the_directory_is_out_of_reach,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_when_the_directory_is_read_only",
     plain_when_the_directory_is_read_only,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_when_bit_7_means_nothing_yet",
     plain_when_bit_7_means_nothing_yet,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_over_a_4_mib_page_of_other_memory",
     plain_over_a_4_mib_page_of_other_memory,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_when_the_table_is_out_of_reach",
     plain_when_the_table_is_out_of_reach,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {"relocation_is_plain_from_above_4_mib",
     plain_from_above_4_mib,
     0,
     {VMI_CALL_GetRelocationInfo}},
    {NULL, NULL, 0, {0}}};
