/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the files that serve the calls share: the handlers, named as the calls, and their tools. */
#ifndef CALLS_H
#define CALLS_H

#include "monitor.h"

#define CR0_TS  0x00000008u
#define CR4_DE  0x00000008u
#define CR4_PGE 0x00000080u

#define RFLAGS_DF   0x00000400u
#define RFLAGS_IOPL 0x00003000u
#define RFLAGS_NT   0x00004000u

/* calls_time.c: looks at the clocks once, before the guest has them. */
void start_time(void);

/* calls_time.c: cycles per second; 0 when nothing is known of them. */
uint64_t cycle_frequency(void);

/* calls_time.c: a timer and the cycle counter at one moment. */
struct sample {
    uint64_t tsc;
    uint32_t count;
};
struct sample sample_timer(uint32_t (*read)(void));

#define PIT_HZ 1193182u

/* alarms.c: without effect when the alarm cannot be served. */
void set_alarm(struct vcpu *vcpu, uint32_t counter, const struct alarm *alarm);

/* alarms.c: whether there was one. */
bool cancel_alarm(struct vcpu *vcpu, uint32_t counter);

/* guest_memory.c: the place of a linear address as the host sees it, good up to the end of the
 * page; it may be 0. False: vcpu->fault says what the guest gets. A write to a read-only page leads
 * elsewhere than a read. */
bool guest_linear(struct vcpu *vcpu, uint32_t linear, bool write, void **at);

/* guest_memory.c: whether all of the bytes can be reached; what a write will need is then done. */
bool guest_probe(struct vcpu *vcpu, uint32_t linear, uint32_t size, bool write);

/* The call ends in a fault, its registers as they were, EIP at the trap. */
static inline int call_faults(struct vcpu *vcpu, uint8_t vector, uint32_t error) {
    vcpu->fault.vector = vector;
    vcpu->fault.has_error = vector != VECTOR_DB && vector != VECTOR_UD;
    vcpu->fault.error = error;
    vcpu->fault.cr2 = 0;
    return VMI_ERROR_FAULT;
}

/* A descriptor of the guest's tables. */
struct descriptor {
    struct vmcb_segment segment; /* as it would be loaded */
    uint32_t at;                 /* linear */
};

#define SELECTOR_LDT   0x0004u
#define SELECTOR_INDEX 0xFFFCu /* with the table: an error code, and 0 of a null selector */

/* attrib */
#define TYPE_MASK       0x1Fu /* with S, clear in system descriptors */
#define TYPE_ACCESSED   0x01u
#define TYPE_WRITABLE   0x02u /* data */
#define TYPE_CONFORMING 0x04u /* code */
#define TYPE_CODE       0x08u
#define TYPE_S          0x10u
#define TYPE_LDT        0x02u
#define TYPE_TSS_16     0x01u
#define TYPE_TSS_32     0x09u
#define TYPE_TSS_BUSY   0x02u

/* calls_descriptor.c: reads one; #GP outside of its table. */
int read_descriptor(struct vcpu *vcpu, const struct vmi_frame *frame, uint16_t selector,
                    struct descriptor *descriptor);

/* calls_descriptor.c: sets bits of the type in memory, with the bus locked. */
int mark_descriptor(struct vcpu *vcpu, const struct descriptor *descriptor, uint8_t bits);

/* clang-format off */
vmi_handler call_none, call_zero;
/* calls_descriptor.c */
vmi_handler call_set_gdt, call_set_ldt, call_set_idt, call_set_tr, call_get_gdt, call_get_ldt,
            call_get_idt, call_get_tr, call_write_entry;
/* calls_control.c */
vmi_handler call_cpuid, call_wrmsr, call_rdmsr, call_rdpmc, call_set_cr0, call_set_cr2,
            call_set_cr3, call_set_cr4, call_get_cr0, call_get_cr2, call_get_cr3, call_get_cr4,
            call_clts, call_set_dr, call_get_dr, call_wbinvd, call_inval_page, call_flush_tlb;
/* calls_transfer.c */
vmi_handler call_enable_interrupts, call_disable_interrupts, call_get_interrupt_mask,
            call_set_interrupt_mask, call_set_iopl_mask, call_iret, call_sysexit, call_halt,
            call_reboot, call_shutdown;
/* calls_entry.c */
vmi_handler call_set_pxe0, call_set_pxe, call_get_pxe, call_swap_pxe, call_set_pxe_long,
            call_get_pxe_long, call_swap_pxe_long, call_deactivate_pxe_long, call_set_bit,
            call_clear_bit;
/* calls_port.c */
vmi_handler call_in, call_inb, call_inw, call_ins, call_insb, call_insw, call_out, call_outb,
            call_outw, call_outs, call_outsb, call_outsw, call_io_delay;
/* processors.c, watch.c */
vmi_handler call_set_initial_ap_state, call_set_linear_ap_state, call_apic_write,
            call_apic_write_offset, call_apic_read_offset;
/* calls_time.c */
vmi_handler call_rdtsc, call_get_cycle_frequency, call_get_cycle_counter,
            call_set_alarm, call_cancel_alarm, call_get_wallclock_time;
/* clang-format on */

#endif
