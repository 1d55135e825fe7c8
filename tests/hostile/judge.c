/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Whether a trap did what the native body does, and what it may do otherwise. */

#include "expect.h"
#include "hostile.h"

#define ARITHMETIC  0x8D5u
#define EFLAGS_KEPT 0x180000u /* VIF, VIP: POPFD leaves them, from step to step */
#define VECTOR_DB   1u
#define VECTOR_GP   13u
#define VECTOR_NP   11u
#define VECTOR_SS   12u
#define VECTOR_PF   14u

#define PF_P                0x1u
#define PF_RSVD             0x8u
#define SELECTOR            0xFFFCu
#define DESCRIPTOR_G        0x800000u /* in the high dword, as the next */
#define DESCRIPTOR_ACCESSED 0x100u
#define DR7_GD              0x2000u
#define MSR_SYSENTER_CS     0x174u
#define MSR_SFMASK          0xC0000084u
#define CR0_KNOWN           0xE005003Fu

enum { SLOT_OF_NOTHING = 0 };

static const struct expect *expectation(uint32_t slot) {
    for (uint32_t i = 0; i < sizeof(expect_calls) / sizeof(expect_calls[0]); i++) {
        if (expect_calls[i].number == slot) {
            return &expect_calls[i];
        }
    }
    return NULL;
}

static uint8_t kind_of(const struct step *s) {
    const uint8_t *page = guest_at(s->start.eip & ~(PAGE - 1));
    return page[s->slot * SLOT_SIZE] == 0x0F && page[s->slot * SLOT_SIZE + 2] == 0xD9
               ? VMI_SLOT_TRAP
               : VMI_SLOT_NATIVE;
}

/* --- differences that are none ---------------------------------------------------------------- */

/* Each says why, and when it applies; `what` is the field that differs. A reason that is never met
 * in a long run has no place here. */

static const struct outcome *native_outcome, *seen_outcome;

enum field {
    FIELD_RESULT, /* EAX to EDI */
    FIELD_FLAGS,
    FIELD_VECTOR, /* returned or trapped, and with what */
    FIELD_ERROR,
    FIELD_CR2,
    FIELD_CR0,
    FIELD_CR4,
    FIELD_DEBUG,
    FIELD_MEMORY,
    FIELD_MSR,
    FIELD_OTHER
};

static bool is_string(uint32_t slot) {
    return (slot >= VMI_CALL_INS && slot <= VMI_CALL_INSW) ||
           (slot >= VMI_CALL_OUTS && slot <= VMI_CALL_OUTSW);
}

/* Where IRET's faults come up: the guest's CALL, or what is there instead. */
static bool is_at_site(uint32_t eip) {
    return eip == (uint32_t)hostile_back_call - 5 || eip == (uint32_t)hostile_back;
}

/* What a run left where both began with the same. */
static uint32_t left_by(const struct outcome *o, uint32_t *at_change, uint32_t at) {
    uint32_t start =
        at - ARENA < ARENA_SIZE ? at - ARENA + ARENA_START : at - MONITOR_START + DECOY_START;
    if (*at_change < o->changes && o->change[*at_change].at == at) {
        return o->change[(*at_change)++].value;
    }
    return *(const uint32_t *)guest_at(start);
}

/* Whether the runs' memory differs in `bits` of these pages alone. Changes are in order. */
static bool differ_only_in(uint32_t first, uint32_t pages, uint32_t bits) {
    const struct outcome *n = native_outcome, *t = seen_outcome;
    for (uint32_t i = 0, j = 0; i < n->changes || j < t->changes;) {
        uint32_t at = i < n->changes ? n->change[i].at : ~0u;
        if (j < t->changes && t->change[j].at < at) {
            at = t->change[j].at;
        }
        uint32_t different = left_by(n, &i, at) ^ left_by(t, &j, at);
        if (different & ~bits || (different && at - ARENA_PAGE(first) >= pages * PAGE)) {
            return false;
        }
    }
    return true;
}

/* A processor may look at NT, at CS and at its descriptor before it has read all of the frame. */
static bool reads_the_frame_first(const struct step *s, enum field field, const struct end *n,
                                  const struct end *t) {
    (void)field;
    return s->slot == VMI_CALL_IRET && t->vector == VECTOR_PF && t->eip == s->start.eip &&
           (n->eip - NATIVE_ROM < 2 * PAGE || is_at_site(n->eip));
}

/* What it says is not compared, only that it says something. */
static bool keeps_time(const struct step *s, enum field field, const struct end *n,
                       const struct end *t) {
    (void)n;
    if (s->slot == VMI_CALL_CancelAlarm) {
        return field == FIELD_RESULT && t->eax <= 1;
    }
    if (t->eax == s->start.eax && t->edx == s->start.edx) {
        return false;
    }
    return field == FIELD_RESULT &&
           (s->slot == VMI_CALL_RDTSC || s->slot == VMI_CALL_GetCycleFrequency ||
            s->slot == VMI_CALL_GetCycleCounter || s->slot == VMI_CALL_GetWallclockTime);
}

static bool alarms_have_a_period(const struct step *s, enum field field, const struct end *n,
                                 const struct end *t) {
    (void)n;
    return s->slot == VMI_CALL_SetAlarm &&
           (t->vector == VECTOR_PF ||
            (field == FIELD_MEMORY && differ_only_in(PAGE_DIRECTORY, 4, PTE_A)));
}

/* The native body looks at what a return to ring 3 would meet, and leaves DPLs above a RPL of 1 or
 * 2 to the processor. */
static bool returns_to_ring_1_or_2(const struct step *s, enum field field, const struct end *n,
                                   const struct end *t) {
    uint32_t rpl = *(const uint32_t *)guest_at(s->stack + 8) & 3;
    (void)field;
    return s->slot == VMI_CALL_IRET && (rpl == 1 || rpl == 2) && n->vector != RETURNED &&
           (t->vector == VECTOR_GP || t->vector == VECTOR_NP || t->vector == VECTOR_SS);
}

static bool says_where_it_is(const struct step *s, enum field field, const struct end *n,
                             const struct end *t) {
    (void)n, (void)t;
    return (field == FIELD_RESULT || field == FIELD_FLAGS) && s->slot == VMI_CALL_GetRelocationInfo;
}

static bool init_looks_for_us(const struct step *s, enum field field, const struct end *n,
                              const struct end *t) {
    (void)n, (void)t;
    return (field == FIELD_RESULT || field == FIELD_FLAGS) && s->slot == VMI_CALL_Init;
}

/* Several stores or loads natively: the first may have been done when the second faults. Ours fault
 * before any, and the call starts over either way. */
static bool faults_between(const struct step *s, enum field field, const struct end *n,
                           const struct end *t) {
    switch (s->slot) {
    case VMI_CALL_GetGDT:
    case VMI_CALL_GetIDT:
    case VMI_CALL_WriteGDTEntry:
    case VMI_CALL_WriteLDTEntry:
    case VMI_CALL_WriteIDTEntry:
    case VMI_CALL_SetPxELong0:
    case VMI_CALL_SetPxELong:
    case VMI_CALL_SwapPxELongAtomic:
    case VMI_CALL_DeactivatePxELongAtomic:
        return n->vector == VECTOR_PF && t->vector == VECTOR_PF &&
               (field == FIELD_MEMORY || field == FIELD_CR2 || field == FIELD_ERROR);
    default:
        return false;
    }
}

/* TCG keeps bits that no processor has, and takes values that #GP is for. */
static bool tcg_takes_anything(const struct step *s, enum field field, const struct end *n,
                               const struct end *t) {
    if (!on_qemu) {
        return false;
    }
    if (field == FIELD_CR0 && s->slot == VMI_CALL_SetCR0) {
        return (n->cr0 & CR0_KNOWN) == t->cr0;
    }
    if (field == FIELD_DEBUG && s->slot == VMI_CALL_SetDR) {
        return true;
    }
    if (field == FIELD_MSR && s->slot == VMI_CALL_WRMSR && s->start.ecx == MSR_SFMASK) {
        return true;
    }
    if (field == FIELD_ERROR && n->error & PF_RSVD) { /* ... and says that it is not present */
        return t->error == (n->error | PF_P);
    }
    return n->vector == RETURNED && t->vector == VECTOR_GP && t->error == 0 &&
           (s->slot == VMI_CALL_SetCR0 || s->slot == VMI_CALL_SetCR4 || s->slot == VMI_CALL_WRMSR);
}

static bool tcg_marks_no_descriptor(const struct step *s, enum field field, const struct end *n,
                                    const struct end *t) {
    (void)n, (void)t;
    return on_qemu && s->slot == VMI_CALL_IRET && field == FIELD_MEMORY &&
           differ_only_in(PAGE_TABLES, 1, DESCRIPTOR_ACCESSED);
}

/* Others mark it on the way, as the monitor does. */
static bool bochs_marks_whole_walks(const struct step *s, enum field field, const struct end *n,
                                    const struct end *t) {
    (void)s, (void)t;
    return !on_qemu && field == FIELD_MEMORY && n->vector == VECTOR_PF &&
           differ_only_in(PAGE_DIRECTORY, 4, PTE_A);
}

static bool bochs_has_a_long_cs(const struct step *s, enum field field, const struct end *n,
                                const struct end *t) {
    (void)n, (void)t;
    return !on_qemu && field == FIELD_MSR && s->slot == VMI_CALL_WRMSR &&
           s->start.ecx == MSR_SYSENTER_CS;
}

/* Whether EIP is beyond the limit of a segment of the GDT. */
static bool is_beyond(uint32_t selector, uint32_t eip) {
    const uint32_t *d = guest_at(ARENA_PAGE(PAGE_TABLES) + GDT_OFFSET + (selector & 0xFFF8));
    uint32_t limit = (d[0] & 0xFFFF) | (d[1] & 0xF0000);
    if (selector & 4 || selector >= SELECTORS) {
        return false;
    }
    return eip > (d[1] & DESCRIPTOR_G ? limit << 12 | 0xFFF : limit);
}

/* It goes there, to the user's code or to a fault at the first fetch. */
static bool tcg_has_no_limits(const struct step *s, enum field field, const struct end *n,
                              const struct end *t) {
    (void)field;
    return on_qemu && s->slot == VMI_CALL_IRET && t->vector == VECTOR_GP && t->error == 0 &&
           (t->eip == s->start.eip || is_at_site(t->eip)) &&
           (n->eip - USER_CODE < 3 ||
            (n->vector == VECTOR_PF && n->cr2 == n->eip && is_beyond(n->cs, n->eip)));
}

static bool tcg_knows_no_stack_fault(const struct step *s, enum field field, const struct end *n,
                                     const struct end *t) {
    (void)field;
    return on_qemu && s->slot == VMI_CALL_IRET && n->vector == VECTOR_NP &&
           t->vector == VECTOR_SS && n->error == t->error;
}

/* A RPL alone makes a selector that is null. */
static bool tcg_takes_null(const struct step *s, enum field field, const struct end *n,
                           const struct end *t) {
    (void)field, (void)n;
    return on_qemu && t->vector == VECTOR_GP && t->error == 0 &&
           ((s->slot == VMI_CALL_SYSEXIT && !(s->sysenter_cs & SELECTOR)) ||
            (s->slot == VMI_CALL_SetTR && !(s->start.eax & SELECTOR)));
}

static bool looks_at_the_state(const struct step *s, enum field field, const struct end *n,
                               const struct end *t) {
    (void)n, (void)t;
    return s->slot == VMI_CALL_SetInitialAPState && field == FIELD_MEMORY &&
           differ_only_in(PAGE_TABLES, 5, PTE_A);
}

static bool tcg_guards_nothing(const struct step *s, enum field field, const struct end *n,
                               const struct end *t) {
    (void)field, (void)n;
    return on_qemu && s->dr7 & DR7_GD && t->vector == VECTOR_DB &&
           (s->slot == VMI_CALL_SetDR || s->slot == VMI_CALL_GetDR);
}

/* With one processor TCG makes a load and a store of a locked instruction: it faults as a load. */
static bool tcg_loads_first(const struct step *s, enum field field, const struct end *n,
                            const struct end *t) {
    switch (s->slot) {
    case VMI_CALL_SwapPxE:
    case VMI_CALL_SwapPxELongAtomic:
    case VMI_CALL_TestAndSetPxEBit:
    case VMI_CALL_TestAndClearPxEBit:
    case VMI_CALL_DeactivatePxELongAtomic:
    case VMI_CALL_TestAndSetPxELongBit:
    case VMI_CALL_TestAndClearPxELongBit:
        return on_qemu && n->vector == VECTOR_PF && t->vector == VECTOR_PF &&
               (field == FIELD_ERROR || field == FIELD_CR2 || field == FIELD_MEMORY);
    default:
        return false;
    }
}

/* A store into the tables that lead to it: natively the TLB may still have what was there, a call
 * walks again. */
static bool changes_its_tables(const struct step *s, enum field field, const struct end *n,
                               const struct end *t) {
    (void)n, (void)t;
    if (s->paging == PAGING_OFF || field == FIELD_OTHER) {
        return false;
    }
    for (uint32_t i = 0; i < native_outcome->changes; i++) {
        const struct change *c = &native_outcome->change[i];
        uint32_t before = *(const uint32_t *)guest_at(c->at - ARENA + ARENA_START);
        if (c->at - ARENA_PAGE(PAGE_DIRECTORY) < 4 * PAGE &&
            (before ^ c->value) & ~(uint32_t)(PTE_A | PTE_D)) {
            return true;
        }
    }
    return false;
}

/* No excuse may grow: a handler that goes wrong where one applies would hide behind it. The bounds
 * are half as much again as two seeds of 30,000 steps had, and a few for short runs. */
#define BOUND_STEPS 100000u
#define BOUND_FEW   4u

static const struct {
    const char *reason;
    uint32_t most; /* times in BOUND_STEPS */
    bool (*applies)(const struct step *, enum field, const struct end *, const struct end *);
} allowed[] = {
    {"the monitor keeps time, the native ROM does not", 6000, keeps_time},
    {"GetRelocationInfo says where the call is", 300, says_where_it_is},
    {"Init looks for the hypervisor", 300, init_looks_for_us},
    {"a call of several stores faults before the first", 2500, faults_between},
    {"SetAlarm reads its stack words, the native body does not", 80, alarms_have_a_period},
    {"IRET reads all of its frame first", 120, reads_the_frame_first},
    {"a native IRET to ring 1 or 2 leaves the DPL to the processor", 40, returns_to_ring_1_or_2},
    {"Bochs keeps 32 bits of SYSENTER_CS", 120, bochs_has_a_long_cs},
    {"a call walks tables again that it changes", 40, changes_its_tables},
    {"TCG takes values that no processor takes", 1100, tcg_takes_anything},
    {"TCG's IRET sets no accessed bits", 120, tcg_marks_no_descriptor},
    {"Bochs marks no directory of a walk that faults", 2500, bochs_marks_whole_walks},
    {"TCG takes a null selector that has a RPL", 180, tcg_takes_null},
    {"SetInitialAPState looks at the state, linear", 80, looks_at_the_state},
    {"TCG has #NP for an SS that is not present", 20, tcg_knows_no_stack_fault},
    {"TCG knows no segment limits", 30, tcg_has_no_limits},
    {"TCG does not know DR7.GD", 140, tcg_guards_nothing},
    {"TCG's locked instructions fault as loads", 1500, tcg_loads_first},
};

_Static_assert(sizeof(allowed) / sizeof(allowed[0]) <= ALLOWED, "met[]");

static uint32_t *met;

void print_allowed(uint32_t steps) {
    for (uint32_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        uint32_t most =
            (uint32_t)guest_divide((uint64_t)steps * allowed[i].most, BOUND_STEPS, NULL);
        guest_printf("# allowed: %u of at most %u times: %s\n", met[i], most + BOUND_FEW,
                     allowed[i].reason);
    }
}

/* --- comparison ------------------------------------------------------------------------------- */

static const struct step *step;
static const struct end *native, *trap;
static const char *wrong;

static bool is_allowed(enum field field) {
    for (uint32_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (!allowed[i].applies(step, field, native, trap)) {
            continue;
        }
        met[i]++;
        return true;
    }
    return false;
}

static void same(const char *name, enum field field, uint32_t expected, uint32_t seen) {
    if (wrong || expected == seen || is_allowed(field)) {
        return;
    }
    guest_printf("# %s: expected %08x, seen %08x\n", name, expected, seen);
    wrong = name;
}

/* A trap changes results and no other register; what it starts over with is what it began with. A
 * native body that is published is the native body. */
static void compare_registers(bool is_trap) {
    static const struct {
        const char *name;
        uint32_t offset, start, mask;
    } registers[] = {{"EAX", offsetof(struct end, eax), offsetof(struct start, eax), EXPECT_EAX},
                     {"ECX", offsetof(struct end, ecx), offsetof(struct start, ecx), EXPECT_ECX},
                     {"EDX", offsetof(struct end, edx), offsetof(struct start, edx), EXPECT_EDX},
                     {"EBX", offsetof(struct end, ebx), offsetof(struct start, ebx), EXPECT_EBX},
                     {"EBP", offsetof(struct end, ebp), offsetof(struct start, ebp), EXPECT_EBP},
                     {"ESI", offsetof(struct end, esi), offsetof(struct start, esi), EXPECT_ESI},
                     {"EDI", offsetof(struct end, edi), offsetof(struct start, edi), EXPECT_EDI}};
    const struct expect *e = expectation(step->slot);
    bool in_body = native->eip - NATIVE_ROM < 2 * PAGE;
    bool starts_over = native->vector != RETURNED && in_body && !is_string(step->slot);
    uint32_t results = e ? e->out : EXPECT_EAX | EXPECT_EDX;
    if (is_string(step->slot)) {
        results |= EXPECT_ECX;
    }
    for (uint32_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        uint32_t from_start =
            *(const uint32_t *)((const uint8_t *)&step->start + registers[i].start);
        uint32_t from_native = *(const uint32_t *)((const uint8_t *)native + registers[i].offset);
        uint32_t seen = *(const uint32_t *)((const uint8_t *)trap + registers[i].offset);
        bool is_result = registers[i].mask & results && !starts_over;
        same(registers[i].name, FIELD_RESULT, !is_trap || is_result ? from_native : from_start,
             seen);
    }
}

static void compare_flags(bool is_trap) {
    uint32_t mask = ~(uint32_t)(EFLAGS_RF | EFLAGS_KEPT), expected = native->eflags;
    bool in_body = native->eip - NATIVE_ROM < 2 * PAGE;
    if (is_trap && in_body && !is_string(step->slot)) { /* it starts over */
        expected = step->start.eflags;
    } else if (is_trap && (in_body || native->vector == RETURNED)) {
        expected = (expected & ~ARITHMETIC) | (step->start.eflags & ARITHMETIC);
    }
    same("EFLAGS", FIELD_FLAGS, expected & mask, trap->eflags & mask);
}

/* Where it is now. A trap that faults is at its slot, IRET's with the fix-up at the CALL. */
static void compare_place(bool is_trap) {
    uint32_t eip = native->eip, esp = native->esp;
    bool in_body = native->eip - NATIVE_ROM < 2 * PAGE;
    if (is_trap && native->vector != RETURNED && in_body) {
        eip = step->start.eip;
        esp = step->start.esp;
        if (step->slot == VMI_CALL_IRET && is_at_site(trap->eip)) {
            eip = trap->eip; /* only where the frame was read */
            esp = native->esp;
        }
    } else if (in_body) {
        eip += (step->start.eip & ~(PAGE - 1)) - NATIVE_ROM;
    } else if (step->kind == KIND_SAME && native->vector != RETURNED) {
        eip += (step->start.eip & ~(PAGE - 1)) - (step->reference & ~(PAGE - 1));
    }
    same("EIP", FIELD_OTHER, eip, trap->eip);
    same("ESP", FIELD_OTHER, esp, trap->esp);
    same("CS", FIELD_OTHER, native->cs, trap->cs);
    same("SS", FIELD_OTHER, native->ss, trap->ss);
    same("DS", FIELD_OTHER, native->ds, trap->ds);
    same("ES", FIELD_OTHER, native->es, trap->es);
    same("FS", FIELD_OTHER, native->fs, trap->fs);
    same("GS", FIELD_OTHER, native->gs, trap->gs);
    same("outer ESP", FIELD_OTHER, native->outer_esp, trap->outer_esp);
    same("outer SS", FIELD_OTHER, native->outer_ss, trap->outer_ss);
    same("V86 ES", FIELD_OTHER, native->v86_es, trap->v86_es);
    same("V86 DS", FIELD_OTHER, native->v86_ds, trap->v86_ds);
    same("V86 FS", FIELD_OTHER, native->v86_fs, trap->v86_fs);
    same("V86 GS", FIELD_OTHER, native->v86_gs, trap->v86_gs);
}

static void compare_system(void) {
    same("CR0", FIELD_CR0, native->cr0, trap->cr0);
    same("CR2", FIELD_CR2, native->cr2, trap->cr2);
    same("CR3", FIELD_OTHER, native->cr3, trap->cr3);
    same("CR4", FIELD_CR4, native->cr4, trap->cr4);
    same("GDT base", FIELD_OTHER, native->gdt.base, trap->gdt.base);
    same("GDT limit", FIELD_OTHER, native->gdt.limit, trap->gdt.limit);
    same("IDT base", FIELD_OTHER, native->idt.base, trap->idt.base);
    same("IDT limit", FIELD_OTHER, native->idt.limit, trap->idt.limit);
    same("FS base", FIELD_OTHER, native->fs_base, trap->fs_base);
    same("FS base, high", FIELD_OTHER, native->fs_base_high, trap->fs_base_high);
    same("GS base", FIELD_OTHER, native->gs_base, trap->gs_base);
    same("GS base, high", FIELD_OTHER, native->gs_base_high, trap->gs_base_high);
    same("TR", FIELD_OTHER, native->tr, trap->tr);
    same("LDTR", FIELD_OTHER, native->ldtr, trap->ldtr);
    same("port", FIELD_OTHER, native->port, trap->port);
    same("interrupts", FIELD_OTHER, native->interrupts, trap->interrupts);
    for (uint32_t i = 0; i < 8; i++) {
        same("debug register", FIELD_DEBUG, native->dr[i], trap->dr[i]);
    }
    for (uint32_t i = 0; i < MSRS; i++) {
        same("MSR", FIELD_MSR, (uint32_t)native->msr[i], (uint32_t)trap->msr[i]);
        same("MSR, high", FIELD_MSR, (uint32_t)(native->msr[i] >> 32),
             (uint32_t)(trap->msr[i] >> 32));
    }
}

static void compare_memory(const struct outcome *n, const struct outcome *t) {
    if (wrong) {
        return;
    }
    for (uint32_t i = 0; i < n->changes && i < t->changes; i++) {
        if (n->change[i].at == t->change[i].at && n->change[i].value == t->change[i].value) {
            continue;
        }
        if (is_allowed(FIELD_MEMORY)) {
            return;
        }
        guest_printf("# memory: expected %08x = %08x, seen %08x = %08x\n", n->change[i].at,
                     n->change[i].value, t->change[i].at, t->change[i].value);
        wrong = "memory";
        return;
    }
    same("changed dwords", FIELD_MEMORY, n->changes, t->changes);
}

void count_allowed(uint32_t *counts) {
    met = counts;
}

const char *judge(const struct step *s, const struct outcome *reference,
                  const struct outcome *seen) {
    bool is_trap = s->kind == KIND_CALL && kind_of(s) == VMI_SLOT_TRAP;
    step = s;
    native = &reference->end;
    native_outcome = reference;
    seen_outcome = seen;
    trap = &seen->end;
    wrong = NULL;
    if (native->vector != trap->vector && is_allowed(FIELD_VECTOR)) {
        return NULL;
    }
    same("vector", FIELD_VECTOR, native->vector, trap->vector);
    same("error code", FIELD_ERROR, native->error, trap->error);
    compare_place(is_trap);
    compare_registers(is_trap);
    compare_flags(is_trap);
    compare_system();
    compare_memory(reference, seen);
    return wrong;
}
