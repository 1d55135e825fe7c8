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

/* Announces a page to the hypervisor before it becomes a page table; each API has its own call. */
static uint32_t *table_alloc(uint32_t level, uint32_t level3) {
    uint32_t *table = page_alloc();
    vmi_allocate_page((uint32_t)table / PAGE, level, 0, 0, 0);
    vmi3_allocate_page((uint32_t)table / PAGE, level3 | VMI3_PAGE_ZEROED, 0, 0, 0);
    return table;
}

static void table_free(uint32_t *table, uint32_t level, uint32_t level3) {
    vmi_release_page((uint32_t)table / PAGE, level);
    vmi3_release_page((uint32_t)table / PAGE, level3);
    page_free(table);
}

/* The kernel's memory is mapped one to one, without the first page: that catches null pointers. */
void paging_start(void) {
    uint32_t *table = table_alloc(VMI_PAGE_PT, VMI3_PAGE_PT);
    uint32_t *directory = table_alloc(VMI_PAGE_PD, VMI3_PAGE_PD);
    for (uint32_t i = 1; i < ENTRIES; i++) {
        vmi_set_pxe(i * PAGE | KERNEL, &table[i], VMI_PAGE_PT);
    }
    vmi_set_pxe((uint32_t)table | KERNEL, directory, VMI_PAGE_PD);
    kernel_space.directory = directory;
    vmi_set_cr3((uint32_t)directory);
    vmi_set_cr0(vmi_get_cr0() | CR0_PG | CR0_WP);
}

void space_new(struct space *space) {
    space->directory = table_alloc(VMI_PAGE_PD, VMI3_PAGE_PD);
    space->table = table_alloc(VMI_PAGE_PT, VMI3_PAGE_PT);
    vmi_set_pxe(kernel_space.directory[0], space->directory, VMI_PAGE_PD); /* the kernel's 4 MiB */
    vmi_set_pxe((uint32_t)space->table | USER, &space->directory[USER_BASE / PAGE / ENTRIES],
                VMI_PAGE_PD);
    for (uint32_t at = 0; at < (uint32_t)(program_end - program_start); at += PAGE) {
        vmi_set_pxe((uint32_t)(program_image + at) | PTE_P | PTE_US, &space->table[at / PAGE],
                    VMI_PAGE_PT);
    }
}

void space_free(struct space *space) {
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint32_t entry = vmi_get_pxe(&space->table[i]);
        if (entry) {
            vmi_set_pxe(0, &space->table[i], VMI_PAGE_PT);
        }
        if (entry & PTE_RW) { /* a read-only page is the program's */
            page_free(guest_at(entry & ~(PAGE - 1u)));
        }
    }
    vmi_flush_tlb(VMI_FLUSH_TLB);
    table_free(space->table, VMI_PAGE_PT, VMI3_PAGE_PT);
    table_free(space->directory, VMI_PAGE_PD, VMI3_PAGE_PD);
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
