/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "port.h"
#include "count.h"
#include "descriptor.h"
#include "event.h"
#include "memory.h"
#include "processor.h"

#define EFLAGS_DF 0x00000400u

static bool is_open(struct cpu *cpu, uint32_t port, uint32_t size) {
    uint16_t map, bits;
    uint32_t at;
    if (!cpu->tss || !guest_read(cpu, cpu->tss + offsetof(struct tss, io_map), &map, sizeof(map))) {
        return false;
    }
    at = map + port / 8;
    if (at + 1 > cpu->tss_limit || !guest_read(cpu, cpu->tss + at, &bits, sizeof(bits))) {
        return false;
    }
    return !(bits >> port % 8 & ((1u << size) - 1));
}

static uint32_t in(uint16_t port, uint32_t size, uint32_t old) {
    __asm__ volatile("cmp $2, %2\n\t"
                     "ja 2f\n\t"
                     "je 1f\n\t"
                     "inb %1, %b0\n\t"
                     "jmp 3f\n"
                     "1: inw %1, %w0\n\t"
                     "jmp 3f\n"
                     "2: inl %1, %0\n"
                     "3:"
                     : "+a"(old)
                     : "d"(port), "r"(size)
                     : "cc");
    return old;
}

static void out(uint16_t port, uint32_t size, uint32_t value) {
    if (size == 1) {
        __asm__ volatile("outb %b0, %1" ::"a"(value), "d"(port));
    } else if (size == 2) {
        __asm__ volatile("outw %w0, %1" ::"a"(value), "d"(port));
    } else {
        __asm__ volatile("outl %0, %1" ::"a"(value), "d"(port));
    }
}

/* --- INS and OUTS --- */

static void advance(uint32_t *reg, uint32_t by, uint32_t address_size) {
    uint32_t mask = address_size == 2 ? 0xFFFF : 0xFFFFFFFF;
    *reg = (*reg & ~mask) | ((*reg + by) & mask);
}

static uint32_t part(uint32_t reg, uint32_t address_size) {
    return address_size == 2 ? reg & 0xFFFF : reg;
}

static uint32_t string_selector(const struct frame *f, uint32_t segment) {
    switch (segment) {
    case SEGMENT_ES:
        return is_v86(f) ? f->v86_es : f->es;
    case SEGMENT_CS:
        return f->cs;
    case SEGMENT_SS:
        return f->ss;
    case SEGMENT_FS:
        return is_v86(f) ? f->v86_fs : read_fs();
    case SEGMENT_GS:
        return is_v86(f) ? f->v86_gs : read_gs();
    default:
        return is_v86(f) ? f->v86_ds : f->ds;
    }
}

/* Whether an element lies beyond the limit of its segment. */
static bool is_beyond(struct cpu *cpu, const struct frame *f, uint32_t segment, uint32_t offset,
                      uint32_t size) {
    if (is_v86(f)) {
        return offset + size > 0x10000;
    }
    return offset + size - 1 > limit_of(descriptor_of(cpu, string_selector(f, segment)));
}

/* One element; false: a page fault. */
static bool move_one(struct cpu *cpu, struct frame *f, const struct instruction *i) {
    uint32_t by = f->eflags & EFLAGS_DF ? -(uint32_t)i->size : i->size, value = 0, at;
    if (i->operation == OP_OUTS) {
        at = segment_base(cpu, f, string_selector(f, i->segment)) + part(f->esi, i->address);
        if (!guest_read(cpu, at, &value, i->size)) {
            return false;
        }
        out((uint16_t)f->edx, i->size, value);
        advance(&f->esi, by, i->address);
        return true;
    }
    at = segment_base(cpu, f, string_selector(f, SEGMENT_ES)) + part(f->edi, i->address);
    if (!guest_read(cpu, at, &value, i->size) || !guest_write(cpu, at, &value, i->size)) {
        return false; /* before the port is read */
    }
    value = in((uint16_t)f->edx, i->size, 0);
    guest_write(cpu, at, &value, i->size);
    advance(&f->edi, by, i->address);
    return true;
}

/* With a repeat prefix the guest comes back for each element: interrupts get in between. */
static bool move_string(struct cpu *cpu, struct frame *f, const struct instruction *i) {
    if (i->repeat && !part(f->ecx, i->address)) {
        f->eip += i->length;
        return true;
    }
    if (!move_one(cpu, f, i)) {
        if (is_user(f)) {
            cpu->fault_error |= 4;
        }
        inject_page_fault(cpu, f);
        return true;
    }
    if (i->repeat) {
        advance(&f->ecx, (uint32_t)-1, i->address);
    }
    if (!i->repeat || !part(f->ecx, i->address)) {
        f->eip += i->length;
    }
    return true;
}

bool emulate_port(struct cpu *cpu, struct frame *f, const struct instruction *i) {
    uint32_t port = i->port_is_dx ? f->edx & 0xFFFF : i->port;
    if (!is_user(f) || (f->eflags & EFLAGS_IOPL) == EFLAGS_IOPL ||
        (cpu->user_iopl != EFLAGS_IOPL && !is_open(cpu, port, i->size))) {
        return false; /* its port is not what it faults at, or is closed */
    }
    if (i->operation == OP_OUTS &&
        is_beyond(cpu, f, i->segment, part(f->esi, i->address), i->size)) {
        return false;
    }
    if (i->operation == OP_INS &&
        is_beyond(cpu, f, SEGMENT_ES, part(f->edi, i->address), i->size)) {
        return false;
    }
    count_emulated(EMULATED_PORT);
    if (i->operation == OP_INS || i->operation == OP_OUTS) {
        return move_string(cpu, f, i);
    }
    if (i->operation == OP_IN) {
        f->eax = in((uint16_t)port, i->size, f->eax);
    } else {
        out((uint16_t)port, i->size, f->eax);
    }
    f->eip += i->length;
    return true;
}
