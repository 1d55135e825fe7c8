/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Descriptor tables, traps, system calls, and the scheduler. */
#include "demo.h"

enum { VECTORS = 49, STUB_SIZE = 16, SYSCALL = 0x80, PAGE_FAULT = 14 };
enum { INTERRUPT_GATE = 0x8E00, FROM_RING_3 = 0x6000, TSS_SIZE = 104 };

extern const uint8_t vector_stubs[]; /* entry.asm */

static uint64_t gdt[SEL_TSS / 8 + 1] __attribute__((aligned(8)));
static uint64_t idt[SYSCALL + 1] __attribute__((aligned(8)));
static struct {
    uint32_t link, esp0, ss0, unused[22];
    uint16_t trap, io_map;
} tss;
_Static_assert(sizeof(tss) == TSS_SIZE, "the processor's layout");

/* Processes are in a circular list with the kernel thread, which runs when no process can. */
static struct process kernel_thread = {.name = "kernel", .next = &kernel_thread};
static struct process *current = &kernel_thread;
uint32_t ticks, switches;

static void set_gate(uint32_t vector, const void *handler, uint32_t flags, uint16_t cs) {
    uint32_t address = (uint32_t)handler;
    vmi_write_idt_entry(idt, vector,
                        (uint64_t)((address & 0xFFFF0000) | flags) << 32 | (uint32_t)cs << 16 |
                            (address & 0xFFFF));
}

/* The selectors are those of the boot code, so no segment register needs to be reloaded. */
void tables_start(void) {
    static const uint64_t flat[] = {0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF, 0x00CFFA000000FFFF,
                                    0x00CFF2000000FFFF};
    struct descriptor_pointer pointer = {0, sizeof(gdt) - 1, (uint32_t)gdt};
    uint32_t ring = vmi_kernel_ring(); /* no constant: a hypervisor may have lowered it in Init */
    uint16_t cs = (uint16_t)(SEL_KCODE | ring);
    for (uint32_t i = 0; i < sizeof(flat) / sizeof(flat[0]); i++) {
        vmi_write_gdt_entry(gdt, i, flat[i]);
    }
    tss.ss0 = SEL_KDATA | ring;
    tss.io_map = TSS_SIZE;
    vmi_write_gdt_entry(gdt, SEL_TSS / 8,
                        guest_descriptor((uint32_t)&tss, TSS_SIZE - 1, ACCESS_TSS, 0));
    vmi_set_gdt(&pointer.limit);
    vmi_set_tr(SEL_TSS);
    vmi_set_ldt(0);

    for (uint32_t i = 0; i < VECTORS - 1; i++) {
        set_gate(i, vector_stubs + i * STUB_SIZE, INTERRUPT_GATE, cs);
    }
    set_gate(SYSCALL, vector_stubs + (VECTORS - 1) * STUB_SIZE, INTERRUPT_GATE | FROM_RING_3, cs);
    pointer.limit = sizeof(idt) - 1;
    pointer.base = (uint32_t)idt;
    vmi_set_idt(&pointer.limit);
    kernel_thread.space = kernel_space;
}

void process_new(struct process *p, const char *name, void (*entry)(void)) {
    p->name = name;
    space_new(&p->space);
    p->stack = page_alloc();
    p->frame = (struct frame *)(p->stack + PAGE) - 1;
    p->frame->eip = (uint32_t)entry;
    p->frame->cs = SEL_UCODE;
    p->frame->eflags = EFLAGS_FIXED | EFLAGS_IF;
    p->frame->esp = USER_TOP - 16;
    p->frame->ss = p->frame->ds = p->frame->es = SEL_UDATA;
    p->next = kernel_thread.next;
    kernel_thread.next = p;
}

static struct process *next_process(void) {
    for (struct process *p = current->next; p != current; p = p->next) {
        if (p != &kernel_thread && p->state == RUNNABLE) {
            return p;
        }
    }
    return current->state == RUNNABLE ? current : &kernel_thread;
}

int processes_running(void) {
    return next_process() != &kernel_thread;
}

/* Chooses the next process and returns the frame to resume. */
static struct frame *schedule(struct frame *frame) {
    struct process *last = current, *next = next_process();
    last->frame = frame;
    if (next == last) {
        return frame;
    }
    last->preempted += last->state == RUNNABLE;
    switches++;
    current = next;
    vmi3_set_lazy_mode(VMI3_LAZY_CPU);
    if (next->stack) { /* the kernel thread stays on the stack it has */
        vmi_set_kernel_stack(&tss, (uint32_t)next->stack + PAGE);
        vmi3_update_kernel_stack((uint16_t)tss.ss0, tss.esp0);
    }
    vmi_set_cr3((uint32_t)next->space.directory);
    vmi_flush_deferred_calls(VMI_FLUSH_CPU_STATE | VMI_FLUSH_PT_UPDATES);
    vmi3_set_lazy_mode(VMI3_LAZY_OFF);
    return next->frame;
}

static struct frame *system_call(struct frame *frame) {
    switch (frame->eax) {
    case SYS_PRINT:
        if (frame->ebx >= USER_BASE && frame->ebx < USER_TOP &&
            frame->ecx < USER_TOP - frame->ebx) {
            console_write((const char *)frame->ebx, frame->ecx);
        }
        return frame;
    case SYS_TICKS:
        frame->eax = ticks;
        return frame;
    case SYS_EXIT:
        current->state = ENDED;
        current->result = frame->ebx;
        return schedule(frame);
    default:
        frame->eax = 0xFFFFFFFF;
        return frame;
    }
}

/* Everything that enters the kernel comes here. Returns the frame to resume. */
struct frame *trap(struct frame *frame) {
    uint32_t line = frame->vector - IRQ_VECTOR;
    if (line < 16) {
        device_interrupt(line);
        return line == IRQ_TIMER ? schedule(frame) : frame;
    }
    if (frame->vector == SYSCALL) {
        return system_call(frame);
    }
    uint32_t address = vmi_get_cr2();
    if (frame->vector == PAGE_FAULT && current != &kernel_thread &&
        space_fault(&current->space, address, frame->error)) {
        return frame;
    }
    print("%s: trap %u, error code %X, at %08X, CR2 %08X\n", current->name, frame->vector,
          frame->error, frame->eip, address);
    if (!(frame->cs & 2)) { /* the kernel's, in ring 0 or 1 */
        power_off(1);
    }
    current->state = KILLED;
    return schedule(frame);
}
