/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Init, GetRelocationInfo, and calls about other processors. */
#include "tour.h"

/* main.c makes this call itself: no other call may come before it. */
enum tour_verdict show_init(void) {
    return tour_effect(tour_init_status == 0, "%u: this guest may use the ROM", tour_init_status);
}

/*
 * A guest may unmap the low memory in which it found the ROM. The answer must stay valid: where the
 * low mapping may go away, the ROM answers with an address at the top of linear space.
 */
enum tour_verdict show_get_relocation_info(void) {
    struct guest_space without_low;
    uint64_t answer = vmi1(VMI_CALL_GetRelocationInfo, VMI_CALL_GetCR3);
    uint32_t eip = VMI_RELOCATION_EIP(answer);
    vmi_function *get_cr3 = (vmi_function *)eip;
    uint32_t there = eip >= (uint32_t)tour_rom && eip < (uint32_t)tour_rom + VMI_CALLS_END;
    uint32_t cr3;
    uint32_t *directory, *low_table;

    if (VMI_RELOCATION_TYPE(answer) != VMI_RELOCATION_CALL_REL) {
        return tour_effect(0, "type %u", VMI_RELOCATION_TYPE(answer));
    }
    if (there) { /* no 4 MiB pages on this processor */
        return tour_effect(eip == vmi_address(VMI_CALL_GetCR3), "GetCR3 at %08Xh, where the ROM is",
                           eip);
    }

    /* The same space, but its page table for the low 4 MiB does not map the ROM area. */
    without_low = guest_space_clone(&tour_space);
    directory = guest_at(without_low.cr3);
    low_table = guest_page_alloc();
    memcpy(low_table, guest_at(directory[0] & ~0xFFFu), 4096);
    memset(low_table + (VMI_SCAN_START >> 12), 0, (VMI_SCAN_END - VMI_SCAN_START) >> 10);
    directory[0] = (uint32_t)low_table | (directory[0] & 0xFFF);
    write_cr3(without_low.cr3);
    cr3 = (uint32_t)get_cr3(0, 0, 0, 0, 0);
    write_cr3(tour_space.cr3);
    return tour_effect(cr3 == without_low.cr3, "GetCR3 at %08Xh, low map not needed", eip);
}

/* API 3.0: every call has been asked for already; this counts the answers. */
enum tour_verdict show_get_reloc_3(void) {
    uint32_t answered = 0;
    uint64_t unknown = vmi1(VMI_CALL_GetRelocationInfo, VMI3_CALL_LAST + 1);
    for (uint32_t call = VMI_CALL_Init + 1; call < VMI_CALL_SLOTS; call++) {
        answered += call != VMI_CALL_GetRelocationInfo && tour_has(call);
    }
    return tour_effect(answered >= 2 && unknown == 0, "a CALL for %u of %u numbers, else NONE",
                       answered, VMI3_CALL_LAST + 1);
}

enum tour_verdict show_set_callbacks(void) {
    uint32_t result = (uint32_t)vmi0(VMI3_SLOT_SetCallbacks);
    return tour_effect(result == 0, "%u: known by name only", result);
}

/* A native ROM leaves the start of an AP to the guest's own trampoline. */
static enum tour_verdict tell_ap_state(uint32_t slot) {
    static struct vmi_ap_state state, before;
    state.cr0 = CR0_PE | CR0_PG;
    state.eip = 0x12345678;
    before = state;
    vmi2(slot, (uint32_t)&state, 1);
    return tour_effect(!memcmp(&state, &before, sizeof(state)),
                       "accepted; guest's trampoline starts it");
}

enum tour_verdict show_set_initial_ap_state(void) {
    return tell_ap_state(VMI_CALL_SetInitialAPState);
}

enum tour_verdict show_set_initial_ap_state_3(void) {
    return tell_ap_state(VMI3_SLOT_SetInitialAPState);
}

enum second_cpu { AP_NOT_THERE, AP_RUNS, AP_CAME_BACK };
static volatile enum second_cpu second_cpu;

static void on_second_cpu(void *unused) {
    (void)unused;
    second_cpu = AP_RUNS;
    vmi0(VMI_CALL_Shutdown);
    second_cpu = AP_CAME_BACK;
}

enum tour_verdict show_shutdown(void) {
    if (guest_ap_start(on_second_cpu, NULL)) {
        return tour_not_shown("needs a second processor");
    }
    for (int i = 0; i < 5000 && second_cpu == AP_NOT_THERE; i++) {
        guest_delay_us(1000);
    }
    for (int i = 0; i < 20 && second_cpu != AP_CAME_BACK; i++) {
        guest_delay_us(1000);
    }
    return tour_effect(second_cpu == AP_RUNS, second_cpu == AP_RUNS
                                                  ? "the second processor called it and stopped"
                                                  : "the second processor returned");
}

enum { TPR_PROBE = 0x20 };

/* API 13 names a register by its linear address, API 3.0 by its offset. */
static enum tour_verdict write_apic(uint32_t slot, uint32_t base) {
    uint32_t seen;
    if (!guest_apic_present()) {
        return tour_not_shown("needs a local APIC");
    }
    vmi2(slot, base + APIC_TPR, TPR_PROBE);
    seen = guest_apic_read(APIC_TPR);
    guest_apic_write(APIC_TPR, 0);
    return tour_effect(seen == TPR_PROBE, "task priority is now %02Xh", seen);
}

enum tour_verdict show_apic_write(void) {
    return write_apic(VMI_CALL_APICWrite, guest_apic_base());
}

enum tour_verdict show_apic_write_3(void) {
    return write_apic(VMI3_SLOT_APICWrite, 0);
}

static enum tour_verdict read_apic(uint32_t slot, uint32_t base) {
    uint32_t version;
    if (!guest_apic_present()) {
        return tour_not_shown("needs a local APIC");
    }
    version = (uint32_t)vmi1(slot, base + APIC_VERSION);
    return tour_effect(version == guest_apic_read(APIC_VERSION), "version register %08Xh", version);
}

enum tour_verdict show_apic_read(void) {
    return read_apic(VMI_CALL_APICRead, guest_apic_base());
}

enum tour_verdict show_apic_read_3(void) {
    return read_apic(VMI3_SLOT_APICRead, 0);
}
