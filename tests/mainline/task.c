/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Processes: switching, system calls, faults, and returns that go wrong. */
#include "kernel.h"

enum { TASKS = 12, FORK_LIMIT = 8, LDT_ENTRIES = 4, TLS_FIRST = SEL_SPARE / 8, TLS_ENTRIES = 3 };
enum { SYS_PID, SYS_FORK, SYS_EXIT, SYS_YIELD, SYS_UNMAP, SYS_BAD, SYS_ROUNDS, SYS_FAIL, SYS_MISC };
enum { FREE, RUNNABLE, ZOMBIE };
enum { VECTOR_PF = 14, KIND_EIP = 7, KIND_NT = 15 };
enum { IN_LDT = 7, NO_SUCH = sizeof(guest_gdt) | 3 };
enum { BEFORE_USER = (USER_CODE >> 12) - 1 }; /* a limit in pages */

extern const uint8_t user_signal[], user_came_back[], user_sysenter_return[];
extern uint32_t sysenter_return;

static struct task {
    int state;
    uint32_t pid, esp, stack;
    struct mm mm;
    uint64_t tls[TLS_ENTRIES];
} tasks[TASKS]; /* the first is the one that everything began with */

static struct task *current = tasks;
static uint64_t ldt[LDT_ENTRIES] __attribute__((aligned(8)));
static volatile int need_resched;
static int has_sysenter;
static uint32_t rounds_wanted, turns_wanted, is_steady, next_pid;
static uint32_t fault_vector, fault_error; /* of the last kernel fault that was mended */

uint32_t signals_sent, bad_returns, bad_returns_taken, forks, ticks, system_calls;
uint32_t bad_kinds_seen;
int ticks_by_alarm;

static uint32_t user_address(const uint8_t *label) {
    return USER_CODE + (uint32_t)(label - user_start);
}

/* ---- Bad returns ---- */

/* As sigreturn lets a process choose; what the processor pushes then. */
static const struct {
    uint16_t cs, ss;
    uint8_t vector;
    uint16_t error;
} bad[USER_BAD_KINDS] = {
    {3, SEL_UDATA, 13, 0},                            /* null CS */
    {NO_SUCH, SEL_UDATA, 13, NO_SUCH & ~3},           /* beyond the table */
    {SEL_LDT | 7, SEL_UDATA, 13, (SEL_LDT | 7) & ~3}, /* beyond the LDT */
    {SEL_KCODE | 3, SEL_UDATA, 13, SEL_KCODE},        /* of ring 0 */
    {SEL_UDATA, SEL_UDATA, 13, SEL_UDATA & ~3},       /* data as code */
    {IN_LDT, SEL_UDATA, 11, 4},                       /* not present */
    {SEL_TSS | 3, SEL_UDATA, 13, SEL_TSS},            /* no segment */
    {IN_LDT + 8, SEL_UDATA, 13, 0},                   /* EIP beyond the limit */
    {SEL_UCODE, 3, 13, 0},                            /* null SS */
    {SEL_UCODE, SEL_KDATA | 3, 13, SEL_KDATA},        /* of ring 0 */
    {SEL_UCODE, SEL_UCODE, 13, SEL_UCODE & ~3},       /* code as data */
    {SEL_UCODE, IN_LDT + 16, 12, 4 + 16},             /* not present */
    {SEL_UCODE, IN_LDT + 24, 13, 4 + 24},             /* read-only */
    {SEL_UCODE, NO_SUCH, 13, NO_SUCH & ~3},           /* beyond the table */
    {SEL_UCODE, SEL_UDATA & ~3, 13, SEL_UDATA & ~3},  /* another ring than CS */
    {SEL_UCODE, SEL_UDATA & ~2, 13, SEL_UDATA & ~3},  /* NT, where there is SYSENTER */
};

static uint32_t bad_kind;

static void write_ldt(uint32_t index, uint64_t d) {
    PV_CALL(PV_WRITE_LDT_ENTRY, ldt, index, &d);
}

static void fill_ldt(void) {
    write_ldt(0, guest_descriptor(0, 0xFFFFF, 0x7A, GRANULAR_4K | SIZE_32));
    write_ldt(1, guest_descriptor(0, BEFORE_USER, 0xFA, GRANULAR_4K | SIZE_32));
    write_ldt(2, guest_descriptor(0, 0xFFFFF, 0x72, GRANULAR_4K | SIZE_32));
    write_ldt(3, guest_descriptor(0, 0xFFFFF, 0xF0, GRANULAR_4K | SIZE_32));
    PV_CALL2(PV_SET_LDT, ldt, LDT_ENTRIES);
}

static void return_badly(struct frame *f, uint32_t kind) {
    bad_kind = kind;
    bad_returns++;
    f->cs = bad[kind].cs;
    f->ss = bad[kind].ss;
    f->eip = user_address(user_came_back);
}

/* A hypervisor may have lowered it in Init. */
static uint32_t kernel_ring(void) {
    uint32_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

/* The return faulted: the process has it for a signal. */
static void bad_iret(struct frame *f) {
    uint32_t vector = f->eflags & EFLAGS_NT ? 10 : bad[bad_kind].vector;
    uint32_t error = f->eflags & EFLAGS_NT ? 0 : bad[bad_kind].error;
    if (vector == 12 && fault_vector == 11 && (!vmi_rom_physical() || kernel_ring())) {
        fault_vector =
            12; /* the engines' own opinion, where no ROM looks first: QEMU's and Bochs' */
    }
    if (fault_vector != vector || fault_error != error) {
        guest_panic(NULL, "bad return %u: vector %u, error code %x; not %u, %x", bad_kind,
                    fault_vector, fault_error, vector, error);
    }
    bad_kinds_seen |= 1u << (f->eflags & EFLAGS_NT ? KIND_NT : bad_kind);
    signals_sent++;
    f->cs = SEL_UCODE;
    f->ss = SEL_UDATA;
    f->esp = USER_STACK;
    f->eflags = EFLAGS_FIXED | EFLAGS_IF;
    f->eip = user_address(user_signal);
}

/* A fault in the kernel: only the returns to user mode have a way out. */
static void kernel_fault(struct frame *f) {
    if (f->eip != (uint32_t)entry_iret_site && f->eip != (uint32_t)native_iret) {
        guest_panic(NULL, "trap %u, error %x, in the kernel at %08x, CR2 %08x", f->vector, f->error,
                    f->eip, (uint32_t)PV_CALL0(PV_READ_CR2));
    }
    fault_vector = f->vector;
    fault_error = f->error;
    f->eip = (uint32_t)entry_iret_fixup;
    f->eflags &= ~(uint32_t)EFLAGS_NT; /* or the next return would fault in the same way */
}

/* ---- Switching ---- */

static void load_tls(const struct task *t) {
    for (uint32_t i = 0; i < TLS_ENTRIES; i++) {
        if (guest_gdt[TLS_FIRST + i] != t->tls[i]) {
            PV_CALL(PV_WRITE_GDT_ENTRY, guest_gdt, TLS_FIRST + i, &t->tls[i]);
        }
    }
}

static struct task *next_task(void) {
    uint32_t from = (uint32_t)(current - tasks);
    for (uint32_t i = 1; i < TASKS; i++) {
        struct task *t = &tasks[(from + i) % TASKS];
        if (t->state == RUNNABLE && t != tasks) {
            return t;
        }
    }
    return current->state == RUNNABLE ? current : tasks;
}

/* Interrupts are off. */
static void schedule(void) {
    struct task *last = current, *next = next_task();
    need_resched = 0;
    if (next == last) {
        return;
    }
    PV_CALL1(PV_LAZY_CPU, 2);
    PV_CALL1(PV_LOAD_SP0, next->stack + PAGE_SIZE);
    load_tls(next);
    if (next->mm.cr3) {
        PV_CALL1(PV_WRITE_CR3, next->mm.cr3);
    }
    if (!((uint32_t)PV_CALL0(PV_READ_CR0) & CR0_TS)) {
        PV_CALL1(PV_WRITE_CR0, (uint32_t)PV_CALL0(PV_READ_CR0) | CR0_TS);
    }
    PV_CALL1(PV_LAZY_CPU, 0);
    PV_CALL0(PV_CLTS);
    current = next;
    switch_stacks(&last->esp, next->esp);
}

static struct task *task_new(void) {
    for (uint32_t i = 1; i < TASKS; i++) {
        struct task *t = &tasks[i];
        if (t->state == FREE) {
            memset(t, 0, sizeof(*t));
            t->pid = ++next_pid;
            t->stack = (uint32_t)page_new();
            for (uint32_t n = 0; n < TLS_ENTRIES; n++) {
                t->tls[n] =
                    guest_descriptor(t->pid << 12, 0xFFF, ACCESS_DATA | ACCESS_DPL3, SIZE_32);
            }
            return t;
        }
    }
    return NULL;
}

/* The task's first way out of the kernel is that of every trap. */
static void task_start(struct task *t, const struct frame *f) {
    struct frame *frame = (struct frame *)(t->stack + PAGE_SIZE) - 1;
    uint32_t *stack = (uint32_t *)frame;
    *frame = *f;
    *--stack = (uint32_t)entry_return;
    stack -= 4; /* EBP EBX ESI EDI */
    memset(stack, 0, 16);
    t->esp = (uint32_t)stack;
    t->state = RUNNABLE;
}

static uint32_t fork(const struct frame *f) {
    uint32_t running = 0;
    for (uint32_t i = 1; i < TASKS; i++) {
        running += tasks[i].state != FREE;
    }
    struct task *child = running < FORK_LIMIT ? task_new() : NULL;
    struct frame frame = *f;
    if (!child) {
        return 0xFFFFFFFF;
    }
    child->mm = mm_fork(&current->mm);
    frame.eax = 0;
    task_start(child, &frame);
    forks++;
    return child->pid;
}

static void exit_task(void) {
    current->state = ZOMBIE;
    schedule();
    guest_panic(NULL, "a task that is gone runs");
}

static void reap(void) {
    for (uint32_t i = 1; i < TASKS; i++) {
        struct task *t = &tasks[i];
        if (t->state == ZOMBIE && t != current) {
            mm_free(&t->mm);
            page_drop(t->stack);
            t->state = FREE;
        }
    }
}

/* ---- System calls ---- */

/* Operations that are rare. */
static void miscellany(void) {
    struct descriptor_pointer gdt, idt, seen;
    uint32_t regs[4] = {0, 0, 0, 0};
    uint64_t before = PV_CALL0(PV_READ_TSC);
    PV_CALL1(PV_CPUID, regs);
    if (!regs[1]) {
        guest_panic(NULL, "CPUID gives no vendor");
    }
    PV_CALL1(PV_STORE_GDT, &gdt.limit);
    PV_CALL1(PV_LOAD_GDT, &gdt.limit);
    PV_CALL1(PV_STORE_IDT, &idt.limit);
    PV_CALL1(PV_LOAD_IDT, &idt.limit);
    PV_CALL1(PV_STORE_GDT, &seen.limit);
    if (gdt.base != (uint32_t)guest_gdt || seen.base != gdt.base || seen.limit != gdt.limit) {
        guest_panic(NULL, "GDTR changed");
    }
    if ((uint32_t)PV_CALL0(PV_STORE_TR) != SEL_TSS) {
        guest_panic(NULL, "TR changed");
    }
    PV_CALL2(PV_SET_DR, 0, 0x12345678);
    if ((uint32_t)PV_CALL1(PV_GET_DR, 0) != 0x12345678) {
        guest_panic(NULL, "DR0 is another");
    }
    uint32_t cr4 = (uint32_t)PV_CALL0(PV_READ_CR4);
    PV_CALL1(PV_WRITE_CR4, cr4);
    PV_CALL1(PV_WRITE_CR2, 0x00ABC000);
    if ((uint32_t)PV_CALL0(PV_READ_CR2) != 0x00ABC000) {
        guest_panic(NULL, "CR2 is another");
    }
    PV_CALL0(PV_FLUSH_KERNEL);
    PV_CALL0(PV_WBINVD);
    PV_CALL0(PV_IO_DELAY);
    PV_CALL1(PV_SET_IOPL, 0x3000);
    PV_CALL1(PV_SET_IOPL, 0);
    fill_ldt();
    if (PV_CALL0(PV_READ_TSC) <= before) {
        guest_panic(NULL, "the time-stamp counter does not count");
    }
}

static uint32_t system_call(struct frame *f) {
    system_calls++;
    switch (f->eax) {
    case SYS_FORK:
        reap();
        return fork(f);
    case SYS_EXIT:
        irq_disable();
        exit_task();
        return 0;
    case SYS_YIELD:
        need_resched = 1;
        return 0;
    case SYS_UNMAP:
        mm_unmap_arena(&current->mm);
        return 0;
    case SYS_BAD:
        return_badly(f, f->ebx % USER_BAD_KINDS);
        return f->eax;
    case SYS_ROUNDS:
        f->ebx = (uint32_t)has_sysenter;
        f->ecx = turns_wanted;
        f->edx = is_steady;
        return rounds_wanted;
    case SYS_FAIL:
        guest_panic(NULL, "process %u: check %u failed", current->pid, f->ebx);
    case SYS_MISC:
        miscellany();
        return 0;
    default: /* SYS_PID, and SYS_SLOW */
        return current->pid;
    }
}

/* ---- Traps ---- */

int REGPARM do_trap(struct frame *f);

/* Returns whether the way back has to be by IRET. */
int REGPARM do_trap(struct frame *f) {
    if (f->vector == VECTOR_TIMER) {
        ticks++;
        outb(0x20, 0x20);
        need_resched = 1;
    } else if (!(f->cs & 2) && f->vector != VECTOR_BAD_IRET) {
        kernel_fault(f);
        return 1;
    } else if (f->vector == VECTOR_PF) {
        uint32_t address = (uint32_t)PV_CALL0(PV_READ_CR2);
        irq_enable();
        if (!mm_fault(&current->mm, address, f->error)) {
            guest_panic(NULL, "process %u: page fault at %08x, error %x, EIP %08x", current->pid,
                        address, f->error, f->eip);
        }
    } else if (f->vector == VECTOR_BAD_IRET) {
        irq_enable();
        bad_iret(f);
    } else if (f->vector == VECTOR_SYSCALL) {
        uint32_t slow = f->eax > SYS_MISC || f->eax == SYS_BAD;
        irq_enable();
        bad_returns += f->eax > SYS_MISC;
        f->eax = system_call(f);
        if (slow) {
            return 1; /* no switch before the return that is to fault: bad_kind is one for all */
        }
    } else {
        guest_panic(NULL, "process %u: trap %u, error %x, at %04x:%08x", current->pid, f->vector,
                    f->error, f->cs, f->eip);
    }
    uint32_t flags = save_flags();
    irq_disable();
    int switched = need_resched && f->cs & 2;
    if (switched) {
        schedule();
    }
    restore_flags(flags);
    return switched;
}

/* ---- Start and end ---- */

static void set_gate(uint32_t vector, const void *entry, uint8_t dpl) {
    uint64_t gate = guest_gate(entry, 0xE, dpl);
    PV_CALL(PV_WRITE_IDT_ENTRY, guest_idt, vector, &gate);
}

void tasks_init(void) {
    for (uint32_t vector = 0; vector < 48; vector++) {
        if (vector != 8) {
            set_gate(vector, entry_stubs + 16 * vector, 0);
        }
    }
    set_gate(VECTOR_SYSCALL, entry_syscall, 3);
    guest_gdt[SEL_TSS / 8] &= ~(0x200ull << 32); /* not busy */
    PV_CALL0(PV_LOAD_TR);
    fill_ldt();
    sysenter_return = user_address(user_sysenter_return);
    has_sysenter = (guest_cpu_features() & CPU_SEP) != 0;
    if (has_sysenter) {
        native_wrmsr(0x174, SEL_KCODE);
        native_wrmsr(0x175, (uint32_t)&guest_tss.esp0);
        native_wrmsr(0x176, (uint32_t)entry_sysenter);
    }
    tasks[0].state = RUNNABLE;
    tasks[0].stack = (uint32_t)page_new();
}

static int any_left(void) {
    for (uint32_t i = 1; i < TASKS; i++) {
        if (tasks[i].state != FREE) {
            return 1;
        }
    }
    return 0;
}

void tasks_run(const struct load *load) {
    struct frame first = {.ds = SEL_UDATA,
                          .es = SEL_UDATA,
                          .eip = USER_CODE,
                          .cs = SEL_UCODE,
                          .eflags = EFLAGS_FIXED | EFLAGS_IF,
                          .esp = USER_STACK,
                          .ss = SEL_UDATA};
    rounds_wanted = load->rounds;
    turns_wanted = load->turns;
    is_steady = load->steady;
    for (uint32_t i = 0; i < load->processes; i++) {
        struct task *t = task_new();
        t->mm = mm_new();
        mm_map_code(&t->mm, user_start, (uint32_t)(user_end - user_start));
        mm_map_library(&t->mm);
        task_start(t, &first);
    }
    if (load->steady) {
        set_gate(VECTOR_TIMER, entry_stubs + 16 * VECTOR_TIMER, 3);
    } else if (!this_processor()) { /* the timer is the first one's */
        ticks_by_alarm = ticks_by_alarm && vmi_alarm_start(1000);
        if (!ticks_by_alarm) {
            guest_pit_periodic(1000);
        }
        guest_pic_unmask(0);
    }
    while (any_left()) {
        irq_disable();
        schedule();
        irq_enable();
        reap();
    }
}

/* Waits for some ticks, and for no more. */
void tasks_end(void) {
    for (uint32_t until = ticks + 3; ticks < until;) {
        irq_disable();
        PV_CALL0(PV_SAFE_HALT);
    }
    irq_disable();
    if (ticks_by_alarm) {
        vmi_alarm_stop();
    }
    guest_pic_mask(0);
    guest_pit_stop();
}
