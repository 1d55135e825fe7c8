/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Loops of a kernel's work, twice from one source: with what a kernel writes that knows of no VMI,
 * and with call sites. They are compiled by several compilers; what a compiler makes of one is
 * compared with what the same compiler makes of the other.
 */
#ifndef COMPILERS_H
#define COMPILERS_H

#include <stdint.h>

enum { ENTRIES = 1024, TLS = 3, FRAMES = 4096 };

struct task {
    uint32_t stack_top, cr3;
    uint64_t tls[TLS];
    uint32_t uses_fpu;
};

struct list {
    struct list *next, *previous;
};

/* What the loops work on. */
struct machine {
    uint32_t *parent, *child; /* page directories */
    uint32_t *free_table;     /* for the child's next page table */
    uint16_t *references;     /* by frame */
    struct task tasks[2], *current;
    struct list ready;
    struct list items[64];
    volatile uint16_t *screen;
    uint32_t cursor;
};

struct loops {
    void (*fill)(struct machine *m, uint32_t linear, uint32_t size, uint32_t physical,
                 uint32_t flags);
    void (*tight)(uint32_t *table, uint32_t first, uint32_t flags);
    void (*fork)(struct machine *m, uint32_t size);
    void (*switch_to)(struct machine *m, struct task *next);
    void (*print)(struct machine *m, const char *text);
    void (*queue)(struct machine *m, struct list *item);
};

extern const struct loops loops_gcc_O2_native, loops_gcc_O2_sites, loops_gcc_Os_native,
    loops_gcc_Os_sites, loops_clang_O2_native, loops_clang_O2_sites, loops_clang_Os_native,
    loops_clang_Os_sites;

#endif
