/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Every handler does its call on the engine's processor by its register interface. What that
 * interface cannot do (leave for another ring, halt, read the counter) is done by the monitor's own
 * code in ring 0, to which the guest is sent.
 */

#include <string.h>

#include "hypervisor.h"

/* The monitor's code: one 16-byte place each. */
enum {
    CODE_IRET_SAME,
    CODE_IRET,
    CODE_SYSEXIT,
    CODE_HALT,
    CODE_STOP,
    CODE_CPUID,
    CODE_RDTSC,
    CODES
};
static const uint8_t monitor_code[CODES][16] = {
    [CODE_IRET_SAME] = {0x83, 0xC4, 0x04, 0xCF}, /* add esp,4; iretd */
    [CODE_IRET] = {0xCF},                        /* iretd */
    [CODE_SYSEXIT] = {0xFB, 0x0F, 0x35},         /* sti; sysexit */
    [CODE_HALT] = {0xFB, 0xF4, 0xC3},            /* sti; hlt; ret */
    [CODE_STOP] = {0xFA, 0xF4, 0xEB, 0xFD},      /* cli; hlt; jmp back */
    [CODE_CPUID] = {0x0F, 0xA2, 0xC3},           /* cpuid; ret */
    [CODE_RDTSC] = {0x0F, 0x31, 0xC3},           /* rdtsc; ret */
};
#define MONITOR_STACK (MONITOR + 0x800)

static int continue_at(struct vmi_frame *f, int code) {
    f->eip = MONITOR + (uint32_t)code * 16;
    return VMI_TRANSFERS;
}

static int nothing(void *context, struct vmi_frame *f) {
    (void)context, (void)f;
    return VMI_RETURNS;
}

static int zero(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, 0);
    return VMI_RETURNS;
}

static int zero_pair(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, 0);
    return VMI_RETURNS;
}

/* --- processor --- */

static int cpuid(void *context, struct vmi_frame *f) {
    (void)context;
    return continue_at(f, CODE_CPUID);
}

static int wrmsr(void *context, struct vmi_frame *f) {
    struct machine *m = context;
    uc_x86_msr msr = {.rid = f->ecx, .value = f->eax | (uint64_t)f->edx << 32};
    uc_reg_write(m->uc, UC_X86_REG_MSR, &msr);
    return VMI_RETURNS;
}

static int rdmsr(void *context, struct vmi_frame *f) {
    struct machine *m = context;
    uc_x86_msr msr = {.rid = f->ecx};
    uc_reg_read(m->uc, UC_X86_REG_MSR, &msr);
    vmi_return_edx_eax(f, msr.value);
    return VMI_RETURNS;
}

static int rdpmc(void *context, struct vmi_frame *f) {
    struct machine *m = context;
    vmi_return_edx_eax(f, m->rdpmc_value ^ f->ecx);
    return VMI_RETURNS;
}

static int rdtsc(void *context, struct vmi_frame *f) {
    (void)context;
    return continue_at(f, CODE_RDTSC);
}

static int get_cycle_counter(void *context, struct vmi_frame *f) {
    return f->eax <= 1 ? rdtsc(context, f) : zero_pair(context, f);
}

/* --- descriptor tables --- */

static uint32_t bytes_to_dword(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int set_table(struct machine *m, struct vmi_frame *f, int id) {
    uint8_t dtr[6];
    int error = vmi_guest_read(f, f->eax, dtr, sizeof(dtr));
    if (error) {
        return error;
    }
    uc_x86_mmr mmr = {.base = bytes_to_dword(dtr + 2), .limit = dtr[0] | (uint32_t)dtr[1] << 8};
    uc_reg_write(m->uc, id, &mmr);
    return VMI_RETURNS;
}

static int get_table(struct machine *m, struct vmi_frame *f, int id) {
    uc_x86_mmr mmr = {0};
    uc_reg_read(m->uc, id, &mmr);
    uint8_t dtr[6] = {(uint8_t)mmr.limit,        (uint8_t)(mmr.limit >> 8),
                      (uint8_t)mmr.base,         (uint8_t)(mmr.base >> 8),
                      (uint8_t)(mmr.base >> 16), (uint8_t)(mmr.base >> 24)};
    return vmi_guest_write(f, f->eax, dtr, sizeof(dtr));
}

static int set_gdt(void *context, struct vmi_frame *f) {
    return set_table(context, f, UC_X86_REG_GDTR);
}

static int set_idt(void *context, struct vmi_frame *f) {
    return set_table(context, f, UC_X86_REG_IDTR);
}

static int get_gdt(void *context, struct vmi_frame *f) {
    return get_table(context, f, UC_X86_REG_GDTR);
}

static int get_idt(void *context, struct vmi_frame *f) {
    return get_table(context, f, UC_X86_REG_IDTR);
}

static int set_selector(struct machine *m, uint16_t selector, int id) {
    uc_x86_mmr mmr = {
        .selector = selector, .base = id == UC_X86_REG_TR ? TSS_BASE : DATA_BASE, .limit = 0x67};
    mmr.flags = id == UC_X86_REG_TR ? 0x8B00 : 0x8200;
    uc_reg_write(m->uc, id, &mmr);
    return VMI_RETURNS;
}

static int get_selector(struct machine *m, struct vmi_frame *f, int id) {
    uc_x86_mmr mmr = {0};
    uc_reg_read(m->uc, id, &mmr);
    vmi_return_eax(f, mmr.selector);
    return VMI_RETURNS;
}

static int set_ldt(void *context, struct vmi_frame *f) {
    return set_selector(context, (uint16_t)f->eax, UC_X86_REG_LDTR);
}

static int get_ldt(void *context, struct vmi_frame *f) {
    return get_selector(context, f, UC_X86_REG_LDTR);
}

static int set_tr(void *context, struct vmi_frame *f) {
    struct machine *m = context;
    uc_x86_mmr gdtr = {0};
    uint8_t access;
    uc_reg_read(m->uc, UC_X86_REG_GDTR, &gdtr);
    uint32_t at = (uint32_t)gdtr.base + (f->eax & 0xFFF8) + 5;
    int error = vmi_guest_read(f, at, &access, 1);
    if (error) {
        return error;
    }
    access |= 2; /* busy */
    error = vmi_guest_write(f, at, &access, 1);
    return error ? error : set_selector(m, (uint16_t)f->eax, UC_X86_REG_TR);
}

static int get_tr(void *context, struct vmi_frame *f) {
    return get_selector(context, f, UC_X86_REG_TR);
}

static int write_entry(void *context, struct vmi_frame *f) {
    (void)context;
    uint32_t high;
    int error = vmi_argument_stack(f, 0, &high);
    if (!error) {
        error = vmi_guest_write(f, f->eax + f->edx * 8, &f->ecx, 4);
    }
    return error ? error : vmi_guest_write(f, f->eax + f->edx * 8 + 4, &high, 4);
}

/* --- control and debug registers --- */

static int set_cr(void *context, struct vmi_frame *f) {
    static const int ids[] = {UC_X86_REG_CR0, UC_X86_REG_CR2, UC_X86_REG_CR3, UC_X86_REG_CR4};
    machine_put(context, ids[f->slot - 20], f->eax); /* slots 20 to 23 */
    return VMI_RETURNS;
}

static int get_cr(void *context, struct vmi_frame *f) {
    static const int ids[] = {UC_X86_REG_CR0, UC_X86_REG_CR2, UC_X86_REG_CR3, UC_X86_REG_CR4};
    vmi_return_eax(f, machine_get(context, ids[f->slot - 24])); /* slots 24 to 27 */
    return VMI_RETURNS;
}

static int dr_id(uint32_t n) {
    return UC_X86_REG_DR0 + (int)(n == 4 || n == 5 ? n + 2 : n);
}

static int set_dr(void *context, struct vmi_frame *f) {
    if (f->eax <= 7) {
        machine_put(context, dr_id(f->eax), f->edx);
    }
    return VMI_RETURNS;
}

static int get_dr(void *context, struct vmi_frame *f) {
    vmi_return_eax(f, f->eax <= 7 ? machine_get(context, dr_id(f->eax)) : 0);
    return VMI_RETURNS;
}

static int clts(void *context, struct vmi_frame *f) {
    (void)f;
    machine_put(context, UC_X86_REG_CR0, machine_get(context, UC_X86_REG_CR0) & ~8u);
    return VMI_RETURNS;
}

/* --- interrupt flag and transitions --- */

static int enable_interrupts(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags |= EFLAGS_IF;
    return VMI_RETURNS;
}

static int disable_interrupts(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags &= ~EFLAGS_IF;
    return VMI_RETURNS;
}

static int get_interrupt_mask(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, f->eflags & EFLAGS_IF);
    return VMI_RETURNS;
}

static int set_interrupt_mask(void *context, struct vmi_frame *f) {
    return f->eax & EFLAGS_IF ? enable_interrupts(context, f) : disable_interrupts(context, f);
}

/* The guest's frame is copied to the monitor's stack, but for a return within ring 0, which keeps
 * the stack. */
static int iret(void *context, struct vmi_frame *f) {
    struct machine *m = context;
    struct vmi_iret i;
    int error = vmi_iret_read(f, &i);
    if (error) {
        return error;
    }
    if (i.dwords == 3) {
        return continue_at(f, CODE_IRET_SAME);
    }
    uint32_t frame[9] = {i.eip, i.cs, i.eflags, i.esp, i.ss, i.es, i.ds, i.fs, i.gs};
    uc_mem_write(m->uc, MONITOR_STACK, frame, i.dwords * 4u);
    f->ss = SEL_DATA;
    f->esp = MONITOR_STACK;
    return continue_at(f, CODE_IRET);
}

static int sysexit(void *context, struct vmi_frame *f) {
    (void)context;
    return continue_at(f, CODE_SYSEXIT);
}

static int set_iopl_mask(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags = (f->eflags & ~EFLAGS_IOPL) | (f->eax & EFLAGS_IOPL);
    return VMI_RETURNS;
}

/* --- processor state --- */

static int halt(void *context, struct vmi_frame *f) {
    (void)context;
    return continue_at(f, CODE_HALT);
}

static int shutdown(void *context, struct vmi_frame *f) {
    (void)context;
    continue_at(f, CODE_STOP);
    return VMI_STOPS;
}

static int reboot(void *context, struct vmi_frame *f) {
    struct machine *m = context;
    m->stop = STOP_RESET;
    m->exception = f->eax; /* which kind */
    return VMI_STOPS;
}

/* --- page-table entries --- */

/* As the processor's: another one may change the entry between two looks at it. */
static int read_pair(struct vmi_frame *f, uint32_t at, uint32_t pair[2]) {
    uint32_t again;
    do {
        int error = vmi_guest_read(f, at, &pair[0], 4);
        if (!error) {
            error = vmi_guest_read(f, at + 4, &pair[1], 4);
        }
        if (!error) {
            error = vmi_guest_read(f, at, &again, 4);
        }
        if (error) {
            return error;
        }
    } while (again != pair[0]);
    return 0;
}

static int set_pxe0(void *context, struct vmi_frame *f) {
    (void)context;
    return vmi_guest_write(f, f->eax, &f->edx, 4);
}

static int set_pxe(void *context, struct vmi_frame *f) {
    (void)context;
    return vmi_guest_write(f, f->edx, &f->eax, 4);
}

static int get_pxe(void *context, struct vmi_frame *f) {
    (void)context;
    uint32_t value;
    int error = vmi_guest_read(f, f->eax, &value, 4);
    if (!error) {
        vmi_return_eax(f, value);
    }
    return error;
}

static int swap_pxe(void *context, struct vmi_frame *f) {
    (void)context;
    uint32_t old;
    int error = vmi_guest_read(f, f->eax, &old, 4);
    if (!error) {
        error = vmi_guest_write(f, f->eax, &f->edx, 4);
    }
    if (!error) {
        vmi_return_eax(f, old);
    }
    return error;
}

static int set_pxe_long(void *context, struct vmi_frame *f) {
    (void)context;
    int error = vmi_guest_write(f, f->ecx + 4, &f->edx, 4);
    return error ? error : vmi_guest_write(f, f->ecx, &f->eax, 4);
}

static int get_pxe_long(void *context, struct vmi_frame *f) {
    (void)context;
    uint32_t pair[2];
    int error = read_pair(f, f->eax, pair);
    if (!error) {
        vmi_return_edx_eax(f, pair[0] | (uint64_t)pair[1] << 32);
    }
    return error;
}

static int swap_pxe_long(void *context, struct vmi_frame *f) {
    (void)context;
    uint32_t old[2], entry[2] = {f->eax, f->edx};
    int error = read_pair(f, f->ecx, old);
    if (!error) {
        error = vmi_guest_write(f, f->ecx, entry, sizeof(entry));
    }
    if (!error) {
        vmi_return_edx_eax(f, old[0] | (uint64_t)old[1] << 32);
    }
    return error;
}

static int deactivate(void *context, struct vmi_frame *f) {
    (void)context;
    uint32_t old[2], none = 0, ptep = f->eax;
    int error = read_pair(f, ptep, old);
    if (!error) {
        error = vmi_guest_write(f, ptep, &none, 4);
    }
    if (!error) {
        error = vmi_guest_write(f, ptep + 4, &none, 4);
    }
    if (!error) {
        vmi_return_edx_eax(f, old[0] | (uint64_t)old[1] << 32);
    }
    return error;
}

static int change_bit(struct vmi_frame *f, bool set) {
    uint32_t at = f->eax + f->edx / 32 * 4, mask = 1u << f->edx % 32, old;
    int error = vmi_guest_read(f, at, &old, 4);
    uint32_t entry = set ? old | mask : old & ~mask;
    if (!error) {
        error = vmi_guest_write(f, at, &entry, 4);
    }
    if (!error) {
        vmi_return_eax(f, (old & mask) != 0);
    }
    return error;
}

static int set_bit(void *context, struct vmi_frame *f) {
    (void)context;
    return change_bit(f, true);
}

static int clear_bit(void *context, struct vmi_frame *f) {
    (void)context;
    return change_bit(f, false);
}

/* --- ports --- */

static int in(struct machine *m, struct vmi_frame *f, uint8_t size) {
    uint32_t value = machine_in(m, (uint16_t)f->edx, size);
    if (size == 1) {
        vmi_return_al(f, (uint8_t)value);
    } else if (size == 2) {
        vmi_return_ax(f, (uint16_t)value);
    } else {
        vmi_return_eax(f, value);
    }
    return VMI_RETURNS;
}

static int in_dword(void *context, struct vmi_frame *f) {
    return in(context, f, 4);
}

static int in_byte(void *context, struct vmi_frame *f) {
    return in(context, f, 1);
}

static int in_word(void *context, struct vmi_frame *f) {
    return in(context, f, 2);
}

static int out_dword(void *context, struct vmi_frame *f) {
    machine_out(context, (uint16_t)f->edx, 4, f->eax);
    return VMI_RETURNS;
}

static int out_byte(void *context, struct vmi_frame *f) {
    machine_out(context, (uint16_t)f->edx, 1, f->eax);
    return VMI_RETURNS;
}

static int out_word(void *context, struct vmi_frame *f) {
    machine_out(context, (uint16_t)f->edx, 2, f->eax);
    return VMI_RETURNS;
}

static int ins(struct machine *m, struct vmi_frame *f, uint8_t size) {
    for (; f->ecx; f->ecx--, f->edi += size) {
        uint32_t value = machine_in(m, (uint16_t)f->edx, size);
        int error = vmi_guest_write(f, f->edi, &value, size);
        if (error) {
            return error;
        }
    }
    return VMI_RETURNS;
}

static int outs(struct machine *m, struct vmi_frame *f, uint8_t size) {
    for (; f->ecx; f->ecx--, f->esi += size) {
        uint32_t value = 0;
        int error = vmi_guest_read(f, f->esi, &value, size);
        if (error) {
            return error;
        }
        machine_out(m, (uint16_t)f->edx, size, value);
    }
    return VMI_RETURNS;
}

static int ins_dword(void *context, struct vmi_frame *f) {
    return ins(context, f, 4);
}

static int ins_byte(void *context, struct vmi_frame *f) {
    return ins(context, f, 1);
}

static int ins_word(void *context, struct vmi_frame *f) {
    return ins(context, f, 2);
}

static int outs_dword(void *context, struct vmi_frame *f) {
    return outs(context, f, 4);
}

static int outs_byte(void *context, struct vmi_frame *f) {
    return outs(context, f, 1);
}

static int outs_word(void *context, struct vmi_frame *f) {
    return outs(context, f, 2);
}

static int io_delay(void *context, struct vmi_frame *f) {
    machine_out(context, 0x80, 1, f->eax);
    return VMI_RETURNS;
}

static const struct vmi_handlers all_handlers = {
    .CPUID = cpuid,
    .WRMSR = wrmsr,
    .RDMSR = rdmsr,
    .SetGDT = set_gdt,
    .SetLDT = set_ldt,
    .SetIDT = set_idt,
    .SetTR = set_tr,
    .GetGDT = get_gdt,
    .GetLDT = get_ldt,
    .GetIDT = get_idt,
    .GetTR = get_tr,
    .WriteGDTEntry = write_entry,
    .WriteLDTEntry = write_entry,
    .WriteIDTEntry = write_entry,
    .UpdateKernelStack = nothing,
    .SetCR0 = set_cr,
    .SetCR2 = set_cr,
    .SetCR3 = set_cr,
    .SetCR4 = set_cr,
    .GetCR0 = get_cr,
    .GetCR2 = get_cr,
    .GetCR3 = get_cr,
    .GetCR4 = get_cr,
    .INVD = nothing,
    .WBINVD = nothing,
    .SetDR = set_dr,
    .GetDR = get_dr,
    .RDPMC = rdpmc,
    .RDTSC = rdtsc,
    .CLTS = clts,
    .EnableInterrupts = enable_interrupts,
    .DisableInterrupts = disable_interrupts,
    .GetInterruptMask = get_interrupt_mask,
    .SetInterruptMask = set_interrupt_mask,
    .IRET = iret,
    .SYSEXIT = sysexit,
    .Pause = nothing,
    .Halt = halt,
    .Reboot = reboot,
    .Shutdown = shutdown,
    .SetPxE0 = set_pxe0,
    .GetPxE = get_pxe,
    .SwapPxE = swap_pxe,
    .SetPxELong0 = set_pxe_long,
    .GetPxELong = get_pxe_long,
    .SwapPxELongAtomic = swap_pxe_long,
    .TestAndSetPxEBit = set_bit,
    .TestAndClearPxEBit = clear_bit,
    .AllocatePage = nothing,
    .ReleasePage = nothing,
    .InvalPage = nothing,
    .FlushTLB = nothing,
    .FlushDeferredCalls = zero,
    .SetLinearMapping = nothing,
    .IN = in_dword,
    .INB = in_byte,
    .INW = in_word,
    .INS = ins_dword,
    .INSB = ins_byte,
    .INSW = ins_word,
    .OUT = out_dword,
    .OUTB = out_byte,
    .OUTW = out_word,
    .OUTS = outs_dword,
    .OUTSB = outs_byte,
    .OUTSW = outs_word,
    .SetIOPLMask = set_iopl_mask,
    .DeactivatePxELongAtomic = deactivate,
    .TestAndSetPxELongBit = set_bit,
    .TestAndClearPxELongBit = clear_bit,
    .SetInitialAPState = nothing,
    .APICWrite = set_pxe0, /* memory stands for the local APIC here */
    .APICRead = get_pxe,
    .IODelay = io_delay,
    .GetCycleFrequency = zero_pair,
    .GetCycleCounter = get_cycle_counter,
    .SetAlarm = nothing,
    .CancelAlarm = zero,
    .GetWallclockTime = zero_pair,
    .WallclockUpdated = zero,
    .SetPxE = set_pxe,
    .SetPxELong = set_pxe_long,
    .UpdateKernelStack3 = nothing,
    .UpdatePxE = nothing,
    .UpdatePxELong = nothing,
    .MachineToPhysical = nothing,
    .PhysicalToMachine = nothing,
    .AllocatePage3 = nothing,
    .ReleasePage3 = nothing,
    .SetInitialAPState3 = nothing,
    .APICWrite3 = nothing, /* the suite asks for no more */
    .APICRead3 = nothing,
    .SetLazyMode = nothing,
};

/* --- below the machine --- */

static bool guest_read(void *context, uint32_t linear, void *to, uint32_t size) {
    return machine_read(context, linear, to, size);
}

static bool guest_write(void *context, uint32_t linear, const void *from, uint32_t size) {
    return machine_write(context, linear, from, size);
}

static const struct vmi_guest guest = {.read = guest_read, .write = guest_write};

static void load_frame(struct machine *m, struct vmi_frame *f) {
    *f = (struct vmi_frame){
        .eax = machine_get(m, UC_X86_REG_EAX),
        .ecx = machine_get(m, UC_X86_REG_ECX),
        .edx = machine_get(m, UC_X86_REG_EDX),
        .ebx = machine_get(m, UC_X86_REG_EBX),
        .esp = machine_get(m, UC_X86_REG_ESP),
        .ebp = machine_get(m, UC_X86_REG_EBP),
        .esi = machine_get(m, UC_X86_REG_ESI),
        .edi = machine_get(m, UC_X86_REG_EDI),
        .eip = machine_get(m, UC_X86_REG_EIP),
        .eflags = machine_get(m, UC_X86_REG_EFLAGS),
        .es = (uint16_t)machine_get(m, UC_X86_REG_ES),
        .cs = (uint16_t)machine_get(m, UC_X86_REG_CS),
        .ss = (uint16_t)machine_get(m, UC_X86_REG_SS),
        .ds = (uint16_t)machine_get(m, UC_X86_REG_DS),
        .fs = (uint16_t)machine_get(m, UC_X86_REG_FS),
        .gs = (uint16_t)machine_get(m, UC_X86_REG_GS),
    };
    if (f->ss == SEL_STACK16) {
        f->ss_16bit = true;
        f->ss_base = STACK16_BASE;
    }
}

static void store_frame(struct machine *m, const struct vmi_frame *f, uint16_t old_ss) {
    machine_put(m, UC_X86_REG_EAX, f->eax);
    machine_put(m, UC_X86_REG_ECX, f->ecx);
    machine_put(m, UC_X86_REG_EDX, f->edx);
    machine_put(m, UC_X86_REG_EBX, f->ebx);
    if (f->ss != old_ss) {
        machine_put(m, UC_X86_REG_SS, f->ss);
    }
    machine_put(m, UC_X86_REG_ESP, f->esp);
    machine_put(m, UC_X86_REG_EBP, f->ebp);
    machine_put(m, UC_X86_REG_ESI, f->esi);
    machine_put(m, UC_X86_REG_EDI, f->edi);
    machine_put(m, UC_X86_REG_EFLAGS, f->eflags);
    machine_put(m, UC_X86_REG_EIP, f->eip);
}

static bool serve(struct machine *m) {
    struct hypervisor *h = m->hypervisor;
    struct vmi_frame frame;
    uint8_t code[VMI_CALL_SIZE];
    bool behind = h->publication.trap == VMI_TRAP_INT || h->publication.trap == VMI_TRAP_OUT;
    load_frame(m, &frame);
    if (behind) {
        frame.eip = m->trap_at + 2; /* where the engine stands differs between the two */
    }
    uint16_t old_ss = frame.ss;
    uc_mem_read(m->uc, m->trap_at & ~(uint32_t)(VMI_CALL_SIZE - 1), code, sizeof(code));
    struct vmi_trap trap = {.cpl = frame.cs & 3, .page = VMI_PAGE_UNKNOWN, .code = code};
    int outcome = vmi_hv_serve(&h->publication, &h->handlers, &guest, m, &trap, &frame);
    if (outcome < 0) {
        h->error = outcome;
        m->stop = STOP_LOST;
        m->lost_at = m->trap_at;
        return false;
    }
    store_frame(m, &frame, old_ss);
    return m->stop == STOP_ARRIVED;
}

static bool write_image(void *context, uint32_t address, const void *from, uint32_t size) {
    struct hypervisor *h = context;
    uint32_t at = address - IMAGE_PAGE;
    if (at > sizeof(h->image) || size > sizeof(h->image) - at) {
        return false;
    }
    memcpy(h->image + at, from, size);
    if (at + size > h->image_size) {
        h->image_size = at + size;
    }
    return true;
}

int hypervisor_publish(struct hypervisor *h, const struct vmi_image *image,
                       const struct vmi_image *twin, const struct vmi_plan *plan) {
    static uint8_t scratch[IMAGE_MAX];
    memset(h, 0, sizeof(*h));
    h->handlers = all_handlers;
    return vmi_hv_publish(&h->publication, image, twin, plan, IMAGE_PAGE, write_image, h, scratch,
                          sizeof(scratch));
}

void hypervisor_attach(struct hypervisor *h, struct machine *m) {
    m->serve = serve;
    m->publication = &h->publication;
    m->hypervisor = h;
    uc_mem_write(m->uc, MONITOR, monitor_code, sizeof(monitor_code));
}
