/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The kit for hypervisors: publish a hypercall image to a guest, and serve the calls that trap.
 * docs/hypercalls.md is the guide. Sources: hypercall.h for the image, calls.tsv for what each
 * slot may hold, the VMI ABI of API 13 and 3.0 for arguments and frames.
 *
 * The kit (kit/hypervisor/; build/libvmihv.a, for 32 bits libvmihv-32.a) is freestanding C11: no
 * library, no allocation, no state of its own, no floating point. Its headers work in C++11 too.
 * The caller provides all the memory that it works on, so any number of processors may serve calls
 * at the same time; only publishing writes to what it is given.
 *
 * All sizes are in bytes. Addresses are guest addresses; "linear" ones are translated by the
 * guest's page tables with supervisor rights. A result below zero is one of VMI_ERROR_...
 */
#ifndef VMI_HYPERVISOR_H
#define VMI_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmi/handlers.h"
#include "vmi/hypercall.h"
#include "vmi/rom.h"
#include "vmi/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a handler, and serving a call, returns: the call is done and the guest continues at the RET
 * behind the trap site; a part is done and the guest traps again; the guest continues where the
 * frame says (IRET, SYSEXIT, an injected fault); this processor does not continue (Reboot,
 * Shutdown).
 */
#define VMI_RETURNS   0
#define VMI_REPEATS   1
#define VMI_TRANSFERS 2
#define VMI_STOPS     3

enum vmi_error {
    /* vmi_hv_open, vmi_hv_open_twin */
    VMI_ERROR_SHORT = -1,       /* fewer bytes than its header says, or than the slots need */
    VMI_ERROR_NOT_ROM = -2,     /* does not begin with 55 AA */
    VMI_ERROR_CHECKSUM = -3,    /* its bytes do not sum to 0 */
    VMI_ERROR_NOT_VMI = -4,     /* no "cVmi" */
    VMI_ERROR_API = -5,         /* neither API 13 nor API 3.0 */
    VMI_ERROR_DESCRIPTOR = -6,  /* no descriptor where the header says: not a hypercall image */
    VMI_ERROR_VERSION = -7,     /* a descriptor of another version */
    VMI_ERROR_KINDS = -8,       /* the descriptor contradicts the call table */
    VMI_ERROR_SITE = -9,        /* a slot does not hold what the descriptor says */
    VMI_ERROR_NOT_NATIVE = -10, /* the twin is not a native image */
    VMI_ERROR_TWIN = -11,       /* the twin has another API, version or layout */
    /* vmi_hv_kinds, vmi_hv_choose, vmi_hv_publish */
    VMI_ERROR_POLICY = -12,    /* no such policy, or a list without its kinds */
    VMI_ERROR_SLOT = -13,      /* no call of the image's API has this slot */
    VMI_ERROR_FIXED = -14,     /* the slot is never exchanged: Init, GetRelocationInfo, ... */
    VMI_ERROR_MUST_TRAP = -15, /* the call must trap: the timer calls */
    VMI_ERROR_KIND = -16,      /* no such kind, or a bare return for a call that has a result */
    VMI_ERROR_NO_TWIN = -17,   /* a native body is requested and no twin is given */
    VMI_ERROR_TRAP = -18,      /* no such trap, an operand that it cannot have, or one to ask by */
    VMI_ERROR_ADDRESS = -19,   /* not on a page boundary, or it ends above 4 GiB */
    VMI_ERROR_SCRATCH = -20,   /* the scratch buffer is smaller than the image */
    VMI_ERROR_WRITE = -21,     /* the write callback failed: nothing new is published */
    /* vmi_hv_decode, vmi_hv_serve */
    VMI_ERROR_USER = -22,      /* from ring 3 (V86 mode included): not a call */
    VMI_ERROR_OFFSET = -23,    /* EIP is not at the start of a slot */
    VMI_ERROR_NOT_TRAP = -24,  /* the slot holds no trap as published */
    VMI_ERROR_ELSEWHERE = -25, /* EIP is neither in the published page nor in a copy of it */
    VMI_ERROR_HANDLER = -26,   /* no handler for this call */
    VMI_ERROR_OUTCOME = -27,   /* the handler's result is unknown, or IRET or SYSEXIT "returned" */
    /* vmi_hv_serve, from the functions for handlers */
    VMI_ERROR_ARGUMENT = -28, /* the call has no such stack argument, or is not IRET */
    VMI_ERROR_FAULT = -29,    /* guest memory could not be read or written */
    /* vmi_hv_publish */
    VMI_ERROR_NO_SOFT = -30, /* a soft body is asked for and the plan has none */
    VMI_ERROR_LAST = -30
};

/* A short text for an error, without a full stop; never NULL. For 0 and above "no error". */
const char *vmi_hv_error_text(int error);

/* --- images --- */

/* An image that has passed the checks. The bytes are the caller's and must not change. */
struct vmi_image {
    const uint8_t *bytes;
    uint32_t size;       /* from its header's length byte */
    uint32_t descriptor; /* offset of struct vmi_hypercall_descriptor; 0 in a native image */
    uint8_t api;         /* VMI_API_MAJOR_13 or VMI_API_MAJOR_3 */
};

/*
 * Checks an image that is to be published. The image may be shorter than the `size` bytes given.
 * Errors: VMI_ERROR_SHORT to VMI_ERROR_SITE; `image` is written only on success.
 */
int vmi_hv_open(struct vmi_image *image, const void *bytes, size_t size);

/*
 * The same for the native twin of `image`, the source of native bodies. It is a twin if the API,
 * code revision (PCIR), header offsets and the slots that are native in both agree. Errors:
 * VMI_ERROR_SHORT to VMI_ERROR_API, VMI_ERROR_NOT_NATIVE, VMI_ERROR_TWIN.
 */
int vmi_hv_open_twin(struct vmi_image *twin, const struct vmi_image *image, const void *bytes,
                     size_t size);

/* --- policies: what each slot shall hold --- */

enum vmi_policy {
    VMI_POLICY_DEFAULT, /* as in the image: the column `trap` of calls.tsv */
    VMI_POLICY_ALL,     /* every call that may trap does */
    VMI_POLICY_TUNED,   /* with nested paging and devices passed through: the column `tuned` */
    VMI_POLICY_LIST,    /* the caller's 128 kinds */
    VMI_POLICY_HOSTED   /* in user space above KVM, WHP, HVF or bhyve: the column `hosted` */
};

/*
 * Writes the kinds (VMI_SLOT_...) of a policy other than VMI_POLICY_LIST. They can then be changed
 * with vmi_hv_choose and published as a list. Slots without a call of the image's API, and those
 * that are never exchanged, keep the kind they have. Error: VMI_ERROR_POLICY.
 */
int vmi_hv_kinds(const struct vmi_image *image, enum vmi_policy policy,
                 uint8_t kinds[VMI_CALL_SLOTS]);

/*
 * Sets the kind of one slot: VMI_SLOT_NATIVE, _TRAP, or _NOP if the call has no result.
 * For API 13 the slot is the call number. Errors: VMI_ERROR_SLOT, VMI_ERROR_KIND, VMI_ERROR_FIXED,
 * VMI_ERROR_MUST_TRAP; `kinds` is then as before.
 */
int vmi_hv_choose(const struct vmi_image *image, uint8_t kinds[VMI_CALL_SLOTS], uint32_t slot,
                  uint8_t kind);

/* --- publishing --- */

/* What a publication shall be. */
struct vmi_plan {
    uint8_t trap;           /* VMI_TRAP_... */
    uint8_t operand;        /* vector of INT, 20h and above; port of OUT; else 0 */
    enum vmi_policy policy; /* VMI_POLICY_... */
    const uint8_t *kinds;   /* for VMI_POLICY_LIST: 128 kinds; otherwise ignored */
    /* The 32 bytes of each slot that is VMI_SLOT_SOFT, by slot; NULL when none is. A body does what
     * calls.tsv says of the call, runs at any address, and finds the memory that it shares with the
     * hypervisor at linear addresses of its own (by SS or CS, where the call's DS may hold
     * anything).
     */
    const uint8_t (*soft)[VMI_CALL_SIZE];
    /* Where CPUID cannot have the signature: Init executes the trap once, and vmi_hv_serve answers.
     * For VMI_TRAP_OUT alone, which harms no machine that does not serve it. */
    bool asks;
};

/* What has been published: all that decoding needs. Plain data; it may be copied. */
struct vmi_publication {
    uint32_t address; /* guest-physical, of the image and hence of its slot page */
    uint32_t size;
    uint8_t api;
    uint8_t trap;
    uint8_t operand;
    uint8_t flags; /* VMI_HYPERCALL_... */
    uint8_t kind[VMI_CALL_SLOTS];
};

/* Writes `size` bytes at a guest-physical address; false on failure. A write never crosses a page.
 */
typedef bool vmi_physical_write(void *context, uint32_t address, const void *from, uint32_t size);

/*
 * Publishes `image` at guest-physical `address`: binds its sites to the plan's trap, fills its
 * slots by the plan's policy, updates descriptor and checksum, and writes it out.
 *
 * `twin` may be NULL when no slot changes to native. `scratch` holds at least image->size bytes
 * and must not overlap the image. `address` must be on a page boundary; guests search
 * VMI_SCAN_START to VMI_SCAN_END, so that is where a ROM is found, but the kit does not insist.
 *
 * The first two bytes, 55 AA, are cleared first and written last: from the first write to the last
 * no guest finds a ROM there. If the callback fails there is no ROM, or, if the very first write
 * fails, what was there before. `publication` is written only on success. Publishing again at the
 * same address, with other traps, is allowed while no guest runs there.
 *
 * Errors: VMI_ERROR_POLICY to VMI_ERROR_SCRATCH, before anything is written; VMI_ERROR_WRITE.
 */
int vmi_hv_publish(struct vmi_publication *publication, const struct vmi_image *image,
                   const struct vmi_image *twin, const struct vmi_plan *plan, uint32_t address,
                   vmi_physical_write *write, void *context, void *scratch, size_t scratch_size);

/*
 * Makes the publication of a ROM that has been published before, from its `size` bytes as the guest
 * has them at guest-physical `address`: in a snapshot, a machine that has moved, under a newer kit.
 * Nothing is written. The bytes may be the caller's copy; they are not kept.
 *
 * The ROM is the contract: its trap, its kinds and its address stay those that the guest has
 * linked to. The kit may be newer than the one that published: an image of another version is
 * taken as long as its descriptor has this kit's version and its kinds are allowed by this kit's
 * table. Handlers may be others than before; all that the ROM has trap must be there.
 *
 * Errors: those of vmi_hv_open; VMI_ERROR_ADDRESS. `publication` is written only on success.
 */
int vmi_hv_adopt(struct vmi_publication *publication, const void *bytes, size_t size,
                 uint32_t address);

/* --- serving --- */

/*
 * The guest's registers at a trap. A hypervisor fills it from the guest's state, passes it to
 * vmi_hv_serve, and loads the result. Selectors are for reading, and for transfers.
 */
struct vmi_frame {
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t eip;
    uint32_t eflags; /* the guest's own, with IF as the guest sees it */
    uint16_t es, cs, ss, ds, fs, gs;
    /* The stack is flat in every call but IRET, where Linux also returns through 16-bit stacks. */
    uint32_t ss_base;
    bool ss_16bit; /* the B bit of SS is clear: SP is used, not ESP */

    /* Set by vmi_hv_serve, for the functions below. */
    uint8_t slot; /* the call, for handlers that serve several */
    const struct vmi_guest *guest;
    void *context;
};

/*
 * Guest memory by linear address. Each callback accesses all bytes or, returning false, none. The
 * context is the one passed to vmi_hv_serve. A NULL callback always fails.
 */
struct vmi_accessors;
struct vmi_guest {
    bool (*read)(void *context, uint32_t linear, void *to, uint32_t size);
    bool (*write)(void *context, uint32_t linear, const void *from, uint32_t size);
    const struct vmi_accessors *accessors; /* for the default handlers (defaults.h); or NULL */
};

/* What a hypervisor knows about a trap besides the registers. */
#define VMI_PAGE_UNKNOWN 0xFFFFFFFFFFFFFFFFu

struct vmi_trap {
    uint8_t cpl;      /* of the trapping code, not merely RPL of CS */
    bool read_code;   /* the slot's bytes may be read through struct vmi_guest */
    uint64_t page;    /* guest-physical address in the code's page, or VMI_PAGE_UNKNOWN */
    const void *code; /* the 32 bytes of the slot at EIP, or NULL */
};

/*
 * Decodes a trap: returns the slot, or VMI_ERROR_USER to VMI_ERROR_ELSEWHERE. Pass it only traps of
 * the published kind (and operand), from protected mode; CS is flat in every call, so `eip` is
 * linear.
 *
 * The slot follows from EIP alone: the trapping instruction begins a slot, and EIP may be at it, or
 * behind it where the host has already moved on (INT through an IDT, OUT in some emulators). What
 * else the caller knows is compared with the publication: the published page is accepted by its
 * address, any other page by bytes equal to the published slot's
 * (`code`, else `read_code`), and refused if it is known to be another and no bytes are available.
 * The 32 bytes of a slot never cross a page. `guest` and `context` are used for `read_code` only.
 * Where the publication asks, Init's question is the trap of slot VMI_CALL_Init.
 */
int vmi_hv_decode(const struct vmi_publication *publication, uint32_t eip,
                  const struct vmi_trap *trap, const struct vmi_guest *guest, void *context);

/*
 * Serves the trap whose registers are in `frame`: decodes it, calls the handler with `context` and
 * `frame`, and returns what that returned:
 *
 *   VMI_RETURNS    EIP is at the RET behind the site, the other registers as the handler left them
 *   VMI_REPEATS    EIP is at the site, the other registers as the handler left them
 *   VMI_TRANSFERS  the frame is as the handler left it
 *   VMI_STOPS      likewise
 *   below zero     the general registers, EIP and EFLAGS are as they came; but with
 *                  VMI_ERROR_FAULT EIP is at the site, so that the call starts over once the guest
 *                  has handled its page fault
 *
 * Init's question has no handler: it returns VMI_RETURNS, with EAX 0 and the slot VMI_CALL_Init.
 *
 * The handler sees EIP at the site. It must read all it needs, and be sure that what it writes can
 * be written, before it changes anything else: the kit restores only these.
 */
int vmi_hv_serve(const struct vmi_publication *publication, const struct vmi_handlers *handlers,
                 const struct vmi_guest *guest, void *context, const struct vmi_trap *trap,
                 struct vmi_frame *frame);

/*
 * Whether a host that skips the trapping instruction by itself, when EIP has not changed since the
 * exit, has to end that exit before it gets the new registers. KVM does so behind KVM_EXIT_IO: it
 * would take a call that repeats for done. There: set kvm_run.immediate_exit, KVM_RUN, which
 * returns EINTR and has skipped the instruction; then set the registers. `outcome` is what
 * vmi_hv_serve has returned. True for all that may leave EIP as it was.
 */
bool vmi_hv_must_end_exit(int outcome);

/* --- for handlers: return an error as it is, and the call has not happened --- */

/* Reads stack argument `n`, from 0, behind the return address: the dword at [ESP + 4 + 4n].
 * Errors: VMI_ERROR_ARGUMENT if the call has fewer in calls.tsv, VMI_ERROR_FAULT. */
int vmi_argument_stack(const struct vmi_frame *frame, uint32_t n, uint32_t *value);

/* Read and write guest memory at a linear address. Error: VMI_ERROR_FAULT, nothing done. */
int vmi_guest_read(const struct vmi_frame *frame, uint32_t linear, void *to, uint32_t size);
int vmi_guest_write(const struct vmi_frame *frame, uint32_t linear, const void *from,
                    uint32_t size);

/* The frame through which IRET returns, behind the call's return address. */
struct vmi_iret {
    uint32_t return_address; /* of the call: a Linux call site is the 5 bytes before it */
    uint32_t eip;
    uint32_t eflags;
    uint32_t esp;                    /* from the frame; to the same ring: ESP behind the frame */
    uint16_t cs, ss, es, ds, fs, gs; /* those that are not in the frame are the current ones */
    uint8_t dwords; /* read: 3 to the same ring, 5 to an outer one, 9 to V86 mode */
};

/*
 * Reads that frame; for IRET only. Whether it has ESP and SS follows from VM in EFLAGS and from the
 * RPL of CS on the stack against that of frame->cs, as in the processor. Errors:
 * VMI_ERROR_ARGUMENT in another call, VMI_ERROR_FAULT.
 */
int vmi_iret_read(const struct vmi_frame *frame, struct vmi_iret *iret);

/* Results. AL and AX leave the rest of EAX alone: guests use all of it after INB. */
static inline void vmi_return_eax(struct vmi_frame *frame, uint32_t value) {
    frame->eax = value;
}

static inline void vmi_return_edx_eax(struct vmi_frame *frame, uint64_t value) {
    frame->eax = (uint32_t)value;
    frame->edx = (uint32_t)(value >> 32);
}

static inline void vmi_return_ax(struct vmi_frame *frame, uint16_t value) {
    frame->eax = (frame->eax & 0xFFFF0000u) | value;
}

static inline void vmi_return_al(struct vmi_frame *frame, uint8_t value) {
    frame->eax = (frame->eax & 0xFFFFFF00u) | value;
}

/* The same as functions, for bindings in languages that cannot use a header's. */
void vmi_hv_return_eax(struct vmi_frame *frame, uint32_t value);
void vmi_hv_return_edx_eax(struct vmi_frame *frame, uint64_t value);
void vmi_hv_return_ax(struct vmi_frame *frame, uint16_t value);
void vmi_hv_return_al(struct vmi_frame *frame, uint8_t value);

#ifdef __cplusplus
}
#endif

#endif
