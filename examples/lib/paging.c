/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Page tables of 4 KiB pages, in both formats. */
#include "guest.h"
#include "internal.h"

enum { PAGE = 4096, IDENTITY_END = 0x1000000, TABLE_FLAGS = PTE_P | PTE_RW | PTE_US };

static uint32_t pool_next = GUEST_POOL_START;

void *guest_page_alloc(void) {
    if (pool_next == GUEST_POOL_END) {
        guest_panic(NULL, "the page pool is empty");
    }
    void *page = guest_at(pool_next);
    pool_next += PAGE;
    return memset(page, 0, PAGE);
}

void guest_page_free_all(void) {
    pool_next = GUEST_POOL_START;
}

void *guest_pde(const struct guest_space *space, uint32_t linear) {
    if (!space->pae) {
        return (uint32_t *)(space->cr3 & ~(PAGE - 1u)) + (linear >> 22);
    }
    const uint64_t *pdpt = (const uint64_t *)(space->cr3 & ~31u);
    uint64_t *directory = (uint64_t *)((uint32_t)pdpt[linear >> 30] & ~(PAGE - 1u));
    return directory + ((linear >> 21) & 511);
}

void *guest_pte(const struct guest_space *space, uint32_t linear) {
    volatile uint32_t *directory_entry = guest_pde(space, linear); /* its low dword if PAE */
    if (!(*directory_entry & PTE_P)) {
        *directory_entry = (uint32_t)guest_page_alloc() | TABLE_FLAGS;
    }
    uint32_t table = *directory_entry & ~(PAGE - 1u);
    if (space->pae) {
        return (uint64_t *)table + ((linear >> 12) & 511);
    }
    return (uint32_t *)table + ((linear >> 12) & 1023);
}

void guest_map(const struct guest_space *space, uint32_t linear, uint32_t phys, uint32_t flags) {
    uint32_t *entry = guest_pte(space, linear);
    if (space->pae) {
        entry[1] = 0;
    }
    entry[0] = (phys & ~(PAGE - 1u)) | flags | PTE_P;
}

void guest_unmap(const struct guest_space *space, uint32_t linear) {
    uint32_t *entry = guest_pte(space, linear);
    entry[0] = 0;
    if (space->pae) {
        entry[1] = 0;
    }
}

struct guest_space guest_space_new(int pae) {
    struct guest_space space = {(uint32_t)guest_page_alloc(), pae ? 1 : 0};
    if (pae) {
        uint64_t *pdpt = (uint64_t *)space.cr3;
        for (int i = 0; i < 4; i++) {
            pdpt[i] = (uint32_t)guest_page_alloc() | PTE_P;
        }
    }
    for (uint32_t linear = 0; linear < IDENTITY_END; linear += PAGE) {
        guest_map(&space, linear, linear, PTE_RW | PTE_US);
    }
    guest_map(&space, guest_apic_base(), guest_apic_base(), PTE_RW | PTE_US | 0x10);
    guest_map(&space, 0xFEC00000, 0xFEC00000, PTE_RW | PTE_US | 0x10);
    return space;
}

struct guest_space guest_space_clone(const struct guest_space *from) {
    struct guest_space space = {(uint32_t)guest_page_alloc(), from->pae};
    if (!from->pae) {
        memcpy((void *)space.cr3, (const void *)from->cr3, PAGE);
        return space;
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t *directory = guest_page_alloc();
        ((uint64_t *)space.cr3)[i] = (uint32_t)directory | PTE_P;
        memcpy(directory, guest_pde(from, i << 30), PAGE);
    }
    return space;
}

void guest_paging_on(const struct guest_space *space) {
    guest_paging_off();
    if (space->pae) {
        /* QEMU's processors set the accessed bit there; others refuse a table that has it. */
        for (int i = 0; i < 4; i++) {
            ((uint64_t *)space->cr3)[i] &= ~(uint64_t)PTE_A;
        }
        write_cr4(read_cr4() | CR4_PAE);
    }
    guest_double_fault_space(space->cr3);
    write_cr3(space->cr3);
    write_cr0(read_cr0() | CR0_PG);
}

void guest_paging_off(void) {
    uint32_t extensions = CR4_PAE | CR4_PGE | CR4_PSE;
    write_cr0(read_cr0() & ~CR0_PG);
    if (guest_has_cpuid && read_cr4() & extensions) {
        write_cr4(read_cr4() & ~extensions);
    }
    write_cr3(0);
}
