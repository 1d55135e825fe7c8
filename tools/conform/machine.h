/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A processor and some memory in Unicorn, with a ROM image at two places: at an odd 2 KiB boundary
 * where a BIOS puts it, and as a page-aligned copy high in linear space. One call is run at a time,
 * and the whole world is compared before and after: registers, memory, port accesses, the order of
 * stores.
 */
#ifndef CONFORM_MACHINE_H
#define CONFORM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#include "vmi/hypervisor.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { ES, CS, SS, DS, FS, GS };

#define IMAGE_LOW      0x000CA800u /* 2 KiB aligned, not page aligned */
#define IMAGE_PAGE     0x000D0000u /* page aligned, for images that must be */
#define IMAGE_HIGH     0xC0200000u
#define IMAGE_MAX      0x8000u
#define RAM_BASE       0x00010000u
#define RAM_SIZE       0x00010000u
#define RAM_AGAIN      0x003E0000u /* the same RAM once more; RAM_BASE has the bit that this has not */
#define GDT_BASE       (RAM_BASE + 0x0000)
#define GDT_LIMIT      0x7F
#define TSS_BASE       (RAM_BASE + 0x0200)
#define STACK_TOP      (RAM_BASE + 0x4000)
#define STACK16_BASE   RAM_BASE /* base of SEL_STACK16: SP is an offset in RAM */
#define USER_STACK_TOP (RAM_BASE + 0x6000)
#define DATA_BASE      (RAM_BASE + 0x8000)
#define DATA_SIZE      0x4000u
#define LANDING        0x00030000u /* where the call returns to */
#define LANDING_SIZE   0x1000u
#define MONITOR        0x00031000u /* a hypervisor's own code and stack, in ring 0 of the same machine */
#define MONITOR_SIZE   0x1000u

/* Selectors of the GDT that every run starts with. */
#define SEL_CODE       0x08
#define SEL_DATA       0x10
#define SEL_UCODE      0x1B
#define SEL_UDATA      0x23
#define SEL_TSS        0x28
#define SEL_LDT        0x30
#define SEL_NOWHERE    0x38  /* data whose base is not mapped: a use of it shows */
#define SEL_STACK16    0x40  /* data with the B bit clear */
#define SEL_STACK_DOWN 0x68  /* free, for a stack segment */
#define SEL_SPARE      0x48  /* from here on all free */
#define SEL_FAR        0x3D8 /* behind the GDT's usual end */

#define EFLAGS_CF    0x00000001u
#define EFLAGS_ARITH 0x000008D5u
#define EFLAGS_TF    0x00000100u
#define EFLAGS_IF    0x00000200u
#define EFLAGS_DF    0x00000400u
#define EFLAGS_IOPL  0x00003000u
#define IOPL_1       0x00001000u
#define EFLAGS_NT    0x00004000u
#define EFLAGS_RF    0x00010000u
#define EFLAGS_VM    0x00020000u
#define EFLAGS_AC    0x00040000u
#define EFLAGS_ID    0x00200000u

struct table_register {
    uint32_t base;
    uint16_t limit;
};

struct world {
    uint32_t gpr[8];
    uint32_t eip;
    uint32_t eflags;
    uint16_t seg[6];
    uint32_t cr0, cr2, cr3, cr4;
    uint32_t dr[8]; /* 4 and 5 are not registers of their own */
    struct table_register gdtr, idtr;
    uint16_t ldtr, tr;
    uint64_t msr_pat; /* stands for all MSRs: 64 bits that the processor keeps as written */
    uint8_t ram[RAM_SIZE];
};

struct port_access {
    bool out;
    uint8_t size;
    uint16_t port;
    uint32_t value;
};

struct store {
    uint32_t address;
    uint32_t size;
    uint32_t value;
};

enum stop {
    STOP_ARRIVED, /* at the address asked for */
    STOP_HALTED,
    STOP_EXCEPTION,
    STOP_RESET, /* a hypervisor reset the machine */
    STOP_LOST,  /* left the image, or a memory fault: enum lost */
    STOP_TOO_LONG,
    STOP_TRAPPED /* at an instruction that a hypervisor serves, and there is none; `watch` only */
};

enum lost { LOST_RUNNING, LOST_READING, LOST_WRITING };

/* What a watched run did, as bits. */
#define SEEN_WBINVD 0x01u
#define SEEN_INVD   0x02u
#define SEEN_INVLPG 0x04u
#define SEEN_TO_CR3 0x08u
#define SEEN_TO_CR4 0x10u
#define SEEN_OUT    0x20u /* to a port that the instruction has in it, but for 80h */

#define MAX_ACCESSES 64

struct machine {
    uc_engine *uc;
    uc_context *initial;
    uint8_t *ram;
    const uint8_t *image;
    uint32_t image_size;
    uint32_t places[2];      /* where the image is: low (IMAGE_LOW or IMAGE_PAGE) and IMAGE_HIGH */
    const uint32_t *entries; /* where in the image each call is entered; NULL: at its slot */

    uint32_t ring; /* 1: it was lowered; selectors have it in them */

    /* Of the last run. */
    uint32_t base; /* where the image ran */
    enum stop stop;
    uint32_t exception;
    uint32_t instructions;
    uint32_t lost_at;
    enum lost lost_by;
    uint32_t until;
    bool running;
    unsigned reads_of_entry;
    bool served; /* a hook executed the instruction */
    struct port_access ports[MAX_ACCESSES];
    unsigned n_ports;
    struct store stores[MAX_ACCESSES]; /* outside the stack */
    unsigned n_stores;

    /* Whether every instruction is looked at; then, of the last run: */
    bool watch;
    uint32_t seen;
    uint32_t seen_out_at;
    bool locked_now;           /* the instruction under way locks its memory */
    bool locked[MAX_ACCESSES]; /* of each store */

    /* A hypervisor below the machine: `serve` gets each trap; NULL: none. */
    bool (*serve)(struct machine *m);
    const struct vmi_publication *publication;
    void *hypervisor; /* its own */
    unsigned traps;   /* of the last run */
    bool trapped;
    uint32_t at;      /* the instruction under way */
    uint32_t trap_at; /* the one that trapped */

    /* Set by a test before a run. */
    uint64_t rdpmc_value;
    bool single_step;         /* TF may be set: its traps are counted, and go nowhere */
    uint32_t flags_at_return; /* EFLAGS before the last IRETD, where the test sets this before */
    uint32_t port_seed;
    uint32_t change_after_read; /* address: another processor writes there once it has been read; 0:
                                   none */
    uint32_t change_to[2];
    bool pretend_paging;  /* reads of CR0 show PG set, and nothing is translated: as if all were
                             mapped one to one; CR4 keeps any bit */
    uint32_t elsewhere;   /* the image is there too; 0: nowhere */
    uint32_t cr4_more;    /* of CR4, what the engine does not take */
    bool notes_control;   /* the next two are wanted; a run clears them */
    uint32_t flags_seen;  /* each bit that EFLAGS had while the image ran */
    uint32_t cr4_changed; /* each bit that a MOV to CR4 changed */
    enum {
        CPUID_ENGINE,
        CPUID_WITH_PSE,
        CPUID_WITHOUT_PSE,
        CPUID_ABSENT,
        CPUID_HYPERVISOR,
        CPUID_EVERY_BIT
    } cpuid;
    bool hypervisor_hidden;           /* CPUID_HYPERVISOR: bit 31 of leaf 1 is clear all the same */
    const char *hypervisor_signature; /* 12 bytes */
    uint32_t hypervisor_leaf; /* CPUID_HYPERVISOR: the leaf that gives the signature of ours; 0:
                                 only a foreign one's */
};

/* Opens a machine with the image at `low` and at IMAGE_HIGH, read-only. Exits with status 2 when
 * Unicorn cannot be had. */
void machine_open(struct machine *m, const uint8_t *image, uint32_t image_size, uint32_t low);
void machine_close(struct machine *m);

/* From then on the machine is in ring 1 with IOPL 1 or more, and sees a hypervisor's shared pages,
 * which calls go on in: `size` bytes at SHARED, the first page of them its data, that can be
 * written. */
#define SHARED      0xFFC00000u
#define SHARED_CODE (SHARED + 0x1000)
#define SHARED_END  (SHARED + 0x3000)
void machine_lower(struct machine *m, const uint8_t *pages, uint32_t size);

/* The state that every test starts from: flat segments, interrupts off, registers zero. */
void machine_reset(struct machine *m, struct world *w);

/*
 * Runs from `w->eip` until `until`, a halt, an exception or trouble; `base` is the image's place
 * (IMAGE_LOW or IMAGE_HIGH), outside which nothing but `until` may be executed. `w` is the state
 * before and becomes the state after.
 */
enum stop machine_run(struct machine *m, struct world *w, uint32_t base, uint32_t until);

/* As machine_run, going on from where the last run stopped; `w` becomes the state after. */
enum stop machine_resume(struct machine *m, struct world *w);

/* What a port gives to the nth access of a run. */
uint32_t machine_port_value(const struct machine *m, unsigned nth, uint16_t port, uint8_t size);

/* Runs a few bytes of code outside the image, with EAX and ECX set, and returns EAX EBX ECX EDX. */
void machine_probe(struct machine *m, const void *code, size_t size, uint32_t eax, uint32_t ecx,
                   uint32_t result[4]);

uint32_t machine_get(struct machine *m, int unicorn_register);
void machine_put(struct machine *m, int unicorn_register, uint32_t value);

/* For a hypervisor: port accesses and memory accesses on the guest's behalf, noted as if the guest
 * had made them. */
uint32_t machine_in(struct machine *m, uint16_t port, uint8_t size);
void machine_out(struct machine *m, uint16_t port, uint8_t size, uint32_t value);
bool machine_read(struct machine *m, uint32_t linear, void *to, uint32_t size);
bool machine_write(struct machine *m, uint32_t linear, const void *from, uint32_t size);

/* The 8 bytes of a segment descriptor; flags: G is 8, D or B is 4. */
uint64_t machine_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);

uint32_t world_load(const struct world *w, uint32_t address);

/* Inline: every round stores thousands of patterns. */
static inline void world_store(struct world *w, uint32_t address, uint32_t value) {
    uint8_t *p = w->ram + (address - RAM_BASE);
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

#endif
