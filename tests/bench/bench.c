/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Counts the instructions of every call: run under QEMU with -icount shift=0, where the time-stamp
 * counter counts instructions. A slot's figure is from its first instruction to the one that leaves
 * it, and all that a hypervisor does in between. Paging is on, as it is when kernels call.
 *
 * Prints "bench SLOT NAME INSTRUCTIONS MADE": how often the call was made, for a hypervisor's
 * books. Command line api=3: the calls of API 3.0 where GetRelocationInfo says they are; for each
 * "asked NUMBER NAME TYPE INSTRUCTIONS", those of the question.
 */

#include "arguments.h"
#include "call_names.h"
#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

uint32_t measure(const struct bench_regs *regs, uint32_t target);
void bench_ret(void);
void bench_irq_stub(void);
void bench_int_stub(void);
void bench_user(void);

/* Instructions of the handlers that bring a call back (measure.asm). */
enum { IRQ_INSTRUCTIONS = 5, INT_INSTRUCTIONS = 3 };

static uint32_t user_stack[64];
static uint32_t rom;

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

static void row(unsigned slot, uint32_t target, const char *name, const char *variant,
                const struct bench_regs *regs, uint32_t extra) {
    struct try base = {*regs, (uint32_t)bench_ret, 0}, call = {*regs, target, 0};
    struct guest_fault fault;
    int faulted = 0;
    base.regs.iret_frame = 0;
    run(&base);
    for (int i = 0; i < MADE; i++) {
        if (slot == VMI_CALL_SetTR) {
            guest_gdt[SEL_TSS / 8] &= ~(0x200ull << 32); /* not busy */
        }
        faulted = guest_try(run, &call, &fault);
    }
    if (faulted) {
        guest_printf("bench %u %s%s fault %u %u\n", slot, name, variant, MADE, fault.frame.vector);
    } else {
        guest_printf("bench %u %s%s %u %u\n", slot, name, variant,
                     call.ticks - base.ticks + 1 - extra, MADE);
    }
}

/* One timer interrupt is pending when Halt is called. */
static void bench_halt(uint32_t target, const char *name, struct bench_regs *r) {
    uint64_t gate = guest_idt[0x20];
    guest_idt[0x20] = guest_gate((const void *)bench_irq_stub, 0xE, 0);
    for (int i = 0; i < 2; i++) { /* one for each reading */
        guest_pit_oneshot(10);
        guest_pic_unmask(0);
        while (!(guest_pic_pending() & 1)) {
            ;
        }
    }
    struct try base = {*r, (uint32_t)bench_ret, 0}, call = {*r, target, 0};
    run(&base);
    run(&call);
    guest_pic_mask(0);
    guest_idt[0x20] = gate;
    guest_printf("bench %u %s %u 1\n", VMI_CALL_Halt, name,
                 call.ticks - base.ticks + 1 - IRQ_INSTRUCTIONS);
}

static void bench_call(unsigned slot, uint32_t target, const char *name) {
    struct bench_regs r;
    bench_arguments(slot, &r);
    if (slot == VMI_CALL_SYSEXIT) {
        guest_idt[0x81] = guest_gate((const void *)bench_int_stub, 0xE, 3);
        r.edx = (uint32_t)bench_user;
        r.ecx = (uint32_t)(user_stack + 60);
    }
    if (slot == VMI_CALL_Reboot || slot == VMI_CALL_Shutdown) {
        guest_printf("bench %u %s never 0\n", slot, name);
    } else if (slot == VMI_CALL_Halt) {
        bench_halt(target, name, &r);
    } else {
        row(slot, target, name, "", &r, slot == VMI_CALL_SYSEXIT ? INT_INSTRUCTIONS : 0);
    }
    if (slot == VMI_CALL_SetTR || slot == VMI_CALL_SYSEXIT) {
        guest_descriptors_reset();
    }
    if (slot == VMI_CALL_IRET) {
        guest_idt[0x81] = guest_gate((const void *)bench_int_stub, 0xE, 3);
        r.iret_frame = 2;
        r.ecx = (uint32_t)(user_stack + 60);
        row(slot, target, name, "(user)", &r, INT_INSTRUCTIONS);
        guest_descriptors_reset();
    }
    if (slot == VMI_CALL_FlushTLB) {
        r.eax |= VMI_FLUSH_GLOBAL;
        write_cr4(read_cr4() | CR4_PGE);
        row(slot, target, name, "(global)", &r, 0);
        write_cr4(read_cr4() & ~(uint32_t)CR4_PGE);
    }
}

static void bench_api13(const struct guest_space *space) {
    for (size_t i = 0; i < sizeof(vmi_call_names) / sizeof(vmi_call_names[0]); i++) {
        unsigned slot = vmi_call_names[i].slot;
        if (slot == VMI_CALL_GetRelocationInfo) {
            guest_paging_off(); /* else it looks for itself in the address space */
        }
        bench_call(slot, rom + slot * 32, vmi_call_names[i].name);
        if (slot == VMI_CALL_GetRelocationInfo) {
            guest_paging_on(space);
        }
    }
}

/* The question is asked without paging: it is answered with the plain address then. */
static void bench_api3(const struct guest_space *space) {
    uint32_t get_reloc = rom + offsetof(struct vmi_rom_header_3, get_reloc);
    for (unsigned n = 0; n < sizeof(vmi3_call_names) / sizeof(vmi3_call_names[0]); n++) {
        const char *name = vmi3_call_names[n].name;
        struct try base = {{.eax = n}, (uint32_t)bench_ret, 0}, ask = {{.eax = n}, get_reloc, 0};
        uint32_t target, type;
        guest_paging_off();
        run(&base);
        run(&ask);
        __asm__ volatile("call *%3"
                         : "=a"(target), "=d"(type)
                         : "a"(n), "r"(get_reloc)
                         : "ecx", "memory", "cc");
        guest_paging_on(space);
        guest_printf("asked %u %s %u %u\n", n, name, type & 0xFF, ask.ticks - base.ticks + 1);
        if ((type & 0xFF) == VMI_RELOCATION_CALL_REL || (type & 0xFF) == VMI_RELOCATION_JUMP_REL) {
            bench_call(vmi3_call_names[n].slot, target, name);
        }
    }
}

void guest_main(const char *cmdline) {
    struct rom_found found[8];
    struct guest_space space = guest_space_new(0);
    uint32_t count;
    char api[3];
    int is_3 = guest_option(cmdline, "api", api, sizeof(api)) && strcmp(api, "3") == 0;
    rom = guest_find_rom_of(is_3 ? VMI_API_MAJOR_3 : VMI_API_MAJOR_13, found, 8, &count);
    if (!rom) {
        guest_puts("bench: no ROM\n");
        guest_exit(1);
    }
    guest_sysenter_setup();
    guest_paging_on(&space);
    if (is_3) {
        bench_api3(&space);
    } else {
        bench_api13(&space);
    }
    guest_puts("bench end\n");
    guest_exit(0);
}
