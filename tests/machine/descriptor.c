/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Descriptor tables: loaded, read back, written to, and used by the processor. */
#include "machine.h"

enum { SEL_NEW = SEL_SPARE, SEL_SECOND_TSS = SEL_SPARE + 8, BUSY = 0x200, GUARD = 0x5A };

static uint64_t other_gdt[GUEST_GDT_ENTRIES] __attribute__((aligned(4096)));
static uint64_t other_idt[256] __attribute__((aligned(4096)));
static uint64_t ldt[16] __attribute__((aligned(4096)));
static struct guest_tss second_tss __attribute__((aligned(4096)));
static uint8_t second_stack[2048] __attribute__((aligned(16)));
static uint8_t user_stack[2048] __attribute__((aligned(16)));
static uint8_t window[64] __attribute__((aligned(16)));

static uint64_t window_descriptor(uint8_t access) {
    return guest_descriptor((uint32_t)window, sizeof(window) - 1, access, SIZE_32);
}

/* Reads window[0] through a selector: only right when the descriptor is what the processor sees. */
static uint32_t read_through(uint16_t selector) {
    uint32_t value;
    __asm__ volatile("movw %%fs, %%cx\n\t"
                     "movw %w1, %%fs\n\t"
                     "movl %%fs:0, %0\n\t"
                     "movw %%cx, %%fs"
                     : "=r"(value)
                     : "r"((uint32_t)selector)
                     : "ecx", "memory");
    return value;
}

static void set_window(uint32_t value) {
    memcpy(window, &value, 4);
}

static void gdt_is_loaded_and_read_back(void) {
    struct descriptor_pointer pointer = {0, sizeof(other_gdt) - 1, (uint32_t)other_gdt};
    struct descriptor_pointer seen;
    struct {
        uint8_t before[2], dtr[6], after[4];
    } buffer;
    memcpy(other_gdt, guest_gdt, sizeof(other_gdt));
    other_gdt[SEL_NEW >> 3] = window_descriptor(ACCESS_DATA);
    set_window(0x6D7);
    vmi(VMI_CALL_SetGDT, (uint32_t)&pointer.limit, 0, 0);
    native_sgdt(&seen);
    equal("base", seen.base, pointer.base);
    equal("limit", seen.limit, pointer.limit);
    equal("the new table's segment", read_through(SEL_NEW), 0x6D7);
    memset(&buffer, GUARD, sizeof(buffer));
    vmi(VMI_CALL_GetGDT, (uint32_t)buffer.dtr, 0, 0);
    equal("GetGDT's answer", (uint32_t) !!memcmp(buffer.dtr, &pointer.limit, 6), 0);
    equal("byte before", buffer.before[1], GUARD);
    equal("byte after", buffer.after[0], GUARD);
}

static uint32_t handler_hits;
static void count_hit(struct trap_frame *frame) {
    (void)frame;
    handler_hits++;
}

static void idt_is_loaded_and_read_back(void) {
    struct descriptor_pointer pointer = {0, sizeof(other_idt) - 1, (uint32_t)other_idt};
    struct descriptor_pointer seen;
    struct {
        uint8_t before[2], dtr[6], after[4];
    } buffer;
    memcpy(other_idt, guest_idt, sizeof(other_idt));
    other_idt[0x90] = guest_gate(guest_vector_stub(0x91), 0xE, 0); /* only here 90h means 91h */
    handler_hits = 0;
    guest_set_handler(0x91, count_hit);
    vmi(VMI_CALL_SetIDT, (uint32_t)&pointer.limit, 0, 0);
    native_sidt(&seen);
    equal("base", seen.base, pointer.base);
    equal("limit", seen.limit, pointer.limit);
    __asm__ volatile("int $0x90" : : : "memory");
    equal("hits", handler_hits, 1);
    memset(&buffer, GUARD, sizeof(buffer));
    vmi(VMI_CALL_GetIDT, (uint32_t)buffer.dtr, 0, 0);
    equal("GetIDT's answer", (uint32_t) !!memcmp(buffer.dtr, &pointer.limit, 6), 0);
    equal("byte before", buffer.before[1], GUARD);
    equal("byte after", buffer.after[0], GUARD);
}

static void ldt_is_loaded_and_read_back(void) {
    uint32_t seen = 0;
    guest_gdt_set(SEL_LDT, guest_descriptor((uint32_t)ldt, sizeof(ldt) - 1, ACCESS_LDT, 0));
    ldt[3] = window_descriptor(ACCESS_DATA);
    set_window(0x1D7);
    vmi(VMI_CALL_SetLDT, 0xABCD0000 | SEL_LDT, 0, 0);
    __asm__ volatile("sldt %w0" : "+r"(seen));
    equal("SLDT", seen & 0xFFFF, SEL_LDT);
    equal("a segment of the LDT", read_through(3 << 3 | 4), 0x1D7);
    equal("GetLDT", vmi(VMI_CALL_GetLDT, 0xFFFFFFFF, 0, 0), SEL_LDT);
    vmi(VMI_CALL_SetLDT, 0xABCD0000, 0, 0);
    equal("GetLDT, none", vmi(VMI_CALL_GetLDT, 0xFFFFFFFF, 0, 0), 0);
}

static uint32_t handler_stack;
static void note_stack(struct trap_frame *frame) {
    handler_stack = (uint32_t)frame;
}

static void tr_is_loaded_and_used(void) {
    static struct guest_entry entry;
    uint32_t seen = 0;
    memset(&second_tss, 0, offsetof(struct guest_tss, io_map));
    second_tss.ss0 = SEL_KDATA;
    second_tss.esp0 = (uint32_t)second_stack + sizeof(second_stack);
    second_tss.io_map_base = offsetof(struct guest_tss, io_map);
    memset(second_tss.io_map, 0xFF, sizeof(second_tss.io_map));
    guest_gdt_set(SEL_SECOND_TSS,
                  guest_descriptor((uint32_t)&second_tss, sizeof(second_tss) - 1, ACCESS_TSS, 0));
    equal("GetTR before", vmi(VMI_CALL_GetTR, 0xFFFFFFFF, 0, 0), SEL_TSS);
    vmi(VMI_CALL_SetTR, 0x98760000 | SEL_SECOND_TSS, 0, 0);
    __asm__ volatile("str %w0" : "+r"(seen));
    equal("STR", seen & 0xFFFF, SEL_SECOND_TSS);
    equal("GetTR", vmi(VMI_CALL_GetTR, 0xFFFFFFFF, 0, 0), SEL_SECOND_TSS);
    equal("busy bit", (uint32_t)(guest_gdt[SEL_SECOND_TSS >> 3] >> 32) & BUSY, BUSY);
    handler_stack = 0;
    guest_set_handler(0x81, note_stack);
    guest_entry_user(&entry, probe_int81, user_stack + sizeof(user_stack));
    equal("vector", guest_enter(&entry), 0x80);
    if (handler_stack - (uint32_t)second_stack >= sizeof(second_stack)) {
        fail("ring 3 did not come in on the new TSS's stack but at %08x", handler_stack);
    }
}

static void written_gdt_entry_is_used(void) {
    uint64_t d = window_descriptor(ACCESS_DATA);
    uint32_t words[1] = {(uint32_t)(d >> 32)};
    uint64_t before = guest_gdt[(SEL_NEW >> 3) - 1];
    uint64_t after = guest_gdt[(SEL_NEW >> 3) + 1];
    guest_gdt_set(SEL_NEW, 0);
    set_window(0x3D7);
    vmi_words(VMI_CALL_WriteGDTEntry, (uint32_t)guest_gdt, SEL_NEW >> 3, (uint32_t)d, words, 1);
    equal("a read through it", read_through(SEL_NEW), 0x3D7);
    equal("low", (uint32_t)guest_gdt[SEL_NEW >> 3], (uint32_t)d);
    equal("high but accessed", (uint32_t)(guest_gdt[SEL_NEW >> 3] >> 32) & ~0x100u,
          (uint32_t)(d >> 32) & ~0x100u);
    equal("entry before", (uint32_t)(guest_gdt[(SEL_NEW >> 3) - 1] == before), 1);
    equal("entry after", (uint32_t)(guest_gdt[(SEL_NEW >> 3) + 1] == after), 1);
}

static void written_ldt_entry_is_used(void) {
    uint64_t d = window_descriptor(ACCESS_DATA);
    uint32_t words[1] = {(uint32_t)(d >> 32)};
    memset(ldt, 0, sizeof(ldt));
    guest_gdt_set(SEL_LDT, guest_descriptor((uint32_t)ldt, sizeof(ldt) - 1, ACCESS_LDT, 0));
    vmi(VMI_CALL_SetLDT, SEL_LDT, 0, 0);
    set_window(0x4D7);
    vmi_words(VMI_CALL_WriteLDTEntry, (uint32_t)ldt, 7, (uint32_t)d, words, 1);
    equal("a read through it", read_through(7 << 3 | 4), 0x4D7);
    equal("entry before", (uint32_t)(ldt[6] == 0), 1);
    equal("entry after", (uint32_t)(ldt[8] == 0), 1);
}

static void written_idt_entry_is_used(void) {
    uint64_t gate = guest_gate(guest_vector_stub(0x93), 0xE, 0);
    uint32_t words[1] = {(uint32_t)(gate >> 32)};
    uint64_t before = guest_idt[0x91];
    uint64_t after = guest_idt[0x93];
    handler_hits = 0;
    guest_set_handler(0x93, count_hit);
    guest_idt[0x92] = 0;
    vmi_words(VMI_CALL_WriteIDTEntry, (uint32_t)guest_idt, 0x92, (uint32_t)gate, words, 1);
    __asm__ volatile("int $0x92" : : : "memory");
    equal("hits", handler_hits, 1);
    equal("entry before", (uint32_t)(guest_idt[0x91] == before), 1);
    equal("entry after", (uint32_t)(guest_idt[0x93] == after), 1);
}

static void descriptor_limit_is_enforced(void) {
    static uint32_t big[32] __attribute__((aligned(128)));
    struct guest_fault fault;
    struct call_regs r;
    /* ES with a limit below 8 elements: INSB's third byte must fault, where limits are looked at.
     */
    uint64_t d = guest_descriptor((uint32_t)big, 1, ACCESS_DATA, SIZE_32);
    uint32_t words[1] = {(uint32_t)(d >> 32)};
    vmi_words(VMI_CALL_WriteGDTEntry, (uint32_t)guest_gdt, SEL_NEW >> 3, (uint32_t)d, words, 1);
    guest_call_regs_init(&r, 5);
    r.set_segments = 1;
    r.es = SEL_NEW;
    r.edx = 0x71;
    r.edi = 0;
    r.ecx = 8;
    int32_t vector = vmi_fault(VMI_CALL_INSB, &r, &fault);
    if (vector < 0) {
        skip("this engine does not look at segment limits");
        return;
    }
    equal("vector", (uint32_t)vector, 13);
    equal("EDI at the fault", fault.frame.edi, 2);
    equal("ECX at the fault", fault.frame.ecx, 6);
}

const struct test descriptor_tests[] = {
    {"gdt_is_loaded_and_read_back",
     gdt_is_loaded_and_read_back,
     RING0,
     {VMI_CALL_SetGDT, VMI_CALL_GetGDT}},
    {"idt_is_loaded_and_read_back",
     idt_is_loaded_and_read_back,
     RING0,
     {VMI_CALL_SetIDT, VMI_CALL_GetIDT}},
    {"ldt_is_loaded_and_read_back",
     ldt_is_loaded_and_read_back,
     0,
     {VMI_CALL_SetLDT, VMI_CALL_GetLDT}},
    {"tr_is_loaded_and_used", tr_is_loaded_and_used, RING0, {VMI_CALL_SetTR, VMI_CALL_GetTR}},
    {"written_gdt_entry_is_used", written_gdt_entry_is_used, TWICE, {VMI_CALL_WriteGDTEntry}},
    {"written_ldt_entry_is_used", written_ldt_entry_is_used, TWICE, {VMI_CALL_WriteLDTEntry}},
    {"written_idt_entry_is_used", written_idt_entry_is_used, TWICE, {VMI_CALL_WriteIDTEntry}},
    {"written_limit_is_enforced",
     descriptor_limit_is_enforced,
     OURS,
     {VMI_CALL_WriteGDTEntry, VMI_CALL_INSB}},
    {NULL, NULL, 0, {0}}};
