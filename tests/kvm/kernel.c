/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A guest of the KVM example: calls that trap there in every way that a call can end. String I/O
 * that repeats, a call that starts over behind a page fault, Halt, the interrupt flag, CR3, the
 * same under PAE; at last Reboot, and Shutdown in the second boot. Prints TAP. `api=3`: by the ROM
 * of API 3.0, whose slots are the same here, but for SetPxE0, which it lacks.
 */

#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

enum { VECTOR_PF = 14, COM1 = 0x3F8, ATA = 0x1F0, ATA_IDENTIFY = 0xEC, WORDS = 256 };
#define MISSING  0x500000u /* a page that is not mapped until its fault */
#define REBOOTED 1u

static uint32_t rom;
static struct guest_space space;
static uint32_t faults;
static int api_3;

static void report(const char *name, int good, uint32_t seen) {
    guest_printf("%s - %s\n", good ? "ok" : "not ok", name);
    if (!good) {
        guest_printf("# seen: %08x\n", seen);
    }
}

static struct call_regs call(uint32_t slot, uint32_t eax, uint32_t edx, uint32_t ecx,
                             uint32_t address) {
    struct call_regs r;
    guest_call_regs_init(&r, slot);
    r.eax = eax, r.edx = edx, r.ecx = ecx, r.esi = r.edi = address;
    guest_call(&r, rom + VMI_CALL_OFFSET(slot), NULL, 0);
    return r;
}

/* Maps the page and goes on, as any kernel does. */
static void on_page_fault(struct trap_frame *frame) {
    uint32_t address = read_cr2();
    if (address / 4096 != MISSING / 4096 || faults++) {
        guest_panic(frame, "page fault at %08x", address);
    }
    guest_map(&space, MISSING, MISSING, PTE_RW);
}

/* For INSW: the disk's own description. */
static int disk_has_data(void) {
    outb(ATA + 6, 0xA0);
    outb(ATA + 7, ATA_IDENTIFY);
    return inb(ATA + 7) & 8;
}

static void try_strings(const char *mode) {
    static char text[] = "fifteen letters";
    static uint16_t words[WORDS];
    struct call_regs r;
    guest_printf("string %s: [", mode);
    r = call(VMI_CALL_OUTSB, 0, COM1, sizeof(text) - 1, (uint32_t)text);
    guest_printf("]\n");
    report("outsb_ends_with_its_registers",
           r.ecx == 0 && r.esi == (uint32_t)text + sizeof(text) - 1, r.ecx);
    if (!disk_has_data()) {
        report("the_disk_describes_itself", 0, inb(ATA + 7));
        return;
    }
    r = call(VMI_CALL_INSW, 0, ATA, WORDS, (uint32_t)words);
    report("insw_reads_all_words",
           r.ecx == 0 && r.edi == (uint32_t)(words + WORDS) && words[0] == 0x40 && words[53] == 1 &&
               !(inb(ATA + 7) & 8),
           r.ecx);
}

static void try_halt(const char *name) {
    uint32_t before = guest_irq_count[0];
    native_cli(); /* the interrupt must not come before the call */
    guest_pit_oneshot(20000);
    guest_pic_unmask(0);
    call(VMI_CALL_Halt, 0, 0, 0, 0);
    report(name, guest_irq_count[0] == before + 1, guest_irq_count[0] - before);
    guest_pic_mask(0);
}

static void try_flag(void) {
    struct call_regs r;
    call(VMI_CALL_DisableInterrupts, 0, 0, 0, 0);
    r = call(VMI_CALL_GetInterruptMask, 0, 0, 0, 0);
    report("the_mask_has_no_if", !(r.eax & EFLAGS_IF), r.eax);
    r = call(VMI_CALL_SetInterruptMask, EFLAGS_IF, 0, 0, 0);
    report("set_interrupt_mask_sets_if", (r.eflags & EFLAGS_IF) != 0, r.eflags);
    r = call(VMI_CALL_EnableInterrupts, 0, 0, 0, 0);
    report("enable_interrupts_sets_if", (r.eflags & EFLAGS_IF) != 0, r.eflags);
}

static void try_paging(void) {
    struct guest_space other;
    uint32_t value = MISSING | PTE_P;
    struct call_regs r;
    space = guest_space_new(0);
    guest_unmap(&space, MISSING);
    guest_paging_on(&space);
    guest_set_handler(VECTOR_PF, on_page_fault);
    if (!api_3) {
        call(VMI_CALL_SetPxE0, MISSING + 64, value, 0, 0);
        report("a_call_starts_over_behind_a_page_fault",
               faults == 1 && *(uint32_t *)guest_at(MISSING + 64) == value, faults);
    }
    guest_set_handler(VECTOR_PF, NULL);
    other = guest_space_clone(&space);
    call(VMI_CALL_SetCR3, other.cr3, 0, 0, 0);
    r = call(VMI_CALL_GetCR3, 0, 0, 0, 0);
    report("set_cr3_takes_effect", r.eax == other.cr3 && read_cr3() == other.cr3, r.eax);
    try_strings("with paging");
    guest_paging_off();
    if (!(guest_cpu_features() & CPU_PAE)) {
        return;
    }
    space = guest_space_new(1);
    guest_paging_on(&space);
    r = call(VMI_CALL_GetCR3, 0, 0, 0, 0);
    report("get_cr3_under_pae", r.eax == space.cr3, r.eax);
    try_strings("under PAE");
    try_halt("halt_waits_under_pae");
    guest_paging_off();
}

void guest_main(const char *cmdline) {
    struct rom_found found[4];
    char api[4] = "";
    uint32_t count;
    guest_option(cmdline, "api", api, sizeof(api));
    guest_console_select(GUEST_TO_COM1);
    api_3 = api[0] == '3';
    rom = guest_find_rom_of(api_3 ? VMI_API_MAJOR_3 : VMI_API_MAJOR_13, found, 4, &count);
    if (!rom) {
        guest_printf("not ok - a_rom_is_there\n");
        guest_exit(1);
    }
    report("init_succeeds", call(VMI_CALL_Init, 0, 0, 0, 0).eax == 0, 0);
    if (guest_marker_get() == REBOOTED) {
        guest_marker_clear();
        report("reboot_reboots", 1, 0);
        call(VMI_CALL_Shutdown, 0, 0, 0, 0);
        report("shutdown_does_not_return", 0, 0);
        guest_exit(1);
    }
    try_strings("without paging");
    try_halt("halt_waits_for_an_interrupt");
    try_flag();
    try_paging();
    guest_marker_set(REBOOTED);
    call(VMI_CALL_Reboot, VMI_REBOOT_HARD, 0, 0, 0);
    report("reboot_does_not_return", 0, 0);
    guest_exit(1);
}
