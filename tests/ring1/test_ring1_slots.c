/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_ring1_slots ROM SHARED: the slots of the ring 1 ROM in ring 1, with the hypervisor's shared
 * pages (the first of SHARED). Native ones have to do what they do in ring 0 of other images; a
 * trap comes with its number and everything else as it was; soft ones are told here once more.
 * SEED=n varies the inputs. With a third argument, STEP, every STEPth bit of what traps and of what
 * is soft is flipped instead, and has to be killed.
 */

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "image_file.h"
#include "ring1/layout.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define ROUNDS      64
#define IMAGE_3     0x2000u
#define PAGES       (SHARED_END - SHARED)
#define BACK        (LANDING + 0x30)
#define CALL_REL    1u
#define VECTOR_TRAP 0x1Fu
#define VECTOR_GP   13u
#define USER        (LANDING + 0x200)
#define GET_RELOC   0x88u /* GetRelocationInfo of API 3.0 */
#define ENTRY_BYTES 32u

static uint8_t rom[0x10000], hypervisor[0x20000];
static uint32_t rom_size;
static struct machine at_slots, at_entries;
static uint64_t rng;
static char why[WHY_SIZE];

static uint32_t random32(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 16);
}

static uint32_t entry_at(unsigned slot) {
    return SHARED_ENTRIES + slot * ENTRY_BYTES;
}

static void push(struct world *w, uint32_t value) {
    w->gpr[ESP] -= 4;
    world_store(w, w->gpr[ESP], value);
}

/* A caller in ring 1 with a pattern everywhere. */
static struct world caller(struct machine *m, uint32_t call) {
    static struct world w;
    machine_reset(m, &w);
    for (int i = 0; i < 8; i++) {
        if (i != ESP) {
            w.gpr[i] = random32();
        }
    }
    for (uint32_t at = STACK_TOP - 0x80; at < STACK_TOP + 0x80; at += 4) {
        world_store(&w, at, random32());
    }
    w.eflags |= random32() & (EFLAGS_ARITH | EFLAGS_IF | EFLAGS_DF | EFLAGS_AC | EFLAGS_ID);
    w.cr2 = random32();
    push(&w, BACK);
    w.eip = call;
    return w;
}

static void read_shared(struct machine *m, uint8_t data[0x1000]) {
    if (uc_mem_read(m->uc, SHARED, data, 0x1000) != UC_ERR_OK) {
        exit(2);
    }
}

static void write_shared(struct machine *m, uint32_t at, const void *from, uint32_t size) {
    if (uc_mem_write(m->uc, at, from, size) != UC_ERR_OK) {
        exit(2);
    }
}

/* Whether the worlds are the same but for the registers of a mask, EIP, arithmetic flags where they
 * may change, and what lies below the stack. */
static bool same_world(const struct world *want, const struct world *got, uint32_t but,
                       uint32_t flags) {
    static const char *const names[8] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
    for (int i = 0; i < 8; i++) {
        if (!(but >> i & 1) && want->gpr[i] != got->gpr[i]) {
            snprintf(why, sizeof(why), "%s is %08x, not %08x", names[i], got->gpr[i], want->gpr[i]);
            return false;
        }
    }
    if ((want->eflags ^ got->eflags) & ~flags) {
        snprintf(why, sizeof(why), "EFLAGS are %08x, not %08x", got->eflags, want->eflags);
        return false;
    }
    if (memcmp(want->seg, got->seg, sizeof(want->seg)) != 0 || want->cr0 != got->cr0 ||
        want->cr2 != got->cr2 || want->cr3 != got->cr3 || want->cr4 != got->cr4 ||
        want->ldtr != got->ldtr || want->tr != got->tr || want->gdtr.base != got->gdtr.base ||
        want->idtr.base != got->idtr.base) {
        snprintf(why, sizeof(why), "a segment, control or table register is another");
        return false;
    }
    for (uint32_t i = 0; i < RAM_SIZE; i++) {
        uint32_t at = RAM_BASE + i;
        if (want->ram[i] != got->ram[i] && (at < STACK_TOP - 0x40 || at >= STACK_TOP - 4)) {
            snprintf(why, sizeof(why), "the byte at %08x is another", at);
            return false;
        }
    }
    return true;
}

/* --- traps --- */

/* The trap, then a hypervisor that changes every register, then the return. */
static bool traps_once(struct machine *m, uint32_t call, unsigned slot, unsigned n_stack) {
    struct world have = caller(m, call), got = have, served;
    enum stop stop = machine_run(m, &got, m->places[0], BACK);
    if (stop != STOP_EXCEPTION || m->exception != VECTOR_TRAP) {
        snprintf(why, sizeof(why), "stop %d, exception %x, EIP %08x", (int)stop, m->exception,
                 got.eip);
        return false;
    }
    if (m->at != entry_at(slot)) {
        snprintf(why, sizeof(why), "it traps at %08x, not %08x", m->at, entry_at(slot));
        return false;
    }
    if (!same_world(&have, &got, 0, 0)) {
        return false;
    }
    (void)n_stack;
    served = got;
    served.eip = m->at + 2;
    for (int i = 0; i < 8; i++) {
        if (i != ESP) {
            served.gpr[i] = random32();
        }
    }
    served.eflags ^= EFLAGS_ARITH | EFLAGS_IF;
    got = served;
    stop = machine_run(m, &got, m->places[0], BACK);
    if (stop != STOP_ARRIVED) {
        snprintf(why, sizeof(why), "behind the trap: stop %d, EIP %08x", (int)stop, got.eip);
        return false;
    }
    served.gpr[ESP] += 4;
    return same_world(&served, &got, 0, 0);
}

static bool traps(struct machine *m, uint32_t call, unsigned slot) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (!traps_once(m, call, slot, 0)) {
            return false;
        }
    }
    return true;
}

/* --- soft bodies --- */

/* Runs a call that returns; the stack is the caller's again. */
static bool returns(struct machine *m, struct world *have, struct world *got) {
    enum stop stop;
    *got = *have;
    stop = machine_run(m, got, m->places[0], BACK);
    have->gpr[ESP] += 4;
    if (stop != STOP_ARRIVED) {
        snprintf(why, sizeof(why), "stop %d, exception %x, EIP %08x", (int)stop, m->exception,
                 got->eip);
        return false;
    }
    return true;
}

/* What is hidden: bit by bit, by the names in the processors' manuals. */
static const struct hidden {
    uint32_t leaf, subleaf;
    int reg;
    unsigned bit;
} hidden[] = {
    {1, 0, EDX, 1},           /* VME */
    {1, 0, EDX, 11},          /* SEP */
    {1, 0, ECX, 3},           /* MONITOR */
    {1, 0, ECX, 5},           /* VMX */
    {1, 0, ECX, 6},           /* SMX */
    {1, 0, ECX, 17},          /* PCID */
    {7, 0, EBX, 7},           /* SMEP */
    {7, 0, EBX, 20},          /* SMAP */
    {7, 0, ECX, 2},           /* UMIP */
    {7, 0, ECX, 3},           /* PKU */
    {7, 0, ECX, 16},          /* LA57 */
    {0x80000001, 0, ECX, 2},  /* SVM */
    {0x80000001, 0, ECX, 12}, /* SKINIT */
    {0x80000001, 0, ECX, 29}, /* MONITORX */
    {0x80000001, 0, EDX, 11}, /* SYSCALL */
};

static uint32_t shown(uint32_t leaf, int reg, uint32_t value) {
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (hidden[i].leaf == leaf && hidden[i].reg == reg) {
            value &= ~(1u << hidden[i].bit);
        }
    }
    return value;
}

static bool cpuid_filters(struct machine *m, uint32_t call) {
    static const uint32_t leaves[] = {0,          1,          7,          0x80000001, 2,     6,
                                      8,          0x80000000, 0x80000002, 0x41,       0x101, 0x107,
                                      0x01000001, 0x80000101, 0x10001,    0x40000007};
    enum { LEAVES = sizeof(leaves) / sizeof(leaves[0]) };
    static const int order[4] = {EAX, EBX, ECX, EDX};
    for (unsigned round = 0; round < ROUNDS; round++) {
        static const uint8_t code[] = {0x0F, 0xA2};
        uint32_t leaf = leaves[round % LEAVES], subleaf = random32() & 3, raw[4];
        struct world have, got;
        bool every_bit = round >= LEAVES;
        machine_probe(m, code, sizeof(code), leaf, subleaf, raw);
        have = caller(m, call);
        m->cpuid = every_bit ? CPUID_EVERY_BIT : CPUID_ENGINE;
        if (every_bit) {
            raw[0] = 0x543, raw[1] = raw[2] = raw[3] = 0xFFFFFFFF;
        }
        have.gpr[EAX] = leaf;
        have.gpr[ECX] = subleaf;
        if (!returns(m, &have, &got)) {
            return false;
        }
        for (int i = 0; i < 4; i++) {
            have.gpr[order[i]] = shown(leaf, order[i], raw[i]);
        }
        if (!same_world(&have, &got, 0, EFLAGS_ARITH)) {
            return false;
        }
    }
    return true;
}

/* Each processor's own: nothing else of the shared page changes. */
static bool stack_is_told(struct machine *m, uint32_t call) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world have = caller(m, call), got;
        uint8_t before[0x1000], after[0x1000];
        unsigned number = round % MAX_CPUS;
        have.tr = (uint16_t)(HV_TSS + HV_TSS_STEP * number);
        have.seg[DS] = have.seg[ES] = round & 1 ? 0 : SEL_NOWHERE | 3;
        read_shared(m, before);
        if (!returns(m, &have, &got)) {
            return false;
        }
        read_shared(m, after);
        memcpy(before + (SHARED_TSS - SHARED) + number * TSS_STRIDE + 12, &have.gpr[EDX], 4);
        if (memcmp(before, after, sizeof(after)) != 0) {
            snprintf(why, sizeof(why), "the shared page of processor %u is another", number);
            return false;
        }
        if (!same_world(&have, &got, 1u << EAX, EFLAGS_ARITH)) {
            return false;
        }
    }
    return true;
}

static uint64_t read_tsc(struct machine *m) {
    static const uint8_t code[] = {0x0F, 0x31};
    uint32_t r[4];
    machine_probe(m, code, sizeof(code), 0, 0, r);
    return r[0] | (uint64_t)r[3] << 32;
}

static bool counters_count(struct machine *m, uint32_t call) {
    static const uint32_t others[] = {2, 3, 0x100, 0x80000000, 0xFFFFFFFF};
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned number = round % MAX_CPUS;
        uint64_t offset = random32() | (uint64_t)random32() << 32, seen, first, last;
        struct world have, got;
        bool counts = round & 1;
        write_shared(m, SHARED_TSC + HV_TSS_STEP * number, &offset, 8);
        first = read_tsc(m) + offset;
        have = caller(m, call);
        have.gpr[EAX] = counts ? round >> 1 & 1 : others[round / 2 % 5];
        have.tr = (uint16_t)(HV_TSS + HV_TSS_STEP * number);
        if (!returns(m, &have, &got)) {
            return false;
        }
        last = read_tsc(m) + offset;
        seen = got.gpr[EAX] | (uint64_t)got.gpr[EDX] << 32;
        if (counts ? seen - first > last - first : seen != 0) {
            snprintf(why, sizeof(why), "counter %u is %llx", have.gpr[EAX],
                     (unsigned long long)seen);
            return false;
        }
        if (!same_world(&have, &got, 1u << EAX | 1u << ECX | 1u << EDX, EFLAGS_ARITH)) {
            return false;
        }
    }
    return true;
}

static bool clock_stays(struct machine *m, uint32_t call) {
    struct world have = caller(m, call), got;
    if (!returns(m, &have, &got)) {
        return false;
    }
    have.gpr[EAX] = 0;
    return same_world(&have, &got, 0, EFLAGS_ARITH);
}

/* --- returns --- */

/* The virtual interrupt flags, RF and what is reserved are no matter of the body. */
#define VIF_AND_VIP    0x00180000u
#define RESERVED_FLAGS 0xFFC00000u
#define UNSEEN_FLAGS   (EFLAGS_RF | VIF_AND_VIP | RESERVED_FLAGS)
#define RETURNED_FLAGS (EFLAGS_ARITH | EFLAGS_AC | EFLAGS_ID | EFLAGS_IF | UNSEEN_FLAGS)

enum kind { TO_RING_1, TO_RING_3, FROM_STACK_16, TO_V86, BAD, KINDS };

/* A return: its frame is above the address that the call pushed. */
static struct world returning(struct machine *m, uint32_t call, enum kind kind) {
    struct world w = caller(m, call);
    uint32_t flags = 2 | (random32() & RETURNED_FLAGS);
    w.eflags &= ~(EFLAGS_NT | EFLAGS_DF);
    w.seg[FS] = w.seg[GS] = w.seg[DS] = w.seg[ES] = SEL_UDATA;
    w.gpr[ESP] += 4;
    if (kind != TO_RING_1) {
        push(&w, kind == BAD ? SEL_DATA : SEL_UDATA);
        push(&w, USER_STACK_TOP);
    }
    push(&w, flags | m->ring * IOPL_1 | (kind == TO_V86 ? EFLAGS_VM : 0));
    push(&w, kind == TO_RING_1 ? SEL_CODE | 1 : SEL_UCODE);
    push(&w, USER);
    push(&w, BACK);
    if (kind == FROM_STACK_16) {
        w.seg[SS] = SEL_STACK16 | 1;
        w.gpr[ESP] |= 0xABCD0000;
    }
    return w;
}

static bool is_iretd(struct machine *m, uint32_t at) {
    uint8_t opcode = 0;
    return at >= SHARED_CODE && at < SHARED_END &&
           uc_mem_read(m->uc, at, &opcode, 1) == UC_ERR_OK && opcode == 0xCF;
}

static bool iret_returns(struct machine *m, uint32_t call, enum kind kind) {
    struct world have = returning(m, call, kind), got = have;
    uint32_t frame = (have.gpr[ESP] & 0xFFFF) | (STACK_TOP & 0xFFFF0000);
    enum stop stop = machine_run(m, &got, m->places[0], USER);
    if (kind == TO_V86) { /* ring 0 has to do it, with everything as it was at the call */
        snprintf(why, sizeof(why), "V86: stop %d, exception %x at %08x", (int)stop, m->exception,
                 m->at);
        return stop == STOP_EXCEPTION && m->exception == VECTOR_TRAP &&
               m->at == entry_at(ENTRY_TO_V86) && same_world(&have, &got, 0, EFLAGS_ARITH);
    }
    if (kind == BAD) {
        snprintf(why, sizeof(why), "bad: stop %d, exception %x at %08x", (int)stop, m->exception,
                 m->at);
        have.gpr[ESP] += 4;
        return stop == STOP_EXCEPTION && m->exception == VECTOR_GP && is_iretd(m, m->at) &&
               same_world(&have, &got, 0, EFLAGS_ARITH);
    }
    if (stop != STOP_ARRIVED) {
        snprintf(why, sizeof(why), "kind %d: stop %d, exception %x, EIP %08x", (int)kind, (int)stop,
                 m->exception, got.eip);
        return false;
    }
    have.eflags = world_load(&have, frame + 12);
    have.seg[CS] = (uint16_t)world_load(&have, frame + 8);
    have.gpr[ESP] = kind == TO_RING_1 ? have.gpr[ESP] + 16 : USER_STACK_TOP;
    if (kind != TO_RING_1) {
        have.seg[SS] = SEL_UDATA;
    }
    return same_world(&have, &got, 0, UNSEEN_FLAGS);
}

static bool irets(struct machine *m, uint32_t call) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (!iret_returns(m, call, round % KINDS)) {
            return false;
        }
    }
    return true;
}

/* The entry for API 3.0 looks by ESP: on a 16-bit stack that look faults, at its first byte, with
 * nothing changed. */
static bool irets_3(struct machine *m, uint32_t call) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        enum kind kind = round % KINDS;
        struct world have, got;
        enum stop stop;
        if (kind != FROM_STACK_16) {
            if (!iret_returns(m, call, kind)) {
                return false;
            }
            continue;
        }
        have = returning(m, call, kind);
        got = have;
        stop = machine_run(m, &got, m->places[0], USER);
        snprintf(why, sizeof(why), "stack of 16 bits: stop %d, at %08x", (int)stop, m->at);
        if (stop != STOP_LOST || m->at != call || !same_world(&have, &got, 0, 0)) {
            return false;
        }
    }
    return true;
}

static bool sysexits(struct machine *m, uint32_t call) {
    static const uint32_t selectors[2] = {SEL_UCODE, SEL_UDATA};
    write_shared(m, SHARED + SHARED_SYSEXIT_CS, selectors, sizeof(selectors));
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world have = caller(m, call), got;
        have.seg[FS] = have.seg[GS] = SEL_UDATA;
        have.seg[DS] = have.seg[ES] = round & 1 ? SEL_NOWHERE | 3 : SEL_UDATA;
        have.eflags &= ~EFLAGS_NT;
        have.gpr[EDX] = USER;
        have.gpr[ECX] = USER_STACK_TOP - 4 * (random32() % 16);
        got = have;
        enum stop stop = machine_run(m, &got, m->places[0], USER);
        if (stop != STOP_ARRIVED) {
            snprintf(why, sizeof(why), "stop %d, EIP %08x", (int)stop, got.eip);
            return false;
        }
        have.eflags |= EFLAGS_IF;
        have.gpr[ESP] = have.gpr[ECX];
        have.seg[CS] = SEL_UCODE;
        have.seg[SS] = SEL_UDATA;
        if (!same_world(&have, &got, 0, EFLAGS_ARITH)) {
            return false;
        }
    }
    return true;
}

/* Who is in already is refused. */
static bool refuses(struct machine *m, uint32_t call) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world have = caller(m, call), got;
        if (!returns(m, &have, &got)) {
            return false;
        }
        have.gpr[EAX] = 0xFFFFFFFF;
        if (!same_world(&have, &got, 0, EFLAGS_ARITH)) {
            return false;
        }
    }
    return true;
}

/* --- relocation --- */

static bool answers(struct machine *m, uint32_t call, uint32_t number, uint32_t eip,
                    uint32_t type) {
    struct world have = caller(m, call), got;
    have.gpr[EAX] = number;
    if (!returns(m, &have, &got)) {
        return false;
    }
    if (got.gpr[EDX] != type || (type && got.gpr[EAX] != eip)) {
        snprintf(why, sizeof(why), "%u: %08x type %u, not %08x type %u", number, got.gpr[EAX],
                 got.gpr[EDX], eip, type);
        return false;
    }
    return same_world(&have, &got, 1u << EAX | 1u << EDX | 1u << ECX, EFLAGS_ARITH);
}

static bool answers_13(struct machine *m, uint32_t call) {
    static const uint32_t wild[] = {128, 0x104, 0x10004, 0x80000005, 0xFFFFFFFF};
    for (uint32_t n = 0; n < 128; n++) {
        bool is_call = n >= VMI_CALL_FIRST && n <= VMI_CALL_LAST;
        if (!answers(m, call, n, entry_at(n), is_call ? CALL_REL : 0)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        if (!answers(m, call, wild[i], 0, 0)) {
            return false;
        }
    }
    return true;
}

/* API 3.0: what traps, what is soft, and what policy lean answers with; the guest keeps the rest.
 * IRET has an entry of its own. */
static bool answers_3(struct machine *m, uint32_t call) {
    for (unsigned slot = 0; slot < VMI_CALL_SLOTS; slot++) {
        const struct expect *e = expect_of(slot);
        bool is_entry = e->ring1 == RING1_TRAP || e->ring1 == RING1_SOFT ||
                        e->reloc == RELOC_ALWAYS || e->reloc == RELOC_LEAN;
        uint32_t entry = entry_at(slot == VMI_CALL_IRET ? ENTRY_IRET3 : slot);
        if (e->call3 >= 0 &&
            !answers(m, call, (uint32_t)e->call3, entry, is_entry ? CALL_REL : 0)) {
            return false;
        }
    }
    return answers(m, call, 74, 0, 0) && answers(m, call, 255, 0, 0) &&
           answers(m, call, 0x100, 0, 0) && answers(m, call, 0xFFFFFFFF, 0, 0);
}

/* --- all of them --- */

static bool is_soft_right(struct machine *m, uint32_t call, unsigned slot) {
    switch (slot) {
    case VMI_CALL_CPUID:
        return cpuid_filters(m, call);
    case VMI_CALL_UpdateKernelStack:
    case VMI3_SLOT_UpdateKernelStack:
        return stack_is_told(m, call);
    case VMI_CALL_IRET:
        return irets(m, call);
    case VMI_CALL_SYSEXIT:
        return sysexits(m, call);
    case VMI_CALL_GetCycleCounter:
        return counters_count(m, call);
    case VMI_CALL_WallclockUpdated:
        return clock_stays(m, call);
    default:
        snprintf(why, sizeof(why), "nothing is said of this soft body");
        return false;
    }
}

static bool is_right(struct machine *m, uint32_t call, unsigned slot, uint32_t seed) {
    const struct expect *e = expect_of(slot);
    why[0] = 0;
    if (e->number == VMI_CALL_Init) { /* of the image: suite ring1, on a machine */
        return m == &at_slots || refuses(m, call);
    }
    if (e->number == VMI_CALL_GetRelocationInfo) {
        return answers_13(m, call);
    }
    switch (e->ring1) {
    case RING1_TRAP:
        return traps(m, call, slot);
    case RING1_SOFT:
        return is_soft_right(m, call, slot);
    default:
        return check_slot(m, slot, ROUNDS, seed, why);
    }
}

static void check(struct machine *m, unsigned slot, const char *where, uint32_t seed) {
    const struct expect *e = expect_of(slot);
    char name[200];
    snprintf(name, sizeof(name), "%s (%u) is what the table says in ring 1 (%s)", e->name, slot,
             where);
    if (wanted(name)) {
        result_why(name, is_right(m, m->places[0] + slot * ENTRY_BYTES, slot, seed), why);
    }
}

static void open_machine(struct machine *m, const uint8_t *image, uint32_t size, uint32_t low) {
    machine_open(m, image, size, low);
    machine_lower(m, hypervisor, PAGES);
}

/* --- flips --- */

#define SOFT_PAGE     VMI_CALL_SLOTS /* stands for its slot */
#define INT3          0xCCu
#define FLIP_SECONDS  20
#define FLIP_KILLED   10
#define FLIP_SURVIVES 11
#define TEXT          160

/* Of what is there, up to its padding. */
static uint32_t code_size(uint32_t at, uint32_t size) {
    while (size && hypervisor[at + size - 1] == INT3) {
        size--;
    }
    return size;
}

static bool is_judged_right(unsigned slot, uint32_t seed) {
    machine_open(&at_entries, rom, IMAGE_3, IMAGE_LOW);
    machine_lower(&at_entries, hypervisor, PAGES);
    at_entries.places[0] = at_entries.places[1] = SHARED_ENTRIES;
    if (slot == SOFT_PAGE) {
        return cpuid_filters(&at_entries, entry_at(VMI_CALL_CPUID)) &&
               counters_count(&at_entries, entry_at(VMI_CALL_GetCycleCounter));
    }
    if (slot == ENTRY_IRET3 || slot == ENTRY_TO_V86) {
        return irets_3(&at_entries, entry_at(ENTRY_IRET3));
    }
    return is_right(&at_entries, entry_at(slot), slot, seed);
}

/* In a process of its own: a flip may hang or crash the engine. */
static bool survives(unsigned slot, uint32_t seed) {
    int status;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        alarm(FLIP_SECONDS);
        _exit(is_judged_right(slot, seed) ? FLIP_SURVIVES : FLIP_KILLED);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == FLIP_SURVIVES;
}

/* The instructions of some code, one behind the other. */
static void disassemble(csh handle, uint32_t at, uint32_t size, uint32_t byte, char text[TEXT]) {
    const uint8_t *p = hypervisor + at;
    size_t left = size;
    uint64_t address = at;
    cs_insn *insn = cs_malloc(handle);
    snprintf(text, TEXT, "?");
    while (cs_disasm_iter(handle, &p, &left, &address, insn)) {
        if (address > byte) {
            snprintf(text, TEXT, "%.20s %.100s", insn->mnemonic, insn->op_str);
            break;
        }
    }
    cs_free(insn, 1);
}

/* What no test can notice: the same is done in another way. */
static const struct {
    const char *was, *is, *why;
} equivalents[] = {
    {"str ax", "str eax", "EAX is zero before"},
    {"str cx", "str ecx", "ECX is zero before"},
    {"shl eax, 4", "sal eax, 4", "another name"},
    {"shl eax, 5", "sal eax, 5", "another name"},
    {"shl eax, 5", "rol eax, 5", "of a number below 128"},
    {"add eax, 0xffc01000", "or eax, 0xffc01000", "of a multiple of 32 below 4096"},
    {"bt eax, 0x16", "bts eax, 0x16", "EAX is loaded again"},
    {"bt eax, 0x16", "btr eax, 0x16", "EAX is loaded again"},
    {"bt eax, 0x16", "btc eax, 0x16", "EAX is loaded again"},
    {"bt eax, 0x16", "bt eax, 0x36", "bit numbers count modulo 32"},
    {"bt eax, 0x16", "bt eax, 0x56", "bit numbers count modulo 32"},
    {"bt eax, 0x16", "bt eax, 0x96", "bit numbers count modulo 32"},
    {"add esp, 4", "adc esp, 4", "CF is clear"},
    {"or byte ptr [esp + 1], 2", "or byte ptr [esp + 1], 0x12", "ring 1 does not set IOPL"},
    {"or byte ptr [esp + 1], 2", "or byte ptr [esp + 1], 0x22", "ring 1 does not set IOPL"},
    {"add eax, dword ptr ss:[ecx - 0x400110]", "adc eax, dword ptr ss:[ecx - 0x400110]",
     "CF is clear"},
    {"cmp eax, 1", "sub eax, 1", "EAX is not used behind it"},
};

static bool is_equivalent(const char *was, const char *is) {
    if (strcmp(was, is) == 0 && was[0] != '?') {
        return true; /* another encoding */
    }
    for (size_t i = 0; i < sizeof(equivalents) / sizeof(equivalents[0]); i++) {
        if (strcmp(equivalents[i].was, was) == 0 && strcmp(equivalents[i].is, is) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned flips, survivors, bits_seen;

static void flip_part(csh handle, unsigned slot, uint32_t at, uint32_t size, unsigned step,
                      uint32_t seed) {
    for (uint32_t bit = 0; bit < size * 8; bit++) {
        uint32_t byte = at + bit / 8;
        char was[TEXT], is[TEXT];
        bool lives;
        if (bits_seen++ % step) {
            continue;
        }
        disassemble(handle, at, size, byte, was);
        hypervisor[byte] ^= (uint8_t)(1u << bit % 8);
        disassemble(handle, at, size, byte, is);
        lives = !is_equivalent(was, is) && survives(slot, seed);
        hypervisor[byte] ^= (uint8_t)(1u << bit % 8);
        flips++;
        if (lives) {
            survivors++;
            printf("# survives: slot %u, %x bit %u: %s -> %s\n", slot, byte, bit % 8, was, is);
        }
    }
}

static int flip_all(unsigned step, uint32_t seed) {
    csh handle;
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &handle) != CS_ERR_OK) {
        return 2;
    }
    for (unsigned slot = 0; slot < VMI_CALL_SLOTS; slot++) {
        const struct expect *e = expect_of(slot);
        uint32_t at = entry_at(slot) - SHARED;
        choose_api(slot > VMI_CALL_LAST ? API_3 : API_13, RELOC_NONE);
        e = expect_of(slot);
        if (slot == ENTRY_TO_V86 ||
            (slot >= VMI_CALL_FIRST && (e->ring1 == RING1_SOFT || e->ring1 == RING1_FIXED ||
                                        (e->ring1 == RING1_TRAP && e->name[0] != 'u')))) {
            flip_part(handle, slot, at, code_size(at, ENTRY_BYTES), step, seed);
        }
    }
    choose_api(API_13, RELOC_NONE);
    flip_part(handle, SOFT_PAGE, SHARED_SOFT - SHARED,
              code_size(SHARED_SOFT - SHARED, SHARED_CONTROL - SHARED_SOFT), step, seed);
    flip_part(handle, ENTRY_IRET3, SHARED_CONTROL - SHARED,
              code_size(SHARED_CONTROL - SHARED, CONTROL_SIZE), step, seed);
    cs_close(&handle);
    printf("# %u bits flipped\n", flips);
    snprintf(why, sizeof(why), "%u are not", survivors);
    result_why("every bit of traps and soft bodies that is flipped is killed",
               flips > 0 && survivors == 0, why);
    return results_end();
}

int main(int argc, char **argv) {
    uint32_t seed;
    if (argc != 3 && (argc != 4 || atoi(argv[3]) < 1)) {
        fprintf(stderr, "usage: %s ROM SHARED [STEP]\n", argv[0]);
        return 2;
    }
    rom_size = image_load(argv[1], rom, sizeof(rom));
    image_load(argv[2], hypervisor, sizeof(hypervisor));
    seed = getenv("SEED") ? (uint32_t)strtoul(getenv("SEED"), NULL, 0) : 1;
    rng = (uint64_t)seed << 32 | 0x9E3779B9u;
    printf("# seed %u\n", seed);
    if (argc == 4) {
        return flip_all((unsigned)atoi(argv[3]), seed);
    }
    open_machine(&at_slots, rom, IMAGE_3, IMAGE_LOW);
    open_machine(&at_entries, rom, IMAGE_3, IMAGE_LOW);
    at_entries.places[0] = at_entries.places[1] = SHARED_ENTRIES;
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        if (expect_of(slot)->number <= VMI_CALL_LAST) {
            check(&at_slots, slot, "API 13, its slot", seed);
        }
        if (slot <= VMI_CALL_LAST) {
            check(&at_entries, slot, "API 13, its entry", seed);
        }
    }
    choose_api(API_3, RELOC_NONE);
    for (unsigned slot = VMI_CALL_LAST + 1; slot < VMI_CALL_SLOTS; slot++) {
        if (expect_of(slot)->call3 >= 0) {
            check(&at_entries, slot, "API 3.0, its entry", seed);
        }
    }
    why[0] = 0;
    result_why("the IRET of API 3.0 returns everywhere",
               irets_3(&at_entries, entry_at(ENTRY_IRET3)), why);
    machine_close(&at_slots);
    machine_open(&at_slots, rom + IMAGE_3, rom_size - IMAGE_3, IMAGE_LOW);
    machine_lower(&at_slots, hypervisor, PAGES);
    result_why("the image of API 3.0 answers with the entries of the table",
               answers_3(&at_slots, IMAGE_LOW + GET_RELOC), why);
    machine_close(&at_slots);
    machine_close(&at_entries);
    return results_end();
}
