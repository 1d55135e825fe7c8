/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Paging. A process starts with the program's pages, read-only; page faults give it the rest. */
#include "demo.h"

enum { ENTRIES = 1024, FAULT_PRESENT = 1, FAULT_WRITE = 2 };
enum { KERNEL = PTE_P | PTE_RW, USER = PTE_P | PTE_RW | PTE_US };

struct space kernel_space;
uint32_t pages_in_use;
static void *free_pages;

void *page_alloc(void) {
    void *page = free_pages;
    pages_in_use++;
    if (!page) {
        return guest_page_alloc();
    }
    free_pages = *(void **)page;
    return memset(page, 0, PAGE);
}

void page_free(void *page) {
    *(void **)page = free_pages;
    free_pages = page;
    pages_in_use--;
}

/* Tells the hypervisor of a page table that is filled; each API has its own call. */
static void announce(uint32_t *table, uint32_t level, uint32_t level3) {
    vmi_allocate_page((uint32_t)table / PAGE, level, 0, 0, 0);
    vmi3_allocate_page((uint32_t)table / PAGE, level3, 0, 0, 0);
}

static void release(uint32_t *table, uint32_t level, uint32_t level3) {
    vmi_release_page((uint32_t)table / PAGE, level);
    vmi3_release_page((uint32_t)table / PAGE, level3);
}

/* The page table before the directory that leads to it. */
static void announce_space(const struct space *space) {
    announce(space->table, VMI_PAGE_PT, VMI3_PAGE_PT);
    announce(space->directory, VMI_PAGE_PD, VMI3_PAGE_PD);
}

/* The kernel's memory is mapped one to one, without the first page: that catches null pointers. */
void paging_start(void) {
    kernel_space.table = page_alloc();
    kernel_space.directory = page_alloc();
    for (uint32_t i = 1; i < ENTRIES; i++) {
        kernel_space.table[i] = i * PAGE | KERNEL;
    }
    kernel_space.directory[0] = (uint32_t)kernel_space.table | KERNEL;
    vmi_set_cr3((uint32_t)kernel_space.directory);
    vmi_set_cr0(vmi_get_cr0() | CR0_PG | CR0_WP);
}

void paging_announce(void) {
    announce_space(&kernel_space);
}

/* Nobody walks the tables yet: plain stores fill them. */
void space_new(struct space *space) {
    space->directory = page_alloc();
    space->table = page_alloc();
    space->directory[0] = kernel_space.directory[0]; /* the kernel's 4 MiB */
    space->directory[USER_BASE / PAGE / ENTRIES] = (uint32_t)space->table | USER;
    for (uint32_t at = 0; at < (uint32_t)(program_end - program_start); at += PAGE) {
        space->table[at / PAGE] = (uint32_t)(program_image + at) | PTE_P | PTE_US;
    }
    announce_space(space);
}

/* Nor does anybody any more: this is not the current address space. */
void space_free(struct space *space) {
    vmi_flush_tlb(VMI_FLUSH_TLB);
    release(space->directory, VMI_PAGE_PD, VMI3_PAGE_PD);
    release(space->table, VMI_PAGE_PT, VMI3_PAGE_PT);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (space->table[i] & PTE_RW) { /* a read-only page is the program's */
            page_free(guest_at(space->table[i] & ~(PAGE - 1u)));
        }
    }
    page_free(space->table);
    page_free(space->directory);
}

int space_fault(struct space *space, uint32_t address, uint32_t error) {
    if (address < USER_BASE || address >= USER_TOP) {
        return 0;
    }
    uint32_t page = address & ~(PAGE - 1u);
    uint32_t *entry = &space->table[(page - USER_BASE) / PAGE];
    uint32_t old = vmi_get_pxe(entry);
    void *mine;
    if (!(error & FAULT_PRESENT)) {
        mine = page_alloc();
        space->zero_pages++;
    } else if (error & FAULT_WRITE && !(old & PTE_RW)) {
        mine = memcpy(page_alloc(), guest_at(page), PAGE);
        space->copied_pages++;
    } else {
        return 0;
    }
    vmi_set_pxe((uint32_t)mine | USER, entry, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | page);
    vmi_inval_page(page);
    return 1;
}
