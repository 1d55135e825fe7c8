/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A guest that tries what ring 1 is about: Inits that have to be refused, instructions that only
 * ring 0 has, steps and breakpoints through calls, ports by the TSS, double faults, NMIs, SYSENTER,
 * the directory's last entry, other processors. Prints TAP; what an engine lacks is skipped.
 */

#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

enum { VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_UD = 6, VECTOR_GP = 13, VECTOR_PF = 14 };
enum { VECTOR_RETURN = 0x80, PORT_CMOS = 0x70, LAST_ENTRY = 1023 };
#define HYPERVISOR 0xFFC00000u
#define ENTRIES    0xFFC01000u
#define PRIVATE    0xFFC03000u
#define APIC_ICR   0x300u

static uint32_t rom, number;
static struct guest_space space;

static void report(const char *name, int good, uint32_t seen) {
    number++;
    guest_printf("%s - %s\n", good ? "ok" : "not ok", name);
    if (!good) {
        guest_printf("# seen: %08x\n", seen);
    }
}

static void skip(const char *name, const char *why) {
    guest_printf("ok - %s # SKIP %s\n", name, why);
}

typedef uint64_t call_function(uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t stack0,
                               uint32_t stack1) __attribute__((regparm(3)));

static uint64_t call_at(uint32_t base, uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx,
                        uint32_t word) {
    return ((call_function *)(base + call * VMI_CALL_SIZE))(eax, edx, ecx, word, 0);
}

static uint64_t vmi(uint32_t call, uint32_t eax, uint32_t edx) {
    return call_at(rom, call, eax, edx, 0, 0);
}

static uint32_t ring(void) {
    uint32_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

/* ---- Init ---- */

/* The TLB has pages of the guest's own, global ones, where the hypervisor will be. */
static void know_its_pages(void) {
    if (!(guest_cpu_features() & 0x2000)) {
        return;
    }
    for (uint32_t at = HYPERVISOR; at < HYPERVISOR + 0x50000; at += 0x1000) {
        guest_map(&space, at, GUEST_FREE_MEMORY, PTE_RW | PTE_G);
    }
    write_cr4(read_cr4() | CR4_PGE);
    write_cr3(space.cr3);
    for (uint32_t at = HYPERVISOR; at < HYPERVISOR + 0x50000; at += 0x1000) {
        (void)*(volatile uint32_t *)guest_at(at);
    }
}

static void try_inits(void) {
    const struct descriptor_pointer nowhere = {.limit = 0x7FF, .base = 0xE0000000};
    struct descriptor_pointer idtr;
    uint32_t copy = GUEST_FREE_MEMORY + 0x100000, *directory, before;
    report("init_refuses_without_paging", (uint32_t)vmi(VMI_CALL_Init, 0, 0) == 0xFFFFFFFF, ring());
    space = guest_space_new(0);
    guest_paging_on(&space);
    directory = guest_at(space.cr3);
    before = directory[LAST_ENTRY];
    memcpy(guest_at(copy), guest_at(rom), 16384);
    report("init_refuses_in_a_copy",
           (uint32_t)call_at(copy, VMI_CALL_Init, 0, 0, 0, 0) == 0xFFFFFFFF && ring() == 0, ring());
    report("a_refused_init_leaves_the_directory", directory[LAST_ENTRY] == before,
           directory[LAST_ENTRY]);
    know_its_pages();
    native_sidt(&idtr);
    __asm__ volatile("lidt %0"
                     :
                     : "m"(*(const uint8_t(*)[6]) &
                           nowhere.limit)); /* as the BIOS's is where page 0 is not mapped */
    report("init_takes_the_kernel", (uint32_t)vmi(VMI_CALL_Init, 0, 0) == 0, 0);
    vmi(VMI_CALL_SetIDT, (uint32_t)&idtr.limit, 0);
    report("the_kernel_is_in_ring_1", ring() == 1, ring());
    report("init_refuses_a_second_time", (uint32_t)vmi(VMI_CALL_Init, 0, 0) == 0xFFFFFFFF, 0);
    guest_tell_gdt = rom + VMI_CALL_WriteGDTEntry * VMI_CALL_SIZE;
    guest_tell_stack = rom + VMI_CALL_UpdateKernelStack * VMI_CALL_SIZE;
    guest_tell_stack_eax = (uint32_t)&guest_tss;
}

/* What the BIOS gave away before. */
static void try_memory_map(void) {
    uint32_t block = ((volatile uint32_t *)guest_at(HYPERVISOR))[1], taken = 0;
    for (uint32_t i = 0; i < guest_e820_count; i++) {
        const struct guest_e820_entry *e = &guest_e820[i];
        taken |= e->type == 1 && e->base < block + 0x50000u && block < e->base + e->length;
    }
    report("the_bios_keeps_the_hypervisors_memory", block && !taken, block);
}

/* ---- Instructions ---- */

/* NOLINTBEGIN(bugprone-macro-parentheses): an asm statement takes none */
#define INSTRUCTION(name, text)                                                                    \
    static void do_##name(void *arg) {                                                             \
        (void)arg;                                                                                 \
        /* NOLINTNEXTLINE(bugprone-macro-parentheses) */                                           \
        __asm__ volatile(text : : : "eax", "ecx", "edx", "memory", "cc");                          \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
INSTRUCTION(clts, "clts")
INSTRUCTION(lmsw, "smsw %%ax; lmsw %%ax")
INSTRUCTION(wbinvd, "wbinvd")
INSTRUCTION(invd, "invd")
INSTRUCTION(invlpg, "invlpg 0x1234")
INSTRUCTION(invlpg_16, ".code32; .byte 0x67; .byte 0x0F, 0x01, 0x38")
INSTRUCTION(cr0, "mov %%cr0, %%eax; mov %%eax, %%cr0")
INSTRUCTION(cr3, "mov %%cr3, %%eax; mov %%eax, %%cr3")
INSTRUCTION(cr4, "mov %%cr4, %%eax; mov %%eax, %%cr4")
INSTRUCTION(dr, "mov %%db7, %%eax; mov %%eax, %%db7")
INSTRUCTION(lldt, "xor %%eax, %%eax; lldt %%ax")
INSTRUCTION(ss, "push %%ss; pop %%eax; and $~3, %%eax; mov %%ax, %%ss; push %%eax; pop %%ss")
INSTRUCTION(int_1f, "int $0x1f")
INSTRUCTION(int_gone, "int $0x95")
INSTRUCTION(bad_msr, "mov $0x12345678, %%ecx; rdmsr")
INSTRUCTION(cr1, ".byte 0x0F, 0x20, 0xC8")
INSTRUCTION(cli, "cli; sti; cli; pushf; popf")

static uint32_t fault_of(void (*fn)(void *), void *arg) {
    struct guest_fault fault;
    return guest_try(fn, arg, &fault) ? fault.frame.vector : 0xFFFFFFFF;
}

static void try_instructions(void) {
    static const struct {
        const char *name;
        void (*run)(void *);
        uint32_t vector;
    } list[] = {
        {"clts_is_done", do_clts, 0xFFFFFFFF},
        {"lmsw_is_done", do_lmsw, 0xFFFFFFFF},
        {"wbinvd_is_done", do_wbinvd, 0xFFFFFFFF},
        {"invd_is_done", do_invd, 0xFFFFFFFF},
        {"invlpg_is_done", do_invlpg, 0xFFFFFFFF},
        {"invlpg_with_16_bit_addresses_is_done", do_invlpg_16, 0xFFFFFFFF},
        {"mov_cr0_is_done", do_cr0, 0xFFFFFFFF},
        {"mov_cr3_is_done", do_cr3, 0xFFFFFFFF},
        {"mov_cr4_is_done", do_cr4, 0xFFFFFFFF},
        {"mov_dr_is_done", do_dr, 0xFFFFFFFF},
        {"lldt_is_done", do_lldt, 0xFFFFFFFF},
        {"ss_of_ring_0_is_loaded", do_ss, 0xFFFFFFFF},
        {"cli_and_popf_are_the_kernels_own", do_cli, 0xFFFFFFFF},
        {"mov_cr1_is_no_instruction", do_cr1, VECTOR_UD},
    };
    for (uint32_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        uint32_t vector = fault_of(list[i].run, NULL);
        report(list[i].name, vector == list[i].vector, vector);
    }
    uint32_t bad = fault_of(do_int_1f, NULL);
    report("int_1f_is_the_guests_where_it_is_no_call", bad == 0x1F, bad);
    guest_idt[0x95] &= ~(0x8000ull << 32);
    guest_descriptors_reload();
    bad = fault_of(do_int_gone, NULL);
    report("int_of_a_gate_that_is_not_present_is_np", bad == 11, bad);
    guest_idt_reset();
    guest_descriptors_reload();
    bad = fault_of(do_bad_msr, NULL);
    report("a_bad_msr_faults_or_is_ignored", bad == VECTOR_GP || bad == 0xFFFFFFFF, bad);
}

/* HLT itself, with an interrupt that ends it. */
static void try_hlt(void) {
    guest_irq_count[0] = 0;
    guest_pit_oneshot(2000);
    guest_pic_unmask(0);
    __asm__ volatile("sti; hlt; cli" : : : "memory");
    guest_pic_mask(0);
    report("hlt_ends_with_an_interrupt", guest_irq_count[0] >= 1, guest_irq_count[0]);
}

/* ---- What an IRETD of ring 0's would be refused ---- */

__asm__("undefined: ud2\n");
extern const uint8_t undefined[];

static void do_undefined(void *arg) {
    (void)arg;
    __asm__ volatile("ud2");
}

/* The vector, the error code behind it, of what `run` ends in with a gate that leads to no code. */
static uint32_t fault_at_gate(uint32_t vector, uint32_t selector, uint32_t eip,
                              void (*run)(void *)) {
    struct guest_fault fault;
    int faulted;
    guest_idt[vector] = (guest_gate((const void *)eip, 0xE, 0) & ~0xFFFF0000ull) | selector << 16;
    guest_descriptors_reload();
    faulted = guest_try(run, NULL, &fault);
    guest_idt_reset();
    guest_descriptors_reload();
    return faulted ? fault.frame.vector << 16 | (fault.frame.error & 0xFFFE) : 0xFFFFFFFF;
}

static void try_bad_gates(void) {
    uint32_t here = (uint32_t)undefined, gp = VECTOR_GP << 16, seen;
    seen = fault_at_gate(0x95, SEL_KDATA, here, do_int_gone);
    report("int_by_a_gate_to_data_is_gp", seen == (gp | SEL_KDATA), seen);
    seen = fault_at_gate(VECTOR_UD, SEL_KDATA, here, do_undefined);
    report("a_fault_by_a_gate_to_data_is_gp", seen == (gp | SEL_KDATA), seen);
    seen = fault_at_gate(VECTOR_UD, 0, here, do_undefined);
    report("a_fault_by_a_gate_to_null_is_gp", seen == gp, seen);
    seen = fault_at_gate(VECTOR_UD, SEL_UCODE, here, do_undefined);
    report("a_fault_by_a_gate_to_ring_3_is_gp", seen == (gp | (SEL_UCODE & ~3u)), seen);
    seen = fault_at_gate(VECTOR_UD, SEL_KCODE, 0xFFFFFFF0, do_undefined) >> 16;
    report("a_fault_by_a_gate_to_nowhere_is_the_guests", seen == VECTOR_GP || seen == VECTOR_PF,
           seen);
}

/* ---- Steps and breakpoints ---- */

static volatile uint32_t steps, steps_in_ring_0, breakpoints;

static void count_step(struct trap_frame *f) {
    steps++;
    steps_in_ring_0 += (f->cs & 3) == 0;
}

static void count_breakpoint(struct trap_frame *f) {
    (void)f;
    breakpoints += (read_dr6() & 1) != 0;
    write_dr6(0xFFFF0FF0);
}

static void try_steps(void) {
    guest_handler *old = guest_set_handler(VECTOR_DB, count_step);
    uint32_t cr3, leaf = 0;
    steps = 0;
    write_eflags(read_eflags() | EFLAGS_TF);
    cr3 = (uint32_t)vmi(VMI_CALL_GetCR3, 0, 0);                            /* a trap */
    vmi(VMI_CALL_UpdateKernelStack, (uint32_t)&guest_tss, guest_tss.esp0); /* soft */
    __asm__ volatile("call *%1"
                     : "+a"(leaf)
                     : "r"(rom + VMI_CALL_CPUID * VMI_CALL_SIZE)
                     : "ebx", "ecx", "edx", "cc", "memory");
    do_cr3(NULL); /* done for it */
    write_eflags(read_eflags() & ~(uint32_t)EFLAGS_TF);
    guest_set_handler(VECTOR_DB, old);
    report("steps_go_through_calls", steps > 20 && !steps_in_ring_0 && cr3 == space.cr3, steps);
    write_dr6(0xFFFF0FF0);
}

/* The kernel watches a descriptor, which the hypervisor writes for it. */
static void try_breakpoint(void) {
    guest_handler *old = guest_set_handler(VECTOR_DB, count_breakpoint);
    breakpoints = 0;
    write_dr0((uint32_t)&guest_gdt[SEL_SPARE / 8]);
    write_dr7(0x400 | 0xD << 16 | 2); /* written, four bytes */
    guest_gdt_set(SEL_SPARE, 0x1234);
    write_dr7(0x400);
    guest_set_handler(VECTOR_DB, old);
    report("a_breakpoint_on_what_a_call_writes_is_told", breakpoints == 1, breakpoints);
    guest_gdt_set(SEL_SPARE, 0);
}

/* A BIOS's segments for its calls in protected mode: code of 16 bits, its data, and a window that
 * the kernel lends it for what the call returns. */
__asm__(".code16\nbios_code: pushf; cli; pushw %ds; pushw %es\n"
        "movw %cx, %ds; movw %dx, %es; movw 2, %bx; incw 2; movw %bx, %es:6; movw $0x1234, %ax\n"
        "out %al, $0x80; popw %es; popw %ds; popf; lretl\n"
        "bios_beyond: pushw %ds; movw %cx, %ds; movw 0x10, %bx; popw %ds; lretl\n.code32\n");
extern const uint8_t bios_code[], bios_beyond[];

enum { BIOS_DATA = SEL_SPARE + 8, BIOS_WINDOW = SEL_SPARE + 16, BIOS_LIMIT = 0xF };

static void call_bios(void *value) {
    struct {
        uint32_t offset;
        uint16_t selector;
    } far = {0, SEL_SPARE};
    __asm__ volatile("lcall *%1"
                     : "=a"(*(uint32_t *)value)
                     : "m"(far), "a"(0), "c"(BIOS_DATA), "d"(BIOS_WINDOW)
                     : "ebx", "memory", "cc");
}

static void set_bios_segment(uint16_t selector, const void *base, uint8_t access) {
    guest_gdt_set(selector, guest_descriptor((uint32_t)base, BIOS_LIMIT, access, 0));
}

static void try_code_of_16_bits(void) {
    static uint16_t data[8], window[2][8];
    uint32_t value = 0, vector;
    guest_gdt_set(SEL_SPARE, guest_descriptor((uint32_t)bios_code, 0xFFF, 0x9A, 0));
    data[1] = 0x5678;
    for (uint32_t i = 0; i < 2; i++) { /* the window is another at the second call */
        set_bios_segment(BIOS_DATA, data, 0x92);
        set_bios_segment(BIOS_WINDOW, window[i], 0x92);
        vector = fault_of(call_bios, &value);
        report("code_of_16_bits_runs_in_ring_1", vector == 0xFFFFFFFF && value == 0x1234, vector);
    }
    report("a_bios_has_its_data", data[1] == 0x567A, data[1]);
    report("and_the_window_that_it_is_lent", window[0][3] == 0x5678 && window[1][3] == 0x5679,
           window[1][3]);
    guest_gdt_set(SEL_SPARE, guest_descriptor((uint32_t)bios_beyond, 0xFFF, 0x9A, 0));
    vector = fault_of(call_bios, &value);
    if (vector == 0xFFFFFFFF) {
        skip("its_data_end_at_their_limit", "this engine does not look at limits");
    } else {
        report("its_data_end_at_their_limit", vector == VECTOR_GP, vector);
    }
    guest_gdt_set(SEL_SPARE, 0);
    guest_gdt_set(BIOS_DATA, 0);
    guest_gdt_set(BIOS_WINDOW, 0);
}

/* ---- Ring 3 ---- */

static uint8_t user_stack[4096] __attribute__((aligned(16)));
static struct guest_entry entry;

__asm__("user_in: inb %dx, %al; int $0x80\n"
        "user_string: rep outsb; int $0x80\n"
        "user_return: int $0x80\n"
        "user_sysenter: mov %esp, %ecx; mov $1f, %edx; sysenter; 1: int $0x80\n");
extern const uint8_t user_return[], user_in[], user_string[], user_sysenter[];

static uint32_t run_user(const uint8_t *code, uint32_t edx) {
    guest_entry_user(&entry, code, user_stack + sizeof(user_stack));
    entry.in.edx = edx;
    entry.target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    return guest_enter(&entry);
}

static void try_ports(void) {
    uint32_t vector = run_user(user_in, PORT_CMOS + 1);
    report("a_closed_port_faults_in_ring_3", vector == VECTOR_GP, vector);
    guest_tss.io_map[(PORT_CMOS + 1) / 8] &= (uint8_t) ~(1u << (PORT_CMOS + 1) % 8);
    vector = run_user(user_in, PORT_CMOS + 1);
    report("a_port_that_the_tss_opens_is_open", vector == VECTOR_RETURN, vector);
    vector = run_user(user_in, PORT_CMOS + 2);
    report("the_port_beside_it_is_not", vector == VECTOR_GP, vector);
    guest_entry_user(&entry, user_string, user_stack + sizeof(user_stack));
    guest_tss.io_map[0x80 / 8] &= (uint8_t)~1;
    entry.in.edx = 0x80, entry.in.ecx = 3, entry.in.esi = (uint32_t)user_stack;
    vector = guest_enter(&entry);
    report("a_string_to_an_open_port_is_written",
           vector == VECTOR_RETURN && entry.out.ecx == 0 &&
               entry.out.esi == (uint32_t)user_stack + 3,
           vector);
    guest_tss.io_map[(PORT_CMOS + 1) / 8] = guest_tss.io_map[0x80 / 8] = 0xFF;
    vmi(VMI_CALL_SetIOPLMask, EFLAGS_IOPL, 0);
    vector = run_user(user_in, PORT_CMOS + 1);
    report("all_ports_are_open_with_an_iopl_of_3", vector == VECTOR_RETURN, vector);
    vmi(VMI_CALL_SetIOPLMask, 0, 0);
    vector = run_user(user_in, PORT_CMOS + 1);
    report("and_closed_again_without", vector == VECTOR_GP, vector);
}

/* Its segment ends behind the instruction. */
static void try_end_of_segment(void) {
    uint32_t vector, end = (uint32_t)user_in + 1;
    guest_gdt_set(SEL_SPARE, guest_descriptor(0, end - 1, ACCESS_CODE | ACCESS_DPL3, SIZE_32));
    guest_tss.io_map[(PORT_CMOS + 1) / 8] &= (uint8_t) ~(1u << (PORT_CMOS + 1) % 8);
    guest_entry_user(&entry, user_in, user_stack + sizeof(user_stack));
    entry.in.edx = PORT_CMOS + 1;
    entry.in.cs = SEL_SPARE | 3;
    entry.target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    vector = guest_enter(&entry);
    guest_tss.io_map[(PORT_CMOS + 1) / 8] = 0xFF;
    guest_gdt_set(SEL_SPARE, 0);
    if (vector == VECTOR_RETURN) {
        skip("what_is_done_at_a_segments_end_faults_behind_it", "QEMU looks at no limits");
        return;
    }
    report("what_is_done_at_a_segments_end_faults_behind_it",
           vector == VECTOR_GP && !entry.out.error && entry.out.eip == end, entry.out.eip);
}

static void try_ring_2(void) {
    uint32_t vector;
    guest_gdt_set(SEL_SPARE, guest_descriptor(0, 0xFFFFF, 0xDA, GRANULAR_4K | SIZE_32));
    guest_gdt_set(SEL_SPARE + 8, guest_descriptor(0, 0xFFFFF, 0xD2, GRANULAR_4K | SIZE_32));
    guest_entry_user(&entry, undefined, user_stack + sizeof(user_stack));
    entry.in.cs = SEL_SPARE | 2;
    entry.in.ss = entry.in.ds = entry.in.es = entry.in.fs = entry.in.gs = (SEL_SPARE + 8) | 2;
    entry.target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    vector = guest_enter(&entry);
    report("a_fault_of_ring_2_comes_to_the_kernels_stack",
           vector == VECTOR_UD && entry.out.cs == (SEL_SPARE | 2), vector);
    guest_gdt_set(SEL_SPARE, 0);
    guest_gdt_set(SEL_SPARE + 8, 0);
}

extern uint32_t sysenter_cs, sysenter_esp;
__asm__(".data\nsysenter_cs: .long 0\nsysenter_esp: .long 0\n.text\n"
        "sysenter_to: mov %cs, sysenter_cs; mov %esp, sysenter_esp\n"
        "mov $0x1b, %eax; int $0x81\n");
extern const uint8_t sysenter_to[];

static void leave_sysenter(struct trap_frame *f) {
    /* out of the kernel's SYSENTER as INT 80h of ring 3 would be */
    f->eip = (uint32_t)guest_vector_stub(VECTOR_RETURN);
}

static void try_sysenter(void) {
    static uint8_t stack[512];
    if (!(guest_cpu_features() & 0x800)) {
        skip("sysenter_leads_to_ring_1", "no SYSENTER");
        return;
    }
    (void)leave_sysenter;
    native_wrmsr(0x174, SEL_KCODE);
    native_wrmsr(0x175, (uint32_t)stack + sizeof(stack));
    native_wrmsr(0x176, 0xFFFFFFF0);
    uint32_t vector = run_user(user_sysenter, 0);
    report("sysenter_to_nowhere_is_the_kernels_fault", vector == VECTOR_GP || vector == VECTOR_PF,
           vector);
    native_wrmsr(0x176, (uint32_t)sysenter_to);
    run_user(user_sysenter, 0);
    report("sysenter_leads_to_ring_1", (sysenter_cs & 0xFFFF) == (SEL_KCODE | 1), sysenter_cs);
    report("sysenter_has_the_kernels_stack", sysenter_esp == (uint32_t)stack + sizeof(stack),
           sysenter_esp);
    report("sysenter_msrs_read_as_written", native_rdmsr(0x176) == (uint32_t)sysenter_to,
           (uint32_t)native_rdmsr(0x176));
}

/* ---- The interrupt flag, where the hypervisor keeps it ---- */

enum { TICKS = 400, TICK_COUNT = 240, PATIENCE = 2000000 }; /* 200 us */
enum { SOFT_RETURNS = 0xFFC02400, SOFT_END = 0xFFC02500 };
static volatile uint32_t taken, taken_off, taken_inside, flag_in_handler;

static void note_tick(struct trap_frame *f) {
    taken++;
    taken_off += !(f->eflags & EFLAGS_IF);
    taken_inside += (f->cs & 3) == 1 && f->eip >= SOFT_RETURNS && f->eip < SOFT_END;
    flag_in_handler |= (uint32_t)vmi(VMI_CALL_GetInterruptMask, 0, 0);
    guest_pit_oneshot(TICK_COUNT); /* periodic ones would stack up on a slow machine */
}

/* Each call of the flag, and returns to ring 3, with the timer between any two instructions. */
static uint32_t use_flag(void) {
    uint32_t wrong = 0, before;
    vmi(VMI_CALL_DisableInterrupts, 0, 0);
    before = taken;
    wrong |= (uint32_t)vmi(VMI_CALL_GetInterruptMask, 0, 0);
    vmi(VMI_CALL_SetInterruptMask, 0xFFFFFDFF, 0);
    for (uint32_t i = 0; i < 20; i++) {
        native_pause();
    }
    wrong |= taken != before;
    vmi(VMI_CALL_SetInterruptMask, EFLAGS_IF, 0);
    wrong |= (uint32_t)vmi(VMI_CALL_GetInterruptMask, 0, 0) != EFLAGS_IF;
    vmi(VMI_CALL_EnableInterrupts, 0, 0);
    vmi(VMI_CALL_DisableInterrupts, 0, 0);
    guest_entry_user(&entry, user_return, user_stack + sizeof(user_stack));
    entry.in.eflags = EFLAGS_FIXED | EFLAGS_IF;
    entry.target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    wrong |= guest_enter(&entry) != VECTOR_RETURN;
    wrong |= !(entry.out.eflags & EFLAGS_IF);
    return wrong | (uint32_t)vmi(VMI_CALL_GetInterruptMask, 0, 0);
}

/* A step of the kernel's within a return: its handler has an interrupt waiting when it returns
 * there. */
uint32_t raise_at_step(const uint32_t *pushed) __attribute__((regparm(1)));
extern uint32_t iret_target, steps_inside;
uint32_t iret_target, steps_inside;
__asm__("step_entry: pushal; mov %esp, %eax; call raise_at_step; popal; call *%cs:iret_target\n");
extern const uint8_t step_entry[];

__attribute__((regparm(1))) uint32_t raise_at_step(const uint32_t *pushed) {
    uint32_t eip = pushed[8], cs = pushed[9];
    if ((cs & 3) != 1 || eip < SOFT_RETURNS || eip >= SOFT_END) {
        return 0;
    }
    guest_pit_oneshot(50);
    for (uint32_t i = 0; i < PATIENCE && !(guest_pic_pending() & 1); i++) {
        native_pause();
    }
    return ++steps_inside;
}

static void step_through_return(void) {
    iret_target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    vmi(VMI_CALL_DisableInterrupts, 0, 0);
    guest_idt[VECTOR_DB] = guest_gate(step_entry, 0xE, 0);
    guest_descriptors_reload();
    guest_entry_user(&entry, user_return, user_stack + sizeof(user_stack));
    entry.in.eflags = EFLAGS_FIXED | EFLAGS_IF;
    entry.target = iret_target;
    write_eflags(read_eflags() | EFLAGS_TF);
    guest_enter(&entry);
    write_eflags(read_eflags() & ~(uint32_t)EFLAGS_TF);
    guest_idt_reset();
    guest_descriptors_reload();
}

/* With one processor a site of eight bytes can hold what the entries do before their RET. */
enum { RET = 0xC3, SITE = 8 };

static uint32_t run_at_site(uint32_t call, uint32_t size) {
    static uint8_t site[SITE + 1];
    const uint8_t *body = guest_at((uint32_t)vmi(VMI_CALL_GetRelocationInfo, call, 0));
    memset(site, 0x90, SITE); /* NOP */
    memcpy(site, body, size);
    site[SITE] = RET;
    return body[size] == RET ? (uint32_t)call_at((uint32_t)site, 0, 0, 0, 0, 0) : 0xFFFFFFFF;
}

static void try_sites(void) {
    uint32_t on, off;
    if (guest_processors() > 1) {
        skip("sites_of_eight_bytes_hold_the_flags_operations", "several processors");
        return;
    }
    vmi(VMI_CALL_EnableInterrupts, 0, 0);
    on = run_at_site(VMI_CALL_GetInterruptMask, 6);
    run_at_site(VMI_CALL_DisableInterrupts, SITE);
    off = run_at_site(VMI_CALL_GetInterruptMask, 6);
    report("sites_of_eight_bytes_hold_the_flags_operations", on == EFLAGS_IF && off == 0, on);
    report("the_calls_say_the_same", !(uint32_t)vmi(VMI_CALL_GetInterruptMask, 0, 0), off);
}

static void try_flag(void) {
    guest_handler *old;
    uint32_t wrong = 0, rounds = 0;
    if (!guest_flag_is_kept()) {
        return;
    }
    try_sites();
    old = guest_set_handler(0x20, note_tick);
    guest_pit_oneshot(TICK_COUNT);
    guest_pic_unmask(0);
    for (; taken < TICKS && rounds < PATIENCE && !wrong; rounds++) {
        wrong = use_flag();
    }
    guest_pit_stop();
    step_through_return();
    guest_pit_stop();
    guest_pic_mask(0);
    guest_set_handler(0x20, old);
    report("a_return_is_stepped_through", steps_inside >= 5, steps_inside);
    report("calls_of_the_flag_are_right_with_interrupts_between", !wrong && taken >= TICKS, rounds);
    report("no_interrupt_comes_while_the_flag_is_clear", !taken_off && !flag_in_handler, taken_off);
    report("no_interrupt_sees_a_half_done_return", !taken_inside, taken_inside);
    report("interrupts_come_behind_the_return", entry.out.cs == SEL_UCODE, entry.out.cs);
    guest_printf("# %u interrupts in %u rounds\n", taken, rounds);
}

/* Interrupts of which each has the next one come before it is done, as far as the engine is that
 * fast: each finds the return from the one before it done. */
enum { STORM = 3000, STORM_DEPTH = 256 };
extern volatile uint32_t storm_taken, storm_lowest; /* for the assembler, too */
volatile uint32_t storm_taken, storm_lowest = 0xFFFFFFFF;

__asm__("storm: pushl %eax; cmpl %esp, storm_lowest; jbe 1f; movl %esp, storm_lowest\n"
        "1: incl storm_taken; cmpl $3000, storm_taken; jae 2f\n"
        "movb $0x30, %al; outb %al, $0x43; movb $1, %al; outb %al, $0x40\n"
        "movb $0, %al; outb %al, $0x40\n"
        "2: movb $0x20, %al; outb %al, $0x20; popl %eax; call *%cs:iret_target\n");
extern const uint8_t storm[];
_Static_assert(STORM == 3000, "the assembler has it, too");

static void try_storm(void) {
    uint32_t esp;
    __asm__ volatile("mov %%esp, %0" : "=r"(esp));
    iret_target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    vmi(VMI_CALL_DisableInterrupts, 0, 0);
    guest_idt[0x20] = guest_gate(storm, 0xE, 0);
    guest_descriptors_reload();
    guest_pit_oneshot(50);
    guest_pic_unmask(0);
    vmi(VMI_CALL_EnableInterrupts, 0, 0);
    for (uint32_t i = 0; i < 100 * PATIENCE && storm_taken < STORM; i++) {
        native_pause();
    }
    vmi(VMI_CALL_DisableInterrupts, 0, 0);
    guest_pit_stop();
    guest_pic_mask(0);
    guest_idt_reset();
    guest_descriptors_reload();
    report("a_storm_of_interrupts_passes", storm_taken >= STORM, storm_taken);
    report("its_interrupts_are_not_stacked", esp - storm_lowest < STORM_DEPTH, esp - storm_lowest);
}

/* ---- NMI, double fault ---- */

static volatile uint32_t nmis;

static void count_nmi(struct trap_frame *f) {
    (void)f;
    nmis++;
}

static void try_nmi(void) {
    guest_handler *old;
    if (!guest_apic_present()) {
        skip("an_nmi_comes_to_the_kernel", "no local APIC");
        return;
    }
    old = guest_set_handler(VECTOR_NMI, count_nmi);
    guest_apic_enable();
    guest_apic_write(APIC_ICR + 0x10, guest_apic_id() << 24);
    guest_apic_write(APIC_ICR, 0x4400);
    for (uint32_t i = 0; i < 1000000 && !nmis; i++) {
        native_pause();
    }
    guest_set_handler(VECTOR_NMI, old);
    report("an_nmi_comes_to_the_kernel", nmis == 1, nmis);
}

/* The kernel's stack is gone when a fault comes: the task of its task gate goes on. */
extern volatile uint32_t double_faults, saved_esp; /* for the assembler, too */
volatile uint32_t double_faults, saved_esp;

__asm__("double_fault: incl double_faults; mov saved_esp, %esp; ret\n");
extern const uint8_t double_fault[];

static __attribute__((noinline)) void lose_stack(void) {
    __asm__ volatile("push %%ebp; push %%ebx; push %%esi; push %%edi\n\t"
                     "push $1f\n\t"
                     "mov %%esp, saved_esp\n\t"
                     "mov $0xE0000000, %%esp\n\t"
                     "ud2\n"
                     "1: pop %%edi; pop %%esi; pop %%ebx; pop %%ebp"
                     :
                     :
                     : "eax", "ecx", "edx", "memory", "cc");
}

static void try_double_fault(void) {
    static struct guest_tss task;
    static uint8_t stack[512];
    uint64_t old = guest_gdt[SEL_DF_TSS / 8];
    task.eip = (uint32_t)double_fault;
    task.esp = (uint32_t)stack + sizeof(stack);
    task.cr3 = space.cr3;
    task.eflags = EFLAGS_FIXED;
    task.cs = SEL_KCODE;
    task.ss = task.ds = task.es = SEL_KDATA;
    guest_gdt_set(SEL_DF_TSS, guest_descriptor((uint32_t)&task, 103, ACCESS_TSS, 0));
    lose_stack();
    write_eflags(EFLAGS_FIXED);
    report("a_double_fault_goes_to_its_task", double_faults == 1, double_faults);
    report("the_task_that_failed_is_saved", guest_tss.esp == 0xE0000000, guest_tss.esp);
    guest_gdt_set(SEL_DF_TSS, old);
    guest_descriptors_reset();
}

/* ---- Address spaces ---- */

/* The loaded directory loses the hypervisor, which the TLB still knows, and is loaded again. */
static int drops_global_pages;

static uint32_t lose_and_flush(uint32_t way) {
    uint32_t *last = (uint32_t *)guest_at(space.cr3) + LAST_ENTRY;
    vmi(VMI_CALL_FlushTLB, 1, 0);
    vmi(VMI_CALL_SetCR3, space.cr3, 0);
    write_cr4(read_cr4());
    write_cr3(space.cr3);
    *last = 0;
    switch (way) {
    case 0:
        vmi(VMI_CALL_FlushTLB, 1, 0);
        break;
    case 1:
        vmi(VMI_CALL_SetCR3, space.cr3, 0);
        break;
    case 2:
        write_cr4(read_cr4());
        break;
    default:
        write_cr3(space.cr3);
    }
    return *last != 0;
}

static void try_directories(void) {
    struct guest_space other = guest_space_clone(&space);
    uint32_t *directory = guest_at(other.cr3);
    directory[LAST_ENTRY] = 0;
    vmi(VMI_CALL_SetCR3, other.cr3, 0);
    report("a_directory_without_the_hypervisor_gets_it", directory[LAST_ENTRY] != 0,
           directory[LAST_ENTRY]);
    report("getcr3_says_what_was_set", (uint32_t)vmi(VMI_CALL_GetCR3, 0, 0) == other.cr3, 0);
    ((uint32_t *)guest_at(space.cr3))[LAST_ENTRY] = 0;
    write_cr3(space.cr3); /* the instruction */
    report("so_does_one_that_loses_it", ((uint32_t *)guest_at(space.cr3))[LAST_ENTRY] != 0, 0);
    write_cr4(read_cr4() | CR4_PGE | CR4_PSE);
    vmi(VMI_CALL_FlushTLB, 3, 0);
    report("pge_and_pse_are_the_guests",
           (read_cr4() & (CR4_PGE | CR4_PSE)) == (CR4_PGE | CR4_PSE) ||
               !(guest_cpu_features() & 0x2000),
           read_cr4());
    if (drops_global_pages) {
        skip("a_loaded_directory_that_loses_it_gets_it_back", "this engine drops global pages");
    } else if (guest_cpu_features() & 0x2000) {
        uint32_t repaired =
            lose_and_flush(0) + lose_and_flush(1) + lose_and_flush(2) + lose_and_flush(3);
        report("a_loaded_directory_that_loses_it_gets_it_back", repaired == 4, repaired);
    }
    write_cr4(read_cr4() & ~(uint32_t)(CR4_PGE | CR4_PSE));
}

static void read_private(void *arg) {
    (void)arg;
    (void)*(volatile uint32_t *)guest_at(PRIVATE);
}

/* A seatbelt, where the engine looks at limits. */
static void try_limits(void) {
    uint32_t vector;
    guest_descriptors_reset();
    vector = fault_of(read_private, NULL);
    if (vector == 0xFFFFFFFF) {
        skip("flat_segments_end_below_what_is_private", "this engine does not look at limits");
    } else {
        report("flat_segments_end_below_what_is_private", vector == VECTOR_GP, vector);
    }
    report("the_shared_page_is_within", *(volatile uint32_t *)guest_at(HYPERVISOR) == 0x31696D76,
           0);
}

/* ---- What traps cost: instructions, where the time-stamp counter counts them ---- */

static uint32_t ticks_of(uint32_t call, uint32_t eax, uint32_t edx) {
    uint64_t start = native_rdtsc();
    vmi(call, eax, edx);
    return (uint32_t)(native_rdtsc() - start);
}

static void print_costs(void) {
    static const struct {
        const char *name;
        uint32_t call;
    } list[] = {{"nothing", VMI_CALL_SetLinearMapping}, /* a bare return, to begin with */
                {"GetCR0", VMI_CALL_GetCR0},
                {"GetCR2", VMI_CALL_GetCR2},
                {"GetCR3", VMI_CALL_GetCR3},
                {"CLTS", VMI_CALL_CLTS},
                {"SetCR0", VMI_CALL_SetCR0},
                {"SetCR3", VMI_CALL_SetCR3},
                {"SetCR2", VMI_CALL_SetCR2},
                {"InvalPage", VMI_CALL_InvalPage},
                {"FlushTLB", VMI_CALL_FlushTLB},
                {"GetTR", VMI_CALL_GetTR},
                {"GetDR", VMI_CALL_GetDR},
                {"SetIOPLMask", VMI_CALL_SetIOPLMask}};
    uint32_t nothing = 0;
    for (uint32_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        uint32_t eax = list[i].call == VMI_CALL_SetCR0   ? read_cr0()
                       : list[i].call == VMI_CALL_SetCR3 ? space.cr3
                                                         : 0;
        uint32_t ticks = ticks_of(list[i].call, eax, 0);
        nothing = i == 0 ? ticks : nothing;
        guest_printf("# cost %s %u\n", list[i].name, ticks - nothing);
    }
}

/* ---- A hostile process ---- */

enum { HOSTILE_STEPS = 20000 };

static uint32_t random_state = 1;

static uint32_t random_word(void) {
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8 | random_state << 24;
}

struct sum {
    uint32_t value;
};

static void sum_private(void *arg) {
    struct sum *sum = arg;
    for (uint32_t at = HYPERVISOR + 0x1000; at < HYPERVISOR + 0x9000; at += 4) {
        sum->value = sum->value * 31 + *(volatile uint32_t *)guest_at(at);
    }
}

/* One instruction of any bytes, in ring 3, with what the ring may and may not. The first opcodes
 * are those that a hypervisor has to do with. */
static uint32_t hostile_step(uint8_t *code) {
    static const uint8_t first[] = {0x0F, 0x0F, 0xCD, 0x8E, 0xCF, 0xCA, 0xCB, 0x9D,
                                    0xF4, 0xE4, 0xEC, 0x6C, 0xFA, 0xEA, 0x9A, 0x17};
    for (uint32_t i = 0; i < 16; i++) {
        code[i] = (uint8_t)random_word();
    }
    if (random_word() & 3) {
        code[0] = first[random_word() % sizeof(first)];
        code[1] = code[0] == 0x0F ? (uint8_t)(random_word() & 0x37) : code[1];
    }
    guest_entry_user(&entry, code, user_stack + sizeof(user_stack) / 2);
    entry.in.edx = random_word() & 0xFFFF;
    entry.in.ds = random_word() & 1 ? SEL_UDATA : 0;
    entry.in.eflags = EFLAGS_FIXED | EFLAGS_TF | (random_word() & (EFLAGS_DF | EFLAGS_AC | 0x8D5));
    entry.target = rom + VMI_CALL_IRET * VMI_CALL_SIZE;
    return guest_enter(&entry);
}

static void try_hostile(void) {
    static uint8_t code[64] __attribute__((aligned(64)));
    struct sum before = {0}, after = {0};
    uint32_t readable = fault_of(sum_private, &before) == 0xFFFFFFFF, steps_done = 0;
    uint32_t gdt = (uint32_t)vmi(VMI_CALL_GetCR3, 0, 0);
    for (; steps_done < HOSTILE_STEPS; steps_done++) {
        (void)hostile_step(code);
        if (ring() != 1) {
            break;
        }
    }
    report("a_process_of_any_bytes_stays_one", steps_done == HOSTILE_STEPS, steps_done);
    report("the_kernel_has_its_registers_behind_it",
           (uint32_t)vmi(VMI_CALL_GetCR3, 0, 0) == gdt && !(read_cr0() & CR0_TS), read_cr0());
    fault_of(sum_private, &after);
    report("the_hypervisors_code_is_what_it_was", !readable || before.value == after.value, 0);
}

/* ---- Other processors ---- */

static volatile uint32_t others, bad_others;
static uint8_t stacks[8][2048] __attribute__((aligned(16)));

/* Each has two spaces of its own, with a page where all have one, and goes to ring 3 and back. */
enum { TURNS = 500, OWN_PAGE = 0x30000000, VECTOR_OTHER = 0x82 };

static struct guest_space own[8][2];
static uint32_t user_stacks[8][256] __attribute__((aligned(16)));
static volatile uint32_t at_work, at_its_end, came_back;

void to_ring_3(uint32_t update, uint32_t iret, uint32_t stack) __attribute__((regparm(3)));
extern const uint8_t other_gate[];
__asm__(
    "to_ring_3: pushal\n"
    "   movl %edx, %ebx; movl %ecx, %esi; movl %eax, %ecx; movl %esp, %edx; movl $guest_tss, %eax\n"
    "   call *%ecx\n"
    "   pushl $0x23; pushl %esi; pushl $2; pushl $0x1b; pushl $other_user; call *%ebx\n"
    "other_gate: pushl %eax; movl $0x10, %eax; movl %eax, %ds; movl %eax, %es; popl %eax\n"
    "   addl $20, %esp; popal; ret\n"
    "other_user: movl $0x23, %eax; movl %eax, %ds; movl %eax, %es\n"
    "   incl 0x30000004; int $0x82");

/* What a processor does while the others do it too. */
static int work(uint32_t number) {
    volatile uint32_t *page = guest_at(OWN_PAGE);
    int good = 1;
    for (uint32_t i = 0; i < TURNS && good; i++) {
        const struct guest_space *s = &own[number][i & 1];
        if (i % 16 == 0) { /* as a new one has it */
            ((volatile uint32_t *)guest_at(s->cr3))[LAST_ENTRY] = 0;
        }
        vmi(VMI_CALL_SetCR3, s->cr3, 0);
        to_ring_3(rom + VMI_CALL_OFFSET(VMI_CALL_UpdateKernelStack),
                  rom + VMI_CALL_OFFSET(VMI_CALL_IRET), (uint32_t)(user_stacks[number] + 256));
        vmi(VMI_CALL_InvalPage, OWN_PAGE, 0);
        vmi(VMI_CALL_FlushTLB, 3, 0);
        do_cr0(NULL); /* done for it */
        vmi(VMI_CALL_SetCR2, number << 12, 0);
        good = page[0] == number * 2 + (i & 1) && page[1] == i / 2 + 1 &&
               (uint32_t)vmi(VMI_CALL_GetCR3, 0, 0) == s->cr3 &&
               (uint32_t)vmi(VMI_CALL_GetCR2, 0, 0) == number << 12;
    }
    vmi(VMI_CALL_SetCR3, space.cr3, 0);
    return good;
}

static void prepare_work(uint32_t count) {
    uint64_t gate = guest_gate(other_gate, 0xE, 3);
    for (uint32_t i = 0; i < 2 * count; i++) {
        struct guest_space *s = &own[i / 2][i % 2];
        uint32_t *page = guest_page_alloc();
        *s = guest_space_clone(&space);
        guest_map(s, OWN_PAGE, (uint32_t)page, PTE_RW | PTE_US);
        page[0] = i;
    }
    call_at(rom, VMI_CALL_WriteIDTEntry, (uint32_t)guest_idt, VECTOR_OTHER, (uint32_t)gate,
            (uint32_t)(gate >> 32));
}

static void other_main(void) {
    int good = ring() == 1 && (uint32_t)vmi(VMI_CALL_GetCR3, 0, 0) == space.cr3;
    uint32_t number = guest_apic_id();
    while (!at_work) {
        native_pause();
    }
    good &= work(number);
    vmi(VMI_CALL_UpdateKernelStack, 0, 0x1000); /* its own, not that of the first */
    vmi(VMI_CALL_InvalPage, 0x5000, 0);
    do_cr0(NULL);
    __asm__ volatile("lock addl %1, %0" : "+m"(bad_others) : "r"((uint32_t)!good));
    __asm__ volatile("lock incl %0" : "+m"(others));
    while (!at_its_end || number != 1) {
        native_pause();
    }
    vmi(VMI_CALL_Shutdown, 0, 0);
    came_back = 1;
    for (;;) {
        native_pause();
    }
}

static void start_other(uint32_t apic_id) {
    struct vmi_ap_state state;
    memset(&state, 0, sizeof(state));
    state.cr0 = read_cr0();
    state.cr3 = space.cr3;
    state.cr4 = read_cr4();
    state.eip = (uint32_t)other_main;
    state.esp = (uint32_t)stacks[apic_id] + sizeof(stacks[0]) - 16;
    state.cs = SEL_KCODE;
    state.ss = state.ds = state.es = SEL_KDATA;
    state.gdtr_limit = sizeof(guest_gdt) - 1;
    state.gdtr_base = (uint32_t)guest_gdt;
    state.idtr_limit = sizeof(guest_idt) - 1;
    state.idtr_base = (uint32_t)guest_idt;
    guest_apic_write(APIC_ICR + 0x10, apic_id << 24);
    guest_apic_write(APIC_ICR, 0x4500); /* INIT */
    guest_delay_us(10000);
    if (apic_id == 1) { /* by the call of API 3.0, whose entry stands where all have it */
        call_at(ENTRIES, VMI3_SLOT_SetInitialAPState, (uint32_t)&state, apic_id, 0, 0);
    } else {
        vmi(VMI_CALL_SetInitialAPState, (uint32_t)&state, apic_id);
    }
}

static void try_processors(void) {
    uint32_t count = guest_processors(), esp0 = guest_tss.esp0;
    if (count < 2 || !guest_apic_present()) {
        skip("all_processors_start_in_ring_1", "one processor");
        return;
    }
    guest_apic_enable();
    prepare_work(count);
    for (uint32_t i = 1; i < count; i++) {
        start_other(i);
    }
    at_work = 1;
    report("the_first_works_while_the_others_do", work(0), 0);
    vmi(VMI_CALL_UpdateKernelStack, (uint32_t)&guest_tss, esp0);
    for (uint32_t i = 0; i < 400 && others < count - 1; i++) {
        guest_delay_us(50000);
    }
    report("all_processors_start_in_ring_1", others == count - 1 && !bad_others, others);
    guest_printf("# %u processors\n", others + 1);
    vmi(VMI_CALL_UpdateKernelStack, (uint32_t)&guest_tss, esp0);
    uint32_t vector = run_user(user_in, PORT_CMOS + 1);
    report("each_has_its_own_kernel_stack", vector == VECTOR_GP, vector);
    at_its_end = 1;
    for (uint32_t i = 0; i < 8; i++) { /* it says its counts */
        guest_delay_us(50000);
    }
    report("a_processor_that_is_shut_down_stays_so", !came_back, came_back);
}

/* ---- Ways to boot again ---- */

enum { WAYS = 4, PORT_RESET = 0xCF9, PORT_KEYBOARD = 0x64 };

static void boot_again(uint32_t way) {
    static const struct descriptor_pointer nothing;
    switch (way) {
    case 0:
        outb(PORT_KEYBOARD, 0xFE);
        break;
    case 1:
        outb(PORT_RESET, 2);
        outb(PORT_RESET, 6);
        break;
    case 2: /* no handler for anything */
        __asm__ volatile("lidt %0; int3" : : "m"(*(const uint8_t(*)[6]) & nothing.limit));
        break;
    default: /* as a kernel does on its way to the BIOS in real mode */
        write_cr0(read_cr0() & ~CR0_PG);
        write_cr0(read_cr0() & ~(uint32_t)CR0_PE);
    }
    guest_delay_us(500000);
}

static void try_reboots(void) {
    uint32_t way = guest_marker_get() & 0xFF;
    space = guest_space_new(0);
    guest_paging_on(&space);
    if (vmi(VMI_CALL_Init, 0, 0) & 0xFFFFFFFF || ring() != 1) {
        guest_panic(NULL, "Init refuses on boot %u", way);
    }
    guest_printf("# boot %u\n", way);
    if (way < WAYS) {
        guest_marker_set(0x100 | (way + 1));
        boot_again(way);
        guest_panic(NULL, "the machine goes on after way %u", way);
    }
    guest_marker_clear();
    guest_printf("# end\n");
    guest_exit(0);
}

void guest_main(const char *cmdline) {
    struct rom_found list[16];
    uint32_t count;
    char text[8];
    rom = guest_find_rom(list, 16, &count);
    if (!rom) {
        guest_panic(NULL, "no VMI ROM of API 13");
    }
    if (guest_option(cmdline, "reboots", text, sizeof(text))) {
        try_reboots();
    }
    drops_global_pages = !guest_option(cmdline, "global", text, sizeof(text));
    try_inits();
    try_memory_map();
    try_instructions();
    try_hlt();
    try_flag();
    try_storm();
    try_bad_gates();
    try_steps();
    try_breakpoint();
    try_code_of_16_bits();
    try_ports();
    try_end_of_segment();
    try_ring_2();
    try_sysenter();
    try_nmi();
    try_directories();
    try_limits();
    print_costs();
    try_hostile();
    try_double_fault();
    try_processors();
    guest_printf("# end\n");
    guest_exit(0);
}
