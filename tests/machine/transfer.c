/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* IRET and SYSEXIT: what reaches the target, and what may come in between. */
#include "machine.h"

enum { VECTOR_RETURN = 0x80, VECTOR_GP = 13, VECTOR_IRQ0 = 0x20 };
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
        equal("EFLAGS", entry.out.eflags & ~(uint32_t)EFLAGS_RF, entry.in.eflags);
    }
}

static void iret_within_ring_0(void) {
    guest_entry_kernel(&entry, probe_return);
    entry.in.ds = entry.in.es = 0;
    entry.in.fs = SEL_UDATA;
    entry.in.eflags = EFLAGS_FIXED | 0x8D5;
    equal("vector", enter_by_iret(), VECTOR_RETURN);
    equal("CS", entry.out.cs, SEL_KCODE);
    equal("EIP", entry.out.eip, (uint32_t)probe_return + 2);
    registers_arrived(1);
    segments_arrived();
    equal("EFLAGS", entry.out.eflags & ~(uint32_t)EFLAGS_RF, entry.in.eflags);
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

/* A frame that the processor refuses: the trap is raised in ring 0, in the image. */
static void faulting_iret_traps_in_the_image(void) {
    guest_entry_user(&entry, probe_return, user_top());
    entry.in.cs = 0x1F3; /* ring 3, beyond the table's used part: a null descriptor */
    uint32_t vector = enter_by_iret();
    if (vector != VECTOR_GP && vector != 11) {
        fail("vector: expected 13 or 11, seen %u", vector);
    }
    equal("CS", entry.out.cs, SEL_KCODE);
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
    equal("EFLAGS but the arithmetic ones", entry.out.eflags & ~(uint32_t)(EFLAGS_RF | 0x8D5),
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
    {"iret_on_a_16_bit_stack_with_garbage_above_sp", iret_on_a_16_bit_stack, 0, {VMI_CALL_IRET}},
    {"iret_to_a_16_bit_user_stack", iret_to_a_16_bit_user_stack, 0, {VMI_CALL_IRET}},
    {"iret_to_16_bit_code", iret_to_16_bit_code, 0, {VMI_CALL_IRET}},
    {"iret_opens_interrupts_in_ring_3", iret_opens_interrupts_in_ring_3, 0, {VMI_CALL_IRET}},
    {"faulting_iret_traps_in_ring_0", faulting_iret_traps_in_the_image, 0, {VMI_CALL_IRET}},
    {"sysexit_to_ring_3_keeps_every_register", sysexit_to_ring_3, TWICE, {VMI_CALL_SYSEXIT}},
    {"sysexit_leaves_no_window_for_interrupts", sysexit_leaves_no_window, 0, {VMI_CALL_SYSEXIT}},
    {"iopl_opens_ports_to_ring_3", iopl_opens_ports_to_ring_3, TWICE, {VMI_CALL_SetIOPLMask}},
    {"iopl_reaches_ring_3_through_sysexit",
     iopl_reaches_ring_3_through_sysexit,
     0,
     {VMI_CALL_SetIOPLMask, VMI_CALL_SYSEXIT}},
    {NULL, NULL, 0, {0}}};
