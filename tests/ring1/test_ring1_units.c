/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_ring1_units HYPERVISOR SYMBOLS: functions of the ring 1 hypervisor, called where they are
 * linked to be, in ring 0 of a processor in Unicorn with some memory of a guest's. SYMBOLS is nm's
 * output.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "image_file.h"
#include "results.h"
#include "ring1/layout.h"

#define GUEST_SIZE 0x100000u
#define GUEST_GDT  0x1000u
#define GUEST_IDT  0x2000u
#define GUEST_TSS  0x3000u
#define GUEST_AT   0x4000u /* for arguments in memory */
#define STACK_1    0x9000u /* of ring 1 */
#define STACK_3    0xA000u
#define CPU        (HV_BASE + CPUS)
#define STACK_TOP  (CPU + CPU_STACK_END - 64)
#define BACK       (CPU + CPU_STACK_END - 16) /* where a call returns to */
#define FRAME      (CPU + 0x2000)

/* In struct cpu and in struct frame. */
enum { CPU_GDTR_LIMIT = 16 };
enum {
    F_ES,
    F_DS,
    F_EIP = 12,
    F_CS,
    F_EFLAGS,
    F_ESP,
    F_SS,
    F_V86_ES,
    F_V86_DS,
    F_V86_FS,
    F_V86_GS
};
enum { F_WORDS = 21, TSS_ESP1 = 12, TSS_SS1 = 16 };

#define FLAGS_IF   0x200u
#define FLAGS_TF   0x100u
#define FLAGS_VM   0x20000u
#define FLAGS_IOPL 0x1000u

static uc_engine *uc;
static uint8_t hypervisor[0x20000];
static uint32_t size;
static struct {
    char name[48];
    uint32_t at;
} symbols[2000];
static size_t n_symbols;

static void must(uc_err err, const char *what) {
    if (err != UC_ERR_OK) {
        fprintf(stderr, "unicorn: %s: %s\n", what, uc_strerror(err));
        exit(2);
    }
}

static void load_symbols(const char *path) {
    char line[200], kind;
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(2);
    }
    while (n_symbols < sizeof(symbols) / sizeof(symbols[0]) && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%x %c %47s", &symbols[n_symbols].at, &kind, symbols[n_symbols].name) ==
                3 &&
            (kind != 't' || strcmp(symbols[n_symbols].name, "to_guest") != 0)) {
            n_symbols++;
        }
    }
    fclose(f);
}

static uint32_t at(const char *name) {
    for (size_t i = 0; i < n_symbols; i++) {
        if (strcmp(symbols[i].name, name) == 0) {
            return symbols[i].at;
        }
    }
    fprintf(stderr, "no symbol %s\n", name);
    exit(2);
}

static void put(uint32_t address, const void *from, size_t n) {
    must(uc_mem_write(uc, address, from, n), "writing memory");
}

static void put_word(uint32_t address, uint32_t value) {
    put(address, &value, 4);
}

static uint32_t word(uint32_t address) {
    uint32_t value = 0;
    must(uc_mem_read(uc, address, &value, 4), "reading memory");
    return value;
}

static uint32_t reg(int id) {
    uint32_t value = 0;
    must(uc_reg_read(uc, id, &value), "reading a register");
    return value;
}

static void set_reg(int id, uint32_t value) {
    must(uc_reg_write(uc, id, &value), "writing a register");
}

/* A function of C (-mregparm=3): `in_registers` words of its arguments are in EAX, EDX and ECX, the
 * others on the stack. What it returns in EDX:EAX. */
static uint64_t call(const char *name, unsigned in_registers, unsigned n,
                     const uint32_t *arguments) {
    static const int registers[] = {UC_X86_REG_EAX, UC_X86_REG_EDX, UC_X86_REG_ECX};
    unsigned first = n < in_registers ? n : in_registers;
    uint32_t esp = STACK_TOP - 4 * (n - first);
    for (unsigned i = 0; i < first; i++) {
        set_reg(registers[i], arguments[i]);
    }
    put(esp, arguments + first, 4 * (n - first));
    put_word(esp - 4, BACK);
    set_reg(UC_X86_REG_ESP, esp - 4);
    must(uc_emu_start(uc, at(name), BACK, 0, 1000000), name);
    if (reg(UC_X86_REG_EIP) != BACK || reg(UC_X86_REG_ESP) != esp) {
        fprintf(stderr, "%s did not come back: EIP %08x\n", name, reg(UC_X86_REG_EIP));
        exit(2);
    }
    return (uint64_t)reg(UC_X86_REG_EDX) << 32 | reg(UC_X86_REG_EAX);
}

#define WORDS(...)                                                                                 \
    sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]) {                                          \
        __VA_ARGS__                                                                                \
    }
#define CALL(name, ...)      call(name, 3, WORDS(__VA_ARGS__))
#define CALL_LONG(name, ...) call(name, 2, WORDS(__VA_ARGS__)) /* of 64 bits from the first on */

/* A fresh hypervisor with a guest's tables. */
static void begin(void) {
    static const uint8_t zeros[HV_SIZE];
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) table = {0xFF, GUEST_GDT};
    uc_x86_mmr gdtr = {.base = CPU + CPU_GDT, .limit = 0xFFF};
    uint32_t ways[4] = {at("vectors"), 0x11111111, 0x22222222, 0x33333333};
    must(uc_reg_write(uc, UC_X86_REG_GDTR, &gdtr), "writing GDTR");
    put(HV_BASE, zeros, sizeof(zeros));
    put(HV_BASE, hypervisor, size);
    put(0, zeros, sizeof(zeros));
    put(GUEST_AT, ways, sizeof(ways));
    CALL("start_gates", GUEST_AT);
    for (uint32_t i = 0; i < 256; i++) { /* gates of interrupts */
        put_word(GUEST_IDT + 8 * i, 0x00080000 | i);
        put_word(GUEST_IDT + 8 * i + 4, 0x00108E00);
    }
    put_word(GUEST_GDT + 8, 0x0000FFFF), put_word(GUEST_GDT + 12, 0x00CF9A00);
    put_word(GUEST_GDT + 16, 0x0000FFFF), put_word(GUEST_GDT + 20, 0x00CF9200);
    put_word(GUEST_GDT + 24, 0x0000FFFF), put_word(GUEST_GDT + 28, 0x00CFFA00);
    put_word(GUEST_GDT + 32, 0x0000FFFF), put_word(GUEST_GDT + 36, 0x00CFF200);
    put(GUEST_AT, &table, sizeof(table));
    CALL("take_gdt", CPU, GUEST_AT);
    table.limit = 0x7FF, table.base = GUEST_IDT;
    put(GUEST_AT, &table, sizeof(table));
    CALL("take_idt", CPU, GUEST_AT);
}

/* --- descriptors --- */

static uint32_t entry_low(uint32_t index) {
    return word(CPU + CPU_GDT + 8 * index);
}

static uint32_t entry_high(uint32_t index) {
    return word(CPU + CPU_GDT + 8 * index + 4);
}

static void descriptors_of_ring_0_become_ring_1s_and_flat_ones_end_below_what_is_private(void) {
    static const struct {
        uint32_t low, high, want_low, want_high;
    } list[] = {
        {0x0000FFFF, 0x00CF9A00, 0x0000FC02, 0x00CFBA00}, /* code */
        {0x0000FFFF, 0x00CF9200, 0x0000FC02, 0x00CFB200}, /* data */
        {0x0000FFFF, 0x00CFFA00, 0x0000FC02, 0x00CFFA00}, /* of ring 3: its limit only */
        {0x0000FFFF, 0x00CFD200, 0x0000FC02, 0x00CFD200}, /* of ring 2 */
        {0x1000FFFF, 0x00CFF200, 0x1000FFFF, 0x00CFF200}, /* with a base it wraps */
        {0x0000FFFF, 0x01CFF200, 0x0000FFFF, 0x01CFF200},
        {0x0000FC01, 0x00CF9200, 0x0000FC01, 0x00CFB200}, /* ends before anyway */
        {0x0000FFFF, 0x004F9200, 0x0000FFFF, 0x004FB200}, /* bytes */
        {0x0000FFFF, 0x00CF9600, 0x0000FFFF, 0x00CFB600}, /* growing down */
        {0x0000FFFF, 0x00CF1200, 0x0000FC02, 0x00CF3200}, /* not present */
        {0x0000FFFF, 0x00CF7200, 0x0000FC02, 0x00CF7200},
        {0x30000067, 0x00008900, 0x30000067, 0x00000900}, /* a TSS */
        {0x30000067, 0x00008B00, 0x30000067, 0x00000B00}, /* a busy one */
        {0x30000067, 0x00008200, 0x30000067, 0x00008200}, /* an LDT */
        {0x00081234, 0x0000EC00, 0x00081234, 0x0000EC00}, /* a call gate */
        {0x0F001234, 0x0000EC00, 0x0F001234, 0x00006C00}, /* into the hypervisor */
        {0x0F041234, 0x0000EC00, 0x0F041234, 0x0000EC00}, /* into the LDT */
        {0x00081234, 0x0000E500, 0x00081234, 0x00006500}, /* a task gate */
        {0, 0, 0, 0},
    };
    for (uint32_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        put_word(GUEST_GDT + 0x58, list[i].low);
        put_word(GUEST_GDT + 0x5C, list[i].high);
        CALL("renew_gdt_entry", CPU, 11);
        expect(list[i].want_low, entry_low(11));
        expect(list[i].want_high, entry_high(11));
    }
}

static void entries_beyond_the_guests_limit_are_empty(void) {
    static const uint16_t limit = 0x5E;
    put_word(GUEST_GDT + 0x58, 0x0000FFFF), put_word(GUEST_GDT + 0x5C, 0x00CF9200);
    put(CPU + CPU_GDTR_LIMIT, &limit, 2);
    CALL("renew_gdt_entry", CPU, 11);
    expect(0, entry_high(11));
    CALL("renew_gdt_entry", CPU, 0);
    expect(0, entry_high(0));
}

static void the_hypervisors_own_entries_are_left_alone(void) {
    put_word(CPU + CPU_GDT + HV_CS + 4, 0x00CF9B00);
    CALL("renew_gdt_entry", CPU, HV_CS / 8);
    expect(0x00CF9B00, entry_high(HV_CS / 8));
}

static void a_fault_at_a_descriptor_that_changed_is_tried_again(void) {
    expect(0, (uint8_t)CALL("renew_after_fault", CPU, 0x58));
    put_word(GUEST_GDT + 0x58, 0x0000FFFF), put_word(GUEST_GDT + 0x5C, 0x00CF9200);
    expect(1, (uint8_t)CALL("renew_after_fault", CPU, 0x58));
    expect(0, (uint8_t)CALL("renew_after_fault", CPU, 0x58));
    put_word(CPU + CPU_GDT + 0x5C, entry_high(11) | 0x100); /* accessed: no change */
    expect(0, (uint8_t)CALL("renew_after_fault", CPU, 0x58));
    expect(0, (uint8_t)CALL("renew_after_fault", CPU, 0));
    expect(0, (uint8_t)CALL("renew_after_fault", CPU, 0x58 | 2)); /* a gate */
}

static uint32_t stack_fault(uint32_t selector, uint32_t high) {
    put_word(GUEST_GDT + 0x58, 0x0000FFFF), put_word(GUEST_GDT + 0x5C, high);
    CALL("renew_gdt_entry", CPU, 11);
    return (uint32_t)CALL("check_stack", CPU, selector);
}

static void stacks_of_ring_0_are_taken_and_no_others(void) {
    expect(0, stack_fault(0x58, 0x00CF9200));
    expect(0, stack_fault(0x58, 0x00CF9600));
    expect(13u << 16 | 0x58, stack_fault(0x58, 0x00CF9000)); /* read-only */
    expect(13u << 16 | 0x58, stack_fault(0x58, 0x00CF9A00)); /* code */
    expect(13u << 16 | 0x58, stack_fault(0x58, 0x00CFF200)); /* of ring 3 */
    expect(13u << 16 | 0x58, stack_fault(0x58, 0x00008200)); /* an LDT */
    expect(13u << 16 | 0x58, stack_fault(0x5B, 0x00CF9200)); /* RPL 3 */
    expect(12u << 16 | 0x58, stack_fault(0x58, 0x00CF1200)); /* not present */
    expect(13u << 16, stack_fault(0, 0x00CF9200));
}

static void an_ldt_is_loaded_or_refused(void) {
    uc_x86_mmr ldtr;
    put_word(GUEST_GDT + 0x58, 0x40000017), put_word(GUEST_GDT + 0x5C, 0x00008200);
    expect(0, (uint32_t)CALL("take_ldt", CPU, 0x58));
    must(uc_reg_read(uc, UC_X86_REG_LDTR, &ldtr), "reading LDTR");
    expect(0x58, ldtr.selector);
    expect(0x4000, ldtr.base);
    expect(0, (uint32_t)CALL("take_ldt", CPU, 3));
    expect(13u << 16 | 0x10, (uint32_t)CALL("take_ldt", CPU, 0x10));
    expect(13u << 16 | 0x5C, (uint32_t)CALL("take_ldt", CPU, 0x5C));
    put_word(GUEST_GDT + 0x5C, 0x00000200);
    expect(11u << 16 | 0x58, (uint32_t)CALL("take_ldt", CPU, 0x58));
}

/* --- gates --- */

static uint32_t target(const char *table, uint32_t vector) {
    uint32_t low = word(at(table) + 8 * vector), high = word(at(table) + 8 * vector + 4);
    return (high & 0xFFFF0000) | (low & 0xFFFF);
}

static uint32_t dpl(const char *table, uint32_t vector) {
    return word(at(table) + 8 * vector + 4) >> 13 & 3;
}

static uint32_t ours(uint32_t vector) {
    return word(at("vectors") + 4 * vector);
}

static uint32_t theirs(uint32_t vector) {
    return 0x00100000 | vector;
}

static void interrupts_and_page_faults_go_to_the_guest(void) {
    static const uint8_t list[] = {0, 3, 4, 5, 6 + 1, 14, 16, 17, 19, 0x20, 0x41, 0x80, 0xFF};
    for (uint32_t i = 0; i < sizeof(list); i++) {
        expect(theirs(list[i]), target("to_guest", list[i]));
        expect(ours(list[i]), target("to_ring0", list[i]));
    }
}

static void what_ring_0_has_to_see_first_comes_to_it(void) {
    static const uint8_t list[] = {1, 2, 6, 8, 10, 11, 12, 13, 18, 0x1F};
    for (uint32_t i = 0; i < sizeof(list); i++) {
        expect(ours(list[i]), target("to_guest", list[i]));
        expect(ours(list[i]), target("watched", list[i]));
    }
}

static void a_processor_that_waits_has_its_interrupts_in_ring_0(void) {
    put_word(GUEST_IDT + 8 * 0x80 + 4, 0x0010EE00);
    CALL("renew_gate", CPU, 0x80);
    expect(theirs(0x80), target("watched", 0x80)); /* a system call */
    expect(ours(0x20), target("watched", 0x20));
    expect(ours(0xFF), target("watched", 0xFF));
    expect(theirs(14), target("watched", 14));
    expect(3, dpl("watched", 0x80));
    expect(1, dpl("watched", 0x20)); /* INT of ring 1 gets through */
}

static void int_of_ring_1_gets_through_where_ring_0s_would(void) {
    expect(1, dpl("to_guest", 0x20));
    expect(1, dpl("to_guest", 3));
    expect(1, dpl("to_guest", 0x1F));
    expect(0, dpl("to_guest", 8)); /* it would push no error code */
    expect(0, dpl("to_guest", 13));
    put_word(GUEST_IDT + 8 * 3 + 4, 0x0010EE00);
    CALL("renew_gate", CPU, 3);
    expect(3, dpl("to_guest", 3));
    expect(3, dpl("to_ring0", 3));
}

static void a_gate_that_is_none_leads_to_ring_0(void) {
    static const uint32_t high[] = {0x00100E00, 0x00108500, 0x00108600, 0x00108C00, 0};
    for (uint32_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
        put_word(GUEST_IDT + 8 * 0x30 + 4, high[i]);
        CALL("renew_gate", CPU, 0x30);
        expect(ours(0x30), target("to_guest", 0x30));
    }
    put_word(GUEST_IDT + 8 * 0x30 + 4, 0x00108F00); /* a trap gate */
    CALL("renew_gate", CPU, 0x30);
    expect(theirs(0x30), target("to_guest", 0x30));
}

static uint32_t idt_in_use(void) {
    uc_x86_mmr idtr;
    must(uc_reg_read(uc, UC_X86_REG_IDTR, &idtr), "reading IDTR");
    return (uint32_t)idtr.base;
}

static void each_processor_has_the_table_that_it_needs(void) {
    CALL("use_gates_to_guest", CPU);
    expect(at("to_guest"), idt_in_use());
    CALL("watch_interrupts", CPU, 1);
    expect(at("watched"), idt_in_use());
    CALL("use_gates_to_ring0", CPU);
    expect(at("to_ring0"), idt_in_use());
    CALL("watch_interrupts", CPU, 0); /* in HLT and V86 mode all stay in ring 0 */
    expect(at("to_ring0"), idt_in_use());
    CALL("use_gates_to_guest", CPU);
    expect(at("to_guest"), idt_in_use());
}

/* --- memory --- */

static void private_memory_is_none_of_the_guests(void) {
    static const struct {
        uint32_t linear, size, good;
    } list[] = {{0x8000, 16, 1},    {PRIVATE - 4, 4, 1}, {PRIVATE - 4, 5, 0}, {PRIVATE, 1, 0},
                {0xFFFFFFFC, 8, 0}, {0xFFC4F000, 4, 0},  {0xFFFFFFFF, 1, 0}};
    for (uint32_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        expect(list[i].good,
               (uint8_t)CALL("guest_read", CPU, list[i].linear, GUEST_AT, list[i].size));
        expect(list[i].good,
               (uint8_t)CALL("guest_write", CPU, list[i].linear, GUEST_AT + 64, list[i].size));
    }
}

static void looking_at_memory_leaves_the_idt_in_use(void) {
    CALL("use_gates_to_guest", CPU);
    CALL("guest_read", CPU, 0x8000, GUEST_AT, 16);
    expect(at("to_guest"), idt_in_use());
}

/* --- delivery --- */

static uint32_t frame(unsigned index) {
    return word(FRAME + 4 * index);
}

static void set_frame(uint32_t cs, uint32_t ss, uint32_t esp, uint32_t flags) {
    for (uint32_t i = 0; i < F_WORDS; i++) {
        put_word(FRAME + 4 * i, 0xF0000000 | i);
    }
    put_word(FRAME + 4 * F_EIP, 0x12345);
    put_word(FRAME + 4 * F_CS, cs);
    put_word(FRAME + 4 * F_SS, ss);
    put_word(FRAME + 4 * F_ESP, esp);
    put_word(FRAME + 4 * F_EFLAGS, flags);
    put_word(SHARED_TSS + TSS_ESP1, STACK_1);
    put_word(SHARED_TSS + TSS_SS1, 0x11);
}

static void an_interrupt_of_ring_3_goes_to_the_kernels_stack(void) {
    set_frame(0x1B, 0x23, STACK_3, FLAGS_IF | FLAGS_IOPL | FLAGS_TF | 2);
    CALL("inject", CPU, FRAME, 0x20, 0);
    expect(theirs(0x20), frame(F_EIP));
    expect(9, frame(F_CS));
    expect(0x11, frame(F_SS));
    expect(STACK_1 - 20, frame(F_ESP));
    expect(FLAGS_IOPL | 2, frame(F_EFLAGS));
    expect(0x12345, word(STACK_1 - 20));
    expect(0x1B, word(STACK_1 - 16));
    expect(FLAGS_IF | FLAGS_IOPL | FLAGS_TF | 2, word(STACK_1 - 12));
    expect(STACK_3, word(STACK_1 - 8));
    expect(0x23, word(STACK_1 - 4));
}

static void one_of_the_kernel_stays_on_its_stack(void) {
    set_frame(9, 0x11, 0x8800, FLAGS_IF | FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 13, 0x58);
    expect(theirs(13), frame(F_EIP));
    expect(0x8800 - 16, frame(F_ESP));
    expect(0x58, word(0x8800 - 16)); /* the error code */
    expect(0x12345, word(0x8800 - 12));
    expect(9, word(0x8800 - 8));
}

static void a_trap_gate_leaves_interrupts_on(void) {
    put_word(GUEST_IDT + 8 * 0x30 + 4, 0x00108F00);
    set_frame(9, 0x11, 0x8800, FLAGS_IF | FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 0x30, 0);
    expect(FLAGS_IF | FLAGS_IOPL | 2, frame(F_EFLAGS));
}

static void a_stack_of_16_bits_wraps_in_its_segment(void) {
    put_word(GUEST_GDT + 0x58, 0x8000FFFF), put_word(GUEST_GDT + 0x5C, 0x000F9200);
    CALL("renew_gdt_entry", CPU, 11);
    set_frame(9, 0x59, 0xABCD0800, FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 0x20, 0);
    expect(0xABCD0800 - 12, frame(F_ESP));
    expect(0x12345, word(0x8000 + 0x800 - 12));
}

static void v86_mode_is_left_with_null_segments(void) {
    set_frame(0xC000, 0xD000, 0x100, FLAGS_VM | 0x3000 | FLAGS_IF | 2);
    CALL("inject", CPU, FRAME, 0x20, 0);
    expect(9, frame(F_CS));
    expect(STACK_1 - 36, frame(F_ESP));
    expect(0, frame(F_DS));
    expect(0, frame(F_ES));
    expect(0, frame(F_EFLAGS) & FLAGS_VM);
    for (uint32_t i = 0; i < 4; i++) { /* ES DS FS GS */
        expect(0xF0000000 | (F_V86_ES + i), word(STACK_1 - 16 + 4 * i));
    }
    expect(0xD000, word(STACK_1 - 20));
    expect(0xC000, word(STACK_1 - 32));
}

static void a_gate_that_is_not_present_is_np(void) {
    put_word(GUEST_IDT + 8 * 0x30 + 4, 0x00100E00);
    set_frame(9, 0x11, 0x8800, FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 0x30, 0);
    expect(theirs(11), frame(F_EIP));
    expect(0x30 * 8 + 2, word(frame(F_ESP)));
    expect(0x12345, word(frame(F_ESP) + 4)); /* no INT */
}

static void an_int_whose_gate_is_not_present_faults_at_itself(void) {
    static const uint8_t code[] = {0xCD, 0x30};
    put(0x12343, code, 2);
    put_word(GUEST_IDT + 8 * 0x30 + 4, 0x00100E00);
    set_frame(9, 0x11, 0x8800, FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 0x30, 0);
    expect(0x12343, word(frame(F_ESP) + 4));
}

static uint32_t handler_fault(uint32_t selector, uint32_t high, uint32_t eip) {
    put_word(GUEST_GDT + 0x58, 0x0000FFFF), put_word(GUEST_GDT + 0x5C, high);
    CALL("renew_gdt_entry", CPU, 11);
    return (uint32_t)CALL("check_handler", CPU, selector, eip);
}

static void handlers_are_code_of_ring_0_within_its_limit(void) {
    static const uint32_t refused[] = {0x00CF9200, 0x00CFFA00, 0x00CFDA00, 0x00008200, 0};
    expect(0, handler_fault(0x58, 0x00CF9A00, PRIVATE - 1));
    expect(13u << 16, handler_fault(0x58, 0x00CF9A00, PRIVATE));
    expect(0, handler_fault(0x58, 0x00409A00, 0xFFFF)); /* bytes */
    expect(13u << 16, handler_fault(0x58, 0x00409A00, 0x10000));
    expect(11u << 16 | 0x58, handler_fault(0x5B, 0x00CF1A00, 0));
    expect(13u << 16, handler_fault(3, 0x00CF9A00, 0));
    for (uint32_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        expect(13u << 16 | 0x58, handler_fault(0x58, refused[i], 0));
    }
}

static void a_handler_whose_descriptor_changed_is_looked_at_again(void) {
    put_word(GUEST_GDT + 0x58, 0x0000FFFF), put_word(GUEST_GDT + 0x5C, 0x00CF9A00);
    expect(0, (uint32_t)CALL("check_handler", CPU, 0x58, 0));
}

static void a_gate_to_no_code_or_stack_faults_in_the_gates_stead(void) {
    put_word(GUEST_IDT + 8 * 0x30, 0x00100000);
    set_frame(9, 0x11, 0x8800, FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 0x30, 0);
    expect(theirs(13), frame(F_EIP));
    expect(0x10, word(frame(F_ESP)));
    put_word(GUEST_IDT + 8 * 0x30, 0x00080030);
    set_frame(0x1B, 0x23, STACK_3, FLAGS_IOPL | 2);
    put_word(SHARED_TSS + TSS_SS1, 0x09); /* code: no fault comes to it, either */
    put_word(GUEST_IDT + 8 * 8, 0x00480000), put_word(GUEST_IDT + 8 * 8 + 4, 0x00008500);
    put_word(GUEST_GDT + 0x48, 0x40000067), put_word(GUEST_GDT + 0x4C, 0x00008900);
    put_word(0x4000 + 4 * 8, 0x77777); /* the double fault's task: EIP */
    CALL("inject", CPU, FRAME, 0x30, 0);
    expect(0x77777, frame(F_EIP));
}

static uint32_t good_return(uint32_t cs, uint32_t high) {
    put_word(0x4008, 0x0000FFFF), put_word(0x400C, high);
    return (uint8_t)call("is_good_return", 3, WORDS(CPU, cs, 0, 0x11, 0));
}

static void a_return_to_ring_0_is_none_of_the_guests(void) {
    put_word(GUEST_GDT + 0x58, 0x40000017), put_word(GUEST_GDT + 0x5C, 0x00008200);
    CALL("take_ldt", CPU, 0x58);
    expect(1, good_return(0xD, 0x00CFBA00));
    expect(0, good_return(0xC, 0x00CFBA00));
    expect(0, good_return(0xC, 0x00CF9A00)); /* an LDT may have such */
    expect(0, good_return(0xC, 0x00CF9E00));
    expect(1, good_return(0xD, 0x00CF9E00));
    expect(1, good_return(9, 0));
}

static void two_faults_are_a_double_fault(void) {
    put_word(GUEST_IDT + 8 * 13 + 4, 0);
    set_frame(9, 0x11, 0x8800, FLAGS_IOPL | 2);
    CALL("inject", CPU, FRAME, 13, 0x58);
    expect(theirs(8), frame(F_EIP));
    expect(0, word(frame(F_ESP)));
}

/* --- arithmetic --- */

static uint64_t state = 1;

static uint64_t random64(void) {
    uint64_t bits;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    bits = state * 0x9E3779B97F4A7C15u;
    return bits >> (bits & 63);
}

#define LOW(x)  (uint32_t)(x)
#define HIGH(x) (uint32_t)((x) >> 32)

static void quotients_and_rests_are_right(void) {
    for (int i = 0; i < 400; i++) {
        uint64_t n = i & 1 ? random64() : ~random64(), d = random64() | 1;
        expect(n / d, CALL_LONG("__udivdi3", LOW(n), HIGH(n), LOW(d), HIGH(d)));
        expect(n % d, CALL_LONG("__umoddi3", LOW(n), HIGH(n), LOW(d), HIGH(d)));
    }
}

static void timers_count_never_less_than_the_cycles(void) {
    for (int i = 0; i < 200; i++) {
        uint64_t cycles = random64() >> 8, hz = 1000000 + (random64() & 0xFFFFFFFF);
        uint32_t timer = 1000000 + (uint32_t)(random64() & 0xFFFFFF), most = 0x10000;
        unsigned __int128 counts = (unsigned __int128)cycles * timer;
        counts = (counts + hz - 1) / hz;
        counts = counts ? counts : 1;
        expect(counts > most ? most : (uint32_t)counts,
               LOW(CALL_LONG("counts_for", LOW(cycles), HIGH(cycles), timer, 0, LOW(hz), HIGH(hz),
                             most)));
    }
}

static void the_next_expiry_is_the_first_behind_now(void) {
    for (int i = 0; i < 200; i++) {
        uint64_t expiry = random64() >> 2, period = (random64() >> 16) | 1, after = random64() >> 2;
        uint64_t now = expiry + after, want = expiry + (after / period + 1) * period;
        expect(want, CALL_LONG("next_expiry", LOW(expiry), HIGH(expiry), LOW(period), HIGH(period),
                               LOW(now), HIGH(now)));
    }
    expect(UINT64_MAX, CALL_LONG("next_expiry", 0, 0xFFFFFFFF, 0, 0xF0000000, 1, 0xFFFFFFFF));
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s HYPERVISOR SYMBOLS\n", argv[0]);
        return 2;
    }
    size = image_load(argv[1], hypervisor, sizeof(hypervisor));
    load_symbols(argv[2]);
    must(uc_open(UC_ARCH_X86, UC_MODE_32, &uc), "opening");
    must(uc_mem_map(uc, 0, GUEST_SIZE, UC_PROT_ALL), "mapping memory");
    must(uc_mem_map(uc, HV_BASE, HV_SIZE, UC_PROT_ALL), "mapping the hypervisor");
    each_test_starts_with(begin);
    RUN(descriptors_of_ring_0_become_ring_1s_and_flat_ones_end_below_what_is_private);
    RUN(entries_beyond_the_guests_limit_are_empty);
    RUN(the_hypervisors_own_entries_are_left_alone);
    RUN(a_fault_at_a_descriptor_that_changed_is_tried_again);
    RUN(stacks_of_ring_0_are_taken_and_no_others);
    RUN(an_ldt_is_loaded_or_refused);
    RUN(interrupts_and_page_faults_go_to_the_guest);
    RUN(what_ring_0_has_to_see_first_comes_to_it);
    RUN(a_processor_that_waits_has_its_interrupts_in_ring_0);
    RUN(int_of_ring_1_gets_through_where_ring_0s_would);
    RUN(a_gate_that_is_none_leads_to_ring_0);
    RUN(each_processor_has_the_table_that_it_needs);
    RUN(private_memory_is_none_of_the_guests);
    RUN(looking_at_memory_leaves_the_idt_in_use);
    RUN(an_interrupt_of_ring_3_goes_to_the_kernels_stack);
    RUN(one_of_the_kernel_stays_on_its_stack);
    RUN(a_trap_gate_leaves_interrupts_on);
    RUN(a_stack_of_16_bits_wraps_in_its_segment);
    RUN(v86_mode_is_left_with_null_segments);
    RUN(a_gate_that_is_not_present_is_np);
    RUN(an_int_whose_gate_is_not_present_faults_at_itself);
    RUN(handlers_are_code_of_ring_0_within_its_limit);
    RUN(a_handler_whose_descriptor_changed_is_looked_at_again);
    RUN(a_gate_to_no_code_or_stack_faults_in_the_gates_stead);
    RUN(a_return_to_ring_0_is_none_of_the_guests);
    RUN(two_faults_are_a_double_fault);
    RUN(quotients_and_rests_are_right);
    RUN(timers_count_never_less_than_the_cycles);
    RUN(the_next_expiry_is_the_first_behind_now);
    uc_close(uc);
    return results_end();
}
