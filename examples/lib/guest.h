/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A small kernel library for guests that try VMI ROMs: boot, console, descriptors, traps, paging,
 * interrupts, a second CPU, and calls of ROM slots with every register under control.
 *
 * A kernel is examples/lib plus sources of its own that define
 *     void guest_main(const char *cmdline);
 * It is entered on the BSP in flat 32-bit protected mode, paging and interrupts off, with the
 * library's GDT, TSS and IDT loaded, the PICs remapped to vectors 20h..2Fh with all lines masked,
 * and CR4 as the firmware left it (0 on PCs). When it returns, guest_exit(0) is called.
 *
 * Physical memory: 0FE00h command line, 10000h kernel with .bss and stack (below 90000h), 8000h the
 * AP's trampoline, 100000h..2FFFFFh page pool, 300000h marker page, from 400000h on free for the
 * kernel (at least 16 MiB of RAM are assumed).
 */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

#define GUEST_AP_TRAMPOLINE  0x8000u
#define GUEST_POOL_START     0x100000u
#define GUEST_POOL_END       0x300000u
#define GUEST_MARKER_ADDRESS 0x300000u
#define GUEST_FREE_MEMORY    0x400000u

void guest_main(const char *cmdline);

/* The memory at a linear address. gcc must not see it: it takes small constants for null pointers.
 */
static inline void *guest_at(uint32_t address) {
    __asm__("" : "+r"(address));
    return (void *)address;
}

/* ---- Strings: there is no C library; gcc itself needs the mem functions. ---- */

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);

/*
 * Value of KEY=VALUE in a command line of blank-separated words, copied to value (cut to size - 1
 * characters). A bare KEY gives "". Returns 1 when the key is there, else 0.
 */
int guest_option(const char *cmdline, const char *key, char *value, size_t size);

/* ---- Console: every character goes to port E9h, COM1 and the VGA text screen (if any). ---- */

enum { GUEST_TO_E9 = 1, GUEST_TO_COM1 = 2, GUEST_TO_VGA = 4 };

/* Chooses the sinks (default: all three). Returns the previous choice. */
unsigned guest_console_select(unsigned sinks);
void guest_putc(char c);
void guest_puts(const char *s);

/* The text screen as a page: text in a field of width cells at row and column; all blank, without a
 * cursor. */
enum { GUEST_COLUMNS = 80, GUEST_ROWS = 25 };
void guest_screen_put(uint32_t row, uint32_t column, uint8_t attribute, const char *text,
                      uint32_t width);
void guest_screen_clear(uint8_t attribute);

/*
 * %s %c %d %i %u %x %X %p %% with flags '-' and '0', a width and a precision for %s, and l or ll:
 * %llx %llu %lld. Nothing else.
 */
void guest_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void guest_vprintf(const char *format, va_list args);
/* The same into a buffer; always terminated; returns the characters stored. */
int guest_vsnprintf(char *buffer, size_t size, const char *format, va_list args);
int guest_snprintf(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 64-bit division without libgcc. divisor must not be 0; *remainder may be NULL. */
uint64_t guest_divide(uint64_t dividend, uint32_t divisor, uint32_t *remainder);

/* ---- End of a run ---- */

/*
 * Ends the emulator: status to isa-debug-exit at port F4h (QEMU exits with (status << 1) | 1),
 * then "Shutdown" to port 8900h (Bochs exits with 1). The host cannot rely on the exit status
 * alone, so print the verdict first. Halts forever when neither device exists.
 */
void guest_exit(uint8_t status) __attribute__((noreturn));

/*
 * A word that survives a reset of the machine. guest_marker_get returns 0 when none is set (first
 * boot). The value must not be 0.
 */
uint32_t guest_marker_get(void);
void guest_marker_set(uint32_t value);
void guest_marker_clear(void);

/* Prints the message and a register dump if frame is not NULL, and ends the run with status 1. */
struct trap_frame;
void guest_panic(const struct trap_frame *frame, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* ---- BIOS memory map, as INT 15h AX=E820h returned it ---- */

struct guest_e820_entry {
    uint64_t base;
    uint64_t length;
    uint32_t type;
    uint32_t attributes;
};
_Static_assert(sizeof(struct guest_e820_entry) == 24, "E820 entry");

extern const struct guest_e820_entry guest_e820[32];
extern const uint32_t guest_e820_count;
extern const uint32_t guest_boot_drive;

/* ---- Descriptors ---- */

/* Fixed selectors. Kernel code, kernel data, user code and user data are in SYSENTER's order. */
enum {
    SEL_KCODE = 0x08,
    SEL_KDATA = 0x10,
    SEL_UCODE = 0x18 | 3,
    SEL_UDATA = 0x20 | 3,
    SEL_TSS = 0x28,
    SEL_DF_TSS = 0x30,
    SEL_CODE16 = 0x38,  /* base 0, 64 KiB, D = 0: rebase with guest_gdt_set */
    SEL_STACK16 = 0x40, /* base guest_stack16, 4 KiB, B = 0 */
    SEL_DATA16 = 0x48,  /* base 0, 64 KiB, DPL 0 */
    SEL_LDT = 0x50,     /* empty until guest_gdt_set */
    SEL_SPARE = 0x58    /* this and all behind it are free */
};
enum { GUEST_GDT_ENTRIES = 64 };

/* Access bytes (present, DPL 0) for guest_descriptor; OR in ACCESS_DPL3 for ring 3. */
enum {
    ACCESS_CODE = 0x9A,
    ACCESS_DATA = 0x92,
    ACCESS_LDT = 0x82,
    ACCESS_TSS = 0x89,
    ACCESS_DPL3 = 0x60
};
enum { GRANULAR_4K = 0x80, SIZE_32 = 0x40 };

struct descriptor_pointer { /* what LGDT, LIDT, SGDT and SIDT take: use the address of limit */
    uint16_t pad;
    uint16_t limit;
    uint32_t base;
};
_Static_assert(offsetof(struct descriptor_pointer, base) == 4, "limit and base are adjacent");

struct guest_tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map_base;
    uint8_t io_map[8192 + 1]; /* all ones: IOPL alone decides about ports */
};
_Static_assert(offsetof(struct guest_tss, io_map_base) == 102, "TSS layout");

extern uint64_t guest_gdt[GUEST_GDT_ENTRIES];
extern uint64_t guest_idt[256];
extern struct guest_tss guest_tss;
extern uint8_t guest_stack16[4096];

/* An 8-byte segment or system descriptor. flags: GRANULAR_4K | SIZE_32; limit in its unit. */
uint64_t guest_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);
/* An 8-byte 32-bit gate to SEL_KCODE: type 0xE interrupt, 0xF trap; dpl 0 or 3. */
uint64_t guest_gate(const void *handler, uint8_t type, uint8_t dpl);
/* Stores a descriptor in guest_gdt; does not reload anything. */
void guest_gdt_set(uint16_t selector, uint64_t descriptor);
/* Loads the library's GDT, IDT, TSS (busy bit cleared first), LDT 0 and all segment registers. */
void guest_descriptors_reset(void);
/* Loads IDTR again, behind a change of guest_idt: a hypervisor may hold a copy. */
void guest_descriptors_reload(void);
/* Rebuilds guest_idt: all vectors to the library's stubs, 80h and 81h callable from ring 3. */
void guest_idt_reset(void);
/* Address of the library's stub for a vector, for gates of your own. */
const void *guest_vector_stub(uint8_t vector);

/* ---- Traps ---- */

struct trap_frame {
    uint32_t gs, fs, es, ds; /* the real registers at the trap (zero after a trap out of V86) */
    uint32_t edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;                        /* only when the trap came from ring 3 or V86 */
    uint32_t v86_es, v86_ds, v86_fs, v86_gs; /* only when it came from V86 */
};
_Static_assert(sizeof(struct trap_frame) == 92, "glue.asm knows these offsets");

enum {
    EFLAGS_FIXED = 0x2,
    EFLAGS_CF = 0x1,
    EFLAGS_TF = 0x100,
    EFLAGS_IF = 0x200,
    EFLAGS_DF = 0x400,
    EFLAGS_IOPL = 0x3000,
    EFLAGS_NT = 0x4000,
    EFLAGS_RF = 0x10000,
    EFLAGS_VM = 0x20000,
    EFLAGS_AC = 0x40000,
    EFLAGS_ID = 0x200000
};

/*
 * Who gets a trap, in this order:
 *  1. the handler installed for its vector;
 *  2. vectors 20h..2Fh, the PICs: counted in guest_irq_count and acknowledged, after the handler if
 *     there is one;
 *  3. an active guest_enter: traps from the code it entered, or from the return itself;
 *  4. an active guest_try;
 *  5. panic.
 * A handler may change the frame; it must not use guest_try or guest_enter. esp and ss exist in its
 * frame only if (cs & 3) or EFLAGS_VM.
 */
typedef void guest_handler(struct trap_frame *frame);
/* Installs a handler (NULL removes it). Returns the previous one. */
guest_handler *guest_set_handler(uint8_t vector, guest_handler *handler);

struct guest_fault {
    uint32_t cr2, dr6;
    struct trap_frame frame; /* vector, error, eip, all registers */
};

/*
 * Runs fn(arg). Returns 0 when it returned, 1 when it raised an exception (any vector without a
 * handler that is not an IRQ), recorded in *fault. EFLAGS (IF too) are as before either way; after
 * a fault the segment registers are the kernel's. May be nested. BSP only.
 */
int guest_try(void (*fn)(void *), void *arg, struct guest_fault *fault);

/* ---- Ring 3, V86, 16-bit stacks ---- */

enum { ENTER_IRET = 0, ENTER_SYSEXIT = 1 };

struct guest_entry {
    /*
     * What to enter with. ENTER_IRET: eip, cs, eflags; with cs & 3 also esp, ss; with EFLAGS_VM the
     * v86 segments; all GPRs; ds, es, fs, gs are loaded before the transfer. ENTER_SYSEXIT: edx =
     * EIP, ecx = ESP, other GPRs and ds..gs, no frame.
     */
    struct trap_frame in;
    struct trap_frame out;   /* the state at the trap that came back */
    uint32_t target;         /* 0: the library's own IRETD (STI SYSEXIT); else an address to CALL */
    uint32_t kind;           /* ENTER_IRET or ENTER_SYSEXIT */
    uint32_t stack_selector; /* 0, or SEL_STACK16: SS at the moment of the CALL, frame on it */
    uint32_t esp_garbage;    /* ORed to ESP then: bits 31:16 */
};
_Static_assert(offsetof(struct guest_entry, target) == 184, "glue.asm knows these offsets");

/*
 * Enters code in ring 3, in V86 mode or in ring 0 as *entry says, and returns the vector of the
 * first trap without a handler that is not an IRQ: INT 80h by convention, or any exception, also
 * one of the transfer itself (then out.cs is SEL_KCODE and out.eip lies in the target). A target
 * that returns to its caller is reported as vector 6 (UD2 behind the CALL). The ring 3 code must
 * have its own stack. IRQs are served meanwhile if the entered EFLAGS have IF set. Not reentrant;
 * BSP only; it sets TSS.esp0. The caller's EFLAGS are restored.
 */
uint32_t guest_enter(struct guest_entry *entry);

/*
 * A ROM's UpdateKernelStack, once its Init may have lowered the kernel's ring: guest_enter calls it
 * with EDX = ESP0 and EAX as given here (the TSS, in API 3.0 its SS0). 0, as in the beginning: the
 * processor reads the TSS itself.
 */
extern uint32_t guest_tell_stack, guest_tell_stack_eax;
/* Likewise WriteGDTEntry, by which guest_gdt_set then stores. */
extern uint32_t guest_tell_gdt;

/* Fills entry->in for ring 3 at eip with stack esp: flat user selectors, patterns in the GPRs, IF
 * clear. */
void guest_entry_user(struct guest_entry *entry, const void *eip, void *esp);
/* The same for ring 0 (cs SEL_KCODE); the code runs on the caller's stack. */
void guest_entry_kernel(struct guest_entry *entry, const void *eip);
/*
 * The same for V86 with IOPL 3: code must lie below 1 MiB; CS:IP has the lowest possible IP. stack
 * is an address below 1 MiB (its top).
 */
void guest_entry_v86(struct guest_entry *entry, const void *code, void *stack);

/* Writes MSRs 174h..176h: cs = SEL_KCODE, and an entry that panics (return by INT 80h instead). */
void guest_sysenter_setup(void);

/* ---- Calling a ROM slot ---- */

struct call_regs {
    uint32_t edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
    uint32_t eflags;         /* in: loaded (keep EFLAGS_FIXED); out: as the callee left them */
    uint32_t set_segments;   /* in: nonzero loads ds..gs below before the call */
    uint32_t ds, es, fs, gs; /* out: as the callee left them */
    uint32_t esp_delta;      /* out: ESP after the return minus ESP before the CALL: must be 0 */
    uint32_t args_changed;   /* out: number of stack arguments whose words differ afterwards */
};
_Static_assert(offsetof(struct call_regs, args_changed) == 60, "glue.asm knows these offsets");

/*
 * Loads EAX..EDI, EBP, EFLAGS (and DS..GS) from *r, pushes count words so that args[0] is at
 * [ESP+4] of the callee, CALLs target near, stores everything back into *r, removes the words.
 * EFLAGS and the segments of the caller are restored. Uses static memory: BSP only, not reentrant;
 * may run inside guest_try.
 */
void guest_call(struct call_regs *r, uint32_t target, const uint32_t *args, uint32_t count);
/* Patterns in every register derived from seed, EFLAGS_FIXED, set_segments 0, kernel selectors. */
void guest_call_regs_init(struct call_regs *r, uint32_t seed);

/* ---- Paging ---- */

enum {
    PTE_P = 1,
    PTE_RW = 2,
    PTE_US = 4,
    PTE_A = 0x20,
    PTE_D = 0x40,
    PTE_PS = 0x80,
    PTE_G = 0x100
};
enum {
    CR0_PE = 1,
    CR0_MP = 2,
    CR0_EM = 4,
    CR0_TS = 8,
    CR0_ET = 0x10,
    CR0_NE = 0x20,
    CR0_WP = 0x10000
};
#define CR0_CD 0x40000000u
#define CR0_NW 0x20000000u
#define CR0_PG 0x80000000u
enum { CR4_DE = 8, CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_PGE = 0x80 };

struct guest_space {
    uint32_t cr3;
    uint32_t pae; /* 0: two levels of 32-bit entries; 1: three levels of 64-bit entries */
};

/* A zeroed 4 KiB page from the pool (identity mapped in every space made below). Panics when the
 * pool is empty. */
void *guest_page_alloc(void);
/* Frees every pool page: no space made before may be used afterwards. */
void guest_page_free_all(void);
/* An address space that identity maps the first 16 MiB and the APICs' pages with 4 KiB user pages.
 */
struct guest_space guest_space_new(int pae);
/* An address space with a directory of its own and the same page tables as from. */
struct guest_space guest_space_clone(const struct guest_space *from);
/*
 * The entry that maps linear with a 4 KiB page: uint32_t, or uint64_t in a PAE space. A missing
 * page table is allocated. guest_pde is the directory's entry; it allocates nothing (a PAE space
 * has all its directories from the start).
 */
void *guest_pte(const struct guest_space *space, uint32_t linear);
void *guest_pde(const struct guest_space *space, uint32_t linear);
/* Maps the page, flags as in the entry (PTE_P is added). guest_unmap clears it. Neither flushes the
 * TLB. */
void guest_map(const struct guest_space *space, uint32_t linear, uint32_t phys, uint32_t flags);
void guest_unmap(const struct guest_space *space, uint32_t linear);
/* Sets CR4.PAE as needed, CR3 and CR0.PG. Turning off clears PG, then PAE, PGE and PSE. */
void guest_paging_on(const struct guest_space *space);
void guest_paging_off(void);

/* ---- PIC, PIT ---- */

extern volatile uint32_t guest_irq_count[16];

void guest_pic_mask(uint8_t line);   /* all lines are masked at start */
void guest_pic_unmask(uint8_t line); /* for lines 8..15 the cascade too */
/* A bit per line that the PICs hold as requested (IRR). */
uint16_t guest_pic_pending(void);
/* PIT channel 0, about hz interrupts a second on line 0 (19..100000). Unmasks nothing. */
void guest_pit_periodic(uint32_t hz);
/* One interrupt on line 0 after ticks (1..65535) of 1.193182 MHz. Comes before guest_pic_unmask():
 * it takes an older request back, which would come as a spurious interrupt of line 7. */
void guest_pit_oneshot(uint16_t ticks);
/* No further interrupts; one last request may still come. */
void guest_pit_stop(void);
/* Busy wait on PIT channel 2, not channel 0. At most 50000 at a time. */
void guest_delay_us(uint32_t us);

/* ---- Local APIC, second CPU ---- */

enum { APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_EOI = 0xB0, APIC_SVR = 0xF0 };
enum {
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350
};
enum { APIC_LVT_LINT1 = 0x360, APIC_TIMER_INITIAL = 0x380, APIC_TIMER_CURRENT = 0x390 };
enum { APIC_TIMER_DIVIDE = 0x3E0 };

/* 1 when CPUID says that there is a local APIC. */
int guest_apic_present(void);
/* Linear = physical address of its registers. */
uint32_t guest_apic_base(void);
uint32_t guest_apic_read(uint32_t reg);
void guest_apic_write(uint32_t reg, uint32_t value);
/* Software-enables it: virtual wire on LINT0 (the PIC still interrupts), timer masked. */
void guest_apic_enable(void);
uint32_t guest_apic_id(void);
/* Fixed IPI to one APIC ID; waits (bounded) for delivery. The receiver must write APIC_EOI. */
void guest_apic_send_ipi(uint32_t apic_id, uint8_t vector);

/* Number of processors by the BIOS's MP table and CPUID; 0: there is no table. */
uint32_t guest_processors(void);
/*
 * Starts the AP by INIT and STARTUP; it runs fn(arg) in flat protected mode, paging and interrupts
 * off, on a stack of its own with the kernel's GDT and IDT, then halts with interrupts off. Returns
 * 0 when it has started, -1 when there is no APIC, one CPU only, or no AP answers: within 0.2 s
 * where the BIOS does not tell how many there are, else within 10 s. May be used again after the AP
 * is done, or to take it away from what it does. A trap on the AP without a handler panics.
 */
int guest_ap_start(void (*fn)(void *), void *arg);
/* 1 once fn has returned. */
int guest_ap_done(void);
/* 1 when the caller runs on the AP. */
int guest_on_ap(void);

/* ---- Finding a ROM ---- */

enum rom_verdict {
    ROM_GOOD,
    ROM_NOT_VMI,       /* AA55 without "cVmi": some other option ROM */
    ROM_BAD_LENGTH,    /* length byte 0, or the image extends past E0000h */
    ROM_BAD_CHECKSUM,  /* bytes do not sum to 0 */
    ROM_FOREIGN_MAJOR, /* another API major than the one asked for */
    ROM_UNUSED         /* good, but one at a lower address is used */
};

struct rom_found {
    uint32_t phys;
    uint32_t size; /* from the length byte */
    uint8_t major, minor;
    uint8_t sum; /* 8-bit sum over size bytes */
    enum rom_verdict verdict;
};

/*
 * Scans C0000h..DFFFFh in steps of 2 KiB for AA55 and checks what it finds. Stores up to max
 * results in list and their number in *count. Returns the first good one's physical address, or 0.
 */
uint32_t guest_find_rom(struct rom_found *list, uint32_t max, uint32_t *count);
/* The same for another API major than 13. */
uint32_t guest_find_rom_of(uint8_t major, struct rom_found *list, uint32_t max, uint32_t *count);
const char *guest_rom_verdict_name(enum rom_verdict verdict);
/* 8-bit sum of size bytes. */
uint8_t guest_sum(const void *data, uint32_t size);

/* ---- Instructions ---- */

/* NOLINTBEGIN(bugprone-macro-parentheses): a function's name takes none */
#define GUEST_READ_REGISTER(name, instruction)                                                     \
    static inline uint32_t name(void) {                                                            \
        uint32_t value;                                                                            \
        __asm__ volatile(instruction : "=r"(value) : : "memory");                                  \
        return value;                                                                              \
    }
#define GUEST_WRITE_REGISTER(name, instruction)                                                    \
    static inline void name(uint32_t value) {                                                      \
        __asm__ volatile(instruction : : "r"(value) : "memory");                                   \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
GUEST_READ_REGISTER(read_cr0, "mov %%cr0, %0")
GUEST_READ_REGISTER(read_cr2, "mov %%cr2, %0")
GUEST_READ_REGISTER(read_cr3, "mov %%cr3, %0")
GUEST_READ_REGISTER(read_cr4, "mov %%cr4, %0")
GUEST_READ_REGISTER(read_dr0, "mov %%db0, %0")
GUEST_READ_REGISTER(read_dr1, "mov %%db1, %0")
GUEST_READ_REGISTER(read_dr2, "mov %%db2, %0")
GUEST_READ_REGISTER(read_dr3, "mov %%db3, %0")
GUEST_READ_REGISTER(read_dr6, "mov %%db6, %0")
GUEST_READ_REGISTER(read_dr7, "mov %%db7, %0")
GUEST_READ_REGISTER(read_eflags, "pushfl; popl %0")
GUEST_WRITE_REGISTER(write_cr0, "mov %0, %%cr0")
GUEST_WRITE_REGISTER(write_cr2, "mov %0, %%cr2")
GUEST_WRITE_REGISTER(write_cr3, "mov %0, %%cr3")
GUEST_WRITE_REGISTER(write_cr4, "mov %0, %%cr4")
GUEST_WRITE_REGISTER(write_dr0, "mov %0, %%db0")
GUEST_WRITE_REGISTER(write_dr1, "mov %0, %%db1")
GUEST_WRITE_REGISTER(write_dr2, "mov %0, %%db2")
GUEST_WRITE_REGISTER(write_dr3, "mov %0, %%db3")
GUEST_WRITE_REGISTER(write_dr6, "mov %0, %%db6")
GUEST_WRITE_REGISTER(write_dr7, "mov %0, %%db7")
#undef GUEST_READ_REGISTER
#undef GUEST_WRITE_REGISTER

/* Whether a hypervisor keeps the interrupt flag: ring 1 with IOPL 0. PUSHF shows its own then, and
 * POPF changes neither. */
static inline int guest_flag_is_kept(void) {
    uint32_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return (cs & 3) == 1 && !(read_eflags() & EFLAGS_IOPL);
}

static inline void write_eflags(uint32_t value) {
    __asm__ volatile("pushl %0; popfl" : : "r"(value) : "memory", "cc");
}
static inline void native_invlpg(uint32_t linear) {
    __asm__ volatile("invlpg (%0)" : : "r"(linear) : "memory");
}
static inline void native_cli(void) {
    __asm__ volatile("cli" : : : "memory");
}
static inline void native_sti(void) {
    __asm__ volatile("sti" : : : "memory");
}
static inline void native_halt(void) {
    __asm__ volatile("hlt" : : : "memory");
}
static inline void native_pause(void) {
    __asm__ volatile("pause" : : : "memory");
}
static inline uint64_t native_rdtsc(void) {
    uint64_t value;
    __asm__ volatile("rdtsc" : "=A"(value));
    return value;
}
static inline uint64_t native_rdmsr(uint32_t msr) {
    uint64_t value;
    __asm__ volatile("rdmsr" : "=A"(value) : "c"(msr));
    return value;
}
static inline void native_wrmsr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" : : "c"(msr), "A"(value) : "memory");
}
static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline uint16_t inw(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline uint32_t inl(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void outw(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void outl(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void native_sgdt(struct descriptor_pointer *p) {
    __asm__ volatile("sgdt %0" : "=m"(*(uint8_t(*)[6]) & p->limit));
}
static inline void native_sidt(struct descriptor_pointer *p) {
    __asm__ volatile("sidt %0" : "=m"(*(uint8_t(*)[6]) & p->limit));
}

/* CPUID; regs gets EAX, EBX, ECX, EDX. */
static inline void native_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4]) {
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(subleaf));
}
/* EDX of leaf 1. */
enum {
    CPU_PSE = 1 << 3,
    CPU_TSC = 1 << 4,
    CPU_MSR = 1 << 5,
    CPU_PAE = 1 << 6,
    CPU_CX8 = 1 << 8,
    CPU_APIC = 1 << 9,
    CPU_SEP = 1 << 11,
    CPU_PGE = 1 << 13
};
/* Whether the processor has CPUID, and CR4. */
extern int guest_has_cpuid;
static inline uint32_t guest_cpu_features(void) {
    uint32_t regs[4];
    if (!guest_has_cpuid) {
        return 0;
    }
    native_cpuid(1, 0, regs);
    return regs[3];
}

#endif
