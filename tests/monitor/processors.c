/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A second processor of the guest: it starts as without the monitor, or in the state that
 * SetInitialAPState gives it. And the local APIC, which is watched for its sake. */

#include "report.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/hypercall.h"
#include "vmi/rom.h"

#define MSR_VM_CR     0xC0010114u
#define IVT_SIZE      1024u
#define ICR_OTHERS    0x000C0000u
#define ICR_SELF      0x00040000u
#define ICR_ASSERT    0x00004000u
#define ICR_INIT      0x00000500u
#define ICR_STARTUP   0x00000600u
#define SELF_VECTOR   0x41u
#define SEL_FS        SEL_SPARE
#define SEL_ABSENT    (SEL_SPARE + 8)
#define HIGH          0xC0400000u /* no physical address here */
#define WAITS         50000u      /* of 200 us: a busy host may be late */
#define WAITS_IN_VAIN 500u
#define NOT_REAL_MODE 0u /* where a STARTUP is not to lead */
#define MARK          0x5EE57A7Eu

static uint8_t *rom, *rom_3;      /* of API 13, of API 3.0 */
static uint8_t vectors[IVT_SIZE]; /* before the first start */

/* --- by INIT and STARTUP --- */

static volatile struct { uint32_t signature, served, vector, apic_id, turns; } other;

static void on_gp(struct trap_frame *frame) {
    other.vector = frame->vector;
    frame->eip += 2; /* RDMSR */
}

static void look_around(void *unused) {
    uint32_t eax = VMI_HYPERVISOR_LEAF_FIRST, ebx, ecx = 0, edx;
    (void)unused;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    other.signature = ebx;
    eax = VMI_HYPERVISOR_LEAF_FIRST;
    __asm__ volatile("call *%4"
                     : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx)
                     : "r"(rom + VMI_CALL_OFFSET(VMI_CALL_CPUID))
                     : "memory");
    other.served = ebx;
    other.apic_id = guest_apic_id();
    __asm__ volatile("rdmsr" : "=a"(eax), "=d"(edx) : "c"(MSR_VM_CR));
}

static void count(void *unused) {
    (void)unused;
    for (;;) {
        other.turns++;
    }
}

static uint32_t goes_on_within(uint32_t waits) {
    uint32_t before = other.turns;
    for (uint32_t i = 0; i < waits && other.turns == before; i++) {
        guest_delay_us(200);
    }
    return other.turns != before;
}

static uint32_t goes_on(void) {
    return goes_on_within(WAITS);
}

/* It may stop late on a busy machine. */
static uint32_t stops(void) {
    for (uint32_t n = 0; n < WAITS && goes_on_within(WAITS_IN_VAIN); n++) {
    }
    return !goes_on_within(WAITS_IN_VAIN);
}

static void command(uint32_t value) {
    guest_apic_write(APIC_ICR_LOW, value);
}

static void starts_as_ever(void) {
    guest_set_handler(VECTOR_GP, on_gp);
    same("the_other_processor_starts", 0, (uint32_t)guest_ap_start(look_around, NULL));
    for (uint32_t i = 0; i < WAITS && !guest_ap_done(); i++) {
        guest_delay_us(200);
    }
    guest_set_handler(VECTOR_GP, NULL);
    same("it_comes_to_its_end", 1, (uint32_t)guest_ap_done());
    same("it_runs_under_the_monitor", VMI_HYPERVISOR_EBX, other.signature);
    same("its_calls_are_served", VMI_HYPERVISOR_EBX, other.served);
    same("it_has_no_vm_cr", VECTOR_GP, other.vector);
    same("it_is_another_one", 0, other.apic_id == guest_apic_id());
    same("address_0_is_as_it_was", 0, (uint32_t)memcmp(vectors, guest_at(0), IVT_SIZE));
}

static void starts_once(void) {
    guest_ap_start(count, NULL);
    same("it_starts_again", 1, goes_on());
    command(ICR_OTHERS | ICR_ASSERT | ICR_STARTUP | NOT_REAL_MODE);
    same("a_startup_without_init_is_not_heard", 1, goes_on());
    command(ICR_OTHERS | ICR_ASSERT | ICR_INIT);
    same("init_stops_it", 1, stops());
}

/* --- by SetInitialAPState --- */

static volatile struct {
    uint32_t eax, ebx, ecx, edx, esp, ebp, esi, edi;
    uint32_t eflags, cr0, cr2, cr3, cr4, cs, ss, ds, es, fs, gs, ldtr, behind_fs;
    struct descriptor_pointer gdt, idt;
    uint32_t done;
} seen;

extern const uint8_t state_entry[];
__asm__("state_entry:\n"
        "    movl %eax, seen\n    movl %ebx, seen+4\n    movl %ecx, seen+8\n"
        "    movl %edx, seen+12\n    movl %esp, seen+16\n    movl %ebp, seen+20\n"
        "    movl %esi, seen+24\n    movl %edi, seen+28\n"
        "    pushfl\n    popl seen+32\n"
        "    movl %cr0, %eax\n    movl %eax, seen+36\n"
        "    movl %cr2, %eax\n    movl %eax, seen+40\n"
        "    movl %cr3, %eax\n    movl %eax, seen+44\n"
        "    movl %cr4, %eax\n    movl %eax, seen+48\n"
        "    movw %cs, seen+52\n    movw %ss, seen+56\n    movw %ds, seen+60\n"
        "    movw %es, seen+64\n    movw %fs, seen+68\n    movw %gs, seen+72\n"
        "    sldt seen+76\n    movl %fs:0, %eax\n    movl %eax, seen+80\n"
        "    sgdt seen+86\n    sidt seen+94\n"
        "    movl $1, seen+100\n"
        "1:  hlt\n    jmp 1b");
_Static_assert(offsetof(__typeof__(seen), gdt) == 84, "state_entry");
_Static_assert(offsetof(__typeof__(seen), done) == 100, "state_entry");

static uint8_t state_stack[256] __attribute__((aligned(16)));
static const uint32_t mark = MARK;

static struct vmi_ap_state good_state(const struct guest_space *space) {
    guest_gdt_set(SEL_FS, guest_descriptor((uint32_t)&mark, 3, ACCESS_DATA, SIZE_32));
    guest_gdt_set(SEL_LDT, guest_descriptor((uint32_t)&mark, 7, ACCESS_LDT, 0));
    return (struct vmi_ap_state){
        .cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG,
        .cr2 = 0x12345678,
        .cr3 = space->cr3,
        .cr4 = CR4_DE | CR4_PSE | (space->pae ? CR4_PAE : 0),
        .eip = (uint32_t)state_entry,
        .eflags = EFLAGS_CF | EFLAGS_DF | EFLAGS_IOPL,
        .eax = 0xA0A0A0A0,
        .ebx = 0xB1B1B1B1,
        .ecx = 0xC2C2C2C2,
        .edx = 0xD3D3D3D3,
        .esp = (uint32_t)state_stack + sizeof(state_stack),
        .ebp = 0xE4E4E4E4,
        .esi = 0xF5F5F5F5,
        .edi = 0x06060606,
        .cs = SEL_KCODE,
        .ss = SEL_KDATA,
        .ds = SEL_UDATA,
        .es = SEL_UDATA,
        .fs = SEL_FS,
        .ldtr = SEL_LDT,
        .gdtr_limit = sizeof(guest_gdt) - 1,
        .gdtr_base = (uint32_t)guest_gdt,
        .idtr_base = (uint32_t)guest_idt,
        .idtr_limit = sizeof(guest_idt) - 1,
    };
}

static uint32_t call(const uint8_t *image, uint32_t slot, uint32_t eax, uint32_t edx) {
    struct call_regs r;
    guest_call_regs_init(&r, 7);
    r.eax = eax;
    r.edx = edx;
    guest_call(&r, (uint32_t)image + VMI_CALL_OFFSET(slot), NULL, 0);
    return r.eax;
}

static void give_state(uint32_t address) {
    call(rom, VMI_CALL_SetInitialAPState, address, other.apic_id);
}

static void give_linear_state(uint32_t address) {
    call(rom_3, VMI3_SLOT_SetInitialAPState, address, other.apic_id);
}

/* Whether it starts in the state at that address, and not in real mode. */
static uint32_t starts_in_within(uint32_t waits, uint32_t address, void (*give)(uint32_t)) {
    seen.done = 0;
    command(ICR_OTHERS | ICR_ASSERT | ICR_INIT);
    give(address);
    guest_delay_us(10000);
    command(ICR_OTHERS | ICR_ASSERT | ICR_STARTUP | NOT_REAL_MODE);
    for (uint32_t i = 0; i < waits && !seen.done; i++) {
        guest_delay_us(200);
    }
    return seen.done;
}

static uint32_t starts_in(uint32_t address, void (*give)(uint32_t)) {
    return starts_in_within(WAITS, address, give);
}

static void has_state(const struct vmi_ap_state *s) {
    same("its_eax_is_as_given", s->eax, seen.eax);
    same("its_ebx_is_as_given", s->ebx, seen.ebx);
    same("its_ecx_is_as_given", s->ecx, seen.ecx);
    same("its_edx_is_as_given", s->edx, seen.edx);
    same("its_esp_is_as_given", s->esp, seen.esp);
    same("its_ebp_is_as_given", s->ebp, seen.ebp);
    same("its_esi_is_as_given", s->esi, seen.esi);
    same("its_edi_is_as_given", s->edi, seen.edi);
    same("its_eflags_are_as_given", s->eflags | EFLAGS_FIXED, seen.eflags);
    same("its_cr0_is_as_given", s->cr0, seen.cr0);
    same("its_cr2_is_as_given", s->cr2, seen.cr2);
    same("its_cr3_is_as_given", s->cr3, seen.cr3);
    same("its_cr4_is_as_given", s->cr4, seen.cr4);
    same("its_cs_is_as_given", s->cs, seen.cs & 0xFFFF);
    same("its_ss_is_as_given", s->ss, seen.ss & 0xFFFF);
    same("its_ds_is_as_given", s->ds, seen.ds & 0xFFFF);
    same("its_es_is_as_given", s->es, seen.es & 0xFFFF);
    same("its_fs_is_as_given", s->fs, seen.fs & 0xFFFF);
    same("its_gs_is_as_given", s->gs, seen.gs & 0xFFFF);
    same("its_ldtr_is_as_given", s->ldtr, seen.ldtr & 0xFFFF);
    same("its_fs_has_the_base_of_the_gdt", MARK, seen.behind_fs);
    same("its_gdtr_is_as_given", s->gdtr_base, seen.gdt.base);
    same("its_gdtr_limit_is_as_given", s->gdtr_limit, seen.gdt.limit);
    same("its_idtr_is_as_given", s->idtr_base, seen.idt.base);
    same("its_idtr_limit_is_as_given", s->idtr_limit, seen.idt.limit);
}

static void starts_in_a_state(void) {
    static uint8_t bytes[PAGE + VMI_AP_STATE_SIZE] __attribute__((aligned(4096)));
    uint8_t *at = bytes + PAGE - 13; /* across a page, aligned to nothing */
    struct guest_space plain = guest_space_new(0), pae = guest_space_new(1);
    struct vmi_ap_state state = good_state(&plain);
    memcpy(at, &state, VMI_AP_STATE_SIZE);
    same("it_starts_in_a_physical_state", 1, starts_in((uint32_t)at, give_state));
    has_state(&state);

    state = good_state(&pae);
    memcpy(at, &state, VMI_AP_STATE_SIZE);
    guest_map(&pae, HIGH, (uint32_t)bytes, PTE_RW);
    guest_map(&pae, HIGH + PAGE, (uint32_t)bytes + PAGE, PTE_RW);
    guest_paging_on(&pae);
    same("it_starts_in_a_linear_state", 1, starts_in(HIGH + PAGE - 13, give_state));
    same("with_pae", state.cr4, seen.cr4);
    state.eax = 0x30303030;
    memcpy(at, &state, VMI_AP_STATE_SIZE);
    same("it_starts_in_a_state_of_api_3", 1, starts_in(HIGH + PAGE - 13, give_linear_state));
    same("with_its_registers", state.eax, seen.eax);
    guest_paging_off();

    state.ds = SEL_ABSENT;
    memcpy(at, &state, VMI_AP_STATE_SIZE);
    same("it_does_not_start_with_a_segment_that_is_not_there", 0,
         starts_in_within(WAITS_IN_VAIN, (uint32_t)at, give_state));
    state.cr0 &= ~(uint32_t)CR0_PG;
    memcpy(at, &state, VMI_AP_STATE_SIZE);
    give_state((uint32_t)at);
    same("what_is_no_state_starts_in_real_mode", 0, (uint32_t)guest_ap_start(count, NULL));
    guest_ap_start(count, NULL);
    same("a_state_is_for_one_start", 1, goes_on());
}

/* --- the local APIC --- */

static volatile uint32_t selves;

static void on_self(struct trap_frame *frame) {
    (void)frame;
    selves++;
    guest_apic_write(APIC_EOI, 0);
}

static void hears_itself(void) {
    guest_set_handler(SELF_VECTOR, on_self);
    native_sti();
    for (uint32_t i = 0; i < 100; i++) {
        command(ICR_SELF | ICR_ASSERT | SELF_VECTOR);
        for (uint32_t n = 0; n < WAITS && selves == i; n++) {
            guest_delay_us(200);
        }
    }
    native_cli();
    guest_set_handler(SELF_VECTOR, NULL);
    same("interrupts_to_itself_arrive", 100, selves);
}

/* Every kind of write that a kernel may use. */
static void writes_registers(void) {
    volatile uint32_t *tpr = (volatile uint32_t *)(guest_apic_base() + APIC_TPR);
    uint32_t value = 0x50, flags;
    __asm__ volatile("movl $0x10, %0" : "=m"(*tpr));
    same("mov_writes_a_register", 0x10, *tpr);
    __asm__ volatile("orl $0x20, %0" : "+m"(*tpr));
    same("or_changes_a_register", 0x30, *tpr);
    __asm__ volatile("xchgl %1, %0" : "+m"(*tpr), "+r"(value));
    same("xchg_changes_a_register", 0x50, *tpr);
    same("xchg_returns_what_was_there", 0x30, value);
    __asm__ volatile("pushl $0x40; popl %0" : "=m"(*tpr));
    same("pop_writes_a_register", 0x40, *tpr);
    value = 0x70;
    __asm__ volatile("movl %1, %%edi; movl %2, %%esi; movl $1, %%ecx; cld; rep movsl"
                     : "=m"(*tpr)
                     : "r"(tpr), "r"(&value)
                     : "esi", "edi", "ecx", "memory");
    same("movs_writes_a_register", 0x70, *tpr);
    __asm__ volatile("sti; movl $0, %0; pushfl; popl %1; cli" : "=m"(*tpr), "=r"(flags));
    same("a_write_keeps_the_interrupt_flag", EFLAGS_IF, flags & (EFLAGS_IF | EFLAGS_TF));
}

/* API 3.0 names a register by its offset. */
static void serves_offsets(void) {
    uint32_t version = guest_apic_read(APIC_VERSION);
    call(rom_3, VMI3_SLOT_APICWrite, APIC_TPR, 0x20);
    same("a_register_is_written_by_its_offset", 0x20, guest_apic_read(APIC_TPR));
    same("and_read", 0x20, call(rom_3, VMI3_SLOT_APICRead, APIC_TPR, 0));
    same("every_register_is", version, call(rom_3, VMI3_SLOT_APICRead, APIC_VERSION, 0));
    call(rom_3, VMI3_SLOT_APICWrite, PAGE + APIC_TPR, 0x30);
    same("no_register_is_beyond_the_page", 0x20, guest_apic_read(APIC_TPR));
    same("nor_to_be_read", 0, call(rom_3, VMI3_SLOT_APICRead, PAGE + APIC_TPR, 0));
    call(rom_3, VMI3_SLOT_APICWrite, APIC_TPR, 0);
}

void try_apic(void) {
    struct rom_found found[16];
    uint32_t count;
    rom_3 = guest_at(guest_find_rom_of(VMI_API_MAJOR_3, found, 16, &count));
    guest_apic_enable();
    hears_itself();
    writes_registers();
    serves_offsets();
}

void try_processors(uint8_t *at) {
    rom = at;
    memcpy(vectors, guest_at(0), IVT_SIZE);
    if (guest_ap_start(count, NULL)) {
        return;
    }
    guest_puts("# two processors\n");
    starts_as_ever();
    starts_once();
    starts_in_a_state();
}
