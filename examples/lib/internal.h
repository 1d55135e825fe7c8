/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Internal interfaces of the library; kernels use guest.h only. */
#ifndef GUEST_INTERNAL_H
#define GUEST_INTERNAL_H

#include "guest.h"

/* glue.asm */
extern uint8_t guest_vector_stubs[];
extern uint32_t guest_try_esp, guest_enter_esp;
void guest_try_resume(void) __attribute__((noreturn));
void guest_enter_resume(uint32_t vector) __attribute__((noreturn));
void guest_double_fault_entry(void);
extern const uint8_t guest_ap_trampoline[], guest_ap_trampoline_end[];
extern const uint8_t guest_ap_gdt_pointer[];
extern uint32_t guest_ap_stack_top;

/* start.asm */
extern uint8_t guest_stack_top[];

/* trap.c; called from assembly */
extern uint8_t guest_idt_pointer[6];
void guest_start(const char *cmdline);
void guest_trap(struct trap_frame *frame);
void guest_double_fault(void);
void guest_double_fault_space(uint32_t cr3);

/* irq.c */
void guest_pic_init(void);
int guest_irq_is_real(uint8_t line);
void guest_irq_acknowledge(uint8_t line);

/* smp.c; called from assembly */
void guest_ap_main(void);

#endif
