/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_defaults: the kit's default handlers and its paging, over a made-up machine whose every
 * accessor can fail. What is expected is what the call table and the manuals say. TAP.
 */

#include <stdlib.h>
#include <string.h>

#include "results.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/defaults.h"

#define ROM    0xD0000u
#define MEMORY 0x10000u /* linear is physical; behind it there is nothing */
#define STACK  0x8000u
#define GDT    0x1000u
#define TABLE  0x2000u
#define CALLER 0x5005u /* return address: a CALL ends there */
#define ALL    0xA5A5A5A5u

enum { DB = 1, UD = 6, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14 };
enum { CODE_0 = 0x08, DATA_0 = 0x10, CODE_3 = 0x1B, DATA_3 = 0x23, TSS = 0x28, LDT = 0x30 };

static uint8_t memory[MEMORY];
static struct vmi_frame f, before;
static struct vmi_handlers handlers;
static struct vmi_accessors accessors;
static struct vmi_guest guest;

static struct {
    uint32_t registers[VMI_REGISTERS];
    struct vmi_segment segments[VMI_SEGMENTS];
    uint64_t msr;               /* of SYSENTER_CS */
    bool refuses;               /* registers and MSRs */
    int exchange_fails, others; /* so often another processor changes the entry first */
    uint32_t flushes, flushed, flushed_page;
    uint32_t raised, vector, error, address;
    uint32_t port, port_size, port_value, port_count;
    uint32_t stopped, halts, nmis;
    bool from_machine; /* the context was the one given */
} m;

/* --- the machine --- */

static void *const context = &m;

static uint32_t get_register(void *c, uint32_t which) {
    m.from_machine &= c == context;
    return m.registers[which];
}

static bool set_register(void *c, uint32_t which, uint32_t value) {
    m.from_machine &= c == context;
    if (!m.refuses) {
        m.registers[which] = value;
    }
    return !m.refuses;
}

static void get_segment(void *c, uint32_t which, struct vmi_segment *s) {
    m.from_machine &= c == context;
    *s = m.segments[which];
}

static void set_segment(void *c, uint32_t which, const struct vmi_segment *s) {
    m.from_machine &= c == context;
    m.segments[which] = *s;
}

static bool get_msr(void *c, uint32_t number, uint64_t *value) {
    m.from_machine &= c == context;
    *value = number == 0x174 ? m.msr : number * 0x100000001u;
    return !m.refuses;
}

static bool set_msr(void *c, uint32_t number, uint64_t value) {
    m.from_machine &= c == context && number == 0x174;
    m.msr = value;
    return !m.refuses;
}

static uint64_t time_stamp(void *c) {
    m.from_machine &= c == context;
    return 0x123456789ABCDEF0u;
}

static uint64_t wallclock(void *c) {
    m.from_machine &= c == context;
    return 0x0FEDCBA987654321u;
}

static void cpuid(void *c, uint32_t r[4]) {
    m.from_machine &= c == context;
    r[1] = r[0] + 1, r[3] = r[2] + 2, r[0] += 10, r[2] += 20;
}

static uint32_t port_in(void *c, uint32_t port, uint32_t size) {
    m.from_machine &= c == context;
    m.port = port, m.port_size = size;
    return 0xCAFE0000u + m.port_count++;
}

static void port_out(void *c, uint32_t port, uint32_t size, uint32_t value) {
    m.from_machine &= c == context;
    m.port = port, m.port_size = size, m.port_value = value, m.port_count++;
}

static uint32_t apic_read(void *c, uint32_t offset) {
    m.from_machine &= c == context;
    return offset + 1;
}

static void apic_write(void *c, uint32_t offset, uint32_t value) {
    port_out(c, offset, 0, value);
}

static void flush(void *c, uint32_t what, uint32_t linear) {
    m.from_machine &= c == context;
    m.flushes++, m.flushed = what, m.flushed_page = linear;
}

static void raise_exception(void *c, uint32_t vector, uint32_t error, uint32_t address) {
    m.from_machine &= c == context;
    m.raised++, m.vector = vector, m.error = error, m.address = address;
}

static int halt(void *c, struct vmi_frame *frame) {
    m.from_machine &= c == context;
    m.halts += frame->eflags >> 9 & 1;
    return VMI_RETURNS;
}

static void stop(void *c, uint32_t how) {
    m.from_machine &= c == context;
    m.stopped = how + 1;
}

static void unblock_nmi(void *c) {
    m.from_machine &= c == context;
    m.nmis++;
}

static bool reaches(uint32_t at, uint32_t size) {
    if (at < MEMORY && size <= MEMORY - at) {
        return true;
    }
    raise_exception(context, PF, 0, at < MEMORY ? MEMORY : at);
    return false;
}

static bool read_guest(void *c, uint32_t at, void *to, uint32_t size) {
    m.from_machine &= c == context;
    return reaches(at, size) && memcpy(to, memory + at, size);
}

static bool write_guest(void *c, uint32_t at, const void *from, uint32_t size) {
    m.from_machine &= c == context;
    return reaches(at, size) && memcpy(memory + at, from, size);
}

static int exchange(void *c, uint32_t at, uint32_t size, uint64_t *old, uint64_t value) {
    uint64_t seen = 0;
    m.from_machine &= c == context;
    if (m.exchange_fails || !reaches(at, size)) {
        return VMI_ERROR_FAULT;
    }
    if (m.others) {
        m.others--;
        memory[at] ^= 0x40; /* as a processor that sets a bit meanwhile */
    }
    memcpy(&seen, memory + at, size);
    if (seen != *old) {
        *old = seen;
        return 1;
    }
    memcpy(memory + at, &value, size);
    return 0;
}

static void put(uint32_t at, uint64_t value, uint32_t size) {
    memcpy(memory + at, &value, size);
}

static uint64_t at(uint32_t where, uint32_t size) {
    uint64_t value = 0;
    memcpy(&value, memory + where, size);
    return value;
}

static void put_descriptor(uint32_t selector, uint32_t base, uint32_t limit, uint32_t attributes) {
    uint32_t low = (limit & 0xFFFF) | base << 16;
    uint32_t high = (base >> 16 & 0xFF) | (attributes & 0xFF) << 8 | (limit & 0xF0000) |
                    (attributes & 0xF00) << 12 | (base & 0xFF000000);
    put(GDT + (selector & ~7u), low | (uint64_t)high << 32, 8);
}

static void reset(void) {
    memset(memory, 0, sizeof(memory));
    memset(&m, 0, sizeof(m));
    m.from_machine = true;
    accessors = (struct vmi_accessors){.get_register = get_register,
                                       .set_register = set_register,
                                       .get_segment = get_segment,
                                       .set_segment = set_segment,
                                       .get_msr = get_msr,
                                       .set_msr = set_msr,
                                       .get_performance_counter = get_msr,
                                       .get_time_stamp = time_stamp,
                                       .cpuid = cpuid,
                                       .port_in = port_in,
                                       .port_out = port_out,
                                       .apic_read = apic_read,
                                       .apic_write = apic_write,
                                       .flush = flush,
                                       .raise = raise_exception,
                                       .halt = halt,
                                       .stop = stop,
                                       .wallclock = wallclock,
                                       .unblock_nmi = unblock_nmi};
    guest = (struct vmi_guest){read_guest, write_guest, &accessors};
    memset(&handlers, 0, sizeof(handlers));
    vmi_hv_default_handlers(&handlers);
    for (uint32_t n = 0; n < VMI_SEGMENTS; n++) {
        m.segments[n] = (struct vmi_segment){DATA_0, 0xC93, 0xFFFFFFFF, 0};
    }
    m.segments[VMI_SEGMENT_GDTR] = (struct vmi_segment){0, 0, 0x3F, GDT};
    m.segments[VMI_SEGMENT_LDTR] = (struct vmi_segment){0, 0, 0, 0};
    m.segments[VMI_SEGMENT_CS] = (struct vmi_segment){CODE_0, 0xC9B, 0xFFFFFFFF, 0};
    put_descriptor(CODE_0, 0, 0xFFFFF, 0xC9A);
    put_descriptor(DATA_0, 0, 0xFFFFF, 0xC92);
    put_descriptor(CODE_3, 0, 0xFFFFF, 0xCFA);
    put_descriptor(DATA_3, 0, 0xFFFFF, 0xCF2);
    put_descriptor(TSS, 0x12345678, 0x67, 0x089);
    put_descriptor(LDT, TABLE, 0x17, 0x082);
    f = (struct vmi_frame){.eax = ALL + 1,
                           .ecx = ALL + 2,
                           .edx = ALL + 3,
                           .ebx = ALL + 4,
                           .esp = STACK,
                           .ebp = ALL + 5,
                           .esi = ALL + 6,
                           .edi = ALL + 7,
                           .eflags = 2,
                           .es = DATA_0,
                           .cs = CODE_0,
                           .ss = DATA_0,
                           .ds = DATA_0,
                           .fs = DATA_0,
                           .gs = DATA_0};
    put(STACK, CALLER, 4);
    memory[CALLER - 5] = 0xE8;
}

/* --- a call --- */

/* By the kit, as a hypervisor makes it: what is said of the frame holds whoever the handler is. */
static int call(uint32_t slot) {
    struct vmi_publication publication = {.address = ROM, .trap = VMI_TRAP_VMMCALL};
    struct vmi_trap trap = {.page = ROM};
    int outcome;
    memset(publication.kind, VMI_SLOT_TRAP, sizeof(publication.kind));
    f.eip = ROM + VMI_CALL_OFFSET(slot);
    before = f;
    outcome = vmi_hv_serve(&publication, &handlers, &guest, context, &trap, &f);
    expect(true, m.from_machine);
    return outcome;
}

/* All general registers but some, by bit of their encoding. */
static void expect_kept_but(uint32_t mask) {
    const uint32_t now[] = {f.eax, f.ecx, f.edx, f.ebx, f.esp, f.ebp, f.esi, f.edi};
    const uint32_t was[] = {before.eax, before.ecx, before.edx, before.ebx,
                            before.esp, before.ebp, before.esi, before.edi};
    for (uint32_t n = 0; n < 8; n++) {
        if (!(mask >> n & 1)) {
            expect(was[n], now[n]);
        }
    }
}

enum { IN_EAX = 1, IN_ECX = 2, IN_EDX = 4, IN_EBX = 8, IN_ESP = 16, IN_ESI = 64, IN_EDI = 128 };

static void expect_fault(uint32_t slot, uint32_t vector, uint32_t error) {
    m.raised = 0;
    expect(VMI_ERROR_FAULT, call(slot));
    expect(1, m.raised);
    expect(vector, m.vector);
    expect(error, m.error);
    expect(ROM + VMI_CALL_OFFSET(slot), f.eip);
    expect_kept_but(0);
}

/* --- the table --- */

static void every_call_that_may_trap_has_a_default_and_no_other(void) {
    static const struct vmi_handlers none;
    vmi_handler *const *h = (vmi_handler *const *)&handlers;
    for (uint32_t n = 0; n < 128; n++) {
        if (vmi_slots[n].flags & VMI_MAY_TRAP) {
            expect(true, h[vmi_slots[n].handler / sizeof(*h)] != NULL);
        }
    }
    expect(true, handlers.Init == none.Init);
    expect(true, handlers.GetRelocationInfo == NULL);
    expect(true, handlers.SetCallbacks == NULL);
    expect(0, memcmp(&handlers, &vmi_default_handlers, sizeof(handlers)));
}

static int own(void *c, struct vmi_frame *frame) {
    (void)c;
    frame->eax = 77;
    return VMI_RETURNS;
}

static void a_handler_of_ones_own_stays(void) {
    struct vmi_handlers mine = {.GetCR3 = own};
    vmi_hv_default_handlers(&mine);
    expect(true, mine.GetCR3 == own);
    expect(true, mine.GetCR0 == vmi_default_handlers.GetCR0);
}

/* Each accessor that a call needs is taken away once; nothing may happen then. */
static void a_call_without_its_accessor_has_no_handler(void) {
    static const struct {
        size_t member;
        uint8_t slots[12];
    } needs[] = {
#define NEED(member) offsetof(struct vmi_accessors, member)
        {NEED(get_register), {20, 21, 22, 23, 24, 25, 26, 27, 30, 31, 34}},
        {NEED(set_register), {20, 21, 22, 23, 24, 25, 26, 27, 30, 31, 34}},
        {NEED(get_segment), {8, 9, 10, 11, 12, 13, 14, 15, 39}},
        {NEED(set_segment), {8, 9, 10, 11, 12, 13, 14, 15, 39, 40}},
        {NEED(get_msr), {7, 40}},
        {NEED(set_msr), {6}},
        {NEED(get_performance_counter), {32}},
        {NEED(get_time_stamp), {33}},
        {NEED(cpuid), {5}},
        {NEED(port_in), {59, 60, 61, 62, 63, 64}},
        {NEED(port_out), {65, 66, 67, 68, 69, 70, 78}},
        {NEED(apic_read), {97}},
        {NEED(apic_write), {96}},
        {NEED(flush), {55, 56}},
        {NEED(halt), {42}},
        {NEED(stop), {43, 44}},
#undef NEED
    };
    for (size_t n = 0; n < sizeof(needs) / sizeof(needs[0]); n++) {
        reset();
        memset((char *)&accessors + needs[n].member, 0, sizeof(void *));
        for (uint32_t i = 0; i < 12 && needs[n].slots[i]; i++) {
            expect(VMI_ERROR_HANDLER, call(needs[n].slots[i]));
            expect(0, memcmp(&before, &f, offsetof(struct vmi_frame, slot)));
        }
        expect(0, m.raised);
    }
    reset();
    guest.accessors = NULL;
    expect(VMI_ERROR_HANDLER, call(VMI_CALL_GetCR0));
    expect(VMI_RETURNS, call(VMI_CALL_DisableInterrupts));
}

static void hints_change_nothing(void) {
    static const uint8_t slots[] = {19, 28, 29, 41, 53, 54, 58, 75, 81,
                                    88, 89, 90, 91, 92, 93, 94, 95, 99};
    for (size_t n = 0; n < sizeof(slots); n++) {
        expect(VMI_RETURNS, call(slots[n]));
        expect_kept_but(0);
        expect(before.eflags, f.eflags);
    }
}

/* --- registers --- */

static void cpuid_gives_four_registers(void) {
    f.eax = 100, f.ecx = 200;
    expect(VMI_RETURNS, call(VMI_CALL_CPUID));
    expect(110, f.eax);
    expect(101, f.ebx);
    expect(220, f.ecx);
    expect(202, f.edx);
    expect_kept_but(IN_EAX | IN_EBX | IN_ECX | IN_EDX);
}

static void msrs_and_counters_are_pairs_or_gp(void) {
    f.ecx = 0x174, f.eax = 0x11111111, f.edx = 0x22222222;
    expect(VMI_RETURNS, call(VMI_CALL_WRMSR));
    expect(0x2222222211111111, (int64_t)m.msr);
    f.ecx = 5;
    expect(VMI_RETURNS, call(VMI_CALL_RDMSR));
    expect(5, f.eax);
    expect(5, f.edx);
    expect_kept_but(IN_EAX | IN_EDX);
    f.ecx = 6;
    expect(VMI_RETURNS, call(VMI_CALL_RDPMC));
    expect(6, f.eax);
    m.refuses = true;
    f.ecx = 0x174;
    expect_fault(VMI_CALL_WRMSR, GP, 0);
    expect_fault(VMI_CALL_RDMSR, GP, 0);
    expect_fault(VMI_CALL_RDPMC, GP, 0);
    expect(VMI_RETURNS, call(VMI_CALL_RDTSC));
    expect(0x9ABCDEF0, f.eax);
    expect(0x12345678, f.edx);
}

static void control_registers_are_got_and_set(void) {
    static const uint8_t which[] = {VMI_REGISTER_CR0, VMI_REGISTER_CR2, VMI_REGISTER_CR3,
                                    VMI_REGISTER_CR4};
    for (uint32_t n = 0; n < 4; n++) {
        f.eax = 0x00050033 + n * 0x1000000;
        expect(VMI_RETURNS, call(VMI_CALL_SetCR0 + n));
        expect_kept_but(IN_EAX | IN_ECX | IN_EDX);
        expect(n ? f.eax : 0x00050033, m.registers[which[n]]);
        m.registers[which[n]] = 0x1000 + n;
        expect(VMI_RETURNS, call(VMI_CALL_GetCR0 + n));
        expect(0x1000 + n, f.eax);
    }
}

static void cr0_is_checked_as_by_the_processor(void) {
    f.eax = 0x80000000; /* PG without PE */
    expect_fault(VMI_CALL_SetCR0, GP, 0);
    f.eax = 0x20000001; /* NW without CD */
    expect_fault(VMI_CALL_SetCR0, GP, 0);
    expect(0, m.registers[VMI_REGISTER_CR0]);
    f.eax = 0x1FFAFFE1; /* bits that there are not */
    expect(VMI_RETURNS, call(VMI_CALL_SetCR0));
    expect(0x31, m.registers[VMI_REGISTER_CR0]);
    m.registers[VMI_REGISTER_CR0] = 0x80000039;
    expect(VMI_RETURNS, call(VMI_CALL_CLTS));
    expect(0x80000031, m.registers[VMI_REGISTER_CR0]);
}

static void a_register_that_is_refused_is_gp(void) {
    m.refuses = true;
    for (uint32_t slot = VMI_CALL_SetCR0; slot <= VMI_CALL_SetCR4; slot++) {
        f.eax = 0x11;
        expect_fault(slot, GP, 0);
    }
    f.eax = 3;
    expect_fault(VMI_CALL_SetDR, GP, 0);
    expect(0, m.flushes);
}

static void the_tlb_is_flushed_where_the_processor_does(void) {
    static const struct {
        uint8_t slot;
        uint32_t value, flushes, what;
    } rows[] = {{20, 0x80000011, 1, VMI_FLUSH_ALL},
                {20, 0x80000011, 0, 0},
                {20, 0x80000031, 0, 0},
                {20, 0x80010031, 1, VMI_FLUSH_ALL},
                {22, 0x1000, 1, VMI_FLUSH_NOT_GLOBAL},
                {22, 0x1000, 1, VMI_FLUSH_NOT_GLOBAL},
                {23, 0x80, 1, VMI_FLUSH_ALL},
                {23, 0x88, 0, 0},
                {23, 0xA8, 1, VMI_FLUSH_ALL},
                {21, 0x5000, 0, 0},
                {56, 1, 1, VMI_FLUSH_NOT_GLOBAL},
                {56, 3, 1, VMI_FLUSH_ALL},
                {55, 0x12345, 1, VMI_FLUSH_PAGE}};
    for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
        m.flushes = 0;
        f.eax = rows[n].value;
        expect(VMI_RETURNS, call(rows[n].slot));
        expect(rows[n].flushes, m.flushes);
        expect(rows[n].flushes ? rows[n].what : m.flushed, m.flushed);
    }
    expect(0x12345, m.flushed_page);
    accessors.flush = NULL; /* set_register does it itself */
    f.eax = 0x2000;
    expect(VMI_RETURNS, call(VMI_CALL_SetCR3));
}

static void debug_registers_have_aliases_and_guards(void) {
    for (uint32_t n = 0; n < 8; n++) {
        f.eax = n, f.edx = 0x100 + n;
        expect(VMI_RETURNS, call(VMI_CALL_SetDR));
    }
    expect(0x100, m.registers[VMI_REGISTER_DR0]);
    expect(0x103, m.registers[VMI_REGISTER_DR3]);
    expect(0xFFFF0FF6, m.registers[VMI_REGISTER_DR6]);
    expect(0x507, m.registers[VMI_REGISTER_DR7]);
    f.eax = 6, f.edx = 0xFFFFFFFF;
    expect(VMI_RETURNS, call(VMI_CALL_SetDR));
    expect(0xFFFFEFFF, m.registers[VMI_REGISTER_DR6]);
    f.eax = 8;
    expect(VMI_RETURNS, call(VMI_CALL_SetDR));
    f.eax = 8;
    expect(VMI_RETURNS, call(VMI_CALL_GetDR));
    expect(0, f.eax);
    f.eax = 5;
    expect(VMI_RETURNS, call(VMI_CALL_GetDR));
    expect(0x507, f.eax);
    m.registers[VMI_REGISTER_CR4] = 8;
    f.eax = 5;
    expect_fault(VMI_CALL_GetDR, UD, 0);
    m.registers[VMI_REGISTER_DR6] = 0xFFFF0FF0, m.registers[VMI_REGISTER_DR7] = 0x2400;
    f.eax = 0;
    expect_fault(VMI_CALL_SetDR, DB, 0);
    expect(0xFFFF2FF0, m.registers[VMI_REGISTER_DR6]);
    expect(0x400, m.registers[VMI_REGISTER_DR7]);
}

/* --- tables and descriptors --- */

static void table_registers_are_six_bytes(void) {
    static const uint8_t set[] = {VMI_CALL_SetGDT, VMI_CALL_SetIDT},
                         get[] = {VMI_CALL_GetGDT, VMI_CALL_GetIDT};
    static const uint8_t which[] = {VMI_SEGMENT_GDTR, VMI_SEGMENT_IDTR};
    for (uint32_t n = 0; n < 2; n++) {
        reset();
        put(TABLE, 0x89ABCDEF1234, 6);
        f.eax = TABLE;
        expect(VMI_RETURNS, call(set[n]));
        expect(0x1234, m.segments[which[n]].limit);
        expect(0x89ABCDEF, m.segments[which[n]].base);
        f.eax = TABLE + 0x101;
        expect(VMI_RETURNS, call(get[n]));
        expect(0x89ABCDEF1234, (int64_t)at(TABLE + 0x101, 8));
        f.eax = MEMORY - 5;
        expect_fault(set[n], PF, 0);
        expect_fault(get[n], PF, 0);
        expect(0x1234, m.segments[which[n]].limit);
        expect(0, (int64_t)at(MEMORY - 8, 8));
    }
}

static void the_task_register_is_loaded_and_marked(void) {
    f.eax = 0xFFFF0000 | TSS;
    expect(VMI_RETURNS, call(VMI_CALL_SetTR));
    expect(TSS, m.segments[VMI_SEGMENT_TR].selector);
    expect(0x12345678, m.segments[VMI_SEGMENT_TR].base);
    expect(0x67, m.segments[VMI_SEGMENT_TR].limit);
    expect(0x8B, m.segments[VMI_SEGMENT_TR].attributes);
    expect(0x8B, memory[GDT + TSS + 5]);
    expect(VMI_RETURNS, call(VMI_CALL_GetTR));
    expect(TSS, f.eax);
    f.eax = TSS; /* busy now */
    expect_fault(VMI_CALL_SetTR, GP, TSS);
    put_descriptor(TSS, 0, 0x67, 0x081);
    expect(VMI_RETURNS, call(VMI_CALL_SetTR));
    put_descriptor(TSS, 0, 0x67, 0x009);
    expect_fault(VMI_CALL_SetTR, NP, TSS);
    f.eax = DATA_0;
    expect_fault(VMI_CALL_SetTR, GP, DATA_0);
    f.eax = 3;
    expect_fault(VMI_CALL_SetTR, GP, 0);
    f.eax = TSS | 4;
    expect_fault(VMI_CALL_SetTR, GP, TSS | 4);
    f.eax = 0x40 | 1;
    expect_fault(VMI_CALL_SetTR, GP, 0x40);
    m.segments[VMI_SEGMENT_GDTR].base = MEMORY;
    f.eax = TSS;
    expect_fault(VMI_CALL_SetTR, PF, 0);
}

static void a_tss_that_cannot_be_marked_is_not_loaded(void) {
    accessors.compare_exchange = exchange;
    m.exchange_fails = 1;
    f.eax = TSS;
    expect(VMI_ERROR_FAULT, call(VMI_CALL_SetTR));
    expect(DATA_0, m.segments[VMI_SEGMENT_TR].selector);
    expect(0x89, memory[GDT + TSS + 5]);
}

static void the_ldt_is_loaded_or_none(void) {
    f.eax = LDT | 3;
    expect(VMI_RETURNS, call(VMI_CALL_SetLDT));
    expect(LDT | 3, m.segments[VMI_SEGMENT_LDTR].selector);
    expect(TABLE, m.segments[VMI_SEGMENT_LDTR].base);
    expect(0x82, m.segments[VMI_SEGMENT_LDTR].attributes);
    expect(VMI_RETURNS, call(VMI_CALL_GetLDT));
    expect(LDT | 3, f.eax);
    f.eax = TSS;
    expect_fault(VMI_CALL_SetLDT, GP, TSS);
    f.eax = 2;
    expect(VMI_RETURNS, call(VMI_CALL_SetLDT));
    expect(2, m.segments[VMI_SEGMENT_LDTR].selector);
    expect(0, m.segments[VMI_SEGMENT_LDTR].attributes);
}

static void a_descriptor_is_written_whole(void) {
    put(STACK + 4, 0x55667788, 4);
    f.eax = TABLE, f.edx = 3, f.ecx = 0x11223344;
    for (uint32_t slot = VMI_CALL_WriteGDTEntry; slot <= VMI_CALL_WriteIDTEntry; slot++) {
        put(TABLE + 24, 0, 8);
        expect(VMI_RETURNS, call(slot));
        expect(0x5566778811223344, (int64_t)at(TABLE + 24, 8));
    }
    f.eax = MEMORY - 28;
    expect_fault(VMI_CALL_WriteGDTEntry, PF, 0);
    expect(0, (int64_t)at(MEMORY - 4, 4));
    f.esp = MEMORY - 4; /* the argument is not there */
    expect_fault(VMI_CALL_WriteGDTEntry, PF, 0);
}

/* --- IRET and SYSEXIT --- */

static void put_iret(uint32_t eip, uint32_t cs, uint32_t eflags, uint32_t esp, uint32_t ss) {
    put(STACK + 4, eip | (uint64_t)cs << 32, 8);
    put(STACK + 12, eflags | (uint64_t)esp << 32, 8);
    put(STACK + 20, ss, 8);
}

static void iret_returns_within_its_ring(void) {
    put_iret(0x4321, CODE_0, 0xFFFDFFFF, 0, 0);
    expect(VMI_TRANSFERS, call(VMI_CALL_IRET));
    expect(0x4321, f.eip);
    expect(STACK + 16, f.esp);
    expect(CODE_0, f.cs);
    expect(0x003D7FD7, f.eflags);
    expect(1, m.nmis);
    expect(0x9B, memory[GDT + CODE_0 + 5]);
    expect(0x9B, m.segments[VMI_SEGMENT_CS].attributes & 0xFF);
    expect_kept_but(IN_ESP);
}

static void iret_leaves_for_ring_3(void) {
    put_iret(0x4321, CODE_3, 0x202, 0x7777, DATA_3);
    m.segments[VMI_SEGMENT_FS] = (struct vmi_segment){DATA_3, 0xCF3, 0xFFFFFFFF, 0};
    m.segments[VMI_SEGMENT_GS] = (struct vmi_segment){0x38, 0xC9F, 0xFFFFFFFF, 0}; /* conforming */
    f.fs = DATA_3, f.gs = 0x38;
    expect(VMI_TRANSFERS, call(VMI_CALL_IRET));
    expect(0x4321, f.eip);
    expect(0x7777, f.esp);
    expect(CODE_3, f.cs);
    expect(DATA_3, f.ss);
    expect(0xCFB, m.segments[VMI_SEGMENT_CS].attributes);
    expect(0xCF3, m.segments[VMI_SEGMENT_SS].attributes);
    expect(0, f.ds);
    expect(0, f.es);
    expect(0, m.segments[VMI_SEGMENT_DS].attributes);
    expect(DATA_3, f.fs);
    expect(0x38, f.gs);
    expect(0xF3, memory[GDT + (DATA_3 & ~3) + 5]);
    expect_kept_but(IN_ESP);
}

static void iret_to_a_16_bit_stack_loads_sp(void) {
    put_descriptor(DATA_3, 0, 0xFFFF, 0x0F2);
    put_iret(0x4321, CODE_3, 0x202, 0x12347777, DATA_3);
    f.esp = STACK;
    expect(VMI_TRANSFERS, call(VMI_CALL_IRET));
    expect(0x7777, f.esp);
}

static void iret_enters_v86_mode(void) {
    put_iret(0xABCD4321, 0x1234, 0x20202, 0x7777, 0x2000);
    put(STACK + 24, 0x3000 | (uint64_t)0x4000 << 32, 8);
    put(STACK + 32, 0x5000 | (uint64_t)0x6000 << 32, 8);
    expect(VMI_TRANSFERS, call(VMI_CALL_IRET));
    expect(0x4321, f.eip);
    expect(0x20202, f.eflags);
    expect(0x12340, m.segments[VMI_SEGMENT_CS].base);
    expect(0xF3, m.segments[VMI_SEGMENT_SS].attributes);
    expect(0xFFFF, m.segments[VMI_SEGMENT_SS].limit);
    expect(0x3000, f.es);
    expect(0x4000, f.ds);
    expect(0x5000, f.fs);
    expect(0x60000, m.segments[VMI_SEGMENT_GS].base);
}

/* Of a return to ring 3: at the guest's CALL, with the frame on top of the stack. */
static void expect_iret_fault(uint32_t vector, uint32_t error) {
    m.raised = 0;
    f.esp = STACK;
    f.eflags = 2;
    expect(VMI_TRANSFERS, call(VMI_CALL_IRET));
    expect(1, m.raised);
    expect(vector, m.vector);
    expect(error, m.error);
    expect(CALLER - 5, f.eip);
    expect(STACK + 4, f.esp);
    expect(0x10002, f.eflags);
    expect(CODE_0, m.segments[VMI_SEGMENT_CS].selector);
    expect(DATA_0, m.segments[VMI_SEGMENT_DS].selector);
}

static void iret_faults_where_the_guest_has_its_fix_up(void) {
    put_iret(0x4321, 3, 0x202, 0x7777, DATA_3);
    expect_iret_fault(GP, 0);
    put_iret(0x4321, DATA_3, 0x202, 0x7777, DATA_3);
    expect_iret_fault(GP, DATA_3 & ~3);
    put_iret(0x4321, CODE_0 | 3, 0x202, 0x7777, DATA_3); /* DPL 0 */
    expect_iret_fault(GP, CODE_0);
    put_iret(0x4321, 0x43, 0x202, 0x7777, DATA_3); /* behind the table */
    expect_iret_fault(GP, 0x40);
    put_iret(0x4321, CODE_3 | 4, 0x202, 0x7777, DATA_3); /* there is no LDT */
    expect_iret_fault(GP, (CODE_3 | 4) & ~3);
    put_iret(0x4321, CODE_3, 0x202, 0x7777, 3);
    expect_iret_fault(GP, 0);
    put_iret(0x4321, CODE_3, 0x202, 0x7777, DATA_0);
    expect_iret_fault(GP, DATA_0);
    put_iret(0x4321, CODE_3, 0x202, 0x7777, CODE_3);
    expect_iret_fault(GP, CODE_3 & ~3);
    put_descriptor(DATA_3, 0, 0xFFFFF, 0xC72);
    put_iret(0x4321, CODE_3, 0x202, 0x7777, DATA_3);
    expect_iret_fault(SS, DATA_3 & ~3);
    put_descriptor(DATA_3, 0, 0xFFFFF, 0xCF2);
    put_descriptor(CODE_3, 0, 0xFFF, 0x4FA);
    put_iret(0x1000, CODE_3, 0x202, 0x7777, DATA_3);
    expect_iret_fault(GP, 0);
    put_descriptor(CODE_3, 0, 0xFFFFF, 0xC7A);
    expect_iret_fault(NP, CODE_3 & ~3);
}

static void iret_within_ring_0_faults_in_the_rom(void) {
    put_iret(0x4321, 0, 0x2, 0, 0);
    expect_fault(VMI_CALL_IRET, GP, 0);
    f.esp = MEMORY - 8; /* the frame is not there */
    expect_fault(VMI_CALL_IRET, PF, 0);
}

static void a_task_return_is_a_fault(void) {
    put_iret(0x4321, CODE_3, 0x202, 0x7777, DATA_3);
    m.segments[VMI_SEGMENT_TR].base = TABLE;
    put(TABLE, 0x4B, 2);
    f.eflags = 0x4002;
    expect(VMI_TRANSFERS, call(VMI_CALL_IRET));
    expect(TS, m.vector);
    expect(0x48, m.error);
}

static void sysexit_goes_to_ring_3_with_interrupts(void) {
    m.msr = CODE_0;
    f.edx = 0x1111, f.ecx = 0x2222;
    expect(VMI_TRANSFERS, call(VMI_CALL_SYSEXIT));
    expect(0x1111, f.eip);
    expect(0x2222, f.esp);
    expect(0x202, f.eflags);
    expect(CODE_0 + 19, f.cs);
    expect(CODE_0 + 27, f.ss);
    expect(0xCFB, m.segments[VMI_SEGMENT_CS].attributes);
    expect(0xCF3, m.segments[VMI_SEGMENT_SS].attributes);
    expect(0xFFFFFFFF, m.segments[VMI_SEGMENT_SS].limit);
    m.msr = 3;
    expect_fault(VMI_CALL_SYSEXIT, GP, 0);
}

/* --- page-table entries --- */

#define ENTRY 0x3000u
#define OLD   0x8877665544332211u

static void with_and_without_exchange(void (*test)(void)) {
    test();
    reset();
    accessors.compare_exchange = exchange;
    test();
}

static void entries_of_32_bits(void) {
    put(ENTRY, OLD, 8);
    f.eax = ENTRY, f.edx = 0xABCDEF01;
    expect(VMI_RETURNS, call(VMI_CALL_SetPxE0));
    expect((int64_t)0x88776655ABCDEF01, (int64_t)at(ENTRY, 8));
    f.eax = 0x12345678, f.edx = ENTRY;
    expect(VMI_RETURNS, call(VMI_CALL_SetPxE));
    expect(0x12345678, (int64_t)at(ENTRY, 4));
    f.eax = ENTRY, f.edx = 0x1;
    expect(VMI_RETURNS, call(VMI_CALL_SwapPxE));
    expect(0x12345678, f.eax);
    expect(1, (int64_t)at(ENTRY, 4));
    f.eax = ENTRY;
    expect(VMI_RETURNS, call(VMI_CALL_GetPxE));
    expect(1, f.eax);
    expect_kept_but(IN_EAX);
    f.eax = ENTRY, f.edx = 0x2222;
    expect(VMI_RETURNS, call(VMI_CALL_APICWrite));
    f.eax = ENTRY;
    expect(VMI_RETURNS, call(VMI_CALL_APICRead));
    expect(0x2222, f.eax);
}

static void entries_of_64_bits(void) {
    static const uint8_t sets[] = {VMI_CALL_SetPxELong0, VMI_CALL_SetPxELong};
    for (uint32_t n = 0; n < 2; n++) {
        put(ENTRY, OLD, 8);
        f.eax = 0x11111111, f.edx = 0x22222222, f.ecx = ENTRY;
        expect(VMI_RETURNS, call(sets[n]));
        expect(0x2222222211111111, (int64_t)at(ENTRY, 8));
    }
    f.eax = 0x33333333, f.edx = 0x44444444, f.ecx = ENTRY;
    expect(VMI_RETURNS, call(VMI_CALL_SwapPxELongAtomic));
    expect(0x11111111, f.eax);
    expect(0x22222222, f.edx);
    f.eax = ENTRY;
    expect(VMI_RETURNS, call(VMI_CALL_GetPxELong));
    expect(0x33333333, f.eax);
    expect(0x44444444, f.edx);
    f.eax = ENTRY;
    expect(VMI_RETURNS, call(VMI_CALL_DeactivatePxELongAtomic));
    expect(0x33333333, f.eax);
    expect(0x44444444, f.edx);
    expect(0, (int64_t)at(ENTRY, 8));
    expect_kept_but(IN_EAX | IN_EDX);
}

static void bits_of_entries(void) {
    static const uint8_t sets[] = {VMI_CALL_TestAndSetPxEBit, VMI_CALL_TestAndSetPxELongBit};
    static const uint8_t clears[] = {VMI_CALL_TestAndClearPxEBit, VMI_CALL_TestAndClearPxELongBit};
    static const int32_t bits[] = {0, 6, 31, 32, 63, -1, -32};
    for (uint32_t n = 0; n < 14; n++) {
        int32_t bit = bits[n / 2];
        uint32_t where = ENTRY + (uint32_t)((bit + 64) / 8 - 8), mask = 1u << (bit & 7);
        memset(memory + ENTRY - 8, 0, 16);
        for (uint32_t i = 0; i < 2; i++) {
            f.eax = ENTRY, f.edx = (uint32_t)bit;
            expect(VMI_RETURNS, call(sets[n % 2]));
            expect(i, f.eax != 0);
            expect(mask, memory[where]);
        }
        for (uint32_t i = 0; i < 2; i++) {
            f.eax = ENTRY, f.edx = (uint32_t)bit;
            expect(VMI_RETURNS, call(clears[n % 2]));
            expect(!i, f.eax != 0);
            expect(0, memory[where]);
        }
    }
}

static void entries_of_32_bits_are_written_and_read(void) {
    with_and_without_exchange(entries_of_32_bits);
}

static void entries_of_64_bits_are_written_and_read(void) {
    with_and_without_exchange(entries_of_64_bits);
}

static void bits_are_numbered_as_by_the_instruction(void) {
    with_and_without_exchange(bits_of_entries);
}

static void what_another_processor_changes_meanwhile_is_kept(void) {
    accessors.compare_exchange = exchange;
    m.others = 3;
    f.eax = ENTRY, f.edx = 1;
    expect(VMI_RETURNS, call(VMI_CALL_TestAndSetPxEBit));
    expect(0x42, memory[ENTRY]);
    m.others = 1;
    f.eax = ENTRY, f.edx = 0x1000;
    expect(VMI_RETURNS, call(VMI_CALL_SwapPxE));
    expect(2, f.eax);
    expect(0x1000, (int64_t)at(ENTRY, 4));
}

static void an_entry_that_is_not_there_changes_nothing(void) {
    static const struct {
        uint8_t slot, in;
    } calls[] = {{45, 0}, {46, 0}, {47, 0}, {48, 1}, {49, 0}, {50, 1}, {51, 0}, {52, 0},
                 {72, 0}, {73, 0}, {74, 0}, {76, 0}, {77, 0}, {86, 2}, {87, 1}};
    for (size_t n = 0; n < 2 * sizeof(calls) / sizeof(calls[0]); n++) {
        reset();
        accessors.compare_exchange = n % 2 ? exchange : NULL;
        f.eax = f.ecx = f.edx = 7;
        *(calls[n / 2].in == 0 ? &f.eax : calls[n / 2].in == 1 ? &f.ecx : &f.edx) = MEMORY - 2;
        expect_fault(calls[n / 2].slot, PF, 0);
        expect(0, (int64_t)at(MEMORY - 8, 8));
    }
}

/* --- ports --- */

static void ports_have_three_sizes(void) {
    static const uint8_t in[] = {VMI_CALL_INB, VMI_CALL_INW, VMI_CALL_IN},
                         out[] = {VMI_CALL_OUTB, VMI_CALL_OUTW, VMI_CALL_OUT};
    static const uint32_t size[] = {1, 2, 4}, mask[] = {0xFF, 0xFFFF, 0xFFFFFFFF};
    for (uint32_t n = 0; n < 3; n++) {
        reset();
        f.eax = 0x12345678, f.edx = 0xFFFF03F8;
        expect(VMI_RETURNS, call(out[n]));
        expect(0x3F8, m.port);
        expect(size[n], m.port_size);
        expect(0x12345678 & mask[n], m.port_value);
        expect_kept_but(0);
        expect(VMI_RETURNS, call(in[n]));
        expect(0x3F8, m.port);
        expect(size[n], m.port_size);
        expect((0x12345678 & ~mask[n]) | (0xCAFE0001 & mask[n]), f.eax);
        expect_kept_but(IN_EAX);
    }
    f.eax = 0x77;
    expect(VMI_RETURNS, call(VMI_CALL_IODelay));
    expect(0x80, m.port);
    expect(1, m.port_size);
}

static void strings_move_all_their_elements(void) {
    static const uint8_t in[] = {VMI_CALL_INSB, VMI_CALL_INSW, VMI_CALL_INS},
                         out[] = {VMI_CALL_OUTSB, VMI_CALL_OUTSW, VMI_CALL_OUTS};
    static const uint32_t size[] = {1, 2, 4};
    for (uint32_t n = 0; n < 6; n++) {
        uint32_t s = size[n / 2], step = n % 2 ? 0 - s : s;
        reset();
        f.eflags = n % 2 ? 0x402 : 2;
        f.edx = 0x1F0, f.ecx = 3, f.edi = ENTRY;
        expect(VMI_RETURNS, call(in[n / 2]));
        expect(0, f.ecx);
        expect(ENTRY + 3 * step, f.edi);
        expect_kept_but(IN_ECX | IN_EDI);
        for (uint32_t i = 0; i < 3; i++) {
            expect((0xCAFE0000 + i) & (s == 4 ? 0xFFFFFFFF : (1u << 8 * s) - 1),
                   (int64_t)at(ENTRY + i * step, s));
        }
        f.ecx = 3, f.esi = ENTRY;
        expect(VMI_RETURNS, call(out[n / 2]));
        expect(ENTRY + 3 * step, f.esi);
        expect(6, m.port_count);
        expect((int64_t)at(ENTRY + 2 * step, s), m.port_value);
        f.ecx = 0;
        expect(VMI_RETURNS, call(out[n / 2]));
        expect(6, m.port_count);
    }
}

static void long_strings_repeat(void) {
    accessors.string_elements = 5;
    f.ecx = 12, f.esi = ENTRY;
    expect(VMI_REPEATS, call(VMI_CALL_OUTSB));
    expect(7, f.ecx);
    expect(VMI_REPEATS, call(VMI_CALL_OUTSB));
    expect(VMI_RETURNS, call(VMI_CALL_OUTSB));
    expect(12, m.port_count);
    accessors.string_elements = 0;
    f.ecx = 5000, f.esi = ENTRY;
    expect(VMI_REPEATS, call(VMI_CALL_OUTSB));
    expect(904, f.ecx);
}

static void a_string_faults_at_the_element(void) {
    f.edx = 0x1F0, f.ecx = 3, f.edi = MEMORY - 4;
    expect(VMI_REPEATS, call(VMI_CALL_INSW));
    expect(1, f.ecx);
    expect(MEMORY, f.edi);
    expect(2, m.port_count);
    expect_fault(VMI_CALL_INSW, PF, 0); /* and the device gave nothing away */
    expect(2, m.port_count);
    f.esi = MEMORY - 1;
    expect_fault(VMI_CALL_OUTSW, PF, 0);
    expect(2, m.port_count);
}

/* --- the interrupt flag, the end, time --- */

static void the_interrupt_flag_is_the_frames(void) {
    f.eflags = 0x3ED7;
    expect(VMI_RETURNS, call(VMI_CALL_DisableInterrupts));
    expect(0x3CD7, f.eflags);
    expect(VMI_RETURNS, call(VMI_CALL_GetInterruptMask));
    expect(0, f.eax);
    expect(VMI_RETURNS, call(VMI_CALL_EnableInterrupts));
    expect(0x3ED7, f.eflags);
    expect(VMI_RETURNS, call(VMI_CALL_GetInterruptMask));
    expect(0x200, f.eax);
    expect_kept_but(IN_EAX);
    f.eax = 0xFFFFFDFF;
    expect(VMI_RETURNS, call(VMI_CALL_SetInterruptMask));
    expect(0x3CD7, f.eflags);
    f.eax = 0x200;
    expect(VMI_RETURNS, call(VMI_CALL_SetInterruptMask));
    expect(0x3ED7, f.eflags);
    f.eax = 0xFFFF1000;
    expect(VMI_RETURNS, call(VMI_CALL_SetIOPLMask));
    expect(0x1ED7, f.eflags);
}

static void halt_waits_with_the_flag_set(void) {
    expect(VMI_RETURNS, call(VMI_CALL_Halt));
    expect(1, m.halts);
    expect(0x202, f.eflags);
}

static void the_guest_ends_in_three_ways(void) {
    f.eax = 0;
    expect(VMI_STOPS, call(VMI_CALL_Reboot));
    expect(VMI_END_SOFT_RESET + 1, m.stopped);
    f.eax = 1;
    expect(VMI_STOPS, call(VMI_CALL_Reboot));
    expect(VMI_END_HARD_RESET + 1, m.stopped);
    expect(VMI_STOPS, call(VMI_CALL_Shutdown));
    expect(VMI_END_SHUTDOWN + 1, m.stopped);
}

static void there_is_no_timer_but_the_time(void) {
    expect(VMI_RETURNS, call(VMI_CALL_GetCycleFrequency));
    expect(0, f.eax | f.edx);
    for (uint32_t n = 0; n < 3; n++) {
        f.eax = n;
        expect(VMI_RETURNS, call(VMI_CALL_GetCycleCounter));
        expect(n == VMI_CYCLES_STOLEN ? 0 : 0x9ABCDEF0, f.eax);
    }
    expect(VMI_RETURNS, call(VMI_CALL_CancelAlarm));
    expect(0, f.eax);
    expect(VMI_RETURNS, call(VMI_CALL_GetWallclockTime));
    expect(0x87654321, f.eax);
    expect(0x0FEDCBA9, f.edx);
    f.eax = 1;
    expect(VMI_RETURNS, call(VMI_CALL_WallclockUpdated));
    expect(0, f.eax);
    f.eax = 1;
    expect(VMI_RETURNS, call(VMI_CALL_FlushDeferredCalls));
    expect(0, f.eax);
    accessors.wallclock = NULL;
    accessors.get_time_stamp = NULL;
    f.eax = 0;
    expect(VMI_RETURNS, call(VMI_CALL_GetCycleCounter));
    expect(0, f.eax | f.edx);
    expect(VMI_RETURNS, call(VMI_CALL_GetWallclockTime));
    expect(0, f.eax | f.edx);
}

static void the_apic_of_api_3_is_named_by_offset(void) {
    f.eax = 0x300, f.edx = 0x44;
    expect(VMI_RETURNS, call(VMI3_SLOT_APICWrite));
    expect(0x300, m.port);
    expect(0x44, m.port_value);
    expect(VMI_RETURNS, call(VMI3_SLOT_APICRead));
    expect(0x301, f.eax);
}

/* --- paging --- */

static struct vmi_paging paging;
static uint64_t beyond; /* an access behind the memory: where */

static bool read_physical(void *c, uint64_t where, void *to, uint32_t size) {
    m.from_machine &= c == context && where / 4096 == (where + size - 1) / 4096;
    beyond = where < MEMORY ? beyond : where;
    return where < MEMORY && memcpy(to, memory + where, size);
}

static bool write_physical(void *c, uint64_t where, const void *from, uint32_t size) {
    m.from_machine &= c == context && where / 4096 == (where + size - 1) / 4096;
    return where < MEMORY && memcpy(memory + where, from, size);
}

static int exchange_physical(void *c, uint64_t where, uint32_t size, uint64_t *old,
                             uint64_t value) {
    return exchange(c, (uint32_t)where, size, old, value);
}

enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80 };

/* Of 32 bits: linear 400000h + n pages at 4000h + n pages; the second read-only, the third away. */
static void page_32(void) {
    reset();
    memset(memory, 0, sizeof(memory));
    paging = (struct vmi_paging){.cr0 = 0x80010001,
                                 .cr3 = 0x1018,
                                 .read = read_physical,
                                 .write = write_physical,
                                 .raise = raise_exception};
    put(0x1004, 0x2000 | P | RW | US, 4);
    put(0x2000, 0x4000 | P | RW | US, 4);
    put(0x2004, 0x5000 | P | US, 4);
    put(0x2008, 0x6000 | RW, 4);
}

static void expect_page_fault(bool write, uint32_t linear, uint32_t error) {
    uint64_t physical;
    m.raised = 0;
    expect(false, vmi_paging_translate(&paging, context, linear, write, &physical));
    expect(1, m.raised);
    expect(PF, m.vector);
    expect(error, m.error);
    expect(linear, m.address);
}

static void without_paging_an_address_is_itself(void) {
    uint64_t physical;
    page_32();
    paging.cr0 = 1;
    expect(true, vmi_paging_translate(&paging, context, 0x12345678, true, &physical));
    expect(0x12345678, (int64_t)physical);
}

static void pages_of_4_kib_are_walked_and_marked(void) {
    uint64_t physical;
    for (uint32_t n = 0; n < 2; n++) {
        page_32();
        paging.compare_exchange = n ? exchange_physical : NULL;
        expect(true, vmi_paging_translate(&paging, context, 0x400123, false, &physical));
        expect(0x4123, (int64_t)physical);
        expect(0x2000 | P | RW | US | A, (int64_t)at(0x1004, 4));
        expect(0x4000 | P | RW | US | A, (int64_t)at(0x2000, 4));
        expect(true, vmi_paging_translate(&paging, context, 0x400123, true, &physical));
        expect(0x4000 | P | RW | US | A | D, (int64_t)at(0x2000, 4));
        expect(0, m.raised);
    }
}

static void a_walk_faults_as_the_processors(void) {
    uint64_t physical;
    page_32();
    expect_page_fault(false, 0x402000, 0);
    expect_page_fault(true, 0x402004, 2);
    expect_page_fault(false, 0x800000, 0);
    expect_page_fault(true, 0x401008, 3); /* read-only, WP */
    expect(0x5000 | P | US, (int64_t)at(0x2004, 4));
    paging.cr0 = 0x80000001;
    expect(true, vmi_paging_translate(&paging, context, 0x401008, true, &physical));
    expect(0x5008, (int64_t)physical);
    expect(0x5000 | P | US | A | D, (int64_t)at(0x2004, 4));
    paging.cr0 = 0x80010001;
    put(0x1004, 0x2000 | P, 4); /* read-only above */
    expect_page_fault(true, 0x400000, 3);
    put(0x1004, 0x200000 | P | RW, 4); /* a table that is nowhere */
    expect_page_fault(false, 0x400000, 0);
    paging.cr3 = 0x100000;
    expect_page_fault(false, 0x400000, 0);
}

static void an_entry_that_goes_meanwhile_is_a_fault(void) {
    page_32();
    paging.compare_exchange = exchange_physical;
    m.exchange_fails = 1;
    expect_page_fault(false, 0x400000, 0);
}

static void pages_of_4_mib_reach_above_4_gib(void) {
    uint64_t physical;
    page_32();
    paging.cr4 = 0x10;
    put(0x1004, 0xC0000000 | 0x5 << 13 | P | RW | PS, 4);
    expect(true, vmi_paging_translate(&paging, context, 0x612345, true, &physical));
    expect(0x5C0212345, (int64_t)physical);
    expect(A | D, (int64_t)at(0x1004, 1) & (A | D));
    paging.cr4 = 0; /* without PSE the bit means nothing */
    put(0x1004, 0x2000 | P | RW | PS, 4);
    expect(true, vmi_paging_translate(&paging, context, 0x400000, true, &physical));
    expect(0x4000, (int64_t)physical);
}

static void pae_has_pages_of_both_sizes(void) {
    uint64_t physical;
    for (uint32_t n = 0; n < 2; n++) {
        page_32();
        paging.compare_exchange = n ? exchange_physical : NULL;
        paging.cr3 = 0x1020;
        paging.cr4 = 0x20;
        put(0x1038, 0x2000 | P, 8);
        put(0x2008, 0x3000 | P | RW, 8);
        put(0x3010, 0x8000000000004000u | P | RW, 8); /* NX: no concern of data */
        put(0x2010, 0x123400000u | P | RW | PS, 8);
        expect(true, vmi_paging_translate(&paging, context, 0xC0202345, true, &physical));
        expect(0x4345, (int64_t)physical);
        expect((int64_t)(0x8000000000004000u | P | RW | A | D), (int64_t)at(0x3010, 8));
        expect(0x2000 | P, (int64_t)at(0x1038, 8));
        expect(true, vmi_paging_translate(&paging, context, 0xC0412345, false, &physical));
        expect(0x123412345, (int64_t)physical);
        put(0x2008, 0x3000 | P, 8);
        expect_page_fault(true, 0xC0202000, 3);
        expect_page_fault(false, 0x00202000, 0);
        put(0x3010, 0x0010000000004000u | P | RW, 8);
        expect_page_fault(false, 0xC0202000, 9);
    }
}

static void an_access_across_pages_is_whole_or_none(void) {
    uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8] = {0};
    page_32();
    put(0x2004, 0x8000 | P | RW, 4);
    expect(true, vmi_paging_write(&paging, context, 0x400FFD, bytes, 8));
    expect(0x030201, (int64_t)at(0x4FFD, 3));
    expect(0x0807060504, (int64_t)at(0x8000, 5));
    expect(true, vmi_paging_read(&paging, context, 0x400FFD, back, 8));
    expect(0, memcmp(bytes, back, 8));
    m.raised = 0;
    put(0x2004, 0x8000 | P, 4);
    expect(false, vmi_paging_write(&paging, context, 0x400FFD, back + 4, 4));
    expect(0x401000, m.address);
    expect(3, m.error);
    expect(0x030201, (int64_t)at(0x4FFD, 3));
    put(0x2004, 0x300000 | P | RW, 4); /* no memory there */
    expect(false, vmi_paging_write(&paging, context, 0x400FFD, back + 4, 4));
    expect(0x401000, m.address);
    expect(2, m.error);
    expect(0x030201, (int64_t)at(0x4FFD, 3));
    expect(false, vmi_paging_read(&paging, context, 0x400FFD, back, 8));
    expect(0x401000, m.address);
    expect(false, vmi_paging_read(&paging, context, 0x400000, memory, 4097 + 4095));
}

static void an_exchange_by_linear_address_is_the_physical_one(void) {
    for (uint32_t n = 0; n < 4; n++) {
        uint32_t linear = n & 2 ? 0x400FFE : 0x400008;
        uint64_t old = 5;
        page_32();
        put(0x2004, 0x5000 | P | RW, 4);
        paging.compare_exchange = n & 1 ? exchange_physical : NULL;
        expect(1, vmi_paging_compare_exchange(&paging, context, linear, 4, &old, 9));
        expect(0, (int64_t)old);
        expect(0, vmi_paging_compare_exchange(&paging, context, linear, 4, &old, 9));
        expect(9, (int64_t)at(linear - 0x400000 + 0x4000, 4));
        put(0x2000, 0, 8);
        expect(VMI_ERROR_FAULT, vmi_paging_compare_exchange(&paging, context, linear, 4, &old, 9));
    }
}

static void paging_without_callbacks_faults(void) {
    uint8_t byte;
    page_32();
    paging = (struct vmi_paging){.cr0 = 0x80000001, .raise = raise_exception};
    expect_page_fault(false, 0x400000, 0);
    paging.cr0 = 0;
    expect(false, vmi_paging_read(&paging, context, 0, &byte, 1));
    expect(false, vmi_paging_write(&paging, context, 0, &byte, 1));
    paging.raise = NULL;
    expect(false, vmi_paging_read(&paging, context, 0, &byte, 1));
}

int main(void) {
    each_test_starts_with(reset);
    RUN(every_call_that_may_trap_has_a_default_and_no_other);
    RUN(a_handler_of_ones_own_stays);
    RUN(a_call_without_its_accessor_has_no_handler);
    RUN(hints_change_nothing);
    RUN(cpuid_gives_four_registers);
    RUN(msrs_and_counters_are_pairs_or_gp);
    RUN(control_registers_are_got_and_set);
    RUN(cr0_is_checked_as_by_the_processor);
    RUN(a_register_that_is_refused_is_gp);
    RUN(the_tlb_is_flushed_where_the_processor_does);
    RUN(debug_registers_have_aliases_and_guards);
    RUN(table_registers_are_six_bytes);
    RUN(the_task_register_is_loaded_and_marked);
    RUN(a_tss_that_cannot_be_marked_is_not_loaded);
    RUN(the_ldt_is_loaded_or_none);
    RUN(a_descriptor_is_written_whole);
    RUN(iret_returns_within_its_ring);
    RUN(iret_leaves_for_ring_3);
    RUN(iret_to_a_16_bit_stack_loads_sp);
    RUN(iret_enters_v86_mode);
    RUN(iret_faults_where_the_guest_has_its_fix_up);
    RUN(iret_within_ring_0_faults_in_the_rom);
    RUN(a_task_return_is_a_fault);
    RUN(sysexit_goes_to_ring_3_with_interrupts);
    RUN(entries_of_32_bits_are_written_and_read);
    RUN(entries_of_64_bits_are_written_and_read);
    RUN(bits_are_numbered_as_by_the_instruction);
    RUN(what_another_processor_changes_meanwhile_is_kept);
    RUN(an_entry_that_is_not_there_changes_nothing);
    RUN(ports_have_three_sizes);
    RUN(strings_move_all_their_elements);
    RUN(long_strings_repeat);
    RUN(a_string_faults_at_the_element);
    RUN(the_interrupt_flag_is_the_frames);
    RUN(halt_waits_with_the_flag_set);
    RUN(the_guest_ends_in_three_ways);
    RUN(there_is_no_timer_but_the_time);
    RUN(the_apic_of_api_3_is_named_by_offset);
    RUN(without_paging_an_address_is_itself);
    RUN(pages_of_4_kib_are_walked_and_marked);
    RUN(a_walk_faults_as_the_processors);
    RUN(an_entry_that_goes_meanwhile_is_a_fault);
    RUN(pages_of_4_mib_reach_above_4_gib);
    RUN(pae_has_pages_of_both_sizes);
    RUN(an_access_across_pages_is_whole_or_none);
    RUN(an_exchange_by_linear_address_is_the_physical_one);
    RUN(paging_without_callbacks_faults);
    return results_end();
}
