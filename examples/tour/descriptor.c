/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Descriptor tables. Each demonstration makes the processor use the table or the entry. */
#include "tour.h"

enum { INT_SHOWN = 0x82, INT_OTHER = 0x83, SEL_IN_LDT = 1 << 3 | 4 };
enum { GARBAGE = 0xBEEF0000u }; /* the upper half of a 16-bit argument */

/* The first dword of the demonstrations' segments. */
static const uint32_t probe = 0x50524F42;

static uint64_t probe_segment(void) {
    return guest_descriptor((uint32_t)&probe, sizeof(probe) - 1, ACCESS_DATA, SIZE_32);
}

/* Loads FS and reads the first dword of its segment. */
static uint32_t read_through(uint16_t selector) {
    uint32_t value;
    __asm__ volatile("movw %w1, %%fs\n\t"
                     "movl %%fs:0, %0\n\t"
                     "movw %w2, %%fs"
                     : "=&r"(value)
                     : "r"(selector), "r"(SEL_KDATA)
                     : "memory");
    return value;
}

static volatile uint32_t other_interrupts;

static void count_other(struct trap_frame *frame) {
    (void)frame;
    other_interrupts++;
}

static void do_interrupt(void) {
    __asm__ volatile("int %0" : : "i"(INT_SHOWN) : "memory");
}

enum tour_verdict show_set_gdt(void) {
    static uint64_t table[GUEST_GDT_ENTRIES] __attribute__((aligned(8)));
    struct descriptor_pointer pointer = {0, sizeof(table) - 1, (uint32_t)table}, now;
    uint32_t seen;
    memcpy(table, guest_gdt, sizeof(table));
    table[SEL_SPARE >> 3] = probe_segment();
    vmi1(VMI_CALL_SetGDT, (uint32_t)&pointer.limit);
    native_sgdt(&now);
    seen = read_through(SEL_SPARE);
    guest_descriptors_reset();
    if (tour_ring()) {
        return tour_differs(seen == probe, "FS loaded from it; SGDT shows the hypervisor's");
    }
    return tour_effect(now.base == pointer.base && now.limit == pointer.limit && seen == probe,
                       "table at %08Xh, FS loaded from it", now.base);
}

static uint64_t ldt[2] __attribute__((aligned(8)));

static void define_ldt(void) {
    guest_gdt_set(SEL_LDT, guest_descriptor((uint32_t)ldt, sizeof(ldt) - 1, ACCESS_LDT, 0));
}

static void load_ldt(uint16_t selector) {
    __asm__ volatile("lldt %w0" : : "r"(selector) : "memory");
}

enum tour_verdict show_set_ldt(void) {
    uint32_t seen;
    define_ldt();
    ldt[1] = probe_segment();
    vmi1(VMI_CALL_SetLDT, GARBAGE | SEL_LDT);
    seen = read_through(SEL_IN_LDT);
    guest_descriptors_reset();
    return tour_effect(seen == probe, "selector %02Xh, FS loaded from that LDT", SEL_LDT);
}

enum tour_verdict show_set_idt(void) {
    static uint64_t table[256] __attribute__((aligned(8)));
    struct descriptor_pointer pointer = {0, sizeof(table) - 1, (uint32_t)table};
    guest_handler *old = guest_set_handler(INT_OTHER, count_other);
    memcpy(table, guest_idt, sizeof(table));
    table[INT_SHOWN] = guest_gate(guest_vector_stub(INT_OTHER), 0xE, 0);
    other_interrupts = 0;
    vmi1(VMI_CALL_SetIDT, (uint32_t)&pointer.limit);
    do_interrupt();
    guest_descriptors_reset();
    guest_set_handler(INT_OTHER, old);
    return tour_effect(other_interrupts == 1, "INT 82h went through the new table");
}

static int is_busy(uint16_t selector) {
    return (int)(guest_gdt[selector >> 3] >> 41) & 1;
}

static uint32_t task_register(void) {
    uint32_t selector = 0;
    __asm__ volatile("str %w0" : "+r"(selector));
    return selector;
}

enum tour_verdict show_set_tr(void) {
    static uint8_t tss[104] __attribute__((aligned(8)));
    uint32_t selector;
    int busy;
    guest_gdt_set(SEL_SPARE, guest_descriptor((uint32_t)tss, sizeof(tss) - 1, ACCESS_TSS, 0));
    vmi1(VMI_CALL_SetTR, GARBAGE | SEL_SPARE);
    selector = task_register();
    busy = is_busy(SEL_SPARE);
    guest_gdt_set(SEL_SPARE, 0);
    guest_descriptors_reset();
    if (tour_ring()) {
        return tour_differs(busy, "marked busy; STR shows the hypervisor's");
    }
    return tour_effect(selector == SEL_SPARE && busy, "TSS %02Xh loaded and marked busy", selector);
}

static enum tour_verdict same_pointer(const struct descriptor_pointer *called,
                                      const struct descriptor_pointer *own, const char *name,
                                      const void *table) {
    if (tour_ring()) {
        return tour_differs(called->base == (uint32_t)table, "%08Xh; %s shows the hypervisor's",
                            called->base, name);
    }
    return tour_effect(called->base == own->base && called->limit == own->limit,
                       "%08Xh limit %04Xh, as %s stores", called->base, called->limit, name);
}

enum tour_verdict show_get_gdt(void) {
    struct descriptor_pointer called = {0, 0, 0}, own;
    vmi1(VMI_CALL_GetGDT, (uint32_t)&called.limit);
    native_sgdt(&own);
    return same_pointer(&called, &own, "SGDT", guest_gdt);
}

enum tour_verdict show_get_idt(void) {
    struct descriptor_pointer called = {0, 0, 0}, own;
    vmi1(VMI_CALL_GetIDT, (uint32_t)&called.limit);
    native_sidt(&own);
    return same_pointer(&called, &own, "SIDT", guest_idt);
}

enum tour_verdict show_get_ldt(void) {
    uint32_t selector;
    define_ldt();
    load_ldt(SEL_LDT);
    selector = (uint32_t)vmi0(VMI_CALL_GetLDT);
    load_ldt(0);
    return tour_effect(selector == SEL_LDT, "selector %02Xh", selector);
}

enum tour_verdict show_get_tr(void) {
    uint32_t selector = (uint32_t)vmi0(VMI_CALL_GetTR);
    if (tour_ring()) {
        return tour_differs(selector == SEL_TSS, "%02Xh; STR shows the hypervisor's", selector);
    }
    return tour_effect(selector == task_register(), "selector %02Xh", selector);
}

static void write_entry(uint32_t number, uint64_t *table, uint32_t index, uint64_t entry) {
    vmi4(number, (uint32_t)table, index, (uint32_t)entry, (uint32_t)(entry >> 32));
}

enum tour_verdict show_write_gdt_entry(void) {
    uint32_t seen;
    guest_gdt_set(SEL_SPARE, 0);
    write_entry(VMI_CALL_WriteGDTEntry, guest_gdt, SEL_SPARE >> 3, probe_segment());
    seen = read_through(SEL_SPARE);
    guest_gdt_set(SEL_SPARE, 0);
    return tour_effect(seen == probe, "FS reads through new entry %u", SEL_SPARE >> 3);
}

enum tour_verdict show_write_ldt_entry(void) {
    uint32_t seen;
    define_ldt();
    load_ldt(SEL_LDT);
    ldt[1] = 0;
    write_entry(VMI_CALL_WriteLDTEntry, ldt, 1, probe_segment());
    seen = read_through(SEL_IN_LDT);
    load_ldt(0);
    return tour_effect(seen == probe, "FS reads through new entry 1");
}

enum tour_verdict show_write_idt_entry(void) {
    guest_handler *old = guest_set_handler(INT_OTHER, count_other);
    other_interrupts = 0;
    write_entry(VMI_CALL_WriteIDTEntry, guest_idt, INT_SHOWN,
                guest_gate(guest_vector_stub(INT_OTHER), 0xE, 0));
    do_interrupt();
    guest_idt_reset();
    guest_set_handler(INT_OTHER, old);
    return tour_effect(other_interrupts == 1, "INT 82h went through the new gate");
}

/* The guest writes its TSS itself; the call only tells a hypervisor. */
static enum tour_verdict update_kernel_stack(uint32_t call, uint32_t eax) {
    uint32_t old = guest_tss.esp0, seen;
    guest_tss.esp0 = old - 64;
    vmi2(call, eax, old - 64);
    seen = guest_tss.esp0;
    guest_tss.esp0 = old;
    return tour_effect(seen == old - 64, "announced; esp0 in the TSS is the guest's");
}

enum tour_verdict show_update_kernel_stack(void) {
    return update_kernel_stack(VMI_CALL_UpdateKernelStack, (uint32_t)&guest_tss);
}

enum tour_verdict show_update_kernel_stack_3(void) {
    return update_kernel_stack(VMI3_SLOT_UpdateKernelStack, SEL_KDATA);
}
