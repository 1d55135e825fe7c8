/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Page-table entries: slots 45 to 52, 72 to 74, 86, 87, and the local APIC's registers, which are
 * memory too. The nested tables let the guest's processor walk its tables itself, so that an entry
 * is memory that is changed atomically, no more.
 */

#include "calls_entry.h"
#include "guest_memory.h"

#define BUS_LOCKED __ATOMIC_SEQ_CST

typedef uint64_t __attribute__((may_alias, aligned(1))) any_qword;
typedef uint32_t __attribute__((may_alias, aligned(1))) any_dword;

/* An entry that is read and written atomically. Where that is impossible (it crosses a page, or
 * writes to it are dropped) this works on a copy. */
struct cell {
    void *at;
    uint64_t copy;
    uint32_t linear, size;
};

static int open_cell(struct vcpu *vcpu, struct vmi_frame *f, uint32_t linear, uint32_t size,
                     struct cell *cell) {
    void *read_at;
    cell->linear = linear;
    cell->size = size;
    cell->copy = 0;
    if (!guest_probe(vcpu, linear, size, true) || !guest_linear(vcpu, linear, false, &read_at) ||
        !guest_linear(vcpu, linear, true, &cell->at)) {
        return VMI_ERROR_FAULT;
    }
    if (linear % PAGE_SIZE <= PAGE_SIZE - size && cell->at == read_at) {
        return 0;
    }
    cell->at = &cell->copy;
    return vmi_guest_read(f, linear, &cell->copy, size);
}

static int close_cell(struct vmi_frame *f, const struct cell *cell) {
    if (cell->at != &cell->copy) {
        return VMI_RETURNS;
    }
    return vmi_guest_write(f, cell->linear, &cell->copy, cell->size);
}

int call_set_pxe0(void *context, struct vmi_frame *f) {
    (void)context;
    return vmi_guest_write(f, f->eax, &f->edx, 4);
}

int call_set_pxe(void *context, struct vmi_frame *f) {
    (void)context;
    return vmi_guest_write(f, f->edx, &f->eax, 4);
}

int call_get_pxe(void *context, struct vmi_frame *f) {
    uint32_t value;
    int error = vmi_guest_read(f, f->eax, &value, 4);
    (void)context;
    if (!error) {
        vmi_return_eax(f, value);
    }
    return error;
}

int call_swap_pxe(void *context, struct vmi_frame *f) {
    struct cell cell;
    uint32_t old;
    int error = open_cell(context, f, f->eax, 4, &cell);
    if (error) {
        return error;
    }
    old = __atomic_exchange_n((any_dword *)cell.at, f->edx, BUS_LOCKED);
    error = close_cell(f, &cell);
    if (!error) {
        vmi_return_eax(f, old);
    }
    return error;
}

/* The low dword holds the present bit: last. */
int call_set_pxe_long(void *context, struct vmi_frame *f) {
    int error;
    if (!guest_probe(context, f->ecx, 8, true)) {
        return VMI_ERROR_FAULT;
    }
    error = vmi_guest_write(f, f->ecx + 4, &f->edx, 4);
    return error ? error : vmi_guest_write(f, f->ecx, &f->eax, 4);
}

/* One atomic read of all eight bytes; when they cross a page, reads until two agree. */
int call_get_pxe_long(void *context, struct vmi_frame *f) {
    uint32_t low, high, again, tries = 16;
    void *at;
    if (!guest_linear(context, f->eax, false, &at)) {
        return VMI_ERROR_FAULT;
    }
    if (f->eax % PAGE_SIZE <= PAGE_SIZE - 8) {
        vmi_return_edx_eax(f, __atomic_load_n((const any_qword *)at, BUS_LOCKED));
        return VMI_RETURNS;
    }
    do {
        if (vmi_guest_read(f, f->eax, &low, 4) || vmi_guest_read(f, f->eax + 4, &high, 4) ||
            vmi_guest_read(f, f->eax, &again, 4)) {
            return VMI_ERROR_FAULT;
        }
    } while (low != again && --tries);
    vmi_return_edx_eax(f, low | (uint64_t)high << 32);
    return VMI_RETURNS;
}

static int exchange_long(struct vcpu *vcpu, struct vmi_frame *f, uint32_t ptep, uint64_t entry) {
    struct cell cell;
    uint64_t old;
    int error = open_cell(vcpu, f, ptep, 8, &cell);
    if (error) {
        return error;
    }
    old = __atomic_exchange_n((any_qword *)cell.at, entry, BUS_LOCKED);
    error = close_cell(f, &cell);
    if (!error) {
        vmi_return_edx_eax(f, old);
    }
    return error;
}

int call_swap_pxe_long(void *context, struct vmi_frame *f) {
    return exchange_long(context, f, f->ecx, f->eax | (uint64_t)f->edx << 32);
}

int call_deactivate_pxe_long(void *context, struct vmi_frame *f) {
    return exchange_long(context, f, f->eax, 0);
}

/* The bit number is the instruction's: signed, and it reaches beyond the first dword. */
static int change_bit(struct vcpu *vcpu, struct vmi_frame *f, bool set) {
    uint32_t at = f->eax + (uint32_t)((int32_t)f->edx >> 5) * 4, mask = 1u << f->edx % 32, old;
    struct cell cell;
    int error = open_cell(vcpu, f, at, 4, &cell);
    if (error) {
        return error;
    }
    if (set) {
        old = __atomic_fetch_or((any_dword *)cell.at, mask, BUS_LOCKED);
    } else {
        old = __atomic_fetch_and((any_dword *)cell.at, ~mask, BUS_LOCKED);
    }
    error = close_cell(f, &cell);
    if (!error) {
        vmi_return_eax(f, old & mask ? UINT32_MAX : 0);
    }
    return error;
}

int call_set_bit(void *context, struct vmi_frame *f) {
    return change_bit(context, f, true);
}

int call_clear_bit(void *context, struct vmi_frame *f) {
    return change_bit(context, f, false);
}
