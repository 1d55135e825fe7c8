/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A kernel that goes about API 3.0 as Linux 2.6.21 to 2.6.36 does. Every privileged operation is an
 * indirect call through pv_ops[], with native functions to begin with. The kernel looks for a ROM,
 * asks it call by call, fills pv_ops[] with what it answers and patches the six places that Linux
 * patches; then it runs processes in ring 3. Reading order: paravirt.c, vmi.c, memory.c, task.c,
 * cost.c, main.c, with entry.asm and user.asm beside them.
 */
#ifndef MAINLINE_KERNEL_H
#define MAINLINE_KERNEL_H

#include "guest.h"

#define REGPARM __attribute__((regparm(3)))

/* ---- Operations ---- */

enum pv_op {
    PV_IRQ_DISABLE, /* entry.asm knows the first four */
    PV_IRQ_ENABLE,
    PV_IRET,
    PV_SYSEXIT,
    PV_SAVE_FL,
    PV_RESTORE_FL,
    PV_SAFE_HALT,
    PV_CPUID,
    PV_GET_DR,
    PV_SET_DR,
    PV_CLTS,
    PV_READ_CR0,
    PV_WRITE_CR0,
    PV_READ_CR2,
    PV_WRITE_CR2,
    PV_READ_CR3,
    PV_WRITE_CR3,
    PV_READ_CR4,
    PV_WRITE_CR4,
    PV_WBINVD,
    PV_READ_TSC,
    PV_LOAD_TR,
    PV_SET_LDT,
    PV_LOAD_GDT,
    PV_LOAD_IDT,
    PV_STORE_GDT,
    PV_STORE_IDT,
    PV_STORE_TR,
    PV_WRITE_LDT_ENTRY,
    PV_WRITE_GDT_ENTRY,
    PV_WRITE_IDT_ENTRY,
    PV_LOAD_SP0,
    PV_SET_IOPL,
    PV_IO_DELAY,
    PV_LAZY_CPU,
    PV_LAZY_MMU,
    PV_FLUSH_USER,
    PV_FLUSH_KERNEL,
    PV_FLUSH_SINGLE,
    PV_SET_PTE,
    PV_SET_PTE_AT,
    PV_SET_PTE_PRESENT,
    PV_SET_PMD,
    PV_SET_PUD,
    PV_PTE_CLEAR,
    PV_PTE_UPDATE,
    PV_ALLOC_PT,
    PV_ALLOC_PD,
    PV_ALLOC_PD_CLONE,
    PV_RELEASE_PT,
    PV_RELEASE_PD,
    PV_PTE_VALUE, /* an entry's value, and an entry of a value: the same on the bare machine */
    PV_APIC_READ,
    PV_APIC_WRITE,
    PV_STARTUP_IPI,
    PV_OPS
};

extern void *pv_ops[PV_OPS];
extern uint32_t pv_count[PV_OPS]; /* calls made, and those by the sites of entry.asm */
extern uint32_t pv_site_count[PV_OPS];
extern uint8_t pv_in_rom[PV_OPS]; /* they go to the ROM, directly or by a wrapper */
extern const char *pv_name;       /* "bare hardware" or "vmi" */
extern int is_pae;

typedef uint64_t REGPARM pv_function(uint32_t, uint32_t, uint32_t);

/* An operation with up to three arguments in registers. The place is 6 bytes long and can be
 * patched. */
#define PV_CALL(op, a, d, c)                                                                       \
    ({                                                                                             \
        uint32_t eax_ = (uint32_t)(a), edx_ = (uint32_t)(d), ecx_ = (uint32_t)(c);                 \
        pv_count[op]++;                                                                            \
        __asm__ volatile("771: call *%c[pointer]\n"                                                \
                         "772:\n"                                                                  \
                         ".pushsection pv_sites, \"a\"\n"                                          \
                         ".long 771b\n"                                                            \
                         ".byte %c[number], 772b - 771b, 0, 0\n"                                   \
                         ".popsection"                                                             \
                         : "+a"(eax_), "+d"(edx_), "+c"(ecx_)                                      \
                         : [pointer] "i"(&pv_ops[op]), [number] "i"(op)                            \
                         : "memory", "cc");                                                        \
        (uint64_t) edx_ << 32 | eax_;                                                              \
    })
#define PV_CALL2(op, a, d) PV_CALL(op, a, d, 0)
#define PV_CALL1(op, a)    PV_CALL(op, a, 0, 0)
#define PV_CALL0(op)       PV_CALL(op, 0, 0, 0)

static inline void irq_disable(void) {
    PV_CALL0(PV_IRQ_DISABLE);
}
static inline void irq_enable(void) {
    PV_CALL0(PV_IRQ_ENABLE);
}
static inline uint32_t pte_value(uint32_t pte) {
    return (uint32_t)PV_CALL1(PV_PTE_VALUE, pte);
}
static inline uint32_t save_flags(void) {
    return (uint32_t)PV_CALL0(PV_SAVE_FL);
}
static inline void restore_flags(uint32_t flags) {
    PV_CALL1(PV_RESTORE_FL, flags);
}

/* A place that may be patched: where an operation is called. */
struct pv_site {
    uint8_t *code;
    uint8_t op;
    uint8_t length;
    uint8_t pad[2];
};
extern const struct pv_site __start_pv_sites[], __stop_pv_sites[];
extern const struct pv_site pv_asm_sites[], pv_asm_sites_end[];

typedef uint32_t pv_patch(enum pv_op op, uint8_t *buffer, uint32_t address, uint32_t length);
/* Gives every place what `patch` makes of it: it returns the bytes in use, the rest becomes NOPs.
 */
void pv_apply(pv_patch *patch);
uint32_t pv_patch_native(enum pv_op op, uint8_t *buffer, uint32_t address, uint32_t length);
uint32_t pv_put_branch(uint8_t *buffer, uint8_t opcode, uint32_t address, uint32_t target);

/* ---- Finding and using a ROM ---- */

/* Looks for a ROM and switches to it when it is acceptable. Everything is said on the console. */
void vmi_init(void);
uint32_t vmi_rom_physical(void); /* 0: none in use */
extern int vmi_wrong_descriptors;
extern struct vmi_ap_state vmi_ap_state; /* that the startup hook tells the ROM */
/* A periodic alarm as IRQ0; 0: the ROM has no timer. */
int vmi_alarm_start(uint32_t hz);
void vmi_alarm_stop(void);

/* ---- Memory ---- */

#define DIRECT_MAP 0xC0000000u
#define USER_BASE  0x40000000u
#define USER_CODE  USER_BASE
#define USER_DATA  (USER_BASE + 0x1000)
#define USER_STACK (USER_BASE + 0x3000) /* top */
#define USER_ARENA (USER_BASE + 0x100000)
#define USER_END   (USER_BASE + 0x200000) /* one page table, in both formats */
#define PAGE_SIZE  4096u

struct mm {
    uint32_t cr3;
    uint32_t *directory; /* that has the user's entry */
    uint32_t *table;     /* the user's page table */
};

void memory_init(void);
/* A space for another processor, with what is this one's now behind the addresses of data and
 * stack: its CR3. There it begins with pages of its own. */
uint32_t memory_other(uint32_t number);
void memory_begin(uint32_t number);
void *page_new(void); /* zeroed */
void page_drop(uint32_t address);
uint32_t pages_free(void);
struct mm mm_new(void);
struct mm mm_fork(struct mm *parent);
void mm_free(struct mm *mm);
/* Unmapping drops the TLB once, as kernels do, and not page by page; never of a space that is not
 * in use. */
extern int mm_gathers;
void mm_unmap_arena(struct mm *mm);
/* Returns 0 when the fault is none that memory cures. */
int mm_fault(struct mm *mm, uint32_t address, uint32_t error);
void mm_map_code(struct mm *mm, const void *code, uint32_t size);
void mm_map_library(struct mm *mm);

/* ---- Tasks ---- */

/* What entry.asm pushes. */
struct frame {
    uint32_t ebx, ecx, edx, esi, edi, ebp, eax, ds, es;
    uint32_t vector, error;
    uint32_t eip, cs, eflags, esp, ss;
};
_Static_assert(sizeof(struct frame) == 64, "entry.asm knows these offsets");

enum { VECTOR_TIMER = 0x20, VECTOR_SYSCALL = 0x80, VECTOR_BAD_IRET = 0xFF };

extern uint32_t signals_sent, bad_returns, bad_returns_taken, forks, ticks, system_calls;
extern uint32_t bad_kinds_seen;
extern int ticks_by_alarm; /* wanted; 0 behind tasks_run: there are none */

struct load {
    uint32_t processes, rounds, turns;
    uint32_t steady;
};

void tasks_init(void);
/* Runs processes until they have done all. Steady: all that they do is the same in every run, so
 * that runs can be compared: no bad returns, and the ticks come by INT at fixed places. */
void tasks_run(const struct load *load);
void tasks_end(void);

/* ---- Other processors ---- */

/* What one has done; ended: its bad returns. */
struct outcome {
    uint32_t system_calls, forks, signals, kinds, ended;
};

uint32_t this_processor(void); /* 0: the first */
void processors_start(const struct load *load);
void processors_end(void);

/* ---- entry.asm ---- */

extern const uint8_t entry_stubs[], entry_syscall[], entry_sysenter[], entry_return[];
extern const uint8_t entry_iret_site[], entry_iret_fixup[];
extern const uint8_t native_iret[], native_sysexit[];
void entry_irq_disable(void); /* by sites like those of the ways in and out */
void entry_irq_enable(void);
void switch_stacks(uint32_t *save_esp, uint32_t load_esp);

/* ---- Costs ---- */

void cost_report(void);

/* ---- user.asm ---- */

extern const uint8_t user_start[], user_end[];
enum { USER_BAD_KINDS = 16 };

#endif
