/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A hostile guest: steps made of a seed and their number, each one instruction or call in the
 * kernel's ring or one instruction of any bytes in ring 3. What each leaves is summed up, a line
 * for a block of steps. Run once in ring 0 with the native ROM and once, with `init`, in ring 1,
 * the lines have to be the same; run.sh compares. Command line: init           call Init first
 *   seed=N steps=N which, and how many
 *   from=N         the first
 *   show=1         a line for each step
 *   size=N         bytes of the hypervisor's code and constants, which have to stay
 *   served=A slow=A  its table of calls that are served beside the entry, and where C's are: all
 * are C's then
 */

#include "expect.h"
#include "guest.h"
#include <stdbool.h>

#include "../../monitor/ring1/layout.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define BLOCK          1000u
#define IDENTITY_END   0x1000000u /* of guest_space_new */
#define WINDOW         0x30000000u
#define PAGE           4096u
#define VECTOR_END     0x81u /* of a fragment that comes to its end */
#define VECTOR_USER    0x80u
#define VECTOR_DB      1u
#define VECTOR_NP      11u
#define VECTOR_SS      12u
#define VECTOR_PF      14u
#define SEL_NOT_THERE  0x1F8u
#define GATE           0x95u
#define MSR_PAT        0x277u
#define MSR_SYSENTER   0x174u
#define CR0_CHANGES    (CR0_TS | CR0_WP | CR0_MP | CR0_AM | CR0_NE)
#define CR0_AM         0x40000u
#define CR0_NE         0x20u
#define CR4_CHANGES    (CR4_PSE | CR4_DE | CR4_TSD)
#define CR4_DE         0x8u
#define CR4_TSD        0x4u
#define DR6_FIXED      0xFFFF0FF0u
#define EFLAGS_STATUS  0x8D5u
#define EFLAGS_OF      0x800u
#define ROM_WINDOW     0xC0000u
#define ROM_WINDOW_END 0xF0000u
#define ERROR_PRESENT  1u

static uint8_t code[PAGE] __attribute__((aligned(4096)));
static uint8_t data[PAGE] __attribute__((aligned(4096)));
static uint8_t user_stack[PAGE] __attribute__((aligned(4096)));
static struct guest_space space;
static struct guest_entry entry;
static uint32_t rom, base_cr0, base_cr4, call_at;
static int in_ring_1;

/* --- chance --- */

static uint32_t state;

static uint32_t chance(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state * 0x9E3779B1u ^ state >> 15;
}

static uint32_t below(uint32_t limit) {
    return (uint32_t)((uint64_t)chance() * limit >> 32);
}

#define PICK(list) ((list)[below(sizeof(list) / sizeof(*(list)))])

static void start_chance(uint32_t seed, uint32_t number) {
    state = (seed * 0x85EBCA6Bu) ^ (number * 0xC2B2AE35u) ^ 0x27D4EB2Fu;
    state = state ? state : 1;
    for (int i = 0; i < 8; i++) {
        chance();
    }
}

/* --- what a step is made of --- */

static uint8_t *next; /* in `code` */

static void byte(uint32_t value) {
    *next++ = (uint8_t)value;
}

static void bytes(const char *text, uint32_t size) {
    memcpy(next, text, size);
    next += size;
}
#define CODE(text) bytes(text, sizeof(text) - 1)

static void dword(uint32_t value) {
    memcpy(next, &value, 4);
    next += 4;
}

/* MOV r32, imm32 */
static void load(uint32_t reg, uint32_t value) {
    byte(0xB8 + reg);
    dword(value);
}

static void end_of_fragment(void) {
    CODE("\xCD\x81");
}

/* RPL 1 means another thing in ring 1. */
static uint32_t selector(void) {
    static const uint32_t list[] = {0,
                                    2,
                                    3,
                                    SEL_KCODE,
                                    SEL_KDATA,
                                    SEL_UCODE,
                                    SEL_UDATA,
                                    SEL_TSS,
                                    SEL_LDT,
                                    SEL_KDATA | 3,
                                    SEL_KCODE | 3,
                                    SEL_KDATA | 2,
                                    SEL_UCODE & ~3u,
                                    SEL_UDATA & ~3u,
                                    SEL_SPARE,
                                    SEL_SPARE + 8,
                                    SEL_SPARE + 16,
                                    SEL_SPARE + 24,
                                    SEL_SPARE + 32,
                                    (SEL_SPARE + 8) | 3,
                                    (SEL_SPARE + 16) | 3,
                                    (SEL_SPARE + 32) | 3,
                                    SEL_NOT_THERE,
                                    0xF00,
                                    0xF08,
                                    0xF10,
                                    0xFFFC,
                                    0xFFF8,
                                    4,
                                    0xC,
                                    7};
    return PICK(list);
}

static uint32_t address(void) {
    static const uint32_t bad[] = {0xE0000000, 0xA0000FFF, 0x50000000};
    return below(8) ? (uint32_t)data + below(PAGE - 64) : PICK(bad);
}

static uint32_t value(void) {
    static const uint32_t odd[] = {0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x80000000, 0xFFFFFFFF, 0x200};
    return below(2) ? chance() & 0x0FFFFFFF : PICK(odd);
}

/* --- instructions of ring 0 --- */

static void move_to_cr(void) {
    uint32_t number = below(8), reg = 1 + below(2);
    uint32_t values[8] = {
        base_cr0 ^ (chance() & CR0_CHANGES), value(), value(), space.cr3 | (chance() & 0x18),
        base_cr4 ^ (chance() & CR4_CHANGES), value(), value(), value()};
    load(reg, values[number]);
    CODE("\x0F\x22");
    byte(0xC0 | number << 3 | reg);
}

static void move_from_cr(void) {
    CODE("\x0F\x20");
    byte(0xC0 | below(8) << 3 | below(3));
}

/* No breakpoint is turned on. */
static void move_dr(void) {
    uint32_t number = below(8), reg = below(3), v = value();
    v = number == 7 || number == 5 ? 0x400 | (v & 0xFFFF0300) : v;
    v = number == 6 || number == 4 ? DR6_FIXED | (v & 0xF) : v;
    load(reg, v);
    CODE("\x0F");
    byte(below(2) ? 0x23 : 0x21);
    byte(0xC0 | number << 3 | reg);
}

static void machine_status(void) {
    load(0, (base_cr0 & 0xFFFF) ^ (chance() & (CR0_TS | CR0_MP)));
    CODE("\x0F\x01");
    byte(below(2) ? 0xF0 : 0xE0); /* LMSW, SMSW */
}

static void caches(void) {
    static const char *const list[] = {"\x0F\x06", "\x0F\x09", "\x0F\x08"}; /* CLTS WBINVD INVD */
    uint32_t n = below(4);
    if (n < 3) {
        bytes(list[n], 2);
        return;
    }
    CODE("\x0F\x01\x3D"); /* INVLPG */
    dword(address());
}

static uint32_t msr(void) {
    static const uint32_t list[] = {MSR_SYSENTER, 0x175, 0x176, MSR_PAT, 0x12345678};
    return PICK(list);
}

static uint32_t msr_value(uint32_t number) {
    return number == MSR_SYSENTER ? (below(2) ? SEL_KCODE : 0)
           : number == MSR_PAT    ? (chance() & 0x01010101) * 6
                                  : chance() & 0x0FFFFFFF;
}

static void move_msr(void) {
    uint32_t number = msr();
    load(1, number);
    if (below(2)) {
        load(0, msr_value(number));
        load(2, number == MSR_PAT ? 0x00070406 : 0);
        CODE("\x0F\x30");
        return;
    }
    CODE("\x0F\x32");
}

/* LTR only of what is refused; not of null, which QEMU takes. */
static void load_system_selector(void) {
    uint32_t s = selector();
    bool task = below(2) && s & 0xFFFC;
    load(0, s);
    CODE("\x0F\x00");
    byte(task ? 0xD8 : 0xD0);
}

static void load_segment(void) {
    static const uint8_t registers[] = {0, 2, 3, 4, 5};
    load(0, selector());
    CODE("\x8E");
    byte(0xC0 | PICK(registers) << 3);
}

static void pop_segment(void) {
    static const char *const pops[] = {"\x07", "\x1F", "\x0F\xA1", "\x0F\xA9"};
    uint32_t n = below(4);
    byte(0x68);
    dword(selector());
    bytes(pops[n], n < 2 ? 1 : 2);
}

static void far_transfer(void) {
    bool is_call = below(2);
    byte(is_call ? 0x9A : 0xEA);
    dword((uint32_t)next + 6);
    byte(0), byte(0);
    uint32_t s = selector();
    memcpy(next - 2, &s, 2);
}

/* A frame on the stack, and RETF or IRETD through it: to where the fragment ends. */
static void far_return(void) {
    uint32_t cs = below(2) ? selector() : SEL_UCODE, n = 0;
    bool iret = below(2);
    uint8_t *eip;
    if (below(3) || (cs & 3)) {
        byte(0x68), dword(below(3) ? SEL_UDATA : selector()), n++;
        byte(0x68), dword((uint32_t)user_stack + PAGE - 64), n++;
    }
    if (iret) {
        byte(0x68), dword(EFLAGS_FIXED | (chance() & EFLAGS_STATUS));
    }
    byte(0x68), dword(cs);
    byte(0x68), eip = next, dword(0);
    byte(iret ? 0xCF : 0xCB);
    memcpy(eip, &next, 4);
}

static void interrupt(void) {
    static const uint8_t vectors[] = {3, 4, 5, 6, 7, 0x1E, 0x1F, 0x30, 0x7F, 0x80, GATE, 0xFF};
    uint32_t n = below(6);
    if (n == 0) {
        CODE("\xCC");
    } else if (n == 1) {
        CODE("\xCE");
    } else {
        byte(0xCD);
        byte(PICK(vectors));
    }
}

static void flags_and_ports(void) {
    static const char *const list[] = {"\xFA",         "\xFB",     "\xE6\x80", "\xE7\x80",
                                       "\x0F\x0B",     "\x0F\xFF", "\x0F\x34", "\xF1",
                                       "\x0F\x01\xC1", "\x0F\xAA"};
    static const uint8_t sizes[] = {1, 1, 2, 2, 2, 2, 2, 1, 3, 2};
    uint32_t n = below(sizeof(sizes) + 1);
    if (n == sizeof(sizes)) { /* POPFD */
        byte(0x68);
        dword(EFLAGS_FIXED | (chance() & (EFLAGS_STATUS | EFLAGS_IF | EFLAGS_IOPL)));
        byte(0x9D);
        return;
    }
    bytes(list[n], sizes[n]);
}

static void verify(void) {
    load(0, selector());
    CODE("\x0F\x00");
    byte(below(2) ? 0xE0 : 0xE8);
}

/* LGDT and LIDT of what is loaded, or from where nothing is. */
static void load_table(void) {
    bool gdt = below(2);
    struct descriptor_pointer p = {0, gdt ? sizeof(guest_gdt) - 1 : sizeof(guest_idt) - 1,
                                   gdt ? (uint32_t)guest_gdt : (uint32_t)guest_idt};
    memcpy(data + 2048, &p.limit, 6);
    CODE("\x0F\x01");
    byte(gdt ? 0x15 : 0x1D);
    dword(below(4) ? (uint32_t)data + 2048 : 0xE0000000);
}

static void (*const instructions[])(void) = {
    move_to_cr,   move_from_cr, move_dr,     machine_status,      caches,    move_msr,
    load_segment, load_segment, pop_segment, far_transfer,        interrupt, flags_and_ports,
    verify,       load_table,   far_return,  load_system_selector};

/* --- calls --- */

/* What can be called with anything of its kind; what cannot be compared is left out: CPUID, the
 * clocks, what ends the guest. */
static const uint8_t callable[] = {VMI_CALL_WRMSR,
                                   VMI_CALL_RDMSR,
                                   VMI_CALL_SetGDT,
                                   VMI_CALL_SetLDT,
                                   VMI_CALL_SetIDT,
                                   VMI_CALL_GetLDT,
                                   VMI_CALL_WriteGDTEntry,
                                   VMI_CALL_WriteGDTEntry,
                                   VMI_CALL_WriteIDTEntry,
                                   VMI_CALL_SetCR0,
                                   VMI_CALL_SetCR2,
                                   VMI_CALL_SetCR3,
                                   VMI_CALL_SetCR4,
                                   VMI_CALL_GetCR0,
                                   VMI_CALL_GetCR2,
                                   VMI_CALL_GetCR3,
                                   VMI_CALL_GetCR4,
                                   VMI_CALL_INVD,
                                   VMI_CALL_WBINVD,
                                   VMI_CALL_SetDR,
                                   VMI_CALL_GetDR,
                                   VMI_CALL_CLTS,
                                   VMI_CALL_EnableInterrupts,
                                   VMI_CALL_DisableInterrupts,
                                   VMI_CALL_GetInterruptMask,
                                   VMI_CALL_SetInterruptMask,
                                   VMI_CALL_Pause,
                                   VMI_CALL_SetPxE0,
                                   VMI_CALL_GetPxE,
                                   VMI_CALL_SwapPxE,
                                   VMI_CALL_SetPxELong0,
                                   VMI_CALL_GetPxELong,
                                   VMI_CALL_SwapPxELongAtomic,
                                   VMI_CALL_TestAndSetPxEBit,
                                   VMI_CALL_TestAndClearPxEBit,
                                   VMI_CALL_AllocatePage,
                                   VMI_CALL_ReleasePage,
                                   VMI_CALL_InvalPage,
                                   VMI_CALL_FlushTLB,
                                   VMI_CALL_FlushDeferredCalls,
                                   VMI_CALL_SetLinearMapping,
                                   VMI_CALL_SetIOPLMask,
                                   VMI_CALL_IODelay,
                                   VMI_CALL_SetPxE,
                                   VMI_CALL_SetPxELong,
                                   VMI_CALL_IRET,
                                   VMI_CALL_IRET,
                                   VMI_CALL_GetGDT,
                                   VMI_CALL_GetIDT,
                                   VMI_CALL_GetTR,
                                   VMI_CALL_SetTR};

static const struct expect *called; /* of this step; NULL: it is no call */

static const struct expect *row_of(uint32_t number) {
    for (uint32_t i = 0; i < sizeof(expect_calls) / sizeof(expect_calls[0]); i++) {
        if (expect_calls[i].number == number) {
            return &expect_calls[i];
        }
    }
    return NULL;
}

/* Descriptors of rings 0 and 3 only, flat as far as they are memory. */
static uint32_t descriptor_high(void) {
    static const uint8_t access[] = {0x92, 0x9A, 0xF2, 0xFA, 0x90, 0x98, 0x12, 0x72,
                                     0x00, 0xF0, 0x9E, 0xFE, 0x96, 0x82, 0x02, 0xE2};
    return 0x00CF0000u | (uint32_t)PICK(access) << 8;
}

static void set_arguments(uint32_t call, uint32_t r[3], uint32_t *stack) {
    uint32_t *eax = &r[0], *ecx = &r[1], *edx = &r[2];
    struct descriptor_pointer p = {0, sizeof(guest_gdt) - 1, (uint32_t)guest_gdt};
    *eax = value(), *ecx = value(), *edx = value(), *stack = value();
    switch (call) {
    case VMI_CALL_WRMSR:
    case VMI_CALL_RDMSR:
        *ecx = msr();
        *eax = msr_value(*ecx);
        *edx = *ecx == MSR_PAT ? 0x00070406 : 0;
        break;
    case VMI_CALL_SetIDT:
        p.limit = sizeof(guest_idt) - 1;
        p.base = (uint32_t)guest_idt;
        /* fall through */
    case VMI_CALL_SetGDT:
        memcpy(data + 2048, &p.limit, 6);
        *eax = below(4) ? (uint32_t)data + 2048 : 0xE0000000;
        break;
    case VMI_CALL_SetLDT:
        *eax = selector();
        break;
    case VMI_CALL_GetGDT:
    case VMI_CALL_GetIDT:
        *eax = address();
        break;
    case VMI_CALL_SetTR: /* refused; null is not, by QEMU */
        do {
            *eax = selector();
        } while (!(*eax & 0xFFFC));
        break;
    case VMI_CALL_WriteGDTEntry:
        *eax = (uint32_t)guest_gdt;
        *edx = SEL_SPARE / 8 + below(5);
        *ecx = 0x0000FFFF;
        *stack = descriptor_high();
        break;
    case VMI_CALL_WriteIDTEntry:
        *eax = (uint32_t)guest_idt;
        *edx = GATE;
        *ecx = (uint32_t)guest_idt[GATE];
        *stack = ((uint32_t)(guest_idt[GATE] >> 32) & 0xFFFF00FF) | (below(4)   ? 0x8E00u
                                                                     : below(2) ? 0x0E00u
                                                                                : 0xEF00u);
        break;
    case VMI_CALL_SetCR0:
        *eax = base_cr0 ^ (chance() & CR0_CHANGES);
        break;
    case VMI_CALL_SetCR3:
        *eax = space.cr3 | (chance() & 0x18);
        break;
    case VMI_CALL_SetCR4:
        *eax = base_cr4 ^ (chance() & CR4_CHANGES);
        break;
    case VMI_CALL_SetDR:
        *eax = below(10);
        *edx = *eax == 7 || *eax == 5   ? 0x400 | (*edx & 0xFFFF0300)
               : *eax == 6 || *eax == 4 ? DR6_FIXED | (*edx & 0xF)
                                        : *edx;
        break;
    case VMI_CALL_GetDR:
        *eax = below(10);
        break;
    case VMI_CALL_SetPxE:
        *edx = address() & ~3u;
        break;
    case VMI_CALL_SetPxELong0:
    case VMI_CALL_SetPxELong:
    case VMI_CALL_SwapPxELongAtomic:
        *ecx = address() & ~7u;
        break;
    case VMI_CALL_TestAndSetPxEBit:
    case VMI_CALL_TestAndClearPxEBit:
        *edx = below(32);
        /* fall through */
    case VMI_CALL_SetPxE0:
    case VMI_CALL_GetPxE:
    case VMI_CALL_SwapPxE:
    case VMI_CALL_GetPxELong:
        *eax = address() & ~7u;
        break;
    default:
        break;
    }
}

static void make_call(void) {
    uint32_t call = PICK(callable), r[3], stack;
    called = row_of(call);
    set_arguments(call, r, &stack);
    if (call == VMI_CALL_IRET) {
        uint32_t cs = below(2) ? SEL_UCODE : selector();
        uint8_t *eip;
        byte(0x68), dword(below(3) ? SEL_UDATA : selector());
        byte(0x68), dword((uint32_t)user_stack + PAGE - 64);
        byte(0x68), dword(EFLAGS_FIXED | (chance() & EFLAGS_STATUS));
        byte(0x68), dword(cs);
        byte(0x68), eip = next, dword(0);
        call_at = (uint32_t)next;
        byte(0xE8), dword(rom + call * VMI_CALL_SIZE - ((uint32_t)next + 4));
        memcpy(eip, &next, 4);
        return;
    }
    load(0, r[0]), load(1, r[1]), load(2, r[2]);
    byte(0x68), dword(value());
    byte(0x68), dword(stack);
    call_at = (uint32_t)next;
    byte(0xE8), dword(rom + call * VMI_CALL_SIZE - ((uint32_t)next + 4));
    CODE("\x5D\x5D"); /* POP EBP, twice */
    if (call == VMI_CALL_WriteGDTEntry && below(2)) {
        byte(0xBB), dword((r[2] * 8) | (below(2) ? 0 : 3)); /* MOV EBX */
        CODE("\x8E\xC3");                                   /* MOV ES, BX */
    }
    if (call == VMI_CALL_WriteIDTEntry && below(2)) {
        byte(0xCD);
        byte(GATE);
    }
}

/* --- ring 3 --- */

/* Bytes whose effect cannot be the same, or is none of the ring's: tables are stored as they are,
 * clocks and numbers of chance. */
static bool is_left_out(const uint8_t *p) {
    while (*p == 0x66 || *p == 0x67 || *p == 0xF2 || *p == 0xF3 || *p == 0xF0 || *p == 0x26 ||
           *p == 0x2E || *p == 0x36 || *p == 0x3E || *p == 0x64 || *p == 0x65) {
        p++;
    }
    if (*p == 0x9C) { /* PUSHF shows IOPL */
        return true;
    }
    if (*p == 0xC4 || *p == 0xC5) { /* VEX, or LES and LDS */
        return p[1] >= 0xC0;
    }
    if (*p != 0x0F) {
        return false;
    }
    return p[1] == 0x00 || p[1] == 0x01 || p[1] == 0x31 || p[1] == 0xC7 || p[1] == 0xA2 ||
           p[1] == 0x33 || p[1] == 0x02 || p[1] == 0x03 || p[1] == 0xAE;
}

static void make_user(void) {
    static const uint8_t first[] = {0x0F, 0x0F, 0xCD, 0x8E, 0xCF, 0xCA, 0xCB, 0x9D,
                                    0xF4, 0xE4, 0xEC, 0x6C, 0xFA, 0xEA, 0x9A, 0x17};
    do {
        for (uint32_t i = 0; i < 16; i++) {
            code[i] = (uint8_t)chance();
        }
        if (below(4)) {
            code[0] = PICK(first);
            code[1] = code[0] == 0x0F ? (uint8_t)(chance() & 0x37) : code[1];
        }
    } while (is_left_out(code));
    memset(code + 16, 0xCC, 16);
}

/* --- a step --- */

static bool is_user;

static void make_descriptors(void) {
    static const uint32_t high[] = {0x00CF1200, 0x00CF7200, 0x00CF9000, 0x00CFFE00, 0x00CFF000};
    for (uint32_t i = 0; i < 5; i++) {
        guest_gdt_set((uint16_t)(SEL_SPARE + 8 * i), (uint64_t)high[i] << 32 | 0xFFFF);
    }
}

typedef void call_with_eax(uint32_t eax) __attribute__((regparm(3)));
typedef void call_write_entry(uint32_t table, uint32_t index, uint32_t low, uint32_t high)
    __attribute__((regparm(3)));

/* Everything that a step may have changed. */
static void restore(void) {
    write_cr0(base_cr0);
    write_cr4(base_cr4);
    write_cr3(space.cr3);
    write_dr0(0), write_dr1(0), write_dr2(0), write_dr3(0);
    write_dr6(DR6_FIXED);
    write_dr7(0x400);
    native_wrmsr(MSR_SYSENTER, 0);
    native_wrmsr(0x175, 0);
    native_wrmsr(0x176, 0);
    native_wrmsr(MSR_PAT, 0x0007040600070406);
    __asm__ volatile("lldt %w0" ::"r"(0));
    __asm__ volatile("clts; fninit");
    if (called && called->number == VMI_CALL_WriteIDTEntry) {
        uint64_t gate = guest_gate(guest_vector_stub(GATE), 0xE, 0);
        call_write_entry *write =
            (call_write_entry *)(rom + VMI_CALL_OFFSET(VMI_CALL_WriteIDTEntry));
        write((uint32_t)guest_idt, GATE, (uint32_t)gate, (uint32_t)(gate >> 32));
    }
    if (called && called->number == VMI_CALL_SetIOPLMask) { /* no return takes it back in ring 1 */
        ((call_with_eax *)(rom + VMI_CALL_OFFSET(VMI_CALL_SetIOPLMask)))(0);
    }
    if (called && called->number == VMI_CALL_WriteGDTEntry) {
        make_descriptors();
    }
}

static uint32_t sum;

static void add(uint32_t word) {
    sum = (sum ^ word) * 0x01000193u + 0x9E3779B9u;
    sum ^= sum >> 15;
}

static bool is_data_register(uint32_t index) {
    uint32_t clobbers = called ? called->clobbers : 0;
    return !(clobbers >> index & 1) || (called && called->out >> index & 1);
}

struct seen {
    uint32_t vector, error, eip, eflags, gpr[8], cs, ss, ds, es, fs, gs, cr2, cr0, cr3, cr4, dr7,
        memory;
};

/* A return to an outer ring may load 0 for another null selector. */
static uint32_t not_null(uint32_t s) {
    return s & 0xFFFC ? s : 0;
}

/* What can be compared of a trap. */
static struct seen look(uint32_t vector) {
    const struct trap_frame *f = &entry.out;
    bool outer = f->cs & 2, in_rom, hidden;
    struct seen s = {.vector = vector, .error = f->error};
    uint32_t g[8] = {f->eax, f->ecx, f->edx, f->ebx, 0, f->ebp, f->esi, f->edi};
    bool any_flags = called && (called->flags || called->number == VMI_CALL_IRET);
    uint32_t flags = EFLAGS_IOPL | EFLAGS_RF | (any_flags ? EFLAGS_STATUS : 0);
    in_rom = (f->eip >= ROM_WINDOW && f->eip < ROM_WINDOW_END) || f->eip >= HV_BASE ||
             (called && f->eip == call_at);
    s.eip = in_rom ? ROM_WINDOW : f->eip - (uint32_t)code;
    s.eflags = f->eflags & ~flags;
    for (uint32_t i = 0; i < 8; i++) {
        bool is_there = is_data_register(i) && !(called && in_rom && vector != VECTOR_END);
        s.gpr[i] = is_there ? g[i] : 0;
    }
    s.cs = outer ? f->cs : f->cs & 0xFFFC;
    s.ss = outer ? f->ss : 0;
    s.ds = not_null(f->ds), s.es = not_null(f->es), s.fs = not_null(f->fs), s.gs = not_null(f->gs);
    s.cr2 = read_cr2();
    if (called && called->number == VMI_CALL_IRET && vector == VECTOR_NP && f->error) {
        s.vector = VECTOR_SS; /* engines take one for the other: developing.md */
    }
    hidden = vector == VECTOR_PF && s.cr2 >= HV_BASE; /* ours is there, theirs is not */
    s.error &= hidden ? ~ERROR_PRESENT : ~0u;
    s.cr0 = read_cr0(), s.cr3 = read_cr3() - space.cr3, s.cr4 = read_cr4(), s.dr7 = read_dr7();
    for (uint32_t i = 0; i < 3072; i += 4) {
        s.memory = s.memory * 31 + *(const uint32_t *)(data + i);
    }
    return s;
}

static void add_all(const struct seen *s) {
    const uint32_t *word = (const uint32_t *)s;
    for (uint32_t i = 0; i < sizeof(*s) / 4; i++) {
        add(word[i]);
    }
}

static void show_code(uint32_t number) {
    guest_printf("# step %u%s %s", number, is_user ? " user" : "", called ? called->name : "");
    for (const uint8_t *p = code; p < (is_user ? code + 16 : next); p++) {
        guest_printf(" %02x", *p);
    }
    guest_puts("\n");
}

static void show(uint32_t number, const struct seen *s) {
    guest_printf("# step %u vector %u error %x at %x flags %x eax %x ecx %x edx %x ebx %x\n",
                 number, s->vector, s->error, s->eip, s->eflags, s->gpr[0], s->gpr[1], s->gpr[2],
                 s->gpr[3]);
    guest_printf("# step %u cs %x ss %x ds %x es %x fs %x gs %x cr2 %x cr0 %x cr3 %x cr4 %x dr7 %x "
                 "memory %x\n",
                 number, s->cs, s->ss, s->ds, s->es, s->fs, s->gs, s->cr2, s->cr0, s->cr3, s->cr4,
                 s->dr7, s->memory);
}

static void do_step(uint32_t seed, uint32_t number, bool verbose) {
    struct seen seen;
    uint32_t kind;
    start_chance(seed, number);
    kind = below(10);
    next = code;
    called = NULL;
    call_at = 0;
    is_user = kind < 4;
    for (uint32_t i = 0; i < PAGE; i += 4) {
        *(uint32_t *)(data + i) = number * 0x9E3779B1u + i * 0x01000193u;
    }
    write_cr2(0);
    if (is_user) {
        make_user();
        guest_entry_user(&entry, code, user_stack + PAGE / 2);
        entry.in.ds = below(2) ? SEL_UDATA : 0;
        entry.in.eflags =
            EFLAGS_FIXED | EFLAGS_TF | (chance() & (EFLAGS_DF | EFLAGS_AC | EFLAGS_STATUS));
    } else {
        guest_entry_kernel(&entry, code);
        entry.in.eflags = EFLAGS_FIXED | (chance() & EFLAGS_STATUS);
        if (kind < 7) {
            instructions[below(sizeof(instructions) / sizeof(instructions[0]))]();
        } else {
            make_call();
        }
        end_of_fragment();
    }
    entry.in.ecx = below(4), entry.in.edx = chance() & 0xFFFF;
    entry.in.esi = address(), entry.in.edi = address(), entry.in.ebx = address();
    if (verbose) {
        show_code(number);
    }
    seen = look(guest_enter(&entry));
    restore();
    add_all(&seen);
    if (verbose) {
        show(number, &seen);
    }
}

/* --- the hypervisor's memory --- */

static uint32_t hypervisor_size;

/* Its code and constants, and its own descriptors, through a window of ours on its memory. */
static uint32_t sum_hypervisor(void) {
    const volatile uint32_t *at = (const volatile uint32_t *)(WINDOW + (SHARED_ENTRIES - HV_BASE));
    uint32_t s = 0, block;
    if (!in_ring_1) {
        return 0;
    }
    block = ((volatile uint32_t *)guest_at(HV_BASE))[SHARED_BLOCK / 4];
    for (uint32_t offset = 0; offset < HV_SIZE; offset += PAGE) {
        guest_map(&space, WINDOW + offset, block + offset, PTE_RW);
    }
    for (uint32_t i = 0; i < hypervisor_size / 4; i++) {
        s = s * 31 + at[i];
    }
    at = (const volatile uint32_t *)(WINDOW + CPUS + CPU_GDT + HV_CS);
    for (uint32_t i = 0; i < (16 + 8 * MAX_CPUS) / 4; i++) {
        s = s * 31 + at[i];
    }
    return s;
}

/* Each call that is served in assembly has its like in C, which nothing else would call. */
static void leave_all_to_c(uint32_t served, uint32_t slow) {
    volatile uint32_t *table = (volatile uint32_t *)(WINDOW + (served - HV_BASE));
    for (uint32_t i = 0; served && i < VMI_CALL_SLOTS; i++) {
        table[i] = slow;
    }
}

static uint32_t number_option(const char *cmdline, const char *key, uint32_t otherwise) {
    char text[16];
    uint32_t n = 0;
    if (!guest_option(cmdline, key, text, sizeof(text))) {
        return otherwise;
    }
    for (const char *c = text; *c >= '0' && *c <= '9'; c++) {
        n = n * 10 + (uint32_t)(*c - '0');
    }
    return n;
}

/* Ring 3 has its pages and no others. */
static void make_space(void) {
    uint8_t *const pages[] = {code, data, user_stack};
    space = guest_space_new(0);
    for (uint32_t linear = 0; linear < IDENTITY_END; linear += PAGE) {
        guest_map(&space, linear, linear, PTE_RW);
    }
    for (uint32_t i = 0; i < 3; i++) {
        guest_map(&space, (uint32_t)pages[i], (uint32_t)pages[i], PTE_RW | PTE_US);
    }
    guest_paging_on(&space);
}

void guest_main(const char *cmdline) {
    struct rom_found list[16];
    uint32_t count, seed = number_option(cmdline, "seed", 1);
    uint32_t from = number_option(cmdline, "from", 0),
             steps = number_option(cmdline, "steps", 1000);
    bool verbose = number_option(cmdline, "show", 0);
    uint32_t before, after;
    char text[4];
    guest_console_select(GUEST_TO_E9);
    hypervisor_size = number_option(cmdline, "size", 0);
    rom = guest_find_rom(list, 16, &count);
    if (!rom) {
        guest_panic(NULL, "no VMI ROM of API 13");
    }
    make_space();
    if (guest_option(cmdline, "init", text, sizeof(text))) {
        in_ring_1 = ((uint32_t(*)(void))(rom + VMI_CALL_OFFSET(VMI_CALL_Init)))() == 0;
        guest_tell_gdt = rom + VMI_CALL_OFFSET(VMI_CALL_WriteGDTEntry);
        guest_tell_stack = rom + VMI_CALL_OFFSET(VMI_CALL_UpdateKernelStack);
        guest_tell_stack_eax = (uint32_t)&guest_tss;
    }
    guest_printf("# ring %u\n", in_ring_1 ? 1 : 0);
    base_cr0 = (read_cr0() | CR0_WP) & ~(uint32_t)CR0_TS;
    base_cr4 = read_cr4() & ~(uint32_t)CR4_CHANGES;
    make_descriptors();
    restore();
    sum_hypervisor();
    leave_all_to_c(number_option(cmdline, "served", 0), number_option(cmdline, "slow", 0));
    before = sum_hypervisor();
    for (uint32_t i = from; i < from + steps; i++) {
        do_step(seed, i, verbose);
        if (i % BLOCK == BLOCK - 1) {
            guest_printf("# block %u: %08x\n", i / BLOCK, sum);
            sum = 0;
        }
    }
    after = sum_hypervisor();
    guest_printf("%s - the hypervisor's code, constants and descriptors stay\n",
                 before == after ? "ok" : "not ok");
    guest_puts("# end\n");
    guest_exit(0x10);
}
