/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The hostile guest: random calls and traps under the monitor. Each step is a start state made from
 * the seed and the step's number, run twice: through the native body, which runs under the monitor
 * without an exit, and through the trap. What both leave behind has to be the same.
 * docs/monitor.md.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>

#include "guest.h"
#include "vmi/calls.h"
#include "vmi/hypercall.h"

#define PAGE      4096u
#define SLOT_SIZE 32u

/* --- memory: what of it a call may reach, and where it starts over from ----------------------- */

/* Pages of the arena. A step's pointers lead here, or to places that both runs find alike. */
enum {
    PAGE_STACK,         /* two */
    PAGE_DATA = 2,      /* eight, of which pointers lead to the middle six */
    PAGE_TABLES = 10,   /* GDT, LDT, TSS, roots of PAE paging */
    PAGE_DIRECTORY,     /* of 32-bit paging */
    PAGE_TABLE,         /* the window's */
    PAGE_PAE_DIRECTORY, /* of the window's GiB */
    PAGE_PAE_TABLE,
    ARENA_PAGES
};

#define ARENA            0x400000u /* at the start of a large page of either size */
#define ARENA_PAGE(n)    (ARENA + (n)*PAGE)
#define ARENA_SIZE       (ARENA_PAGES * PAGE)
#define NATIVE_ROM       0x500000u /* the native image, at a page as any */
#define ROM_COPY         0x502000u /* the published page in memory */
#define FALSE_COPY       0x504000u /* one that is not served */
#define IDENTITY         0x508000u /* page tables of the first 8 MiB: 2, then directory and 4 */
#define NOTHING_MAPPED   0x510000u /* a page of zeroes: a directory where nothing is */
#define USER_CODE        0x511000u
#define V86_CODE         0x7000u
#define USER_COPY        0x9000u   /* the published page for users, and for V86 mode */
#define ARENA_START      0x600000u /* the arena and the decoy as a run finds them */
#define DECOY_START      0x620000u
#define ARENA_BASE       0x630000u /* the arena as all steps find it */
#define CHANGES          0x640000u
#define PATTERN_START    0x700000u /* memory that no call may change */
#define PATTERN_END      0x3B00000u
#define MONITOR_START    0x3C00000u /* 64 MiB of memory: the 2 MiB at 60 MiB are the monitor's */
#define MONITOR_SIZE     0x200000u
#define NOBODY           0x60000000u
#define WINDOW           0x40000000u /* linear: pages of every kind */
#define WINDOW_PAGES     16u
#define LARGE_WINDOW     0x40400000u /* ... and a large one; with PAE at the next 2 MiB */
#define LARGE_WINDOW_PAE 0x40200000u

/* In PAGE_TABLES. */
#define GDT_OFFSET   0x000u
#define LDT_OFFSET   0x200u
#define TSS_OFFSET   0x300u
#define ROOTS_OFFSET 0x400u
#define GDT_BYTES    0x200u

enum {
    SEL_TSS_USED = 0x28, /* busy */
    SEL_SS16 = 0x30,
    SEL_CODE16_FLAT = 0x38,
    SEL_CODE16_ROM = 0x40,
    SEL_LDT_USED = 0x48,
    SEL_RING1_CODE = 0xA9,
    SEL_RING1_DATA = 0xB1,
    SELECTORS = 0x100
};

enum { CR4_OSFXSR = 0x200 };

/* --- one run: run.asm knows the offsets ------------------------------------------------------- */

struct start {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t eflags, eip, cs, ss, ds, es, fs, gs;
    uint32_t cr0, cr2, cr3, cr4;
    struct descriptor_pointer gdt, idt;
    uint32_t frame_words; /* 0: a jump to CS:EIP; else IRET through the frame */
    uint32_t frame[9];
};
_Static_assert(offsetof(struct start, eflags) == 32, "run.asm");
_Static_assert(offsetof(struct start, cr0) == 64, "run.asm");
_Static_assert(offsetof(struct start, gdt) == 80, "run.asm");
_Static_assert(offsetof(struct start, frame_words) == 96, "run.asm");

enum { MSRS = 13 };

struct end {
    uint32_t gs_base, gs_base_high, fs_base, fs_base_high;
    uint32_t cr4, cr3, cr2, cr0;
    struct descriptor_pointer gdt, idt;
    uint32_t ss, gs, fs, es, ds;
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t vector, error, eip, cs, eflags;
    uint32_t outer_esp, outer_ss, v86_es, v86_ds, v86_fs, v86_gs;
    /* what C adds */
    uint32_t dr[8];
    uint32_t tr, ldtr, port, interrupts;
    uint64_t msr[MSRS];
};
_Static_assert(offsetof(struct end, dr) == 36 * 4, "run.asm");

#define RETURNED 0xFFFFFFFFu /* as a vector */

/* Runs from *start until it returns to one of the two places, or traps. */
void hostile_run(const struct start *start, struct end *end);
extern const uint8_t hostile_back[];      /* to return to */
extern const uint8_t hostile_back_call[]; /* the same, behind a CALL */
extern const uint8_t hostile_vectors[];   /* 16 bytes each */
extern const uint8_t hostile_native[], hostile_native_end[];
extern uint32_t hostile_interrupts;
extern uint8_t hostile_trap_stack_top[];
extern struct descriptor_pointer hostile_good_gdt, hostile_good_idt;
extern uint32_t hostile_good_cr0, hostile_good_cr4;

/* A dword of the arena or the decoy that a run left changed. */
struct change {
    uint32_t at, value;
};

enum { MAX_CHANGES = 10240 };

struct outcome {
    struct end end;
    uint32_t changes;
    struct change *change;
};

/* --- one step --------------------------------------------------------------------------------- */

enum kind {
    KIND_CALL,   /* a slot, against the native body */
    KIND_SAME,   /* published bytes that are no trap, against the same in memory */
    KIND_UD,     /* a trap that is none: #UD, and nothing else happens */
    KIND_DEADLY, /* what ends the guest, or may */
    KINDS
};

enum paging { PAGING_OFF, PAGING_32, PAGING_PAE };

struct step {
    uint32_t number;
    enum kind kind;
    const char *what;
    uint32_t slot;
    uint32_t reference; /* where the other run goes; KIND_CALL and KIND_SAME */
    enum paging paging;
    struct start start;
    uint32_t stack; /* physical address of what the call finds at ESP */
    uint32_t dr7, sysenter_cs, port_value;
    bool wants_interrupt;
};

/* memory.c */
void memory_init(uint32_t rom);
/* Forgets the last step's pokes. */
void memory_begin(void);
/* Changes what runs find; bytes of the arena only. */
void poke(uint32_t address, const void *bytes, uint32_t size);
void poke_dword(uint32_t address, uint32_t value);
/* Collects what a run changed, and undoes it. `stack` up to `stack_end` does not count. */
void take_changes(struct outcome *outcome, uint32_t stack, uint32_t stack_end);
/* The first dword of the rest of memory that is not as it was; 0: none. */
uint32_t find_stray(void);
uint32_t cr3_of(enum paging paging);

/* scene.c: all of a step from its number and the seed. */
void make_step(struct step *step, uint32_t seed, uint32_t number, uint32_t rom);
extern const uint32_t hostile_msrs[MSRS];
extern uint32_t hostile_slot; /* the only one that is called; 0: all */

/* judge.c: NULL, or what is wrong. */
const char *judge(const struct step *step, const struct outcome *reference,
                  const struct outcome *seen);
/* Where it is counted, in memory that lives through a reset, how often each difference is met that
 * is none; and that, with the most that so many steps may meet: excuses.awk compares. */
enum { ALLOWED = 24 };
void count_allowed(uint32_t *counts);
void print_allowed(uint32_t steps);

extern bool on_qemu;
extern struct descriptor_pointer hostile_idt; /* that of runs */

#endif
