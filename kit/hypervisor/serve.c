/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* From a trap to its call, and through the handler back to the guest. */

#include <stddef.h>

#include "bytes.h"
#include "slot.h"
#include "vmi/calls.h"
#include "vmi/hypervisor.h"

#define USER        3
#define RPL_MASK    3
#define EFLAGS_VM   0x00020000u
#define REGISTERS   40u /* bytes of a frame up to EFLAGS */
#define IRET_DWORDS 9   /* in the longest frame, to V86 mode */

/* Nothing in a stub traps but its site, so an EIP just behind one means that the host has moved on.
 */
static uint32_t site_of(const struct vmi_publication *p, uint32_t eip) {
    uint32_t length = vmi_kit_trap_length(p->trap);
    return eip % VMI_CALL_SIZE == length ? eip - length : eip;
}

/* Where in the page Init's question stands. */
#define ASK_IN_SLOT (VMI_HYPERCALL_ASK_OFFSET % VMI_CALL_SIZE)
#define OUT_LENGTH  2u

static bool is_question(const struct vmi_publication *p, uint32_t eip) {
    uint32_t at = eip % VMI_KIT_PAGE - VMI_HYPERCALL_ASK_SITE;
    return p->flags & VMI_HYPERCALL_ASKS && (at == 0 || at == OUT_LENGTH);
}

/* The published page is proof; a copy elsewhere is recognised by its bytes. */
static int check_bytes(const struct vmi_publication *p, uint32_t site, const struct vmi_trap *trap,
                       const struct vmi_guest *guest, void *context) {
    uint8_t published[VMI_CALL_SIZE], there[VMI_CALL_SIZE];
    const uint8_t *code = trap->code;
    bool question = is_question(p, site);
    site -= site % VMI_CALL_SIZE;
    if (!code && trap->read_code) {
        if (!guest || !guest->read || !guest->read(context, site, there, sizeof(there))) {
            return VMI_ERROR_ELSEWHERE;
        }
        code = there;
    }
    if (!code) {
        return trap->page == VMI_PAGE_UNKNOWN ? 0 : VMI_ERROR_ELSEWHERE;
    }
    if (question) {
        vmi_kit_ask_bytes(published, p->flags, p->operand);
        return equal_bytes(code + ASK_IN_SLOT, published, VMI_HYPERCALL_ASK_SIZE)
                   ? 0
                   : VMI_ERROR_ELSEWHERE;
    }
    vmi_kit_slot_bytes(published, VMI_SLOT_TRAP, p->trap, p->operand);
    return equal_bytes(code, published, sizeof(published)) ? 0 : VMI_ERROR_ELSEWHERE;
}

int vmi_hv_decode(const struct vmi_publication *publication, uint32_t eip,
                  const struct vmi_trap *trap, const struct vmi_guest *guest, void *context) {
    uint32_t site = site_of(publication, eip), slot = site % VMI_KIT_PAGE / VMI_CALL_SIZE;
    bool question = is_question(publication, eip);
    int error;
    if (trap->cpl >= USER) {
        return VMI_ERROR_USER;
    }
    if (!question && site % VMI_CALL_SIZE != 0) {
        return VMI_ERROR_OFFSET;
    }
    if (!question && publication->kind[slot] != VMI_SLOT_TRAP) {
        return VMI_ERROR_NOT_TRAP;
    }
    if (trap->page / VMI_KIT_PAGE == publication->address / VMI_KIT_PAGE) {
        return (int)slot;
    }
    error = check_bytes(publication, site, trap, guest, context);
    return error ? error : (int)slot;
}

/* What the kit gives back when a handler fails: the frame's beginning. */
struct registers {
    any_machine_word word[REGISTERS / sizeof(any_machine_word)];
};

_Static_assert(offsetof(struct vmi_frame, eax) == 0 && offsetof(struct vmi_frame, es) == REGISTERS,
               "registers");

/* Each call does it: no loop. The empty asm statements keep compilers from calling memcpy. */
static inline void copy_registers(void *to, const void *from) {
    any_machine_word *t = to;
    const any_machine_word *f = from;
#define COPY(n)                                                                                    \
    t[n] = f[n];                                                                                   \
    __asm__ volatile("" ::: "memory")
    COPY(0);
    COPY(1);
    COPY(2);
    COPY(3);
    COPY(4);
    if (sizeof(*t) == 8) {
        return;
    }
    COPY(5);
    COPY(6);
    COPY(7);
    COPY(8);
    COPY(9);
#undef COPY
}

/* Of a handler that has not returned to the guest's next instruction. What it may return: one of
 * the outcomes, or an error, which is passed on. */
__attribute__((noinline)) static int other_outcome(int outcome, struct vmi_frame *frame,
                                                   const struct registers *before, uint32_t site) {
    if (outcome > VMI_STOPS || outcome < VMI_ERROR_LAST || outcome == VMI_RETURNS) {
        outcome = VMI_ERROR_OUTCOME;
    }
    if (outcome < 0) {
        copy_registers(frame, before);
    }
    if (outcome == VMI_REPEATS || outcome == VMI_ERROR_FAULT) {
        frame->eip = site;
    }
    return outcome;
}

static inline int call_handler(const struct vmi_handlers *handlers, const struct vmi_guest *guest,
                               void *context, struct vmi_frame *frame, uint32_t slot,
                               uint32_t site) {
    struct registers before;
    const struct vmi_slot *row = &vmi_kit_slots[slot];
    vmi_handler *handler = *(vmi_handler *const *)((const char *)handlers + row->handler);
    int outcome;
    copy_registers(&before, frame);
    if (!handler) {
        return VMI_ERROR_HANDLER;
    }
    frame->eip = site;
    frame->slot = (uint8_t)slot;
    frame->guest = guest;
    frame->context = context;
    outcome = handler(context, frame);
    if (outcome != VMI_RETURNS || row->flags & VMI_CALL_NORET) {
        return other_outcome(outcome, frame, &before, site);
    }
    frame->eip = site + VMI_TRAP_SITE_SIZE;
    return VMI_RETURNS;
}

__attribute__((noinline)) static int serve_elsewhere(const struct vmi_publication *publication,
                                                     const struct vmi_handlers *handlers,
                                                     const struct vmi_guest *guest, void *context,
                                                     const struct vmi_trap *trap,
                                                     struct vmi_frame *frame) {
    int slot = vmi_hv_decode(publication, frame->eip, trap, guest, context);
    if (slot < 0) {
        return slot;
    }
    if (slot == VMI_CALL_Init) { /* its question: that it comes here is the answer */
        frame->slot = VMI_CALL_Init;
        frame->eip =
            frame->eip / VMI_KIT_PAGE * VMI_KIT_PAGE + VMI_HYPERCALL_ASK_SITE + VMI_TRAP_SITE_SIZE;
        vmi_return_eax(frame, 0);
        return VMI_RETURNS;
    }
    return call_handler(handlers, guest, context, frame, (uint32_t)slot,
                        site_of(publication, frame->eip));
}

/* First what nearly every call is: at its slot in the published page, in ring 0. Nothing else is to
 * cost it anything. */
int vmi_hv_serve(const struct vmi_publication *publication, const struct vmi_handlers *handlers,
                 const struct vmi_guest *guest, void *context, const struct vmi_trap *trap,
                 struct vmi_frame *frame) {
    uint32_t site = frame->eip, slot = site % VMI_KIT_PAGE / VMI_CALL_SIZE;
    if (trap->cpl || site % VMI_CALL_SIZE != 0 || publication->kind[slot] != VMI_SLOT_TRAP ||
        (trap->page ^ publication->address) >= VMI_KIT_PAGE) {
        return serve_elsewhere(publication, handlers, guest, context, trap, frame);
    }
    return call_handler(handlers, guest, context, frame, slot, site);
}

bool vmi_hv_must_end_exit(int outcome) {
    return outcome != VMI_RETURNS;
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
    if (n >= vmi_kit_slot(frame->slot)->arguments) {
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
