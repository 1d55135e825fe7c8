/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the ABI asks, and no more, of calls that a hypervisor may serve in ways of its own. */
#include "conform.h"

static void init_succeeds(void) {
    find_entries();
    equal("Init's status", init_image(), 0);
}

/* A CALL for a call that there is; where it leads, GetCR3 does its work. */
static void relocation_leads_to_the_call(void) {
    uint32_t number = call_number(VMI_CALL_GetCR3);
    uint32_t eip = vmi(VMI_CALL_GetRelocationInfo, number, 0xDDDDDDDD, 0xCCCCCCCC);
    equal("type of the answer", result.edx & 0xFF, VMI_RELOCATION_CALL_REL);
    if ((result.edx & 0xFF) == VMI_RELOCATION_CALL_REL) {
        uint32_t cr3 = 0x12345000;
        write_cr3(cr3);
        __asm__ volatile("call *%1" : "+a"(cr3) : "r"(eip) : "ecx", "edx", "memory", "cc");
        equal("GetCR3 at the address answered", cr3, 0x12345000);
        write_cr3(0);
    }
}

static void time_is_told(void) {
    vmi(VMI_CALL_GetCycleFrequency, 1, 2, 3);
    vmi(VMI_CALL_GetWallclockTime, 1, 2, 3);
    vmi(VMI_CALL_WallclockUpdated, 1, 2, 3);
}

static void alarm_is_set_and_cancelled(void) {
    static const uint32_t words[2] = {0, 0};
    vmi_words(VMI_CALL_SetAlarm, 0, 0xFFFFFFFF, 0x7FFFFFFF, words, 2); /* centuries away */
    vmi(VMI_CALL_CancelAlarm, 0, 5, 6);
}

static void kernel_stack_is_told(void) {
    int is_13 = has_call(VMI_CALL_UpdateKernelStack);
    uint32_t before = guest_tss.esp0;
    vmi(is_13 ? VMI_CALL_UpdateKernelStack : VMI3_SLOT_UpdateKernelStack,
        is_13 ? (uint32_t)&guest_tss : SEL_KDATA, before, 3);
    equal("esp0", guest_tss.esp0, before);
}

static void page_tables_are_told(void) {
    struct guest_space space = guest_space_new(0);
    uint32_t *page = guest_page_alloc();
    static const uint32_t words[2] = {0, 0};
    guest_paging_on(&space);
    vmi_words(allocate_page(), (uint32_t)page >> 12, VMI_PAGE_PT, 0, words, 2);
    vmi(release_page(), (uint32_t)page >> 12, VMI_PAGE_PT, 0);
    equal("the page", page[0], 0);
    equal("CR3", read_cr3(), space.cr3);
}

static void linear_mapping_is_told(void) {
    static const uint32_t words[1] = {0x300};
    vmi_words(VMI_CALL_SetLinearMapping, 0, 0xC0000000, 0x1000, words, 1);
}

static void addresses_are_translated_and_back(void) {
    uint32_t machine = vmi(VMI3_SLOT_PhysicalToMachine, GUEST_FREE_MEMORY, 1, 2);
    equal("the address again", vmi(VMI3_SLOT_MachineToPhysical, machine, 1, 2), GUEST_FREE_MEMORY);
}

static void stores_are_told(void) {
    struct guest_space space = guest_space_new(0);
    uint32_t *entry = guest_pte(&space, GUEST_FREE_MEMORY);
    uint32_t before = *entry;
    vmi(VMI3_SLOT_UpdatePxE, (uint32_t)entry, VMI_PAGE_PT, 3);
    equal("the entry", *entry, before);
}

static void long_stores_are_told(void) {
    if (!(features & CPU_PAE)) {
        skip("no PAE");
        return;
    }
    struct guest_space space = guest_space_new(1);
    uint32_t *entry = guest_pte(&space, GUEST_FREE_MEMORY);
    uint32_t before = *entry;
    vmi(VMI3_SLOT_UpdatePxELong, (uint32_t)entry, VMI_PAGE_PT, 3);
    equal("the entry", *entry, before);
}

static void lazy_mode_is_left(void) {
    vmi(VMI3_SLOT_SetLazyMode, VMI3_LAZY_OFF, 2, 3);
}

static void ap_state_is_told(void) {
    static struct vmi_ap_state state, before;
    state.cr0 = CR0_PE;
    before = state;
    vmi(rom_api == VMI_API_MAJOR_13 ? VMI_CALL_SetInitialAPState : VMI3_SLOT_SetInitialAPState,
        (uint32_t)&state, 1, 3);
    equal("states that differ", (uint32_t) !!memcmp(&state, &before, sizeof(state)), 0);
}

const struct test fair_tests[] = {
    {"init_succeeds", init_succeeds, 0, {VMI_CALL_Init}},
    {"relocation_leads_to_the_call",
     relocation_leads_to_the_call,
     0,
     {VMI_CALL_GetRelocationInfo, VMI_CALL_GetCR3}},
    {"time_is_told",
     time_is_told,
     0,
     {VMI_CALL_GetCycleFrequency, VMI_CALL_GetWallclockTime, VMI_CALL_WallclockUpdated}},
    {"alarm_is_set_and_cancelled",
     alarm_is_set_and_cancelled,
     0,
     {VMI_CALL_SetAlarm, VMI_CALL_CancelAlarm}},
    {"kernel_stack_is_told",
     kernel_stack_is_told,
     ANY,
     {VMI_CALL_UpdateKernelStack, VMI3_SLOT_UpdateKernelStack}},
    {"page_tables_are_told",
     page_tables_are_told,
     ANY,
     {VMI_CALL_AllocatePage, VMI_CALL_ReleasePage, VMI3_SLOT_AllocatePage, VMI3_SLOT_ReleasePage}},
    {"linear_mapping_is_told", linear_mapping_is_told, 0, {VMI_CALL_SetLinearMapping}},
    {"addresses_are_translated_and_back",
     addresses_are_translated_and_back,
     0,
     {VMI3_SLOT_PhysicalToMachine, VMI3_SLOT_MachineToPhysical}},
    {"stores_are_told", stores_are_told, 0, {VMI3_SLOT_UpdatePxE}},
    {"long_stores_are_told", long_stores_are_told, 0, {VMI3_SLOT_UpdatePxELong}},
    {"lazy_mode_is_left", lazy_mode_is_left, 0, {VMI3_SLOT_SetLazyMode}},
    {"ap_state_is_told",
     ap_state_is_told,
     ANY,
     {VMI_CALL_SetInitialAPState, VMI3_SLOT_SetInitialAPState}},
    {NULL, NULL, 0, {0}}};
