/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Guest-physical memory: the machine's own, page by page, but for the monitor's block and the pages
 * that it shows in the option-ROM area. */

#include "launch.h"
#include "memory.h"

#define HOST_BASE 0x8000000000u /* monitor.ld */
#define ENTRIES   512u
#define LARGE     0x200000u
#define HUGE      0x40000000u
#define FOUR_GIB  0x100000000u
#define LIMIT     0x8000000000u

/* Nested walks count as user accesses. */
#define PRESENT     0x01u
#define WRITABLE    0x02u
#define USER        0x04u
#define LEAF        0x80u
#define OPEN        (PRESENT | WRITABLE | USER)
#define READ_ONLY   (PRESENT | USER)
#define FRAME(pte)  ((pte)&0x000FFFFFFFFFF000u)
#define TABLE       __attribute__((aligned(4096)))
#define HOST_PDPT   ENTRIES /* behind host_pml4: launch.asm */
#define FEATURES_AT 0x80000001u
#define HUGE_PAGES  (1u << 26)

extern uint64_t host_pml4[];

static uint64_t pml4[ENTRIES] TABLE, pdpt[ENTRIES] TABLE, pd[4][ENTRIES] TABLE;
static uint64_t low_pt[ENTRIES] TABLE;   /* the first 2 MiB */
static uint64_t block_pt[ENTRIES] TABLE; /* the 2 MiB that hold the monitor */
static uint8_t decoy[PAGE_SIZE] TABLE;   /* what the guest finds there, in every page */
/* Where there is no memory for certain, the decoy is too: tables of equal entries. */
static uint64_t no_pdpt[ENTRIES] TABLE, no_pd[ENTRIES] TABLE, no_pt[ENTRIES] TABLE;
static uint8_t waste[PAGE_SIZE] TABLE; /* takes the writes that a ROM ignores */
static uint64_t block_base;
static uint64_t end_of_memory;
static uint64_t shown[ENTRIES]; /* the entry of each page shown, to put back; else 0 */

uint64_t physical_of(const void *host) {
    return (uint64_t)host - HOST_BASE + block_base;
}

static void fill(uint64_t *table, unsigned count, uint64_t first, uint64_t step) {
    for (unsigned i = 0; i < count; i++)
        table[i] = first + i * step;
}

static bool has_huge_pages(void) {
    uint32_t eax = FEATURES_AT, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return edx & HUGE_PAGES;
}

uint64_t map_guest(uint64_t block) {
    block_base = block;
    end_of_memory = FOUR_GIB;
    for (unsigned i = 0; i < 4; i++) {
        fill(pd[i], ENTRIES, (uint64_t)i * HUGE | OPEN | LEAF, LARGE);
        pdpt[i] = physical_of(pd[i]) | OPEN;
    }
    if (has_huge_pages()) {
        fill(pdpt + 4, ENTRIES - 4, FOUR_GIB | OPEN | LEAF, HUGE);
        fill(host_pml4 + HOST_PDPT + 4, ENTRIES - 4, FOUR_GIB | PRESENT | WRITABLE | LEAF, HUGE);
        end_of_memory = LIMIT;
    } else {
        fill(pdpt + 4, ENTRIES - 4, physical_of(no_pd) | OPEN, 0);
    }
    fill(no_pt, ENTRIES, physical_of(decoy) | OPEN, 0);
    fill(no_pd, ENTRIES, physical_of(no_pt) | OPEN, 0);
    fill(no_pdpt, ENTRIES, physical_of(no_pd) | OPEN, 0);
    fill(pml4, ENTRIES, physical_of(no_pdpt) | OPEN, 0);
    pml4[0] = physical_of(pdpt) | OPEN;
    fill(low_pt, ENTRIES, OPEN, PAGE_SIZE);
    pd[0][0] = physical_of(low_pt) | OPEN;
    fill(block_pt, ENTRIES, physical_of(decoy) | OPEN, 0);
    pd[block / HUGE][block % HUGE / LARGE] = physical_of(block_pt) | OPEN;
    return physical_of(pml4);
}

void show_page(uint32_t guest, const void *page) {
    shown[guest / PAGE_SIZE] = low_pt[guest / PAGE_SIZE] = physical_of(page) | READ_ONLY;
}

bool is_shown(uint64_t guest) {
    return guest < LARGE && shown[guest / PAGE_SIZE];
}

/* The wasted page starts as a copy: what the instruction reads of it is right. */
static void refill_waste(uint64_t guest) {
    const uint64_t *from = (const uint64_t *)FRAME(shown[guest / PAGE_SIZE]);
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        ((uint64_t *)waste)[i] = from[i];
}

void waste_writes(uint64_t guest) {
    refill_waste(guest);
    low_pt[guest / PAGE_SIZE] = physical_of(waste) | OPEN;
}

void stop_waste(uint64_t guest) {
    low_pt[guest / PAGE_SIZE] = shown[guest / PAGE_SIZE];
}

void *guest_physical(uint64_t address, bool write) {
    uint64_t offset = address % PAGE_SIZE, entry;
    if (address >= end_of_memory)
        return NULL;
    if (address / LARGE == block_base / LARGE)
        return decoy + offset;
    if (!is_shown(address))
        return (void *)address;
    if (write) {
        refill_waste(address);
        return waste + offset;
    }
    entry = shown[address / PAGE_SIZE];
    return (void *)(FRAME(entry) + offset);
}
