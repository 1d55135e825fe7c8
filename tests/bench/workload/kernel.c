/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The workload's kernel. native.c takes this file in a second time: what is privileged goes through
 * the functions of by_calls.h or by_instructions.h, and nothing else differs.
 */
#ifndef WORK
#include "by_calls.h"

#define WORK    work_by_calls
#define TRAP    trap_by_calls
#define ENTRIES entries_by_calls
#endif

enum { TASKS = 4, TLS_ENTRIES = 3, FPU_STATE = 108, NOTES = 8 };
enum { FRAMES_END = 0x1000000, LINE = 64, FIFO = 16 };
enum { COM1 = 0x3F8, COM1_LINE = COM1 + 5, LINE_EMPTY = 0x20 };
enum { PIC = 0x20, PIC_MASK = 0x21, PIC_TIMER = 1, PIC_END_OF_TIMER = 0x60 };
enum { PIT_0 = 0x40, PIT_COMMAND = 0x43, PIT_0_ONCE = 0x30, TICK = 100 }; /* TICK of 838 ns */
enum { CRTC = 0x3D4, CRTC_CURSOR_HIGH = 14, CRTC_CURSOR_LOW = 15 };
enum { VGA_TEXT = 0xB8000, VGA_WHITE = 0x0700, VGA_COLUMNS = 80 };
enum { BIT_RW = 1, USER_PAGE = PTE_P | PTE_RW | PTE_US, TEXT_PAGE = PTE_P | PTE_US };

struct task {
    uint32_t esp; /* while another one runs */
    uint32_t life;
    uint32_t *directory, *heap, *stack;
    uint64_t tls[TLS_ENTRIES];
    uint32_t has_fpu; /* since it was switched to */
    uint32_t used_fpu;
    uint8_t fpu[FPU_STATE];
    uint32_t notes[NOTES];
    uint8_t kernel_stack[PAGE] __attribute__((aligned(16)));
};

static struct task tasks[TASKS], *current;
static struct guest_space base;
static uint32_t *free_frames; /* each holds the address of the next */
static uint32_t lives_left, main_esp, pic_mask;
static uint64_t ldt[TLS_ENTRIES];
static struct work_done *work;

/* ---- Locks: one processor, so they are the interrupt flag. ---- */

static inline uint32_t lock(void) {
    uint32_t mask = get_interrupt_mask();
    disable_interrupts();
    return mask;
}

static inline void unlock(uint32_t mask) {
    set_interrupt_mask(mask);
}

/* ---- Memory ---- */

static void clear_page(uint32_t *page) {
    uint32_t count = PAGE / sizeof(*page);
    __asm__ volatile("rep stosl" : "+D"(page), "+c"(count) : "a"(0) : "memory");
}

static void copy_page(uint32_t *to, const uint32_t *from) {
    uint32_t count = PAGE / sizeof(*to);
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static uint32_t *take_frame(void) {
    uint32_t mask = lock(), *frame = free_frames;
    free_frames = guest_at(*frame);
    unlock(mask);
    return frame;
}

static void give_frame(uint32_t *frame) {
    uint32_t mask = lock();
    *frame = (uint32_t)free_frames;
    free_frames = frame;
    unlock(mask);
}

static uint32_t *entry_of(uint32_t *table, uint32_t linear) {
    return table + linear / PAGE % 1024;
}

static uint32_t *new_table(uint32_t linear) {
    uint32_t *table = take_frame();
    clear_page(table);
    allocate_table((uint32_t)table);
    set_entry(current->directory + (linear >> 22), (uint32_t)table | USER_PAGE);
    return table;
}

static void build_space(void) {
    current->directory = take_frame();
    copy_page(current->directory, guest_at(base.cr3));
    allocate_directory((uint32_t)current->directory, base.cr3);
    current->heap = new_table(HEAP);
    current->stack = new_table(STACK_TOP - PAGE);
    for (uint32_t i = 0; i < TEXT_PAGES; i++) {
        set_entry(entry_of(current->heap, HEAP) + HEAP_PAGES + i,
                  (uint32_t)user_program / PAGE * PAGE | TEXT_PAGE);
    }
    flush_deferred();
}

static void tear_page(uint32_t *table, uint32_t linear) {
    give_frame(guest_at(swap_entry(entry_of(table, linear), 0) / PAGE * PAGE));
}

static void tear_space(void) {
    uint32_t *directory = current->directory;
    for (uint32_t i = 0; i < HEAP_PAGES; i++) {
        tear_page(current->heap, HEAP + i * PAGE);
    }
    for (uint32_t i = 0; i < TEXT_PAGES; i++) {
        swap_entry(entry_of(current->heap, HEAP) + HEAP_PAGES + i, 0);
    }
    tear_page(current->stack, STACK_TOP - PAGE);
    flush_tlb();
    set_entry(directory + (HEAP >> 22), 0);
    set_entry(directory + ((STACK_TOP - PAGE) >> 22), 0);
    flush_deferred();
    set_cr3(base.cr3);
    release_table((uint32_t)current->heap);
    give_frame(current->heap);
    release_table((uint32_t)current->stack);
    give_frame(current->stack);
    release_directory((uint32_t)directory);
    give_frame(directory);
}

static void page_fault(struct trap_frame *frame) {
    uint32_t linear = get_cr2(),
             *table = linear >= STACK_TOP - PAGE ? current->stack : current->heap;
    uint32_t *page, mask;
    enable_interrupts();
    if (linear - HEAP >= STACK_TOP - HEAP || *entry_of(table, linear) & PTE_P) {
        guest_panic(frame, "the workload faulted at %08x", linear);
    }
    page = take_frame();
    clear_page(page);
    mask = lock();
    work->faults++;
    set_entry(entry_of(table, linear), (uint32_t)page | USER_PAGE);
    unlock(mask);
}

/* The heap becomes read-only, page by page. */
static void protect(void) {
    for (uint32_t i = 0; i < HEAP_PAGES; i++) {
        if (clear_entry_bit(entry_of(current->heap, HEAP + i * PAGE), BIT_RW)) {
            invalidate(HEAP + i * PAGE);
        }
    }
}

/* ---- The FPU goes to who asks for it. ---- */

static void give_fpu(void) {
    clts();
    if (current->used_fpu) {
        __asm__ volatile("frstor %0" : : "m"(current->fpu));
    } else {
        __asm__ volatile("fninit");
    }
    current->has_fpu = current->used_fpu = 1;
    work->fpu_faults++;
}

static void take_fpu(void) {
    if (current->has_fpu) {
        __asm__ volatile("fnsave %0\n\tfwait" : "=m"(current->fpu));
        set_cr0(get_cr0() | CR0_TS);
        current->has_fpu = 0;
    }
}

/* ---- Tasks ---- */

static void switch_to(struct task *next) {
    struct task *previous = current;
    uint32_t esp0 = (uint32_t)(next->kernel_stack + sizeof(next->kernel_stack));
    take_fpu();
    current = next;
    set_cr3((uint32_t)next->directory);
    guest_tss.esp0 = esp0;
    update_kernel_stack(esp0);
    for (uint32_t i = 0; i < TLS_ENTRIES; i++) {
        write_gdt_entry(SEL_SPARE / 8 + i, next->tls[i]);
    }
    switch_stack(&previous->esp, next->esp);
}

static void yield(void) {
    struct task *next = current + 1 == tasks + TASKS ? tasks : current + 1;
    uint32_t mask = lock();
    work->switches++;
    unlock(mask);
    mask = lock();
    switch_to(next);
    unlock(mask);
}

/* Every so many lives the tick is set off: it comes when TICK has passed, whatever runs then. */
static void set_timer(void) {
    port_out(PIT_0, TICK & 0xFF);
    port_out(PIT_0, TICK >> 8);
}

/* A process's address space is there and the current one; frame is what it starts with. */
static void start_life(struct trap_frame *frame) {
    current->life = work->lives++;
    build_space();
    set_cr3((uint32_t)current->directory);
    write_ldt_entry(ldt, 0, guest_descriptor(0, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, SIZE_32));
    for (uint32_t i = 0; i < TLS_ENTRIES; i++) {
        current->tls[i] =
            guest_descriptor(HEAP + i * PAGE, PAGE - 1, ACCESS_DATA | ACCESS_DPL3, SIZE_32);
    }
    memset(frame, 0, offsetof(struct trap_frame, v86_es));
    frame->eax = current->life;
    frame->eip = (uint32_t)user_program;
    frame->cs = SEL_UCODE;
    frame->eflags = EFLAGS_FIXED | EFLAGS_IF;
    frame->esp = STACK_TOP;
    frame->ss = frame->ds = frame->es = frame->fs = frame->gs = SEL_UDATA;
    if (current->life % LIVES_PER_TICK == 0) {
        set_timer();
    }
}

static void end_life(struct trap_frame *frame) {
    uint32_t mask = lock();
    work->sum += frame->ebx;
    unlock(mask);
    take_fpu();
    current->used_fpu = 0;
    tear_space();
    if (--lives_left == 0) {
        disable_interrupts();
        switch_stack(&current->esp, main_esp);
    }
    start_life(frame);
}

/* ---- System calls ---- */

static void note(uint32_t argument) {
    uint32_t mask = lock();
    for (uint32_t i = NOTES - 1; i; i--) {
        current->notes[i] = current->notes[i - 1];
    }
    unlock(mask);
    mask = lock();
    current->notes[0] = argument;
    unlock(mask);
}

static uint32_t time(void) {
    uint32_t mask = lock(), now = read_clock();
    unlock(mask);
    return now;
}

/* To the screen, and to COM1 by as much as its buffer holds. */
static void write_line(void) {
    static const char text[LINE + 1] =
        "eth0: a line as kernels write them when a device has turned up\r\n";
    volatile uint16_t *screen = guest_at(VGA_TEXT);
    uint32_t mask = lock(), place = (work->lines + 1) % 24 * VGA_COLUMNS;
    for (uint32_t i = 0; i < LINE - 2; i++) {
        screen[place - VGA_COLUMNS + i] = (uint16_t)(VGA_WHITE | (uint8_t)text[i]);
    }
    port_out(CRTC, CRTC_CURSOR_HIGH);
    port_out(CRTC + 1, (uint8_t)(place >> 8));
    port_out(CRTC, CRTC_CURSOR_LOW);
    port_out(CRTC + 1, (uint8_t)place);
    for (uint32_t i = 0; i < LINE; i += FIFO) {
        while (!(port_in(COM1_LINE) & LINE_EMPTY))
            ;
        port_out_string(COM1, text + i, FIFO);
    }
    work->lines++;
    unlock(mask);
}

static void system_call(struct trap_frame *frame) {
    switch (frame->eax) {
    case SYS_NOTE:
        note(frame->ebx);
        break;
    case SYS_TIME:
        enable_interrupts();
        frame->eax = time();
        break;
    case SYS_YIELD:
        yield();
        break;
    case SYS_PROTECT:
        protect();
        break;
    case SYS_WRITE:
        write_line();
        break;
    case SYS_EXIT:
        end_life(frame);
        break;
    default:
        guest_panic(frame, "the workload has no system call %u", frame->eax);
    }
}

/* ---- The timer interrupt: acknowledged as Linux does ---- */

static void tick(void) {
    uint32_t mask;
    port_in(PIC_MASK);
    port_out(PIC_MASK, (uint8_t)(pic_mask | PIC_TIMER));
    port_out(PIC, PIC_END_OF_TIMER);
    mask = lock();
    work->ticks++;
    read_cycles();
    unlock(mask);
    port_out(PIC_MASK, (uint8_t)pic_mask);
}

void TRAP(struct trap_frame *frame) {
    work->entries++;
    switch (frame->vector) {
    case VECTOR_PF:
        page_fault(frame);
        break;
    case VECTOR_NM:
        give_fpu();
        break;
    case VECTOR_TIMER:
        tick();
        break;
    default:
        system_call(frame);
    }
    disable_interrupts(); /* nothing comes between the last look at what is to do and the return */
}

/* ---- The start: what is done once is done natively ---- */

static void set_up_machine(void) {
    base = guest_space_new(0);
    guest_idt[VECTOR_PF] = guest_gate(ENTRIES.fault, 0xE, 0);
    guest_idt[VECTOR_NM] = guest_gate(ENTRIES.device, 0xE, 0);
    guest_idt[VECTOR_TIMER] = guest_gate(ENTRIES.timer, 0xE, 0);
    guest_idt[VECTOR_INT80] = guest_gate(ENTRIES.system_call, 0xF, 3);
    guest_descriptors_reload(); /* whoever shadows the IDT looks at it */
    native_wrmsr(0x174, SEL_KCODE);
    native_wrmsr(0x175, (uint32_t)&guest_tss.esp0);
    native_wrmsr(0x176, (uint32_t)ENTRIES.sysenter);
    for (uint32_t frame = GUEST_FREE_MEMORY; frame < FRAMES_END; frame += PAGE) {
        *(uint32_t *)frame = (uint32_t)free_frames;
        free_frames = (uint32_t *)frame;
    }
    outb(PIT_COMMAND, PIT_0_ONCE);
    guest_pic_unmask(0);
    pic_mask = inb(PIC_MASK);
    guest_paging_on(&base);
    write_cr0(read_cr0() | CR0_TS | CR0_WP);
}

/* A stack from which switch_stack returns to the way out, to ring 3. */
static void start_task(struct task *task) {
    struct trap_frame *frame =
        (struct trap_frame *)(task->kernel_stack + sizeof(task->kernel_stack) -
                              offsetof(struct trap_frame, v86_es));
    uint32_t *stack = (uint32_t *)frame - 5;
    current = task;
    start_life(frame);
    stack[4] = (uint32_t)ENTRIES.leave;
    task->esp = (uint32_t)stack;
}

void WORK(uint32_t lives, struct work_done *done) {
    work = done;
    lives_left = lives;
    set_up_machine();
    uint64_t start = native_rdtsc();
    for (struct task *task = tasks; task < tasks + TASKS; task++) {
        start_task(task);
    }
    current = &tasks[0];
    guest_tss.esp0 = (uint32_t)(current->kernel_stack + sizeof(current->kernel_stack));
    update_kernel_stack(guest_tss.esp0);
    set_cr3((uint32_t)current->directory);
    switch_stack(&main_esp, current->esp);
    done->instructions = native_rdtsc() - start;
}
