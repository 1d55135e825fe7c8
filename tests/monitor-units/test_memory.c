/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Nested tables, the maps of what exits, a new processor's VMCB: memory.c, intercept.c, vcpu.c.
 * TAP. */

#include <sys/mman.h>

#include "guest.h"
#include "svm/breakpoints.h"

#define KIB4  0x1000ull
#define MIB2  0x200000ull
#define GIB   0x40000000ull
#define FRAME 0x000FFFFFFFFFF000ull

extern uint64_t host_pml4[];

/* --- nested tables --- */

static bool huge_pages = true;

/* The entry that maps an address, and the size of its page. */
static uint64_t entry_of(const uint64_t *table, uint64_t address, uint64_t *size) {
    for (int shift = 39;; shift -= 9) {
        uint64_t entry = table[address >> shift & 511];
        *size = 1ull << shift;
        if (shift == 12 || entry & ENTRY_PS || !(entry & ENTRY_P)) {
            return entry;
        }
        if ((entry & 0xFFF) != 7) {
            expect(7, entry & 0xFFF); /* rights are the leaves' */
        }
        table = (const uint64_t *)(entry & FRAME);
    }
}

static uint64_t decoy(void) {
    return (uint64_t)guest_physical(BLOCK, false);
}

/* What the guest is to find there. */
static uint64_t expected(uint64_t address, uint64_t *size) {
    *size = KIB4;
    if (address >= 1ull << 39 || (!huge_pages && address >= 24 * GIB) ||
        (address >= BLOCK && address < BLOCK + MIB2)) {
        return decoy() | 7;
    }
    if (address < MIB2) {
        return address >= 0xF0000 && address < 0x100000 ? address | 5 : address | 7;
    }
    if (address >= APIC_BASE && address < APIC_BASE + MIB2) {
        return address | 5; /* the second MiB is the first where the A20 gate is closed */
    }
    *size = address >= 4 * GIB && huge_pages ? GIB : MIB2;
    return (address & -*size) | 0x87;
}

static void expect_map(unsigned processor) {
    const uint64_t *pml4 = (const uint64_t *)map_guest(processor);
    uint64_t size, wanted;
    for (uint64_t address = 0; address < 1ull << 48; address += wanted) {
        uint64_t entry = expected(address, &wanted), seen = entry_of(pml4, address, &size);
        if (entry != seen || size != wanted) {
            expect(address, -1);
            expect(entry, seen);
            expect(wanted, size);
            return;
        }
        if (address >= 64 * GIB) { /* the same in all of a GiB */
            wanted = GIB;
        }
        if (address >= 4ull << 39) {
            wanted = 1ull << 39;
        }
    }
}

static void each_address_leads_where_it_is_to(void) {
    expect_map(0);
    expect_map(MAX_PROCESSORS - 1);
}

static void each_processor_has_tables_of_its_own(void) {
    for (unsigned i = 1; i < MAX_PROCESSORS; i++) {
        expect(true, vcpus[i].vmcb->n_cr3 != vcpus[i - 1].vmcb->n_cr3);
    }
}

static void expect_host(uint64_t end) {
    for (uint64_t address = 4 * GIB; address < 512 * GIB; address += GIB) {
        uint64_t entry = host_pml4[512 + address / GIB], size;
        if (address >= end) {
            expect(0, entry);
        } else if (huge_pages) {
            expect(0, host_pml4[1024]); /* the next table is launch.asm's */
            expect(address | 0x87, entry);
        } else {
            const uint64_t pml4[1] = {(uint64_t)(host_pml4 + 512) | 7};
            expect(address | 0x87, entry_of(pml4, address, &size));
            expect((address + GIB - MIB2) | 0x87, entry_of(pml4, address + GIB - MIB2, &size));
        }
    }
}

static void the_host_sees_the_same_above_4_gib(void) {
    expect_host(512 * GIB);
}

static void without_huge_pages_there_are_20_gib_above(void) {
    bare_set_cpuid(LEAF_AMD_FEATURES, 0, (const uint32_t[]){~0u, ~0u, ~0u, ~(1u << 26)});
    huge_pages = false;
    memset(host_pml4 + 512, 0, 4096);
    start_memory();
    expect_map(1);
    expect_host(24 * GIB);
    expect(24 * GIB - 1, (uint64_t)guest_physical(24 * GIB - 1, true));
    expect(decoy(), (uint64_t)guest_physical(24 * GIB, false));
    huge_pages = true;
    bare_set_cpuid(LEAF_AMD_FEATURES, 0, (const uint32_t[]){0, 0, 0, 1u << 26});
    start_memory();
    map_guest(1);
}

/* --- what a call reads and writes --- */

static uint8_t *place(uint64_t address, bool write) {
    return guest_physical(address, write);
}

static void guest_memory_is_itself_but_for_what_is_ours(void) {
    static const uint64_t itself[] = {CODE + 5,  0xE0000,         0x100000,      MIB2,
                                      BLOCK - 1, BLOCK + MIB2,    APIC_BASE - 1, APIC_BASE + MIB2,
                                      4 * GIB,   (1ull << 39) - 1};
    for (unsigned i = 0; i < sizeof(itself) / sizeof(*itself); i++) {
        expect(itself[i], (uintptr_t)place(itself[i], false));
        expect(itself[i], (uintptr_t)place(itself[i], true));
    }
    expect(decoy() + 5, (uintptr_t)place(BLOCK + 5, true));
    expect(decoy() + 0xFFF, (uintptr_t)place(BLOCK + MIB2 - 1, false));
    expect(decoy() + 7, (uintptr_t)place((1ull << 39) + 7, true));
    expect(decoy(), (uintptr_t)place(1ull << 39, true));
    expect(0, decoy() % PAGE_SIZE);
    expect(APIC_BASE + 0x300, (uintptr_t)place(APIC_BASE + 0x300, false));
}

static void writes_to_what_can_only_be_read_go_nowhere(void) {
    uint8_t *sink = place(APIC_BASE + 0x300, true);
    expect(0x300, (uintptr_t)sink % PAGE_SIZE);
    expect(true, (uint64_t)sink - 0x300 != decoy());
    expect((uintptr_t)sink, (uintptr_t)place(APIC_BASE + 0xFF300, true));
    sink[0] = 0x77;
    expect((uintptr_t)sink, (uintptr_t)place(0xF0300, true));
    expect(0, sink[0]); /* a copy of what is there */
    expect(0xF0300, (uintptr_t)place(0xF0300, false));
}

static void a_page_that_is_shown_is_ours_read_only(void) {
    static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
    uint64_t size;
    memset(page, 0x5A, sizeof(page));
    expect(false, is_shown(0xD1123));
    show_page(0xD1000, page);
    expect(true, is_shown(0xD1000) && is_shown(0xD1FFF));
    expect(false, is_shown(0xD0FFF) || is_shown(0xD2000) || is_shown(MIB2 + 0xD1000) ||
                      is_shown(4 * GIB + 0xD1000));
    expect((uintptr_t)page | 5, entry_of((const uint64_t *)map_guest(1), 0xD1000, &size));
    expect((uintptr_t)page + 0x123, (uintptr_t)place(0xD1123, false));
    expect(0x5A, *place(0xD1123, true));
    expect(true, place(0xD1123, true) != page + 0x123);
    *place(0xD1123, true) = 1;
    expect(0x5A, page[0x123]);
    show_page(0xD1000, (void *)0xD1000); /* as it was, but for its rights */
}

/* Each its own, from its first byte to its last. */
static void pages_that_are_shown_are_kept_apart(void) {
    static uint8_t pages[3][PAGE_SIZE] __attribute__((aligned(4096)));
    uint64_t size;
    for (unsigned i = 0; i < 3; i++) {
        memset(pages[i], (int)(0x11 * (i + 1)), PAGE_SIZE);
        show_page(0xD1000 + i * PAGE_SIZE, pages[i]);
    }
    map_guest(1);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t at = 0xD1000 + i * PAGE_SIZE;
        expect((uintptr_t)pages[i], (uintptr_t)place(at, false));
        expect((uintptr_t)pages[i] + 0xFFF, (uintptr_t)place(at + 0xFFF, false));
        expect(0x11 * (i + 1), *place(at, true));
        expect(0x11 * (i + 1), open_page(1, at)[0]);
        close_page(1, at);
        expect((uintptr_t)pages[i] | 5,
               entry_of((const uint64_t *)vcpus[1].vmcb->n_cr3, at, &size));
    }
    for (unsigned i = 0; i < 3; i++) {
        show_page(0xD1000 + i * PAGE_SIZE, (void *)(uintptr_t)(0xD1000 + i * PAGE_SIZE));
    }
}

/* Of the first 2 MiB. */
static void the_first_and_the_last_page_may_be_shown(void) {
    static uint8_t pages[2][PAGE_SIZE] __attribute__((aligned(4096)));
    uint64_t size;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t at = i ? MIB2 - KIB4 : 0;
        const uint64_t *map;
        memset(pages[i], 0x40 + (int)i, PAGE_SIZE);
        show_page(at, pages[i]);
        map = (const uint64_t *)map_guest(1);
        expect(true, is_shown(at) && is_shown(at + KIB4 - 1));
        expect((uintptr_t)pages[i] | 5, entry_of(map, at, &size));
        expect(0x40 + i, open_page(1, at + KIB4 - 1)[0]);
        expect(7, entry_of(map, at, &size) & 7);
        close_page(1, at + KIB4 - 1);
        expect((uintptr_t)pages[i] | 5, entry_of(map, at, &size));
        open_page(1, at);
        expect(7, entry_of(map, at, &size) & 7);
        close_page(1, at);
        expect((uintptr_t)pages[i] | 5, entry_of(map, at, &size));
    }
}

static void what_is_behind_the_bios_is_not_looked_at(void) {
    mprotect((void *)(uintptr_t)0x100000, PAGE_SIZE, PROT_READ); /* or it would end here */
    start_memory();
    mprotect((void *)(uintptr_t)0x100000, PAGE_SIZE, PROT_READ | PROT_WRITE);
    expect(false, is_shown(0x100000));
}

static void the_bios_is_kept_where_nobody_can_write(void) {
    for (unsigned i = 0; i < 3; i++) {
        show_page(0xD1000 + i * PAGE_SIZE, (void *)(uintptr_t)(0xD1000 + i * PAGE_SIZE));
    }
    for (uint64_t at = 0; at < MIB2; at += KIB4) {
        expect((at >= 0xF0000 && at < 0x100000) || (at >= 0xD1000 && at < 0xD4000), is_shown(at));
    }
    *(uint8_t *)(uintptr_t)0xE0000 = 0x12;
    start_memory();
    expect(0x12, *(uint8_t *)(uintptr_t)0xE0000); /* asked without a change */
}

static void the_local_apics_range_is_two_mib(void) {
    expect(false, is_apic(APIC_BASE - 1));
    expect(true, is_apic(APIC_BASE) && is_apic(APIC_BASE + 0x1FFFFF));
    expect(false, is_apic(APIC_BASE + 0x200000) || is_apic(4 * GIB + APIC_BASE));
}

/* --- a page of its own for one processor --- */

static void an_open_page_is_that_processors_alone(void) {
    uint64_t size, was_0;
    const uint64_t *of_2, *of_3;
    uint8_t *page;
    memset((void *)(uintptr_t)0xE0000, 0x33, 16);
    of_2 = (const uint64_t *)map_guest(2);
    of_3 = (const uint64_t *)map_guest(3);
    was_0 = entry_of(of_2, 0xF3000, &size);
    page = open_page(2, 0xF3123);
    expect((uintptr_t)page | 7, entry_of(of_2, 0xF3000, &size));
    expect(0xF3005, entry_of(of_3, 0xF3000, &size));
    expect(0xF2005, entry_of(of_2, 0xF2000, &size));
    page[5] = 9;
    close_page(2, 0xF3123);
    expect(was_0, entry_of(of_2, 0xF3000, &size));
    page = open_page(2, 0xF3000); /* a fresh copy */
    expect(0, page[5]);
    close_page(2, 0xF3000);
    page = open_page(3, APIC_BASE + 0x5320);
    expect((uintptr_t)page | 7, entry_of(of_3, APIC_BASE + 0x5000, &size));
    expect((APIC_BASE + 0x5000) | 5, entry_of(of_2, APIC_BASE + 0x5000, &size));
    page[5] = 9;
    close_page(3, APIC_BASE + 0x5320);
    expect((APIC_BASE + 0x5000) | 5, entry_of(of_3, APIC_BASE + 0x5000, &size));
    page = open_page(3, APIC_BASE);
    expect(9, page[5]); /* no copy */
    close_page(3, APIC_BASE);
}

/* --- maps --- */

/* What may be written: architectural names that the guest has to itself, and those that are looked
 * at. */
static bool is_free(uint32_t msr) {
    static const struct {
        uint32_t first, last;
    } free[] = {{0x48, 0x49},
                {0xE7, 0xE8},
                {0x10B, 0x10B},
                {0x174, 0x176},
                {0x17A, 0x17B},
                {0x1D9, 0x1D9},
                {0x200, 0x20F},
                {0x250, 0x250},
                {0x258, 0x259},
                {0x268, 0x26F},
                {0x2FF, 0x2FF},
                {0x400, 0x47F},
                {0x6A0, 0x6A8},
                {0x6E0, 0x6E0},
                {0x800, 0x82E},
                {0x831, 0x831},
                {0x838, 0x84F},
                {0x854, 0x8FF},
                {0xDA0, 0xDA0},
                {0xC0000081, 0xC0000084},
                {0xC0000100, 0xC0000103},
                {0xC0000300, 0xC0000303},
                {0xC0010000, 0xC0010007},
                {0xC0010062, 0xC0010062},
                {0xC001011F, 0xC001011F},
                {0xC0010200, 0xC001020B},
                {0xC0010230, 0xC0010247}};
    for (unsigned i = 0; i < sizeof(free) / sizeof(*free); i++) {
        if (msr >= free[i].first && msr <= free[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_read_watched(uint32_t msr) {
    return msr == 0x10 || msr == 0xC0000080 || msr == 0xC0000104 || msr == 0xC0010114 ||
           msr == 0xC0010117 || msr == 0xC0010118;
}

static bool is_looked_at(uint32_t msr) {
    bool is_lvt = msr == 0x82F || (msr >= 0x832 && msr <= 0x837) || (msr >= 0x850 && msr <= 0x853);
    return is_lvt || msr == 0x10 || msr == 0x1B || msr == 0x277 || msr == 0x830 ||
           msr == 0xC0000080 || msr == 0xC0010010;
}

static void each_msrs_reads_and_writes_exit_as_they_are_to(void) {
    static const uint32_t parts[] = {0, 0xC0000000, 0xC0010000};
    for (unsigned part = 0; part < 3; part++) {
        for (uint32_t i = 0; i < 0x2000; i++) {
            uint32_t msr = parts[part] + i, bit = part * 0x4000 + i * 2;
            unsigned seen = msrpm[bit / 8] >> bit % 8 & 3;
            unsigned wanted = is_read_watched(msr) | (is_free(msr) ? 0 : 2);
            bool banks = msr >= 0xC0002000 && msr < 0xC0003000;
            if (seen != wanted ||
                is_writable_msr(msr) != (is_free(msr) || is_looked_at(msr) || banks)) {
                expect(msr, -1);
                expect(wanted, seen);
            }
        }
    }
    expect(true, is_writable_msr(0xC0002000) && is_writable_msr(0xC0002FFF));
    expect(false, is_writable_msr(0xC0001FFF) || is_writable_msr(0xC0003000));
    for (unsigned i = 3 * 0x800; i < 2 * PAGE_SIZE; i++) {
        expect(0, msrpm[i]);
    }
}

static bool map_has(const uint8_t *map, uint16_t port) {
    return map[port / 8] >> port % 8 & 1;
}

static void a_port_is_one_bit_of_either_map(void) {
    static const uint16_t ports[] = {0x1230, 0x1237, 0xFFFF};
    for (unsigned i = 0; i < 3; i++) {
        intercept_port(ports[i], true);
        expect(true, map_has(iopm, ports[i]) && map_has(iopm_others, ports[i]));
        intercept_port(ports[i], true);
        expect(false, map_has(iopm, ports[i] - 1) || map_has(iopm_others, ports[i] - 1));
        intercept_port(ports[i], false);
        expect(false, map_has(iopm, ports[i]) || map_has(iopm_others, ports[i]));
        intercept_port(ports[i] - 1, true);
        intercept_port(ports[i], true);
        intercept_port(ports[i], false);
        expect(true, map_has(iopm, ports[i] - 1) && map_has(iopm_others, ports[i] - 1));
        intercept_port(ports[i] - 1, false);
        intercept_port_of_others(ports[i]);
        expect(true, !map_has(iopm, ports[i]) && map_has(iopm_others, ports[i]));
        intercept_port(ports[i], false);
    }
}

/* Those of emulators always, those that reset the machine by choice; none is the next one. */
static void the_ports_of_the_end_are_watched_and_left_alone(void) {
    static const uint16_t ports[] = {0xF4, 0x8900, 0x64, 0x92, 0xCF9};
    for (unsigned last = 0; last < 5; last++) {
        for (unsigned resets = 0; resets < 2; resets++) {
            leave_end_ports(0, 0xFFFF);
            watch_end_ports(resets);
            for (unsigned i = 0; i < 5; i++) {
                expect(i < 2 || resets, map_has(iopm, ports[i]) && map_has(iopm_others, ports[i]));
                expect(false, map_has(iopm, ports[i] - 1) || map_has(iopm, ports[i] + 1));
            }
            leave_end_ports(ports[last], ports[last]);
            for (unsigned i = 0; i < 5; i++) {
                expect(i != last && (i < 2 || resets),
                       map_has(iopm, ports[i]) || map_has(iopm_others, ports[i]));
            }
        }
    }
    leave_end_ports(0, 0xFFFF);
    watch_end_ports(false);
}

/* --- a new processor --- */

static void expect_new(unsigned number) {
    struct vmcb blank;
    struct vcpu *v = &vcpus[number];
    memset(v->vmcb, 0xFF, sizeof(*v->vmcb));
    memset(&v->registers.gpr, 0xFF, sizeof(v->registers.gpr));
    memset(&v->step, 0xFF, sizeof(v->step));
    memset(&v->alarms, 0xFF, sizeof(v->alarms));
    memset(&v->walked_code, 0xFF, sizeof(v->walked_code));
    memset(v->walked, 0xFF, sizeof(v->walked));
    v->lme = true;
    v->vmcb->tsc_offset = number ? 0x77 : 0;
    v->vmcb->state.g_pat = number ? 0x99 : 0;
    expect((uintptr_t)v, (uintptr_t)new_vcpu(number));
    memset(&blank, 0, sizeof(blank));
    blank.intercept_misc1 = 1u << 1 | 1u << 18 | 1u << 22 | 1u << 26 | 1u << 27 | 1u << 28 |
                            1u << 31 | (number ? 1u << 14 : 0);
    blank.intercept_misc2 = 0x7F;
    blank.n_cr3 = map_guest(number);
    blank.np_enable = 1;
    blank.iopm_base_pa = (uintptr_t)(number ? iopm_others : iopm);
    blank.msrpm_base_pa = (uintptr_t)msrpm;
    blank.asid = 1;
    blank.tlb_control = 1;
    blank.tsc_offset = number ? 0x77 : 0;
    blank.state.g_pat = number ? 0x99 : 0x0007040600070406;
    expect(0, memcmp(&blank, v->vmcb, sizeof(blank)));
    expect(number, v->number);
    expect(false, v->lme);
    expect((uintptr_t)v->vmcb, v->vmcb_address);
    expect(0, v->registers.gpr.rcx | v->registers.gpr.r15 | v->registers.gpr.rax);
    expect(0, v->step.count | v->step.on);
    expect(0, v->walked_code.cr0 | v->walked_code.at | v->walked[0].cr0 | v->walked[WALKED - 1].at);
    expect(number == 0, v->alarms.has_irq0);
    expect(false,
           v->alarms.apic_timer_runs || v->alarms.alarm[0].armed || v->alarms.alarm[1].armed);
}

static void a_new_processor_has_the_monitors_controls_and_no_more(void) {
    uint64_t save[2] = {0, 0};
    expect_new(0);
    bare_msr(MSR_VM_HSAVE_PA, &save[0]);
    expect_new(3);
    bare_msr(MSR_VM_HSAVE_PA, &save[1]);
    expect(3 * PAGE_SIZE, save[1] - save[0]);
    expect(0, save[0] % PAGE_SIZE);
}

static void physical_addresses_are_as_far_from_the_block(void) {
    start_block(0x1000, 0x5000000);
    expect(0x5000000, block_base);
    expect(0x5000234, physical_of((void *)0x1234));
    start_block(BLOCK, BLOCK);
}

int main(void) {
    bare_start();
    each_test_starts_with(guest_reset);
    RUN(each_address_leads_where_it_is_to);
    RUN(each_processor_has_tables_of_its_own);
    RUN(the_host_sees_the_same_above_4_gib);
    RUN(without_huge_pages_there_are_20_gib_above);
    RUN(guest_memory_is_itself_but_for_what_is_ours);
    RUN(writes_to_what_can_only_be_read_go_nowhere);
    RUN(an_open_page_is_that_processors_alone);
    RUN(a_page_that_is_shown_is_ours_read_only);
    RUN(pages_that_are_shown_are_kept_apart);
    RUN(the_bios_is_kept_where_nobody_can_write);
    RUN(the_local_apics_range_is_two_mib);
    RUN(each_msrs_reads_and_writes_exit_as_they_are_to);
    RUN(a_port_is_one_bit_of_either_map);
    RUN(the_ports_of_the_end_are_watched_and_left_alone);
    RUN(a_new_processor_has_the_monitors_controls_and_no_more);
    RUN(physical_addresses_are_as_far_from_the_block);
    RUN_ALONE(the_first_and_the_last_page_may_be_shown);
    RUN_ALONE(what_is_behind_the_bios_is_not_looked_at);
    return results_end();
}
