/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The tour: find a ROM, call Init, make every other call, and print a row for each. Reboot comes
 * last: when the guest is booted again it finds a marker in memory, requests the other kind of
 * reset, and after that one prints the summary.
 *
 * A guest that finds no usable ROM prints one line about it and runs natively.
 */
#include "tour.h"
#include "call_names.h"

/* Status for guest_exit, distinct from those of a crash or of a guest that just returns. */
enum { STATUS_OK = 0x10, STATUS_NATIVE = 0x11, STATUS_FAILED = 0x12 };

static tour_function *const shows[VMI_CALL_SLOTS] = {
    [VMI_CALL_Init] = show_init,
    [VMI_CALL_CPUID] = show_cpuid,
    [VMI_CALL_WRMSR] = show_wrmsr,
    [VMI_CALL_RDMSR] = show_rdmsr,
    [VMI_CALL_SetGDT] = show_set_gdt,
    [VMI_CALL_SetLDT] = show_set_ldt,
    [VMI_CALL_SetIDT] = show_set_idt,
    [VMI_CALL_SetTR] = show_set_tr,
    [VMI_CALL_GetGDT] = show_get_gdt,
    [VMI_CALL_GetLDT] = show_get_ldt,
    [VMI_CALL_GetIDT] = show_get_idt,
    [VMI_CALL_GetTR] = show_get_tr,
    [VMI_CALL_WriteGDTEntry] = show_write_gdt_entry,
    [VMI_CALL_WriteLDTEntry] = show_write_ldt_entry,
    [VMI_CALL_WriteIDTEntry] = show_write_idt_entry,
    [VMI_CALL_UpdateKernelStack] = show_update_kernel_stack,
    [VMI_CALL_SetCR0] = show_set_cr0,
    [VMI_CALL_SetCR2] = show_set_cr2,
    [VMI_CALL_SetCR3] = show_set_cr3,
    [VMI_CALL_SetCR4] = show_set_cr4,
    [VMI_CALL_GetCR0] = show_get_cr0,
    [VMI_CALL_GetCR2] = show_get_cr2,
    [VMI_CALL_GetCR3] = show_get_cr3,
    [VMI_CALL_GetCR4] = show_get_cr4,
    [VMI_CALL_INVD] = show_invd,
    [VMI_CALL_WBINVD] = show_wbinvd,
    [VMI_CALL_SetDR] = show_set_dr,
    [VMI_CALL_GetDR] = show_get_dr,
    [VMI_CALL_RDPMC] = show_rdpmc,
    [VMI_CALL_RDTSC] = show_rdtsc,
    [VMI_CALL_CLTS] = show_clts,
    [VMI_CALL_EnableInterrupts] = show_enable_interrupts,
    [VMI_CALL_DisableInterrupts] = show_disable_interrupts,
    [VMI_CALL_GetInterruptMask] = show_get_interrupt_mask,
    [VMI_CALL_SetInterruptMask] = show_set_interrupt_mask,
    [VMI_CALL_IRET] = show_iret,
    [VMI_CALL_SYSEXIT] = show_sysexit,
    [VMI_CALL_Pause] = show_pause,
    [VMI_CALL_Halt] = show_halt,
    [VMI_CALL_Reboot] = NULL, /* takes three boots: show_reboot below */
    [VMI_CALL_Shutdown] = show_shutdown,
    [VMI_CALL_SetPxE0] = show_set_pxe0,
    [VMI_CALL_GetPxE] = show_get_pxe,
    [VMI_CALL_SwapPxE] = show_swap_pxe,
    [VMI_CALL_SetPxELong0] = show_set_pxe_long0,
    [VMI_CALL_GetPxELong] = show_get_pxe_long,
    [VMI_CALL_SwapPxELongAtomic] = show_swap_pxe_long_atomic,
    [VMI_CALL_TestAndSetPxEBit] = show_test_and_set_pxe_bit,
    [VMI_CALL_TestAndClearPxEBit] = show_test_and_clear_pxe_bit,
    [VMI_CALL_AllocatePage] = show_allocate_page,
    [VMI_CALL_ReleasePage] = show_release_page,
    [VMI_CALL_InvalPage] = show_inval_page,
    [VMI_CALL_FlushTLB] = show_flush_tlb,
    [VMI_CALL_FlushDeferredCalls] = show_flush_deferred_calls,
    [VMI_CALL_SetLinearMapping] = show_set_linear_mapping,
    [VMI_CALL_IN] = show_in,
    [VMI_CALL_INB] = show_inb,
    [VMI_CALL_INW] = show_inw,
    [VMI_CALL_INS] = show_ins,
    [VMI_CALL_INSB] = show_insb,
    [VMI_CALL_INSW] = show_insw,
    [VMI_CALL_OUT] = show_out,
    [VMI_CALL_OUTB] = show_outb,
    [VMI_CALL_OUTW] = show_outw,
    [VMI_CALL_OUTS] = show_outs,
    [VMI_CALL_OUTSB] = show_outsb,
    [VMI_CALL_OUTSW] = show_outsw,
    [VMI_CALL_SetIOPLMask] = show_set_iopl_mask,
    [VMI_CALL_DeactivatePxELongAtomic] = show_deactivate_pxe_long_atomic,
    [VMI_CALL_TestAndSetPxELongBit] = show_test_and_set_pxe_long_bit,
    [VMI_CALL_TestAndClearPxELongBit] = show_test_and_clear_pxe_long_bit,
    [VMI_CALL_SetInitialAPState] = show_set_initial_ap_state,
    [VMI_CALL_APICWrite] = show_apic_write,
    [VMI_CALL_APICRead] = show_apic_read,
    [VMI_CALL_IODelay] = show_io_delay,
    [VMI_CALL_GetCycleFrequency] = show_get_cycle_frequency,
    [VMI_CALL_GetCycleCounter] = show_get_cycle_counter,
    [VMI_CALL_SetAlarm] = show_set_alarm,
    [VMI_CALL_CancelAlarm] = show_cancel_alarm,
    [VMI_CALL_GetWallclockTime] = show_get_wallclock_time,
    [VMI_CALL_WallclockUpdated] = show_wallclock_updated,
    [VMI_CALL_GetRelocationInfo] = show_get_relocation_info,
    [VMI_CALL_SetPxE] = show_set_pxe,
    [VMI_CALL_SetPxELong] = show_set_pxe_long,
    [VMI3_SLOT_UpdateKernelStack] = show_update_kernel_stack_3,
    [VMI3_SLOT_UpdatePxE] = show_update_pxe,
    [VMI3_SLOT_UpdatePxELong] = show_update_pxe_long,
    [VMI3_SLOT_MachineToPhysical] = show_machine_to_physical,
    [VMI3_SLOT_PhysicalToMachine] = show_physical_to_machine,
    [VMI3_SLOT_AllocatePage] = show_allocate_page_3,
    [VMI3_SLOT_ReleasePage] = show_release_page_3,
    [VMI3_SLOT_SetInitialAPState] = show_set_initial_ap_state_3,
    [VMI3_SLOT_APICWrite] = show_apic_write_3,
    [VMI3_SLOT_APICRead] = show_apic_read_3,
    [VMI3_SLOT_SetCallbacks] = show_set_callbacks,
    [VMI3_SLOT_SetLazyMode] = show_set_lazy_mode,
};

struct guest_space tour_space;
uint32_t tour_init_status;

/* ---- The calls of the ROM's API ---- */

static struct call {
    uint8_t slot;
    uint32_t number;
    const char *name;
} calls[VMI_CALL_SLOTS];
static uint32_t call_count;

static void add_call(uint32_t slot, uint32_t number, const char *name) {
    calls[call_count++] = (struct call){(uint8_t)slot, number, name};
}

static void list_calls(void) {
    if (tour_api == VMI_API_MAJOR_13) {
        for (uint32_t i = 0; i < sizeof(vmi_call_names) / sizeof(vmi_call_names[0]); i++) {
            add_call(vmi_call_names[i].slot, vmi_call_names[i].slot, vmi_call_names[i].name);
        }
        return;
    }
    add_call(VMI_CALL_Init, TOUR_NO_NUMBER, "Init");
    add_call(VMI_CALL_GetRelocationInfo, TOUR_NO_NUMBER, "GetRelocationInfo");
    for (uint32_t i = 0; i <= VMI3_CALL_LAST; i++) {
        add_call(vmi3_call_names[i].slot, i, vmi3_call_names[i].name);
    }
}

static const struct call *call_in(uint32_t slot) {
    for (uint32_t i = 0; i < call_count; i++) {
        if (calls[i].slot == slot) {
            return &calls[i];
        }
    }
    guest_panic(NULL, "slot %u has no call", slot);
}

/* ---- What must survive a reset: in the marker's page, behind the marker ---- */

struct kept {
    uint32_t crc; /* of the ROM as it was found */
    uint8_t verdicts[VMI_CALL_SLOTS];
};

static struct kept *kept(void) {
    return guest_at(GUEST_MARKER_ADDRESS + 64);
}

/* The marker's values. During the tour it names the call in progress. */
enum {
    STAGE_CALL = 0x100,
    STAGE_HARD_RESET = 0x200,
    STAGE_SOFT_RESET = 0x300,
    STAGE_NUMBER = 0xFF
};

/* ---- Rows ---- */

static char effect_text[TOUR_TEXT + 1];

enum tour_verdict tour_effect(int as_expected, const char *format, ...) {
    va_list args;
    va_start(args, format);
    guest_vsnprintf(effect_text, sizeof(effect_text), format, args);
    va_end(args);
    return as_expected ? TOUR_OK : TOUR_FAILED;
}

enum tour_verdict tour_differs(int as_expected, const char *format, ...) {
    va_list args;
    va_start(args, format);
    guest_vsnprintf(effect_text, sizeof(effect_text), format, args);
    va_end(args);
    return as_expected ? TOUR_DIFFERS : TOUR_FAILED;
}

enum tour_verdict tour_not_shown(const char *why) {
    guest_snprintf(effect_text, sizeof(effect_text), "not shown: %s", why);
    return TOUR_NOT_SHOWN;
}

static void print_row(uint32_t slot, enum tour_verdict verdict) {
    static const char *const marks[] = {"FAILED", "ok", "-", "differs"};
    const struct call *call = call_in(slot);
    kept()->verdicts[slot] = (uint8_t)verdict;
    char number[4] = " -";
    if (call->number != TOUR_NO_NUMBER) {
        guest_snprintf(number, sizeof(number), "%2u", call->number);
    }
    guest_printf("%s %-23s %-44s %s\n", number, call->name, effect_text, marks[verdict]);
}

struct attempt {
    tour_function *show;
    enum tour_verdict verdict;
};

static void attempt(void *argument) {
    struct attempt *this = argument;
    this->verdict = this->show();
}

/* Restores the machine after a fault in the middle of a demonstration. */
static void recover(void) {
    write_dr7(0x400);
    write_cr0(read_cr0() & ~(uint32_t)(CR0_TS | CR0_WP));
    guest_pit_stop();
    guest_pic_mask(0);
    guest_descriptors_reset();
    guest_paging_on(&tour_space);
}

static void show_call(uint32_t slot) {
    struct attempt this = {shows[slot], TOUR_FAILED};
    struct guest_fault fault;
    if (slot == VMI_CALL_GetRelocationInfo && tour_api == VMI_API_MAJOR_3) {
        this.show = show_get_reloc_3;
    }
    guest_marker_set(STAGE_CALL | slot);
    if (!tour_has(slot)) {
        this.verdict = tour_not_shown("the ROM answers NONE");
    } else if (!this.show) {
        tour_effect(0, "there is no demonstration");
    } else if (guest_try(attempt, &this, &fault)) {
        this.verdict = tour_effect(0, "trap %u at %08Xh", fault.frame.vector, fault.frame.eip);
        recover();
    }
    print_row(slot, this.verdict);
}

/* ---- Ring 3 ---- */

static uint8_t user_stack[1024] __attribute__((aligned(16)));

uint32_t tour_in_ring3(const void *code, uint32_t eflags) {
    struct guest_entry entry;
    guest_entry_user(&entry, code, user_stack + sizeof(user_stack));
    entry.in.eflags = eflags & ~(uint32_t)EFLAGS_IF;
    if (guest_flag_is_kept()) { /* an IRETD of ring 1 does not close its ports */
        entry.target = vmi_address(VMI_CALL_IRET);
    }
    return guest_enter(&entry);
}

void tour_ring3_entry(struct guest_entry *entry, uint32_t number, const void *code) {
    guest_entry_user(entry, code, user_stack + sizeof(user_stack));
    entry->target = vmi_address(number);
}

/* Init as the ABI requires: in 32-bit protected mode, paging on, interrupts off. */
static void start_vmi(void) {
    tour_space = guest_space_new(0);
    guest_paging_on(&tour_space);
    tour_init_status = (uint32_t)vmi0(VMI_CALL_Init);
    if (tour_api == VMI_API_MAJOR_3 && !tour_init_status) {
        guest_paging_off();
        tour_ask();
        guest_paging_on(&tour_space);
    }
    if (!tour_init_status && tour_ring()) {
        int is_13 = tour_api == VMI_API_MAJOR_13;
        guest_tell_stack_eax = is_13 ? (uint32_t)&guest_tss : SEL_KDATA;
        guest_tell_stack =
            vmi_address(is_13 ? VMI_CALL_UpdateKernelStack : VMI3_SLOT_UpdateKernelStack);
    }
}

/* ---- Without a ROM ---- */

/* What this kernel does without a ROM. */
static __attribute__((noreturn)) void go_on_natively(void) {
    uint32_t regs[4];
    char vendor[13];
    guest_marker_clear();
    native_cpuid(0, 0, regs);
    tour_vendor(vendor, regs[1], regs[2], regs[3]);
    guest_irq_count[0] = 0;
    guest_pic_unmask(0);
    guest_pit_periodic(1000);
    while (guest_irq_count[0] < 10) {
        native_sti();
        native_halt();
    }
    native_cli();
    guest_printf("Native: processor by %s, %u timer ticks counted, no call made.\n", vendor,
                 guest_irq_count[0]);
    guest_exit(STATUS_NATIVE);
}

/* ---- The end ---- */

static __attribute__((noreturn)) void finish(void) {
    static struct tour_row rows[VMI_CALL_SLOTS];
    uint32_t totals[4] = {0, 0, 0, 0};
    char title[81], line[81], not_shown[24] = "", differ[24] = "";
    uint32_t crc = tour_rom_crc();
    int unchanged = crc == kept()->crc, ok;

    for (uint32_t i = 0; i < call_count; i++) {
        rows[i].number = calls[i].number;
        rows[i].name = calls[i].name;
        rows[i].verdict = (enum tour_verdict)kept()->verdicts[calls[i].slot];
        totals[rows[i].verdict]++;
    }
    ok = unchanged && totals[TOUR_FAILED] == 0;
    guest_marker_clear();

    guest_printf("ROM after all calls: CRC-32 %08X, %s\n", crc,
                 unchanged ? "unchanged" : "CHANGED");
    if (totals[TOUR_NOT_SHOWN]) {
        guest_snprintf(not_shown, sizeof(not_shown), ", %u not shown", totals[TOUR_NOT_SHOWN]);
    }
    if (totals[TOUR_DIFFERS]) {
        guest_snprintf(differ, sizeof(differ), ", %u differ in ring %u", totals[TOUR_DIFFERS],
                       tour_ring());
    }
    guest_snprintf(line, sizeof(line), "%u calls called, %u failed%s%s%s",
                   call_count - totals[TOUR_NOT_SHOWN], totals[TOUR_FAILED], differ, not_shown,
                   unchanged ? "" : ", the ROM was written to");
    guest_snprintf(title, sizeof(title), " API %u.%u at %08Xh, %u bytes: %s %s, checksum right",
                   tour_header()->api_major, tour_header()->api_minor, (uint32_t)tour_rom,
                   tour_rom_size(), tour_manufacturer(), tour_product());
    tour_screen(title, rows, call_count, line, ok);
    guest_console_select(GUEST_TO_E9 | GUEST_TO_COM1);
    guest_printf("%s\n", line);
    guest_exit(ok ? STATUS_OK : STATUS_FAILED);
}

/* ---- Reboot: one call, three boots ---- */

static __attribute__((noreturn)) void show_reboot(uint32_t stage) {
    const char *how = stage == STAGE_HARD_RESET ? "hard" : "soft";
    guest_marker_set(stage);
    vmi1(VMI_CALL_Reboot, stage == STAGE_HARD_RESET ? VMI_REBOOT_HARD : VMI_REBOOT_SOFT);
    print_row(VMI_CALL_Reboot, tour_effect(0, "%s: returned to its caller", how));
    finish();
}

static __attribute__((noreturn)) void after_reset(uint32_t stage) {
    if (!tour_find_rom(0)) {
        guest_puts("The ROM was gone after a reset.\n");
        guest_marker_clear();
        guest_exit(STATUS_FAILED);
    }
    start_vmi();
    if (tour_init_status) {
        print_row(VMI_CALL_Init, tour_effect(0, "%08Xh after a reset", tour_init_status));
        finish();
    }
    if (stage == STAGE_HARD_RESET) {
        show_reboot(STAGE_SOFT_RESET);
    }
    if (stage == STAGE_SOFT_RESET) {
        print_row(VMI_CALL_Reboot, tour_effect(1, "hard and soft: booted again each time"));
    } else { /* a call that must not reset the machine */
        print_row(stage & STAGE_NUMBER, tour_effect(0, "reset the machine"));
    }
    finish();
}

void guest_main(const char *cmdline) {
    uint32_t stage = guest_marker_get();
    char api[4];
    if (guest_option(cmdline, "api", api, sizeof(api)) && !strcmp(api, "3")) {
        tour_api = VMI_API_MAJOR_3;
    }
    list_calls();
    if (stage) {
        after_reset(stage);
    }
    guest_puts("\nTour guest of vmirom\n");
    if (!tour_find_rom(1)) {
        go_on_natively();
    }
    memset(kept()->verdicts, TOUR_NOT_SHOWN, sizeof(kept()->verdicts));
    kept()->crc = tour_rom_crc();

    start_vmi();
    if (tour_init_status) {
        guest_paging_off();
        guest_printf("VMI ROM at %08Xh refused: Init returned %08Xh; going on natively.\n",
                     (uint32_t)tour_rom, tour_init_status);
        go_on_natively();
    }
    for (uint32_t i = 0; i < call_count; i++) {
        if (calls[i].slot != VMI_CALL_Shutdown && calls[i].slot != VMI_CALL_Reboot) {
            show_call(calls[i].slot);
        }
    }
    show_call(VMI_CALL_Shutdown);
    if (!tour_has(VMI_CALL_Reboot)) {
        show_call(VMI_CALL_Reboot);
        finish();
    }
    show_reboot(STAGE_HARD_RESET);
}
