/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Counts the instructions of every call: run under QEMU with -icount shift=0, where the time-stamp
 * counter counts instructions. A slot's figure is from its first instruction to the one that leaves
 * it, and all that a hypervisor does in between. Paging is on, as it is when kernels call.
 *
 * Prints "bench SLOT NAME INSTRUCTIONS MADE": how often the call was made, for a hypervisor's
 * books.
 */

#include "call_names.h"
#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"

struct bench_regs {
    uint32_t eax, ecx, edx, ebx, esi, edi;
    uint32_t stack[2];
    uint32_t iret_frame; /* 1: to ring 0; 2: to ring 3 with the stack in ECX */
};

uint32_t measure(const struct bench_regs *regs, uint32_t target);
void bench_ret(void);
void bench_irq_stub(void);
void bench_int_stub(void);
void bench_user(void);

/* Instructions of the handlers that bring a call back (measure.asm). */
enum { IRQ_INSTRUCTIONS = 5, INT_INSTRUCTIONS = 3 };

static uint64_t entry[2] __attribute__((aligned(16)));
static uint8_t buffer[64] __attribute__((aligned(16)));
static struct descriptor_pointer pointer;
static uint32_t user_stack[64];
static uint32_t rom;

static uint32_t address(const volatile void *p) {
    return (uint32_t)p;
}

struct try {
    struct bench_regs regs;
    uint32_t target, ticks;
};

static void run(void *arg) {
    struct try *t = arg;
    t->ticks = measure(&t->regs, t->target);
}

/* The second call counts: with the first one page-table entries get their accessed and dirty bits.
 */
enum { MADE = 2 };

static void row(unsigned slot, const char *name, const char *variant, const struct bench_regs *regs,
                uint32_t extra) {
    struct try base = {*regs, address((const void *)bench_ret), 0},
               call = {*regs, rom + slot * 32, 0};
    struct guest_fault fault;
    int faulted = 0;
    base.regs.iret_frame = 0;
    run(&base);
    for (int i = 0; i < MADE; i++) {
        if (slot == VMI_CALL_SetTR)
            guest_gdt[SEL_TSS / 8] &= ~(0x200ull << 32); /* not busy */
        faulted = guest_try(run, &call, &fault);
    }
    if (faulted)
        guest_printf("bench %u %s%s fault %u %u\n", slot, name, variant, MADE, fault.frame.vector);
    else
        guest_printf("bench %u %s%s %u %u\n", slot, name, variant,
                     call.ticks - base.ticks + 1 - extra, MADE);
}

static void load_defaults(unsigned slot, struct bench_regs *r) {
    *r = (struct bench_regs){.eax = 0};
    switch (slot) {
    case VMI_CALL_WRMSR:
    case VMI_CALL_RDMSR:
        r->ecx = 0x174;
        r->eax = SEL_KCODE;
        break;
    case VMI_CALL_SetGDT:
    case VMI_CALL_GetGDT:
        __asm__("sgdt %0" : "=m"(pointer.limit));
        r->eax = address(&pointer.limit);
        break;
    case VMI_CALL_SetIDT:
    case VMI_CALL_GetIDT:
        __asm__("sidt %0" : "=m"(pointer.limit));
        r->eax = address(&pointer.limit);
        break;
    case VMI_CALL_SetTR:
        r->eax = SEL_TSS;
        break;
    case VMI_CALL_SetCR0:
        r->eax = read_cr0();
        break;
    case VMI_CALL_SetCR3:
        r->eax = read_cr3();
        break;
    case VMI_CALL_SetCR4:
        r->eax = read_cr4();
        break;
    case VMI_CALL_GetInterruptMask:
    case VMI_CALL_IRET:
        r->iret_frame = slot == VMI_CALL_IRET;
        break;
    case VMI_CALL_SYSEXIT:
        guest_idt[0x81] = guest_gate((const void *)bench_int_stub, 0xE, 3);
        r->edx = address((const void *)bench_user);
        r->ecx = address(user_stack + 60);
        break;
    case VMI_CALL_INB:
    case VMI_CALL_INW:
    case VMI_CALL_IN:
    case VMI_CALL_OUTB:
    case VMI_CALL_OUTW:
    case VMI_CALL_OUT:
    case VMI_CALL_INS:
    case VMI_CALL_INSB:
    case VMI_CALL_INSW:
    case VMI_CALL_OUTS:
    case VMI_CALL_OUTSB:
    case VMI_CALL_OUTSW:
        r->edx = 0x80;
        r->ecx = 1;
        r->esi = r->edi = address(buffer);
        break;
    case VMI_CALL_SetPxELong0:
    case VMI_CALL_SetPxELong:
    case VMI_CALL_SwapPxELongAtomic:
        r->ecx = address(entry);
        break;
    case VMI_CALL_SetPxE:
        r->edx = address(entry);
        break;
    case VMI_CALL_FlushTLB:
        r->eax = VMI_FLUSH_TLB;
        break;
    case VMI_CALL_GetRelocationInfo:
        r->eax = VMI_CALL_SetCR3;
        break;
    case VMI_CALL_CPUID:
    case VMI_CALL_GetCycleCounter:
    case VMI_CALL_GetDR:
    case VMI_CALL_SetDR:
    case VMI_CALL_SetLDT:
    case VMI_CALL_SetCR2:
    case VMI_CALL_SetIOPLMask:
        break;
    default:
        r->eax = address(entry);
        break;
    }
}

/* One timer interrupt is pending when Halt is called. */
static void bench_halt(const char *name, struct bench_regs *r) {
    uint64_t gate = guest_idt[0x20];
    guest_idt[0x20] = guest_gate((const void *)bench_irq_stub, 0xE, 0);
    for (int i = 0; i < 2; i++) { /* one for each reading */
        guest_pit_oneshot(10);
        guest_pic_unmask(0);
        while (!(guest_pic_pending() & 1))
            ;
    }
    struct try base = {*r, address((const void *)bench_ret), 0},
               call = {*r, rom + VMI_CALL_Halt * 32, 0};
    run(&base);
    run(&call);
    guest_pic_mask(0);
    guest_idt[0x20] = gate;
    guest_printf("bench %u %s %u 1\n", VMI_CALL_Halt, name,
                 call.ticks - base.ticks + 1 - IRQ_INSTRUCTIONS);
}

void guest_main(const char *cmdline) {
    struct rom_found found[8];
    struct guest_space space = guest_space_new(0);
    uint32_t count;
    (void)cmdline;
    rom = guest_find_rom(found, 8, &count);
    if (!rom) {
        guest_puts("bench: no ROM\n");
        guest_exit(1);
    }
    guest_sysenter_setup();
    guest_paging_on(&space);
    for (size_t i = 0; i < sizeof vmi_call_names / sizeof vmi_call_names[0]; i++) {
        unsigned slot = vmi_call_names[i].slot;
        const char *name = vmi_call_names[i].name;
        struct bench_regs r;
        load_defaults(slot, &r);
        if (slot == VMI_CALL_GetRelocationInfo)
            guest_paging_off(); /* else it looks for itself in the address space */
        if (slot == VMI_CALL_Reboot || slot == VMI_CALL_Shutdown)
            guest_printf("bench %u %s never 0\n", slot, name);
        else if (slot == VMI_CALL_Halt)
            bench_halt(name, &r);
        else
            row(slot, name, "", &r, slot == VMI_CALL_SYSEXIT ? INT_INSTRUCTIONS : 0);
        if (slot == VMI_CALL_GetRelocationInfo)
            guest_paging_on(&space);
        if (slot == VMI_CALL_SetTR || slot == VMI_CALL_SYSEXIT)
            guest_descriptors_reset();
        if (slot == VMI_CALL_IRET) {
            guest_idt[0x81] = guest_gate((const void *)bench_int_stub, 0xE, 3);
            r.iret_frame = 2;
            r.ecx = address(user_stack + 60);
            row(slot, name, "(user)", &r, INT_INSTRUCTIONS);
            guest_descriptors_reset();
        }
        if (slot == VMI_CALL_FlushTLB) {
            r.eax |= VMI_FLUSH_GLOBAL;
            write_cr4(read_cr4() | CR4_PGE);
            row(slot, name, "(global)", &r, 0);
            write_cr4(read_cr4() & ~(uint32_t)CR4_PGE);
        }
    }
    guest_puts("bench end\n");
    guest_exit(0);
}
