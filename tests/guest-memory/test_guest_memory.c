/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The monitor's walk of guest page tables, over a physical memory of a few pages. TAP. */

#include <string.h>

#include "results.h"

#include "svm/cpuid.h"
#include "svm/guest_memory.h"

/* --- the machine --- */

#define MEMORY    0x800000u
#define HIGH      0x1234567000ull /* a page above 4 GiB */
#define TOP       0xFFFFF000u
#define READ_ONLY 0x00600000u /* writes to this page are dropped */
#define DIRECTORY 0x00001000u
#define TABLE     0x00002000u
#define ROOT      0x00003020u /* of PAE: on 32 bytes */
#define PAE_TABLE 0x00005000u
#define FRAME_A   0x00010000u
#define FRAME_B   0x00020000u /* not behind FRAME_A */
#define LINEAR    0x00403000u /* with its directory entry 1; PAE: entry 2, table entry 3 */
#define P         ENTRY_P
#define RW        ENTRY_RW
#define US        ENTRY_US
#define A         ENTRY_A
#define D         ENTRY_D
#define PS        ENTRY_PS
#define NX        ENTRY_NX

static uint8_t memory[MEMORY], high[PAGE_SIZE], top[PAGE_SIZE], dropped[PAGE_SIZE];
static struct vmcb vmcb;
static struct vcpu vcpu;
static uint64_t change_at, change_to; /* another processor's store, at the first look */
static bool changes_always;           /* it changes the bits of change_to at each look */
static bool zero_is_null;             /* as in the monitor */
static bool has_top;                  /* a page ends at 4 GiB */
static unsigned looks, writes;        /* places asked for, and those to write */
static uint32_t address_bits = 40;

void *guest_physical(uint64_t address, bool write) {
    looks++;
    writes += write;
    if (address == 0 && zero_is_null) {
        return NULL;
    }
    if (changes_always && address == change_at && write) {
        memory[change_at] ^= (uint8_t)change_to;
    } else if (change_at && address == change_at && write) {
        memcpy(memory + change_at, &change_to, 4);
        change_at = 0;
    }
    if (address / PAGE_SIZE == HIGH / PAGE_SIZE) {
        return high + address % PAGE_SIZE;
    }
    if (has_top && address / PAGE_SIZE == TOP / PAGE_SIZE) {
        return top + address % PAGE_SIZE;
    }
    if (address / PAGE_SIZE == READ_ONLY / PAGE_SIZE && write) {
        return dropped + address % PAGE_SIZE;
    }
    return address < MEMORY ? memory + address : NULL;
}

struct cpuid guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf) {
    (void)v;
    return (struct cpuid){leaf == LEAF_ADDRESSES && !subleaf ? address_bits : 0, 0, 0, 0};
}

static void put(uint64_t at, uint64_t value, uint32_t size) {
    memcpy(memory + at, &value, size);
}

static uint64_t look(uint64_t at, uint32_t size) {
    uint64_t value = 0;
    memcpy(&value, memory + at, size);
    return value;
}

static void reset(void) {
    memset(memory, 0, sizeof(memory));
    memset(high, 0, sizeof(high));
    memset(top, 0, sizeof(top));
    memset(dropped, 0, sizeof(dropped));
    memset(&vmcb, 0, sizeof(vmcb));
    memset(&vcpu, 0, sizeof(vcpu));
    vcpu.vmcb = &vmcb;
    vmcb.state.cr0 = CR0_ET;
    change_at = 0;
    zero_is_null = changes_always = has_top = false;
}

#define PDE (DIRECTORY + 4)
#define PTE (TABLE + 3 * 4)

static void two_level(uint32_t pde, uint32_t pte) {
    vmcb.state.cr0 = CR0_PE | CR0_PG | CR0_WP;
    vmcb.state.cr3 = DIRECTORY;
    put(PDE, pde, 4);
    put(PTE, pte, 4);
}

#define PAE_PDE (DIRECTORY + 2 * 8)
#define PAE_PTE (PAE_TABLE + 3 * 8)

static void pae(uint64_t pdpte, uint64_t pde, uint64_t pte) {
    vmcb.state.cr0 = CR0_PE | CR0_PG | CR0_WP;
    vmcb.state.cr4 = CR4_PAE;
    vmcb.state.cr3 = ROOT;
    put(ROOT, pdpte, 8);
    put(PAE_PDE, pde, 8);
    put(PAE_PTE, pte, 8);
}

static bool get(uint32_t linear, uint32_t size, uint32_t *value) {
    *value = 0;
    return monitor_guest.read(&vcpu, linear, value, size);
}

static bool set(uint32_t linear, uint32_t value) {
    return monitor_guest.write(&vcpu, linear, &value, 4);
}

static void expect_fault_(int line, uint32_t error, uint32_t cr2) {
    expect_(line, "vector", VECTOR_PF, vcpu.fault.vector);
    expect_(line, "has_error", true, vcpu.fault.has_error);
    expect_(line, "error", error, vcpu.fault.error);
    expect_(line, "cr2", cr2, (int64_t)vcpu.fault.cr2);
}

#define expect_fault(error, cr2) expect_fault_(__LINE__, error, cr2)

/* --- tests --- */

static void without_paging_linear_is_physical(void) {
    uint32_t value;
    put(0x12345, 0xAABBCCDD, 4);
    expect(true, get(0x12345, 4, &value));
    expect(0xAABBCCDD, value);
    expect(true, set(0x0, 0x11223344));
    expect(0x11223344, look(0, 4));
}

static void the_first_byte_of_memory_is_a_place(void) {
    void *at = memory;
    zero_is_null = true;
    expect(true, guest_linear(&vcpu, 0, true, &at));
    expect(NULL, at);
}

static void memory_that_is_not_there_reads_as_ones_and_keeps_nothing(void) {
    uint32_t value;
    expect(true, get(0xF0000000, 4, &value));
    expect(0xFFFFFFFF, value);
    expect(true, set(0xF0000000, 0));
    expect(true, get(0xF0000000, 4, &value));
    expect(0xFFFFFFFF, value);
}

static void two_levels_lead_to_the_frame(void) {
    uint32_t value;
    two_level(TABLE | P, FRAME_A | P);
    put(FRAME_A + 0x123, 0x55667788, 4);
    expect(true, get(LINEAR + 0x123, 4, &value));
    expect(0x55667788, value);
}

static void a_read_sets_accessed_bits_only(void) {
    uint32_t value;
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    expect(true, get(LINEAR, 4, &value));
    expect(TABLE | P | RW | A, look(PDE, 4));
    expect(FRAME_A | P | RW | A, look(PTE, 4));
}

static void a_write_sets_dirty_in_the_last_entry_only(void) {
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    expect(true, set(LINEAR + 4, 0x01020304));
    expect(0x01020304, look(FRAME_A + 4, 4));
    expect(TABLE | P | RW | A, look(PDE, 4));
    expect(FRAME_A | P | RW | A | D, look(PTE, 4));
}

static void a_marked_entry_is_not_written_again(void) {
    uint32_t value;
    two_level(TABLE | P | RW | A, FRAME_A | P | RW | A);
    writes = 0;
    expect(true, get(LINEAR, 4, &value));
    expect(0, writes);
}

/* Each of the two entries: read, marked, noted. And the page. */
static void an_entry_is_marked_at_once_and_without_its_neighbour(void) {
    uint32_t value;
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    put(PDE + 4, 0x12345678, 4);
    put(PTE + 4, 0x9ABCDEF0, 4);
    looks = writes = 0;
    expect(true, get(LINEAR, 4, &value));
    expect(2 * 3 + 1, looks);
    expect(2, writes);
    expect(TABLE | P | RW | A, look(PDE, 4));
    expect(FRAME_A | P | RW | A, look(PTE, 4));
    expect(0x12345678, look(PDE + 4, 4));
    expect(0x9ABCDEF0, look(PTE + 4, 4));
}

static void a_missing_directory_entry_faults(void) {
    uint32_t value;
    two_level(TABLE | RW, FRAME_A | P);
    expect(false, get(LINEAR + 8, 4, &value));
    expect_fault(0, LINEAR + 8);
    expect(TABLE | RW, look(PDE, 4));
}

static void a_missing_table_entry_faults(void) {
    two_level(TABLE | P | RW, FRAME_A | RW);
    expect(false, set(LINEAR + 8, 1));
    expect_fault(PF_W, LINEAR + 8);
    expect(FRAME_A | RW, look(PTE, 4));
}

static void write_protection_binds_the_supervisor_by_wp(void) {
    uint32_t value;
    two_level(TABLE | P | RW, FRAME_A | P);
    expect(false, set(LINEAR, 1));
    expect_fault(PF_P | PF_W, LINEAR);
    expect(FRAME_A | P, look(PTE, 4));
    expect(0, look(FRAME_A, 4));
    expect(true, get(LINEAR, 4, &value));
    vmcb.state.cr0 &= ~(uint64_t)CR0_WP;
    expect(true, set(LINEAR, 1));
    expect(FRAME_A | P | A | D, look(PTE, 4));
}

static void the_directory_entry_protects_too(void) {
    two_level(TABLE | P, FRAME_A | P | RW);
    expect(false, set(LINEAR, 1));
    expect_fault(PF_P | PF_W, LINEAR);
}

static void user_pages_are_the_supervisors_unless_smap(void) {
    uint32_t value;
    two_level(TABLE | P | US, FRAME_A | P | US);
    expect(true, get(LINEAR, 4, &value));
    vmcb.state.cr4 = CR4_SMAP;
    expect(false, get(LINEAR, 4, &value));
    expect_fault(PF_P, LINEAR);
    vmcb.state.rflags = RFLAGS_AC;
    expect(true, get(LINEAR, 4, &value));
    vmcb.state.rflags = 1; /* CF */
    expect(false, get(LINEAR, 4, &value));
    vmcb.state.rflags = 0;
    two_level(TABLE | P, FRAME_A | P | US); /* not a user page */
    expect(true, get(LINEAR, 4, &value));
}

static void four_mib_pages_need_pse(void) {
    uint32_t value;
    two_level(0x400000 | P | RW | PS, 0);
    put(0x403010, 0x13572468, 4);
    vmcb.state.cr4 = CR4_PSE;
    expect(true, get(LINEAR + 0x10, 4, &value));
    expect(0x13572468, value);
    expect(0x400000 | P | RW | PS | A, look(PDE, 4));
    expect(true, set(LINEAR, 0x99));
    expect(0x99, look(0x403000, 4));
    expect(0x400000 | P | RW | PS | A | D, look(PDE, 4));
    put(0x600010, 0x97, 4);
    expect(true, get(0x600010, 4, &value));
    expect(0x97, value);
    vmcb.state.cr4 = 0; /* then it is a table at 400000h */
    expect(false, get(LINEAR + 0x10, 4, &value));
    expect_fault(0, LINEAR + 0x10);
    vmcb.state.cr4 = 1; /* VME */
    expect(false, get(LINEAR + 0x10, 4, &value));
}

static void pse_36_reaches_above_4_gib(void) {
    uint32_t value, offset = HIGH & 0x3FFFFF;
    two_level(0, 0);
    put(PDE, (HIGH & 0xFFC00000) | (HIGH >> 32 & 0xFF) << 13 | P | PS, 4);
    vmcb.state.cr4 = CR4_PSE;
    high[5] = 0x77;
    expect(true, get(0x400000 + offset + 5, 1, &value));
    expect(0x77, value);
    put(PDE, 0x400000 | 1 << 21 | P | PS, 4);
    expect(false, get(0x400000, 1, &value));
    expect_fault(PF_P | PF_RSVD, 0x400000);
}

static void pae_leads_to_the_frame(void) {
    uint32_t value;
    pae(DIRECTORY | P, PAE_TABLE | P | RW, HIGH | P | RW);
    high[0x20] = 0x5A;
    expect(true, get(LINEAR + 0x20, 1, &value));
    expect(0x5A, value);
    expect(DIRECTORY | P, look(ROOT, 8));
    expect(PAE_TABLE | P | RW | A, look(PAE_PDE, 8));
    expect(HIGH | P | RW | A, look(PAE_PTE, 8));
    expect(true, set(LINEAR + 0x20, 0x01020304));
    expect(4, high[0x20]);
    expect(HIGH | P | RW | A | D, look(PAE_PTE, 8));
}

static void pae_takes_the_directory_of_the_top_two_bits(void) {
    uint32_t value;
    pae(0, PAE_TABLE | P, FRAME_A | P);
    put(ROOT + 3 * 8, DIRECTORY | P, 8);
    put(FRAME_A, 0xCAFE, 4);
    expect(true, get(0xC0000000 + LINEAR, 4, &value));
    expect(0xCAFE, value);
    expect(false, get(LINEAR, 4, &value));
    expect_fault(0, LINEAR);
    put(ROOT, DIRECTORY, 8); /* there is one, and it is not present */
    expect(false, get(LINEAR, 4, &value));
    expect_fault(0, LINEAR);
    vmcb.state.cr3 = ROOT | 0x1F;
    expect(true, get(0xC0000000 + LINEAR, 4, &value));
    expect(0xCAFE, value);
}

static void pae_maps_two_mib(void) {
    uint32_t value;
    pae(DIRECTORY | P, 0x200000 | P | RW | PS, 0);
    put(0x203005, 0x8642, 4);
    expect(true, get(LINEAR + 5, 4, &value));
    expect(0x8642, value);
    pae(DIRECTORY | P, 0x400000 | P | RW | PS, 0);
    put(0x403004, 0x2468, 4);
    expect(true, get(LINEAR + 4, 4, &value));
    expect(0x2468, value);
    expect(true, set(LINEAR + 4, 0x1357));
    expect(0x400000 | P | RW | PS | A | D, look(PAE_PDE, 8));
    put(PAE_PDE, 0x400000 | 1 << 13 | P | PS, 8);
    expect(false, get(LINEAR + 4, 4, &value));
    expect_fault(PF_P | PF_RSVD, LINEAR + 4);
    put(PAE_PDE, 0x400000 | 1 << 12 | P | PS, 8); /* PAT */
    expect(true, get(LINEAR + 4, 4, &value));
}

static void execute_disable_is_for_code_but_reserved_without_nxe(void) {
    uint32_t value;
    pae(DIRECTORY | P, PAE_TABLE | P, FRAME_A | P | NX);
    vmcb.state.efer = EFER_NXE;
    expect(true, get(LINEAR, 4, &value));
    for (unsigned i = 0; i < 2; i++) {
        vmcb.state.efer = i ? EFER_SCE : 0;
        forget_pages(&vcpu); /* as guest_wrmsr does */
        expect(false, get(LINEAR, 4, &value));
        expect_fault(PF_P | PF_RSVD, LINEAR);
    }
}

static void pae_reserved_bits_fault_at_every_level(void) {
    uint32_t value;
    pae(DIRECTORY | P | 2, PAE_TABLE | P, FRAME_A | P);
    expect(false, get(LINEAR, 4, &value));
    expect_fault(PF_P | PF_RSVD, LINEAR);
    pae(DIRECTORY | P, PAE_TABLE | P, FRAME_A | P | 1ull << 40);
    expect(false, get(LINEAR, 4, &value));
    expect_fault(PF_P | PF_RSVD, LINEAR);
    pae(DIRECTORY | P, PAE_TABLE | P | 1ull << 40, FRAME_A | P);
    expect(false, get(LINEAR, 4, &value));
    expect_fault(PF_P | PF_RSVD, LINEAR);
    pae(DIRECTORY | P, PAE_TABLE | P, FRAME_A | P | 1ull << 62);
    expect(false, set(LINEAR, 4));
    expect_fault(PF_P | PF_W | PF_RSVD, LINEAR);
    pae(DIRECTORY | P, PAE_TABLE | P, FRAME_A | P | 1ull << 39); /* an address bit */
    expect(true, get(LINEAR, 4, &value));
    expect(0xFFFFFFFF, value);
}

/* The bits are asked for once. */
static void reserved_from(uint32_t bits, unsigned first) {
    uint32_t value;
    address_bits = bits;
    for (unsigned i = 31; i < 52; i++) {
        pae(DIRECTORY | P, PAE_TABLE | P, FRAME_A | P | 1ull << i);
        expect(i < first, get(LINEAR, 4, &value));
    }
}

static void addresses_of_32_bits_reserve_bit_32(void) {
    reserved_from(32, 32);
}

static void addresses_of_51_bits_reserve_bit_51(void) {
    reserved_from(51, 51);
}

static void addresses_of_52_bits_reserve_none(void) {
    reserved_from(52, 52);
}

/* No processor says so. */
static void addresses_of_31_bits_reserve_none(void) {
    reserved_from(31, 52);
}

static void pae_write_protection_faults(void) {
    pae(DIRECTORY | P, PAE_TABLE | P, FRAME_A | P | RW);
    expect(false, set(LINEAR, 4));
    expect_fault(PF_P | PF_W, LINEAR);
}

static void an_access_across_pages_goes_to_both_frames(void) {
    uint32_t value;
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    put(PTE + 4, FRAME_B | P | RW, 4);
    expect(true, set(LINEAR + 0xFFD, 0x44332211));
    expect(0x332211, look(FRAME_A + 0xFFD, 3));
    expect(0x44, look(FRAME_B, 4));
    expect(true, get(LINEAR + 0xFFD, 4, &value));
    expect(0x44332211, value);
    expect(FRAME_B | P | RW | A | D, look(PTE + 4, 4));
}

static void a_write_across_pages_is_all_or_nothing(void) {
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    put(PTE + 4, FRAME_B | P, 4);
    expect(false, set(LINEAR + 0xFFE, 0xFFFFFFFF));
    expect_fault(PF_P | PF_W, LINEAR + 0x1000);
    expect(0, look(FRAME_A + 0xFFE, 2));
    expect(0, look(FRAME_B, 4));
    put(PTE, FRAME_A | P, 4);
    put(PTE + 4, FRAME_B | P | RW, 4);
    expect(false, set(LINEAR + 0xFFE, 0xFFFFFFFF));
    expect_fault(PF_P | PF_W, LINEAR + 0xFFE);
    expect(0, look(FRAME_B, 4));
}

static void a_read_across_the_top_of_memory_wraps(void) {
    uint32_t value;
    put(0, 0xBEEF, 2);
    expect(true, get(0xFFFFFFFE, 4, &value));
    expect(0xBEEFFFFF, value);
}

static void every_size_arrives_whole(void) {
    uint8_t from[40], to[40];
    for (uint32_t size = 1; size <= sizeof(from); size++) {
        for (uint32_t i = 0; i < sizeof(from); i++) {
            from[i] = (uint8_t)(i + size);
        }
        memset(memory + 0x8000, 0, 64);
        memset(to, 0, sizeof(to));
        expect(true, monitor_guest.write(&vcpu, 0x8001, from, size));
        expect(0, memcmp(memory + 0x8001, from, size));
        expect(0, memory[0x8001 + size]);
        expect(true, monitor_guest.read(&vcpu, 0x8001, to, size));
        expect(0, memcmp(to, from, size));
    }
}

static void a_table_in_read_only_memory_works_unmarked(void) {
    uint32_t value;
    two_level(READ_ONLY | P, 0);
    put(READ_ONLY + 3 * 4, FRAME_A | P, 4);
    put(FRAME_A, 0x31415, 4);
    expect(true, get(LINEAR, 4, &value));
    expect(0x31415, value);
    expect(FRAME_A | P, look(READ_ONLY + 3 * 4, 4));
}

static void writes_to_read_only_memory_are_dropped(void) {
    uint32_t value;
    put(READ_ONLY, 0x27182, 4);
    expect(true, set(READ_ONLY, 1));
    expect(true, get(READ_ONLY, 4, &value));
    expect(0x27182, value);
}

static void tables_above_memory_are_all_ones(void) {
    uint32_t value;
    two_level(0xF0000000 | P, 0);
    expect(true, get(LINEAR + 0x10, 4, &value)); /* through FFFFF000h, which is nothing either */
    expect(0xFFFFFFFF, value);
    pae(0x20000000 | P, 0, 0);
    expect(false, get(LINEAR, 4, &value));
    expect_fault(PF_P | PF_RSVD, LINEAR);
}

static void an_entry_that_changes_under_the_walk_is_read_again(void) {
    uint32_t value;
    two_level(TABLE | P, FRAME_A | P);
    put(FRAME_B, 0xB, 4);
    change_at = PTE;
    change_to = FRAME_B | P;
    expect(true, get(LINEAR, 4, &value));
    expect(0xB, value);
    expect(FRAME_B | P | A, look(PTE, 4));
    put(FRAME_A, 0xA, 4); /* what was read at first is not among what is remembered */
    put(PTE, FRAME_A | P | A, 4);
    expect(true, get(LINEAR, 4, &value));
    expect(0xA, value);
    two_level(TABLE | P, FRAME_A | P);
    change_at = PTE;
    change_to = FRAME_A; /* gone: nothing may be set in it */
    expect(false, get(LINEAR, 4, &value));
    expect_fault(0, LINEAR);
    expect(FRAME_A, look(PTE, 4));
    two_level(TABLE | P, FRAME_A | P);
    put(PAE_TABLE + 3 * 4, FRAME_B | P, 4);
    change_at = PDE;
    change_to = PAE_TABLE | P;
    expect(true, get(LINEAR, 4, &value));
    expect(0xB, value);
    expect(FRAME_A | P, look(PTE, 4));
}

static void after_64_looks_an_entry_that_changes_is_not_present(void) {
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    change_at = PTE;
    change_to = RW; /* the dirty bit is never set meanwhile */
    changes_always = true;
    vmcb.state.cr0 &= ~(uint64_t)CR0_WP;
    writes = 0;
    expect(false, set(LINEAR, 4));
    expect_fault(PF_W, LINEAR);
    expect(64 + 1, writes); /* and the directory's, once */
    expect(0, look(PTE, 4) & (A | D));
    vcpu.fault = (struct fault){.vector = 1};
    expect(false, guest_probe(&vcpu, LINEAR, 4, false));
    expect_fault(0, LINEAR);
}

static void long_mode_is_refused(void) {
    uint32_t value;
    vmcb.state.efer = EFER_LMA;
    expect(false, get(LINEAR, 4, &value));
    expect(VECTOR_GP, vcpu.fault.vector);
    expect(0, vcpu.fault.error);
}

static void a_probe_tries_both_pages_and_writes_nothing(void) {
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    expect(false, guest_probe(&vcpu, LINEAR + 0xFFC, 8, true));
    expect_fault(PF_W, LINEAR + 0x1000);
    put(PTE + 4, FRAME_B | P | RW, 4);
    expect(true, guest_probe(&vcpu, LINEAR + 0xFFC, 8, true));
    expect(0, look(FRAME_A + 0xFFC, 4));
    expect(true, guest_probe(&vcpu, LINEAR + 0x1FF8, 8, true));
}

/* --- what is remembered --- */

static uint32_t code_at(uint32_t linear) {
    const struct walked *w = guest_code(&vcpu, linear);
    return w ? (uint32_t)w->physical : 1;
}

static uint32_t data_at(uint32_t linear) {
    uint32_t value;
    return get(linear, 4, &value) ? value : 1;
}

#define OTHER (LINEAR + 4 * PAGE_SIZE) /* has the same place among those that are remembered */

static void a_page_that_is_remembered_is_known_by_all_that_made_it(void) {
    two_level(TABLE | P | RW, FRAME_A | P | RW);
    put(TABLE + 7 * 4, FRAME_B | P | RW, 4);
    put(FRAME_A, 0xAAAA, 4);
    put(FRAME_B, 0xBBBB, 4);
    for (unsigned i = 0; i < 2; i++) { /* in turn, and again */
        expect(FRAME_A, code_at(LINEAR));
        expect(FRAME_A, code_at(LINEAR + 0xFFF));
        expect(FRAME_B, code_at(OTHER));
        expect(FRAME_B, code_at(OTHER));
        expect(0xAAAA, data_at(LINEAR));
        expect(0xAAAA, data_at(LINEAR));
        expect(0xBBBB, data_at(OTHER));
        expect(0xBBBB, data_at(OTHER));
    }
    put(TABLE + 7 * 4, FRAME_A | P | RW | A, 4); /* the last entry */
    expect(FRAME_A, code_at(OTHER));
    expect(0xAAAA, data_at(OTHER));
    put(PAE_TABLE + 7 * 4, FRAME_B | P | RW | A, 4);
    put(PDE, PAE_TABLE | P | RW | A, 4); /* the first one */
    expect(FRAME_B, code_at(OTHER));
    expect(0xBBBB, data_at(OTHER));
    vmcb.state.cr3 = ROOT & -PAGE_SIZE; /* nothing there */
    expect(1, code_at(OTHER));
    expect(1, data_at(OTHER));
    vmcb.state.cr3 = DIRECTORY | 0xFFF;
    expect(FRAME_B, code_at(OTHER));
    vmcb.state.cr0 &= ~(uint64_t)CR0_PG;
    expect(OTHER, code_at(OTHER));
    vmcb.state.cr0 = CR0_ET;
    expect(1, code_at(OTHER)); /* real mode makes no calls */
    vmcb.state.cr0 = CR0_ET | CR0_PE | CR0_NW;
    expect(OTHER, code_at(OTHER));
    expect(CR0_ET | CR0_PE, (int64_t)vmcb.state.cr0);
}

static void a_page_of_pae_is_known_by_three_entries_of_64_bits(void) {
    pae(DIRECTORY | P, PAE_TABLE | P | RW, FRAME_A | P | RW);
    put(FRAME_A, 0xAAAA, 4);
    put(FRAME_B, 0xBBBB, 4);
    memcpy(high, &(uint32_t){0xCCCC}, 4);
    expect(0xAAAA, data_at(LINEAR));
    expect(FRAME_A, code_at(LINEAR));
    put(PAE_PTE, HIGH | P | RW | A, 8);
    expect(0xCCCC, data_at(LINEAR));
    put(PAE_PTE + 4, 0, 4); /* its high half alone */
    expect(HIGH & 0xFFFFFFFF, code_at(LINEAR));
    put(PAE_PTE, FRAME_B | P | RW | A, 8);
    expect(0xBBBB, data_at(LINEAR));
    put(0x6000 + 2 * 8, 0x7000 | P | RW | A, 8);
    put(0x7000 + 3 * 8, FRAME_A | P | RW | A, 8);
    put(ROOT, 0x6000 | P, 8); /* the first one */
    expect(0xAAAA, data_at(LINEAR));
    expect(FRAME_A, code_at(LINEAR));
    put(0x6000 + 2 * 8, PAE_TABLE | P | RW | A, 8); /* the second one */
    expect(0xBBBB, data_at(LINEAR));
    expect(FRAME_B, code_at(LINEAR));
}

/* A page that was read is walked anew to be written: rights, and the dirty bit. */
static void what_is_remembered_to_be_read_is_not_to_be_written(void) {
    void *at;
    two_level(TABLE | P | RW, FRAME_A | P);
    expect(true, guest_linear(&vcpu, LINEAR, false, &at));
    expect(false, guest_linear(&vcpu, LINEAR, true, &at));
    expect(PF_P | PF_W, vcpu.fault.error);
    put(PTE, FRAME_A | P | RW, 4);
    expect(true, guest_linear(&vcpu, LINEAR, false, &at));
    expect(0, look(PTE, 4) & D);
    expect(true, guest_linear(&vcpu, LINEAR, true, &at));
    expect(D, look(PTE, 4) & D);
    expect(true, guest_linear(&vcpu, LINEAR + 5, false, &at));
    expect((uintptr_t)memory + FRAME_A + 5, (uintptr_t)at);
    put(PTE, FRAME_A | P | RW | US | A | D, 4);
    put(PDE, TABLE | P | RW | US | A, 4);
    vmcb.state.cr4 = 1; /* no SMAP */
    expect(true, guest_linear(&vcpu, LINEAR, true, &at));
    vmcb.state.cr4 = CR4_SMAP;
    expect(false, guest_linear(&vcpu, LINEAR, true, &at));
    vmcb.state.rflags = RFLAGS_AC;
    expect(true, guest_linear(&vcpu, LINEAR, true, &at));
    vmcb.state.rflags = 0;
    expect(false, guest_linear(&vcpu, LINEAR, true, &at));
}

/* What lies where nothing is, or is dropped, has no place of its own. */
static void what_has_no_place_is_not_remembered(void) {
    uint32_t value;
    two_level(TABLE | P | RW, (MEMORY + 0x1000) | P | RW);
    expect(true, get(LINEAR, 4, &value));
    expect(0xFFFFFFFF, value);
    expect(0, vcpu.walked[LINEAR / PAGE_SIZE % WALKED].cr0);
    put(PTE, FRAME_A | P | RW, 4);
    put(FRAME_A, 0xAAAA, 4);
    expect(0xAAAA, data_at(LINEAR));
    expect(true, vcpu.walked[LINEAR / PAGE_SIZE % WALKED].cr0 == vmcb.state.cr0);
    put(PTE, READ_ONLY | P | RW, 4);
    expect(true, monitor_guest.write(&vcpu, LINEAR, &value, 4));
    expect(0, vcpu.walked[LINEAR / PAGE_SIZE % WALKED].cr0);
    two_level((MEMORY + 0x2000) | P | RW,
              0); /* a table of ones: reserved bits do not count in 32 bits */
    vmcb.state.cr4 = 0;
    get(LINEAR, 4, &value);
    expect(0, vcpu.walked[LINEAR / PAGE_SIZE % WALKED].cr0);
}

/* Without a look at memory beside the page's own table entries; the counts say it. */
static void expect_known_(int line, bool code, uint32_t linear, bool known) {
    void *at;
    looks = 0;
    expect_(line, "the page", true,
            code ? guest_code(&vcpu, linear) != NULL : guest_linear(&vcpu, linear, false, &at));
    expect_(line, "it is known", known, !looks);
}

#define expect_known(code, linear, known) expect_known_(__LINE__, code, linear, known)

static void a_page_is_walked_once(void) {
    void *at;
    vmcb.state.cr0 = CR0_PE;
    for (unsigned i = 0; i < 8; i++) {
        bool code = i % 2, with_pae = i & 4;
        if (with_pae) {
            pae(DIRECTORY | P, PAE_TABLE | P | RW, FRAME_A | P | RW);
        } else if (i & 2) {
            two_level(TABLE | P | RW, FRAME_A | P | RW);
            vmcb.state.cr4 = 1; /* VME */
        }
        expect_known(code, LINEAR + 1, false);
        expect_known(code, LINEAR + 1, true);
        expect_known(code, LINEAR + PAGE_SIZE - 1, true);
        forget_pages(&vcpu);
    }
    expect(PAE_TABLE | P | RW | A, look(PAE_PDE, 8));
    expect(FRAME_A | P | RW | A, look(PAE_PTE, 8)); /* code is not written to */
    expect_known(true, LINEAR, false);
    put(ROOT + 4, 1, 4); /* the high half of the first entry alone */
    expect(true, guest_code(&vcpu, LINEAR) == NULL);
    expect(false, guest_linear(&vcpu, LINEAR, false, &at));
    expect_fault(PF_P | PF_RSVD, LINEAR);
}

/* A directory of nothing leads to a table at the top, which is there, as its page is. */
static void what_is_reached_by_way_of_nothing_is_walked_each_time(void) {
    has_top = true;
    two_level(0, 0);
    vmcb.state.cr3 = MEMORY + 0x3000;
    memcpy(top + 3 * 4, &(uint32_t){FRAME_A | P | RW}, 4);
    expect_known(false, LINEAR, false);
    expect_known(false, LINEAR, false);
    vmcb.state.cr3 = DIRECTORY; /* now the table is nothing, and the page is */
    put(PDE, (MEMORY + 0x2000) | P | RW, 4);
    expect_known(false, LINEAR, false);
    expect_known(false, LINEAR, false);
}

int main(void) {
    each_test_starts_with(reset);
    RUN_ALONE(addresses_of_32_bits_reserve_bit_32);
    RUN_ALONE(addresses_of_51_bits_reserve_bit_51);
    RUN_ALONE(addresses_of_52_bits_reserve_none);
    RUN_ALONE(addresses_of_31_bits_reserve_none);
    RUN(without_paging_linear_is_physical);
    RUN(the_first_byte_of_memory_is_a_place);
    RUN(memory_that_is_not_there_reads_as_ones_and_keeps_nothing);
    RUN(two_levels_lead_to_the_frame);
    RUN(a_read_sets_accessed_bits_only);
    RUN(a_write_sets_dirty_in_the_last_entry_only);
    RUN(a_marked_entry_is_not_written_again);
    RUN(an_entry_is_marked_at_once_and_without_its_neighbour);
    RUN(a_missing_directory_entry_faults);
    RUN(a_missing_table_entry_faults);
    RUN(write_protection_binds_the_supervisor_by_wp);
    RUN(the_directory_entry_protects_too);
    RUN(user_pages_are_the_supervisors_unless_smap);
    RUN(four_mib_pages_need_pse);
    RUN(pse_36_reaches_above_4_gib);
    RUN(pae_leads_to_the_frame);
    RUN(pae_takes_the_directory_of_the_top_two_bits);
    RUN(pae_maps_two_mib);
    RUN(execute_disable_is_for_code_but_reserved_without_nxe);
    RUN(pae_reserved_bits_fault_at_every_level);
    RUN(pae_write_protection_faults);
    RUN(an_access_across_pages_goes_to_both_frames);
    RUN(a_write_across_pages_is_all_or_nothing);
    RUN(a_read_across_the_top_of_memory_wraps);
    RUN(every_size_arrives_whole);
    RUN(a_table_in_read_only_memory_works_unmarked);
    RUN(writes_to_read_only_memory_are_dropped);
    RUN(tables_above_memory_are_all_ones);
    RUN(an_entry_that_changes_under_the_walk_is_read_again);
    RUN(after_64_looks_an_entry_that_changes_is_not_present);
    RUN(long_mode_is_refused);
    RUN(a_probe_tries_both_pages_and_writes_nothing);
    RUN(a_page_that_is_remembered_is_known_by_all_that_made_it);
    RUN(a_page_of_pae_is_known_by_three_entries_of_64_bits);
    RUN(what_is_remembered_to_be_read_is_not_to_be_written);
    RUN(what_has_no_place_is_not_remembered);
    RUN(a_page_is_walked_once);
    RUN(what_is_reached_by_way_of_nothing_is_walked_each_time);
    return results_end();
}
