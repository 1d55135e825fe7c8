/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The tour guest: finds a VMI ROM of API 13, or of API 3.0 when the command line has api=3, makes
 * every call and prints what each did to the machine.
 *
 * Each call has one function show_... below; the table in main.c maps calls to functions. A call is
 * named by its slot here, which is its number in API 13; VMI3_SLOT_... are those that only API 3.0
 * has.
 * Such a function makes its call with vmi0() to vmi5(), inspects the machine with instructions of
 * its own, and leaves the machine as it found it: paging on in tour_space, interrupts off, all
 * lines of the interrupt controllers masked.
 */
#ifndef TOUR_H
#define TOUR_H

#include "guest.h"

#include <vmi/api.h>
#include <vmi/calls.h>
#include <vmi/rom.h>

/* ---- The ROM (rom.c) ---- */

/* Where the ROM is, and of which API. */
extern const void *tour_rom;
extern uint8_t tour_api;

/* API 3.0: asks GetRelocationInfo for every call, after Init. */
void tour_ask(void);
/* Whether the call exists; in API 3.0, whether GetRelocationInfo answered with it. */
int tour_has(uint32_t call);

/*
 * Looks for the ROM and sets tour_rom. Returns 1 when there is a usable one. With talk it prints
 * what it finds, and why a ROM is not usable.
 */
int tour_find_rom(int talk);
static inline const struct vmi_rom_header *tour_header(void) {
    return tour_rom;
}
uint32_t tour_rom_size(void); /* in bytes, from the header */
uint32_t tour_rom_crc(void);  /* CRC-32 of all of them */
const char *tour_manufacturer(void);
const char *tour_product(void);

/* ---- Calling the ROM ---- */

/*
 * The calling convention of API 13 is that of gcc's regparm(3): EAX, EDX, ECX, then the stack,
 * which the caller cleans up; EAX, ECX and EDX may be clobbered; results are in EAX or EDX:EAX. A
 * call uses as much of this signature as it needs. Calls that use other registers (CPUID, IN, OUT,
 * INS, OUTS, IRET, SYSEXIT) go through guest_call and guest_enter.
 */
typedef uint64_t vmi_function(uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t stack0,
                              uint32_t stack1) __attribute__((regparm(3)));

/* In API 13 the slot's address, in API 3.0 what GetRelocationInfo answered. */
uint32_t vmi_address(uint32_t call);
static inline uint64_t vmi5(uint32_t number, uint32_t eax, uint32_t edx, uint32_t ecx,
                            uint32_t stack0, uint32_t stack1) {
    return ((vmi_function *)vmi_address(number))(eax, edx, ecx, stack0, stack1);
}
/* Registers that a call does not take may hold anything. */
#define VMI_UNUSED 0xA5A5A5A5u

static inline uint64_t vmi4(uint32_t number, uint32_t eax, uint32_t edx, uint32_t ecx,
                            uint32_t stack0) {
    return vmi5(number, eax, edx, ecx, stack0, VMI_UNUSED);
}
static inline uint64_t vmi3(uint32_t number, uint32_t eax, uint32_t edx, uint32_t ecx) {
    return vmi5(number, eax, edx, ecx, VMI_UNUSED, VMI_UNUSED);
}
static inline uint64_t vmi2(uint32_t number, uint32_t eax, uint32_t edx) {
    return vmi3(number, eax, edx, VMI_UNUSED);
}
static inline uint64_t vmi1(uint32_t number, uint32_t eax) {
    return vmi2(number, eax, VMI_UNUSED);
}
static inline uint64_t vmi0(uint32_t number) {
    return vmi1(number, VMI_UNUSED);
}

/* ---- What a demonstration returns ---- */

/* TOUR_DIFFERS: right, and not as on the bare machine, for the kernel is not in ring 0. */
enum tour_verdict { TOUR_FAILED, TOUR_OK, TOUR_NOT_SHOWN, TOUR_DIFFERS };

enum { TOUR_TEXT = 44 }; /* width of the effect in a row, in characters */

/* Formats what was seen, like printf, for the row printed next. as_expected is the verdict. */
enum tour_verdict tour_effect(int as_expected, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum tour_verdict tour_differs(int as_expected, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For a call that cannot be shown on this machine: "needs a second processor". */
enum tour_verdict tour_not_shown(const char *why);

/* ---- Shared by the demonstrations (main.c) ---- */

extern struct guest_space tour_space;
extern uint32_t tour_init_status; /* what Init returned */
/* The kernel's ring: a hypervisor may have lowered it in Init. */
static inline uint32_t tour_ring(void) {
    uint32_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

/* user.asm: code for ring 3; each piece ends with INT 80h. */
extern const uint8_t tour_user_return[], tour_user_rdtsc[], tour_user_port[];
/* Runs code in ring 3 with these EFLAGS; returns the vector that ended it: 80h, or a fault. */
uint32_t tour_in_ring3(const void *code, uint32_t eflags);
/* Prepares an entry to ring 3 through a call of the ROM. */
void tour_ring3_entry(struct guest_entry *entry, uint32_t number, const void *code);

/* The vendor's name from the registers of CPUID leaf 0 (cpu.c). */
void tour_vendor(char text[13], uint32_t ebx, uint32_t ecx, uint32_t edx);

/* ---- The end (screen.c) ---- */

#define TOUR_NO_NUMBER 0xFFFFFFFFu

struct tour_row {
    uint32_t number; /* TOUR_NO_NUMBER: an entry of the header, not a numbered call */
    const char *name;
    enum tour_verdict verdict;
};
/* Draws the table of all calls on the VGA text screen, between two lines of text. */
void tour_screen(const char *title, const struct tour_row *rows, uint32_t count,
                 const char *verdict, int ok);

/* ---- The demonstrations, by file ---- */

typedef enum tour_verdict tour_function(void);

/* core.c */
tour_function show_init, show_get_relocation_info, show_get_reloc_3, show_set_callbacks,
    show_set_initial_ap_state, show_shutdown;
tour_function show_apic_write, show_apic_read, show_set_initial_ap_state_3, show_apic_write_3,
    show_apic_read_3;
/* cpu.c */
tour_function show_cpuid, show_wrmsr, show_rdmsr, show_rdpmc, show_rdtsc, show_set_cr0,
    show_set_cr2, show_set_cr3, show_set_cr4, show_get_cr0, show_get_cr2, show_get_cr3,
    show_get_cr4, show_invd, show_wbinvd, show_set_dr, show_get_dr, show_clts, show_pause;
/* descriptor.c */
tour_function show_set_gdt, show_set_ldt, show_set_idt, show_set_tr, show_get_gdt, show_get_ldt,
    show_get_idt, show_get_tr, show_write_gdt_entry, show_write_ldt_entry, show_write_idt_entry,
    show_update_kernel_stack, show_update_kernel_stack_3;
/* interrupt.c */
tour_function show_enable_interrupts, show_disable_interrupts, show_get_interrupt_mask,
    show_set_interrupt_mask, show_iret, show_sysexit, show_halt;
/* mmu.c */
tour_function show_set_pxe0, show_get_pxe, show_swap_pxe, show_set_pxe_long0, show_get_pxe_long,
    show_swap_pxe_long_atomic, show_test_and_set_pxe_bit, show_test_and_clear_pxe_bit,
    show_allocate_page, show_release_page, show_inval_page, show_flush_tlb,
    show_flush_deferred_calls, show_set_linear_mapping, show_deactivate_pxe_long_atomic,
    show_test_and_set_pxe_long_bit, show_test_and_clear_pxe_long_bit, show_set_pxe,
    show_set_pxe_long, show_allocate_page_3, show_release_page_3, show_update_pxe,
    show_update_pxe_long, show_machine_to_physical, show_physical_to_machine, show_set_lazy_mode;
/* io.c */
tour_function show_in, show_inb, show_inw, show_ins, show_insb, show_insw, show_out, show_outb,
    show_outw, show_outs, show_outsb, show_outsw, show_set_iopl_mask, show_io_delay;
/* time.c */
tour_function show_get_cycle_frequency, show_get_cycle_counter, show_set_alarm, show_cancel_alarm,
    show_get_wallclock_time, show_wallclock_updated;

#endif
