/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A guest that tries the monitor: what it hides, what it protects, and to whom it listens. Prints
 * TAP to port E9h. Needs 64 MiB, of which the monitor has the 2 MiB at 60 MiB. */

#include "report.h"
#include "vmi/calls.h"
#include "vmi/hypercall.h"
#include "vmi/rom.h"

#define MONITOR_START 0x3C00000u
#define MONITOR_END   0x3E00000u
#define MSR_APIC_BASE 0x1Bu
#define MSR_PAT       0x277u
#define MSR_EFER      0xC0000080u
#define MSR_VM_CR     0xC0010114u
#define MSR_HSAVE     0xC0010117u
#define EFER_SVME     0x1000u
#define EFER_NONE     0x0000000100000000ull
#define CR4_NONE      0x80000000u
#define FAR_VALUE     0xFA12FA12u
#define BOOTED_ONCE   0x1B007EDu

static uint8_t *rom;
static uint8_t user_stack[1024];
static uint8_t copy[PAGE] __attribute__((aligned(4096)));

extern const uint8_t user_vmmcall[];
__asm__("user_vmmcall: .byte 0x0F, 0x01, 0xD9; int $0x80");

uint32_t fault_of(void (*fn)(void *), void *arg) {
    struct guest_fault fault;
    return guest_try(fn, arg, &fault) ? fault.frame.vector : NO_FAULT;
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf) {
    struct cpuid r = {leaf, 0, 0, 0};
    __asm__ volatile("cpuid" : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
    return r;
}

static void read_msr(void *msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"((uint32_t)msr));
}

static void set_svme(void *unused) {
    (void)unused;
    __asm__ volatile("rdmsr; orl %1, %%eax; wrmsr" ::"c"(MSR_EFER), "i"(EFER_SVME) : "eax", "edx");
}

/* Onto the monitor's memory, where the guest could not be watched. */
static void move_apic(void *unused) {
    (void)unused;
    __asm__ volatile("rdmsr; andl $0xFFF, %%eax; orl %1, %%eax; wrmsr" ::"c"(MSR_APIC_BASE),
                     "i"(MONITOR_START)
                     : "eax", "edx");
}

static void write_pat(void *entry) {
    __asm__ volatile("rdmsr; movb %b1, %%al; wrmsr" ::"c"(MSR_PAT), "b"(entry) : "eax", "edx");
}

static void do_vmmcall(void *unused) {
    (void)unused;
    __asm__ volatile(".byte 0x0F, 0x01, 0xD9" ::: "eax", "ecx", "edx");
}

static void do_vmrun(void *unused) {
    (void)unused;
    __asm__ volatile("xorl %%eax, %%eax; .byte 0x0F, 0x01, 0xD8" ::: "eax");
}

static void do_clgi(void *unused) {
    (void)unused;
    __asm__ volatile(".byte 0x0F, 0x01, 0xDD");
}

/* Calls the slot of CPUID in some page. */
static void call_cpuid(void *page) {
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    r.eax = VMI_HYPERVISOR_LEAF_FIRST;
    guest_call(&r, (uint32_t)page + VMI_CALL_OFFSET(VMI_CALL_CPUID), NULL, 0);
    *(volatile uint32_t *)user_stack = r.ebx;
}

/* The same for a call that traps whatever the policy. */
static void call_frequency(void *page) {
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    guest_call(&r, (uint32_t)page + VMI_CALL_OFFSET(VMI_CALL_GetCycleFrequency), NULL, 0);
}

static void set_bad_efer(void *unused) {
    (void)unused;
    native_wrmsr(MSR_EFER, native_rdmsr(MSR_EFER) | EFER_NONE);
}

static void set_bad_cr4(void *unused) {
    (void)unused;
    write_cr4(read_cr4() | CR4_NONE);
}

static void hides_svm(void) {
    same("cpuid_does_not_show_svm", 0, cpuid(0x80000001).ecx & 4);
    same("the_svm_leaf_is_empty", 0, cpuid(0x8000000A).edx);
    same("cpuid_shows_a_hypervisor", 1u << 31, cpuid(1).ecx & 1u << 31);
    same("cpuid_shows_the_signature", VMI_HYPERVISOR_EBX, cpuid(VMI_HYPERVISOR_LEAF_FIRST).ebx);
    same("vm_cr_is_not_there", VECTOR_GP, fault_of(read_msr, (void *)MSR_VM_CR));
    same("vm_hsave_pa_is_not_there", VECTOR_GP, fault_of(read_msr, (void *)MSR_HSAVE));
    same("svme_cannot_be_set", VECTOR_GP, fault_of(set_svme, NULL));
    same("efer_reads_without_svme", NO_FAULT, fault_of(read_msr, (void *)MSR_EFER));
    same("the_apic_cannot_be_moved", VECTOR_GP, fault_of(move_apic, NULL));
    same("a_memory_type_that_is_none_is_refused", VECTOR_GP, fault_of(write_pat, (void *)2));
    same("a_memory_type_is_taken", NO_FAULT, fault_of(write_pat, (void *)6));
    same("efer_has_no_other_bits", VECTOR_GP, fault_of(set_bad_efer, NULL));
    same("cr4_has_no_other_bits", VECTOR_GP, fault_of(set_bad_cr4, NULL));
    same("vmrun_is_undefined", VECTOR_UD, fault_of(do_vmrun, NULL));
    same("clgi_is_undefined", VECTOR_UD, fault_of(do_clgi, NULL));
}

static void listens_to_slots_only(void) {
    struct guest_entry entry;
    same("a_vmmcall_elsewhere_is_undefined", VECTOR_UD, fault_of(do_vmmcall, NULL));
    guest_entry_user(&entry, user_vmmcall, user_stack + sizeof(user_stack));
    same("a_vmmcall_of_a_user_is_undefined", VECTOR_UD, guest_enter(&entry));

    memset(user_stack, 0, 4);
    same("the_published_slot_is_served", NO_FAULT, fault_of(call_cpuid, rom));
    same("with_its_result", VMI_HYPERVISOR_EBX, *(volatile uint32_t *)user_stack);
    memcpy(copy, rom, PAGE);
    same("a_copy_is_served", NO_FAULT, fault_of(call_cpuid, copy));
    same("a_copy_of_a_trap_is_served", NO_FAULT, fault_of(call_frequency, copy));
    copy[VMI_CALL_OFFSET(VMI_CALL_GetCycleFrequency) + 9] ^= 1;
    same("a_false_copy_is_undefined", VECTOR_UD, fault_of(call_frequency, copy));
}

static void keeps_its_rom(void) {
    memcpy(copy, rom, PAGE);
    memset(rom, 0x5A, PAGE);
    same("writes_to_the_rom_are_lost", 0, (uint32_t)memcmp(copy, rom, PAGE));
    for (uint32_t i = 0; i < PAGE / 4; i++) {
        ((volatile uint32_t *)rom)[i] += 1;
    }
    same("changes_of_the_rom_are_lost", 0, (uint32_t)memcmp(copy, rom, PAGE));
    same("and_calls_go_on", NO_FAULT, fault_of(call_cpuid, rom));
}

/* Every byte of the monitor's own memory, twice: pages that lead to the decoy. */
static void keeps_its_memory(void) {
    for (uint32_t at = MONITOR_START; at < MONITOR_END; at += 4) {
        *(volatile uint32_t *)guest_at(at) = at;
    }
    memset(guest_at(MONITOR_START), 0xF4, MONITOR_END - MONITOR_START);
    same("it_lives_when_its_memory_is_written", NO_FAULT, fault_of(call_cpuid, rom));
}

/* Two bytes of the ROM, and two of a page that is not there. */
static void write_over_the_edge(void *linear) {
    *(volatile uint32_t *)((uint8_t *)linear + PAGE - 2) = 0;
}

static void bears_writes_that_fault(void) {
    struct guest_space space = guest_space_new(0);
    struct guest_fault fault = {.frame.vector = NO_FAULT};
    guest_map(&space, GUEST_FREE_MEMORY, (uint32_t)rom, PTE_RW);
    guest_unmap(&space, GUEST_FREE_MEMORY + PAGE);
    memcpy(copy, rom, PAGE);
    guest_paging_on(&space);
    native_sti();
    guest_try(write_over_the_edge, guest_at(GUEST_FREE_MEMORY), &fault);
    native_cli();
    guest_paging_off();
    same("a_write_over_the_edge_of_the_rom_faults", VECTOR_PF, fault.frame.vector);
    same("at_the_page_behind", GUEST_FREE_MEMORY + PAGE, fault.cr2);
    same("with_flags_as_they_were", EFLAGS_IF, fault.frame.eflags & (EFLAGS_IF | EFLAGS_TF));
    same("and_the_rom_is_as_it_was", 0, (uint32_t)memcmp(copy, rom, PAGE));
}

static void call_set_entry(void *at) {
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    r.eax = (uint32_t)at;
    r.edx = FAR_VALUE;
    guest_call(&r, (uint32_t)rom + VMI_CALL_OFFSET(VMI_CALL_SetPxE0), NULL, 0);
}

/* 512 GiB, where no machine here has anything, seen through PAE paging. */
static void read_far(void *linear) {
    *(volatile uint32_t *)linear += 1;
}

static void bears_wild_addresses(void) {
    struct guest_space space = guest_space_new(1);
    *(uint64_t *)guest_pte(&space, GUEST_FREE_MEMORY) = 1ull << 39 | PTE_P | PTE_RW;
    guest_paging_on(&space);
    same("it_lives_when_the_guest_goes_astray", NO_FAULT,
         fault_of(read_far, guest_at(GUEST_FREE_MEMORY)));
    same("and_calls_go_on_with_paging", NO_FAULT, fault_of(call_cpuid, rom));
    call_set_entry(guest_at(GUEST_FREE_MEMORY));
    same("and_find_what_it_finds", FAR_VALUE, *(volatile uint32_t *)guest_at(GUEST_FREE_MEMORY));
    guest_paging_off();
}

static void is_in_no_map(void) {
    int free = 0;
    for (uint32_t i = 0; i < guest_e820_count; i++) {
        const struct guest_e820_entry *e = &guest_e820[i];
        if (e->type == 1 && e->base < MONITOR_END && e->base + e->length > MONITOR_START) {
            free = 1;
        }
    }
    same("e820_gives_its_memory_to_nobody", 0, (uint32_t)free);
}

/* With an empty IDT every fault is a triple one. */
static void resets(void) {
    struct descriptor_pointer none = {0, 0, 0};
    guest_marker_set(BOOTED_ONCE);
    __asm__ volatile("lidt %0; ud2" ::"m"(*(const uint8_t(*)[6]) & none.limit));
}

void guest_main(const char *cmdline) {
    struct rom_found found[16];
    uint32_t count, roms = 0;
    (void)cmdline;
    guest_console_select(GUEST_TO_E9);
    if (guest_marker_get() == BOOTED_ONCE) {
        guest_marker_clear();
        guest_puts("ok - a_triple_fault_resets_the_machine\n# end\n");
        guest_exit(0x10);
    }
    rom = guest_at(guest_find_rom(found, 16, &count));
    for (uint32_t i = 0; i < count && i < 16; i++) {
        roms += found[i].verdict != ROM_NOT_VMI;
    }
    same("the_roms_of_both_apis_are_there", 2, roms);
    if (!rom) {
        guest_exit(1);
    }
    same("it_is_a_hypercall_rom", 1,
         *(const uint16_t *)(rom + VMI_HYPERCALL_POINTER) != 0 && (uint32_t)rom % PAGE == 0);
    hides_svm();
    listens_to_slots_only();
    keeps_its_rom();
    bears_writes_that_fault();
    keeps_its_memory();
    bears_wild_addresses();
    is_in_no_map();
    try_apic();
    try_processors(rom);
    resets();
}
