/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Default handlers: page-table entries, and ports. */

#include "bytes.h"
#include "defaults.h"

#define EFLAGS_DF      0x400u
#define DELAY_PORT     0x80u
#define STRING_DEFAULT 4096u
#define READ_TRIES     16u

static void put_dword(uint8_t *bytes, uint32_t value) {
    for (uint32_t n = 0; n < 4; n++) {
        bytes[n] = (uint8_t)(value >> 8 * n);
    }
}

static int read_value(const struct vmi_frame *f, uint32_t linear, uint32_t size, uint64_t *value) {
    uint8_t bytes[8];
    int error;
    put_dword(bytes, 0);
    put_dword(bytes + 4, 0);
    error = vmi_guest_read(f, linear, bytes, size);
    *value = read_dword(bytes) | (uint64_t)read_dword(bytes + 4) << 32;
    return error;
}

static int write_value(const struct vmi_frame *f, uint32_t linear, uint32_t size, uint64_t value) {
    uint8_t bytes[8];
    put_dword(bytes, (uint32_t)value);
    put_dword(bytes + 4, (uint32_t)(value >> 32));
    return vmi_guest_write(f, linear, bytes, size);
}

int vmi_kit_change(const struct vmi_frame *f, uint32_t linear, uint32_t size,
                   enum vmi_kit_change change, uint64_t operand, uint64_t *old) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    int seen = read_value(f, linear, size, old);
    if (seen) {
        return seen;
    }
    do {
        uint64_t value = change == VMI_KIT_REPLACE ? operand
                         : change == VMI_KIT_SET   ? *old | operand
                                                   : *old & ~operand;
        if (!a->compare_exchange) {
            return write_value(f, linear, size, value);
        }
        seen = a->compare_exchange(f->context, linear, size, old, value);
    } while (seen > 0);
    return seen;
}

/* --- page-table entries --- */

int vmi_kit_set_pxe0(void *context, struct vmi_frame *f) {
    (void)context;
    return write_value(f, f->eax, 4, f->edx);
}

int vmi_kit_set_pxe(void *context, struct vmi_frame *f) {
    (void)context;
    return write_value(f, f->edx, 4, f->eax);
}

int vmi_kit_get_pxe(void *context, struct vmi_frame *f) {
    uint64_t value;
    int error = read_value(f, f->eax, 4, &value);
    (void)context;
    if (!error) {
        vmi_return_eax(f, (uint32_t)value);
    }
    return error;
}

int vmi_kit_swap_pxe(void *context, struct vmi_frame *f) {
    uint64_t old;
    int error = vmi_kit_change(f, f->eax, 4, VMI_KIT_REPLACE, f->edx, &old);
    (void)context;
    if (!error) {
        vmi_return_eax(f, (uint32_t)old);
    }
    return error;
}

/* Both for entries that a TLB may reach and for those that none can. */
int vmi_kit_set_pxe_long(void *context, struct vmi_frame *f) {
    uint64_t old;
    (void)context;
    return vmi_kit_change(f, f->ecx, 8, VMI_KIT_REPLACE, f->eax | (uint64_t)f->edx << 32, &old);
}

/* Bytes that cross a page are not read in one step: two reads have to agree. */
int vmi_kit_get_pxe_long(void *context, struct vmi_frame *f) {
    uint64_t value, again = 0;
    uint32_t tries = READ_TRIES;
    int error = read_value(f, f->eax, 8, &value);
    (void)context;
    while (!error && f->eax % 8 && tries--) {
        error = read_value(f, f->eax, 8, &again);
        if (again == value) {
            break;
        }
        value = again;
    }
    if (!error) {
        vmi_return_edx_eax(f, value);
    }
    return error;
}

static int exchange_entry(struct vmi_frame *f, uint32_t ptep, uint64_t entry) {
    uint64_t old;
    int error = vmi_kit_change(f, ptep, 8, VMI_KIT_REPLACE, entry, &old);
    if (!error) {
        vmi_return_edx_eax(f, old);
    }
    return error;
}

int vmi_kit_swap_pxe_long(void *context, struct vmi_frame *f) {
    (void)context;
    return exchange_entry(f, f->ecx, f->eax | (uint64_t)f->edx << 32);
}

int vmi_kit_deactivate_pxe_long(void *context, struct vmi_frame *f) {
    (void)context;
    return exchange_entry(f, f->eax, 0);
}

/* The bit number is the instruction's: signed, and it reaches beyond the first dword. */
static int change_bit(struct vmi_frame *f, enum vmi_kit_change change) {
    uint32_t beyond = f->edx >> 5 | (f->edx & 0x80000000u ? 0xF8000000u : 0);
    uint64_t old, mask = 1u << f->edx % 32;
    int error = vmi_kit_change(f, f->eax + beyond * 4, 4, change, mask, &old);
    if (!error) {
        vmi_return_eax(f, old & mask ? UINT32_MAX : 0);
    }
    return error;
}

int vmi_kit_set_bit(void *context, struct vmi_frame *f) {
    (void)context;
    return change_bit(f, VMI_KIT_SET);
}

int vmi_kit_clear_bit(void *context, struct vmi_frame *f) {
    (void)context;
    return change_bit(f, VMI_KIT_CLEAR);
}

/* --- ports --- */

static int read_port(struct vmi_frame *f, uint32_t size) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    uint32_t value;
    if (!a->port_in) {
        return VMI_ERROR_HANDLER;
    }
    value = a->port_in(f->context, f->edx & 0xFFFF, size);
    if (size == 1) {
        vmi_return_al(f, (uint8_t)value);
    } else if (size == 2) {
        vmi_return_ax(f, (uint16_t)value);
    } else {
        vmi_return_eax(f, value);
    }
    return VMI_RETURNS;
}

static int write_port(const struct vmi_frame *f, uint32_t port, uint32_t size) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->port_out) {
        return VMI_ERROR_HANDLER;
    }
    a->port_out(f->context, port & 0xFFFF, size,
                size == 4 ? f->eax : f->eax & ((1u << 8 * size) - 1));
    return VMI_RETURNS;
}

int vmi_kit_in(void *context, struct vmi_frame *f) {
    (void)context;
    return read_port(f, 4);
}

int vmi_kit_inb(void *context, struct vmi_frame *f) {
    (void)context;
    return read_port(f, 1);
}

int vmi_kit_inw(void *context, struct vmi_frame *f) {
    (void)context;
    return read_port(f, 2);
}

int vmi_kit_out(void *context, struct vmi_frame *f) {
    (void)context;
    return write_port(f, f->edx, 4);
}

int vmi_kit_outb(void *context, struct vmi_frame *f) {
    (void)context;
    return write_port(f, f->edx, 1);
}

int vmi_kit_outw(void *context, struct vmi_frame *f) {
    (void)context;
    return write_port(f, f->edx, 2);
}

int vmi_kit_io_delay(void *context, struct vmi_frame *f) {
    (void)context;
    return write_port(f, DELAY_PORT, 1);
}

/* Before a device gives a byte away there has to be a place for it. */
static int in_element(const struct vmi_accessors *a, struct vmi_frame *f, uint32_t size) {
    uint8_t bytes[4];
    if (vmi_guest_read(f, f->edi, bytes, size) || vmi_guest_write(f, f->edi, bytes, size)) {
        return VMI_ERROR_FAULT;
    }
    put_dword(bytes, a->port_in(f->context, f->edx & 0xFFFF, size));
    return vmi_guest_write(f, f->edi, bytes, size);
}

static int out_element(const struct vmi_accessors *a, struct vmi_frame *f, uint32_t size) {
    uint64_t value;
    if (read_value(f, f->esi, size, &value)) {
        return VMI_ERROR_FAULT;
    }
    a->port_out(f->context, f->edx & 0xFFFF, size, (uint32_t)value);
    return 0;
}

/* As REP: ECX elements, some at a time. One that faults does so as the first of the next exit, with
 * the registers where it is. */
static int move_string(struct vmi_frame *f, uint32_t size, bool in) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    uint32_t step = f->eflags & EFLAGS_DF ? 0 - size : size;
    uint32_t most = a->string_elements ? a->string_elements : STRING_DEFAULT, done = 0;
    if (in ? !a->port_in : !a->port_out) {
        return VMI_ERROR_HANDLER;
    }
    for (; f->ecx && done < most; done++) {
        if (in ? in_element(a, f, size) : out_element(a, f, size)) {
            return done ? VMI_REPEATS : VMI_ERROR_FAULT;
        }
        f->ecx--;
        if (in) {
            f->edi += step;
        } else {
            f->esi += step;
        }
    }
    return f->ecx ? VMI_REPEATS : VMI_RETURNS;
}

int vmi_kit_ins(void *context, struct vmi_frame *f) {
    (void)context;
    return move_string(f, 4, true);
}

int vmi_kit_insb(void *context, struct vmi_frame *f) {
    (void)context;
    return move_string(f, 1, true);
}

int vmi_kit_insw(void *context, struct vmi_frame *f) {
    (void)context;
    return move_string(f, 2, true);
}

int vmi_kit_outs(void *context, struct vmi_frame *f) {
    (void)context;
    return move_string(f, 4, false);
}

int vmi_kit_outsb(void *context, struct vmi_frame *f) {
    (void)context;
    return move_string(f, 1, false);
}

int vmi_kit_outsw(void *context, struct vmi_frame *f) {
    (void)context;
    return move_string(f, 2, false);
}
