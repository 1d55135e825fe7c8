/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Counts the loops of loops.c under QEMU with -icount: "loop COMPILER LEVEL native|sites NAME
 * INSTRUCTIONS CHECK". Where there is a ROM of API 13 the sites are linked to it first. The check
 * is a sum of what the loop has left: the same for both.
 */
#include "compilers.h"

#include "guest.h"
#include "vmi/guest.h"

enum { SAVED = 65536, ROMS = 8, PAGES = 512 };

extern const uint8_t guest_text_start[], guest_text_end[];
static uint8_t saved[SAVED], thunks[SAVED];
static struct vmi_rom roms[ROMS];
static struct machine machine;
static uint32_t tables[4][ENTRIES] __attribute__((aligned(4096)));
static uint16_t references[FRAMES];

static const struct {
    const char *name;
    const struct loops *loops;
} compiled[] = {
    {"gcc O2 native", &loops_gcc_O2_native},     {"gcc O2 sites", &loops_gcc_O2_sites},
    {"gcc Os native", &loops_gcc_Os_native},     {"gcc Os sites", &loops_gcc_Os_sites},
    {"clang O2 native", &loops_clang_O2_native}, {"clang O2 sites", &loops_clang_O2_sites},
    {"clang Os native", &loops_clang_Os_native}, {"clang Os sites", &loops_clang_Os_sites},
};

static void link_sites(void) {
    static struct vmi_linkage linkage = {
        .saved = saved, .saved_end = saved + SAVED, .thunks = thunks, .thunks_end = thunks + SAVED};
    unsigned n = vmi_find(guest_at(0), roms, ROMS);
    const struct vmi_rom *rom = vmi_start(roms, n, VMI_SPEAKS_13);
    if (!rom) {
        return;
    }
    linkage.first = vmi_annotations;
    linkage.end = vmi_annotations_end;
    linkage.translations = vmi_translations;
    linkage.translations_end = vmi_translations_end;
    linkage.text = guest_text_start;
    linkage.text_end = guest_text_end;
    int error = vmi_link(&linkage, rom);
    if (error) {
        guest_panic(NULL, "linking: %s", vmi_link_text(error));
    }
    guest_printf("sites native %u inlined %u called %u\n", linkage.count[VMI_SITE_NATIVE],
                 linkage.count[VMI_SITE_INLINED], linkage.count[VMI_SITE_CALLED]);
}

/* The same start for every loop. */
static void prepare(uint32_t cr3) {
    struct machine *m = &machine;
    memset(tables, 0, sizeof(tables));
    m->parent = tables[0];
    m->child = tables[1];
    m->parent[0] = (uint32_t)tables[2] | 7;
    m->free_table = tables[3];
    for (uint32_t i = 0; i < PAGES; i++) {
        tables[2][i] = i % 8 ? (i * 4096) | 7 : 0;
    }
    memset(m->references, 0, FRAMES * sizeof(m->references[0]));
    for (uint32_t t = 0; t < 2; t++) {
        m->tasks[t].stack_top = guest_tss.esp0;
        m->tasks[t].cr3 = cr3 + (t ? 8 : 0); /* PWT, so that the switch is one */
        for (uint32_t i = 0; i < TLS; i++) {
            m->tasks[t].tls[i] = 0x00CFF3000000FFFF + t * 0x10000;
        }
    }
    m->current = &m->tasks[0];
    m->ready.next = m->ready.previous = &m->ready;
    for (uint32_t i = 0; i < 64; i++) {
        struct list *item = &m->items[i];
        item->next = &m->ready;
        item->previous = m->ready.previous;
        item->previous->next = item;
        m->ready.previous = item;
    }
    m->screen = guest_at(0xB8000);
    m->cursor = 0;
}

static void fill(const struct loops *l) {
    l->fill(&machine, 0, PAGES * 4096, 0x400000, 6);
}
static void tight(const struct loops *l) {
    l->tight(tables[3], 0x400000, 7);
}
static void fork(const struct loops *l) {
    l->fork(&machine, PAGES * 4096);
}
static void switch_tasks(const struct loops *l) {
    for (uint32_t i = 0; i < 64; i++) {
        l->switch_to(&machine, &machine.tasks[(i + 1) % 2]);
        __asm__ volatile("clts"); /* the FPU is used now and then */
    }
}
static void print(const struct loops *l) {
    l->print(&machine, "eth0: a line as kernels write them when a device has turned up\r\n");
}
static void queue(const struct loops *l) {
    for (uint32_t i = 0; i < 64; i++) {
        l->queue(&machine, &machine.items[i * 7 % 64]);
    }
}

static const struct {
    const char *name;
    void (*run)(const struct loops *l);
} work[] = {{"fill", fill},           {"tight", tight}, {"fork", fork},
            {"switch", switch_tasks}, {"print", print}, {"queue", queue}};

static uint32_t sum_of_machine(void) {
    uint32_t sum = machine.cursor + (uint32_t)guest_gdt[6] + (uint32_t)guest_gdt[8];
    for (uint32_t i = 0; i < ENTRIES; i++) {
        sum = sum * 31 + tables[2][i] + tables[3][i] + machine.references[i];
    }
    for (uint32_t i = 0; i < 64; i++) {
        sum = sum * 31 + (uint32_t)machine.items[i].next;
    }
    return sum;
}

void guest_main(const char *cmdline) {
    struct guest_space space = guest_space_new(0);
    (void)cmdline;
    machine.references = references;
    guest_paging_on(&space);
    link_sites();
    for (uint32_t w = 0; w < sizeof(work) / sizeof(work[0]); w++) {
        for (uint32_t c = 0; c < sizeof(compiled) / sizeof(compiled[0]); c++) {
            prepare(space.cr3);
            uint64_t start = native_rdtsc();
            work[w].run(compiled[c].loops);
            uint32_t taken = (uint32_t)(native_rdtsc() - start);
            guest_printf("loop %s %s %u %08x\n", compiled[c].name, work[w].name, taken,
                         sum_of_machine());
        }
    }
    guest_puts("bench end\n");
    guest_exit(0);
}
