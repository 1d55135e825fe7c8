/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Pages, the kernel's own mappings, and the address spaces of processes. */
#include "kernel.h"

enum { USER_LIBRARY = USER_BASE + 0x10000, LIBRARY_PAGES = 224 };

/* Each processor has its part of the pool. */
enum { POOL_START = GUEST_FREE_MEMORY, POOL_END = 0x1400000, POOL_PAGES = 4096, PART = 1024 };
enum { KERNEL_END = 0x1000000, TABLE = PTE_P | PTE_RW | PTE_US, COW = 0x200 };
_Static_assert((POOL_END - POOL_START) / PAGE_SIZE == POOL_PAGES, "pool");

static uint16_t users[POOL_PAGES];
static uint16_t free_list[PART];
static uint32_t free_count;
static struct guest_space kernel;

/* ---- Pages ---- */

static uint16_t *user_count(uint32_t address) {
    uint32_t index = (address - POOL_START) / PAGE_SIZE;
    if (index >= POOL_PAGES) {
        guest_panic(NULL, "%08x is no page of the pool", address);
    }
    return &users[index];
}

void *page_new(void) {
    if (!free_count) {
        guest_panic(NULL, "no page is free");
    }
    uint32_t address = POOL_START + free_list[--free_count] * PAGE_SIZE;
    *user_count(address) = 1;
    return memset(guest_at(address), 0, PAGE_SIZE);
}

void page_drop(uint32_t address) {
    address &= ~(PAGE_SIZE - 1);
    if (--*user_count(address) == 0) {
        free_list[free_count++] = (uint16_t)((address - POOL_START) / PAGE_SIZE);
    }
}

uint32_t pages_free(void) {
    return free_count;
}

/* ---- The kernel's space: low memory where it is, and once more at DIRECT_MAP ---- */

static void take_part(uint32_t part) {
    free_count = 0;
    for (uint32_t i = 0; i < PART; i++) {
        free_list[free_count++] = (uint16_t)(part * PART + i);
    }
}

void memory_init(void) {
    take_part(0);
    kernel = guest_space_new(is_pae);
    for (uint32_t address = 0; address < KERNEL_END; address += PAGE_SIZE) {
        int is_rom = address >= 0xC0000 && address < 0xE0000;
        guest_map(&kernel, address, address, PTE_RW);
        guest_map(&kernel, DIRECT_MAP + address, address, is_rom ? 0 : PTE_RW);
    }
    guest_paging_on(&kernel);
    write_cr0(read_cr0() | CR0_WP); /* a store of the ROM's into itself is a fault */
}

/* ---- The spaces of other processors ---- */

extern uint8_t guest_data_start[], guest_kernel_end[]; /* the linker script */

uint32_t memory_other(uint32_t number) {
    struct guest_space own;
    uint32_t *entry, *table = guest_page_alloc(), first = (uint32_t)guest_data_start;
    if (number >= POOL_PAGES / PART) {
        guest_panic(NULL, "no memory for processor %u", number);
    }
    for (uint32_t address = KERNEL_END; address < POOL_END; address += PAGE_SIZE) {
        guest_map(&kernel, address, address, PTE_RW);
    }
    own = guest_space_clone(&kernel);
    entry = guest_pde(&own, 0);
    memcpy(table, guest_at(*entry & ~0xFFFu), PAGE_SIZE);
    *entry = (uint32_t)table | TABLE;
    for (uint32_t at = first & ~0xFFFu; at < (uint32_t)guest_kernel_end; at += PAGE_SIZE) {
        void *page = guest_page_alloc();
        memcpy(page, guest_at(at), PAGE_SIZE);
        guest_map(&own, at, (uint32_t)page, PTE_RW);
    }
    return own.cr3;
}

void memory_begin(uint32_t number) {
    take_part(number);
    kernel.cr3 = (uint32_t)PV_CALL0(PV_READ_CR3);
}

/* ---- Address spaces ---- */

static uint32_t *entry_at(uint32_t *table, uint32_t index) {
    return table + (is_pae ? 2 * index : index);
}

static uint32_t *user_entry(const struct mm *mm, uint32_t address) {
    return entry_at(mm->table, (address - USER_BASE) / PAGE_SIZE);
}

struct mm mm_new(void) {
    uint32_t *top = page_new();
    struct mm mm = {(uint32_t)top, top, page_new()};
    memcpy(top, guest_at(kernel.cr3), PAGE_SIZE);
    if (is_pae) {
        mm.directory = page_new();
        memcpy(mm.directory, guest_at(((uint32_t *)guest_at(kernel.cr3))[2] & ~0xFFFu), PAGE_SIZE);
        PV_CALL1(PV_ALLOC_PD, (uint32_t)mm.directory >> 12);
        PV_CALL(PV_SET_PUD, entry_at(top, USER_BASE >> 30), (uint32_t)mm.directory | PTE_P, 0);
    } else {
        PV_CALL2(PV_ALLOC_PD_CLONE, mm.cr3 >> 12, kernel.cr3 >> 12);
    }
    PV_CALL1(PV_ALLOC_PT, (uint32_t)mm.table >> 12);
    PV_CALL(PV_SET_PMD, entry_at(mm.directory, is_pae ? (USER_BASE >> 21) & 511 : USER_BASE >> 22),
            (uint32_t)mm.table | TABLE, 0);
    return mm;
}

void mm_map_code(struct mm *mm, const void *code, uint32_t size) {
    void *page = page_new();
    memcpy(page, code, size);
    PV_CALL(PV_SET_PTE, user_entry(mm, USER_CODE), (uint32_t)page | PTE_P | PTE_US, 0);
}

static uint32_t pages_touched, pages_dirtied; /* as kernels count them at an exit */

/* Each change of an entry is by its value and back; so is each look at its bits. */
static uint32_t without(uint32_t pte, uint32_t bits) {
    return pte_value(pte_value(pte) & ~bits);
}
static int has(uint32_t pte, uint32_t bits) {
    return (pte_value(pte) & bits) != 0;
}

/* What processes map of files: they share it, and each fork and exit goes through its entries. */
void mm_map_library(struct mm *mm) {
    uint32_t page = (uint32_t)page_new();
    for (uint32_t n = 0; n < LIBRARY_PAGES; n++) {
        uint32_t address = USER_LIBRARY + n * PAGE_SIZE;
        PV_CALL(PV_SET_PTE_AT, user_entry(mm, address), pte_value(page | PTE_P | PTE_US | PTE_A),
                address);
        *user_count(page) += n > 0;
    }
}

/* A copy on write: both share the pages, neither may write. */
struct mm mm_fork(struct mm *parent) {
    struct mm child = mm_new();
    PV_CALL1(PV_LAZY_MMU, 1);
    for (uint32_t address = USER_BASE; address < USER_END; address += PAGE_SIZE) {
        uint32_t *from = user_entry(parent, address);
        uint32_t pte = pte_value(*from);
        if (!(pte & PTE_P)) {
            continue;
        }
        if (pte & PTE_RW) {
            pte = (pte & ~(uint32_t)PTE_RW) | COW;
            *(volatile uint32_t *)from = pte; /* by itself: the ROM is told behind it */
            PV_CALL2(PV_PTE_UPDATE, from, address);
        }
        ++*user_count(pte_value(pte) & ~0xFFFu);
        PV_CALL(PV_SET_PTE_AT, user_entry(&child, address), without(without(pte, PTE_D), PTE_A),
                address);
    }
    PV_CALL1(PV_LAZY_MMU, 0);
    PV_CALL0(PV_FLUSH_USER);
    return child;
}

int mm_gathers;

static void unmap(struct mm *mm, uint32_t from, uint32_t to) {
    for (uint32_t address = from; address < to; address += PAGE_SIZE) {
        uint32_t *entry = user_entry(mm, address);
        uint32_t pte = pte_value(*entry);
        if (pte & PTE_P) {
            pages_touched += has(pte, PTE_A);
            pages_dirtied += has(pte, PTE_D);
            PV_CALL2(PV_PTE_CLEAR, entry, address);
            if (!mm_gathers) {
                PV_CALL1(PV_FLUSH_SINGLE, address);
            }
            page_drop(pte_value(pte));
        }
    }
}

void mm_unmap_arena(struct mm *mm) {
    unmap(mm, USER_ARENA, USER_END);
    if (mm_gathers) {
        PV_CALL0(PV_FLUSH_USER);
    }
}

/* Not the space in use. */
void mm_free(struct mm *mm) {
    unmap(mm, USER_BASE, USER_END);
    PV_CALL1(PV_RELEASE_PT, (uint32_t)mm->table >> 12);
    PV_CALL1(PV_RELEASE_PD, (uint32_t)mm->directory >> 12);
    page_drop((uint32_t)mm->table);
    page_drop(mm->cr3);
    if (is_pae) {
        page_drop((uint32_t)mm->directory);
    }
}

int mm_fault(struct mm *mm, uint32_t address, uint32_t error) {
    enum { NOT_MISSING = 1, WRITE = 2 };
    address &= ~(PAGE_SIZE - 1);
    if (address < USER_DATA || address >= USER_END) {
        return 0;
    }
    uint32_t *entry = user_entry(mm, address);
    uint32_t pte = pte_value(*entry);
    if (!(error & NOT_MISSING)) {
        PV_CALL(PV_SET_PTE_AT, entry, (uint32_t)page_new() | TABLE, address);
        return 1;
    }
    if (!(error & WRITE) || !(pte & COW)) {
        return 0;
    }
    uint32_t page = pte & ~0xFFFu;
    if (*user_count(page) > 1) {
        void *copy = page_new();
        memcpy(copy, guest_at(page), PAGE_SIZE);
        page_drop(page);
        page = (uint32_t)copy;
    }
    /* In place of an entry that is present. */
    PV_CALL(PV_SET_PTE_PRESENT, entry, page | TABLE | PTE_A | PTE_D, address);
    PV_CALL1(PV_FLUSH_SINGLE, address);
    return 1;
}
