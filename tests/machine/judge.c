/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Makes the calls of an image, judges every one against the table, and takes note of the first
 * failure of a test. */
#include "machine.h"
#include "expect.h"
#include "vmi/hypercall.h"

enum { ARITHMETIC_FLAGS = 0x8D5, ANY_FLAGS_BUT = EFLAGS_RF, FAILURES_PRINTED = 12 };

uint32_t rom_physical, rom_size, rom_base, rom_api, rom_minor;
struct call_regs result;
struct verdict verdict;
uint8_t calls_made[VMI_CALL_SLOTS];
uint32_t last_call;

static int is_hypercall;
static uint32_t offset_of[VMI_CALL_SLOTS]; /* of the calls' entries, from rom_base */

void use_image(uint32_t api, uint32_t minor, uint32_t physical, uint32_t size) {
    rom_api = api;
    rom_minor = minor;
    rom_physical = rom_base = physical;
    rom_size = size;
    is_hypercall = *(const uint16_t *)(rom_base + VMI_HYPERCALL_POINTER) != 0;
    ask_image(0);
}

/* ---- Verdicts ---- */

void fail(const char *format, ...) {
    va_list args;
    if (verdict.failed++ == 0) {
        verdict.call = last_call;
        va_start(args, format);
        guest_vsnprintf(verdict.text, sizeof(verdict.text), format, args);
        va_end(args);
    }
    if (verdict.failed > FAILURES_PRINTED) {
        return;
    }
    guest_puts("# ");
    va_start(args, format);
    guest_vprintf(format, args);
    va_end(args);
    guest_puts(verdict.failed < FAILURES_PRINTED ? "\n" : "; more are not printed\n");
}

void note(const char *format, ...) {
    va_list args;
    guest_puts("# note: ");
    va_start(args, format);
    guest_vprintf(format, args);
    va_end(args);
    guest_putc('\n');
}

void skip(const char *reason) {
    verdict.skipped = reason;
}

void equal(const char *what, uint32_t seen, uint32_t expected) {
    if (seen != expected) {
        fail("%s: expected %08x, seen %08x", what, expected, seen);
    }
}

/* ---- Calls ---- */

uint32_t call_target(uint32_t call) {
    last_call = call;
    calls_made[call] = 1;
    return rom_base + offset_of[call];
}

/* The calls of the image's API. */
static const struct expect *rows(uint32_t *count) {
    int is_3 = rom_api == VMI_API_MAJOR_3;
    *count = is_3 ? sizeof(expect_calls_3) / sizeof(expect_calls_3[0])
                  : sizeof(expect_calls) / sizeof(expect_calls[0]);
    return is_3 ? expect_calls_3 : expect_calls;
}

static const struct expect *expectation(uint32_t call) {
    uint32_t count;
    const struct expect *row = rows(&count);
    for (; count; row++, count--) {
        if (row->number == call) {
            return row;
        }
    }
    return NULL;
}

/* API 3.0: whether GetRelocationInfo is to answer with it. A hypercall image's answers with what it
 * has to serve. */
static uint32_t entries; /* a hypervisor's page of calls, 0: none */
static int asks;         /* only what it really answers with counts */
static uint8_t is_none[VMI_CALL_SLOTS];

static int is_answered(const struct expect *row) {
    if (row->call3 < 0) {
        return 0;
    }
    if (asks) {
        return !is_none[row->number];
    }
    return is_hypercall ? row->reloc != RELOC_NAMED : row->reloc <= RELOC_NAMED;
}

int has_call(uint32_t call) {
    const struct expect *row = expectation(call);
    if (!row) {
        return call > VMI3_SLOT_SetLazyMode; /* of neither API: to be called all the same */
    }
    if (rom_api == VMI_API_MAJOR_13 && rom_minor < 3 && call > VMI_CALL_WallclockUpdated) {
        return 0;
    }
    return rom_api == VMI_API_MAJOR_13 || is_answered(row) || call == VMI_CALL_Init ||
           call == VMI_CALL_GetRelocationInfo;
}

uint32_t call_number(uint32_t call) {
    const struct expect *row = expectation(call);
    return rom_api == VMI_API_MAJOR_3 && row ? (uint32_t)row->call3 : call;
}

uint32_t call_of_number(uint32_t number) {
    uint32_t count;
    const struct expect *row = rows(&count);
    for (; count; row++, count--) {
        if (rom_api == VMI_API_MAJOR_13 ? row->number == number
                                        : is_answered(row) && (uint32_t)row->call3 == number) {
            return row->number;
        }
    }
    return 0;
}

typedef uint64_t get_reloc(uint32_t number) __attribute__((regparm(1)));

void find_entries(void) {
    for (uint32_t call = 0; call < VMI_CALL_SLOTS; call++) {
        offset_of[call] = call * SLOT_SIZE;
    }
    if (rom_api == VMI_API_MAJOR_13) {
        return;
    }
    offset_of[VMI_CALL_GetRelocationInfo] = offsetof(struct vmi_rom_header_3, get_reloc);
    get_reloc *ask = (get_reloc *)call_target(VMI_CALL_GetRelocationInfo);
    uint32_t count;
    const struct expect *row = rows(&count);
    for (; asks && count; row++, count--) {
        uint32_t type =
            row->call3 < 0 ? VMI_RELOCATION_NONE : VMI_RELOCATION_TYPE(ask((uint32_t)row->call3));
        is_none[row->number] = type != VMI_RELOCATION_CALL_REL && type != VMI_RELOCATION_JUMP_REL;
    }
    for (uint32_t number = 0; number <= VMI3_CALL_LAST; number++) {
        uint32_t call = call_of_number(number);
        if (call) {
            offset_of[call] = VMI_RELOCATION_EIP(ask(number)) - rom_base;
        }
    }
    for (uint32_t call = VMI3_SLOT_SetLazyMode + 1; entries && call < VMI_CALL_SLOTS; call++) {
        offset_of[call] = entries + call * SLOT_SIZE - rom_base;
    }
}

uint32_t kernel_ring(void) {
    uint32_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

int is_in_calls(uint32_t address) {
    return address - rom_base < rom_size || (entries && address - entries < VMI_CALLS_END);
}

const char *call_name(uint32_t call) {
    const struct expect *e = expectation(call);
    return e ? e->name : "unassigned";
}

/* System flags that it is the purpose of a call to change. */
static uint32_t flags_meant(uint32_t call) {
    switch (call) {
    case VMI_CALL_EnableInterrupts:
    case VMI_CALL_DisableInterrupts:
    case VMI_CALL_SetInterruptMask:
    case VMI_CALL_Halt:
        return EFLAGS_IF;
    case VMI_CALL_SetIOPLMask:
        return EFLAGS_IOPL;
    default:
        return 0;
    }
}

static void judge_call(uint32_t call, const struct call_regs *in, const struct call_regs *out) {
    static const struct {
        const char *name;
        uint32_t offset, mask;
    } registers[] = {{"EAX", 28, EXPECT_EAX}, {"ECX", 24, EXPECT_ECX}, {"EDX", 20, EXPECT_EDX},
                     {"EBX", 16, EXPECT_EBX}, {"EBP", 8, EXPECT_EBP},  {"ESI", 4, EXPECT_ESI},
                     {"EDI", 0, EXPECT_EDI}};
    const struct expect *e = expectation(call);
    uint32_t may_change = e ? (uint32_t)(e->out | e->clobbers) : EXPECT_EAX | EXPECT_EDX;
    uint32_t may_flags = (e && e->flags ? ARITHMETIC_FLAGS : 0) | ANY_FLAGS_BUT | flags_meant(call);
    may_flags |= kernel_ring() ? EFLAGS_IOPL : 0; /* ring 1 loads it with no effect */
    const char *name = call_name(call);
    for (uint32_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        uint32_t before = *(const uint32_t *)((const uint8_t *)in + registers[i].offset);
        uint32_t after = *(const uint32_t *)((const uint8_t *)out + registers[i].offset);
        if (before != after && !(may_change & registers[i].mask)) {
            fail("%s changed %s: expected %08x, seen %08x", name, registers[i].name, before, after);
        }
    }
    if (out->esp_delta) {
        fail("%s returned with ESP off by %d", name, (int32_t)out->esp_delta);
    }
    if (out->args_changed) {
        fail("%s changed %u of its stack words", name, out->args_changed);
    }
    if ((in->eflags ^ out->eflags) & ~may_flags) {
        fail("%s changed EFLAGS: expected %08x, seen %08x", name, in->eflags, out->eflags);
    }
    if (in->ds != out->ds || in->es != out->es || in->fs != out->fs || in->gs != out->gs) {
        fail("%s changed a segment register", name);
    }
}

/* Where a hypervisor keeps the interrupt flag, PUSHF and POPF have another. */
typedef uint32_t flag_call(uint32_t mask) __attribute__((regparm(1)));

static void set_kept_flag(uint32_t eflags) {
    if (guest_flag_is_kept()) {
        ((flag_call *)call_target(VMI_CALL_SetInterruptMask))(eflags & EFLAGS_IF);
    }
}

static uint32_t with_kept_flag(uint32_t eflags) {
    if (!guest_flag_is_kept()) {
        return eflags;
    }
    return (eflags & ~(uint32_t)EFLAGS_IF) |
           ((flag_call *)call_target(VMI_CALL_GetInterruptMask))(0);
}

void vmi_registers(uint32_t call, struct call_regs *r, const uint32_t *words, uint32_t count) {
    struct call_regs in = *r;
    set_kept_flag(in.eflags);
    guest_call(r, call_target(call), words, count);
    r->eflags = with_kept_flag(r->eflags);
    last_call = call;
    judge_call(call, &in, r);
}

uint32_t vmi_words(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx, const uint32_t *words,
                   uint32_t count) {
    static uint32_t seed = 1;
    guest_call_regs_init(&result, seed++);
    result.eax = eax;
    result.edx = edx;
    result.ecx = ecx;
    result.eflags = EFLAGS_FIXED | (seed & 1 ? ARITHMETIC_FLAGS : 0);
    vmi_registers(call, &result, words, count);
    return result.eax;
}

uint32_t vmi(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx) {
    return vmi_words(call, eax, edx, ecx, NULL, 0);
}

int32_t vector_of(void (*fn)(void *), void *arg, struct guest_fault *fault) {
    return guest_try(fn, arg, fault) ? (int32_t)fault->frame.vector : -1;
}

struct faulting_call {
    uint32_t call;
    struct call_regs *regs;
};

static void make_call(void *arg) {
    struct faulting_call *c = arg;
    vmi_registers(c->call, c->regs, NULL, 0);
}

int32_t vmi_fault(uint32_t call, struct call_regs *r, struct guest_fault *fault) {
    struct faulting_call c = {call, r};
    int32_t vector = vector_of(make_call, &c, fault);
    if (vector >= 0 && !is_in_calls(fault->frame.eip)) {
        fail("%s: trap %d at %08x, outside the image", call_name(call), vector, fault->frame.eip);
    }
    return vector;
}

/* ---- Init ---- */

void ask_image(int really) {
    asks = really;
    entries = 0;
}

/* Where a hypervisor has the calls: what API 13's slots lead to. */
static uint32_t vmi_entries(void) {
    uint32_t call = rom_api == VMI_API_MAJOR_13 ? VMI_CALL_GetCR3 : VMI3_CALL_GetCR3;
    uint64_t answer = ((get_reloc *)call_target(VMI_CALL_GetRelocationInfo))(call);
    return VMI_RELOCATION_EIP(answer) & ~0xFFFu;
}

uint32_t init_image(void) {
    struct guest_space space = guest_space_new(0);
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    guest_paging_on(&space);
    vmi_registers(VMI_CALL_Init, &r, NULL, 0);
    if (r.eax) {
        guest_paging_off();
        guest_page_free_all();
        return r.eax;
    }
    guest_paging_off();
    guest_page_free_all();
    entries = vmi_entries();
    if (kernel_ring()) {
        int is_13 = rom_api == VMI_API_MAJOR_13;
        guest_tell_gdt = call_target(VMI_CALL_WriteGDTEntry);
        guest_tell_stack_eax = is_13 ? (uint32_t)&guest_tss : SEL_KDATA;
        guest_tell_stack =
            call_target(is_13 ? VMI_CALL_UpdateKernelStack : VMI3_SLOT_UpdateKernelStack);
    }
    return 0;
}
