/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "emulate.h"
#include "control.h"
#include "count.h"
#include "decode.h"
#include "event.h"
#include "gate.h"
#include "memory.h"
#include "port.h"
#include "processor.h"
#include "register.h"
#include "vif.h"

/* What is being done. */
struct work {
    struct cpu *cpu;
    struct frame *f;
    struct instruction i;
    fault fault;     /* what it ends in instead */
    bool page_fault; /* or #PF, as cpu has it */
};

/* --- operands --- */

static uint32_t *register_of(struct frame *f, uint32_t number) {
    uint32_t *const registers[8] = {&f->eax, &f->ecx, &f->edx, &f->ebx,
                                    &f->esp, &f->ebp, &f->esi, &f->edi};
    return registers[number & 7];
}

static uint32_t selector_of(const struct frame *f, uint32_t segment) {
    switch (segment) {
    case SEGMENT_ES:
        return is_v86(f) ? f->v86_es : f->es;
    case SEGMENT_CS:
        return f->cs;
    case SEGMENT_SS:
        return f->ss;
    case SEGMENT_DS:
        return is_v86(f) ? f->v86_ds : f->ds;
    case SEGMENT_FS:
        return is_v86(f) ? f->v86_fs : read_fs();
    default:
        return is_v86(f) ? f->v86_gs : read_gs();
    }
}

static uint32_t operand_address(const struct work *w) {
    return segment_base(w->cpu, w->f, selector_of(w->f, w->i.segment)) + w->i.offset;
}

static bool read_operand(struct work *w, void *to, uint32_t size) {
    w->page_fault = !guest_read(w->cpu, operand_address(w), to, size);
    return !w->page_fault;
}

/* A 16-bit operand, in a register or in memory. */
static bool read_word(struct work *w, uint16_t *value) {
    if (w->i.memory) {
        return read_operand(w, value, sizeof(*value));
    }
    *value = (uint16_t)*register_of(w->f, w->i.rm);
    return true;
}

/* --- one of them each --- */

static void load_table(struct work *w) {
    struct table table;
    if (!read_operand(w, &table, sizeof(table))) {
        return;
    }
    if (w->i.size == 2) {
        table.base &= 0x00FFFFFF;
    }
    if (w->i.operation == OP_LGDT) {
        take_gdt(w->cpu, &table);
    } else {
        take_idt(w->cpu, &table);
    }
}

static void load_selector(struct work *w) {
    uint16_t selector;
    if (read_word(w, &selector)) {
        w->fault =
            w->i.operation == OP_LLDT ? take_ldt(w->cpu, selector) : take_task(w->cpu, selector);
    }
}

#define MSW      0x0000000Eu /* what LMSW writes; PE it can only set */
#define CONTROLS 0x1Du       /* registers 0, 2, 3, 4 */

static void load_msw(struct work *w) {
    uint32_t cr0 = get_cr(w->cpu, 0);
    uint16_t value;
    if (read_word(w, &value)) {
        w->fault = set_cr(w->cpu, 0, (cr0 & ~MSW) | (value & MSW));
    }
}

static void move_control(struct work *w) {
    uint32_t *reg = register_of(w->f, w->i.rm);
    if (!(CONTROLS >> w->i.reg & 1)) {
        w->fault = FAULT(VECTOR_UD, 0);
    } else if (w->i.operation == OP_READ_CR) {
        *reg = get_cr(w->cpu, w->i.reg);
    } else {
        w->fault = write_cr(w->cpu, w->i.reg, *reg);
    }
}

static void move_debug(struct work *w) {
    uint32_t *reg = register_of(w->f, w->i.rm);
    w->fault = w->i.operation == OP_READ_DR ? get_dr(w->cpu, w->i.reg, reg)
                                            : set_dr(w->cpu, w->i.reg, *reg);
}

static void access_msr(struct work *w) {
    struct frame *f = w->f;
    uint64_t value = f->eax | (uint64_t)f->edx << 32;
    if (w->i.operation == OP_WRMSR) {
        w->fault = set_msr(w->cpu, f->ecx, value);
        return;
    }
    if (w->i.operation == OP_RDMSR) {
        w->fault = get_msr(w->cpu, f->ecx, &value);
    } else if (w->i.operation == OP_RDPMC && read_pmc_guarded(f->ecx, &value)) {
        w->fault = FAULT(VECTOR_GP, 0);
    } else if (w->i.operation == OP_RDTSC) {
        __asm__ volatile("rdtsc" : "=A"(value));
    }
    if (w->fault) {
        return;
    }
    f->eax = (uint32_t)value;
    f->edx = (uint32_t)(value >> 32);
}

static void set_xcr(struct work *w) {
    if (load_xcr_guarded(w->f->eax, w->f->edx, w->f->ecx)) {
        w->fault = FAULT(VECTOR_GP, 0);
    }
}

/* INVD would lose what is not written back: nobody wants that. */
static void cache(struct work *w) {
    if (w->i.operation == OP_INVLPG) {
        __asm__ volatile("invlpg (%0)" ::"r"(operand_address(w)) : "memory");
    } else {
        __asm__ volatile("wbinvd" ::: "memory");
    }
}

static void leave_by_sysexit(struct work *w) {
    struct frame *f = w->f;
    if (!w->cpu->sysenter[0]) {
        w->fault = FAULT(VECTOR_GP, 0);
        return;
    }
    f->eip = f->edx;
    f->esp = f->ecx;
    f->cs = shared()->sysexit_cs;
    f->ss = shared()->sysexit_ss;
}

/* --- selectors of ring 0 --- */

#define RPL 3u

/* A kernel that writes its selectors with ring 0 gets ring 1's. */
static void load_ss(struct work *w) {
    struct frame *f = w->f;
    uint32_t at = 0, far[2] = {0, 0};
    uint16_t selector = 0;
    if (w->i.operation == OP_MOV_SS && !read_word(w, &selector)) {
        return;
    }
    if (w->i.operation == OP_POP_SS) {
        w->page_fault = !guest_read(w->cpu, stack_of(w->cpu, f), &selector, sizeof(selector));
        at = w->i.size;
    }
    if (w->i.operation == OP_LSS) {
        if (!read_operand(w, far, w->i.size + 2u)) {
            return;
        }
        selector = (uint16_t)(w->i.size == 2 ? far[0] >> 16 : far[1]);
    }
    if (w->page_fault) {
        return;
    }
    w->fault = check_stack(w->cpu, selector);
    if (w->fault) {
        return;
    }
    f->ss = selector | 1;
    f->esp += at;
    if (w->i.operation == OP_LSS) {
        *register_of(f, w->i.reg) =
            w->i.size == 2 ? (*register_of(f, w->i.reg) & 0xFFFF0000) | (far[0] & 0xFFFF) : far[0];
    }
}

/* The selector on the stack is changed, and the instruction tried again. */
static bool lower_return(struct work *w) {
    struct frame *f = w->f;
    uint32_t at = stack_of(w->cpu, f) + w->i.size, code = f->error & 0xFFFF;
    uint16_t selector;
    if (!guest_read(w->cpu, at, &selector, sizeof(selector)) || selector & RPL ||
        selector != code || !selector) {
        return false;
    }
    selector |= 1;
    count_emulated(EMULATED_RING);
    return guest_write(w->cpu, at, &selector, sizeof(selector));
}

/* --- which --- */

static enum emulated kind_of(uint8_t operation) {
    switch (operation) {
    case OP_HLT:
    case OP_MWAIT:
        return EMULATED_HLT;
    case OP_CLTS:
    case OP_LMSW:
    case OP_READ_CR:
    case OP_WRITE_CR:
        return EMULATED_CR;
    case OP_READ_DR:
    case OP_WRITE_DR:
        return EMULATED_DR;
    case OP_RDMSR:
    case OP_WRMSR:
        return EMULATED_MSR;
    case OP_LGDT:
    case OP_LIDT:
    case OP_LLDT:
    case OP_LTR:
        return EMULATED_TABLE;
    case OP_INVLPG:
    case OP_INVD:
    case OP_WBINVD:
        return EMULATED_CACHE;
    case OP_MOV_SS:
    case OP_POP_SS:
    case OP_LSS:
        return EMULATED_RING;
    default:
        return EMULATED_OTHER;
    }
}

/* All but those that wait and those of ports. False: not one that ring 0 would do. */
static bool perform(struct work *w) {
    switch (w->i.operation) {
    case OP_CLTS:
        __asm__ volatile("clts");
        return true;
    case OP_LGDT:
    case OP_LIDT:
        load_table(w);
        return true;
    case OP_LLDT:
    case OP_LTR:
        load_selector(w);
        return true;
    case OP_LMSW:
        load_msw(w);
        return true;
    case OP_READ_CR:
    case OP_WRITE_CR:
        move_control(w);
        return true;
    case OP_READ_DR:
    case OP_WRITE_DR:
        move_debug(w);
        return true;
    case OP_RDMSR:
    case OP_WRMSR:
    case OP_RDPMC:
    case OP_RDTSC:
        access_msr(w);
        return true;
    case OP_XSETBV:
        set_xcr(w);
        return true;
    case OP_INVLPG:
    case OP_INVD:
    case OP_WBINVD:
        cache(w);
        return true;
    case OP_SYSEXIT:
        leave_by_sysexit(w);
        return true;
    case OP_MOV_SS:
    case OP_POP_SS:
    case OP_LSS:
        load_ss(w);
        return true;
    case OP_MONITOR:
        return true;
    default:
        return false;
    }
}

static void wait(struct cpu *cpu, struct frame *f) {
    if (guest_eflags(cpu, f) & EFLAGS_IF) {
        halt(cpu, f);
    } else {
        halt_for_good(cpu, f);
    }
}

static bool fetch(struct work *w) {
    struct frame *f = w->f;
    uint32_t eip = segment_base(w->cpu, f, f->cs) + f->eip, size = INSTRUCTION_MAX;
    bool wide = !is_v86(f) && descriptor_of(w->cpu, f->cs).high & DESCRIPTOR_BIG;
    struct registers registers;
    uint8_t code[INSTRUCTION_MAX];
    for (uint32_t n = 0; n < 8; n++) {
        registers.value[n] = *register_of(f, n);
    }
    if (!guest_read(w->cpu, eip, code, size)) { /* it may end with its page */
        size = -eip & (PAGE_SIZE - 1);
        if (size >= INSTRUCTION_MAX || !guest_read(w->cpu, eip, code, size)) {
            return false;
        }
    }
    w->i = decode(code, size, wide, &registers);
    return w->i.operation != OP_NONE;
}

/* The instruction has been done, or ends in its own fault, with EIP at it. */
static void conclude(struct work *w, const struct frame *before) {
    struct frame *f = w->f;
    if (w->fault || w->page_fault) {
        f->eip = before->eip;
        if (w->page_fault) {
            inject_page_fault(w->cpu, f);
        } else {
            inject_fault(w->cpu, f, w->fault);
        }
        return;
    }
    f->eflags &= ~EFLAGS_RF;
    if (f->eflags & EFLAGS_TF) { /* it was stepped */
        store_dr6(load_dr6() | 0x4000);
        inject(w->cpu, f, VECTOR_DB, 0);
    }
}

/* With interrupt control. HLT behind STI is one with it, or the interrupt would come between. */
#define OPCODE_HLT 0xF4u

static void change_flag(struct work *w) {
    struct frame *f = w->f;
    uint8_t next = 0;
    if (w->i.operation == OP_STI && !is_user(f) &&
        guest_read(w->cpu, segment_base(w->cpu, f, f->cs) + f->eip, &next, 1) &&
        next == OPCODE_HLT) {
        f->eip++;
        halt(w->cpu, f);
        return;
    }
    set_guest_if(w->cpu, f, w->i.operation == OP_STI);
}

static bool may_change_flag(const struct cpu *cpu, const struct frame *f) {
    return has_interrupt_control && !is_v86(f) && (!is_user(f) || cpu->user_iopl == EFLAGS_IOPL);
}

bool emulate(struct cpu *cpu, struct frame *f) {
    struct work w = {.cpu = cpu, .f = f};
    struct frame before = *f;
    if (!fetch(&w)) {
        return false;
    }
    if (w.i.operation >= OP_IN) {
        return emulate_port(cpu, f, &w.i);
    }
    if (w.i.operation == OP_CLI || w.i.operation == OP_STI) {
        if (!may_change_flag(cpu, f)) {
            return false;
        }
        f->eip += w.i.length;
        count_emulated(EMULATED_FLAG);
        change_flag(&w);
        conclude(&w, &before);
        return true;
    }
    if (is_user(f)) {
        return false;
    }
    if (w.i.operation == OP_IRET || w.i.operation == OP_RETF) {
        return lower_return(&w);
    }
    f->eip += w.i.length;
    if (w.i.operation == OP_INT && f->error == w.i.port * 8u + 2) {
        count_emulated(EMULATED_OTHER);
        inject_int(cpu, f, w.i.port);
        return true;
    }
    if (w.i.operation == OP_HLT || w.i.operation == OP_MWAIT) {
        count_emulated(EMULATED_HLT);
        wait(cpu, f);
        return true;
    }
    if (!perform(&w)) {
        f->eip = before.eip;
        return false;
    }
    count_emulated(kind_of(w.i.operation));
    conclude(&w, &before);
    return true;
}
