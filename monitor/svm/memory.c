/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Guest-physical memory: the machine's own, page by page, but for the monitor's block, the pages
 * that it shows in the option-ROM area, and the local APIC's page where there are processors to be
 * started. Each processor has tables of its own, so that one can pass a watched page while the
 * others cannot. */

#include "common/apic.h"
#include "common/block.h"
#include "memory.h"

#define ENTRIES  512u
#define LARGE    0x200000u
#define HUGE     0x40000000u
#define FOUR_GIB 0x100000000u
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
    uint64_t pml4[ENTRIES], pdpt[ENTRIES], pd[4][ENTRIES];
    uint64_t low[ENTRIES];  /* the first 2 MiB */
    uint64_t apic[ENTRIES]; /* the 2 MiB that begin with the local APIC */
    uint8_t waste[PAGE_SIZE];
};

static struct tables processors[MAX_PROCESSORS] TABLE;
static uint64_t block_pt[ENTRIES] TABLE; /* the 2 MiB that hold the monitor */
static uint8_t decoy[PAGE_SIZE] TABLE;   /* what the guest finds there, in every page */
/* Where there is no memory for certain, the decoy is too: tables of equal entries. */
static uint64_t no_pdpt[ENTRIES] TABLE, no_pd[ENTRIES] TABLE, no_pt[ENTRIES] TABLE;
static uint8_t sink[PAGE_SIZE] TABLE; /* takes a call's writes that a ROM ignores */
static uint64_t end_of_memory;
static uint64_t shown[ENTRIES]; /* the entry of each page shown, else 0 */
static bool apic_watched;

static void fill(uint64_t *table, unsigned count, uint64_t first, uint64_t step) {
    for (unsigned i = 0; i < count; i++)
        table[i] = first + i * step;
}

static bool has_huge_pages(void) {
    return cpuid(LEAF_AMD_FEATURES, 0).edx & HUGE_PAGES;
}

void start_memory(void) {
    end_of_memory = FOUR_GIB;
    if (has_huge_pages()) {
        fill(host_pml4 + HOST_PDPT + 4, ENTRIES - 4, FOUR_GIB | PRESENT | WRITABLE | LEAF, HUGE);
        end_of_memory = LIMIT;
    }
    fill(no_pt, ENTRIES, physical_of(decoy) | OPEN, 0);
    fill(no_pd, ENTRIES, physical_of(no_pt) | OPEN, 0);
    fill(no_pdpt, ENTRIES, physical_of(no_pd) | OPEN, 0);
    fill(block_pt, ENTRIES, physical_of(decoy) | OPEN, 0);
}

void show_page(uint32_t guest, const void *page) {
    shown[guest / PAGE_SIZE] = physical_of(page) | READ_ONLY;
}

void watch_apic(void) {
    apic_watched = true;
}

bool is_shown(uint64_t guest) {
    return guest < LARGE && shown[guest / PAGE_SIZE];
}

bool is_watched_apic(uint64_t guest) {
    return apic_watched && guest / PAGE_SIZE == APIC_BASE / PAGE_SIZE;
}

uint64_t map_guest(unsigned processor) {
    struct tables *t = &processors[processor];
    for (unsigned i = 0; i < 4; i++) {
        fill(t->pd[i], ENTRIES, (uint64_t)i * HUGE | OPEN | LEAF, LARGE);
        t->pdpt[i] = physical_of(t->pd[i]) | OPEN;
    }
    if (end_of_memory > FOUR_GIB)
        fill(t->pdpt + 4, ENTRIES - 4, FOUR_GIB | OPEN | LEAF, HUGE);
    else
        fill(t->pdpt + 4, ENTRIES - 4, physical_of(no_pd) | OPEN, 0);
    fill(t->pml4, ENTRIES, physical_of(no_pdpt) | OPEN, 0);
    t->pml4[0] = physical_of(t->pdpt) | OPEN;
    for (unsigned i = 0; i < ENTRIES; i++)
        t->low[i] = shown[i] ? shown[i] : i * PAGE_SIZE | OPEN;
    t->pd[0][0] = physical_of(t->low) | OPEN;
    fill(t->apic, ENTRIES, APIC_BASE | OPEN, PAGE_SIZE);
    if (apic_watched)
        t->apic[0] = APIC_BASE | READ_ONLY;
    t->pd[APIC_BASE / HUGE][APIC_BASE % HUGE / LARGE] = physical_of(t->apic) | OPEN;
    t->pd[block_base / HUGE][block_base % HUGE / LARGE] = physical_of(block_pt) | OPEN;
    return physical_of(t->pml4);
}

static void copy_shown(uint8_t *to, uint64_t guest) {
    const uint64_t *from = (const uint64_t *)FRAME(shown[guest / PAGE_SIZE]);
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        ((uint64_t *)to)[i] = from[i];
}

static uint64_t *entry_of(struct tables *t, uint64_t guest) {
    return guest < LARGE ? &t->low[guest / PAGE_SIZE] : &t->apic[0];
}

uint8_t *open_page(unsigned processor, uint64_t guest) {
    struct tables *t = &processors[processor];
    if (is_shown(guest))
        copy_shown(t->waste, guest);
    *entry_of(t, guest) = physical_of(t->waste) | OPEN;
    return t->waste;
}

void close_page(unsigned processor, uint64_t guest) {
    *entry_of(&processors[processor], guest) =
        is_shown(guest) ? shown[guest / PAGE_SIZE] : APIC_BASE | READ_ONLY;
}

void *guest_physical(uint64_t address, bool write) {
    uint64_t offset = address % PAGE_SIZE, entry;
    if (address >= end_of_memory || address / LARGE == block_base / LARGE)
        return decoy + offset;
    if (write && is_watched_apic(address))
        return sink + offset;
    if (!is_shown(address))
        return (void *)address;
    if (write) {
        copy_shown(sink, address);
        return sink + offset;
    }
    entry = shown[address / PAGE_SIZE];
    return (void *)(FRAME(entry) + offset);
}
