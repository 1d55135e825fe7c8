/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* From a trap to its call, and through the handler back to the guest. */

#include "bytes.h"
#include "slot.h"
#include "vmi/calls.h"
#include "vmi/hypervisor.h"

#define PAGE        4096u
#define USER        3
#define RPL_MASK    3
#define EFLAGS_VM   0x00020000u
#define IRET_DWORDS 9 /* in the longest frame, to V86 mode */

static uint32_t site_of(const struct vmi_publication *p, uint32_t eip,
                        const struct vmi_trap *trap) {
    return trap->behind ? eip - hv_trap_length(p->trap) : eip;
}

/* The published page is proof; a copy elsewhere is recognised by its bytes. */
static int check_place(const struct vmi_publication *p, uint32_t site, const struct vmi_trap *trap,
                       const struct vmi_guest *guest, void *context) {
    uint8_t published[VMI_CALL_SIZE], there[VMI_CALL_SIZE];
    const void *code = trap->code;
    if (trap->page != VMI_PAGE_UNKNOWN && trap->page / PAGE == p->address / PAGE) {
        return 0;
    }
    if (!code && trap->read_code) {
        if (!guest || !guest->read || !guest->read(context, site, there, sizeof(there))) {
            return VMI_ERROR_ELSEWHERE;
        }
        code = there;
    }
    if (!code) {
        return trap->page == VMI_PAGE_UNKNOWN ? 0 : VMI_ERROR_ELSEWHERE;
    }
    hv_slot_bytes(published, VMI_SLOT_TRAP, p->trap, p->operand);
    return equal_bytes(code, published, sizeof(published)) ? 0 : VMI_ERROR_ELSEWHERE;
}

int vmi_hv_decode(const struct vmi_publication *publication, uint32_t eip,
                  const struct vmi_trap *trap, const struct vmi_guest *guest, void *context) {
    uint32_t site = site_of(publication, eip, trap), slot = site % PAGE / VMI_CALL_SIZE;
    int error;
    if (trap->cpl >= USER) {
        return VMI_ERROR_USER;
    }
    if (site % VMI_CALL_SIZE != 0) {
        return VMI_ERROR_OFFSET;
    }
    if (publication->kind[slot] != VMI_SLOT_TRAP) {
        return VMI_ERROR_NOT_TRAP;
    }
    error = check_place(publication, site, trap, guest, context);
    return error ? error : (int)slot;
}

static vmi_handler *handler_of(const struct vmi_handlers *handlers, uint8_t slot) {
    return *(vmi_handler *const *)((const char *)handlers + hv_slot(slot)->handler);
}

/* What a handler may return: one of the outcomes, or an error, which is passed on. */
static int check_outcome(int outcome, uint8_t slot) {
    if (outcome > VMI_STOPS || outcome < VMI_ERROR_LAST) {
        return VMI_ERROR_OUTCOME;
    }
    if (outcome == VMI_RETURNS && hv_slot(slot)->flags & VMI_CALL_NORET) {
        return VMI_ERROR_OUTCOME;
    }
    return outcome;
}

int vmi_hv_serve(const struct vmi_publication *publication, const struct vmi_handlers *handlers,
                 const struct vmi_guest *guest, void *context, const struct vmi_trap *trap,
                 struct vmi_frame *frame) {
    struct vmi_frame before;
    vmi_handler *handler;
    uint32_t site = site_of(publication, frame->eip, trap);
    int outcome, slot = vmi_hv_decode(publication, frame->eip, trap, guest, context);
    if (slot < 0) {
        return slot;
    }
    handler = handler_of(handlers, (uint8_t)slot);
    if (!handler) {
        return VMI_ERROR_HANDLER;
    }

    copy_bytes(&before, frame, sizeof(before));
    frame->eip = site;
    frame->slot = (uint8_t)slot;
    frame->guest = guest;
    frame->context = context;
    outcome = check_outcome(handler(context, frame), (uint8_t)slot);

    if (outcome < 0) {
        copy_bytes(frame, &before, sizeof(before));
    }
    if (outcome == VMI_RETURNS) {
        frame->eip = site + VMI_TRAP_SITE_SIZE;
    }
    if (outcome == VMI_REPEATS || outcome == VMI_ERROR_FAULT) {
        frame->eip = site;
    }
    return outcome;
}

int vmi_guest_read(const struct vmi_frame *frame, uint32_t linear, void *to, uint32_t size) {
    const struct vmi_guest *guest = frame->guest;
    return guest && guest->read && guest->read(frame->context, linear, to, size) ? 0
                                                                                 : VMI_ERROR_FAULT;
}

int vmi_guest_write(const struct vmi_frame *frame, uint32_t linear, const void *from,
                    uint32_t size) {
    const struct vmi_guest *guest = frame->guest;
    return guest && guest->write && guest->write(frame->context, linear, from, size)
               ? 0
               : VMI_ERROR_FAULT;
}

/* The dword at `n` dwords above the stack pointer. */
static int read_stack(const struct vmi_frame *frame, uint32_t n, uint32_t *value) {
    uint8_t bytes[4];
    uint32_t offset = frame->esp + 4 * n;
    int error;
    if (frame->ss_16bit) {
        offset &= 0xFFFF;
    }
    error = vmi_guest_read(frame, frame->ss_base + offset, bytes, sizeof(bytes));
    if (!error) {
        *value = read_dword(bytes);
    }
    return error;
}

int vmi_argument_stack(const struct vmi_frame *frame, uint32_t n, uint32_t *value) {
    if (n >= hv_slot(frame->slot)->arguments) {
        return VMI_ERROR_ARGUMENT;
    }
    return read_stack(frame, n + 1, value);
}

int vmi_iret_read(const struct vmi_frame *frame, struct vmi_iret *iret) {
    enum { RETURN_ADDRESS, EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS };
    uint32_t stack[1 + IRET_DWORDS];
    uint8_t dwords = 3;
    if (frame->slot != VMI_CALL_IRET) {
        return VMI_ERROR_ARGUMENT;
    }
    for (uint32_t n = 0; n <= dwords; n++) {
        int error = read_stack(frame, n, &stack[n]);
        if (error) {
            return error;
        }
        if (n == EFLAGS && stack[EFLAGS] & EFLAGS_VM) {
            dwords = 9;
        } else if (n == EFLAGS && (stack[CS] & RPL_MASK) > (frame->cs & RPL_MASK)) {
            dwords = 5;
        }
    }
    iret->return_address = stack[RETURN_ADDRESS];
    iret->eip = stack[EIP];
    iret->eflags = stack[EFLAGS];
    iret->cs = (uint16_t)stack[CS];
    iret->esp = dwords >= 5 ? stack[ESP] : frame->esp + 4 * (1 + 3);
    if (dwords < 5 && frame->ss_16bit) {
        iret->esp = (frame->esp & 0xFFFF0000u) | (iret->esp & 0xFFFFu);
    }
    iret->ss = dwords >= 5 ? (uint16_t)stack[SS] : frame->ss;
    iret->es = dwords == 9 ? (uint16_t)stack[ES] : frame->es;
    iret->ds = dwords == 9 ? (uint16_t)stack[DS] : frame->ds;
    iret->fs = dwords == 9 ? (uint16_t)stack[FS] : frame->fs;
    iret->gs = dwords == 9 ? (uint16_t)stack[GS] : frame->gs;
    iret->dwords = dwords;
    return 0;
}
