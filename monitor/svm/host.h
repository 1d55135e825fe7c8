/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the host does in assembly. */
#ifndef MONITOR_HOST_H
#define MONITOR_HOST_H

#include <stdint.h>

/* General registers in the order of their encoding. */
struct gprs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* Runs the guest up to its next exit. The VMCB is named by its physical address. */
void run_guest(struct gprs *gpr, uint64_t vmcb);

/* FS, GS, TR, LDTR and the MSRs of system calls: from the processor into the VMCB, and back. */
void vmcb_save(uint64_t vmcb);
void vmcb_load(uint64_t vmcb);

/* 0, or the vector of the fault that the instruction raises. */
uint8_t try_rdmsr(uint32_t msr, uint64_t *value);
uint8_t try_wrmsr(uint32_t msr, uint64_t value);
uint8_t try_rdpmc(uint32_t counter, uint64_t *value);

/* What came while the host was open to interrupts. The controller sees it as taken. */
#define NO_VECTOR 0x100u
struct taken {
    uint64_t vector; /* an interrupt's, or NO_VECTOR */
    uint64_t nmi;    /* 1: one came */
};

/* Opens the host, to what is pending, or until something comes. */
struct taken take_interrupt(void);
struct taken wait_for_interrupt(void);
struct taken take_nmi(void);
struct taken wait_for_nmi(void);

/* An NMI's handler has come to its end: the next one may come. */
void unmask_nmi(void);

/* An entry for each vector, so many bytes apart. */
#define VECTOR_STRIDE 16u
extern const uint8_t host_vectors[];

#endif
