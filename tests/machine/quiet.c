/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Calls that tell a hypervisor something: on the bare machine they change nothing at all. */
#include "machine.h"

enum {
    FRAME = GUEST_FREE_MEMORY,
    WORDS = 1024,
    UNASSIGNED = VMI_SLOT_LAST + 1 /* the first slot, in both APIs */
};

static uint32_t *pattern(void) {
    uint32_t *page = guest_at(FRAME);
    for (uint32_t i = 0; i < WORDS; i++) {
        page[i] = (i + 1) * 0x9E3779B9;
    }
    return page;
}

static void pattern_is_whole(const uint32_t *page) {
    for (uint32_t i = 0; i < WORDS; i++) {
        if (page[i] != (i + 1) * 0x9E3779B9) {
            fail("the page changed at word %u", i);
            return;
        }
    }
}

/* EAX, EDX and ECX may be clobbered by the table; by a native ROM they need not, and are not looked
 * at. */
static void page_calls_change_nothing(void) {
    static const uint32_t flags[] = {VMI_PAGE_PT,
                                     VMI_PAGE_PD,
                                     VMI_PAGE_PD | VMI_PAGE_PT,
                                     VMI_PAGE_PAE | VMI_PAGE_PT,
                                     VMI_PAGE_PDP,
                                     VMI3_PAGE_PAE | VMI3_PAGE_ZEROED | VMI3_PAGE_PT,
                                     VMI3_PAGE_CLONE | VMI3_PAGE_ZEROED | VMI3_PAGE_PD};
    static const uint32_t words[2] = {0x300, 0x100};
    struct guest_space space = guest_space_new(0);
    uint32_t *page = pattern();
    guest_paging_on(&space);
    for (uint32_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        vmi_words(allocate_page(), FRAME >> 12, flags[i], space.cr3 >> 12, words, 2);
        vmi(release_page(), FRAME >> 12, flags[i], 0x1234);
    }
    for (uint32_t slot = 0; slot < VMI_LINEAR_MAP_SLOTS; slot++) {
        vmi_words(VMI_CALL_SetLinearMapping, slot, 0xC0000000, 0x1000, words, 1);
    }
    pattern_is_whole(page);
    equal("CR3", read_cr3(), space.cr3);
}

static void flush_deferred_calls_gives_zero(void) {
    static const uint32_t what[] = {0, VMI_FLUSH_PT_UPDATES, VMI_FLUSH_CPU_STATE, 0xC0, 0xFFFFFFFF};
    for (uint32_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
        equal("EAX", vmi(VMI_CALL_FlushDeferredCalls, what[i], 0x11, 0x22), 0);
    }
}

static void kernel_stack_stays_in_the_tss(void) {
    uint32_t call = has_call(VMI_CALL_UpdateKernelStack) ? VMI_CALL_UpdateKernelStack
                                                         : VMI3_SLOT_UpdateKernelStack;
    guest_tss.esp0 = 0x12345678;
    vmi(call, (uint32_t)&guest_tss, 0x87654320, 0x33);
    vmi(call, SEL_KDATA, 0x87654320, 0x33);
    equal("esp0", guest_tss.esp0, 0x12345678);
    vmi(call, 0xFFFFFFFF, 0x87654320, 0x33); /* never dereferenced */
}

/* What API 3.0 adds: a guest tells of its own store, and what may be queued. */
static void notifications_change_nothing(void) {
    uint32_t *page = pattern();
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t flags = VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | i << 12;
        vmi(VMI3_SLOT_UpdatePxE, (uint32_t)(page + i), flags, 0x33);
        vmi(VMI3_SLOT_UpdatePxELong, (uint32_t)(page + i), flags | VMI_PAGE_DEFER, 0x33);
        vmi(VMI3_SLOT_SetLazyMode, i, 0x22, 0x33);
    }
    vmi(VMI3_SLOT_SetLazyMode, VMI3_LAZY_OFF, 0x22, 0x33);
    equal("MachineToPhysical", vmi(VMI3_SLOT_MachineToPhysical, 0x12345678, 1, 2), 0x12345678);
    equal("PhysicalToMachine", vmi(VMI3_SLOT_PhysicalToMachine, 0x9ABCDEF0, 1, 2), 0x9ABCDEF0);
    equal("SetCallbacks", vmi(VMI3_SLOT_SetCallbacks, 0x12345678, 1, 2), 0);
    pattern_is_whole(page);
}

static void ap_state_is_only_read(void) {
    uint32_t *page = pattern();
    vmi(VMI_CALL_SetInitialAPState, (uint32_t)page + 4, 1, 0x33);
    vmi(VMI_CALL_SetInitialAPState, 0xFFFFFFFF, 7, 0x33);
    pattern_is_whole(page);
}

static void unassigned_calls_give_zero(void) {
    uint32_t first = rom_api == VMI_API_MAJOR_3 ? UNASSIGNED : VMI_CALL_LAST + 1;
    for (uint32_t call = first; call < VMI_CALL_SLOTS; call++) {
        equal("EAX", vmi(call, 0x11111111, 0x22222222, 0x33333333), 0);
        equal("EDX", result.edx, 0);
    }
}

const struct test quiet_tests[] = {
    {"page_calls_change_nothing",
     page_calls_change_nothing,
     TWICE | ANY | OURS,
     {VMI_CALL_AllocatePage, VMI_CALL_ReleasePage, VMI_CALL_SetLinearMapping,
      VMI3_SLOT_AllocatePage, VMI3_SLOT_ReleasePage}},
    {"flush_deferred_calls_gives_zero",
     flush_deferred_calls_gives_zero,
     TWICE,
     {VMI_CALL_FlushDeferredCalls}},
    {"kernel_stack_stays_in_the_tss",
     kernel_stack_stays_in_the_tss,
     ANY | OURS,
     {VMI_CALL_UpdateKernelStack, VMI3_SLOT_UpdateKernelStack}},
    {"notifications_change_nothing",
     notifications_change_nothing,
     TWICE | OURS,
     {VMI3_SLOT_UpdatePxE, VMI3_SLOT_UpdatePxELong, VMI3_SLOT_SetLazyMode,
      VMI3_SLOT_MachineToPhysical, VMI3_SLOT_PhysicalToMachine, VMI3_SLOT_SetCallbacks}},
    {"ap_state_is_only_read", ap_state_is_only_read, TWICE | OURS, {VMI_CALL_SetInitialAPState}},
    {"unassigned_calls_give_zero", unassigned_calls_give_zero, TWICE | OURS, {UNASSIGNED}},
    {NULL, NULL, 0, {0}}};
