/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "control.h"
#include "count.h"
#include "memory.h"
#include "processor.h"

#define PTE_P        0x001u
#define PDE_OURS     0x063u
#define PDE_IDENTITY 0x0E7u /* 4 MiB, for ring 3 too */
#define PDE_SAME     0xFFFFF087u
#define LAST         1023u
#define LAST_PAE     510u /* of its directory: FFC00000h */
#define FRAME        0xFFFFF000u
#define PDPT         0xFFFFFFE0u

/* For entry.asm. */
extern uint32_t our_directory_entry;
extern uint8_t slow_cr3, any_paging_off;
extern uint32_t known_directory; /* entry of a PDPT: of the last GiB, with ours in it */
extern uint32_t own_root;        /* a CR3 */

uint32_t our_directory_entry, known_directory, own_root;
uint8_t slow_cr3, any_paging_off;

static uint32_t block(void) {
    return shared()->block;
}

void start_roots(void) {
    uint32_t *both = (uint32_t *)(HV_BASE + ROOT_BOTH);
    uint32_t *identity = (uint32_t *)(HV_BASE + ROOT_IDENTITY);
    uint32_t *directory = (uint32_t *)(HV_BASE + DIRECTORY_PAE);
    own_root = block() + ROOT_BOTH;
    our_directory_entry = (block() + PAGE_TABLE) | PDE_OURS;
    directory[2 * LAST_PAE] = (block() + PAGE_TABLE_PAE) | PDE_OURS;
    both[6] = (block() + DIRECTORY_PAE) | PTE_P; /* of the last GiB */
    both[LAST] = identity[LAST] = our_directory_entry;
    for (uint32_t i = 0; i < LAST; i++) {
        identity[i] = i << 22 | PDE_IDENTITY;
    }
    slow_cr3 = (read_cr4() & CR4_PAE) != 0;
}

/* --- the directory's last entry --- */

static void enter_plain(struct cpu *cpu, uint32_t cr3) {
    uint32_t *directory = show_page(cpu, cr3, 0);
    if (!((directory[LAST] ^ our_directory_entry) & PDE_SAME)) {
        return;
    }
    directory[LAST] = our_directory_entry;
    count_repair();
}

static void enter_pae(struct cpu *cpu, uint32_t cr3) {
    uint32_t *pdpt = (uint32_t *)((uint32_t)show_page(cpu, cr3, 0) + (cr3 & PDPT & ~FRAME));
    uint32_t low = pdpt[6], high = pdpt[7], *directory;
    uint32_t entry = (block() + PAGE_TABLE_PAE) | PDE_OURS;
    if (!(low & PTE_P)) { /* nothing of the last GiB is mapped but what is ours */
        pdpt[7] = 0;
        pdpt[6] = (block() + DIRECTORY_PAE) | PTE_P;
        count_repair();
        return;
    }
    known_directory = high ? 0 : low;
    directory = show_page(cpu, low, high);
    if (!((directory[2 * LAST_PAE] ^ entry) & PDE_SAME) && !directory[2 * LAST_PAE + 1]) {
        return;
    }
    directory[2 * LAST_PAE] = 0;
    directory[2 * LAST_PAE + 1] = 0;
    directory[2 * LAST_PAE] = entry;
    count_repair();
}

void enter_directory(struct cpu *cpu, uint32_t cr3, uint32_t cr4) {
    write_cr3(own_root); /* the one that is loaded may have lost us */
    if (cr4 & CR4_PAE) {
        enter_pae(cpu, cr3);
    } else {
        enter_plain(cpu, cr3);
    }
}

/* --- loading --- */

static void note_state(struct cpu *cpu, uint32_t cr4) {
    any_paging_off = cpu->paging_off;
    slow_cr3 = cpu->paging_off || cr4 & CR4_PAE;
}

/* False: CR4 has a bit that the processor refuses; nothing is changed then. A root that is one in
 * either format is in between where the format changes. */
static bool load_space(struct cpu *cpu, uint32_t cr3, uint32_t cr4) {
    uint32_t old = read_cr3(), changed = cr4 ^ read_cr4();
    if (changed & CR4_PAE) {
        write_cr3(own_root);
    }
    if (load_cr4_guarded(cr4)) {
        write_cr3(old);
        return false;
    }
    note_state(cpu, cr4);
    write_cr3(cr3);
    return true;
}

static bool load_guest_space(struct cpu *cpu, uint32_t cr3, uint32_t cr4) {
    uint32_t old = read_cr3();
    bool loaded;
    cr4 &= ~CR4_HIDDEN;
    enter_directory(cpu, cr3, cr4);
    loaded = load_space(cpu, cr3, cr4);
    if (!loaded) {
        write_cr3(old);
    }
    return loaded;
}

fault leave_identity(struct cpu *cpu, uint32_t cr0, uint32_t cr3, uint32_t cr4) {
    if (load_cr0_guarded(cr0) || !load_guest_space(cpu, cr3, cr4)) {
        return FAULT(VECTOR_GP, 0);
    }
    return 0;
}

uint32_t in_identity(uint32_t (*function)(void)) {
    struct cpu *cpu = this_cpu();
    uint32_t cr3 = read_cr3(), cr4 = read_cr4(), found = 0;
    if (processor_features() & FEATURE_PSE) {
        load_space(cpu, block() + ROOT_IDENTITY, (cr4 & ~(CR4_PAE | CR4_PGE)) | CR4_PSE);
        found = function();
        load_space(cpu, cr3, cr4);
    }
    return found;
}

/* --- CR0 --- */

static fault turn_paging_off(struct cpu *cpu, uint32_t value) {
    uint32_t cr3 = read_cr3(), cr4 = read_cr4();
    if (!(processor_features() & FEATURE_PSE) || load_cr0_guarded(value | CR0_PG)) {
        return FAULT(VECTOR_GP, 0);
    }
    cpu->paging_off = true;
    cpu->cr0 = value;
    cpu->cr3 = cr3;
    cpu->cr4 = cr4;
    load_space(cpu, block() + ROOT_IDENTITY, (cr4 & ~CR4_PAE) | CR4_PSE);
    return 0;
}

static fault turn_paging_on(struct cpu *cpu, uint32_t value) {
    if (load_cr0_guarded(value)) {
        return FAULT(VECTOR_GP, 0);
    }
    cpu->paging_off = false;
    load_guest_space(cpu, cpu->cr3, cpu->cr4);
    return 0;
}

static fault set_cr0(struct cpu *cpu, uint32_t value) {
    if (!(value & CR0_PE)) {
        return FAULT(VECTOR_GP, 0); /* write_cr() has those that may be meant */
    }
    if (!cpu->paging_off && !(value & CR0_PG)) {
        return turn_paging_off(cpu, value);
    }
    if (cpu->paging_off && value & CR0_PG) {
        return turn_paging_on(cpu, value);
    }
    if (load_cr0_guarded(value | CR0_PG)) {
        return FAULT(VECTOR_GP, 0);
    }
    cpu->cr0 = value;
    return 0;
}

/* --- CR3, CR4 --- */

static fault set_cr3(struct cpu *cpu, uint32_t value) {
    cpu->cr3 = value;
    if (!cpu->paging_off) {
        enter_directory(cpu, value, read_cr4());
        write_cr3(value);
    }
    return 0;
}

static fault set_cr4(struct cpu *cpu, uint32_t value) {
    uint32_t real = read_cr4(), cr3 = read_cr3(), refused;
    if (cpu->paging_off) { /* what the processor has of it is found out with what stays */
        if (load_cr4_guarded((value & ~(CR4_HIDDEN | CR4_PAE)) | CR4_PSE)) {
            return FAULT(VECTOR_GP, 0);
        }
        cpu->cr4 = value & ~CR4_HIDDEN;
        return 0;
    }
    if ((real ^ value) & CR4_PAE) {
        return load_guest_space(cpu, cr3, value) ? 0 : FAULT(VECTOR_GP, 0);
    }
    enter_directory(cpu, cr3, real); /* it may drop the TLB */
    refused = load_cr4_guarded(value & ~CR4_HIDDEN);
    write_cr3(cr3);
    return refused ? FAULT(VECTOR_GP, 0) : 0;
}

/* --- by number --- */

uint32_t get_cr(struct cpu *cpu, uint32_t number) {
    switch (number) {
    case 0:
        return cpu->paging_off ? (read_cr0() & ~CR0_PG) : read_cr0();
    case 2:
        return read_cr2();
    case 3:
        return cpu->paging_off ? cpu->cr3 : read_cr3();
    default:
        return cpu->paging_off ? cpu->cr4 : read_cr4();
    }
}

fault set_cr(struct cpu *cpu, uint32_t number, uint32_t value) {
    switch (number) {
    case 0:
        return set_cr0(cpu, value);
    case 2:
        write_cr2(value);
        return 0;
    case 3:
        return set_cr3(cpu, value);
    default:
        return set_cr4(cpu, value);
    }
}

void flush_tlb(struct cpu *cpu, bool global) {
    uint32_t cr4 = read_cr4(), cr3 = read_cr3();
    if (!cpu->paging_off) {
        enter_directory(cpu, cr3, cr4);
    }
    if (global && cr4 & CR4_PGE) {
        write_cr4(cr4 & ~CR4_PGE);
        write_cr4(cr4);
    }
    write_cr3(cr3);
}
