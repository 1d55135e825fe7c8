/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the host does in assembly. */
#ifndef MONITOR_HOST_H
#define MONITOR_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmi/hypervisor.h"

/* General registers in the order of their encoding. */
struct gprs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* Of a guest that does not run. RAX and RSP are in the VMCB. A call has its own in the frame, but
 * for EAX, ESP, EIP and EFLAGS, and R8 to R11. */
struct guest_registers {
    struct gprs gpr;
    struct vmi_frame frame;
    volatile bool called; /* there is a message for the processor (processors.c) */
};

_Static_assert(offsetof(struct vmi_frame, edi) == 28 && sizeof(struct gprs) == 128 &&
                   offsetof(struct guest_registers, called) == 208,
               "host.asm");

/* Runs the guest forever. Calls on_exit at each exit, on_call at a VMMCALL outside long mode, and
 * on_message before the guest resumes, if `called` is set. The VMCB is given by its physical
 * address. */
typedef void run_fn(void *context);
_Noreturn void run_guest(struct guest_registers *registers, uint64_t vmcb, run_fn *on_exit,
                         run_fn *on_call, run_fn *on_message, void *context);

/* Once, up to the next exit: a guest that executes nothing, and so needs none of its registers. */
void enter_guest(uint64_t vmcb);

/* FS, GS, TR, LDTR and the MSRs of system calls: from the processor into the VMCB, and back. */
static inline void vmcb_save(uint64_t vmcb) {
    __asm__ volatile("vmsave %%rax" ::"a"(vmcb) : "memory");
}

static inline void vmcb_load(uint64_t vmcb) {
    __asm__ volatile("vmload %%rax" ::"a"(vmcb) : "memory");
}

/* The processor's CR2 is the guest's: run_guest loads it behind no call. */
void write_cr2(uint64_t value);

/* 0, or the vector of the fault that the instruction raises. */
uint8_t try_rdmsr(uint32_t msr, uint64_t *value);
uint8_t try_wrmsr(uint32_t msr, uint64_t value);
uint8_t try_rdpmc(uint32_t counter, uint64_t *value);

/* What arrived while the host accepted interrupts. For the controller it is in service. */
#define NO_VECTOR 0x100u
struct taken {
    uint64_t vector; /* an interrupt's, or NO_VECTOR */
    uint64_t nmi;    /* 1: one came */
};

/* Accepts what is pending, or waits until something arrives. */
struct taken take_interrupt(void);
struct taken wait_for_interrupt(void);
struct taken take_nmi(void);
struct taken wait_for_nmi(void);

/* An NMI's handler has returned: unblocks the next one. */
void unmask_nmi(void);

/* An entry for each vector, so many bytes apart. */
#define VECTOR_STRIDE 16u
extern const uint8_t host_vectors[];

#endif
