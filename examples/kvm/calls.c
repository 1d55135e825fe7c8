/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#include "calls.h"

#include <sys/ioctl.h>
#include <time.h>

#include "devices.h"

#define EFLAGS_IF 0x200u

/* --- what only the hypervisor can serve --- */

static int reboot(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    (void)f;
    vmm->end = VMM_RESET;
    return VMI_STOPS;
}

static int shutdown(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    (void)f;
    vmm->end = VMM_OFF;
    return VMI_STOPS;
}

/* 0: no alarms here, the guest keeps its own timer, which the kernel serves. */
static int get_cycle_frequency(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, 0);
    return VMI_RETURNS;
}

static int get_cycle_counter(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, 0);
    return VMI_RETURNS;
}

static int nothing(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_eax(f, 0);
    return VMI_RETURNS;
}

static int get_wallclock_time(void *context, struct vmi_frame *f) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    vmi_return_edx_eax(f, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
    return VMI_RETURNS;
}

/* --- what a list may have trap as well --- */

static int get_cr0(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    vmi_return_eax(f, (uint32_t)vmm->sregs.cr0);
    return VMI_RETURNS;
}

static int get_cr3(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    vmi_return_eax(f, (uint32_t)vmm->sregs.cr3);
    return VMI_RETURNS;
}

/* KVM flushes the TLB only where CR3 has another value: with the same one this is no flush, and a
 * guest that counts on one has to make the call natively. */
static int set_cr3(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    vmm->sregs.cr3 = f->eax;
    vmm->sregs_changed = true;
    return VMI_RETURNS;
}

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
    (void)context;
    f->eflags = (f->eflags & ~EFLAGS_IF) | (f->eax & EFLAGS_IF);
    return VMI_RETURNS;
}

/* The kernel has the interrupt controllers, so it is the kernel that waits. */
static int halt(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    struct kvm_mp_state state = {KVM_MP_STATE_HALTED};
    f->eflags |= EFLAGS_IF;
    if (ioctl(vmm->cpu, KVM_SET_MP_STATE, &state) < 0) {
        die("KVM_SET_MP_STATE");
    }
    return VMI_RETURNS;
}

static int set_pxe(void *context, struct vmi_frame *f) {
    (void)context;
    return vmi_guest_write(f, f->eax, &f->edx, sizeof(f->edx)) ? VMI_ERROR_FAULT : VMI_RETURNS;
}

/* One element an exit, so that interrupts get in between; the last one ends the call. */
static int string_out(struct vmm *vmm, struct vmi_frame *f, uint32_t size) {
    uint32_t value = 0;
    if (f->ecx == 0) {
        return VMI_RETURNS;
    }
    if (vmi_guest_read(f, f->esi, &value, size)) {
        return VMI_ERROR_FAULT;
    }
    port_out(vmm, (uint16_t)f->edx, size, value);
    f->esi += size, f->ecx--;
    return f->ecx ? VMI_REPEATS : VMI_RETURNS;
}

static int string_in(struct vmi_frame *f, uint32_t size) {
    uint8_t there[4];
    uint32_t value;
    if (f->ecx == 0) {
        return VMI_RETURNS;
    }
    /* Before a device gives a byte away: there has to be a place for it. */
    if (vmi_guest_read(f, f->edi, there, size) || vmi_guest_write(f, f->edi, there, size)) {
        return VMI_ERROR_FAULT;
    }
    value = port_in((uint16_t)f->edx, size);
    vmi_guest_write(f, f->edi, &value, size);
    f->edi += size, f->ecx--;
    return f->ecx ? VMI_REPEATS : VMI_RETURNS;
}

static int outsb(void *context, struct vmi_frame *f) {
    return string_out(context, f, 1);
}

static int outsw(void *context, struct vmi_frame *f) {
    return string_out(context, f, 2);
}

static int outs(void *context, struct vmi_frame *f) {
    return string_out(context, f, 4);
}

static int insb(void *context, struct vmi_frame *f) {
    (void)context;
    return string_in(f, 1);
}

static int insw(void *context, struct vmi_frame *f) {
    (void)context;
    return string_in(f, 2);
}

static int ins(void *context, struct vmi_frame *f) {
    (void)context;
    return string_in(f, 4);
}

const struct vmi_handlers call_handlers = {
    .Reboot = reboot,
    .Shutdown = shutdown,
    .GetCycleFrequency = get_cycle_frequency,
    .GetCycleCounter = get_cycle_counter,
    .SetAlarm = nothing,
    .CancelAlarm = nothing,
    .GetWallclockTime = get_wallclock_time,
    .WallclockUpdated = nothing,
    .GetCR0 = get_cr0,
    .GetCR3 = get_cr3,
    .SetCR3 = set_cr3,
    .EnableInterrupts = enable_interrupts,
    .DisableInterrupts = disable_interrupts,
    .GetInterruptMask = get_interrupt_mask,
    .SetInterruptMask = set_interrupt_mask,
    .Halt = halt,
    .SetPxE0 = set_pxe,
    .OUTSB = outsb,
    .OUTSW = outsw,
    .OUTS = outs,
    .INSB = insb,
    .INSW = insw,
    .INS = ins,
};

const struct vmi_guest call_guest = {.read = guest_read, .write = guest_write};
