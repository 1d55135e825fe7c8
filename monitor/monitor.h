/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The reference hypervisor: what its files share. docs/monitor.md gives the reading order. */
#ifndef MONITOR_H
#define MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "launch.h"
#include "svm.h"
#include "vmi/api.h"
#include "vmi/hypervisor.h"

#define PAGE_SIZE      4096u
#define MAX_PROCESSORS 8u /* launch.asm says the same */
#define STEP_PAGES     2u /* that one access can touch */

#define PORT_PIT_0      0x40u
#define PORT_QEMU_EXIT  0xF4u /* isa-debug-exit, as the guests here have it */
#define PORT_BOCHS_EXIT 0x8900u

/* General registers in the order of their encoding. */
struct gprs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* What the guest is to be given when a served call ends in VMI_ERROR_FAULT. */
struct fault {
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t cr2; /* of #PF */
};

/* Exits by reason. */
enum exit_reason {
    EXIT_CPUID,
    EXIT_MSR,
    EXIT_VMMCALL, /* all: served, and refused with #UD */
    EXIT_SVM,     /* VMRUN and its kin: #UD */
    EXIT_NPF,     /* a write to a watched page */
    EXIT_STEP,    /* ... has been done, or not */
    EXIT_IOIO,    /* the guest ends its emulator, or takes the PIT that an alarm had */
    EXIT_INTR,    /* an interrupt while an alarm is set */
    EXIT_REASONS
};

/* SetAlarm's. */
struct alarm {
    bool armed;
    bool lvtt;       /* comes as the local APIC timer, else as IRQ0 */
    uint64_t expiry; /* of the host's TSC */
    uint64_t period; /* 0: it fires once */
};

/* One processor of the guest. */
struct vcpu {
    unsigned number; /* 0: the processor that boots */
    struct gprs gpr; /* RAX and RSP are in the VMCB */
    uint64_t vmcb_address;
    struct vmcb *vmcb; /* all of the rest; while a call is served also what VMSAVE stores */
    struct fault fault;
    uint32_t exits[EXIT_REASONS];
    uint32_t calls[VMI_CALL_SLOTS]; /* served */
    struct {                        /* watch.c: a write to a watched page */
        bool on;                    /* it runs alone */
        unsigned count;             /* pages open to it */
        uint64_t pages[STEP_PAGES];
        uint64_t rflags, dr6; /* before it */
        uint32_t *value, reg; /* of the local APIC */
    } step;
    bool apic_timer_runs; /* for an alarm */
    struct alarm alarms[VMI_ALARM_COUNTERS];
};

/* calls.c: one handler for each call; the context is the struct vcpu. A handler changes the frame
 * for general registers, EIP, ESP and EFLAGS and the VMCB for all else: segments, tables, control
 * and debug registers, MSRs that VMSAVE stores. */
extern const struct vmi_handlers monitor_handlers;

/* guest_memory.c: guest memory by linear address, with the rights of the guest's supervisor. On
 * failure vcpu->fault says what the guest gets. The context is the struct vcpu. */
extern const struct vmi_guest monitor_guest;

/* memory.c: guest-physical memory as the guest sees it, by the nested tables: our own memory is the
 * decoy, and writes to the published ROM and to a watched local APIC go to a page that nobody
 * reads; where there is nothing for certain, the decoy is too. Good up to the end of the page. */
void *guest_physical(uint64_t address, bool write);

/* Asks that the guest's TLB entries be gone at the next VMRUN. */
static inline void flush_guest_tlb(struct vcpu *vcpu) {
    vcpu->vmcb->tlb_control = TLB_FLUSH;
}

/* host.asm: runs the guest up to its next exit. */
void run_guest(struct gprs *gpr, uint64_t vmcb);
void vmcb_save(uint64_t vmcb);
void vmcb_load(uint64_t vmcb);

/* host.asm: 0, or the vector of the fault that the instruction raises. */
uint8_t try_rdmsr(uint32_t msr, uint64_t *value);
uint8_t try_wrmsr(uint32_t msr, uint64_t value);
uint8_t try_rdpmc(uint32_t counter, uint64_t *value);

/* What came while the host was open to interrupts. The controller sees it as taken. */
#define NO_VECTOR 0x100u
struct taken {
    uint64_t vector; /* an interrupt's, or NO_VECTOR */
    uint64_t nmi;    /* 1: one came */
};

/* host.asm: opens the host, to what is pending, or until something comes. */
struct taken take_interrupt(void);
struct taken wait_for_interrupt(void);
struct taken wait_for_nmi(void);

/* main.c: takes the processor out of service for good. */
_Noreturn void stop(void);

/* main.c: all that have been underneath. */
extern struct vcpu vcpus[MAX_PROCESSORS];
/* main.c: whether the guest's accesses to the port exit. */
void intercept_port(uint16_t port, bool on);

/* main.c: what the option ROM says to guests through CPUID: no PMM, so INT 15h is hooked. */
struct bios_hook {
    uint32_t block, reserved; /* what INT 15h must not give away; 0: nothing */
    uint32_t int15;           /* the BIOS's vector */
};
extern struct bios_hook bios_hook;

/* exits.c: serves the exit that run_guest has come back with. */
void handle_exit(struct vcpu *vcpu);

/* exits.c: gives the guest what has been taken; false when nothing of it is for the guest. */
bool deliver_taken(struct vcpu *vcpu, struct taken taken);

/* exits.c: what the guest meets first when it goes on. */
void deliver_exception(struct vcpu *vcpu, const struct fault *fault);

/* exits.c: CPUID as the guest sees it, for the exit and for the call. */
struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};
struct cpuid guest_cpuid(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf);

/* exits.c: the MSRs as the guest sees them; false: #GP. */
bool guest_rdmsr(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool guest_wrmsr(struct vcpu *vcpu, uint32_t msr, uint64_t value);

/* publish.c: where and how the ROMs of both APIs are published. */
extern struct vmi_publication publications[APIS];

/* exits.c: resets or ends the machine, as the chip set would. Do not return. */
_Noreturn void reset_machine(void);

/* alarms.c: whether the guest gets the interrupt. Else it was an interim expiry and is done with.
 */
bool is_for_guest(struct vcpu *vcpu, uint8_t vector);

/* alarms.c: the guest programs the PIT's channel 0 itself, which is its own from then on. */
void guest_takes_pit(void);

/* exits.c: the guest is about to end its emulator, the last moment for figures. Its ports are left
 * alone from here on. */
void on_last_port(struct vcpu *vcpu);

/* debug.c: port E9h and COM1. */
void say(const char *text);
void say_hex(uint64_t value, unsigned digits);
void say_exits(void);
extern bool tracing;
void trace_exit(const struct vcpu *vcpu);

static inline uint64_t rdmsr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* The cycle counter. The guest's own TSC may have been set. */
static inline uint64_t read_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return low | (uint64_t)high << 32;
}

static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#endif
