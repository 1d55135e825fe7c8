/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Default handlers: registers, the interrupt flag, the end, time; and the table of them all. */

#include "bytes.h"
#include "defaults.h"
#include "slot.h"

#define CR0_KNOWN 0xE005003Fu /* the others read as 0 */
#define CR0_PE    0x00000001u
#define CR0_TS    0x00000008u
#define CR0_ET    0x00000010u
#define CR0_NW    0x20000000u
#define CR0_CD    0x40000000u
#define CR0_PAGES 0x80010001u /* PG, WP, PE: changes what the TLB may hold */
#define CR0_PAGED 0x80000000u
#define CR4_DE    0x00000008u
#define CR4_PAGES 0x007210B0u /* changes what entries mean, or which are global */

#define DR6_ONES  0xFFFF0FF0u
#define DR6_KNOWN 0xFFFFEFFFu
#define DR6_BD    0x00002000u
#define DR7_ONES  0x00000400u
#define DR7_KNOWN 0xFFFF27FFu
#define DR7_GD    0x00002000u

#define FLAG_IF        0x00000200u
#define FLAG_IOPL      0x00003000u
#define FLUSH_GLOBAL   0x2u /* FlushTLB's argument: global pages too */
#define COUNTER_STOLEN 2u

const struct vmi_accessors *vmi_kit_accessors(const struct vmi_frame *f) {
    static const struct vmi_accessors none = {.string_elements = 0};
    return f->guest && f->guest->accessors ? f->guest->accessors : &none;
}

int vmi_kit_raise(const struct vmi_frame *f, uint32_t vector, uint32_t error) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (a->raise) {
        a->raise(f->context, vector, error, 0);
    }
    return VMI_ERROR_FAULT;
}

static int does_nothing(void *context, struct vmi_frame *f) {
    (void)context, (void)f;
    return VMI_RETURNS;
}

static int returns_zero(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, 0);
    return VMI_RETURNS;
}

static int returns_zero_pair(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, 0);
    return VMI_RETURNS;
}

/* --- identification, MSRs, counters --- */

static int default_cpuid(void *context, struct vmi_frame *f) {
    uint32_t registers[4] = {f->eax, 0, f->ecx, 0};
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->cpuid) {
        return VMI_ERROR_HANDLER;
    }
    a->cpuid(context, registers);
    f->eax = registers[0], f->ebx = registers[1], f->ecx = registers[2], f->edx = registers[3];
    return VMI_RETURNS;
}

static int default_wrmsr(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->set_msr) {
        return VMI_ERROR_HANDLER;
    }
    return a->set_msr(context, f->ecx, f->eax | (uint64_t)f->edx << 32)
               ? VMI_RETURNS
               : vmi_kit_raise(f, VECTOR_GP, 0);
}

typedef bool read_by_number(void *context, uint32_t number, uint64_t *value);

static int read_number(void *context, struct vmi_frame *f, read_by_number *read) {
    uint64_t value = 0;
    if (!read) {
        return VMI_ERROR_HANDLER;
    }
    if (!read(context, f->ecx, &value)) {
        return vmi_kit_raise(f, VECTOR_GP, 0);
    }
    vmi_return_edx_eax(f, value);
    return VMI_RETURNS;
}

static int default_rdmsr(void *context, struct vmi_frame *f) {
    return read_number(context, f, vmi_kit_accessors(f)->get_msr);
}

static int default_rdpmc(void *context, struct vmi_frame *f) {
    return read_number(context, f, vmi_kit_accessors(f)->get_performance_counter);
}

static int default_rdtsc(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->get_time_stamp) {
        return VMI_ERROR_HANDLER;
    }
    vmi_return_edx_eax(f, a->get_time_stamp(context));
    return VMI_RETURNS;
}

/* --- control and debug registers --- */

static bool has_registers(const struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    return a->get_register && a->set_register;
}

static uint32_t get_register(const struct vmi_frame *f, uint32_t which) {
    return vmi_kit_accessors(f)->get_register(f->context, which);
}

static int set_register(const struct vmi_frame *f, uint32_t which, uint32_t value) {
    return vmi_kit_accessors(f)->set_register(f->context, which, value)
               ? VMI_RETURNS
               : vmi_kit_raise(f, VECTOR_GP, 0);
}

static void flush(const struct vmi_frame *f, uint32_t what, uint32_t linear) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (a->flush) {
        a->flush(f->context, what, linear);
    }
}

/* A control register of which some bits change what the TLB may hold. */
static int set_control(const struct vmi_frame *f, uint32_t which, uint32_t value, uint32_t pages) {
    uint32_t changed = get_register(f, which) ^ value;
    int outcome = set_register(f, which, value);
    if (outcome == VMI_RETURNS && changed & pages) {
        flush(f, VMI_FLUSH_ALL, 0);
    }
    return outcome;
}

static int default_set_cr0(void *context, struct vmi_frame *f) {
    uint32_t value = (f->eax & CR0_KNOWN) | CR0_ET;
    (void)context;
    if (!has_registers(f)) {
        return VMI_ERROR_HANDLER;
    }
    if ((value & CR0_PAGED && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD))) {
        return vmi_kit_raise(f, VECTOR_GP, 0);
    }
    return set_control(f, VMI_REGISTER_CR0, value, CR0_PAGES);
}

static int default_set_cr2(void *context, struct vmi_frame *f) {
    (void)context;
    return has_registers(f) ? set_register(f, VMI_REGISTER_CR2, f->eax) : VMI_ERROR_HANDLER;
}

static int default_set_cr3(void *context, struct vmi_frame *f) {
    int outcome = has_registers(f) ? set_register(f, VMI_REGISTER_CR3, f->eax) : VMI_ERROR_HANDLER;
    (void)context;
    if (outcome == VMI_RETURNS) {
        flush(f, VMI_FLUSH_NOT_GLOBAL, 0);
    }
    return outcome;
}

static int default_set_cr4(void *context, struct vmi_frame *f) {
    (void)context;
    return has_registers(f) ? set_control(f, VMI_REGISTER_CR4, f->eax, CR4_PAGES)
                            : VMI_ERROR_HANDLER;
}

static int read_register(struct vmi_frame *f, uint32_t which) {
    if (!has_registers(f)) {
        return VMI_ERROR_HANDLER;
    }
    vmi_return_eax(f, get_register(f, which));
    return VMI_RETURNS;
}

static int default_get_cr0(void *context, struct vmi_frame *f) {
    (void)context;
    return read_register(f, VMI_REGISTER_CR0);
}

static int default_get_cr2(void *context, struct vmi_frame *f) {
    (void)context;
    return read_register(f, VMI_REGISTER_CR2);
}

static int default_get_cr3(void *context, struct vmi_frame *f) {
    (void)context;
    return read_register(f, VMI_REGISTER_CR3);
}

static int default_get_cr4(void *context, struct vmi_frame *f) {
    (void)context;
    return read_register(f, VMI_REGISTER_CR4);
}

static int default_clts(void *context, struct vmi_frame *f) {
    (void)context;
    if (!has_registers(f)) {
        return VMI_ERROR_HANDLER;
    }
    return set_register(f, VMI_REGISTER_CR0, get_register(f, VMI_REGISTER_CR0) & ~CR0_TS);
}

/* The register that a number up to 7 stands for: 4 and 5 are aliases of 6 and 7, where CR4.DE
 * allows it; and whether a debugger guards them all. */
static int find_debug(const struct vmi_frame *f, uint32_t number, uint32_t *which) {
    uint32_t dr7 = get_register(f, VMI_REGISTER_DR7);
    if ((number == 4 || number == 5) && get_register(f, VMI_REGISTER_CR4) & CR4_DE) {
        return vmi_kit_raise(f, VECTOR_UD, 0);
    }
    if (dr7 & DR7_GD) {
        set_register(f, VMI_REGISTER_DR7, dr7 & ~DR7_GD);
        set_register(f, VMI_REGISTER_DR6, get_register(f, VMI_REGISTER_DR6) | DR6_BD);
        return vmi_kit_raise(f, VECTOR_DB, 0);
    }
    *which = number < 4 ? VMI_REGISTER_DR0 + number
                        : (uint32_t)(number % 2 ? VMI_REGISTER_DR7 : VMI_REGISTER_DR6);
    return 0;
}

static int default_set_dr(void *context, struct vmi_frame *f) {
    uint32_t which, value = f->edx;
    int error;
    (void)context;
    if (!has_registers(f)) {
        return VMI_ERROR_HANDLER;
    }
    if (f->eax > 7) {
        return VMI_RETURNS;
    }
    error = find_debug(f, f->eax, &which);
    if (error) {
        return error;
    }
    if (which == VMI_REGISTER_DR6) {
        value = (value & DR6_KNOWN) | DR6_ONES;
    } else if (which == VMI_REGISTER_DR7) {
        value = (value & DR7_KNOWN) | DR7_ONES;
    }
    return set_register(f, which, value);
}

static int default_get_dr(void *context, struct vmi_frame *f) {
    uint32_t which;
    int error;
    if (!has_registers(f)) {
        return VMI_ERROR_HANDLER;
    }
    if (f->eax > 7) {
        return returns_zero(context, f);
    }
    error = find_debug(f, f->eax, &which);
    return error ? error : read_register(f, which);
}

/* --- the TLB --- */

static int default_inval_page(void *context, struct vmi_frame *f) {
    (void)context;
    if (!vmi_kit_accessors(f)->flush) {
        return VMI_ERROR_HANDLER;
    }
    flush(f, VMI_FLUSH_PAGE, f->eax);
    return VMI_RETURNS;
}

static int default_flush_tlb(void *context, struct vmi_frame *f) {
    (void)context;
    if (!vmi_kit_accessors(f)->flush) {
        return VMI_ERROR_HANDLER;
    }
    flush(f, f->eax & FLUSH_GLOBAL ? VMI_FLUSH_ALL : VMI_FLUSH_NOT_GLOBAL, 0);
    return VMI_RETURNS;
}

/* --- the interrupt flag --- */

static int default_enable_interrupts(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags |= FLAG_IF;
    return VMI_RETURNS;
}

static int default_disable_interrupts(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags &= ~FLAG_IF;
    return VMI_RETURNS;
}

static int default_get_interrupt_mask(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, f->eflags & FLAG_IF);
    return VMI_RETURNS;
}

static int default_set_interrupt_mask(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags = (f->eflags & ~FLAG_IF) | (f->eax & FLAG_IF);
    return VMI_RETURNS;
}

static int default_set_iopl_mask(void *context, struct vmi_frame *f) {
    (void)context;
    f->eflags = (f->eflags & ~FLAG_IOPL) | (f->eax & FLAG_IOPL);
    return VMI_RETURNS;
}

static int default_halt(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->halt) {
        return VMI_ERROR_HANDLER;
    }
    f->eflags |= FLAG_IF;
    return a->halt(context, f);
}

/* --- the end --- */

static int stop(void *context, struct vmi_frame *f, uint32_t how) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->stop) {
        return VMI_ERROR_HANDLER;
    }
    a->stop(context, how);
    return VMI_STOPS;
}

static int default_reboot(void *context, struct vmi_frame *f) {
    return stop(context, f, f->eax ? VMI_END_HARD_RESET : VMI_END_SOFT_RESET);
}

static int default_shutdown(void *context, struct vmi_frame *f) {
    return stop(context, f, VMI_END_SHUTDOWN);
}

/* --- the local APIC of API 3.0, and time --- */

static int default_apic_write(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->apic_write) {
        return VMI_ERROR_HANDLER;
    }
    a->apic_write(context, f->eax, f->edx);
    return VMI_RETURNS;
}

static int default_apic_read(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    if (!a->apic_read) {
        return VMI_ERROR_HANDLER;
    }
    vmi_return_eax(f, a->apic_read(context, f->eax));
    return VMI_RETURNS;
}

/* Without alarms there is a counter all the same, where the processor has one. */
static int default_get_cycle_counter(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    bool counts = f->eax < COUNTER_STOLEN && a->get_time_stamp;
    vmi_return_edx_eax(f, counts ? a->get_time_stamp(context) : 0);
    return VMI_RETURNS;
}

static int default_get_wallclock_time(void *context, struct vmi_frame *f) {
    const struct vmi_accessors *a = vmi_kit_accessors(f);
    vmi_return_edx_eax(f, a->wallclock ? a->wallclock(context) : 0);
    return VMI_RETURNS;
}

/* --- all of them --- */

const struct vmi_handlers vmi_default_handlers = {
    .CPUID = default_cpuid,
    .WRMSR = default_wrmsr,
    .RDMSR = default_rdmsr,
    .SetGDT = vmi_kit_set_gdt,
    .SetLDT = vmi_kit_set_ldt,
    .SetIDT = vmi_kit_set_idt,
    .SetTR = vmi_kit_set_tr,
    .GetGDT = vmi_kit_get_gdt,
    .GetLDT = vmi_kit_get_ldt,
    .GetIDT = vmi_kit_get_idt,
    .GetTR = vmi_kit_get_tr,
    .WriteGDTEntry = vmi_kit_write_entry,
    .WriteLDTEntry = vmi_kit_write_entry,
    .WriteIDTEntry = vmi_kit_write_entry,
    .UpdateKernelStack = does_nothing, /* the guest's TSS has it */
    .SetCR0 = default_set_cr0,
    .SetCR2 = default_set_cr2,
    .SetCR3 = default_set_cr3,
    .SetCR4 = default_set_cr4,
    .GetCR0 = default_get_cr0,
    .GetCR2 = default_get_cr2,
    .GetCR3 = default_get_cr3,
    .GetCR4 = default_get_cr4,
    .INVD = does_nothing,
    .WBINVD = does_nothing, /* no device of the guest's sees memory by another way */
    .SetDR = default_set_dr,
    .GetDR = default_get_dr,
    .RDPMC = default_rdpmc,
    .RDTSC = default_rdtsc,
    .CLTS = default_clts,
    .EnableInterrupts = default_enable_interrupts,
    .DisableInterrupts = default_disable_interrupts,
    .GetInterruptMask = default_get_interrupt_mask,
    .SetInterruptMask = default_set_interrupt_mask,
    .IRET = vmi_kit_iret,
    .SYSEXIT = vmi_kit_sysexit,
    .Pause = does_nothing,
    .Halt = default_halt,
    .Reboot = default_reboot,
    .Shutdown = default_shutdown,
    .SetPxE0 = vmi_kit_set_pxe0,
    .GetPxE = vmi_kit_get_pxe,
    .SwapPxE = vmi_kit_swap_pxe,
    .SetPxELong0 = vmi_kit_set_pxe_long,
    .GetPxELong = vmi_kit_get_pxe_long,
    .SwapPxELongAtomic = vmi_kit_swap_pxe_long,
    .TestAndSetPxEBit = vmi_kit_set_bit,
    .TestAndClearPxEBit = vmi_kit_clear_bit,
    .AllocatePage = does_nothing, /* any frame may be a table */
    .ReleasePage = does_nothing,
    .InvalPage = default_inval_page,
    .FlushTLB = default_flush_tlb,
    .FlushDeferredCalls = returns_zero, /* nothing is ever put off */
    .SetLinearMapping = does_nothing,
    .IN = vmi_kit_in,
    .INB = vmi_kit_inb,
    .INW = vmi_kit_inw,
    .INS = vmi_kit_ins,
    .INSB = vmi_kit_insb,
    .INSW = vmi_kit_insw,
    .OUT = vmi_kit_out,
    .OUTB = vmi_kit_outb,
    .OUTW = vmi_kit_outw,
    .OUTS = vmi_kit_outs,
    .OUTSB = vmi_kit_outsb,
    .OUTSW = vmi_kit_outsw,
    .SetIOPLMask = default_set_iopl_mask,
    .DeactivatePxELongAtomic = vmi_kit_deactivate_pxe_long,
    .TestAndSetPxELongBit = vmi_kit_set_bit,
    .TestAndClearPxELongBit = vmi_kit_clear_bit,
    .SetInitialAPState = does_nothing, /* its guests start processors by INIT as well */
    .APICWrite = vmi_kit_set_pxe0,     /* a dword at a linear address, as an entry is */
    .APICRead = vmi_kit_get_pxe,
    .IODelay = vmi_kit_io_delay,
    .GetCycleFrequency = returns_zero_pair, /* no VMI timer: the guest keeps its own */
    .GetCycleCounter = default_get_cycle_counter,
    .SetAlarm = does_nothing,
    .CancelAlarm = returns_zero,
    .GetWallclockTime = default_get_wallclock_time,
    .WallclockUpdated = returns_zero,
    .SetPxE = vmi_kit_set_pxe,
    .SetPxELong = vmi_kit_set_pxe_long,
    /* of API 3.0 */
    .UpdateKernelStack3 = does_nothing,
    .UpdatePxE = does_nothing,
    .UpdatePxELong = does_nothing,
    .MachineToPhysical = does_nothing, /* they are the same */
    .PhysicalToMachine = does_nothing,
    .AllocatePage3 = does_nothing,
    .ReleasePage3 = does_nothing,
    .SetInitialAPState3 = does_nothing,
    .APICWrite3 = default_apic_write,
    .APICRead3 = default_apic_read,
    .SetLazyMode = does_nothing,
};

void vmi_hv_default_handlers(struct vmi_handlers *handlers) {
    for (uint32_t n = 0; n < VMI_CALL_SLOTS; n++) {
        const struct vmi_slot *row = vmi_kit_slot(n);
        vmi_handler **at = (vmi_handler **)(void *)((char *)handlers + row->handler);
        if (row->flags & VMI_MAY_TRAP && !*at) {
            *at = *(vmi_handler *const *)(const void *)((const char *)&vmi_default_handlers +
                                                        row->handler);
        }
    }
}
