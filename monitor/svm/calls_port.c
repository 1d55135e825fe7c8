/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Ports: the devices are the guest's, so its access is made on its behalf. */

#include "calls_port.h"
#include "guest_memory.h"
#include "ports.h"

#define DELAY_PORT 0x80u

static int out(void *context, uint16_t port, unsigned size, uint32_t value) {
    guest_out(context, port, size, value);
    return VMI_RETURNS;
}

int call_in(void *context, struct vmi_frame *f) {
    vmi_return_eax(f, guest_in(context, (uint16_t)f->edx, 4));
    return VMI_RETURNS;
}

int call_inb(void *context, struct vmi_frame *f) {
    vmi_return_al(f, (uint8_t)guest_in(context, (uint16_t)f->edx, 1));
    return VMI_RETURNS;
}

int call_inw(void *context, struct vmi_frame *f) {
    vmi_return_ax(f, (uint16_t)guest_in(context, (uint16_t)f->edx, 2));
    return VMI_RETURNS;
}

int call_out(void *context, struct vmi_frame *f) {
    return out(context, (uint16_t)f->edx, 4, f->eax);
}

int call_outb(void *context, struct vmi_frame *f) {
    return out(context, (uint16_t)f->edx, 1, f->eax);
}

int call_outw(void *context, struct vmi_frame *f) {
    return out(context, (uint16_t)f->edx, 2, f->eax);
}

int call_io_delay(void *context, struct vmi_frame *f) {
    return out(context, DELAY_PORT, 1, f->eax);
}

/* Elements one at a time. Memory is checked first, so that no input is lost. */
static int in_each(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t count) {
    for (uint32_t at = f->edi, value; count--; at += size) {
        if (!guest_probe(vcpu, at, size, true)) {
            return VMI_ERROR_FAULT;
        }
        value = guest_in(vcpu, (uint16_t)f->edx, size);
        if (vmi_guest_write(f, at, &value, size)) {
            return VMI_ERROR_FAULT;
        }
    }
    return VMI_RETURNS;
}

static int out_each(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t count) {
    for (uint32_t at = f->esi, value = 0; count--; at += size) {
        if (vmi_guest_read(f, at, &value, size)) {
            return VMI_ERROR_FAULT;
        }
        guest_out(vcpu, (uint16_t)f->edx, size, value);
    }
    return VMI_RETURNS;
}

/* Elements of one page: one walk serves them all, and the processor's own REP moves them. */
static int in_elements(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t count) {
    void *at;
    if (count == 1 || is_watched_port((uint16_t)f->edx, size)) {
        return in_each(vcpu, f, size, count);
    }
    if (!guest_linear(vcpu, f->edi, true, &at)) {
        return VMI_ERROR_FAULT;
    }
    if (size == 1) {
        __asm__ volatile("rep insb" : "+D"(at), "+c"(count) : "d"(f->edx) : "memory");
    } else if (size == 2) {
        __asm__ volatile("rep insw" : "+D"(at), "+c"(count) : "d"(f->edx) : "memory");
    } else {
        __asm__ volatile("rep insl" : "+D"(at), "+c"(count) : "d"(f->edx) : "memory");
    }
    return VMI_RETURNS;
}

static int out_elements(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t count) {
    void *at;
    if (count == 1 || is_watched_port((uint16_t)f->edx, size)) {
        return out_each(vcpu, f, size, count);
    }
    if (!guest_linear(vcpu, f->esi, false, &at)) {
        return VMI_ERROR_FAULT;
    }
    if (size == 1) {
        __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(f->edx) : "memory");
    } else if (size == 2) {
        __asm__ volatile("rep outsw" : "+S"(at), "+c"(count) : "d"(f->edx) : "memory");
    } else {
        __asm__ volatile("rep outsl" : "+S"(at), "+c"(count) : "d"(f->edx) : "memory");
    }
    return VMI_RETURNS;
}

/* An element that crosses into the next page is moved alone, and so is each with DF set. */
uint32_t elements_together(const struct vmi_frame *f, uint32_t address, uint32_t size,
                           uint32_t most) {
    uint32_t whole = (PAGE_SIZE - address % PAGE_SIZE) / size;
    if (f->eflags & RFLAGS_DF || !whole) {
        return 1;
    }
    return whole < most ? whole : most;
}

/* The kit would put the registers back to the start of the string, so the guest traps again, and
 * the fault is then the first element's. */
int move_string(struct vcpu *vcpu, struct vmi_frame *f, uint32_t size, uint32_t *address,
                move_elements *elements) {
    uint32_t step = f->eflags & RFLAGS_DF ? 0 - size : size;
    for (uint32_t done = 0, count; f->ecx; done += count) {
        uint32_t most = f->ecx < BATCH - done ? f->ecx : BATCH - done;
        if (!most) {
            return VMI_REPEATS;
        }
        count = elements_together(f, *address, size, most);
        if (elements(vcpu, f, size, count)) {
            return done ? VMI_REPEATS : VMI_ERROR_FAULT;
        }
        *address += step * count;
        f->ecx -= count;
    }
    return VMI_RETURNS;
}

int call_ins(void *context, struct vmi_frame *f) {
    return move_string(context, f, 4, &f->edi, in_elements);
}

int call_insb(void *context, struct vmi_frame *f) {
    return move_string(context, f, 1, &f->edi, in_elements);
}

int call_insw(void *context, struct vmi_frame *f) {
    return move_string(context, f, 2, &f->edi, in_elements);
}

int call_outs(void *context, struct vmi_frame *f) {
    return move_string(context, f, 4, &f->esi, out_elements);
}

int call_outsb(void *context, struct vmi_frame *f) {
    return move_string(context, f, 1, &f->esi, out_elements);
}

int call_outsw(void *context, struct vmi_frame *f) {
    return move_string(context, f, 2, &f->esi, out_elements);
}
