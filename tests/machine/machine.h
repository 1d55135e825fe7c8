/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The machine tests: a kernel that calls a native VMI ROM and looks at what the processor and the
 * devices did. Each test names the calls it covers; every call made through here is checked against
 * the table as well: result and scratch registers only, ESP, stack words, segments, flags.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

enum { MAX_CALLS = 14, SLOT_SIZE = 32 };

/*
 * Calls are named by their slots, in both APIs: VMI_CALL_..., and VMI3_SLOT_... for those that only
 * API 3.0 has. An image of API 3.0 has to answer with all that a native image can serve.
 */

struct test {
    const char *name;
    void (*run)(void);
    uint8_t flags;
    uint8_t calls[MAX_CALLS]; /* calls it would see broken; 0 ends */
};
enum {
    TWICE = 1, /* once from the ROM, once from a page-aligned copy in RAM */
    ANY = 2,   /* one of its calls is enough; without it an API that lacks one lacks the test */
    OURS = 4,  /* it asks for more than the ABI: for what our native images do */
    RING0 = 8  /* it looks at what only ring 0 sees */
};

/* Each file's tests, ended by one without a name. */
extern const struct test processor_tests[], descriptor_tests[], interrupt_tests[], transfer_tests[];
extern const struct test port_tests[], tlb_tests[], entry_tests[], race_tests[], alias_tests[];
extern const struct test quiet_tests[], power_tests[], link_tests[];

/* ---- Verdicts: the first failure of a test counts, some later ones are printed ---- */

void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void skip(const char *reason);
/* Fails unless seen == expected. */
void equal(const char *what, uint32_t seen, uint32_t expected);

/* The test that was run last, or is running. */
extern struct verdict {
    uint32_t failed;     /* times */
    const char *skipped; /* why, or NULL */
    uint32_t call;       /* the last call before the first failure, 0: none */
    char text[96];       /* of the first failure */
} verdict;
extern uint8_t calls_made[VMI_CALL_SLOTS]; /* by it */
extern uint32_t last_call;

/* ---- The ROM ---- */

/* The image that is tested from now on, before its Init. */
void use_image(uint32_t api, uint32_t minor, uint32_t physical, uint32_t size);
/* Finds where its calls are. Paging is off, or the answers could be those of the alias. */
void find_entries(void);
/* API 3.0: whether the image has what it answers with, or is to answer with all that a native one
 * can serve. */
void ask_image(int really);
/* Init as the ABI has it, with paging on; afterwards it is off. Returns its status: 0 is success.
 */
uint32_t init_image(void);
/* The ABI's name. */
const char *call_name(uint32_t call);

extern uint32_t rom_physical;    /* where the BIOS put it */
extern uint32_t rom_size;        /* of the image */
extern uint32_t rom_base;        /* where calls go now: the ROM or the copy */
extern const uint8_t *rom_first; /* the image as it was at the start of the run */

extern uint32_t rom_api; /* 13 or 3 */
extern uint32_t rom_minor;

/* 0, or what a hypervisor has made of it in Init. */
uint32_t kernel_ring(void);
/* Whether an address is that of a call's code, wherever the calls are. */
int is_in_calls(uint32_t address);
/* EFLAGS as they are to be compared: in ring 1 IOPL is not the kernel's. */
static inline uint32_t kernel_flags(uint32_t eflags) {
    return kernel_ring() ? eflags & ~(uint32_t)EFLAGS_IOPL : eflags;
}

/* Where a call is entered: its slot, or in API 3.0 what GetRelocationInfo answered without paging.
 */
uint32_t call_target(uint32_t call);
/* Whether this API has the call, and a native image serves it. */
int has_call(uint32_t call);
/* The number that GetRelocationInfo takes for it. */
uint32_t call_number(uint32_t call);
/* The slot of a number, 0: the image answers with none. */
uint32_t call_of_number(uint32_t number);

/* The calls that take other arguments in API 3.0, so that each API has a slot for them. */
static inline uint32_t allocate_page(void) {
    return has_call(VMI_CALL_AllocatePage) ? VMI_CALL_AllocatePage : VMI3_SLOT_AllocatePage;
}
static inline uint32_t release_page(void) {
    return has_call(VMI_CALL_ReleasePage) ? VMI_CALL_ReleasePage : VMI3_SLOT_ReleasePage;
}

/*
 * Calls a slot with patterned registers but EAX, EDX, ECX, no stack words. Returns EAX; all results
 * are in result.
 */
extern struct call_regs result;
uint32_t vmi(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx);
uint32_t vmi_words(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx, const uint32_t *words,
                   uint32_t count);
/* The same with *r under the caller's control (guest_call_regs_init it first); the results in *r.
 */
void vmi_registers(uint32_t call, struct call_regs *r, const uint32_t *words, uint32_t count);
/*
 * Makes the call where a fault may be expected. Returns the vector, or -1 when it returned: then *r
 * holds the results. A fault that was raised outside the image fails the test.
 */
int32_t vmi_fault(uint32_t call, struct call_regs *r, struct guest_fault *fault);

/* Runs fn(arg); returns the vector of the fault it raised, or -1. */
int32_t vector_of(void (*fn)(void *), void *arg, struct guest_fault *fault);

/* ---- The machine ---- */

extern uint32_t features;   /* CPUID 1 EDX */
extern uint32_t boot_phase; /* 0, or what a test that resets left behind; then it is run again */

/* CR4, 0: this processor has none. */
static inline uint32_t kernel_cr4(void) {
    return guest_has_cpuid ? read_cr4() : 0;
}

/* Once, before the first test: from then on machine_reset knows what to go back to. */
void machine_start(void);
void machine_reset(void);
/* Whether the API has the calls of the test. */
int is_possible(const struct test *t);
/* Runs it, with a fault in it as a failure; its verdict is in `verdict`. */
void run_test(const struct test *t);

/* Sets what the next boot sees as boot_phase for the running test. */
void expect_reset(uint32_t phase);

/* An IRQ0 that the PIC holds back: unmasked, IF must be clear. Fails when it does not come. */
int make_irq0_pending(void);
/* Takes what is pending and masks everything. */
void drain_interrupts(void);

/* ---- probes.asm ---- */

/* Calls target with EAX; the interrupt that is pending then must see EIP = probe_call_site_next. */
void probe_call_site(uint32_t target, uint32_t eax);
extern const uint8_t probe_call_site_next[];
/* Ring 3 or ring 0: INT 80h at once. */
extern const uint8_t probe_return[];
/* Targets of guest_enter: they load probe_live_eflags and return through the frame, by an IRETD of
 * their own or by a CALL rel32 to the address last given to probe_called_iret_to. The instruction
 * stands at ..._site. */
extern const uint8_t probe_native_iret[], probe_native_iret_site[];
extern const uint8_t probe_called_iret[], probe_called_iret_site[];
void probe_called_iret_to(uint32_t address);
extern uint32_t probe_live_eflags;
/* For the gates 10 to 13, 32 bytes each: they note EFLAGS and the stack pointer and go on at
 * probe_handler_next[]. */
extern const uint8_t probe_handlers[];
extern uint32_t probe_handler_next[4], probe_handler_eflags, probe_handler_esp;
/* Ring 3: INT 81h, then INT 80h. */
extern const uint8_t probe_int81[];
/* Ring 3: IN AL,DX, then INT 80h. */
extern const uint8_t probe_in[];
/* V86: INT 80h. */
extern const uint8_t probe_v86[];
/* 16-bit protected mode code: INT 80h. */
extern const uint8_t probe_code16[];
/* Ring 3: a loop of about EAX rounds, then INT 80h. */
extern const uint8_t probe_loop[];

/* FNINIT; #NM while CR0.TS is set. */
void probe_fpu(void *);

/* Code to be copied above 4 MiB: see probes.asm. */
struct alias_probe {
    uint32_t directory; /* linear address of the page directory, above 4 MiB */
    uint32_t stack;     /* top of a stack above 4 MiB */
    uint32_t saved_esp;
    uint32_t target[4]; /* called one after another with EAX = argument */
    uint32_t argument[4];
    uint32_t result[4];
};
_Static_assert(sizeof(struct alias_probe) == 60, "probes.asm knows these offsets");
void probe_without_low_memory(struct alias_probe *);
extern const uint8_t probe_without_low_memory_end[];

/* Makes one call in another address space whose low memory is not the kernel's: p lies above. */
struct elsewhere_probe {
    uint32_t cr3, target, argument, result;
};
void probe_elsewhere(struct elsewhere_probe *p);

#endif
