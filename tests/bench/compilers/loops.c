/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* -DLOOPS=NAME, and -DSITES for call sites. */
#include "compilers.h"

#include "guest.h"

#define INLINE static inline __attribute__((always_inline))

#ifdef SITES
#include "vmi/guest.h"

INLINE uint32_t lock(void) {
    uint32_t mask = vmi_get_interrupt_mask();
    vmi_disable_interrupts();
    return mask;
}
INLINE void unlock(uint32_t mask) {
    vmi_set_interrupt_mask(mask);
}
INLINE uint32_t get_entry(uint32_t *at) {
    return vmi_get_pxe(at);
}
INLINE void set_entry(uint32_t *at, uint32_t entry) {
    vmi_set_pxe(entry, at, VMI_PAGE_PT);
}
INLINE void announce(uint32_t *table) {
    vmi_allocate_page((uint32_t)table / 4096, VMI_PAGE_PT, 0, 0, 0);
}
INLINE void flush(void) {
    vmi_flush_deferred_calls(VMI_FLUSH_PT_UPDATES);
    vmi_set_cr3(vmi_get_cr3());
}
INLINE void set_kernel_stack(uint32_t top) {
    vmi_set_kernel_stack(&guest_tss, top);
}
INLINE void set_descriptor(uint32_t index, uint64_t entry) {
    vmi_write_gdt_entry(guest_gdt, index, entry);
}
INLINE void set_space(uint32_t cr3) {
    vmi_set_cr3(cr3);
}
INLINE uint32_t get_control(void) {
    return vmi_get_cr0();
}
INLINE void set_control(uint32_t value) {
    vmi_set_cr0(value);
}
INLINE uint8_t in(uint16_t port) {
    return vmi_inb(port);
}
INLINE void out(uint16_t port, uint8_t value) {
    vmi_outb(port, value);
}
#else
INLINE uint32_t lock(void) {
    uint32_t flags;
    __asm__ volatile("pushf; pop %0; cli" : "=r"(flags) : : "memory");
    return flags;
}
INLINE void unlock(uint32_t flags) {
    __asm__ volatile("push %0; popf" : : "r"(flags) : "memory", "cc");
}
INLINE uint32_t get_entry(uint32_t *at) {
    return *(volatile uint32_t *)at;
}
INLINE void set_entry(uint32_t *at, uint32_t entry) {
    *(volatile uint32_t *)at = entry;
}
INLINE void announce(uint32_t *table) {
    (void)table;
}
INLINE void flush(void) {
    uint32_t cr3;
    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}
INLINE void set_kernel_stack(uint32_t top) {
    guest_tss.esp0 = top;
}
INLINE void set_descriptor(uint32_t index, uint64_t entry) {
    guest_gdt[index] = entry;
}
INLINE void set_space(uint32_t cr3) {
    __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}
INLINE uint32_t get_control(void) {
    uint32_t cr0;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    return cr0;
}
INLINE void set_control(uint32_t value) {
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}
INLINE uint8_t in(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
    return value;
}
INLINE void out(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}
#endif

enum { PRESENT = 1, WRITABLE = 2, COPY_ON_WRITE = 0x200 };
enum { TASK_SWITCHED = 8, TLS_FIRST = 6 };
enum { COM1 = 0x3F8, COM1_LINE = COM1 + 5, LINE_EMPTY = 0x20, CRTC = 0x3D4, COLUMNS = 80 };

/* The entry of a linear address, with a page table where there was none. */
__attribute__((noinline)) static uint32_t *walk(struct machine *m, uint32_t *directory,
                                                uint32_t linear, int make) {
    uint32_t *at = directory + (linear >> 22), entry = get_entry(at), *table;
    if (entry & PRESENT) {
        table = (uint32_t *)(entry & ~(uint32_t)4095);
    } else {
        table = m->free_table;
        if (!make || !table) {
            return NULL;
        }
        m->free_table = NULL;
        for (uint32_t i = 0; i < ENTRIES; i++) {
            table[i] = 0;
        }
        announce(table);
        set_entry(at, (uint32_t)table | PRESENT | WRITABLE);
    }
    return table + (linear >> 12) % ENTRIES;
}

/* Maps memory that is contiguous, page by page. */
static void map(struct machine *m, uint32_t *directory, uint32_t linear, uint32_t size,
                uint32_t physical, uint32_t flags) {
    for (uint32_t last = linear + size - 4096;; linear += 4096, physical += 4096) {
        uint32_t *entry = walk(m, directory, linear, 1);
        if (!entry || get_entry(entry) & PRESENT) {
            return;
        }
        set_entry(entry, physical | flags | PRESENT);
        if (linear == last) {
            return;
        }
    }
}

static void fill(struct machine *m, uint32_t linear, uint32_t size, uint32_t physical,
                 uint32_t flags) {
    map(m, m->child, linear, size, physical, flags);
}

/* The same with nothing else in the loop. */
static void tight(uint32_t *table, uint32_t first, uint32_t flags) {
    for (uint32_t i = 0; i < ENTRIES; i++) {
        set_entry(table + i, (first + i * 4096) | flags);
    }
}

/* A fork: what can be written is shared until it is. */
static void fork(struct machine *m, uint32_t size) {
    for (uint32_t linear = 0; linear < size; linear += 4096) {
        uint32_t *at = walk(m, m->parent, linear, 0), entry;
        if (!at) {
            continue;
        }
        entry = get_entry(at);
        if (!(entry & PRESENT)) {
            continue;
        }
        if (entry & WRITABLE) {
            entry = (entry & ~(uint32_t)WRITABLE) | COPY_ON_WRITE;
            set_entry(at, entry);
        }
        m->references[entry / 4096 % FRAMES]++;
        map(m, m->child, linear, 4096, entry & ~(uint32_t)4095, entry & 4095);
    }
    flush();
}

static void switch_to(struct machine *m, struct task *next) {
    uint32_t flags = lock(), control;
    struct task *last = m->current;
    set_kernel_stack(next->stack_top);
    set_descriptor(TLS_FIRST, next->tls[0]);
    set_descriptor(TLS_FIRST + 1, next->tls[1]);
    set_descriptor(TLS_FIRST + 2, next->tls[2]);
    if (next->cr3 != last->cr3) {
        set_space(next->cr3);
    }
    control = get_control();
    if (!(control & TASK_SWITCHED)) {
        set_control(control | TASK_SWITCHED);
    }
    m->current = next;
    unlock(flags);
}

/* To the screen and to a serial line. */
static void print(struct machine *m, const char *text) {
    for (; *text; text++) {
        uint32_t flags = lock();
        m->screen[m->cursor++] = (uint16_t)(0x0700 | (uint8_t)*text);
        m->cursor %= COLUMNS * 25;
        out(CRTC, 14);
        out(CRTC + 1, (uint8_t)(m->cursor >> 8));
        out(CRTC, 15);
        out(CRTC + 1, (uint8_t)m->cursor);
        while (!(in(COM1_LINE)&LINE_EMPTY)) {
            ;
        }
        out(COM1, (uint8_t)*text);
        unlock(flags);
    }
}

/* A list that interrupts use too. */
static void queue(struct machine *m, struct list *item) {
    uint32_t flags = lock();
    item->next->previous = item->previous;
    item->previous->next = item->next;
    unlock(flags);
    flags = lock();
    item->previous = m->ready.previous;
    item->next = &m->ready;
    m->ready.previous->next = item;
    m->ready.previous = item;
    unlock(flags);
}

const struct loops LOOPS = {fill, tight, fork, switch_to, print, queue};
