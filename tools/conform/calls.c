/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

static uint32_t instructions;
static unsigned api = API_13;
static enum expect_reloc policy;
static bool abi_alone;
static uint32_t hypervisor_from; /* the first address of its area; 0: it has none */

void choose_api(unsigned major, enum expect_reloc last) {
    api = major;
    policy = last;
}

unsigned chosen_api(void) {
    return api;
}

bool choose_policy(const char *name) {
    static const char *const names[] = {
        [RELOC_ALWAYS] = "minimal",
        [RELOC_LEAN] = "lean",
        [RELOC_FULL] = "full",
        [RELOC_NAMED] = "all",
    };
    for (enum expect_reloc i = RELOC_ALWAYS; i <= RELOC_NAMED; i++) {
        if (strcmp(names[i], name) == 0) {
            choose_api(API_3, i);
            return true;
        }
    }
    return false;
}

void judge_by_abi(uint32_t hypervisor_area) {
    abi_alone = true;
    hypervisor_from = hypervisor_area;
}

bool is_hypervisors(uint32_t address) {
    return hypervisor_from && address >= hypervisor_from;
}

static bool is_answered(const struct expect *e) {
    return e->call3 >= 0 && e->reloc <= policy &&
           !(e->reloc == RELOC_NAMED && policy == RELOC_HOST);
}

/* The call of API 3.0 with this number, NULL: none. */
const struct expect *call_of_api_3(uint32_t number) {
    for (size_t i = 0; i < sizeof(expect_calls_3) / sizeof(expect_calls_3[0]); i++) {
        if (expect_calls_3[i].call3 >= 0 && (uint32_t)expect_calls_3[i].call3 == number) {
            return &expect_calls_3[i];
        }
    }
    return NULL;
}

uint32_t entry_of(unsigned slot) {
    return api == API_3 && slot == VMI_CALL_GetRelocationInfo
               ? offsetof(struct vmi_rom_header_3, get_reloc)
               : slot * 32;
}

uint32_t last_instructions(void) {
    return instructions;
}

uint32_t random32(struct test *t) {
    t->rng ^= t->rng << 13;
    t->rng ^= t->rng >> 7;
    t->rng ^= t->rng << 17;
    return (uint32_t)(t->rng >> 16);
}

static void say(struct test *t, const char *format, va_list args) {
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    if (t->by_abi) {
        snprintf(t->why, WHY_SIZE, "%s (run at %08Xh)", text, t->base);
    } else {
        snprintf(t->why, WHY_SIZE, "%s (%u) at %08x, round %u: %s", t->e->name, t->e->number,
                 t->base, t->round, text);
    }
    t->failed = true;
}

bool fail(struct test *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(t, format, args);
    va_end(args);
    return false;
}

bool cannot_judge(struct test *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(t, format, args);
    va_end(args);
    t->unjudged = true;
    return false;
}

static bool lost(struct test *t) {
    static const char *const does[] = {"goes on", "reads", "writes"};
    uint32_t at = t->m->lost_at, offset = at - t->base;
    if (is_hypervisors(at)) {
        return cannot_judge(t, "%s at %08Xh, which is its hypervisor's", does[t->m->lost_by], at);
    }
    if (t->m->lost_by == LOST_WRITING && offset < t->m->image_size) {
        return fail(t, "writes to the image, at %Xh of it", offset);
    }
    if (t->m->lost_by == LOST_RUNNING) {
        return fail(t, "goes on at %08Xh, outside the image and not where it was called", at);
    }
    if (t->e->number == VMI_CALL_Init) {
        return cannot_judge(t, "%s at %08Xh, which no one knows", does[t->m->lost_by], at);
    }
    return fail(t, "%s at %08Xh, which is no memory of the call's", does[t->m->lost_by], at);
}

bool stopped(struct test *t, enum stop stop) {
    uint32_t offset = t->m->at - t->base;
    if (!t->by_abi) {
        return fail(t, "did not return (stop %d, exception %u, at %08x, EIP %08x)", (int)stop,
                    t->m->exception, t->m->lost_at, t->got.eip);
    }
    switch (stop) {
    case STOP_TRAPPED:
        return cannot_judge(
            t, "traps at %Xh of the image: only its hypervisor knows what comes of it", offset);
    case STOP_LOST:
        return lost(t);
    case STOP_TOO_LONG:
        return cannot_judge(t, "has not returned after thousands of instructions, at %Xh", offset);
    case STOP_HALTED:
        return fail(t, "halts, at %Xh of the image", offset);
    case STOP_EXCEPTION:
        return fail(t, "raises exception %u, at %Xh of the image", t->m->exception, offset);
    default:
        return fail(t, "does not return");
    }
}

/* A dword-aligned place for data, never the same twice in a row; `align` is a power of two. */
uint32_t random_data(struct test *t, uint32_t align) {
    return DATA_BASE + (random32(t) % (DATA_SIZE - 0x100) & ~(align - 1));
}

/* Everything that the call must leave alone is set by now; from here on `want` says what it does.
 */
void begin(struct test *t) {
    t->want = t->have;
    t->want.gpr[ESP] = t->have.gpr[ESP] + 4;
    t->want.eip = RETURN_SITE;
}

void want_eax(struct test *t, uint32_t value) {
    t->want.gpr[EAX] = value;
}

void want_pair(struct test *t, uint32_t low, uint32_t high) {
    t->want.gpr[EAX] = low;
    t->want.gpr[EDX] = high;
}

static void want_store(struct test *t, uint32_t address, uint32_t value) {
    t->check_stores = true;
    t->stores[t->n_stores++] = (struct store){address, 4, value};
    world_store(&t->want, address, value);
}

static void want_port(struct test *t, bool out, uint16_t port, uint8_t size, uint32_t value) {
    t->ports[t->n_ports++] =
        (struct port_access){.out = out, .size = size, .port = port, .value = value};
}

static uint8_t kind_of(const struct test *t) {
    return t->m->publication ? t->m->publication->kind[t->e->number] : VMI_SLOT_NATIVE;
}

#define DR6_BS 0x4000u

/* Single-steps the call: what it makes of the flags shows in TF, too. */
static void trace(struct test *t) {
    if (kind_of(t) != VMI_SLOT_NATIVE || t->m->entries) {
        return;
    }
    t->have.eflags |= EFLAGS_TF;
    t->have.dr[6] |= DR6_BS;
    t->m->single_step = true;
}

/* --- calls, in the table's order
 * --------------------------------------------------------------------------------- */

/* A call that does nothing at all; small numbers in EAX too, so that it is not mistaken for one
 * that takes a number. */
void nothing(struct test *t) {
    if (t->round & 1) {
        t->have.gpr[EAX] = t->round / 2 % (VMI_CALL_LAST + 3);
    }
    begin(t);
}

/* Small numbers in EAX too: a call that takes a number must not be mistaken for one that takes
 * none. */
static void returns_zero(struct test *t) {
    if (t->round & 1) {
        t->have.gpr[EAX] = t->round / 2 % (VMI_CALL_LAST + 3);
    }
    begin(t);
    want_eax(t, 0);
}

static void returns_zero_pair(struct test *t) {
    if (t->round & 1) {
        t->have.gpr[EAX] = t->round / 2 % (VMI_CALL_LAST + 3);
    }
    begin(t);
    want_pair(t, 0, 0);
}

static void cpuid(struct test *t) {
    static const uint8_t code[] = {0x0F, 0xA2};
    static const uint32_t leaves[] = {0, 1, 2, 0x80000000, 0x80000001, 4};
    uint32_t result[4];
    t->have.gpr[EAX] = leaves[t->round % 6];
    t->have.gpr[ECX] = t->round & 3;
    machine_probe(t->m, code, sizeof(code), t->have.gpr[EAX], t->have.gpr[ECX], result);
    begin(t);
    t->want.gpr[EAX] = result[0];
    t->want.gpr[EBX] = result[1];
    t->want.gpr[ECX] = result[2];
    t->want.gpr[EDX] = result[3];
}

static void wrmsr(struct test *t) {
    t->have.gpr[ECX] = 0x277;
    begin(t);
    t->want.msr_pat = t->have.gpr[EAX] | (uint64_t)t->have.gpr[EDX] << 32;
}

static void rdmsr(struct test *t) {
    t->have.gpr[ECX] = 0x277;
    t->have.msr_pat = random32(t) | (uint64_t)random32(t) << 32;
    begin(t);
    want_pair(t, (uint32_t)t->have.msr_pat, (uint32_t)(t->have.msr_pat >> 32));
}

static void set_table(struct test *t, bool gdt) {
    uint32_t dtr = random_data(t, 1), base = random32(t);
    uint16_t limit = (uint16_t)random32(t);
    world_store(&t->have, dtr, limit | base << 16);
    t->have.ram[dtr + 4 - RAM_BASE] = (uint8_t)(base >> 16);
    t->have.ram[dtr + 5 - RAM_BASE] = (uint8_t)(base >> 24);
    t->have.gpr[EAX] = dtr;
    begin(t);
    *(gdt ? &t->want.gdtr : &t->want.idtr) = (struct table_register){base, limit};
}

static void set_gdt(struct test *t) {
    set_table(t, true);
}

static void set_idt(struct test *t) {
    set_table(t, false);
}

static void get_table(struct test *t, bool gdt) {
    uint32_t buffer = random_data(t, 1);
    if (!gdt) {
        t->have.idtr = (struct table_register){random32(t), (uint16_t)random32(t)};
    }
    struct table_register table = gdt ? t->have.gdtr : t->have.idtr;
    t->have.gpr[EAX] = buffer;
    begin(t);
    uint8_t *p = t->want.ram + (buffer - RAM_BASE);
    p[0] = (uint8_t)table.limit;
    p[1] = (uint8_t)(table.limit >> 8);
    for (int i = 0; i < 4; i++) {
        p[2 + i] = (uint8_t)(table.base >> 8 * i);
    }
}

static void get_gdt(struct test *t) {
    get_table(t, true);
}

static void get_idt(struct test *t) {
    get_table(t, false);
}

static void set_ldt(struct test *t) {
    uint16_t selector = t->round & 1 ? SEL_LDT : 0;
    t->have.ldtr = t->round & 1 ? 0 : SEL_LDT;
    t->have.gpr[EAX] = selector | random32(t) << 16;
    begin(t);
    t->want.ldtr = selector;
}

static void get_ldt(struct test *t) {
    t->have.ldtr = t->round & 1 ? SEL_LDT : 0;
    begin(t);
    want_eax(t, t->have.ldtr);
}

static void set_tr(struct test *t) {
    t->have.gpr[EAX] = SEL_TSS | random32(t) << 16;
    begin(t);
    t->want.tr = SEL_TSS;
    t->want.ram[GDT_BASE + SEL_TSS + 5 - RAM_BASE] |= 2; /* busy */
}

static void get_tr(struct test *t) {
    t->have.tr = t->round & 1 ? SEL_TSS : 0;
    begin(t);
    want_eax(t, t->have.tr);
}

static void write_entry(struct test *t) {
    uint32_t table = random_data(t, 8), index = random32(t) % 16;
    uint32_t low = random32(t);
    t->have.gpr[EAX] = table;
    t->have.gpr[EDX] = index;
    t->have.gpr[ECX] = low;
    begin(t);
    want_store(t, table + index * 8, low);
    want_store(t, table + index * 8 + 4, t->stack[0]);
}

static void set_cr0(struct test *t) {
    static const uint32_t bits = 0x0005002E; /* AM WP NE TS EM MP */
    t->have.cr0 = 0x11 | (random32(t) & bits);
    t->have.gpr[EAX] = 0x11 | (random32(t) & bits);
    begin(t);
    t->want.cr0 = t->have.gpr[EAX];
}

static void set_cr2(struct test *t) {
    begin(t);
    t->want.cr2 = t->have.gpr[EAX];
}

static void set_cr3(struct test *t) {
    t->have.gpr[EAX] &= 0xFFFFF018;
    begin(t);
    t->want.cr3 = t->have.gpr[EAX];
}

#define CR4_BITS 0x9Cu /* PGE PSE DE TSD */
#define CR4_PSE  0x10u
#define CR4_PAE  0x20u
#define CR4_PGE  0x80u

static void set_cr4(struct test *t) {
    t->have.gpr[EAX] = random32(t) & CR4_BITS;
    begin(t);
    t->want.cr4 = t->have.gpr[EAX];
}

static void get_cr0(struct test *t) {
    t->have.cr0 = 0x11 | (random32(t) & 0x0005002E);
    begin(t);
    want_eax(t, t->have.cr0);
}

static void get_cr2(struct test *t) {
    begin(t);
    want_eax(t, t->have.cr2);
}

static void get_cr3(struct test *t) {
    begin(t);
    want_eax(t, t->have.cr3);
}

static void get_cr4(struct test *t) {
    begin(t);
    want_eax(t, t->have.cr4);
}

/* The bits of DR6 and DR7 that software can change; the others read as fixed. */
static uint32_t dr_value(unsigned n, uint32_t value) {
    if (n == 6) {
        return (value & 0x0000E00F) | 0xFFFF0FF0;
    }
    if (n == 7) {
        return (value & 0xFFFF2B00) | 0x400;
    }
    return value;
}

/* 8 and 9 stand for numbers beyond. */
static unsigned put_dr(struct test *t, unsigned n) {
    static const uint32_t beyond[] = {8, 16, 32, 64, 127, 0x100, 0x80000000, 0xFFFFFFFF};
    t->have.gpr[EAX] = n < 8 ? n : beyond[random32(t) % 8];
    t->have.cr4 &= ~8u; /* CR4.DE clear: 4 and 5 stand for 6 and 7 */
    for (unsigned i = 0; i < 8; i++) {
        t->have.dr[i] = dr_value(i, random32(t) & 0xFFFFFF00);
    }
    if (n == 4 || n == 5) {
        n += 2;
    }
    return n;
}

void set_debug_register(struct test *t, unsigned n) {
    n = put_dr(t, n);
    t->have.gpr[EDX] &= n == 7 ? 0xFFFFFF00u : 0xFFFFFFFFu; /* no watchpoint is turned on */
    t->have.gpr[EDX] = dr_value(n, t->have.gpr[EDX]); /* reserved bits as processors want them */
    begin(t);
    if (n < 8) {
        t->want.dr[n] = dr_value(n, t->have.gpr[EDX]);
    }
}

void get_debug_register(struct test *t, unsigned n) {
    n = put_dr(t, n);
    begin(t);
    want_eax(t, n < 8 ? t->have.dr[n] : 0);
}

static void set_dr(struct test *t) {
    set_debug_register(t, t->round % 10);
}

static void get_dr(struct test *t) {
    get_debug_register(t, t->round % 10);
}

static void rdpmc(struct test *t) {
    t->have.cr4 |= 0x100;
    t->have.cr4 &= CR4_BITS;
    t->m->rdpmc_value = random32(t) | (uint64_t)random32(t) << 32;
    begin(t);
    uint64_t value = t->m->rdpmc_value ^ t->have.gpr[ECX];
    want_pair(t, (uint32_t)value, (uint32_t)(value >> 32));
}

static uint64_t read_tsc(struct test *t) {
    static const uint8_t code[] = {0x0F, 0x31};
    uint32_t r[4];
    machine_probe(t->m, code, sizeof(code), 0, 0, r);
    return r[0] | (uint64_t)r[3] << 32;
}

static bool tsc_is_in_between(struct test *t) {
    uint64_t first = t->note[0] | (uint64_t)t->note[1] << 32;
    uint64_t seen = t->got.gpr[EAX] | (uint64_t)t->got.gpr[EDX] << 32;
    uint64_t last = read_tsc(t);
    if (seen < first || seen > last) {
        return fail(t, "the counter gave %llx, not from %llx to %llx", (unsigned long long)seen,
                    (unsigned long long)first, (unsigned long long)last);
    }
    return true;
}

static void rdtsc(struct test *t) {
    uint64_t now = read_tsc(t);
    t->note[0] = (uint32_t)now;
    t->note[1] = (uint32_t)(now >> 32);
    t->have.cr4 &= ~4u;
    begin(t);
    t->ignore = EXPECT_EAX | EXPECT_EDX;
    t->finish = tsc_is_in_between;
}

static void clts(struct test *t) {
    t->have.cr0 = 0x19 | (random32(t) & 0x00050026);
    begin(t);
    t->want.cr0 &= ~8u;
}

static void enable_interrupts(struct test *t) {
    begin(t);
    t->want.eflags |= EFLAGS_IF;
}

static void disable_interrupts(struct test *t) {
    begin(t);
    t->want.eflags &= ~EFLAGS_IF;
}

static void get_interrupt_mask(struct test *t) {
    if (t->round & 1) {
        trace(t);
    }
    begin(t);
    want_eax(t, t->have.eflags & EFLAGS_IF);
}

static void set_interrupt_mask(struct test *t) {
    static const uint32_t masks[] = {0, 0x200, 0xFFFFFDFF, 0xFFFFFFFF};
    if (t->round < 8) {
        t->have.gpr[EAX] = masks[t->round & 3];
    }
    if (t->round & 1) {
        trace(t);
    }
    begin(t);
    t->want.eflags = (t->have.eflags & ~EFLAGS_IF) | (t->have.gpr[EAX] & EFLAGS_IF);
}

static void push(struct world *w, uint32_t value) {
    w->gpr[ESP] -= 4;
    world_store(w, w->gpr[ESP], value);
}

static void put_descriptor(struct world *w, uint32_t at, uint32_t base, uint32_t limit,
                           uint8_t access, uint8_t flags) {
    uint64_t d = machine_descriptor(base, limit, access, flags);
    world_store(w, at, (uint32_t)d);
    world_store(w, at + 4, (uint32_t)(d >> 32));
}

#define V86_CS ((LANDING >> 4) - 0x100)
#define V86_IP 0x1000u
#define V86_SS (USER_STACK_TOP >> 4 & 0xF000)

/* Segments of V86 mode that are good selectors, too, with EIP beyond the limit. */
static void v86_selectors(struct world *w) {
    put_descriptor(w, GDT_BASE + V86_CS, 0, V86_IP - 1, 0xFB, 0x4);
    put_descriptor(w, GDT_BASE + V86_SS, 0, 0xFFFFF, 0xF3, 0xC);
    w->gdtr.limit = V86_CS + 7;
}

/* A GDT of 64 KiB, which all RAM is then: room for every selector. */
static void put_code(struct world *w, uint16_t selector) {
    put_descriptor(w, selector & 4 ? DATA_BASE + (selector & 0xF8) : GDT_BASE + (selector & ~7u), 0,
                   0xFFFFF, 0x9B, 0xC);
    w->gdtr.limit = 0xFFFF;
}

/* Selectors of the kernel's that differ in every bit, the last in the LDT. */
static const uint16_t kernel_code[] = {SEL_CODE, 0x98,   0x60,   0x80,   0x100,  0x400,
                                       0x800,    0x1000, 0x2800, 0x8400, 0xE000, 0x14};
#define KERNEL_CODES (sizeof(kernel_code) / sizeof(kernel_code[0]))

/* What image.md promises of a return: no more than so many instructions. */
static bool is_quick(struct test *t) {
    uint32_t seen = t->m->instructions;
    if (!t->note[0] || kind_of(t) != VMI_SLOT_NATIVE || t->m->entries) {
        return true;
    }
    return seen == t->note[0] || fail(t, "%u instructions, not %u", seen, t->note[0]);
}

#define TO_USER   22
#define TO_OTHERS 35 /* with an SS that most processes do not have */
#define TO_RING_1 28
#define TO_KERNEL 11

/* Any multiple of 4 is a stack pointer. */
static uint32_t stack_top(struct test *t) {
    return STACK_TOP + 0x20 - 4 * (random32(t) % 16);
}

/* To ring 0, to ring 3, to ring 3 through a 16-bit stack, to V86. The target is the landing page.
 */
void right_iret(struct test *t) {
    struct world *have = &t->have;
    unsigned kind = t->round % 4;
    uint32_t flags =
        (random32(t) & (EFLAGS_ARITH | EFLAGS_IF | EFLAGS_AC | EFLAGS_ID | EFLAGS_IOPL)) | 2;
    have->eflags &= ~(EFLAGS_DF | 0x4000u);
    have->seg[FS] = SEL_UDATA; /* ring 3 may keep these */
    have->seg[GS] = SEL_UDATA;
    have->seg[DS] = have->seg[ES] = kind == 1 ? SEL_UDATA : SEL_NOWHERE | 3;
    if (kind == 0) {
        have->seg[DS] = have->seg[ES] = t->round & 4 ? 0 : SEL_NOWHERE | 3;
    }
    have->gpr[ESP] = stack_top(t);
    uint16_t rpl = t->round / 4 % 4; /* V86 mode knows none */
    uint16_t kernel_cs = kernel_code[t->round / 4 % KERNEL_CODES];
    if (kind == 0) {
        put_code(have, kernel_cs);
        have->ldtr = SEL_LDT;
    }
    uint16_t v86_cs = V86_CS + rpl;
    uint32_t v86[4] = {random32(t) & 0xFFFF, random32(t) & 0xFFFF, random32(t) & 0xFFFF,
                       random32(t) & 0xFFFF};
    if (kind == 3) {
        for (int i = 3; i >= 0; i--) {
            push(have, v86[i]); /* GS FS DS ES from the top */
        }
    }
    if (kind == 3 && t->round & 16) {
        v86_selectors(have);
    }
    if (kind != 0) {
        push(have, kind == 3 ? V86_SS + rpl : SEL_UDATA);
        push(have, kind == 3 ? 0x0F00 : USER_STACK_TOP);
    }
    uint32_t user_ss = kind ? world_load(have, have->gpr[ESP] + 4) : 0;
    uint32_t user_esp = kind ? world_load(have, have->gpr[ESP]) : 0;
    push(have, kind == 3 ? flags | EFLAGS_VM : flags);
    push(have, kind == 0 ? kernel_cs : kind == 3 ? v86_cs : SEL_UCODE);
    push(have, kind == 3 ? V86_IP : LANDING);
    if (!t->jumped) {
        push(have, RETURN_SITE + 0x800); /* the call's return address: never used */
    }
    uint32_t frame = have->gpr[ESP];
    if (kind == 2) {
        have->seg[SS] = SEL_STACK16;
        have->gpr[ESP] =
            frame | 0xABCD0000; /* garbage in the half that a 16-bit stack does not use */
    }
    begin(t);
    t->want.eip = kind == 3 ? V86_IP : LANDING;
    t->want.eflags = kind == 3 ? flags | EFLAGS_VM : flags;
    t->want.gpr[ESP] = kind == 0 ? frame + (t->jumped ? 12 : 16) : user_esp;
    t->finish = t->by_abi ? NULL : is_quick;
    t->note[0] = kind == 0 ? TO_KERNEL : kind == 1 ? TO_USER : 0;
    if (kind == 0) {
        t->want.seg[CS] = kernel_cs;
    }
    if (kind == 1 || kind == 2) {
        t->want.seg[CS] = SEL_UCODE;
        t->want.seg[SS] = SEL_UDATA;
    }
    if (kind == 3) {
        t->want.seg[CS] = v86_cs;
        t->want.seg[SS] = (uint16_t)user_ss;
        static const int order[4] = {ES, DS, FS, GS};
        for (int i = 0; i < 4; i++) {
            t->want.seg[order[i]] = (uint16_t)v86[i];
        }
    }
}

/*
 * Returns to user mode that the processor refuses, and odd ones that it takes. SPARE and LDT are
 * selectors of `first`, SPARE2 of `second`, FAR of `far`, FAR2 of `second`; a vector of 0: the
 * return is taken.
 */
#define SPARE   (SEL_SPARE | 3)
#define SPARE2  ((SEL_SPARE + 8) | 3)
#define FAR     (SEL_FAR | 3)
#define FAR2    ((SEL_FAR + 8) | 3)
#define IN_LDT  7u
#define NO_SUCH 0x83u /* the table ends before */
#define LIMITED(a)                                                                                 \
    { LANDING, a, 0x4 }
#define FLAT(a)                                                                                    \
    { 0xFFFFF, a, 0xC }
#define ROW(text, c, s, v, e, ...)                                                                 \
    { .what = text, .cs = (c), .ss = (s), .vector = (v), .error = (e), __VA_ARGS__ }

static const struct return_case {
    const char *what;
    uint16_t cs, ss;
    uint8_t vector;
    uint16_t error;
    struct {
        uint32_t limit;
        uint8_t access, flags;
    } first, second, far;
    uint32_t eip; /* 0: LANDING */
    bool ldt;     /* there is one, with `first` at IN_LDT */
    bool nt;      /* set in EFLAGS at the call */
} return_cases[] = {
    ROW("null CS", 3, SEL_UDATA, 13, 0),
    ROW("null CS with RPL 1", 1, SEL_UDATA, 13, 0),
    ROW("null CS with RPL 2", 2, SEL_UDATA, 13, 0),
    ROW("CS far beyond the GDT", 0xFFFB, SEL_UDATA, 13, 0xFFF8),
    ROW("CS beyond the GDT", NO_SUCH, SEL_UDATA, 13, 0x80),
    ROW("CS of an empty entry", 0x7B, SEL_UDATA, 13, 0x78),
    ROW("CS of ring 0", SEL_CODE | 3, SEL_UDATA, 13, SEL_CODE),
    ROW("CS of ring 2", SPARE, SEL_UDATA, 13, SEL_SPARE, .first = FLAT(0xDB)),
    ROW("data in CS", SEL_UDATA, SEL_UDATA, 13, SEL_UDATA & ~3),
    ROW("data of ring 0 in CS", SEL_DATA | 3, SEL_UDATA, 13, SEL_DATA),
    ROW("a TSS in CS", SEL_TSS | 3, SEL_UDATA, 13, SEL_TSS),
    ROW("null CS, a busy TSS in SS", 3, SEL_SPARE, 13, 0, .first = FLAT(0x8B)),
    ROW("null CS, conforming code in SS", 3, SPARE, 13, 0, .first = FLAT(0xBF)),
    ROW("a call gate in CS", SPARE, SEL_UDATA, 13, SEL_SPARE, .first = FLAT(0xEC)),
    ROW("code not present", SPARE, SEL_UDATA, 11, SEL_SPARE, .first = FLAT(0x7B)),
    ROW("conforming code not present", SPARE, SEL_UDATA, 11, SEL_SPARE, .first = FLAT(0x1F)),
    ROW("code of ring 0 not present", SPARE, SEL_UDATA, 13, SEL_SPARE, .first = FLAT(0x1B)),
    ROW("data not present in CS", SPARE, SEL_UDATA, 13, SEL_SPARE, .first = FLAT(0x73)),
    ROW("a call gate not present in CS", SPARE, SEL_UDATA, 13, SEL_SPARE, .first = FLAT(0x6C)),
    ROW("CS in no LDT", IN_LDT, SEL_UDATA, 13, 4),
    ROW("CS beyond the LDT", 0x107, SEL_UDATA, 13, 0x104, .ldt = true),
    ROW("code of the LDT not present", IN_LDT, SEL_UDATA, 11, 4, .first = FLAT(0x7B), .ldt = true),
    ROW("null SS", SEL_UCODE, 3, 13, 0),
    ROW("null SS with another RPL", SEL_UCODE, 0, 13, 0),
    ROW("SS beyond the GDT", SEL_UCODE, NO_SUCH, 13, 0x80),
    ROW("SS of an empty entry", SEL_UCODE, 0x7B, 13, 0x78),
    ROW("SS of ring 0", SEL_UCODE, SEL_DATA | 3, 13, SEL_DATA),
    ROW("SS of ring 0 with its RPL", SEL_UCODE, SEL_DATA, 13, SEL_DATA),
    ROW("SS with RPL 0", SEL_UCODE, SEL_UDATA & ~3, 13, SEL_UDATA & ~3),
    ROW("SS with RPL 1", SEL_UCODE, (SEL_UDATA & ~3) | 1, 13, SEL_UDATA & ~3),
    ROW("SS with RPL 2", SEL_UCODE, (SEL_UDATA & ~3) | 2, 13, SEL_UDATA & ~3),
    ROW("code in SS", SEL_UCODE, SEL_UCODE, 13, SEL_UCODE & ~3),
    ROW("read-only data in SS", SEL_UCODE, SPARE, 13, SEL_SPARE, .first = FLAT(0xF1)),
    ROW("a TSS in SS", SEL_UCODE, SPARE, 13, SEL_SPARE, .first = FLAT(0xEB)),
    ROW("data not present", SEL_UCODE, SPARE, 12, SEL_SPARE, .first = FLAT(0x73)),
    ROW("data not present, growing down", SEL_UCODE, SPARE, 12, SEL_SPARE, .first = FLAT(0x76)),
    ROW("read-only data not present", SEL_UCODE, SPARE, 13, SEL_SPARE, .first = FLAT(0x71)),
    ROW("code not present in SS", SEL_UCODE, SPARE, 13, SEL_SPARE, .first = FLAT(0x7B)),
    ROW("a TSS not present in SS", SEL_UCODE, SPARE, 13, SEL_SPARE, .first = FLAT(0x63)),
    ROW("data of ring 0 not present", SEL_UCODE, SPARE, 13, SEL_SPARE, .first = FLAT(0x13)),
    ROW("data not present with RPL 0", SEL_UCODE, SEL_SPARE, 13, SEL_SPARE, .first = FLAT(0x73)),
    ROW("SS in no LDT", SEL_UCODE, IN_LDT, 13, 4),
    ROW("data of the LDT not present", SEL_UCODE, IN_LDT, 12, 4, .first = FLAT(0x73), .ldt = true),
    ROW("EIP just beyond", SPARE, SEL_UDATA, 13, 0, .first = LIMITED(0xFB), .eip = LANDING + 1),
    ROW("EIP far beyond", SPARE, SEL_UDATA, 13, 0, .first = LIMITED(0xFB), .eip = 0xFFFFFFFF),
    ROW("EIP beyond 1 MiB", SPARE, SEL_UDATA, 13, 0, .first = {0xFFFFF, 0xFB, 0x4},
        .eip = 0x100000),
    ROW("EIP beyond 1 MiB, SS behind CS", SPARE, SPARE2, 13, 0, .first = {0xFFFFF, 0xFB, 0x4},
        .second = FLAT(0xF3), .eip = 0x100000),
    ROW("code in SS behind CS", SPARE, SPARE2, 13, SEL_SPARE + 8, .first = FLAT(0xFB),
        .second = FLAT(0xFB)),
    ROW("read-only data behind CS", SPARE, SPARE2, 13, SEL_SPARE + 8, .first = FLAT(0xFB),
        .second = FLAT(0xF1)),
    ROW("data of ring 2 behind CS", SPARE, SPARE2, 13, SEL_SPARE + 8, .first = FLAT(0xFB),
        .second = FLAT(0xD3)),
    ROW("data not present behind CS", SPARE, SPARE2, 12, SEL_SPARE + 8, .first = FLAT(0xFB),
        .second = FLAT(0x73)),
    ROW("nothing behind CS", SPARE, SPARE2, 13, SEL_SPARE + 8, .first = FLAT(0xFB)),
    ROW("code not present, SS behind it", SPARE, SPARE2, 11, SEL_SPARE, .first = FLAT(0x7B),
        .second = FLAT(0xF3)),
    ROW("EIP beyond pages", SPARE, SEL_UDATA, 13, 0, .first = {LANDING >> 12, 0xFB, 0xC},
        .eip = 0x31000),
    ROW("CS and SS", SEL_UDATA, 0, 13, SEL_UDATA & ~3),
    ROW("SS and EIP", SPARE, SEL_CODE, 13, SEL_CODE, .first = LIMITED(0xFB), .eip = LANDING + 1),
    ROW("NT", SEL_UCODE, SEL_UDATA, 10, 0, .nt = true),
    ROW("NT and CS", 3, SEL_UDATA, 10, 0, .nt = true),
    ROW("NT and SS", SEL_UCODE, 3, 10, 0, .nt = true),
    ROW("EIP at the limit", SPARE, SEL_UDATA, 0, 0, .first = LIMITED(0xFB)),
    ROW("EIP in the last page", SPARE, SEL_UDATA, 0, 0, .first = {LANDING >> 12, 0xFB, 0xC}),
    ROW("SS behind CS", SPARE, SPARE2, 0, 0, .first = FLAT(0xFB), .second = FLAT(0xF3)),
    ROW("SS behind CS, both far", FAR, FAR2, 0, 0, .far = FLAT(0xFB), .second = FLAT(0xF3)),
    ROW("SS far from CS", SPARE, FAR, 0, 0, .first = FLAT(0xFB), .far = FLAT(0xF3)),
    ROW("SS far in front of CS", FAR, SPARE, 0, 0, .first = FLAT(0xF3), .far = FLAT(0xFB)),
    ROW("execute-only code", SPARE, SEL_UDATA, 0, 0, .first = FLAT(0xF9)),
    ROW("conforming code of ring 0", SPARE, SEL_UDATA, 0, 0, .first = FLAT(0x9F)),
    ROW("conforming code of ring 3", SPARE, SEL_UDATA, 0, 0, .first = FLAT(0xFD)),
    ROW("16-bit code", SPARE, SEL_UDATA, 0, 0, .first = {0xFFFFF, 0xFB, 0x8}),
    ROW("a stack of 16 bits", SEL_UCODE, SPARE, 0, 0, .first = {0xFFFF, 0xF3, 0}),
    ROW("a stack growing down", SEL_UCODE, SPARE, 0, 0, .first = {0, 0xF7, 0xC}),
    ROW("a stack growing down, far behind CS", SPARE, FAR, 0, 0, .first = FLAT(0xFB),
        .far = {0, 0xF7, 0xC}),
    ROW("a stack growing down, far in front of CS", FAR, SPARE, 0, 0, .first = {0, 0xF7, 0xC},
        .far = FLAT(0xFB)),
    ROW("code of the LDT", IN_LDT, SEL_UDATA, 0, 0, .first = FLAT(0xFB), .ldt = true),
    ROW("a stack of the LDT", SEL_UCODE, IN_LDT, 0, 0, .first = FLAT(0xF3), .ldt = true),
    ROW("ring 1", SEL_SPARE | 1, (SEL_SPARE + 8) | 1, 0, 0, .first = FLAT(0xBB),
        .second = FLAT(0xB3)),
};

#define RETURN_CASES   (sizeof(return_cases) / sizeof(return_cases[0]))
/* Each case with every gate and both kinds of call site. */
#define RETURN_ROUNDS  ((unsigned)RETURN_CASES * 4)
#define REFUSED_ROUNDS (11 + 3 + 14)
#define TSS_LINK       TSS_BASE
#define IDT_BASE       (DATA_BASE + 0x1000)
#define HANDLER        (LANDING + 0xA0C)
#define OTHER_SITE     (LANDING + 0x900) /* behind no CALL rel32 */
#define GATE_INT32     0x8E
#define GATE_TRAP32    0x8F

static void put_gate(struct world *w, unsigned vector, uint16_t selector, uint8_t type) {
    uint32_t at = w->idtr.base + vector * 8;
    world_store(w, at, (selector | 3u) << 16 | (HANDLER & 0xFFFF)); /* its RPL means nothing */
    world_store(w, at + 4, (HANDLER & 0xFFFF0000) | (uint32_t)type << 8 | 0x5A);
}

/* The frame that the processor pushes at the guest's site, on top of the one it refused. */
static bool has_reflected_frame(struct test *t) {
    static const char *const names[4] = {"error code", "EIP", "CS", "EFLAGS"};
    for (unsigned i = 0; i < 4; i++) {
        uint32_t seen = world_load(&t->got, t->got.gpr[ESP] + 4 * i);
        if (seen != t->note[i]) {
            return fail(t, "%s: the %s pushed is %08x, not %08x", t->what, names[i], seen,
                        t->note[i]);
        }
    }
    /* No interrupt and no trap between POPFD and IRETD. */
    if (t->m->flags_at_return != t->want.eflags) {
        return fail(t, "%s: EFLAGS are %08x before IRETD, not %08x", t->what, t->m->flags_at_return,
                    t->want.eflags);
    }
    return true;
}

static uint32_t user_frame(struct test *t, const struct return_case *c, uint32_t site) {
    struct world *have = &t->have;
    uint32_t flags = random32(t);
    /* A frame that faults is but memory: what is not looked at may be anything. */
    flags = c->vector ? flags & ~EFLAGS_VM
                      : (flags & (EFLAGS_ARITH | EFLAGS_IF | EFLAGS_AC | EFLAGS_ID)) | 2;
    have->seg[FS] = have->seg[GS] = have->seg[DS] = have->seg[ES] = SEL_NOWHERE | 3;
    have->gpr[ESP] = stack_top(t);
    push(have, c->ss | random32(t) << 16);
    push(have, c->vector ? random32(t) : USER_STACK_TOP);
    push(have, flags);
    push(have, c->cs | random32(t) << 16);
    push(have, c->eip ? c->eip : c->vector ? random32(t) : LANDING);
    push(have, site);
    return have->gpr[ESP];
}

/* Returns where the call comes back to, by a CALL rel32 or not: `*site` is then its own address. */
static uint32_t call_site(struct test *t, bool called, uint32_t *site) {
    static const uint8_t call[5] = {0xE8};
    static const uint16_t at[] = {0x30, 0x504, 0x601}; /* the CALL crosses 256 bytes */
    uint32_t back = LANDING + at[random32(t) % 3];
    if (!called) {
        return *site = OTHER_SITE;
    }
    *site = back - sizeof(call);
    uc_mem_write(t->m->uc, *site, call, sizeof(call));
    return back;
}

/* A task to be in, its descriptor at some selector, its segment anywhere, with its link. */
static void put_task(struct test *t, uint16_t link) {
    static const uint16_t selectors[] = {SEL_TSS, 0x90,   0x148,  0x480,
                                         0xA00,   0x1200, 0x2400, 0xC008};
    struct world *w = &t->have;
    uint16_t selector = selectors[t->round % (sizeof(selectors) / sizeof(*selectors))];
    uint32_t base = DATA_BASE + 0x2000 + random32(t) % 0x400;
    world_store(w, base, link | random32(t) << 16);
    put_descriptor(w, GDT_BASE + selector, base, 0x67, 0x8B, 0);
    w->gdtr.limit = 0xFFFF;
    w->tr = selector | 3;
}

/* The GDT where its place has bits in common with selectors. */
static void move_gdt(struct world *w) {
    uint32_t to = GDT_BASE + 0x108;
    memcpy(w->ram + (to - RAM_BASE), w->ram + (GDT_BASE - RAM_BASE), GDT_LIMIT + 1);
    w->gdtr = (struct table_register){to, GDT_LIMIT};
    w->tr = SEL_TSS;
    put_descriptor(w, to + SEL_TSS, IMAGE_HIGH + offsetof(struct vmi_rom_header, reserved2), 0x67,
                   0x8B, 0); /* far away, with two bytes of zero for its link */
}

static void put_case_segments(struct world *w, const struct return_case *c) {
    put_descriptor(w, c->ldt ? DATA_BASE : GDT_BASE + SEL_SPARE, 0, c->first.limit, c->first.access,
                   c->first.flags);
    put_descriptor(w, GDT_BASE + SEL_SPARE + 8, 0, c->second.limit, c->second.access,
                   c->second.flags);
    put_descriptor(w, GDT_BASE + SEL_FAR, 0, c->far.limit, c->far.access, c->far.flags);
    put_descriptor(w, GDT_BASE + SEL_FAR + 8, 0, c->second.limit, c->second.access,
                   c->second.flags);
    if (c->far.access) {
        w->gdtr.limit = SEL_FAR + 15;
    }
    w->ldtr = c->ldt ? SEL_LDT : 0;
}

/* The handler's gate: any DPL, any code segment of ring 0, and an IDT of any size anywhere. */
static uint16_t put_gates(struct test *t, const struct return_case *c, bool trap_gate) {
    static const uint16_t limits[] = {14 * 8 - 1, 0x100, 0x7FF, 0xFFFF};
    struct world *w = &t->have;
    uint16_t selector = kernel_code[random32(t) % KERNEL_CODES];
    if (c->ldt && random32(t) & 1) {
        selector = 0x14;
    }
    if (selector & 4 && !c->ldt) {
        selector = SEL_CODE;
    }
    if (c->vector && selector != SEL_CODE) {
        put_code(w, selector);
    }
    w->idtr = (struct table_register){IDT_BASE + random32(t) % 0x100, limits[random32(t) % 4]};
    for (unsigned vector = 10; vector < 14; vector++) {
        bool is_ours = vector == c->vector;
        put_gate(w, vector, is_ours ? selector : SEL_CODE,
                 (is_ours && trap_gate ? GATE_TRAP32 : GATE_INT32) | (random32(t) & 3) << 5);
    }
    return selector;
}

/* Of the segment that a selector of a case names. */
static uint8_t access_of(const struct return_case *c, uint16_t selector) {
    switch (selector) {
    case SEL_UCODE:
        return 0xFB;
    case SEL_UDATA:
        return 0xF3;
    case SPARE:
    case IN_LDT:
        return c->first.access;
    case FAR:
        return c->far.access;
    default:
        return c->second.access;
    }
}

static void iret_case(struct test *t, const struct return_case *c, bool trap_gate, bool called) {
    struct world *have = &t->have;
    uint32_t site, entry = user_frame(t, c, call_site(t, called, &site));
    t->what = c->what;
    put_case_segments(have, c);
    if (random32(t) & 1) { /* a kernel's stack may grow down, by its descriptor's say */
        put_descriptor(have, GDT_BASE + SEL_STACK_DOWN, 0, 0, 0x97, 0xC);
        have->seg[SS] = SEL_STACK_DOWN;
    }
    have->tr = SEL_TSS | 3;
    uint16_t handler = put_gates(t, c, trap_gate);
    if (c->nt) {
        put_task(t, random32(t) & 3); /* an RPL makes no task */
    }
    if (c->nt && handler == SEL_CODE) {
        move_gdt(have);
    }
    have->eflags = (have->eflags & ~EFLAGS_NT) | (c->nt ? EFLAGS_NT : 0);
    if (random32(t) & 1) {
        trace(t);
    }
    begin(t);
    if (!c->vector) {
        t->want.eip = LANDING;
        t->want.eflags = world_load(have, entry + 12);
        t->want.gpr[ESP] = USER_STACK_TOP;
        t->want.seg[CS] = c->cs;
        t->want.seg[SS] = c->ss;
        t->finish = is_quick;
        t->note[0] = (c->cs & 3) != 3                                             ? TO_RING_1
                     : access_of(c, c->cs) >= 0xF8 && access_of(c, c->ss) == 0xF3 ? TO_USER
                                                                                  : TO_OTHERS;
        return;
    }
    t->want.eip = HANDLER;
    t->want.seg[CS] = handler;
    t->want.gpr[ESP] = entry - 12;
    t->want.eflags &= ~(EFLAGS_NT | EFLAGS_TF | (trap_gate ? 0 : EFLAGS_IF));
    t->m->flags_at_return = 1;
    t->note[0] = c->error;
    t->note[1] = site;
    t->note[2] = SEL_CODE;
    t->note[3] = have->eflags | EFLAGS_RF;
    world_store(&t->want, entry, t->note[3]);
    t->finish = has_reflected_frame;
}

/* What is left to the processor: its own exception, with the frame as it was. */
static void iret_that_the_processor_refuses(struct test *t) {
    static const struct return_case bad = ROW("", 3, SEL_UDATA, 13, 0, );
    /* All that differs in one bit from a gate of 32 bits, and a task gate. */
    static const uint8_t gates[] = {0x0E, 0x85, 0x86, 0x8C, 0x8A, 0x9E,
                                    0x0F, 0x87, 0x8D, 0x8B, 0x9F};
    _Static_assert(sizeof(gates) == 11, "REFUSED_ROUNDS");
    enum { GATES = sizeof(gates), BEYOND = GATES, STACK_16, RING_0, NESTED };
    struct world *w = &t->have;
    unsigned kind = t->round - RETURN_ROUNDS;
    unsigned link = kind < NESTED ? 0 : kind - NESTED; /* any bit but the RPL's makes a task */
    kind -= link;
    bool nt = kind == NESTED || kind == RING_0;
    uint32_t vector = nt ? 10 : 13;
    iret_case(t, &bad, false, true);
    t->finish = NULL;
    t->m->flags_at_return = 0;
    if (kind < GATES) {
        t->what = "a gate of another type";
        put_gate(w, 13, SEL_CODE, gates[kind] | (random32(t) & 3) << 5);
    }
    if (kind == BEYOND) {
        t->what = "a gate beyond the IDT";
        w->idtr.limit = 13 * 8 + 6;
    }
    if (nt) {
        t->what = "a nested task";
        w->eflags |= EFLAGS_NT;
        put_task(t, (uint16_t)(4u << link)); /* not really one, but that is not ours to say */
        world_store(w, TSS_LINK, SEL_LDT);
    }
    if (kind == STACK_16) {
        t->what = "a 16-bit stack";
        w->seg[SS] = SEL_STACK16;
        w->gpr[ESP] |= 0x5EA50000;
    }
    if (kind == RING_0) {
        t->what = "a nested task, to ring 0";
        world_store(w, (w->gpr[ESP] & 0xFFFF) + RAM_BASE + 8, SEL_CODE);
    }
    t->skip_run = true;
    t->got = t->have;
    enum stop stop = machine_run(t->m, &t->got, t->base, HANDLER);
    if (stop != STOP_EXCEPTION || t->m->exception != vector) {
        fail(t, "%s: stop %d, exception %u, EIP %08x", t->what, (int)stop, t->m->exception,
             t->got.eip);
        return;
    }
    uint32_t arithmetic = t->got.eflags & EFLAGS_ARITH; /* the frame's were to replace them */
    t->want = t->have;
    t->want.eip = t->got.eip;
    t->want.gpr[ESP] = w->gpr[ESP] + 4;
    t->want.eflags = (t->have.eflags & ~EFLAGS_ARITH) | arithmetic;
}

static void iret(struct test *t) {
    unsigned round = t->round;
    bool at_site = t->m->entries; /* a fault there is the processor's, as the kernel expects */
    if (kind_of(t) != VMI_SLOT_NATIVE || at_site || round >= RETURN_ROUNDS + REFUSED_ROUNDS) {
        right_iret(t);
    } else if (round < RETURN_ROUNDS) {
        iret_case(t, &return_cases[round / 4], round & 1, round & 2);
    } else {
        iret_that_the_processor_refuses(t);
    }
}

static void sysexit(struct test *t) {
    t->have.seg[DS] = t->have.seg[ES] = t->round & 1 ? SEL_UDATA : SEL_NOWHERE | 3;
    t->have.seg[FS] = t->have.seg[GS] = SEL_UDATA;
    t->have.gpr[EDX] = LANDING;
    t->have.gpr[ECX] = USER_STACK_TOP - 4 * (random32(t) % 16);
    begin(t);
    t->want.eip = LANDING;
    t->want.eflags |= EFLAGS_IF;
    t->want.gpr[ESP] = t->have.gpr[ECX];
    t->want.seg[CS] = SEL_UCODE;
    t->want.seg[SS] = SEL_UDATA;
}

/* The processor must stop in HLT with interrupts open, and return once it is woken. */
static void halt(struct test *t) {
    t->skip_run = true;
    t->got = t->have;
    enum stop stop = machine_run(t->m, &t->got, t->base, RETURN_SITE);
    if (stop != STOP_HALTED) {
        stop == STOP_ARRIVED ? fail(t, "did not halt") : stopped(t, stop);
        return;
    }
    if (!(t->got.eflags & EFLAGS_IF)) {
        fail(t, "halted with interrupts disabled");
        return;
    }
    machine_resume(t->m, &t->got);
    instructions = t->m->instructions;
    begin(t);
    t->want.eflags |= EFLAGS_IF;
}

/* The last resort, a triple fault, shows as INT3 with an empty IDT. */
static void reboot(struct test *t) {
    bool hard = t->round & 1;
    t->have.gpr[EAX] = hard;
    for (uint32_t at = STACK_TOP; at < STACK_TOP + 0x200; at += 4) { /* no empty IDT up there */
        world_store(&t->have, at, random32(t));
    }
    t->skip_run = true;
    t->got = t->have;
    enum stop stop = machine_run(t->m, &t->got, t->base, RETURN_SITE);
    t->want = t->got;
    if (stop == STOP_RESET) { /* by a hypervisor: no port is the guest's */
        if (t->m->exception != hard) {
            fail(t, "reset of kind %u, not %u", t->m->exception, hard);
        }
        return;
    }
    if (hard) {
        want_port(t, true, 0xCF9, 1, 0x02);
        want_port(t, true, 0xCF9, 1, 0x06);
    }
    want_port(t, true, 0x64, 1, 0xFE);
    if (stop != STOP_EXCEPTION || t->m->exception != 3 || t->got.idtr.limit != 0) {
        fail(t, "stop %d, exception %u, IDT limit %x", (int)stop, t->m->exception,
             t->got.idtr.limit);
    } else if (t->got.eflags & EFLAGS_IF) {
        fail(t, "interrupts are enabled");
    } else if (memcmp(t->got.ram + (DATA_BASE - RAM_BASE), t->have.ram + (DATA_BASE - RAM_BASE),
                      DATA_SIZE) != 0) {
        fail(t, "memory was changed");
    } else if (t->got.cr0 != t->have.cr0 || t->got.cr3 != t->have.cr3 ||
               t->got.cr4 != t->have.cr4) {
        fail(t, "a control register was changed");
    }
}

/* Halts with interrupts disabled, again and again. */
static void shutdown(struct test *t) {
    t->skip_run = true;
    t->got = t->have;
    enum stop stop = machine_run(t->m, &t->got, t->base, RETURN_SITE);
    for (int i = 0; i < 3; i++) {
        if (stop != STOP_HALTED || (t->got.eflags & EFLAGS_IF)) {
            fail(t, "stop %d at wake-up %d, EFLAGS %08x", (int)stop, i, t->got.eflags);
            return;
        }
        stop = machine_resume(t->m, &t->got);
    }
    t->want = t->have;
    t->want.eip = t->got.eip;
    t->want.eflags &= ~EFLAGS_IF;
}

static void set_pxe0(struct test *t) {
    t->have.gpr[EAX] = random_data(t, 4);
    begin(t);
    want_store(t, t->have.gpr[EAX], t->have.gpr[EDX]);
}

static void get_pxe(struct test *t) {
    t->have.gpr[EAX] = random_data(t, 4);
    begin(t);
    want_eax(t, world_load(&t->have, t->have.gpr[EAX]));
}

void swap_pxe(struct test *t) {
    uint32_t ptep = t->have.gpr[EAX] = random_data(t, 4);
    begin(t);
    want_eax(t, world_load(&t->have, ptep));
    want_store(t, ptep, t->have.gpr[EDX]);
}

static void set_pxe_long(struct test *t) {
    uint32_t ptep = t->have.gpr[ECX] = random_data(t, 8);
    begin(t);
    want_store(t, ptep + 4, t->have.gpr[EDX]); /* never present with a wrong frame */
    want_store(t, ptep, t->have.gpr[EAX]);
}

/* In every other round another processor changes the entry after its low dword was read. */
static void get_pxe_long(struct test *t) {
    uint32_t ptep = t->have.gpr[EAX] = random_data(t, 8);
    bool changes = t->round & 1;
    uint32_t low = world_load(&t->have, ptep), high = world_load(&t->have, ptep + 4);
    if (changes) { /* one bit of the low dword is enough */
        low = t->m->change_to[0] = low ^ 1u << t->round / 2 % 32;
        high = t->m->change_to[1] = random32(t);
        t->m->change_after_read = ptep;
    }
    begin(t);
    want_pair(t, low, high);
    if (changes) {
        world_store(&t->want, ptep, low);
        world_store(&t->want, ptep + 4, high);
    }
}

/* In every other round another processor changes the entry between the first look at it and the
 * exchange. */
void swap_pxe_long_atomic(struct test *t) {
    uint32_t ptep = t->have.gpr[ECX] = random_data(t, 8);
    uint32_t low = world_load(&t->have, ptep), high = world_load(&t->have, ptep + 4);
    if (t->round & 1) {
        low = t->m->change_to[0] = random32(t);
        high = t->m->change_to[1] = random32(t);
        t->m->change_after_read = ptep;
    }
    begin(t);
    want_pair(t, low, high);
    world_store(&t->want, ptep, t->have.gpr[EAX]);
    world_store(&t->want, ptep + 4, t->have.gpr[EDX]);
}

bool bit_result(struct test *t) {
    if ((t->got.gpr[EAX] != 0) != (t->note[0] != 0)) {
        return fail(t, "returned %08x for a bit that was %s", t->got.gpr[EAX],
                    t->note[0] ? "set" : "clear");
    }
    return true;
}

void bit_call(struct test *t, unsigned bits, bool set) {
    uint32_t ptep = t->have.gpr[EAX] = random_data(t, 8);
    uint32_t bit = t->have.gpr[EDX] = random32(t) % bits;
    uint32_t address = ptep + bit / 32 * 4, mask = 1u << bit % 32;
    uint32_t old = world_load(&t->have, address);
    begin(t);
    world_store(&t->want, address, set ? old | mask : old & ~mask);
    t->note[0] = old & mask;
    t->ignore = EXPECT_EAX;
    t->finish = bit_result;
}

static void set_bit(struct test *t) {
    bit_call(t, 32, true);
}

static void clear_bit(struct test *t) {
    bit_call(t, 32, false);
}

static void set_bit_long(struct test *t) {
    bit_call(t, 64, true);
}

static void clear_bit_long(struct test *t) {
    bit_call(t, 64, false);
}

/* What the TLB loses shows on a machine only; here: CR3 and CR4 are as before. */
static bool changes_only_pge(struct test *t) {
    uint32_t other = t->m->cr4_changed & ~CR4_PGE;
    return !other || fail(t, "bits %x of CR4 were changed for a time", other);
}

static void flush_tlb(struct test *t) {
    t->have.gpr[EAX] = t->round & 1 ? 3 : 1;
    t->have.cr3 &= 0xFFFFF018;
    t->m->notes_control = true; /* code may lie in a 4 MiB page, so PSE must stay, and so on */
    t->finish = changes_only_pge;
    begin(t);
}

static void in(struct test *t, uint8_t size, uint32_t mask) {
    begin(t);
    uint32_t value = machine_port_value(t->m, 0, (uint16_t)t->have.gpr[EDX], size);
    want_port(t, false, (uint16_t)t->have.gpr[EDX], size, value);
    want_eax(t, (t->have.gpr[EAX] & ~mask) | value);
}

static void in_dword(struct test *t) {
    in(t, 4, 0xFFFFFFFF);
}

static void in_byte(struct test *t) {
    in(t, 1, 0xFF);
}

static void in_word(struct test *t) {
    in(t, 2, 0xFFFF);
}

static void out(struct test *t, uint8_t size) {
    begin(t);
    uint32_t value = t->have.gpr[EAX];
    want_port(t, true, (uint16_t)t->have.gpr[EDX], size,
              size == 4 ? value : value & ((1u << 8 * size) - 1));
}

static void out_dword(struct test *t) {
    out(t, 4);
}

static void out_byte(struct test *t) {
    out(t, 1);
}

static void out_word(struct test *t) {
    out(t, 2);
}

static void string_io(struct test *t, bool out, uint8_t size) {
    int pointer = out ? ESI : EDI;
    uint32_t buffer = t->have.gpr[pointer] = random_data(t, 4);
    uint32_t count = t->have.gpr[ECX] = random32(t) % 32;
    t->have.eflags &= ~EFLAGS_DF;
    begin(t);
    for (unsigned i = 0; i < count; i++) {
        uint32_t at = buffer + i * size, value = 0;
        if (!out) {
            value = machine_port_value(t->m, i, (uint16_t)t->have.gpr[EDX], size);
        }
        for (unsigned b = 0; b < size; b++) {
            if (out) {
                value |= (uint32_t)t->have.ram[at + b - RAM_BASE] << 8 * b;
            } else {
                t->want.ram[at + b - RAM_BASE] = (uint8_t)(value >> 8 * b);
            }
        }
        want_port(t, out, (uint16_t)t->have.gpr[EDX], size, value);
    }
    t->want.gpr[pointer] = buffer + count * size;
    t->want.gpr[ECX] = 0;
}

static void ins_dword(struct test *t) {
    string_io(t, false, 4);
}

static void ins_byte(struct test *t) {
    string_io(t, false, 1);
}

static void ins_word(struct test *t) {
    string_io(t, false, 2);
}

static void outs_dword(struct test *t) {
    string_io(t, true, 4);
}

static void outs_byte(struct test *t) {
    string_io(t, true, 1);
}

static void outs_word(struct test *t) {
    string_io(t, true, 2);
}

static void set_iopl_mask(struct test *t) {
    if (t->round & 1) {
        trace(t);
    }
    begin(t);
    t->want.eflags = (t->have.eflags & ~EFLAGS_IOPL) | (t->have.gpr[EAX] & EFLAGS_IOPL);
}

static void deactivate(struct test *t) {
    uint32_t ptep = t->have.gpr[EAX] = random_data(t, 8);
    begin(t);
    want_pair(t, world_load(&t->have, ptep), world_load(&t->have, ptep + 4));
    want_store(t, ptep, 0); /* the present bit goes first */
    want_store(t, ptep + 4, 0);
}

static void apic_write(struct test *t) {
    t->have.gpr[EAX] = random_data(t, 16);
    begin(t);
    want_store(t, t->have.gpr[EAX], t->have.gpr[EDX]);
}

static void apic_read(struct test *t) {
    get_pxe(t);
}

static void io_delay(struct test *t) {
    begin(t);
    if (kind_of(t) != VMI_SLOT_NOP) {
        want_port(t, true, 0x80, 1, t->have.gpr[EAX] & 0xFF);
    }
}

static void get_cycle_counter(struct test *t) {
    static const uint32_t none[] = {2, 3, 0x80000000, 0xFFFFFFFF, 0x100};
    if (t->round & 1) {
        t->have.gpr[EAX] = none[t->round / 2 % 5];
        begin(t);
        want_pair(t, 0, 0);
    } else {
        rdtsc(t);
        t->have.gpr[EAX] = t->round / 2 & 1;
    }
}

/*
 * The alias of the low 4 MiB. The engine does not translate: it stands for a guest that maps
 * everything one to one, and the page tables say whatever a case wants. Each case is the one that
 * gets the alias but for one thing.
 */
#define PAGE_DIRECTORY (RAM_BASE + 0x8000)
#define PAGE_TABLE     (RAM_BASE + 0xF000)
#define AGAIN(address) ((address)-RAM_BASE + RAM_AGAIN)
#define ALIAS          0xFFC00000u
#define IMAGE_OTHER    0x00110000u /* page aligned; no bit that IMAGE_LOW has */
#define IMAGE_EDGE     0x003FF800u /* 4 MiB are 64 slots behind */
#define ROM            1u          /* stands for the copy that is asked */

static const struct alias_case {
    const char *what;
    bool made;
    bool high;       /* the copy at IMAGE_HIGH is asked */
    uint32_t place;  /* of another copy, which is asked; 0: none */
    uint32_t number; /* 0 for any */
    bool no_paging;
    int cpuid;
    uint32_t cr4, cr3;   /* cr3: 0 for PAGE_DIRECTORY */
    uint32_t pde0;       /* 0 for PAGE_TABLE */
    uint32_t last_entry; /* of the directory */
    uint32_t pte_of;     /* a linear address, or ROM, whose entry is `pte`; 0: none */
    uint32_t pte;
} alias_cases[] = {
    {.what = "free entry", .made = true},
    {.what = "free entry, CR4 in use", .made = true, .cr4 = 0x88},
    {.what = "CR4.PSE set before", .made = true, .cr4 = 0x10},
    {.what = "CR3 with cache bits", .made = true, .cr3 = PAGE_DIRECTORY | 0x18},
    {.what = "alias made before", .made = true, .cr4 = 0x10, .last_entry = 0x83},
    {.what = "alias made before, CR4.PSE lost", .made = true, .last_entry = 0x83},
    {.what = "alias accessed", .made = true, .cr4 = 0x10, .last_entry = 0xA3},
    {.what = "alias accessed and dirty", .made = true, .cr4 = 0x10, .last_entry = 0xE3},
    {.what = "free entry with attributes", .made = true, .last_entry = 0x2},
    {.what = "mapped by one 4 MiB page", .made = true, .cr4 = 0x10, .pde0 = 0x83},
    {.what = "the same with its PAT bit", .made = true, .cr4 = 0x10, .pde0 = 0x1083},
    {.what = "table, accessed", .made = true, .pde0 = PAGE_TABLE | 0x63},
    {.what = "another copy", .made = true, .place = IMAGE_OTHER, .number = 20},
    {.what = "last slot below 4 MiB",
     .made = true,
     .place = IMAGE_EDGE,
     .number = 63,
     .cr4 = 0x10,
     .pde0 = 0x83},
    {.what = "slot at 4 MiB", .place = IMAGE_EDGE, .number = 64, .cr4 = 0x10, .pde0 = 0x83},
    {.what = "directory far up", .made = true, .cr3 = AGAIN(PAGE_DIRECTORY)},
    {.what = "table far up", .made = true, .pde0 = AGAIN(PAGE_TABLE) | 3},
    {.what = "paging off", .no_paging = true},
    {.what = "PAE", .cr4 = 0x20},
    {.what = "high copy", .high = true},
    {.what = "processor without CPUID", .cpuid = CPUID_ABSENT},
    {.what = "processor without PSE", .cpuid = CPUID_WITHOUT_PSE},
    {.what = "directory at 4 MiB", .cr3 = 0x400000},
    {.what = "table at 4 MiB", .pde0 = 0x400003},
    {.what = "entry 0 not writable", .pde0 = PAGE_TABLE | 1},
    {.what = "entry 0 not present", .pde0 = PAGE_TABLE | 2},
    {.what = "entry 0 not present, its bits lead to a table that would do",
     .pde0 = PAGE_TABLE | 8,
     .pte_of = PAGE_DIRECTORY + 8 / 4 * 0x1000,
     .pte = PAGE_DIRECTORY | 3},
    {.what = "PS bit without CR4.PSE", .pde0 = 0x83},
    {.what = "4 MiB page elsewhere", .cr4 = 0x10, .pde0 = 0x400083},
    {.what = "4 MiB page above 4 GiB", .cr4 = 0x10, .pde0 = 0x2083},
    {.what = "entry taken by a table", .last_entry = 0x1003},
    {.what = "entry taken by another 4 MiB page", .cr4 = 0x10, .last_entry = 0x400083},
    {.what = "entry taken by a user page", .cr4 = 0x10, .last_entry = 0x87},
    {.what = "entry taken by a global page", .cr4 = 0x10, .last_entry = 0x183},
    {.what = "entry taken by a read-only page", .cr4 = 0x10, .last_entry = 0x81},
    {.what = "entry not present but in use", .last_entry = 0x12345000},
    {.what = "ROM mapped from elsewhere", .pte_of = ROM, .pte = 0x00123003},
    {.what = "ROM's entry not present", .pte_of = ROM, .pte = 0},
    {.what = "directory mapped from elsewhere", .pte_of = PAGE_DIRECTORY, .pte = 0x00123003},
    {.what = "directory not writable", .pte_of = PAGE_DIRECTORY, .pte = PAGE_DIRECTORY | 0xFFD},
    {.what = "table mapped from elsewhere", .pte_of = PAGE_TABLE, .pte = 0x00123003},
};

#define ALIAS_CASES (sizeof(alias_cases) / sizeof(alias_cases[0]))

static bool lets_no_interrupt_in(struct test *t) {
    return !(t->m->flags_seen & ~t->have.eflags & EFLAGS_IF) ||
           fail(t, "interrupts were on for a time");
}

static void relocation_with_paging(struct test *t, const struct alias_case *c) {
    struct world *w = &t->have;
    t->base = c->place ? c->place : t->m->places[c->high];
    t->m->elsewhere = c->place;
    w->eip = t->base + entry_of(VMI_CALL_GetRelocationInfo);
    /* A call in the image's first page, and in every policy. */
    uint32_t number =
        c->number ? c->number : VMI_CALL_FIRST + t->round % (VMI_CALL_LAST + 1 - VMI_CALL_FIRST);
    w->gpr[EAX] = api == API_3 ? VMI3_CALL_IRET : number;
    uint32_t answer = t->base + (api == API_3 ? VMI_CALL_IRET : number) * 32;
    t->m->cpuid = c->cpuid ? c->cpuid : CPUID_WITH_PSE;
    if (c->cpuid == CPUID_ABSENT) {
        w->eflags &= ~EFLAGS_ID;
    }
    t->m->pretend_paging = !c->no_paging;
    w->cr3 = c->cr3 ? c->cr3 : PAGE_DIRECTORY;
    uint32_t directory = w->cr3 - RAM_BASE < RAM_SIZE ? w->cr3 & ~0xFFFu : PAGE_DIRECTORY;
    t->m->notes_control = true;
    t->finish = lets_no_interrupt_in;
    w->cr4 = c->cr4;
    for (uint32_t i = 0; i < 1024; i++) {
        world_store(w, PAGE_TABLE + i * 4, i << 12 | 0x63);
    }
    uint32_t rom_frame = t->base & ~0xFFFu;
    if (c->pte_of == ROM && !c->pte) {
        world_store(w, PAGE_TABLE + (rom_frame >> 12) * 4, rom_frame); /* not present */
    } else if (c->pte_of) {
        world_store(w, PAGE_TABLE + ((c->pte_of == ROM ? t->base : c->pte_of) >> 12) * 4, c->pte);
    }
    world_store(w, directory, c->pde0 ? c->pde0 : PAGE_TABLE | 3);
    world_store(w, directory + 0xFFC, c->last_entry);
    begin(t);
    want_pair(t, answer, 1);
    if (c->made && api != API_3) {
        want_eax(t, ALIAS + answer);
        t->want.cr4 |= 0x10;
        if (!(c->last_entry & 1)) {
            world_store(&t->want, directory + 0xFFC, 0x83);
        }
    }
}

/* What one bit more in a register or an entry makes of the plainest case. */
static void relocation_with_a_bit(struct test *t, unsigned field, unsigned bit) {
    struct alias_case c = {.what = "a bit more"};
    uint32_t mask = 1u << bit;
    switch (field) {
    case 0: /* CR3: bits that mean nothing here, then the frame's */
        c.cr3 = PAGE_DIRECTORY | mask;
        c.made = bit < 12;
        break;
    case 1: /* a page table: not PS, which says otherwise */
        c.pde0 = PAGE_TABLE | 3 | (bit == 7 ? 0 : mask);
        c.made = bit < 12;
        break;
    case 2: /* a page of 4 MiB: bit 12 is PAT */
        c.cr4 = 0x10;
        c.pde0 = 0x83 | mask;
        c.made = bit <= 12;
        break;
    case 3: /* the last entry, free */
        c.last_entry = bit ? mask : 0;
        c.made = bit < 12;
        break;
    case 4: /* the last entry, the alias */
        c.cr4 = 0x10;
        c.last_entry = 0x83 | mask;
        c.made = (0x83 | 0x60) & mask;
        break;
    case 5: /* CR4 in use, but for PAE */
        c.cr4 = mask & ~CR4_PAE;
        c.made = true;
        break;
    case 6: /* other directories */
        c.cr3 = bit & 1 ? RAM_BASE + 0x1000 : RAM_BASE + 0x6000;
        c.made = true;
        break;
    case 7: /* the entry of the ROM's page */
        c.pte_of = ROM;
        c.pte = ((t->m->places[0] & ~0xFFFu) | 0x63) ^ mask;
        c.made = bit > 0 && bit < 12;
        break;
    default: /* CR4 without PSE; then no 4 MiB page counts */
        c.cr4 = mask & ~(CR4_PSE | CR4_PAE);
        c.pde0 = 0x83;
        break;
    }
    t->what = c.what;
    relocation_with_paging(t, &c);
}

#define BIT_FIELDS 9

/* A frame between 64 KiB and 4 MiB would be outside the RAM. */
static bool has_ram(unsigned field, unsigned bit) {
    return field > 1 || bit < 12 || bit >= 22;
}

#define ALIAS_ROUNDS (ALIAS_CASES + BIT_FIELDS * 32)

static void get_relocation_info(struct test *t) {
    if (t->round < ALIAS_CASES) {
        t->what = alias_cases[t->round].what;
        relocation_with_paging(t, &alias_cases[t->round]);
        return;
    }
    if (t->round < ALIAS_ROUNDS) {
        unsigned bit = (t->round - ALIAS_CASES) % 32, field = (t->round - ALIAS_CASES) / 32;
        relocation_with_a_bit(t, field, has_ram(field, bit) ? bit : 5);
        return;
    }
    static const uint32_t wild[] = {0xFFFFFFFF, 0xFFFFFFDF, 0x80000000, 0x80000021,
                                    0x7FFFFFFF, 0x10000,    0x10021,    0x00F00000};
    uint32_t round = t->round - ALIAS_ROUNDS;
    uint32_t number = round < 300 ? round : round < 308 ? wild[round - 300] : random32(t);
    t->have.gpr[EAX] = number;
    t->have.eflags |= number % 2 ? 0 : EFLAGS_CF;
    begin(t);
    want_pair(t, api == API_3 ? 0 : number, VMI_RELOCATION_NONE); /* API 13: EAX stays */
    if (api == API_3) {
        const struct expect *e = call_of_api_3(number);
        if (e && is_answered(e)) {
            want_pair(t, t->base + e->number * 32u, 1);
        }
    } else if (number >= VMI_CALL_FIRST && number <= VMI_CALL_LAST) {
        want_pair(t, t->base + number * 32, 1);
    }
}

#define PTE_P 1u

/* Nothing but accesses of 64 bits has written. */
static bool stores_are_long(struct test *t) {
    for (unsigned i = 0; i < t->m->n_stores; i++) {
        if (t->m->stores[i].size != 8) {
            return fail(t, "store %u is of %u bytes", i, t->m->stores[i].size);
        }
    }
    return t->m->n_stores > 0 || fail(t, "no store");
}

/* The order of stores keeps a frame from being present half written; where the entry is present
 * before and after, one access of 64 bits does, whatever another processor changes meanwhile. */
static void set_pxe_long_present(struct test *t) {
    uint32_t ptep = t->have.gpr[ECX] = random_data(t, 8);
    bool was = t->round & 1, is = t->round & 2, same_high = t->round & 4;
    uint32_t low = (world_load(&t->have, ptep) & ~PTE_P) | was;
    uint32_t high = world_load(&t->have, ptep + 4);
    t->have.gpr[EAX] = (t->have.gpr[EAX] & ~PTE_P) | is;
    if (same_high) {
        t->have.gpr[EDX] = high;
    } else if (t->round & 8) { /* nothing but the XD bit */
        t->have.gpr[EDX] = high ^ 0x80000000;
    } else if (t->round & 32) {
        t->have.gpr[EDX] = 0;
    }
    world_store(&t->have, ptep, low);
    begin(t);
    if (kind_of(t) != VMI_SLOT_NATIVE) { /* a hypervisor may always do the last of these */
        world_store(&t->want, ptep, t->have.gpr[EAX]);
        world_store(&t->want, ptep + 4, t->have.gpr[EDX]);
    } else if (same_high) {
        want_store(t, ptep, t->have.gpr[EAX]);
    } else if (!was) {
        want_store(t, ptep + 4, t->have.gpr[EDX]);
        want_store(t, ptep, t->have.gpr[EAX]);
    } else if (!is) {
        want_store(t, ptep, t->have.gpr[EAX]);
        want_store(t, ptep + 4, t->have.gpr[EDX]);
    } else {
        world_store(&t->want, ptep, t->have.gpr[EAX]);
        world_store(&t->want, ptep + 4, t->have.gpr[EDX]);
        t->finish = stores_are_long;
        t->m->change_after_read = t->round & 16 ? ptep : 0; /* accessed, dirty */
        t->m->change_to[0] = low ^ 0x60;
        t->m->change_to[1] = high;
    }
    t->ignore = EXPECT_EAX | EXPECT_EDX;
}

static void set_pxe(struct test *t) {
    t->have.gpr[EDX] = random_data(t, 4);
    begin(t);
    want_store(t, t->have.gpr[EDX], t->have.gpr[EAX]);
}

/* --- running
 * -----------------------------------------------------------------------------------------------------
 */

static void (*const checks[VMI_CALL_SLOTS])(struct test *) = {
    [VMI_CALL_Init] = returns_zero,
    [VMI_CALL_CPUID] = cpuid,
    [VMI_CALL_WRMSR] = wrmsr,
    [VMI_CALL_RDMSR] = rdmsr,
    [VMI_CALL_SetGDT] = set_gdt,
    [VMI_CALL_SetLDT] = set_ldt,
    [VMI_CALL_SetIDT] = set_idt,
    [VMI_CALL_SetTR] = set_tr,
    [VMI_CALL_GetGDT] = get_gdt,
    [VMI_CALL_GetLDT] = get_ldt,
    [VMI_CALL_GetIDT] = get_idt,
    [VMI_CALL_GetTR] = get_tr,
    [VMI_CALL_WriteGDTEntry] = write_entry,
    [VMI_CALL_WriteLDTEntry] = write_entry,
    [VMI_CALL_WriteIDTEntry] = write_entry,
    [VMI_CALL_UpdateKernelStack] = nothing,
    [VMI_CALL_SetCR0] = set_cr0,
    [VMI_CALL_SetCR2] = set_cr2,
    [VMI_CALL_SetCR3] = set_cr3,
    [VMI_CALL_SetCR4] = set_cr4,
    [VMI_CALL_GetCR0] = get_cr0,
    [VMI_CALL_GetCR2] = get_cr2,
    [VMI_CALL_GetCR3] = get_cr3,
    [VMI_CALL_GetCR4] = get_cr4,
    [VMI_CALL_INVD] = nothing,
    [VMI_CALL_WBINVD] = nothing,
    [VMI_CALL_SetDR] = set_dr,
    [VMI_CALL_GetDR] = get_dr,
    [VMI_CALL_RDPMC] = rdpmc,
    [VMI_CALL_RDTSC] = rdtsc,
    [VMI_CALL_CLTS] = clts,
    [VMI_CALL_EnableInterrupts] = enable_interrupts,
    [VMI_CALL_DisableInterrupts] = disable_interrupts,
    [VMI_CALL_GetInterruptMask] = get_interrupt_mask,
    [VMI_CALL_SetInterruptMask] = set_interrupt_mask,
    [VMI_CALL_IRET] = iret,
    [VMI_CALL_SYSEXIT] = sysexit,
    [VMI_CALL_Pause] = nothing,
    [VMI_CALL_Halt] = halt,
    [VMI_CALL_Reboot] = reboot,
    [VMI_CALL_Shutdown] = shutdown,
    [VMI_CALL_SetPxE0] = set_pxe0,
    [VMI_CALL_GetPxE] = get_pxe,
    [VMI_CALL_SwapPxE] = swap_pxe,
    [VMI_CALL_SetPxELong0] = set_pxe_long,
    [VMI_CALL_GetPxELong] = get_pxe_long,
    [VMI_CALL_SwapPxELongAtomic] = swap_pxe_long_atomic,
    [VMI_CALL_TestAndSetPxEBit] = set_bit,
    [VMI_CALL_TestAndClearPxEBit] = clear_bit,
    [VMI_CALL_AllocatePage] = nothing,
    [VMI_CALL_ReleasePage] = nothing,
    [VMI_CALL_InvalPage] = nothing,
    [VMI_CALL_FlushTLB] = flush_tlb,
    [VMI_CALL_FlushDeferredCalls] = returns_zero,
    [VMI_CALL_SetLinearMapping] = nothing,
    [VMI_CALL_IN] = in_dword,
    [VMI_CALL_INB] = in_byte,
    [VMI_CALL_INW] = in_word,
    [VMI_CALL_INS] = ins_dword,
    [VMI_CALL_INSB] = ins_byte,
    [VMI_CALL_INSW] = ins_word,
    [VMI_CALL_OUT] = out_dword,
    [VMI_CALL_OUTB] = out_byte,
    [VMI_CALL_OUTW] = out_word,
    [VMI_CALL_OUTS] = outs_dword,
    [VMI_CALL_OUTSB] = outs_byte,
    [VMI_CALL_OUTSW] = outs_word,
    [VMI_CALL_SetIOPLMask] = set_iopl_mask,
    [VMI_CALL_DeactivatePxELongAtomic] = deactivate,
    [VMI_CALL_TestAndSetPxELongBit] = set_bit_long,
    [VMI_CALL_TestAndClearPxELongBit] = clear_bit_long,
    [VMI_CALL_SetInitialAPState] = nothing,
    [VMI_CALL_APICWrite] = apic_write,
    [VMI_CALL_APICRead] = apic_read,
    [VMI_CALL_IODelay] = io_delay,
    [VMI_CALL_GetCycleFrequency] = returns_zero_pair,
    [VMI_CALL_GetCycleCounter] = get_cycle_counter,
    [VMI_CALL_SetAlarm] = nothing,
    [VMI_CALL_CancelAlarm] = returns_zero,
    [VMI_CALL_GetWallclockTime] = returns_zero_pair,
    [VMI_CALL_WallclockUpdated] = returns_zero,
    [VMI_CALL_GetRelocationInfo] = get_relocation_info,
    [VMI_CALL_SetPxE] = set_pxe,
    [VMI_CALL_SetPxELong] = set_pxe_long,
};

/* What only API 3.0 has, or takes other arguments for. */
static void (*const checks_3[VMI_CALL_SLOTS])(struct test *) = {
    [VMI_CALL_SetPxELong] = set_pxe_long_present,
    [VMI3_SLOT_UpdateKernelStack] = nothing,
    [VMI3_SLOT_UpdatePxE] = nothing,
    [VMI3_SLOT_UpdatePxELong] = nothing,
    [VMI3_SLOT_MachineToPhysical] = nothing,
    [VMI3_SLOT_PhysicalToMachine] = nothing,
    [VMI3_SLOT_AllocatePage] = nothing,
    [VMI3_SLOT_ReleasePage] = nothing,
    [VMI3_SLOT_SetInitialAPState] = nothing,
    [VMI3_SLOT_APICWrite] = nothing,
    [VMI3_SLOT_APICRead] = nothing,
    [VMI3_SLOT_SetCallbacks] = returns_zero,
    [VMI3_SLOT_SetLazyMode] = nothing,
};

static const struct expect *row_of(unsigned slot) {
    const struct expect *rows = api == API_3 ? expect_calls_3 : expect_calls;
    size_t n = api == API_3 ? sizeof(expect_calls_3) / sizeof(expect_calls_3[0])
                            : sizeof(expect_calls) / sizeof(expect_calls[0]);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].number == slot) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct expect *expect_of(unsigned slot) {
    static struct expect unassigned = {
        .name = "unassigned", .call3 = -1, .out = EXPECT_EAX | EXPECT_EDX, .body = BODY_CODE};
    unassigned.number = (uint8_t)slot;
    return row_of(slot) ? row_of(slot) : &unassigned;
}

/* NULL: a call that nothing is said of above. */
static void (*check_of(unsigned slot))(struct test *) {
    if (!row_of(slot)) {
        return returns_zero_pair;
    }
    return api == API_3 && checks_3[slot] ? checks_3[slot] : checks[slot];
}

/* Every register, flag and byte of memory gets a pattern, so that whatever is lost shows. */
static void randomise(struct test *t) {
    struct world *w = &t->have;
    machine_reset(t->m, w);
    for (int i = 0; i < 8; i++) {
        if (i != ESP) {
            w->gpr[i] = random32(t);
        }
    }
    for (uint32_t i = 0; i < DATA_SIZE; i += 4) {
        world_store(w, DATA_BASE + i, random32(t));
    }
    for (uint32_t at = STACK_TOP - 0x80; at < STACK_TOP + 0x80; at += 4) {
        world_store(w, at, random32(t));
    }
    w->eflags = (random32(t) &
                 (EFLAGS_ARITH | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL | EFLAGS_AC | EFLAGS_ID)) |
                2;
    w->eflags |= t->m->ring * IOPL_1;
    if (t->by_abi && !t->e->any_data_segments) { /* as every compiler has it */
        w->eflags &= ~EFLAGS_DF;
    }
    if (kind_of(t) == VMI_SLOT_NATIVE && t->e->returns == RETURNS_RET) {
        w->eflags |= random32(t) & EFLAGS_NT;
    }
    w->cr2 = random32(t);
    w->cr3 = random32(t) & 0xFFFFF000;
    w->cr4 = random32(t) & CR4_BITS & ~4u;
    w->msr_pat = random32(t);
    w->seg[FS] = SEL_UDATA;
    w->seg[GS] = SEL_NOWHERE;
    if (t->e->any_data_segments) { /* null, or a segment whose use shows */
        w->seg[DS] = w->seg[ES] = t->round & 1 ? 0 : SEL_NOWHERE;
    }
    t->m->port_seed = random32(t);
    for (int i = 0; i < 4; i++) {
        t->stack[i] = random32(t);
    }
    for (int i = t->e->n_stack; i > 0; i--) {
        if (t->e->returns == RETURNS_RET) {
            push(w, t->stack[i - 1]);
        }
    }
    push(w, RETURN_SITE);
    w->eip = t->entry;
}

bool compare_registers(struct test *t) {
    static const char *const gpr[8] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
    static const char *const seg[6] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    struct world *want = &t->want, *got = &t->got;
    for (int i = 0; i < 8; i++) {
        if (!((t->e->clobbers | t->ignore) >> i & 1) && got->gpr[i] != want->gpr[i]) {
            return fail(t, "%s is %08x, not %08x", gpr[i], got->gpr[i], want->gpr[i]);
        }
    }
    uint32_t flags = t->e->flags ? ~EFLAGS_ARITH : ~0u;
    if ((got->eflags ^ want->eflags) & flags) {
        return fail(t, "EFLAGS are %08x, not %08x", got->eflags & flags, want->eflags & flags);
    }
    for (int i = 0; i < 6; i++) {
        if (got->seg[i] != want->seg[i]) {
            return fail(t, "%s is %04x, not %04x", seg[i], got->seg[i], want->seg[i]);
        }
    }
    for (int i = 0; i < 8; i++) {
        if (got->dr[i] != want->dr[i]) {
            return fail(t, "DR%d is %08x, not %08x", i, got->dr[i], want->dr[i]);
        }
    }
    const struct {
        const char *name;
        uint32_t got, want;
    } other[] = {
        {"CR0", got->cr0, want->cr0},
        {"CR2", got->cr2, want->cr2},
        {"CR3", got->cr3, want->cr3},
        {"CR4", got->cr4, want->cr4},
        {"GDTR.base", got->gdtr.base, want->gdtr.base},
        {"GDTR.limit", got->gdtr.limit, want->gdtr.limit},
        {"IDTR.base", got->idtr.base, want->idtr.base},
        {"IDTR.limit", got->idtr.limit, want->idtr.limit},
        {"LDTR", got->ldtr, want->ldtr},
        {"TR", got->tr, want->tr},
        {"MSR 277h, low", (uint32_t)got->msr_pat, (uint32_t)want->msr_pat},
        {"MSR 277h, high", (uint32_t)(got->msr_pat >> 32), (uint32_t)(want->msr_pat >> 32)},
    };
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (other[i].got != other[i].want) {
            return fail(t, "%s is %08x, not %08x", other[i].name, other[i].got, other[i].want);
        }
    }
    return true;
}

#define CHUNK      0x400u
#define MORE_STACK 0x400u /* any call may be made by a fault's handler, but for Init */

/* All memory but the part of the stack that the call may use: 32 bytes below its entry (the spec's
 * promise). */
static bool compare_memory(struct test *t) {
    uint32_t esp = (t->have.gpr[ESP] & 0xFFFF) | (STACK_TOP & 0xFFFF0000);
    uint32_t top = t->m->entries ? esp + 4 : esp; /* a call site has its own return address */
    for (uint32_t i = 0; i < RAM_SIZE; i++) {
        uint32_t at = RAM_BASE + i;
        if (i % CHUNK == 0 && memcmp(t->got.ram + i, t->want.ram + i, CHUNK) == 0) {
            i += CHUNK - 1; /* nearly always */
            continue;
        }
        if (t->got.ram[i] == t->want.ram[i] || (at >= esp - 32 && at < top)) {
            continue;
        }
        if (t->by_abi && at >= esp - MORE_STACK && at < esp) {
            if (t->e->number == VMI_CALL_Init) {
                continue;
            }
            return fail(t, "uses %u bytes of stack, and is promised 32", esp - at);
        }
        return fail(t, "the byte at %08x is %02x, not %02x", at, t->got.ram[i], t->want.ram[i]);
    }
    return true;
}

static bool compare_accesses(struct test *t) {
    struct machine *m = t->m;
    unsigned traps = m->publication && m->publication->kind[t->e->number] == VMI_SLOT_TRAP;
    if (m->traps != traps) {
        return fail(t, "%u traps, not %u", m->traps, traps);
    }
    if (m->n_ports != t->n_ports && !t->free_ports) {
        return fail(t, "%u port accesses, not %u", m->n_ports, t->n_ports);
    }
    for (unsigned i = 0; i < t->n_ports && i < MAX_ACCESSES; i++) {
        struct port_access *got = &m->ports[i], *want = &t->ports[i];
        if (got->out != want->out || got->port != want->port || got->size != want->size ||
            got->value != want->value) {
            return fail(t, "port access %u is %s %x, %u bytes, %x; not %s %x, %u bytes, %x", i,
                        got->out ? "out" : "in", got->port, got->size, got->value,
                        want->out ? "out" : "in", want->port, want->size, want->value);
        }
    }
    if (!t->check_stores) {
        return true;
    }
    if (m->n_stores != t->n_stores) {
        return fail(t, "%u stores, not %u", m->n_stores, t->n_stores);
    }
    for (unsigned i = 0; i < t->n_stores; i++) {
        if (memcmp(&m->stores[i], &t->stores[i], sizeof(struct store)) != 0) {
            return fail(t, "store %u is %08x to %08x, %u bytes; not %08x to %08x", i,
                        m->stores[i].value, m->stores[i].address, m->stores[i].size,
                        t->stores[i].value, t->stores[i].address);
        }
    }
    return true;
}

static bool run_round(struct test *t, void (*check)(struct test *)) {
    if (!check) {
        return fail(t, "tools/conform/calls.c does not say what it does");
    }
    randomise(t);
    check(t);
    if (t->failed) {
        return false;
    }
    if (!t->skip_run) {
        t->got = t->have;
        uint32_t base = t->want.eflags & EFLAGS_VM ? (uint32_t)t->want.seg[CS] * 16 : 0;
        enum stop stop = machine_run(t->m, &t->got, t->base, base + t->want.eip);
        if (stop != STOP_ARRIVED && t->want.eflags & EFLAGS_VM && t->got.eip == t->want.eip) {
            stop = STOP_ARRIVED; /* V86: the engine compares the offset, not the linear address */
        }
        if (t->m->seen & SEEN_OUT && !t->free_ports) {
            return cannot_judge(t, "writes to a port of its own, at %Xh of the image: a trap?",
                                t->m->seen_out_at - t->base);
        }
        if (stop != STOP_ARRIVED) {
            return stopped(t, stop);
        }
        instructions = t->m->instructions;
    } else if (t->e->returns == RETURNS_MAY) {
        instructions = t->m->instructions;
        return compare_accesses(t);
    }
    return compare_registers(t) && compare_memory(t) && compare_accesses(t) &&
           (!t->finish || t->finish(t));
}

/* Where the call is: its slot, or what GetRelocationInfo answers. */
static bool find_entry(struct test *t, const struct call_entry *entry) {
    uint32_t number = t->e->number;
    if (entry) {
        t->entry = entry->at[t->base == t->m->places[1]];
        return true;
    }
    t->entry = t->base + (t->m->entries ? t->m->entries[number] : entry_of(number));
    if (api == API_13 || !is_answered(t->e)) {
        return true;
    }
    machine_reset(t->m, &t->have);
    t->have.gpr[EAX] = (uint32_t)t->e->call3;
    t->have.eip = t->base + entry_of(VMI_CALL_GetRelocationInfo);
    push(&t->have, RETURN_SITE);
    enum stop stop = machine_run(t->m, &t->have, t->base, RETURN_SITE);
    t->entry = t->have.gpr[EAX];
    if (stop != STOP_ARRIVED || (t->have.gpr[EDX] & 0xFF) != VMI_RELOCATION_CALL_REL) {
        return fail(t, "GetRelocationInfo answers %x:%08x (stop %d)", t->have.gpr[EDX], t->entry,
                    (int)stop);
    }
    return true;
}

/* Rounds that take all named cases in. */
static unsigned rounds_of(unsigned slot, unsigned rounds) {
    unsigned least = 0;
    if (slot == VMI_CALL_GetRelocationInfo) {
        least = 310 + (abi_alone ? 0 : ALIAS_ROUNDS);
    } else if (slot == VMI_CALL_IRET) {
        least = 64 + (abi_alone ? 0 : RETURN_ROUNDS + REFUSED_ROUNDS);
    } else if (slot == VMI_CALL_SetPxELong && abi_alone) {
        least = 64;
    }
    return rounds < least ? least : rounds;
}

enum verdict judge_call(struct machine *m, unsigned slot, const struct call_entry *entry,
                        unsigned rounds, uint32_t seed, char why[WHY_SIZE]) {
    static struct test t;
    uint64_t rng = ((uint64_t)seed << 32 | slot) * 0x9E3779B97F4A7C15u | 1;
    void (*check)(struct test *) = abi_alone ? check_of_abi(slot) : NULL;
    why[0] = 0;
    rounds = rounds_of(slot, rounds);
    for (unsigned b = 0; b < 2; b++) {
        uint32_t at = 0;
        for (unsigned round = 0; round < rounds; round++) {
            memset(&t, 0, offsetof(struct test, have));
            t.m = m;
            t.e = expect_of(slot);
            t.rng = rng;
            t.base = m->places[b];
            t.round = round;
            t.why = why;
            t.by_abi = abi_alone;
            t.jumped = entry && entry->jumped;
            if (round == 0 && !find_entry(&t, entry)) {
                return WRONG;
            }
            at = round == 0 ? t.entry : at;
            t.entry = at;
            if (!run_round(&t, check ? check : check_of(slot))) {
                return t.unjudged ? NOT_JUDGED : WRONG;
            }
            rng = t.rng;
        }
    }
    return RIGHT;
}

bool check_slot(struct machine *m, unsigned slot, unsigned rounds, uint32_t seed,
                char why[WHY_SIZE]) {
    return judge_call(m, slot, NULL, rounds, seed, why) == RIGHT;
}
