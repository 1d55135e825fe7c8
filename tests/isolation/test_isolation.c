/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What the monitor does at exits that matter for isolation, on a made-up machine (bare.h) with a
 * made-up VMCB: MSRs, ports, messages between processors, stores to the local APIC, nested tables,
 * the instruction at an exit. TAP.
 */

#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "bare.h"
#include "common/acpi.h"
#include "common/apic.h"
#include "common/block.h"
#include "common/clock.h"
#include "results.h"
#include "svm/breakpoints.h"
#include "svm/calls_port.h"
#include "svm/calls_transfer.h"
#include "svm/code.h"
#include "svm/cpuid.h"
#include "svm/event.h"
#include "svm/exits.h"
#include "svm/guest_memory.h"
#include "svm/intercept.h"
#include "svm/machine.h"
#include "svm/memory.h"
#include "svm/msr.h"
#include "svm/ports.h"
#include "svm/processors.h"
#include "svm/watch.h"

#define CODE   0x101000u
#define TABLE  0x110000u
#define BLOCK  0x3C00000u
#define PM1A   0x604u
#define PM1B   0xB04u
#define SMI    0xB2u
#define LISTED 10u

#define ATTRIB_32 (ATTRIB_P | ATTRIB_DB | 0x1B)
#define ATTRIB_16 (ATTRIB_P | 0x1B)
#define ATTRIB_64 (ATTRIB_P | ATTRIB_L | 0x1B)

static struct vcpu *vcpu;
static struct guest_state *state;
static unsigned resets, ends, waits;
static jmp_buf end;

/* --- what needs more than the made-up machine --- */

uint8_t try_rdmsr(uint32_t msr, uint64_t *value) {
    return bare_msr(msr, value) ? 0 : VECTOR_GP;
}

uint8_t try_wrmsr(uint32_t msr, uint64_t value) {
    if (!bare_msr(msr, &(uint64_t){0})) {
        return VECTOR_GP;
    }
    wrmsr(msr, value);
    return 0;
}

/* The interrupt controller of a processor that takes it. */
struct taken take_interrupt(void) {
    for (uint32_t reg = APIC_IRR; reg < APIC_IRR + 0x80; reg += 16) {
        if (!*bare_apic(reg)) {
            continue;
        }
        *bare_apic(reg) &= *bare_apic(reg) - 1;
        return (struct taken){0x31, 0};
    }
    return (struct taken){NO_VECTOR, 0};
}

struct taken take_nmi(void) {
    return (struct taken){NO_VECTOR, 1};
}

struct taken wait_for_nmi(void) {
    if (++waits > 2) {
        longjmp(end, 1);
    }
    return (struct taken){NO_VECTOR, 0};
}

void unmask_nmi(void) {
}

_Noreturn void reset_machine(void) {
    resets++;
    longjmp(end, 1);
}

void on_end(void) {
    ends++;
}

/* The APIC ID at a place: this process runs on a processor that has one, too. */
static uint8_t id_of(unsigned place) {
    uint8_t own = (uint8_t)(cpuid(LEAF_FEATURES, 0).ebx >> 24);
    return place ? (uint8_t)((own < 0x80 ? 0x80 : 0x40) + place) : own;
}

unsigned list_processors(uint8_t *ids, unsigned max) {
    for (unsigned i = 0; i < LISTED && i < max; i++) {
        ids[i] = id_of(i);
    }
    return LISTED;
}

static struct sleep_ports found = {{PM1A, PM1B}, SMI, 5};

void find_sleep_ports(struct sleep_ports *ports) {
    *ports = found;
}

uint64_t cycles(void) {
    return __builtin_ia32_rdtsc();
}

uint64_t cycle_frequency(void) {
    return 1000;
}

static void reset(void) {
    static bool started;
    static const uint8_t code[4];
    bare_reset();
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    bare_set_msr(MSR_PAT, 0x0007040600070406);
    bare_set_msr(MSR_EFER, 0x1501);
    if (!started) {
        start_block(BLOCK, BLOCK);
        start_memory();
        start_intercepts();
        start_ports(true);
        take_processors(code, 0);
        for (unsigned i = 1; i < MAX_PROCESSORS; i++) {
            new_vcpu(i);
            has_arrived(i);
        }
        started = true;
    }
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        new_vcpu(i);
        vcpus[i].registers.called = vcpus[i].kicked = false;
        vcpus[i].vmcb->eventinj = 0;
    }
    bare_count = resets = ends = waits = 0;
    vcpu = &vcpus[0];
    state = state_of(vcpu);
    state->cs.attrib = ATTRIB_32;
    state->cr0 = CR0_PE;
    state->rip = CODE;
}

static void put(uint64_t at, uint64_t value, unsigned size) {
    memcpy((void *)(uintptr_t)at, &value, size);
}

static uint64_t look(uint64_t at, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, (void *)(uintptr_t)at, size);
    return value;
}

static void put_code(const char *bytes, unsigned size) {
    memcpy((void *)(uintptr_t)state->rip, bytes, size);
}

static void exits(uint64_t code, uint64_t info1, uint64_t info2) {
    vcpu->vmcb->exitcode = code;
    vcpu->vmcb->exitinfo1 = info1;
    vcpu->vmcb->exitinfo2 = info2;
    handle_exit(vcpu);
}

static uint64_t event(uint32_t kind, uint8_t vector) {
    return EVENT_VALID | kind | vector;
}

/* --- MSRs --- */

static bool map_has(uint32_t msr, unsigned access) {
    uint32_t part = msr < 0xC0000000u   ? 0
                    : msr < 0xC0010000u ? 1
                                        : 2,
             bit = part * 0x4000 + (msr & 0x1FFF) * 2;
    return msrpm[bit / 8] >> bit % 8 & access;
}

static void msrs_that_decode_memory_or_keep_smm_apart_are_not_written(void) {
    static const uint32_t refused[] = {0xC0010015, 0xC0010016, 0xC0010017, 0xC0010018, 0xC0010019,
                                       0xC001001A, 0xC001001D, 0xC001001F, 0xC0010058, 0xC0010111,
                                       0xC0010112, 0xC0010113, 0xC0010116, 0xC0010130, 0xC0011029,
                                       0xC0011020, 0xC0011023, 0x9E};
    for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        expect(2, map_has(refused[i], 2) * 2);
        expect(false, guest_wrmsr(vcpu, refused[i], 1)); /* it is not there */
        bare_set_msr(refused[i], 0x5A);
        expect(true, guest_wrmsr(vcpu, refused[i], 1)); /* it is, and stays */
        expect(0, bare_times(BARE_WRMSR, refused[i]));
    }
    expect(true, guest_wrmsr(vcpu, MSR_PATCH, 1));
    expect(0, bare_times(BARE_WRMSR, MSR_PATCH));
}

static void msrs_of_the_guests_own_are_written_without_an_exit(void) {
    static const uint32_t own[] = {0x48,       0x174,      0x175,      0x176,      0x200,
                                   0x20F,      0x26F,      0x2FF,      0x400,      0x47F,
                                   0x6E0,      0x80B,      0x8FF,      0xC0000081, 0xC0000084,
                                   0xC0000100, 0xC0000103, 0xC0010000, 0xC0010200, 0xC0010062};
    for (unsigned i = 0; i < sizeof(own) / sizeof(*own); i++) {
        expect(false, map_has(own[i], 3));
    }
}

static void hidden_msrs_are_not_there(void) {
    static const uint32_t hidden[] = {0xC0000104, 0xC0010114, 0xC0010117, 0xC0010118};
    uint64_t value;
    for (unsigned i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
        bare_set_msr(hidden[i], 0);
        expect(true, map_has(hidden[i], 1) && map_has(hidden[i], 2));
        expect(false, guest_rdmsr(vcpu, hidden[i], &value));
        expect(false, guest_wrmsr(vcpu, hidden[i], 0));
    }
}

static void syscfg_and_pat_and_apic_base_are_guarded(void) {
    uint64_t value = 0;
    bare_set_msr(MSR_SYSCFG, 0x100000);
    expect(true, guest_wrmsr(vcpu, MSR_SYSCFG, 0x2C0000));
    bare_msr(MSR_SYSCFG, &value);
    expect(0x1C0000, value);
    expect(false, guest_wrmsr(vcpu, MSR_PAT, 0x0007040600070402));
    expect(false, guest_wrmsr(vcpu, MSR_PAT, 0x0307040600070406));
    expect(false, guest_wrmsr(vcpu, MSR_PAT, 0x0008040600070406));
    expect(true, guest_wrmsr(vcpu, MSR_PAT, 0x0606060606060606));
    expect(0x0606060606060606, state->g_pat);
    expect(false, guest_wrmsr(vcpu, MSR_APIC_BASE, BLOCK | APIC_BASE_ENABLED));
    expect(false, guest_wrmsr(vcpu, MSR_APIC_BASE, 1ull << 40 | APIC_BASE | APIC_BASE_ENABLED));
    expect(true, guest_wrmsr(vcpu, MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2));
    expect(true, map_has(MSR_SYSCFG, 2) && map_has(MSR_PAT, 2) && map_has(MSR_APIC_BASE, 2));
    expect(true, map_has(MSR_X2APIC_ICR, 2) && map_has(MSR_EFER, 2) && map_has(MSR_TSC, 2));
}

static void efer_keeps_svme_and_drops_the_tlb(void) {
    uint64_t value;
    vcpu->vmcb->tlb_control = TLB_KEEP;
    state->efer = EFER_SVME;
    expect(false, guest_wrmsr(vcpu, MSR_EFER, EFER_SVME));
    expect(true, guest_wrmsr(vcpu, MSR_EFER, EFER_NXE));
    expect(TLB_FLUSH, vcpu->vmcb->tlb_control);
    expect(EFER_NXE | EFER_SVME, state->efer);
    expect(true, guest_rdmsr(vcpu, MSR_EFER, &value));
    expect(EFER_NXE, value);
    bare_msr(MSR_EFER, &value);
    expect(0x1501, value); /* the host's */
}

static void a_bad_msr_of_x2apic_is_the_guests_fault(void) {
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    put_code("\x0F\x30", 2);
    vcpu->registers.gpr.rcx = MSR_X2APIC_ICR;
    state->rax = 0x4041;
    exits(VMEXIT_MSR, 1, 0); /* there is none: WRMSR faults */
    expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP), vcpu->vmcb->eventinj);
    expect(CODE, state->rip);
    bare_set_msr(MSR_X2APIC_ICR, 0);
    state->rax = ICR_INIT | ICR_OTHERS | 1u << 20;
    exits(VMEXIT_MSR, 1, 0); /* reserved */
    expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP), vcpu->vmcb->eventinj);
    expect(false, vcpus[1].registers.called);
    state->rax = 0x4041;
    exits(VMEXIT_MSR, 1, 0);
    expect(0, vcpu->vmcb->eventinj);
    expect(1, bare_times(BARE_WRMSR, MSR_X2APIC_ICR));
    expect(CODE + 2, state->rip);
}

/* --- the instruction at an exit --- */

static void prefixes_are_counted_in_every_mode(void) {
    static const struct {
        uint16_t attrib;
        bool is_long;
        const char *bytes;
        unsigned prefixes;
    } cases[] = {{ATTRIB_32, false, "\x0F\xA2", 0},
                 {ATTRIB_32, false, "\x2E\x66\x0F\xA2", 2},
                 {ATTRIB_32, false, "\xF3\xF2\xF0\x67\x66\x65\x64\x3E\x36\x26\x0F\xA2", 10},
                 {ATTRIB_32, false, "\x48\x0F\xA2", 0}, /* DEC EAX */
                 {ATTRIB_32, true, "\x48\x0F\xA2", 0},  /* compatibility mode */
                 {ATTRIB_64, true, "\x48\x0F\xA2", 1},
                 {ATTRIB_64, true, "\x66\x41\x0F\x32", 2},
                 {ATTRIB_16, false, "\x66\x0F\xA2", 1}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct instruction instruction;
        state->efer = cases[i].is_long ? EFER_LMA : 0;
        state->cs.attrib = cases[i].attrib;
        memset((void *)(uintptr_t)CODE, 0x90, 16);
        put_code(cases[i].bytes, (unsigned)strlen(cases[i].bytes));
        read_instruction(vcpu, &instruction);
        expect(cases[i].prefixes, instruction.prefixes);
        expect(INSTRUCTION_MAX, instruction.size);
    }
}

/* One page, at 40000000h + CODE in the first levels' terms: whatever is larger is cut at the end.
 */
static void reads_through(unsigned levels, bool wide, unsigned leaf, uint64_t linear,
                          uint64_t physical) {
    struct instruction instruction;
    unsigned bits = wide ? 9 : 10, size = wide ? 8 : 4;
    memset((void *)(uintptr_t)TABLE, 0, 8 * PAGE_SIZE);
    for (unsigned level = levels; level-- > leaf;) {
        uint64_t at = TABLE + (levels - 1 - level) * PAGE_SIZE;
        uint64_t index = linear >> (12 + bits * level) & ((1u << bits) - 1);
        if (level == leaf) {
            put(at + index * size, physical | ENTRY_P | (leaf ? ENTRY_PS : 0), size);
        } else {
            put(at + index * size, (at + PAGE_SIZE) | ENTRY_P, size);
        }
    }
    state->rip = linear + CODE % PAGE_SIZE + 5;
    state->cr3 = TABLE;
    state->cr0 = CR0_PE | CR0_PG;
    read_instruction(vcpu, &instruction);
    expect(INSTRUCTION_MAX, instruction.size);
    expect(0x77, instruction.bytes[0]);
    expect(0x78, instruction.bytes[14]);
}

static void code_is_found_through_tables_of_every_kind(void) {
    put(CODE + 5, 0x77, 1);
    put(CODE + 19, 0x78, 1);
    reads_through(2, false, 0, 0xC0400000, CODE);
    state->cr4 = CR4_PSE;
    put(0x1000005, 0, 0);
    state->cr4 = CR4_PAE;
    reads_through(3, true, 0, 0xC0400000, CODE);
    state->efer = EFER_LMA | EFER_LME;
    state->cs.attrib = ATTRIB_64;
    reads_through(4, true, 0, 0xFFFFFFFF80400000, CODE);
    state->cr4 = CR4_PAE | CR4_LA57;
    reads_through(5, true, 0, 0xFF11223344556000, CODE);
}

/* Pages that hold CODE at their offset: 0 to 4 MiB, 2 MiB, 1 GiB. */
static void code_is_found_in_large_pages(void) {
    put(CODE + 5, 0x77, 1);
    put(CODE + 19, 0x78, 1);
    state->cr4 = CR4_PSE;
    reads_through(2, false, 1, 0xC0400000 + (CODE & -PAGE_SIZE), 0);
    state->cr4 = CR4_PAE;
    reads_through(3, true, 1, 0xC0400000 + (CODE & -PAGE_SIZE), 0);
    state->efer = EFER_LMA | EFER_LME;
    state->cs.attrib = ATTRIB_64;
    reads_through(4, true, 1, 0xFFFFFFFF80400000 + (CODE & -PAGE_SIZE), 0);
    reads_through(4, true, 2, 0xFFFFFFFF80000000 + (CODE & -PAGE_SIZE), 0);
}

/* The pages lie in reverse order. */
static void an_instruction_goes_on_in_the_next_page(void) {
    uint64_t linear = 0xC0400000, second = CODE & -PAGE_SIZE, first = second + PAGE_SIZE;
    for (unsigned in_first = 1; in_first < INSTRUCTION_MAX + 1; in_first++) {
        struct instruction i;
        uint64_t index = linear >> 12 & 0x3FF;
        put(TABLE + (linear >> 22) * 4, (TABLE + PAGE_SIZE) | ENTRY_P, 4);
        put(TABLE + PAGE_SIZE + index * 4, first | ENTRY_P, 4);
        put(TABLE + PAGE_SIZE + index * 4 + 4, second | ENTRY_P, 4);
        for (unsigned n = 0; n < INSTRUCTION_MAX; n++) {
            put(n < in_first ? first + PAGE_SIZE - in_first + n : second + n - in_first, 0x90 + n,
                1);
        }
        state->cr3 = TABLE;
        state->cr0 = CR0_PE | CR0_PG;
        state->rip = linear + PAGE_SIZE - in_first;
        read_instruction(vcpu, &i);
        expect(INSTRUCTION_MAX, i.size);
        for (unsigned n = 0; n < INSTRUCTION_MAX; n++) {
            expect(0x90 + n, i.bytes[n]);
        }
        put(TABLE + PAGE_SIZE + index * 4 + 4, 0, 4);
        read_instruction(vcpu, &i);
        expect(in_first, i.size);
    }
}

static void an_instruction_that_is_not_mapped_has_no_bytes(void) {
    struct instruction instruction;
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    read_instruction(vcpu, &instruction);
    expect(0, instruction.size);
    expect(0, instruction.prefixes);
    expect(false, decode_store(vcpu, &(struct store){0}));
}

static void stores_are_decoded_with_their_length(void) {
    static const struct {
        uint16_t attrib;
        const char *bytes;
        unsigned length, more; /* 0: none of ours; bytes behind the first NUL */
        uint32_t value;
    } cases[] = {
        {ATTRIB_32, "\x89\x0D\xB0\x00\xE0\xFE", 6, 6, 0x11111111},
        {ATTRIB_32, "\x89\x88\xB0\x00\x00\x00", 6, 6, 0x11111111},
        {ATTRIB_32, "\x89\x48\x20", 3, 3, 0x11111111},
        {ATTRIB_32, "\x89\x54\x24\x10", 4, 4, 0x22222222},
        {ATTRIB_32, "\x89\x14\x25\xB0\x00\xE0\xFE", 7, 7, 0x22222222},
        {ATTRIB_32, "\x89\x21", 2, 2, 0x44444444}, /* ESP */
        {ATTRIB_32, "\xC7\x05\xB0\x00\xE0\xFE\x78\x56\x34\x12", 10, 10, 0x12345678},
        {ATTRIB_32, "\xC7\x00\x78\x56\x34\x12", 6, 6, 0x12345678},
        {ATTRIB_32, "\xA3\xB0\x00\xE0\xFE", 5, 5, 0xAAAAAAAA},
        {ATTRIB_32, "\x2E\x89\x0D\xB0\x00\xE0\xFE", 7, 7, 0x11111111},
        {ATTRIB_32, "\x67\x89\x0E\xB0\x00", 5, 5, 0x11111111},
        {ATTRIB_32, "\x67\xA3\xB0\x00", 4, 4, 0xAAAAAAAA},
        {ATTRIB_32, "\x87\x08", 2, 2, 0x11111111},
        {ATTRIB_32, "\xF0\x87\x08", 3, 3, 0x11111111},
        {ATTRIB_16, "\x66\x89\x0E\xB0\x00", 5, 5, 0x11111111},
        {ATTRIB_16, "\x66\x67\x89\x08", 4, 4, 0x11111111},
        {ATTRIB_16, "\x66\xC7\x47\x10\x78\x56\x34\x12", 8, 8, 0x12345678},
        {ATTRIB_64, "\x44\x89\x08", 3, 3, 0x99999999},
        {ATTRIB_64, "\x44\xC7\x00\x78\x56\x34\x12", 7, 7, 0x12345678}, /* R: of no register */
        {ATTRIB_64, "\x41\x89\x08", 3, 3, 0x11111111},
        {ATTRIB_64, "\x89\x0D\xB0\x00\x00\x00", 6, 6, 0x11111111},
        {ATTRIB_64, "\xA3\xB0\x00\xE0\xFE\x00\x00\x00\x00", 9, 9, 0xAAAAAAAA},
        {ATTRIB_64, "\x67\xA3\xB0\x00\xE0\xFE", 6, 6, 0xAAAAAAAA},
        {ATTRIB_64, "\x42\xC7\x04\x25\xB0\x00\xE0\xFE\x78\x56\x34\x12", 12, 12, 0x12345678},
        {ATTRIB_32, "\x66\x89\x08", 0, 3, 0},
        {ATTRIB_32, "\x88\x08", 0, 2, 0},
        {ATTRIB_32, "\xF0\x89\x08", 0, 3, 0},
        {ATTRIB_32, "\xC7\x08\x78\x56\x34\x12", 0, 6, 0},
        {ATTRIB_32, "\x89\xC8", 0, 2, 0},
        {ATTRIB_32, "\x09\x08", 0, 2, 0},
        {ATTRIB_64, "\x48\x89\x08", 0, 3, 0},
        {ATTRIB_16, "\x89\x0E\xB0\x00", 0, 4, 0}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct store store;
        vcpu->registers.gpr.rcx = 0x11111111;
        vcpu->registers.gpr.rdx = 0x22222222;
        vcpu->registers.gpr.r9 = 0xFFFFFFFF99999999;
        state->rax = 0xAAAAAAAA;
        state->rsp = 0x44444444;
        state->efer = cases[i].attrib == ATTRIB_64 ? EFER_LMA : 0;
        state->cs.attrib = cases[i].attrib;
        memset((void *)(uintptr_t)CODE, 0x90, 16);
        put_code(cases[i].bytes, cases[i].more);
        expect(cases[i].length != 0, decode_store(vcpu, &store));
        if (!cases[i].length) {
            continue;
        }
        expect(cases[i].length, store.length);
        expect(cases[i].value, store.value);
    }
}

static void what_is_done_ends_shadow_and_rf_and_owes_the_step(void) {
    state->rflags = RFLAGS_RF | RFLAGS_TF | 2;
    vcpu->vmcb->interrupt_shadow = 1;
    end_instruction(vcpu, CODE + 2);
    expect(CODE + 2, state->rip);
    expect(RFLAGS_TF | 2, state->rflags);
    expect(0, vcpu->vmcb->interrupt_shadow);
    expect(DR6_BS, state->dr6 & DR6_BS);
    expect(event(EVENT_EXCEPTION, VECTOR_DB), vcpu->vmcb->eventinj);
    vcpu->vmcb->eventinj = 0;
    state->rflags = 2;
    end_instruction(vcpu, 0x100000002);
    expect(0, vcpu->vmcb->eventinj);
    expect(2, state->rip);
    state->efer = EFER_LMA;
    state->cs.attrib = ATTRIB_64;
    end_instruction(vcpu, 0x100000002);
    expect(0x100000002, state->rip);
}

static void invd_writes_back(void) {
    put_code("\x2E\x0F\x08", 3);
    exits(VMEXIT_INVD, 0, 0);
    expect(1, bare_wbinvds);
    expect(CODE + 3, state->rip);
    expect(INTERCEPT_INVD, vcpu->vmcb->intercept_misc1 & INTERCEPT_INVD);
}

/* --- CPUID --- */

static void cpuid_hides_what_needs_svm_and_mirrors_cr4(void) {
    uint32_t hidden = 1u << 2 | 1u << 10 | 1u << 12 | 1u << 15;
    expect(0, guest_cpuid(vcpu, 0x80000001, 0).ecx & hidden);
    expect(0, guest_cpuid(vcpu, 0x8000000A, 0).eax | guest_cpuid(vcpu, 0x8000001B, 0).eax |
                  guest_cpuid(vcpu, 0x8000001C, 0).eax | guest_cpuid(vcpu, 0x8000001F, 0).eax);
    expect(0, guest_cpuid(vcpu, 0x80000008, 0).ebx & (1u << 3 | 1u << 21));
    expect(0, guest_cpuid(vcpu, 0x80000008, 0).edx & 0xFFFF);
    state->cr4 = 0;
    expect(0, guest_cpuid(vcpu, 1, 0).ecx & 1u << 27);
    expect(0, guest_cpuid(vcpu, 7, 0).ecx & 1u << 4);
    state->cr4 = CR4_PKE | CR4_OSXSAVE;
    expect(1u << 27, guest_cpuid(vcpu, 1, 0).ecx & 1u << 27);
    expect(1u << 4, guest_cpuid(vcpu, 7, 0).ecx & 1u << 4);
    expect(0, (guest_cpuid(vcpu, 7, 1).ecx ^ cpuid(7, 1).ecx) & 1u << 4);
}

/* --- ports --- */

#define IOIO(port, size, flags)                                                                    \
    ((uint32_t)(port) << IOIO_PORT_SHIFT | (size) << IOIO_SIZE_SHIFT | (flags))

static bool port_exits(uint16_t port) {
    return iopm[port / 8] >> port % 8 & 1;
}

static void the_shutdown_byte_of_cmos_is_kept(void) {
    for (uint16_t port = 0x70; port < 0x78; port++) {
        expect(true, port_exits(port));
    }
    for (uint16_t port = 0x70; port < 0x78; port += 2) {
        bare_count = 0;
        guest_out(vcpu, port, 1, 0x8F);
        guest_out(vcpu, port + 1, 1, 0x0A);
        expect(0, bare_times(BARE_OUT, port + 1));
        expect(0x0A, guest_in(vcpu, port + 1, 1));
        guest_out(vcpu, port, 2, 0x340Fu);
        expect(0, bare_times(BARE_OUT, port + 1));
        expect(0x34, guest_in(vcpu, port + 1, 1));
        expect(0x3400, guest_in(vcpu, port, 2) & 0xFF00);
        guest_out(vcpu, port, 1, 0x0E);
        guest_out(vcpu, port + 1, 1, 0x77);
        expect(1, bare_times(BARE_OUT, port + 1));
        expect(0x77, bare_ports[port + 1]);
    }
}

/* Another pair of ports, or another processor, may have chosen it meanwhile. */
static void the_index_goes_out_again_before_the_data(void) {
    guest_out(vcpu, 0x70, 1, 0x0E);
    guest_out(vcpu, 0x74, 1, 0x0F);
    bare_ports[0x70] = 0x0F;
    guest_out(vcpu, 0x71, 1, 1);
    expect(0x0E, bare_ports[0x70]);
    expect(0x71, bare_events[bare_count - 1].where);
    expect(0x70, bare_events[bare_count - 2].where);
    bare_ports[0x70] = 0x0F;
    guest_in(vcpu, 0x71, 1);
    expect(0x0E, bare_ports[0x70]);
}

static void a_long_access_is_bytes_to_cmos(void) {
    guest_out(vcpu, 0x6E, 4, 0x0A0F2211);
    expect(0, bare_times(BARE_OUT, 0x71));
    expect(1, bare_times(BARE_OUT, 0x6E));
    expect(1, bare_times(BARE_OUT, 0x6F));
    expect(0x0A, guest_in(vcpu, 0x71, 1));
    guest_out(vcpu, 0x77, 4, 0);
    expect(1, bare_times(BARE_OUT, 0x7A));
}

static void of_sleeps_only_s5_goes_through(void) {
    static const uint16_t registers[] = {PM1A, PM1B};
    for (unsigned i = 0; i < 2; i++) {
        uint16_t at = registers[i];
        expect(true, port_exits(at + 1));
        for (uint32_t type = 0; type < 8; type++) {
            uint32_t value = 1 | type << 10 | 1u << 13,
                     seen = type == 5 ? value : value & ~(1u << 13);
            guest_out(vcpu, at, 2, value);
            expect(seen, bare_ports[at] | bare_ports[at + 1] << 8);
            guest_out(vcpu, at + 1, 1, value >> 8);
            expect(seen >> 8, bare_ports[at + 1]);
            guest_out(vcpu, at - 2, 4, value << 16 | 0x1234);
            expect(seen, bare_ports[at] | bare_ports[at + 1] << 8);
            guest_out(vcpu, at, 4, value | 0xFFFF0000);
            expect(seen, bare_ports[at] | bare_ports[at + 1] << 8);
        }
    }
}

static void smm_is_for_the_processor_that_boots(void) {
    expect(false, port_exits(SMI));
    expect(1, iopm_others[SMI / 8] >> SMI % 8 & 1);
    guest_out(&vcpus[0], SMI, 1, 0x55);
    expect(0x55, bare_ports[SMI]);
    guest_out(&vcpus[1], SMI, 1, 0x66);
    guest_out(&vcpus[1], SMI - 1, 2, 0x6666);
    expect(0x55, bare_ports[SMI]);
    expect(physical_of(iopm), vcpus[0].vmcb->iopm_base_pa);
    expect(physical_of(iopm_others), vcpus[1].vmcb->iopm_base_pa);
}

static void an_access_counts_for_what_it_covers(void) {
    static const struct {
        uint16_t port;
        unsigned size, last;
    } cases[] = {{0xF4, 1, 1}, {0xF1, 4, 1},   {0xF0, 4, 0},  {0xF5, 4, 0},
                 {0xF3, 2, 1}, {0x88FF, 2, 1}, {0x8901, 1, 0}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ends = 0;
        guest_in(vcpu, cases[i].port, cases[i].size);
        expect(0, ends);
        guest_out(vcpu, cases[i].port, cases[i].size, 0);
        expect(cases[i].last, ends);
    }
}

static void what_resets_or_powers_off_brings_the_figures(void) {
    static const struct {
        uint16_t port;
        unsigned size;
        uint32_t value;
        unsigned ends;
    } cases[] = {{0x64, 1, 0xFE, 1},
                 {0x64, 1, 0xF0, 1},
                 {0x64, 1, 0xFF, 0}, /* pulses nothing */
                 {0x64, 1, 0xEE, 0},
                 {0x64, 1, 0xAA, 0},
                 {0x63, 2, 0xFE00, 1},
                 {0x64, 2, 0xFE00, 0},
                 {0x92, 1, 0x01, 1},
                 {0x92, 1, 0x03, 1},
                 {0x92, 1, 0x02, 0},
                 {0x91, 2, 0x0100, 1},
                 {0xCF9, 1, 0x06, 1},
                 {0xCF9, 1, 0x0E, 1},
                 {0xCF9, 1, 0x02, 0},
                 {0xCF9, 1, 0x01, 0},
                 {0xCF8, 2, 0x0600, 1},
                 {0xCF8, 4, 0x80000600, 0}, /* PCI's address */
                 {PM1A, 2, 5 << 10 | 1 << 13, 1},
                 {PM1B + 1, 1, 5 << 2 | 1 << 5, 1},
                 {PM1A, 2, 5 << 10, 0},
                 {PM1A + 1, 1, 5 << 2 | 1, 0},
                 {PM1B + 1, 1, 5 << 2 | 1, 0},
                 {PM1A, 2, 1 << 10 | 1 << 13, 0}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ends = 0;
        guest_in(vcpu, cases[i].port, cases[i].size);
        expect(0, ends);
        guest_out(vcpu, cases[i].port, cases[i].size, cases[i].value);
        expect(cases[i].ends, ends);
        expect(1, bare_times(BARE_OUT, cases[i].port));
        bare_count = 0;
    }
}

/* ACPI gives 0 for a register that is not there: port 1 is not its second byte. */
static void one_control_register_is_enough(void) {
    for (unsigned missing = 0; missing < 2; missing++) {
        found.control[missing] = 0;
        start_ports(true);
        intercept_port(1, true);
        ends = 0;
        guest_out(vcpu, 1, 1, 0x20);
        expect(0x20, bare_ports[1]);
        expect(0, ends);
        guest_out(vcpu, missing ? PM1A : PM1B, 2, 5 << 10 | 1 << 13);
        expect(1, ends);
        intercept_port(1, false);
        found = (struct sleep_ports){{PM1A, PM1B}, SMI, 5};
    }
    start_ports(true);
    intercept_port(SMI + 1, true); /* there is no third one */
    guest_out(vcpu, SMI + 1, 1, 0x20);
    expect(0x20, bare_ports[SMI + 1]);
    intercept_port(SMI + 1, false);
}

/* --- a host bridge i440FX --- */

static uint32_t pci_address;
static uint8_t bridge[256 + 4], other_function[256 + 4];
static unsigned pci_accesses;

/* As QEMU's: two low bits of the address count for the register. */
static bool host_bridge(uint16_t port, unsigned size, bool write, uint32_t *value) {
    uint8_t *registers = (pci_address & 0x80FFFF00) == 0x80000000 ? bridge : other_function;
    void *at =
        port == 0xCF8 ? (void *)&pci_address : registers + ((pci_address & 0xFF) | (port & 3u));
    pci_accesses += port >= 0xCFC && port <= 0xCFF;
    if (port < 0xCF8 || port > 0xCFF || (port < 0xCFC && (port != 0xCF8 || size != 4))) {
        return false;
    }
    *value = write ? *value : 0;
    memcpy(write ? at : (void *)value, write ? (void *)value : at, size);
    return true;
}

static void the_bridge_keeps_the_bios_read_only(void) {
    static const struct {
        uint32_t address;
        uint16_t port;
        unsigned size;
        uint32_t value;
        uint8_t at, was, becomes;
    } cases[] = {{0x80000058, 0xCFD, 1, 0x30, 0x59, 0x10, 0x10}, /* F0000h: the write bit goes, */
                 {0x80000058, 0xCFD, 1, 0x11, 0x59, 0x00, 0x11},
                 {0x80000058, 0xCFD, 1, 0x30, 0x59, 0x30, 0x30}, /* where it was not set */
                 {0x80000058, 0xCFD, 1, 0x00, 0x59, 0x30, 0x00},
                 {0x80000058, 0xCFC, 4, 0x33333333, 0x59, 0x11, 0x11}, /* F0000h in a dword, */
                 {0x80000058, 0xCFC, 4, 0x33333333, 0x5A, 0x11, 0x33}, /* C0000h, free */
                 {0x80000058, 0xCFC, 2, 0x3333, 0x59, 0x11, 0x11},
                 {0x8000005C, 0xCFE, 2, 0x3333, 0x5E, 0x11, 0x11}, /* E0000h */
                 {0x8000005C, 0xCFE, 2, 0x3333, 0x5F, 0x13, 0x13}, /* E8000h, half of it open */
                 {0x8000005C, 0xCFC, 1, 0x33, 0x5C, 0x11, 0x33},
                 {0x80000059, 0xCFC, 1, 0x33, 0x59, 0x11, 0x11}, /* as QEMU alone has it */
                 {0x8000005B, 0xCFC, 4, 0x33333333, 0x5E, 0x11, 0x11}};
    memcpy(bridge, (const uint8_t[]){0x86, 0x80, 0x37, 0x12}, 4);
    pci_address = 0x80001234;
    bare_port_hook = host_bridge;
    start_ports(true);
    expect(0x80001234, pci_address); /* as it was */
    expect(true, port_exits(0xCF8) && port_exits(0xCFC) && port_exits(0xCFF));
    expect(false, port_exits(0xCF7) || port_exits(0xCFA) || port_exits(0xCFB) || port_exits(0xD00));
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        memset(bridge + 0x58, cases[i].was, 8);
        guest_out(vcpu, 0xCF8, 4, cases[i].address);
        expect(cases[i].address & ~3u, guest_in(vcpu, 0xCF8, 4));
        guest_out(vcpu, cases[i].port, cases[i].size, cases[i].value);
        expect(cases[i].becomes, bridge[cases[i].at]);
    }
    guest_out(vcpu, 0xCF8, 2, 0x1233); /* no address */
    expect(0x1233, bare_ports[0xCF8] | bare_ports[0xCF9] << 8);
    guest_out(vcpu, 0xCF7, 4, 0x80000233);
    expect(0x80000233, look((uintptr_t)bare_ports + 0xCF7, 4));
    guest_out(vcpu, 0xCF8, 4, 0x80000858); /* another device */
    guest_out(vcpu, 0xCFC, 4, 0x33333333);
    expect(0x33, other_function[0x59]);
    bare_port_hook = NULL;
    start_ports(true);
    expect(false, port_exits(0xCF8) || port_exits(0xCFC));
}

#define DATA 0x150100u

static void use_bridge(void) {
    memcpy(bridge, (const uint8_t[]){0x86, 0x80, 0x37, 0x12}, 4);
    bare_port_hook = host_bridge;
    start_ports(true);
    pci_address = 0x80000840; /* another device */
}

/* 32-bit code with flat segments. */
static void at_string(const char *code, unsigned size) {
    state->rip = CODE;
    put_code(code, size);
    state->cpl = 0;
    state->efer = EFER_SCE;
    state->cr0 = CR0_PE;
    state->cr3 = state->cr4 = 0;
    state->rflags = 3; /* with CF */
    state->ds = state->es = (struct segment){0x10, 0xC93, 0xFFFFFFFF, 0};
    vcpu->vmcb->eventinj = 0;
    vcpu->registers.gpr.rcx = 0xFFFFFFFF00000002;
    vcpu->registers.gpr.rsi = 0xFFFFFFFF00000000 | DATA;
    vcpu->registers.gpr.rdi = 0xFFFFFFFF00000000 | DATA;
    pci_accesses = 0;
}

static uint64_t bytes_of(uint64_t value, unsigned size) {
    return value & (~0ull >> (64 - 8 * size));
}

static void a_string_at_the_bridge_moves_an_element_at_an_exit(void) {
    use_bridge();
    for (unsigned n = 0; n < 3 * 2 * 2 * 3; n++) {
        unsigned size = 1u << n % 3, left = n / 12; /* elements; 0: no REP */
        bool is_in = n / 3 % 2, down = n / 6 % 2;
        uint64_t at = DATA + (down ? 0 - (uint64_t)size : size), *moved, *other;
        at_string("\xF3\x6F", 2);
        moved = is_in ? &vcpu->registers.gpr.rdi : &vcpu->registers.gpr.rsi;
        other = is_in ? &vcpu->registers.gpr.rsi : &vcpu->registers.gpr.rdi;
        state->rflags |= down ? RFLAGS_DF : 0;
        vcpu->registers.gpr.rcx = 0xFFFFFFFF00000000 | left;
        put(DATA - 8, 0x1111111111111111, 8);
        put(DATA, 0x8877665544332211, 8);
        memset(other_function + 0x40, 0xEE, 8);
        put((uintptr_t)other_function + 0x40, 0xDDCCBBAA, 4);
        exits(VMEXIT_IOIO,
              IOIO(0xCFC, size, IOIO_STRING | (is_in ? IOIO_IN : 0) | (left ? IOIO_REP : 0)),
              CODE + 2);
        expect(0, vcpu->vmcb->eventinj);
        expect(left > 1 ? CODE : CODE + 2, state->rip);
        expect(left ? left - 1 : -0x100000000, vcpu->registers.gpr.rcx);
        expect(at, *moved);
        expect(0xFFFFFFFF00000000 | DATA, *other);
        expect(1, pci_accesses);
        expect(bytes_of(is_in ? 0xDDCCBBAA : 0x44332211, size),
               bytes_of(is_in ? look(DATA, 8) : look((uintptr_t)other_function + 0x40, 8), size));
        expect(0x11, *(uint8_t *)(uintptr_t)(DATA - 1));
        expect(0x8877665544332211 >> 8 * size,
               look(DATA, 8) >> 8 * size); /* and nothing behind it */
        expect(is_in       ? 0xEE
               : size == 4 ? 0xEE
                           : 0xDD,
               is_in || size == 4 ? other_function[0x44] : other_function[0x43]);
    }
    memset(bridge + 0x58, 0x11, 8); /* and the BIOS stays read-only */
    pci_address = 0x80000058;
    at_string("\x6F", 1);
    put(DATA, 0x33333333, 4);
    exits(VMEXIT_IOIO, IOIO(0xCFC, 4, IOIO_STRING), CODE + 1);
    expect(0x33331133, look((uintptr_t)bridge + 0x58, 4));
}

static void strings_are_the_bridges_at_its_ports_alone(void) {
    static const struct {
        uint16_t port;
        unsigned size;
        bool is;
    } cases[] = {{0xCF8, 4, true},  {0xCF8, 1, true},  {0xCF7, 2, true},  {0xCF7, 1, false},
                 {0xCF9, 1, false}, {0xCFB, 1, false}, {0xCFB, 2, true},  {0xCFC, 1, true},
                 {0xCFF, 1, true},  {0xCFF, 2, true},  {0xD00, 1, false}, {0xF4, 1, false}};
    use_bridge();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        at_string("\x6F", 1);
        put(DATA, 0x80000840, 4);
        exits(VMEXIT_IOIO, IOIO(cases[i].port, cases[i].size, IOIO_STRING), CODE + 1);
        expect(cases[i].is ? CODE + 1 : CODE, state->rip);
        expect(0, vcpu->vmcb->eventinj);
    }
    bare_port_hook = NULL;
    start_ports(true);
    at_string("\x6F", 1);
    exits(VMEXIT_IOIO, IOIO(0xCFC, 4, IOIO_STRING), CODE + 1);
    expect(CODE, state->rip); /* no such bridge */
}

static void expect_refused_(int line, bool is_in, bool refused) {
    exits(VMEXIT_IOIO, IOIO(0xCFC, 4, IOIO_STRING | (is_in ? IOIO_IN : 0)), CODE + 3);
    expect_(line, "event", refused ? (int64_t)event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP) : 0,
            (int64_t)vcpu->vmcb->eventinj);
    expect_(line, "rip", refused ? CODE : CODE + 3, (int64_t)state->rip);
    expect_(line, "accesses", !refused, pci_accesses);
    expect_(line, "rsi", refused || is_in ? -0x100000000 | DATA : DATA + 4,
            (int64_t)vcpu->registers.gpr.rsi);
}

#define EXPECT_REFUSED(is_in, refused) expect_refused_(__LINE__, is_in, refused)

static void a_string_at_the_bridge_is_flat_or_refused(void) {
    static const char prefixes[] = "\x26\x2E\x36\x3E\x64\x65";
    use_bridge();
    for (unsigned is_in = 0; is_in < 2; is_in++) {
        struct segment *used = is_in ? &state->es : &state->ds,
                       *other = is_in ? &state->ds : &state->es;
        at_string("\x66\xF3\x6F", 3);
        EXPECT_REFUSED(is_in, false);
        at_string("\xF3\x6F", 2);
        state->cpl = 3;
        EXPECT_REFUSED(is_in, true);
        at_string("\xF3\x6F", 2);
        state->efer = EFER_LMA;
        EXPECT_REFUSED(is_in, true);
        at_string("\xF3\x6F", 2);
        state->cr0 = 2; /* MP */
        EXPECT_REFUSED(is_in, true);
        at_string("\xF3\x6F", 2);
        used->base = 16;
        EXPECT_REFUSED(is_in, true);
        at_string("\xF3\x6F", 2);
        used->limit = 0xFFFFF;
        EXPECT_REFUSED(is_in, true);
        at_string("\xF3\x6F", 2);
        other->base = other->limit = 16;
        EXPECT_REFUSED(is_in, false);
        at_string("\x67\x6F", 2);
        EXPECT_REFUSED(is_in, true);
        for (unsigned i = 0; i < 6; i++) {
            char first[] = {prefixes[i], 'o'}, last[] = {'\xF3', prefixes[i], 'o'};
            at_string(first, 2); /* OUTSD is 6Fh */
            EXPECT_REFUSED(is_in, true);
            at_string(last, 3);
            EXPECT_REFUSED(is_in, true);
        }
        at_string("\xF3\x6F\x26", 3); /* behind it */
        EXPECT_REFUSED(is_in, false);
    }
}

/* Before a byte has moved. */
static void a_page_fault_of_a_string_at_the_bridge_is_the_guests(void) {
    use_bridge();
    for (unsigned is_in = 0; is_in < 2; is_in++) {
        for (unsigned present = 0; present <= is_in; present++) {
            at_string("\xF3\x6F", 2);
            state->cr0 |= CR0_PG | CR0_WP;
            state->cr3 = TABLE;
            put(TABLE, (TABLE + PAGE_SIZE) | 3, 4);
            put(TABLE + PAGE_SIZE + CODE / PAGE_SIZE * 4, CODE | 1, 4);
            put(TABLE + PAGE_SIZE + DATA / PAGE_SIZE * 4, (DATA & -PAGE_SIZE) | present, 4);
            exits(VMEXIT_IOIO, IOIO(0xCFC, 4, IOIO_STRING | IOIO_REP | (is_in ? IOIO_IN : 0)),
                  CODE + 2);
            expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_PF) | (is_in ? 2ull | present : 0)
                                                                         << 32,
                   vcpu->vmcb->eventinj);
            expect(DATA, state->cr2);
            expect(CODE, state->rip);
            expect(0, pci_accesses);
            expect(-0x100000000 | 2, vcpu->registers.gpr.rcx);
            expect(-0x100000000 | DATA, vcpu->registers.gpr.rsi);
            expect(-0x100000000 | DATA, vcpu->registers.gpr.rdi);
        }
    }
}

/* --- two processors at once --- */

static sigjmp_buf gives_up;
static unsigned waiters, passers;
static void (*meanwhile)(void);

static void on_time(int number) {
    (void)number;
    siglongjmp(gives_up, 1);
}

/* What another processor does in the middle of an access. One that waits does so for as long as it
 * gets processor time, of which it gets some. */
static bool at_once(uint16_t port, unsigned size, bool write, uint32_t *value) {
    struct itimerval some = {.it_value = {0, 2000}}, none = {.it_value = {0, 0}};
    void (*access)(void) = meanwhile;
    meanwhile = NULL;
    if (access) {
        signal(SIGVTALRM, on_time);
        if (sigsetjmp(gives_up, 1)) {
            waiters++;
        } else {
            setitimer(ITIMER_VIRTUAL, &some, NULL);
            access();
            passers++;
        }
        setitimer(ITIMER_VIRTUAL, &none, NULL);
    }
    return host_bridge(port, size, write, value);
}

static void reads_cmos(void) {
    guest_in(&vcpus[1], 0x73, 1);
}

static void writes_cmos(void) {
    guest_out(&vcpus[1], 0x72, 1, 1);
}

static void writes_address(void) {
    guest_out(&vcpus[1], 0xCF8, 4, 0x80000000);
}

static void an_index_and_its_data_are_one_processors(void) {
    static void (*const others[])(void) = {reads_cmos, writes_cmos, writes_address};
    use_bridge();
    guest_out(vcpu, 0x70, 1, 0x10); /* not the byte that is kept */
    bare_port_hook = at_once;
    for (unsigned i = 0; i < 5; i++) {
        meanwhile = others[i / 2];
        if (i < 4) {
            i % 2 ? guest_out(vcpu, 0x71, 1, 1) : (void)guest_in(vcpu, 0x71, 1);
        } else {
            guest_out(vcpu, 0xCFC, 4, 1);
        }
        expect(i + 1, waiters);
        expect(0, passers);
    }
    meanwhile = NULL;
    bare_port_hook = NULL;
    start_ports(true);
}

static void ports_that_reset_are_watched_where_it_is_asked_for(void) {
    static const uint16_t emulators[] = {0xF4, 0x8900}, all[] = {0x64, 0x92, 0xCF9};
    leave_end_ports(0, 0xFFFF);
    watch_end_ports(false);
    for (unsigned i = 0; i < 2; i++) {
        expect(true, port_exits(emulators[i]));
    }
    for (unsigned i = 0; i < 3; i++) {
        expect(false, port_exits(all[i]));
        expect(false, is_watched_port(all[i], 1));
        guest_out(vcpu, all[i], 1, 0xFE);
    }
    expect(0, ends);
    watch_end_ports(true);
    for (unsigned i = 0; i < 3; i++) {
        expect(true, port_exits(all[i]));
        expect(true, is_watched_port((uint16_t)(all[i] - 1), 2));
        exits(VMEXIT_IOIO, IOIO(all[i], 1, IOIO_STRING), CODE + 1); /* it is the guest's */
        expect(false, port_exits(all[i]));
    }
    expect(true, port_exits(0xF4));
    expect(0, ends);
    watch_end_ports(true);
}

static void shutdown_of_the_processor_that_boots_brings_the_figures(void) {
    struct vmi_frame frame = {0};
    call_shutdown(&vcpus[1], &frame);
    expect(0, ends);
    call_shutdown(&vcpus[0], &frame);
    expect(1, ends);
}

static void a_port_is_read_into_its_part_of_rax(void) {
    for (uint8_t i = 0; i < 5; i++) {
        bare_ports[0xF0 + i] = (uint8_t)(0x11 * (i + 1));
    }
    state->rax = 0xFFFFFFFFFFFFFFFF;
    exits(VMEXIT_IOIO, IOIO(0xF4, 1, IOIO_IN), CODE + 2);
    expect(0xFFFFFFFFFFFFFF55, state->rax);
    expect(CODE + 2, state->rip);
    exits(VMEXIT_IOIO, IOIO(0xF3, 2, IOIO_IN), CODE + 4);
    expect(0xFFFFFFFFFFFF5544, state->rax);
    exits(VMEXIT_IOIO, IOIO(0xF1, 4, IOIO_IN), CODE + 5);
    expect(0x55443322, state->rax);
    expect(CODE + 5, state->rip);
}

static void a_string_at_a_guarded_port_is_refused(void) {
    exits(VMEXIT_IOIO, IOIO(0x71, 1, IOIO_STRING), CODE + 1);
    expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP), vcpu->vmcb->eventinj);
    expect(CODE, state->rip);
    exits(VMEXIT_IOIO, IOIO(0x6E, 4, IOIO_STRING), CODE + 1);
    expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP), vcpu->vmcb->eventinj);
    exits(VMEXIT_IOIO, IOIO(PM1A, 2, IOIO_STRING), CODE + 1);
    expect(event(EVENT_EXCEPTION | EVENT_ERROR, VECTOR_GP), vcpu->vmcb->eventinj);
    exits(VMEXIT_IOIO, IOIO(0x8900, 1, IOIO_STRING), CODE + 1);
    expect(0, vcpu->vmcb->eventinj);
    expect(1, ends);
    expect(CODE, state->rip);
    expect(0, bare_count);
}

/* --- stores to the local APIC --- */

static void stored(const char *code, unsigned size, uint64_t address) {
    state->rip = CODE;
    put_code(code, size);
    exits(VMEXIT_NPF, NPF_WRITE, address);
}

static void a_store_is_done_without_a_step(void) {
    vcpu->registers.gpr.rcx = 0;
    stored("\x89\x0D\xB0\x00\xE0\xFE", 6, APIC_BASE + APIC_EOI);
    expect(1, bare_times(BARE_STORE, APIC_EOI));
    expect(CODE + 6, state->rip);
    expect(false, vcpu->step.on);
    *bare_apic(APIC_TPR) = 0x20;
    vcpu->registers.gpr.rcx = 0xFFFFFFFF00000050;
    stored("\x87\x0D\x80\x00\xE0\xFE", 6, APIC_BASE + APIC_TPR);
    expect(0x50, *bare_apic(APIC_TPR));
    expect(0x20, vcpu->registers.gpr.rcx);
}

static void what_is_no_register_is_not_stored(void) {
    static const uint32_t places[] = {0,      0x10,   0x20,    0x304,    0x308,   0x30C,
                                      0x1000, 0x1300, 0xFF000, 0x100300, 0x1FF000};
    vcpu->registers.gpr.rcx = ICR_ASSERT | ICR_INIT | ICR_OTHERS;
    for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
        stored("\x89\x08", 2, APIC_BASE + places[i]);
        expect(CODE + 2, state->rip);
        expect(0, bare_count);
        expect(false, vcpus[1].registers.called);
    }
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    stored("\x89\x08", 2, APIC_BASE + APIC_ICR);
    expect(0, bare_count);
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    stored("\x89\x08", 2, APIC_BASE + APIC_ICR);
    expect(0, bare_count);
    expect(false, vcpus[1].registers.called);
}

static void other_instructions_run_alone_against_a_page(void) {
    *bare_apic(APIC_TPR) = 0x20;
    state->rflags = RFLAGS_IF | 2;
    stored("\x09\x08", 2, APIC_BASE + APIC_TPR);
    expect(true, vcpu->step.on);
    expect(RFLAGS_TF | 2, state->rflags);
    expect(CODE, state->rip);
    expect(0x20, *vcpu->step.value);
    *vcpu->step.value = 0x30;
    exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
    expect(0x30, *bare_apic(APIC_TPR));
    expect(RFLAGS_IF | 2, state->rflags);
    expect(false, vcpu->step.on);
    expect(INTERCEPT_NMI, vcpu->vmcb->intercept_misc1 & INTERCEPT_NMI);
    expect(0, vcpu->vmcb->intercept_exceptions);
}

static void a_walk_through_the_apic_is_no_store(void) {
    put_code("\x89\x08", 2);
    exits(VMEXIT_NPF, NPF_WRITE | NPF_WALK, APIC_BASE + APIC_TPR);
    expect(true, vcpu->step.on);
    exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
}

static void an_event_that_was_on_its_way_comes_again(void) {
    vcpu->vmcb->exitintinfo = event(EVENT_INTERRUPT, 0x41);
    put_code("\x89\x08", 2);
    exits(VMEXIT_NPF, NPF_WRITE, APIC_BASE + APIC_TPR);
    expect(event(EVENT_INTERRUPT, 0x41), vcpu->vmcb->eventinj);
    expect(1, vcpu->step.count);
    expect(false, vcpu->step.on);
    expect(CODE, state->rip);
    vcpu->vmcb->exitintinfo = 0;
    put_code("\x0F\xA2", 2);
    exits(VMEXIT_CPUID, 0, 0);
    expect(0, vcpu->step.count);
}

static void no_more_pages_are_open_than_an_access_touches(void) {
    put_code("\x09\x08", 2);
    exits(VMEXIT_NPF, NPF_WRITE, APIC_BASE + APIC_TPR);
    exits(VMEXIT_NPF, NPF_WRITE, APIC_BASE + PAGE_SIZE);
    expect(2, vcpu->step.count);
    expect(false, watched_write(vcpu));
    exits(VMEXIT_EXCP0 + VECTOR_DB, 0, 0);
    expect(0, vcpu->step.count);
}

/* --- messages --- */

/* All that was sent is NMIs. */
static unsigned kicks(void) {
    unsigned nmis = 0;
    for (unsigned i = 0; i < bare_count; i++) {
        if (bare_events[i].kind != BARE_STORE || bare_events[i].where != APIC_ICR) {
            continue;
        }
        expect(ICR_ASSERT | ICR_NMI, bare_events[i].value);
        nmis++;
    }
    return nmis;
}

static uint32_t called(void) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        bits |= (uint32_t)vcpus[i].registers.called << i;
        vcpus[i].registers.called = vcpus[i].kicked = false;
    }
    return bits;
}

static uint32_t whom(uint32_t command, uint32_t destination) {
    called();
    expect(true, send_interrupt(vcpu, command, destination));
    return called();
}

static void an_init_calls_those_that_are_named(void) {
    vcpu = &vcpus[1];
    expect(1u << 3, whom(ICR_INIT | ICR_ASSERT, id_of(3)));
    expect(0, whom(ICR_INIT | ICR_ASSERT, id_of(9)));        /* no place */
    expect(0, whom(ICR_INIT | ICR_ASSERT, id_of(1) ^ 0x20)); /* not there */
    expect(0, whom(ICR_INIT | ICR_LEVEL, id_of(3)));         /* the end of one */
    expect(1u << 1, whom(ICR_INIT | ICR_ASSERT | ICR_SELF, 3));
    expect(1, kicks()); /* none to itself */
    vcpu = &vcpus[0];
    expect(0xFE, whom(ICR_INIT | ICR_ASSERT | ICR_OTHERS, 3));
    expect(8, kicks());
}

static void a_startup_is_for_those_that_wait(void) {
    whom(ICR_INIT | ICR_ASSERT, id_of(4));
    expect(1u << 4, whom(ICR_STARTUP | 0x12, id_of(4)));
    expect(0, whom(ICR_STARTUP | 0x13, id_of(4)));
    expect(2, kicks());
}

static void an_smi_goes_nowhere_and_an_nmi_as_it_is(void) {
    expect(0, whom(ICR_SMI | ICR_ASSERT, 2));
    expect(0, whom(ICR_SMI | ICR_ASSERT | ICR_OTHERS, 2));
    expect(0, bare_count);
    expect(0, whom(ICR_NMI | ICR_ASSERT | ICR_OTHERS, 2));
    expect(0, whom(0x4041, 2));
    expect(2, bare_times(BARE_STORE, APIC_ICR));
    expect(0, bare_times(BARE_STORE, APIC_ICR_HIGH));
}

static void a_logical_id_is_the_registers(void) {
    for (unsigned i = 1; i < 4; i++) {
        *bare_apic(APIC_LDR) = 1u << (24 + i);
        *bare_apic(APIC_DFR) = DFR_FLAT;
        note_logical_id(&vcpus[i]);
    }
    expect(0x0A, whom(ICR_INIT | ICR_ASSERT | ICR_LOGICAL, 0x0A));
    expect(0, whom(ICR_INIT | ICR_ASSERT | ICR_LOGICAL, 0x10));
    for (unsigned i = 1; i < 4; i++) {
        *bare_apic(APIC_LDR) = (0x20u | 1u << i) << 24;
        *bare_apic(APIC_DFR) = 0x0FFFFFFF;
        note_logical_id(&vcpus[i]);
    }
    expect(0x06, whom(ICR_INIT | ICR_ASSERT | ICR_LOGICAL, 0x26));
    expect(0, whom(ICR_INIT | ICR_ASSERT | ICR_LOGICAL, 0x16));
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    bare_set_msr(MSR_X2APIC_ICR, 0);
    expect(0x0C, whom(ICR_INIT | ICR_ASSERT | ICR_LOGICAL, (uint32_t)id_of(1) >> 4 << 16 | 0xC));
    expect(0,
           whom(ICR_INIT | ICR_ASSERT | ICR_LOGICAL, ((uint32_t)(id_of(1) >> 4) + 1) << 16 | 0xC));
    expect(1u << 3, whom(ICR_INIT | ICR_ASSERT, id_of(3)));
    expect(false, send_interrupt(vcpu, ICR_STARTUP | 1u << 13, id_of(3)));
}

static void no_interrupt_of_the_apics_own_is_an_smi_or_an_init(void) {
    static const uint32_t lvts[] = {0x2F0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x500, 0x530};
    for (unsigned i = 0; i < sizeof(lvts) / sizeof(*lvts); i++) {
        expect(LVT_MASKED | ICR_SMI | 0x41, without_smi(lvts[i], ICR_SMI | 0x41));
        expect(LVT_MASKED | ICR_INIT, without_smi(lvts[i], ICR_INIT));
        expect(ICR_NMI, without_smi(lvts[i], ICR_NMI));
        expect(0x700, without_smi(lvts[i], 0x700));
        expect(0x20041, without_smi(lvts[i], 0x20041));
        expect(true, map_has(MSR_X2APIC + lvts[i] / 16, 2));
    }
    expect(ICR_SMI, without_smi(APIC_COUNT, ICR_SMI));
    expect(ICR_SMI, without_smi(0x310, ICR_SMI));
    vcpu->registers.gpr.rcx = ICR_SMI;
    state->rip = CODE;
    put_code("\x89\x08", 2);
    exits(VMEXIT_NPF, NPF_WRITE, APIC_BASE + APIC_LVTT);
    expect(LVT_MASKED | ICR_SMI, *bare_apic(APIC_LVTT));
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    bare_set_msr(MSR_X2APIC_LVTT + 5, 0);
    expect(true, guest_wrmsr(vcpu, MSR_X2APIC_LVTT + 5, 0xFFFFFFFF00000000ull | ICR_SMI));
    expect(1, bare_times(BARE_WRMSR, MSR_X2APIC_LVTT + 5));
    expect(0xFFFFFFFF00000000ull | LVT_MASKED | ICR_SMI, bare_events[bare_count - 1].value);
}

static void what_vmrun_refuses_is_mended_before_it(void) {
    static const uint64_t codes[] = {VMEXIT_CPUID, VMEXIT_VMMCALL};
    for (unsigned i = 0; i < 2; i++) {
        put_code("\x0F\xA2", 2);
        state->cr0 = CR0_PE | CR0_NW;
        exits(codes[i], 0, 0);
        expect(CR0_PE, state->cr0);
        state->cr0 = CR0_PE | CR0_NW | CR0_CD;
        exits(codes[i], 0, 0);
        expect(CR0_PE | CR0_NW | CR0_CD, state->cr0);
    }
    state->cr0 = CR0_PE | CR0_NW;
    guest_code(vcpu, CODE);
    expect(CR0_PE, state->cr0);
    state->cr0 = CR0_PE | CR0_NW;
    state->cpl = 3;
    handle_call(vcpu);
    expect(CR0_PE, state->cr0);
    state->cpl = 0;
}

static void an_init_of_the_boot_processor_resets_the_machine(void) {
    static const uint32_t commands[] = {ICR_SELF, ICR_ALL, 0};
    for (volatile unsigned i = 0; i < 3; i++) {
        if (!setjmp(end)) {
            send_interrupt(vcpu, ICR_INIT | ICR_ASSERT | commands[i], i == 2 ? 0xFF : 0);
        }
        expect(i + 1, resets);
    }
}

static void one_that_is_called_starts_where_it_is_sent(void) {
    struct vcpu *other = &vcpus[5];
    other->vmcb->tsc_offset = 77;
    for (unsigned i = 0; i < 8; i++) {
        bare_dr[i] = 1;
    }
    *bare_apic(APIC_IRR + 0x20) = 0x5;
    *bare_apic(APIC_LVTT) = 0x20041;
    *bare_apic(APIC_SVR) = 0x1FF;
    send_interrupt(vcpu, ICR_INIT | ICR_ASSERT, id_of(5));
    send_interrupt(vcpu, ICR_STARTUP | 0x9A, id_of(5));
    expect(1, kicks());
    bare_count = 0;
    obey(other);
    expect(0x9A00, state_of(other)->cs.selector);
    expect(0x9A000, state_of(other)->cs.base);
    expect(0, state_of(other)->rip);
    expect(EFER_SVME, state_of(other)->efer);
    expect(0x60000010, state_of(other)->cr0);
    expect(77, other->vmcb->tsc_offset);
    expect(0, bare_dr[0] | bare_dr[3]);
    expect(false, other->registers.called || other->kicked);
    expect(0, *bare_apic(APIC_IRR + 0x20));
    expect(2, bare_times(BARE_STORE, APIC_EOI));
    expect(LVT_MASKED, *bare_apic(APIC_LVTT));
    expect(SVR_INIT, *bare_apic(APIC_SVR));
    expect(0, kicks());
    expect(0, other->vmcb->eventinj);
}

static void an_init_takes_a_startup_of_before_away(void) {
    struct vcpu *other = &vcpus[6];
    send_interrupt(vcpu, ICR_INIT | ICR_ASSERT, id_of(6));
    send_interrupt(vcpu, ICR_STARTUP | 0x9A, id_of(6));
    send_interrupt(vcpu, ICR_INIT | ICR_ASSERT, id_of(6));
    if (!setjmp(end)) {
        obey(other);
    }
    expect(3, waits);
    expect(false, other->registers.called);
}

/* --- NMIs --- */

static void a_kick_is_not_the_guests(void) {
    vcpu->kicked = true;
    exits(VMEXIT_NMI, 0, 0);
    expect(false, vcpu->kicked);
    expect(0, vcpu->vmcb->eventinj);
    expect(INTERCEPT_NMI, vcpu->vmcb->intercept_misc1 & (INTERCEPT_NMI | INTERCEPT_IRET));
}

static void another_nmi_is_the_guests_until_its_handler_returns(void) {
    exits(VMEXIT_NMI, 0, 0);
    expect(INTERCEPT_IRET, vcpu->vmcb->intercept_misc1 & (INTERCEPT_NMI | INTERCEPT_IRET));
    expect(0, vcpu->vmcb->eventinj);
    exits(VMEXIT_IRET, 0, 0);
    expect(INTERCEPT_NMI, vcpu->vmcb->intercept_misc1 & (INTERCEPT_NMI | INTERCEPT_IRET));
    expect(CODE, state->rip);
}

static void an_interrupt_beside_an_nmi_keeps_its_vector(void) {
    deliver_taken(vcpu, (struct taken){0x30, 1});
    expect(0x30, vcpu->vmcb->interrupt_control >> V_VECTOR_SHIFT & 0xFF);
    vcpu->vmcb->interrupt_control &= ~(uint64_t)V_IRQ;
    deliver_taken(vcpu, (struct taken){0x41, 1});
    expect(0x41, vcpu->vmcb->interrupt_control >> V_VECTOR_SHIFT & 0xFF);
    expect(V_IRQ, vcpu->vmcb->interrupt_control & V_IRQ);
    expect(event(EVENT_NMI, VECTOR_NMI), vcpu->vmcb->eventinj);
    deliver_taken(vcpu, (struct taken){0x42, 0});
    expect(event(EVENT_INTERRUPT, 0x42), vcpu->vmcb->eventinj);
}

/* --- alarms --- */

#define PIC_MASK     0x21u
#define PIT_COMMAND  0x43u
#define PIT_REPEATED 0x34u

static unsigned shots(uint8_t mode) {
    unsigned count = 0;
    for (unsigned i = 0; i < bare_count; i++) {
        count += bare_events[i].kind == BARE_OUT && bare_events[i].where == PIT_COMMAND &&
                 bare_events[i].value == mode;
    }
    return count;
}

/* A shot of the PIT has ended since the PIC masks the line: the I/O APIC may have masked it, too.
 */
static void any_exit_looks_for_overdue_alarms(void) {
    static const uint64_t codes[] = {VMEXIT_CPUID, VMEXIT_MSR, VMEXIT_IOIO, VMEXIT_VMMCALL};
    for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        struct alarm alarm = {.armed = true, .expiry = 1};
        bare_ports[PIC_MASK] = 0;
        expect(true, set_alarm(&vcpu->alarms, 0, &alarm));
        watch_timers(vcpu);
        bare_ports[PIC_MASK] = 1;
        bare_count = 0;
        put_code("\x0F\xA2", 2);
        vcpu->registers.gpr.rcx = MSR_EFER;
        exits(codes[i], 0x80u << 16 | 0x11, CODE + 2);
        expect(1, shots(PIT_REPEATED));
        exits(codes[i], 0x80u << 16 | 0x11, CODE + 2);
        expect(1, shots(PIT_REPEATED)); /* that one comes again by itself */
        guest_takes_pit();
        cancel_alarm(&vcpu->alarms, 0);
        guest_takes_pit();
    }
    watch_timers(vcpu);
    bare_count = 0;
    exits(VMEXIT_CPUID, 0, 0);
    expect(0, shots(PIT_REPEATED));
}

/* --- nested tables --- */

#define FRAME_OF(entry) ((entry)&0x000FFFFFFFFFF000ull)

/* The entry that maps a guest address, of whatever size. */
static uint64_t mapped(unsigned processor, uint64_t address) {
    const uint64_t *table = (const uint64_t *)map_guest(processor);
    uint64_t entry = 0;
    for (int shift = 39; shift >= 12; shift -= 9) {
        entry = table[address >> shift & 511];
        if (!(entry & ENTRY_P) || (entry & ENTRY_PS && shift > 12)) {
            break;
        }
        table = (const uint64_t *)FRAME_OF(entry);
    }
    return entry;
}

static void the_local_apics_range_can_only_be_read(void) {
    for (unsigned i = 0; i < 2; i++) {
        expect(APIC_BASE | ENTRY_P | ENTRY_US, mapped(i, APIC_BASE));
        expect(0, mapped(i, APIC_BASE + 0x1000) & ENTRY_RW);
        expect(0, mapped(i, APIC_BASE + 0xFF000) & ENTRY_RW);
        expect(0, mapped(i, APIC_BASE + 0x100000) & ENTRY_RW); /* the A20 gate's other name */
        expect(0, mapped(i, APIC_BASE + 0x1FF000) & ENTRY_RW);
        expect(ENTRY_RW, mapped(i, APIC_BASE + 0x200000) & ENTRY_RW);
        expect(ENTRY_RW, mapped(i, APIC_BASE - 0x1000) & ENTRY_RW);
    }
    expect(true, is_apic(APIC_BASE) && is_apic(APIC_BASE + 0x1FFFFF));
    expect(false, is_apic(APIC_BASE - 1) || is_apic(APIC_BASE + 0x200000));
    expect(false,
           guest_physical(APIC_BASE + 0x300, true) == (void *)(uintptr_t)(APIC_BASE + 0x300));
}

static void the_monitor_is_a_decoy_in_every_page(void) {
    uint64_t decoy = FRAME_OF(mapped(0, BLOCK));
    expect(false, decoy >= BLOCK && decoy < BLOCK + 0x200000);
    expect(decoy, FRAME_OF(mapped(1, BLOCK + 0x1FF000)));
    expect(decoy, (uintptr_t)guest_physical(BLOCK + 0x1000, true));
    expect(BLOCK - 0x200000, FRAME_OF(mapped(0, BLOCK - 0x200000)));
    expect(BLOCK + 0x200000, FRAME_OF(mapped(0, BLOCK + 0x200000)));
    expect(decoy, FRAME_OF(mapped(0, 1ull << 39)));
    expect(decoy, (uintptr_t)guest_physical(1ull << 39, false));
}

static void the_bios_stays_as_it_is_where_it_cannot_be_written(void) {
    expect(ENTRY_RW, mapped(0, BARE_BIOS) & ENTRY_RW);
    expect(0, mapped(0, 0xF0000) & ENTRY_RW);
    expect(0xFF000 | ENTRY_P | ENTRY_US, mapped(7, 0xFF000));
    expect(ENTRY_RW, mapped(0, 0x100000) & ENTRY_RW);
    expect(true, is_shown(0xF0000));
    expect(false, is_shown(BARE_BIOS));
}

static void memory_above_4_gib_is_itself(void) {
    expect(0x100000000, FRAME_OF(mapped(0, 0x100000000)));
    expect(0x123400000,
           FRAME_OF(mapped(0, 0x123400000)) | (mapped(0, 0x123400000) & 0x3FE00000) | 0x23400000);
    expect(0x123456000, (uintptr_t)guest_physical(0x123456000, true));
}

static void a_page_is_opened_for_one_processor_and_closed(void) {
    uint8_t *page = open_page(2, APIC_BASE + 0x1000);
    const uint64_t *pml4 = (const uint64_t *)vcpus[2].vmcb->n_cr3;
    const uint64_t *pdpt = (const uint64_t *)FRAME_OF(pml4[0]),
                   *pd = (const uint64_t *)FRAME_OF(pdpt[3]);
    const uint64_t *pt = (const uint64_t *)FRAME_OF(pd[APIC_BASE % 0x40000000 / 0x200000]);
    expect((uintptr_t)page, FRAME_OF(pt[1]));
    expect(ENTRY_RW, pt[1] & ENTRY_RW);
    expect(APIC_BASE, FRAME_OF(pt[0]));
    close_page(2, APIC_BASE + 0x1000);
    expect((APIC_BASE + 0x1000) | ENTRY_P | ENTRY_US, pt[1]);
}

int main(void) {
    bare_start();
    each_test_starts_with(reset);
    RUN(msrs_that_decode_memory_or_keep_smm_apart_are_not_written);
    RUN(msrs_of_the_guests_own_are_written_without_an_exit);
    RUN(hidden_msrs_are_not_there);
    RUN(syscfg_and_pat_and_apic_base_are_guarded);
    RUN(efer_keeps_svme_and_drops_the_tlb);
    RUN(a_bad_msr_of_x2apic_is_the_guests_fault);
    RUN(prefixes_are_counted_in_every_mode);
    RUN(code_is_found_through_tables_of_every_kind);
    RUN(code_is_found_in_large_pages);
    RUN(an_instruction_goes_on_in_the_next_page);
    RUN(an_instruction_that_is_not_mapped_has_no_bytes);
    RUN(stores_are_decoded_with_their_length);
    RUN(what_is_done_ends_shadow_and_rf_and_owes_the_step);
    RUN(invd_writes_back);
    RUN(cpuid_hides_what_needs_svm_and_mirrors_cr4);
    RUN(the_shutdown_byte_of_cmos_is_kept);
    RUN(the_index_goes_out_again_before_the_data);
    RUN(a_long_access_is_bytes_to_cmos);
    RUN(of_sleeps_only_s5_goes_through);
    RUN(smm_is_for_the_processor_that_boots);
    RUN(an_access_counts_for_what_it_covers);
    RUN(what_resets_or_powers_off_brings_the_figures);
    RUN(one_control_register_is_enough);
    RUN(the_bridge_keeps_the_bios_read_only);
    RUN(a_string_at_the_bridge_moves_an_element_at_an_exit);
    RUN(strings_are_the_bridges_at_its_ports_alone);
    RUN(a_string_at_the_bridge_is_flat_or_refused);
    RUN(a_page_fault_of_a_string_at_the_bridge_is_the_guests);
    RUN(an_index_and_its_data_are_one_processors);
    RUN(ports_that_reset_are_watched_where_it_is_asked_for);
    RUN(shutdown_of_the_processor_that_boots_brings_the_figures);
    RUN(a_port_is_read_into_its_part_of_rax);
    RUN(a_string_at_a_guarded_port_is_refused);
    RUN(a_store_is_done_without_a_step);
    RUN(what_is_no_register_is_not_stored);
    RUN(other_instructions_run_alone_against_a_page);
    RUN(a_walk_through_the_apic_is_no_store);
    RUN(an_event_that_was_on_its_way_comes_again);
    RUN(no_more_pages_are_open_than_an_access_touches);
    RUN(an_init_calls_those_that_are_named);
    RUN(a_startup_is_for_those_that_wait);
    RUN(an_smi_goes_nowhere_and_an_nmi_as_it_is);
    RUN(a_logical_id_is_the_registers);
    RUN(no_interrupt_of_the_apics_own_is_an_smi_or_an_init);
    RUN(what_vmrun_refuses_is_mended_before_it);
    RUN(an_init_of_the_boot_processor_resets_the_machine);
    RUN(one_that_is_called_starts_where_it_is_sent);
    RUN(an_init_takes_a_startup_of_before_away);
    RUN(a_kick_is_not_the_guests);
    RUN(another_nmi_is_the_guests_until_its_handler_returns);
    RUN(an_interrupt_beside_an_nmi_keeps_its_vector);
    RUN(any_exit_looks_for_overdue_alarms);
    RUN(the_local_apics_range_can_only_be_read);
    RUN(the_monitor_is_a_decoy_in_every_page);
    RUN(the_bios_stays_as_it_is_where_it_cannot_be_written);
    RUN(memory_above_4_gib_is_itself);
    RUN(a_page_is_opened_for_one_processor_and_closed);
    return results_end();
}
