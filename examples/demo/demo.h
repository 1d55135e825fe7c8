/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The demo kernel: small, but it has everything that a kernel needs VMI for. It uses paging, runs
 * two processes in ring 3 in address spaces of their own, switches between them on timer
 * interrupts, serves their page faults, and reads the keyboard and the serial line. Read main.c
 * first.
 *
 * Every sensitive instruction is a call site of vmi/guest.h. examples/lib has what is not about
 * VMI: the path from the boot sector to guest_main(), the memory pool, strings.
 */
#ifndef DEMO_H
#define DEMO_H

#include "guest.h"
#include "vmi/guest.h"

/* ---- demo.ld: the kernel where it is loaded, in low memory; the program where processes see it */

extern const uint8_t kernel_image[], kernel_image_end[]; /* as in the file */
extern const uint8_t kernel_text[], kernel_text_end[];
extern const uint8_t program_image[];                /* its pages as loaded */
extern const uint8_t program_start[], program_end[]; /* the same pages as processes see them */

enum {
    PAGE = 4096,
    USER_BASE = 0x400000,
    USER_TOP = 0x800000
}; /* the kernel is below USER_BASE in every address space */

/* ---- rom.c ---- */

/* Finds and starts a ROM of an API (0: any API) and prints what it found. NULL: none is usable. */
const struct vmi_rom *rom_start(uint8_t api);
/* Links all call sites to it and prints what became of them. Returns 0 on failure. */
int rom_link(const struct vmi_rom *rom);

/* ---- memory.c ---- */

struct space {
    uint32_t *directory,
        *table; /* the table maps USER_BASE to USER_TOP; the kernel's, its memory */
    uint32_t zero_pages, copied_pages;
};

extern struct space kernel_space;
extern uint32_t pages_in_use;

void *page_alloc(void);
void page_free(void *page);
void paging_start(void);
void paging_announce(void); /* once the call sites are linked: before, nobody hears of it */
void space_new(struct space *space);
void space_free(struct space *space); /* must not be the loaded one */
/* Serves a page fault. Returns 0 when the process may not make this access. */
int space_fault(struct space *space, uint32_t address, uint32_t error);

/* ---- process.c, entry.asm ---- */

struct frame { /* in the order in which entry.asm pushes it */
    uint32_t es, ds, edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss; /* only if the frame is from ring 3 */
};

struct process {
    const char *name;
    struct process *next;
    struct space space;
    uint8_t *stack; /* the kernel stack of the process */
    struct frame *frame;
    uint32_t preempted; /* number of times */
    uint32_t result;
    enum { RUNNABLE, ENDED, KILLED } state;
};

extern uint32_t ticks, switches;

void tables_start(void); /* GDT, TSS, IDT */
void process_new(struct process *process, const char *name, void (*entry)(void));
int processes_running(void);

/* user.c, in ring 3 */
void primes(void);
void queens(void);
enum { SYS_PRINT, SYS_TICKS, SYS_EXIT };

/* ---- device.c ---- */

enum { IRQ_TIMER = 0, IRQ_KEYBOARD = 1, IRQ_SERIAL = 4, IRQ_VECTOR = 0x20, HZ = 100 };

void console_write(const char *text, uint32_t size);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void devices_start(void);  /* the console does not need it */
void devices_listen(void); /* what is typed before is dropped */
void devices_stop(void);
void device_interrupt(uint32_t line);
/* The line typed last, or NULL; valid until the next one. Call it with interrupts off. */
const char *line_typed(void);
extern uint32_t last_typed; /* the tick of the last character */
/* Status 0: success. */
void power_off(uint8_t status) __attribute__((noreturn));

#endif
