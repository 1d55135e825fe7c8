/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Descriptor tables: slots 8 to 18. */

#include "calls_descriptor.h"
#include "descriptor.h"
#include "guest_memory.h"

/* --- table registers --- */

static uint32_t dword_at(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int set_table(struct segment *table, const struct vmi_frame *f) {
    uint8_t bytes[6];
    int error = vmi_guest_read(f, f->eax, bytes, sizeof(bytes));
    if (error) {
        return error;
    }
    table->limit = bytes[0] | (uint32_t)bytes[1] << 8;
    table->base = dword_at(bytes + 2);
    return VMI_RETURNS;
}

static int get_table(const struct segment *table, const struct vmi_frame *f) {
    uint32_t limit = table->limit, base = (uint32_t)table->base;
    uint8_t bytes[6] = {(uint8_t)limit,       (uint8_t)(limit >> 8), (uint8_t)base,
                        (uint8_t)(base >> 8), (uint8_t)(base >> 16), (uint8_t)(base >> 24)};
    return vmi_guest_write(f, f->eax, bytes, sizeof(bytes));
}

int call_set_gdt(void *context, struct vmi_frame *f) {
    return set_table(&state_of(context)->gdtr, f);
}

int call_set_idt(void *context, struct vmi_frame *f) {
    return set_table(&state_of(context)->idtr, f);
}

int call_get_gdt(void *context, struct vmi_frame *f) {
    return get_table(&state_of(context)->gdtr, f);
}

int call_get_idt(void *context, struct vmi_frame *f) {
    return get_table(&state_of(context)->idtr, f);
}

/* --- descriptors --- */

/* The descriptor that LLDT and LTR require: in the GDT, of a system type, present. */
static int read_system(struct vcpu *vcpu, const struct vmi_frame *f, uint16_t selector,
                       uint8_t type, uint8_t type_too, struct descriptor *d) {
    uint32_t code = selector & SELECTOR_INDEX;
    uint8_t seen;
    int error;
    if (selector & SELECTOR_LDT) {
        return call_faults(vcpu, VECTOR_GP, code);
    }
    error = read_descriptor(vcpu, f, selector, d);
    if (error) {
        return error;
    }
    seen = d->segment.attrib & TYPE_MASK;
    if (seen != type && seen != type_too) {
        return call_faults(vcpu, VECTOR_GP, code);
    }
    return d->segment.attrib & ATTRIB_P ? 0 : call_faults(vcpu, VECTOR_NP, code);
}

int call_set_ldt(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    uint16_t selector = (uint16_t)f->eax;
    struct descriptor d;
    int error;
    if (!(selector & SELECTOR_INDEX)) { /* no LDT; a use of it faults */
        state_of(vcpu)->ldtr = (struct segment){.selector = selector};
        return VMI_RETURNS;
    }
    error = read_system(vcpu, f, selector, TYPE_LDT, TYPE_LDT, &d);
    if (!error) {
        state_of(vcpu)->ldtr = d.segment;
    }
    return error;
}

int call_set_tr(void *context, struct vmi_frame *f) {
    struct vcpu *vcpu = context;
    uint16_t selector = (uint16_t)f->eax;
    struct descriptor d;
    int error;
    if (!(selector & SELECTOR_INDEX)) {
        return call_faults(vcpu, VECTOR_GP, 0);
    }
    error = read_system(vcpu, f, selector, TYPE_TSS_16, TYPE_TSS_32, &d);
    if (!error) {
        error = mark_descriptor(vcpu, &d, TYPE_TSS_BUSY);
    }
    if (error) {
        return error;
    }
    state_of(vcpu)->tr =
        d.segment; /* the register's own type stays "available": QEMU insists on it */
    return VMI_RETURNS;
}

int call_get_ldt(void *context, struct vmi_frame *f) {
    vmi_return_eax(f, state_of(context)->ldtr.selector);
    return VMI_RETURNS;
}

int call_get_tr(void *context, struct vmi_frame *f) {
    vmi_return_eax(f, state_of(context)->tr.selector);
    return VMI_RETURNS;
}

/* Nothing is kept of a table: the processor reads the entry where it is. The low dword is first;
 * the stack may lie there. */
int call_write_entry(void *context, struct vmi_frame *f) {
    uint32_t at = f->eax + f->edx * DESCRIPTOR_SIZE, high;
    int error = vmi_argument_stack(f, 0, &high);
    if (error) {
        return error;
    }
    if (!guest_probe(context, at, DESCRIPTOR_SIZE, true)) {
        return VMI_ERROR_FAULT;
    }
    error = vmi_guest_write(f, at, &f->ecx, 4);
    if (!error) {
        error = vmi_argument_stack(f, 0, &high);
    }
    return error ? error : vmi_guest_write(f, at + 4, &high, 4);
}
