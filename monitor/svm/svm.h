/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* AMD's Secure Virtual Machine: MSRs, exit codes and the VMCB. Names and layout: AMD64 Architecture
 * Programmer's Manual, volume 2, chapter 15 and appendices B and C. */
#ifndef MONITOR_SVM_H
#define MONITOR_SVM_H

#include <stddef.h>
#include <stdint.h>

#include "common/x86.h"

#define MSR_VM_CR       0xC0010114u
#define MSR_VM_HSAVE_PA 0xC0010117u
#define MSR_SVM_KEY     0xC0010118u
#define MSR_TSC_RATIO   0xC0000104u
#define MSR_PATCH       0xC0010020u /* the microcode loader; it cannot be read */
#define MSR_SYSCFG      0xC0010010u

#define SYSCFG_FIXED 0x000C0000u /* MtrrFixDramEn, MtrrFixDramModEn */

#define EFER_SVME 0x1000u

/* vmcb.intercept_dr: writes; 4 and 5 are other names of 6 and 7 */
#define INTERCEPT_WRITE_DR 0x00AF0000u

/* vmcb.intercept_cr */
#define INTERCEPT_WRITE_CR4 0x00100000u

/* vmcb.intercept_misc1, _misc2, _exceptions */
#define INTERCEPT_INTR     (1u << 0)
#define INTERCEPT_NMI      (1u << 1)
#define INTERCEPT_RDTSC    (1u << 14)
#define INTERCEPT_CPUID    (1u << 18)
#define INTERCEPT_IRET     (1u << 20)
#define INTERCEPT_INVD     (1u << 22)
#define INTERCEPT_INVLPGA  (1u << 26)
#define INTERCEPT_IOIO     (1u << 27)
#define INTERCEPT_MSR      (1u << 28)
#define INTERCEPT_SHUTDOWN (1u << 31)

#define INTERCEPT_VMRUN   (1u << 0)
#define INTERCEPT_VMMCALL (1u << 1)
#define INTERCEPT_VMLOAD  (1u << 2)
#define INTERCEPT_VMSAVE  (1u << 3)
#define INTERCEPT_STGI    (1u << 4)
#define INTERCEPT_CLGI    (1u << 5)
#define INTERCEPT_SKINIT  (1u << 6)

/* vmcb.exitcode, its low half: VMRUN fails */
#define VMEXIT_INVALID 0xFFFFFFFFu

/* vmcb.exitcode */
enum {
    VMEXIT_WRITE_CR4 = 0x14,
    VMEXIT_WRITE_DR0 = 0x30,
    VMEXIT_WRITE_DR7 = 0x37,
    VMEXIT_EXCP0 = 0x40, /* + vector */
    VMEXIT_EXCP31 = 0x5F,
    VMEXIT_INTR = 0x60,
    VMEXIT_NMI = 0x61,
    VMEXIT_RDTSC = 0x6E,
    VMEXIT_CPUID = 0x72,
    VMEXIT_IRET = 0x74,
    VMEXIT_INVD = 0x76,
    VMEXIT_INVLPGA = 0x7A,
    VMEXIT_IOIO = 0x7B,
    VMEXIT_MSR = 0x7C,
    VMEXIT_SHUTDOWN = 0x7F,
    VMEXIT_VMRUN = 0x80,
    VMEXIT_VMMCALL = 0x81,
    VMEXIT_VMLOAD = 0x82,
    VMEXIT_VMSAVE = 0x83,
    VMEXIT_STGI = 0x84,
    VMEXIT_CLGI = 0x85,
    VMEXIT_SKINIT = 0x86,
    VMEXIT_NPF = 0x400
};

/* exitinfo1 of VMEXIT_NPF */
#define NPF_WRITE 0x02u
#define NPF_WALK  (1ull << 33) /* of the guest's own tables */

/* exitinfo1 of VMEXIT_IOIO; exitinfo2 is the next RIP */
#define IOIO_IN         0x01u
#define IOIO_STRING     0x04u
#define IOIO_REP        0x08u
#define IOIO_A16        0x080u /* the address size */
#define IOIO_A64        0x200u
#define IOIO_SIZE       0x07u /* behind the shift */
#define IOIO_SIZE_SHIFT 4
#define IOIO_PORT_SHIFT 16

#define TLB_KEEP  0u
#define TLB_FLUSH 1u

/* vmcb.eventinj */
#define EVENT_VALID     0x80000000u
#define EVENT_ERROR     0x00000800u /* the high dword is an error code */
#define EVENT_INTERRUPT 0x00000000u
#define EVENT_NMI       0x00000200u
#define EVENT_EXCEPTION 0x00000300u

/* vmcb.interrupt_control: an interrupt that comes as soon as the guest takes any */
#define V_IRQ          0x00000100u
#define V_IGN_TPR      0x00100000u
#define V_VECTOR       0xFF00000000ull
#define V_VECTOR_SHIFT 32

/* The state save area. */
struct guest_state {
    struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved_4a0[0x4CB - 0x4A0];
    uint8_t cpl;
    uint32_t reserved_4cc;
    uint64_t efer;
    uint8_t reserved_4d8[0x548 - 0x4D8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x5D8 - 0x580];
    uint64_t rsp;
    uint8_t reserved_5e0[0x5F8 - 0x5E0];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved_648[0x668 - 0x648];
    uint64_t g_pat;
};

struct vmcb {
    uint32_t intercept_cr, intercept_dr, intercept_exceptions, intercept_misc1, intercept_misc2;
    uint8_t reserved_14[0x40 - 0x14];
    uint64_t iopm_base_pa, msrpm_base_pa, tsc_offset;
    uint32_t asid;
    uint8_t tlb_control, reserved_5d[3];
    uint64_t interrupt_control; /* V_TPR and on */
    uint64_t interrupt_shadow;  /* bit 0 */
    uint64_t exitcode, exitinfo1, exitinfo2, exitintinfo;
    uint64_t np_enable;
    uint8_t reserved_98[0xA8 - 0x98];
    uint64_t eventinj;
    uint64_t n_cr3;
    uint8_t reserved_b8[0x400 - 0xB8];
    struct guest_state state;
    uint8_t reserved_670[0x1000 - 0x670];
};

_Static_assert(offsetof(struct vmcb, iopm_base_pa) == 0x040, "iopm_base_pa");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "asid");
_Static_assert(offsetof(struct vmcb, tlb_control) == 0x05C, "tlb_control");
_Static_assert(offsetof(struct vmcb, interrupt_shadow) == 0x068, "interrupt_shadow");
_Static_assert(offsetof(struct vmcb, exitcode) == 0x070, "exitcode");
_Static_assert(offsetof(struct vmcb, exitintinfo) == 0x088, "exitintinfo");
_Static_assert(offsetof(struct vmcb, np_enable) == 0x090, "np_enable");
_Static_assert(offsetof(struct vmcb, eventinj) == 0x0A8, "eventinj");
_Static_assert(offsetof(struct vmcb, n_cr3) == 0x0B0, "n_cr3");
_Static_assert(offsetof(struct vmcb, state.es) == 0x400, "es");
_Static_assert(offsetof(struct vmcb, state.gdtr) == 0x460, "gdtr");
_Static_assert(offsetof(struct vmcb, state.tr) == 0x490, "tr");
_Static_assert(offsetof(struct vmcb, state.cpl) == 0x4CB, "cpl");
_Static_assert(offsetof(struct vmcb, state.efer) == 0x4D0, "efer");
_Static_assert(offsetof(struct vmcb, state.cr4) == 0x548, "cr4");
_Static_assert(offsetof(struct vmcb, state.rip) == 0x578, "rip");
_Static_assert(offsetof(struct vmcb, state.rsp) == 0x5D8, "rsp");
_Static_assert(offsetof(struct vmcb, state.rax) == 0x5F8, "rax");
_Static_assert(offsetof(struct vmcb, state.sysenter_cs) == 0x628, "sysenter_cs");
_Static_assert(offsetof(struct vmcb, state.cr2) == 0x640, "cr2");
_Static_assert(offsetof(struct vmcb, state.g_pat) == 0x668, "g_pat");
_Static_assert(sizeof(struct vmcb) == 0x1000, "vmcb");

#endif
