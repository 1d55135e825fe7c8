/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Guest-physical memory: the machine's own, page by page, but for the monitor's block, the pages
 * that it shows in the option-ROM area, and the local APIC's, which are read-only. So is the BIOS:
 * a reset that is not the chipset's would run what the guest had put there. Each processor has
 * tables of its own, so that one can pass a watched page while the others cannot. */

#include "common/apic.h"
#include "common/block.h"
#include "memory.h"

#define ENTRIES  512u
#define LARGE    0x200000u
#define HUGE     0x40000000u
#define FOUR_GIB 0x100000000u
#define HIGH_GIB 20u /* behind 4 GiB, where there are no pages of 1 GiB */
#define BIOS     0xE0000u
#define BIOS_END 0x100000u
#define LIMIT    0x8000000000u

/* Nested walks count as user accesses. */
#define PRESENT     0x01u
#define WRITABLE    0x02u
#define USER        0x04u
#define LEAF        0x80u
#define OPEN        (PRESENT | WRITABLE | USER)
#define READ_ONLY   (PRESENT | USER)
#define FRAME(pte)  ((pte)&0x000FFFFFFFFFF000u)
#define TABLE       __attribute__((aligned(4096)))
#define HOST_TABLES 9u      /* launch.asm says which */
#define HOST_PDPT   ENTRIES /* behind host_pml4 */
#define HUGE_PAGES  (1u << 26)

/* The host's own tables, which launch.asm fills; without these lines it has no more than 4 GiB. */
uint64_t host_pml4[HOST_TABLES * ENTRIES] TABLE;

struct tables {
    uint64_t pml4[ENTRIES], pdpt[ENTRIES];
    uint64_t first_pd[ENTRIES], apic_pd[ENTRIES]; /* of the first GiB, and of the local APIC's */
    uint64_t low[ENTRIES];                        /* the first 2 MiB */
    uint64_t apic[APIC_PAGES];                    /* the 2 MiB that begin with the local APIC */
    uint8_t waste[PAGE_SIZE];
};

static struct tables processors[MAX_PROCESSORS] TABLE;
static uint64_t pds[4][ENTRIES] TABLE; /* as far as they are one for all */
static uint64_t high_pds[HIGH_GIB][ENTRIES] TABLE;
static uint64_t block_pt[ENTRIES] TABLE; /* the 2 MiB that hold the monitor */
static uint8_t decoy[PAGE_SIZE] TABLE;   /* what the guest finds there, in every page */
/* The decoy is also mapped where there is certainly no memory: tables of equal entries. */
static uint64_t no_pdpt[ENTRIES] TABLE, no_pd[ENTRIES] TABLE, no_pt[ENTRIES] TABLE;
static uint8_t sink[PAGE_SIZE] TABLE; /* takes a call's writes that a ROM ignores */
static uint64_t end_of_memory;
static uint64_t shown[ENTRIES]; /* the entry of each page that can only be read, else 0 */

static void fill(uint64_t *table, unsigned count, uint64_t first, uint64_t step) {
    for (unsigned i = 0; i < count; i++) {
        table[i] = first + i * step;
    }
}

#define FILL(table, first, step)                                                                   \
    fill((uint64_t *)(table), sizeof(table) / sizeof(uint64_t), first, step)

static bool has_huge_pages(void) {
    return cpuid(LEAF_AMD_FEATURES, 0).edx & HUGE_PAGES;
}

/* Above 4 GiB the host and the guest see the same. */
static void map_high(uint64_t *pdpt) {
    if (has_huge_pages()) {
        fill(pdpt + 4, ENTRIES - 4, FOUR_GIB | OPEN | LEAF, HUGE);
    } else {
        fill(pdpt + 4, HIGH_GIB, physical_of(high_pds) | OPEN, PAGE_SIZE);
    }
}

/* The pages that are read-only as the machine is now. */
static void keep_bios(void) {
    for (uintptr_t at = BIOS; at < BIOS_END; at += PAGE_SIZE) {
        volatile uint8_t *byte = (volatile uint8_t *)at;
        uint8_t was = *byte;
        *byte = (uint8_t)~was;
        if (*byte == was) {
            shown[at / PAGE_SIZE] = at | READ_ONLY;
        }
        *byte = was;
    }
}

void start_memory(void) {
    FILL(high_pds, FOUR_GIB | OPEN | LEAF, LARGE);
    map_high(host_pml4 + HOST_PDPT);
    end_of_memory = has_huge_pages() ? LIMIT : FOUR_GIB + (uint64_t)HIGH_GIB * HUGE;
    FILL(no_pt, physical_of(decoy) | OPEN, 0);
    FILL(no_pd, physical_of(no_pt) | OPEN, 0);
    FILL(no_pdpt, physical_of(no_pd) | OPEN, 0);
    FILL(block_pt, physical_of(decoy) | OPEN, 0);
    FILL(pds, OPEN | LEAF, LARGE);
    pds[0][block_base / LARGE] = physical_of(block_pt) | OPEN;
    keep_bios();
}

void show_page(uint32_t guest, const void *page) {
    shown[guest / PAGE_SIZE] = physical_of(page) | READ_ONLY;
}

bool is_shown(uint64_t guest) {
    return guest < LARGE && shown[guest / PAGE_SIZE];
}

bool is_apic(uint64_t guest) {
    return guest >= APIC_BASE && guest < APIC_BASE + APIC_PAGES * PAGE_SIZE;
}

static void copy(uint64_t *to, const uint64_t *from) {
    for (unsigned i = 0; i < ENTRIES; i++) {
        to[i] = from[i];
    }
}

uint64_t map_guest(unsigned processor) {
    struct tables *t = &processors[processor];
    FILL(t->pml4, physical_of(no_pdpt) | OPEN, 0);
    t->pml4[0] = physical_of(t->pdpt) | OPEN;
    FILL(t->pdpt, physical_of(no_pd) | OPEN, 0);
    fill(t->pdpt, 4, physical_of(pds) | OPEN, PAGE_SIZE);
    map_high(t->pdpt);
    copy(t->first_pd, pds[0]);
    copy(t->apic_pd, pds[APIC_BASE / HUGE]);
    t->pdpt[0] = physical_of(t->first_pd) | OPEN;
    t->pdpt[APIC_BASE / HUGE] = physical_of(t->apic_pd) | OPEN;
    FILL(t->low, OPEN, PAGE_SIZE);
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (shown[i]) {
            t->low[i] = shown[i];
        }
    }
    t->first_pd[0] = physical_of(t->low) | OPEN;
    FILL(t->apic, APIC_BASE | READ_ONLY, PAGE_SIZE);
    t->apic_pd[APIC_BASE % HUGE / LARGE] = physical_of(t->apic) | OPEN;
    return physical_of(t->pml4);
}

static void copy_shown(void *to, uint64_t guest) {
    copy(to, (const uint64_t *)FRAME(shown[guest / PAGE_SIZE]));
}

static uint64_t *entry_of(struct tables *t, uint64_t guest) {
    return (guest < LARGE ? t->low : t->apic) + guest % LARGE / PAGE_SIZE;
}

uint8_t *open_page(unsigned processor, uint64_t guest) {
    struct tables *t = &processors[processor];
    if (is_shown(guest)) {
        copy_shown(t->waste, guest);
    }
    *entry_of(t, guest) = physical_of(t->waste) | OPEN;
    return t->waste;
}

void close_page(unsigned processor, uint64_t guest) {
    *entry_of(&processors[processor], guest) =
        is_shown(guest) ? shown[guest / PAGE_SIZE] : FRAME(guest) | READ_ONLY;
}

void *guest_physical(uint64_t address, bool write) {
    uint64_t offset = address % PAGE_SIZE, entry;
    if (address >= end_of_memory || address / LARGE == block_base / LARGE) {
        return decoy + offset;
    }
    if (write && is_apic(address)) {
        return sink + offset;
    }
    if (!is_shown(address)) {
        return (void *)address;
    }
    if (write) {
        copy_shown(sink, address);
        return sink + offset;
    }
    entry = shown[address / PAGE_SIZE];
    return (void *)(FRAME(entry) + offset);
}
