/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "memory.h"
#include "processor.h"

#define PTE_OURS   0x163u /* global: a directory that is loaded may lose us (control.h) */
#define PTE_DEVICE 0x17Bu /* not cached */
#define PF_WRITE   2u

/* What is the hypervisor's alone is no memory of the guest's. */
static bool is_theirs(struct cpu *cpu, uint32_t linear, uint32_t size, uint32_t error) {
    uint32_t end = linear + size;
    if (end <= PRIVATE && end >= linear) {
        return true;
    }
    cpu->fault_address = linear;
    cpu->fault_error = error;
    return false;
}

struct table copying_gates;

/* A fault that is not told to the guest leaves its CR2 alone. */
static uint32_t copy(void *to, const void *from, uint32_t size) {
    uint32_t cr2 = read_cr2(), left;
    struct table before;
    __asm__ volatile("sidt %0" : "=m"(before));
    load_idt(&copying_gates);
    left = copy_bytes_guarded(to, from, size);
    load_idt(&before);
    if (left) {
        write_cr2(cr2);
    }
    return left;
}

bool guest_read(struct cpu *cpu, uint32_t linear, void *to, uint32_t size) {
    return is_theirs(cpu, linear, size, 0) && !copy(to, (const void *)linear, size);
}

bool guest_write(struct cpu *cpu, uint32_t linear, const void *from, uint32_t size) {
    return is_theirs(cpu, linear, size, PF_WRITE) && !copy((void *)linear, from, size);
}

/* In either format of page tables. */
static void map_page(uint32_t linear, uint32_t low, uint32_t high) {
    uint32_t index = (linear - HV_BASE) / PAGE_SIZE;
    volatile uint32_t *entry = (uint32_t *)(HV_BASE + PAGE_TABLE) + index;
    volatile uint32_t *entry_pae = (uint32_t *)(HV_BASE + PAGE_TABLE_PAE) + 2 * index;
    *entry = low;
    entry_pae[0] = 0;
    entry_pae[1] = high;
    entry_pae[0] = low;
    __asm__ volatile("invlpg (%0)" ::"r"(linear) : "memory");
}

void *show_page(struct cpu *cpu, uint32_t low, uint32_t high) {
    uint32_t window = (uint32_t)cpu + CPU_WINDOW;
    map_page(window, (low & -PAGE_SIZE) | PTE_OURS, high);
    return (void *)window;
}

void map_device(uint32_t offset, uint32_t physical) {
    map_page(HV_BASE + offset, physical | PTE_DEVICE, 0);
}

void map_again(uint32_t linear, uint32_t first) {
    map_page(linear, (shared()->block + (first - HV_BASE)) | PTE_OURS, 0);
}
