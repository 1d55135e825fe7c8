/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* IRET and SYSEXIT: what reaches the target, and what may come in between. */
#include "machine.h"

enum { VECTOR_RETURN = 0x80, VECTOR_NP = 11, VECTOR_GP = 13, VECTOR_IRQ0 = 0x20 };
enum { CMOS_DATA = 0x71 };

static uint8_t user_stack[4096] __attribute__((aligned(4096)));
static struct guest_entry entry;

static uint8_t *user_top(void) {
    return user_stack + sizeof(user_stack);
}

static void registers_arrived(int with_ecx_edx) {
    equal("EAX", entry.out.eax, entry.in.eax);
    equal("EBX", entry.out.ebx, entry.in.ebx);
    if (with_ecx_edx) {
        equal("ECX", entry.out.ecx, entry.in.ecx);
        equal("EDX", entry.out.edx, entry.in.edx);
    }
    equal("ESI", entry.out.esi, entry.in.esi);
    equal("EDI", entry.out.edi, entry.in.edi);
    equal("EBP", entry.out.ebp, entry.in.ebp);
}

static void segments_arrived(void) {
    equal("DS", entry.out.ds, entry.in.ds);
    equal("ES", entry.out.es, entry.in.es);
    equal("FS", entry.out.fs, entry.in.fs);
    equal("GS", entry.out.gs, entry.in.gs);
}

static void came_from_ring_3(const uint8_t *code) {
    equal("CS", entry.out.cs, SEL_UCODE);
    equal("EIP", entry.out.eip, (uint32_t)code + 2);
    equal("SS", entry.out.ss, SEL_UDATA);
    equal("ESP", entry.out.esp, (uint32_t)user_top());
}

static uint32_t enter_by_iret(void) {
    entry.target = call_target(VMI_CALL_IRET);
    entry.kind = ENTER_IRET;
    return guest_enter(&entry);
}

static void iret_to_ring_3(void) {
    static const uint16_t data[] = {SEL_UDATA, 0, SEL_UDATA};
    static const uint32_t flags[] = {0, 0x8D5, EFLAGS_DF | 0x41};
    for (uint32_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        guest_entry_user(&entry, probe_return, user_top());
        entry.in.ds = entry.in.es = data[i];
        entry.in.fs = data[2 - i] ? SEL_UDATA : 0;
        entry.in.eflags = EFLAGS_FIXED | flags[i];
        equal("vector", enter_by_iret(), VECTOR_RETURN);
        came_from_ring_3(probe_return);
        registers_arrived(1);
        segments_arrived();
        equal("EFLAGS", kernel_flags(entry.out.eflags) & ~(uint32_t)EFLAGS_RF, entry.in.eflags);
    }
}

static void iret_within_ring_0(void) {
    guest_entry_kernel(&entry, probe_return);
    entry.in.ds = entry.in.es = 0;
    entry.in.fs = SEL_UDATA;
    entry.in.eflags = EFLAGS_FIXED | 0x8D5;
    equal("vector", enter_by_iret(), VECTOR_RETURN);
    equal("CS", entry.out.cs, SEL_KCODE | kernel_ring());
    equal("EIP", entry.out.eip, (uint32_t)probe_return + 2);
    registers_arrived(1);
    segments_arrived();
    equal("EFLAGS", kernel_flags(entry.out.eflags) & ~(uint32_t)EFLAGS_RF, entry.in.eflags);
}

static void iret_to_v86(void) {
    guest_entry_v86(&entry, probe_v86, user_top());
    entry.in.v86_ds = 0x1234;
    entry.in.v86_es = 0x2345;
    entry.in.v86_fs = 0x3456;
    entry.in.v86_gs = 0x4567;
    entry.in.ds = entry.in.es = SEL_UDATA;
    equal("vector", enter_by_iret(), VECTOR_RETURN);
    equal("EFLAGS.VM", entry.out.eflags & EFLAGS_VM, EFLAGS_VM);
    equal("CS", entry.out.cs, (uint32_t)probe_v86 >> 4);
    equal("IP", entry.out.eip, ((uint32_t)probe_v86 & 15) + 2);
    equal("SS", entry.out.ss, entry.in.ss);
    equal("ESP", entry.out.esp, entry.in.esp);
    equal("DS", entry.out.v86_ds, 0x1234);
    equal("ES", entry.out.v86_es, 0x2345);
    equal("FS", entry.out.v86_fs, 0x3456);
    equal("GS", entry.out.v86_gs, 0x4567);
    registers_arrived(1);
}

static void iret_on_a_16_bit_stack(void) {
    static const uint32_t garbage[] = {0, 0xABCD0000, 0xFFFF0000, 0x00010000};
    for (uint32_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        guest_entry_user(&entry, probe_return, user_top());
        entry.stack_selector = SEL_STACK16;
        entry.esp_garbage = garbage[i];
        equal("vector", enter_by_iret(), VECTOR_RETURN);
        came_from_ring_3(probe_return);
        registers_arrived(1);
        segments_arrived();
    }
}

/* The case of a kernel that returns to a task whose own stack is a 16-bit segment. */
static void iret_to_a_16_bit_user_stack(void) {
    guest_gdt_set(SEL_SPARE,
                  guest_descriptor((uint32_t)user_stack, 0xFFF, ACCESS_DATA | ACCESS_DPL3, 0));
    guest_entry_user(&entry, probe_return, (void *)0x800);
    entry.in.ss = SEL_SPARE | 3;
    entry.stack_selector = SEL_STACK16;
    entry.esp_garbage = 0x12340000;
    equal("vector", enter_by_iret(), VECTOR_RETURN);
    equal("CS", entry.out.cs, SEL_UCODE);
    equal("SS", entry.out.ss, SEL_SPARE | 3);
    equal("SP", entry.out.esp & 0xFFFF, 0x800);
    registers_arrived(1);
}

static void iret_to_16_bit_code(void) {
    guest_gdt_set(SEL_SPARE, guest_descriptor((uint32_t)probe_code16 & ~0xFFFu, 0xFFFF,
                                              ACCESS_CODE | ACCESS_DPL3, 0));
    guest_entry_user(&entry, (const void *)((uint32_t)probe_code16 & 0xFFF), user_top());
    entry.in.cs = SEL_SPARE | 3;
    equal("vector", enter_by_iret(), VECTOR_RETURN);
    equal("CS", entry.out.cs, SEL_SPARE | 3);
    equal("IP", entry.out.eip, ((uint32_t)probe_code16 & 0xFFF) + 2);
    registers_arrived(1);
}

static volatile uint32_t irq_hits, irq_cs, irq_eip;
static void note_place(struct trap_frame *frame) {
    guest_pic_mask(0); /* QEMU's PIT raises it once more where the host is late */
    if (!irq_hits++) {
        irq_cs = frame->cs;
        irq_eip = frame->eip;
    }
}

static void iret_opens_interrupts_in_ring_3(void) {
    irq_hits = 0;
    guest_set_handler(VECTOR_IRQ0, note_place);
    if (!make_irq0_pending()) {
        return;
    }
    guest_entry_user(&entry, probe_loop, user_top());
    entry.in.eax = 100000;
    entry.in.eflags |= EFLAGS_IF;
    equal("vector", enter_by_iret(), VECTOR_RETURN);
    equal("interrupts", irq_hits, 1);
    equal("CS", irq_cs, SEL_UCODE);
    equal("EFLAGS.IF", entry.out.eflags & EFLAGS_IF, EFLAGS_IF);
}

/*
 * Frames that the processor refuses: a return by the call gives what one by an
 * IRETD at the site does. SPARE is the selector of a descriptor with the access byte given, IN_LDT
 * too.
 */
enum {
    SPARE = SEL_SPARE | 3,
    IN_LDT = 7,
    BEYOND = sizeof(guest_gdt) | 3,
    EMPTY = (sizeof(guest_gdt) - 8) | 3,
    SHORT = 1 /* the descriptor's limit is one byte short of the code */
};

static const struct refused {
    const char *what;
    uint16_t cs, ss;
    uint16_t error; /* the code */
    uint8_t vector;
    uint8_t access, flags;
    uint32_t live; /* EFLAGS at the return */
} refused[] = {
    {"null CS", 3, SEL_UDATA, 0, 13, 0, 0, 0},
    {"CS beyond the table", BEYOND, SEL_UDATA, BEYOND & ~3, 13, 0, 0, 0},
    {"CS of an empty entry", EMPTY, SEL_UDATA, EMPTY & ~3, 13, 0, 0, 0},
    {"CS of ring 0", SEL_KCODE | 3, SEL_UDATA, SEL_KCODE, 13, 0, 0, 0},
    {"data in CS", SEL_UDATA, SEL_UDATA, SEL_UDATA & ~3, 13, 0, 0, 0},
    {"a TSS in CS", SEL_TSS | 3, SEL_UDATA, SEL_TSS, 13, 0, 0, 0},
    {"code not present", SPARE, SEL_UDATA, SEL_SPARE, 11, 0x7A, 0, 0},
    {"CS in no LDT", IN_LDT, SEL_UDATA, 4, 13, 0, 0, 0},
    {"code of the LDT not present", IN_LDT, SEL_UDATA, 4, 11, 0x7A, 0, 0},
    {"null SS", SEL_UCODE, 3, 0, 13, 0, 0, 0},
    {"SS beyond the table", SEL_UCODE, BEYOND, BEYOND & ~3, 13, 0, 0, 0},
    {"SS of ring 0", SEL_UCODE, SEL_KDATA, SEL_KDATA, 13, 0, 0, 0},
    {"SS of ring 0 with RPL 3", SEL_UCODE, SEL_KDATA | 3, SEL_KDATA, 13, 0, 0, 0},
    {"SS with RPL 0", SEL_UCODE, SEL_UDATA & ~3, SEL_UDATA & ~3, 13, 0, 0, 0},
    {"code in SS", SEL_UCODE, SEL_UCODE, SEL_UCODE & ~3, 13, 0, 0, 0},
    {"read-only data in SS", SEL_UCODE, SPARE, SEL_SPARE, 13, 0xF0, 0, 0},
    {"data not present", SEL_UCODE, SPARE, SEL_SPARE, 12, 0x72, 0, 0},
    {"data of the LDT not present", SEL_UCODE, IN_LDT, 4, 12, 0x72, 0, 0},
    {"EIP beyond the limit", SPARE, SEL_UDATA, 0, 13, 0xFA, SHORT, 0},
    {"EIP of the LDT's code beyond the limit", IN_LDT, SEL_UDATA, 0, 13, 0xFA, SHORT, 0},
    {"NT", SEL_UCODE, SEL_UDATA, 0, 10, 0, 0, EFLAGS_NT},
    {"DF, AC and the arithmetic flags", 3, SEL_UDATA, 0, 13, 0, 0, EFLAGS_DF | EFLAGS_AC | 0x8D5},
    {"interrupts open", 3, SEL_UDATA, 0, 13, 0, 0, EFLAGS_IF},
};

struct seen {
    uint32_t vector, eflags, esp;
    struct trap_frame frame;
};

static void prepare(const struct refused *r, uint8_t gate) {
    static uint64_t ldt[1] __attribute__((aligned(8)));
    uint32_t limit = r->flags == SHORT ? (uint32_t)probe_return - 1 : 0xFFFFF;
    uint64_t spare = guest_descriptor(0, limit, r->access, SIZE_32);
    ldt[0] = spare;
    guest_gdt_set(SEL_SPARE, spare);
    guest_gdt_set(SEL_LDT, guest_descriptor((uint32_t)ldt, sizeof(ldt) - 1, ACCESS_LDT, 0));
    __asm__ volatile("lldt %w0" : : "r"(r->access ? SEL_LDT : 0));
    for (uint32_t i = 0; i < 4; i++) {
        guest_idt[10 + i] = guest_gate(probe_handlers + 32 * i, gate, 0);
        probe_handler_next[i] = (uint32_t)guest_vector_stub((uint8_t)(10 + i));
    }
    probe_live_eflags = EFLAGS_FIXED | r->live;
}

static void leave_through(const struct refused *r, const uint8_t *target, struct seen *seen) {
    memset(seen, 0, sizeof(*seen));
    probe_handler_eflags = probe_handler_esp = 0;
    guest_entry_user(&entry, probe_return, user_top());
    entry.in.cs = r->cs;
    entry.in.ss = r->ss;
    entry.in.ds = entry.in.es = 0;
    entry.target = (uint32_t)target;
    entry.kind = ENTER_IRET;
    seen->vector = guest_enter(&entry);
    seen->frame = entry.out;
    seen->eflags = probe_handler_eflags;
    seen->esp = probe_handler_esp;
}

/* A soft body has used the arithmetic flags before it faults: nobody has a use for them then. */
static uint32_t comparable(uint32_t eflags) {
    uint32_t kept = guest_flag_is_kept() ? EFLAGS_IF : 0; /* PUSHF shows another */
    return kernel_ring() ? kernel_flags(eflags) & ~(0x8D5u | kept) : eflags;
}

static void faults_as_natively(const struct refused *r, uint8_t gate) {
    struct seen native, called;
    prepare(r, gate);
    leave_through(r, probe_native_iret, &native);
    prepare(r, gate);
    leave_through(r, probe_called_iret, &called);
    equal(r->what, called.vector, r->vector);
    equal("error code", called.frame.error, r->error);
    equal("CS", called.frame.cs, SEL_KCODE | kernel_ring());
    equal("EIP", called.frame.eip, (uint32_t)probe_called_iret_site);
    equal("EFLAGS pushed", comparable(called.frame.eflags),
          comparable(EFLAGS_FIXED | EFLAGS_RF | r->live));
    equal(
        "EFLAGS in the handler", comparable(called.eflags),
        comparable((EFLAGS_FIXED | r->live) & ~(uint32_t)(EFLAGS_NT | (gate & 1 ? 0 : EFLAGS_IF))));
    registers_arrived(1);
    segments_arrived();
    /* QEMU's TCG checks no limits and may forget RF; it and Bochs have #NP for a stack that is not
     * present. */
    if (native.vector == (r->flags == SHORT ? VECTOR_RETURN : VECTOR_NP) &&
        r->vector != native.vector) {
        note("%s: natively vector %u here", r->what, native.vector);
        return;
    }
    equal("natively: vector", native.vector, called.vector);
    equal("natively: error code", native.frame.error, called.frame.error);
    equal("natively: EIP", native.frame.eip, (uint32_t)probe_native_iret_site);
    equal("natively: EFLAGS pushed", comparable(native.frame.eflags | EFLAGS_RF),
          comparable(called.frame.eflags));
    equal("natively: EFLAGS in the handler", comparable(native.eflags), comparable(called.eflags));
    equal("natively: ESP in the handler", native.esp, called.esp);
}

static void refused_iret_faults_at_the_site(void) {
    probe_called_iret_to(call_target(VMI_CALL_IRET));
    for (uint32_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        faults_as_natively(&refused[i], 0xE);
        faults_as_natively(&refused[i], 0xF);
    }
}

/* What is left to the processor faults in the image. */
static void iret_left_to_the_processor(void) {
    guest_entry_user(&entry, probe_return, user_top());
    entry.in.cs = 3;
    entry.stack_selector = SEL_STACK16;
    entry.esp_garbage = 0x12340000;
    equal("on a 16-bit stack", enter_by_iret(), VECTOR_GP);
    if (!is_in_calls(entry.out.eip)) {
        fail("the fault is at %08x, not in the image", entry.out.eip);
    }
    registers_arrived(1);
}

/* A call through a pointer: its return address is all that is known of the site. */
static void refused_iret_behind_another_call(void) {
    guest_entry_user(&entry, probe_return, user_top());
    entry.in.cs = 3;
    equal("vector", enter_by_iret(), VECTOR_GP);
    equal("CS", entry.out.cs, SEL_KCODE | kernel_ring());
    equal("the instruction at EIP: UD2", *(const uint16_t *)entry.out.eip, 0x0B0F);
    registers_arrived(1);
}

static int can_sysexit(void) {
    if (features & CPU_SEP) {
        guest_sysenter_setup();
        return 1;
    }
    skip("no SYSENTER and SYSEXIT");
    return 0;
}

static uint32_t enter_by_sysexit(const uint8_t *code) {
    guest_entry_user(&entry, code, user_top());
    entry.target = call_target(VMI_CALL_SYSEXIT);
    entry.kind = ENTER_SYSEXIT;
    entry.in.edx = (uint32_t)code;
    entry.in.ecx = (uint32_t)user_top();
    return guest_enter(&entry);
}

static void sysexit_to_ring_3(void) {
    if (!can_sysexit()) {
        return;
    }
    drain_interrupts();
    equal("vector", enter_by_sysexit(probe_return), VECTOR_RETURN);
    came_from_ring_3(probe_return);
    registers_arrived(0);
    segments_arrived();
    equal("EFLAGS but the arithmetic ones",
          kernel_flags(entry.out.eflags) & ~(uint32_t)(EFLAGS_RF | 0x8D5),
          EFLAGS_FIXED | EFLAGS_IF);
}

static void sysexit_leaves_no_window(void) {
    if (!can_sysexit()) {
        return;
    }
    irq_hits = 0;
    guest_set_handler(VECTOR_IRQ0, note_place);
    if (!make_irq0_pending()) {
        return;
    }
    equal("vector", enter_by_sysexit(probe_return), VECTOR_RETURN);
    equal("interrupts", irq_hits, 1);
    equal("CS", irq_cs, SEL_UCODE);
    equal("EIP", irq_eip, (uint32_t)probe_return);
    came_from_ring_3(probe_return);
}

/* ---- IOPL, as ring 3 sees it ---- */

static void iopl_opens_ports_to_ring_3(void) {
    static const uint32_t levels[] = {0, 0x3000, 0x1000, 0x3000, 0x2000, 0};
    for (uint32_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct call_regs r;
        guest_call_regs_init(&r, i);
        r.eax = levels[i] | 0xFFFFCFFF; /* the other bits mean nothing */
        r.eflags = EFLAGS_FIXED | (levels[(i + 3) % 6] & EFLAGS_IOPL) | EFLAGS_AC | 0x11;
        vmi_registers(VMI_CALL_SetIOPLMask, &r, NULL, 0);
        equal("IOPL", r.eflags & EFLAGS_IOPL, levels[i]);
        guest_entry_user(&entry, probe_in, user_top());
        entry.in.edx = CMOS_DATA;
        entry.in.eflags = r.eflags & (EFLAGS_FIXED | EFLAGS_IOPL);
        equal("vector", enter_by_iret(), levels[i] == 0x3000 ? VECTOR_RETURN : VECTOR_GP);
    }
}

static void iopl_reaches_ring_3_through_sysexit(void) {
    if (!can_sysexit()) {
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct call_regs r;
        guest_call_regs_init(&r, i);
        r.eax = i & 1 ? 0x3000 : 0;
        vmi_registers(VMI_CALL_SetIOPLMask, &r, NULL, 0);
        write_eflags(r.eflags);
        entry.in.edx = CMOS_DATA;
        uint32_t vector = enter_by_sysexit(probe_in);
        write_eflags(EFLAGS_FIXED);
        equal("vector", vector, i & 1 ? VECTOR_RETURN : VECTOR_GP);
        equal("EFLAGS.IOPL", entry.out.eflags & EFLAGS_IOPL, i & 1 ? 0x3000 : 0);
    }
}

const struct test transfer_tests[] = {
    {"iret_to_ring_3_keeps_every_register", iret_to_ring_3, TWICE, {VMI_CALL_IRET}},
    {"iret_within_ring_0_keeps_every_register", iret_within_ring_0, 0, {VMI_CALL_IRET}},
    {"iret_to_v86", iret_to_v86, 0, {VMI_CALL_IRET}},
    {"iret_on_a_16_bit_stack_with_garbage_above_sp", iret_on_a_16_bit_stack, OURS, {VMI_CALL_IRET}},
    {"iret_to_a_16_bit_user_stack", iret_to_a_16_bit_user_stack, OURS, {VMI_CALL_IRET}},
    {"iret_to_16_bit_code", iret_to_16_bit_code, 0, {VMI_CALL_IRET}},
    {"iret_opens_interrupts_in_ring_3", iret_opens_interrupts_in_ring_3, 0, {VMI_CALL_IRET}},
    {"refused_iret_faults_at_the_site",
     refused_iret_faults_at_the_site,
     TWICE | OURS,
     {VMI_CALL_IRET}},
    {"refused_iret_behind_another_call_faults_behind_it",
     refused_iret_behind_another_call,
     OURS,
     {VMI_CALL_IRET}},
    {"iret_left_to_the_processor_faults_in_the_image",
     iret_left_to_the_processor,
     OURS,
     {VMI_CALL_IRET}},
    {"sysexit_to_ring_3_keeps_every_register", sysexit_to_ring_3, TWICE, {VMI_CALL_SYSEXIT}},
    {"sysexit_leaves_no_window_for_interrupts", sysexit_leaves_no_window, 0, {VMI_CALL_SYSEXIT}},
    {"iopl_opens_ports_to_ring_3",
     iopl_opens_ports_to_ring_3,
     TWICE | RING0,
     {VMI_CALL_SetIOPLMask}},
    {"iopl_reaches_ring_3_through_sysexit",
     iopl_reaches_ring_3_through_sysexit,
     RING0,
     {VMI_CALL_SetIOPLMask, VMI_CALL_SYSEXIT}},
    {NULL, NULL, 0, {0}}};
