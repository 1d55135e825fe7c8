/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What serves each call. A handler gets the guest's registers in the frame, changes what the native
 * body would change, and says how the guest goes on; vmi_hv_serve calls it and exits.c has the
 * trap. docs/calls.md says what each call takes.
 */

#include "calls.h"
#include "calls_control.h"
#include "calls_descriptor.h"
#include "calls_entry.h"
#include "calls_port.h"
#include "calls_time.h"
#include "calls_transfer.h"
#include "processors.h"
#include "watch.h"

int call_none(void *context, struct vmi_frame *f) {
    (void)context, (void)f;
    return VMI_RETURNS;
}

int call_zero(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, 0);
    return VMI_RETURNS;
}

/* Init, GetRelocationInfo and SetCallbacks never trap. */
const struct vmi_handlers monitor_handlers = {
    .CPUID = call_cpuid,
    .WRMSR = call_wrmsr,
    .RDMSR = call_rdmsr,
    .SetGDT = call_set_gdt,
    .SetLDT = call_set_ldt,
    .SetIDT = call_set_idt,
    .SetTR = call_set_tr,
    .GetGDT = call_get_gdt,
    .GetLDT = call_get_ldt,
    .GetIDT = call_get_idt,
    .GetTR = call_get_tr,
    .WriteGDTEntry = call_write_entry,
    .WriteLDTEntry = call_write_entry,
    .WriteIDTEntry = call_write_entry,
    .UpdateKernelStack = call_none, /* the guest's TSS has it */
    .SetCR0 = call_set_cr0,
    .SetCR2 = call_set_cr2,
    .SetCR3 = call_set_cr3,
    .SetCR4 = call_set_cr4,
    .GetCR0 = call_get_cr0,
    .GetCR2 = call_get_cr2,
    .GetCR3 = call_get_cr3,
    .GetCR4 = call_get_cr4,
    .INVD = call_none, /* as natively: the instruction would lose data */
    .WBINVD = call_wbinvd,
    .SetDR = call_set_dr,
    .GetDR = call_get_dr,
    .RDPMC = call_rdpmc,
    .RDTSC = call_rdtsc,
    .CLTS = call_clts,
    .EnableInterrupts = call_enable_interrupts,
    .DisableInterrupts = call_disable_interrupts,
    .GetInterruptMask = call_get_interrupt_mask,
    .SetInterruptMask = call_set_interrupt_mask,
    .IRET = call_iret,
    .SYSEXIT = call_sysexit,
    .Pause = call_none, /* the exit was longer */
    .Halt = call_halt,
    .Reboot = call_reboot,
    .Shutdown = call_shutdown,
    .SetPxE0 = call_set_pxe0,
    .GetPxE = call_get_pxe,
    .SwapPxE = call_swap_pxe,
    .SetPxELong0 = call_set_pxe_long,
    .GetPxELong = call_get_pxe_long,
    .SwapPxELongAtomic = call_swap_pxe_long,
    .TestAndSetPxEBit = call_set_bit,
    .TestAndClearPxEBit = call_clear_bit,
    .AllocatePage = call_none, /* nested paging: any frame may be a table */
    .ReleasePage = call_none,
    .InvalPage = call_inval_page,
    .FlushTLB = call_flush_tlb,
    .FlushDeferredCalls = call_zero, /* nothing is ever put off */
    .SetLinearMapping = call_none,
    .IN = call_in,
    .INB = call_inb,
    .INW = call_inw,
    .INS = call_ins,
    .INSB = call_insb,
    .INSW = call_insw,
    .OUT = call_out,
    .OUTB = call_outb,
    .OUTW = call_outw,
    .OUTS = call_outs,
    .OUTSB = call_outsb,
    .OUTSW = call_outsw,
    .SetIOPLMask = call_set_iopl_mask,
    .DeactivatePxELongAtomic = call_deactivate_pxe_long,
    .TestAndSetPxELongBit = call_set_bit,
    .TestAndClearPxELongBit = call_clear_bit,
    .SetInitialAPState = call_set_initial_ap_state,
    .APICWrite = call_apic_write, /* a register is a dword at a linear address, as an entry is */
    .APICRead = call_get_pxe,
    .IODelay = call_io_delay,
    .GetCycleFrequency = call_get_cycle_frequency,
    .GetCycleCounter = call_get_cycle_counter,
    .SetAlarm = call_set_alarm,
    .CancelAlarm = call_cancel_alarm,
    .GetWallclockTime = call_get_wallclock_time,
    .WallclockUpdated = call_zero, /* it never jumps */
    .SetPxE = call_set_pxe,
    .SetPxELong = call_set_pxe_long,
    /* of API 3.0 */
    .UpdateKernelStack3 = call_none,
    .UpdatePxE = call_none,
    .UpdatePxELong = call_none,
    .MachineToPhysical = call_none, /* they are the same */
    .PhysicalToMachine = call_none,
    .AllocatePage3 = call_none,
    .ReleasePage3 = call_none,
    .SetInitialAPState3 = call_set_linear_ap_state,
    .APICWrite3 = call_apic_write_offset,
    .APICRead3 = call_apic_read_offset,
    .SetLazyMode = call_none, /* nothing is ever put off */
};
