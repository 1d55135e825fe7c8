/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Ways out of the monitor, ways to crash it, and what it should not change. One try a boot, or
 * several where they leave the machine as it was: try=NAME. Prints TAP to port E9h. */

#include "isolation.h"
#include "vmi/calls.h"
#include "vmi/hypercall.h"
#include "vmi/rom.h"

#define MSR_EFER      0xC0000080u
#define EFER_LME      0x100u
#define CMOS_SHUTDOWN 0x0Fu
#define CMOS_JUMP     0x0Au /* at reset: to what 40:67 points to, without an EOI */
#define RESET_VECTOR  0x467u
#define WAITS         50000u
#define RESETS        0x00515E70u /* the marker: + the next way to reset */

uint8_t *rom;

uint64_t lm_pml4[512] __attribute__((aligned(4096))), lm_pdpt[512] __attribute__((aligned(4096)));
static uint64_t lm_pd[4][512] __attribute__((aligned(4096)));

uint32_t fault_of(void (*fn)(void *), void *arg) {
    struct guest_fault fault;
    return guest_try(fn, arg, &fault) ? fault.frame.vector : NO_FAULT;
}

uint32_t call(uint32_t slot, uint32_t eax, uint32_t ecx, uint32_t edx) {
    struct call_regs r;
    guest_call_regs_init(&r, 7);
    r.eax = eax;
    r.ecx = ecx;
    r.edx = edx;
    guest_call(&r, (uint32_t)rom + VMI_CALL_OFFSET(slot), NULL, 0);
    return r.eax;
}

uint32_t rises(volatile uint32_t *counter, uint32_t before) {
    for (uint32_t i = 0; i < WAITS && *counter == before; i++) {
        guest_delay_us(200);
    }
    return *counter != before;
}

static void place_payload(void) {
    memcpy(guest_at(PAYLOAD), payload, (size_t)(payload_end - payload));
    COUNTER(0x6FEC) = VMI_HYPERVISOR_EBX;
    TOLD = BEATS = NMIS = 0;
}

static void set_cmos(uint8_t reg, uint8_t value) {
    outb(0x70, reg);
    outb(0x71, value);
}

static uint8_t get_cmos(uint8_t reg) {
    outb(0x70, reg);
    return inb(0x71);
}

/* --- CMOS --- */

static void out_string(void *port) {
    static const uint8_t bytes[2] = {CMOS_SHUTDOWN, CMOS_JUMP};
    const uint8_t *at = bytes;
    __asm__ volatile("cld; outsb" : "+S"(at) : "d"(port) : "memory");
}

static void keeps_cmos(void) {
    uint8_t before = get_cmos(0x10);
    set_cmos(CMOS_SHUTDOWN, 0x5A);
    same("the_shutdown_byte_reads_as_written", 0x5A, get_cmos(CMOS_SHUTDOWN));
    outw(0x70, 0xA50Fu);
    same("also_by_a_word", 0xA5, inb(0x71));
    same("with_nmi_masked", 0xA5, get_cmos(0x80 | CMOS_SHUTDOWN));
    call(VMI_CALL_OUTB, CMOS_SHUTDOWN, 0, 0x70);
    call(VMI_CALL_OUTB, 0x3C, 0, 0x71);
    same("and_by_calls", 0x3C, call(VMI_CALL_INB, 0, 0, 0x71) & 0xFF);
    same("other_bytes_are_the_machines", before, get_cmos(0x10));
    same("a_string_to_cmos_is_refused", VECTOR_GP, fault_of(out_string, (void *)0x70));
    set_cmos(CMOS_SHUTDOWN, 0);
}

/* --- every way to reset, with CMOS and the BIOS's memory made ready --- */

#define PCI_ADDRESS 0xCF8
#define PCI_DATA    0xCFC
#define PAM         0x59 /* of the host bridge: F0000h to FFFFFh */
#define PAM_OPEN    0x33

static void out_two_bytes(uint16_t port, uint8_t value) {
    const uint8_t bytes[2] = {value, value}, *at = bytes;
    uint32_t count = 2;
    __asm__ volatile("cld; rep outsb" : "+S"(at), "+c"(count) : "d"(port) : "memory");
    same("a_string_at_pci_is_moved", 0, count + (uint32_t)(bytes + 2 - at));
}

/* By a byte, and by accesses that begin elsewhere. */
static void open_bios(void) {
    uint32_t before;
    outl(PCI_ADDRESS, 0x80000000u | (PAM & ~3u));
    before = inl(PCI_DATA);
    outb(PCI_DATA + PAM % 4, PAM_OPEN);
    outw(PCI_DATA, (uint16_t)(PAM_OPEN << 8 | (before & 0xFF)));
    outl(PCI_DATA, (before & ~0xFF00u) | PAM_OPEN << 8);
    outl(PCI_DATA - 2, PAM_OPEN << 24 | (before & 0xFF) << 16 | (PAM & ~3u));
    out_two_bytes(PCI_DATA + PAM % 4, PAM_OPEN);
    call(VMI_CALL_OUTB, PAM_OPEN, 0, PCI_DATA + PAM % 4);
    call(VMI_CALL_OUT, (before & ~0xFF00u) | PAM_OPEN << 8, 0, PCI_DATA);
}

static void change_bios(uint32_t address) {
    memcpy(guest_at(address), jump, (size_t)(jump_end - jump));
}

static void reset_by_apic(void) {
    guest_apic_enable();
    guest_apic_write(APIC_ICR_HIGH, guest_apic_id() << 24);
    guest_apic_write(APIC_ICR_LOW, 0x4500);
}

static void reset_by_everybody(void) {
    guest_apic_enable();
    guest_apic_write(APIC_ICR_LOW, 0x84500);
}

static void reset_by_keyboard(void) {
    outb(0x64, 0xFE);
}

static void reset_by_92h(void) {
    outb(0x92, inb(0x92) & ~1u);
    outb(0x92, inb(0x92) | 1);
}

static void reset_by_cf9h(void) {
    outb(0xCF9, 2);
    outb(0xCF9, 6);
}

static const struct {
    const char *name;
    void (*reset)(void);
} resets[] = {{"init_to_itself_starts_the_bios", reset_by_apic},
              {"init_to_all_starts_the_bios", reset_by_everybody},
              {"a_reset_by_the_keyboard_starts_the_bios", reset_by_keyboard},
              {"a_reset_by_port_92h_starts_the_bios", reset_by_92h},
              {"a_reset_by_port_cf9h_starts_the_bios", reset_by_cf9h}};

static void try_resets(void) {
    uint32_t marker = guest_marker_get(), n = marker - RESETS;
    if (marker && n >= 1 && n <= sizeof(resets) / sizeof(*resets)) {
        report(resets[n - 1].name, rom != NULL, 0);
    } else {
        n = 0;
    }
    if (n == sizeof(resets) / sizeof(*resets)) {
        return;
    }
    guest_marker_set(RESETS + n + 1);
    place_payload();
    COUNTER(RESET_VECTOR) = PAYLOAD;
    set_cmos(CMOS_SHUTDOWN, CMOS_JUMP);
    resets[n].reset();
    for (;;) {
        __asm__ volatile("hlt");
    }
}

#define PORT_A20 0x92
#define A20      0x100000u

static void set_a20(uint8_t open) {
    outb(PORT_A20, (inb(PORT_A20) & ~3) | open);
}

/* The BIOS's pages, as the BIOS has left them. With the A20 gate closed they are 1 MiB higher, too.
 */
static void keeps_bios(void) {
    uint8_t before[16];
    open_bios();
    memcpy(before, guest_at(0xFFFF0), 16);
    change_bios(0xFFFF0);
    same("the_bios_cannot_be_changed", 0, (uint32_t)memcmp(before, guest_at(0xFFFF0), 16));
    set_a20(0);
    change_bios(A20 | 0xFFFF0);
    change_bios(A20 | 0xFE05B);
    set_a20(2);
    same("nor_through_the_a20_gate", 0, (uint32_t)memcmp(before, guest_at(0xFFFF0), 16));
    change_bios(0xFE05B);
}

/* --- a device's memory over the monitor's --- */

#define MONITOR_AT 0x3C00000u /* with 64 MiB */
#define CLASS      0x08u
#define DISPLAY    0x03u
#define BAR        0x10u

static void select_pci(uint32_t device, uint32_t reg) {
    outl(PCI_ADDRESS, 0x80000000u | device << 11 | reg);
}

static void covers_the_monitor(void) {
    static const uint32_t places[] = {MONITOR_AT, 0xFEE00000u, 0xF0000u};
    uint32_t tried = 0, good = 0, r[4];
    for (uint32_t device = 0; device < 32; device++) {
        select_pci(device, CLASS);
        if (inl(PCI_DATA) >> 24 != DISPLAY) {
            continue;
        }
        for (uint32_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
            uint32_t before;
            select_pci(device, BAR);
            before = inl(PCI_DATA);
            outl(PCI_DATA, places[i]);
            native_cpuid(0x40000000, 0, r);
            tried++;
            good += r[1] == VMI_HYPERVISOR_EBX;
            select_pci(device, BAR);
            outl(PCI_DATA, before);
        }
    }
    same("a_device's_memory_over_the_monitors_hides_nothing", tried, good);
}

/* --- sleep --- */

#define SCI_ENABLE 1u
#define SLEEP      0x2000u

static uint32_t dword_at(uint32_t address) {
    return *(volatile uint32_t *)guest_at(address);
}

static uint32_t find_fadt(void) {
    uint32_t rsdp = 0xE0000, rsdt;
    while (rsdp < 0x100000 && memcmp(guest_at(rsdp), "RSD PTR ", 8) != 0) {
        rsdp += 16;
    }
    if (rsdp == 0x100000) {
        return 0;
    }
    rsdt = dword_at(rsdp + 16);
    for (uint32_t i = 36; i < dword_at(rsdt + 4); i += 4) {
        if (!memcmp(guest_at(dword_at(rsdt + i)), "FACP", 4)) {
            return dword_at(rsdt + i);
        }
    }
    return 0;
}

/* QEMU: S3 is type 1. */
static void refuses_sleep(void) {
    uint32_t fadt = find_fadt(), port = fadt ? dword_at(fadt + 64) : 0;
    same("there_is_a_pm1_control_port", 1, port != 0);
    if (!port) {
        return;
    }
    outw((uint16_t)port, SCI_ENABLE | 1 << 10 | SLEEP);
    outb((uint16_t)(port + 1), (1 << 10 | SLEEP) >> 8);
    call(VMI_CALL_OUTW, SCI_ENABLE | 1 << 10 | SLEEP, 0, port);
    guest_delay_us(50000);
    report("s3_is_refused", 1, 0);
    same("its_type_is_there", 1 << 10, inw((uint16_t)port) & 0x3C00);
}

static void powers_off(void) {
    uint32_t port = dword_at(find_fadt() + 64);
    guest_puts("# power off\n");
    outw((uint16_t)port, SCI_ENABLE | SLEEP);
    for (uint32_t i = 0; i < WAITS; i++) { /* the emulator may be slow to do it */
        guest_delay_us(200);
    }
    report("s5_powers_off", 0, 0);
}

/* An IDT without gates, and a breakpoint. */
static void triple_faults(void) {
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) idtr = {0, 0};
    __asm__ volatile("cli; lidt %0; int3" ::"m"(idtr));
}

/* --- what crashes or is hidden --- */

static void read_msr(void *msr) {
    native_rdmsr((uint32_t)msr);
}

static void set_msr(void *msr) {
    native_wrmsr((uint32_t)msr, 0);
}

static void do_invd(void *unused) {
    (void)unused;
    __asm__ volatile("cs invd");
}

/* Where the processor permits it: others raise #GP. */
static void set_cr0(void *value) {
    write_cr0((uint32_t)value);
}

static void bears_cache_bits(void) {
    uint32_t cr0 = read_cr0(), r[4];
    fault_of(set_cr0, (void *)((cr0 | CR0_NW) & ~(uint32_t)CR0_CD));
    native_cpuid(0x40000000, 0, r);
    same("nw_without_cd_does_no_harm", VMI_HYPERVISOR_EBX, r[1]);
    fault_of(set_cr0, (void *)((cr0 | CR0_NW) & ~(uint32_t)CR0_CD));
    report("by_calls_too", call(VMI_CALL_CPUID, 0, 0, 0) != 0, 0);
    write_cr0(cr0);
}

static void guards_msrs(void) {
    same("the_tsc_ratio_is_not_there", VECTOR_GP, fault_of(read_msr, (void *)0xC0000104));
    same("nor_to_be_written", VECTOR_GP, fault_of(set_msr, (void *)0xC0000104));
    same("the_svm_key_is_not_there", VECTOR_GP, fault_of(read_msr, (void *)0xC0010118));
    same("invd_loses_nothing", NO_FAULT, fault_of(do_invd, NULL));
    same("and_calls_go_on", VMI_HYPERVISOR_EBX != 0, call(VMI_CALL_CPUID, 0x40000000, 0, 0) != 0);
}

static void hides_features(void) {
    uint32_t r[4];
    native_cpuid(0x80000001, 0, r);
    same("cpuid_shows_neither_svm_nor_skinit_ibs_lwp", 0,
         r[2] & (1u << 2 | 1u << 10 | 1u << 12 | 1u << 15));
    native_cpuid(0x80000008, 0, r);
    same("cpuid_does_not_show_invlpgb", 0, r[1] & (1u << 3 | 1u << 21));
    native_cpuid(0x8000001F, 0, r);
    same("cpuid_does_not_show_encryption", 0, r[0]);
    native_cpuid(7, 0, r);
    if (!(r[2] & 1u << 3)) {
        return;
    }
    same("ospke_is_clear_without_pke", 0, r[2] & 1u << 4);
    write_cr4(read_cr4() | 1u << 22);
    native_cpuid(7, 0, r);
    same("ospke_mirrors_pke", 1u << 4, r[2] & 1u << 4);
    write_cr4(read_cr4() & ~(1u << 22));
}

/* In every order; long mode is another test's. */
static uint32_t efer_behind_an_exit(void) {
    uint32_t r[4];
    native_cpuid(0x40000000, 0, r);
    return r[1] == VMI_HYPERVISOR_EBX ? (uint32_t)native_rdmsr(MSR_EFER) & EFER_LME : ~0u;
}

static void bears_half_of_long_mode(void) {
    uint32_t cr4 = read_cr4();
    native_wrmsr(MSR_EFER, EFER_LME);
    same("lme_without_pae_does_no_harm", EFER_LME, efer_behind_an_exit());
    write_cr4(cr4 | CR4_PAE);
    same("with_it_too", EFER_LME, efer_behind_an_exit());
    write_cr4(cr4 & ~(uint32_t)CR4_PAE);
    same("and_without_it_again", EFER_LME, efer_behind_an_exit());
    call(VMI_CALL_SetCR4, cr4 | CR4_PAE, 0, 0);
    call(VMI_CALL_SetCR4, cr4 & ~(uint32_t)CR4_PAE, 0, 0);
    same("by_calls_as_well", EFER_LME, efer_behind_an_exit());
    native_wrmsr(MSR_EFER, 0);
    same("it_goes", 0, efer_behind_an_exit());
    write_cr4(cr4);
}

/* --- single steps and breakpoints over instructions that are done for the guest --- */

static volatile uint32_t hits, first_at, first_dr6;

static void on_db(struct trap_frame *frame) {
    if (!hits++) {
        first_at = frame->eip;
        first_dr6 = read_dr6();
    }
    frame->eflags &= ~(uint32_t)EFLAGS_TF;
    frame->eflags |= EFLAGS_RF;
}

extern const uint8_t stepped_cpuid[], behind_cpuid[], stepped_rdmsr[], behind_rdmsr[];
extern const uint8_t stepped_in[], behind_in[], stepped_store[], behind_store[];

__attribute__((noinline)) static void step_cpuid(uint32_t flags) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("pushfl; orl %4, (%%esp); popfl\n"
                     "stepped_cpuid: cpuid\nbehind_cpuid: nop\nnop"
                     : "+a"(a), "=&b"(b), "+c"(c), "=&d"(d)
                     : "r"(flags)
                     : "memory", "cc");
}

__attribute__((noinline)) static void step_rdmsr(uint32_t flags) {
    uint32_t a, d, c = 0xC0000080;
    __asm__ volatile("pushfl; orl %3, (%%esp); popfl\n"
                     "stepped_rdmsr: rdmsr\nbehind_rdmsr: nop\nnop"
                     : "=a"(a), "=d"(d)
                     : "c"(c), "r"(flags)
                     : "memory", "cc");
}

__attribute__((noinline)) static void step_in(uint32_t flags) {
    uint32_t a;
    __asm__ volatile("pushfl; orl %1, (%%esp); popfl\n"
                     "stepped_in: inb $0x71, %%al\nbehind_in: nop\nnop"
                     : "=a"(a)
                     : "r"(flags)
                     : "memory", "cc");
}

__attribute__((noinline)) static void step_store(uint32_t flags) {
    __asm__ volatile("pushfl; orl %0, (%%esp); popfl\n"
                     "stepped_store: movl $0, 0xFEE00080\nbehind_store: nop\nnop" ::"r"(flags)
                     : "memory", "cc");
}

static void steps_over(const char *name, void (*fn)(uint32_t), const uint8_t *at,
                       const uint8_t *behind) {
    hits = 0;
    write_dr6(0xFFFF0FF0);
    fn(EFLAGS_TF);
    guest_printf("# %s: %d hits, the first at +%d\n", name, hits, first_at - (uint32_t)at);
    same(name, (uint32_t)behind, hits == 1 ? first_at : 0);
    same("with_the_steps_bit", 0x4000, first_dr6 & 0x4000);
    write_dr0((uint32_t)at);
    write_dr1((uint32_t)behind);
    hits = 0;
    write_dr7(0x405);
    fn(0);
    write_dr7(0x400);
    same("breakpoints_at_it_and_behind_it_are_hit", 2, hits);
}

static void try_steps(void) {
    guest_set_handler(1, on_db);
    steps_over("a_step_over_cpuid_ends_behind_it", step_cpuid, stepped_cpuid, behind_cpuid);
    steps_over("a_step_over_rdmsr_ends_behind_it", step_rdmsr, stepped_rdmsr, behind_rdmsr);
    steps_over("a_step_over_a_port_ends_behind_it", step_in, stepped_in, behind_in);
    steps_over("a_step_over_the_apic_ends_behind_it", step_store, stepped_store, behind_store);
    guest_set_handler(1, NULL);
}

/* --- long mode --- */

#define HOST_BASE 0x8000000000ull /* where the monitor is linked */
#define BOTH      0x405u          /* DR7: the first two breakpoints */
#define NEITHER   0x400u

static void go_long(uint64_t *values) {
    lm_pml4[0] = (uint32_t)lm_pdpt | 3;
    for (uint32_t i = 0; i < 4; i++) {
        lm_pdpt[i] = (uint32_t)lm_pd[i] | 3;
        for (uint32_t n = 0; n < 512; n++) {
            lm_pd[i][n] = ((uint64_t)i << 30 | n << 21) | 0x83;
        }
    }
    long_mode(values);
}

/* Offsets in the monitor, by run.sh: the entry of the host's #DB, and places that the host comes
 * by. */
static const char *const host_places[] = {"behind", "run", "exit"};

static uint32_t offset_of(const char *cmdline, const char *key) {
    char value[32];
    uint32_t offset = 0;
    if (guest_option(cmdline, key, value, sizeof(value))) {
        for (const char *c = value; *c; c++) {
            offset = offset << 4 | (uint32_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
        }
    }
    return offset;
}

/* On the entry of the host's #DB, where it would come again and again, and on what the host
 * executes. */
static void try_long_mode(const char *cmdline) {
    uint64_t v[6] = {HOST_BASE + offset_of(cmdline, "entry")};
    for (uint32_t i = 0; i < sizeof(host_places) / sizeof(*host_places); i++) {
        v[1] = HOST_BASE + offset_of(cmdline, host_places[i]);
        v[2] = BOTH;
        go_long(v);
        v[2] = 0;
        go_long(v);
        write_dr7(BOTH);
        call(VMI_CALL_CPUID, 0, 0, 0);
        write_dr7(NEITHER);
        call(VMI_CALL_SetDR, 7, 0, BOTH);
        call(VMI_CALL_CPUID, 0, 0, 0);
        call(VMI_CALL_SetDR, 7, 0, NEITHER);
    }
    report("breakpoints_on_the_monitor_do_no_harm", 1, 0);
    write_dr0(0);
    write_dr1(0);
    same("cpuid_behind_prefixes_is_done_in_long_mode", VMI_HYPERVISOR_EBX, (uint32_t)v[3]);
    same("and_rdmsr", 0x500, (uint32_t)v[4] & 0x1500);
    same("and_a_store_to_the_local_apic", 0x35, (uint32_t)v[5]);
}

/* --- ports that a longer access covers: run.sh counts the figures --- */

static void covers_ports(void) {
    inl(0xF1);
    inw(0xF3);
    inl(0x3E);
    outw(0x3F, 0);
    report("accesses_around_watched_ports_do_no_harm", 1, 0);
}

/* --- the local APIC --- */

#define EOIS 100u

/* run.sh: exits for these are one each, and no step. */
static void ends_interrupts(void) {
    guest_apic_enable();
    for (uint32_t i = 0; i < EOIS; i++) {
        guest_apic_write(APIC_EOI, 0);
    }
    report("ends_of_interrupts_are_sent", 1, 0);
}

/* --- memory above 4 GiB --- */

static void finds_high_memory(void) {
    struct guest_space space = guest_space_new(1);
    volatile uint32_t *first = guest_at(0x500000), *second = guest_at(0x501000);
    uint32_t there = 0;
    for (uint32_t i = 0; i < guest_e820_count; i++) {
        there |= guest_e820[i].type == 1 && guest_e820[i].base >> 32;
    }
    same("e820_has_memory_above_4_gib", 1, there);
    *(uint64_t *)guest_pte(&space, 0x500000) = 0x100000003ull;
    *(uint64_t *)guest_pte(&space, 0x501000) = 0x123456003ull;
    guest_paging_on(&space);
    *first = 0x11111111;
    *second = 0x22222222;
    there = *first == 0x11111111 && *second == 0x22222222;
    call(VMI_CALL_SetPxE0, 0x500000, 0, 0x33333333);
    there |= (uint32_t)(*first == 0x33333333) << 1;
    guest_paging_off();
    same("it_is_memory_to_the_guest_and_to_calls", 3, there);
}

/* --- what POST has put on the screen --- */

static void finds_text(const char *text) {
    const uint16_t *screen = guest_at(0xB8000);
    size_t length = strlen(text), n;
    for (uint32_t at = 0; at < 80 * 25; at++) {
        for (n = 0; n < length; n++) {
            if ((uint8_t)screen[at + n] != (text[n] == '_' ? ' ' : (uint8_t)text[n])) {
                break;
            }
        }
        if (n == length) {
            report("the_line_is_on_the_screen", 1, 0);
            return;
        }
    }
    report("the_line_is_on_the_screen", 0, 0);
}

static int is_try(const char *cmdline, const char *name) {
    char value[32];
    return guest_option(cmdline, "try", value, sizeof(value)) && !strcmp(value, name);
}

void guest_main(const char *cmdline) {
    struct rom_found found[16];
    char value[32];
    uint32_t count;
    guest_console_select(GUEST_TO_E9);
    rom = guest_at(guest_find_rom(found, 16, &count));
    if (guest_option(cmdline, "screen", value, sizeof(value))) {
        finds_text(value);
    } else if (!rom) {
        report("the_monitor_is_running", 0, 0);
    } else if (is_try(cmdline, "resets")) {
        try_resets();
    } else if (is_try(cmdline, "resets-open")) {
        keeps_bios();
        try_resets();
    } else if (is_try(cmdline, "off")) {
        powers_off();
    } else if (is_try(cmdline, "triple")) {
        triple_faults();
    } else if (is_try(cmdline, "long")) {
        try_long_mode(cmdline);
    } else if (is_try(cmdline, "high")) {
        finds_high_memory();
    } else if (is_try(cmdline, "others")) {
        place_payload();
        try_others(guest_option(cmdline, "processors", value, sizeof(value))
                       ? (uint32_t)(value[0] - '0')
                       : 2,
                   guest_option(cmdline, "x2apic", value, sizeof(value)));
    } else if (is_try(cmdline, "features")) {
        hides_features();
    } else if (is_try(cmdline, "eoi")) {
        ends_interrupts();
    } else if (is_try(cmdline, "sleep")) {
        refuses_sleep();
    } else {
        place_payload();
        keeps_cmos();
        keeps_bios();
        guards_msrs();
        bears_cache_bits();
        bears_half_of_long_mode();
        covers_the_monitor();
        hides_features();
        try_steps();
        covers_ports();
    }
    guest_puts("# end\n");
    guest_exit(0x10);
}
