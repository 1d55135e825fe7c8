/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The steps one after another, through resets, with their counts. Command line:
 *   seed=N steps=N    which, and how many
 *   only=N            just this one, with what it does
 *   slot=N            this call and no other; the rest of memory is not looked at
 *   tcg=1             the processor is QEMU's TCG
 *   stay=1            shut down at the end, and leave the emulator alone
 *   others=N          N steps of interrupts, resets and sleeps instead; processors=N of the
 * machine; x2apic=1
 */

#include "hostile.h"
#include "others.h"
#include "vmi/api.h"
#include "vmi/rom.h"

#define SHOWN      100u     /* differences */
#define LOOK_EVERY 0x40000u /* steps, at all of memory */

enum { PORT_B8 = 0x83, STACK_USED = 512, IRET_FRAME = 12 };

/* What is counted, in memory that lives through a reset: behind the marker. */
struct counts {
    uint32_t steps, different, restarts, survived, by_kind[KINDS], calls[128], faults;
    uint32_t allowed[ALLOWED];
    struct others others;
};

static struct counts *const counts = (struct counts *)(GUEST_MARKER_ADDRESS + 64);

bool on_qemu;
uint32_t hostile_slot;
struct descriptor_pointer hostile_idt;

static struct step step;
static struct outcome reference, seen;
static uint32_t rom;
static uint64_t initial_msr[MSRS];

static uint32_t number_option(const char *cmdline, const char *key, uint32_t otherwise) {
    char text[16];
    uint32_t value = 0;
    if (!guest_option(cmdline, key, text, sizeof(text))) {
        return otherwise;
    }
    for (const char *c = text; *c >= '0' && *c <= '9'; c++) {
        value = value * 10 + (uint32_t)(*c - '0');
    }
    return value;
}

/* --- one run ---------------------------------------------------------------------------------- */

static uint32_t read_tr(void) {
    uint32_t selector = 0;
    __asm__ volatile("str %w0" : "+r"(selector));
    return selector;
}

static uint32_t read_ldtr(void) {
    uint32_t selector = 0;
    __asm__ volatile("sldt %w0" : "+r"(selector));
    return selector;
}

static bool touches_msrs(void) {
    return step.slot == VMI_CALL_WRMSR;
}

/* What the processor keeps elsewhere than in struct start. */
static void prepare(void) {
    uint8_t *type = guest_at(ARENA_PAGE(PAGE_TABLES) + GDT_OFFSET + SEL_TSS_USED + 5);
    struct descriptor_pointer gdt = {0, SELECTORS - 1, ARENA_PAGE(PAGE_TABLES) + GDT_OFFSET};
    /* A stray FLD would have the second run begin with its exception. */
    __asm__ volatile("clts; fninit");
    *type &= (uint8_t)~2u;
    __asm__ volatile("lgdt %0; ltr %w1; lldt %w2" ::"m"(*(const uint8_t(*)[6]) & gdt.limit),
                     "r"(SEL_TSS_USED), "r"(SEL_LDT_USED)
                     : "memory");
    native_wrmsr(hostile_msrs[0], step.sysenter_cs);
    write_dr0(0xDEAD0000);
    write_dr1(0xDEAD1000);
    write_dr2(0xDEAD2000);
    write_dr3(0xDEAD3000);
    write_dr6(0xFFFF0FF0);
    write_dr7(step.dr7);
    outb(PORT_B8, (uint8_t)step.port_value);
    hostile_interrupts = 0;
    if (step.wants_interrupt) {
        guest_pit_oneshot(100);
        guest_pic_unmask(0);
    }
}

/* DR7.GD guards the registers from us too: by its first fault it is gone. */
static void on_debug(struct trap_frame *frame) {
    (void)frame;
}

static void collect(struct outcome *o) {
    struct end *e = &o->end;
    bool outer = e->vector != RETURNED && ((e->cs & 3) || e->eflags & EFLAGS_VM);
    e->gs &= 0xFFFF, e->fs &= 0xFFFF, e->es &= 0xFFFF, e->ds &= 0xFFFF, e->ss &= 0xFFFF;
    e->cs &= 0xFFFF;
    e->gdt.pad = e->idt.pad = 0;
    if (!outer) {
        e->esp += 20;
        e->outer_esp = e->outer_ss = 0;
    } else {
        e->outer_ss &= 0xFFFF;
    }
    if (!outer || !(e->eflags & EFLAGS_VM)) {
        e->v86_es = e->v86_ds = e->v86_fs = e->v86_gs = 0;
    }
    e->tr = read_tr();
    e->ldtr = read_ldtr();
    e->dr[0] = read_dr0();
    e->dr[1] = read_dr1();
    e->dr[2] = read_dr2();
    e->dr[3] = read_dr3();
    e->dr[6] = read_dr6();
    e->dr[7] = read_dr7();
    e->port = inb(PORT_B8);
    e->interrupts =
        hostile_interrupts != 0; /* an old tick may come before the one that is asked for */
    for (uint32_t i = 0; i < MSRS; i++) {
        e->msr[i] = touches_msrs() ? native_rdmsr(hostile_msrs[i]) : 0;
    }
    if (step.wants_interrupt) {
        guest_pit_stop();
        guest_pic_mask(0);
    }
}

static void restore_msrs(void) {
    if (!touches_msrs()) {
        return;
    }
    for (uint32_t i = 0; i < MSRS; i++) {
        native_wrmsr(hostile_msrs[i], initial_msr[i]);
    }
}

static void run(struct outcome *o, uint32_t eip) {
    struct start start = step.start;
    start.eip = eip;
    prepare();
    hostile_run(&start, &o->end);
    collect(o);
    write_dr7(0x400);
    restore_msrs();
    /* The stack below what the call finds there, where bodies and traps push; IRET's frame is gone.
     */
    take_changes(o, step.stack - STACK_USED,
                 step.stack + 4 + (step.slot == VMI_CALL_IRET ? IRET_FRAME : 0));
}

/* A trap that is none does nothing: what it leaves is what it began with. */
static void expect_ud(void) {
    struct end *e = &reference.end;
    const struct start *s = &step.start;
    *e = seen.end;
    reference.changes = 0;
    e->vector = 6;
    e->error = 0;
    e->eip = s->eip;
    e->cs = s->cs & 0xFFFF;
    e->eflags = s->eflags;
    e->eax = s->eax, e->ecx = s->ecx, e->edx = s->edx, e->ebx = s->ebx;
    e->ebp = s->ebp, e->esi = s->esi, e->edi = s->edi;
    e->cr0 = s->cr0, e->cr2 = s->cr2, e->cr3 = s->cr3, e->cr4 = s->cr4;
    e->gdt = s->gdt, e->idt = s->idt;
    e->tr = SEL_TSS_USED, e->ldtr = SEL_LDT_USED;
    e->port = step.port_value;
    if (s->frame_words) {
        e->outer_esp = s->esp;
        e->outer_ss = s->ss;
    } else {
        e->esp = s->esp;
        e->ss = s->ss;
    }
}

/* --- steps ------------------------------------------------------------------------------------ */

static void print_step(void) {
    const struct start *s = &step.start;
    guest_printf("# step %u: %s, slot %u, paging %u\n", step.number, step.what, step.slot,
                 step.paging);
    guest_printf("# eax %08x ecx %08x edx %08x ebx %08x esi %08x edi %08x ebp %08x esp %04x:%08x\n",
                 s->eax, s->ecx, s->edx, s->ebx, s->esi, s->edi, s->ebp, s->ss, s->esp);
    guest_printf("# cs:eip %04x:%08x eflags %08x cr0 %08x cr3 %08x cr4 %08x dr7 %08x\n", s->cs,
                 s->eip, s->eflags, s->cr0, s->cr3, s->cr4, step.dr7);
}

static void print_outcome(const char *name, const struct outcome *o) {
    const struct end *e = &o->end;
    guest_printf("# %s: vector %d error %x at %04x:%08x eflags %08x cr2 %08x\n", name,
                 (int)e->vector, e->error, e->cs, e->eip, e->eflags, e->cr2);
    guest_printf("# eax %08x ecx %08x edx %08x ebx %08x esi %08x edi %08x ebp %08x esp %04x:%08x\n",
                 e->eax, e->ecx, e->edx, e->ebx, e->esi, e->edi, e->ebp, e->ss, e->esp);
    for (uint32_t i = 0; i < o->changes && i < 6; i++) {
        guest_printf("# %08x = %08x\n", o->change[i].at, o->change[i].value);
    }
}

static void print_all(void) {
    print_step();
    print_outcome("reference", &reference);
    print_outcome("seen", &seen);
}

static void call(uint32_t slot, uint32_t eax) {
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    r.eax = eax;
    guest_call(&r, rom + VMI_CALL_OFFSET(slot), NULL, 0);
}

static void do_step(uint32_t seed, uint32_t number, bool verbose) {
    const char *wrong;
    make_step(&step, seed, number, rom);
    counts->steps++;
    counts->by_kind[step.kind]++;
    counts->calls[step.slot]++;
    if (verbose || step.kind == KIND_DEADLY) {
        guest_printf("# step %u: %s\n", number, step.what);
    }
    if (verbose) {
        print_step();
    }
    guest_marker_set((number + 1) | (step.kind == KIND_DEADLY ? MARKER_DEADLY : 0));
    if (step.kind == KIND_CALL || step.kind == KIND_SAME) {
        run(&reference, step.reference);
    }
    run(&seen, step.start.eip);
    for (uint32_t counter = 0; step.slot == VMI_CALL_SetAlarm && counter < VMI_ALARM_COUNTERS;
         counter++) {
        call(VMI_CALL_CancelAlarm, counter);
    }
    if (step.kind == KIND_DEADLY) {
        counts->survived++;
        return;
    }
    if (step.kind == KIND_UD) {
        expect_ud();
    }
    counts->faults += seen.end.vector != RETURNED;
    wrong = judge(&step, &reference, &seen);
    if (verbose) {
        print_all();
    }
    if (!wrong) {
        return;
    }
    if (++counts->different <= SHOWN) {
        print_all();
        guest_printf("not ok - step %u: %s\n", number, wrong);
    }
}

static void check_rest(void) {
    uint32_t stray = hostile_slot ? 0 : find_stray();
    if (stray) {
        counts->different++;
        guest_printf("# %08x\nnot ok - memory that no call may change\n", stray);
        guest_exit(1);
    }
    if (memcmp(guest_at(rom), guest_at(ROM_COPY), PAGE) != 0) {
        counts->different++;
        guest_puts("not ok - the published ROM\n");
        guest_exit(1);
    }
}

static void find_rom(void) {
    struct rom_found found[16];
    uint32_t count;
    rom = guest_find_rom(found, 16, &count);
    if (!rom || rom % PAGE || !*(const uint16_t *)guest_at(rom + VMI_HYPERCALL_POINTER)) {
        guest_panic(NULL, "no hypercall ROM at a page");
    }
}

static void get_ready(void) {
    static uint64_t idt[256];
    hostile_idt = (struct descriptor_pointer){0, sizeof(idt) - 1, (uint32_t)idt};
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t dpl = i == 0x80 || i == 3 ? 3 : 0;
        idt[i] = guest_gate(hostile_vectors + i * 16, 0xE, dpl);
    }
    native_sgdt(&hostile_good_gdt);
    native_sidt(&hostile_good_idt);
    hostile_good_cr0 = read_cr0() & ~(uint32_t)(CR0_EM | CR0_TS);
    write_cr0(hostile_good_cr0);
    /* memory.c uses SSE. */
    hostile_good_cr4 = read_cr4() | CR4_PAE | CR4_OSFXSR;
    write_cr4(hostile_good_cr4);
    for (uint32_t i = 0; i < MSRS; i++) {
        initial_msr[i] = native_rdmsr(hostile_msrs[i]);
    }
    guest_set_handler(1, on_debug);
    memory_init(rom);
    reference.change = guest_at(CHANGES);
    seen.change = reference.change + MAX_CHANGES;
}

/* The step that the last boot was in when the machine was reset; the next one is to come. */
static uint32_t resumed(uint32_t marker) {
    uint32_t number = marker & ~MARKER_DEADLY;
    if (!marker) {
        memset(counts, 0, sizeof(*counts));
        return 0;
    }
    if (marker & MARKER_DEADLY) {
        counts->restarts++;
        counts->others.restarts++;
    } else {
        counts->different++;
        guest_printf("not ok - step %u: the machine was reset\n", number - 1);
        guest_exit(1);
    }
    return number;
}

static void print_counts(void) {
    guest_printf(
        "# steps %u: %u calls, %u wild, %u that are none, %u deadly; %u faults; restarts %u, "
        "survived %u; different %u\n",
        counts->steps, counts->by_kind[KIND_CALL], counts->by_kind[KIND_SAME],
        counts->by_kind[KIND_UD], counts->by_kind[KIND_DEADLY], counts->faults, counts->restarts,
        counts->survived, counts->different);
}

static void interrupt_others(const char *cmdline, uint32_t seed, uint32_t next, uint32_t steps) {
    struct rom_found found[16];
    uint32_t count, wrong;
    counts->others.verbose = number_option(cmdline, "verbose", 0);
    wrong = try_others(&counts->others, number_option(cmdline, "processors", 2),
                       number_option(cmdline, "x2apic", 0), seed, next, steps, rom,
                       guest_find_rom_of(VMI_API_MAJOR_3, found, 16, &count));
    guest_marker_clear();
    print_others(&counts->others);
    guest_printf("%s - only the targets of a STARTUP start, and all of them\n# end\n",
                 wrong ? "not ok" : "ok");
    guest_exit(wrong ? 1 : 0);
}

/* The last call: for good, so that the machine can be looked at from outside. */
static void shut_down(void) {
    call(VMI_CALL_Shutdown, 0);
    guest_puts("not ok - Shutdown does not return\n");
}

void guest_main(const char *cmdline) {
    uint32_t marker = guest_marker_get(), seed = number_option(cmdline, "seed", 1);
    uint32_t steps = number_option(cmdline, "steps", 1000),
             only = number_option(cmdline, "only", ~0u);
    uint32_t next;
    hostile_slot = number_option(cmdline, "slot", 0);
    on_qemu = number_option(cmdline, "tcg", 0);
    guest_console_select(GUEST_TO_E9);
    guest_marker_clear();
    next = resumed(marker);
    count_allowed(counts->allowed);
    find_rom();
    if (number_option(cmdline, "others", 0)) {
        interrupt_others(cmdline, seed, next, number_option(cmdline, "others", 0));
    }
    get_ready();
    if (only != ~0u) {
        do_step(seed, only, true);
        next = steps;
    }
    if (!next) {
        guest_printf("# seed %u, %u steps\n", seed, steps);
    }
    for (; next < steps; next++) {
        do_step(seed, next, false);
        if (next % LOOK_EVERY == LOOK_EVERY - 1) {
            check_rest();
        }
    }
    check_rest();
    guest_marker_clear();
    print_counts();
    print_allowed(counts->steps);
    guest_printf("%s - every trap did what the native body does\n",
                 counts->different ? "not ok" : "ok");
    guest_puts("# end\n");
    if (number_option(cmdline, "stay", 0)) {
        shut_down();
    }
    guest_exit(counts->different ? 1 : 0);
}
