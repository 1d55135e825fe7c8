/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A kernel for every compiler, in what C89 and C++11 have in common. It does its work before its
 * sites are linked, linked, and unlinked again, and says each time on COM1 whether the machine did
 * what it should.
 */
#include "vmi/guest.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    COM1 = 0x3F8,
    END = 0xF4, /* the port of QEMU's isa-debug-exit */
    PAGE = 4096,
    CODE = 0x08,
    DATA = 0x10,
    TSS = 0x18,
    VECTOR = 0x40,
    WINDOW = 1023, /* the entry of the table of the first 4 MiB that is mapped here and there */
    PRESENT = 1,
    WRITABLE = 2,
    DIRTY = 0x40
};

#define CR0_PG 0x80000000u

struct __attribute__((packed)) pointer {
    uint16_t limit;
    uint32_t base;
};

typedef uint32_t page[PAGE / 4] __attribute__((aligned(4096)));

void shape(void);
extern uint8_t text[], text_end[];
void start(void);
void handler(void);
uint32_t interrupts;

static page directory, table, frames[2];
static uint32_t gdt[8], idt[2 * 256], tss[26];
static uint8_t saved[4096], thunks[4096];
static struct vmi_linkage linkage;
static struct vmi_rom roms[4];
static uint32_t wrong, started;

#ifdef __cplusplus
}

/* What C++ adds: sites in functions that several objects may have. */
template <typename T> struct space {
    T *root;
    void load() const {
        vmi_set_cr3((uint32_t)root);
    }
};

static void load_directory(void) {
    space<uint32_t> here = {directory};
    here.load();
}

extern "C" {
#else
static void load_directory(void) {
    vmi_set_cr3((uint32_t)directory);
}
#endif

static VMI_CDECL void print(const char *line) {
    for (; *line; line++) {
        vmi_outb(COM1, (uint8_t)*line);
    }
}

static void must(int good, const char *what) {
    if (!good) {
        print("wrong: ");
        print(what);
        print("\n");
        wrong++;
    }
}

/* The gates and the TSS have the ring in which the kernel is. */
static void tables(void) {
    uint32_t ring = vmi_kernel_ring(), at = (uint32_t)handler;
    struct pointer p;
    vmi_write_idt_entry_dwords(idt, VECTOR, (CODE | ring) << 16 | (at & 0xFFFF),
                               (at & 0xFFFF0000u) | 0x8E00u);
    p.limit = sizeof(idt) - 1;
    p.base = (uint32_t)idt;
    vmi_set_idt(&p);
    tss[2] = DATA | ring;
}

static void machine(void) {
    uint32_t i, at = (uint32_t)tss;
    struct pointer p;
    vmi_write_gdt_entry_dwords(gdt, CODE / 8, 0x0000FFFF, 0x00CF9B00);
    vmi_write_gdt_entry_dwords(gdt, DATA / 8, 0x0000FFFF, 0x00CF9300);
    vmi_write_gdt_entry_dwords(gdt, TSS / 8, (at & 0xFFFF) << 16 | (sizeof(tss) - 1),
                               (at & 0xFF000000u) | 0x8900u | (at >> 16 & 0xFF));
    p.limit = sizeof(gdt) - 1;
    p.base = (uint32_t)gdt;
    vmi_set_gdt(&p);
    __asm__ volatile(".byte 0xea; .long 1f; .word 8; 1: mov %0, %%ds; mov %0, %%es; mov %0, %%ss;"
                     "mov %0, %%fs; mov %0, %%gs"
                     :
                     : "r"(DATA)
                     : "memory");
    tables();
    vmi_set_tr(TSS);
    for (i = 0; i < PAGE / 4; i++) {
        table[i] = i * PAGE | PRESENT | WRITABLE;
    }
    directory[0] = (uint32_t)table | PRESENT | WRITABLE;
    load_directory();
    vmi_set_cr0(vmi_get_cr0() | CR0_PG);
}

/* The kernel's tables, from when the ROM knows of them. */
static void announce(void) {
    vmi_allocate_page((uint32_t)table / PAGE, VMI_PAGE_PT, 0, 0, 0);
    vmi_allocate_page((uint32_t)directory / PAGE, VMI_PAGE_PD, 0, 0, 0);
}

static void show(uint32_t frame) {
    vmi_set_pxe((uint32_t)frames[frame] | PRESENT | WRITABLE, &table[WINDOW],
                VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | (WINDOW * (uint32_t)PAGE));
    vmi_inval_page(WINDOW * PAGE);
}

static void paging(void) {
    volatile uint32_t *window = (volatile uint32_t *)(WINDOW * PAGE);
    volatile uint32_t *first = frames[0], *second = frames[1];
    uint32_t was;
    *first = *second = 0;
    show(0);
    *window = 0x1234;
    show(1);
    *window = 0x5678;
    must(*first == 0x1234 && *second == 0x5678, "a page mapped anew");
    must((vmi_get_pxe(&table[WINDOW]) & DIRTY) != 0, "the dirty bit");
    was = vmi_test_and_clear_pxe_bit(&table[WINDOW], 6);
    must(was != 0 && vmi_test_and_clear_pxe_bit(&table[WINDOW], 6) == 0, "the dirty bit, cleared");
    load_directory();
    must(vmi_get_cr3() == (uint32_t)directory, "CR3");
}

static void flag(void) {
    uint32_t mask = vmi_get_interrupt_mask(), before = interrupts;
    must((mask & VMI_INTERRUPT_MASK) == 0, "interrupts are off");
    vmi_set_interrupt_mask(mask);
    must((vmi_get_interrupt_mask() & VMI_INTERRUPT_MASK) == 0, "interrupts are still off");
    __asm__ volatile("int $0x40" : : : "memory");
    __asm__ volatile("int $0x40" : : : "memory");
    must(interrupts == before + 2, "an interrupt returns");
}

static void registers(void) {
    uint32_t leaf[4];
    uint64_t first = vmi_rdtsc(), second;
    vmi_cpuid(0, 0, leaf);
    second = vmi_rdtsc();
    must(leaf[0] > 0 && leaf[1] != 0, "CPUID");
    must(second > first, "RDTSC");
    vmi_set_dr(0, 0x1234);
    must(vmi_get_dr(0) == 0x1234, "DR0");
    if (!started || linkage.rom) { /* STR shows a hypervisor's own in ring 1, without a trap */
        must((vmi_get_tr() & ~3u) == TSS, "TR");
    }
    vmi_set_kernel_stack(tss, (uint32_t)frames);
    must(tss[1] == (uint32_t)frames, "the kernel's stack");
    vmi_io_delay();
    vmi_pause();
    vmi_flush_tlb(VMI_FLUSH_TLB);
    vmi_flush_deferred_calls(VMI_FLUSH_CPU_STATE | VMI_FLUSH_PT_UPDATES);
}

static void work(const char *when) {
    uint32_t before = wrong;
    paging();
    flag();
    registers();
    print(when);
    print(wrong == before ? ": all is as it should\n" : ": something is wrong\n");
}

void shape(void) {
    vmi_disable_interrupts();
    machine();
    work("before");
    linkage.text = text;
    linkage.text_end = text_end;
    linkage.saved = saved;
    linkage.saved_end = saved + sizeof(saved);
    linkage.thunks = thunks;
    linkage.thunks_end = thunks + sizeof(thunks);
    started = vmi_boot(&linkage, (const void *)0, roms, 4, VMI_SPEAKS_13, print) != 0;
    tables();
    announce();
    work(linkage.rom ? "linked" : "not linked");
    must(vmi_unlink(&linkage) == 0, "unlinking");
    work("unlinked");
    print(wrong ? "shape: wrong\n" : "shape: right\n");
    vmi_outb(END, 0x10);
}

#ifdef __cplusplus
}
#endif
