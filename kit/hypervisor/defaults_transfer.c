/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Default handlers: descriptor tables, and what leaves for another ring. */

#include "bytes.h"
#include "defaults.h"

#define SELECTOR_RPL   0x0003u
#define SELECTOR_LDT   0x0004u
#define SELECTOR_ENTRY 0xFFF8u
#define SELECTOR_INDEX 0xFFFCu /* what an error code has of a selector */

#define DESCRIPTOR_SIZE 8u
#define TYPE_ACCESSED   0x01u
#define TYPE_WRITABLE   0x02u
#define TYPE_TSS_BUSY   0x02u
#define TYPE_CONFORMING 0x04u
#define TYPE_CODE       0x08u
#define TYPE_TSS_16     0x01u
#define TYPE_LDT        0x02u
#define TYPE_TSS_32     0x09u
#define DPL_SHIFT       5

#define IRET_IF   0x00000200u
#define IRET_NT   0x00004000u
#define IRET_RF   0x00010000u
#define IRET_VM   0x00020000u
#define IRET_ONE  0x00000002u
#define IRET_MASK 0x003D7FD5u /* what IRET in ring 0 takes from its frame, VM aside */

#define RING_3           3u
#define OPCODE_CALL      0xE8u
#define OPCODE_CALL_SIZE 5u
#define MSR_SYSENTER_CS  0x174u

#define FLAT_CODE_3 0xCFBu /* 32-bit, ring 3, present */
#define FLAT_DATA_3 0xCF3u
#define V86_SEGMENT 0x0F3u

static bool has_segments(const struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    return a->get_segment && a->set_segment;
}

static void get_segment(const struct vmi_frame *f, uint32_t which, struct vmi_segment *s) {
    vmi_kit_accessors(f)->get_segment(f->context, which, s);
}

static void set_segment(const struct vmi_frame *f, uint32_t which, const struct vmi_segment *s) {
    vmi_kit_accessors(f)->set_segment(f->context, which, s);
}

static void make_segment(struct vmi_segment *s, uint16_t selector, uint16_t attributes,
                         uint32_t limit, uint32_t base) {
    s->selector = selector;
    s->attributes = attributes;
    s->limit = limit;
    s->base = base;
}

/* --- table registers --- */

static int set_table(struct vmi_frame *f, uint32_t which) {
    struct vmi_segment s;
    uint8_t bytes[6];
    int error;
    if (!has_segments(f)) {
        return VMI_ERROR_HANDLER;
    }
    error = vmi_guest_read(f, f->eax, bytes, sizeof(bytes));
    if (error) {
        return error;
    }
    make_segment(&s, 0, 0, read_word(bytes), read_dword(bytes + 2));
    set_segment(f, which, &s);
    return VMI_RETURNS;
}

static int get_table(struct vmi_frame *f, uint32_t which) {
    struct vmi_segment s;
    uint8_t bytes[6];
    if (!has_segments(f)) {
        return VMI_ERROR_HANDLER;
    }
    get_segment(f, which, &s);
    for (uint32_t n = 0; n < 6; n++) {
        bytes[n] = (uint8_t)(n < 2 ? s.limit >> 8 * n : s.base >> 8 * (n - 2));
    }
    return vmi_guest_write(f, f->eax, bytes, sizeof(bytes));
}

int vmi_kit_set_gdt(void *context, struct vmi_frame *f) {
    (void)context;
    return set_table(f, VMI_SEGMENT_GDTR);
}

int vmi_kit_set_idt(void *context, struct vmi_frame *f) {
    (void)context;
    return set_table(f, VMI_SEGMENT_IDTR);
}

int vmi_kit_get_gdt(void *context, struct vmi_frame *f) {
    (void)context;
    return get_table(f, VMI_SEGMENT_GDTR);
}

int vmi_kit_get_idt(void *context, struct vmi_frame *f) {
    (void)context;
    return get_table(f, VMI_SEGMENT_IDTR);
}

/* --- descriptors --- */

struct kit_descriptor {
    struct vmi_segment segment;
    uint32_t at; /* linear */
};

/* Of the GDT or the LDT. #GP where its table ends before it. `error` of the fault: its selector. */
static int read_descriptor(const struct vmi_frame *f, uint16_t selector, struct kit_descriptor *d,
                           bool *outside) {
    struct vmi_segment table;
    uint32_t low, high, limit, index = selector & SELECTOR_ENTRY;
    uint8_t bytes[DESCRIPTOR_SIZE];
    int error;
    get_segment(f, selector & SELECTOR_LDT ? VMI_SEGMENT_LDTR : VMI_SEGMENT_GDTR, &table);
    *outside = (selector & SELECTOR_LDT && !(table.attributes & VMI_SEGMENT_P)) ||
               index + DESCRIPTOR_SIZE - 1 > table.limit;
    if (*outside) {
        return VMI_ERROR_FAULT;
    }
    d->at = table.base + index;
    error = vmi_guest_read(f, d->at, bytes, sizeof(bytes));
    if (error) {
        return error;
    }
    low = read_dword(bytes), high = read_dword(bytes + 4);
    limit = (low & 0xFFFF) | (high & 0xF0000);
    make_segment(&d->segment, selector, (uint16_t)((high >> 8 & 0xFF) | (high >> 12 & 0xF00)), 0,
                 low >> 16 | (high & 0xFF) << 16 | (high & 0xFF000000));
    d->segment.limit = d->segment.attributes & VMI_SEGMENT_G ? limit << 12 | 0xFFF : limit;
    return 0;
}

/* Sets bits of its type where they are not set. */
static int mark_descriptor(const struct vmi_frame *f, struct kit_descriptor *d, uint32_t bits) {
    uint64_t old;
    if ((d->segment.attributes & bits) == bits) {
        return 0;
    }
    return vmi_kit_change(f, d->at + 4, 4, VMI_KIT_SET, bits << 8, &old);
}

/* What LLDT and LTR require: in the GDT, of a system type, present. */
static int read_system(struct vmi_frame *f, uint16_t selector, uint32_t type, uint32_t type_too,
                       struct kit_descriptor *d) {
    uint32_t code = selector & SELECTOR_INDEX, seen;
    bool outside = selector & SELECTOR_LDT;
    int error = outside ? VMI_ERROR_FAULT : read_descriptor(f, selector, d, &outside);
    if (outside) {
        return vmi_kit_raise(f, VECTOR_GP, code);
    }
    if (error) {
        return error;
    }
    seen = d->segment.attributes & (VMI_SEGMENT_TYPE | VMI_SEGMENT_S);
    if (seen != type && seen != type_too) {
        return vmi_kit_raise(f, VECTOR_GP, code);
    }
    return d->segment.attributes & VMI_SEGMENT_P ? 0 : vmi_kit_raise(f, VECTOR_NP, code);
}

int vmi_kit_set_ldt(void *context, struct vmi_frame *f) {
    uint16_t selector = (uint16_t)f->eax;
    struct kit_descriptor d;
    int error;
    (void)context;
    if (!has_segments(f)) {
        return VMI_ERROR_HANDLER;
    }
    if (!(selector & SELECTOR_INDEX)) { /* no LDT; a use of it faults */
        make_segment(&d.segment, selector, 0, 0, 0);
        error = 0;
    } else {
        error = read_system(f, selector, TYPE_LDT, TYPE_LDT, &d);
    }
    if (!error) {
        set_segment(f, VMI_SEGMENT_LDTR, &d.segment);
    }
    return error;
}

int vmi_kit_set_tr(void *context, struct vmi_frame *f) {
    uint16_t selector = (uint16_t)f->eax;
    struct kit_descriptor d;
    int error;
    (void)context;
    if (!has_segments(f)) {
        return VMI_ERROR_HANDLER;
    }
    if (!(selector & SELECTOR_INDEX)) {
        return vmi_kit_raise(f, VECTOR_GP, 0);
    }
    error = read_system(f, selector, TYPE_TSS_16, TYPE_TSS_32, &d);
    if (!error) {
        error = mark_descriptor(f, &d, TYPE_TSS_BUSY);
    }
    if (!error) {
        d.segment.attributes |= TYPE_TSS_BUSY;
        set_segment(f, VMI_SEGMENT_TR, &d.segment);
    }
    return error;
}

static int get_selector(struct vmi_frame *f, uint32_t which) {
    struct vmi_segment s;
    if (!has_segments(f)) {
        return VMI_ERROR_HANDLER;
    }
    get_segment(f, which, &s);
    vmi_return_eax(f, s.selector);
    return VMI_RETURNS;
}

int vmi_kit_get_ldt(void *context, struct vmi_frame *f) {
    (void)context;
    return get_selector(f, VMI_SEGMENT_LDTR);
}

int vmi_kit_get_tr(void *context, struct vmi_frame *f) {
    (void)context;
    return get_selector(f, VMI_SEGMENT_TR);
}

/* Nothing is kept of a table: the processor reads the entry where it is. */
int vmi_kit_write_entry(void *context, struct vmi_frame *f) {
    uint32_t high;
    uint8_t bytes[DESCRIPTOR_SIZE];
    int error = vmi_argument_stack(f, 0, &high);
    (void)context;
    if (error) {
        return error;
    }
    for (uint32_t n = 0; n < DESCRIPTOR_SIZE; n++) {
        bytes[n] = (uint8_t)(n < 4 ? f->ecx >> 8 * n : high >> 8 * (n - 4));
    }
    return vmi_guest_write(f, f->eax + f->edx * DESCRIPTOR_SIZE, bytes, sizeof(bytes));
}

/* --- IRET --- */

/* What the guest is returning to. */
struct kit_target {
    struct vmi_iret frame;
    struct kit_descriptor cs, ss; /* not to V86 mode; SS only of an outer ring */
};

/* A return that faults does so where the guest has its fix-up: at the five bytes of its CALL, with
 * the frame on top of the stack. Where no such CALL stands it does so behind the call; from a
 * 16-bit stack, as in a native body, in the ROM. */
static int iret_faults(struct vmi_frame *f, const struct kit_target *t, uint32_t vector,
                       uint32_t error) {
    uint32_t site = t->frame.return_address - OPCODE_CALL_SIZE, esp = f->esp + 4;
    uint8_t opcode = 0;
    bool is_call = !vmi_guest_read(f, site, &opcode, 1) && opcode == OPCODE_CALL;
    int outcome = vmi_kit_raise(f, vector, error);
    if (!(t->frame.cs & SELECTOR_RPL) || (!is_call && f->ss_16bit)) {
        return outcome;
    }
    f->eip = is_call ? site : t->frame.return_address;
    f->esp = f->ss_16bit ? (f->esp & 0xFFFF0000u) | (esp & 0xFFFF) : esp;
    f->eflags |= IRET_RF;
    return VMI_TRANSFERS;
}

static uint32_t dpl_of(const struct vmi_segment *s) {
    return (s->attributes & VMI_SEGMENT_DPL) >> DPL_SHIFT;
}

/* A descriptor that IRET loads: null selectors and table ends are #GP. VMI_RETURNS: go on. */
static int read_target(struct vmi_frame *f, const struct kit_target *t, uint16_t selector,
                       struct kit_descriptor *d) {
    bool outside;
    int error;
    if (!(selector & SELECTOR_INDEX)) {
        return iret_faults(f, t, VECTOR_GP, 0);
    }
    error = read_descriptor(f, selector, d, &outside);
    return outside ? iret_faults(f, t, VECTOR_GP, selector & SELECTOR_INDEX) : error;
}

/* The checks of CS and SS, in the processor's order; VMI_RETURNS when they pass. */
static int check_cs(struct vmi_frame *f, struct kit_target *t) {
    uint32_t rpl = t->frame.cs & SELECTOR_RPL, code = t->frame.cs & SELECTOR_INDEX, bits;
    int outcome = read_target(f, t, t->frame.cs, &t->cs);
    if (outcome != VMI_RETURNS) {
        return outcome;
    }
    bits = t->cs.segment.attributes;
    if ((bits & (VMI_SEGMENT_S | TYPE_CODE)) != (VMI_SEGMENT_S | TYPE_CODE) ||
        (bits & TYPE_CONFORMING ? dpl_of(&t->cs.segment) > rpl : dpl_of(&t->cs.segment) != rpl)) {
        return iret_faults(f, t, VECTOR_GP, code);
    }
    return bits & VMI_SEGMENT_P ? VMI_RETURNS : iret_faults(f, t, VECTOR_NP, code);
}

static int check_ss(struct vmi_frame *f, struct kit_target *t) {
    uint32_t rpl = t->frame.cs & SELECTOR_RPL, code = t->frame.ss & SELECTOR_INDEX, bits;
    int outcome = read_target(f, t, t->frame.ss, &t->ss);
    if (outcome != VMI_RETURNS) {
        return outcome;
    }
    bits = t->ss.segment.attributes;
    if ((t->frame.ss & SELECTOR_RPL) != rpl || dpl_of(&t->ss.segment) != rpl ||
        (bits & (VMI_SEGMENT_S | TYPE_CODE | TYPE_WRITABLE)) != (VMI_SEGMENT_S | TYPE_WRITABLE)) {
        return iret_faults(f, t, VECTOR_GP, code);
    }
    return bits & VMI_SEGMENT_P ? VMI_RETURNS : iret_faults(f, t, VECTOR_SS, code);
}

/* A segment register must not keep what the outer ring may not have. */
static void drop_inner(struct vmi_frame *f, uint32_t which, uint16_t *selector, uint32_t ring) {
    struct vmi_segment s;
    uint32_t bits;
    get_segment(f, which, &s);
    bits = s.attributes & (TYPE_CODE | TYPE_CONFORMING);
    if (!(s.attributes & VMI_SEGMENT_P) || bits == (TYPE_CODE | TYPE_CONFORMING) ||
        dpl_of(&s) >= ring) {
        return;
    }
    make_segment(&s, 0, 0, 0, 0);
    set_segment(f, which, &s);
    *selector = 0;
}

static int check_target(struct vmi_frame *f, struct kit_target *t, bool outer) {
    int outcome = check_cs(f, t);
    if (outcome == VMI_RETURNS && outer) {
        outcome = check_ss(f, t);
    }
    if (outcome != VMI_RETURNS) {
        return outcome;
    }
    if (t->frame.eip > t->cs.segment.limit) {
        return iret_faults(f, t, VECTOR_GP, 0);
    }
    outcome = mark_descriptor(f, &t->cs, TYPE_ACCESSED);
    return outcome || !outer ? outcome : mark_descriptor(f, &t->ss, TYPE_ACCESSED);
}

static int return_to_ring(struct vmi_frame *f, struct kit_target *t) {
    uint32_t ring = t->frame.cs & SELECTOR_RPL, high = f->esp & 0xFFFF0000u;
    bool outer = t->frame.dwords >= 5;
    int outcome = check_target(f, t, outer);
    if (outcome != VMI_RETURNS) {
        return outcome;
    }
    t->cs.segment.attributes |= TYPE_ACCESSED;
    set_segment(f, VMI_SEGMENT_CS, &t->cs.segment);
    f->cs = t->frame.cs;
    f->esp = t->frame.esp;
    if (outer) {
        t->ss.segment.attributes |= TYPE_ACCESSED;
        set_segment(f, VMI_SEGMENT_SS, &t->ss.segment);
        f->ss = t->frame.ss;
        if (!(t->ss.segment.attributes & VMI_SEGMENT_DB)) { /* SP alone is loaded */
            f->esp = high | (t->frame.esp & 0xFFFF);
        }
        drop_inner(f, VMI_SEGMENT_ES, &f->es, ring);
        drop_inner(f, VMI_SEGMENT_DS, &f->ds, ring);
        drop_inner(f, VMI_SEGMENT_FS, &f->fs, ring);
        drop_inner(f, VMI_SEGMENT_GS, &f->gs, ring);
    }
    f->eip = t->frame.eip;
    f->eflags = (t->frame.eflags & IRET_MASK) | IRET_ONE;
    return VMI_TRANSFERS;
}

static void load_v86(struct vmi_frame *f, uint32_t which, uint16_t *selector, uint16_t value) {
    struct vmi_segment s;
    make_segment(&s, value, V86_SEGMENT, 0xFFFF, (uint32_t)value << 4);
    set_segment(f, which, &s);
    *selector = value;
}

static int return_to_v86(struct vmi_frame *f, const struct vmi_iret *i) {
    load_v86(f, VMI_SEGMENT_CS, &f->cs, i->cs);
    load_v86(f, VMI_SEGMENT_SS, &f->ss, i->ss);
    load_v86(f, VMI_SEGMENT_ES, &f->es, i->es);
    load_v86(f, VMI_SEGMENT_DS, &f->ds, i->ds);
    load_v86(f, VMI_SEGMENT_FS, &f->fs, i->fs);
    load_v86(f, VMI_SEGMENT_GS, &f->gs, i->gs);
    f->eip = i->eip & 0xFFFF;
    f->esp = i->esp;
    f->eflags = (i->eflags & IRET_MASK) | IRET_ONE | IRET_VM;
    return VMI_TRANSFERS;
}

/* With NT set it would be a return between tasks, which is not served: the fault is what a TSS
 * without a link to another one gives. */
static int task_return(struct vmi_frame *f, const struct kit_target *t) {
    struct vmi_segment tr;
    uint8_t link[2];
    int error;
    get_segment(f, VMI_SEGMENT_TR, &tr);
    error = vmi_guest_read(f, tr.base, link, sizeof(link));
    return error ? error : iret_faults(f, t, VECTOR_TS, read_word(link) & SELECTOR_INDEX);
}

int vmi_kit_iret(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    struct kit_target t;
    int outcome;
    if (!has_segments(f)) {
        return VMI_ERROR_HANDLER;
    }
    outcome = vmi_iret_read(f, &t.frame);
    if (outcome) {
        return outcome;
    }
    if (f->eflags & IRET_NT) {
        return task_return(f, &t);
    }
    if (t.frame.eflags & IRET_VM) {
        outcome = return_to_v86(f, &t.frame);
    } else {
        outcome = return_to_ring(f, &t);
    }
    if (outcome == VMI_TRANSFERS && a->unblock_nmi) {
        a->unblock_nmi(context);
    }
    return outcome;
}

/* --- SYSEXIT --- */

int vmi_kit_sysexit(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    struct vmi_segment s;
    uint64_t value = 0;
    uint32_t base;
    if (!a->set_segment || !a->get_msr) {
        return VMI_ERROR_HANDLER;
    }
    base = a->get_msr(context, MSR_SYSENTER_CS, &value) ? (uint32_t)value & SELECTOR_INDEX : 0;
    if (!base) {
        return vmi_kit_raise(f, VECTOR_GP, 0);
    }
    f->cs = (uint16_t)((base + 16) | RING_3);
    f->ss = (uint16_t)((base + 24) | RING_3);
    make_segment(&s, f->cs, FLAT_CODE_3, UINT32_MAX, 0);
    set_segment(f, VMI_SEGMENT_CS, &s);
    make_segment(&s, f->ss, FLAT_DATA_3, UINT32_MAX, 0);
    set_segment(f, VMI_SEGMENT_SS, &s);
    f->eip = f->edx;
    f->esp = f->ecx;
    f->eflags |= IRET_IF;
    return VMI_TRANSFERS;
}
