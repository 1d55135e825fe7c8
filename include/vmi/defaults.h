/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Handlers for every call, over a small set of functions that a hypervisor provides: to get and set
 * a register, a segment, an MSR; ports; memory. What the call table (calls.tsv) and the manuals say
 * of a call, its checks and its faults are here; what the processor and the machine are is yours.
 * Sources: the VMI ABI of API 13 and 3.0 for the calls; the processors' manuals for what the
 * instructions do that the calls stand for (IRET, LTR, LLDT, MOV to CR and DR, REP INS and OUTS,
 * paging for 32 bits and PAE).
 *
 * Use: fill a struct vmi_accessors, name it in struct vmi_guest, set the handlers that are your own
 * in a struct vmi_handlers, and let vmi_hv_default_handlers set the rest. A default handler whose
 * accessor is NULL returns VMI_ERROR_HANDLER, as if there were none.
 *
 * The context of every function is the one that vmi_hv_serve got. docs/hypercalls.md, Default
 * handlers, has a table of what needs what.
 */
#ifndef VMI_DEFAULTS_H
#define VMI_DEFAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmi/hypervisor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vmi_register {
    VMI_REGISTER_CR0,
    VMI_REGISTER_CR2,
    VMI_REGISTER_CR3,
    VMI_REGISTER_CR4,
    VMI_REGISTER_DR0,
    VMI_REGISTER_DR1,
    VMI_REGISTER_DR2,
    VMI_REGISTER_DR3,
    VMI_REGISTER_DR6,
    VMI_REGISTER_DR7,
    VMI_REGISTERS
};

/* In the order of the instructions' encoding, then the tables. */
enum vmi_segment_register {
    VMI_SEGMENT_ES,
    VMI_SEGMENT_CS,
    VMI_SEGMENT_SS,
    VMI_SEGMENT_DS,
    VMI_SEGMENT_FS,
    VMI_SEGMENT_GS,
    VMI_SEGMENT_LDTR,
    VMI_SEGMENT_TR,
    VMI_SEGMENT_GDTR, /* base and limit only */
    VMI_SEGMENT_IDTR,
    VMI_SEGMENTS
};

/* A segment register with what the processor keeps of its descriptor. */
struct vmi_segment {
    uint16_t selector;
    uint16_t attributes; /* VMI_SEGMENT_...: bytes 5 and 6 of a descriptor without the limit */
    uint32_t limit;      /* of the last byte, in bytes */
    uint32_t base;
};

/* Attributes; a VMCB has them so, a VMCS and KVM have other places for the last four. */
enum vmi_segment_attribute {
    VMI_SEGMENT_TYPE = 0x0F,
    VMI_SEGMENT_S = 0x10, /* code or data, not a system segment */
    VMI_SEGMENT_DPL = 0x60,
    VMI_SEGMENT_P = 0x80,
    VMI_SEGMENT_AVL = 0x100,
    VMI_SEGMENT_L = 0x200,
    VMI_SEGMENT_DB = 0x400,
    VMI_SEGMENT_G = 0x800
};

/* What `flush` is to drop: one page, all but global pages, everything. */
enum vmi_flush { VMI_FLUSH_PAGE, VMI_FLUSH_NOT_GLOBAL, VMI_FLUSH_ALL };

/* How the guest ends: Reboot's argument, and Shutdown. */
enum vmi_end { VMI_END_SOFT_RESET = 0, VMI_END_HARD_RESET = 1, VMI_END_SHUTDOWN = 2 };

/*
 * Raises an exception: the hypervisor keeps it, the last one counts. It injects the exception, at
 * the EIP of the frame, once vmi_hv_serve has returned and the registers are set: after
 * VMI_ERROR_FAULT always, after VMI_TRANSFERS if one was raised (an IRET that faults where the
 * guest has its fix-up). After other outcomes it forgets it. `error` is the error code, 0 where
 * the vector has none; `address` is CR2 of a page fault.
 */
typedef void vmi_raise(void *context, uint32_t vector, uint32_t error, uint32_t address);

struct vmi_accessors {
    /* enum vmi_register. Setting returns false for a value that the guest's processor refuses
     * (reserved bits): #GP. What depends on other registers has been checked. */
    uint32_t (*get_register)(void *context, uint32_t which);
    bool (*set_register)(void *context, uint32_t which, uint32_t value);

    /* enum vmi_segment_register. The CPL is SS' DPL: setting SS changes it. */
    void (*get_segment)(void *context, uint32_t which, struct vmi_segment *segment);
    void (*set_segment)(void *context, uint32_t which, const struct vmi_segment *segment);

    /* False: the guest has no such MSR, counter or value, #GP. */
    bool (*get_msr)(void *context, uint32_t msr, uint64_t *value);
    bool (*set_msr)(void *context, uint32_t msr, uint64_t value);
    bool (*get_performance_counter)(void *context, uint32_t counter, uint64_t *value);

    uint64_t (*get_time_stamp)(void *context);

    /* EAX, EBX, ECX, EDX: leaf and subleaf in the first and the third, then the results. */
    void (*cpuid)(void *context, uint32_t registers[4]);

    /* One access of 1, 2 or 4 bytes. */
    uint32_t (*port_in)(void *context, uint32_t port, uint32_t size);
    void (*port_out)(void *context, uint32_t port, uint32_t size, uint32_t value);

    /* The local APIC's register at an offset: for API 3.0. API 13 names a linear address, and the
     * default is an access there by struct vmi_guest. */
    uint32_t (*apic_read)(void *context, uint32_t offset);
    void (*apic_write)(void *context, uint32_t offset, uint32_t value);

    /*
     * Exchanges `size` (4 or 8) bytes of guest memory at a linear address, if they are `*old`, in
     * one step for all processors: 0. Else 1, and they are in `*old`. VMI_ERROR_FAULT: nothing
     * done. NULL: a read and a write by struct vmi_guest take its place, which is right as long as
     * no other processor of the guest runs meanwhile.
     */
    int (*compare_exchange)(void *context, uint32_t linear, uint32_t size, uint64_t *old,
                            uint64_t value);

    /* enum vmi_flush; `linear` is an address in the page. NULL: InvalPage and FlushTLB have no
     * handler, and set_register drops what writing that register drops. */
    void (*flush)(void *context, uint32_t what, uint32_t linear);

    vmi_raise *raise; /* NULL: a call that faults returns VMI_ERROR_FAULT and no more */

    /* Waits for an interrupt, or has the processor wait. IF is set in the frame. Returns an
     * outcome: VMI_RETURNS when the guest is to go on. */
    int (*halt)(void *context, struct vmi_frame *frame);

    /* enum vmi_end: ends or resets the guest; the outcome is VMI_STOPS. */
    void (*stop)(void *context, uint32_t how);

    /* Nanoseconds since 1970-01-01T00:00:00Z. NULL: 0, unknown. */
    uint64_t (*wallclock)(void *context);

    /* An IRET has been done: NMIs are no longer blocked. May be NULL. */
    void (*unblock_nmi)(void *context);

    /* Elements of INS and OUTS between two looks for interrupts (VMI_REPEATS); 0: 4,096. */
    uint32_t string_elements;
};

/* All handlers, by call: to call one from a handler of your own. */
extern const struct vmi_handlers vmi_default_handlers;

/* Sets each member of `handlers` that is NULL to the default. Init, GetRelocationInfo and
 * SetCallbacks, which never trap, stay as they are. */
void vmi_hv_default_handlers(struct vmi_handlers *handlers);

/* --- the guest's paging, for hypervisors that have to walk its tables themselves --- */

/*
 * A processor's view of memory: 32-bit paging with 4 MiB pages (and their addresses above 4 GiB),
 * and PAE. All accesses are the supervisor's, as calls make them: reads of user pages included, and
 * writes to read-only pages where CR0.WP is clear. Accessed and dirty bits are set. No SMAP, no
 * protection keys; NX is of no concern to data. The PDPTEs of PAE are read at each walk.
 *
 * cr0, cr3 and cr4 are for the caller to keep current. The functions get the context of the calls.
 */
struct vmi_paging {
    uint32_t cr0, cr3, cr4;
    /* Guest-physical memory; an access never crosses a page, and an aligned one of 4 or 8 bytes is
     * to be one load or store. False: there is nothing, a page fault for the guest. */
    bool (*read)(void *context, uint64_t physical, void *to, uint32_t size);
    bool (*write)(void *context, uint64_t physical, const void *from, uint32_t size);
    /* As in struct vmi_accessors, for a physical address. NULL: no other processor runs. */
    int (*compare_exchange)(void *context, uint64_t physical, uint32_t size, uint64_t *old,
                            uint64_t value);
    vmi_raise *raise; /* gets the page fault; may be NULL */
};

/* Where a linear address is; false: a page fault has been raised. */
bool vmi_paging_translate(const struct vmi_paging *paging, void *context, uint32_t linear,
                          bool write, uint64_t *physical);

/* What struct vmi_guest asks for: all bytes or none. At most 4,096 bytes. */
bool vmi_paging_read(const struct vmi_paging *paging, void *context, uint32_t linear, void *to,
                     uint32_t size);
bool vmi_paging_write(const struct vmi_paging *paging, void *context, uint32_t linear,
                      const void *from, uint32_t size);

/* What struct vmi_accessors asks for. Bytes that cross a page are read and written one after the
 * other. */
int vmi_paging_compare_exchange(const struct vmi_paging *paging, void *context, uint32_t linear,
                                uint32_t size, uint64_t *old, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
