/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Calls that tell a hypervisor something: on the bare machine they change nothing at all. */
#include "machine.h"

enum { FRAME = GUEST_FREE_MEMORY, WORDS = 1024 };

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
    static const uint32_t flags[] = {VMI_PAGE_PT, VMI_PAGE_PD, VMI_PAGE_PD | VMI_PAGE_PT,
                                     VMI_PAGE_PAE | VMI_PAGE_PT, VMI_PAGE_PDP};
    static const uint32_t words[2] = {0x300, 0x100};
    struct guest_space space = guest_space_new(0);
    uint32_t *page = pattern();
    guest_paging_on(&space);
    for (uint32_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        vmi_words(VMI_CALL_AllocatePage, FRAME >> 12, flags[i], space.cr3 >> 12, words, 2);
        vmi(VMI_CALL_ReleasePage, FRAME >> 12, flags[i], 0x1234);
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
    guest_tss.esp0 = 0x12345678;
    vmi(VMI_CALL_UpdateKernelStack, (uint32_t)&guest_tss, 0x87654320, 0x33);
    equal("esp0", guest_tss.esp0, 0x12345678);
    vmi(VMI_CALL_UpdateKernelStack, 0xFFFFFFFF, 0x87654320, 0x33); /* never dereferenced */
}

static void ap_state_is_only_read(void) {
    uint32_t *page = pattern();
    vmi(VMI_CALL_SetInitialAPState, (uint32_t)page + 4, 1, 0x33);
    vmi(VMI_CALL_SetInitialAPState, 0xFFFFFFFF, 7, 0x33);
    pattern_is_whole(page);
}

static void unassigned_calls_give_zero(void) {
    for (uint32_t call = VMI_CALL_LAST + 1; call < VMI_CALL_SLOTS; call++) {
        equal("EAX", vmi(call, 0x11111111, 0x22222222, 0x33333333), 0);
        equal("EDX", result.edx, 0);
    }
}

const struct test quiet_tests[] = {
    {"page_calls_change_nothing",
     page_calls_change_nothing,
     TWICE,
     {VMI_CALL_AllocatePage, VMI_CALL_ReleasePage, VMI_CALL_SetLinearMapping}},
    {"flush_deferred_calls_gives_zero",
     flush_deferred_calls_gives_zero,
     TWICE,
     {VMI_CALL_FlushDeferredCalls}},
    {"kernel_stack_stays_in_the_tss",
     kernel_stack_stays_in_the_tss,
     0,
     {VMI_CALL_UpdateKernelStack}},
    {"ap_state_is_only_read", ap_state_is_only_read, TWICE, {VMI_CALL_SetInitialAPState}},
    {"unassigned_calls_give_zero", unassigned_calls_give_zero, TWICE, {VMI_CALL_LAST + 1}},
    {NULL, NULL, 0, {0}}};
